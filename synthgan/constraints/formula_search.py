"""Find columns that a formula of others gives; changes no table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.formulas import FORMULAS, Formula, keeps_dates
from synthgan.constraints.number_columns import MIN_DISTINCT, MIN_SHARE, N_SCREENED, Numbers

__all__ = ["FormulaSearch"]

logger = logging.getLogger(__name__)

MAX_NEIGHBOURS = 48  # columns that are candidates for a column's formula
MAX_NEIGHBOURS_OF_THREE = 10  # for formulas of three columns
_FEWEST_DISTINCT = 5  # values of a column that may not
_FEWEST_MIDDLE = 10  # ratios on either side of the median
_ALLOWANCE = 0.01  # share of rows that a simpler number may fit fewer
_PERFECT = 2.0  # all rows agree, within rounding of the column alone and of all columns
# Seconds, minutes, hours, days, weeks, months and years in a day.
_PER_DAY = (
    86_400.0,
    1440.0,
    24.0,
    1.0,
    1 / 7,
    1 / 30.4375,
    1 / 30,
    1 / 365.25,
    1 / 365.2425,
    1 / 365,
)


@dataclass(frozen=True)
class _Candidate:
    """A formula over numbered columns, and the share of rows it gives within half a step."""

    column: int
    kind: str
    parts: tuple[int, ...]
    factor: float
    offset: float
    exactness: float
    equality: float  # share of rows that need no rounding
    rank: int = 1
    unit_days: float = 1.0

    @property
    def order(self) -> tuple[Any, ...]:
        """Of equivalent formulas: the most exact, the simplest, then that of the last column."""
        exactness, equality = -round(self.exactness, 1), -round(self.equality, 1)
        n_parts, has_offset = len(self.parts), self.offset != 0
        return (exactness, self.rank, n_parts, equality, has_offset, -self.column)


class FormulaSearch:
    """Columns of numbers that are given by a formula of others in 95 % of the rows.

    Deviations within the rounding of the columns are allowed. A formula is accepted only if its
    parts are needed: it must also hold in the rows where the median of the column, or of one part,
    fails. Columns of fewer than 20 values must follow it in all rows. With more than 48 columns of
    numbers, each is tested with the 47 columns of the highest rank correlation; formulas of three
    columns with 9.

    Parameters
    ----------
    frame : DataFrame
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.numbers = Numbers.read(frame)
        self.candidates: list[_Candidate] = []
        self.taken: dict[int, set[int]] = {}
        if len(self.numbers.names) < 2 or len(frame) < N_SCREENED:
            return
        for column, kind, parts in _screen(self.numbers):
            if (found := _test(self.numbers, column, kind, parts)) is not None:
                self.candidates += _as_dates(self.numbers, found)
        self.candidates.sort(key=lambda c: c.order)

    def choose(
        self,
        fixed: Collection[Hashable] = (),
        gone: Collection[Hashable] = (),
        exact: bool = False,
    ) -> list[Formula]:
        """Return formulas that are not chosen yet, no two of one column or in a circle.

        Parameters
        ----------
        fixed : collection of hashable
            Columns that a formula may use, but not determine.
        gone : collection of hashable
            Columns that it may not use either.
        exact : bool, default=False
            Whether only formulas that hold in all rows.
        """
        names = self.numbers.names
        formulas = []
        for c in self.candidates:
            if (exact and c.exactness < 1) or names[c.column] in fixed or c.column in self.taken:
                continue
            if any(names[i] in gone for i in (c.column, *c.parts)):
                continue
            if any(c.column in self._inputs(part) for part in c.parts):
                continue
            self.taken[c.column] = set(c.parts)
            a, b, third = (*(names[part] for part in c.parts), None, None)[:3]
            formula = Formula(names[c.column], c.kind, a, b, c.factor, third, c.offset, c.unit_days)
            logger.info("column %r is given by a formula: %r", names[c.column], formula)
            formulas.append(formula)
        return formulas

    def _inputs(self, column: int) -> set[int]:
        """Return a column and all columns from which it is computed."""
        return {column}.union(*(self._inputs(i) for i in self.taken.get(column, ())))


def _spread(kind: str, formula: Any, parts: Sequence[Any], steps: Any, factor: Any) -> Any:
    """Return the deviation that the rounding of the parts explains, in each row."""
    is_sum, weights = FORMULAS[kind]
    if is_sum:
        return np.abs(factor) * sum(steps) / 2
    of_parts = (abs(w) * s / np.abs(p) for w, p, s in zip(weights, parts, steps, strict=True))
    return np.abs(formula) * sum(of_parts) / 2


def _screen(numbers: Numbers) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Yield the formulas that hold in most of a few rows."""
    rows = np.linspace(0, len(numbers.values) - 1, N_SCREENED).astype(int)
    few = numbers.values[rows]
    near_by_size = {
        n: _neighbours(numbers.values, MAX_NEIGHBOURS_OF_THREE if n == 3 else MAX_NEIGHBOURS)
        for n in (1, 2, 3)
    }
    for i in np.flatnonzero(numbers.n_distinct >= _FEWEST_DISTINCT):
        is_exact = numbers.n_distinct[i] < MIN_DISTINCT
        for kind, of in FORMULAS.items():
            n_parts = len(of.weights)
            near = near_by_size[n_parts][i]
            shapes = [[1] * j + [-1] + [1] * (n_parts - j - 1) for j in range(n_parts)]
            parts = [few[:, near].reshape(len(few), *shape) for shape in shapes]
            steps = [numbers.steps[near].reshape(shape) for shape in shapes]
            own = few[:, i].reshape(-1, *[1] * n_parts)
            step, has_dates = numbers.own_steps[i], bool(numbers.are_dates.any())
            found = _agreeing(kind, own, parts, steps, step, is_exact, has_dates)
            for places in np.argwhere(found):
                columns = tuple(int(j) for j in near[places])
                if _is_new(kind, int(i), columns, numbers.are_dates):
                    yield int(i), kind, columns


def _agreeing(
    kind: str,
    own: np.ndarray,
    parts: Sequence[Any],
    steps: Any,
    step: float,
    exact: bool,
    has_dates: bool,
) -> np.ndarray:
    """Return for which parts a variant of the formula holds in most of the rows."""
    with np.errstate(all="ignore"):
        plain = FORMULAS[kind](parts)
        present = ~np.isnan(own - plain)
        needed = (0.98 if exact else 0.85) * np.maximum(present.sum(axis=0), 10)
        found = np.zeros(plain.shape[1:], dtype=bool)
        for variant in _variants(kind, has_dates):
            factor, offset = _fit(variant, own, plain, _median)
            formula = factor * plain
            allowed = (step / 2 + _spread(kind, formula, parts, steps, factor)) * (1 + 1e-6)
            agrees = np.abs(own - formula - offset) <= 2 * allowed
            found |= agrees.sum(axis=0) >= needed
    return found


def _variants(kind: str, has_dates: bool) -> Sequence[str]:
    """Return how a kind of formula is fitted; offsets are for one column, and between dates."""
    if not FORMULAS[kind].is_sum:
        return ("scaled",)
    if kind == "a" or (kind == "a - b" and has_dates):
        return ("plain", "scaled", "affine")
    return ("plain", "scaled") if len(FORMULAS[kind].weights) < 3 else ("plain",)


def _fit(
    variant: str, own: np.ndarray, plain: np.ndarray, middle: Callable[[np.ndarray], Any]
) -> tuple[Any, Any]:
    """Return factor and offset of a formula, by medians over the first axis."""
    if variant == "plain":
        return 1.0, 0.0
    if variant == "scaled":
        return middle(own / plain), 0.0
    # Slopes between rows of low and of high values.
    own = np.broadcast_to(own, plain.shape)
    gaps = np.isnan(own - plain)
    order = np.argsort(np.where(gaps, np.nan, plain), axis=0)
    n_pairs = (~gaps).sum(axis=0) // 2
    x, y = (np.take_along_axis(values, order, axis=0) for values in (plain, own))
    partner = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) + n_pairs
    partner = np.minimum(partner, len(x) - 1)
    rise = np.take_along_axis(y, partner, axis=0) - y
    run = np.take_along_axis(x, partner, axis=0) - x
    is_pair = np.arange(len(x)).reshape(partner.shape[0], *[1] * (x.ndim - 1)) < n_pairs
    factor = middle(np.where(is_pair & (run > 0), rise / run, np.nan))
    return factor, middle(own - factor * plain)


def _neighbours(numbers: np.ndarray, most: int = MAX_NEIGHBOURS) -> np.ndarray:
    """Return the candidate columns of each column's formula: itself, and the most correlated.

    If there are few columns, all are candidates: the cost grows with the square of their number.
    """
    n_columns = numbers.shape[1]
    n_near = min(n_columns, most)
    ranks = pd.DataFrame(numbers).rank().to_numpy()
    ranks = np.nan_to_num(ranks - np.nanmean(ranks, axis=0))
    ties = np.abs(ranks.T @ ranks)
    ties /= np.maximum(np.linalg.norm(ranks, axis=0), np.finfo(float).tiny)  # of the other column
    np.fill_diagonal(ties, np.inf)
    return np.sort(np.argpartition(-ties, n_near - 1, axis=1)[:, :n_near], axis=1)


def _is_new(kind: str, column: int, parts: tuple[int, ...], are_dates: np.ndarray) -> bool:
    """Return whether the columns differ, and are in the canonical order of equivalent formulas."""
    if len({column, *parts}) <= len(parts):
        return False
    weights = FORMULAS[kind].weights
    pairs = combinations(zip(weights, parts, strict=True), 2)
    if any(w == v and i > j for (w, i), (v, j) in pairs):
        return False
    return keeps_dates(kind, [bool(are_dates[i]) for i in (column, *parts)])


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


def _test(numbers: Numbers, column: int, kind: str, columns: tuple[int, ...]) -> _Candidate | None:
    """Test a formula on all rows; None unless it holds and needs all its parts."""
    some = numbers.values[:, [column, *columns]]
    own, *parts = some[~np.isnan(some).any(axis=1)].T
    if len(own) < N_SCREENED:
        return None
    step, steps = numbers.own_steps[column], numbers.steps[list(columns)]
    are_dates = numbers.are_dates[[column, *columns]].tolist()
    may_deviate = numbers.n_distinct[column] >= MIN_DISTINCT
    with np.errstate(all="ignore"):
        plain = FORMULAS[kind](parts)
        for variant in _variants(kind, any(are_dates)):
            known = _PER_DAY if any(are_dates) else ()
            found = _fitted(variant, kind, own, plain, parts, steps, step, known)
            if found is None or not keeps_dates(kind, are_dates, found[0]):
                continue
            factor, offset, allowed = found
            misses = np.abs(own - factor * plain - offset)
            agrees = misses <= allowed
            is_exact = bool((misses <= step / 2 * (1 + 1e-6)).all())
            n_varied = np.sum(np.abs(own - np.median(own)) > allowed)
            is_varied = n_varied >= (N_SCREENED / 2 if is_exact else len(own) / 2)
            if agrees.mean() < MIN_SHARE or not is_varied or not (is_exact or may_deviate):
                continue
            if all(_needs(i, kind, own, parts, agrees, *found) for i in range(len(parts))):
                exactness = float(np.mean(misses <= step / 2 * (1 + 1e-6)))
                rank = 2 if are_dates[0] else 1
                equality = float(np.mean(misses <= step * 1e-6))
                return _Candidate(column, kind, columns, factor, offset, exactness, equality, rank)
    return None


def _fitted(
    variant: str,
    kind: str,
    own: np.ndarray,
    plain: np.ndarray,
    parts: Sequence[np.ndarray],
    steps: np.ndarray,
    step: float,
    known: Sequence[float],
) -> tuple[float, float, np.ndarray] | None:
    """Return factor and offset as simple numbers, and the deviation allowed in each row."""
    factor, offset = _fit(variant, own, plain, _middle)
    if not np.isfinite(factor) or factor == 0 or (kind == "a - b" and factor < 0):
        return None
    allowed = (step / 2 + _spread(kind, factor * plain, parts, steps, factor)) * (1 + 1e-6)

    def share(factor: float, offset: float) -> float:
        misses = np.abs(own - factor * plain - offset)
        exact = step / 2 * (1 + 1e-6)
        return float(np.mean(misses <= allowed) + np.mean(misses <= exact))

    if variant != "plain":
        is_affine = variant == "affine"
        factor = _simplest(
            factor, lambda f: share(f, _middle(own - f * plain) if is_affine else 0.0), known
        )
        if is_affine:
            offset = _simplest(_middle(own - factor * plain), lambda o: share(factor, o))
    return factor, offset, allowed


def _needs(
    i: int,
    kind: str,
    own: np.ndarray,
    parts: Sequence[np.ndarray],
    agrees: np.ndarray,
    factor: float,
    offset: float,
    allowed: np.ndarray,
) -> bool:
    """Return whether the formula fails with the median of a part, and holds with the part."""
    if len(parts) == 1:
        return True
    without = [np.median(part) if j == i else part for j, part in enumerate(parts)]
    fails = np.abs(own - factor * FORMULAS[kind](without) - offset) > allowed
    return bool(fails.sum() >= N_SCREENED / 2 and agrees[fails].mean() >= 0.9)


def _simplest(
    number: float,
    share: Callable[[float], float],
    known: Sequence[float] = (),
) -> float:
    """Return the simplest number near a number that fits about equally well.

    `share` gives the share of rows that a number fits; `known` are numbers to be tried first, from
    1 % around.
    """
    if not number or not np.isfinite(number):
        return number
    power = np.floor(np.log10(abs(number)))
    mantissa = number / 10.0**power
    candidates = [float(Fraction(mantissa).limit_denominator(largest)) for largest in (1, 2, 4, 12)]
    candidates += [float(np.round(mantissa, digits)) for digits in range(1, 7)]
    tried = [x for x in known if abs(x / number - 1) < 0.01]
    tried += [float(np.round(x * 10.0**power, int(12 - power))) for x in candidates]
    shares = {x: share(x) for x in [*tried, number] if x}
    best = max(shares.values())
    enough = best if best == _PERFECT else shares[number] - _ALLOWANCE
    return next(x for x, found in shares.items() if found >= enough)


def _as_dates(numbers: Numbers, found: _Candidate) -> Iterator[_Candidate]:
    """Yield a length of time between two dates as a formula of the later date, and as found.

    So a length that is not negative in the data stays so. It has to be short: what is computed
    from a birth date and an age would be spread over years.
    """
    are_dates = numbers.are_dates[list(found.parts)].tolist()
    if found.kind == "a - b" and all(are_dates):
        later, early = found.parts
        late = numbers.values[:, later]
        if np.nanstd(late - numbers.values[:, early]) < np.nanstd(late):
            yield replace(
                found,
                column=later,
                kind="a + b",
                parts=(early, found.column),
                factor=1.0,
                offset=0.0,
                rank=0,
                unit_days=1 / found.factor,
            )
    yield found
