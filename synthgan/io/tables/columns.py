"""Cells as text to typed columns: numbers, truth values, dates, text; and how they were spelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.tables.dialect import DATE_FORMATS, OFFSET, TRUTHS, ColumnStyle
from synthgan.state import fields

__all__ = ["DTYPES", "Cells", "find_decimal", "to_column"]

DTYPES = ("string", "number", "category", "date")
# What pandas takes for missing, too.
_MISSING = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
)  # fmt: skip
_NO_NUMBER = frozenset(["."])  # missing among numbers, as SAS writes
_MOST_EXACT = 15  # digits of a float
_WHOLE = r"[-+]?\d+"
_INFINITE = r"[-+]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
_CODE = re.compile(rf"^[-+]?(?:0\d|\d{{{_MOST_EXACT + 1},}}$)", re.M)
_DIGITS = {"Y": r"\d{4}", "f": r"\d{6}"}
_DATES = {
    spelled: re.sub("%(.)", lambda found: _DIGITS.get(found[1], r"\d{2}"), spelled)
    for spelled in DATE_FORMATS
}
_GROUP_MARKS = {".": (",", " ", "'", "\u00a0", "\u202f"), ",": (".", " ", "'", "\u00a0", "\u202f")}


@dataclass
class Cells:
    """The cells of a column: distinct texts, and which of them each row has."""

    name: str
    texts: list[str]
    codes: np.ndarray

    def present(self, missing: frozenset[str]) -> list[str]:
        """Return the distinct texts of cells that are not missing, without spaces around them."""
        return [text for text in self.stripped if text not in missing]

    @cached_property
    def stripped(self) -> list[str]:
        """The texts without spaces around them."""
        return [text.strip() for text in self.texts]


def _number(decimal: str) -> str:
    mark = re.escape(decimal)
    return rf"[-+]?(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][-+]?\d+)?|{_INFINITE}"


def _grouped(decimal: str, mark: str) -> str:
    fraction = rf"(?:{re.escape(decimal)}\d*)?"
    return rf"[-+]?(?:0|[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})*){fraction}"


def _all_are(pattern: str, texts: Sequence[str]) -> bool:
    r"""Return whether a pattern matches each text; in one pass, texts have no line breaks."""
    joined = "\n".join(texts)
    if joined.count("\n") != len(texts) - 1 or "\r" in joined:
        return False
    return re.search(rf"^(?!(?:{pattern})$)", joined, re.M | re.A) is None


def _group_mark(texts: Sequence[str], decimal: str) -> str | None:
    """Return what separates groups of three digits; None if these are no such numbers."""
    joined = "".join(texts)
    for mark in _GROUP_MARKS[decimal]:
        # Telephone numbers have as many groups everywhere.
        if mark in joined and _all_are(_grouped(decimal, mark), texts):
            is_varied = mark not in " '" or len({text.count(mark) for text in texts}) > 1
            return mark if is_varied else None
    return None


def find_decimal(columns: Sequence[Cells], sep: str, missing: frozenset[str] | None) -> str:
    """Find the decimal mark of a table.

    Numbers such as 1,234 alone may have either: a comma is then taken for decimal in files with
    semicolons, and for thousands in others.
    """
    numbers = [cells.present((missing or _MISSING) | _NO_NUMBER) for cells in columns]
    numbers = [texts for texts in numbers if texts and not _all_are(_WHOLE, texts)]
    commas = [texts for texts in numbers if "," in "".join(texts)]
    votes = Counter(map(_mark_of, commas))
    if votes[","] or votes["1,234"]:
        votes += Counter(_mark_of(texts) for texts in numbers if texts not in commas)
    if votes["."] != votes[","]:
        return "," if votes[","] > votes["."] else "."
    return "," if votes["1,234"] and sep == ";" else "."


def _mark_of(texts: Sequence[str]) -> str:
    """Return the decimal mark of numbers: "1,234" if a comma may be either, "" for others."""
    reads = {mark: _all_are(_number(mark), texts) for mark in ".,"}
    fits = [mark for mark in ".," if reads[mark] or _group_mark(texts, mark) is not None]
    return fits[0] if len(fits) == 1 else "1,234" if fits and reads[","] else ""


def to_column(
    cells: Cells, decimal: str, missing: frozenset[str] | None, dtype: str | None
) -> tuple[pd.Series, ColumnStyle]:
    """Convert a column.

    Parameters
    ----------
    cells : Cells
    decimal : str
    missing : frozenset of str or None
        Missing cells; None for the usual ones.
    dtype : {"string", "number", "category", "date"} or None
        What the column must be; None to find it.

    Returns
    -------
    column : Series
        Of a nullable dtype, or of dates.
    style : ColumnStyle

    Raises
    ------
    DataError
        A cell that is not of the `dtype`.
    """
    style = ColumnStyle(cells.name)
    words = _MISSING if missing is None else missing | {""}
    present = cells.present(words)
    if dtype in (None, "number") and missing is None and "." in present:
        words |= _NO_NUMBER
        if len(present) == 1 or _numbers([x for x in present if x != "."], decimal) is None:
            words -= _NO_NUMBER
        present = cells.present(words)
    gaps = np.array([text in words for text in cells.stripped], dtype=bool)
    values, style = _typed(present, style, decimal, dtype)
    texts = np.array(cells.texts, dtype=object)
    is_text = values is None and dtype not in ("number", "date")
    if is_text:  # blanks are a label there, as in files of fixed width
        gaps &= [bool(text.strip()) or text in words for text in cells.texts]
    style = replace(style, missing=_usual_gap(cells, gaps))
    if is_text:
        texts[gaps] = None
        column = pd.Series(texts[cells.codes], dtype="string", name=cells.name)
        return (column.astype("category") if dtype == "category" else column), style
    if values is None:
        raise _not_of(present, decimal, cells.name, str(dtype))
    column = _spread(values, gaps, cells)
    if style.offset:
        zone = pd.Timestamp(f"2000-01-01T00:00{style.offset}").tz
        column = column.dt.tz_localize(zone)
    return column, style


def _typed(
    present: list[str], style: ColumnStyle, decimal: str, dtype: str | None
) -> tuple[Any, ColumnStyle]:
    """Return the values of distinct texts, None for text."""
    if dtype in ("string", "category"):
        return None, style
    if not present:
        empty = np.empty(0, "M8[us]" if dtype == "date" else np.int64)
        return empty, style
    if dtype is None and (truth := _truth_of(present)) is not None:
        return np.array([text == truth for text in present]), replace(style, truth=truth)
    if dtype != "date" and (numbers := _numbers(present, decimal, dtype == "number")) is not None:
        values, decimals, mark = numbers
        is_bare = re.search(rf"^[-+]?{re.escape(decimal)}", "\n".join(present), re.M) is not None
        is_trimmed = (
            decimals is None and values.dtype.kind == "f" and any(map(str.isdigit, present))
        )
        style = replace(style, decimals=decimals, is_trimmed=is_trimmed)
        return values, replace(style, thousands=mark, is_bare=is_bare)
    return (None, style) if dtype == "number" else _dates(present, style)


def _dates(present: list[str], style: ColumnStyle) -> tuple[Any, ColumnStyle]:
    """Return dates of one format and one offset; None for others."""
    found = re.search(rf":\d\d(?:\.\d+)?({OFFSET})$", present[0])
    end = found[1] if found else ""
    for spelled, pattern in _DATES.items():
        if _all_are(pattern + re.escape(end), present):
            bare = pd.Series([text.removesuffix(end) for text in present])
            try:
                values = pd.to_datetime(bare, format=spelled).to_numpy()
            except (ValueError, OverflowError):
                break  # such as 2024-02-31
            return values, replace(style, date=spelled, offset=end)
    return None, style


def _truth_of(present: Sequence[str]) -> str | None:
    return next((t for t, f in TRUTHS.items() if set(present) <= {t, f}), None)


def _numbers(
    present: Sequence[str], decimal: str, is_forced: bool = False
) -> tuple[np.ndarray, tuple[int, int] | None, str] | None:
    """Return numbers, their decimals, and what separates groups of digits; None for others.

    Digits with a leading zero, and more digits than a float holds, are codes, unless `is_forced`.
    """
    mark = ""
    if not _all_are(_number(decimal), present):
        found = _group_mark(present, decimal)
        if found is None:
            return None
        mark = found
    if not is_forced and _CODE.search("\n".join(present)):
        return None
    spelled = [text.replace(mark, "") for text in present] if mark else list(present)
    if decimal == ",":
        spelled = [text.replace(",", ".") for text in spelled]
    if _all_are(_WHOLE, spelled):
        try:
            return np.array([int(text) for text in spelled], dtype=np.int64), None, mark
        except OverflowError:
            pass  # only where a number is asked for
    return np.asarray(spelled, dtype=object).astype(np.float64), _decimals(spelled), mark


def _decimals(spelled: Sequence[str]) -> tuple[int, int] | None:
    """Return the fewest and the most decimals; None for exponents, and for exact floats."""
    if not _all_are(r"[-+]?\d*\.?\d*", spelled):
        return None
    sizes = [len(text.partition(".")[2]) for text in spelled]
    longest = max(len(text) for text in spelled)
    return None if longest > _MOST_EXACT else (min(sizes), max(sizes))


def _usual_gap(cells: Cells, gaps: np.ndarray) -> str:
    """Return the missing cell that is most frequent; blanks stay as many as they are."""
    counts = np.bincount(cells.codes, minlength=len(cells.texts)) * gaps
    usual = cells.texts[int(counts.argmax())] if gaps.any() else ""
    return usual.strip() or usual[: fields.LONGEST_SHORT]


def _spread(values: np.ndarray, gaps: np.ndarray, cells: Cells) -> pd.Series:
    """Return a column of the values of distinct texts that are not missing."""
    places = np.maximum(np.cumsum(~gaps) - 1, 0)[cells.codes]
    mask = gaps[cells.codes]
    if not len(values):
        values = np.zeros(1, values.dtype)
    column = values[places]
    if column.dtype.kind == "M":
        column[mask] = np.datetime64("NaT")
        return pd.Series(column, name=cells.name)
    kinds = {"b": pd.arrays.BooleanArray, "i": pd.arrays.IntegerArray, "f": pd.arrays.FloatingArray}
    column[mask] = 0
    return pd.Series(kinds[column.dtype.kind](column, mask), name=cells.name)


def _not_of(present: Sequence[str], decimal: str, name: str, dtype: str) -> DataError:
    if dtype == "number":
        odd = [text for text in present if _numbers([text], decimal, True) is None]
    else:
        odd = [text for text in present if not any(_all_are(p, [text]) for p in _DATES.values())]
    shown = f" cannot hold {odd[0]!r}" if odd else " mixes several formats"
    return DataError(f"column {name!r} as {dtype}{shown}; give dtype 'string'.")


def check_dtypes(dtype: Mapping[str, str] | None, names: Sequence[str]) -> dict[str, str]:
    """Check dtypes of columns.

    Raises
    ------
    ParameterError
        A name that is no column, or another dtype.
    """
    given = dict(dtype or {})
    for name, kind in given.items():
        if kind not in DTYPES:
            raise ParameterError(
                f"dtype={kind!r} of column {name!r} is not allowed; give one of {list(DTYPES)}."
            )
        if name not in names:
            raise ParameterError(
                f"dtype names {name!r}, which is no column; the columns are {list(names)!r}."
            )
    return given
