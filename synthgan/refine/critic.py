"""Choose among generated grids with boosted trees: of several candidates for a row one is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup
from synthgan.exceptions import ArchiveError
from synthgan.privacy import EVERYTHING, Support, draw_people, whole_people
from synthgan.refine.balance import Margins, draw_balanced
from synthgan.state.fields import array_of, read_arrays

__all__ = ["Critic", "cell_features", "fidelity"]

# Of trees that see training rows, of few people and of many; leaves count rows, where each is of
# another person. Larger trees and smaller leaves remember rows.
_OF_FEW = {"learning_rate": 0.1, "max_leaf_nodes": 8}
_OF_MANY = {"learning_rate": 0.2, "max_leaf_nodes": 15}
_LEAF, _FEATURE_SHARE = 100, 0.5  # rows of a leaf, and share of the features that a split looks at
_MANY_PEOPLE = 4000
_MOST_TREES = 600
# Of the trees that are kept, which learn from generated grids what the others say of them.
_KEPT = {"learning_rate": 0.2, "max_leaf_nodes": 31, "min_samples_leaf": 100}
_FEWEST_KEPT, _MOST_KEPT, _ROWS_PER_KEPT, _KEPT_AT_A_TIME = 100, 600, 5, 50
# Generated grids from which they learn: for each real one, at least and at most, and features.
_TOLD_PER_ROW, _FEWEST_TOLD, _MOST_TOLD, _MOST_VALUES = 50, 5000, 150_000, 30_000_000
_JUDGE = {"learning_rate": 0.2, "max_leaf_nodes": 15, "min_samples_leaf": 20, "max_features": 0.5}
_JUDGE_TREES = 50
_SET_ASIDE = 0.25  # of the people
_PATIENCE = 20  # trees without gain on rows set aside
_REPEATS = 3  # of choosing the number of trees
_FEWEST_PEOPLE = 100
_MIDDLE = (OFF + ON) / 2
# What a tree needs to be followed; the rest of a node serves its growth.
_NODE_FIELDS = {
    "value": "f",
    "feature_idx": "iu",
    "num_threshold": "f",
    "missing_go_to_left": "iu",
    "left": "iu",
    "right": "iu",
    "is_leaf": "iu",
}

View = Callable[[np.ndarray], np.ndarray]
Make = Callable[[int], tuple[np.ndarray, np.ndarray]]


@dataclass
class Critic:
    """How much likelier a grid is real than fake, as a logit.

    The generator's density is corrected by sampling-importance-resampling: boosted trees learn to
    tell real grids from fakes, whose odds are the ratio of both densities; of a few candidates
    one is drawn in proportion to it. These trees (the teacher) memorise rows, so they are not kept:
    other trees (the student) learn the teacher's logits on generated grids only (distillation). As
    the trees' noise, and the luck of the draw, would shift the columns' distributions, rows of a
    sample are drawn jointly: together they fall into each column's bins as real rows do.

    Parameters
    ----------
    view : callable
        Maps grids (n, *shape) to what is looked at of them, (n, n_features).
    trees : list of TreePredictor
    margins : Margins
        How real grids fall into bins of each feature.
    n_known : int, default=0
        Groups that may be known.

    References
    ----------
    Azadi et al. (2019), Discriminator rejection sampling, arXiv 1810.06758. Grover et al. (2019),
    Bias correction of learned generative models using likelihood-free importance weighting,
    arXiv 1906.09531. Shejwalkar and Houmansadr (2021), Membership privacy for machine learning
    models through knowledge transfer, doi 10.1609/aaai.v35i11.17150.
    """

    view: View
    trees: list[TreePredictor]
    margins: Margins
    n_known: int = 0

    @classmethod
    def fit(
        cls,
        real: tuple[np.ndarray, np.ndarray],
        fake: tuple[np.ndarray, np.ndarray],
        view: View,
        seed: int,
        make: Make | None = None,
        deadline: float | None = None,
        support: Support = EVERYTHING,
    ) -> Critic:
        """Learn to tell real from fake grids.

        Parameters
        ----------
        real, fake : (ndarray of shape (n, *shape), ndarray of shape (n, n_known))
            Grids with cells 0..255, and a mask of what was known when the fakes were made. Real
            grids have masks of the same kind, so that what is known gives nothing away.
        view : callable
        seed : int
        make : callable or None, default=None
            Maps a number to so many fresh fakes, as `fake`, from which the trees that are kept
            learn; None: they learn from `fake`.
        deadline : float or None, default=None
            By `time.perf_counter`; fewer trees are grown when it is near.
        support : Support, default=EVERYTHING
            Who the real grids belong to, and how many people share what is stored.
        """
        seen = [view(grids) for grids, _ in (real, fake)]
        x = np.concatenate([np.hstack(pair) for pair in zip(seen, (real[1], fake[1]), strict=True)])
        is_real = np.arange(len(x)) < len(real[0])
        end = math.inf if deadline is None else deadline
        teacher = _boost(x, is_real, seed, end, support.people)
        trees: list[TreePredictor] = []
        if teacher is not None:
            n_real, x = len(real[0]), x[~is_real]
            if make is not None:
                n = int(np.clip(_TOLD_PER_ROW * n_real, _FEWEST_TOLD, _MOST_TOLD))
                told = make(min(n, _MOST_VALUES // x.shape[1]))
                x = np.hstack([view(told[0]), told[1]])
            n_trees = int(np.clip(n_real // _ROWS_PER_KEPT, _FEWEST_KEPT, _MOST_KEPT))
            trees = _distil(x, teacher.decision_function(x), n_trees, seed, end)
        return cls(view, trees, Margins.fit(seen[0], seen[1], support), real[1].shape[1])

    def logits(self, seen: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return how much likelier views of grids are real, given what is known, shape (n,)."""
        x = np.ascontiguousarray(np.hstack([seen, known]), dtype=np.float64)
        no_categories = np.zeros((0, 8), dtype=np.uint32), np.zeros(x.shape[1], dtype=np.uint32)
        logits, n_threads = np.zeros(len(x)), torch.get_num_threads()
        for tree in self.trees:
            logits += tree.predict(x, *no_categories, n_threads)
        return logits

    def choose(
        self, candidates: np.ndarray, known: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw one of (n_candidates, n, *shape) for each row of `known`, shape (n,).

        Rows of which nothing is known are balanced.
        """
        n_candidates, n = candidates.shape[:2]
        seen = self.view(candidates.reshape(n_candidates * n, *candidates.shape[2:]))
        logits = self.logits(seen, np.tile(known, (n_candidates, 1))).reshape(n_candidates, n)
        chosen = (logits + rng.gumbel(size=logits.shape)).argmax(axis=0)
        free = np.flatnonzero(~known.any(axis=1))
        bins, expected = self.margins.bins(seen, len(free))
        bins = bins.reshape(n_candidates, n, bins.shape[1])[:, free]
        chosen[free] = draw_balanced(logits[:, free], bins, expected, rng)
        return chosen

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that was learnt as plain arrays."""
        nodes = [tree.nodes for tree in self.trees]
        sizes = np.array([len(n) for n in nodes], dtype=np.int64)
        joined = np.concatenate(nodes) if nodes else np.zeros(0, PREDICTOR_RECORD_DTYPE)
        arrays = {f"node_{name}": joined[name] for name in _NODE_FIELDS}
        margins = self.margins
        return {
            **arrays,
            "tree_sizes": sizes,
            "n_known": np.array([self.n_known]),
            "bin_counts": np.array([len(e) for e in margins.edges], dtype=np.int64),
            "bin_edges": np.concatenate([*margins.edges, np.zeros(0)]),
            "bin_shares": np.concatenate([*margins.shares, np.zeros(0)]),
        }

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], view: View, n_features: int, n_known: int
    ) -> Critic:
        """Take back what `to_arrays` gave.

        Parameters
        ----------
        arrays : dict of str to ndarray
        view : callable
        n_features : int
            What `view` gives of a grid.
        n_known : int

        Raises
        ------
        ArchiveError
            Arrays that are no such trees or bins: following a tree checks nothing.
        """
        whole = array_of(None, kinds="iu")
        # A threshold is infinite where a tree asks whether a value is missing.
        nodes = {
            f"node_{name}": array_of(None, kinds=kinds, finite=name != "num_threshold")
            for name, kinds in _NODE_FIELDS.items()
        }
        read = read_arrays(
            arrays, "the critic", **nodes, tree_sizes=whole, n_known=array_of(1, kinds="iu"),
            bin_counts=array_of(n_features, kinds="iu"), bin_edges=array_of(None),
            bin_shares=array_of(None),
        )  # fmt: skip
        sizes, counts = read["tree_sizes"], read["bin_counts"]
        edges, shares = read["bin_edges"], read["bin_shares"]
        lengths = {len(read[name]) for name in nodes}
        if lengths != {_total(sizes, 1)} or read["n_known"][0] != n_known:
            raise ArchiveError("the critic's trees do not have the sizes that they are to have")
        if len(edges) != _total(counts, 0) or len(shares) != len(edges) + 2 * len(counts):
            raise ArchiveError("the critic's bins do not have the sizes that they are to have")
        margins = Margins(_split(edges, counts), _split(shares, counts + 2))
        if (shares < 0).any() or not all((np.diff(e) >= 0).all() for e in margins.edges):
            raise ArchiveError("the critic's bins do not ascend, or hold less than nothing")
        _check_nodes({name: read[f"node_{name}"] for name in _NODE_FIELDS}, sizes,
                     n_features + n_known)  # fmt: skip
        joined = np.zeros(lengths.pop(), PREDICTOR_RECORD_DTYPE)
        for name in _NODE_FIELDS:
            joined[name] = read[f"node_{name}"]
        return cls(view, [_tree(nodes) for nodes in _split(joined, sizes)], margins, n_known)


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
    folds = StratifiedKFold(2, shuffle=True, random_state=seed)
    odds = np.zeros(len(x))
    for one, other in folds.split(x, is_real):
        judge = HistGradientBoostingClassifier(
            max_iter=_JUDGE_TREES, early_stopping=False, random_state=seed, **_JUDGE
        ).fit(x[one], is_real[one])
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


def _boost(
    x: np.ndarray, is_real: np.ndarray, seed: int, deadline: float, people: np.ndarray | None
) -> HistGradientBoostingClassifier | None:
    """Fit as many trees as help on people set aside; None where nothing can be told, or few."""
    n_real = int(is_real.sum())
    n_people = n_real if people is None else len(np.unique(people))
    if n_people < _FEWEST_PEOPLE or not x.shape[1]:
        return None
    settings = {
        **(_OF_FEW if n_people < _MANY_PEOPLE else _OF_MANY),
        "min_samples_leaf": round(_LEAF * n_real / n_people),
        "max_features": _FEATURE_SHARE,
    }
    # Unweighted: that there are more fakes adds the same to every logit.
    counts: list[int] = []
    seconds_per_tree, begun = 0.0, time.perf_counter()
    for repeat in range(_REPEATS):
        aside = _set_aside(n_real, len(x), people, np.random.default_rng(seed + repeat))
        trial = HistGradientBoostingClassifier(
            max_iter=_MOST_TREES,
            early_stopping=True,
            n_iter_no_change=_PATIENCE,
            random_state=seed + repeat,
            **settings,
        ).fit(x[~aside], is_real[~aside], X_val=x[aside], y_val=is_real[aside])
        counts.append(int(np.argmax(trial.validation_score_)))
        now = time.perf_counter()
        seconds_per_tree = max(seconds_per_tree, (now - begun) / (repeat + 1) / trial.n_iter_)
        # The next trial, the trees themselves and those that are kept are to end in time.
        if now + 3 * (now - begun) / (repeat + 1) > deadline:
            break
    n_trees = int(min(np.median(counts), max(deadline - now, 0.0) / 2 / seconds_per_tree))
    if not n_trees:
        return None
    return HistGradientBoostingClassifier(
        max_iter=n_trees, early_stopping=False, random_state=seed, **settings
    ).fit(x, is_real)


def _distil(
    x: np.ndarray, logits: np.ndarray, n_trees: int, seed: int, deadline: float
) -> list[TreePredictor]:
    """Learn logits of generated grids, as long as there is time."""
    student = HistGradientBoostingRegressor(early_stopping=False, random_state=seed, **_KEPT)
    if math.isinf(deadline):
        student.set_params(max_iter=n_trees).fit(x, logits)
        return [tree for (tree,) in student._predictors]
    student.set_params(warm_start=True)
    for n in range(_KEPT_AT_A_TIME, n_trees + 1, _KEPT_AT_A_TIME):
        if time.perf_counter() > deadline:
            break
        student.set_params(max_iter=n).fit(x, logits)
    return [tree for (tree,) in getattr(student, "_predictors", ())]


def _set_aside(
    n_real: int, n: int, people: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """Draw the people, and as large a share of fakes, that judge the trees; shape (n,), bool."""
    aside = np.zeros(n, dtype=bool)
    order = draw_people(people, n_real, rng)
    n_aside = whole_people(people, order, round(_SET_ASIDE * n_real))
    aside[order[:n_aside]] = True
    aside[n_real:] = rng.random(n - n_real) < _SET_ASIDE
    return aside


def _tree(nodes: np.ndarray) -> TreePredictor:
    none = np.zeros((0, 8), dtype=np.uint32)
    return TreePredictor(np.ascontiguousarray(nodes), none, none)


def _total(sizes: np.ndarray, least: int) -> int:
    """Add sizes up; -1 where one is none."""
    return int(sizes.sum()) if (sizes >= least).all() and (sizes < 2**40).all() else -1


def _check_nodes(nodes: dict[str, np.ndarray], sizes: np.ndarray, n_features: int) -> None:
    """Refuse trees that lead beyond themselves, in a circle, or to no feature."""
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place, size = np.arange(len(first)) - first, np.repeat(sizes, sizes)
    leaf, feature = nodes["is_leaf"], nodes["feature_idx"].astype(np.float64)
    leads_on = leaf == 0
    goes_down = all(
        ((nodes[side] > place) & (nodes[side] < size))[leads_on].all() for side in ("left", "right")
    )
    knows = ((feature >= 0) & (feature < n_features))[leads_on].all()
    asks = not np.isnan(nodes["num_threshold"]).any()
    if not (goes_down and knows and asks) or not np.isin(leaf, (0, 1)).all():
        raise ArchiveError("the critic's trees lead nowhere")


def _split(joined: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    return np.split(joined, np.cumsum(sizes)[:-1]) if len(sizes) else []
