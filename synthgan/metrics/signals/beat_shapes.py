"""Measure of the variability of heart beats: their deviation from templates."""

from __future__ import annotations

import numpy as np

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.signals.beats import beat_measure, beats_of, compare_values

__all__ = ["beat_variability"]

_BEAT_S = (0.2, 0.4)  # before and after R


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
