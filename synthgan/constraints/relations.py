"""Find columns that others determine, by lookup or by a formula; changes no table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.base import Constraint
from synthgan.constraints.formulas import FORMULAS, Formula
from synthgan.constraints.lookups import DependentColumn
from synthgan.encoding.tables.column import LEVEL_KINDS, Column
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support

__all__ = ["Coded", "find_dependent_columns", "find_formulas", "find_relations"]

logger = logging.getLogger(__name__)

MAX_ROWS = 50_000
MAX_ROWS_OF_FORMULAS = 5_000
N_SCREENED = 64  # rows on which every formula is tested
MAX_NEIGHBOURS = 48  # columns that are candidates for a column's formula
MAX_LEVELS = 1_000
# A relation is accepted if independent columns would show it with probability exp(-EVIDENCE).
EVIDENCE = 20.0
MIN_SHARE = 0.95
MIN_DISTINCT = 20
_FEWEST_MIDDLE = 10  # ratios on either side of the median


def find_relations(frame: pd.DataFrame, support: Support = EVERYTHING) -> list[Constraint]:
    """Find columns that are determined by others.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
        Levels of fewer people are ignored.

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
    found: list[Constraint] = [*find_dependent_columns(frame, support)]
    dropped = {constraint.rewrites[0] for constraint in found}
    found += find_formulas(frame[[name for name in frame.columns if name not in dropped]])
    return found


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


@dataclass(frozen=True)
class _Candidate:
    """A formula over numbered columns, and the number of rows it gives within half a step."""

    column: int
    kind: str
    a: int
    b: int | None
    factor: float
    exactness: float


def find_formulas(frame: pd.DataFrame) -> list[Formula]:
    """Find columns of numbers that are given by a formula of others in 95 % of the rows.

    Deviations within the rounding of the columns are allowed. A formula is accepted only if its
    parts are needed: it must also hold in the rows where the median of the column, or one part
    alone, fails. With more than 48 columns of numbers, each is tested with the 47 columns of the
    highest rank correlation.
    """
    names, numbers = _read_numbers(frame.iloc[_sample(frame, MAX_ROWS_OF_FORMULAS)])
    if len(names) < 2 or len(numbers) < N_SCREENED:
        return []
    steps = np.array([_step(numbers[:, i]) for i in range(len(names))])
    candidates = [
        found
        for column, kind, a, b in _screen(numbers, steps)
        if (found := _test(numbers, steps, column, kind, a, b)) is not None
    ]
    # Of equivalent formulas: the most exact, then that of the last column.
    candidates.sort(key=lambda c: (-round(c.exactness, 1), c.b is not None, -c.column))
    taken: dict[int, set[int]] = {}
    formulas = []
    for c in candidates:
        inputs = {c.a} if c.b is None else {c.a, c.b}
        if c.column in taken or any(c.column in _inputs(i, taken) for i in inputs):
            continue
        taken[c.column] = inputs
        b = None if c.b is None else names[c.b]
        formulas.append(Formula(names[c.column], c.kind, names[c.a], b, c.factor))
        logger.info("column %r is given by a formula: %r", names[c.column], formulas[-1])
    return formulas


def _inputs(column: int, taken: dict[int, set[int]]) -> set[int]:
    """Return a column and all columns from which it is computed."""
    return {column}.union(*(_inputs(i, taken) for i in taken.get(column, ())))


def _read_numbers(frame: pd.DataFrame) -> tuple[list[Hashable], np.ndarray]:
    """Return the columns with many numbers, NaN where missing."""
    names: list[Hashable] = []
    arrays = []
    for name in frame.columns:
        series = frame[name]
        if not pd.api.types.is_numeric_dtype(series.dtype) or series.nunique() < MIN_DISTINCT:
            continue
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isinf(values).any() and np.nanmax(np.abs(values)) < 1e100:
            names.append(name)
            arrays.append(values)
    return names, np.column_stack(arrays) if arrays else np.empty((len(frame), 0))


def _step(values: np.ndarray) -> float:
    """Return the rounding step of a column, from the decimals of 90 % of its values."""
    values = values[~np.isnan(values)]
    for decimals in range(9):
        if np.mean(np.round(values, decimals) == values) >= 0.9:
            return float(10.0**-decimals)
    return float(1e-9 * np.median(np.abs(values)))


def _tolerance(
    kind: str, formula: np.ndarray, a: np.ndarray, b: np.ndarray, steps: tuple[Any, ...], k: Any
) -> np.ndarray:
    """Return the largest deviation from the formula (factor `k`) that rounding can explain."""
    own, of_a, of_b = (step / 2 for step in steps)
    if kind == "a":
        spread = np.abs(k) * of_a
    elif kind in ("a + b", "a - b"):
        spread = np.abs(k) * (of_a + of_b)
    else:
        spread = np.abs(formula) * (of_a / np.abs(a) + of_b / np.abs(b))
    return (own + spread) * (1 + 1e-6)


def _screen(numbers: np.ndarray, steps: np.ndarray) -> Iterator[tuple[int, str, int, int]]:
    """Yield the formulas that hold in most of a few rows."""
    rows = np.linspace(0, len(numbers) - 1, N_SCREENED).astype(int)
    few = numbers[rows]
    for i, near in enumerate(_neighbours(numbers)):
        own = few[:, i, None, None]
        a, b = few[:, near, None], few[:, None, near]
        of_a, of_b = steps[near, None], steps[None, near]
        shape = (len(few), len(near), len(near))
        for kind, function in FORMULAS.items():
            with np.errstate(all="ignore"):
                plain = np.broadcast_to(function(a, b), shape)
                factor: Any = 1.0 if kind in ("a + b", "a - b") else _median(own / plain)
                formula = factor * plain
                allowed = _tolerance(kind, formula, a, b, (steps[i], of_a, of_b), factor)
                agrees = np.abs(own - formula) <= 2 * allowed
                present = ~np.isnan(own - plain)
            found = agrees.sum(axis=0) >= 0.85 * np.maximum(present.sum(axis=0), 10)
            for j, k in near[np.argwhere(found)]:
                if _is_new(kind, i, j, k):
                    yield i, kind, int(j), int(k)


def _neighbours(numbers: np.ndarray) -> np.ndarray:
    """Return the candidate columns of each column's formula: itself, and the most correlated.

    If there are few columns, all are candidates: the cost grows with the square of their number.
    """
    n_columns = numbers.shape[1]
    n_near = min(n_columns, MAX_NEIGHBOURS)
    ranks = pd.DataFrame(numbers).rank().to_numpy()
    ranks = np.nan_to_num(ranks - np.nanmean(ranks, axis=0))
    ties = np.abs(ranks.T @ ranks)
    ties /= np.maximum(np.linalg.norm(ranks, axis=0), np.finfo(float).tiny)  # of the other column
    np.fill_diagonal(ties, np.inf)
    return np.sort(np.argpartition(-ties, n_near - 1, axis=1)[:, :n_near], axis=1)


def _is_new(kind: str, column: int, a: int, b: int) -> bool:
    """Return whether the columns differ, and are in the canonical order of equivalent formulas."""
    if kind == "a":
        return a != column and b == column  # b is not used: take one value
    return len({column, a, b}) == 3 and (a < b or kind in ("a - b", "a / b"))


def _median(ratios: np.ndarray) -> np.ndarray:
    """Return medians over the first axis without NaN; faster than numpy's nanmedian."""
    ordered = np.sort(ratios, axis=0)  # NaN last
    middle = np.maximum((~np.isnan(ratios)).sum(axis=0) - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None], axis=0)[0]


def _middle(ratios: np.ndarray) -> float:
    """Return the mean of the middle tenth of ratios, which no single row determines."""
    ordered = np.sort(ratios[~np.isnan(ratios)])
    if not len(ordered):
        return float("nan")
    half = max(_FEWEST_MIDDLE, len(ordered) // 20)
    middle = len(ordered) // 2
    return float(ordered[max(0, middle - half) : middle + half + 1].mean())


def _test(
    numbers: np.ndarray, steps: np.ndarray, column: int, kind: str, a: int, b: int
) -> _Candidate | None:
    """Test a formula on all rows; None unless it holds and needs all its parts."""
    has_b = kind != "a"
    used = [column, a, b] if has_b else [column, a]
    rows = ~np.isnan(numbers[:, used]).any(axis=1)
    own, left, right = numbers[rows][:, [column, a, b]].T
    if len(own) < N_SCREENED:
        return None
    own_steps = (steps[column], steps[a], steps[b])

    def misses(factor: float, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the deviation from the formula in each row."""
        return np.abs(own - factor * FORMULAS[kind](left, right))

    with np.errstate(all="ignore"):
        plain = FORMULAS[kind](left, right)
        factor = 1.0
        if kind not in ("a + b", "a - b"):
            factor = _middle(own / plain)
        if not np.isfinite(factor) or factor == 0:
            return None
        allowed = _tolerance(kind, factor * plain, left, right, own_steps, factor)
        factor = _simplest(factor, lambda f: float(np.mean(misses(f, left, right) <= allowed)))
        agrees = misses(factor, left, right) <= allowed
        if agrees.mean() < MIN_SHARE or np.mean(np.abs(own - np.median(own)) > allowed) < 0.5:
            return None
        if has_b:
            alone = (left, np.median(right)), (np.median(left), right)
            for parts in alone:
                is_needed = misses(factor, *parts) > allowed
                if is_needed.sum() < N_SCREENED / 2 or agrees[is_needed].mean() < 0.9:
                    return None
        exactness = float(np.mean(misses(factor, left, right) <= steps[column] / 2 * (1 + 1e-6)))
    return _Candidate(column, kind, a, b if has_b else None, factor, exactness)


def _simplest(factor: float, share: Callable[[float], float], allowance: float = 0.01) -> float:
    """Return the simplest number near a factor that fits about equally well."""
    best = share(factor)
    power = np.floor(np.log10(abs(factor)))
    mantissa = factor / 10.0**power
    candidates = [float(Fraction(mantissa).limit_denominator(largest)) for largest in (1, 2, 4, 12)]
    candidates += [float(np.round(mantissa, digits)) for digits in range(1, 7)]
    for candidate in candidates:
        simple = float(np.round(candidate * 10.0**power, int(12 - power)))
        if simple and share(simple) >= best - allowance:
            return simple
    return factor
