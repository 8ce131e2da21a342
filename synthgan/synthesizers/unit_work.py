"""What processes do with the units of a table: count values, encode rows; no torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

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

__all__ = ["Count", "Counts", "Encode", "EncodedRows"]


@dataclass(frozen=True)
class Counts:
    """What is counted of some rows: values as they are learnt, and evidence for constraints."""

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


class EncodedRows(NamedTuple):
    """How many rows of a unit were encoded, whether any has half-widths, and those not written."""

    n: int
    has_widths: bool
    cells: list[tuple[np.ndarray, np.ndarray | None]]


@dataclass(frozen=True)
class Encode:
    """Encodes the rows of a unit into their place in files.

    Parameters
    ----------
    forms : Forms
    constraints : ConstraintSet
    encoder : GridEncoder
    file : GridFile or None
        None: encoded rows are returned, as they are needed elsewhere.
    firsts : ndarray of int
        Number of the first row of each unit.
    """

    forms: Forms
    constraints: ConstraintSet
    encoder: Any
    file: GridFile | None
    firsts: np.ndarray

    def __call__(self, batches: Iterator[Batch], number: int) -> EncodedRows:
        """Encode the rows of a unit."""
        n_rows, has_widths, cells = 0, False, []
        for batch in batches:
            frame = self.forms.read(to_pandas(batch.table))
            table = _applied(self.constraints, frame)
            grids, half_widths = self.encoder.encode_cells(table, warn=False)
            if self.file is None:
                cells.append((grids, half_widths))
            else:
                self.file.write(int(self.firsts[number]) + n_rows, grids, half_widths)
            n_rows += len(grids)
            has_widths |= half_widths is not None
        return EncodedRows(n_rows, has_widths, cells)


def _applied(constraints: ConstraintSet, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they are learnt; without warnings, which are given once for all rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return constraints.apply(frame)
