"""Find columns that others determine or bound; changes no table."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from synthgan.constraints.base import Constraint
from synthgan.constraints.bins import find_runs
from synthgan.constraints.flag_groups import find_flag_groups
from synthgan.constraints.formula_search import FormulaSearch
from synthgan.constraints.lookups import DependentColumn
from synthgan.constraints.order_search import find_orders
from synthgan.constraints.quotients import find_quotients, find_rates
from synthgan.constraints.shared_values import find_shared_values
from synthgan.constraints.usual_labels import find_usual_labels
from synthgan.constraints.weighted_sum_search import find_weighted_sums
from synthgan.encoding.tables.column import LEVEL_KINDS, Column
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["Coded", "find_dependent_columns", "find_relations"]

logger = logging.getLogger(__name__)

MAX_ROWS = 50_000
MIN_ROWS, MANY_COLUMNS = 2_000, 200  # of more columns, fewer rows are compared at first
MAX_ROWS_OF_FORMULAS = 5_000
MAX_LEVELS = 1_000
# A relation is accepted if independent columns would show it with probability exp(-EVIDENCE).
EVIDENCE = 20.0
MIN_SHARE = 0.95
_MOST_ALIKE = 64  # pairs of rows that are compared first


def find_relations(
    frame: pd.DataFrame,
    support: Support = EVERYTHING,
    fixed: Collection[Hashable] = (),
    no_formula: Collection[Hashable] = (),
) -> list[Constraint]:
    """Find columns that are determined by others, of which a formula is better than a look-up.

    Dates and durations that are never after others are found, too.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
        Levels of fewer people are ignored.
    fixed : collection of hashable
        Columns that other constraints transform: no formula determines them.
    no_formula : collection of hashable
        Columns that may be in no formula.

    Returns
    -------
    constraints : list of Constraint
        Not fitted. No column is transformed twice, and there are no circular dependences.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.relations import find_relations
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"men": rng.poisson(90, 500), "women": rng.poisson(70, 500)})
    >>> find_relations(frame.assign(all=frame["men"] + frame["women"]))
    [Formula(a='men', b='women', column='all', kind='a + b')]
    """
    some = _sample(frame, MAX_ROWS_OF_FORMULAS)
    numbers = frame[[n for n in frame if n not in set(no_formula)]].iloc[some]
    search = FormulaSearch(numbers)
    exact = search.choose(fixed, exact=True)
    computed = {formula.column: formula.uses[1:] for formula in exact}
    looked_up = find_dependent_columns(frame, support, computed)
    gone = {one.column for one in looked_up}
    sums = find_weighted_sums(numbers, fixed, gone, computed)
    gone |= {one.column for one in sums}
    formulas = [*exact, *search.choose(fixed, gone)]
    gone |= {one.column for one in formulas}
    shared = find_shared_values(numbers, fixed, gone)
    sharing = {name for one in shared for name in one.uses}
    quotients = find_quotients(numbers, {*fixed, *sharing}, gone)
    divided = {name for one in quotients for name in one.uses}
    quotients += find_rates(numbers, {*fixed, *sharing}, {*gone, *divided})
    found: list[Constraint] = [*looked_up, *formulas, *sums, *shared, *quotients]
    inputs = {name: set(one.uses) - {name} for one in found for name in one.rewrites}
    found += find_orders(frame, support, {*fixed, *no_formula, *inputs}, inputs)
    used = {name for one in found for name in one.uses}
    usual = find_usual_labels(frame, support, fixed, {*used, *no_formula})
    found += usual
    used |= {name for one in usual for name in one.uses}
    return [*found, *find_flag_groups(frame, support, {*used, *fixed, *no_formula})]


def _sample(frame: pd.DataFrame, n: int) -> np.ndarray:
    """Return the indices of randomly drawn rows."""
    rows = pd.Series(np.arange(len(frame)))
    return (rows if len(frame) <= n else rows.sample(n, random_state=0)).to_numpy()


@dataclass(frozen=True)
class Coded:
    """A column as level codes, with missing values as a level."""

    name: Hashable
    codes: np.ndarray
    counts: np.ndarray
    people: np.ndarray  # of each level
    has_labels: bool
    numbers: np.ndarray | None  # of each row; None: not of numbers
    order: np.ndarray  # rows with a number, ascending
    n_numbers: int  # different ones

    @classmethod
    def read(cls, series: pd.Series, support: Support = EVERYTHING) -> Coded | None:
        """Code a column; None when its values cannot be compared."""
        try:
            column = Column.infer(series)
        except DataError:
            return None
        codes, _ = pd.factorize(series, use_na_sentinel=False)
        counts = np.bincount(codes)
        people = support.counts(codes, len(counts))
        has_labels = column.kind in LEVEL_KINDS
        if has_labels:
            return cls(series.name, codes, counts, people, True, None, codes[:0], 0)
        numbers, present = column.numbers(series)
        order = np.flatnonzero(present)[np.argsort(numbers[present], kind="stable")]
        n_numbers = len(counts) - (not present.all())
        return cls(series.name, codes, counts, people, False, numbers, order, n_numbers)

    def determines(self, other: Coded, least: int) -> bool:
        """Return whether levels of `least` people determine `other`, and not by chance."""
        return self.has_few_levels(least) and self.fixes(other, self.people >= least)

    def has_few_levels(self, least: int) -> bool:
        """Return whether levels are few, and most rows have one of `least` people."""
        if len(self.counts) > min(MAX_LEVELS, len(self.codes) / 5):
            return False
        return bool(self.counts[self.people >= least].sum() >= MIN_SHARE * len(self.codes))

    def fixes(self, other: Coded, some: np.ndarray | None = None) -> bool:
        """Return whether this column determines `other`, which is not constant on `some` levels."""
        one, two = self._alike
        if (other.codes[one] != other.codes[two]).any():  # most columns, by few rows
            return False
        first = self._first(other)
        if (other.codes != first[self.codes]).any():
            return False
        if len(np.unique(first if some is None else first[some])) < 2:
            return False
        return bool(-other.chance(first) >= EVIDENCE)

    def separates(self, other: Coded, support: Support) -> bool:
        """Return whether intervals of numbers determine `other`, and not by chance."""
        codes = other.codes[self.order]
        n_runs = 1 + np.count_nonzero(np.diff(codes))
        if self.numbers is None or 2 * n_runs > self.n_numbers:
            return False
        if (other.codes != self._first(other)[self.codes]).any():
            return False
        runs = find_runs(self.numbers[self.order], codes, support.take(self.order))
        if runs is None:
            return False
        # As many ways to choose the edges are as many chances.
        n, k = self.n_numbers - 1, len(runs) - 1
        n_ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        firsts = np.array([codes[run[0]] for run in runs])
        return bool(-other.chance(firsts) - n_ways >= EVIDENCE)

    def chance(self, first: np.ndarray) -> float:
        """Return the log probability that all rows equal the first of their group by chance."""
        log_share = np.log(self.counts / len(self.codes))
        return float((self.counts * log_share).sum() - log_share[first].sum())

    @cached_property
    def _alike(self) -> tuple[np.ndarray, np.ndarray]:
        """Some pairs of rows that have the same level."""
        order = np.argsort(self.codes, kind="stable")
        is_same = np.flatnonzero(self.codes[order[:-1]] == self.codes[order[1:]])
        is_same = is_same[:: -(-len(is_same) // _MOST_ALIKE) or 1]
        return order[is_same], order[is_same + 1]

    def _first(self, other: Coded) -> np.ndarray:
        """Return the code of `other` in the first row of each level."""
        first = np.zeros(len(self.counts), dtype=np.int64)
        first[self.codes[::-1]] = other.codes[::-1]
        return first


def find_dependent_columns(
    frame: pd.DataFrame,
    support: Support = EVERYTHING,
    computed: Mapping[Hashable, Collection[Hashable]] = MappingProxyType({}),
) -> list[DependentColumn]:
    """Find columns that the level of another column, or an interval of it, determines in all rows.

    Of two columns that determine each other, the one with labels is kept. `computed` maps columns
    that others determine already to those.
    """
    share = min(1.0, (MANY_COLUMNS / max(1, frame.shape[1])) ** 2)  # of pairs, time is the same
    rows = _sample(frame, max(MIN_ROWS, round(share * MAX_ROWS)))
    sample, some = frame.iloc[rows], support.take(rows)
    coded = [Coded.read(sample[name], some) for name in frame.columns]
    columns = [column for column in coded if column is not None and len(column.counts) > 1]
    place = {column.name: i for i, column in enumerate(columns)}
    parents = {name: set(parts) for name, parts in computed.items()}
    # By levels of the coarsest column, otherwise by intervals of the finest.
    by_levels = [c for c in columns if c.has_few_levels(support.least)]
    by_levels.sort(key=lambda c: (len(c.counts), not c.has_labels))
    by_intervals = [c for c in columns if c.numbers is not None]
    by_intervals.sort(key=lambda c: -c.n_numbers)
    supported = [c.people >= support.least for c in by_levels]
    found = []
    for column in sorted(columns, key=lambda c: (c.has_labels, -place[c.name])):
        if len(column.counts) > MAX_LEVELS or column.name in computed:
            continue
        for i, of in enumerate([*by_levels, *by_intervals]):
            is_own = of is column or column.name in parents.get(of.name, ())
            if is_own or (of.name in parents and column.name in _lineage(of.name, parents)):
                continue
            is_found = (
                of.fixes(column, supported[i]) if i < len(by_levels) else of.separates(column, some)
            )
            if is_found and _follows(frame, column.name, of.name, support, len(rows)):
                parents[column.name] = {of.name}
                found.append(DependentColumn(column.name, of.name))
                logger.info("column %r is determined by column %r", column.name, of.name)
                break
    return found


def _lineage(name: Hashable, parents: Mapping[Hashable, set[Hashable]]) -> set[Hashable]:
    """Return a column, the columns that determine it, and so on."""
    return {name}.union(*(_lineage(parent, parents) for parent in parents.get(name, ())))


def _follows(
    frame: pd.DataFrame, column: Hashable, of: Hashable, support: Support, n_seen: int
) -> bool:
    """Check all rows, after a test on a sample of some."""
    if len(frame) <= n_seen:
        return True
    own, other = Coded.read(frame[of], support), Coded.read(frame[column], support)
    if own is None or other is None:
        return False
    return own.determines(other, support.least) or own.separates(other, support)
