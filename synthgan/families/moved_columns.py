"""Columns of a child table that are the same in all rows of a family: learnt with the parent."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.constraints.relations import Coded
from synthgan.records.related import RelatedTables, Relation
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["MovedColumn", "move_columns"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MovedColumn(Stored):
    """A column of a child table that its parent has, in training and in sampling.

    Parameters
    ----------
    child : str
    column : hashable
        Its name in the child table.
    name : hashable
        Its name in the parent table.
    dtype : str or None
        That of the child table, where the parent table needs missing values: parents have no rows.
    is_complete : bool
        Whether the child table lacks no value.
    """

    _record_name = "moved column"

    child: Annotated[str, fields.text]
    column: Name
    name: Name
    dtype: Annotated[Any, fields.optional(fields.one_of("int64", "int32", "int16", "int8", "bool"))]
    is_complete: bool

    def restore(self, of_parents: pd.Series, rows: np.ndarray, rng: np.random.Generator) -> Any:
        """Return the column of the child table from that of its parents.

        Parameters
        ----------
        of_parents : Series of shape (n_parents,)
        rows : ndarray of int of shape (n_rows,)
            The parent of each row of the child table.
        rng : Generator
            A parent of rows that lacks the value gets that of another.
        """
        there = np.flatnonzero(of_parents.notna())
        if self.is_complete and len(there) < len(of_parents) and len(there):
            at = np.arange(len(of_parents))
            gone = of_parents.isna().to_numpy()
            at[gone] = rng.choice(there, int(gone.sum()))
            rows = at[rows]
        values = of_parents.iloc[rows].reset_index(drop=True)
        if self.dtype is not None and not values.isna().any():
            values = values.astype(self.dtype)
        return values


def move_columns(
    related: RelatedTables, kept: Mapping[str, Collection[Hashable]]
) -> list[MovedColumn]:
    """Move columns that are constant within families, by no chance, to the parents.

    Parameters
    ----------
    related : RelatedTables
        Its frames are replaced.
    kept : mapping of str to collection of hashable
        By table, columns that stay.

    Returns
    -------
    moved : list of MovedColumn
        Those of the topmost tables first.
    """
    moved: list[MovedColumn] = []
    for name in reversed(list(related.frames)):
        owner = related.owner(name)
        if owner is None or name in related.made or (related.rows[owner] < 0).any():
            continue
        own = _constant_columns(related, owner, kept.get(name, ()))
        moved = [_move(related, owner, column) for column in own] + moved
    return moved


def _constant_columns(
    related: RelatedTables, owner: Relation, kept: Collection[Hashable]
) -> list[Hashable]:
    frame, owners = related.frames[owner.child], related.rows[owner]
    families = Coded.read(pd.Series(owners))
    free = [name for name in frame if name not in related.keys(owner.child)]
    found = []
    for name in free:
        column = Coded.read(frame[name])
        is_fixed = name == owner.order or name in kept
        if families is not None and column is not None and not is_fixed and families.fixes(column):
            found.append(name)
    return found[: len(free) - 1]  # a row needs a column of its own


def _move(related: RelatedTables, owner: Relation, column: Hashable) -> MovedColumn:
    child, parent = owner.child, str(owner.parent)
    frame, above, owners = related.frames[child], related.frames[parent], related.rows[owner]
    name = f"{child}: {column}"
    while name in above:
        name += "'"
    series, dtype = frame[column], None
    is_complete = bool(series.notna().all())
    of, first = np.unique(owners, return_index=True)
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "ib" and len(of) < len(above):
        dtype = str(series.dtype)
        series = series.astype("boolean" if dtype == "bool" else "Int64")
    values = series.iloc[first].set_axis(of).reindex(range(len(above)))
    related.frames[parent] = above.assign(**{name: values.set_axis(above.index)})
    related.frames[child] = frame.drop(columns=column)
    logger.info("column %r of table %r is learnt with its parent %r", column, child, parent)
    return MovedColumn(child, column, name, dtype, is_complete)
