"""Select generated grids with boosted trees: one of several candidates for each row."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup
from synthgan.exceptions import ArchiveError
from synthgan.privacy import EVERYTHING, Support, draw_people, whole_people
from synthgan.refine.balance import Margins, draw_balanced
from synthgan.state.fields import array_of, read_arrays
from synthgan.trees.boosted import MOST_LEAVES, Trees

__all__ = ["Critic", "cell_features", "fidelity"]

# Of the teacher trees, for few and for many people; leaf sizes are rows, if each row is a different
# person. Larger trees and smaller leaves memorise rows.
_OF_FEW = {"learning_rate": 0.1, "max_leaf_nodes": 8}
_OF_MANY = {"learning_rate": 0.2, "max_leaf_nodes": 15}
_LEAF, _FEATURE_SHARE = 100, 0.5  # rows per leaf, and share of the features per split
_MANY_PEOPLE = 4000
_MOST_TREES = 600
# Of the student trees, which are stored and learn the teacher's logits of generated grids.
_KEPT = {"learning_rate": 0.4, "max_leaf_nodes": MOST_LEAVES, "min_samples_leaf": 100}
_FEWEST_KEPT, _MOST_KEPT, _ROWS_PER_KEPT, _KEPT_AT_A_TIME = 60, 400, 8, 50
# Generated grids for the student: per real grid, minimum, maximum, and number of values.
_GENERATED_PER_ROW, _FEWEST_GENERATED, _MOST_GENERATED, _MOST_VALUES = 20, 5000, 150_000, 30_000_000
_CLASSIFIER = {
    "learning_rate": 0.2,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "max_features": 0.5,
}
_CLASSIFIER_TREES = 50
_SET_ASIDE = 0.25  # of the people
_PATIENCE = 20  # trees without improvement on validation rows
_FEWEST_PEOPLE = 100
_MIDDLE = (OFF + ON) / 2
_OWN = ("n_known", "effective_share", "bin_counts", "bin_edges", "bin_shares")

View = Callable[[Any], np.ndarray]
Make = Callable[[int], tuple[np.ndarray, np.ndarray]]


@dataclass
class Critic:
    """Estimate the log density ratio of real and synthetic grids.

    The generator's density is corrected by sampling-importance-resampling: boosted trees are
    trained to separate real from synthetic grids, their odds estimate the ratio of both densities,
    and one of a few candidates is drawn in proportion to it. These trees (the teacher) memorise
    rows, so they are not stored: other trees (the student) learn the teacher's logits on generated
    grids only (distillation). Noise of the trees and of the draws would shift the marginal
    distributions, so the rows of a sample are drawn jointly, to match the bin shares of real rows
    in each column.

    Parameters
    ----------
    view : callable
        Maps grids (n, *shape) to features, (n, n_features).
    trees : Trees
    margins : Margins
        Bin shares of real grids for each feature.
    n_known : int, default=0
        Number of groups that may be known.
    effective_share : float, default=1.0
        Effective sample size of generated rows whose weights are their odds, a row: 1 where all
        odds are equal (Kong 1992).

    References
    ----------
    Azadi et al. (2019), Discriminator rejection sampling, arXiv 1810.06758. Grover et al. (2019),
    Bias correction of learned generative models using likelihood-free importance weighting,
    arXiv 1906.09531. Shejwalkar and Houmansadr (2021), Membership privacy for machine learning
    models through knowledge transfer, doi 10.1609/aaai.v35i11.17150.
    """

    view: View
    trees: Trees
    margins: Margins
    n_known: int = 0
    effective_share: float = 1.0

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
        """Train the trees on real and synthetic grids.

        Parameters
        ----------
        real, fake : (ndarray of shape (n, *shape), ndarray of shape (n, n_known))
            Grids with cells 0..255, and a mask of the groups that were known to the generator. Real
            grids have masks with the same distribution, so that masks do not separate the classes.
        view : callable
        seed : int
        make : callable or None, default=None
            Maps a number to that number of new synthetic grids, like `fake`, to train the student;
            None: the student is trained on `fake`.
        deadline : float or None, default=None
            In units of `time.perf_counter`; training stops early when it is near.
        support : Support, default=EVERYTHING
            Persons of the real grids, and the minimum number of people that share stored values.
        """
        seen = [view(grids) for grids, _ in (real, fake)]
        x = np.concatenate([np.hstack(pair) for pair in zip(seen, (real[1], fake[1]), strict=True)])
        is_real = np.arange(len(x)) < len(real[0])
        end = math.inf if deadline is None else deadline
        teacher = _boost(x, is_real, seed, end, support.people)
        trees, share = Trees.none(), 1.0
        if teacher is not None:
            n_real, x = len(real[0]), x[~is_real]
            if make is not None:
                n = int(np.clip(_GENERATED_PER_ROW * n_real, _FEWEST_GENERATED, _MOST_GENERATED))
                drawn = make(min(n, _MOST_VALUES // x.shape[1]))
                x = np.hstack([view(drawn[0]), drawn[1]])
            n_trees = int(np.clip(n_real // _ROWS_PER_KEPT, _FEWEST_KEPT, _MOST_KEPT))
            trees = _distil(x, teacher.decision_function(x), n_trees, seed, end)
            share = _effective_share(trees.predict(x))
        return cls(view, trees, Margins.fit(seen[0], seen[1], support), real[1].shape[1], share)

    def logits(self, seen: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the logits of real against synthetic for features of grids, shape (n,)."""
        return self.trees.predict(np.hstack([seen, known]))

    def choose(
        self,
        candidates: Sized,
        known: np.ndarray,
        rng: np.random.Generator,
        penalty: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw as many candidates as `known` has rows.

        A row with known groups gets one of its own candidates. Those of all other rows are one
        pool, from which rows are drawn that are balanced.

        Parameters
        ----------
        candidates : ndarray of shape (n_candidates * n, *shape), or what else the view maps
            One grid for each row, then another for each row, and so on.
        known : ndarray of shape (n, n_known)
            Mask of the groups that are known.
        rng : Generator
        penalty : ndarray of shape (n_candidates * n,) or None, default=None
            By how much less the log-odds of each candidate are than its likeness says.

        Returns
        -------
        chosen : ndarray of shape (n,)
            Positions among the candidates.
        """
        n, seen = len(known), self.view(candidates)
        n_candidates = len(candidates) // n
        logits = self.logits(seen, np.tile(known, (n_candidates, 1)))
        logits = (logits if penalty is None else logits - penalty).reshape(n_candidates, n)
        chosen = (logits + rng.gumbel(size=logits.shape)).argmax(axis=0) * n + np.arange(n)
        free = np.flatnonzero(~known.any(axis=1))
        pool = (np.arange(n_candidates)[:, None] * n + free).ravel()
        bins, expected = self.margins.bins(seen[pool], len(free))
        drawn = draw_balanced(logits[:, free].ravel(), bins, expected, len(free), rng)
        chosen[free] = pool[drawn]
        return chosen

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted state as plain arrays."""
        margins = self.margins
        return {
            **self.trees.to_arrays(),
            "n_known": np.array([self.n_known]),
            "effective_share": np.array([self.effective_share]),
            "bin_counts": np.array([len(e) for e in margins.edges], dtype=np.int64),
            "bin_edges": np.concatenate([*margins.edges, np.zeros(0)]),
            "bin_shares": np.concatenate([*margins.shares, np.zeros(0)]),
        }

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], view: View, n_features: int, n_known: int
    ) -> Critic:
        """Build a critic from the output of `to_arrays`.

        Parameters
        ----------
        arrays : dict of str to ndarray
        view : callable
        n_features : int
            Number of features that `view` returns.
        n_known : int

        Raises
        ------
        ArchiveError
            Arrays that are not valid trees or bins.
        """
        own = {name: arrays[name] for name in _OWN if name in arrays}
        read = read_arrays(
            {"effective_share": np.ones(1), **own}, "the critic",  # older archives have none
            n_known=array_of(1, kinds="iu"), effective_share=array_of(1),
            bin_counts=array_of(n_features, kinds="iu"), bin_edges=array_of(None),
            bin_shares=array_of(None),
        )  # fmt: skip
        counts, edges, shares = read["bin_counts"], read["bin_edges"], read["bin_shares"]
        if read["n_known"][0] != n_known:
            raise ArchiveError("the critic's trees have inconsistent sizes")
        is_sound = (counts < 2**40).all() and len(edges) == counts.sum()
        if not is_sound or len(shares) != len(edges) + 2 * len(counts):
            raise ArchiveError("the critic's bins have inconsistent sizes")
        margins = Margins(_split(edges, counts), _split(shares, counts + 2))
        if (shares < 0).any() or not all((np.diff(e) >= 0).all() for e in margins.edges):
            raise ArchiveError("the critic's bins are not ascending, or have negative shares")
        share = float(read["effective_share"][0])
        if not 0 < share <= 1:
            raise ArchiveError("the critic's effective share is not within 0 and 1")
        nodes = {name: array for name, array in arrays.items() if name not in _OWN}
        return cls(view, Trees.from_arrays(nodes, n_features + n_known), margins, n_known, share)


def fidelity(real: np.ndarray, fake: np.ndarray, seed: int) -> float:
    """Return 2 (1 - AUC), at most 1, of boosted trees that separate real from synthetic grids.

    1 means guessing, 0 perfect separation. Two-fold cross-validation.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_features)
        Features of grids; real ones that were not used in training.
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
        trees = HistGradientBoostingClassifier(
            max_iter=_CLASSIFIER_TREES, early_stopping=False, random_state=seed, **_CLASSIFIER
        ).fit(x[one], is_real[one])
        odds[other] = trees.decision_function(x[other])
    return min(1.0, 2.0 * (1.0 - float(roc_auc_score(is_real, odds))))


def _effective_share(logits: np.ndarray) -> float:
    """Return the effective sample size of rows that are weighted by their odds, a row."""
    odds = np.exp(logits - logits.max())
    return float(odds.sum() ** 2 / (len(odds) * (odds**2).sum()))


def cell_features(grids: np.ndarray, groups: Sequence[CellGroup]) -> np.ndarray:
    """Return one number per group: its cell, or the index of its ON cell, shape (n, n_groups).

    Levels and NULL are read as in decoding, so that rounding errors of generated cells do not
    separate them from real ones.
    """
    flat = grids.reshape(len(grids), int(np.prod(grids.shape[1:])))
    columns = []
    for group in groups:
        first, last = group.cells[0], group.cells[-1]
        is_run = group.cells == tuple(range(first, last + 1))  # which is not copied
        cells = flat[:, first : last + 1] if is_run else flat[:, list(group.cells)]
        if group.kind == "one_hot":
            columns.append(cells.argmax(axis=1))
        elif group.kind == "binary":
            columns.append(cells[:, 0] > _MIDDLE)
        elif group.kind == "continuous":
            columns.append(np.where(cells[:, 0] < OFF / 2, NULL, cells[:, 0]))
    # Column by column in memory, as bins are looked up.
    return np.stack(columns).astype(np.float64).T if columns else np.zeros((len(flat), 0))


def _boost(
    x: np.ndarray, is_real: np.ndarray, seed: int, deadline: float, people: np.ndarray | None
) -> HistGradientBoostingClassifier | None:
    """Fit as many trees as validation people want; None without gain or with few people."""
    n_real = int(is_real.sum())
    n_people = n_real if people is None else len(np.unique(people))
    if n_people < _FEWEST_PEOPLE or not x.shape[1]:
        return None
    settings = {
        **(_OF_FEW if n_people < _MANY_PEOPLE else _OF_MANY),
        "min_samples_leaf": round(_LEAF * n_real / n_people),
        "max_features": _FEATURE_SHARE,
    }
    # Unweighted: the class imbalance adds a constant to every logit.
    aside, begun = (
        _set_aside(n_real, len(x), people, np.random.default_rng(seed)),
        time.perf_counter(),
    )
    trial = HistGradientBoostingClassifier(
        max_iter=_MOST_TREES,
        early_stopping=True,
        n_iter_no_change=_PATIENCE,
        random_state=seed,
        **settings,
    ).fit(x[~aside], is_real[~aside], X_val=x[aside], y_val=is_real[aside])
    now = time.perf_counter()
    # Half of the time that is left is for the student.
    in_time = max(deadline - now, 0.0) / 2 / ((now - begun) / trial.n_iter_)
    n_trees = int(min(np.argmax(trial.validation_score_), in_time))
    if not n_trees:
        return None
    return HistGradientBoostingClassifier(
        max_iter=n_trees, early_stopping=False, random_state=seed, **settings
    ).fit(x, is_real)


def _distil(x: np.ndarray, logits: np.ndarray, n_trees: int, seed: int, deadline: float) -> Trees:
    """Fit the student to logits of generated grids, until the deadline."""
    student = HistGradientBoostingRegressor(early_stopping=False, random_state=seed, **_KEPT)
    if math.isinf(deadline):
        return Trees.from_sklearn(student.set_params(max_iter=n_trees).fit(x, logits))
    student.set_params(warm_start=True)
    trees = Trees.none()
    for n in range(_KEPT_AT_A_TIME, n_trees + 1, _KEPT_AT_A_TIME):
        if time.perf_counter() > deadline:
            break
        trees = Trees.from_sklearn(student.set_params(max_iter=n).fit(x, logits))
    return trees


def _set_aside(
    n_real: int, n: int, people: np.ndarray | None, rng: np.random.Generator
) -> np.ndarray:
    """Draw validation people, and the same share of synthetic grids; shape (n,), bool."""
    aside = np.zeros(n, dtype=bool)
    order = draw_people(people, n_real, rng)
    n_aside = whole_people(people, order, round(_SET_ASIDE * n_real))
    aside[order[:n_aside]] = True
    aside[n_real:] = rng.random(n - n_real) < _SET_ASIDE
    return aside


def _split(joined: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
    return np.split(joined, np.cumsum(sizes)[:-1]) if len(sizes) else []
