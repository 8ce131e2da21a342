"""The schema of a table: its columns, in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ArchiveError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = ["Schema"]


@dataclass(frozen=True)
class Schema(Stored):
    """The columns of a table, in order.

    Parameters
    ----------
    columns : tuple of Column

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan.encoding import Schema
    >>> schema = Schema.infer(pd.DataFrame({"age": [41, 73], "sex": ["f", "m"]}))
    >>> [(column.name, column.kind) for column in schema]
    [('age', 'integer'), ('sex', 'string')]
    >>> Schema.from_dict(schema.to_dict()) == schema
    True
    """

    _record_name = "schema"

    columns: tuple[Column, ...]

    @classmethod
    def infer(cls, frame: pd.DataFrame, support: Support = EVERYTHING) -> Schema:
        """Describe every column of a DataFrame; see `Column.infer`."""
        return cls(tuple(Column.infer(frame[name], support) for name in frame.columns))

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns."""
        return iter(self.columns)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self.columns)

    @property
    def names(self) -> list[Hashable]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def _check_record(self) -> None:
        if not fields.all_different(self.names):
            raise ArchiveError("schema has a duplicate column name")
