"""Noisy contingency tables of the columns of a table: what is measured, and how exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy.protected_rows import ProtectedRows, noise_of_tables
from synthgan.privacy.smoothing import Codes, smooth_table

__all__ = ["Marginals", "Triples", "measure_marginals"]

_SINGLE_SHARE, _CHOICE_SHARE, _TRIPLE_SHARE = 0.18, 0.08, 0.2  # of what is left, in turn
_FIRST_SHARE = 0.3  # of the budget of pairs: for all of them, the rest for the most dependent ones
_PAIRS_PER_COLUMN = 8  # that are measured at most
_MOST_TARGET_CODES = 10
_FEWEST_CODES, _MOST_CODES = 8, 24  # of a column in a table of several
_ROWS_PER_NOISE = 12.0  # rows of an average cell, in standard deviations of the noise
_MEAN_NOISE = math.sqrt(2 / math.pi)  # mean absolute value, in standard deviations

Clique = tuple[int, ...]


@dataclass(frozen=True)
class Triples:
    """Tables of all pairs of columns within the rows that have one code of the target.

    Parameters
    ----------
    code : int
        Position of that code among all joined codes.
    shares : ndarray of shape (n_joined, n_joined)
    weights : ndarray of shape (n_joined, n_joined)
    """

    code: int
    shares: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Marginals:
    """What was measured, as shares of all rows; a weight is 1 / variance of the noise, or 0.

    Parameters
    ----------
    sizes : tuple of int
        How many codes each column has that has more than one; the others are left out.
    single, single_weights : ndarray of shape (n_codes,)
        Of each code of each column.
    joined : ndarray of int of shape (n_codes,)
        Neighbouring or rare codes are joined in tables of several columns: number of each.
    pairs, pair_weights : ndarray of shape (n_joined, n_joined)
        Of two columns; symmetric.
    triples : tuple of Triples
    """

    sizes: tuple[int, ...]
    single: np.ndarray
    single_weights: np.ndarray
    joined: np.ndarray
    pairs: np.ndarray
    pair_weights: np.ndarray
    triples: tuple[Triples, ...] = ()

    @property
    def n_measured(self) -> int:
        """How many numbers were measured."""
        n_pairs = np.count_nonzero(np.triu(self.pair_weights))
        n_triples = sum(np.count_nonzero(np.triu(t.weights)) for t in self.triples)
        return int(np.count_nonzero(self.single_weights) + n_pairs + n_triples)


def measure_marginals(
    rows: ProtectedRows,
    read: Callable[[pd.DataFrame], np.ndarray],
    sizes: Sequence[int],
    is_ordered: Sequence[bool],
    has_gaps: Sequence[bool],
    target: int | None,
    n_rows: float,
) -> Marginals:
    """Spend what is left of the budget: single columns, pairs, and triples with a target.

    Parameters
    ----------
    rows : ProtectedRows
    read : callable
        Maps rows to codes, ndarray of int of shape (n_rows, n_columns).
    sizes : sequence of int
        How many codes each column has.
    is_ordered : sequence of bool
        Whether codes are neighbours, as bins of numbers are.
    has_gaps : sequence of bool
        Whether the last code stands for missing values.
    target : int or None
        Column whose dependence on pairs of others is measured, too, if it has few codes.
    n_rows : float
        Released number of rows.
    """
    ledger = rows.ledger
    varied = [j for j, size in enumerate(sizes) if size > 1]
    if not varied:
        none = np.zeros(0)
        return Marginals((), none, none, none.astype(int), np.zeros((0, 0)), np.zeros((0, 0)))
    target = varied.index(target) if target in varied else None
    sizes = [sizes[j] for j in varied]
    is_ordered, has_gaps = [is_ordered[j] for j in varied], [has_gaps[j] for j in varied]

    def read_varied(frame: pd.DataFrame) -> np.ndarray:
        return read(frame)[:, varied]

    alone = [(j,) for j in range(len(varied))]
    tables, scales = rows.marginals(
        "single columns", read_varied, sizes, alone, _SINGLE_SHARE * ledger.left
    )
    shares = [_as_shares(table) for table in tables]
    single = np.concatenate(tables) / n_rows
    single_weights = np.repeat((n_rows / scales) ** 2, sizes)
    cliques: list[Clique] = list(combinations(range(len(varied)), 2))
    n_chosen = min(len(cliques), _PAIRS_PER_COLUMN * len(varied))
    most = _most_codes(rows, n_chosen, n_rows)
    joins = [_join(*column, most) for column in zip(shares, is_ordered, has_gaps, strict=True)]

    def read_joined(frame: pd.DataFrame) -> np.ndarray:
        codes = read_varied(frame)
        columns = [np.where(c < 0, -1, join[c]) for c, join in zip(codes.T, joins, strict=True)]
        return np.column_stack(columns)

    views = _Views.of(rows, read_joined, joins, shares, scales, is_ordered, has_gaps, n_rows)
    if n_chosen < len(cliques):
        cliques = views.choose(cliques, n_chosen)
    if target is not None and len(views.shares[target]) > _MOST_TARGET_CODES:
        target = None
    others = [clique for clique in cliques if target not in clique]
    has_triples = target is not None and bool(others)
    share = 1 - _TRIPLE_SHARE if has_triples else 1.0
    pairs = views.measure_pairs(cliques, share * ledger.left)
    columns = views.columns(pairs)
    smooth: dict[Clique, np.ndarray] = {
        (a, b): smooth_table(table, variance, columns[a], columns[b])
        for (a, b), (table, variance) in pairs.items()
    }
    triples: list[Triples] = []
    if target is not None and has_triples:
        parts = views.measure_triples(others, target, smooth, columns, ledger.left)
        first = int(views.starts[target])
        triples = [Triples(first + code, *views.matrices(*part)) for code, part in enumerate(parts)]
    joined = np.concatenate([j + start for j, start in zip(joins, views.starts, strict=False)])
    matrices = views.matrices(smooth, {clique: v for clique, (_, v) in pairs.items()})
    return Marginals(tuple(sizes), single, single_weights, joined, *matrices, tuple(triples))


def _most_codes(rows: ProtectedRows, n_tables: int, n_rows: float) -> int:
    """Return how many codes a column may have in tables of several: as the noise allows."""
    noise = rows.max_rows * math.sqrt(max(1, n_tables) / (2 * rows.ledger.left))
    # Cells that hold many rows more than the noise; a table has the square of the codes.
    most = math.sqrt(_ROWS_PER_NOISE * n_rows / noise) / 2
    return int(np.clip(round(most), _FEWEST_CODES, _MOST_CODES))


def _join(shares: np.ndarray, is_ordered: bool, has_gap: bool, most: int) -> np.ndarray:
    """Map codes to at most so many: neighbours of equal shares, or the rarest ones together.

    Missing values keep a code of their own, beside these.
    """
    n = len(shares)
    if n - has_gap <= most:
        return np.arange(n)
    if has_gap:
        present = _join(shares[:-1] / max(shares[:-1].sum(), 1e-12), is_ordered, False, most)
        return np.append(present, present.max() + 1)
    if is_ordered:
        middle = np.cumsum(shares) - shares / 2
        groups = np.minimum((middle * most).astype(int), most - 1)
        return np.unique(groups, return_inverse=True)[1]
    rank = np.empty(n, dtype=int)
    rank[np.argsort(-shares, kind="stable")] = np.arange(n)
    return np.minimum(rank, most - 1)


@dataclass(frozen=True)
class _Views:
    """Columns as they stand in tables of several.

    Parameters
    ----------
    rows : ProtectedRows
    read : callable
        Maps rows to joined codes.
    shares, variances : list of ndarray of shape (n_codes,)
        Of the joined codes of each column, as measured by themselves.
    is_ordered, has_gaps : sequence of bool
    n_rows : float
    """

    rows: ProtectedRows
    read: Any
    shares: list[np.ndarray]
    variances: list[np.ndarray]
    is_ordered: Sequence[bool]
    has_gaps: Sequence[bool]
    n_rows: float

    @classmethod
    def of(
        cls, rows: ProtectedRows, read: Any, joins: Sequence[np.ndarray],
        shares: Sequence[np.ndarray], scales: np.ndarray, is_ordered: Sequence[bool],
        has_gaps: Sequence[bool], n_rows: float,
    ) -> _Views:  # fmt: skip
        """Add up the shares of codes that are joined."""
        own = [np.bincount(j, x) for j, x in zip(joins, shares, strict=True)]
        variances = [np.bincount(j) * (s / n_rows) ** 2 for j, s in zip(joins, scales, strict=True)]
        return cls(rows, read, own, variances, is_ordered, has_gaps, n_rows)

    @property
    def sizes(self) -> list[int]:
        """How many joined codes each column has."""
        return [len(own) for own in self.shares]

    @property
    def starts(self) -> np.ndarray:
        """Position of the first code of each column among all, and their number."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def choose(self, cliques: Sequence[Clique], n: int) -> list[Clique]:
        """Choose pairs that depend on each other more than the noise of their tables."""
        rows, ledger = self.rows, self.rows.ledger
        noise = rows.max_rows * math.sqrt(n / (2 * ledger.left))
        chosen = rows.most_dependent(
            "dependent pairs", self.read, self.shares, self.n_rows, cliques,
            _MEAN_NOISE * noise * self._n_cells(cliques), n, _CHOICE_SHARE * ledger.left,
        )  # fmt: skip
        return [cliques[i] for i in np.sort(chosen)]

    def measure_pairs(
        self, cliques: Sequence[Clique], rho: float
    ) -> dict[Clique, tuple[np.ndarray, float]]:
        """Measure all pairs, then those again whose dependence exceeds the noise.

        Returns
        -------
        found : dict of clique to (ndarray of shape (n_a, n_b), float)
            Shares, and the variance of their noise.
        """
        found = self._measure("pairs of columns", cliques, _FIRST_SHARE * rho)
        if not found:
            return found
        again = self._worth_more(found, (1 - _FIRST_SHARE) * rho)
        second = self._measure("dependent pairs again", again, (1 - _FIRST_SHARE) * rho)
        for clique, (table, variance) in second.items():
            earlier, noise = found[clique]
            total = 1 / noise + 1 / variance
            found[clique] = (earlier / noise + table / variance) / total, 1 / total
        return found

    def _worth_more(
        self, found: dict[Clique, tuple[np.ndarray, float]], rho: float
    ) -> list[Clique]:
        """Choose the pairs that are measured again, by what is released already.

        Those that make the sum of all errors least: a pair that is left out has the error of
        independent columns, others have the noise that remains for so many.
        """
        cliques = list(found)
        n_cells = self._n_cells(cliques)
        lost = np.empty(len(cliques))
        for i, (a, b) in enumerate(cliques):
            table, variance = found[a, b]
            excess = ((table - np.outer(self.shares[a], self.shares[b])) ** 2).mean() - variance
            lost[i] = math.sqrt(max(0.0, excess)) * n_cells[i]
        order = np.argsort(-lost / np.sqrt(n_cells), kind="stable")
        totals = []
        for k in range(1, len(order) + 1):
            chosen = order[:k]
            noise = noise_of_tables(n_cells[chosen], rho, self.rows.max_rows) / self.n_rows
            totals.append(lost[order[k:]].sum() + _MEAN_NOISE * (noise * n_cells[chosen]).sum())
        return [cliques[i] for i in np.sort(order[: 1 + int(np.argmin(totals))])]

    def columns(self, pairs: dict[Clique, tuple[np.ndarray, float]]) -> list[Codes]:
        """Estimate the shares of all codes from single columns and from sums of pairs."""
        totals = [s / v for s, v in zip(self.shares, self.variances, strict=True)]
        weights = [1 / v for v in self.variances]
        for (a, b), (table, variance) in pairs.items():
            for column, axis in ((a, 1), (b, 0)):
                noise = variance * table.shape[axis]
                totals[column] = totals[column] + table.sum(axis) / noise
                weights[column] = weights[column] + 1 / noise
        return [
            Codes.of(total / weight, ordered, gap)
            for total, weight, ordered, gap in zip(
                totals, weights, self.is_ordered, self.has_gaps, strict=True
            )
        ]

    def measure_triples(
        self,
        cliques: Sequence[Clique],
        target: int,
        pairs: dict[Clique, np.ndarray],
        columns: Sequence[Codes],
        rho: float,
    ) -> list[tuple[dict[Clique, np.ndarray], dict[Clique, float]]]:
        """Measure pairs within each code of the target.

        Each is smoothed towards columns that are independent given the target.

        Returns
        -------
        parts : list of (dict, dict)
            For each code of the target, the shares of each pair and the variances of their noise.
        """
        found = self._measure("triples with the target", [(*c, target) for c in cliques], rho)
        parts: list[tuple[dict[Clique, np.ndarray], dict[Clique, float]]] = []
        for code, share in enumerate(columns[target].shares):
            own = [
                self._given(column, target, code, pairs, columns) for column in range(len(columns))
            ]
            parts.append((
                {
                    (a, b): share
                    * smooth_table(table[..., code] / share, v / share**2, own[a], own[b])
                    for (a, b, _), (table, v) in found.items()
                },
                {(a, b): v for (a, b, _), (_, v) in found.items()},
            ))  # fmt: skip
        return parts

    def _given(
        self,
        column: int,
        target: int,
        code: int,
        pairs: dict[Clique, np.ndarray],
        columns: Sequence[Codes],
    ) -> Codes:
        """Return the codes of a column within the rows that have one code of the target."""
        if (column, target) in pairs:
            shares = pairs[column, target][:, code]
        elif (target, column) in pairs:
            shares = pairs[target, column][code]
        else:
            return columns[column]
        shares = np.maximum(shares, 0.0)
        if not shares.sum():
            return columns[column]
        return Codes.of(shares / shares.sum(), self.is_ordered[column], self.has_gaps[column])

    def matrices(
        self, shares: dict[Clique, np.ndarray], variances: dict[Clique, float]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put tables of pairs into symmetric matrices of shares and of weights."""
        starts = self.starts
        found = np.zeros((2, starts[-1], starts[-1]))
        for (a, b), own in shares.items():
            at, other = (slice(starts[j], starts[j + 1]) for j in (a, b))
            found[0, at, other], found[0, other, at] = own, own.T
            found[1, at, other] = found[1, other, at] = 1 / variances[a, b]
        return found[0], found[1]

    def _measure(
        self, what: str, cliques: Sequence[Clique], rho: float
    ) -> dict[Clique, tuple[np.ndarray, float]]:
        if not cliques:
            return {}
        tables, scales = self.rows.marginals(what, self.read, self.sizes, cliques, rho)
        return {
            clique: (table / self.n_rows, float(scale / self.n_rows) ** 2)
            for clique, table, scale in zip(cliques, tables, scales, strict=True)
        }

    def _n_cells(self, cliques: Sequence[Clique]) -> np.ndarray:
        sizes = self.sizes
        return np.array([math.prod(sizes[view] for view in clique) for clique in cliques], float)


def _as_shares(counts: np.ndarray) -> np.ndarray:
    """Turn noisy counts into shares: none negative, all together 1."""
    kept = np.maximum(counts, 0.0)
    return kept / kept.sum() if kept.any() else np.full(len(counts), 1 / len(counts))
