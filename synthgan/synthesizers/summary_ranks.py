"""What is summed up of families, as ranks given the other columns of a table without a parent."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import is_number
from synthgan.privacy import Support

__all__ = ["rank_summaries", "restore_summaries"]

_LEAST_DATES = 0.5  # of the values of a column of text that is read as dates


def rank_summaries(
    table: pd.DataFrame,
    hidden: Sequence[Hashable],
    children: Sequence[Summaries],
    support: Support,
) -> tuple[ConditionalRanks, pd.DataFrame]:
    """Learn the ranks, and return the table as it is learnt.

    Parameters
    ----------
    table : DataFrame of shape (n_rows, n_columns)
        As it was given, with summaries of the children.
    hidden : sequence of hashable
        The summaries among its columns.
    children : sequence of Summaries
        Their first and last times stay as they are: other dates are bounds of these.
    support : Support
    """
    ends = {one.first for one in children} | {one.last for one in children}
    ranked = [name for name in hidden if name not in ends]
    known = _comparable(table.drop(columns=ranked), None)
    ranks, learnt = ConditionalRanks.fit(table[ranked], known, support)
    return ranks, pd.concat([table.drop(columns=ranked), learnt], axis=1)[list(table.columns)]


def restore_summaries(
    ranks: ConditionalRanks, table: pd.DataFrame, children: Sequence[Summaries]
) -> pd.DataFrame:
    """Turn ranks into summaries; a family without rows has none."""
    known = table[list(ranks.known)]
    dates = [n for n in known if (False, n) in ranks.edges and not is_number(known[n])]
    seen = ranks.read(_comparable(known, dates))
    restored = ranks.restore(table[list(ranks.order)], seen)
    for one in children:
        for name in one.columns:
            restored[name] = restored[name].where(restored[one.number].notna())
    return pd.concat([table.drop(columns=list(ranks.order)), restored], axis=1)[list(table.columns)]


def _comparable(table: pd.DataFrame, dates: Sequence[Hashable] | None) -> pd.DataFrame:
    """Return a table whose columns of dates in text are dates; None: those that mostly are."""
    table = table.copy(deep=False)
    for name in table.columns if dates is None else dates:
        if not is_number(table[name]):
            text = table[name].astype(object)
            read = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True)
            there = np.maximum(1, text.notna().sum())
            if dates is not None or read.notna().sum() >= _LEAST_DATES * there:
                table[name] = read
    return table
