"""Columns that number the rows of a family, such as the sequence number of a record."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthgan.privacy import EVERYTHING, Support
from synthgan.state.stored import Name, Stored

__all__ = ["Numbering"]

_FEWEST_FAMILIES, _MOST_BROKEN = 20, 0.01


@dataclass(frozen=True)
class Numbering(Stored):
    """Columns in which the rows of each family have the numbers 1, 2, ... once each, in any order.

    Parameters
    ----------
    columns : tuple of hashable
    """

    _record_name = "numbering"

    columns: tuple[Name, ...] = ()

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        owners: np.ndarray,
        support: Support = EVERYTHING,
        fixed: Collection[Hashable] = (),
    ) -> Numbering:
        """Find the columns that number rows, in all but few of the families of several rows.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
        owners : ndarray of int of shape (n_rows,)
            Rows of -1 have no parent, and do not count.
        support : Support, default=EVERYTHING
        fixed : collection of hashable, default=()
            Columns that follow from others.
        """
        owned = owners >= 0
        table, owners = table[owned], owners[owned]
        support = support.take(owned)
        several = np.bincount(owners, minlength=1)[owners] > 1
        if not support.holds(several) or len(np.unique(owners[several])) < _FEWEST_FAMILIES:
            return cls()
        found = []
        for name in table.columns:
            series = table[name]
            whole = pd.api.types.is_integer_dtype(series.dtype) and name not in fixed
            if whole and not series.isna().any():
                wrong = series.to_numpy(np.int64) != _ranked(series, owners)
                broken = pd.Series(wrong[several]).groupby(owners[several]).any()
                if broken.mean() <= _MOST_BROKEN:
                    found.append(name)
        return cls(tuple(found))

    def restore(self, table: pd.DataFrame, owners: np.ndarray) -> pd.DataFrame:
        """Return rows numbered within each family, in the order of their generated numbers."""
        table = table.copy(deep=False)
        for name in self.columns:
            ranks = pd.Series(_ranked(table[name], owners), index=table.index)
            table[name] = ranks.astype(table[name].dtype)
        return table


def _ranked(series: pd.Series, owners: np.ndarray) -> np.ndarray:
    """Return the place of each value in its family, from 1; equal ones in the order of rows."""
    numbers = pd.Series(series.to_numpy(np.float64, na_value=np.nan))
    ranks = numbers.groupby(owners).rank(method="first", na_option="bottom")
    return ranks.to_numpy(np.int64)
