"""What processes do with the units of a table: count values, encode rows; it knows no torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import ConstraintSet
from synthgan.constraints.tallies import Tally, merged, tally
from synthgan.encoding.tables.summary import TableSummary
from synthgan.exceptions import DataWarning
from synthgan.forms import Forms
from synthgan.privacy import Support
from synthgan.scale.grid_file import GridFile
from synthgan.scale.reading import Batch, to_pandas

__all__ = ["Count", "Counts", "Encode"]


@dataclass(frozen=True)
class Counts:
    """What is counted of some rows: values as they are learnt, and what tells of constraints."""

    summary: TableSummary
    tallies: list[Tally]

    def merged(self, other: Counts) -> Counts:
        """Return the counts of the rows of both."""
        return Counts(self.summary.merged(other.summary), merged(self.tallies, other.tallies))


@dataclass(frozen=True)
class Count:
    """Counts the values of a unit.

    Parameters
    ----------
    forms : Forms
    constraints : ConstraintSet
        Fitted to a sample.
    support : Support
    """

    forms: Forms
    constraints: ConstraintSet
    support: Support

    def __call__(self, batches: Iterator[Batch], number: int) -> Counts | None:
        """Return what is counted; None if the unit has no rows."""
        counts: Counts | None = None
        for batch in batches:
            frame = self.forms.read(to_pandas(batch.table))
            before = None if counts is None else counts.summary
            summary = TableSummary.of(_applied(self.constraints, frame), self.support, before)
            part = Counts(summary, tally(self.constraints, frame))
            counts = part if counts is None else counts.merged(part)
        return counts


@dataclass(frozen=True)
class Encode:
    """Encodes the rows of a unit into their place in files.

    Parameters
    ----------
    forms : Forms
    constraints : ConstraintSet
    encoder : GridEncoder
    file : GridFile
    firsts : ndarray of int
        Number of the first row of each unit.
    """

    forms: Forms
    constraints: ConstraintSet
    encoder: Any
    file: GridFile
    firsts: np.ndarray

    def __call__(self, batches: Iterator[Batch], number: int) -> tuple[int, bool]:
        """Return how many rows were written, and whether any has half-widths."""
        n_rows, has_widths = 0, False
        for batch in batches:
            frame = self.forms.read(to_pandas(batch.table))
            table = _applied(self.constraints, frame)
            grids, half_widths = self.encoder.encode_cells(table, warn=False)
            self.file.write(int(self.firsts[number]) + n_rows, grids, half_widths)
            n_rows += len(grids)
            has_widths |= half_widths is not None
        return n_rows, has_widths


def _applied(constraints: ConstraintSet, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they are learnt; what is rare among all rows is told once, not by batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return constraints.apply(frame)
