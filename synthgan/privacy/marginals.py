"""Noisy contingency tables of the columns of a table: what is measured, and how exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from synthgan.privacy.estimates import (
    Marginals,
    MeasuredColumns,
    Tables,
    as_shares,
    combine,
    estimate_marginals,
)
from synthgan.privacy.protected_rows import ProtectedRows, noise_of_tables
from synthgan.privacy.smoothing import Clique

__all__ = ["measure_marginals"]

_SINGLE_SHARE, _CHOICE_SHARE, _TRIPLE_SHARE = 0.12, 0.08, 0.12  # of what is left, in turn
_FIRST_SHARE = 0.3  # of the budget of pairs: for all of them, the rest for the most dependent ones
_PAIRS_PER_COLUMN = 8  # that are measured at most
_MOST_TARGET_CODES = 10
_FEWEST_CODES, _MOST_CODES = 8, 24  # of a column in a table of several
_ROWS_PER_NOISE = 12.0  # rows of an average cell, in standard deviations of the noise
_MEAN_NOISE = math.sqrt(2 / math.pi)  # mean absolute value, in standard deviations


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
    cliques: list[Clique] = list(combinations(range(len(varied)), 2))
    n_chosen = min(len(cliques), _PAIRS_PER_COLUMN * len(varied))
    most = _most_codes(rows, n_chosen, n_rows)
    columns = MeasuredColumns(
        [table / n_rows for table in tables],
        [np.full(len(t), (n_rows / s) ** 2) for t, s in zip(tables, scales, strict=True)],
        [
            _join(as_shares(table), ordered, gap, most)
            for table, ordered, gap in zip(tables, is_ordered, has_gaps, strict=True)
        ],
        is_ordered,
        has_gaps,
    )

    def read_joined(frame: pd.DataFrame) -> np.ndarray:
        codes = read_varied(frame).T
        joined = [np.where(c < 0, -1, j[c]) for c, j in zip(codes, columns.joins, strict=True)]
        return np.column_stack(joined)

    views = _Views(rows, read_joined, columns, n_rows)
    if n_chosen < len(cliques):
        cliques = views.choose(cliques, n_chosen)
    if target is not None and columns.sizes[target] > _MOST_TARGET_CODES:
        target = None
    triples = [] if target is None else [(*c, target) for c in cliques if target not in c]
    share = 1 - _TRIPLE_SHARE if triples else 1.0
    pairs = views.measure_pairs(cliques, share * ledger.left)
    return estimate_marginals(
        columns, pairs, views.measure("triples with the target", triples, ledger.left)
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
    """Columns as they stand in tables of several.

    Parameters
    ----------
    rows : ProtectedRows
    read : callable
        Maps rows to joined codes.
    columns : MeasuredColumns
    n_rows : float
    """

    rows: ProtectedRows
    read: Callable[[pd.DataFrame], np.ndarray]
    columns: MeasuredColumns
    n_rows: float

    def choose(self, cliques: Sequence[Clique], n: int) -> list[Clique]:
        """Choose pairs that depend on each other more than the noise of their tables."""
        rows, ledger = self.rows, self.rows.ledger
        noise = rows.max_rows * math.sqrt(n / (2 * ledger.left))
        chosen = rows.most_dependent(
            "dependent pairs", self.read, self.columns.shares, self.n_rows, cliques,
            _MEAN_NOISE * noise * self._n_cells(cliques), n, _CHOICE_SHARE * ledger.left,
        )  # fmt: skip
        return [cliques[i] for i in np.sort(chosen)]

    def measure_pairs(self, cliques: Sequence[Clique], rho: float) -> Tables:
        """Measure all pairs, then those again whose dependence exceeds the noise.

        Returns
        -------
        found : dict of clique to (ndarray of shape (n_a, n_b), float)
            Shares, and the variance of their noise.
        """
        found = self.measure("pairs of columns", cliques, _FIRST_SHARE * rho)
        if not found:
            return found
        again = self._worth_more(found, (1 - _FIRST_SHARE) * rho)
        second = self.measure("dependent pairs again", again, (1 - _FIRST_SHARE) * rho)
        return found | {clique: combine(found[clique], table) for clique, table in second.items()}

    def _worth_more(self, found: Tables, rho: float) -> list[Clique]:
        """Choose the pairs that are measured again, by what is released already.

        Those that make the sum of all errors least: a pair that is left out has the error of
        independent columns, others have the noise that remains for so many.
        """
        cliques = list(found)
        n_cells = self._n_cells(cliques)
        lost = np.empty(len(cliques))
        for i, (a, b) in enumerate(cliques):
            table, variance = found[a, b]
            excess = (
                (table - np.outer(self.columns.shares[a], self.columns.shares[b])) ** 2
            ).mean() - variance
            lost[i] = math.sqrt(max(0.0, excess)) * n_cells[i]
        order = np.argsort(-lost / np.sqrt(n_cells), kind="stable")
        totals = []
        for k in range(1, len(order) + 1):
            chosen = order[:k]
            noise = noise_of_tables(n_cells[chosen], rho, self.rows.max_rows) / self.n_rows
            totals.append(lost[order[k:]].sum() + _MEAN_NOISE * (noise * n_cells[chosen]).sum())
        return [cliques[i] for i in np.sort(order[: 1 + int(np.argmin(totals))])]

    def measure(self, what: str, cliques: Sequence[Clique], rho: float) -> Tables:
        """Return the tables of some columns; see `ProtectedRows.marginals`."""
        if not cliques:
            return {}
        tables, scales = self.rows.marginals(what, self.read, self.columns.sizes, cliques, rho)
        return {
            clique: (table / self.n_rows, float(scale / self.n_rows) ** 2)
            for clique, table, scale in zip(cliques, tables, scales, strict=True)
        }

    def _n_cells(self, cliques: Sequence[Clique]) -> np.ndarray:
        sizes = self.columns.sizes
        return np.array([math.prod(sizes[view] for view in clique) for clique in cliques], float)
