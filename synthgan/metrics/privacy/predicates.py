"""Conditions on a row, such as ``age >= 91 and sex == "f"``, and whom they single out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthgan.metrics.people import first_of_each

__all__ = ["Domain", "Predicates", "to_ranks"]

_STAGES = (1000, 10_000)  # most predicates are found to hold for several among the first rows
_LOT = 5_000_000  # cells of a block


@dataclass(frozen=True)
class Domain:
    """What the columns hold.

    Parameters
    ----------
    values : list of ndarray
        Of each column, all values of all tables, sorted; value ``i`` has the rank ``i + 1``.
    is_level : ndarray of shape (n_columns,)
    """

    values: list[np.ndarray]
    is_level: np.ndarray

    @property
    def top(self) -> np.ndarray:
        """Greatest rank of each column; 0 where there are no values."""
        return np.array([len(values) for values in self.values], dtype=np.int32)


@dataclass(frozen=True)
class Predicates:
    """Each holds for the rows whose ranks lie in an interval, in all columns that it names.

    Parameters
    ----------
    column, low, high : ndarray of shape (n, n_conditions)
        Of each condition, the column and the least and greatest rank; 0 to 0 is "missing".
    """

    column: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, which: np.ndarray | slice) -> Predicates:
        return Predicates(self.column[which], self.low[which], self.high[which])

    @staticmethod
    def join(parts: list[Predicates]) -> Predicates:
        """Put several after each other; doubles are kept once, where they stand first."""
        fields = [np.concatenate([getattr(p, f) for p in parts]) for f in ("column", "low", "high")]
        order = np.argsort(fields[0], axis=1, kind="stable")
        column, low, high = (np.take_along_axis(field, order, axis=1) for field in fields)
        _, first = np.unique(np.hstack([column, low, high]), axis=0, return_index=True)
        first.sort()
        return Predicates(column[first], low[first], high[first])

    def singled_out(self, ranks: np.ndarray, people: np.ndarray | None = None) -> np.ndarray:
        """Find the one person for whose rows alone each holds; -1 for none or several.

        Parameters
        ----------
        ranks : ndarray of shape (n_rows, n_columns)
        people : ndarray of int of shape (n_rows,), or None, default=None
            Whose the rows are; None: each is one person's, and the row is returned.
        """
        people = np.arange(len(ranks)) if people is None else people
        # Where a person's rows stand together, the first and the last that it holds for tell all.
        order, _ = first_of_each(people)
        owner = people[order]
        by_column = np.ascontiguousarray(ranks[order].T)
        found = np.full(len(self), -1)
        alive = np.arange(len(self))
        ends = [end for end in _STAGES if end < len(ranks)] + [len(ranks)]
        for start, end in zip([0, *ends], ends, strict=False):
            lot = max(1, _LOT // (end - start))
            kept = []
            for i in range(0, len(alive), lot):
                some = alive[i : i + lot]
                holds = self[some]._holds(by_column[:, start:end])
                first = owner[holds.argmax(axis=1) + start]
                last = owner[end - 1 - holds[:, ::-1].argmax(axis=1)]
                before, any_here = found[some], holds.any(axis=1)
                one = (first == last) & ((before < 0) | (before == first))
                found[some] = np.where(any_here, np.where(one, first, -1), before)
                kept.append(some[~any_here | one])
            alive = np.concatenate(kept) if kept else alive
        return found

    def _holds(self, by_column: np.ndarray) -> np.ndarray:
        holds = np.ones((len(self), by_column.shape[1]), dtype=bool)
        for column, low, high in zip(self.column.T, self.low.T, self.high.T, strict=True):
            ranks = by_column[column]
            holds &= (ranks >= low[:, None]) & (ranks <= high[:, None])
        return holds


def to_ranks(
    tables: Mapping[str, np.ndarray], is_level: np.ndarray
) -> tuple[dict[str, np.ndarray], Domain]:
    """Replace each value by its rank among those of all tables; missing is 0.

    Parameters
    ----------
    tables : mapping of str to ndarray of shape (n_rows, n_columns)
        As `encode` makes them.
    is_level : ndarray of shape (n_columns,)
    """
    ranks = {name: np.empty(x.shape, dtype=np.int32) for name, x in tables.items()}
    values = []
    for i, level in enumerate(is_level):
        columns = {name: x[:, i] for name, x in tables.items()}
        gone = {name: x == 0 if level else np.isnan(x) for name, x in columns.items()}
        values.append(np.unique(np.concatenate([x[~gone[name]] for name, x in columns.items()])))
        for name, x in columns.items():
            places = np.searchsorted(values[-1], x) + 1
            ranks[name][:, i] = np.where(gone[name], 0, places)
    return ranks, Domain(values, is_level)
