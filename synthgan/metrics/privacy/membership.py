"""The attack that tells whether a person was among those learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.privacy.clouds import Clouds, membership_of
from synthgan.metrics.privacy.rows import draw_rows
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space
from synthgan.metrics.tables import draw_generator

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
    """Tell members (real rows) from non-members (holdout rows) by the density of fakes.

    A row is taken for a member when fakes are denser there than the population is: a generator
    that overfits raises the density round the rows that it learnt.

    Parameters
    ----------
    real, target
        As in `exact_copies`; up to 5000 rows are drawn.
    fake : as `real`, at least its columns
        At best many more rows than were learnt: whoever has the generator makes as many as they
        like. Up to 50 000 take part, fewer beside more than 4000 real and holdout rows.
    holdout : as `real`, or None, default=None
        The non-members; up to 5000 rows are drawn. Each is judged once, by a reference of rows of
        other persons of the holdout, which tells the population's density.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.
    groups, holdout_groups
        As in `exact_copies`. A person is judged by the mean of the rows' scores, the reference is
        of other persons, and the interval is that of persons.

    Returns
    -------
    score : Score
        AUC of the attack; .5, the ceiling, is no leak, and lower is better. The interval is
        Wilson's, of as many draws as have DeLong's variance. NaN without a holdout of two persons.
        ``detail`` has the arms ``both`` (the score), ``neighbours``, ``trees``, ``distance`` (to
        the nearest fake alone) and ``naive`` (a coin). Where no leak is seen, but an AUC of .6 is
        not excluded, ``note`` says that there are too few rows to tell.

    Notes
    -----
    Two estimates of the density of fakes over that of the population are added, each in units of
    its spread among known non-members. Nearest neighbours, of numbers on their scale and as their
    ranks among the fakes: the mean logarithm of the distances to the 1st to 10th row of the
    reference less that to the 1st to 100th fake (as far as there are fakes for each member). And
    boosted trees that learn to tell fakes from the reference. Nothing is chosen by the rows that
    are judged.

    References
    ----------
    van Breugel et al. (2023), Membership inference attacks against synthetic data through
    overfitting detection, AISTATS, arXiv 2302.12580. Loftsgaarden and Quesenberry (1965), A
    nonparametric estimate of a multivariate density function, doi 10.1214/aoms/1177700079.
    """
    rng = draw_generator(random_state)
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rows = draw_rows(rng, _MOST, (), groups, holdout_groups, **tables)
    # The scale is that of the fakes, so that neither side has made it.
    space = Space.fit(rows.tables["fake"], rows.is_level)
    points = {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}
    return membership_of(Clouds(points, rows.people, rows.note), int(rng.integers(2**31 - 1)))
