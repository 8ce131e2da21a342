"""Membership inference attack: decide whether a person is in the training data."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.privacy.point_sets import PointSets, membership_of
from synthgan.metrics.privacy.rows import draw_rows
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space
from synthgan.randomness import draw_generator

__all__ = ["membership_inference"]

_MOST = {"real": 5000, "fake": 50_000, "holdout": 5000}


def membership_inference(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Membership inference: separate members (real rows) from non-members (holdout rows).

    A row is classified as a member if the density of synthetic rows there exceeds that of the
    population: a generator that overfits increases the density around its training rows.

    Parameters
    ----------
    real, target
        As in `exact_copies`; up to 5000 rows are drawn.
    fake : as `real`, at least its columns
        Ideally many more rows than training rows, because an attacker with the generator can draw
        any number. Up to 50 000 are used, fewer if there are more than 4000 real and holdout rows.
    holdout : as `real`, or None, default=None
        The non-members; up to 5000 rows are drawn. Each is scored once, with a reference of rows of
        other persons of the holdout, which estimates the population's density.
    random_state : int, RandomState instance, Generator or None, default=None
        For the sub-samples.
    groups, holdout_groups
        As in `exact_copies`. A person's score is the mean over the rows, the reference has other
        persons, and the interval treats persons as independent units.

    Returns
    -------
    score : Score
        AUC of the attack; .5, the ceiling, means no leak, and lower is better. The interval is
        Wilson's, with the number of draws that gives DeLong's variance. NaN without a holdout of
        two persons.
        ``detail`` has the arms ``both`` (the score), ``neighbours``, ``trees``, ``distance``
        (only to the nearest synthetic row) and ``naive`` (random guessing). If no leak is found but
        an AUC of .6 is not excluded, ``note`` says that there are too few rows to tell.

    Notes
    -----
    Two estimates of the log density ratio of synthetic rows and population are added, each in units
    of its spread among known non-members. (1) Nearest neighbours, with numbers on their scale and
    as ranks among the synthetic rows: the mean logarithm of the distances to the 1st to 10th row of
    the reference minus that to the 1st to 100th synthetic row (limited by the number of synthetic
    rows per member). (2) Boosted trees that separate synthetic rows from the reference. No
    parameter is chosen with the scored rows.

    References
    ----------
    van Breugel et al. (2023), Membership inference attacks against synthetic data through
    overfitting detection, AISTATS, arXiv 2302.12580. Loftsgaarden and Quesenberry (1965), A
    nonparametric estimate of a multivariate density function, doi 10.1214/aoms/1177700079.
    """
    rng = draw_generator(random_state)
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rows = draw_rows(rng, _MOST, (), groups, holdout_groups, **tables)
    # The scale is that of the synthetic rows, so it favours neither members nor non-members.
    space = Space.fit(rows.tables["fake"], rows.is_level)
    points = {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}
    return membership_of(PointSets(points, rows.people, rows.note), int(rng.integers(2**31 - 1)))
