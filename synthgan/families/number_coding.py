"""How the numbers of a child table are learnt: complete, and as ranks."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.constraints import ConstraintSet, Identifier, Range
from synthgan.families.label_ranks import LabelRanks
from synthgan.families.recording import Recording
from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Stored

__all__ = ["NumberCoding"]


@dataclass(frozen=True)
class NumberCoding(Stored):
    """What is not recorded is filled, then numbers become ranks among the rows of a label.

    Parameters
    ----------
    recording : Recording
    ranks : tuple of LabelRanks
    """

    _record_name = "numbers"

    recording: Recording
    ranks: tuple[LabelRanks, ...]

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        clock: np.ndarray,
        support: Support = EVERYTHING,
        constraints: ConstraintSet | None = None,
        copied: Collection[Hashable] = (),
    ) -> NumberCoding:
        """Learn what `Recording` and `LabelRanks` do.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
            As `constraints` have rewritten it.
        clock : ndarray of shape (n_rows,)
        support : Support, default=EVERYTHING
        constraints : ConstraintSet or None, default=None
            Columns from which they make others stay as they are.
        copied : collection of hashable, default=()
            Columns that are copied from row to row; they become no ranks.
        """
        fixed: set[Hashable] = set()
        for one in constraints.constraints_ if constraints else ():
            fixed |= {*one.uses} if one.makes else {*one.uses} - {*one.rewrites}
        recording = Recording.fit(table, clock, support, fixed)
        ranks = LabelRanks.find(recording.fill(table, clock), support, fixed.union(copied))
        return cls(recording, tuple(ranks))

    def apply(self, table: pd.DataFrame, clock: np.ndarray) -> pd.DataFrame:
        """Return the table as it is learnt."""
        table = self.recording.fill(table, clock)
        for one in self.ranks:
            table = one.apply(table)
        return table

    def restore(self, table: pd.DataFrame) -> pd.DataFrame:
        """Turn ranks into numbers; what is not recorded stays filled."""
        for one in self.ranks:
            table = one.restore(table)
        return table

    def restore_one(self, table: pd.DataFrame, name: Hashable) -> pd.Series:
        """Return one column as it was before it became ranks."""
        for one in self.ranks:
            if one.column.name == name:
                return one.restore(table)[name]
        return table[name]

    @staticmethod
    def constrained(constraints: ConstraintSet) -> set[Hashable]:
        """Return the columns that constraints rewrite, but for identifiers."""
        rewriting = [c for c in constraints.constraints_ if not isinstance(c, Range | Identifier)]
        return {name for one in rewriting for name in one.rewrites}

    def changed(self, constraints: ConstraintSet) -> list[Hashable]:
        """Return the columns that are not learnt as they are, in the order of the table."""
        some = self.constrained(constraints)
        some |= {one.name for one in self.recording.columns}
        some |= {one.column.name for one in self.ranks}
        return [name for name in constraints.columns_ if name in some]
