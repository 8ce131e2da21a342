"""The dialect of a text table: how its cells are separated, encoded and spelled."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from synthgan.exceptions import ParameterError
from synthgan.io.escaping import printable
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = ["DATE_FORMATS", "OFFSET", "SEPARATORS", "TRUTHS", "ColumnStyle", "Dialect"]

SEPARATORS = (",", ";", "\t", "|")
_WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "\\t": "\t"}
TRUTHS = {"True": "False", "TRUE": "FALSE", "true": "false"}
_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")
DATE_FORMATS = ("%Y-%m-%d", *(f"%Y-%m-%d{between}{time}" for between in " T" for time in _TIMES))
OFFSET = r"Z|[+-](?:0\d|1[0-4]):?[0-5]\d|"
_MOST_DECIMALS = 15


def _is_codec(name: str) -> bool:
    """Return whether a name is that of an encoding of text."""
    try:
        return (
            re.fullmatch(r"[\w.-]{1,40}", name) is not None
            and codecs.lookup(name)._is_text_encoding
        )
    except (LookupError, ValueError):
        return False


def _that(holds: Callable[[str], bool], expected: str) -> fields.Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not holds(value):
            raise ValueError(expected)
        return value

    return check


_is_separator = _that(lambda text: len(text) == 1 and text not in '"\r\n\0', "one character")
_is_encoding = _that(_is_codec, "an encoding")
_is_offset = _that(lambda text: re.fullmatch(OFFSET, text) is not None, "an offset")
_is_word = _that(lambda text: len(text) <= fields.LONGEST_SHORT, "a short string")


@dataclass(frozen=True)
class ColumnStyle(Stored):
    """How the cells of a column are spelled.

    Parameters
    ----------
    name : str
    is_named : bool
        Whether the header names it; else `name` is "Unnamed: " and its place.
    missing : str
        A missing cell.
    missing_is_quoted, is_quoted : bool
        Whether missing cells, and all others, are in quotation marks even if they need none.
    truth : {"True", "TRUE", "true"} or None
        True of a column of truth values.
    decimals : (int, int) or None
        Fewest and most decimals of numbers; None: as many as needed.
    is_trimmed : bool
        Whether then whole numbers have none, as in 5 beside 0.022222222.
    thousands : str
        What separates groups of three digits, or "".
    is_bare : bool
        Whether numbers below 1 start with the decimal mark, as in .5.
    date : str or None
        Format of dates.
    offset : str
        Offset of their time zone, such as "Z" or "+02:00", or "".
    """

    _record_name = "the style of a column"

    name: Annotated[str, fields.text]
    is_named: bool = True
    missing: Annotated[str, _is_word] = ""
    missing_is_quoted: bool = False
    is_quoted: bool = False
    truth: Annotated[str, fields.one_of(*TRUTHS)] | None = None
    decimals: (
        tuple[
            Annotated[int, fields.whole(0, _MOST_DECIMALS)],
            Annotated[int, fields.whole(0, _MOST_DECIMALS)],
        ]
        | None
    ) = None
    is_trimmed: bool = False
    thousands: Annotated[str, fields.one_of("", ",", ".", " ", "'", "\u00a0", "\u202f")] = ""
    is_bare: bool = False
    date: Annotated[str, fields.one_of(*DATE_FORMATS)] | None = None
    offset: Annotated[str, _is_offset] = ""


@dataclass(frozen=True)
class Dialect(Stored):
    r"""How a text table is written; `read_table` finds it, and `write_table` uses it.

    Parameters
    ----------
    sep : str, default=","
        The character between cells.
    encoding : str, default="utf-8"
    decimal : {".", ","}, default="."
    line_end : {"\n", "\r\n", "\r"}, default="\n"
    quote : {'"', "'", ""}, default='"'
        What encloses cells that contain separators.
    escape : {"", "\\"}, default=""
        What stands before a quotation mark in a cell; "": it is doubled.
    has_bom : bool, default=False
        Whether a byte order mark comes first.
    has_header : bool, default=True
        Whether the first line names the columns.
    header_is_quoted : bool, default=False
    is_spaced : bool, default=False
        Whether a space follows each separator.
    names_sep : bool, default=False
        Whether the first line is ``sep=;``, as for Excel.
    columns : tuple of ColumnStyle
        Columns that differ from the default.

    Examples
    --------
    >>> from synthgan.io.tables import to_csv_text
    >>> import pandas as pd
    >>> print(to_csv_text(pd.DataFrame({"x": [1.5], "y": ["a"]}), Dialect(";", decimal=",")))
    x;y
    1,5;a
    """

    _record_name = "dialect"

    sep: Annotated[str, _is_separator] = ","
    encoding: Annotated[str, _is_encoding] = "utf-8"
    decimal: Annotated[str, fields.one_of(".", ",")] = "."
    line_end: Annotated[str, fields.one_of("\n", "\r\n", "\r")] = "\n"
    quote: Annotated[str, fields.one_of('"', "'", "")] = '"'
    escape: Annotated[str, fields.one_of("", "\\")] = ""
    has_bom: bool = False
    has_header: bool = True
    header_is_quoted: bool = False
    is_spaced: bool = False
    names_sep: bool = False
    columns: tuple[ColumnStyle, ...] = ()

    def styles(self) -> dict[str, ColumnStyle]:
        """Return the styles of columns by name."""
        return {style.name: style for style in self.columns}

    def overridden(
        self,
        sep: str | None = None,
        encoding: str | None = None,
        decimal: str | None = None,
        missing: str | None = None,
        names: Sequence[str] = (),
    ) -> Dialect:
        """Return a dialect with parts replaced, as options of the command line give them.

        `missing` is that of the columns `names`.

        Raises
        ------
        ParameterError
            A part that is not allowed.
        """
        dialect = self
        if sep is not None:
            dialect = replace(dialect, sep=check_sep(sep))
        if encoding is not None:
            dialect = replace(dialect, encoding=check_encoding(encoding), has_bom=False)
        if decimal is not None:
            dialect = replace(dialect, decimal=check_decimal(decimal))
        if missing is not None:
            styles = self.styles()
            columns = [replace(styles.get(n, ColumnStyle(n)), missing=missing) for n in names]
            dialect = replace(dialect, columns=tuple(columns))
        clear = [
            replace(style, thousands="") if style.thousands == dialect.decimal else style
            for style in dialect.columns
        ]
        return replace(dialect, columns=tuple(clear))

    def describe(self) -> str:
        """Describe the dialect in a line, such as "separator ';', encoding cp1252"."""
        name = {"\t": "tab", " ": "space"}.get(self.sep, repr(self.sep))
        parts = [f"separator {name}", f"encoding {self.encoding}"]
        if self.decimal == ",":
            parts.append("decimal comma")
        groups = {style.thousands for style in self.columns} - {""}
        parts += [f"thousands {mark!r}" for mark in sorted(groups)]
        words = sorted({style.missing for style in self.columns} - {""})
        if words:
            parts.append(f"missing cells {', '.join(map(repr, words))}")
        if self.quote != '"':
            parts.append(f"quotation mark {self.quote}" if self.quote else "no quotation marks")
        if not self.has_header:
            parts.append("no header")
        return printable(", ".join(parts))


def check_sep(sep: Any) -> str:
    """Return a separator, given as a character or as a word such as "tab".

    Raises
    ------
    ParameterError
    """
    try:
        return _is_separator(_WORDS.get(sep, sep) if isinstance(sep, str) else sep)
    except ValueError:
        raise ParameterError(
            f"sep={sep!r} is not allowed; give one character, or one of {list(_WORDS)[:5]}."
        ) from None


def check_encoding(encoding: Any) -> str:
    """Return the name of an encoding.

    Raises
    ------
    ParameterError
    """
    try:
        return _is_encoding(encoding)
    except ValueError:
        raise ParameterError(
            f"encoding={encoding!r} is not known; give one such as 'utf-8', 'cp1252' or 'utf-16'."
        ) from None


def check_decimal(decimal: Any) -> str:
    """Return a decimal mark.

    Raises
    ------
    ParameterError
    """
    if decimal not in (".", ","):
        raise ParameterError(f"decimal={decimal!r} is not allowed; give '.' or ','.")
    return str(decimal)
