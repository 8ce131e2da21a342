"""Tables that belong together: relations between them, and which row belongs to which."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ArchiveError, DataError, ParameterError, notice
from synthgan.records.tables import Container, to_frame
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = [
    "LinkedTables",
    "RelatedTables",
    "Relation",
    "check_relations",
    "key_codes",
    "parent_name",
]


@dataclass(frozen=True)
class Relation(Stored):
    """The rows of one table belong to the rows of another.

    Parameters
    ----------
    child : str
        Table with the foreign key, such as ``"visits"``.
    key : hashable, or tuple of hashable
        Its columns with the key of the parent. A missing value belongs to no parent.
    parent : str or None
        Table with the primary key. None: there is no such table; each value of the key is a parent,
        whose columns are those columns of the child that are constant within the key.
    order : hashable or None, default=None
        Column of the child with the order of the rows of a parent: a date or a number. None: the
        order in which they stand.
    parent_key : hashable, tuple of hashable, or None, default=None
        The columns of the parent that are its primary key. None: those of `key`.

    Notes
    -----
    The first relation of a child owns its rows: they are generated for its parent. Further
    relations of the same child link its rows to rows of other tables.

    Examples
    --------
    >>> from synthgan import Relation
    >>> Relation("visits", "patient", "patients", order="date").key
    ('patient',)
    """

    _record_name = "relation"

    child: str
    key: Annotated[Any, fields.list_of(fields.name)]
    parent: str | None
    order: Annotated[Any, fields.optional(fields.name)] = None
    parent_key: Annotated[Any, fields.optional(fields.list_of(fields.name))] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", _as_tuple(self.key))
        own = self.key if self.parent_key is None else _as_tuple(self.parent_key)
        object.__setattr__(self, "parent_key", own)
        if self.child == self.parent:
            raise ParameterError(
                f"{self} relates a table to itself, which is not supported; leave it out."
            )
        if not self.key or len(self.key) != len(self.parent_key):
            raise ParameterError(
                f"{self} has a key of {len(self.key)} column(s) and a parent_key of "
                f"{len(self.parent_key)}; give one or more of each, in the same order."
            )

    def __str__(self) -> str:
        """Return the relation as it stands in messages."""
        return f"relation {self.child!r} -> {self.parent!r} (key {', '.join(map(repr, self.key))})"

    def _check_record(self) -> None:
        if not self.key:
            raise ArchiveError("a relation has no key")


def _as_tuple(key: Any) -> tuple[Hashable, ...]:
    return tuple(key) if isinstance(key, list | tuple) else (key,)


def parent_name(relation: Relation) -> str:
    """Return the name of the parent table, also where it is made from its children."""
    if relation.parent is not None:
        return relation.parent
    return f"{relation.child} by {', '.join(map(str, relation.key))}"


@dataclass
class LinkedTables:
    """Tables, and the row of the parent to which each row belongs.

    Parameters
    ----------
    relations : sequence of Relation
        Each with a parent. The first of a child owns its rows, further ones link them.
    frames : dict of str to DataFrame
        Parents before their children.
    rows : dict of Relation to ndarray of int of shape (n_rows,)
        The row of the parent to which each row of the child belongs; -1: to none.
    """

    relations: Sequence[Relation]
    frames: dict[str, pd.DataFrame]
    rows: dict[Relation, np.ndarray]

    def owner(self, name: str) -> Relation | None:
        """Return the relation that owns the rows of a table; None: they have no parent."""
        return next((one for one in self.relations if one.child == name), None)

    def links(self, name: str) -> list[Relation]:
        """Return the relations that link the rows of a table to further tables."""
        return [one for one in self.relations if one.child == name][1:]

    def children(self, name: str) -> list[Relation]:
        """Return the relations by which a table owns rows."""
        owners = {one.child: one for one in reversed(self.relations)}
        return [one for one in owners.values() if one.parent == name]

    def keys(self, name: str) -> list[Hashable]:
        """Return the columns of a table that are part of a key: they are not learnt."""
        own = [column for one in self.relations if one.child == name for column in one.key]
        primary = [c for one in self.relations if one.parent == name for c in one.parent_key]
        return list(dict.fromkeys([*own, *primary]))

    def roots(self, name: str) -> np.ndarray | None:
        """Return the row of the topmost table to which each row of a table belongs, from 0.

        A row without a parent is a person of its own. None: the table has no owner.
        """
        relation = self.owner(name)
        if relation is None:
            return None
        rows, above = self.rows[relation], self.roots(str(relation.parent))
        n = len(self.frames[str(relation.parent)]) if above is None else int(above.max()) + 1
        people = rows if above is None else above[rows]
        return np.where(rows < 0, n + np.arange(len(rows)), people)

    def rows_above(self, name: str, ancestor: str) -> np.ndarray | None:
        """Return the row of an ancestor for each row of a table, -1: none; None: it owns none."""
        at, owner = np.arange(len(self.frames[name])), self.owner(name)
        while owner is not None:
            at = np.where(at < 0, -1, self.rows[owner][at])
            if owner.parent == ancestor:
                return at
            owner = self.owner(str(owner.parent))
        return None


@dataclass
class RelatedTables(LinkedTables):
    """Tables as they were given.

    Parameters
    ----------
    relations, frames, rows
        See `LinkedTables`; also of the parents that are made from children.
    containers : dict of str to Container
        Of the tables that were given.
    made : dict of str to list of hashable
        For each child whose parent is made from it, the columns that moved to the parent.
    """

    containers: dict[str, Container] = field(default_factory=dict)
    made: dict[str, list[Hashable]] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        tables: Mapping[str, Any],
        relations: Sequence[Relation],
        on_orphans: str = "error",
        read_order: Callable[[pd.Series], pd.Series] = lambda order: order,
    ) -> RelatedTables:
        """Read tables and match the keys of children with those of parents.

        Parameters
        ----------
        tables : mapping of str to table
        relations : sequence of Relation
        on_orphans : {"error", "drop"}, default="error"
            What to do with rows whose key no parent has: refuse them, or leave them out with a
            `DataWarning` that counts them.
        read_order : callable
            Turns an order column of text into dates or numbers.

        Raises
        ------
        ParameterError
            A relation names an unknown table or column, or relations form a cycle.
        DataError
            A table without rows, keys that are missing or not unique, rows without a parent, or an
            order column with missing values.
        """
        if not isinstance(tables, Mapping) or not tables:
            raise DataError(f"tables is {tables!r:.60}; give a dict of one or more tables.")
        frames, containers = {}, {}
        for name, table in tables.items():
            frame, containers[name] = to_frame(table)
            if not len(frame):
                raise DataError(f"table {name!r} has no rows; leave it out, or give rows.")
            frames[name] = frame.reset_index(drop=True)
        relations, made = check_relations(frames, relations), {}
        for relation in relations:
            if relation.parent is None:
                columns = _split(frames, relation)
                made[relation.child] = columns
        relations = tuple(
            one
            if one.parent is not None
            else Relation(one.child, one.key, parent_name(one), one.order)
            for one in relations
        )
        names = _sorted(frames, relations)
        rows: dict[Relation, np.ndarray] = {}
        for name in names:
            _match(
                frames,
                [one for one in relations if one.child == name],
                rows,
                on_orphans,
                read_order,
            )
        return cls(relations, {name: frames[name] for name in names}, rows, containers, made)


def check_relations(
    frames: Mapping[str, pd.DataFrame], relations: Sequence[Relation]
) -> tuple[Relation, ...]:
    """Check that relations name tables and columns that are there, and form no cycle.

    Raises
    ------
    ParameterError
    """
    odd = [one for one in relations if not isinstance(one, Relation)]
    if odd:
        raise ParameterError(f"relations hold {odd[0]!r}; give Relation objects.")
    for one in relations:
        needed = {one.child: [*one.key, *([] if one.order is None else [one.order])]}
        if one.parent is not None:
            needed[one.parent] = list(one.parent_key)
        for name, columns in needed.items():
            if name not in frames:
                raise ParameterError(
                    f"{one} names table {name!r}, which is not there; the tables are "
                    f"{list(frames)!r}."
                )
            unknown = [column for column in columns if column not in frames[name].columns]
            if unknown:
                raise ParameterError(
                    f"{one} names column {unknown[0]!r}, which table {name!r} lacks; its columns "
                    f"are {frames[name].columns.tolist()!r}."
                )
        if one.order in one.key:
            raise ParameterError(
                f"{one} orders rows by {one.order!r}, which is part of a key; keys are replaced by "
                "fresh values: give another column."
            )
    for i, one in enumerate(relations):
        is_first = all(other.child != one.child for other in relations[:i])
        if one.parent is None and not is_first:
            raise ParameterError(
                f"{one} has no parent table, but {one.child!r} has another parent; give it first."
            )
        if (one.child, one.key) in [(other.child, other.key) for other in relations[:i]]:
            raise ParameterError(f"{one} is given twice; leave one out.")
    _sorted(frames, relations)
    return tuple(relations)


def _sorted(frames: Mapping[str, Any], relations: Sequence[Relation]) -> list[str]:
    """Order tables so that parents come before their children."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(frames, ()))
    for one in relations:
        if one.parent is not None:
            sorter.add(one.child, one.parent)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        cycle = " -> ".join(map(repr, error.args[1]))
        raise ParameterError(
            f"relations form a cycle ({cycle}); no table may belong to itself: leave one out."
        ) from None


def _split(frames: dict[str, pd.DataFrame], relation: Relation) -> list[Hashable]:
    """Make the parent of a long table: its key, and the columns that are constant within it."""
    child, key = frames[relation.child], list(relation.key)
    present = child[key].notna().all(axis=1)
    if not present.all():
        raise DataError(
            f"{relation} has no parent table, and {int((~present).sum())} row(s) have no key; give "
            "every row a key."
        )
    codes, n = key_codes([child[key]])[0], 0
    n = int(codes.max()) + 1
    first = pd.Series(codes).drop_duplicates().index
    own: list[Hashable] = []
    if n < len(child):  # else every column is constant
        for name in child.columns:
            if name in key or name == relation.order:
                continue
            values = pd.factorize(child[name], use_na_sentinel=False)[0]
            if (values == values[first][codes]).all():
                own.append(name)
    if set(own) | {*key} == set(child.columns):
        own = own[:-1]  # a row needs a column of its own
    frames[parent_name(relation)] = child.loc[first, [*key, *own]].reset_index(drop=True)
    frames[relation.child] = child[[name for name in child.columns if name not in own]]
    return own


def key_codes(tables: Sequence[pd.DataFrame]) -> list[np.ndarray]:
    """Give the keys of several tables numbers from 0, equal keys equal ones; -1: a part is missing.

    Numbers are compared as numbers, all else as text, so that a key that is whole in one table and
    a float or text in another still matches.
    """
    lengths = np.cumsum([0, *map(len, tables)])
    codes = np.zeros(lengths[-1], dtype=np.int64)
    missing = np.zeros(lengths[-1], dtype=bool)
    for i in range(tables[0].shape[1]):
        parts = [table.iloc[:, i] for table in tables]
        joined = pd.concat([_comparable(part) for part in parts], ignore_index=True)
        one, values = pd.factorize(joined)
        missing |= one < 0
        codes = pd.factorize(codes * (len(values) + 1) + one)[0]
    codes[missing] = -1
    return [codes[a:b] for a, b in pairwise(lengths)]


def _comparable(part: pd.Series) -> pd.Series:
    """Return a part of a key as text; whole numbers are written alike, whatever their dtype."""
    values = part.astype(object)
    is_float = pd.api.types.is_float_dtype(part.dtype)
    texts = values.map(
        lambda v: str(int(v)) if is_float and float(v).is_integer() else str(v), na_action="ignore"
    )
    return texts.where(part.notna().to_numpy(), None)


def _match(
    frames: dict[str, pd.DataFrame],
    relations: Sequence[Relation],
    rows: dict[Relation, np.ndarray],
    on_orphans: str,
    read_order: Callable[[pd.Series], pd.Series],
) -> None:
    """Find the parent of each row of one table, and put rows of a parent in order."""
    if not relations:
        return
    name = relations[0].child
    found = [_parents(frames, one) for one in relations]
    orphans = np.zeros(len(frames[name]), dtype=bool)
    for relation, positions in zip(relations, found, strict=True):
        n_orphans = int((positions == _NOBODY).sum())
        orphans |= positions == _NOBODY
        if n_orphans and on_orphans == "error":
            raise DataError(
                f"{relation}: {n_orphans} row(s) have a key that no parent has; correct them, or "
                "give on_orphans='drop'."
            )
        if n_orphans:
            notice(
                f"table {name!r}: {n_orphans} row(s) have a key that no row of "
                f"{relation.parent!r} has; they are left out.",
                "have rows whose key no parent has; they are left out",
                name,
                rank=1,
            )
    owner = relations[0]
    kept = np.flatnonzero(~orphans)
    if not (found[0][kept] >= 0).any():
        raise DataError(f"{owner}: no row has a parent; leave the relation out.")
    sort = _in_order(frames[name].iloc[kept], found[0][kept], owner, read_order)
    kept = kept[sort]
    frames[name] = frames[name].iloc[kept].reset_index(drop=True)
    for relation, positions in zip(relations, found, strict=True):
        rows[relation] = positions[kept]


_NOBODY = -2  # the parent of a row whose key no parent has


def _parents(frames: dict[str, pd.DataFrame], relation: Relation) -> np.ndarray:
    """Return the row of the parent of each row; -1: its key is missing."""
    parent = frames[str(relation.parent)][list(relation.parent_key)]
    child = frames[relation.child][list(relation.key)]
    wanted, there = key_codes([child, parent])
    if (there < 0).any():
        raise DataError(
            f"{relation}: {int((there < 0).sum())} row(s) of {relation.parent!r} have no key; give "
            "every row a key, or drop them."
        )
    first, n_repeated = pd.Series(there), int(pd.Series(there).duplicated().sum())
    if n_repeated:
        columns = ", ".join(map(repr, relation.parent_key))
        raise DataError(
            f"{relation}: {n_repeated} row(s) of {relation.parent!r} repeat a key ({columns}); "
            "keys must be unique: drop the duplicates, or name another parent_key."
        )
    row_of = pd.Series(np.arange(len(there)), index=first)
    positions = row_of.reindex(wanted).to_numpy()
    positions = np.where(np.isnan(positions.astype(float)), _NOBODY, positions).astype(np.int64)
    positions[wanted < 0] = -1
    return positions


def _in_order(
    child: pd.DataFrame,
    owners: np.ndarray,
    relation: Relation,
    read_order: Callable[[pd.Series], pd.Series],
) -> np.ndarray:
    """Return the rows by owner and order; those without a parent come last."""
    last = np.where(owners < 0, owners.max() + 1, owners)
    if relation.order is None:
        return np.argsort(last, kind="stable")
    order = read_order(child[relation.order])
    n_missing = int(order.isna().sum())
    column = f"column {relation.order!r} of table {relation.child!r}, which orders its rows,"
    if n_missing:
        raise DataError(
            f"{column} has {n_missing} missing value(s); fill them, drop these rows, or give "
            "order=None."
        )
    if not (pd.api.types.is_numeric_dtype(order) or order.dtype.kind in "mM"):
        raise DataError(f"{column} holds neither dates nor numbers; give another, or order=None.")
    return np.lexsort([pd.factorize(order, sort=True)[0], last])
