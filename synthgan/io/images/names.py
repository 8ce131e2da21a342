"""Names of image files: which count, in which order, and whose they are; knows no files."""

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
    """Tell whether a path (with ``/``) ends as images do, and its file is not hidden."""
    return name.casefold().endswith(IMAGE_SUFFIXES) and not is_hidden(name.rpartition("/")[2])


def is_hidden(part: str) -> bool:
    """Tell whether a folder or file is one that systems put beside those of people."""
    return part[:1] == "." or part == "__MACOSX"


def natural_order(name: str) -> tuple[Any, ...]:
    """Give a key that sorts paths (with ``/``) by folder and name: 2 before 10, in any case."""
    return tuple(
        tuple(_rank(piece) if i % 2 else piece for i, piece in enumerate(_DIGITS.split(part)))
        for part in name.casefold().split("/")
    ), name


def _rank(digits: str) -> tuple[int, str]:
    stripped = digits.lstrip("0")
    return len(stripped), stripped  # as numbers sort, however long they are


def folder_of(name: str) -> str:
    """Name the folder that a path (with ``/``) lies in; "" where it names none."""
    return name.rpartition("/")[0].rpartition("/")[2]
