"""Measures of the joint distribution of all columns, with rows as points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from synthgan.metrics.compared_sets import Comparison, Part
from synthgan.metrics.measure import Measure
from synthgan.metrics.points import (
    authenticity_of_points,
    mmd_of_points,
    neighbour_measures,
    support_measures,
)
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, table_measure

__all__ = [
    "alpha_precision",
    "authenticity",
    "beta_recall",
    "coverage",
    "density",
    "mmd",
    "precision",
    "recall",
]

_MOST_POINTS = 5000
_MOST_KERNEL_POINTS = 3000

Measured = Callable[[np.ndarray, np.ndarray], dict[str, float]]


def _points(
    name: str,
    *,
    higher_is_better: bool = True,
    most: int = _MOST_POINTS,
    pooled: bool = False,
) -> Callable[[Measured], Measure]:
    """Make a public measure of a function that compares the rows of two tables as points.

    The points are in the space of the real table, or of both tables if `pooled`.
    """

    def adapt(measured: Measured) -> Comparison:
        def compare(real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator) -> Part:
            (ours, theirs), is_level = encode(real, fake)
            space = Space.fit(np.concatenate([ours, theirs]) if pooled else ours, is_level)
            return Part.of(measured(space.points(ours), space.points(theirs)), "measure", name)

        return compare

    return table_measure(
        name, higher_is_better=higher_is_better, most=most, equal=True, adapt=adapt
    )


@_points("maximum mean discrepancy", higher_is_better=False, most=_MOST_KERNEL_POINTS, pooled=True)
def mmd(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Maximum mean discrepancy of both tables under Gaussian kernels.

    Returns
    -------
    score : Score
        The root of the unbiased squared distance of both mean embeddings, at least 0: 0 for equal
        tables and for about half of all pairs of samples from one population; below 1.5, lower is
        better. The kernel is the mean of four, of a quarter to two times the root mean square
        distance between rows.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, 723-773.
    """
    value = mmd_of_points(ours, theirs) if min(len(ours), len(theirs)) > 1 else float("nan")
    return {"maximum mean discrepancy": value}


@_points("precision")
def precision(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Precision: share of synthetic rows in the neighbourhood of real rows.

    Returns
    -------
    score : Score
        Share of synthetic rows within the distance of some real row to its fifth nearest real
        neighbour. 0..1, higher is better. ``detail`` has all four of `precision`, `recall`,
        `density` and `coverage`.

    References
    ----------
    Naeem et al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    return neighbour_measures(ours, theirs)


@_points("recall")
def recall(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Recall: share of real rows in the neighbourhood of synthetic rows.

    Returns
    -------
    score : Score
        Share of real rows within the distance of some synthetic row to its fifth nearest other
        synthetic row. 0..1, higher is better.

    References
    ----------
    Kynkaanniemi et al. (2019), Improved precision and recall metric, arXiv 1904.06991.
    """
    return neighbour_measures(ours, theirs)


@_points("density")
def density(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Density: number of real rows around a synthetic row, relative to a real row.

    Returns
    -------
    score : Score
        Mean number of real neighbourhood balls that contain a synthetic row, divided by 5. About 1
        for other real rows; more if synthetic rows concentrate where real rows are dense. Higher is
        better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return neighbour_measures(ours, theirs)


@_points("coverage")
def coverage(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Coverage: share of real rows with a synthetic row in their neighbourhood.

    Returns
    -------
    score : Score
        Share of real rows with a synthetic row nearer than their fifth nearest real neighbour;
        about .97 for other real rows. 0..1, higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return neighbour_measures(ours, theirs)


@_points("alpha-precision")
def alpha_precision(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Integrated alpha-precision: how well synthetic rows match the most typical real rows.

    Returns
    -------
    score : Score
        One minus twice the mean difference between alpha and the share of synthetic rows in the
        ball around the real mean that contains a share alpha of the real rows. 0..1, higher is
        better. ``detail`` has `beta_recall`, too.

    References
    ----------
    Alaa et al. (2022), How faithful is your synthetic data?, arXiv 2102.08921. Here distances
    are those between rows, without a learnt embedding.
    """
    return support_measures(ours, theirs)


@_points("beta-recall")
def beta_recall(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Integrated beta-recall: how well the most typical synthetic rows cover the real rows.

    Returns
    -------
    score : Score
        One minus twice the mean difference between beta and the share of real rows whose nearest
        synthetic row is nearer than the nearest other real row, and among the share beta of most
        typical synthetic rows. About 0.5 for other real rows, 1 for copies; higher is better.

    References
    ----------
    Alaa et al. (2022), arXiv 2102.08921.
    """
    return support_measures(ours, theirs)


@_points("authenticity")
def authenticity(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """Share of synthetic rows that are not near copies of a real row.

    Returns
    -------
    score : Score
        Share of synthetic rows that are farther from the nearest real row than that row's nearest
        real neighbour. Slightly below 0.5 for other real rows, 0 for copies; higher is better, but
        noise scores highest.

    References
    ----------
    Alaa et al. (2022), arXiv 2102.08921.
    """
    return {"authenticity": authenticity_of_points(ours, theirs)}
