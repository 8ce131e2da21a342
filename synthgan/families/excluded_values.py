"""Values of a column that never occur where another column has a certain value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.privacy import Support
from synthgan.state.fields import array_of, read_arrays

__all__ = ["FEWEST_PEOPLE", "ExcludedValues", "count_pairs"]

FEWEST_PEOPLE = 20  # of a value, and of what excludes it
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
        least = max(FEWEST_PEOPLE, support.least)
        people = _people_of(codes, support)
        common = np.flatnonzero(people >= least)
        pairs, chances = [np.zeros((0, 3), np.int64)], [np.zeros(0)]
        for feature in labels:
            levels = x[:, feature].astype(np.int64)
            theirs = _people_of(levels, support)
            known = np.flatnonzero(theirs >= least)
            together, expected = count_pairs(levels, codes, theirs, people, support)
            chance = np.where(together == 0, np.exp(-expected), 1.0)[np.ix_(known, common)]
            level, value = (one.ravel() for one in np.meshgrid(known, common, indexing="ij"))
            pairs.append(np.column_stack([np.full(len(level), feature), level, value]))
            chances.append(chance.ravel())
        return cls(np.concatenate(pairs)[_discoveries(np.concatenate(chances))])

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


def count_pairs(
    codes: np.ndarray,
    others: np.ndarray,
    people: np.ndarray,
    their_people: np.ndarray,
    support: Support,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many rows have two labels together, and how many people would by chance.

    A person has several labels, but a row has one of each: where fewer rows than people would have
    both, these count.

    Parameters
    ----------
    codes, others : ndarray of int of shape (n_rows,)
        -1: a label that does not count.
    people, their_people : ndarray of int of shape (n_labels,) and (n_others,)
        Number of people of each label.
    support : Support

    Returns
    -------
    together, expected : ndarray of shape (n_labels, n_others)
    """
    shape = len(people), len(their_people)
    both = (codes >= 0) & (others >= 0)
    together = np.bincount(codes[both] * shape[1] + others[both], minlength=shape[0] * shape[1])
    n_people = support.count(np.ones(len(codes), dtype=bool))
    rows = [
        np.bincount(c[c >= 0], minlength=n) for c, n in zip((codes, others), shape, strict=True)
    ]
    by_people, by_rows = np.outer(people, their_people) / n_people, np.outer(*rows) / len(codes)
    return together.reshape(shape), np.minimum(by_people, by_rows)


def _people_of(codes: np.ndarray, support: Support) -> np.ndarray:
    """Return the number of people of each code; -1 is none."""
    size = int(codes.max(initial=-1)) + 1
    return np.array([support.count(codes == code) for code in range(size)], dtype=np.int64)


def _discoveries(chances: np.ndarray) -> np.ndarray:
    """Return which chances are so small that few of them are false discoveries."""
    ordered = np.sort(chances)
    bound = _FALSE_DISCOVERIES * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
    passed = np.flatnonzero(ordered <= bound)
    return chances <= (ordered[passed[-1]] if len(passed) else -1.0)
