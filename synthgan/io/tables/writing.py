"""Write a table: text in a dialect, or a format of a library, by the suffix."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError
from synthgan.io.escaping import escape_spreadsheet
from synthgan.io.tables.binary import BY_SUFFIX, write_binary
from synthgan.io.tables.dialect import SEPARATORS, TRUTHS, ColumnStyle, Dialect
from synthgan.io.tables.opening import is_tabbed
from synthgan.state.files import write_atomically

__all__ = ["check_suffix", "is_text_name", "to_csv_text", "write_table"]

_PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
_NOT_WRITTEN = (
    ".xls", ".xlsb", ".ods", ".sav", ".dta", ".xpt", ".sas7bdat", ".rds", ".rdata", ".json",
    ".html", ".xml", ".orc", ".h5", ".hdf", ".pkl", ".pickle", ".zst", ".npy",
)  # fmt: skip
_AT_ONCE = 2**15  # rows
_MOST_EXACT = 1e15  # beyond, whole numbers read as codes


def write_table(
    table: pd.DataFrame, path: Any, dialect: Dialect | None = None, *, safe: bool = False
) -> None:
    r"""Write a table atomically, in the format of the suffix.

    ``.parquet``, ``.feather``, ``.arrow`` and ``.xlsx`` keep the types of columns; all else is
    text, which ``.gz``, ``.bz2``, ``.xz`` and ``.zip`` at the end compress.

    Parameters
    ----------
    table : DataFrame
    path : str or path
    dialect : Dialect or None, default=None
        Of text, as `read_table` found it. None: commas, and tabs for ``.tsv`` and ``.tab``.
    safe : bool, default=False
        Escape text for spreadsheets, see `to_csv_text`; the file may then have different labels.

    Raises
    ------
    DataError
        The file cannot be written, or not in this format or encoding.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "fake.csv")
    ...     write_table(pd.DataFrame({"bmi": [22.5]}), path, Dialect(";", decimal=","))
    ...     path.read_text()
    'bmi\n22,5\n'
    """
    path, name = Path(path), repr(str(path))
    check_suffix(path)
    suffix = path.suffix.casefold()
    if suffix in BY_SUFFIX:
        content = write_binary(_escaped(table) if safe else table, name, BY_SUFFIX[suffix])
    else:
        dialect = dialect or Dialect("\t" if is_tabbed(path) else ",")
        text = to_csv_text(table, dialect, safe=safe)
        try:
            content = (("\ufeff" if dialect.has_bom else "") + text).encode(dialect.encoding)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{name} cannot be written: encoding {dialect.encoding} lacks "
                f"{text[error.start]!r}; give another, such as utf-8."
            ) from error
        content = _packed(content, path)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise DataError(f"{name} cannot be written: {error.strerror or error}.") from error


def check_suffix(path: Any) -> None:
    """Raise DataError for a suffix of a format that is not written."""
    suffix = Path(path).suffix.casefold()
    if suffix in _NOT_WRITTEN:
        raise DataError(
            f"{str(path)!r} cannot be written: {suffix} is not a format that is written; give "
            ".csv, .csv.gz, .xlsx, .parquet or .feather."
        )


def is_text_name(path: Any) -> bool:
    """Return whether `write_table` writes text to a path."""
    return Path(path).suffix.casefold() not in BY_SUFFIX


def _packed(content: bytes, path: Path) -> bytes:
    suffix = path.suffix.casefold()
    if suffix in _PACK:
        return _PACK[suffix](content)
    if suffix != ".zip":
        return content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # No date, so that equal tables give equal files.
        archive.writestr(zipfile.ZipInfo(path.stem), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def to_csv_text(table: pd.DataFrame, dialect: Dialect | None = None, *, safe: bool = False) -> str:
    r"""Return a table as text in a dialect.

    Parameters
    ----------
    table : DataFrame
    dialect : Dialect or None, default=None
        None: commas, as `DataFrame.to_csv` writes.
    safe : bool, default=False
        Names and text that a spreadsheet would interpret as a formula (starting with ``=``, ``+``,
        ``-``, ``@``, a tab or a line break) get an apostrophe in front, and all text is quoted, so
        that it is not split at semicolons. Numbers and dates are unchanged.

    References
    ----------
    OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> print(to_csv_text(pd.DataFrame({"n": [-1], "label": ["=1+1"]}), safe=True))
    "n","label"
    -1,"'=1+1"
    """
    dialect = dialect or Dialect()
    if safe:
        table, dialect = _escaped(table), _safe(table, dialect)
    between = f"{dialect.sep} " if dialect.is_spaced else dialect.sep
    quoting = _Quoting(dialect)
    known = dialect.styles()
    styles = [known.get(str(name), ColumnStyle(str(name))) for name in table]
    columns = [table.iloc[:, i] for i in range(table.shape[1])]
    styles = [_with_date(style, x) for style, x in zip(styles, columns, strict=True)]
    lines = [f"sep={dialect.sep}"] if dialect.names_sep else []
    if dialect.has_header:
        names = [style.name if style.is_named else "" for style in styles]
        has_marks = dialect.header_is_quoted or names == [""]
        quoted = map(quoting.always if has_marks else quoting.of_name, names)
        lines.append(between.join(quoted))
    pieces = ["".join(line + dialect.line_end for line in lines)]
    for start in range(0, len(table), _AT_ONCE):
        cells = [
            _cells(x.iloc[start : start + _AT_ONCE], style, dialect, quoting, len(columns) == 1)
            for x, style in zip(columns, styles, strict=True)
        ]
        lines = list(map(between.join, zip(*cells, strict=True)))
        pieces.append("".join(line + dialect.line_end for line in lines))
    return "".join(pieces)


class _Quoting:
    """Enclose cells in quotation marks."""

    def __init__(self, dialect: Dialect) -> None:
        self.mark = dialect.quote or '"'
        self.escape = dialect.escape
        special = re.escape(f"{dialect.sep}\r\n{dialect.quote}{dialect.escape}")
        self.needs = re.compile(rf"[{special}]|^\s|\s$")
        self.any_needs = re.compile(rf"[{special}]|(?:^|\0)\s|\s(?:\0|$)")
        self.name_needs = re.compile(rf"[{special}{re.escape(''.join(SEPARATORS))}]|^\s|\s$|^#")

    def always(self, text: str) -> str:
        """Quote a text."""
        if self.escape:
            text = text.replace(self.escape, 2 * self.escape)
            return f"{self.mark}{text.replace(self.mark, self.escape + self.mark)}{self.mark}"
        return f"{self.mark}{text.replace(self.mark, 2 * self.mark)}{self.mark}"

    def if_needed(self, text: str) -> str:
        """Quote a text that could be misread."""
        return self.always(text) if self.needs.search(text) else text

    def where_needed(self, texts: list[str]) -> list[str]:
        """Quote those texts that could be misread."""
        if self.any_needs.search("\0".join(texts)) is None:
            return texts
        return list(map(self.if_needed, texts))

    def of_name(self, text: str) -> str:
        """Quote the name of a column if it could be misread."""
        return self.always(text) if self.name_needs.search(text) else text


def _cells(
    column: pd.Series, style: ColumnStyle, dialect: Dialect, quoting: _Quoting, is_alone: bool
) -> list[str]:
    """Return the cells of a column as they are written."""
    gaps = column.isna().to_numpy()
    texts = _spelled(column[~gaps], style, dialect)
    texts = [quoting.always(x) for x in texts] if style.is_quoted else quoting.where_needed(texts)
    if not gaps.any():
        return texts
    # A blank line would be no row.
    is_quoted = style.missing_is_quoted or (is_alone and not style.missing)
    gap = (quoting.always if is_quoted else quoting.if_needed)(style.missing)
    filled = iter(texts)
    return [gap if is_gap else next(filled) for is_gap in gaps.tolist()]


def _spelled(column: pd.Series, style: ColumnStyle, dialect: Dialect) -> list[str]:
    """Return the values of a column as text, without quotation marks; none is missing."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(dtype.categories.dtype)
        dtype = column.dtype
    if types.is_bool_dtype(dtype):
        true = style.truth or "True"
        return [true if value else TRUTHS[true] for value in column]
    if types.is_integer_dtype(dtype):
        values = column.to_numpy(dtype=object).tolist()
        return _marked(map("{:,}".format if style.thousands else str, values), style, dialect)
    if types.is_float_dtype(dtype):
        floats = column.to_numpy(dtype=np.float64).tolist()
        return _marked(_decimals(floats, style), style, dialect)
    if style.offset and isinstance(dtype, pd.DatetimeTZDtype):
        zone = pd.Timestamp(f"2000-01-01T00:00{style.offset}").tz
        return list(column.dt.tz_convert(zone).dt.strftime(f"{style.date}{style.offset}"))
    if types.is_datetime64_dtype(dtype):
        return list(column.dt.strftime(style.date))
    return list(map(str, column.to_numpy(dtype=object).tolist()))


def _decimals(values: list[float], style: ColumnStyle) -> Iterable[str]:
    """Return floats as text, with commas at thousands where the column has such."""
    comma = "," if style.thousands else ""
    if style.decimals is None:
        is_plain = bool(comma) or style.is_trimmed
        return (f"{x:{comma}.0f}" if is_plain and _is_whole(x) else repr(x) for x in values)
    fewest, most = style.decimals
    texts = map(f"{{:{comma}.{most}f}}".format, values)
    if fewest == most:
        return texts
    joined = re.sub(rf"0{{1,{most - fewest}}}$", "", "\n".join(texts), flags=re.M)
    return re.sub(r"\.$", "", joined, flags=re.M).split("\n") if values else []


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) < _MOST_EXACT


def _marked(texts: Iterable[str], style: ColumnStyle, dialect: Dialect) -> list[str]:
    """Give numbers with commas at thousands the marks of a dialect."""
    if style.is_bare:
        texts = (re.sub(r"^(-?)0\.", r"\1.", text) for text in texts)
    if not style.thousands and dialect.decimal == ".":
        return list(texts)
    marks = {ord(","): style.thousands, ord("."): dialect.decimal}
    return [text.translate(marks) for text in texts]


def _with_date(style: ColumnStyle, column: pd.Series) -> ColumnStyle:
    """Return a style with a format of dates, where the column has dates."""
    if style.date is not None or not types.is_datetime64_dtype(column.dtype):
        return style
    return replace(style, date=_date_format(column.dropna()))


def _date_format(column: pd.Series) -> str:
    if (column == column.dt.normalize()).all():
        return "%Y-%m-%d"
    return "%Y-%m-%d %H:%M:%S" + (".%f" if column.dt.microsecond.any() else "")


def _safe(table: pd.DataFrame, dialect: Dialect) -> Dialect:
    """Quote all text, and name columns as `_escaped` does."""
    styles = dialect.styles()
    columns = [
        replace(styles.get(str(name), ColumnStyle(str(name))), name=escape_spreadsheet(str(name)),
                missing=escape_spreadsheet(styles.get(str(name), ColumnStyle("")).missing),
                is_quoted=_holds_text(table.iloc[:, i]),
                missing_is_quoted=_holds_text(table.iloc[:, i]))
        for i, name in enumerate(table.columns)
    ]  # fmt: skip
    return replace(dialect, header_is_quoted=True, columns=tuple(columns))


def _escaped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with an apostrophe before text that is a formula."""
    shown = {i: table.iloc[:, i] for i in range(table.shape[1])}
    for i, column in shown.items():
        if _holds_text(column):
            shown[i] = column.astype(object).map(escape_spreadsheet)
    return pd.DataFrame(shown).set_axis([escape_spreadsheet(name) for name in table], axis=1)


def _holds_text(column: pd.Series) -> bool:
    """Return whether a column may hold text."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return not (
        types.is_numeric_dtype(dtype)
        or types.is_bool_dtype(dtype)
        or types.is_datetime64_any_dtype(dtype)
        or types.is_timedelta64_dtype(dtype)
    )
