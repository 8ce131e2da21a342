"""A folder of parts: all are written, or none; several processes make them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from synthgan.exceptions import DataError
from synthgan.state.files import drafting_folder

__all__ = ["FORMATS", "check_new_folder", "part_name", "write_parts"]

FORMATS = {"parquet": ".parquet", "feather": ".feather", "csv": ".csv", "csv.gz": ".csv.gz"}
_log = logging.getLogger(__name__)


def part_name(number: int, format: str) -> str:
    """Return the name of the file of a part, whose order is that of the names.

    Examples
    --------
    >>> part_name(12, "parquet")
    'part-00012.parquet'
    """
    return f"part-{number:05d}{FORMATS[format]}"


def check_new_folder(path: Any) -> Path:
    """Return the path of a folder that is to be written.

    Raises
    ------
    DataError
        There is something at the path, unless it is an empty folder.
    """
    folder = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{str(path)!r} is a folder that holds files; give a new folder, or an empty one."
        )
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(path)!r} is a file; give a new folder, or an empty one.")
    if not folder.name or not folder.parent.is_dir():
        raise DataError(f"{str(path)!r} is not a folder in an existing folder; give another.")
    return folder


def write_parts(
    path: Any,
    n_parts: int,
    maker: Callable[[Path], Callable[[int], int]],
    n_jobs: int | None = None,
) -> int:
    """Write the parts of a folder; it appears when all of them are complete.

    Parameters
    ----------
    path : str or path
        A new folder, or an empty one.
    n_parts : int
    maker : callable
        Called with the folder of the draft, it returns what writes a part, given its number, and
        returns its number of rows. Processes get a copy of that.
    n_jobs : int or None, default=None
        Processes, as in joblib.

    Returns
    -------
    n_rows : int

    Raises
    ------
    DataError
        There is something at the path, or a file cannot be written.
    """
    folder, begun, n_rows = check_new_folder(path), time.perf_counter(), 0
    inside = folder
    try:
        with drafting_folder(folder) as draft:
            inside = draft / "parts"
            inside.mkdir()
            write = maker(inside)
            done = Parallel(n_jobs=n_jobs, return_as="generator")(
                delayed(write)(number) for number in range(n_parts)
            )
            for i, n in enumerate(done, 1):
                n_rows += n
                seconds = time.perf_counter() - begun
                _log.info(
                    "part %d of %d written: %d rows, %.0f rows/s, %.0f s left",
                    i, n_parts, n_rows, n_rows / seconds, seconds * (n_parts - i) / i,
                )  # fmt: skip
            if folder.exists():
                folder.rmdir()
            inside.replace(folder)
    except DataError as error:  # of a part, which would have been in the folder
        raise DataError(str(error).replace(str(inside), str(folder))) from error
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
    return n_rows
