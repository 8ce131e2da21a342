"""Tables of features of related tables: joined rows, families, consecutive rows; no measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.metrics.relational.reading import ComparedTables
from synthgan.metrics.tables import to_numbers
from synthgan.records.related import Relation

__all__ = ["Features", "alone", "consecutive", "families", "is_number", "joined", "persons"]


@dataclass(frozen=True)
class Features:
    """Features of rows, and the person of each row.

    Parameters
    ----------
    frame : DataFrame of n rows
    people : ndarray of int of shape (n,)
    """

    frame: pd.DataFrame
    people: np.ndarray


def is_number(series: pd.Series) -> bool:
    """Return whether a column holds numbers, dates or durations, rather than labels."""
    dtype: Any = series.dtype
    is_numeric = types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype)
    return bool(is_numeric or getattr(dtype, "kind", "O") in "mM")


def alone(tables: ComparedTables, name: str, some: np.ndarray) -> Features:
    """Return the cells of some rows of a table."""
    return Features(_rows(tables.frames[name], some), tables.people(name)[some])


def joined(tables: ComparedTables, relation: Relation, parents: np.ndarray) -> Features:
    """Return the rows of some parents, each with the cells of all tables above it.

    The person of a row is that of the topmost table; of a relation that links, the linked row.
    """
    some = _of_parents(tables, relation, parents)
    parts = [_named(_rows(tables.frames[relation.child], some), relation.child)]
    for name, rows in tables.ancestors(relation):
        parts.append(_named(_rows(tables.frames[name], rows[some]), name))
    is_owner = relation == tables.owner(relation.child)
    people = tables.people(relation.child) if is_owner else tables.rows[relation]
    return Features(pd.concat(parts, axis=1), people[some])


def families(
    tables: ComparedTables, relation: Relation, parents: np.ndarray, like: ComparedTables
) -> Features:
    """Return some parents with their rows of one child summed up.

    Parameters
    ----------
    tables : ComparedTables
    relation : Relation
    parents : ndarray of int
    like : ComparedTables
        The real tables, which decide what is a number.
    """
    name = str(relation.parent)
    some = _of_parents(tables, relation, parents)
    place = np.full(len(tables.frames[name]), -1)
    place[parents] = np.arange(len(parents))
    rows = place[tables.rows[relation][some]]
    sums = _summed(
        _rows(tables.frames[relation.child], some), rows, len(parents), like.frames[relation.child]
    )
    own = _rows(tables.frames[name], parents)
    return Features(
        pd.concat([_named(own, name), _named(sums, relation.child)], axis=1),
        tables.people(name)[parents],
    )


def consecutive(
    tables: ComparedTables, relation: Relation, parents: np.ndarray, like: ComparedTables
) -> Features:
    """Return each row of some parents with the row before it, and the steps of numbers."""
    frame, rows = tables.frames[relation.child], tables.rows[relation]
    chosen = np.zeros(len(tables.frames[str(relation.parent)]) + 1, dtype=bool)
    chosen[parents] = True
    now = 1 + np.flatnonzero((rows[1:] == rows[:-1]) & (rows[1:] >= 0) & chosen[rows[1:]])
    ours, before = _rows(frame, now), _rows(frame, now - 1)
    steps = {
        f"{name} step": to_numbers(ours[name]) - to_numbers(before[name])
        for name in frame.columns
        if is_number(like.frames[relation.child][name])
    }
    before.columns = _index(f"{name} before" for name in frame.columns)
    parts = [_labelled(ours), before, pd.DataFrame(steps, index=ours.index)]
    return Features(pd.concat(parts, axis=1), tables.people(relation.child)[now])


def persons(tables: ComparedTables, top: str, like: ComparedTables) -> pd.DataFrame:
    """Return all rows of a topmost table, with the rows of each table below it summed up.

    Beside the sums of `families`, labels have the commonest label of the person.
    """
    n = len(tables.frames[top])
    parts = [_named(tables.frames[top], top)]
    for name, frame in tables.frames.items():
        if tables.top(name) != top or name == top:
            continue
        people = tables.people(name)
        order = np.argsort(people, kind="stable")
        order = order[people[order] < n]  # the rest has no parent
        sums = _summed(_rows(frame, order), people[order], n, like.frames[name], with_modes=True)
        parts.append(_named(sums, name))
    return pd.concat(parts, axis=1)


def _of_parents(tables: ComparedTables, relation: Relation, parents: np.ndarray) -> np.ndarray:
    """Return the rows of some parents, in the order of the parents' rows and their own order."""
    rows = tables.rows[relation]
    chosen = np.zeros(len(tables.frames[str(relation.parent)]) + 1, dtype=bool)
    chosen[parents] = True  # the last one, of rows without a parent, is not
    some = np.flatnonzero(chosen[rows])
    order: np.ndarray = np.arange(len(some), dtype=float)
    if relation.order is not None:
        order = _ranks(tables.frames[relation.child][relation.order])[some]
    return some[np.lexsort([order, rows[some]])]


def _ranks(order: pd.Series) -> np.ndarray:
    """Return the ranks of values; missing ones are NaN."""
    codes = pd.factorize(order, sort=True)[0].astype(float)
    return np.where(codes < 0, np.nan, codes)


def _rows(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Return rows by position; the cells of row -1 are missing."""
    if len(rows) and rows.min() < 0:
        return frame.reindex(rows).reset_index(drop=True)
    return frame.iloc[rows].reset_index(drop=True)


def _named(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    named = frame.copy(deep=False)
    named.columns = _index(f"{table}.{name}" for name in frame.columns)
    return named


def _labelled(frame: pd.DataFrame) -> pd.DataFrame:
    named = frame.copy(deep=False)
    named.columns = _index(map(str, frame.columns))
    return named


def _index(names: Any) -> pd.Index:
    return pd.Index(list(names), dtype=object)


def _summed(
    frame: pd.DataFrame,
    rows: np.ndarray,
    n_parents: int,
    like: pd.DataFrame,
    with_modes: bool = False,
) -> pd.DataFrame:
    """Sum up the rows of each parent; rows are sorted by parent, and by order within it.

    Number of rows; of numbers the mean, standard deviation, first and last; of labels how many
    different ones there are, and how many rows have the commonest.
    """
    every = np.arange(n_parents)
    parts: dict[str, Any] = {"n": np.bincount(rows, minlength=n_parents)}
    numbers = [name for name in frame.columns if is_number(like[name])]
    columns = {i: to_numbers(frame[name]) for i, name in enumerate(numbers)}
    values = pd.DataFrame(columns, index=np.arange(len(rows)))
    of_parent = values.groupby(rows)
    for statistic in ("mean", "std", "first", "last") if numbers else ():
        sums = getattr(of_parent, statistic)().reindex(every)
        parts |= {f"{name} {statistic}": sums[i].to_numpy() for i, name in enumerate(numbers)}
    for name in frame.columns:
        if name not in numbers:
            codes, labels = pd.factorize(frame[name], use_na_sentinel=False)
            counts = pd.DataFrame({"row": rows, "code": codes}).value_counts().reset_index()
            of_label = counts.groupby("row", sort=False)
            parts[f"{name} nunique"] = of_label.size().reindex(every).to_numpy()
            parts[f"{name} most"] = of_label["count"].max().reindex(every).to_numpy()
            if with_modes:
                at = of_label["code"].first().reindex(every).to_numpy(dtype=float)
                known = np.array([*labels, None], dtype=object)
                parts[f"{name} commonest"] = known[np.where(np.isnan(at), -1, at).astype(int)]
    return pd.DataFrame(parts, index=every)
