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

    tables, scale = rows.marginals(
        "single columns",
        read_varied,
        sizes,
        [(j,) for j in range(len(varied))],
        _SINGLE_SHARE * ledger.left,
    )
    shares = [_as_shares(table) for table in tables]
    single = np.concatenate(tables) / n_rows
    single_weights = np.full(len(single), (n_rows / scale) ** 2)
    cliques: list[tuple[int, ...]] = list(combinations(range(len(varied)), 2))
    n_chosen = min(len(cliques), _PAIRS_PER_COLUMN * len(varied))
    noise = rows.max_rows * math.sqrt(max(1, n_chosen) / (2 * ledger.left))
    # Cells that hold many rows more than the noise; a table has the square of the codes.
    most = math.sqrt(_ROWS_PER_NOISE * n_rows / noise) / 2
    most_codes = int(np.clip(round(most), _FEWEST_CODES, _MOST_CODES))
    joins = [
        _join(*column, most_codes) for column in zip(shares, is_ordered, has_gaps, strict=True)
    ]

    def read_joined(frame: pd.DataFrame) -> np.ndarray:
        codes = read_varied(frame)
        columns = [np.where(c < 0, -1, join[c]) for c, join in zip(codes.T, joins, strict=True)]
        return np.column_stack(columns)

    joined_sizes = [int(join.max()) + 1 for join in joins]
    if n_chosen < len(cliques):
        cliques = _choose(rows, read_joined, shares, joins, cliques, n_chosen, n_rows)
    starts = np.concatenate([[0], np.cumsum(joined_sizes)])
    if target is not None and joined_sizes[target] > _MOST_TARGET_CODES:
        target = None
    others = [clique for clique in cliques if target not in clique]
    share = 1 - _TRIPLE_SHARE if target is not None and others else 1.0
    pairs, pair_weights = _measure(
        rows, "pairs of columns", read_joined, joined_sizes, cliques, share * ledger.left, n_rows
    )
    triples: list[Triples] = []
    if target is not None and others:
        of_codes = _measure_triples(
            rows, read_joined, joined_sizes, others, target, ledger.left, n_rows
        )
        first = int(starts[target])
        triples = [Triples(first + code, *own) for code, own in enumerate(of_codes)]
    joined = np.concatenate([join + start for join, start in zip(joins, starts, strict=False)])
    return Marginals(
        tuple(sizes), single, single_weights, joined, pairs, pair_weights, tuple(triples)
    )


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


def _choose(
    rows: ProtectedRows,
    read: Any,
    shares: Sequence[np.ndarray],
    joins: Sequence[np.ndarray],
    cliques: Sequence[tuple[int, ...]],
    n_chosen: int,
    n_rows: float,
) -> list[tuple[int, ...]]:
    """Choose pairs of columns that depend on each other more than the noise of their tables."""
    ledger = rows.ledger
    own = [np.bincount(j, s) for j, s in zip(joins, shares, strict=True)]
    noise = rows.max_rows * math.sqrt(n_chosen / (2 * ledger.left))
    n_cells = np.array([np.prod([len(own[view]) for view in clique]) for clique in cliques])
    chosen = rows.most_dependent(
        "dependent pairs", read, own, n_rows, cliques,
        math.sqrt(2 / math.pi) * noise * n_cells, n_chosen, _CHOICE_SHARE * ledger.left,
    )  # fmt: skip
    return [cliques[i] for i in np.sort(chosen)]


def _measure(
    rows: ProtectedRows,
    what: str,
    read: Any,
    sizes: Sequence[int],
    cliques: Sequence[tuple[int, ...]],
    rho: float,
    n_rows: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure pairs; return one symmetric matrix of shares, and one of weights."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    shares, weights = np.zeros((2, starts[-1], starts[-1]))
    if not cliques:
        return shares, weights
    tables, scale = rows.marginals(what, read, sizes, cliques, rho)
    for (a, b), table in zip(cliques, tables, strict=True):
        at = slice(starts[a], starts[a + 1]), slice(starts[b], starts[b + 1])
        shares[at], weights[at] = table / n_rows, (n_rows / scale) ** 2
        shares[at[::-1]], weights[at[::-1]] = shares[at].T, weights[at].T
    return shares, weights


def _measure_triples(
    rows: ProtectedRows,
    read: Any,
    sizes: Sequence[int],
    cliques: Sequence[tuple[int, ...]],
    target: int,
    rho: float,
    n_rows: float,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Measure pairs of columns with the target; return shares and weights for each of its codes."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    tables, scale = rows.marginals(
        "triples with the target", read, sizes, [(*c, target) for c in cliques], rho
    )
    found = []
    for code in range(sizes[target]):
        shares, weights = np.zeros((2, starts[-1], starts[-1]))
        for (a, b), table in zip(cliques, tables, strict=True):
            at = slice(starts[a], starts[a + 1]), slice(starts[b], starts[b + 1])
            shares[at], weights[at] = table[:, :, code] / n_rows, (n_rows / scale) ** 2
            shares[at[::-1]], weights[at[::-1]] = shares[at].T, weights[at].T
        found.append((shares, weights))
    return found


def _as_shares(counts: np.ndarray) -> np.ndarray:
    """Turn noisy counts into shares: none negative, all together 1."""
    kept = np.maximum(counts, 0.0)
    return kept / kept.sum() if kept.any() else np.full(len(counts), 1 / len(counts))
