"""The schema of a table: its columns, in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ArchiveError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields

__all__ = ["Schema"]


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

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

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as JSON-ready plain data."""
        return {"columns": [column.to_dict() for column in self.columns]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Schema:
        """Build a schema from the output of `to_dict`.

        Raises
        ------
        ArchiveError
            An invalid record.
        """
        columns = fields.list_of(Column.from_dict)
        schema = cls(**fields.read_fields(record, "schema", columns=columns))
        if not fields.all_different(schema.names):
            raise ArchiveError("schema has a duplicate column name")
        return schema
