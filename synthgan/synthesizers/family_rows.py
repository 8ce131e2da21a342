"""The next row of each family, drawn again where it does not fit those before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.families.state import FamilyState
from synthgan.synthesizers.row_marks import copy_rows

__all__ = ["draw_rows"]

_TRIES = 5


def draw_rows(
    model: Any,
    state: FamilyState,
    at: np.ndarray,
    context: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Generate the next row of some families, and the time of the row after it.

    Rows after which there is too little time for the others, that repeat one of the same time, or
    that have what never occurs, are drawn again. Where only time is too short, labels stay: labels
    of short stays would be too frequent otherwise.

    Parameters
    ----------
    model : ChildTableSynthesizer
    state : FamilyState
    at : ndarray of int of shape (n,)
        The families.
    context : DataFrame of shape (n, n_known)
        What is known before the rows.
    rng : Generator

    Returns
    -------
    table : DataFrame of shape (n, n_columns)
        Without the order column, as constraints have rewritten it.
    after : ndarray of shape (n,)
    fits : ndarray of bool of shape (n,)
        Whether there is time for the row; where rows decide when they end, none is cut.
    """
    tables: list[pd.DataFrame] = []
    after, places, late = np.zeros(len(at)), np.arange(len(at)), np.zeros(len(at), dtype=bool)
    labels, seen = model.encode_context(context), model.ranks_.read(context)
    left, drawn = places, model.ranks_.draw(len(at), rng)
    for n_left in reversed(range(_TRIES)):
        some, cells = at[left], labels[left]
        given = (cells, np.ones(cells.shape, dtype=bool))
        made = model.encoder_.decode(
            model.sample_grids(len(some), int(rng.integers(2**31 - 1)), given)
        )
        known = context.iloc[left].reset_index(drop=True)
        marked = model.ranks_.restore(made, seen[left], drawn[left])
        order = model.timeline_.name
        steps = np.zeros(len(some)) if order is None else marked[order].to_numpy(np.float64)
        clock, before = state.clock[some], state.before
        before = None if before is None else {k: v[some] for k, v in before.items()}
        table = model.coding_.unmark(model.without_order(marked), before, clock)
        table = copy_rows(model, table, state, some)
        ends = clock + model.lasts(table)
        then, fits = state.next(some, steps, ends)
        if model.pace_.counted is not None:
            stays = table[model.pace_.counted].to_numpy() > 0
            then, fits = np.where(stays, clock, then), fits | stays
        too_long = state.overruns(some, ends)
        others = state.repeats(some, model.coding_.read(table))
        others |= model.exclusions_.broken(table, known)
        drawn[left[others]] = model.ranks_.draw(int(others.sum()), rng)
        bad = (others | ~fits | too_long) & (n_left > 0)
        if not bad.all():
            tables.append(table[~bad].set_axis(left[~bad]))
        after[left[~bad]] = then[~bad]
        late[left[~bad]] = too_long[~bad] & state.is_open
        left = left[bad]
        if not len(left):
            break
    return pd.concat(tables).loc[places].reset_index(drop=True), after, ~late
