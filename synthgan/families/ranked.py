"""A column as ranks among what is possible in its row, where trees predict it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import differential_entropy, norm

from synthgan.encoding.tables.column import Column
from synthgan.exceptions import ArchiveError
from synthgan.families.excluded_values import ExcludedValues
from synthgan.families.number_values import (
    nearest,
    numbers_or_nan,
    shared_numbers,
    spread,
)
from synthgan.privacy import Support, pooled_means
from synthgan.state.fields import array_of, read_arrays
from synthgan.state.stored import Scalar, Stored
from synthgan.trees.predictor import CrossFit, Predictor

__all__ = ["RankedColumn", "RankedLabel", "RankedNumber", "fit_ranked"]

_MOST_VALUES, _MOST_NUMBERS = 16, 6  # of a column whose values are learnt by their shares
_LEAST_COVERED = 0.99  # of the rows, by values that enough people share
_FEWEST_ROWS, _ROWS_A_BIN, _MOST_BINS = 200, 150, 20
_LEAST_GAIN = 0.03  # of the entropy of a label; nats of a number
_MOST_COMPARED = 5000  # rows
_JITTER = 0.01  # of the standard deviation: the entropy of equal numbers is minus infinity
# Ranks whose numbers are stored, closer at both ends.
_TAIL = (0.0, 0.002, 0.005, 0.01, 0.02)
_RANKS = np.array([*_TAIL, *np.linspace(0.04, 0.96, 24), *(1 - np.array(_TAIL[::-1]))])
_MOST_KNOTS = 400
_ARRAYS = ("centers", "quantiles", "moments", "knots")


@dataclass(frozen=True)
class RankedColumn(Stored):
    """Which column is ranked.

    Parameters
    ----------
    column : Column
    is_number : bool, default=False
        Whether it is learnt as a number, not as labels.
    values : tuple of scalars, default=()
        Values that enough people share: labels, the most frequent first; or numbers, ascending, if
        most rows have one, such as doses. Restored numbers are the nearest ones of these.
    may_miss : bool, default=False
        Whether a missing label is one more of them, the last.
    """

    _record_name = "ranked column"

    column: Column
    is_number: bool = False
    values: tuple[Scalar, ...] = ()
    may_miss: bool = False

    @property
    def n_values(self) -> int:
        """Number of values, a missing one among them."""
        return len(self.values) + self.may_miss

    def codes(self, series: pd.Series) -> np.ndarray:
        """Return the number of each row's value, -1 where it is none of them."""
        levels = series.astype(object).to_numpy(copy=True)
        gaps = series.isna().to_numpy()
        levels[gaps] = None
        codes = pd.Index(self.values, dtype=object).get_indexer(pd.Index(levels, dtype=object))
        return np.where(gaps, len(self.values) if self.may_miss else -1, codes)


class RankedLabel:
    """A column of few values, learnt by their shares in each row.

    Each value has an interval of the ranks 0 to 1, as long as its share; a row of it has a random
    rank of the interval.

    Parameters
    ----------
    about : RankedColumn
    predictor : Predictor
    excluded : ExcludedValues
        Values that have no share.
    """

    def __init__(self, about: RankedColumn, predictor: Predictor, excluded: ExcludedValues) -> None:
        self.about, self.predictor, self.excluded = about, predictor, excluded

    @property
    def features(self) -> np.ndarray:
        """Columns that are used."""
        return np.union1d(self.predictor.features, self.excluded.features)

    def apply(self, series: pd.Series, x: np.ndarray) -> pd.Series:
        """Return ranks of the values of rows of which `x` is known."""
        codes, rng = self.about.codes(series), np.random.default_rng(len(series))
        ends = self._ends(x)
        starts = np.column_stack([np.zeros(len(x)), ends[:, :-1]])
        at, own = np.arange(len(x)), np.maximum(codes, 0)
        share = ends[at, own] - starts[at, own]
        inside = rng.random(len(x))
        ranks = np.where(codes < 0, inside, starts[at, own] + share * inside)
        return pd.Series(ranks, index=series.index)

    def restore(self, ranks: pd.Series, x: np.ndarray) -> pd.Series:
        """Return the values of ranks, those of a category as objects; inverse of `apply`."""
        ranks_ = np.nan_to_num(ranks.to_numpy(np.float64, na_value=np.nan))
        codes = (ranks_[:, None] >= self._ends(x)).sum(axis=1)
        codes = np.minimum(codes, self.about.n_values - 1)
        values = pd.Series([*self.about.values, None], dtype=object).to_numpy()[codes]
        present, column = codes < len(self.about.values), self.about.column
        if column.numeric:
            typed = pd.Series(self.about.values, dtype=column.pandas_dtype())
            numbers = np.append(column.numbers(typed)[0], 0)
            return column.restore(numbers[codes], present).set_axis(ranks.index)
        restored = column.restore(values, present).set_axis(ranks.index)
        return restored if column.categories is None else restored.astype(object)

    def _ends(self, x: np.ndarray) -> np.ndarray:
        shares = self.predictor.predict(x)
        shares = np.where(self.excluded.possible(x, shares.shape[1]), shares, 0.0)
        ends = np.cumsum(shares, axis=1)
        return np.asarray(ends / ends[:, -1:])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays, by their names in archives."""
        excluded = {"excluded": self.excluded.triples} if len(self.excluded.triples) else {}
        return {**excluded, **self.predictor.to_arrays()}

    @classmethod
    def from_arrays(
        cls, about: RankedColumn, arrays: dict[str, np.ndarray], n_features: int
    ) -> RankedLabel:
        """Restore from the output of `to_arrays`."""
        arrays, excluded = dict(arrays), ExcludedValues.none()
        if "excluded" in arrays:
            table = arrays.pop("excluded")
            excluded = ExcludedValues.from_array(table, n_features, about.n_values)
        predictor = Predictor.from_arrays(arrays, n_features, about.n_values)
        return cls(about, predictor, excluded)


@dataclass
class RankedNumber:
    """A column of numbers as ranks among the numbers that are possible in each row.

    Trees predict the number; how the rest is distributed is known for bins of predictions, and
    interpolated between them.

    Parameters
    ----------
    about : RankedColumn
    predictor : Predictor
    centers : ndarray of shape (n_bins,)
        Mean predictions, ascending.
    quantiles : ndarray of shape (n_bins, n_ranks)
        Of the difference from the prediction.
    moments : ndarray of shape (2,)
        Mean and standard deviation, by which numbers are scaled.
    knots : ndarray of shape (2, n_knots)
        Numbers and their normal scores, ascending; none: numbers are scaled by `moments`.
    """

    about: RankedColumn
    predictor: Predictor
    centers: np.ndarray
    quantiles: np.ndarray
    moments: np.ndarray
    knots: np.ndarray

    @property
    def features(self) -> np.ndarray:
        """Columns that are used."""
        return self.predictor.features

    def apply(self, series: pd.Series, x: np.ndarray) -> pd.Series:
        """Return ranks of the numbers of rows of which `x` is known; NaN where missing."""
        values = spread(self.about.column, series)
        there = np.flatnonzero(~np.isnan(values))
        ranks = np.full(len(values), np.nan)
        possible = self._possible(x[there])
        scaled = _scaled(values[there], self.moments, self.knots)
        ranks[there] = [
            np.interp(one, own, _RANKS) for one, own in zip(scaled, possible, strict=True)
        ]
        return pd.Series(ranks, index=series.index)

    def restore(self, ranks: pd.Series, x: np.ndarray) -> pd.Series:
        """Return the numbers of ranks; inverse of `apply`, up to the distance of quantiles."""
        ranks_ = ranks.to_numpy(np.float64, na_value=np.nan)
        present, column = ~np.isnan(ranks_), self.about.column
        at = np.flatnonzero(present)
        possible = self._possible(x[at])
        scaled = np.array(
            [np.interp(one, _RANKS, own) for one, own in zip(ranks_[at], possible, strict=True)]
        )
        values = np.zeros(len(ranks_))
        if self.knots.shape[1]:
            values[at] = np.interp(scaled, self.knots[1], self.knots[0])
        else:
            values[at] = scaled * self.moments[1] + self.moments[0]
        low, high = column.minimum, column.maximum
        values = np.clip(values, -np.inf if low is None else low, np.inf if high is None else high)
        if self.about.values:
            values = nearest(values, self.about.values)
        if column.kind != "continuous":
            values = np.rint(values)
            values = values if column.kind == "integer" else values.astype(np.int64)
        return column.restore(values, present).set_axis(ranks.index)

    def _possible(self, x: np.ndarray) -> np.ndarray:
        """Return scaled numbers at the ranks, shape (n, n_ranks)."""
        predicted = self.predictor.predict(x)
        return _between(predicted, self.centers, self.quantiles) + predicted[:, None]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays, by their names in archives."""
        return {**{name: getattr(self, name) for name in _ARRAYS}, **self.predictor.to_arrays()}

    @classmethod
    def from_arrays(
        cls, about: RankedColumn, arrays: dict[str, np.ndarray], n_features: int
    ) -> RankedNumber:
        """Restore from the output of `to_arrays`; raise ArchiveError where it is none."""
        read = read_arrays(
            {name: arrays[name] for name in _ARRAYS if name in arrays}, "a ranked column",
            centers=array_of(None), quantiles=array_of(None, len(_RANKS)), moments=array_of(2),
            knots=array_of(2, None),
        )  # fmt: skip
        ordered = [read["centers"], *read["quantiles"], *read["knots"]]
        sizes_differ = len(read["centers"]) != len(read["quantiles"])
        if sizes_differ or not len(read["centers"]) or not read["moments"][1] > 0:
            raise ArchiveError("a ranked column has inconsistent sizes")
        if any((np.diff(one) < 0).any() for one in ordered):
            raise ArchiveError("the tables of a ranked column are not ascending")
        trees = {name: array for name, array in arrays.items() if name not in _ARRAYS}
        return cls(about, Predictor.from_arrays(trees, n_features, 1), **read)


def fit_ranked(
    series: pd.Series,
    x: np.ndarray,
    folds: np.ndarray,
    support: Support,
    rng: np.random.Generator,
    labels: Sequence[int],
) -> RankedLabel | RankedNumber | None:
    """Learn to rank a column; None where trees do not predict it.

    Parameters
    ----------
    series : Series of n_rows values
    x : ndarray of shape (n_rows, n_features)
        What is known before it.
    folds : ndarray of int of shape (n_rows,)
        As `deal_folds` returns them.
    support : Support
    rng : Generator
    labels : sequence of int
        Columns of `x` that are codes of labels, -1: another label.
    """
    column = Column.infer(series, support)
    people = support.of_labels(series.astype(object))
    shared = people[people >= support.least].sort_values(ascending=False, kind="stable")
    covered = series.dropna().isin(shared.index).mean() if series.notna().any() else 0.0
    most = _MOST_NUMBERS if column.numeric else _MOST_VALUES
    if len(shared) <= most and covered >= _LEAST_COVERED:
        may_miss = support.holds(series.isna().to_numpy())
        values = tuple(shared.index)
        levels = None if column.categories is None else values
        column = replace(column, minimum=None, maximum=None, categories=levels)
        about = RankedColumn(column, False, values, may_miss)
        return _fit_label(about, series, x, folds, support, rng, labels)
    if column.numeric:
        return _fit_number(column, series, x, folds, support, rng, labels)
    return None


def _fit_label(
    about: RankedColumn, series: pd.Series, x: np.ndarray, folds: np.ndarray, support: Support,
    rng: np.random.Generator, labels: Sequence[int],
) -> RankedLabel | None:  # fmt: skip
    codes = about.codes(series)
    known = np.flatnonzero(codes >= 0)
    if about.n_values < 2 or len(known) < _FEWEST_ROWS:
        return None
    codes = codes[known]
    x, folds, n = x[known], folds[known], about.n_values
    fit = CrossFit(x, codes, folds, rng, n, labels)
    if not _tells(codes[folds == 0], fit.first):
        return None
    excluded = ExcludedValues.fit(codes, x, labels, support.take(known))
    shares = fit.predict(excluded.possible(x, n))
    if not _tells(codes, shares):
        return None
    return RankedLabel(about, Predictor.distil(x, shares, rng), excluded)


def _tells(codes: np.ndarray, shares: np.ndarray) -> bool:
    """Return whether shares predict labels better than the shares of all rows do."""
    own = np.bincount(codes) / max(1, len(codes))
    own = own[own > 0]
    entropy = -float(own @ np.log(own))
    left = -float(np.log(np.maximum(shares[np.arange(len(codes)), codes], 1e-3)).sum())
    return entropy - left / max(1, len(codes)) >= _LEAST_GAIN * entropy > 0


def _fit_number(
    column: Column, series: pd.Series, x: np.ndarray, folds: np.ndarray, support: Support,
    rng: np.random.Generator, labels: Sequence[int],
) -> RankedNumber | None:  # fmt: skip
    values = spread(column, series)
    there = np.flatnonzero(~np.isnan(values))
    if len(there) < _FEWEST_ROWS:
        return None
    x, folds, values, support = x[there], folds[there], values[there], support.take(there)
    order = np.argsort(values, kind="stable")
    sizes, means = pooled_means(values[order], support.take(order), fewest=_fewest(len(values)))
    if len(means) < 2 or np.isnan(means).any():
        return None
    scores = norm.ppf((np.cumsum(sizes) - sizes / 2) / len(values))
    mean = sizes @ means / len(values)
    deviation = np.sqrt(sizes @ (means - mean) ** 2 / len(values))
    if not deviation > 0:
        return None
    moments, none = np.array([mean, deviation]), np.zeros((2, 0))
    best = None
    for knots in (none, np.array([means, scores])):
        scaled = _scaled(values, moments, knots)
        fit = CrossFit(x, scaled, folds, rng, categories=labels)
        gain = _gain(scaled[folds == 0], fit.first, rng)
        if best is None or gain > best[0]:
            best = gain, knots, fit
    if best is None or best[0] < _LEAST_GAIN:
        return None
    scaled = best[2].y
    predictor = Predictor.distil(x, best[2].predict(), rng)
    centers, quantiles = _tables(scaled, predictor.predict(x), support)
    column = replace(column, minimum=float(means[0]), maximum=float(means[-1]))
    numbers = numbers_or_nan(column, series).iloc[there].reset_index(drop=True)
    about = RankedColumn(column, True, shared_numbers(numbers, support))
    return RankedNumber(about, predictor, centers, quantiles, moments, best[1])


def _fewest(n: int) -> int:
    return max(1, n // _MOST_KNOTS)


def _gain(scaled: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> float:
    """Return the information of a prediction in nats; the same in every scale."""
    some = rng.permutation(len(scaled))[:_MOST_COMPARED]
    noise = _JITTER * scaled.std() * rng.normal(size=len(some))
    before, after = scaled[some] + noise, (scaled - predicted)[some] + noise
    if len(some) < _FEWEST_ROWS / 4:
        return -np.inf
    return float(differential_entropy(before) - differential_entropy(after))


def _tables(
    scaled: np.ndarray, predicted: np.ndarray, support: Support
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean predictions of bins, and quantiles of what is left there."""
    order = np.argsort(predicted, kind="stable")
    n_bins = int(np.clip(len(order) // _ROWS_A_BIN, 1, _MOST_BINS))
    centers, quantiles = [], []
    for rows in np.array_split(order, n_bins):
        left = scaled[rows] - predicted[rows]
        by_size = np.argsort(left, kind="stable")
        sizes, means = pooled_means(left[by_size], support.take(rows[by_size]))
        if len(means) >= 2 and not np.isnan(means).any():
            ranks = (np.cumsum(sizes) - sizes / 2) / len(rows)
            ranks = (ranks - ranks[0]) / (ranks[-1] - ranks[0])
            centers.append(float(predicted[rows].mean()))
            quantiles.append(np.interp(_RANKS, ranks, means))
    if not centers:
        return np.zeros(1), np.tile(norm.ppf(_RANKS.clip(0.002, 0.998)), (1, 1)) * scaled.std()
    return np.array(centers), np.array(quantiles)


def _between(at: np.ndarray, centers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Interpolate rows of a table, shape (len(at), n_columns)."""
    place = np.interp(at, centers, np.arange(len(centers)))
    low = np.minimum(place.astype(np.int64), max(0, len(centers) - 2))
    share = (place - low)[:, None]
    return np.asarray((1 - share) * rows[low] + share * rows[np.minimum(low + 1, len(rows) - 1)])


def _scaled(values: np.ndarray, moments: np.ndarray, knots: np.ndarray) -> np.ndarray:
    if knots.shape[1]:
        return np.interp(values, knots[0], knots[1])
    return np.asarray((values - moments[0]) / moments[1])
