"""What processes do with the units of a table: they count values, and encode rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables.summary import TableSummary
from synthgan.privacy import Support
from synthgan.scale.grid_file import GridFile
from synthgan.scale.reading import Batch, to_pandas

__all__ = ["Count", "Encode", "Steps"]


@dataclass(frozen=True)
class Steps:
    """What is done with rows before they are learnt, one step after the other."""

    steps: tuple[Callable[[pd.DataFrame], pd.DataFrame], ...]

    def __call__(self, batches: Iterator[Batch]) -> Iterator[pd.DataFrame]:
        """Return the rows of batches as they are learnt."""
        for batch in batches:
            frame = to_pandas(batch.table)
            for step in self.steps:
                frame = step(frame)
            yield frame


@dataclass(frozen=True)
class Count:
    """Counts the values of a unit."""

    rows: Steps
    support: Support

    def __call__(self, batches: Iterator[Batch], number: int) -> TableSummary | None:
        """Return the summary of the unit; None if it has no rows."""
        summary: TableSummary | None = None
        for frame in self.rows(batches):
            part = TableSummary.of(frame, self.support, summary)
            summary = part if summary is None else summary.merged(part)
        return summary


@dataclass(frozen=True)
class Encode:
    """Encodes the rows of a unit into their place in files.

    Parameters
    ----------
    rows : Steps
    encoder : GridEncoder
    file : GridFile
    firsts : ndarray of int
        Number of the first row of each unit.
    """

    rows: Steps
    encoder: Any
    file: GridFile
    firsts: np.ndarray

    def __call__(self, batches: Iterator[Batch], number: int) -> tuple[int, bool]:
        """Return how many rows were written, and whether any has half-widths."""
        n_rows, has_widths = 0, False
        for frame in self.rows(batches):
            grids, half_widths = self.encoder.encode_cells(frame, warn=False)
            self.file.write(int(self.firsts[number]) + n_rows, grids, half_widths)
            n_rows += len(grids)
            has_widths |= half_widths is not None
        return n_rows, has_widths
