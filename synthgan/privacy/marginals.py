"""Noisy contingency tables of the columns of a table, measured in rounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

from synthgan.privacy.protected_rows import ProtectedRows

__all__ = ["MarginalRounds", "Marginals"]

_SINGLE_SHARE, _TRIPLE_SHARE, _CHOICE_SHARE = 0.18, 0.2, 0.1  # of what is left; of a round
_ROUNDS = 8  # of pairs
_FEW_PAIRS = 10  # that are all measured, at once
_MOST_TRIPLES = 40
_MOST_TARGET_CODES = 10
_FEWEST_CODES, _MOST_CODES = 8, 24  # of a column in a table of several
_ROWS_PER_NOISE = 12.0  # rows of an average cell, in standard deviations of the noise

Expected = Callable[[int | None], np.ndarray]


@dataclass
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
    triples, triple_weights : dict of int to ndarray of shape (n_joined, n_joined)
        Pairs of columns within the rows that have one code of the target, by the number of that
        code among all joined codes.
    """

    sizes: tuple[int, ...]
    single: np.ndarray
    single_weights: np.ndarray
    joined: np.ndarray
    pairs: np.ndarray
    pair_weights: np.ndarray
    triples: dict[int, np.ndarray] = field(default_factory=dict)
    triple_weights: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def n_measured(self) -> int:
        """How many numbers were measured."""
        squares = (self.pair_weights, *self.triple_weights.values())
        n_several = sum(np.count_nonzero(np.triu(weights)) for weights in squares)
        return int(np.count_nonzero(self.single_weights) + n_several)


class MarginalRounds:
    """Spend what is left of the budget: single columns at once, then pairs and triples in rounds.

    Each round measures the tables that differ most from those expected of what has been learnt so
    far. The last one measures pairs within the codes of the target, if there is one.

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

    Attributes
    ----------
    marginals : Marginals
        All that was measured.
    n_done, n_left : int
        Rounds.

    References
    ----------
    R. McKenna et al. (2022), AIM: an adaptive and iterative mechanism for differentially private
    synthetic data, arXiv 2201.12677. T. Liu, G. Vietri and Z. S. Wu (2021), Iterative methods for
    private synthetic data: unifying framework and new methods, arXiv 2106.07153.
    """

    def __init__(
        self,
        rows: ProtectedRows,
        read: Callable[[pd.DataFrame], np.ndarray],
        sizes: Sequence[int],
        is_ordered: Sequence[bool],
        has_gaps: Sequence[bool],
        target: int | None,
        n_rows: float,
    ) -> None:
        self.rows, self.n_rows, self.n_done, self.n_left = rows, n_rows, 0, 0
        varied = [j for j, size in enumerate(sizes) if size > 1]
        if not varied:
            none = np.zeros(0)
            square = np.zeros((0, 0))
            self.marginals = Marginals((), none, none, none.astype(int), square, square)
            return

        def read_varied(frame: pd.DataFrame) -> np.ndarray:
            return read(frame)[:, varied]

        own_sizes = [sizes[j] for j in varied]
        tables, scales = rows.marginals(
            "single columns", read_varied, own_sizes, [(j,) for j in range(len(varied))],
            _SINGLE_SHARE * rows.ledger.left,
        )  # fmt: skip
        shares = [_as_shares(table) for table in tables]
        self.cliques = list(combinations(range(len(varied)), 2))
        is_few = len(self.cliques) <= _FEW_PAIRS
        self._n_pairs = len(self.cliques) if is_few else (len(varied) + 1) // 2
        n_rounds = min(len(self.cliques), 1 if is_few else _ROUNDS)
        most = _most_codes(rows, n_rounds * self._n_pairs, n_rows)
        forms = zip(shares, [is_ordered[j] for j in varied], [has_gaps[j] for j in varied],
                    strict=True)  # fmt: skip
        joins = [_join(*column, most) for column in forms]

        def read_joined(frame: pd.DataFrame) -> np.ndarray:
            codes = read_varied(frame)
            columns = [np.where(c < 0, -1, join[c]) for c, join in zip(codes.T, joins, strict=True)]
            return np.column_stack(columns)

        self._read = read_joined
        self._sizes = [int(join.max()) + 1 for join in joins]
        starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self._at = [slice(*ends) for ends in pairwise(starts.tolist())]
        self._shares = np.concatenate([np.bincount(*x) for x in zip(joins, shares, strict=True)])
        target = varied.index(target) if target in varied else None
        has_triples = target is not None and len(varied) > 2
        if target is None or self._sizes[target] > _MOST_TARGET_CODES or not has_triples:
            target = None
        self._target = target
        self._for_triples = _TRIPLE_SHARE * rows.ledger.left if target is not None else 0.0
        self.n_left = n_rounds + (target is not None)
        square = np.zeros((starts[-1],) * 2)
        self.marginals = Marginals(
            tuple(own_sizes), np.concatenate(tables) / n_rows,
            np.repeat((n_rows / scales) ** 2, own_sizes),
            np.concatenate([join + at.start for join, at in zip(joins, self._at, strict=True)]),
            square, square.copy(),
        )  # fmt: skip

    def measure(self, expected: Expected | None = None) -> None:
        """Make the next round.

        Parameters
        ----------
        expected : callable or None
            ``expected(None)`` are the pairs of what was learnt so far, shape (n_joined, n_joined);
            ``expected(code)`` those of the rows with a joined code. None: columns are independent.
        """
        left = self.rows.ledger.left
        if self._target is not None and self.n_left == 1:
            own = self._at[self._target]
            given = list(range(own.start, own.stop))
            cliques = [clique for clique in self.cliques if self._target not in clique]
            self._measure("triples with the target", cliques, _MOST_TRIPLES, left, expected, given)
        else:
            n_pair_rounds = self.n_left - (self._target is not None)
            rho = (left - self._for_triples) / n_pair_rounds
            self._measure("pairs of columns", self.cliques, self._n_pairs, rho, expected, [])
        self.n_left -= 1
        self.n_done += 1

    def _measure(
        self,
        what: str,
        cliques: list[tuple[int, int]],
        n: int,
        rho: float,
        expected: Expected | None,
        given: list[int],
    ) -> None:
        """Choose tables and measure them, apart for each of the given codes of the target."""
        target = () if not given else (self._target,)
        wanted = [(*clique, *target) for clique in cliques]
        if n < len(wanted):
            codes: list[int | None] = [*given] or [None]
            parts = [self._expected(expected, code) for code in codes]
            tables = [
                self.n_rows * np.stack([x[self._at[a], self._at[b]] for x in parts], axis=-1)
                for a, b in cliques
            ]
            tables = tables if given else [table[..., 0] for table in tables]
            noise = self.rows.max_rows * math.sqrt(n / (2 * (1 - _CHOICE_SHARE) * rho))
            handicaps = math.sqrt(2 / math.pi) * noise * np.array([t.size for t in tables])
            chosen = self.rows.most_different(
                f"choice of {what}", self._read, tables, wanted, handicaps, n, _CHOICE_SHARE * rho
            )
            wanted, rho = [wanted[i] for i in np.sort(chosen)], (1 - _CHOICE_SHARE) * rho
        found, scales = self.rows.marginals(what, self._read, self._sizes, wanted, rho)
        for (a, b, *_), table, scale in zip(wanted, found, scales, strict=True):
            weight = (self.n_rows / scale) ** 2
            if not given:
                self._add(a, b, None, table / self.n_rows, weight)
            for code, own in zip(given, np.moveaxis(table, -1, 0) if given else (), strict=True):
                self._add(a, b, code, own / self.n_rows, weight)

    def _expected(self, expected: Expected | None, code: int | None) -> np.ndarray:
        if expected is not None:
            return expected(code)
        product = np.multiply.outer(self._shares, self._shares)
        return product if code is None else product * self._shares[code]

    def _add(self, a: int, b: int, code: int | None, table: np.ndarray, weight: float) -> None:
        """Average a table with what was measured of it before."""
        found, marginals = (self.marginals.pairs, self.marginals.pair_weights), self.marginals
        if code is not None:
            none = np.zeros_like(marginals.pairs)
            found = (marginals.triples.setdefault(code, none),
                     marginals.triple_weights.setdefault(code, none.copy()))  # fmt: skip
        shares, weights = found
        at = self._at[a], self._at[b]
        total = weights[at] + weight
        mean = (shares[at] * weights[at] + table * weight) / total
        for place, values, sums in ((at, mean, total), (at[::-1], mean.T, total.T)):
            shares[place], weights[place] = values, sums


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


def _as_shares(counts: np.ndarray) -> np.ndarray:
    """Turn noisy counts into shares: none negative, all together 1."""
    kept = np.maximum(counts, 0.0)
    return kept / kept.sum() if kept.any() else np.full(len(counts), 1 / len(counts))
