"""Values of a column that never occur where another column has a certain value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.privacy import Support
from synthgan.state.fields import array_of, read_arrays

__all__ = ["ExcludedValues"]

_FEWEST_PEOPLE = 20  # of a value, and of what excludes it
_FALSE_DISCOVERIES = 0.05  # share of the excluded pairs that would be chance


@dataclass(frozen=True)
class ExcludedValues:
    """Which values have no share in rows of which another column is known.

    Rows are not drawn again, so the shares of all other columns stay as they are.

    Parameters
    ----------
    triples : ndarray of int of shape (n, 3)
        A feature, a label of it, and the value that never occurs there.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, doi
    10.1111/j.2517-6161.1995.tb02031.x.
    """

    triples: np.ndarray

    @classmethod
    def none(cls) -> ExcludedValues:
        """Return one that excludes nothing."""
        return cls(np.zeros((0, 3), np.int64))

    @classmethod
    def fit(
        cls, codes: np.ndarray, x: np.ndarray, labels: Sequence[int], support: Support
    ) -> ExcludedValues:
        """Learn what no row has, although people would have it by chance.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows,)
            The values of the column.
        x : ndarray of shape (n_rows, n_features)
        labels : sequence of int
            The features that are codes of labels, -1: none of them.
        support : Support
        """
        people = _people_of(codes, support)
        common = np.flatnonzero(people >= max(_FEWEST_PEOPLE, support.least))
        pairs, chances = [], []
        for feature in labels:
            levels = x[:, feature].astype(np.int64)
            theirs = _people_of(levels, support)
            for level in np.flatnonzero(theirs >= max(_FEWEST_PEOPLE, support.least)):
                there = levels == level
                counts = np.bincount(codes[there], minlength=len(people))[common]
                expected = _expected(codes, common, people, there, theirs[level], support)
                chances.append(np.where(counts == 0, np.exp(-expected), 1.0))
                pairs += [(feature, level, value) for value in common]
        is_true = _discoveries(np.concatenate([np.zeros(0), *chances]))
        return cls(np.array(pairs, dtype=np.int64).reshape(-1, 3)[is_true])

    @property
    def features(self) -> np.ndarray:
        """The features that are looked at, ascending."""
        return np.unique(self.triples[:, 0])

    def possible(self, x: np.ndarray, n_values: int) -> np.ndarray:
        """Return which values may have a share in rows, shape (n_rows, n_values).

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_features)
        n_values : int
        """
        possible = np.ones((len(x), n_values), dtype=bool)
        for feature, label, value in self.triples:
            possible[x[:, feature] == label, value] = False
        return possible | ~possible.any(axis=1, keepdims=True)

    @classmethod
    def from_array(cls, array: np.ndarray, n_features: int, n_values: int) -> ExcludedValues:
        """Restore from `triples`; raise ArchiveError where it is none."""
        read = read_arrays(
            {"excluded": array}, "a ranked column", excluded=array_of(None, 3, kinds="iu")
        )
        triples = read["excluded"].astype(np.int64)
        is_known = (triples >= 0) & (triples < [n_features, np.iinfo(np.int64).max, n_values])
        if not is_known.all():
            raise ArchiveError("a ranked column excludes values of unknown columns")
        return cls(triples)


def _people_of(codes: np.ndarray, support: Support) -> np.ndarray:
    """Return the number of people of each code; -1 is none."""
    size = int(codes.max(initial=-1)) + 1
    return np.array([support.count(codes == code) for code in range(size)], dtype=np.int64)


def _expected(
    codes: np.ndarray,
    common: np.ndarray,
    people: np.ndarray,
    there: np.ndarray,
    n_there: int,
    support: Support,
) -> np.ndarray:
    """Return how many people, and rows if these are fewer, would have each common value there.

    A person has several values, but a row has one: both people and rows must be many.
    """
    n_people = support.count(np.ones(len(codes), dtype=bool))
    rows = np.bincount(codes, minlength=len(people))[common] * there.mean()
    return np.minimum(people[common] * n_there / n_people, rows)


def _discoveries(chances: np.ndarray) -> np.ndarray:
    """Return which chances are so small that few of them are false discoveries."""
    ordered = np.sort(chances)
    bound = _FALSE_DISCOVERIES * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
    passed = np.flatnonzero(ordered <= bound)
    return chances <= (ordered[passed[-1]] if len(passed) else -1.0)
