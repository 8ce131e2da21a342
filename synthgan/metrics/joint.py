"""Measures of the joint distribution of all columns, with rows as points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.points import (
    authenticity_of_points,
    mmd_of_points,
    neighbour_measures,
    support_measures,
)
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space
from synthgan.metrics.tables import Part, compare_tables, encode

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


def mmd(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Maximum mean discrepancy of both tables under Gaussian kernels.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; the same number of rows, up to 3000, is drawn from each table.

    Returns
    -------
    score : Score
        The root of the unbiased squared distance of both mean embeddings, at least 0: 0 for equal
        tables and for about half of all pairs of samples from one population; below 1.5, lower is
        better. The kernel is the
        mean of four, of a quarter to two times the root mean square distance between rows.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, 723-773.
    """

    def distance(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        value = mmd_of_points(a, b) if min(len(a), len(b)) > 1 else float("nan")
        return {"maximum mean discrepancy": value}

    return compare_tables(
        "maximum mean discrepancy",
        _of_points(distance, "maximum mean discrepancy", pooled=True),
        real,
        fake,
        holdout,
        random_state,
        higher_is_better=False,
        max_rows=_MOST_KERNEL_POINTS,
        equal=True,
    )


def precision(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Precision: share of synthetic rows in the neighbourhood of real rows.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; the same number of rows, up to 5000, is drawn from each table.

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
    return _neighbours("precision", real, fake, holdout, random_state)


def recall(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Recall: share of real rows in the neighbourhood of synthetic rows.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

    Returns
    -------
    score : Score
        Share of real rows within the distance of some synthetic row to its fifth nearest synthetic
        row neighbour. 0..1, higher is better.

    References
    ----------
    Kynkaanniemi et al. (2019), Improved precision and recall metric, arXiv 1904.06991.
    """
    return _neighbours("recall", real, fake, holdout, random_state)


def density(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Density: number of real rows around a synthetic row, relative to a real row.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

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
    return _neighbours("density", real, fake, holdout, random_state)


def coverage(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Coverage: share of real rows with a synthetic row in their neighbourhood.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

    Returns
    -------
    score : Score
        Share of real rows with a synthetic row nearer than their fifth nearest real neighbour;
        about .97 for other real rows. 0..1, higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("coverage", real, fake, holdout, random_state)


def alpha_precision(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Integrated alpha-precision: how well synthetic rows match the most typical real rows.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

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
    return _supports("alpha-precision", real, fake, holdout, random_state)


def beta_recall(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Integrated beta-recall: how well the most typical synthetic rows cover the real rows.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

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
    return _supports("beta-recall", real, fake, holdout, random_state)


def authenticity(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of synthetic rows that are not near copies of a real row.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `precision`.

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

    def share(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
        return {"authenticity": authenticity_of_points(a, b)}

    return _points_measure(share, "authenticity", real, fake, holdout, random_state)


def _neighbours(name: str, real: Any, fake: Any, holdout: Any, random_state: Any) -> Score:
    return _points_measure(neighbour_measures, name, real, fake, holdout, random_state)


def _supports(name: str, real: Any, fake: Any, holdout: Any, random_state: Any) -> Score:
    return _points_measure(support_measures, name, real, fake, holdout, random_state)


def _points_measure(
    measured: Measured, name: str, real: Any, fake: Any, holdout: Any, random_state: Any
) -> Score:
    compare = _of_points(measured, name)
    return compare_tables(
        name, compare, real, fake, holdout, random_state, max_rows=_MOST_POINTS, equal=True
    )


def _of_points(
    measured: Measured, name: str, *, pooled: bool = False
) -> Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], Part]:
    """Compare tables as points, in the space of the real table or of both tables."""

    def compare(real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator) -> Part:
        (ours, theirs), is_level = encode(real, fake)
        space = Space.fit(np.concatenate([ours, theirs]) if pooled else ours, is_level)
        values = measured(space.points(ours), space.points(theirs))
        detail = pd.DataFrame({"value": values}).rename_axis("measure")
        return Part(values[name], detail)

    return compare
