"""The attack that tells whether a person was among those learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.points import auc, auc_interval
from synthgan.metrics.privacy.attacks import NO_VERDICT
from synthgan.metrics.privacy.rows import draw_rows
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator

__all__ = ["membership_inference"]

_MOST = {"real": 10_000, "fake": 10_000, "holdout": 10_000}
_N_NEIGHBORS = 5  # of the reference
_LEAST = 1e-6  # distance, below which float32 coordinates are the same
_TOO_FEW = "A holdout of one row cannot be both reference and non-member."


def membership_inference(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Tell members (real rows) from non-members (holdout rows) by the density of fakes.

    A row is taken for a member when fakes are denser there than the population is: a generator
    that overfits raises the density round the rows that it learnt.

    Parameters
    ----------
    real, fake, target
        As in `exact_copies`; up to 10 000 rows of each table are drawn.
    holdout : as `real`, or None, default=None
        Half of it are the non-members; the other half is the reference, by which the population's
        density is known. It is drawn which.
    random_state : int, RandomState instance, Generator or None, default=None
        For the rows that are drawn.

    Returns
    -------
    score : Score
        AUC of the attack, with DeLong's interval; .5, the ceiling, is no leak, and lower is better.
        NaN without a holdout of two rows. ``detail`` has the arms ``DOMIAS``, ``distance`` (to the
        nearest fake alone) and ``naive`` (a coin).

    Notes
    -----
    Both densities are estimated by nearest neighbours: that of fakes by the distance to the first,
    which alone a single copy changes, that of the reference by the distance to the fifth, which
    varies less. The score of a row is the logarithm of the second distance over the first;
    dimension and numbers of rows change no rank, and therefore no AUC.

    References
    ----------
    van Breugel et al. (2023), Membership inference attacks against synthetic data through
    overfitting detection, AISTATS, arXiv 2302.12580. Loftsgaarden and Quesenberry (1965), A
    nonparametric estimate of a multivariate density function, doi 10.1214/aoms/1177700079.
    """
    rng = draw_generator(random_state)
    rows = draw_rows(rng, _MOST, real=real, fake=fake, holdout=holdout)
    # Rows stand in random order: every other one is half of them, drawn.
    members = rows.tables["real"][::2]
    non_members, reference = (rows.tables.get("holdout", members[:0])[i::2] for i in (0, 1))
    notes = [rows.note]
    scores: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    if len(reference):
        space = Space.fit(reference, rows.is_level)
        places = [
            space.points(x).astype(np.float64)
            for x in (members, non_members, rows.tables["fake"], reference)
        ]
        scores = _scores(*places)
    else:
        notes.append(_TOO_FEW if len(non_members) else NO_VERDICT)
    n = len(members) + len(non_members)
    known = {arm: (auc(*both), *auc_interval(*both), n) for arm, both in scores.items()}
    nan = float("nan")
    detail = pd.DataFrame.from_dict(
        {**dict.fromkeys(("DOMIAS", "distance"), (nan, nan, nan, 0)), **known,
         "naive": (0.5, 0.5, 0.5, n)},
        orient="index", columns=["value", "low", "high", "n_attacks"],
    ).rename_axis("arm")  # fmt: skip
    return Score(
        "membership inference",
        known["DOMIAS"][0] if known else nan,
        False,
        detail,
        known["DOMIAS"][1:3] if known else None,
        0.5 if known else None,
        note=" ".join(filter(None, notes)),
    )


def _scores(
    members: np.ndarray, non_members: np.ndarray, fakes: np.ndarray, reference: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Score members and non-members, higher for what looks like a member, by each attack."""
    k = min(_N_NEIGHBORS, len(reference))
    both = members, non_members
    to_fake = [np.log(nearest(x, fakes)[0][:, 0] + _LEAST) for x in both]
    to_others = [np.log(nearest(x, reference, k)[0][:, -1] + _LEAST) for x in both]
    return {
        "DOMIAS": (to_others[0] - to_fake[0], to_others[1] - to_fake[1]),
        "distance": (-to_fake[0], -to_fake[1]),
    }
