"""Conditions on a row, such as ``age >= 91 and sex == "f"``, and the persons they single out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthgan.metrics.people import first_of_each

__all__ = ["Domain", "Predicates", "to_ranks"]

_STAGES = (1000, 10_000)  # most predicates already hold for several of the first rows
_BLOCK_CELLS = 250_000  # ranks of a block, which stay in the cache


@dataclass(frozen=True)
class Domain:
    """Values of the columns.

    Parameters
    ----------
    values : list of ndarray
        For each column, the sorted values of all tables; value ``i`` has the rank ``i + 1``.
    is_level : ndarray of shape (n_columns,)
    """

    values: list[np.ndarray]
    is_level: np.ndarray

    @property
    def top(self) -> np.ndarray:
        """Largest rank of each column; 0 if there are no values."""
        return np.array([len(values) for values in self.values], dtype=np.int32)


@dataclass(frozen=True)
class Predicates:
    """Predicates; each holds for rows whose ranks lie in given intervals, for all its columns.

    Parameters
    ----------
    column, low, high : ndarray of shape (n, n_conditions)
        For each condition, the column and the lowest and highest rank; 0 to 0 is "missing".
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
        """Concatenate predicates; of duplicates the first is kept."""
        fields = [np.concatenate([getattr(p, f) for p in parts]) for f in ("column", "low", "high")]
        order = np.argsort(fields[0], axis=1, kind="stable")
        column, low, high = (np.take_along_axis(field, order, axis=1) for field in fields)
        _, first = np.unique(np.hstack([column, low, high]), axis=0, return_index=True)
        first.sort()
        return Predicates(column[first], low[first], high[first])

    def singled_out(self, ranks: np.ndarray, people: np.ndarray | None = None) -> np.ndarray:
        """Find the only person for whom each predicate holds; -1 for none or several.

        Parameters
        ----------
        ranks : ndarray of shape (n_rows, n_columns)
        people : ndarray of int of shape (n_rows,), or None, default=None
            The person of each row; None: each row is a different person, and the row is returned.
        """
        people = np.arange(len(ranks)) if people is None else people
        # If the rows of a person are adjacent, the first and the last matching row are sufficient.
        order, _ = first_of_each(people)
        owner = people[order]
        # The fewer bytes, the faster the comparisons.
        kind = np.min_scalar_type(max(int(x.max(initial=0)) for x in (ranks, self.low, self.high)))
        by_column = np.ascontiguousarray(ranks[order].T, dtype=kind)
        asked = Predicates(self.column, self.low.astype(kind), self.high.astype(kind))
        found = np.full(len(self), -1)
        alive = np.arange(len(self))
        ends = [end for end in _STAGES if end < len(ranks)] + [len(ranks)]
        for start, end in zip([0, *ends], ends, strict=False):
            size = max(1, _BLOCK_CELLS // (end - start))
            kept = []
            for i in range(0, len(alive), size):
                some = alive[i : i + size]
                holds = asked[some]._holds(by_column[:, start:end])
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
    """Replace each value by its rank among the values of all tables; missing is 0.

    Parameters
    ----------
    tables : mapping of str to ndarray of shape (n_rows, n_columns)
        As returned by `encode`.
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
