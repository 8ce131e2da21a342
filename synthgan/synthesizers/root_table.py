"""A table without a parent: what is summed up of families are ranks given its other columns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from synthgan.asking.conditions import Conditions
from synthgan.constraints.base import with_column
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.known_tables import KnownTables
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import is_number
from synthgan.privacy import Support
from synthgan.synthesizers.child_table import ChildTableSynthesizer
from synthgan.synthesizers.related_tables import TableModel, least_support
from synthgan.synthesizers.table_rows import draw_rows
from synthgan.synthesizers.tabular import TabularGANSynthesizer
from synthgan.synthesizers.training_run import seed_of_run

__all__ = ["draw_root", "learn_root"]

# Generated rows from which their ranks are calibrated, and times as many as real ones.
_MOST_CALIBRATED, _TIMES_CALIBRATED = 4000, 10
_LEAST_DATES = 0.5  # of the values of a column of text that is read as dates


def learn_root(
    name: str,
    model: TabularGANSynthesizer,
    models: Mapping[str, TableModel],
    tables: KnownTables,
) -> ConditionalRanks | None:
    """Train on a table without a parent, and return the ranks of what is summed up in it.

    None, where nothing is.
    """
    table, hidden = tables.frames[name], tables.hidden[name]
    people = np.arange(len(table)) if tables.relations else None
    ranks, learnt = None, table
    if hidden:
        support = Support(least_support(model), people)
        ranks, learnt = _rank(table, hidden, _summed_up(name, models, tables), support)
    model.fit(learnt, groups=people)
    tables.frames[name] = model.forms_.read(table)
    if ranks is not None:
        n = min(_MOST_CALIBRATED, _TIMES_CALIBRATED * len(table))
        made = draw_rows(model, n, None, seed_of_run(model))
        ranks.calibrate(model.forms_.write(made))
    return ranks


def draw_root(
    name: str,
    models: Mapping[str, TableModel],
    tables: KnownTables,
    wanted: Conditions,
    seed: int,
    ranks: ConditionalRanks | None,
) -> None:
    """Generate the rows of a table without a parent; add them."""
    model = models[name]
    frame = draw_rows(model, wanted.n, wanted, seed).reset_index(drop=True)
    if ranks is not None:
        drawn = ranks.draw(len(frame), np.random.default_rng(seed))
        plain = _restore(ranks, model.forms_.write(frame), drawn, _summed_up(name, models, tables))
        for column in ranks.order:
            frame = with_column(frame, column, plain[column])
    tables.frames[name] = frame


def _summed_up(
    name: str, models: Mapping[str, TabularGANSynthesizer], tables: KnownTables
) -> list[Summaries]:
    """Return the summaries, in a table, of the tables whose rows belong to it."""
    own = [models[one.child] for one in tables.children(name)]
    return [model.summaries_ for model in own if isinstance(model, ChildTableSynthesizer)]


def _rank(
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
    learnt = ranks.learnt(learnt)
    left = [name for name in table.columns if name not in ranked or name in learnt]
    return ranks, pd.concat([table.drop(columns=ranked), learnt], axis=1)[left]


def _restore(
    ranks: ConditionalRanks, table: pd.DataFrame, drawn: np.ndarray, children: Sequence[Summaries]
) -> pd.DataFrame:
    """Turn ranks into summaries; a family without rows has none."""
    known = table[list(ranks.known)]
    dates = [n for n in known if (False, n) in ranks.edges and not is_number(known[n])]
    seen = ranks.read(_comparable(known, dates))
    generated = [name for name in ranks.order if name in table]
    restored = ranks.restore(table[generated], seen, drawn)
    for one in children:
        for name in one.columns:
            restored[name] = restored[name].where(restored[one.number].notna())
    return restored


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
