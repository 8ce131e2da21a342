"""Names of image files: filter, natural order, and folder; reads no files."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["IMAGE_SUFFIXES", "folder_of", "is_hidden", "is_image_name", "natural_order"]

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".gif", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm"),
)
_DIGITS = re.compile(r"([0-9]+)")


def is_image_name(name: str) -> bool:
    """Return whether a path (with ``/``) has an image suffix and its file is not hidden."""
    return name.casefold().endswith(IMAGE_SUFFIXES) and not is_hidden(name.rpartition("/")[2])


def is_hidden(part: str) -> bool:
    """Return whether a file or folder is hidden or a system file."""
    return part[:1] == "." or part in ("__MACOSX", "Thumbs.db", "desktop.ini")


def natural_order(name: str) -> tuple[Any, ...]:
    """Return a key for natural order of paths (with ``/``): 2 before 10, case ignored."""
    return tuple(
        tuple(_rank(piece) if i % 2 else piece for i, piece in enumerate(_DIGITS.split(part)))
        for part in name.casefold().split("/")
    ), name


def _rank(digits: str) -> tuple[int, str]:
    stripped = digits.lstrip("0")
    return len(stripped), stripped  # numeric order, for any number of digits


def folder_of(name: str) -> str:
    """Return the folder of a path (with ``/``); "" if there is none."""
    return name.rpartition("/")[0].rpartition("/")[2]
