"""Read a table from a file of any format that is known."""

from __future__ import annotations

import csv
import io
import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.escaping import printable
from synthgan.io.tables.binary import FORMATS, read_binary
from synthgan.io.tables.columns import Cells, check_dtypes, find_decimal, to_column
from synthgan.io.tables.dialect import (
    ColumnStyle,
    Dialect,
    check_decimal,
    check_encoding,
    check_sep,
)
from synthgan.io.tables.opening import DAMAGE, Opened, is_tabbed, open_table
from synthgan.io.tables.sniffing import (
    Layout,
    csv_words,
    find_encoding,
    find_layout,
    is_spaced,
    looks_like_number,
    unlikely_separator,
)

__all__ = ["TableFile", "read_file", "read_table"]

_SAMPLE = 2**17  # characters
_AT_ONCE = 2**15  # rows
_END_OF_FILE = "\x1a"  # of DOS


class TableFile(NamedTuple):
    """A table that was read.

    Parameters
    ----------
    table : DataFrame
    dialect : Dialect or None
        None where the file is no text.
    about : str
        What the file is, in a line.
    """

    table: pd.DataFrame
    dialect: Dialect | None
    about: str


def read_table(
    path: Any,
    *,
    sep: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    dtype: Mapping[str, str] | None = None,
    na: Sequence[str] | None = None,
    header: bool = True,
    return_dialect: bool = False,
) -> Any:
    r"""Read a table from a text, Excel, Parquet, Feather, Stata or SAS file.

    The format is found by the first bytes, whatever the suffix; files may be compressed. Of text,
    the separator (``,``, ``;``, tab or ``|``), the encoding (UTF-8, UTF-16, else Windows-1252), the
    decimal mark, separators of thousands and the quotation mark are found. Lines that start with
    ``#`` before the header are skipped. Columns get nullable dtypes. Dates of ISO 8601 without an
    offset become dates. Digits with a leading zero, such as 00501, and more than 15 digits are
    codes: their column stays text.

    Parameters
    ----------
    path : str or path
        Excel files need ``synthgan[excel]``, Parquet and Feather files ``synthgan[parquet]``.
    sep, encoding, decimal : str or None, default=None
        Of text; None finds them. A separator may be a word: ``"tab"``, ``"space"`` ...
    dtype : dict of str to {"string", "number", "category", "date"}, or None, default=None
        dtypes of columns; those that are not named are found.
    na : sequence of str or None, default=None
        Missing cells, beside empty ones. None: ``NA``, ``NaN``, ``null`` and others as of
        `pandas.read_csv`, and ``.`` among numbers.
    header : bool, default=True
        Whether the first line names the columns; else they are "0", "1" ...
    return_dialect : bool, default=False
        Whether to return the dialect, too.

    Returns
    -------
    table : DataFrame
    dialect : Dialect or None
        Only with `return_dialect`; for `write_table`. None where the file is no text.

    Raises
    ------
    DataError
        No such file, a format that is not read, a line with too many or too few cells, no rows.
    ParameterError
        A parameter that is not allowed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.csv")
    ...     _ = path.write_text("zip;bmi;seen\n00501;22,5;2024-01-31T08:00\n")
    ...     table, dialect = read_table(path, return_dialect=True)
    >>> table["bmi"].tolist(), dialect.describe()
    ([22.5], "separator ';', encoding utf-8, decimal comma")
    """
    found = read_file(
        path, sep=sep, encoding=encoding, decimal=decimal, dtype=dtype, na=na, header=header
    )
    return (found.table, found.dialect) if return_dialect else found.table


def read_file(
    path: Any,
    *,
    sep: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    dtype: Mapping[str, str] | None = None,
    na: Sequence[str] | None = None,
    header: bool = True,
) -> TableFile:
    """Read a table as `read_table`; return it with its dialect and a description."""
    given = Dialect(
        "," if sep is None else check_sep(sep),
        "utf-8" if encoding is None else check_encoding(encoding),
        "." if decimal is None else check_decimal(decimal),
        has_header=header,
    )
    name = repr(str(path))
    if isinstance(na, str):
        raise ParameterError(f"na={na!r} is not allowed; give a list of texts.")
    missing = None if na is None else frozenset(na)
    try:
        opened = open_table(path)
        if opened.format != "text":
            for option, value in (("sep", sep), ("encoding", encoding), ("decimal", decimal)):
                if value is not None:
                    raise ParameterError(
                        f"{option} is for text; {name} is {FORMATS[opened.format].noun}."
                    )
            table = read_binary(opened, missing, header)
            table = table.astype(_pandas_dtypes(check_dtypes(dtype, list(table.columns))))
            dialect = None
        else:
            words = (sep is not None, encoding is not None, decimal is not None)
            table, dialect = _read_text(opened, given, words, dtype, missing)
    except DAMAGE as error:
        raise DataError(f"{name} is a damaged or encrypted archive: {error}.") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (csv.Error, UnicodeError) as error:
        raise DataError(f"{name} is not a CSV table: {error}.") from error
    if not len(table):
        raise DataError(f"{name} holds no rows{' but a header' if dialect else ''}.")
    return TableFile(table, dialect, _about(opened, table, dialect))


def _about(opened: Opened, table: pd.DataFrame, dialect: Dialect | None) -> str:
    noun = "text" if dialect is not None else FORMATS[opened.format].noun
    packed = f", {opened.packed}" if opened.packed else ""
    spelled = "" if dialect is None else f", {dialect.describe()}"
    n_rows, n_columns = table.shape
    rows, columns = ("row" if n_rows == 1 else "rows"), ("column" if n_columns == 1 else "columns")
    about = f"{opened.path} read ({noun}{packed}{spelled}): {n_rows} {rows}, {n_columns} {columns}"
    return printable(about)


def _pandas_dtypes(dtypes: Mapping[str, str]) -> dict[str, str]:
    names = {"number": "Float64", "date": "datetime64[us]"}
    return {name: names.get(kind, kind) for name, kind in dtypes.items()}


def _read_text(
    opened: Opened,
    given: Dialect,
    is_given: tuple[bool, bool, bool],
    dtype: Mapping[str, str] | None,
    missing: frozenset[str] | None,
) -> tuple[pd.DataFrame, Dialect]:
    """Read a text table; `is_given` of its separator, encoding and decimal mark."""
    has_sep, has_encoding, has_decimal = is_given
    encoding = given.encoding if has_encoding else find_encoding(opened.open)
    with opened.open() as file, io.TextIOWrapper(file, encoding, newline="") as stream:
        sample = stream.read(_SAMPLE)
        is_cut = bool(stream.read(1))
    if not sample.strip("\ufeff \r\n"):
        raise csv.Error("it is empty")
    likely = "\t" if is_tabbed(opened.path) else ","
    layout = find_layout(sample, is_cut, given.sep if has_sep else None, likely)
    with opened.open() as file, io.TextIOWrapper(file, encoding, newline="") as stream:
        names, columns = _read_cells(stream, layout, given.has_header)
    if len(names) == 1 and not has_sep and (mark := unlikely_separator(sample)) is not None:
        warnings.warn(
            f"{str(opened.path)!r} is read as one column; if {mark!r} separates its columns, give "
            f"sep={mark!r} (--sep).",
            DataWarning,
            stacklevel=4,
        )
    columns, styles = _named(names, columns, given.has_header)
    kinds = check_dtypes(dtype, [cells.name for cells in columns])
    texts = [cells for cells in columns if kinds.get(cells.name) in (None, "number")]
    decimal = given.decimal if has_decimal else find_decimal(texts, layout.sep, missing)
    found = [to_column(cells, decimal, missing, kinds.get(cells.name)) for cells in columns]
    table = pd.concat([column for column, _ in found], axis=1)
    dialect = Dialect(
        layout.sep, encoding, decimal, layout.line_end, layout.quote, layout.escape,
        sample.startswith("\ufeff"), given.has_header, names_sep=layout.names_sep,
    )  # fmt: skip
    made = [replace(style, is_named=known) for (_, style), known in zip(found, styles, strict=True)]
    return table, _with_marks(dialect, made, layout)


def _read_cells(
    stream: Iterator[str], layout: Layout, has_header: bool
) -> tuple[list[str], list[Cells]]:
    """Read all rows; return the first, and the cells of columns without names.

    Raises
    ------
    csv.Error
        A line with too many or too few cells, or without the second quotation mark.
    """
    lines = itertools.chain([next(stream).removeprefix("\ufeff")], stream)
    for _ in range(layout.n_skipped):
        next(lines)
    rows = _checked_rows(lines, layout)
    first = next(rows)
    if not has_header:
        rows = itertools.chain([first], rows)
    columns: list[_Column] = [_Column() for _ in first]
    while some := list(itertools.islice(rows, _AT_ONCE)):
        for column, cells in zip(columns, zip(*some, strict=True), strict=True):
            column.add(cells)
    return first, [column.cells() for column in columns]


def _checked_rows(lines: Iterator[str], layout: Layout) -> Iterator[list[str]]:
    """Return rows of one length; blank lines are left out."""
    reader = csv.reader(lines, **csv_words(layout))
    width = 0
    try:
        for row in _but_end_of_file(reader):
            is_blank = len(row) < 2 and not "".join(row).strip(" ")
            if is_blank and (width > 1 or not row):
                continue
            if not width:
                width = len(row)
            elif len(row) == width + 1 and not row[-1]:  # a separator at the end
                row.pop()
            elif len(row) != width:
                raise csv.Error(
                    f"line {reader.line_num + layout.n_skipped} has {_cells_in(len(row))}, the "
                    f"header {width}; separators are {layout.sep!r}, unless sep= (--sep) says "
                    "otherwise"
                )
            yield row
    except csv.Error as error:
        place = f"line {reader.line_num + layout.n_skipped}"
        text = str(error).rstrip(".")
        raise csv.Error(text if place in text else f"{place}: {text}") from None


def _but_end_of_file(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    """Leave out the last row if it is the mark that old programs put at the end of a file."""
    held: list[list[str]] = []
    for row in rows:
        if row == [_END_OF_FILE] or (held and not row):
            held.append(row)
            continue
        yield from held
        held = []
        yield row


def _cells_in(n: int) -> str:
    return f"{n} cell" if n == 1 else f"{n} cells"


class _Column:
    """The distinct texts of a column, and which of them each row has."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.codes: list[np.ndarray] = []

    def add(self, cells: Sequence[str]) -> None:
        """Add the cells of more rows."""
        codes, texts = pd.factorize(np.array(cells, dtype=object))
        places = [self.places.setdefault(text, len(self.places)) for text in texts]
        self.codes.append(np.array(places, dtype=np.int32)[codes])

    def cells(self) -> Cells:
        """Return all cells so far."""
        codes = np.concatenate(self.codes) if self.codes else np.empty(0, np.int32)
        return Cells("", list(self.places), codes)


def _named(
    names: list[str], columns: list[Cells], has_header: bool
) -> tuple[list[Cells], list[bool]]:
    """Give columns their names; return them, and whether the header has each name.

    A last column without name and cells, of separators at the end of lines, is left out.
    """
    names = [name.strip() for name in names] if has_header else [""] * len(names)
    is_empty = has_header and len(names) > 1 and not names[-1]
    if is_empty and not any(text.strip() for text in columns[-1].texts):
        names, columns = names[:-1], columns[:-1]
    is_named = [bool(name) or not has_header for name in names]
    for i, cells in enumerate(columns):
        cells.name = names[i] or (f"Unnamed: {i}" if has_header else str(i))
    counts = Counter(cells.name for cells in columns)
    twice = [name for name, n in counts.items() if n > 1]
    if twice:
        raise csv.Error(
            f"column names {twice!r} occur more than once: rename them, or give header=False "
            "(--no-header) if the first line names no columns"
        )
    numbers = [name for name in names if looks_like_number(name)]
    if 2 * len(numbers) > len(names):
        warnings.warn(
            f"names of columns are numbers, such as {numbers[0]!r}: if the file has no header, "
            "give header=False (--no-header).",
            DataWarning,
            stacklevel=6,
        )
    return columns, is_named


def _with_marks(dialect: Dialect, styles: list[ColumnStyle], layout: Layout) -> Dialect:
    """Add to a dialect what is in quotation marks, and where spaces are."""
    rows, quote = layout.raw, layout.quote
    head, body = (rows[:1], rows[1:]) if dialect.has_header else ((), rows)
    kept = []
    for i, style in enumerate(styles):
        cells = [row[i].strip() for row in body if i < len(row)]
        gaps = [c for c in cells if _bare(c, quote) in (style.missing, "")]
        full = [c for c in cells if _bare(c, quote) not in (style.missing, "")]
        kept.append(
            replace(
                style,
                is_quoted=_are_quoted(full, quote),
                missing_is_quoted=_are_quoted(gaps, quote),
            )
        )
    return replace(
        dialect,
        header_is_quoted=bool(head) and _are_quoted([c for c in head[0] if c.strip()], quote),
        is_spaced=is_spaced(layout),
        columns=tuple(style for style in kept if style != ColumnStyle(style.name)),
    )


def _are_quoted(cells: Sequence[str], quote: str) -> bool:
    return bool(quote and cells) and all(
        len(cell.strip()) > 1 and cell.strip()[0] == quote == cell.strip()[-1] for cell in cells
    )


def _bare(cell: str, quote: str) -> str:
    return cell[1:-1] if _are_quoted([cell], quote) else cell
