"""Membership inference: who was among the people that were learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.attacks.arms import NO_HOLDOUT
from synthgan.metrics.points import auc, auc_interval
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator, encode, read_tables

__all__ = ["membership_inference"]

_MOST_ROWS = 50_000
_MOST_PEOPLE = 5000  # on each side
_FEWEST_ROWS = 4


def membership_inference(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Attack: tell learnt people from others of the same population.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; up to 50 000 rows of each are drawn. Half of the holdout tells the
        attacker what is common in the population, the other half are people who were not learnt; as
        many real rows are attacked.

    Returns
    -------
    score : Score
        AUC of the attack DOMIAS: a person is taken for learnt when fakes are denser round them than
        other people are; densities by the distance to the nearest. 0.5 is chance, 1 certainty;
        lower is better. NaN without a holdout of 4 rows or more. ``detail`` also has the AUC of the
        plain distance to the nearest fake. The interval is DeLong's.

    References
    ----------
    van Breugel et al. (2023), Membership inference attacks against synthetic data through
    overfitting detection, arXiv 2302.12580.
    """
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_ROWS, real=real, fake=fake, holdout=holdout)
    if "holdout" not in frames or len(frames["holdout"]) < _FEWEST_ROWS:
        detail = pd.DataFrame({"value": []}, dtype=float)
        note = f"{NO_HOLDOUT} {note}".strip()
        return Score("membership inference", float("nan"), False, detail, note=note)
    tables, is_level = encode(*frames.values())
    known = dict(zip(frames, tables, strict=True))
    order = rng.permutation(len(known["holdout"]))
    half = min(len(order) // 2, len(known["real"]), _MOST_PEOPLE)
    # Scales are learnt from the reference alone: it must not know who is attacked.
    space = Space.fit(known["holdout"][order[half:]], is_level)
    members = rng.choice(len(known["real"]), half, replace=False)
    people = [space.points(known["real"][members]), space.points(known["holdout"][order[:half]])]
    reference, fakes = space.points(known["holdout"][order[half:]]), space.points(known["fake"])
    # How many there are of each shifts all densities alike, and no AUC.
    gaps = [nearest(side, fakes)[0][:, 0] for side in people]
    usual = [nearest(side, reference)[0][:, 0] for side in people]
    least = 1e-3 * float(np.median(np.concatenate(usual))) + 1e-9
    odds = [np.log((u + least) / (g + least)) for u, g in zip(usual, gaps, strict=True)]
    value, interval = auc(odds[0], odds[1]), auc_interval(odds[0], odds[1])
    detail = pd.DataFrame(
        {
            "value": [value, auc(-gaps[0], -gaps[1])],
            "n_people": [2 * half] * 2,
        },
        index=pd.Index(["DOMIAS", "distance to the nearest fake"], name="attack"),
    )
    if interval[0] <= 0.5:
        note = f"{note} The attack is no better than guessing.".strip()
    return Score("membership inference", value, False, detail, interval, note=note)
