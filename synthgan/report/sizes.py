"""The sizes of sets of records, as data and in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.records.related import LinkedTables

__all__ = ["size_in_words", "size_of"]


def size_of(records: Any) -> list[int] | dict[str, list[int]]:
    """Return the shape of records; of related tables, that of each table without its keys."""
    if isinstance(records, LinkedTables):
        return {name: list(frame.shape) for name, frame in records.frames.items()}
    return list(map(int, np.shape(records)))


def size_in_words(records: Any) -> str:
    """Return the shape of records as text.

    Examples
    --------
    >>> size_in_words(np.zeros((60, 8, 8)))
    '60 x 8 x 8'
    """
    size = size_of(records)
    if isinstance(size, dict):
        return "; ".join(f"{name} {' x '.join(map(str, one))}" for name, one in size.items())
    return " x ".join(map(str, size))
