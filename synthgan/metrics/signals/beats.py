"""Measures of the heart beats of windows: rates, counts, amplitudes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.metrics.columns import variation
from synthgan.metrics.compared_sets import ComparedSets
from synthgan.metrics.points import ks
from synthgan.metrics.score import Score
from synthgan.metrics.signals.waveforms import MOST_WINDOWS
from synthgan.metrics.signals.windows import read_window_sets
from synthgan.metrics.tables import Part
from synthgan.records.beats import check_beats, find_beats, rates_bpm
from synthgan.records.signals import SignalWindows, beat_lead

__all__ = [
    "beat_counts",
    "compare_values",
    "heart_rates",
    "r_amplitudes",
    "read_beat_sets",
]

_MOST_BEATS = 11  # larger counts per 2 s are merged into one level
_QUANTILES = {"5 %": 0.05, "median": 0.5, "95 %": 0.95}


def heart_rates(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Compare the heart rates of windows.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `amplitudes`. Beats are those of the first lead, or of the ECG lead of SignalWindows
        (the note says which); windows last 1 s or more, at 100 Hz
        or more.

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

    def compare(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> Part:
        leads = (real[:, 0], fake[:, 0])
        rates = [rates_bpm(find_beats(x, fs_hz), fs_hz, *x.shape) for x in leads]
        a, b = (r[~np.isnan(r)] for r in rates)
        return compare_values({"heart rate (bpm)": (a, b)}, len(real), len(fake))

    compared = read_beat_sets(real, fake, holdout, fs_hz)
    return compared.compare("heart rates", compare, random_state, most=MOST_WINDOWS)


def beat_counts(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Compare the number of beats per window.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `heart_rates`.

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

    def compare(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> Part:
        most = int(_MOST_BEATS * max(1.0, np.ceil(real.shape[2] / fs_hz / 2)))
        counts = []
        for x in (real, fake):
            window = find_beats(x[:, 0], fs_hz).window
            counts.append(np.minimum(np.bincount(window, minlength=len(x)), most))
        if not counts[0].any():
            raise DataError("no real window has a beat; this measure needs electrocardiograms.")
        shares = [np.bincount(c, minlength=most + 1) / len(c) for c in counts]
        detail = pd.DataFrame(
            {"real": shares[0], "fake": shares[1], "value": np.abs(shares[0] - shares[1])}
        ).rename_axis("n_beats")
        return Part(1 - variation(*counts), detail)

    compared = read_beat_sets(real, fake, holdout, fs_hz)
    return compared.compare("beats in a window", compare, random_state, most=MOST_WINDOWS)


def r_amplitudes(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Compare the amplitudes of R peaks.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `heart_rates`.

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

    def compare(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> Part:
        heights = []
        for x in (real[:, 0], fake[:, 0]):
            beats = find_beats(x, fs_hz)
            heights.append(x[beats] - np.median(x, axis=1)[beats.window])
        return compare_values({"R peak (mV)": (heights[0], heights[1])}, len(real), len(fake))

    compared = read_beat_sets(real, fake, holdout, fs_hz)
    return compared.compare("R amplitudes", compare, random_state, most=MOST_WINDOWS)


def read_beat_sets(real: Any, fake: Any, holdout: Any, fs_hz: float) -> ComparedSets:
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
