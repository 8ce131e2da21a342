"""Lots: runs of rows that are made together, each from a seed of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Lot", "in_batches", "lots_of", "rows_in_a_lot"]

_MOST_ROWS, _FEWEST_ROWS = 2**17, 2**12
_MOST_CELLS = 2**24
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Lot:
    """Rows that are drawn, chosen and balanced together.

    Parameters
    ----------
    first, n : int
        Number of the first row, and how many rows.
    seed : int
        A function of the sample's seed and the lot's number.
    n_all : int
        Rows of the sample.
    sample_seed : int
        The sample's seed.
    """

    first: int
    n: int
    seed: int
    n_all: int
    sample_seed: int


def rows_in_a_lot(n_cells: int) -> int:
    """Return how many rows a lot has, given the number of cells of a row: a power of two."""
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_CELLS // max(1, n_cells)))
    return 1 << (most.bit_length() - 1)


def lots_of(n: int, rows: int, seed: int) -> list[Lot]:
    """Divide `n` rows into lots of `rows`; the last one may have fewer.

    A sample without rows is one empty lot. The first lot has the seed of the sample.

    Examples
    --------
    >>> [(lot.first, lot.n) for lot in lots_of(10, 4, 0)]
    [(0, 4), (4, 4), (8, 2)]
    """
    return [
        Lot(first, min(rows, n - first), _seed_of(seed, first // rows), n, seed)
        for first in range(0, max(n, 1), rows)
    ]


def _seed_of(seed: int, number: int) -> int:
    if not number:
        return seed
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0]) % (
        _LARGEST_SEED
    )


def in_batches(frames: Iterable[pd.DataFrame], n_rows: int) -> Iterator[pd.DataFrame]:
    """Cut a sequence of frames anew, into frames of `n_rows` rows; the last may have fewer."""
    held: list[pd.DataFrame] = []
    n_held = 0
    for frame in frames:
        while len(frame):
            part = frame.iloc[: n_rows - n_held]
            frame = frame.iloc[len(part) :]
            held.append(part)
            n_held += len(part)
            if n_held == n_rows:
                yield _joined(held)
                held, n_held = [], 0
    if held:
        yield _joined(held)


def _joined(held: list[pd.DataFrame]) -> pd.DataFrame:
    return (held[0] if len(held) == 1 else pd.concat(held)).reset_index(drop=True)
