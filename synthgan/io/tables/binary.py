"""Tables in formats that pandas reads with their types: Excel, Parquet, Feather, Stata, SAS."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.tables.opening import Opened

__all__ = ["BY_SUFFIX", "FORMATS", "read_binary", "write_binary"]

_NULLABLE: dict[str, Any] = {"dtype_backend": "numpy_nullable"}


@dataclass(frozen=True)
class _Format:
    """A format: its noun, what reads it, what writes it, and what it needs."""

    noun: str
    read: Callable[[Any, bool], pd.DataFrame]
    write: Callable[[pd.DataFrame, Any], None] | None = None
    needs: str = ""
    extra: str = ""


def _read_excel(file: Any, header: bool) -> pd.DataFrame:
    """Read the first sheet; text stays text."""
    with pd.ExcelFile(file, engine="openpyxl") as book:
        names = book.sheet_names
        table = pd.read_excel(
            book, dtype=object, keep_default_na=False, na_values=[""], header=0 if header else None
        )
    if len(names) > 1:
        warnings.warn(
            f"the workbook has {len(names)} sheets; the first one, {names[0]!r}, is read.",
            DataWarning,
            stacklevel=5,
        )
    return table.set_axis([str(name) for name in table.columns], axis=1).convert_dtypes()


def _write_excel(table: pd.DataFrame, file: Any) -> None:
    """Write one sheet; text that starts with "=" stays text, and is no formula."""
    from openpyxl.utils.exceptions import IllegalCharacterError

    zoned = [name for name, dtype in table.dtypes.items() if isinstance(dtype, pd.DatetimeTZDtype)]
    table = table.assign(**{str(name): table[name].astype(str) for name in zoned})
    try:
        with pd.ExcelWriter(file, engine="openpyxl") as writer:
            table.to_excel(writer, index=False)
            for row in writer.book.active.iter_rows():
                for cell in row:
                    if cell.data_type == "f":
                        cell.data_type = "s"
    except IllegalCharacterError as error:
        raise ValueError("text has control characters, which Excel does not allow") from error


def _read_sas(kind: Any) -> Callable[[Any, bool], pd.DataFrame]:
    def read(file: Any, header: bool) -> pd.DataFrame:
        table: Any = pd.read_sas(file, format=kind, encoding="cp1252")
        return table.convert_dtypes()

    return read


FORMATS = {
    "excel": _Format("an Excel workbook", _read_excel, _write_excel, "openpyxl", "excel"),
    "parquet": _Format(
        "a Parquet file",
        lambda file, header: pd.read_parquet(file, engine="pyarrow", **_NULLABLE),
        lambda table, file: table.to_parquet(file, engine="pyarrow", index=False),
        "pyarrow",
        "parquet",
    ),
    "feather": _Format(
        "a Feather file",
        lambda file, header: pd.read_feather(file, **_NULLABLE),
        lambda table, file: table.to_feather(file),
        "pyarrow",
        "parquet",
    ),
    "stata": _Format("a Stata file", lambda file, header: pd.read_stata(file)),
    "xport": _Format("a SAS transport file", _read_sas("xport")),
    "sas7bdat": _Format("a SAS file", _read_sas("sas7bdat")),
}
BY_SUFFIX = {
    ".xlsx": "excel", ".parquet": "parquet", ".pq": "parquet", ".feather": "feather",
    ".arrow": "feather",
}  # fmt: skip


def read_binary(opened: Opened, missing: frozenset[str] | None, has_header: bool) -> pd.DataFrame:
    """Read a file of `FORMATS`.

    Raises
    ------
    DataError
        A library is missing, or the file is damaged.
    """
    kind = FORMATS[opened.format]
    name = repr(str(opened.path))
    try:
        with opened.open() as file:
            table = kind.read(io.BytesIO(file.read()), has_header)
    except ImportError as error:
        raise _lacks(kind, name) from error
    except Exception as error:  # of any library, for a damaged file
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(f"{name} is {kind.noun} that cannot be read: {reason}.") from error
    if not isinstance(table.index, pd.RangeIndex):
        table = table.reset_index()
    for column in table.columns[[_holds_text(dtype) for dtype in table.dtypes]]:
        gaps = table[column].isin(missing) if missing is not None else table[column] == ""
        table[column] = table[column].mask(gaps.fillna(False).astype(bool))
    return table


def write_binary(table: pd.DataFrame, name: str, kind_name: str) -> bytes:
    """Return the content of a file of `FORMATS`.

    Raises
    ------
    DataError
        A library is missing, or the format cannot hold the table.
    """
    kind = FORMATS[kind_name]
    content = io.BytesIO()
    if kind.write is None:
        raise DataError(f"{name} would be {kind.noun}, which is not written: give .csv or .xlsx.")
    try:
        kind.write(table.reset_index(drop=True), content)
    except ImportError as error:
        raise _lacks(kind, name) from error
    except (ValueError, TypeError) as error:
        raise DataError(f"{name} cannot be written as {kind.noun}: {error}.") from error
    return content.getvalue()


def _lacks(kind: _Format, name: str) -> DataError:
    return DataError(
        f"{name} is {kind.noun}, which needs {kind.needs}: pip install 'synthgan[{kind.extra}]'."
    )


def _holds_text(dtype: Any) -> bool:
    return types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype)
