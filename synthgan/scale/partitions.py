"""Partitions of Dask DataFrames: work is done where they lie, and its results come back in order.

Dask is asked for by its data only; it need not be installed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from synthgan.scale.reading import Batch, columns_of
from synthgan.scale.units import FunctionPart, read_parts

__all__ = ["are_partitions", "run_partitions"]

_WAITING = 2  # tasks for each thread of a cluster whose results are not taken yet
_NAME = "the Dask DataFrame"


def are_partitions(data: Any) -> bool:
    """Return whether data are a Dask DataFrame."""
    return hasattr(data, "to_delayed") and hasattr(data, "npartitions")


def run_partitions(
    data: Any, work: Callable[[Iterator[Batch], int], Any]
) -> Iterator[tuple[int, Any]]:
    """Let a cluster work on the partitions; return rows and results of each, in order.

    Without a `distributed.Client`, partitions are computed one after the other. A task whose
    worker ends is done again by another.
    """
    import dask

    client, first = _client(), (_NAME, columns_of(data._meta))
    most = 1 if client is None else _WAITING * max(1, sum(client.nthreads().values()))
    waiting: deque[Any] = deque()
    for number, part in enumerate(data.to_delayed()):
        task = dask.delayed(_work_on, pure=False)(work, part, first, number)
        waiting.append(task if client is None else client.compute(task))
        if len(waiting) >= most:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _client() -> Any:
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError):  # there is none
        return None


def _result(task: Any) -> tuple[int, Any]:
    made: tuple[int, Any] = task.compute() if hasattr(task, "compute") else task.result()
    return made


def _work_on(work: Any, frame: Any, first: Any, number: int) -> tuple[int, Any]:
    """Work on a partition, where it lies."""
    part = FunctionPart(lambda: iter([frame]), f"partition {number} of {_NAME}")
    batches = (batch for batch, _ in read_parts([part], first))
    return len(frame), work(batches, number)
