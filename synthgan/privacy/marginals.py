"""Noisy contingency tables of the columns of a table: what is measured, and how exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy.protected_rows import ProtectedRows

__all__ = ["Marginals", "Triples", "measure_marginals"]

_SINGLE_SHARE, _CHOICE_SHARE, _TRIPLE_SHARE = 0.18, 0.08, 0.3  # of what is left, in turn
_PAIRS_PER_COLUMN = 8  # that are measured at most
_MOST_TARGET_CODES = 10
_FEWEST_CODES, _MOST_CODES = 8, 24  # of a column in a table of several
_ROWS_PER_NOISE = 12.0  # rows of an average cell, in standard deviations of the noise


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

    tables, scales = rows.marginals(
        "single columns",
        read_varied,
        sizes,
        [(j,) for j in range(len(varied))],
        _SINGLE_SHARE * ledger.left,
    )
    shares = [_as_shares(table) for table in tables]
    single = np.concatenate(tables) / n_rows
    single_weights = np.repeat((n_rows / scales) ** 2, sizes)
    cliques: list[tuple[int, ...]] = list(combinations(range(len(varied)), 2))
    n_chosen = min(len(cliques), _PAIRS_PER_COLUMN * len(varied))
    most = _most_codes(rows, n_chosen, n_rows)
    joins = [_join(*column, most) for column in zip(shares, is_ordered, has_gaps, strict=True)]

    def read_joined(frame: pd.DataFrame) -> np.ndarray:
        codes = read_varied(frame)
        columns = [np.where(c < 0, -1, join[c]) for c, join in zip(codes.T, joins, strict=True)]
        return np.column_stack(columns)

    views = _Views(rows, read_joined, [int(join.max()) + 1 for join in joins], n_rows)
    if n_chosen < len(cliques):
        own = [np.bincount(j, x) for j, x in zip(joins, shares, strict=True)]
        cliques = views.choose(cliques, own, n_chosen)
    if target is not None and views.sizes[target] > _MOST_TARGET_CODES:
        target = None
    others = [clique for clique in cliques if target not in clique]
    has_triples = target is not None and bool(others)
    share = 1 - _TRIPLE_SHARE if has_triples else 1.0
    ((pairs, pair_weights),) = views.measure("pairs of columns", cliques, share * ledger.left)
    triples: list[Triples] = []
    if target is not None and has_triples:
        found = views.measure("triples with the target", others, ledger.left, target)
        first = int(views.starts[target])
        triples = [Triples(first + code, *own) for code, own in enumerate(found)]
    joined = np.concatenate([j + start for j, start in zip(joins, views.starts, strict=False)])
    return Marginals(
        tuple(sizes), single, single_weights, joined, pairs, pair_weights, tuple(triples)
    )


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
    """Columns as they stand in tables of several: how to read them, how many codes each has."""

    rows: ProtectedRows
    read: Any
    sizes: list[int]
    n_rows: float

    @property
    def starts(self) -> np.ndarray:
        """Position of the first code of each column among all, and their number."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def choose(
        self, cliques: Sequence[tuple[int, ...]], shares: Sequence[np.ndarray], n: int
    ) -> list[tuple[int, ...]]:
        """Choose pairs that depend on each other more than the noise of their tables."""
        rows, ledger = self.rows, self.rows.ledger
        noise = rows.max_rows * math.sqrt(n / (2 * ledger.left))
        n_cells = np.array([self.sizes[a] * self.sizes[b] for a, b in cliques])
        chosen = rows.most_dependent(
            "dependent pairs", self.read, shares, self.n_rows, cliques,
            math.sqrt(2 / math.pi) * noise * n_cells, n, _CHOICE_SHARE * ledger.left,
        )  # fmt: skip
        return [cliques[i] for i in np.sort(chosen)]

    def measure(
        self,
        what: str,
        cliques: Sequence[tuple[int, ...]],
        rho: float,
        target: int | None = None,
    ) -> np.ndarray:
        """Measure pairs, apart for each code of the target if there is one.

        Returns
        -------
        found : ndarray of shape (n_parts, 2, n_joined, n_joined)
            Symmetric matrices of shares and of weights.
        """
        given = () if target is None else (target,)
        n_parts = 1 if target is None else self.sizes[target]
        starts, sizes = self.starts, self.sizes
        found = np.zeros((n_parts, 2, starts[-1], starts[-1]))
        if not cliques:
            return found
        wanted = [(*clique, *given) for clique in cliques]
        tables, scales = self.rows.marginals(what, self.read, sizes, wanted, rho)
        for (a, b), table, scale in zip(cliques, tables, scales, strict=True):
            own = np.moveaxis(table.reshape(sizes[a], sizes[b], n_parts), 2, 0) / self.n_rows
            at, other = (slice(starts[j], starts[j + 1]) for j in (a, b))
            found[:, 0, at, other], found[:, 0, other, at] = own, own.swapaxes(1, 2)
            found[:, 1, at, other] = found[:, 1, other, at] = (self.n_rows / scale) ** 2
        return found


def _as_shares(counts: np.ndarray) -> np.ndarray:
    """Turn noisy counts into shares: none negative, all together 1."""
    kept = np.maximum(counts, 0.0)
    return kept / kept.sum() if kept.any() else np.full(len(counts), 1 / len(counts))
