"""Onsets, offsets and heights of the waves of heart beats; uses arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_closing, uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from synthgan.metrics.recent import remember_recent
from synthgan.metrics.signals.beats import beats_of
from synthgan.records.beats import Beats, rates_bpm

__all__ = ["Complexes", "Intervals", "intervals_of", "qrs_complexes"]

_REACH_S = 0.15  # maximum distance of a QRS complex from R
_SLOPE_HZ = 40.0
_SMOOTH_S = 0.02
_SLOPE_SHARE = 0.1  # of the steepest slope of the beat
_WAVE_HZ = 15.0  # P and T are below
_T_AFTER_QRS_S, _T_AFTER_R_S = 0.06, 0.45
_T_SHARE_OF_CYCLE = 0.65
_T_FALL_S = 0.2  # maximum distance of the steepest fall from the peak of T
_QT_AFTER_R_S = 0.6
_LEAST_T = 0.05  # of the height of QRS; for flatter T waves no end is measured
_P_BEFORE_QRS_S = (0.26, 0.02)  # where P is searched
_P_RISE_S = 0.1  # maximum distance of the steepest rise from the peak of P
_LEAST_SEARCH_S = 0.1
_LEAST_P = 0.03  # of the height of QRS; for flatter P waves no onset is measured


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


class Intervals(NamedTuple):
    """Intervals and amplitudes of the beats of a set of windows.

    Each array holds the beats in which the quantity can be measured, so their lengths differ.

    Parameters
    ----------
    pr_ms, qrs_ms, qt_ms, qtc_ms : ndarray of shape (n_measured,)
        Onset of P to onset of QRS, duration of QRS, onset of QRS to the end of T, and QT at 60
        beats a minute.
    p_mv, r_mv, t_mv : ndarray of shape (n_measured,)
        Heights, negative for inverted waves. A missing P or T wave is about 0.
    """

    pr_ms: np.ndarray
    qrs_ms: np.ndarray
    qt_ms: np.ndarray
    qtc_ms: np.ndarray
    p_mv: np.ndarray
    r_mv: np.ndarray
    t_mv: np.ndarray


@remember_recent
def intervals_of(windows: np.ndarray, fs_hz: float) -> Intervals:
    """Measure the intervals and amplitudes of all beats.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
        One lead, mV.
    fs_hz : float

    Notes
    -----
    P is the peak of the highest prominence, below 15 Hz, from 260 to 20 ms before QRS, after 65 %
    of the previous cycle. T is the largest deviation from the line between both ends of its search,
    from 60 ms after QRS to 450 ms after R, or to 65 % of the cycle. The onset of P and the end of T
    are where the tangent at the steepest slope meets the level before. QTc is Fridericia's: QT over
    the cube root of the window's usual interval in seconds.

    References
    ----------
    Lepeschkin and Surawicz (1952), The measurement of the Q-T interval of the electrocardiogram,
    doi 10.1161/01.CIR.6.3.378 (the tangent). Fridericia (1920), reprinted in 2003, doi
    10.1046/j.1542-474X.2003.08413.x.
    """
    beats = beats_of(windows, fs_hz)
    complexes = qrs_complexes(windows, beats, fs_hz)
    cycle_s = 60 / rates_bpm(beats, fs_hz, *windows.shape)[complexes.window]
    smooth = _below(_WAVE_HZ, windows, fs_hz)
    pr_ms, p_mv = _p_waves(smooth, complexes, fs_hz)
    qt_ms, t_mv = _t_waves(smooth, complexes, fs_hz)
    places = zip(complexes.window, complexes.onset, strict=True)
    levels = np.array([_level_before(smooth[window], onset, fs_hz) for window, onset in places])
    measured = Intervals(
        pr_ms=pr_ms,
        qrs_ms=1000 * (complexes.offset - complexes.onset) / fs_hz,
        qt_ms=qt_ms,
        qtc_ms=qt_ms / np.cbrt(cycle_s),
        p_mv=p_mv,
        r_mv=windows[complexes.window, complexes.sample] - levels,
        t_mv=t_mv,
    )
    return Intervals(*(x[~np.isnan(x)] for x in measured))


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


def _p_waves(
    smooth: np.ndarray, complexes: Complexes, fs_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """PR intervals in ms and heights of P in mV; NaN where they cannot be measured."""
    early, late = (round(part_s * fs_hz) for part_s in _P_BEFORE_QRS_S)
    is_same = np.diff(complexes.window, prepend=-1) == 0
    before = np.where(is_same, np.roll(complexes.sample, 1), 0)
    cycles = complexes.sample - before
    firsts = np.where(is_same, before + np.round(_T_SHARE_OF_CYCLE * cycles).astype(int), 0)
    pr_ms, heights = np.full((2, len(cycles)), np.nan)
    for i, (window, _, onset, _, height) in enumerate(zip(*complexes, strict=True)):
        start, stop = max(onset - early, firsts[i]), onset - late
        # Without the beat before, P may lie outside of the window.
        if (onset < early and not is_same[i]) or stop - start < _LEAST_SEARCH_S * fs_hz:
            continue
        heights[i], begin = _p_wave(smooth[window, start:stop], fs_hz)
        if abs(heights[i]) >= _LEAST_P * height:
            pr_ms[i] = 1000 * (onset - start - begin) / fs_hz
    return pr_ms, heights


def _p_wave(part: np.ndarray, fs_hz: float) -> tuple[float, float]:
    """Height of the most prominent peak of a part, and its onset; 0 and NaN without a peak."""
    height, begin = 0.0, np.nan
    for sign in (1, -1):
        wave = sign * part
        peaks, found = find_peaks(wave, prominence=0)
        best = found["prominences"].argmax() if len(peaks) else 0
        if not len(peaks) or found["prominences"][best] <= abs(height):
            continue
        peak = int(peaks[best])
        first = max(0, peak - round(_P_RISE_S * fs_hz))
        rise = np.gradient(wave[first : peak + 1])
        steepest = int(rise.argmax())
        height = sign * float(found["prominences"][best])
        left = wave[first + steepest] - np.median(wave[: peak + 1])
        begin = first + steepest - left / rise.max()
    return height, begin


def _t_waves(
    smooth: np.ndarray, complexes: Complexes, fs_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """QT intervals in ms and heights of T in mV; NaN where they cannot be measured."""
    room = round(_QT_AFTER_R_S * fs_hz)
    is_same = np.diff(complexes.window, append=-1) == 0
    cycles = np.where(is_same, np.roll(complexes.sample, -1) - complexes.sample, room)
    qt_ms, heights = np.full((2, len(cycles)), np.nan)
    for i, (window, sample, onset, offset, height) in enumerate(zip(*complexes, strict=True)):
        if sample + room > smooth.shape[1]:
            continue
        start = offset + round(_T_AFTER_QRS_S * fs_hz)
        stop = sample + int(min(_T_AFTER_R_S * fs_hz, _T_SHARE_OF_CYCLE * cycles[i]))
        if stop - start < _LEAST_SEARCH_S * fs_hz:
            continue
        wave = smooth[window] - _level_before(smooth[window], onset, fs_hz)
        bulge = np.abs(wave[start:stop] - np.linspace(wave[start], wave[stop - 1], stop - start))
        peak = start + int(np.argmax(bulge))
        heights[i] = wave[peak]
        if abs(wave[peak]) < _LEAST_T * height or bulge.max() < _LEAST_T * height / 2:
            continue
        end = _t_end(np.sign(wave[peak]) * wave, peak, fs_hz)
        if end < sample + room:
            qt_ms[i] = 1000 * (end - onset) / fs_hz
    return qt_ms, heights


def _t_end(wave: np.ndarray, peak: int, fs_hz: float) -> float:
    """Sample where the tangent at the steepest fall of a positive T meets 0; infinity if none."""
    fall = -np.gradient(wave[peak : peak + round(_T_FALL_S * fs_hz)])
    steepest = int(np.argmax(fall))
    left = wave[peak + steepest]
    return peak + steepest + left / fall[steepest] if fall[steepest] > 0 else np.inf


def _level_before(wave: np.ndarray, onset: int, fs_hz: float) -> float:
    """Level between P and QRS, from 60 to 10 ms before QRS."""
    first, last = max(0, onset - round(0.06 * fs_hz)), max(1, onset - round(0.01 * fs_hz))
    return float(np.median(wave[first:last]))


def _run_length(steep: np.ndarray) -> np.ndarray:
    """Return the number of consecutive steep samples after the first."""
    ends = np.column_stack([steep, np.zeros(len(steep), dtype=bool)])
    return np.argmin(ends, axis=1) - 1


def _below(cut_hz: float, windows: np.ndarray, fs_hz: float) -> np.ndarray:
    """Apply a zero-phase low-pass filter."""
    sos = butter(2, min(cut_hz, 0.45 * fs_hz), fs=fs_hz, output="sos")
    return sosfiltfilt(sos, windows, axis=1)
