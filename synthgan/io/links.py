"""Links on the way to a file: which lead out of the folder that was given; reads no file."""

from __future__ import annotations

import os
from typing import Any

from synthgan.exceptions import DataError

__all__ = ["check_inside", "leads_out"]


def leads_out(file: Any, folder: Any) -> bool:
    """Tell whether a path below a folder ends elsewhere, because a link is on its way.

    The folder itself may be reached by a link.
    """
    inside, found = os.path.realpath(folder), os.path.realpath(file)
    try:
        return os.path.commonpath([inside, found]) != inside
    except ValueError:  # on two drives
        return True


def check_inside(file: Any, folder: Any, follow_links: bool) -> None:
    """Refuse a file that is reached by a link out of its folder, unless that was asked for.

    A folder from somebody else may hold links to files of ours, which would be read as records.

    Raises
    ------
    DataError
    """
    if not follow_links and leads_out(file, folder):
        raise DataError(
            f"{os.fspath(file)!r} is a link that leads out of folder {os.fspath(folder)!r}; copy "
            "the file there, or give follow_links=True (--follow-links) if the link is yours."
        )
