"""A second look at generated grids: of several candidates for a row, the most lifelike is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from synthgan.encoding.cells import NULL, OFF, ON, CellGroup

__all__ = ["Critic", "cell_features", "fidelity"]

_TREES = {"learning_rate": 0.2, "max_leaf_nodes": 15, "min_samples_leaf": 20, "max_features": 0.5}
_MOST_TREES = 600
_JUDGE_TREES = 50
_PATIENCE = 20  # trees without gain on rows set aside
_REPEATS = 3  # of choosing the number of trees
_MOST_BINS = 20
_ROWS_PER_BIN = 20
_SWEEPS = 10
_MIDDLE = (OFF + ON) / 2
_NODE_FIELDS = tuple(PREDICTOR_RECORD_DTYPE.names)

View = Callable[[np.ndarray], np.ndarray]


@dataclass
class Critic:
    """How much likelier a grid is real than fake, as a logit.

    The generator's density is corrected by sampling-importance-resampling: boosted trees learn to
    tell real grids from fakes, whose odds are the ratio of both densities; of a few candidates
    one is drawn in proportion to it. As the trees' noise would shift the columns' distributions,
    these are then levelled by raking: each column's bins get weights until the kept
    candidates fall into them as real rows do.

    Parameters
    ----------
    view : callable
        Maps grids (n, *shape) to what is looked at of them, (n, n_features).
    trees : list of TreePredictor
    edges : list of ndarray
        Bins of each feature.
    weights : list of ndarray
        Logit of each bin, one more than edges.
    n_known : int, default=0
        Groups that may be known.

    References
    ----------
    Azadi et al. (2019), Discriminator rejection sampling, arXiv 1810.06758. Grover et al. (2019),
    Bias correction of learned generative models using likelihood-free importance weighting,
    arXiv 1906.09531. Deming and Stephan (1940), doi 10.1214/aoms/1177731829 (raking).
    """

    view: View
    trees: list[TreePredictor]
    edges: list[np.ndarray]
    weights: list[np.ndarray]
    n_known: int = 0

    @classmethod
    def fit(
        cls,
        real: tuple[np.ndarray, np.ndarray],
        fake: tuple[np.ndarray, np.ndarray],
        view: View,
        seed: int,
    ) -> Critic:
        """Learn to tell real from fake grids.

        Parameters
        ----------
        real, fake : (ndarray of shape (n, *shape), ndarray of shape (n, n_known))
            Grids with cells 0..255, and a mask of what was known when the fakes were made. Real
            grids have masks of the same kind, so that what is known gives nothing away.
        view : callable
        seed : int
        """
        seen = [view(grids) for grids, _ in (real, fake)]
        x = np.concatenate([np.hstack(pair) for pair in zip(seen, (real[1], fake[1]), strict=True)])
        is_real = np.arange(len(x)) < len(real[0])
        trees = _boost(x, is_real, seed)
        n_bins = int(np.clip(len(real[0]) // _ROWS_PER_BIN, 2, _MOST_BINS))
        edges = [_bin_edges(column, n_bins) for column in seen[0].T]
        weights = [np.zeros(len(e) + 1) for e in edges]
        return cls(view, trees, edges, weights, real[1].shape[1])

    def rake(self, real: np.ndarray, candidates: np.ndarray) -> None:
        """Weigh bins until what is kept falls into them as real grids do.

        Parameters
        ----------
        real : ndarray of shape (n_real, *shape)
        candidates : ndarray of shape (n_candidates, n, *shape)
            Fakes of which nothing was known.
        """
        n_candidates, n = candidates.shape[:2]
        grids = candidates.reshape(n_candidates * n, *candidates.shape[2:])
        free = np.zeros((len(grids), self.n_known))
        wanted, found = self._bins(self.view(real)), self._bins(self.view(grids))
        logits = self.logits(grids, free)
        for _ in range(_SWEEPS):
            for i, weights in enumerate(self.weights):
                kept = _softmax(logits.reshape(n_candidates, n)).ravel()
                target = np.bincount(wanted[i], minlength=len(weights)) + 0.5
                reached = np.bincount(found[i], kept, minlength=len(weights)) + 0.5
                step = np.log(target / target.sum()) - np.log(reached / reached.sum())
                weights += step
                logits += step[found[i]]

    def logits(self, grids: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return how much likelier grids (n, *shape) are real, given what is known, shape (n,)."""
        x = np.ascontiguousarray(np.hstack([self.view(grids), known]), dtype=np.float64)
        no_categories = np.zeros((0, 8), dtype=np.uint32), np.zeros(x.shape[1], dtype=np.uint32)
        logits, n_threads = np.zeros(len(x)), torch.get_num_threads()
        for tree in self.trees:
            logits += tree.predict(x, *no_categories, n_threads)
        free = ~known.any(axis=1)  # columns are levelled where nothing is known
        for weights, bins in zip(self.weights, self._bins(x), strict=True):
            logits += weights[bins] * free
        return logits

    def choose(
        self, candidates: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw one of (n_candidates, n, *shape) for each row of `known`, shape (n,)."""
        n_candidates, n = candidates.shape[:2]
        grids = candidates.reshape(n_candidates * n, *candidates.shape[2:])
        logits = self.logits(grids, np.tile(known, (n_candidates, 1)))
        return (logits.reshape(n_candidates, n) + rng.gumbel(size=(n_candidates, n))).argmax(axis=0)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was learnt as plain arrays."""
        nodes = [tree.nodes for tree in self.trees]
        sizes = np.array([len(n) for n in nodes], dtype=np.int64)
        joined = np.concatenate(nodes) if nodes else np.zeros(0, PREDICTOR_RECORD_DTYPE)
        arrays = {f"node_{name}": joined[name] for name in _NODE_FIELDS}
        ends = np.array([len(e) for e in self.edges], dtype=np.int64)
        return {
            **arrays,
            "tree_sizes": sizes,
            "n_known": np.array([self.n_known]),
            "bin_counts": ends,
            "bin_edges": np.concatenate(self.edges),
            "bin_weights": np.concatenate(self.weights),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], view: View) -> Critic:
        """Take back what `to_arrays` gave."""
        n_nodes = int(arrays["tree_sizes"].sum())
        joined = np.zeros(n_nodes, PREDICTOR_RECORD_DTYPE)
        for name in _NODE_FIELDS:
            joined[name] = arrays[f"node_{name}"]
        trees = [_tree(nodes) for nodes in _split(joined, arrays["tree_sizes"])]
        counts = arrays["bin_counts"]
        return cls(
            view,
            trees,
            _split(arrays["bin_edges"], counts),
            _split(arrays["bin_weights"], counts + 1),
            int(arrays["n_known"][0]),
        )

    def _bins(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the bin of each value, feature by feature."""
        return [
            np.searchsorted(edges, column, side="right")
            for edges, column in zip(self.edges, x.T[: len(self.edges)], strict=True)
        ]


def fidelity(real: np.ndarray, fake: np.ndarray, seed: int) -> float:
    """Say how hard fakes are to tell: 1 when boosted trees only guess, 0 when they never err.

    Two-fold, so that no tree judges a grid that it was grown on; 2 (1 - AUC), at most 1.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_features)
        Views of grids; the real ones unseen in training.
    seed : int

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """
    x = np.concatenate([real, fake])
    is_real = np.arange(len(x)) < len(real)
    weight = np.where(is_real, len(fake) / len(real), 1.0)
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    odds = np.zeros(len(x))
    for one, other in folds.split(x, is_real):
        judge = HistGradientBoostingClassifier(
            max_iter=_JUDGE_TREES, early_stopping=False, random_state=seed, **_TREES
        ).fit(x[one], is_real[one], weight[one])
        odds[other] = judge.decision_function(x[other])
    return min(1.0, 2.0 * (1.0 - float(roc_auc_score(is_real, odds))))


def cell_features(grids: np.ndarray, groups: Sequence[CellGroup]) -> np.ndarray:
    """One number a group: its cell, or which of its cells is on, shape (n, n_groups).

    Levels and NULL are read as decoding reads them: what rounding leaves of a generated cell must
    not tell it from a real one.
    """
    flat = grids.reshape(len(grids), int(np.prod(grids.shape[1:])))
    columns = []
    for group in groups:
        cells = flat[:, list(group.cells)]
        if group.kind == "one_hot":
            columns.append(cells.argmax(axis=1))
        elif group.kind == "binary":
            columns.append(cells[:, 0] > _MIDDLE)
        elif group.kind == "continuous":
            columns.append(np.where(cells[:, 0] < OFF / 2, NULL, cells[:, 0]))
    return np.stack(columns, axis=1).astype(np.float64) if columns else np.zeros((len(flat), 0))


def _boost(x: np.ndarray, is_real: np.ndarray, seed: int) -> list[TreePredictor]:
    """Fit as many trees as help on rows set aside; none where nothing can be told."""
    weight = np.where(is_real, (~is_real).sum() / is_real.sum(), 1.0)
    counts = []
    for repeat in range(_REPEATS):
        trial = HistGradientBoostingClassifier(
            max_iter=_MOST_TREES,
            early_stopping=True,
            validation_fraction=0.25,
            n_iter_no_change=_PATIENCE,
            random_state=seed + repeat,
            **_TREES,
        ).fit(x, is_real, weight)
        counts.append(int(np.argmax(trial.validation_score_)))
    n_trees = int(np.median(counts))
    if not n_trees:
        return []
    model = HistGradientBoostingClassifier(
        max_iter=n_trees, early_stopping=False, random_state=seed, **_TREES
    ).fit(x, is_real, weight)
    return [tree for (tree,) in model._predictors]


def _tree(nodes: np.ndarray) -> TreePredictor:
    none = np.zeros((0, 8), dtype=np.uint32)
    return TreePredictor(np.ascontiguousarray(nodes), none, none)


def _bin_edges(column: np.ndarray, n_bins: int) -> np.ndarray:
    levels = np.unique(column)
    if len(levels) > n_bins:
        levels = np.unique(np.quantile(column, np.linspace(0, 1, n_bins + 1)[:-1]))
    return levels[1:] - 1e-6


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=0))
    return shares / shares.sum(axis=0)


def _split(joined: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    return np.split(joined, np.cumsum(sizes)[:-1]) if len(sizes) else []
