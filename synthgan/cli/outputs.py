"""Output files of commands: checks and permissions."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["as_private_as", "check_out"]


def check_out(option: str, path: str) -> None:
    """Raise an error if a file cannot be created at a path; called before any work is done."""
    if not path or Path(path).is_dir() or not Path(path).parent.is_dir():
        raise ValueError(f"{option} {path!r} is not a file in an existing folder.")


@contextmanager
def as_private_as(path: str) -> Iterator[None]:
    """Restrict the permissions of new files and folders to those of a file.

    The umask also applies. Existing files keep their permissions.
    """
    mode = stat.S_IMODE(os.stat(path).st_mode)
    shared = mode & 0o066
    enter = (shared & 0o044) >> 2  # a folder that can be read can also be entered
    before = os.umask(0o077)
    os.umask(before | (0o077 & ~(shared | enter)))
    try:
        yield
    finally:
        os.umask(before)
