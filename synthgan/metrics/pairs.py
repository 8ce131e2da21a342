"""Measures of pairs of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.columns import variation
from synthgan.metrics.compared_sets import Comparison, Part
from synthgan.metrics.score import Score
from synthgan.metrics.tables import (
    MOST_ROWS,
    is_scaled,
    table_measure,
    table_sets,
    to_codes,
    to_numbers,
)

__all__ = ["association", "correlations", "mutual_information", "pair_trends", "trends_between"]

N_BINS = 10
_MOST_PAIRS = 20_000


def pair_trends(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare the dependence of columns, pair by pair.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`.

    Returns
    -------
    score : Score
        The mean over pairs of one minus half the difference of Spearman's rank correlations
        (both on a scale), or of one minus the total variation of the two-way table (otherwise).
        0..1, higher is better; NaN for a single column. ``detail`` has ``first``, ``second``,
        ``measure`` and ``value``; if there are more than 20 000 pairs, 20 000 are drawn.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Notes
    -----
    For two-way tables a numeric column is cut at the deciles *of the real table*, for both tables.
    Cutting each table at its own deciles would hide differences in scale and location, a known
    defect of other implementations.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 0, 1, 1]})
    >>> fake = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]})
    >>> pair_trends(real, fake).value
    0.5
    """
    return table_sets(real, fake, holdout).compare(
        "pair trends", _each_pair(_trend), random_state, most=MOST_ROWS
    )


def trends_between(
    real: pd.DataFrame,
    fake: pd.DataFrame,
    pairs: Sequence[tuple[Any, Any]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the detail of `pair_trends` for some pairs of columns only."""
    return _compare_pairs(_trend, real, fake, pairs, rng)


def _each_pair(compare: Callable[[_Pair], dict[str, Any]]) -> Comparison:
    """Compare all pairs of columns; the value is their mean."""

    def pairs(real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator) -> Part:
        all_pairs = list(combinations(real.columns, 2))
        return Part.mean(_compare_pairs(compare, real, fake, all_pairs, rng))

    return pairs


def _compare_pairs(
    compare: Callable[[_Pair], dict[str, Any]],
    real: pd.DataFrame,
    fake: pd.DataFrame,
    pairs: Sequence[tuple[Any, Any]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    columns = {name: _Column(real[name], fake[name]) for name in real.columns}
    numeric = [name for name, column in columns.items() if column.scaled]
    place = {name: i for i, name in enumerate(numeric)}
    ranks = [_rank_correlations([columns[n].numbers[i] for n in numeric]) for i in (0, 1)]
    if len(pairs) > _MOST_PAIRS:
        drawn = np.sort(rng.choice(len(pairs), _MOST_PAIRS, replace=False))
        pairs = [pairs[i] for i in drawn]
    rows = []
    for first, second in pairs:
        rho = (0.0, 0.0)
        if first in place and second in place:
            at = place[first], place[second]
            rho = float(ranks[0][at]), float(ranks[1][at])
        compared = compare(_Pair((columns[first], columns[second]), rho))
        rows.append({"first": first, "second": second, **compared})
    return pd.DataFrame(rows, columns=None if rows else ["first", "second", "value"])


def _trend(pair: _Pair) -> dict[str, Any]:
    if pair.both_scaled:
        a, b = pair.rank_correlations
        return {"measure": "1 - |difference of rho| / 2", "value": 1 - abs(a - b) / 2}
    return {"measure": "1 - TV", "value": 1 - variation(*pair.joint_codes())}


@table_measure("correlations", higher_is_better=False, adapt=_each_pair)
def correlations(pair: _Pair) -> dict[str, Any]:
    """Correlation of each pair of columns, by the coefficient for their kinds.

    Returns
    -------
    score : Score
        The mean over pairs of the difference of Spearman's rho (both on a scale), of Cramer's V
        (both levels), or of the correlation ratio eta (one of each). Lower is better. ``detail``
        has ``first``, ``second``, ``measure``, ``real``, ``fake`` and ``value``.

    References
    ----------
    Cramer (1946), Mathematical methods of statistics, chapter 21; Fisher (1925), Statistical
    methods for research workers, chapter 8.
    """
    if pair.both_scaled:
        name, (a, b) = "Spearman's rho", pair.rank_correlations
    elif pair.one_scaled:
        name = "correlation ratio"
        a, b = (_correlation_ratio(*side) for side in pair.levels_and_numbers())
    else:
        name = "Cramer's V"
        a, b = (_cramers_v(*side) for side in pair.codes)
    return {"measure": name, "real": a, "fake": b, "value": abs(a - b)}


@table_measure("mutual information", higher_is_better=False, adapt=_each_pair)
def mutual_information(pair: _Pair) -> dict[str, Any]:
    """Mutual information of each pair of columns.

    Returns
    -------
    score : Score
        The mean over pairs of the difference of the normalised mutual information: that of the
        two-way table, numbers cut at the real deciles, over the geometric mean of both
        entropies. 0..1, lower is better. ``detail`` as in `correlations`.

    References
    ----------
    Strehl and Ghosh (2002), Cluster ensembles, doi 10.1162/153244303321897735.
    """
    a, b = (_information(*side) for side in pair.codes)
    return {"real": a, "fake": b, "value": abs(a - b)}


def association(real: pd.DataFrame, fake: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the coefficients of `correlations` of both tables as squares."""
    detail = correlations(real, fake, random_state=0).detail
    squares = []
    for side in ("real", "fake"):
        square = pd.DataFrame(1.0, index=real.columns, columns=real.columns)
        for first, second, value in zip(
            detail["first"], detail["second"], detail.get(side, detail["value"]), strict=True
        ):
            square.loc[first, second] = square.loc[second, first] = value
        squares.append(square)
    return squares[0], squares[1]


class _Pair:
    """Two columns in both tables."""

    def __init__(self, columns: tuple[_Column, _Column], rank_correlations: tuple[float, float]):
        self._columns = columns
        self.rank_correlations = rank_correlations
        self.both_scaled = all(column.scaled for column in columns)
        self.one_scaled = any(column.scaled for column in columns) and not self.both_scaled
        first, second = columns
        self.codes = list(zip(first.codes, second.codes, strict=True))

    def joint_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells of the two-way table, numbered densely."""
        n = int(max(codes.max() for codes in self._columns[1].codes)) + 1
        joint = [a * n + b for a, b in self.codes]
        dense = np.unique(np.concatenate(joint), return_inverse=True)[1]
        return dense[: len(joint[0])], dense[len(joint[0]) :]

    def levels_and_numbers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Codes of the column of levels and ranks of the other, in both tables."""
        first, second = self._columns
        levels, numbers = (second, first) if first.scaled else (first, second)
        return list(zip(levels.codes, numbers.numbers, strict=True))


class _Column:
    """One column in both tables: codes of levels or bins, and numbers where on a scale."""

    def __init__(self, real: pd.Series, fake: pd.Series):
        self.scaled = is_scaled(real)
        if not self.scaled:
            self.codes = to_codes(real, fake)
            return
        self.numbers = [to_numbers(real), to_numbers(fake)]
        cuts = np.linspace(0, 1, N_BINS + 1)
        edges = np.unique(np.nanquantile(self.numbers[0], cuts)[1:-1])
        self.codes = [np.where(np.isnan(x), 0, np.digitize(x, edges) + 1) for x in self.numbers]


def _rank_correlations(numbers: list[np.ndarray]) -> np.ndarray:
    """Spearman's rho of all pairs of columns; 0 where it is undefined.

    Values that are missing in one of two columns are left out, and the others ranked anew.
    """
    orders = [np.argsort(x, kind="stable") for x in numbers]
    present = [~np.isnan(x) for x in numbers]
    rho = np.eye(len(numbers))
    for i, j in combinations(range(len(numbers)), 2):
        both = present[i] & present[j]
        a, b = (_centred_ranks(numbers[k], orders[k], both) for k in (i, j))
        spread = float(np.sqrt((a @ a) * (b @ b)))
        rho[i, j] = rho[j, i] = float(a @ b) / spread if spread else 0.0
    return rho


def _centred_ranks(column: np.ndarray, order: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Return the ranks of some values among each other, less their mean; 0 for the others."""
    order = order[some[order]]
    values, n = column[order], len(order)
    starts = np.flatnonzero(np.r_[n > 0, values[1:] != values[:-1]])
    counts = np.diff(np.append(starts, n))
    ranks = np.zeros(len(column))
    ranks[order] = np.repeat(starts + (counts - n) / 2, counts)  # of equal values the mean
    return ranks


def _two_way(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Shares of the two-way table, without empty rows and columns."""
    a, b = (np.unique(codes, return_inverse=True)[1] for codes in (first, second))
    n = int(b.max()) + 1
    counts = np.bincount(a * n + b, minlength=(int(a.max()) + 1) * n)
    return counts.reshape(-1, n) / len(first)


def _cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    shares = _two_way(first, second)
    least = min(shares.shape) - 1
    if not least:
        return 0.0
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    return float(np.sqrt(((shares - expected) ** 2 / expected).sum() / least))


def _correlation_ratio(levels: np.ndarray, numbers: np.ndarray) -> float:
    """Eta of the numbers' ranks, which are robust against outliers."""
    present = ~np.isnan(numbers)
    if not present.any():
        return 0.0
    codes = np.unique(levels[present], return_inverse=True)[1]
    ranks = pd.Series(numbers[present]).rank().to_numpy()
    deviations = ranks - ranks.mean()
    total = float((deviations**2).sum())
    if not total:
        return 0.0
    counts = np.bincount(codes)
    between = (np.bincount(codes, weights=deviations) ** 2 / counts).sum()
    return float(np.sqrt(min(1.0, between / total)))


def _information(first: np.ndarray, second: np.ndarray) -> float:
    shares = _two_way(first, second)
    a, b = shares.sum(axis=1), shares.sum(axis=0)
    entropies = [-float((p * np.log(p)).sum()) for p in (a, b)]
    if min(entropies) <= 1e-12:
        return 0.0
    filled = shares > 0
    shared = float((shares[filled] * np.log(shares[filled] / np.outer(a, b)[filled])).sum())
    return min(1.0, max(0.0, shared) / float(np.sqrt(entropies[0] * entropies[1])))
