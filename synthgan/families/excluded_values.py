"""Values of a column that never occur where another column has a certain value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthgan.exceptions import ArchiveError
from synthgan.privacy import Support, pooled_means
from synthgan.state.fields import array_of, read_arrays

__all__ = ["ExcludedValues"]

_FEWEST_PEOPLE = 20  # of a value, and of what excludes it
_LEAST_OUTSIDE = 20.0  # people who would be beyond a side of a range, if it did not matter
_MOST_OUTSIDE = 0.02  # of the rows of a value, of fewer people than have to share it
_FALSE_DISCOVERIES = 0.05  # share of the excluded pairs that would be chance


@dataclass(frozen=True)
class ExcludedValues:
    """Which values have no share in rows of which another column is known.

    Rows are not drawn again, so the shares of all other columns stay as they are.

    Parameters
    ----------
    intervals : ndarray of shape (n, 4)
        A feature, its least and its greatest number, and the value that never occurs there.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, doi
    10.1111/j.2517-6161.1995.tb02031.x.
    """

    intervals: np.ndarray

    @classmethod
    def none(cls) -> ExcludedValues:
        """Return one that excludes nothing."""
        return cls(np.zeros((0, 4)))

    @classmethod
    def fit(
        cls,
        codes: np.ndarray,
        x: np.ndarray,
        labels: Sequence[int],
        numbers: Sequence[int],
        support: Support,
    ) -> ExcludedValues:
        """Learn what no row has, although people would have it by chance.

        Parameters
        ----------
        codes : ndarray of int of shape (n_rows,)
            The values of the column.
        x : ndarray of shape (n_rows, n_features)
        labels, numbers : sequence of int
            The features that are codes of labels, -1: none of them; and numbers in bins, NaN:
            missing.
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
                pairs += [(feature, level, level, value) for value in common]
        is_true = _discoveries(np.concatenate([np.zeros(0), *chances]))
        ranges = [
            (feature, *side, value)
            for feature in numbers
            for value in common
            for side in _outside(x[:, feature], codes == value, support)
        ]
        found = [np.array(part, dtype=np.float64).reshape(-1, 4) for part in (pairs, ranges)]
        return cls(np.concatenate([found[0][is_true], found[1]]))

    @property
    def features(self) -> np.ndarray:
        """The features that are looked at, ascending."""
        return np.unique(self.intervals[:, 0]).astype(np.int64)

    def possible(self, x: np.ndarray, n_values: int) -> np.ndarray:
        """Return which values may have a share in rows, shape (n_rows, n_values).

        Parameters
        ----------
        x : ndarray of shape (n_rows, n_features)
        n_values : int
        """
        possible = np.ones((len(x), n_values), dtype=bool)
        for feature, low, high, value in self.intervals:
            numbers = x[:, int(feature)]
            possible[(numbers >= low) & (numbers <= high), int(value)] = False
        return possible | ~possible.any(axis=1, keepdims=True)

    @classmethod
    def from_array(cls, array: np.ndarray, n_features: int, n_values: int) -> ExcludedValues:
        """Restore from `intervals`; raise ArchiveError where it is none."""
        read = read_arrays(
            {"excluded": array}, "a ranked column", excluded=array_of(None, 4, finite=False)
        )["excluded"]
        for numbers, most in ((read[:, 0], n_features), (read[:, 3], n_values)):
            if not np.isin(numbers, np.arange(most)).all():
                raise ArchiveError("a ranked column excludes values of unknown columns")
        if not (read[:, 1] <= read[:, 2]).all():
            raise ArchiveError("the intervals of a ranked column are not ascending")
        return cls(read)


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


def _outside(numbers: np.ndarray, is_it: np.ndarray, support: Support) -> list[tuple[float, float]]:
    """Return the sides of the range of a value's rows on which many people are expected.

    Fewer people than have to share a stored value may have it beyond a side.
    """
    known = ~np.isnan(numbers)
    rows = np.flatnonzero(known & is_it)
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    means = pooled_means(numbers[rows], support.take(rows))[1] if len(rows) else np.zeros(0)
    if len(means) < 4 or np.isnan(means).any():
        return []
    least, most = np.floor(2 * means[0] - means[1]), np.ceil(2 * means[-1] - means[-2])
    found, n_people = [], support.count(known & is_it)
    for low, high in ((-np.inf, least - 1), (most + 1, np.inf)):
        beyond = (numbers >= low) & (numbers <= high)
        is_empty = beyond[rows].mean() <= _MOST_OUTSIDE
        if is_empty and beyond[known].mean() * n_people >= _LEAST_OUTSIDE:
            found.append((low, high))
    return found
