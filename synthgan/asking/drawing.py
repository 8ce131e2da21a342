"""Draw records until all meet their conditions; it handles row numbers, not contents."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.tables.grid import ROWS_AT_A_TIME
from synthgan.exceptions import DataWarning, ParameterError, SamplingError

__all__ = ["Drawn", "TryLimits", "check_on_missing", "draw_until_met", "keep_index"]

_MOST_COUNTED, _MOST_NAMED = 3, 10  # conditions, and missing records, in a message
# Generates records with these numbers; returns by condition which meet it, and a function that
# selects some by position.
Draw = Callable[[np.ndarray], tuple[dict[str, np.ndarray], Callable[[np.ndarray], Any]]]


@dataclass(frozen=True)
class TryLimits:
    """How long missing records are drawn again.

    Parameters
    ----------
    in_vain : int
        Tries in a row that bring no missing record.
    at_all : int
        All tries.
    at_a_time : int
        Tries in one round.
    """

    in_vain: int
    at_all: int
    at_a_time: int


@dataclass
class Drawn:
    """Records that meet their conditions.

    Parameters
    ----------
    alike : ndarray of int of shape (n,)
        Equal where records have the same conditions.
    pieces : list of (ndarray of int, as `Draw` takes them)
        Numbers of records, and the records.
    n_tries : int
    n_met : dict of str to int
        By condition, how many tries met it.
    n_good : int
        How many tries met all conditions.
    """

    alike: np.ndarray
    pieces: list[tuple[np.ndarray, Any]] = field(default_factory=list)
    n_tries: int = 0
    n_met: dict[str, int] = field(default_factory=dict)
    n_good: int = 0

    @property
    def rows(self) -> np.ndarray:
        """Numbers of all records in `pieces`, in their order there."""
        return np.concatenate([rows for rows, _ in self.pieces])

    def count(self, met: Mapping[str, np.ndarray], n_tries: int) -> np.ndarray:
        """Count tries; return the positions of those that meet all conditions."""
        self.n_tries += n_tries
        for name, meets in met.items():
            self.n_met[name] = self.n_met.get(name, 0) + int(meets.sum())
        every = np.ones(n_tries, dtype=bool)
        good = np.flatnonzero(np.logical_and.reduce([every, *met.values()]))
        self.n_good += len(good)
        return good

    def check(self, on_missing: str, noun: str, advice: str) -> None:
        """Raise an error, or a warning, if records are missing.

        Raises
        ------
        SamplingError
            With ``on_missing="error"``.
        """
        is_missing = np.ones(len(self.alike), dtype=bool)
        is_missing[self.rows] = False
        missing = np.flatnonzero(is_missing)
        if not len(missing):
            return
        n = len(self.alike)
        counts = sorted((k, name) for name, k in self.n_met.items() if k < self.n_tries)
        met = [f"{name} {k} times" for k, name in counts[:_MOST_COUNTED]]
        if len(counts) > 1:
            met.append(f"all together {self.n_good} times")
        text = (
            f"{n - len(missing)} of {n} {noun} meet the conditions after {self.n_tries} tries, "
            f"which met {' and '.join(filter(None, [', '.join(met[:-1]), met[-1]]))}"
        )
        if (self.alike != self.alike[0]).any():
            more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
            named = ", ".join(map(str, missing[:_MOST_NAMED]))
            text += f"; row(s) {named}{more} of the conditions, counted from 0, are missing"
        if on_missing == "error":
            raise SamplingError(f"{text}; {advice}, or give on_missing='warn' for what there is.")
        warnings.warn(f"{text}; {advice}.", DataWarning, stacklevel=5)


def check_on_missing(on_missing: Any) -> None:
    """Refuse what is no way to treat missing records.

    Raises
    ------
    ParameterError
    """
    if on_missing not in ("error", "warn"):
        raise ParameterError(f"on_missing={on_missing!r} is not allowed; give 'error' or 'warn'.")


def draw_until_met(draw: Draw, alike: np.ndarray, limits: TryLimits) -> Drawn:
    """Draw records until all meet the conditions, or the limits are reached.

    A try that meets the conditions stands for any missing record with the same conditions.

    Parameters
    ----------
    draw : callable
        See `Draw`.
    alike : ndarray of int of shape (n,)
        Equal where records have the same conditions.
    limits : TryLimits

    Returns
    -------
    drawn : Drawn
    """
    drawn, left, times, in_vain = Drawn(alike), np.arange(len(alike)), 1, 0
    while len(left) or not drawn.pieces:
        tried = np.tile(left, times)
        for lot in np.array_split(tried, max(1, len(tried) // ROWS_AT_A_TIME)):
            rows = lot[np.isin(lot, left)]
            met, take = draw(rows)
            good = drawn.count(met, len(rows))
            places = _numbered(alike[left]).get_indexer(_numbered(alike[rows[good]]))
            drawn.pieces.append((left[places[places >= 0]], take(good[places >= 0])))
            left = np.delete(left, places[places >= 0])
            in_vain = 0 if (places >= 0).any() else in_vain + len(rows)
            is_over = drawn.n_tries >= max(len(alike), limits.at_all)
            if is_over or in_vain >= limits.in_vain or not len(left):
                return drawn
        most = min(limits.at_a_time, limits.in_vain - in_vain)
        times = min(2 * times, max(1, most // len(left)))
    return drawn


def _numbered(kinds: np.ndarray) -> pd.MultiIndex:
    """Return pairs of a kind and how many of it came before."""
    return pd.MultiIndex.from_arrays([kinds, pd.Series(kinds).groupby(kinds).cumcount()])


def keep_index(made: Any, conditions: Any, rows: np.ndarray) -> Any:
    """Give records the row labels of their conditions, where both have some."""
    if isinstance(conditions, pd.DataFrame) and isinstance(made, pd.DataFrame | pd.Series):
        return made.set_axis(conditions.index[rows])
    return made
