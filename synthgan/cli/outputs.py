"""Where commands write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["as_private_as", "check_out"]


def check_out(option: str, path: str) -> None:
    """Refuse, before anything is done, a file that cannot be written."""
    if not path or Path(path).is_dir() or not Path(path).parent.is_dir():
        raise ValueError(f"{option} {path!r} names no file in a folder that is there.")


@contextmanager
def as_private_as(path: str) -> Iterator[None]:
    """Let new files and folders be read by those who may read a file, and by nobody else.

    What the umask takes is taken, too. Files that are there keep their permissions.
    """
    mode = stat.S_IMODE(os.stat(path).st_mode)
    shared = mode & 0o066
    enter = (shared & 0o044) >> 2  # folders that may be read may be entered
    before = os.umask(0o077)
    os.umask(before | (0o077 & ~(shared | enter)))
    try:
        yield
    finally:
        os.umask(before)
