"""Find columns that are weighted sums of others, in all rows or by level; changes no table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.constraints.number_columns import MIN_DISTINCT, MIN_SHARE, N_SCREENED, Numbers
from synthgan.constraints.weighted_sums import PEOPLE_PER_WEIGHT, WeightedSum, fit_weights

__all__ = ["find_weighted_sums"]

logger = logging.getLogger(__name__)

_MOST_LEVELS = 20
_MOST_NUMBERS = 48
_MOST_PARTS = 12
_MOST_ROWS = 1000  # on which parts are left out
_LEAST_PRESENT = 0.95  # of the values of a column
_GOOD = (True, 0.99, -_MOST_PARTS)  # merit of a sum that is not compared with others
_RIDGE = 1e-9
_UNEXPLAINED = 1e-4  # share of the variance that rounding may leave
_LEAST_SPREAD = 10.0  # standard deviations of the column, in what rounding allows


@dataclass(frozen=True)
class _Found:
    """A sum, and what speaks for it: positive weights, agreement, few parts."""

    column: int
    parts: list[int]
    merit: tuple[bool, float, int]


def find_weighted_sums(
    frame: pd.DataFrame,
    fixed: Collection[Hashable] = (),
    gone: Collection[Hashable] = (),
    computed: Mapping[Hashable, Collection[Hashable]] | None = None,
) -> list[WeightedSum]:
    """Find weighted sums that hold in nearly all rows, within rounding.

    Weights are fitted to one half of the rows and must hold in the other one.

    Parameters
    ----------
    frame : DataFrame
    fixed : collection of hashable
        Columns that a sum may use, but not determine.
    gone : collection of hashable
        Columns that it may not use either.
    computed : mapping of hashable to collection of hashable, or None
        Columns that others determine already, and those; a sum does not use them.

    Returns
    -------
    sums : list of WeightedSum
        Not fitted; of several columns of one relation, one is the sum.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.weighted_sum_search import find_weighted_sums
    >>> marks = np.random.default_rng(0).integers(0, 90, (400, 4))
    >>> frame = pd.DataFrame(marks, columns=list("abcd"))
    >>> frame["mark"] = 0.1 * frame["a"] + 0.2 * frame["b"] + 0.3 * frame["c"] + 0.4 * frame["d"]
    >>> find_weighted_sums(frame)
    [WeightedSum(column='mark', parts=['a', 'b', 'c', 'd'])]
    """
    parents = {name: set(parts) for name, parts in (computed or {}).items()}
    names = [n for n in frame.columns if n not in set(gone) and n not in parents]
    present = [n for n in names if frame[n].notna().mean() >= _LEAST_PRESENT]
    numbers = Numbers.read(frame[present])
    is_number = ~numbers.are_times & (numbers.n_distinct > 2)
    used = np.flatnonzero(is_number)[:_MOST_NUMBERS]
    rows = np.flatnonzero(~np.isnan(numbers.values[:, used]).any(axis=1))
    sums: list[WeightedSum] = []
    for by, groups in _groupings(frame[names], rows, len(used)):
        while True:
            free = [int(i) for i in used if numbers.names[i] not in parents]
            ends = {numbers.names[i] for i in free} - set(fixed)
            found = _find_one(numbers, groups, free, ends, by)
            if found is None:
                break
            column, parts = numbers.names[found.column], [numbers.names[i] for i in found.parts]
            parents[column] = {*parts, *(() if by is None else (by,))}
            sums.append(WeightedSum(column, parts, by))
            logger.info("column %r is a weighted sum: %r", column, sums[-1])
    return sums


def _groupings(
    frame: pd.DataFrame, rows: np.ndarray, n_numbers: int
) -> Iterator[tuple[Hashable | None, list[np.ndarray]]]:
    """Yield all rows as one group, then the levels of each column that has few, largest first."""
    least = max(2 * N_SCREENED, 2 * PEOPLE_PER_WEIGHT * min(n_numbers, _MOST_PARTS))
    if n_numbers < 2 or len(rows) < least:
        return
    yield None, [rows]
    for name in frame.columns:
        codes, levels = pd.factorize(frame[name].iloc[rows], use_na_sentinel=False)
        if not 2 <= len(levels) <= _MOST_LEVELS:
            continue
        groups = [rows[codes == code] for code in np.argsort(-np.bincount(codes), kind="stable")]
        large = [group for group in groups if len(group) >= N_SCREENED]
        if len(large) > 1 and sum(map(len, large)) >= MIN_SHARE * len(rows):
            yield name, large


def _find_one(
    numbers: Numbers,
    groups: list[np.ndarray],
    free: list[int],
    ends: set[Hashable],
    by: Hashable | None,
) -> _Found | None:
    """Return the best sum of free columns; None if there is none."""
    free = [i for i in free if numbers.names[i] != by]
    best = None
    for i in reversed(_screen(numbers, groups[0], free)):
        if numbers.names[i] not in ends or numbers.n_distinct[i] < MIN_DISTINCT:
            continue
        one = _test(numbers, groups, i, [j for j in free if j != i], by is None)
        if one is not None and (best is None or one.merit > best.merit):
            best = one
        if best is not None and best.merit >= _GOOD:
            break
    return best


def _screen(numbers: Numbers, rows: np.ndarray, free: list[int]) -> list[int]:
    """Return the columns of which others leave no variance: from the inverse correlations."""
    x = numbers.values[rows][:, free]
    varies = np.flatnonzero(x.std(axis=0) > 0)
    if len(varies) < 2:
        return []
    x = x[:, varies]
    inverse = np.linalg.inv(np.corrcoef(x.T) + _RIDGE * np.eye(len(varies)))
    left = 1 / np.diag(inverse)
    steps = numbers.own_steps[np.array(free)[varies]]
    allowed = np.maximum(_UNEXPLAINED, (steps / x.std(axis=0)) ** 2)
    return [free[i] for i in varies[left <= np.minimum(allowed, 0.01)]]


def _test(
    numbers: Numbers, groups: list[np.ndarray], column: int, others: list[int], is_global: bool
) -> _Found | None:
    """Test a sum of the fewest columns; None unless it holds in rows that did not shape it."""
    parts = _needed(numbers, groups[0][::2], column, others)
    if parts is None or not 1 + is_global <= len(parts) <= _MOST_PARTS:
        return None
    agreeing, n_rows, are_positive = 0.0, 0, True
    for group in groups:
        fitted, unseen = group[::2], group[1::2]
        weights = fit_weights(
            numbers.values[fitted, column],
            numbers.values[fitted][:, parts],
            numbers.own_steps[column] / 2,
        )
        own, allowed = numbers.values[unseen, column], _allowed(numbers, column, parts, weights)
        misses = np.abs(own - weights[0] - numbers.values[unseen][:, parts] @ weights[1:])
        agreeing, n_rows = agreeing + float((misses <= allowed).sum()), n_rows + len(unseen)
        are_positive &= bool((weights[1:] >= 0).all())
        if group is groups[0] and own.std() < _LEAST_SPREAD * allowed:
            return None
    if agreeing < MIN_SHARE * n_rows:
        return None
    return _Found(column, parts, (are_positive, round(agreeing / n_rows, 2), -len(parts)))


def _needed(numbers: Numbers, rows: np.ndarray, column: int, others: list[int]) -> list[int] | None:
    """Leave out one column after another, as long as the others suffice."""
    rows = rows[:: max(1, len(rows) // _MOST_ROWS)]
    own = numbers.values[rows, column]

    def suffice(parts: list[int]) -> np.ndarray | None:
        x = numbers.values[rows][:, parts]
        weights = fit_weights(own, x, numbers.own_steps[column] / 2)
        misses = np.abs(own - weights[0] - x @ weights[1:])
        holds = np.mean(misses <= _allowed(numbers, column, parts, weights)) >= MIN_SHARE
        return np.abs(weights[1:]) * x.std(axis=0) if holds else None

    parts = [j for j in others if numbers.values[rows, j].std() > 0]
    spreads = suffice(parts) if parts else None
    if spreads is None:
        return None
    step = numbers.own_steps[column]
    large = [j for j, spread in zip(parts, spreads, strict=True) if spread > step]
    if large and (of_large := suffice(large)) is not None:
        parts, spreads = large, of_large
    for j in [parts[i] for i in np.argsort(spreads)]:
        fewer = [i for i in parts if i != j]
        if fewer and suffice(fewer) is not None:
            parts = fewer
    return parts


def _allowed(numbers: Numbers, column: int, parts: list[int], weights: np.ndarray) -> float:
    """Return the deviation that the rounding of the column and of its parts explains."""
    of_parts = np.abs(weights[1:]) @ numbers.steps[parts]
    return float((numbers.own_steps[column] + of_parts) / 2 * (1 + 1e-6))
