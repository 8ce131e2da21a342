"""Measure of how heart rates vary within recordings: intervals between beats, and breathing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.integrate import trapezoid
from scipy.signal import periodogram

from synthgan.exceptions import DataError
from synthgan.metrics.compared_sets import Part
from synthgan.metrics.signals.beats import beat_measure, beats_of, compare_values
from synthgan.records.beats import check_sampling

__all__ = ["RateVariability", "rate_variability", "variability_of"]

_LEAST_S = 20.0  # three breaths of the slowest rate of the band
_FEWEST_INTERVALS = 10
_LONG_STEP_MS = 50.0
_BREATH_HZ = (0.15, 0.40)
_GRID_HZ = 4.0
_NAMES = (
    "RR standard deviation (ms)",
    "RMSSD (ms)",
    "pNN50 (%)",
    "modulation by breathing (ms)",
)


class RateVariability(NamedTuple):
    """Rate variability of recordings, NaN with fewer than ten intervals.

    Parameters
    ----------
    sdnn_ms : ndarray of shape (n_recordings,)
        Standard deviation of the intervals between beats.
    rmssd_ms : ndarray of shape (n_recordings,)
        Root mean square of the differences between adjacent intervals.
    pnn50_percent : ndarray of shape (n_recordings,)
        Share of those differences that are larger than 50 ms.
    breath_ms : ndarray of shape (n_recordings,)
        Standard deviation of the intervals in the band of breathing, 0.15 to 0.40 Hz.
    """

    sdnn_ms: np.ndarray
    rmssd_ms: np.ndarray
    pnn50_percent: np.ndarray
    breath_ms: np.ndarray


@beat_measure("heart rate variability", "Recordings last 20 s or more. ", beside=True)
def rate_variability(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Compare how heart rates vary within recordings.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distances of four quantities of recordings.
        0..1, higher is better. ``detail`` has a row for each: its ``value``, ``ceiling`` and
        ``floor``, quantiles of both sets, and the share of recordings in which it was measured.

        - standard deviation of the intervals between beats (RR), in ms;
        - RMSSD, the root mean square of the differences between adjacent intervals, in ms;
        - pNN50, the share of those differences that are larger than 50 ms, in percent;
        - modulation by breathing: the standard deviation of the intervals in the band from 0.15 to
          0.40 Hz, in ms.

    Raises
    ------
    DataError
        As in `heart_rates`; recordings shorter than 20 s; no real recording with ten intervals.

    Notes
    -----
    All intervals count, also those of ectopic beats and of pauses: if the real rhythm is irregular,
    the synthetic one must be, too. Beats are found to one sample: at 100 Hz, a steady rhythm has an
    RMSSD of about 5 ms. Compare recordings of the same length, since the standard deviation grows
    with it. Five minutes are usual in medicine; shorter recordings serve for comparisons.

    References
    ----------
    Task Force of the European Society of Cardiology and the North American Society of Pacing and
    Electrophysiology (1996), Heart rate variability, doi 10.1161/01.CIR.93.5.1043.
    """
    check_sampling(fs_hz, real.shape[2], _LEAST_S)
    sides = [variability_of(x[:, 0], fs_hz) for x in (real, fake)]
    if np.isnan(sides[0].sdnn_ms).all():
        raise DataError(
            f"none of {len(real)} real recordings has {_FEWEST_INTERVALS} intervals between beats; "
            f"this measure needs electrocardiograms."
        )
    a, b = (np.array(x)[:, ~np.isnan(x.sdnn_ms)] for x in sides)  # (4, n_measured)
    values = {name: (a[i], b[i]) for i, name in enumerate(_NAMES)}
    return compare_values(values, len(real), len(fake))


def variability_of(recordings: np.ndarray, fs_hz: float) -> RateVariability:
    """Measure the rate variability of recordings.

    Parameters
    ----------
    recordings : ndarray of shape (n_recordings, n_samples)
        One lead, mV.
    fs_hz : float
    """
    beats = beats_of(recordings, fs_hz)
    ends = np.searchsorted(beats.window, np.arange(1, len(recordings)))
    times_s = [at / fs_hz for at in np.split(beats.sample, ends)]
    found = np.array([_of_one(x) for x in times_s]).reshape(len(recordings), len(_NAMES))
    return RateVariability(*found.T)


def _of_one(beats_s: np.ndarray) -> tuple[float, ...]:
    """Return the four quantities of one recording."""
    intervals_ms = 1000 * np.diff(beats_s)
    if len(intervals_ms) < _FEWEST_INTERVALS:
        return (np.nan,) * len(_NAMES)
    steps_ms = np.diff(intervals_ms)
    return (
        float(intervals_ms.std()),
        float(np.sqrt(np.mean(steps_ms**2))),
        100 * float(np.mean(np.abs(steps_ms) > _LONG_STEP_MS)),
        _breath_ms(beats_s[1:], intervals_ms),
    )


def _breath_ms(at_s: np.ndarray, intervals_ms: np.ndarray) -> float:
    """Return the standard deviation of the intervals in the band of breathing."""
    grid_s = np.arange(at_s[0], at_s[-1], 1 / _GRID_HZ)
    rhythm = np.interp(grid_s, at_s, intervals_ms)
    frequencies_hz, density = periodogram(
        rhythm, _GRID_HZ, window="hann", detrend="linear", nfft=max(1024, len(grid_s))
    )
    band = (frequencies_hz >= _BREATH_HZ[0]) & (frequencies_hz <= _BREATH_HZ[1])
    return float(np.sqrt(trapezoid(density[band], frequencies_hz[band])))
