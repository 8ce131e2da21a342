"""Find columns that others determine, by lookup or by a formula; changes no table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.constraints.base import Constraint
from synthgan.constraints.formula_search import FormulaSearch
from synthgan.constraints.lookups import DependentColumn
from synthgan.encoding.tables.column import LEVEL_KINDS, Column
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["Coded", "find_dependent_columns", "find_relations"]

logger = logging.getLogger(__name__)

MAX_ROWS = 50_000
MAX_ROWS_OF_FORMULAS = 5_000
MAX_LEVELS = 1_000
# A relation is accepted if independent columns would show it with probability exp(-EVIDENCE).
EVIDENCE = 20.0
MIN_SHARE = 0.95


def find_relations(
    frame: pd.DataFrame,
    support: Support = EVERYTHING,
    fixed: Collection[Hashable] = (),
    no_formula: Collection[Hashable] = (),
) -> list[Constraint]:
    """Find columns that are determined by others, of which a formula is better than a look-up.

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
    constraints : list of DependentColumn and Formula
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
    search = FormulaSearch(frame[[n for n in frame if n not in set(no_formula)]].iloc[some])
    exact = search.choose(fixed, exact=True)
    computed = {formula.column for formula in exact}
    looked_up = find_dependent_columns(frame[[n for n in frame if n not in computed]], support)
    return [*looked_up, *exact, *search.choose(fixed, {one.column for one in looked_up})]


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
        return cls(series.name, codes, counts, people, column.kind in LEVEL_KINDS)

    def determines(self, other: Coded, least: int) -> bool:
        """Return whether levels of `least` people determine `other`, and not by chance."""
        if len(self.counts) > min(MAX_LEVELS, len(self.codes) / 5):
            return False
        is_supported = self.people >= least
        if self.counts[is_supported].sum() < MIN_SHARE * len(self.codes):
            return False
        return self.fixes(other, is_supported)

    def fixes(self, other: Coded, some: np.ndarray | None = None) -> bool:
        """Return whether this column determines `other`, which is not constant on `some` levels."""
        first = np.zeros(len(self.counts), dtype=np.int64)
        first[self.codes[::-1]] = other.codes[::-1]
        if (other.codes != first[self.codes]).any():
            return False
        if len(np.unique(first if some is None else first[some])) < 2:
            return False
        log_share = np.log(other.counts / len(other.codes))
        # Log probability that all rows of each level agree with its first row under independence.
        chance = (other.counts * log_share).sum() - log_share[first].sum()
        return bool(-chance >= EVIDENCE)


def find_dependent_columns(
    frame: pd.DataFrame, support: Support = EVERYTHING
) -> list[DependentColumn]:
    """Find columns that the level of another column determines in all rows.

    Of two columns that determine each other, the one with labels is kept.
    """
    rows = _sample(frame, MAX_ROWS)
    sample, some = frame.iloc[rows], support.take(rows)
    coded = [Coded.read(sample[name], some) for name in frame.columns]
    columns = [column for column in coded if column is not None and len(column.counts) > 1]
    place = {column.name: i for i, column in enumerate(columns)}
    parents: dict[Hashable, Hashable] = {}
    for column in sorted(columns, key=lambda c: (c.has_labels, -place[c.name])):
        if len(column.counts) > MAX_LEVELS:
            continue
        for of in sorted(columns, key=lambda c: (len(c.counts), not c.has_labels)):
            if column.name in _lineage(of.name, parents):
                continue
            if of.determines(column, support.least) and _follows(frame, column.name, of.name):
                parents[column.name] = of.name
                logger.info("column %r is determined by column %r", column.name, of.name)
                break
    return [DependentColumn(column, of) for column, of in parents.items()]


def _lineage(name: Hashable, parents: dict[Hashable, Hashable]) -> Iterator[Hashable]:
    """Yield a column, the column that determines it, and so on."""
    yield name
    while name in parents:
        name = parents[name]
        yield name


def _follows(frame: pd.DataFrame, column: Hashable, of: Hashable) -> bool:
    """Check all rows, after a test on a sample."""
    if len(frame) <= MAX_ROWS:
        return True
    pairs = frame[[column, of]].drop_duplicates()
    return not pairs[of].duplicated().any()
