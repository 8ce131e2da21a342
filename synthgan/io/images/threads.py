"""Run tasks in a few threads, with results in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_threads"]

_MOST_THREADS = 4
_BATCH = 64  # limits the number of waiting results

T = TypeVar("T")


def in_threads(task: Callable[[int], T], n: int) -> Generator[T, None, None]:
    """Yield ``task(0), ..., task(n - 1)``, in order; useful if the task releases the GIL."""
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, n, _BATCH):
            yield from pool.map(task, range(start, min(start + _BATCH, n)))
