"""Distances from fakes to the nearest real rows, and to the nearest rows never seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from synthgan.metrics.privacy.attacks import NO_VERDICT, effective_number, wilson_interval
from synthgan.metrics.privacy.rows import Rows, draw_rows
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator

__all__ = ["closest_record", "neighbour_ratio"]

_MOST = {"real": 20_000, "fake": 5000, "holdout": 20_000}
_MOST_ASKED = 5000
_TINY = 1e-6  # what rounding, of float32 coordinates too, makes of equal distances
_QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "value": 0.5, "q75": 0.75}
_LOW_QUANTILE = 0.05


def closest_record(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of fakes nearer to a real row than to a holdout row (distance to closest record).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`. As many real rows as holdout rows take part, up to 20 000 of each, and
        up to 5000 fakes; they are drawn at random where there are more.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.

    Returns
    -------
    score : Score
        0..1; .5, the ceiling, is no leaning to either side, 1 is all copies. Equal distances count
        half. NaN without a holdout. ``detail`` has quantiles of the distances (``value`` is the
        median) from ``fake to real``, ``fake to holdout`` and ``holdout to real``.

    Notes
    -----
    Fakes that share their nearest row stand or fall together, so that a small holdout tells
    little however many fakes there are: the interval is Wilson's, of as many fakes as if all had
    a nearest row of their own (Kish's effective number).

    References
    ----------
    Platzer and Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data,
    doi 10.3389/fdata.2021.679939. Kish (1965), Survey sampling.
    """
    rng = draw_generator(random_state)
    rows = draw_rows(rng, _MOST, real=real, fake=fake, holdout=holdout)
    points = _points(rows)
    to_real, which_real = (x[:, 0] for x in nearest(points["fake"], points["real"]))
    gaps = {"fake to real": to_real}
    if "holdout" not in points:
        note = " ".join(filter(None, [rows.note, NO_VERDICT]))
        return Score("distance to closest record", float("nan"), False, _spread(gaps), note=note)
    to_holdout, which_holdout = (x[:, 0] for x in nearest(points["fake"], points["holdout"]))
    asked = points["holdout"][:_MOST_ASKED]
    gaps |= {"fake to holdout": to_holdout, "holdout to real": nearest(asked, points["real"])[0]}
    apart = to_holdout - to_real
    value = float(np.where(np.abs(apart) <= _TINY, 0.5, apart > 0).mean())
    # Each fake by the row that it is nearest to, of both tables.
    winner = np.where(apart >= -_TINY, which_real, which_holdout + len(points["real"]))
    effective = effective_number(winner)
    return Score(
        "distance to closest record",
        value,
        False,
        _spread(gaps),
        wilson_interval(value * effective, effective),
        ceiling=0.5,
        note=rows.note,
    )


def neighbour_ratio(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Distance to the nearest real row over that to the second nearest: near 0 for copies.

    Parameters
    ----------
    real, fake, holdout, target
        As in `near_copies`.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.

    Returns
    -------
    score : Score
        The 5 % quantile of the fakes' ratios, so that a twentieth of copies is enough to show;
        0..1, higher is better. The ceiling is that of the holdout. A fake at no distance from two
        real rows has the ratio 1: it is nobody's in particular. NaN with less than two real rows.
        The interval is that of the order statistics. ``detail`` has the same, and the median, of
        fakes and holdout.

    References
    ----------
    Lowe (2004), Distinctive image features from scale-invariant keypoints,
    doi 10.1023/B:VISI.0000029664.99615.94 (the ratio). Zhao et al. (2021), CTAB-GAN,
    arXiv 2102.08369 (as a measure of privacy).
    """
    rng = draw_generator(random_state)
    most = {**_MOST, "holdout": _MOST_ASKED}
    rows = draw_rows(rng, most, ("fake", "holdout"), real=real, fake=fake, holdout=holdout)
    points = _points(rows)
    known = points.pop("real")
    notes = [rows.note] if "holdout" in points else [rows.note, NO_VERDICT]
    measured = {name: _ratios(x, known) for name, x in points.items()}
    of_fakes = measured["fake"]
    return Score(
        "nearest neighbour distance ratio",
        of_fakes["value"],
        True,
        pd.DataFrame.from_dict(measured, orient="index").rename_axis("table"),
        None if np.isnan(of_fakes["value"]) else (of_fakes["low"], of_fakes["high"]),
        measured["holdout"]["value"] if "holdout" in measured else None,
        note=" ".join(filter(None, notes)),
    )


def _points(rows: Rows) -> dict[str, np.ndarray]:
    space = Space.fit(rows.tables["real"], rows.is_level)
    return {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}


def _spread(gaps: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = {
        name: {key: float(np.quantile(x, share)) for key, share in _QUANTILES.items()}
        for name, x in gaps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("distance")


def _ratios(points: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """5 % quantile of the ratios with its 95 % interval, and the median."""
    n = len(points)
    if len(known) < 2:
        return {**dict.fromkeys(("value", "low", "high", "median"), float("nan")), "n_rows": n}
    first, second = nearest(points, known, 2)[0].T
    ratios = np.sort(np.divide(first, second, out=np.ones(n), where=second > 0))
    ends = binom.ppf([0.025, 0.975], n, _LOW_QUANTILE).astype(int)
    return {
        "value": float(np.quantile(ratios, _LOW_QUANTILE, method="inverted_cdf")),
        "low": float(ratios[max(ends[0] - 1, 0)]),
        "high": float(ratios[min(ends[1], n - 1)]),
        "median": float(np.median(ratios)),
        "n_rows": n,
    }
