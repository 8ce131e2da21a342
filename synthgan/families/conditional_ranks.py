"""Rows as ranks given what is known before them: trees learn what a column follows from."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ArchiveError
from synthgan.families.coding import LabelLevels, as_labels
from synthgan.families.ranked import RankedColumn, RankedLabel, RankedNumber, fit_ranked
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import Support, pooled_means
from synthgan.state import fields
from synthgan.state.stored import Name, Stored
from synthgan.trees.predictor import deal_folds

__all__ = ["ConditionalRanks", "is_ranked"]

_MANY_PEOPLE = 1250  # from which a generator does better by itself
_MOST_LEVELS, _MOST_BINS = 30, 100  # of a label and a number that trees see
_NOT_DECIDED: Mapping[Hashable, np.ndarray] = MappingProxyType({})
_MOST_KNOTS, _FEWEST_ROWS = 100, 500  # from which ranks of generated rows are calibrated


@dataclass(frozen=True)
class _Plan(Stored):
    """The part of `ConditionalRanks` that is plain data."""

    _record_name = "conditional ranks"

    known: tuple[Name, ...]
    order: tuple[Name, ...]
    known_labels: tuple[LabelLevels, ...]
    labels: tuple[LabelLevels, ...]
    ranked: tuple[RankedColumn, ...]
    drawn: tuple[Name, ...] = field(default=(), metadata={"sparse": True})


class ConditionalRanks:
    """Columns of rows as ranks, given what is known before the rows and given other columns.

    Column by column, boosted trees learn which values are possible in a row; where that
    reduces the uncertainty, the column is replaced by the rank of its value among them, 0 to 1 (the
    transform of Rosenblatt, with trees as conditional distributions). The generator learns the
    ranks of numbers, and what trees leave of a dependence. Labels are drawn by their shares.

    Attributes
    ----------
    columns : dict of {hashable: RankedLabel or RankedNumber}
        In the order in which they are restored.
    drawn : tuple of hashable
        Columns of labels that no generator learns.

    References
    ----------
    Rosenblatt (1952), Remarks on a multivariate transformation, doi 10.1214/aoms/1177729394.
    """

    def __init__(
        self,
        known: tuple[Hashable, ...] = (),
        order: tuple[Hashable, ...] = (),
        labels: dict[tuple[bool, Hashable], LabelLevels] | None = None,
        columns: dict[Hashable, RankedLabel | RankedNumber] | None = None,
        knots: dict[Hashable, np.ndarray] | None = None,
        edges: dict[tuple[bool, Hashable], np.ndarray] | None = None,
    ) -> None:
        self.known, self.order = known, order
        self.labels, self.columns, self.knots = labels or {}, columns or {}, knots or {}
        self.edges = edges or {}
        self.drawn: tuple[Hashable, ...] = ()

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        known: pd.DataFrame,
        support: Support,
        last: Collection[Hashable] = (),
        decided: Mapping[Hashable, np.ndarray] = _NOT_DECIDED,
        generated: Collection[Hashable] = (),
    ) -> tuple[ConditionalRanks, pd.DataFrame]:
        """Learn the ranks, and return the rows as ranks.

        With 1250 people or more there are none: a generator does better by itself then.

        Parameters
        ----------
        rows : DataFrame of shape (n_rows, n_columns)
        known : DataFrame of shape (n_rows, n_known)
        support : Support
            With the person of each row.
        last : collection of hashable
            Columns that follow from all others.
        decided : dict of ndarray of bool of shape (n_rows,)
            The rows that count for some columns; in others, their values mean nothing.
        generated : collection of hashable
            Columns of labels whose ranks a generator learns.
        """
        rng = np.random.default_rng(len(rows))
        people = np.arange(len(rows)) if support.people is None else support.people
        folds = deal_folds(people, rng)
        if not is_ranked(len(rows), support):
            return cls(tuple(known.columns), tuple(rows.columns)), rows
        is_last = set(last)
        order = [n for n in rows.columns if n not in is_last and not is_number(rows[n])]
        order += [n for n in rows.columns if n not in is_last and is_number(rows[n])]
        order += [n for n in rows.columns if n in is_last]
        made = cls(tuple(known.columns), tuple(order))
        for is_own, table in ((False, known), (True, rows)):
            for name in table.columns:
                if is_number(table[name]):
                    made.edges[is_own, name] = _edges(as_numbers(table[name]), support)
                else:
                    levels = _shared_levels(table[name], support)
                    made.labels[is_own, name] = LabelLevels(name, levels)
        ranks, seen = rows.copy(deep=False), made._see(known, False, made.known)
        codes = [i for i, name in enumerate(made.known) if (False, name) in made.labels]
        for name in order:
            some = decided.get(name, np.ones(len(rows), dtype=bool))
            found = fit_ranked(
                rows[name][some], seen[some], folds[some], support.take(some), rng, codes
            )
            if found is not None:
                made.columns[name] = found
                ranks[name] = found.apply(rows[name], seen).where(some, rng.random(len(rows)))
            seen = np.column_stack([seen, made._see(rows, True, (name,))])
            if (True, name) in made.labels:
                codes.append(seen.shape[1] - 1)
        labels = [n for n, one in made.columns.items() if isinstance(one, RankedLabel)]
        made.drawn = tuple(name for name in labels if name not in generated)
        return made, ranks

    def read(self, known: pd.DataFrame) -> np.ndarray:
        """Return what trees see of rows of which only `known` is known, (n_rows, n_known)."""
        return self._see(known, False, self.known, self._used)

    def learnt(self, ranks: pd.DataFrame) -> pd.DataFrame:
        """Return what a generator learns of rows: all but `drawn`, if anything is left."""
        learnt = ranks.drop(columns=list(self.drawn))
        return learnt if learnt.shape[1] else ranks

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return random ranks of the labels that no generator learns, shape (n, n_drawn)."""
        return rng.random((n, len(self.drawn)))

    def restore(self, ranks: pd.DataFrame, known: np.ndarray, drawn: np.ndarray) -> pd.DataFrame:
        """Turn ranks into values.

        Parameters
        ----------
        ranks : DataFrame of shape (n_rows, n_columns)
        known : ndarray of shape (n_rows, n_known)
            As `read` returns it.
        drawn : ndarray of shape (n_rows, n_drawn)
            As `draw` returns it.
        """
        rows, seen = ranks.copy(deep=False), known
        for name, own in zip(self.drawn, drawn.T, strict=True):
            rows[name] = own
        for i, name in enumerate(self.order):
            if name in self.columns:
                own = rows[name]
                if name in self.knots:
                    values = own.to_numpy(np.float64, na_value=np.nan)
                    own = pd.Series(np.interp(values, *self.knots[name]), index=own.index)
                rows[name] = self.columns[name].restore(own, seen)
            used = self._used[len(self.known) + i :]
            seen = np.column_stack([seen, self._see(rows, True, (name,), used)])
        return rows

    @cached_property
    def _used(self) -> np.ndarray:
        """Return which columns any trees see; the others need not be read."""
        used = np.zeros(len(self.known) + len(self.order), dtype=bool)
        for one in self.columns.values():
            used[one.features] = True
        return used

    def calibrate(
        self, made: pd.DataFrame, decided: Mapping[Hashable, np.ndarray] = _NOT_DECIDED
    ) -> None:
        """Learn how ranks that a generator makes are distributed; real ones are evenly.

        Parameters
        ----------
        made : DataFrame of shape (n_rows, n_columns)
            Generated ranks.
        decided : dict of ndarray of bool of shape (n_rows,)
            As in `fit`.
        """
        self.knots = {}
        generated = [name for name in self.columns if name not in self.drawn]
        for name in generated if len(made) >= _FEWEST_ROWS else ():
            values = made[name].to_numpy(np.float64, na_value=np.nan)
            values = values[decided.get(name, np.ones(len(values), dtype=bool))]
            values = np.sort(values[~np.isnan(values)])
            if len(values) >= _FEWEST_ROWS:
                at = np.linspace(0, 1, _MOST_KNOTS)
                self.knots[name] = np.array([np.quantile(values, at), at])

    def _see(
        self,
        table: pd.DataFrame,
        is_own: bool,
        names: tuple[Hashable, ...],
        used: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return columns as codes of labels and bins of numbers, shape (n_rows, n_names)."""
        seen = []
        for i, name in enumerate(names):
            if used is not None and not used[i]:
                seen.append(np.zeros(len(table)))
            elif (is_own, name) in self.labels:
                codes = self.labels[is_own, name].codes(as_labels(table[name]))
                seen.append(codes.astype(np.float64))
            else:
                values = as_numbers(table[name])
                bins = np.searchsorted(self.edges[is_own, name], values, side="right")
                seen.append(np.where(np.isnan(values), np.nan, bins))
        return np.column_stack([np.zeros((len(table), 0)), *seen])

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return JSON-ready plain data, and arrays by their names."""
        known_labels, labels = (
            tuple(level for key, level in self.labels.items() if key[0] == is_own)
            for is_own in (False, True)
        )
        ranked = tuple(one.about for one in self.columns.values())
        plan = _Plan(self.known, self.order, known_labels, labels, ranked, self.drawn)
        arrays = {
            f"{i}.{key}": array
            for i, one in enumerate(self.columns.values())
            for key, array in one.to_arrays().items()
        }
        arrays |= {
            f"{i}.calibration": self.knots[name]
            for i, name in enumerate(self.columns)
            if name in self.knots
        }
        seen = [(False, n) for n in self.known] + [(True, n) for n in self.order]
        edges = [self.edges.get(key, np.zeros(0)) for key in seen]
        arrays["bin_counts"] = np.array([len(one) for one in edges], np.int64)
        arrays["bin_edges"] = np.concatenate([*edges, np.zeros(0)])
        return plan.to_dict(), arrays

    @classmethod
    def from_state(
        cls, record: Any, arrays: dict[str, np.ndarray], known: Collection[Hashable],
        own: Collection[Hashable],
    ) -> ConditionalRanks:  # fmt: skip
        """Restore from the output of `to_state`, for rows of the given columns.

        Raises
        ------
        ArchiveError
            It is none, or for other columns.
        """
        plan = _Plan.from_dict(record)
        n_known = len(plan.known)
        names = [one.column.name for one in plan.ranked]
        fits = plan.known == tuple(known) and {*plan.order} == {*own, *plan.drawn}
        fits &= {*plan.drawn} <= {one.column.name for one in plan.ranked if not one.is_number}
        if not fits or len({*names}) < len(names) or not {*names} <= {*plan.order}:
            raise ArchiveError("conditional ranks of other columns")
        made = cls(plan.known, plan.order)
        made.drawn = plan.drawn
        for is_own, levels in ((False, plan.known_labels), (True, plan.labels)):
            made.labels |= {(is_own, level.name): level for level in levels}
        arrays = dict(arrays)
        bins = {name: arrays.pop(name, None) for name in ("bin_counts", "bin_edges")}
        made.edges = made._read_edges(bins)
        parts: dict[int, dict[str, np.ndarray]] = {i: {} for i in range(len(names))}
        for key, array in arrays.items():
            number, _, part = key.partition(".")
            if not number.isdecimal() or int(number) not in parts:
                raise ArchiveError(f"conditional ranks have an unknown array {fields.brief(key)}")
            parts[int(number)][part] = array
        for i, about in enumerate(plan.ranked):
            name = about.column.name
            if "calibration" in parts[i]:
                made.knots[name] = _read_knots(parts[i].pop("calibration"))
            kind: Any = RankedNumber if about.is_number else RankedLabel
            place = n_known + plan.order.index(name)
            made.columns[name] = kind.from_arrays(about, parts[i], place)
        return made

    def _read_edges(self, arrays: dict[str, Any]) -> dict[tuple[bool, Hashable], np.ndarray]:
        seen = [(False, n) for n in self.known] + [(True, n) for n in self.order]
        read = fields.read_arrays(
            {name: array for name, array in arrays.items() if array is not None},
            "conditional ranks", bin_counts=fields.array_of(len(seen), kinds="iu"),
            bin_edges=fields.array_of(None),
        )  # fmt: skip
        counts, edges = read["bin_counts"].astype(np.float64), read["bin_edges"]
        if counts.sum() != len(edges) or not (counts >= 0).all():
            raise ArchiveError("the bins of conditional ranks have inconsistent sizes")
        own = np.split(edges, np.cumsum(counts.astype(np.int64))[:-1]) if seen else []
        if any((np.diff(one) < 0).any() for one in own):
            raise ArchiveError("the tables of conditional ranks are not ascending")
        return {key: one for key, one in zip(seen, own, strict=True) if key not in self.labels}


def is_ranked(n_rows: int, support: Support) -> bool:
    """Return whether rows of so few people are learnt as ranks."""
    return support.count(np.ones(n_rows, dtype=bool)) < _MANY_PEOPLE


def _edges(values: np.ndarray, support: Support) -> np.ndarray:
    """Return edges between means of neighbouring values of enough people."""
    rows = np.flatnonzero(~np.isnan(values))
    rows = rows[np.argsort(values[rows], kind="stable")]
    if not len(rows):
        return np.zeros(0)
    fewest = max(1, len(rows) // _MOST_BINS)
    means = np.unique(pooled_means(values[rows], support.take(rows), fewest=fewest)[1])
    means = means[~np.isnan(means)]
    return np.asarray((means[1:] + means[:-1]) / 2)


def _read_knots(array: np.ndarray) -> np.ndarray:
    knots = fields.read_arrays(
        {"calibration": array}, "conditional ranks", calibration=fields.array_of(2, None)
    )["calibration"]
    if not knots.shape[1] or (np.diff(knots) < 0).any():
        raise ArchiveError("the tables of conditional ranks are not ascending")
    return knots


def _shared_levels(series: pd.Series, support: Support) -> tuple[str, ...]:
    counts = support.of_labels(pd.Series(as_labels(series)))
    counts = counts[counts >= support.least].sort_values(ascending=False, kind="stable")
    return tuple(counts.index[:_MOST_LEVELS])
