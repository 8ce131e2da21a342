"""Tasks in a few threads, their results in order; knows no images."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_threads"]

_MOST_THREADS = 4
_BATCH = 64  # bounds what waits for its turn

T = TypeVar("T")


def in_threads(task: Callable[[int], T], n: int) -> Generator[T, None, None]:
    """Give ``task(0), ..., task(n - 1)``, in order; worth it where a task lets go of the GIL."""
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, n, _BATCH):
            yield from pool.map(task, range(start, min(start + _BATCH, n)))
