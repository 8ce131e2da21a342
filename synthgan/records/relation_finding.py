"""Find the relations between tables, where names and values allow only one reading."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, permutations
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError, ParameterError, notice
from synthgan.records.related import Relation, key_codes
from synthgan.records.tables import to_frame

__all__ = ["find_table_relations"]

_GENERIC = ("id", "key", "code", "no", "nr", "num", "number", "uid", "uuid", "pk", "index")
_IRREGULAR = {"people": "person", "children": "child"}
_IN_ORDER = frozenset(
    ("date", "time", "year", "month", "week", "day", "visit", "seq", "sequence", "order", "step")
)
_ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
_MOST_SHARED = 8  # columns of the same name that are tried as a key together


@dataclass(frozen=True, eq=False)
class _Found:
    """A relation that names and values allow.

    `is_named`: the key names the parent, as in patient_id -> patients. `rows`: the row of the
    parent of each row of the child; -1: its key is missing; -2: no parent has it.
    """

    relation: Relation
    is_named: bool
    rows: np.ndarray

    @property
    def child(self) -> str:
        return self.relation.child

    @property
    def parent(self) -> str:
        return str(self.relation.parent)

    @property
    def place(self) -> tuple[str, tuple[Hashable, ...]]:
        """Where the key is in the child."""
        return self.child, self.relation.key

    @property
    def n_orphans(self) -> int:
        return int((self.rows == -2).sum())


def find_table_relations(tables: Mapping[str, Any]) -> tuple[Relation, ...]:
    """Find the relations between tables, and announce them in a `DataWarning`.

    A table belongs to another if a column of it has the name of a key there, or one such as
    ``patient_id`` for ``patients.id``, and all its values are values of the key. A key is a column
    of whole numbers or of text without missing values, in which no value is repeated; or two or
    three such columns together. Names such as ``id``, which fit any table, are not enough.

    If a table belongs to several others, the one at the end of the longest chain owns its rows:
    measurements belong to stays, which belong to patients, even if measurements name the patient.

    Rows are put in order of a date without missing values that differs between rows of a parent;
    of several, the one that is never later than the others. Without dates, it is a whole number
    whose name says that it gives an order, such as ``year``, and in whose order the rows stand.

    Parameters
    ----------
    tables : mapping of str to table
        Of any container that `synthgan.RelationalGANSynthesizer` takes.

    Returns
    -------
    relations : tuple of Relation
        For each child, the relation that owns its rows comes first.

    Raises
    ------
    ParameterError
        Names and values allow several readings; the message has two of them.
    DataError
        A column names the key of a parent, but some of its values are not there.

    Examples
    --------
    >>> import warnings
    >>> people = pd.DataFrame({"id": ["a", "b"], "age": [40, 50]})
    >>> visits = pd.DataFrame({"person_id": ["b", "b", "a"], "bmi": [22.5, 22.9, 30.1]})
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     relations = find_table_relations({"people": people, "visits": visits})
    >>> print(relations[0])
    relation 'visits' -> 'people' (key 'person_id')
    """
    if not isinstance(tables, Mapping) or len(tables) < 2:
        return ()
    frames = {name: to_frame(table)[0].reset_index(drop=True) for name, table in tables.items()}
    found = _only_readings([one for pair in permutations(frames, 2) for one in _of(frames, *pair)])
    owners: dict[str, _Found] = {}
    by_child: dict[str, list[_Found]] = {}
    for name in _parents_first(frames, found):
        own = [one for one in found if one.child == name]
        if own:
            by_child[name] = _owner_first(own, owners)
            owners[name] = by_child[name][0]
    keys = {(one.child, column) for one in found for column in one.relation.key}
    relations = []
    for name in frames:
        for i, one in enumerate(by_child.get(name, ())):
            free = [column for column in frames[name].columns if (name, column) not in keys]
            order = _find_order(frames[name][free], one.rows) if i == 0 else None
            relations.append(replace(one.relation, order=order))
    _announce(frames, relations)
    return tuple(relations)


def _of(frames: Mapping[str, pd.DataFrame], child: str, parent: str) -> list[_Found]:
    """Return what names and values allow of a table and a parent."""
    own, there = frames[child], frames[parent]
    columns = [name for name in own.columns if isinstance(name, str) and _may_be_key(own[name])]
    found = [
        _match(frames, Relation(child, column, parent, None, key), is_named)
        for key in _unique_columns(there)
        for column in columns
        if (is_named := _names_key(column, key, parent)) or (
            is_named is False and _may_be_shared(column, own[column])
        )
    ]  # fmt: skip
    found = [one for one in found if one.n_orphans == 0 or one.is_named]
    if any(one.n_orphans == 0 for one in found):
        return found
    shared = [c for c in columns if c in there.columns and _may_be_key(there[c], is_parent=True)]
    for n in (2, 3) if len(shared) <= _MOST_SHARED else ():
        joint = [
            _match(frames, Relation(child, names, parent), False)
            for names in combinations(shared, n)
            if own.duplicated(list(names)).any() and not there.duplicated(list(names)).any()
        ]
        joint = [one for one in joint if one.n_orphans == 0]
        if joint:
            return found + joint
    return found


def _unique_columns(frame: pd.DataFrame) -> list[str]:
    return [
        name
        for name in frame.columns
        if isinstance(name, str)
        and _may_be_key(frame[name], is_parent=True)
        and frame[name].is_unique
    ]


def _may_be_key(column: pd.Series, is_parent: bool = False) -> bool:
    """Return whether a column has whole numbers or text; that of a parent has no missing value."""
    if not len(column) or column.isna().all() or (is_parent and column.isna().any()):
        return False
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if types.is_float_dtype(dtype):  # whole numbers with missing values
        values = column.dropna().to_numpy(dtype=np.float64)
        return bool((values == np.rint(values)).all())
    if types.is_object_dtype(dtype):
        return types.infer_dtype(column, skipna=True) in ("string", "integer")
    return not types.is_bool_dtype(dtype) and (
        types.is_integer_dtype(dtype) or types.is_string_dtype(dtype)
    )


def _may_be_shared(name: str, column: pd.Series) -> bool:
    """Return whether a key that does not name its parent may be one: numbers are alike by chance.

    Numbers need a name such as subject_id, and do not only number the rows.
    """
    if not types.is_numeric_dtype(column.dtype):
        return True
    is_counter = column.is_unique and column.max() - column.min() == len(column) - 1
    return _plain(name).endswith(_GENERIC) and not is_counter


def _names_key(column: str, key: str, parent: str) -> bool | None:
    """Return whether a column names the parent of a key; None: it does not fit the key."""
    own, there = _plain(column), _plain(key)
    ids = {stem + more for stem in _stems(parent) for more in ("", *_GENERIC)}
    if own in ids and (there == own or there in _GENERIC or there in ids):
        return True
    return False if own == there and own not in _GENERIC else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _stems(table: str) -> set[str]:
    """Return the name of a table and its singular, such as patients and patient."""
    name = _plain(table)
    stems = {name, _IRREGULAR.get(name, name)}
    for end, singular in (("s", ""), ("es", ""), ("ies", "y"), ("es", "is")):
        if name.endswith(end) and len(name) > len(end) + 1:
            stems.add(name.removesuffix(end) + singular)
    return stems


def _match(frames: Mapping[str, pd.DataFrame], relation: Relation, is_named: bool) -> _Found:
    """Find the row of the parent for each row of the child."""
    child = frames[relation.child][list(relation.key)]
    parent = frames[str(relation.parent)][list(relation.parent_key)]
    wanted, there = key_codes([child, parent])
    row_of = np.full(max(wanted.max(), there.max()) + 1, -2)
    row_of[there] = np.arange(len(there))
    return _Found(relation, is_named, np.where(wanted < 0, -1, row_of[wanted]))


def _only_readings(found: Sequence[_Found]) -> list[_Found]:
    """Return what is left where each key has one reading; refuse several."""
    near = [one for one in found if one.n_orphans]
    kept = [one for one in found if not one.n_orphans]
    for one, other in combinations(kept, 2):  # two tables with the same keys
        is_back = one.child == other.parent and one.parent == other.child
        if is_back and one.relation.key == other.relation.parent_key:
            if one.is_named == other.is_named:
                _refuse(one, other)
            kept.remove(other if one.is_named else one)
    named = {one.place for one in kept if one.is_named}
    kept = [one for one in kept if one.is_named or one.place not in named]
    # The key of a parent may itself be that of another table, as in details of patients.
    to = {(*one.place, one.parent) for one in kept}
    kept = [
        one
        for one in kept
        if not any(
            (*one.place, name) in to
            and (one.parent, one.relation.parent_key, name) in to
            for name in {one.parent for one in kept}
        )
    ]  # fmt: skip
    for one, other in combinations(kept, 2):
        same_child = one.child == other.child
        if same_child and (one.relation.key == other.relation.key or one.parent == other.parent):
            _refuse(one, other)
    for one in near:
        if one.place not in {other.place for other in kept}:
            _check_orphans(one)
    return kept


def _check_orphans(one: _Found) -> None:
    """Refuse a key that names a parent and has most of its values there, but not all."""
    if one.n_orphans < (one.rows >= 0).sum():
        raise DataError(
            f"relations='auto' finds {one.relation}, but {one.n_orphans} row(s) have a key that no "
            f"parent has; correct them, or give relations=[{_spelled(one)}, ...] and "
            "on_orphans='drop'."
        )


def _refuse(one: _Found, other: _Found, n_apart: int = 0) -> NoReturn:
    why = f", which disagree in {n_apart} row(s)" if n_apart else ""
    raise ParameterError(
        f"relations='auto' finds two readings, {one.relation} and {other.relation}{why}; give the "
        f"one that holds, or both with the owner of the rows first: relations=[{_spelled(one)}, "
        f"{_spelled(other)}, ...]."
    )


def _spelled(one: _Found) -> str:
    """Write a relation as code."""
    key, parent_key = (
        repr(names[0] if len(names) == 1 else names)
        for names in (one.relation.key, one.relation.parent_key)
    )
    more = "" if parent_key == key else f", parent_key={parent_key}"
    return f"Relation({one.child!r}, {key}, {one.parent!r}{more})"


def _parents_first(frames: Mapping[str, pd.DataFrame], found: Sequence[_Found]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(frames, ()))
    for one in found:
        sorter.add(one.child, one.parent)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        cycle = set(error.args[1])
        one, other, *_ = [one for one in found if {one.child, one.parent} <= cycle]
        _refuse(one, other)


def _owner_first(own: list[_Found], owners: Mapping[str, _Found]) -> list[_Found]:
    """Put the relation that owns the rows of a table first: the end of the longest chain."""
    ranks = {one: (-sum(1 for _ in _above(one, owners)), int((one.rows < 0).any())) for one in own}
    owner, *links = sorted(own, key=lambda one: ranks[one])
    if links and ranks[links[0]] == ranks[owner]:
        _refuse(owner, links[0])
    above = dict(_above(owner, owners))
    for link in links:
        rows = above.get(link.parent, link.rows)
        n_apart = int(((rows != link.rows) & (rows >= 0) & (link.rows >= 0)).sum())
        if n_apart:
            _refuse(owner, link, n_apart)
    return [owner, *links]


def _above(one: _Found, owners: Mapping[str, _Found]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the tables above a parent, and the row of each for each row of the child."""
    rows, name = one.rows, one.parent
    while name in owners:
        rows, name = np.where(rows < 0, -1, owners[name].rows[rows]), owners[name].parent
        yield name, rows


def _find_order(frame: pd.DataFrame, rows: np.ndarray) -> Hashable | None:
    """Return the column in whose order the rows of a parent are, or None."""
    dates = {name: x for name in frame.columns if (x := _dates(frame[name])) is not None}
    varying = {name: x for name, x in dates.items() if _varies(x, rows)}
    first = [
        name for name, x in varying.items() if all((x <= other).all() for other in varying.values())
    ]
    if varying:
        return first[0] if len(first) == 1 else None
    numbers = [name for name in frame.columns if _gives_order(name, frame[name], rows)]
    return numbers[0] if len(numbers) == 1 else None


def _dates(column: pd.Series) -> np.ndarray | None:
    """Return dates as nanoseconds; None: a column has other values, or none in some rows."""
    if types.is_string_dtype(column.dtype) and not isinstance(column.dtype, pd.CategoricalDtype):
        if column.isna().any() or not column.astype(str).str.fullmatch(_ISO_DATE).all():
            return None
        column = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    if not types.is_datetime64_any_dtype(column.dtype) or column.isna().any():
        return None
    times = column if column.dt.tz is None else column.dt.tz_convert(None)
    return times.to_numpy().astype("datetime64[ns]").astype(np.int64)


def _varies(values: np.ndarray, rows: np.ndarray) -> bool:
    """Return whether values differ between rows of a parent."""
    return bool((pd.Series(values).groupby(rows).nunique() > 1).any())


def _gives_order(name: Hashable, column: pd.Series, rows: np.ndarray) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).casefold())
    if not _IN_ORDER.intersection(words) or not types.is_numeric_dtype(column.dtype):
        return False
    if not _may_be_key(column, is_parent=True):
        return False
    values = column.to_numpy(dtype=np.float64)
    steps = pd.Series(values).groupby(rows).diff().dropna()
    return bool((steps >= 0).all() and (steps > 0).any())


def _announce(frames: Mapping[str, pd.DataFrame], relations: Sequence[Relation]) -> None:
    """Warn which relations are found, and which tables have none."""
    related = {name for one in relations for name in (one.child, one.parent)}
    alone = [name for name in frames if name not in related]
    owned: set[str] = set()
    parts = []
    for one in relations:
        verb = "linked" if one.child in owned else "owned"
        owned.add(one.child)
        order = "" if one.order is None else f", in order of {one.order!r}"
        parts.append(f"{one.child!r} {verb} by {one.parent!r} ({', '.join(map(repr, one.key))})"
                     f"{order}")  # fmt: skip
    found = "; ".join(parts) or "none"
    rest = f"; no relation of {', '.join(map(repr, alone))}" if alone and parts else ""
    notice(
        f"relations='auto' finds: {found}{rest}. Give relations=[...] if this is wrong.",
        "are relations that were found",
        tuple(frames),
    )
