"""Keys of related tables: fresh values of the same pattern, which agree between tables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import Identifier
from synthgan.exceptions import ArchiveError, DataError
from synthgan.privacy import Support
from synthgan.records.related import RelatedTables, Relation
from synthgan.state import fields

__all__ = ["KeyMaker"]

_TAKEN, _COUNTED = "taken", "counted"  # how a column comes by its values, in an archive


class KeyMaker:
    """Makes the key columns of all tables.

    A primary key gets new values; a foreign key takes those of the parent. A column of a composite
    key that counts the rows of a family counts them again.

    Attributes
    ----------
    makers_ : dict of str to dict of hashable to Identifier or None
        By table, the columns that get new values; None: the column counts the rows of a family.
    dtypes_ : dict of str to dict of hashable to str
        By table, the dtype of each key column.
    """

    makers_: dict[str, dict[Hashable, Identifier | None]]
    dtypes_: dict[str, dict[Hashable, str]]

    @classmethod
    def fit(cls, related: RelatedTables, least: int) -> KeyMaker:
        """Learn the pattern of each primary key.

        Raises
        ------
        DataError
            A key that is neither text nor whole numbers.
        """
        made = cls()
        made.makers_, made.dtypes_ = {}, {}
        for name, frame in related.frames.items():
            keys = related.keys(name)
            made.dtypes_[name] = {column: str(frame[column].dtype) for column in keys}
            foreign = {c for one in related.relations if one.child == name for c in one.key}
            people = related.roots(name)
            makers: dict[Hashable, Identifier | None] = {}
            for column in keys:
                if column in foreign:
                    continue
                if _counts(frame[column], related, name):
                    makers[column] = None
                    continue
                try:
                    makers[column] = Identifier(column).fit(frame, Support(least, people))
                except DataError as error:
                    raise DataError(f"table {name!r}: the key {error}") from None
            made.makers_[name] = makers
        return made

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data."""
        return {
            name: [
                [column, dtype, self._describe(name, column)]
                for column, dtype in self.dtypes_[name].items()
            ]
            for name in self.dtypes_
        }

    def _describe(self, name: str, column: Hashable) -> Any:
        if column not in self.makers_[name]:
            return _TAKEN
        maker = self.makers_[name][column]
        return _COUNTED if maker is None else maker.to_dict()

    @classmethod
    def from_dict(cls, record: Any) -> KeyMaker:
        """Build a maker from the output of `to_dict`.

        Raises
        ------
        ArchiveError, ValueError
            An invalid record.
        """
        if not isinstance(record, dict):
            raise ArchiveError("keys are no object")
        made = cls()
        made.makers_, made.dtypes_ = {}, {}
        read = fields.list_of(fields.tuple_of(fields.name, fields.text, fields.plain))
        for name, columns in record.items():
            made.dtypes_[name], made.makers_[name] = {}, {}
            for column, dtype, maker in read(columns):
                made.dtypes_[name][column] = str(pd.api.types.pandas_dtype(dtype))
                if maker != _TAKEN:
                    own = None if maker == _COUNTED else Identifier.from_dict(maker)
                    made.makers_[name][column] = own
        return made

    def make(
        self,
        relations: Sequence[Relation],
        numbers: Mapping[str, int],
        rows: Mapping[Relation, np.ndarray],
        rng: np.random.Generator,
    ) -> dict[str, pd.DataFrame]:
        """Return the key columns of all tables.

        Parameters
        ----------
        relations : sequence of Relation
        numbers : mapping of str to int
            Rows of each table, parents first.
        rows : mapping of Relation to ndarray of int
            The row of the parent of each row; -1: of none.
        rng : Generator
        """
        keys: dict[str, pd.DataFrame] = {}
        for name, n in numbers.items():
            own = [one for one in relations if one.child == name]
            columns: dict[Hashable, Any] = {}
            for one in own:
                for column, of_parent in zip(one.key, one.parent_key or (), strict=True):
                    if column not in columns:
                        columns[column] = _taken(keys[str(one.parent)][of_parent], rows[one])
            for column, maker in self.makers_[name].items():
                if maker is None:
                    columns[column] = _places(rows[own[0]]) + 1
                else:
                    table = pd.DataFrame(index=pd.RangeIndex(n))
                    columns[column] = maker.restore(table, rng)[column]
            dtypes = self.dtypes_[name]
            keys[name] = pd.DataFrame(
                {c: _cast(pd.Series(x), dtypes[c]) for c, x in columns.items()},
                index=pd.RangeIndex(n),
            )
        return keys


def _taken(key: pd.Series, rows: np.ndarray) -> pd.Series:
    if isinstance(key.dtype, np.dtype) and key.dtype.kind in "iu":  # floats would be inexact
        nullable = str(key.dtype).replace("uint", "UInt").replace("int", "Int")
        key = key.astype(pd.api.types.pandas_dtype(nullable))
    return key.reindex(np.where(rows < 0, len(key), rows)).reset_index(drop=True)


def _cast(series: pd.Series, dtype: str) -> pd.Series:
    """Return keys in the dtype of the table; a missing one may need another."""
    wanted = pd.api.types.pandas_dtype(dtype)
    if series.isna().any() and isinstance(wanted, np.dtype) and wanted.kind in "iu":
        return series.astype("float64")
    return series.astype(wanted)


def _places(owners: np.ndarray) -> np.ndarray:
    return pd.Series(owners).groupby(owners).cumcount().to_numpy()


def _counts(series: pd.Series, related: RelatedTables, name: str) -> bool:
    """Return whether a column counts the rows of each family from 1."""
    owner = related.owner(name)
    if owner is None or not pd.api.types.is_integer_dtype(series.dtype):
        return False
    return bool((series.to_numpy() == _places(related.rows[owner]) + 1).all())
