"""Find the encoding and the layout of a text table from its bytes and its first lines.

`csv.Sniffer` and ``pandas.read_csv(sep=None)`` split tables of one column at letters, and detectors
of encodings take Western text for others (°C for Chinese). So only a few things are tried here, and
what was found is reported.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from synthgan.io.tables.dialect import SEPARATORS

__all__ = [
    "Layout",
    "csv_words",
    "find_encoding",
    "find_layout",
    "is_spaced",
    "looks_like_number",
    "unlikely_separator",
]

_CHUNK = 2**20
_FEWEST_ZEROS = 0.6  # of every second byte, of UTF-16 without a mark
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_LETTER = re.compile(  # outside of ASCII, in UTF-8
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_OTHER = re.compile(rb"[\x80-\xff]")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # in cp1252
# Quotation mark and escape, in the order in which they are tried.
_QUOTES = (('"', ""), ('"', "\\"), ("'", ""), ("", ""))
_UNLIKELY = (" ", ":", "^", "~", "\x01")
_NONE = "\x1f"  # separates nothing
_NUMBER = re.compile(r"\s*[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?\s*")


@dataclass(frozen=True)
class Layout:
    """How the lines of a text table are split.

    Parameters
    ----------
    sep, quote, escape, line_end : str
        As in `Dialect`.
    n_skipped : int
        Lines before the header: comments, ``sep=;``.
    n_comments : int
        How many of them are comments.
    names_sep : bool
        Whether one of them is ``sep=;``.
    raw : tuple of tuple of str
        The first rows, with quotation marks.
    """

    sep: str
    quote: str
    escape: str
    line_end: str
    n_skipped: int = 0
    n_comments: int = 0
    names_sep: bool = False
    raw: tuple[tuple[str, ...], ...] = ()


def find_encoding(open_file: Callable[[], BinaryIO]) -> str:
    """Find an encoding: by the mark, else UTF-16 by its zeros, else UTF-8, else Western.

    Raises
    ------
    csv.Error
        No text.
    """
    with open_file() as file:
        head = file.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for name, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        zeros, others = head[first::2].count(0), head[1 - first :: 2].count(0)
        if len(head) > 3 and zeros > _FEWEST_ZEROS * len(head) / 2 and not others:
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_cp1252 = True, True
    with open_file() as file:
        while chunk := file.read(_CHUNK):
            if b"\0" in chunk:
                raise csv.Error("it holds NUL bytes, as no text does")
            is_cp1252 = is_cp1252 and _UNDEFINED.search(chunk) is None
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
    if is_utf8 and _decodes(decoder, b"", True):
        return "utf-8"
    _check_not_mixed(open_file)
    return "cp1252" if is_cp1252 else "latin-1"


def _check_not_mixed(open_file: Callable[[], BinaryIO]) -> None:
    """Refuse UTF-8 with a few other bytes: in another encoding, most of its letters were wrong."""
    n_letters, n_others, first, start = 0, 0, None, 0
    with open_file() as file:
        while chunk := file.read(_CHUNK):
            n_letters += len(_LETTER.findall(chunk))
            for found in _OTHER.finditer(_LETTER.sub(lambda x: b" " * len(x[0]), chunk)):
                n_others += 1
                first = first or (found[0][0], start + found.start())
            start += len(chunk)
    if first is not None and n_letters > n_others:
        byte, place = first
        noun = "byte" if n_others == 1 else "bytes"
        raise csv.Error(
            f"it is UTF-8, but for {n_others} {noun}, the first 0x{byte:02x} at {place}; mend it, "
            "or give encoding= (--encoding)"
        )


def _decodes(decoder: Any, chunk: bytes, is_last: bool = False) -> bool:
    try:
        decoder.decode(chunk, is_last)
    except UnicodeDecodeError:
        return False
    return True


def unlikely_separator(sample: str) -> str | None:
    """Return a character that splits all lines of a table of one column alike, and may be meant."""
    lines = [line.strip() for line in sample.splitlines()[:100] if line.strip()]
    for mark in _UNLIKELY:
        sizes = {len(re.split(f"{re.escape(mark)}+", line)) for line in lines}
        if len(lines) > 1 and len(sizes) == 1 and sizes != {1}:
            return mark
    return None


def csv_words(layout: Layout) -> dict[str, Any]:
    """Return the arguments of `csv.reader`."""
    return {
        "delimiter": layout.sep,
        "quotechar": layout.quote or None,
        "quoting": csv.QUOTE_MINIMAL if layout.quote else csv.QUOTE_NONE,
        "doublequote": not layout.escape,
        "escapechar": layout.escape or None,
        "skipinitialspace": _skips_spaces(layout),
        "strict": True,
    }


def _skips_spaces(layout: Layout) -> bool:
    """Return whether spaces after separators are no part of cells: all, or some quoted, have them.

    Elsewhere blanks may be all that a cell holds.
    """
    rows, quote = layout.raw, layout.quote
    if not rows or layout.sep == " " or is_spaced(layout):
        return True
    return bool(quote) and any(re.match(f" +{quote}", cell) for row in rows for cell in row)


def is_spaced(layout: Layout) -> bool:
    """Return whether a space follows each separator."""
    after = [cell for row in layout.raw for cell in row[1:] if cell]
    return bool(after) and all(cell.startswith(" ") for cell in after)


def find_layout(sample: str, is_cut: bool, sep: str | None, likely: str) -> Layout:
    """Find how lines are split.

    Parameters
    ----------
    sample : str
        The first lines.
    is_cut : bool
        Whether more lines follow.
    sep : str or None
        The separator, if it is known.
    likely : str
        The separator of tables of one column.
    """
    found = re.search(r"\r\n|\n|\r", sample)
    line_end = found[0] if found else "\n"
    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", sample.removeprefix("\ufeff"))
    if is_cut and len(lines) > 1:
        lines.pop()
    n_skipped, n_comments, names_sep = 0, 0, False
    while n_skipped < len(lines):
        line = lines[n_skipped].strip()
        named = re.fullmatch(r'"?sep=(.)"?', lines[n_skipped].strip("\r\n"))
        if named:
            sep, names_sep = sep or named[1], True
        elif line.startswith("#"):
            n_comments += 1
        elif line:
            break
        n_skipped += 1
    layouts = [
        (score, Layout(one, quote, escape, line_end, n_skipped, n_comments, names_sep))
        for quote, escape in _QUOTES
        for one in ([sep] if sep else SEPARATORS)
        if (score := _score(lines[n_skipped:], one, quote, escape, is_cut, sep is not None))
    ]
    if layouts:
        best = max(layouts, key=lambda pair: pair[0])[1]  # the first of equals
    else:
        one, quote = _of_one_column(lines[n_skipped:], likely, is_cut)
        best = Layout(one, quote, "", line_end, n_skipped, n_comments, names_sep)
    best = _with_commented_header(best, lines)
    raw = _raw_rows("".join(lines[best.n_skipped :]), best)
    return Layout(**{**vars(best), "raw": tuple(raw)})


def _rows(lines: Sequence[str], layout: Layout, is_cut: bool) -> list[list[str]] | None:
    """Return the first rows; None if quotation marks are not closed."""
    rows: list[list[str]] = []
    reader = csv.reader(lines, **csv_words(layout))
    try:
        rows.extend(row for row in reader if row not in ([], [""]))
    except csv.Error:
        if not is_cut or reader.line_num < len(lines):
            return None
    return rows


def _score(
    lines: Sequence[str], sep: str, quote: str, escape: str, is_cut: bool, is_known: bool
) -> tuple[float, ...] | None:
    """Score a separator: equal rows, without other separators in cells; None if it is none."""
    text = "".join(lines)
    if (quote == "'" and ('"' in text or not _encloses(quote, sep, text))) or (
        escape and f'{escape}"' not in text
    ):
        return None
    rows = _rows(lines, Layout(sep, quote, escape, "\n"), is_cut)
    if not rows or (len(rows[0]) < 2 and not is_known):
        return None
    n, others = len(rows[0]), rows[1:]
    several = sum(len(row) > 1 for row in others)
    if others and 2 * several < len(others) and not is_known:
        return None
    ends = sum(len(row) == n or (len(row) == n + 1 and not row[-1]) for row in others)
    share = ends / len(others) if others else 1.0
    cells = [cell for row in rows for cell in row]
    foreign = [one for one in SEPARATORS if one != sep]
    odd = sum(any(one in cell for one in foreign) and not _NUMBER.fullmatch(cell) for cell in cells)
    return round(share * (1 - odd / len(cells)), 3), n


def _of_one_column(lines: Sequence[str], likely: str, is_cut: bool) -> tuple[str, str]:
    """Return a separator and a quotation mark that leave lines whole."""
    for quote in ('"', ""):
        for sep in (likely, *SEPARATORS, _NONE):
            rows = _rows(lines, Layout(sep, quote, "", "\n"), is_cut)
            if rows is not None and all(len(row) == 1 for row in rows):
                return sep, quote
    return _NONE, ""


def _encloses(quote: str, sep: str, text: str) -> bool:
    """Return whether cells are enclosed by a quotation mark, in most lines."""
    mark = re.escape(sep)
    enclosed = re.findall(
        rf"(?:^|{mark}) *{quote}[^{quote}\r\n]*{quote} *(?={mark}|[\r\n]|$)", text, re.M
    )
    return len(enclosed) >= max(2, len(text.splitlines()) // 2)


def _with_commented_header(layout: Layout, lines: Sequence[str]) -> Layout:
    """Take the last comment for the header if the next line is none, as in ``#CHROM, POS``."""
    n = layout.n_skipped
    if not layout.n_comments or not lines[n - 1].startswith("#"):
        return layout
    pair = _rows(lines[n - 1 : n + 1], layout, True)
    is_header = (
        pair is not None
        and len(pair) == 2
        and len(pair[0]) == len(pair[1]) > 1
        and any(map(looks_like_number, pair[1]))
        and not any(map(looks_like_number, pair[0]))
    )
    if not is_header:
        return layout
    return Layout(**{**vars(layout), "n_skipped": n - 1, "n_comments": layout.n_comments - 1})


def looks_like_number(cell: str) -> bool:
    """Return whether a cell is a number in some spelling."""
    return _NUMBER.fullmatch(cell) is not None


def _raw_rows(text: str, layout: Layout) -> Iterator[tuple[str, ...]]:
    """Return rows with their quotation marks."""
    mark, q = re.escape(layout.sep), re.escape(layout.quote)
    inner = rf"(?:[^{q}\\]|\\.)*" if layout.escape else rf"(?:[^{q}]|{q}{q})*"
    quoted = rf"{q}{inner}{q}|" if layout.quote else ""
    cell = re.compile(rf"( *)({quoted}[^{mark}\r\n]*)({mark}|\r\n|\r|\n|$)", re.S)
    row: list[str] = []
    for found in cell.finditer(text):
        row.append(found[1] + found[2])
        if found[3] != layout.sep:
            if any(row) or len(row) > 1:
                yield tuple(row)
            row = []
