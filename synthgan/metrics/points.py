"""Sets of points: kernels, neighbours, ranks; pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.utils import gen_batches

from synthgan.metrics.recent import remember_recent
from synthgan.metrics.space import nearest

__all__ = [
    "auc",
    "auc_interval",
    "auc_of_classes",
    "auc_of_folds",
    "authenticity_of_points",
    "ks",
    "mmd_of_points",
    "neighbour_measures",
    "support_measures",
    "wilson_interval",
]

_BLOCK_CELLS = 500_000  # distances of a block, which stays in the cache
_TINY = 1e-6  # rounding error of a distance of 0, if columns have a width of about 1
_TINY_SQUARE = 1e-9
_LEVEL = 0.95
_BANDWIDTHS = (0.25, 0.5, 1.0, 2.0)  # each twice the one before


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties counted half; 0..1."""
    return float(_placements(positive, negative)[0].mean())


def auc_of_classes(classes: np.ndarray, odds: np.ndarray, labels: np.ndarray) -> float:
    """Mean AUC of each class against the rest; 0.5 if there is a single class.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classes that the classifier was trained on.
    odds : ndarray of shape (n, n_classes)
    labels : ndarray of shape (n,)
        The true classes.
    """
    values = []
    for level in np.unique(labels):
        rest = labels != level
        if rest.any():
            column = np.flatnonzero(classes == level)
            p = odds[:, column[0]] if len(column) else np.zeros(len(labels))
            values.append(auc(p[~rest], p[rest]))
    return float(np.mean(values)) if values else 0.5


def auc_interval(
    positive: np.ndarray,
    negative: np.ndarray,
    people: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[float, float]:
    """95 % confidence interval of an AUC.

    Parameters
    ----------
    positive, negative : ndarray of shape (n_positive,), (n_negative,)
        Scores, higher for positives.
    people : (ndarray of int, ndarray of int), or None, default=None
        The person of each positive and each negative; the scores of a person are dependent. None:
        all are different.

    References
    ----------
    DeLong et al. (1988), Comparing the areas under two or more correlated receiver operating
    characteristic curves, doi 10.2307/2531595. Obuchowski (1997), Nonparametric analysis of
    clustered ROC curve data, doi 10.2307/2533958.
    """
    placements = _placements(positive, negative)
    value = float(placements[0].mean())
    sides = people or tuple(np.arange(len(p)) for p in placements)
    variance = sum(_variance(p - value, whose) for p, whose in zip(placements, sides, strict=True))
    reach = float(norm.ppf((1 + _LEVEL) / 2) * np.sqrt(variance))
    return max(0.0, value - reach), min(1.0, value + reach)


def auc_of_folds(
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[float, tuple[float, float]]:
    """AUC of several folds of negatives, each scored separately, with the same positives.

    Parameters
    ----------
    folds : sequence of (positive, negative)
        Scores of all positives, and of the negatives of the fold; ndarray of shape (n_positive,)
        and (n_negative,). Scores of different folds are not compared.

    Returns
    -------
    value : float
        The mean over the negatives of the share of positives above each.
    interval : (float, float)
        95 % Wilson interval, with the number of independent draws that gives DeLong's variance. If
        the separation is perfect, that variance is 0, and the number of draws is the size of the
        smaller class.

    References
    ----------
    DeLong et al. (1988), doi 10.2307/2531595. Wilson (1927), doi 10.1080/01621459.1927.10502953.
    """
    placements = [_placements(positive, negative) for positive, negative in folds]
    sizes = np.array([len(negative) for _, negative in folds])
    of_positive = np.average([first for first, _ in placements], axis=0, weights=sizes)
    of_negative = np.concatenate([second for _, second in placements])
    value = float(of_negative.mean())
    n, m = len(of_positive), len(of_negative)
    variance = sum(float(np.var(p, ddof=1)) / len(p) for p in (of_positive, of_negative)
                   if len(p) > 1)  # fmt: skip
    share = min(1.0, max(0.0, value))
    # Guard against a variance that is too small by chance: at most twice the smaller class.
    most = 4 * n * m / (n + m)
    draws = min(most, share * (1 - share) / variance) if variance > 0 else min(n, m)
    return value, wilson_interval(share * draws, draws)


def wilson_interval(n_successes: float, n: float) -> tuple[float, float]:
    """95 % interval of a share; NaN if n is 0.

    Parameters
    ----------
    n_successes, n : float
        `n` may be an effective sample size, which need not be an integer.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference,
    doi 10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> [round(x, 3) for x in wilson_interval(5, 10)]
    [0.237, 0.763]
    """
    if n <= 0:
        return float("nan"), float("nan")
    z = float(norm.ppf((1 + _LEVEL) / 2))
    share = n_successes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    low = 0.0 if share == 0 else max(0.0, middle - reach)
    return low, 1.0 if share == 1 else min(1.0, middle + reach)


def ks(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance; 1 where one side alone is empty, 0 where both are."""
    if not len(a) or not len(b):
        return 1.0 if len(a) or len(b) else 0.0
    values = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def mmd_of_points(first: np.ndarray, second: np.ndarray) -> float:
    """Maximum mean discrepancy under a mixture of Gaussian kernels, at least 0.

    The root of the unbiased estimate; the kernels' bandwidths are a quarter, a half, one and two
    times the root mean square distance between points of both sets.

    Parameters
    ----------
    first, second : ndarray of shape (n, n_dimensions)
        At least two points each.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, 723-773, equation 3.
    """
    origin, n, m = first[0].astype(np.float64), len(first), len(second)
    first, second = first - origin, second - origin
    mean = float(np.mean([_mean_square(a, b) for a, b in
                          ((first, first), (second, second), (first, second))]))  # fmt: skip
    if mean <= 0:
        return 0.0
    scale = -1 / (2 * mean * _BANDWIDTHS[-1] ** 2)
    # The kernel of a point with itself, 1 for each kernel, is left out.
    ours = 2 * _kernel_sum(first, first, scale) / (n * (n - 1))
    theirs = 2 * _kernel_sum(second, second, scale) / (m * (m - 1))
    between = _kernel_sum(first, second, scale) / (n * m)
    return float(np.sqrt(max(0.0, (ours + theirs - 2 * between) / len(_BANDWIDTHS))))


@remember_recent
def neighbour_measures(real: np.ndarray, fake: np.ndarray, k: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage by k nearest neighbours.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_dimensions)
    k : int, default=5
        The radius of a point's ball is the distance to its k-th nearest neighbour in its own set;
        at most the number of points less one.

    References
    ----------
    Kynkaanniemi et al. (2019), Improved precision and recall metric, arXiv 1904.06991. Naeem et
    al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    k = min(k, len(real) - 1, len(fake) - 1)
    if k < 1:
        return dict.fromkeys(("precision", "recall", "density", "coverage"), float("nan"))
    real_reach, fake_reach = (_reach(x, k) ** 2 + _TINY_SQUARE for x in (real, fake))
    balls = np.zeros(len(fake))
    covered, recalled = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    for rows, squares in _blocks(fake, real):
        inside = squares <= real_reach
        balls[rows] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        recalled |= (squares <= fake_reach[rows, None]).any(axis=0)
    return {
        "precision": float((balls > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(balls.mean() / k),
        "coverage": float(covered.mean()),
    }


@remember_recent
def support_measures(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Integrated alpha-precision and beta-recall.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_dimensions)

    References
    ----------
    Alaa et al. (2022), How faithful is your synthetic data?, arXiv 2102.08921, sections 3 and 4;
    supports are balls around the mean, in the space given.
    """
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    levels = np.linspace(0, 1, 31)[1:]
    from_centre = [np.linalg.norm(x - real.mean(axis=0), axis=1) for x in (real, fake)]
    radii = np.quantile(from_centre[0], levels)
    inside = (from_centre[1][:, None] <= radii + _TINY).mean(axis=0)
    reach = _reach(real, 1) if len(real) > 1 else np.zeros(1)
    gaps, closest = (x[:, 0] for x in nearest(real, fake))
    spread = np.linalg.norm(fake - fake.mean(axis=0), axis=1)
    typical = spread[closest][:, None] <= np.quantile(spread, levels) + _TINY
    reached = ((gaps <= reach + _TINY)[:, None] & typical).mean(axis=0)
    return {
        "alpha-precision": float(1 - 2 * np.abs(inside - levels).mean()),
        "beta-recall": float(1 - 2 * np.abs(reached - levels).mean()),
    }


def authenticity_of_points(real: np.ndarray, fake: np.ndarray) -> float:
    """Share of synthetic points farther from the nearest real point than its real neighbour is.

    References
    ----------
    Alaa et al. (2022), How faithful is your synthetic data?, arXiv 2102.08921, section 3.3.
    """
    if len(real) < 2:
        return float("nan")
    reach = _reach(real, 1)
    gaps, closest = (x[:, 0] for x in nearest(fake, real))
    return float((gaps > reach[closest] + _TINY).mean())


def _reach(points: np.ndarray, k: int) -> np.ndarray:
    """Return the distance of each point to its k-th nearest neighbour."""
    return nearest(points, points, k, itself=True)[0][:, -1]


def _variance(deviations: np.ndarray, people: np.ndarray) -> float:
    """Variance of a mean of deviations, with people as independent units; 0 of one person."""
    sums = np.bincount(np.unique(people, return_inverse=True)[1], weights=deviations)
    n = len(sums)
    return float((sums**2).sum() * n / (n - 1)) / len(deviations) ** 2 if n > 1 else 0.0


def _placements(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of negatives below each positive, and of positives above each negative."""
    ranks = rankdata(np.concatenate([positive, negative]))
    n, m = len(positive), len(negative)
    of_positive = (ranks[:n] - rankdata(positive)) / m
    return of_positive, 1 - (ranks[n:] - rankdata(negative)) / n


def _mean_square(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean squared distance of all pairs."""
    own = sum(float(np.einsum("ij,ij->", x, x)) / len(x) for x in (a, b))
    return own - 2 * float(a.mean(axis=0) @ b.mean(axis=0))


def _kernel_sum(a: np.ndarray, b: np.ndarray, scale: float) -> float:
    """Return the sum of all kernels over all pairs; within one set, each pair of points once.

    `scale` makes squared distances exponents of the widest kernel.
    """
    total, is_one = 0.0, a is b
    for rows in gen_batches(len(a), max(1, _BLOCK_CELLS // len(b))):
        kernel = _squared_distances(a[rows], b[rows.start :] if is_one else b)
        kernel *= scale
        np.exp(kernel, out=kernel)
        if is_one:
            kernel[np.tril_indices(len(kernel))] = 0.0
        total += float(kernel.sum())
        for _ in _BANDWIDTHS[1:]:
            # Half the bandwidth is four times the exponent.
            np.square(np.square(kernel, out=kernel), out=kernel)
            total += float(kernel.sum())
    return total


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = a @ b.T
    squares *= -2
    squares += np.einsum("ij,ij->i", a, a)[:, None]
    squares += np.einsum("ij,ij->i", b, b)
    return np.maximum(squares, 0.0, out=squares)


def _blocks(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of all pairs, some rows of `a` at a time."""
    size = max(1, _BLOCK_CELLS // len(b))
    for start in range(0, len(a), size):
        rows = slice(start, start + size)
        yield rows, _squared_distances(a[rows], b)
