"""Membership inference by the density of synthetic points; uses points only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from synthgan.metrics.people import first_of_each
from synthgan.metrics.points import auc_of_folds
from synthgan.metrics.space import nearest
from synthgan.metrics.trees import leaf_rows

__all__ = ["AttackResult", "attack_members", "by_person", "neighbour_ratios", "tree_ratios"]

_LEAST = 1e-6  # distance below which float32 coordinates are equal
_SYNTHETIC_COUNTS = (
    1,
    2,
    5,
    10,
    20,
    50,
    100,
)  # neighbours, limited by the number of synthetic points per member
_REFERENCE_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)  # limited to a quarter of the reference
_FOLDS, _MANY_FOLDS, _FEW_PEOPLE = 5, 10, 200
_MOST_PAIRS = 200_000_000  # distances from records to synthetic points
_FEW_VALUES = 10  # of a coordinate, such as that of a level
_N_BINS = 64  # of a coordinate, for trees
_QUARTILES = (0.25, 0.5, 0.75)
_MOST_LEARNT = 10_000  # synthetic points for training the trees

Scores = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class AttackResult:
    """Result of a membership inference attack.

    Parameters
    ----------
    value : float
        AUC; .5 is guessing.
    interval : (float, float)
        95 % interval, with persons as independent units.
    n_attacks : int
        Number of members and non-members.
    """

    value: float
    interval: tuple[float, float]
    n_attacks: int


def attack_members(
    members: np.ndarray,
    non_members: np.ndarray,
    synthetic: np.ndarray,
    *,
    member_people: np.ndarray | None = None,
    non_member_people: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, AttackResult]:
    """Infer membership from the density of synthetic points relative to the population.

    The density of the population is estimated from a reference: the non-members of the other folds.
    Each non-member is scored once, and each member with the same references.

    Parameters
    ----------
    members, non_members, synthetic : ndarray of shape (n, n_dimensions)
        Ideally many more synthetic points than members. At least two non-members.
    member_people, non_member_people : ndarray of int of shape (n,), or None, default=None
        The person of each record; a person's score is the mean over the records. None: all differ.
    seed : int, default=0
        Draws the folds.

    Returns
    -------
    results : dict of str to AttackResult
        By arm: ``neighbours`` (`neighbour_ratios`, the mean of the ratios with the original
        coordinates and with their ranks among the synthetic points), ``trees`` (`tree_ratios`),
        ``both`` (the sum of the two, each in units of its spread among known non-members), and
        ``distance`` (only to the nearest synthetic point).

    References
    ----------
    van Breugel et al. (2023), Membership inference attacks against synthetic data through
    overfitting detection, AISTATS, arXiv 2302.12580.
    """
    inside = np.arange(len(members)) if member_people is None else member_people
    outside = np.arange(len(non_members)) if non_member_people is None else non_member_people
    rng = np.random.default_rng(seed)
    synthetic = synthetic[: max(1, _MOST_PAIRS // (len(members) + len(non_members)))]
    fold = _folds(outside, rng)
    scored = np.concatenate([members, non_members])
    spaces = [(scored, synthetic), (_ranked(scored, synthetic), _ranked(synthetic, synthetic))]
    counts = _counts(_SYNTHETIC_COUNTS, len(synthetic) // len(members))
    found = [nearest(x, to, max(counts))[0] for x, to in spaces]
    near = [_mean_log(distances, counts) for distances in found]
    first = np.log(found[0][:, 0] + _LEAST)
    n = len(members)
    folds: dict[str, list[Scores]] = {"both": [], "neighbours": [], "trees": [], "distance": []}
    for k in range(fold.max() + 1):
        of_fold = np.flatnonzero(fold == k) + n
        some = np.r_[np.arange(n), of_fold]
        others = np.flatnonzero(fold != k) + n
        ratios = [
            neighbour_ratios(x[some], x[others], gaps[some])
            for (x, _), gaps in zip(spaces, near, strict=True)
        ]
        rows = {
            "neighbours": np.mean(ratios, axis=0),
            "trees": tree_ratios(scored[some], synthetic, scored[others], seed),
            "distance": -first[some],
        }
        arms = {
            arm: (by_person(x[:n], inside), by_person(x[n:], outside[of_fold - n]))
            for arm, x in rows.items()
        }
        for arm, scores in arms.items():
            folds[arm].append(scores)
    folds["both"] = _sums(folds["neighbours"], folds["trees"])
    n_people = len(np.unique(inside)) + len(np.unique(outside))
    return {arm: AttackResult(*auc_of_folds(parts), n_people) for arm, parts in folds.items()}


def neighbour_ratios(
    records: np.ndarray, reference: np.ndarray, to_synthetic: np.ndarray
) -> np.ndarray:
    """Log ratio of the densities of synthetic points and reference, by nearest neighbours.

    Parameters
    ----------
    records, reference : ndarray of shape (n, n_dimensions)
    to_synthetic : ndarray of shape (n,)
        The mean logarithm of each record's distances to its nearest synthetic points.

    Returns
    -------
    ratios : ndarray of shape (n,)
        Log ratio per dimension, up to a constant: for one k, the logarithm of the distance to the
        k-th neighbour is the negative logarithm of the density. Several k are averaged: small k
        detect copies, large k have less variance.

    References
    ----------
    Loftsgaarden and Quesenberry (1965), A nonparametric estimate of a multivariate density
    function, doi 10.1214/aoms/1177700079.
    """
    counts = _counts(_REFERENCE_COUNTS, len(reference) // 4)
    distances = nearest(records, reference, max(counts))[0]
    return _mean_log(distances, counts) - to_synthetic


def tree_ratios(
    records: np.ndarray, synthetic: np.ndarray, reference: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Log ratio of the densities of synthetic points and reference, by boosted trees.

    Parameters
    ----------
    records, synthetic, reference : ndarray of shape (n, n_dimensions)
        Trees are trained to separate synthetic points from the reference, with equal total weights;
        no record is in either set.
    seed : int, default=0

    Returns
    -------
    ratios : ndarray of shape (n,)
    """
    synthetic = synthetic[:_MOST_LEARNT]
    sides = np.r_[np.ones(len(synthetic)), np.zeros(len(reference))]
    weights = np.r_[
        np.full(len(synthetic), len(reference) / len(synthetic)), np.ones(len(reference))
    ]
    learnt = np.concatenate([synthetic, reference])
    trees = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.06, max_leaf_nodes=8,
        min_samples_leaf=leaf_rows(len(learnt), most=5), early_stopping=False, random_state=seed,
    )  # fmt: skip
    # Binned here, because the binning of the trees is slow with weights.
    edges = [np.unique(np.quantile(x, np.linspace(0, 1, _N_BINS + 1)[1:-1])) for x in learnt.T]
    trees.fit(_binned(learnt, edges), sides, sample_weight=weights)
    return trees.decision_function(_binned(records, edges))


def by_person(scores: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Mean score of each person, in the order of their numbers."""
    order, starts = first_of_each(people)
    return np.add.reduceat(scores[order], starts) / np.diff(np.r_[starts, len(scores)])


def _folds(people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign persons, with all their records, to folds."""
    names, code = np.unique(people, return_inverse=True)
    n_folds = min(len(names), _MANY_FOLDS if len(names) < _FEW_PEOPLE else _FOLDS)
    return (rng.permutation(len(names)) % n_folds)[code.ravel()]


def _ranked(points: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """Replace coordinates by ranks among the synthetic points, 0..1, except those of few values."""
    ranked = points.copy()
    for i in range(points.shape[1]):
        ordered = np.sort(synthetic[:, i])
        if np.count_nonzero(np.diff(ordered)) >= _FEW_VALUES:
            ends = [np.searchsorted(ordered, points[:, i], side) for side in ("left", "right")]
            ranked[:, i] = (ends[0] + ends[1]) / (2 * len(ordered))
    return ranked


def _binned(points: np.ndarray, edges: list[np.ndarray]) -> np.ndarray:
    bins = [np.searchsorted(ends, x, "right") for ends, x in zip(edges, points.T, strict=True)]
    return np.stack(bins, axis=1).astype(np.float64)


def _counts(counts: tuple[int, ...], most: int) -> list[int]:
    return [k for k in counts if k <= most] or [1]


def _mean_log(distances: np.ndarray, counts: list[int]) -> np.ndarray:
    """Mean logarithm of the distances to the k-th nearest point, over all k."""
    return np.log(distances[:, np.array(counts) - 1] + _LEAST).mean(axis=1)


def _sums(first: list[Scores], second: list[Scores]) -> list[Scores]:
    """Add the scores of two arms, each in units of its spread among known non-members.

    For each fold, the known non-members are those of the other folds.
    """
    n = len(first)
    sums = []
    for k in range(n):
        parts = []
        for arm in (first, second):
            others = np.concatenate([arm[i][1] for i in range(n) if i != k])
            low, middle, high = np.quantile(others, _QUARTILES)
            parts.append([(x - middle) / ((high - low) or 1.0) for x in arm[k]])
        sums.append((parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]))
    return sums
