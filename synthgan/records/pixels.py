"""Allocation of pixel arrays, in memory or in a temporary file."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["MOST_IN_MEMORY", "allocate_pixels", "declared_range", "map_file", "white_level"]

MOST_IN_MEMORY = 2**28  # bytes; larger arrays are files
_BITS = (8, 10, 12, 14, 16)  # of the pixels of cameras and scanners
_NO_RESERVING = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


def white_level(highest: float) -> int:
    """Return the white of the fewest bits, 8 to 16, that hold a pixel.

    Examples
    --------
    >>> white_level(200), white_level(3071), white_level(4096)
    (255, 4095, 16383)
    """
    return next((2**n - 1 for n in _BITS if highest < 2**n), 2 ** _BITS[-1] - 1)


def declared_range(dtype: np.dtype, low: float, high: float) -> tuple[float, float] | None:
    """Return black and white of pixels from `low` to `high`, as their dtype declares them.

    That is 0 and 1 of floats up to 1 and of booleans, 0 and 255 of bytes and of floats up to 255,
    and the white of the fewest bits of other whole numbers. None if no range is usual.

    Examples
    --------
    >>> declared_range(np.dtype(float), 0.1, 0.9), declared_range(np.dtype("u2"), 0, 4000)
    ((0.0, 1.0), (0.0, 4095.0))
    """
    if not low >= 0:  # NaN is neither
        return None
    if dtype.kind == "b" or (dtype.kind == "f" and high <= 1):
        return 0.0, 1.0
    if dtype == np.uint8 or high <= 255:
        return 0.0, 255.0
    is_whole = dtype.kind in "iu" and high < 2 ** _BITS[-1]
    return (0.0, float(white_level(high))) if is_whole else None


def allocate_pixels(shape: tuple[int, ...]) -> np.ndarray:
    """Allocate a uint8 array; above `MOST_IN_MEMORY` bytes a memmap, whose file is deleted with it.

    The file keeps its name while it is in use, because joblib passes a memmap to other processes by
    name.
    """
    if math.prod(shape) <= MOST_IN_MEMORY:
        return np.empty(shape, dtype=np.uint8)
    on_windows = os.name == "nt"  # there the file is removed when its last handle is closed
    with tempfile.NamedTemporaryFile(
        prefix="synthgan-", suffix=".pixels", delete=on_windows
    ) as file:
        try:
            mapped = map_file(file, shape)
        except BaseException:
            if not on_windows:
                os.unlink(file.name)
            raise
        if not on_windows:
            weakref.finalize(mapped, _remove, file.name, os.getpid())
    return mapped


def _remove(name: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove its parent's file
        with suppress(OSError):
            os.unlink(name)


def map_file(file: Any, shape: tuple[int, ...], offset: int = 0) -> np.memmap:
    """Map uint8 pixels into an open file, after `offset` bytes; checks the free disk space.

    Raises
    ------
    DataError
        The disk is too full.
    """
    folder = Path(file.name).parent
    needed, free = offset + math.prod(shape), shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(_no_room(folder, needed, free))
    try:
        # Allocate blocks now: a write to a mapped file without free blocks would kill the process.
        os.posix_fallocate(file.fileno(), 0, needed)
    except AttributeError:
        pass  # not available on macOS and Windows
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise DataError(_no_room(folder, needed, free)) from error
        if error.errno not in _NO_RESERVING:
            raise
    return np.memmap(file, np.uint8, "r+", offset, shape)


def _no_room(folder: Path, needed: int, free: int) -> str:
    return (
        f"the images need {needed / 2**30:.2f} GiB in folder {str(folder)!r}, which has "
        f"{free / 2**30:.2f} GiB left; give a smaller size, a cache on another disk, or the "
        "environment variable TMPDIR."
    )
