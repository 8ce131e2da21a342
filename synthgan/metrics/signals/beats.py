"""Measures of the heart beats of windows: rates, counts, amplitudes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.metrics.columns import variation
from synthgan.metrics.compared_sets import ComparedSets, Comparison, Part
from synthgan.metrics.measure import Measure
from synthgan.metrics.points import ks
from synthgan.metrics.recent import remember_recent
from synthgan.metrics.signals.windows import read_window_sets, window_measure
from synthgan.records.beats import check_beats, find_beats, rates_bpm
from synthgan.records.signals import SignalWindows, beat_lead

__all__ = [
    "beat_counts",
    "beat_measure",
    "beats_of",
    "compare_values",
    "heart_rates",
    "r_amplitudes",
]

_MOST_BEATS = 11  # larger counts per 2 s are merged into one level
_QUANTILES = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}
_BEATS = (
    "Beats are those of the first lead, or of the ECG lead of SignalWindows; the note says which. "
    "Windows last 1 s or more, at 100 Hz or more. "
)

beats_of = remember_recent(find_beats)  # all measures of beats see the same windows


def _read_beat_sets(real: Any, fake: Any, holdout: Any, fs_hz: float) -> ComparedSets:
    """Read the windows for a measure of beats, reduced to the lead whose beats are measured."""
    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz)
    n_leads, n_samples = compared.sets["real"].shape[1:]
    check_beats(fs_hz, n_samples)
    if n_leads == 1:
        return compared
    lead, which = 0, f"the first of {n_leads} leads"
    named = next((x for x in (real, fake, holdout) if isinstance(x, SignalWindows)), None)
    if named is not None:
        lead = beat_lead(named.leads, named.units)
        which = f"lead {named.leads[lead]}"
    sets = {name: x[:, [lead]] for name, x in compared.sets.items()}
    return replace(compared, sets=sets).also(f"Beats of {which}.")


def beat_measure(
    name: str, about: str = "", beside: bool = False
) -> Callable[[Comparison], Measure]:
    """Make a public measure of a function that compares the beats of windows."""
    return window_measure(name, read=_read_beat_sets, about=_BEATS + about, beside=beside)


@beat_measure("heart rates")
def heart_rates(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Compare the heart rates of windows.

    Returns
    -------
    score : Score
        One minus the Kolmogorov-Smirnov distance of the windows' rates in beats per minute, from
        the median interval of each window with two beats or more. 0..1, higher is better.
        ``detail`` has quantiles of both sets, and the share of windows that were ``measured``.

    Raises
    ------
    DataError
        As in `amplitudes`; windows that are too short; no real window with two beats.

    Notes
    -----
    A window of 2 s holds two beats only above 30 to 60 beats a minute: slow heart rates
    are underrepresented, in both real and synthetic windows.
    """
    leads = (real[:, 0], fake[:, 0])
    rates = [rates_bpm(beats_of(x, fs_hz), fs_hz, *x.shape) for x in leads]
    a, b = (r[~np.isnan(r)] for r in rates)
    return compare_values({"heart rate (bpm)": (a, b)}, len(real), len(fake))


@beat_measure("beats in a window")
def beat_counts(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Compare the number of beats per window.

    Returns
    -------
    score : Score
        One minus the total variation of both distributions of the number of beats. 0..1, higher is
        better. ``detail`` has the shares of windows by ``n_beats``; 11 beats or more (in windows of
        up to 2 s, and in proportion in longer ones) are one level.

    Raises
    ------
    DataError
        As in `amplitudes`; windows that are too short; no real window with a beat.
    """
    most = int(_MOST_BEATS * max(1.0, np.ceil(real.shape[2] / fs_hz / 2)))
    counts = []
    for x in (real, fake):
        window = beats_of(x[:, 0], fs_hz).window
        counts.append(np.minimum(np.bincount(window, minlength=len(x)), most))
    if not counts[0].any():
        raise DataError("no real window has a beat; this measure needs electrocardiograms.")
    shares = [np.bincount(c, minlength=most + 1) / len(c) for c in counts]
    detail = pd.DataFrame(
        {"real": shares[0], "fake": shares[1], "value": np.abs(shares[0] - shares[1])}
    ).rename_axis("n_beats")
    return Part(1 - variation(*counts), detail)


@beat_measure("R amplitudes")
def r_amplitudes(
    real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Compare the amplitudes of R peaks.

    Returns
    -------
    score : Score
        One minus the Kolmogorov-Smirnov distance of the beats' values in mV at their R peaks, over
        their windows' medians. 0..1, higher is better. If S is the larger wave, the value at S is
        used.

    Raises
    ------
    DataError
        As in `amplitudes`; windows that are too short; no real window with a beat.
    """
    heights = []
    for x in (real[:, 0], fake[:, 0]):
        beats = beats_of(x, fs_hz)
        heights.append(x[beats] - np.median(x, axis=1)[beats.window])
    return compare_values({"R peak (mV)": (heights[0], heights[1])}, len(real), len(fake))


def compare_values(
    values: dict[str, tuple[np.ndarray, np.ndarray]], n_real: int, n_fake: int
) -> Part:
    """Compare distributions of quantities of beats or windows.

    Parameters
    ----------
    values : dict of str to (ndarray, ndarray)
        By quantity, the real and the synthetic values.
    n_real, n_fake : int
        Numbers of windows.
    """
    rows = {}
    for quantity, (a, b) in values.items():
        if not len(a):
            raise DataError(
                f"no {quantity} could be measured in {n_real} real windows; this measure "
                f"needs electrocardiograms, in windows that are long enough."
            )
        row = {"value": 1 - ks(a, b)}
        for side, x, n in (("real", a, n_real), ("fake", b, n_fake)):
            for name, q in _QUANTILES.items():
                row[f"{side} {name}"] = float(np.quantile(x, q)) if len(x) else float("nan")
            row[f"{side} in a window"] = len(x) / n
        rows[quantity] = row
    detail = pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")
    return Part(float(detail["value"].mean()), detail)
