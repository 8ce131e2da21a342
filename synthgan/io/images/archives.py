"""Images in zip archives, read in place; checks the archive and decodes nothing.

Archives are untrusted; this module holds all limits.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from synthgan.exceptions import DataError
from synthgan.io.images.files import ImageFiles, describe
from synthgan.io.images.foreign import HEAD_BYTES, describe_foreign, foreign_format
from synthgan.io.images.labels import INFO, add_labels
from synthgan.io.images.names import is_hidden, is_image_name, natural_order

__all__ = ["is_archive", "open_archive"]

MOST_MEMBERS = 10_000_000
MOST_DIRECTORY_BYTES = 2**30
MOST_MEMBER_BYTES = 2**28
MOST_RATIO, _RATIO_COUNTS_FROM = 1000, 2**23
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SPECIAL = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
_OUTWARD = re.compile(r"/|[A-Za-z]:|.*[\\\0]|(.*/)?\.\.(/|$)", re.DOTALL)


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive; its name must not be that of an image."""
    if path.suffix.casefold() == ".zip":
        return True
    return not is_image_name(path.name) and zipfile.is_zipfile(path)


@contextmanager
def open_archive(path: Path) -> Iterator[ImageFiles]:
    """Open the images of a zip archive.

    Raises
    ------
    DataError
        Not a readable archive, no images in it, or a violation of a safety rule.
    """
    try:
        opened = _BoundedReader(io.FileIO(path))
    except OSError as error:
        raise DataError(f"archive {str(path)!r} cannot be read: {error.strerror}.") from error
    with opened as file:
        try:
            archive = zipfile.ZipFile(file)
        except DataError as error:
            raise DataError(f"archive {str(path)!r} {error}") from None
        except Exception as error:  # zipfile raises many exceptions on invalid data
            raise DataError(f"{str(path)!r} is not a readable zip archive: {error}.") from error
        with archive:
            yield _images_of(archive, path)


class _BoundedReader(io.BufferedReader):
    """Refuses large reads: zipfile reads the whole list of members at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes; refuse to read a list of members that is too long."""
        if size is not None and size > max(MOST_DIRECTORY_BYTES, MOST_MEMBER_BYTES):
            raise DataError(
                f"has a list of members of {size} bytes; {MOST_DIRECTORY_BYTES} are allowed."
            )
        return super().read(size)


def _images_of(archive: zipfile.ZipFile, path: Path) -> ImageFiles:
    if len(archive.filelist) > MOST_MEMBERS:
        raise DataError(
            f"archive {str(path)!r} has {len(archive.filelist)} members; {MOST_MEMBERS} are "
            "allowed."
        )
    members: dict[str, zipfile.ZipInfo] = {}
    others: list[zipfile.ZipInfo] = []
    for member in archive.filelist:
        fault = _fault(member)
        if is_image_name(member.filename) and not any(map(is_hidden, member.filename.split("/"))):
            fault = fault or _excess(member)
            if member.filename in members:
                fault = fault or "it occurs more than once"
            members[member.filename] = member
        elif not member.is_dir() and not any(map(is_hidden, member.filename.split("/"))):
            others.append(member)
        if fault:
            raise DataError(
                f"archive {str(path)!r}: member {member.orig_filename!r} is refused: {fault}."
            )
    left_out = [_format_of(archive, member) for member in others if member.filename != INFO]
    if not members:
        what = (
            f"; it holds {describe_foreign(left_out)}: convert them to PNG or TIFF"
            if others
            else ""
        )
        raise DataError(f"archive {str(path)!r} holds no images{what}.")
    names = sorted(members, key=natural_order)
    table = next((member for member in others if member.filename == INFO), None)
    return ImageFiles(
        names,
        add_labels(describe(names), None if table is None else _read_table(archive, table)),
        open=lambda i: _open(archive, members[names[i]]),
        marks=lambda: [[name, members[name].file_size, members[name].CRC] for name in names],
        left_out=tuple(left_out),
    )


def _format_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str | None:
    head = b""
    if not member.flag_bits & 1 and member.compress_type in _READ:
        with suppress(Exception), archive.open(member) as file:  # it is left out, whatever it is
            head = file.read(HEAD_BYTES)
    return foreign_format(member.filename, head)


def _read_table(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    """Return the table of labels; a member that is refused as an image is no table, either."""
    if _excess(member):
        return None
    with suppress(DataError):
        return _open(archive, member).read()
    return None


def _fault(member: zipfile.ZipInfo) -> str | None:
    if _OUTWARD.match(member.orig_filename):
        return "names must not be absolute or contain '..', backslashes or drives"
    if stat.S_IFMT(member.external_attr >> 16) in _SPECIAL:
        return "it is a link or a device"
    return None


def _excess(member: zipfile.ZipInfo) -> str | None:
    if member.file_size > MOST_MEMBER_BYTES:
        return f"it has {member.file_size} bytes, and images may have {MOST_MEMBER_BYTES}"
    if member.file_size > max(_RATIO_COUNTS_FROM, MOST_RATIO * member.compress_size):
        return (
            f"it inflates {member.compress_size} bytes to {member.file_size}, and images may "
            f"inflate to {MOST_RATIO} times their size"
        )
    return None


def _open(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    if member.flag_bits & 1:
        raise DataError("encrypted")
    if member.compress_type not in _READ:  # for others, zipfile cannot limit the inflated size
        raise DataError(f"compressed by method {member.compress_type}, not stored or deflated")
    try:
        with archive.open(member) as file:
            content = file.read(member.file_size)  # limited to the declared size
    except zipfile.BadZipFile as error:
        raise DataError("wrong checksum" if "CRC" in str(error) else str(error)) from error
    if len(content) < member.file_size:
        raise DataError("truncated")
    return io.BytesIO(content)
