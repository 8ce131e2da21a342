"""Encoded rows in files: written in order, read anywhere."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["FileRows", "GridFile", "grid_folder"]

_GB = 1e9
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
        folder = tempfile.TemporaryDirectory(prefix=".synthgan-", dir=cache_dir)
    except OSError as error:
        raise DataError(
            f"cache_dir={str(cache_dir)!r} cannot be written to: {error.strerror or error}."
        ) from error
    with folder as path:
        yield Path(path)


class GridFile:
    """Grids, and half-widths of their continuous cells, in a folder.

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
        self.folder, self.shape, self.dtype = folder, shape, np.dtype(dtype)
        self.n_widths, self.n_rows, self._has_widths = n_widths, 0, False
        n_bytes = n_rows * (self.dtype.itemsize * int(np.prod(shape)) + 4 * n_widths)
        free = shutil.disk_usage(folder).free
        _log.info("the encoded table takes %.2f GB in %s", n_bytes / _GB, folder)
        if n_bytes > free:
            raise DataError(
                f"the encoded table takes {n_bytes / _GB:.1f} GB, and {str(folder.parent)!r} has "
                f"{free / _GB:.1f} GB left: give a cache_dir on a larger disk."
            )
        self._files: dict[str, BinaryIO] = {
            name: (folder / name).open("wb") for name in ("cells", "widths")
        }

    def append(self, grids: np.ndarray, half_widths: np.ndarray | None) -> None:
        """Write further rows.

        Raises
        ------
        DataError
            The disk is full.
        """
        if half_widths is None:
            half_widths = np.zeros((len(grids), self.n_widths), np.float32)
        self._has_widths |= bool(half_widths.any())
        try:
            for name, array in (("cells", grids), ("widths", half_widths)):
                self._files[name].write(np.ascontiguousarray(array).data)
        except OSError as error:
            raise DataError(
                f"the encoded table cannot be written to {str(self.folder.parent)!r}: "
                f"{error.strerror or error}; give a cache_dir on another disk."
            ) from error
        self.n_rows += len(grids)

    def close(self) -> None:
        """Finish writing."""
        for file in self._files.values():
            file.close()

    def arrays(self) -> tuple[FileRows, FileRows | None]:
        """Return grids and half-widths, None if all are 0; they stay in their files."""
        self.close()
        cells = FileRows(self.folder / "cells", self.dtype, (self.n_rows, *self.shape))
        if not self._has_widths:
            return cells, None
        shape = (self.n_rows, self.n_widths)
        return cells, FileRows(self.folder / "widths", np.dtype(np.float32), shape)


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
