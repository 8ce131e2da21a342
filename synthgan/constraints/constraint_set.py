"""All constraints of a table: their order, and automatically found constraints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from synthgan.constraints.base import Constraint, Predicate, Range, Translated
from synthgan.constraints.computed import ComputedColumn
from synthgan.constraints.differences import Inequality
from synthgan.constraints.formulas import Formula
from synthgan.constraints.frequent_combinations import (
    FrequentCombinations,
    find_frequent_combinations,
)
from synthgan.constraints.identifiers import Identifier, find_identifiers
from synthgan.constraints.lookups import DependentColumn, FixedCombinations
from synthgan.constraints.quotients import Quotient
from synthgan.constraints.rare_labels import RareLabels, find_rare_labels
from synthgan.constraints.relations import find_relations
from synthgan.constraints.shared_values import SharedValue
from synthgan.constraints.usual_labels import UsualLabel
from synthgan.constraints.weighted_sums import WeightedSum
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import Support
from synthgan.state import fields
from synthgan.state.stored import one_class_of

__all__ = ["CONSTRAINTS", "ConstraintSet"]

Rewrite = Callable[[pd.DataFrame], pd.DataFrame]

CONSTRAINTS: dict[str, type[Constraint]] = {
    constraint.__name__: constraint
    for constraint in (
        DependentColumn, FixedCombinations, Formula, FrequentCombinations, Identifier, Inequality,
        Predicate, Quotient, RareLabels, Range, SharedValue, UsualLabel, WeightedSum,
    )
}  # fmt: skip

_NO_COLUMN = "(no column)"


class ConstraintSet:
    """A set of constraints that all hold.

    Parameters
    ----------
    constraints : sequence of Constraint, default=()
        Constraints of the user; they are cloned.
    min_support : int, default=1
        Values that fewer people share are not stored.
    checks_only : bool, default=False
        Whether no column is transformed and nothing is learnt: `holds` finds the rows that satisfy
        the constraints, the others are drawn again.

    Attributes
    ----------
    constraints_ : list of Constraint
        Fitted, in the order of `apply`: a constraint that reads a column comes before one that
        transforms it.
    columns_ : list of hashable
        Columns of the original table.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.constraint_set import ConstraintSet
    >>> from synthgan.constraints.differences import Inequality
    >>> frame = pd.DataFrame({"a": [1, 5, 3], "b": [2, 5, 9], "c": [4, 6, 9]})
    >>> constraints = ConstraintSet([Inequality("a", "b"), Inequality("b", "c")]).fit(frame)
    >>> constraints.apply(frame).to_numpy().tolist()
    [[1, 1, 2], [5, 0, 1], [3, 6, 0]]
    >>> rng = np.random.default_rng()
    >>> constraints.restore(constraints.apply(frame), rng).equals(frame)
    True
    """

    def __init__(
        self,
        constraints: Sequence[Constraint] = (),
        min_support: int = 1,
        checks_only: bool = False,
    ) -> None:
        self.constraints = constraints
        self.min_support = min_support
        self.checks_only = checks_only

    def fit(
        self,
        frame: pd.DataFrame,
        find: bool = True,
        condition_columns: Sequence[Hashable] = (),
        people: np.ndarray | None = None,
        key: Hashable | None = None,
        in_order: bool = False,
        leave: tuple[type[Constraint], ...] = (),
    ) -> ConstraintSet:
        """Fit all constraints.

        Parameters
        ----------
        frame : DataFrame
        find : bool, default=True
            Whether to search for identifiers, dependent columns and formulas. Those that conflict
            with the user's constraints are left out.
        condition_columns : sequence of hashable
            Columns that may have conditions individually. The residual of a formula cannot be
            computed without the other columns, so no formula is searched among these.
        people : ndarray of int of shape (n_rows,), or None, default=None
            The person of each row; None: each row is a different person.
        key : hashable or None, default=None
            The column that identifies the person: its values are replaced by new ones.
        in_order : bool, default=False
            Whether rows that belong together are in an order, in which they repeat labels.
        leave : tuple of subclasses of Constraint, default=()
            Kinds of relations that are not searched for.

        Raises
        ------
        ParameterError
            Conflicting constraints.
        DataError
            A missing column, rows that violate a constraint, or a column of free text.
        """
        self.columns_ = list(frame.columns)
        support = Support(self.min_support, people)
        chosen: list[Constraint] = []
        for constraint in self.constraints or ():
            self._refuse_unknown(constraint)
            if (clash := _clash(chosen, constraint)) is not None:
                raise ParameterError(clash)
            chosen.append(clone(constraint))
        found: list[Identifier] = []
        given = list(chosen)
        if find:
            rewritten = {name for constraint in given for name in constraint.uses}
            free = [name for name in frame.columns if name not in rewritten]
            found = find_identifiers(frame[free], people, key, self.min_support, condition_columns)
            chosen += [one for one in found if _clash(chosen, one) is None]
            named = {constraint.column for constraint in found}
            words = frame[[name for name in free if name not in named]]
            chosen += find_rare_labels(words, support, in_order, condition_columns)
        if self.checks_only:
            frame, support = frame.iloc[:0], Support()
        first = _fit_stage(0, chosen, frame, support)
        frame = _apply_in_order(frame, [(c, c.apply) for c in first])
        if find:
            named = {constraint.column for constraint in [*found, *_identifiers(given)]}
            rest = frame[[name for name in frame.columns if name not in named]]
            fixed = {n for one in given if not isinstance(one, Range) for n in one.rewrites}
            for one in find_relations(rest, support, fixed, condition_columns):
                if not isinstance(one, leave) and _clash(chosen, one) is None:
                    chosen.append(one)
        relations = _fit_stage(1, chosen, frame, support)
        last: list[Constraint] = []
        finds_last = find and not in_order and not self.checks_only
        if finds_last or any(constraint.stage == 2 for constraint in chosen):
            frame = _apply_in_order(frame, [(c, c.apply) for c in relations])
            if finds_last:
                kept = [name for name in frame.columns if name in set(self.columns_)]
                chosen += _find_last(frame[kept], support, chosen, condition_columns)
            last = _fit_stage(2, chosen, frame, support)
        self.constraints_ = [*first, *relations, *last]
        return self

    @property
    def residuals(self) -> list[Hashable]:
        """Columns that hold residuals of a formula after `apply`."""
        return [c.column for c in self._transformers if isinstance(c, ComputedColumn)]

    @property
    def _transformers(self) -> Sequence[Constraint]:
        return () if self.checks_only else self.constraints_

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Transform a table; returns `frame` itself if there is nothing to transform.

        If no column is left, as all identify rows, a constant one stands in for them.
        """
        table = _apply_in_order(
            frame, [(constraint, constraint.apply) for constraint in self._transformers]
        )
        return table if table.shape[1] else pd.DataFrame({_NO_COLUMN: 0}, index=frame.index)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Restore the original columns, in their order; inverse of `apply`.

        Parameters
        ----------
        table : DataFrame
            With the columns of `apply`, and any values.
        rng : Generator
            For new identifiers.

        Returns
        -------
        frame : DataFrame
            All constraints hold, except a `Predicate`.
        """
        steps: list[tuple[Constraint, Rewrite]] = [
            (constraint, partial(constraint.restore, rng=rng))
            for constraint in reversed(self._transformers)
        ]
        steps += [
            (constraint, constraint.blank_violations)  # a range may have moved its upper column
            for constraint in self._transformers
            if isinstance(constraint, Inequality)
        ]
        if list(table.columns) == [_NO_COLUMN] and _NO_COLUMN not in self.columns_:
            table = table.drop(columns=_NO_COLUMN)
        table = _apply_in_order(table, steps)
        return table if list(table.columns) == self.columns_ else table[self.columns_]

    def holds(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which rows of an original table satisfy all constraints, of shape (n_rows,)."""
        holds = np.ones(len(frame), dtype=bool)
        for constraint in self.constraints_:
            holds &= constraint.holds(frame)
        return holds

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Map known cells to the transformed columns; see `Constraint.translate`."""
        for constraint in self._transformers:
            known, mask = constraint.translate(known, mask, rng)
        if not known.shape[1]:
            known = pd.DataFrame({_NO_COLUMN: 0}, index=known.index)
            mask = pd.DataFrame({_NO_COLUMN: False}, index=mask.index)
        return known, mask

    def to_dict(self) -> dict[str, Any]:
        """Return the fitted state as JSON-ready plain data."""
        record = {
            "min_support": self.min_support,
            "columns": self.columns_,
            "constraints": [constraint.to_dict() for constraint in self.constraints_],
        }
        return {**record, "checks_only": True} if self.checks_only else record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ConstraintSet:
        """Build a fitted set from the output of `to_dict`.

        Raises
        ------
        ArchiveError
            An invalid record.
        DataError
            A constraint on a missing column.
        """
        read = fields.read_fields(
            {"checks_only": False, **record} if isinstance(record, dict) else record,
            "constraints",
            checks_only=fields.flag,
            min_support=fields.whole(1),
            columns=fields.list_of(fields.name),
            constraints=fields.list_of(one_class_of("constraint", *CONSTRAINTS.values())),
        )
        constraints = cls(read["constraints"], read["min_support"], read["checks_only"])
        constraints.constraints_ = list(read["constraints"])
        constraints.columns_ = list(read["columns"])
        there = set(constraints.columns_)
        for constraint in constraints.constraints_:
            if not there.issuperset(constraint.uses):
                constraints._refuse_unknown(constraint)
            if there.intersection(constraint.makes):
                raise ArchiveError(f"constraint {constraint!r} makes a column that is there")
        _refuse_doubles(constraints.constraints_)
        return constraints

    def _refuse_unknown(self, constraint: Constraint) -> None:
        unknown = [name for name in constraint.uses if name not in self.columns_]
        if unknown:
            raise DataError(
                f"{constraint!r} names columns {unknown!r}, which the table lacks; it has "
                f"{self.columns_!r}."
            )


def _refuse_doubles(constraints: Sequence[Constraint]) -> None:
    """Refuse an archive in which two constraints transform the same column."""
    for of_ranges, stage in ((True, 1), (False, 1), (False, 2)):
        rewritten = [
            name
            for constraint in constraints
            if isinstance(constraint, Range) == of_ranges and constraint.stage == stage
            for name in constraint.rewrites
        ]
        if len(set(rewritten)) < len(rewritten):
            twice = next(name for name, n in Counter(rewritten).items() if n > 1)
            raise ArchiveError(f"column {fields.brief(twice)} is transformed by two constraints")


def _apply_in_order(
    table: pd.DataFrame, steps: Sequence[tuple[Constraint, Rewrite]]
) -> pd.DataFrame:
    """Apply constraints in order, passing only its own columns to each.

    Passing all columns would take time proportional to columns times constraints.
    """
    if not steps:
        return table
    columns: dict[Hashable, pd.Series] = dict(table.items())
    for constraint, rewrite in steps:
        if type(constraint) not in CONSTRAINTS.values():  # a user-defined class may read any column
            part = dict(columns)
        else:
            own = (*constraint.uses, *constraint.makes)
            part = {name: columns[name] for name in own if name in columns}
        rewritten = rewrite(_joined(part, table))
        for name in part:
            if name not in rewritten:
                del columns[name]
        columns.update(rewritten.items())
    return _joined(columns, table)


def _joined(columns: dict[Hashable, pd.Series], like: pd.DataFrame) -> pd.DataFrame:
    """Combine columns into a table."""
    frame = pd.DataFrame(dict(enumerate(columns.values())), index=like.index, copy=False)
    frame.columns = pd.Index(list(columns), name=like.columns.name)
    return frame


def _fit_stage(
    stage: int, constraints: Sequence[Constraint], frame: pd.DataFrame, support: Support
) -> list[Constraint]:
    """Fit the constraints of a stage, in order."""
    own = _in_order([constraint for constraint in constraints if constraint.stage == stage])
    for constraint in own:
        if gone := [name for name in constraint.uses if name not in frame.columns]:
            raise ParameterError(
                f"{constraint!r} names column {gone[0]!r}, which another constraint replaces; "
                "leave one of them out."
            )
    return [constraint.fit(frame, support) for constraint in own]


def _find_last(
    frame: pd.DataFrame,
    support: Support,
    chosen: Sequence[Constraint],
    condition_columns: Sequence[Hashable],
) -> list[FrequentCombinations]:
    """Find the constraints of the last stage that agree with those that are chosen."""
    if any(constraint.stage == 2 for constraint in chosen):
        return []
    return find_frequent_combinations(frame, support, condition_columns)


def _identifiers(constraints: Sequence[Constraint]) -> list[Identifier]:
    return [constraint for constraint in constraints if isinstance(constraint, Identifier)]


def _clash(chosen: Sequence[Constraint], new: Constraint) -> str | None:
    """Describe the conflict of a constraint with others; None if there is none."""
    for old in chosen:
        shared = set(old.uses) & set(new.uses)
        if shared and _identifiers([old, new]):
            name = shared.pop()
            return f"column {name!r} is an identifier; {old!r} and {new!r} cannot both use it."
        rewritten = set(old.rewrites) & set(new.rewrites)
        if old.stage != new.stage:
            continue
        if rewritten and isinstance(old, Range) == isinstance(new, Range):
            name = rewritten.pop()
            return f"column {name!r} is transformed by both {old!r} and {new!r}; leave one out."
    try:
        _in_order([*chosen, new])
    except CycleError:
        return f"{new!r} makes a circular dependence between columns; leave it out."
    return None


def _in_order(constraints: Sequence[Constraint]) -> list[Constraint]:
    """Order constraints of a stage: readers of a column, ranges, transformers."""
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for i, constraint in enumerate(constraints):
        sorter.add(i, *(j for j, other in enumerate(constraints) if _precedes(other, constraint)))
    return [constraints[i] for i in sorter.static_order()]


def _precedes(first: Constraint, second: Constraint) -> bool:
    if first is second or first.stage != second.stage:
        return False
    reads: set[Hashable] = set(first.uses) - set(first.rewrites)
    both = set(first.rewrites) & set(second.rewrites)
    return bool(reads & set(second.rewrites)) or (bool(both) and isinstance(first, Range))
