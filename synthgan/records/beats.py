"""Detection of R peaks in windows; uses arrays only."""

from __future__ import annotations

from itertools import pairwise
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, find_peaks, sosfiltfilt

from synthgan.exceptions import DataError, ParameterError

__all__ = [
    "LEAST_S",
    "Beats",
    "can_beat",
    "check_beats",
    "check_sampling",
    "disagreements",
    "find_beats",
    "rates_bpm",
]

LEAST_S = 1.0
_LEAST_FS_HZ = 100.0
_BAND_HZ = (5.0, 25.0)
_ENERGY_S = 0.1  # about the duration of a QRS complex
_LEAST_SHARE = 0.3  # of the maximum energy in the window
_LEAST_ENERGY = 1e-12  # mV^2 per sample: no beats in a constant window
_APART_S = 0.25
_ROUND_PEAK_S = 0.08
_PIECE_S, _MARGIN_S = 4.0, 1.0  # the slowest heart rates have a beat every two seconds
_FASTER = (2, 4)  # times as fast as a human heart: rabbits, rats, mice
_FEWEST_FAST, _MANY_MORE = 6, 1.4  # beats of a fast rhythm; times those of the slower scale
_STEADY = 0.15  # relative deviation of its intervals
_PAUSE, _WEAK_SHARE = 1.66, 0.12  # of the usual interval and of the usual beat's energy
_LONGEST_S = 2.0  # interval; longer ones are pauses, too
_FEWEST_INTERVALS, _MOST_DEVIATION = 5, 0.2


class Beats(NamedTuple):
    """Positions of the beats in a set of windows, in order.

    Parameters
    ----------
    window, sample : ndarray of shape (n_beats,)
        Window of each beat, and sample of its R peak.
    """

    window: np.ndarray
    sample: np.ndarray


def find_beats(windows: np.ndarray, fs_hz: float) -> Beats:
    """Find the R peaks of windows or recordings of at least one second.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_samples)
        One lead, mV, without missing samples.
    fs_hz : float
        At least 100.

    Returns
    -------
    beats : Beats

    Notes
    -----
    The energy of a beat is the squared slope of the 5 to 25 Hz band, averaged over 100 ms. A beat
    is a peak of it of at least 30 % of the window's highest, 250 ms from any higher one; R is the
    largest deviation of the band within 80 ms of it. Signals longer than 4 s are searched in
    pieces of that length, so that an artefact affects only beats near it. Where an interval is more
    than 1.66 times the usual one, or than 2 s, weaker beats are searched in it, of at least 12 % of
    the usual energy: a high beat hides the others of its piece.

    So rates of up to 240 beats a minute are found. A window with intervals of less than 0.5 s is
    searched again on time scales of a half (up to 480 beats; 200 Hz or more) and of a quarter (up
    to 960 beats, as of mice; 400 Hz or more), and a scale is kept if it shows at least 1.4 times
    as many beats, in steady intervals.

    Detectors that adapt to a long recording find fewer beats in short windows. Of the 1698 beats
    that wfdb's XQRS finds in whole recordings of PTB-DB (lead I, 795 windows of 2 s, 100 ms at each
    edge left out), this one finds all in single windows and no others, XQRS 94 %, GQRS 47 %.

    References
    ----------
    Pan and Tompkins (1985), A real-time QRS detection algorithm, doi 10.1109/TBME.1985.325532 (the
    energy).

    Examples
    --------
    >>> import numpy as np
    >>> t_s = np.arange(500) / 250
    >>> window = sum(np.exp(-(((t_s - beat_s) / 0.02) ** 2)) for beat_s in (0.4, 1.2))
    >>> find_beats(window[None], 250).sample.tolist()
    [100, 300]
    """
    windows = np.asarray(windows, dtype=np.float64)
    check_beats(fs_hz, windows.shape[1])
    if not len(windows):
        return Beats(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    best = _split(_find_at(windows, fs_hz, 1), len(windows))
    quick = [i for i, at in enumerate(best) if len(at) > 2 and _usual(at) < 2 * _APART_S * fs_hz]
    for scale in _FASTER:
        if not quick or fs_hz < _LEAST_FS_HZ * scale:
            break
        for i, at in zip(quick, _split(_find_at(windows[quick], fs_hz, scale), len(quick)),
                         strict=True):  # fmt: skip
            if len(at) >= max(_FEWEST_FAST, _MANY_MORE * len(best[i])) and _is_steady(at):
                best[i] = at
    return Beats(np.repeat(np.arange(len(best)), [len(at) for at in best]), np.concatenate(best))


def _split(beats: Beats, n_windows: int) -> list[np.ndarray]:
    return np.split(beats.sample, np.searchsorted(beats.window, np.arange(1, n_windows)))


def _usual(samples: np.ndarray) -> float:
    return float(np.median(np.diff(samples)))


def _longest(samples: np.ndarray, fs_hz: float, scale: int) -> float:
    """Return the longest interval, in samples, in which no beat is searched again."""
    return min(_PAUSE * _usual(samples), _LONGEST_S * fs_hz / scale)


def _is_steady(samples: np.ndarray) -> bool:
    intervals = np.diff(samples)
    return bool(intervals.std() < _STEADY * intervals.mean())


def _find_at(windows: np.ndarray, fs_hz: float, scale: int) -> Beats:
    """Find beats on a time scale: for heart rates so many times as fast as human ones."""
    n_samples = windows.shape[1]
    piece, margin = min(round(_PIECE_S * fs_hz), n_samples), round(_MARGIN_S * fs_hz)
    end = n_samples - piece
    starts = np.unique(np.append(np.arange(0, end, max(piece - 2 * margin, 1)), end))
    pieces = sliding_window_view(windows, piece, axis=1)[:, starts].reshape(-1, piece)
    heard = _Heard(pieces, fs_hz, scale)
    found = [heard.beats(i, 0, piece, _LEAST_SHARE * heard.energy[i].max())
             for i in range(len(pieces))]  # fmt: skip
    window, place = np.divmod(np.repeat(range(len(pieces)), list(map(len, found))), len(starts))
    sample = starts[place] + np.concatenate(found)
    # Pieces overlap: each keeps the beats that are nearer to its middle than to other middles.
    kept = np.searchsorted(starts[1:] + margin, sample, side="right") == place
    return _search_back(windows, Beats(window[kept], sample[kept]), fs_hz, scale)


def _search_back(windows: np.ndarray, beats: Beats, fs_hz: float, scale: int) -> Beats:
    """Find weaker beats where an interval is too long."""
    found = _split(beats, len(windows))
    ends = (0, windows.shape[1])
    paused = [
        i
        for i, at in enumerate(found)
        if len(at) > 2 and np.diff(at, prepend=0, append=ends[1]).max() > _longest(at, fs_hz, scale)
    ]
    if not paused:
        return beats
    heard = _Heard(windows[paused], fs_hz, scale)
    for row, i in enumerate(paused):
        least = _WEAK_SHARE * float(np.median(heard.energy[row, found[i]]))
        for _ in range(2):  # the usual interval may be a shorter one after the first round
            found[i] = _fill_pauses(found[i], heard, row, least, _longest(found[i], fs_hz, scale))
    return Beats(np.repeat(np.arange(len(found)), list(map(len, found))), np.concatenate(found))


def _fill_pauses(
    at: np.ndarray, heard: _Heard, row: int, least: float, longest: float
) -> np.ndarray:
    apart, end = heard.apart, heard.energy.shape[1]
    bounds = np.concatenate([[-apart], at, [end + apart]])
    gaps = [(max(a + apart, 0), min(b - apart, end))
            for a, b in pairwise(bounds) if b - a > longest]  # fmt: skip
    return np.unique(np.concatenate([at, *(heard.beats(row, a, b, least) for a, b in gaps)]))


class _Heard:
    """Band and energy of windows on a time scale."""

    def __init__(self, windows: np.ndarray, fs_hz: float, scale: int) -> None:
        low, high = (scale * hz for hz in _BAND_HZ)
        sos = butter(3, (low, min(high, 0.45 * fs_hz)), btype="band", fs=fs_hz, output="sos")
        band = sosfiltfilt(sos, windows - windows.mean(axis=1, keepdims=True), axis=1)
        slope = np.gradient(band, axis=1)
        n_energy = max(1, round(_ENERGY_S * fs_hz / scale))
        self.energy = uniform_filter1d(slope**2, n_energy, axis=1, mode="constant")
        self.height = np.abs(band)
        self.apart = max(1, round(_APART_S * fs_hz / scale))
        self.n_round = max(1, round(_ROUND_PEAK_S * fs_hz / scale))

    def beats(self, row: int, start: int, stop: int, least: float) -> np.ndarray:
        """Return the R peaks of the energies of at least `least` in a part of a window."""
        if stop - start < 3:
            return np.empty(0, dtype=np.int64)
        part = self.energy[row, start:stop]
        peaks = start + find_peaks(part, height=least + _LEAST_ENERGY, distance=self.apart)[0]
        firsts = np.maximum(peaks - self.n_round, 0)
        return np.array(
            [first + np.argmax(self.height[row, first : peak + self.n_round])
             for first, peak in zip(firsts, peaks, strict=True)], dtype=np.int64,
        )  # fmt: skip


def rates_bpm(beats: Beats, fs_hz: float, n_windows: int, n_samples: int) -> np.ndarray:
    """Heart rate of each window in beats a minute; NaN with fewer than two beats.

    It is that of the median interval. With five intervals or more, it is the number of beats by the
    window's duration where both rates differ by more than 20 %, as with pauses or pairs of beats.
    """
    usual, mean = _intervals(beats, n_windows, n_samples)
    is_off = disagreements(beats, n_windows, n_samples) == 1
    return 60 * fs_hz / np.where(is_off, mean, usual)


def disagreements(beats: Beats, n_windows: int, n_samples: int) -> np.ndarray:
    """Return 1 for each window whose number of beats and usual interval give different rates.

    That is by more than 20 %; 0 for other windows, NaN for those with fewer than five intervals.
    """
    usual, mean = _intervals(beats, n_windows, n_samples)
    counts = np.bincount(beats.window, minlength=n_windows)
    is_off = abs(mean / usual - 1) > _MOST_DEVIATION
    return np.where(np.isfinite(usual) & (counts > _FEWEST_INTERVALS), is_off, np.nan)


def _intervals(beats: Beats, n_windows: int, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the usual interval of each window, and the mean one, in samples; NaN if unknown.

    The window's ends count as far as they are longer than a usual interval.
    """
    usual, mean = np.full((2, n_windows), np.nan)
    for i, at in enumerate(_split(beats, n_windows)):
        # Two energy peaks may share one largest deviation; neither is then a beat.
        if len(at) < 2 or not (median := _usual(at)) > 0:
            continue
        edges = (at[0], n_samples - 1 - at[-1])
        length = at[-1] - at[0] + sum(max(0.0, edge - median) for edge in edges)
        usual[i], mean[i] = median, length / (len(at) - 1)
    return usual, mean


def check_beats(fs_hz: float, n_samples: int) -> None:
    """Refuse windows that are too short, or a sampling rate that is too low, to find beats."""
    check_sampling(fs_hz, n_samples, LEAST_S)
    if fs_hz < _LEAST_FS_HZ:
        raise ParameterError(
            f"fs_hz={fs_hz:g} is too low to find beats; sample at {_LEAST_FS_HZ:g} Hz or more."
        )


def can_beat(fs_hz: float, n_samples: int) -> bool:
    """Return whether `check_beats` accepts such windows."""
    try:
        check_beats(fs_hz, n_samples)
    except (DataError, ParameterError):
        return False
    return True


def check_sampling(fs_hz: float, n_samples: int, least_s: float = 0.0) -> None:
    """Refuse an invalid sampling rate, and windows that are too short."""
    if not isinstance(fs_hz, Real) or isinstance(fs_hz, bool) or not 0 < fs_hz < np.inf:
        raise ParameterError(f"fs_hz={fs_hz!r} is not allowed; give the samples per second, > 0.")
    window_s = n_samples / fs_hz
    if n_samples < 8 or window_s < least_s:
        raise DataError(
            f"windows of {n_samples} samples at {fs_hz:g} Hz last {window_s:.3g} s; this measure "
            f"needs at least {max(least_s, 8 / fs_hz):.3g} s."
        )
