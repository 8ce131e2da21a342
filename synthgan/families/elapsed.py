"""Numbers of a child table that are the time since a date of the parent: computed, not learnt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.constraints.base import with_column
from synthgan.encoding.tables.column import Column
from synthgan.families.timeline import as_numbers, same_zone
from synthgan.records.related import RelatedTables
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["ElapsedTime", "replace_elapsed"]

logger = logging.getLogger(__name__)

_FEWEST_ROWS, _FEWEST_VALUES = 20, 5
_MOST_COMPARED = 1000  # rows, at first
_KINDS = ("days", "study days", "years")

Typed = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class ElapsedTime(Stored):
    """A column that is the time from a date of the parent to a date of the row.

    Parameters
    ----------
    child : str
    column : Column
    date : hashable
        A date of the child table.
    since : hashable
        A date of the parent table.
    kind : {"days", "study days", "years"}
        Whole days from date to date; those of CDISC, in which the first day is 1, the day before
        it -1 (SDTM Implementation Guide 3.4, section 4.4.4); complete years, such as an age.
    may_miss : bool
        Whether the number may be missing where both dates are there. Where it is, is learnt.
    is_complete : bool
        Whether the number is never missing.
    """

    _record_name = "elapsed time"

    child: Annotated[str, fields.text]
    column: Column
    date: Name
    since: Name
    kind: Annotated[str, fields.one_of(*_KINDS)]
    may_miss: bool
    is_complete: bool

    def restore(
        self, dates: pd.Series, since: pd.Series, learnt: pd.Series | None, rng: np.random.Generator
    ) -> pd.Series:
        """Return the column of the child table.

        Parameters
        ----------
        dates, since : Series of shape (n_rows,)
            Dates of the rows and of their parents.
        learnt : Series of shape (n_rows,) or None
            Missing where the column is; None if it may not miss.
        rng : Generator
            Where the number is never missing, a row that lacks a date gets that of another row.
        """
        values = _elapsed(dates, since)[self.kind]
        there = ~np.isnan(values)
        if learnt is not None and self.may_miss:
            there &= learnt.notna().to_numpy()
        elif self.is_complete and there.any():
            values[~there] = rng.choice(values[there], int((~there).sum()))
            there = np.ones(len(values), dtype=bool)
        return self.column.restore(np.nan_to_num(values), there).set_axis(dates.index)


def replace_elapsed(
    related: RelatedTables, kept: Mapping[str, Collection[Hashable]], typed: Typed
) -> list[ElapsedTime]:
    """Find times since a date of the parent, and take them out of the child tables.

    A number is one if it is right in all rows, of which there are 20 or more. Where it may be
    missing although both dates are there, a column stays that says where.

    Parameters
    ----------
    related : RelatedTables
        Its frames are replaced.
    kept : mapping of str to collection of hashable
        By table, columns that stay.
    typed : callable
        Returns a table with dates as dates.
    """
    found: list[ElapsedTime] = []
    dated = {name: typed(frame) for name, frame in related.frames.items()}
    for child in related.frames:
        owner = related.owner(child)
        if owner is None or (related.rows[owner] < 0).any():
            continue
        own = dated[child].drop(columns=related.keys(child))
        since = dated[str(owner.parent)].iloc[related.rows[owner]].set_axis(own.index)
        n_left = own.shape[1] - (owner.order is not None)
        for name in own.columns:
            is_fixed = name == owner.order or name in kept.get(child, ())
            one = None if is_fixed else _find(child, own, name, since)
            if one is None or (n_left == 1 and not one.may_miss):
                continue
            frame = related.frames[child]
            if one.may_miss:
                there = pd.Series(0.0, index=frame.index).mask(frame[name].isna())
                related.frames[child] = with_column(frame, name, there)
            else:
                related.frames[child] = frame.drop(columns=name)
                n_left -= 1
            found.append(one)
            logger.info("column %r of table %r is computed: %r", name, child, one)
    return found


def _find(child: str, own: pd.DataFrame, name: Hashable, since: pd.DataFrame) -> ElapsedTime | None:
    """Find which time a column is, given dates of its rows and of their parents."""
    if not pd.api.types.is_numeric_dtype(own[name].dtype) or own[name].dtype.kind == "b":
        return None
    values = as_numbers(own[name])
    there = ~np.isnan(values)
    if there.sum() < _FEWEST_ROWS or len(np.unique(values[there])) < _FEWEST_VALUES:
        return None
    found, first = [], np.flatnonzero(there)[:_MOST_COMPARED]
    for date in own.columns:
        for base in since.columns if own[date].dtype.kind == "M" else ():
            dates = own[date], since[base]
            if not same_zone(*dates) or not all(x[there].notna().all() for x in dates):
                continue
            some = (x.iloc[first] for x in dates)
            if not any((time == values[first]).all() for time in _elapsed(*some).values()):
                continue
            for kind, times in _elapsed(*dates).items():
                if (times[there] == values[there]).all():
                    may_miss = bool((~np.isnan(times[~there])).any())
                    found.append((date, base, kind, may_miss, bool(there.all())))
    if not found:
        return None
    # Of equal dates the one whose name is most like that of the number: XSTDTC for XSTDY.
    best = max(found, key=lambda one: _n_alike(str(name), str(one[0])))
    column = replace(Column.infer(own[name]), minimum=None, maximum=None)
    return ElapsedTime(child, column, *best)


def _n_alike(one: str, other: str) -> int:
    """Return how many characters two names begin with alike."""
    return next((i for i, pair in enumerate(zip(one, other, strict=False)) if len({*pair}) > 1), 99)


def _elapsed(dates: pd.Series, since: pd.Series) -> dict[str, np.ndarray]:
    """Return the time between dates in each unit, NaN where one is missing."""
    there = (dates.notna() & since.notna()).to_numpy(dtype=bool)
    days = _floats((dates.dt.normalize() - since.dt.normalize()).dt.days)
    (year, place), (first_year, first_place) = (
        (_floats(x.dt.year), _floats(x.dt.month * 100 + x.dt.day)) for x in (dates, since)
    )
    years = year - first_year - (place < first_place)
    found = {"days": days, "study days": days + (days >= 0), "years": years}
    return {kind: np.where(there, found[kind], np.nan) for kind in _KINDS}


def _floats(series: pd.Series) -> np.ndarray:
    return series.to_numpy(np.float64, na_value=np.nan)
