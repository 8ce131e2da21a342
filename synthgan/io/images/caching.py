"""Cache of pixels in a .npy file, with a trailer that identifies the source."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import DataError, ParameterError
from synthgan.records.pixels import map_file
from synthgan.state.files import PRIVATE, replacing

__all__ = ["Allocate", "Faults", "Fill", "check_cache", "fingerprint", "read_through"]

Faults = dict[int, str]  # row of the source -> why it could not be read
Allocate = Callable[[tuple[int, ...]], np.ndarray]
Fill = Callable[[Allocate], tuple[np.ndarray, Faults]]

_VERSION = 1  # version of decoding and of the trailer
_MAGIC = b"synthgan"
_MOST_TRAILER_BYTES = 2**28


def check_cache(cache: Any) -> Path | None:
    """Refuse an invalid path of a cache, and a path of another file."""
    if cache is None:
        return None
    if not isinstance(cache, (str, os.PathLike)) or Path(cache).suffix != ".npy":
        raise ParameterError(f"cache={cache!r} is not allowed; give the path of a .npy file.")
    path = Path(cache)
    if not path.parent.is_dir():
        raise DataError(f"cache {str(path)!r} cannot be written: there is no such folder.")
    if path.exists() and not (path.is_file() and _read_trailer(path)):
        raise DataError(
            f"file {str(path)!r} exists, but is not a cache of read_images; give cache another "
            "path."
        )
    return path


def fingerprint(*parts: Any) -> str:
    """Return a hash of JSON-ready parts."""
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).hexdigest()


def read_through(path: Path, mark: str, fill: Fill) -> tuple[np.ndarray, Faults]:
    """Return the pixels of a cache with this mark; fill the cache first if necessary.

    The memmap is private (copy-on-write): changes do not reach the file.
    """
    kept = _read(path, mark)
    if kept is None:
        try:
            _write(path, mark, fill)
        except OSError as error:
            raise DataError(
                f"cache {str(path)!r} cannot be written: {error.strerror or error}."
            ) from error
        kept = _read(path, mark)
    if kept is None:
        raise DataError(f"cache {str(path)!r} was changed while it was written.")
    return kept


def _read(path: Path, mark: str) -> tuple[np.ndarray, Faults] | None:
    trailer = _read_trailer(path) if path.exists() else None
    if trailer is None or trailer.get("mark") != mark:
        return None
    try:
        values = np.load(path, mmap_mode="c", allow_pickle=False)
        return values, {int(row): str(reason) for row, reason in trailer["faults"]}
    except (KeyError, TypeError, ValueError):  # changed by others: read again
        return None


def _write(path: Path, mark: str, fill: Fill) -> None:
    with replacing(path, PRIVATE) as draft, draft.open("r+b") as file:
        values, faults = fill(lambda shape: map_file(file, shape, len(_header(shape))))
        header, n_bytes = _header(values.shape), values.size
        del values  # Windows can neither truncate nor move a mapped file
        file.seek(0)
        file.write(header)
        file.seek(len(header) + n_bytes)
        file.truncate()
        trailer = json.dumps({"mark": mark, "faults": list(faults.items())}).encode()
        file.write(trailer + len(trailer).to_bytes(8, "little") + _MAGIC)


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the header of a .npy file; numpy pads it, so the number of rows can change later."""
    head = io.BytesIO()
    fields = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, fields)
    return head.getvalue()


def _read_trailer(path: Path) -> dict[str, Any] | None:
    n_end = 8 + len(_MAGIC)
    with path.open("rb") as file:
        n_bytes = file.seek(0, os.SEEK_END)
        file.seek(max(0, n_bytes - n_end))
        end = file.read()
        length = int.from_bytes(end[:8], "little")
        if end[8:] != _MAGIC or length > min(n_bytes - n_end, _MOST_TRAILER_BYTES):
            return None
        file.seek(n_bytes - n_end - length)
        try:
            trailer = json.loads(file.read(length))
        except ValueError:
            return None
    return trailer if isinstance(trailer, dict) else None
