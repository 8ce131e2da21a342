"""What a table file is, by its first bytes: text, compressed text, or a format of a library."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from synthgan.exceptions import DataError

__all__ = ["DAMAGE", "TABLE_SUFFIXES", "Opened", "is_tabbed", "is_zipped_table", "open_table"]

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat")
# What reading a damaged or an encrypted archive raises.
DAMAGE = (
    EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile,
    NotImplementedError, RuntimeError,
)  # fmt: skip
_TABBED = (".tsv", ".tab")
_HEAD = 512  # bytes
_PACKED: dict[bytes, tuple[str, Callable[..., Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
# Formats that pandas reads; what they are called is in FORMATS of `binary`.
_KNOWN = {
    b"PAR1": "parquet",
    b"ARROW1\0\0": "feather",
    b"FEA1": "feather",
    b"<stata_dta>": "stata",
    b"HEADER RECORD*******LIBRARY HEADER": "xport",
    b"\0" * 12 + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf": "sas7bdat",
}
_AT_BOTH_ENDS = (b"PAR1", b"FEA1")  # as the name of a column may start, too
_FOREIGN = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Excel workbook (.xls)", "save it as .xlsx"),
    b"$FL2@(#)": ("an SPSS file", "export it as CSV"),
    b"$FL3@(#)": ("an SPSS file", "export it as CSV"),
    b"RDX2\n": ("an R file", "write it with write.csv"),
    b"RDX3\n": ("an R file", "write it with write.csv"),
    b"X\n\0\0\0": ("an R file", "write it with write.csv"),
    b"\x89HDF\r\n": ("an HDF5 file", "write its table as CSV or Parquet"),
    b"SQLite format 3\0": ("an SQLite database", "export a table as CSV"),
    b"\x93NUMPY": ("an npy file", "give --kind signal or image, or write a table as CSV"),
    b"Obj\x01": ("an Avro file", "write it as CSV or Parquet"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "unpack it, or use gzip"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it"),
    b"Rar!\x1a": ("a RAR archive", "unpack it"),
    b"%PDF-": ("a PDF file", "export the table as CSV"),
    b"\x89PNG": ("an image", "give --kind image"),
    b"\xff\xd8\xff": ("an image", "give --kind image"),
}
_MARKUP = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<?xml": "an XML file",
    b"{\\rtf": "an RTF document",
    b'{"': "a JSON file",
    b'[{"': "a JSON file",
}
_STATA_VERSIONS = range(102, 120)  # the first byte of older files
_OFFICE = {
    "xl/workbook.xml": "excel",
    "xl/workbook.bin": "a binary Excel workbook (.xlsb)",
    "content.xml": "an OpenDocument file",
    "word/document.xml": "a Word document",
}


@dataclass(frozen=True)
class Opened:
    """A table file.

    Parameters
    ----------
    path : Path
    format : str
        "text", or a format of `binary`.
    packed : str
        How it is compressed, or "".
    open : callable
        Opens it, unpacked, as a binary file.
    """

    path: Path
    format: str
    packed: str
    open: Callable[[], BinaryIO]


def open_table(path: Any) -> Opened:
    """Recognise a file.

    Raises
    ------
    OSError, or one of `DAMAGE`
    DataError
        A format that is not read, by its name.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe is read only once
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    opened = Opened(path, "text", "", lambda: path.open("rb"))
    head = _head(opened)
    if head.startswith(b"PK\x03\x04"):
        opened = _in_zip(opened)
        if opened.format != "text":
            return opened
        head = _head(opened)
    packed = next((kind for start, kind in _PACKED.items() if head.startswith(start)), None)
    if packed is not None and not opened.packed and not head.isascii():
        name, unpack = packed
        opened = replace(opened, packed=name, open=lambda: unpack(path, "rb"))
        head = _head(opened)
    return replace(opened, format=_format_of(head, opened))


def _head(opened: Opened) -> bytes:
    with opened.open() as file:
        return file.read(_HEAD)


def _format_of(head: bytes, opened: Opened) -> str:
    for start, name in _KNOWN.items():
        if head.startswith(start) and (start not in _AT_BOTH_ENDS or _ends_with(opened, start)):
            return name
    if head[:1] and head[0] in _STATA_VERSIONS and head[1:3] in (b"\1\1", b"\2\1"):
        return "stata"
    for start, (what, advice) in _FOREIGN.items():
        if head.startswith(start):
            raise DataError(f"{str(opened.path)!r} is {what}, which is not read: {advice}.")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, what in _MARKUP.items():
        if text.startswith(start):
            raise DataError(
                f"{str(opened.path)!r} is {what}, which is not read: write its table as CSV."
            )
    return "text"


def _ends_with(opened: Opened, end: bytes) -> bool:
    """Return whether a file ends so."""
    with opened.open() as file:
        return file.read().endswith(end) if opened.packed else _last_bytes(file, len(end)) == end


def _last_bytes(file: BinaryIO, n: int) -> bytes:
    file.seek(-n, 2)
    return file.read()


def _in_zip(opened: Opened) -> Opened:
    """Return the single file of a zip archive, or the workbook that the archive is."""
    path = opened.path
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    for name, what in _OFFICE.items():
        if name in names:
            if what == "excel":
                return replace(opened, format=what)
            raise DataError(f"{str(path)!r} is {what}, which is not read: save it as .xlsx or CSV.")
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise DataError(
            f"{str(path)!r} is a zip archive of {len(names)} files; a table is read from an "
            "archive of one file: unpack it."
        )

    def unpack() -> BinaryIO:
        return zipfile.ZipFile(path).open(names[0])  # type: ignore[return-value]

    return replace(opened, packed="zip", open=unpack)


def is_tabbed(path: Any) -> bool:
    """Return whether a suffix says that tabs separate cells, as of ``fake.tsv.gz``."""
    return any(suffix.casefold() in _TABBED for suffix in Path(path).suffixes)


def is_zipped_table(path: str) -> bool:
    """Return whether a zip archive holds one file, with a suffix of a table."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
    except (OSError, zipfile.BadZipFile):
        return path.casefold().removesuffix(".zip").endswith(TABLE_SUFFIXES)
    return len(names) == 1 and names[0].casefold().endswith(TABLE_SUFFIXES)
