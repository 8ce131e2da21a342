"""Measures of single columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from synthgan.metrics.compared_sets import Comparison, Part
from synthgan.metrics.measure import Measure
from synthgan.metrics.points import ks
from synthgan.metrics.score import Score
from synthgan.metrics.tables import (
    MOST_ROWS,
    is_scaled,
    table_measure,
    table_sets,
    to_codes,
    to_numbers,
)

__all__ = [
    "category_coverage",
    "column_shapes",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "missing_shares",
    "quartiles",
    "range_coverage",
    "shape_of_column",
    "total_variation",
    "variation",
    "wasserstein",
]

_N_BINS = 20
_WIDEST = 2.0  # upper bound of a Wasserstein distance in units of the pooled deviation

Compared = Callable[[pd.Series, pd.Series], dict[str, Any]]


def column_shapes(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare the distribution of each column.

    Parameters
    ----------
    real, fake : DataFrame or array-like of shape (n_rows, n_columns)
        `fake` has at least the columns of `real`. Columns with more than 10 distinct real numbers
        or dates are compared on their scale, all others level by level.
    holdout : DataFrame, array-like or None, default=None
        Real rows that were not used in training; gives the ceiling.
    target : object, default=None
        Not used.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed of the shuffled columns of the floor and of the sub-samples of large tables.

    Returns
    -------
    score : Score
        The mean over columns of one minus the Kolmogorov-Smirnov distance, less the difference in
        the share of missing values (on a scale), or of one minus the total variation (levels;
        missing is a level). 0..1, higher is better. ``detail`` is indexed by column, with
        ``measure`` and ``value``.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"sex": ["f", "f", "m", "m"]})
    >>> fake = pd.DataFrame({"sex": ["f", "m", "m", "m"]})
    >>> column_shapes(real, fake).value
    0.75
    """
    return table_sets(real, fake, holdout).compare(
        "column shapes", _each(shape_of_column), random_state, most=MOST_ROWS
    )


def shape_of_column(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Return the measure and the value of one column, as in `column_shapes`."""
    if not is_scaled(ours):
        return {"measure": "1 - TV", "value": 1 - variation(*to_codes(ours, theirs))}
    numbers = to_numbers(ours), to_numbers(theirs)
    gaps = abs(np.isnan(numbers[0]).mean() - np.isnan(numbers[1]).mean())
    return {"measure": "1 - KS", "value": max(0.0, 1 - ks(*map(_present, numbers)) - gaps)}


def _each(compare: Compared, scaled: bool | None = None) -> Comparison:
    """Compare all columns, or only those that are (not) on a scale; the value is their mean."""

    def columns(real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator) -> Part:
        names = [n for n in real.columns if scaled is None or is_scaled(real[n]) == scaled]
        rows = [compare(real[name], fake[name]) for name in names]
        detail = pd.DataFrame(rows, index=pd.Index(names, name="column", tupleize_cols=False))
        return Part.mean(detail if len(rows) else detail.assign(value=0.0))

    return columns


def _columns(
    name: str, *, higher_is_better: bool = False, scaled: bool | None = None
) -> Callable[[Compared], Measure]:
    """Make a public measure of a function that compares two columns."""
    adapt = partial(_each, scaled=scaled)
    return table_measure(name, higher_is_better=higher_is_better, adapt=adapt)


@_columns("Kolmogorov-Smirnov distance", scaled=True)
def kolmogorov_smirnov(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Kolmogorov-Smirnov distance of each column on a scale.

    Returns
    -------
    score : Score
        The mean over columns of the largest gap between both distribution functions, missing values
        left out; 1 where one table has no values. 0..1, lower is better; NaN when no column is on
        a scale.
    """
    return {"value": ks(*(_present(to_numbers(series)) for series in (ours, theirs)))}


@_columns("total variation", scaled=False)
def total_variation(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Total variation of each column of levels.

    Returns
    -------
    score : Score
        The mean over columns of half the summed difference of the levels' shares; missing is a
        level. 0..1, lower is better; NaN when every column is on a scale.
    """
    return {"value": variation(*to_codes(ours, theirs))}


@_columns("Wasserstein distance", scaled=True)
def wasserstein(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Earth mover's distance of each column on a scale, in standard deviations.

    Returns
    -------
    score : Score
        The mean over columns of the Wasserstein-1 distance over the standard deviation of an
        equal mixture of both, missing values left out; 2, the upper bound, where one table has no
        values. Lower is better. ``detail`` also has ``distance``, in the column's units
        (ns for dates and durations).

    References
    ----------
    Ramdas et al. (2017), On Wasserstein two-sample testing, doi 10.3390/e19020047.
    """
    a, b = (_present(to_numbers(series)) for series in (ours, theirs))
    if not len(a) or not len(b):
        return {"distance": np.nan, "value": _WIDEST if len(a) or len(b) else 0.0}
    # Scaled first, so that sums of huge numbers stay finite.
    unit = max(np.abs(a).max(), np.abs(b).max()) or 1.0
    a, b = a / unit, b / unit
    moved = wasserstein_distance(a, b)
    spread = np.sqrt((a.var() + b.var()) / 2 + ((a.mean() - b.mean()) / 2) ** 2)
    return {
        "distance": float(moved * unit),
        "value": min(float(moved / spread), _WIDEST) if moved > 0 and spread > 0 else 0.0,
    }


@_columns("Jensen-Shannon distance")
def jensen_shannon(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Jensen-Shannon distance of each column.

    Returns
    -------
    score : Score
        The mean over columns of the square root of the Jensen-Shannon divergence, base 2. Numbers
        are cut at the 20-quantiles of both tables together; missing is a bin of its own. 0..1,
        lower is better.

    References
    ----------
    Endres and Schindelin (2003), A new metric for probability distributions,
    doi 10.1109/TIT.2003.813506.
    """
    if is_scaled(ours):
        numbers = to_numbers(ours), to_numbers(theirs)
        pooled = np.concatenate([_present(x) for x in numbers])
        cuts = np.linspace(0, 1, _N_BINS + 1)[1:-1]
        edges = np.unique(np.quantile(pooled, cuts, method="inverted_cdf"))
        codes = [np.where(np.isnan(x), 0, np.digitize(x, edges) + 1) for x in numbers]
    else:
        codes = to_codes(ours, theirs)
    n = int(max(code.max() for code in codes)) + 1
    shares = [np.bincount(code, minlength=n) / len(code) for code in codes]
    return {"value": float(np.nan_to_num(jensenshannon(*shares, base=2)))}


@_columns("quartiles", scaled=True)
def quartiles(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Compare quartiles of each column on a scale: box-plots as numbers (thesis, figure 6.15).

    Returns
    -------
    score : Score
        The mean over columns of the mean difference of the three quartiles, in units of the real
        interquartile range (of the real standard deviation, where that is 0). Lower is better, 0
        is equal. ``detail`` has the quartiles of both tables; they are missing for a column without
        values in one table.
    """
    a, b = (_present(to_numbers(series)) for series in (ours, theirs))
    if not len(a) or not len(b):
        return {"value": np.nan}
    points = [np.quantile(x, [0.25, 0.5, 0.75]) for x in (a, b)]
    named = {
        f"{side} {name}": float(point)
        for side, three in zip(("real", "fake"), points, strict=True)
        for name, point in zip(("Q1", "median", "Q3"), three, strict=True)
    }
    unit = (points[0][2] - points[0][0]) or a.std() or 1.0
    return {**named, "value": float(np.abs(points[0] / unit - points[1] / unit).mean())}


@_columns("missing shares")
def missing_shares(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Compare the shares of missing values of each column.

    Returns
    -------
    score : Score
        The mean over columns of the difference of both shares. 0..1, lower is better.
    """
    shares = [float(series.isna().mean()) for series in (ours, theirs)]
    return {"real": shares[0], "fake": shares[1], "value": abs(shares[0] - shares[1])}


@_columns("range coverage", higher_is_better=True, scaled=True)
def range_coverage(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Share of the real range of each scaled column that the synthetic values cover.

    Returns
    -------
    score : Score
        The mean over columns of the share of the real range, from the least to the greatest value,
        that lies between the smallest and the largest synthetic value. 0..1, higher is better; but
        extremes belong to single people, and synthetic data that reach all of them disclose these.
        ``detail`` also has the share of synthetic rows ``outside`` of the real range.
    """
    a, b = (_present(to_numbers(series)) for series in (ours, theirs))
    if not len(a) or not len(b):
        return {"outside": np.nan, "value": 0.0 if len(a) else 1.0}
    low, high = a.min(), a.max()
    outside = float(((b < low) | (b > high)).mean())
    # Halved, so that the width of a huge range stays finite.
    width, shared = high / 2 - low / 2, min(high, b.max()) / 2 - max(low, b.min()) / 2
    return {"outside": outside, "value": max(0.0, float(shared / width)) if width else 1.0}


@_columns("category coverage", higher_is_better=True, scaled=False)
def category_coverage(ours: pd.Series, theirs: pd.Series) -> dict[str, Any]:
    """Share of the real levels of each column that occur in the synthetic table.

    Returns
    -------
    score : Score
        The mean over columns of levels of the share of the real levels that occur in the synthetic
        table. 0..1, higher is better; but a level of a single person should not be repeated.
        ``detail`` also has the share of synthetic rows ``outside``: with a level that no real row
        has.
    """
    codes = to_codes(ours, theirs)
    known, made = (np.unique(code[code > 0]) for code in codes)
    present = codes[1][codes[1] > 0]
    outside = float(1 - np.isin(present, known).mean()) if len(present) else 0.0
    return {
        "outside": outside,
        "value": float(np.isin(known, made).mean()) if len(known) else 1.0,
    }


def variation(real: np.ndarray, fake: np.ndarray) -> float:
    """Half the summed difference of two distributions over integer codes, 0..1."""
    n = int(max(real.max(), fake.max())) + 1
    shares = [np.bincount(codes, minlength=n) / len(codes) for codes in (real, fake)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _present(numbers: np.ndarray) -> np.ndarray:
    return numbers[~np.isnan(numbers)]
