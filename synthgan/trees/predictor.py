"""Predict a column by others, so that no row is predicted by trees that have seen its person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from synthgan.exceptions import ArchiveError
from synthgan.state.fields import array_of, read_arrays
from synthgan.trees.boosted import MOST_LEAVES, Trees

__all__ = ["CrossFit", "Predictor", "deal_folds"]

_FOLDS = 3
_MOST_ROWS = 20_000  # that a model learns from
_LEAST_SHARE = 1e-3  # of a label
_POWERS, _SLOPES = (0.5, 3.0), (0.0, 1.5)
_MOST_WEIGHT = 3.0  # of a label, as a logarithm
# Of the trees that learn the rows, and of those that learn what these predict and are stored.
_TEACHER = {"learning_rate": 0.1, "min_samples_leaf": 20}
_OF_LABELS = {**_TEACHER, "l2_regularization": 5.0}
_LEAVES, _LEAVES_OF_LABELS = (3, 6, 12), (2, 3, 6)  # the best of these
_MOST_TREES, _PATIENCE = 200, 10
_STUDENT = {"learning_rate": 0.3, "max_leaf_nodes": MOST_LEAVES, "min_samples_leaf": 20}
_KEPT_TREES = 32


@dataclass
class Predictor:
    """Boosted trees for one number, or for the shares of some labels.

    Rows are assigned to folds by person. Each fold is predicted by trees that learn the others; the
    trees that are kept learn these predictions (cross-fitted distillation), so what is kept
    of a row depends on the rows of other people only.

    Parameters
    ----------
    features : ndarray of int of shape (n_used,)
        Columns that are used.
    trees : list of Trees
        One for a number; for labels one each, whose sums are logarithms of shares.
    starts : ndarray of shape (n_outputs,)
        What the trees are added to.

    References
    ----------
    Tang et al. (2022), Mitigating membership inference attacks by self-distillation through a novel
    ensemble architecture, arXiv 2110.08324.
    """

    features: np.ndarray
    trees: list[Trees]
    starts: np.ndarray

    @classmethod
    def distil(cls, x: np.ndarray, predicted: np.ndarray, rng: np.random.Generator) -> Predictor:
        """Learn what `CrossFit` predicts.

        Parameters
        ----------
        x : ndarray of shape (n, n_features)
        predicted : ndarray of shape (n,) or (n, n_labels)
            Numbers, or shares of labels.
        rng : Generator
        """
        features, some = _varied(x), _some(len(x), rng)
        wanted = predicted[:, None] if predicted.ndim == 1 else _log(predicted)
        starts, trees = wanted.mean(axis=0), []
        for start, target in zip(starts, wanted.T, strict=True):
            if not len(features) or not np.ptp(target[some]) > 0:
                trees.append(Trees.none())
                continue
            student = HistGradientBoostingRegressor(
                max_iter=_KEPT_TREES, early_stopping=False, random_state=0, **_STUDENT
            ).fit(x[np.ix_(some, features)], target[some] - start)
            kept = Trees.from_sklearn(student)
            kept.value[kept.is_leaf == 1] += float(student._baseline_prediction.item()) / len(kept)
            trees.append(kept)
        asked = [one.feature_idx[one.is_leaf == 0] for one in trees]
        used = np.unique(np.concatenate([*asked, np.zeros(0, np.int64)]))
        for one in trees:  # features of leaves are not used
            one.feature_idx = np.minimum(np.searchsorted(used, one.feature_idx), len(used) - 1)
        return cls(features[used], trees, starts)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the number of each row, shape (n,), or the shares of labels, (n, n_labels)."""
        x = np.ascontiguousarray(x[:, self.features])
        sums = np.column_stack([trees.predict(x) for trees in self.trees]) + self.starts
        return sums[:, 0] if len(self.trees) == 1 else softmax(sums, axis=1)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays, by their names in archives."""
        parts = [trees.to_arrays() for trees in self.trees]
        return {
            "features": self.features,
            "starts": self.starts,
            "n_trees": np.array([len(trees) for trees in self.trees], np.int64),
            **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        }

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], n_features: int, n_outputs: int
    ) -> Predictor:
        """Restore from the output of `to_arrays`; raise ArchiveError where it is none."""
        own = ("features", "starts", "n_trees")
        read = read_arrays(
            {name: arrays[name] for name in own if name in arrays}, "a predictor",
            features=array_of(None, kinds="iu"), starts=array_of(n_outputs),
            n_trees=array_of(n_outputs, kinds="iu"),
        )  # fmt: skip
        features = read["features"].astype(np.float64)
        if not ((features >= 0) & (features < n_features)).all():
            raise ArchiveError("a predictor uses unknown columns")
        used = read["features"].astype(np.int64)
        joined = Trees.from_arrays({k: v for k, v in arrays.items() if k not in own}, len(used))
        counts = read["n_trees"].astype(np.int64)
        if (counts < 0).any() or (counts > len(joined)).any() or counts.sum() != len(joined):
            raise ArchiveError("a predictor's trees have inconsistent sizes")
        return cls(used, joined.split(counts), read["starts"])


def deal_folds(people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each row; all rows of a person are in one."""
    _, of = np.unique(people, return_inverse=True)
    n = int(of.max(initial=-1)) + 1
    return np.asarray((rng.permutation(n) % _FOLDS)[of])


class CrossFit:
    """Predictions of a column, each fold by trees that have learnt the others.

    Fold 0 is predicted at once, by trees of several sizes, of which the best is kept.

    Parameters
    ----------
    x : ndarray of shape (n, n_features)
    y : ndarray of shape (n,)
        Numbers, or codes of labels.
    folds : ndarray of int of shape (n,)
        As `deal_folds` returns them.
    rng : Generator
    n_labels : int, default=0
        Number of labels; 0: numbers.
    categories : sequence of int, default=()
        Features that are codes of labels, -1: another label.

    Attributes
    ----------
    first : ndarray of shape (n_own,) or (n_own, n_labels)
        Numbers, or shares of labels, of the rows of fold 0.
    n_leaves : int
        Of the best trees.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        folds: np.ndarray,
        rng: np.random.Generator,
        n_labels: int = 0,
        categories: Sequence[int] = (),
    ) -> None:
        self.x, self.y, self.folds, self.rng = x, y, folds, rng
        self.n_labels, self.categories = n_labels, categories
        own, others = self._sides(0)
        sizes = _LEAVES_OF_LABELS if n_labels else _LEAVES
        made = [self._predict(own, others, size) for size in sizes]
        best = int(np.argmin([self._loss(one, own) for one in made])) if len(own) else 0
        self.first, self.n_leaves = made[best], sizes[best]

    def predict(self, possible: np.ndarray | None = None) -> np.ndarray:
        """Return the predictions of all rows, shape (n,) or (n, n_labels).

        Parameters
        ----------
        possible : ndarray of bool of shape (n, n_labels), or None, default=None
            Labels that may have a share; those of others are left out afterwards.
        """
        predicted = np.zeros((len(self.x), self.n_labels) if self.n_labels else len(self.x))
        predicted[self.folds == 0] = self.first
        for fold in range(1, _FOLDS):
            own, others = self._sides(fold)
            predicted[own] = self._predict(own, others, self.n_leaves)
        if self.n_labels:
            return _sharpened(predicted, self.y, possible)
        return _stretched(predicted, self.y)

    def _loss(self, made: np.ndarray, own: np.ndarray) -> float:
        """Return the mean loss of the predictions of some rows: squares, or log loss."""
        if self.n_labels:
            return float(-_log(made)[np.arange(len(own)), self.y[own]].mean())
        return float(((made - self.y[own]) ** 2).mean())

    def _sides(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a fold, and those of the others that trees learn."""
        others = np.flatnonzero(self.folds != fold)
        return np.flatnonzero(self.folds == fold), others[_some(len(others), self.rng)]

    def _predict(self, own: np.ndarray, others: np.ndarray, n_leaves: int) -> np.ndarray:
        """Predict rows by trees that learn others; as many trees as are good for the rows."""
        x, y, n_labels = self.x, self.y, self.n_labels
        if not len(own):
            return np.zeros((0, n_labels) if n_labels else 0)
        labels, shares = np.unique(y[others], return_counts=True)
        features = _varied(x[others])
        if len(labels) < 2 or not len(features):
            if not n_labels:
                return np.full(len(own), y[others].mean() if len(others) else 0.0)
            return _spread_shares(np.tile(shares / shares.sum(), (len(own), 1)), labels, n_labels)
        kind: Callable[..., Any] = HistGradientBoostingRegressor
        kind = HistGradientBoostingClassifier if n_labels else kind
        known = own if not n_labels else own[np.isin(y[own], labels)]
        settings: dict[str, Any] = {**(_OF_LABELS if n_labels else _TEACHER), "random_state": 0}
        are_codes = np.isin(features, self.categories)
        trees = kind(
            max_iter=_MOST_TREES, max_leaf_nodes=n_leaves, early_stopping=len(known) > 0,
            n_iter_no_change=_PATIENCE, categorical_features=are_codes, **settings,
        )  # fmt: skip
        seen = x[:, features]
        seen[(seen == -1) & are_codes] = np.nan
        checked = {"X_val": seen[known], "y_val": y[known]} if len(known) else {}
        trees.fit(seen[others], y[others], **checked)
        if len(known):
            trees._predictors = trees._predictors[: int(np.argmax(trees.validation_score_))]
        if n_labels:
            return _spread_shares(trees.predict_proba(seen[own]), labels, n_labels)
        return np.asarray(trees.predict(seen[own]))


def _sharpened(shares: np.ndarray, codes: np.ndarray, possible: np.ndarray | None) -> np.ndarray:
    """Return shares to a power, times a weight for each label, that suit the labels best.

    Few trees predict too even shares; and of labels that are possible in some rows only, too much
    in the others.
    """
    logs, at = _log(shares), np.arange(len(codes))
    never = np.zeros(shares.shape, dtype=bool) if possible is None else ~possible
    counted = ~never[at, codes]
    if not counted.any():
        return shares

    def loss(found: np.ndarray) -> tuple[float, np.ndarray]:
        scores = np.where(never, -np.inf, np.exp(found[0]) * logs + found[1:])[counted]
        left = np.exp(log_softmax(scores, axis=1))
        rows, own = np.arange(len(left)), codes[counted]
        off = -left
        off[rows, own] += 1.0
        by_power = (off * logs[counted]).sum() * np.exp(found[0])
        slopes = np.append(by_power, off.sum(axis=0)) / len(left)
        return -float(np.log(np.maximum(left[rows, own], 1e-300)).mean()), -slopes

    bounds = [tuple(np.log(_POWERS)), *[(-_MOST_WEIGHT, _MOST_WEIGHT)] * shares.shape[1]]
    begin = np.zeros(1 + shares.shape[1])
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(softmax(np.exp(found[0]) * logs + found[1:], axis=1))


def _stretched(predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return predictions as far from their mean as suits the numbers best."""
    mean = predicted.mean()
    moved = predicted - mean
    spread = float(moved @ moved)
    slope = float(moved @ (y - y.mean())) / spread if spread > 0 else 1.0
    return np.asarray(mean + np.clip(slope, *_SLOPES) * moved)


def _spread_shares(shares: np.ndarray, labels: np.ndarray, n_labels: int) -> np.ndarray:
    every = np.zeros((len(shares), n_labels))
    every[:, labels.astype(np.int64)] = shares
    return every


def _log(shares: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(shares, _LEAST_SHARE))


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows that are used, at most `_MOST_ROWS`."""
    return np.arange(n) if n <= _MOST_ROWS else np.sort(rng.permutation(n)[:_MOST_ROWS])


def _varied(x: np.ndarray) -> np.ndarray:
    """Return the columns of several values."""
    low, high = (of(np.where(np.isnan(x), fill, x), axis=0, initial=fill)
                 for of, fill in ((np.min, np.inf), (np.max, -np.inf)))  # fmt: skip
    return np.flatnonzero(low < high)
