"""ProtectedRows: rows that are read by randomised mechanisms only, each of them accounted for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy import mechanisms
from synthgan.privacy.differential import Ledger, Release

__all__ = ["ProtectedRows", "noise_of_tables"]

Read = Callable[[pd.DataFrame], Any]


class ProtectedRows:
    """Training rows that are not released; what is released of them is noisy, and in a ledger.

    Parameters
    ----------
    frame : DataFrame
    ledger : Ledger
    people : ndarray of int of shape (n_rows,), or None, default=None
        The person of each row; None: each row is of another person.
    max_rows : int, default=1
        Rows of a person that are kept, drawn at random.

    Notes
    -----
    Functions that are given to the methods compute something of each row, from that row and from
    earlier releases alone: without a person's rows, the rows of others give the same.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        ledger: Ledger,
        people: np.ndarray | None = None,
        max_rows: int = 1,
    ) -> None:
        if people is not None:
            frame = frame.iloc[_some_of_each(people, max_rows)]
        self.ledger, self.max_rows = ledger, 1 if people is None else max_rows
        self.names: list[Hashable] = list(frame.columns)
        self.empty = frame.iloc[:0]  # names and dtypes, which are public
        self._rows = frame.reset_index(drop=True)
        self.is_open = False

    @contextmanager
    def _open(self) -> Iterator[pd.DataFrame]:
        """Give the rows to a mechanism."""
        self.is_open = True
        try:
            yield self._rows
        finally:
            self.is_open = False

    def histogram(self, what: str, read: Read, n_cells: int, rho: float) -> tuple[Any, float]:
        """Release how many rows fall into each of some cells.

        Parameters
        ----------
        what : str
            For the ledger.
        read : callable
            Maps rows to cells, ndarray of int of shape (n_rows,); -1 is none.
        n_cells : int
        rho : float

        Returns
        -------
        counts : ndarray of float of shape (n_cells,)
            With noise; some may be negative.
        scale : float
            Standard deviation of the noise.
        """
        tables, scales = self.marginals(
            what, lambda rows: read(rows)[:, None], (n_cells,), [(0,)], rho
        )
        return tables[0], float(scales[0])

    def labels(self, what: str, column: Hashable, rho: float, delta: float) -> dict[str, int]:
        """Release labels, as text, that enough people have, and their noisy counts."""
        scale = self._enter_labels(what, rho, delta)
        with self._open() as rows:
            values = rows[column]
            counts = values[values.notna()].astype(str).value_counts()
            found, _ = mechanisms.noisy_labels(
                {str(k): int(v) for k, v in counts.items()}, self.max_rows, rho, delta
            )
        self._amend(len(found), scale)
        return found

    def marginals(
        self,
        what: str,
        read: Read,
        sizes: Sequence[int],
        cliques: Sequence[tuple[int, ...]],
        rho: float,
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Release contingency tables of views of the rows.

        Larger tables get more of the budget, by the power 2 / 3 of their sizes: then the sum of all
        absolute errors is smallest.

        Parameters
        ----------
        what : str
        read : callable
            Maps rows to codes, ndarray of int of shape (n_rows, n_views); a row of which a code is
            negative counts in no table of that view.
        sizes : sequence of int
            How many codes each view has.
        cliques : sequence of tuple of int
            The views of each table.
        rho : float
            For all tables together.

        Returns
        -------
        tables : list of ndarray of float
            With noise.
        scales : ndarray of shape (n_cliques,)
            Standard deviations of the noise; the ledger has that of the largest table.

        References
        ----------
        Z. Zhang et al. (2021), PrivSyn: differentially private data synthesis, arXiv 2012.15128.
        """
        shapes = [tuple(sizes[view] for view in clique) for clique in cliques]
        n_cells = np.array([np.prod(shape) for shape in shapes], dtype=np.int64)
        scales = noise_of_tables(n_cells, rho, self.max_rows)
        # A person adds `max_rows` to one cell of a table, at most.
        costs = self.max_rows**2 / (2 * scales**2)
        self.ledger.enter(
            Release(what, "discrete Gaussian", int(n_cells.sum()), float(scales.min()), rho)
        )
        with self._open() as rows:
            codes = read(rows)
            tables = [
                mechanisms.noisy_counts(_count(codes, clique, shape), self.max_rows, cost)[0]
                for clique, shape, cost in zip(cliques, shapes, costs, strict=True)
            ]
        return [table.astype(np.float64) for table in tables], scales

    def most_dependent(
        self,
        what: str,
        read: Read,
        shares: Sequence[np.ndarray],
        n_rows: float,
        cliques: Sequence[tuple[int, ...]],
        handicaps: np.ndarray,
        n: int,
        rho: float,
    ) -> np.ndarray:
        """Choose the tables that differ most from those of independent views.

        Parameters
        ----------
        what, read, cliques, rho
            As in `marginals`.
        shares : sequence of ndarray
            Released shares of the codes of each view.
        n_rows : float
            Released number of rows.
        handicaps : ndarray of shape (n_cliques,)
            Rows that are subtracted from each distance, such as the noise to be expected.
        n : int
            How many to choose.

        Returns
        -------
        chosen : ndarray of int of shape (n,)
            Numbers of cliques.

        References
        ----------
        McKenna et al. (2022), AIM: an adaptive and iterative mechanism for differentially private
        synthetic data, arXiv 2201.12677.
        """
        scale = self.max_rows * np.sqrt(n / (2 * rho))
        self.ledger.enter(Release(what, "exponential mechanism", n, float(scale), rho))
        with self._open() as rows:
            codes = read(rows)
            scores = np.empty(len(cliques))
            for i, clique in enumerate(cliques):
                expected = n_rows * _product([shares[view] for view in clique])
                found = _count(codes, clique, expected.shape)
                scores[i] = np.abs(found - expected).sum() - handicaps[i]
            chosen, _ = mechanisms.choose_largest(scores, float(self.max_rows), n, rho)
        return chosen

    def _enter_labels(self, what: str, rho: float, delta: float) -> float:
        scale = float(self.max_rows / np.sqrt(2 * rho))
        release = Release(what, "discrete Gaussian above a threshold", 0, scale, rho, delta)
        self.ledger.enter(release)
        return scale

    def _amend(self, n_labels: int, scale: float) -> None:
        """Write down how many labels were released."""
        last = self.ledger.releases[-1]
        self.ledger.releases[-1] = Release(
            last.what, last.mechanism, n_labels, scale, last.rho, last.delta
        )


def noise_of_tables(n_cells: np.ndarray, rho: float, max_rows: int) -> np.ndarray:
    """Return the deviation of the noise of each of some tables, in rows; see `marginals`."""
    sizes = np.asarray(n_cells, float) ** (2 / 3)
    return max_rows / np.sqrt(2 * rho * sizes / sizes.sum())


def _some_of_each(people: np.ndarray, max_rows: int) -> np.ndarray:
    """Draw at most so many rows of each person, without a seed; return their sorted numbers."""
    rng = np.random.default_rng()
    order = rng.permutation(len(people))
    order = order[np.argsort(people[order], kind="stable")]
    own = people[order]
    starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    place = np.arange(len(own)) - np.repeat(starts, np.diff(np.append(starts, len(own))))
    return np.sort(order[place < max_rows])


def _count(codes: np.ndarray, clique: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    own = codes[:, list(clique)]
    own = own[(own >= 0).all(axis=1)]
    flat = np.ravel_multi_index(tuple(own.T), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def _product(shares: Sequence[np.ndarray]) -> np.ndarray:
    table = np.ones(())
    for share in shares:
        table = np.multiply.outer(table, share)
    return table
