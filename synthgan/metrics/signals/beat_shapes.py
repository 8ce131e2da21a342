"""Measures of single heart beats: QRS complexes, QT intervals, deviation from templates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_closing, uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.recent import remember_recent
from synthgan.metrics.signals.beats import beat_measure, beats_of, compare_values
from synthgan.records.beats import Beats

__all__ = ["beat_variability", "qrs", "qrs_complexes", "qt_intervals", "qt_ms"]

_REACH_S = 0.15  # maximum distance of a QRS complex from R
_SLOPE_HZ = 40.0
_SMOOTH_S = 0.02
_SLOPE_SHARE = 0.1  # of the steepest slope of the beat
_T_HZ = 15.0
_T_AFTER_QRS_S, _T_AFTER_R_S = 0.06, 0.45
_T_SHARE_OF_CYCLE = 0.65
_T_FALL_S = 0.2  # maximum distance of the steepest fall from the peak of T
_QT_AFTER_R_S = 0.6
_LEAST_T = 0.05  # of the height of QRS; for flatter T waves no end is measured
_BEAT_S = (0.2, 0.4)  # before and after R


class Complexes(NamedTuple):
    """QRS complexes of a set of windows, without incomplete ones.

    Parameters
    ----------
    window, sample : ndarray of shape (n_complexes,)
        As in `Beats`.
    onset, offset : ndarray of shape (n_complexes,)
        First and last sample.
    height : ndarray of shape (n_complexes,)
        Range of the values in between, mV.
    """

    window: np.ndarray
    sample: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    height: np.ndarray


@beat_measure("QRS complexes")
def qrs(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Compare the durations and heights of QRS complexes.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distances of durations in ms and of heights in
        mV. 0..1, higher is better. ``detail`` has quantiles of both.

    Raises
    ------
    DataError
        As in `heart_rates`.

    Notes
    -----
    QRS is the interval around R in which the slope, below 40 Hz and averaged over 20 ms, is at
    least a tenth of the beat's maximum. One lead may show a shorter QRS than twelve leads.
    """
    ours, theirs = (_complexes_of(x[:, 0], fs_hz) for x in (real, fake))
    durations = [1000 * (c.offset - c.onset) / fs_hz for c in (ours, theirs)]
    values = {
        "QRS duration (ms)": (durations[0], durations[1]),
        "QRS height (mV)": (ours.height, theirs.height),
    }
    return compare_values(values, len(real), len(fake))


@beat_measure("QT intervals")
def qt_intervals(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Compare QT intervals.

    Returns
    -------
    score : Score
        One minus the Kolmogorov-Smirnov distance of intervals in ms from the onset of QRS to the
        end of T. 0..1, higher is better. ``detail`` also has the number of measured beats per
        window: those with 600 ms after R in their window, and a T wave of at least 5 % of the
        height of QRS.

    Raises
    ------
    DataError
        As in `heart_rates`; no real beat with a T wave and 600 ms after R.

    References
    ----------
    Lepeschkin and Surawicz (1952), The measurement of the Q-T interval of the electrocardiogram,
    doi 10.1161/01.CIR.6.3.378: T ends where the tangent at its steepest fall meets the baseline.
    """
    intervals = [qt_ms(x[:, 0], _complexes_of(x[:, 0], fs_hz), fs_hz) for x in (real, fake)]
    values = {"QT interval (ms)": (intervals[0], intervals[1])}
    return compare_values(values, len(real), len(fake))


@beat_measure(
    "variability of beats",
    "Windows need at least two beats from 200 ms before R to 400 ms after.",
)
def beat_variability(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Compare the variability of beats: within a window, and from the median real beat.

    Returns
    -------
    score : Score
        The mean of one minus two Kolmogorov-Smirnov distances. 0..1, higher is better. ``within``:
        root mean square deviation in mV of a window's beats from their median. ``from the usual``:
        the same of each beat from the median of all real beats. Synthetic windows that repeat one
        beat have too little variability, noisy ones too much.

    Raises
    ------
    DataError
        As in `heart_rates`; no real window with two whole beats.
    """
    ours, theirs = (_cut_beats(x[:, 0], fs_hz) for x in (real, fake))
    usual = np.median(ours[1], axis=0) if len(ours[1]) else np.zeros(ours[1].shape[1])
    within = [_within(*cut) for cut in (ours, theirs)]
    away = [_root_mean_square(beats - usual) for _, beats in (ours, theirs)]
    values = {"within (mV)": (within[0], within[1]), "from the usual (mV)": (away[0], away[1])}
    return compare_values(values, len(real), len(fake))


def qrs_complexes(windows: np.ndarray, beats: Beats, fs_hz: float) -> Complexes:
    """Find the onset and offset of QRS; beats less than 150 ms from an edge are left out.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
    beats : Beats
    fs_hz : float
    """
    reach = round(_REACH_S * fs_hz)
    whole = (beats.sample >= reach) & (beats.sample + reach < windows.shape[1])
    window, sample = beats.window[whole], beats.sample[whole]
    if not len(window):
        nothing = np.zeros(0, dtype=np.int64)
        return Complexes(nothing, nothing, nothing, nothing, np.zeros(0))
    slope = np.abs(np.gradient(_below(_SLOPE_HZ, windows, fs_hz), axis=1))
    n_smooth = max(1, round(_SMOOTH_S * fs_hz))
    at = window[:, None], sample[:, None] + np.arange(-reach, reach + 1)
    slopes = uniform_filter1d(slope, n_smooth, axis=1)[at]
    near = slopes[:, reach // 2 : -(reach // 2)].max(axis=1, keepdims=True)
    # Between two waves of QRS the slope is 0 for a moment.
    steep = binary_closing(slopes >= _SLOPE_SHARE * near, np.ones((1, n_smooth + 1)))
    steep[:, reach] = True
    before = _run_length(steep[:, reach::-1])
    after = _run_length(steep[:, reach:])
    offsets = np.arange(-reach, reach + 1)
    inside = (offsets >= -before[:, None]) & (offsets <= after[:, None])
    values = windows[at]
    highest = np.where(inside, values, -np.inf).max(axis=1)
    lowest = np.where(inside, values, np.inf).min(axis=1)
    return Complexes(window, sample, sample - before, sample + after, highest - lowest)


def qt_ms(windows: np.ndarray, complexes: Complexes, fs_hz: float) -> np.ndarray:
    """QT intervals in ms, of beats where they can be measured.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
    complexes : Complexes
    fs_hz : float
    """
    smooth = _below(_T_HZ, windows, fs_hz)
    room = round(_QT_AFTER_R_S * fs_hz)
    is_same = np.diff(complexes.window, append=-1) == 0
    cycles = np.where(is_same, np.roll(complexes.sample, -1) - complexes.sample, room)
    intervals = []
    for window, sample, onset, offset, height, cycle in zip(*complexes, cycles, strict=True):
        if sample + room > windows.shape[1]:
            continue
        search = (
            offset + round(_T_AFTER_QRS_S * fs_hz),
            sample + int(min(_T_AFTER_R_S * fs_hz, _T_SHARE_OF_CYCLE * cycle)),
        )
        baseline = _level_before(smooth[window], onset, fs_hz)
        end = _t_end(smooth[window] - baseline, search, _LEAST_T * height, fs_hz)
        if end < sample + room:
            intervals.append(1000 * (end - onset) / fs_hz)
    return np.array(intervals)


def _t_end(wave: np.ndarray, search: tuple[int, int], least: float, fs_hz: float) -> float:
    """Sample where the tangent at the steepest fall of T meets 0; infinity where there is no T."""
    start, stop = search
    if stop - start < 0.1 * fs_hz:
        return np.inf
    part = wave[start:stop]
    bulge = np.abs(part - np.linspace(part[0], part[-1], len(part)))
    peak = start + int(np.argmax(bulge))
    if abs(wave[peak]) < least or bulge.max() < least / 2:
        return np.inf
    fall = -np.sign(wave[peak]) * np.gradient(wave[peak : peak + round(_T_FALL_S * fs_hz)])
    steepest = int(np.argmax(fall))
    left = abs(wave[peak + steepest])
    return peak + steepest + left / fall[steepest] if fall[steepest] > 0 else np.inf


def _level_before(wave: np.ndarray, onset: int, fs_hz: float) -> float:
    """Level between P and QRS, from 60 to 10 ms before QRS."""
    first, last = max(0, onset - round(0.06 * fs_hz)), max(1, onset - round(0.01 * fs_hz))
    return float(np.median(wave[first:last]))


@remember_recent
def _complexes_of(windows: np.ndarray, fs_hz: float) -> Complexes:
    return qrs_complexes(windows, beats_of(windows, fs_hz), fs_hz)


def _cut_beats(windows: np.ndarray, fs_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Windows of the complete beats, and their samples minus their median."""
    beats = beats_of(windows, fs_hz)
    before, after = (round(part * fs_hz) for part in _BEAT_S)
    whole = (beats.sample >= before) & (beats.sample + after <= windows.shape[1])
    window, sample = beats.window[whole], beats.sample[whole]
    cut = windows[window[:, None], sample[:, None] + np.arange(-before, after)]
    return window, cut - np.median(cut, axis=1, keepdims=True)


def _within(window: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Deviation of a window's beats from their median, for windows with at least two."""
    starts = np.flatnonzero(np.diff(window, prepend=-1))
    groups = [group for group in np.split(beats, starts[1:]) if len(group) > 1]
    return np.array(
        [float(np.sqrt(np.mean((group - np.median(group, axis=0)) ** 2))) for group in groups]
    )


def _root_mean_square(beats: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(beats**2, axis=1))


def _run_length(steep: np.ndarray) -> np.ndarray:
    """Return the number of consecutive steep samples after the first."""
    ends = np.column_stack([steep, np.zeros(len(steep), dtype=bool)])
    return np.argmin(ends, axis=1) - 1


def _below(cut_hz: float, windows: np.ndarray, fs_hz: float) -> np.ndarray:
    """Apply a zero-phase low-pass filter."""
    sos = butter(2, min(cut_hz, 0.45 * fs_hz), fs=fs_hz, output="sos")
    return sosfiltfilt(sos, windows, axis=1)
