"""Symbolic links that lead out of a given folder; reads no files."""

from __future__ import annotations

import os
from typing import Any

from synthgan.exceptions import DataError

__all__ = ["check_inside", "leads_out"]


def leads_out(file: Any, folder: Any) -> bool:
    """Return whether a path below a folder leads out of it through a link.

    The folder itself may be a link.
    """
    inside, found = os.path.realpath(folder), os.path.realpath(file)
    try:
        return os.path.commonpath([inside, found]) != inside
    except ValueError:  # on different drives
        return True


def check_inside(file: Any, folder: Any, follow_links: bool) -> None:
    """Refuse a file that is reached by a link out of its folder, unless links are allowed.

    An untrusted folder may have links to private files, which would be read as records.

    Raises
    ------
    DataError
    """
    if not follow_links and leads_out(file, folder):
        raise DataError(
            f"{os.fspath(file)!r} is a link that leads out of folder {os.fspath(folder)!r}; copy "
            "the file there, or give follow_links=True (--follow-links) if you trust the link."
        )
