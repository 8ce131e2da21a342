"""Related tables as measures compare them: read alike, each row with the row of its parent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics.compared_sets import ComparedSets, Comparison
from synthgan.metrics.measure import Measure, publish
from synthgan.metrics.score import Score
from synthgan.metrics.tables import check_tables, shuffled, to_numbers
from synthgan.records.related import (
    LinkedTables,
    RelatedTables,
    Relation,
    check_relations,
    key_codes,
    parent_name,
)
from synthgan.records.relation_finding import find_table_relations
from synthgan.records.tables import to_frame

__all__ = [
    "GIVEN",
    "ComparedTables",
    "read_sets",
    "reassigned",
    "relational_measure",
    "scattered",
    "with_shuffled_columns",
]

Surrogates = Callable[["ComparedTables", np.random.Generator], "ComparedTables"]

GIVEN = (
    "`real`, `fake` and `holdout` are dicts of str to table with the same names, or "
    "`RelatedTables`; `holdout`, or None, gives the ceiling. `relations` is a sequence of "
    "`Relation`; None or ``'auto'`` takes those of `RelatedTables`, or else finds and announces "
    "those that names and values of the real tables allow. `target` is not used. `random_state` "
    "is for the sub-samples of large tables and for the floor. Keys are never compared. Synthetic "
    "rows whose key no parent has are rows without a parent."
)


@dataclass
class ComparedTables(LinkedTables):
    """One set of related tables: cells without keys, rows by parent and in their order.

    Parameters
    ----------
    relations, frames, rows
        As in `LinkedTables`; `frames` have no keys. The row of a parent is -1 for a row
        without one.
    integrity : dict of Relation to float
        See `key_integrity`.
    """

    integrity: dict[Relation, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(self.frames[name]) for name in self.tops())

    def tops(self) -> list[str]:
        """Return the tables whose rows have no parent."""
        return [name for name in self.frames if self.owner(name) is None]

    def top(self, name: str) -> str:
        """Return the topmost table to whose rows the rows of a table belong."""
        while (relation := self.owner(name)) is not None:
            name = str(relation.parent)
        return name

    def people(self, name: str) -> np.ndarray:
        """Return the person of each row of a table: the row of the topmost table, from 0."""
        roots = self.roots(name)
        return np.arange(len(self.frames[name])) if roots is None else roots

    def ancestors(self, relation: Relation) -> list[tuple[str, np.ndarray]]:
        """Return the tables above a child with the row of each; of a link, only the parent."""
        above = [(str(relation.parent), self.rows[relation])]
        if relation != self.owner(relation.child):
            return above
        while (upper := self.owner(above[-1][0])) is not None:
            rows = above[-1][1]
            above.append((str(upper.parent), np.where(rows < 0, -1, self.rows[upper][rows])))
        return above

    def labels(self) -> dict[Relation, str]:
        """Return a short name of each relation."""
        short = {one: f"{one.child} -> {one.parent}" for one in self.relations}
        names = list(short.values())
        return {
            one: f"{name} ({', '.join(map(str, one.key))})" if names.count(name) > 1 else name
            for one, name in short.items()
        }


def read_sets(
    real: Any, fake: Any, holdout: Any, relations: Sequence[Relation] | str | None
) -> dict[str, ComparedTables]:
    """Read the sets of related tables that a measure compares.

    Parameters
    ----------
    real, fake, holdout : mapping of str to table, RelatedTables, or None
    relations : sequence of Relation, "auto" or None
        ``"auto"`` and None: those of `RelatedTables`, or else found in the real tables.

    Raises
    ------
    ParameterError
        No relations, or relations that name unknown tables or columns.
    DataError
        A set that is no dict, tables that differ, real keys that are missing or not unique.
    """
    given = {"real": real, "fake": fake, "holdout": holdout}
    given = {name: x for name, x in given.items() if x is not None or name != "holdout"}
    read = {name: x for name, x in given.items() if isinstance(x, ComparedTables)}
    if len(read) == len(given):
        return read
    sets: dict[str, dict[str, pd.DataFrame]] = {}
    for name, x in given.items():
        if isinstance(x, RelatedTables):
            x, own = _as_given(x)
            relations = own if relations in (None, "auto") and name == "real" else relations
        if not isinstance(x, Mapping) or not x:
            raise DataError(
                f"{name}={x!r:.60} is not allowed; give a dict of tables, as for the other sets."
            )
        sets[name] = {key: to_frame(table)[0].reset_index(drop=True) for key, table in x.items()}
    if relations is None or isinstance(relations, str):
        relations = _found(sets["real"], relations)
    if not len(relations):
        raise ParameterError(
            f"relations={relations!r} is not allowed for related tables; give a list of Relation, "
            "such as the relations_ of the model."
        )
    relations = _checked(sets, relations)
    relations = _with_parents(sets, relations)
    optional = {
        one: bool(sets["real"][one.child][list(one.key)].isna().to_numpy().any())
        for one in relations
    }
    links = {name: _links(frames, optional, name) for name, frames in sets.items()}
    cells = _cells(sets, relations)
    return {
        name: arranged(
            ComparedTables(relations, cells[name], links[name][0], integrity=links[name][1])
        )
        for name in sets
    }


def _found(real: Mapping[str, pd.DataFrame], asked: str | None) -> Sequence[Relation]:
    """Find the relations that names and values of the real tables allow."""
    if asked not in (None, "auto"):
        raise ParameterError(f'relations={asked!r} is not allowed; give "auto", or a list.')
    found = find_table_relations(real)
    if not found:
        raise ParameterError(
            "no relations are found between the real tables; give relations=[Relation(...)]."
        )
    return found


def reassigned(tables: ComparedTables, rng: np.random.Generator) -> ComparedTables:
    """Assign the rows of each child to other parents; each parent keeps its number of rows."""
    rows = {one: rows[rng.permutation(len(rows))] for one, rows in tables.rows.items()}
    return arranged(replace(tables, rows=rows))


def scattered(tables: ComparedTables, rng: np.random.Generator) -> ComparedTables:
    """Give each row of a child to any parent, so that the numbers of rows are those of chance."""
    scattered_rows = {}
    for one, rows in tables.rows.items():
        n_parents = len(tables.frames[str(one.parent)])
        scattered_rows[one] = np.where(rows < 0, -1, rng.integers(n_parents, size=len(rows)))
    return arranged(replace(tables, rows=scattered_rows))


def with_shuffled_columns(tables: ComparedTables, rng: np.random.Generator) -> ComparedTables:
    """Shuffle each column of each table by itself."""
    frames = {
        name: shuffled(frame, rng) if frame.shape[1] else frame
        for name, frame in tables.frames.items()
    }
    return replace(tables, frames=frames)


def relational_measure(
    name: str,
    *,
    higher_is_better: bool = True,
    surrogates: Surrogates = reassigned,
    needs_holdout: bool = False,
) -> Callable[[Callable[..., Any]], Measure]:
    """Make a public measure of a function that compares two sets of related tables.

    Parameters
    ----------
    name : str
    higher_is_better : bool, default=True
    surrogates : callable, default=reassigned
        Makes the tables of the floor.
    needs_holdout : bool, default=False
        Whether there is a floor only with a holdout: trees that learnt real rows recognise them.
    """

    def decorate(compare: Comparison) -> Measure:
        def measure(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            relations: Sequence[Relation] | str | None = None,
            target: Any = None,
            random_state: Any = None,
        ) -> Score:
            sets = read_sets(real, fake, holdout, relations)
            return ComparedSets(sets, surrogates, "tables").compare(
                name, compare, random_state,
                higher_is_better=higher_is_better, most=None, beside=True,
                has_floor="holdout" in sets or not needs_holdout,
            )  # fmt: skip

        return publish(measure, compare, GIVEN)

    return decorate


def arranged(tables: ComparedTables) -> ComparedTables:
    """Sort the rows of each child by parent and by order; rows without a parent come last."""
    frames, rows = dict(tables.frames), dict(tables.rows)
    for name in _parents_first(frames, tables.relations):
        relation = tables.owner(name)
        if relation is None:
            continue
        order = np.arange(len(frames[name]), dtype=float)
        if relation.order is not None:
            order = _numbers_of(frames[name][relation.order])
        at = np.lexsort([order, np.where(rows[relation] < 0, len(order) + 1, rows[relation])])
        place = np.empty(len(at), dtype=np.int64)
        place[at] = np.arange(len(at))
        frames[name] = frames[name].iloc[at].reset_index(drop=True)
        for one in tables.relations:
            if one.child == name:
                rows[one] = rows[one][at]
            elif one.parent == name:
                rows[one] = np.where(rows[one] < 0, -1, place[rows[one]])
    return replace(tables, frames=frames, rows=rows)


def _numbers_of(order: pd.Series) -> np.ndarray:
    """Return the values of a column as numbers in the same order; missing ones come last."""
    if types.is_numeric_dtype(order.dtype) or order.dtype.kind in "mM":
        return to_numbers(order)
    codes = pd.factorize(order, sort=True)[0]
    return np.where(codes < 0, np.nan, codes)


def _parents_first(names: Mapping[str, Any], relations: Sequence[Relation]) -> list[str]:
    above: dict[str, list[str]] = {name: [] for name in names}
    for one in relations:
        above[one.child].append(str(one.parent))
    return list(TopologicalSorter(above).static_order())


def _as_given(tables: RelatedTables) -> tuple[dict[str, pd.DataFrame], list[Relation]]:
    """Return tables and relations as a user gives them: a parent that was made is put back."""
    frames, relations = dict(tables.frames), list(tables.relations)
    for child, columns in tables.made.items():
        relation = tables.owner(child)
        if relation is None:
            continue
        above = frames.pop(str(relation.parent))[columns].iloc[tables.rows[relation]]
        frames[child] = pd.concat([frames[child], above.reset_index(drop=True)], axis=1)
        given = Relation(child, relation.key, None, relation.order)
        relations = [given if one == relation else one for one in relations]
    return frames, relations


def _checked(
    sets: Mapping[str, Mapping[str, pd.DataFrame]], relations: Sequence[Relation]
) -> tuple[Relation, ...]:
    """Check that all sets have the tables of the real one, and the columns of the relations."""
    checked = check_relations(sets["real"], relations)
    for name, frames in sets.items():
        if set(frames) != set(sets["real"]):
            raise DataError(
                f"the {name} tables are {sorted(frames)!r}, the real ones "
                f"{sorted(sets['real'])!r}; give the same tables."
            )
        for table, frame in frames.items():
            if not len(frame):
                raise DataError(
                    f"table {table!r} of the {name} tables has no rows; a measure needs at least "
                    "one."
                )
        try:
            check_relations(frames, relations)
        except ParameterError as error:
            raise DataError(f"the {name} tables do not fit the relations: {error}") from None
    return checked


def _with_parents(
    sets: dict[str, dict[str, pd.DataFrame]], relations: Sequence[Relation]
) -> tuple[Relation, ...]:
    """Make the parents of long tables: the columns that are constant within a key in all sets."""
    made = []
    for one in relations:
        if one.parent is None:
            child, key = one.child, list(one.key)
            present = {
                name: frames[child].dropna(subset=key) for name, frames in sets.items()
            }  # fmt: skip
            bare = Relation(child, one.key, None)
            constant = [
                RelatedTables.read({child: frame}, [bare]).made[child] if len(frame) else []
                for frame in present.values()
            ]
            own = [
                column
                for column in constant[0]
                if column != one.order and all(column in columns for columns in constant)
            ]
            one = Relation(child, one.key, parent_name(one), one.order)
            for name, frames in sets.items():
                first = ~pd.Series(key_codes([present[name][key]])[0]).duplicated().to_numpy()
                frames[str(one.parent)] = (
                    present[name].loc[first, [*key, *own]].reset_index(drop=True)
                )
                frames[child] = frames[child].drop(columns=own)
        made.append(one)
    return tuple(made)


def _links(
    frames: Mapping[str, pd.DataFrame], optional: Mapping[Relation, bool], set_name: str
) -> tuple[dict[Relation, np.ndarray], dict[Relation, float]]:
    """Return the row of the parent of each row, and the integrity of each relation.

    A key may be missing only where it is missing in the real table.
    """
    rows, integrity = {}, {}
    for one, may_lack in optional.items():
        parent = frames[str(one.parent)][list(one.parent_key)]
        wanted, there = key_codes([frames[one.child][list(one.key)], parent])
        faulty = pd.Series(there).duplicated().to_numpy() | (there < 0)
        if faulty.any() and set_name != "fake":
            raise DataError(
                f"{one}: {int(faulty.sum())} row(s) of the {set_name} table {one.parent!r} have no "
                "key, or repeat one; keys of parents must be unique: drop these rows, or name "
                "another parent_key."
            )
        row_of = pd.Series(np.flatnonzero(~faulty), index=there[~faulty])
        found = row_of.reindex(wanted).to_numpy(dtype=float, na_value=-1.0).astype(np.int64)
        found[wanted < 0] = -1
        if set_name != "fake" and not (found >= 0).any():
            raise DataError(f"{one}: no row of the {set_name} table {one.child!r} has a parent.")
        rows[one] = found
        is_right = (found >= 0) | (wanted < 0 if may_lack else False)
        integrity[one] = float(is_right.mean() * (1 - faulty.mean()))
    return rows, integrity


def _cells(
    sets: Mapping[str, Mapping[str, pd.DataFrame]], relations: Sequence[Relation]
) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the cells of all tables without keys, read alike in all sets; parents come first."""
    cells: dict[str, dict[str, pd.DataFrame]] = {name: {} for name in sets}
    for table in _parents_first(sets["real"], relations):
        keys: set[Hashable] = set()
        for one in relations:
            keys |= {*one.key} if one.child == table else set()
            keys |= {*one.parent_key} if one.parent == table else set()
        own = {
            name: frames[table].drop(columns=[c for c in frames[table] if c in keys])
            for name, frames in sets.items()
        }
        try:
            read = check_tables(**own) if own["real"].shape[1] else own
        except DataError as error:
            raise DataError(f"table {table!r}: {error}") from None
        for name, frame in read.items():
            cells[name][table] = frame
    return cells
