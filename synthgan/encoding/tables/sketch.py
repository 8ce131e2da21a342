"""A sketch of many numbers: any quantile, to within a small error, in bounded memory."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["Sketch"]

_COMPRESSION = 8000  # of the t-digest
_N_AT, _FIRST_AT = 8, 32  # bytes, in the serial form of a t-digest
_CENTROID = "<dQ"  # mean and weight
_AT_ONCE = 2**20  # repeated numbers


class Sketch:
    """A t-digest: deterministic, and two of them can be merged.

    Raises
    ------
    DataError
        The library is missing.

    References
    ----------
    Dunning and Ertl (2019), Computing extremely accurate quantiles using t-digests,
    arXiv 1902.04023. Apache DataSketches, https://datasketches.apache.org.
    """

    def __init__(self) -> None:
        try:
            from datasketches import tdigest_double
        except ImportError:
            raise DataError(
                "a column has more different numbers than are counted one by one, and sketches of "
                "them need datasketches: pip install 'synthgan[scale]'."
            ) from None
        self._digest: Any = tdigest_double(_COMPRESSION)
        self._changes: tuple[Callable[[np.ndarray], np.ndarray], ...] = ()

    def __getstate__(self) -> tuple[bytes, Any]:
        return self.state(), self._changes

    def __setstate__(self, state: tuple[bytes, Any]) -> None:
        from datasketches import tdigest_double

        self._digest, self._changes = tdigest_double.deserialize(state[0]), state[1]

    @property
    def n(self) -> int:
        """Count the numbers."""
        return int(self._digest.get_total_weight())

    def add(self, numbers: np.ndarray, counts: np.ndarray) -> None:
        """Add numbers, each as often as its count."""
        lots = np.arange(1, counts.sum() // _AT_ONCE + 1) * _AT_ONCE
        ends = np.searchsorted(np.cumsum(counts), lots)
        pieces = zip(np.split(numbers, ends), np.split(counts, ends), strict=True)
        for some, times in pieces:
            if len(some):
                self._digest.update(np.repeat(some.astype(np.float64), times))

    def merged(self, other: Sketch) -> Sketch:
        """Return the sketch of the numbers of both."""
        if self._changes or other._changes:
            raise ValueError("a function of a sketch cannot be merged")
        both = Sketch()
        for one in (self, other):
            both._digest.merge(one._digest)
        return both

    def centroids(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of groups of adjacent numbers, ascending, and how many are in each.

        They are read from the library's serial form: its quantiles between them do not ascend.
        """
        serial = self._digest.serialize()
        n = int.from_bytes(serial[_N_AT : _N_AT + 4], "little")
        last = _FIRST_AT + n * struct.calcsize(_CENTROID)
        found = np.array(list(struct.iter_unpack(_CENTROID, serial[_FIRST_AT:last]))).reshape(-1, 2)
        means = np.maximum.accumulate(found[:, 0])
        for change in self._changes:
            means = change(means)
        return means, found[:, 1].astype(np.int64)

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> Sketch:
        """Return the sketch of a function of the numbers that keeps their order."""
        other = Sketch()
        other._digest, other._changes = self._digest, (*self._changes, change)
        return other

    def state(self) -> bytes:
        """Return the sketch as bytes: equal ones of equal numbers in equal order."""
        return bytes(self._digest.serialize())
