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

__all__ = ["MOST_IN_MEMORY", "allocate_pixels", "map_file"]

MOST_IN_MEMORY = 2**28  # bytes; larger arrays are files
_NO_RESERVING = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


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
