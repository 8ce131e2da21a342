"""What is learnt beside the cells of a row: what it copies from rows before, and rows at once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import ConstraintSet
from synthgan.constraints.base import unused_name
from synthgan.constraints.rare_labels import RareLabels
from synthgan.families.copy_search import at_once
from synthgan.families.number_coding import NumberCoding
from synthgan.families.pace import Pace
from synthgan.families.repeats import Repeats
from synthgan.families.rows_at_once import are_counted, changes_of, rows_to_come
from synthgan.families.state import FamilyState

__all__ = [
    "copy_rows",
    "count_rows",
    "dated_rows",
    "decided_rows",
    "find_copies",
    "learnt_steps",
    "mark_rows",
    "marks_of",
    "rare_columns",
    "without_marks",
]


def find_copies(
    model: Any, table: pd.DataFrame, typed: pd.DataFrame, owners: np.ndarray, clock: np.ndarray
) -> tuple[Repeats, np.ndarray]:
    """Find the columns that rows copy from rows before, and which rows do.

    Parameters
    ----------
    model : ChildTableSynthesizer
    table : DataFrame of shape (n_rows, n_columns)
        As constraints have rewritten it.
    typed : DataFrame of shape (n_rows, n_columns)
        With dates and rare labels as they are.
    owners, clock : ndarray of shape (n_rows,)

    Returns
    -------
    repeats : Repeats
    sources : ndarray of int of shape (n_groups, n_rows)
        See `Repeats.find`.
    """
    rare = rare_columns(model.constraints_)
    rewritten = NumberCoding.constrained(model.constraints_)
    dates = {name for name, _ in model.timeline_.own if name in table} - rewritten
    seen = table.copy(deep=False)
    for name in typed.columns:
        if name in dates or name in rare:
            seen[name] = typed[name]
    owners = _apart(owners)
    repeats = Repeats.fit(seen, owners, clock, model._support)
    copied = [name for name in table if name in dates and name in repeats.columns]
    return replace(repeats, dates=tuple(copied)), repeats.find(seen, owners, clock)


def mark_rows(
    model: Any, table: pd.DataFrame, owners: np.ndarray, clock: np.ndarray, sources: np.ndarray
) -> pd.DataFrame:
    """Return rows as they are learnt: with labels for what is copied, and numbers of rows at once.

    Parameters
    ----------
    model : ChildTableSynthesizer
    table : DataFrame of shape (n_rows, n_columns)
    owners, clock : ndarray of shape (n_rows,)
    sources : ndarray of int of shape (n_groups, n_rows)
    """
    rng = np.random.default_rng(0)
    marked = model.coding_.mark(table, owners, clock)
    marked = model.repeats_.mark(marked, sources, owners, clock, rng)
    if model.pace_.counted is not None:
        labels = changes_of(owners, clock, rng, model._support)
        marked[model.pace_.counted] = pd.Series(labels, index=marked.index, dtype=object)
    return marked


def decided_rows(
    model: Any, owners: np.ndarray, clock: np.ndarray, sources: np.ndarray, order: np.ndarray
) -> dict[Hashable, np.ndarray]:
    """Return which rows decide some columns, in an order of the rows.

    The others copy them, or have them from the first or last row of their time.
    """
    decided: dict[Hashable, np.ndarray] = dict(model.repeats_.new(sources))
    if model.pace_.counted is not None:
        decided[model.pace_.counted] = ~at_once(owners, clock)
        decided[model.timeline_.name] = rows_to_come(owners, clock) == 0
    return {name: rows[order] for name, rows in decided.items()}


def marks_of(model: Any) -> set[Hashable]:
    """Return the columns that say what is copied, and how many rows are at once."""
    return {model.pace_.counted, *(group.label for group in model.repeats_.groups)} - {None}


def learnt_steps(
    model: Any, steps: np.ndarray, owners: np.ndarray, clock: np.ndarray
) -> np.ndarray:
    """Return the steps to the rows after, where they are learnt; else those of other rows.

    Where rows at once are counted, steps are learnt from the last row of each time.
    """
    if np.isnan(steps).all():
        return np.nan_to_num(steps)
    if model.pace_.counted is None:
        return steps
    stays = rows_to_come(owners, clock) > 0
    moves = ~stays & np.append(owners[1:] == owners[:-1], False)
    others = np.random.default_rng(0).choice(steps[moves], len(steps))
    return np.where(stays, others, steps)


def copy_rows(
    model: Any, marked: pd.DataFrame, state: FamilyState, families: np.ndarray
) -> pd.DataFrame:
    """Copy what generated rows of some families are to copy, and count rows at once.

    In place of marks are the places of the rows that are copied, see `Repeats.unmark`, and the
    number of rows that are to come at the same time.

    Parameters
    ----------
    model : ChildTableSynthesizer
    marked : DataFrame of shape (n, n_columns)
    state : FamilyState
    families : ndarray of int of shape (n,)
    """
    repeats, timeline, clock = model.repeats_, model.timeline_, state.clock[families]
    dated = dated_rows(model, marked, clock)
    made = repeats.unmark(dated, state.past, families, state.at_once[families] > 0)
    made, counted = timeline.undated(made, repeats.dates, clock), model.pace_.counted
    if counted is not None:
        made[counted] = state.still_to_come(families, made[counted].to_numpy(dtype=object))
    return made


def dated_rows(model: Any, table: pd.DataFrame, clock: np.ndarray) -> pd.DataFrame:
    """Return rows as they are copied: with dates in place of durations."""
    dated: pd.DataFrame = model.timeline_.dated(table, model.repeats_.dates, clock)
    return dated


def rare_columns(constraints: ConstraintSet) -> set[Hashable]:
    """Return the columns of which rare labels are made anew."""
    return {c.column for c in constraints.constraints_ if isinstance(c, RareLabels)}


def count_rows(model: Any, table: pd.DataFrame, owners: np.ndarray, clock: np.ndarray) -> Pace:
    """Return the pace of a table, which says whether rows at once are counted."""
    pace: Pace = model.pace_
    owners = _apart(owners)
    if pace.until is not None or model.repeats_.of_time is None or not are_counted(owners, clock):
        return pace
    return replace(pace, counted=unused_name("(rows at this time)", set(map(str, table.columns))))


def without_marks(model: Any, table: pd.DataFrame) -> pd.DataFrame:
    """Return rows without what `copy_rows` added to them."""
    return model.repeats_.without_places(table).drop(columns=[model.pace_.counted], errors="ignore")


def _apart(owners: np.ndarray) -> np.ndarray:
    """Return the families of rows; each row without a parent (-1) is one of its own."""
    return np.where(owners < 0, -1 - np.arange(len(owners)), owners)
