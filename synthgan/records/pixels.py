"""Room for pixels: in memory, or in a file once they are many; knows no images."""

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

MOST_IN_MEMORY = 2**28  # bytes; more goes to disk
_NO_RESERVING = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)


def allocate_pixels(shape: tuple[int, ...]) -> np.ndarray:
    """Give an array of uint8; above `MOST_IN_MEMORY` bytes a memmap, whose file goes with it.

    The file keeps its name while it is in use, since joblib hands a memmap to other processes by
    its name.
    """
    if math.prod(shape) <= MOST_IN_MEMORY:
        return np.empty(shape, dtype=np.uint8)
    on_windows = os.name == "nt"  # there the last handle, the memmap's, removes the file
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
    if os.getpid() == owner:  # a forked child ends without taking its parent's file
        with suppress(OSError):
            os.unlink(name)


def map_file(file: Any, shape: tuple[int, ...], offset: int = 0) -> np.memmap:
    """Map uint8 pixels into an open file, after `offset` bytes; the disk must have room for them.

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
        # Blocks are taken now: writing to a map of a file that finds no block ends the process.
        os.posix_fallocate(file.fileno(), 0, needed)
    except AttributeError:
        pass  # neither macOS nor Windows has it
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
