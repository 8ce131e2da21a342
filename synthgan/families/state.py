"""What is known of a family before its next row: its parent, its place, and the rows so far."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.families.coding import FamilyCoding, Rows, as_labels
from synthgan.families.pace import Pace
from synthgan.families.past_rows import PastRows
from synthgan.families.repeats import Repeats
from synthgan.families.rows_at_once import RowsAtOnce, rows_to_come
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import as_numbers, dates_of, on_clock

__all__ = ["FamilyState"]

_NO_RULES, _NO_COPIES = Pace(), Repeats()
_MOST_RECENT = 10  # rows that are compared with the next one


class FamilyState:
    """The families of all parents, which grow row by row.

    Parameters
    ----------
    coding : FamilyCoding
    summaries : Summaries
    parents : DataFrame of shape (n_parents, n_columns)
        With the columns of `summaries`; what is known of each parent.
    start, end : ndarray of shape (n_parents,)
        First and last value of the order column; zeros without one. Where the last one is not
        generated with the parent, the upper bound counts.
    order : Column or None, default=None
        The order column.
    pace : Pace, default=Pace()
    repeats : Repeats, default=Repeats()
    """

    def __init__(
        self,
        coding: FamilyCoding,
        summaries: Summaries,
        parents: pd.DataFrame,
        start: np.ndarray,
        end: np.ndarray,
        order: Column | None = None,
        pace: Pace = _NO_RULES,
        repeats: Repeats = _NO_COPIES,
    ) -> None:
        n = len(parents)
        self.coding, self.summaries, self.parents = coding, summaries, parents
        self.number = np.nan_to_num(parents[summaries.number].to_numpy(np.float64, na_value=0.0))
        self.start, self.end = start, end
        self.pace, self.copied = pace, repeats
        self.dates = dates_of(parents, order)
        self.limit = np.full(n, np.inf)  # until when rows must have ended
        if pace.within in self.dates:
            self.limit = np.nan_to_num(self.dates[pace.within], nan=np.inf)
        self.is_open = summaries.last is None  # whether rows decide when they end
        if self.is_open:
            self.end = np.full(n, np.inf)
            if summaries.upper is not None:
                self.end = np.nan_to_num(on_clock(order, parents[summaries.upper]), nan=np.inf)
        self.place = 0
        self.clock = start.copy()  # of the next row
        self.since = np.zeros(n)  # how long the row before it has ended
        self.at_once = np.zeros(n)  # rows so far at the time of the next one
        self.before: Rows | None = None
        self.past, self.at_this_time = PastRows(n), RowsAtOnce(n)
        self.recent: list[tuple[np.ndarray, np.ndarray]] = []  # times and labels that are distinct
        self.sums = {name: np.zeros(n) for name in coding.numbers}
        self.counts = {name: np.zeros(n) for name in coding.numbers}
        self.seen = {
            level.name: np.zeros((n, len(level.levels) + 1), dtype=np.int32)
            for level in coding.labels
        }

    def alive(self) -> np.ndarray:
        """Return the families that have a further row."""
        return np.flatnonzero(self.number > self.place)

    def context(self, families: np.ndarray) -> pd.DataFrame:
        """Return what is known of the next row of some families: when it begins, among others.

        Dates of the parent are known as the time from then to the row.
        """
        parents = self.parents.iloc[families].drop(
            columns=[self.summaries.first, self.summaries.last], errors="ignore"
        )
        left = self.number[families] - self.place
        until = (self.end - self.clock)[families]
        until[np.isinf(until)] = np.nan
        known: dict[Hashable, Any] = {
            **{
                f"parent: {name}": self.clock[families] - self.dates[name][families]
                if name in self.dates
                else parents[name].array
                for name in parents.columns
            },
            "place": np.full(len(families), float(self.place)),
            "rows left": left,
            "clock": self.clock[families],
            "since the first": (self.clock - self.start)[families],
            "until the last": until,
            "until the last, a row": until / np.maximum(left - 1, 1),
            "since the row before": self.since[families],
            "at the last": (until <= 0) * 1.0,
            "rows at once": self.at_once[families],
        }
        summed = dict(self.summaries.means) | dict(self.summaries.counts)
        for name in self.coding.numbers:
            sums, counts = self.sums[name][families], self.counts[name][families]
            mean = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
            missing = np.full(len(families), np.nan)
            known[f"before: {name}"] = (
                missing if self.before is None else self.before[name][families]
            )
            known[f"mean: {name}"] = mean
            if name in summed:
                whole = parents[summed[name]].to_numpy(np.float64) * self.number[families]
                rest = whole - np.nan_to_num(mean) * self.place
                known[f"mean of the rest: {name}"] = np.divide(
                    rest, left, out=np.full(len(left), np.nan), where=left > 0
                )
        for level in self.coding.labels:
            name, seen = level.name, self.seen[level.name][families]
            if level.is_shown:
                none = np.full(len(families), None, dtype=object)
                known[f"before: {name}"] = (
                    none if self.before is None else self.before[name][families]
                )
            if level.periods is not None:
                none = np.full(len(families), None, dtype=object)
                label = none if self.before is None else self.before[name][families]
                known[f"exists for: {name}"] = level.periods.left(label, self.clock[families])
            distinct = (seen > 0).sum(axis=1).astype(float)
            known[f"distinct: {name}"] = distinct
            if name in summed:
                whole = parents[summed[name]].to_numpy(np.float64)
                known[f"distinct, left: {name}"] = whole - distinct
            for i in range(level.n_shares):
                known[f"share of {level.levels[i]}: {name}"] = seen[:, i] / max(1, self.place)
        if self.pace.counted is not None:
            known |= self.at_this_time.context(families)
        return pd.DataFrame(known | self._of_time_before(families))

    def _of_time_before(self, families: np.ndarray) -> dict[Hashable, Any]:
        """Return what is known of the row of the time before that comes next."""
        group = self.copied.of_time
        if group is None:
            return {}
        places = self.past.places(families)
        rows, there = self.past.rows(families, places), places >= 0
        known: dict[Hashable, Any] = {"rows left of the time before": self.past.left(families)}
        n = len(families)
        for name in self.coding.numbers:
            if name not in group.columns:
                of = np.full(n, np.nan) if rows is None else as_numbers(rows[name])
                known[f"at the time before: {name}"] = np.where(there, of, np.nan)
        none = np.full(n, None, dtype=object)
        for level in self.coding.labels:
            if level.is_shown:
                of = none if rows is None else as_labels(rows[level.name])
                known[f"at the time before: {level.name}"] = np.where(there, of, none)
        return known

    def step(self, families: np.ndarray, after: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the steps from the ends of next rows to the rows after them.

        They are NaN where they go to the last value at once, and for last rows.
        """
        until = self.end[families] - ends
        is_last = self.number[families] <= self.place + 1
        to_end = (after - ends == until) & (until > 0)
        return np.where(is_last | to_end, np.nan, after - ends)

    def still_to_come(self, families: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Return how many rows are to come at the same time after the next rows.

        `changes` are those of `RowsAtOnce.after`. A family that is known to end when it begins has
        all its rows then.
        """
        n_left = (self.number - self.place)[families]
        if self.place == 0 and not self.is_open:
            is_last = self.end[families] <= self.clock[families]
            changes = np.where(is_last, n_left.astype(object), changes)
        return self.at_this_time.after(families, changes, n_left)

    def next(
        self, families: np.ndarray, steps: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return when the rows after the next ones begin, up to the last value; inverse of `step`.

        Parameters
        ----------
        families : ndarray of int of shape (n,)
        steps : ndarray of shape (n,)
        ends : ndarray of shape (n,)
            When the next rows end.

        Returns
        -------
        after : ndarray of shape (n,)
            Infinite where there is no time for a further row.
        fits : ndarray of bool of shape (n,)
            Whether steps lead there: those beyond the last value do not, nor any but those to the
            last value if the row after is the last, nor those that are too short or leave the rows
            after them too little time.
        """
        until, least = self.end[families] - ends, self.pace.least
        n_after = self.number[families] - self.place - 1
        to_last, room = n_after == 1, until - (n_after - 1) * least
        if self.is_open:
            fits = ~np.isnan(steps) & (least <= steps) & (steps <= room)
            if self.pace.counted is not None:  # a last time of rows is at the last value
                other = np.where((until > 0) & np.isfinite(until), self.end[families], np.inf)
            else:  # where rows may be at the same time, there is time for all of them
                other = np.where(least > 0, np.inf, ends)
            after = np.where(n_after < 1, ends, np.where(fits, ends + steps, other))
            return after, fits | (n_after < 1)
        to_end = np.isnan(steps) & (until > 0)
        steps = np.maximum(np.nan_to_num(steps), 0.0)
        at_end = to_end | ((until <= 0) & (steps == 0))
        if least > 0:
            fits = np.where(to_last, at_end, ~to_end & (least <= steps) & (steps <= room))
            steps = np.clip(np.where(to_end, room, steps), least, np.maximum(room, least))
        else:
            fits = at_end | (~to_last & (steps < until))
            steps = np.where(to_end, until, np.clip(steps, 0, np.maximum(until, 0)))
        after = np.where(to_last, np.maximum(self.end[families], ends), ends + steps)
        if self.pace.counted is not None:  # those of the last time have been counted
            after = np.where(until <= 0, np.inf, after)
        return np.where(n_after < 1, ends, after), fits | (n_after < 1)

    def overruns(self, families: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return which next rows end too late for those after them, or for the parent."""
        n_after = self.number[families] - self.place - 1
        too_late = (n_after > 0) & (self.end[families] - ends < n_after * self.pace.least)
        lasts = ends > self.clock[families]
        return lasts & (too_late | (ends > self.limit[families]))

    def stop(self, families: np.ndarray) -> None:
        """End some families before the next row, for which there is no time."""
        self.number[families] = self.place

    def take(
        self,
        families: np.ndarray,
        rows: Rows,
        after: np.ndarray,
        ends: np.ndarray | None = None,
        table: pd.DataFrame | None = None,
    ) -> None:
        """Add the next row of some families.

        Parameters
        ----------
        families : ndarray of int of shape (n,)
        rows : dict of arrays of shape (n,)
        after : ndarray of shape (n,)
            When the rows after them begin; infinite: there is none.
        ends : ndarray of shape (n,) or None, default=None
            When they end; None: as they begin.
        table : DataFrame of shape (n, n_columns) or None, default=None
            The same rows as `Repeats` copies them; None: none is copied.
        """
        n = len(self.parents)
        if self.before is None:
            self.before = {name: np.full(n, np.nan) for name in self.coding.numbers}
            for level in self.coding.labels:
                self.before[level.name] = np.full(n, None, dtype=object)
        if self.coding.distinct:
            times, labels = np.full(n, np.nan), np.full(n, -1)
            times[families], labels[families] = self.clock[families], self.coding.combine(rows)
            self.recent = [*self.recent, (times, labels)][-_MOST_RECENT:]
        is_late = np.isinf(after)  # no further row
        after = np.where(is_late, self.clock[families], after)
        is_same = after == self.clock[families]
        if self.pace.counted is not None and table is not None:
            self.at_this_time.take(families, table[self.pace.counted].to_numpy(np.float64))
        if table is not None:
            group = self.copied.of_time
            sources = None if group is None else table[group.label].to_numpy(np.int64)
            self.past.take(table, families, sources, ~is_same)
        self.at_once[families] = np.where(is_same, self.at_once[families] + 1, 0)
        self.since[families] = after - (self.clock[families] if ends is None else ends)
        self.clock[families] = after
        for name in self.coding.numbers:
            values = rows[name]
            self.before[name][families] = values
            self.sums[name][families] += np.nan_to_num(values)
            self.counts[name][families] += ~np.isnan(values)
        for level in self.coding.labels:
            self.before[level.name][families] = rows[level.name]
            self.seen[level.name][families, level.codes(rows[level.name])] += 1
        self.place += 1
        self.number[families[is_late]] = self.place

    def unroll(
        self,
        table: pd.DataFrame,
        clock: np.ndarray,
        owners: np.ndarray,
        ends: np.ndarray,
        sources: np.ndarray,
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Take all rows of complete families, first rows first.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
            Rows of a family stand together, in order.
        clock : ndarray of shape (n_rows,)
        owners : ndarray of int of shape (n_rows,), ascending
        ends : ndarray of shape (n_rows,)
            When rows end.
        sources : ndarray of int of shape (n_groups, n_rows)
            The rows that rows copy; -1: none.

        Returns
        -------
        contexts : DataFrame of shape (n_rows, n_columns)
            What is known of each row before it is made.
        order : ndarray of int of shape (n_rows,)
            The numbers of the rows in `contexts`.
        steps : ndarray of shape (n_rows,)
            As `step` gives them, in that order.
        """
        first = np.append(True, owners[1:] != owners[:-1])
        after = np.where(np.append(first[1:], True), ends, np.append(clock[1:], 0.0))
        starts = np.maximum.accumulate(np.where(first, np.arange(len(owners)), 0))
        places = np.arange(len(owners)) - starts
        order = np.argsort(places, kind="stable")
        rows, placed = self.coding.read(table), None
        if self.copied.of_time is not None or self.pace.counted is not None:
            placed = self.copied.with_places(table, sources, starts)
        if placed is not None and self.pace.counted is not None:
            placed[self.pace.counted] = rows_to_come(owners, clock)
        contexts, steps = [], []
        for at in np.split(order, np.cumsum(np.bincount(places))[:-1]):
            contexts.append(self.context(owners[at]))
            steps.append(self.step(owners[at], after[at], ends[at]))
            own = {name: values[at] for name, values in rows.items()}
            some = None if placed is None else placed.iloc[at]
            self.take(owners[at], own, after[at], ends[at], some)
        return pd.concat(contexts, ignore_index=True), order, np.concatenate(steps)

    def repeats(self, families: np.ndarray, rows: Rows) -> np.ndarray:
        """Return which next rows are not allowed, as one of the same time has the same labels."""
        found = np.zeros(len(families), dtype=bool)
        if self.recent:
            labels = self.coding.combine(rows)
            for times, others in self.recent:
                is_same = times[families] == self.clock[families]
                found |= is_same & (others[families] == labels) & (labels >= 0)
        return found
