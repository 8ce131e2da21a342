"""Read files of tables batch by batch: Parquet, Feather and CSV, by pyarrow."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.records.tables import to_frame

__all__ = ["Batch", "columns_of", "read_batches", "row_groups_of", "to_pandas"]

_PARQUET = (".parquet", ".pq")
_SEPARATORS = ",;\t|"
_CSV_BLOCK = 2**24  # bytes


@dataclass(frozen=True)
class Batch:
    """Rows of a table: of pyarrow, as they are read from a file, or of any other library."""

    table: Any

    @property
    def n_rows(self) -> int:
        """Count the rows."""
        return len(self.table)

    def select(self, names: Sequence[Any]) -> Batch:
        """Return the columns in an order."""
        if _is_arrow(self.table):
            same = self.table.column_names == list(names)
            return self if same else Batch(self.table.select(list(names)))
        frame = to_frame(self.table)[0]
        return Batch(frame if list(frame.columns) == list(names) else frame[list(names)])

    def take(self, places: np.ndarray) -> Any:
        """Return some rows."""
        if _is_arrow(self.table):
            return self.table.take(places)
        return to_frame(self.table)[0].iloc[places]


def columns_of(table: Any) -> dict[Any, str]:
    """Return the type of each column, for comparison with other parts."""
    if _is_arrow(table):
        return {one.name: _spelled(one.type) for one in table.schema}
    frame = to_frame(table)[0]
    # Text and categories of parts may be joined, others may not.
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def to_pandas(table: Any) -> pd.DataFrame:
    """Return a batch as a DataFrame, whose dtypes do not depend on whether values are missing."""
    if not _is_arrow(table):
        return to_frame(table)[0].reset_index(drop=True)
    import pyarrow

    for i, column in enumerate(table.columns):
        if pyarrow.types.is_dictionary(column.type):  # levels of parts may differ
            table = table.set_column(i, table.column_names[i], column.cast(column.type.value_type))
        elif pyarrow.types.is_null(column.type):
            table = table.set_column(i, table.column_names[i], column.cast(pyarrow.string()))
    nullable: dict[Any, Any] = {
        getattr(pyarrow, str(dtype).lower())(): dtype
        for dtype in (pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype(),
                      pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype())
    }  # fmt: skip
    nullable[pyarrow.bool_()] = pd.BooleanDtype()
    frame = table.to_pandas(date_as_object=False, types_mapper=nullable.get, ignore_metadata=True)
    return to_frame(frame)[0]


def row_groups_of(path: Path) -> list[int] | None:
    """Return the sizes of the row groups of a Parquet file; None of any other, or a damaged one."""
    if not path.name.casefold().endswith(_PARQUET):
        return None
    try:
        import pyarrow
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
    except (ImportError, pyarrow.ArrowException, OSError):
        return None
    return [
        sum(group.column(j).total_compressed_size for j in range(group.num_columns))
        for group in groups
    ]


def read_batches(
    path: Path, n_rows: int, row_groups: Sequence[int] | None = None
) -> Iterator[Batch]:
    """Read a file, or some row groups of a Parquet file, in batches of about so many rows.

    Raises
    ------
    DataError
        The file cannot be read, or pyarrow is missing.
    """
    try:
        import pyarrow
    except ImportError:
        raise DataError(
            f"{str(path)!r} is read by pyarrow, which is missing: pip install 'synthgan[scale]'."
        ) from None
    name = path.name.casefold()
    try:
        if name.endswith(_PARQUET):
            tables = _read_parquet(path, n_rows, row_groups)
        elif name.endswith((".feather", ".arrow")):
            tables = _read_feather(path, n_rows)
        else:
            tables = _read_csv(path, n_rows)
        for table in tables:
            yield Batch(table)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(f"{str(path)!r} cannot be read: {reason}.") from error


def _read_parquet(path: Path, n_rows: int, row_groups: Sequence[int] | None) -> Iterator[Any]:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=n_rows, row_groups=row_groups):
            yield pyarrow.Table.from_batches([batch])


def _read_feather(path: Path, n_rows: int) -> Iterator[Any]:
    import pyarrow

    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_file(source) as file:
        held, n_held = [], 0
        for i in range(file.num_record_batches):
            held.append(file.get_batch(i))
            n_held += len(held[-1])
            if n_held >= n_rows or i == file.num_record_batches - 1:
                yield pyarrow.Table.from_batches(held)
                held, n_held = [], 0


def _read_csv(path: Path, n_rows: int) -> Iterator[Any]:
    """Read text; types are found in the first block, and what does not fit later is an error."""
    import pyarrow
    from pyarrow import csv

    opened = gzip.open if path.name.casefold().endswith(".gz") else open
    with opened(path, "rb") as file:
        head = file.readline().decode("utf-8-sig")
    sep = max(_SEPARATORS, key=head.count)
    with csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=_CSV_BLOCK),
        parse_options=csv.ParseOptions(delimiter=sep),
        convert_options=csv.ConvertOptions(strings_can_be_null=True),
    ) as file:
        for batch in file:
            for first in range(0, len(batch), n_rows):
                yield pyarrow.Table.from_batches([batch.slice(first, n_rows)])


def _is_arrow(table: Any) -> bool:
    return type(table).__module__.partition(".")[0] == "pyarrow"


def _spelled(kind: Any) -> str:
    import pyarrow

    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    is_text = pyarrow.types.is_large_string(kind) or pyarrow.types.is_string_view(kind)
    return "string" if is_text or pyarrow.types.is_null(kind) else str(kind)
