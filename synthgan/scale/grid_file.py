"""Encoded rows in files: written in order, read anywhere."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["FileRows", "GridFile", "grid_folder", "open_rows"]

_GB = 1e9
_DRAFT = ".synthgan-"
_log = logging.getLogger(__name__)


@contextmanager
def grid_folder(cache_dir: Any) -> Iterator[Path]:
    """Yield a new folder for encoded rows, which is removed at the end, whatever happens.

    Raises
    ------
    DataError
        `cache_dir` is no folder, or cannot be written to.
    """
    if cache_dir is not None and not Path(cache_dir).is_dir():
        raise DataError(f"cache_dir={str(cache_dir)!r} is no folder; create it first.")
    try:
        folder = tempfile.TemporaryDirectory(prefix=_DRAFT, dir=cache_dir)
    except OSError as error:
        raise DataError(
            f"cache_dir={str(cache_dir)!r} cannot be written to: {error.strerror or error}."
        ) from error
    with folder as path:
        yield Path(path)


class GridFile:
    """Grids, and half-widths of their continuous cells, in a folder; processes write into it.

    Parameters
    ----------
    folder : path
    shape : tuple of int
        Of a grid.
    dtype : dtype
        Of cells.
    n_widths : int
        Continuous cells of a grid; 0: there are no half-widths.
    n_rows : int
        At most so many will come.

    Raises
    ------
    DataError
        The disk has too little space.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, ...], dtype: Any, n_widths: int, n_rows: int
    ) -> None:
        self.folder, self.shape, self.dtype, self.n_widths = (
            folder,
            shape,
            np.dtype(dtype),
            n_widths,
        )
        self._sizes = {"cells": self.dtype.itemsize * math.prod(shape), "widths": 4 * n_widths}
        n_bytes = n_rows * sum(self._sizes.values())
        free = shutil.disk_usage(folder).free
        _log.info("the encoded table takes %.2f GB in %s", n_bytes / _GB, folder)
        if n_bytes > free:
            raise DataError(
                f"the encoded table takes {n_bytes / _GB:.1f} GB, and {self._place!r} has "
                f"{free / _GB:.1f} GB left: give a cache_dir on a larger disk."
            )
        for name, size in self._sizes.items():
            with self._writing(), (folder / name).open("wb") as file:
                file.truncate(n_rows * size)

    def write(self, first: int, grids: np.ndarray, half_widths: np.ndarray | None) -> None:
        """Write rows, the first of which has the number `first`; half-widths of None are 0.

        Raises
        ------
        DataError
            The disk is full.
        """
        for name, array in (("cells", grids), ("widths", half_widths)):
            if array is not None and array.size:
                with self._writing(), (self.folder / name).open("r+b", buffering=0) as file:
                    file.seek(first * self._sizes[name])
                    _write_all(file, np.ascontiguousarray(array).view(np.uint8).data.cast("B"))

    @property
    def _place(self) -> str:
        """The folder that was given, in which drafts are made."""
        return str(next(one for one in self.folder.parents if not one.name.startswith(_DRAFT)))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"the encoded table cannot be written to {self._place!r}: "
                f"{error.strerror or error}; give a cache_dir on another disk."
            ) from error


def open_rows(
    folder: Path, shape: tuple[int, ...], dtype: Any, n_widths: int, n_rows: int
) -> tuple[FileRows, FileRows | None]:
    """Return the first grids and half-widths of a folder, None if `n_widths` is 0.

    Raises
    ------
    DataError
        The files are missing, or shorter than that.
    """
    found = []
    for name, own, kind in (("cells", shape, dtype), ("widths", (n_widths,), np.float32)):
        if name == "cells" or n_widths:
            try:
                rows = FileRows(folder / name, np.dtype(kind), (n_rows, *own))
                n_bytes = (folder / name).stat().st_size
            except OSError as error:
                raise DataError(
                    f"{str(folder / name)!r} cannot be read: {error.strerror or error}."
                ) from error
            if n_bytes < rows.nbytes:
                rows.close()
                raise DataError(
                    f"{str(folder / name)!r} has {n_bytes} bytes where {rows.nbytes} are "
                    f"expected: delete {str(folder)!r}."
                )
            found.append(rows)
    return found[0], found[1] if n_widths else None


def _write_all(file: Any, content: memoryview) -> None:
    """Write all bytes; an unbuffered file may take some of them."""
    while content:
        content = content[file.write(content) :]


class FileRows:
    """Rows of an array in a file, some of which are read at a time.

    A memory map would count all pages near those that were read as memory of the process.

    Parameters
    ----------
    path : path
    dtype : dtype
    shape : tuple of int
    """

    def __init__(self, path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        self.dtype, self.shape = dtype, shape
        self._n_bytes = dtype.itemsize * math.prod(shape[1:])
        self._file = path.open("rb", buffering=0)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Size of all rows."""
        return len(self) * self._n_bytes

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Read rows, given their numbers."""
        found = np.empty((len(rows), self._n_bytes), np.uint8)
        if not self._n_bytes:
            return found.view(self.dtype).reshape(len(rows), *self.shape[1:])
        for row, place in zip(np.asarray(rows).tolist(), found, strict=True):
            self._file.seek(row * self._n_bytes)
            self._file.readinto(place.data)
        return found.view(self.dtype).reshape(len(rows), *self.shape[1:])

    def blocks(self, n_rows: int = 2**16) -> Iterator[np.ndarray]:
        """Read all rows, in order."""
        for first in range(0, len(self), n_rows):
            yield self[np.arange(first, min(first + n_rows, len(self)))]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
