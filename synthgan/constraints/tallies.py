"""Counts over all rows of a table, for constraints that were fitted to a sample of them."""

from __future__ import annotations

import logging
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import Constraint, plain_values
from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.lookups import DependentColumn, FixedCombinations
from synthgan.exceptions import DataError, DataWarning

__all__ = ["Tally", "merged", "settle", "tally"]

Tally = Counter[Any]
_BROKEN = "rows that violate it"
_log = logging.getLogger(__name__)


def tally(constraints: ConstraintSet, frame: pd.DataFrame) -> list[Tally]:
    """Count, for each constraint, the rows that violate it, or those of each combination."""
    for one in constraints.constraints_:
        if one.stage == 0:
            frame = one.apply(frame)
    return [
        _combinations(one, frame)
        if _is_lookup(one)
        else Counter({_BROKEN: int((~one.holds(frame)).sum())})
        for one in constraints.constraints_
    ]


def merged(one: Sequence[Tally], other: Sequence[Tally]) -> list[Tally]:
    """Return the tallies of the rows of both."""
    return [a + b for a, b in zip(one, other, strict=True)]


def settle(
    constraints: ConstraintSet, tallies: Sequence[Tally], given: Collection[str], least: int
) -> bool:
    """Learn combinations of all rows; leave out found constraints that some rows violate.

    Parameters
    ----------
    constraints : ConstraintSet
        Fitted to a sample; changed.
    tallies : sequence of Counter
    given : collection of str
        Representations of the constraints that may not be left out.
    least : int
        Combinations of fewer rows are not stored.

    Returns
    -------
    changed : bool
        Whether `apply` now gives other tables.

    Raises
    ------
    DataError
        Rows violate a constraint that was given.
    """
    kept, changed = [], False
    for one, counts in zip(constraints.constraints_, tallies, strict=True):
        n_broken = _n_contradicting(counts) if isinstance(one, DependentColumn) else 0
        if not _is_lookup(one):
            n_broken = counts[_BROKEN]
        if n_broken and repr(one) in given:
            raise DataError(
                f"{n_broken} row(s) violate {one!r}; every row of the training data must satisfy "
                "it: correct the rows or leave it out."
            )
        if n_broken:
            _log.info("%r is left out: %d row(s) violate it", one, n_broken)
            changed = True
            continue
        if _is_lookup(one):
            changed |= _learn(one, counts, least)
        kept.append(one)
    constraints.constraints_ = kept
    return changed


def _is_lookup(one: Constraint) -> bool:
    """Return whether a constraint stores combinations of levels."""
    by_levels = isinstance(one, DependentColumn) and one.edges_ is None
    return by_levels or isinstance(one, FixedCombinations)


def _combinations(one: Any, frame: pd.DataFrame) -> Tally:
    """Count the combinations of values of a constraint's columns, as plain data."""
    names = [one.of, one.column] if isinstance(one, DependentColumn) else list(one.columns)
    columns = {column.name: column for column in one.schema_}
    codes = np.zeros(len(frame), np.int64)
    for name in names:
        own, levels = pd.factorize(frame[name], use_na_sentinel=False)
        codes = np.unique(codes * max(len(levels), 1) + own, return_inverse=True)[1]
    _, firsts, counts = np.unique(codes, return_index=True, return_counts=True)
    rows = frame[names].iloc[firsts]
    values = [plain_values(columns[name], rows[name]) for name in names]
    found: Tally = Counter()
    for row, count in zip(zip(*values, strict=True), counts.tolist(), strict=True):
        found[row] += count
    return found


def _n_contradicting(counts: Tally) -> int:
    """Count the rows whose level has another, more frequent value."""
    by_level: dict[Any, list[int]] = defaultdict(list)
    for (level, *_), count in counts.items():
        by_level[level].append(count)
    return sum(sum(some) - max(some) for some in by_level.values())


def _learn(one: Any, counts: Tally, least: int) -> bool:
    """Store the combinations of enough rows; return whether tables are rewritten otherwise."""
    stored = [(row, n) for row, n in counts.most_common() if n >= least]
    if not stored:
        return False
    total = sum(n for _, n in stored)
    one.shares_ = [n / total for _, n in stored]
    if isinstance(one, DependentColumn):
        one.levels_, one.values_ = [row[0] for row, _ in stored], [row[1] for row, _ in stored]
        return False
    before, one.combinations_ = one.combinations_, [list(row) for row, _ in stored]
    n_rare = counts.total() - total
    if n_rare:
        warnings.warn(
            f"{n_rare} row(s) hold a combination of columns {list(one.columns)!r} that fewer than "
            f"min_support={least} rows share; each is replaced by the most frequent combination "
            "that agrees in most columns.",
            DataWarning,
            stacklevel=2,
        )
    return sorted(map(repr, before)) != sorted(map(repr, one.combinations_))
