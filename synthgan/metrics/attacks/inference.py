"""Attribute inference: what is guessed of a person from the most similar fakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from synthgan.exceptions import ParameterError
from synthgan.metrics.attacks.arms import Arm, attack_score, wilson
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator, encode, read_tables

__all__ = ["attribute_inference"]

_MOST_ROWS = 50_000
_MOST_SECRETS = 20


def attribute_inference(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    secret: Any = None,
    tolerance: float = 0.05,
    n_attacks: int = 1000,
) -> Score:
    """Attack: guess a secret of people of whom all else is known.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; up to 50 000 rows of each are drawn, as many of each.
    secret : object, default=None
        Column to guess; None guesses every column in turn (of more than 20 so many at random).
    tolerance : float, default=0.05
        A number is guessed when it is so near to the true one, relative to that.
    n_attacks : int, default=1000
        People that are attacked for each secret; at most all.

    Returns
    -------
    score : Score
        The risk, as of `singling_out`: the guess is the secret of the fake that is most alike
        otherwise; ``baseline`` is that of a fake at random. All secrets count alike; ``detail`` has
        a row for each, too, with its own risk as ``value``.

    Raises
    ------
    ParameterError
        A secret that is no column or the only one.

    References
    ----------
    Giomi et al. (2023), doi 10.56553/popets-2023-0055, section 4.3.
    """
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_ROWS, True, real=real, fake=fake, holdout=holdout)
    names = list(frames["real"].columns)
    if len(names) < 2 or (secret is not None and secret not in names):
        raise ParameterError(
            f"secret={secret!r} is not allowed; name a column of a table of two or more."
        )
    secrets = [names.index(secret)] if secret is not None else list(range(len(names)))
    if len(secrets) > _MOST_SECRETS:
        secrets = [int(i) for i in np.sort(rng.choice(secrets, _MOST_SECRETS, replace=False))]
    tables, is_level = encode(*frames.values())
    known = dict(zip(frames, tables, strict=True))
    n = len(frames["fake"])
    rows = rng.choice(n, min(n_attacks, n), replace=False)
    found = [_guess_one(known, is_level, i, rows, tolerance, rng) for i in secrets]
    arms = {name: _pooled([hits[name] for hits in found]) for name in found[0]}
    score = attack_score(
        "attribute inference",
        arms["real"],
        arms.get("holdout"),
        arms["guess"],
        [note] if note else [],
    )
    if secret is not None:
        return score
    columns = [names[i] for i in secrets]
    single = [
        attack_score("", hits["real"], hits.get("holdout"), hits["guess"], []) for hits in found
    ]
    each = pd.concat([one.detail.loc[["main"]].assign(value=one.value) for one in single])
    detail = pd.concat([score.detail, each.set_axis(columns)]).rename_axis("arm")
    told = _exposed(found, [one.value for one in single], columns)
    note = f"{score.note} {told}".strip()
    return Score(score.name, score.value, False, detail, score.interval, note=note)


def _guess_one(
    known: dict[str, np.ndarray],
    is_level: np.ndarray,
    secret: int,
    rows: np.ndarray,
    tolerance: float,
    rng: np.random.Generator,
) -> dict[str, Arm]:
    others = np.arange(len(is_level)) != secret
    space = Space.fit(known["real"][:, others], is_level[others])
    fakes = space.points(known["fake"][:, others])
    told = known["fake"][:, secret]
    hits = {}
    for name in known:
        if name == "fake":
            continue
        people = known[name][rows]
        closest = nearest(space.points(people[:, others]), fakes)[1][:, 0]
        right = _right(told[closest], people[:, secret], is_level[secret], tolerance)
        hits[name] = Arm(int(right.sum()), len(rows))
    drawn = told[rng.integers(len(told), size=len(rows))]
    right = _right(drawn, known["real"][rows, secret], is_level[secret], tolerance)
    hits["guess"] = Arm(int(right.sum()), len(rows))
    return hits


def _right(guess: np.ndarray, truth: np.ndarray, is_level: bool, tolerance: float) -> np.ndarray:
    if is_level:
        return guess == truth
    both_missing = np.isnan(guess) & np.isnan(truth)
    return both_missing | (np.abs(guess - truth) <= tolerance * np.abs(truth))


def _pooled(arms: list[Arm]) -> Arm:
    return Arm(sum(a.successes for a in arms), sum(a.n_attacks for a in arms))


def _exposed(found: list[dict[str, Arm]], risks: list[float], columns: list[Any]) -> str:
    """Name secrets that are guessed more often of learnt people, however many were tried."""
    z = float(norm.ppf(1 - 0.025 / len(found)))
    exposed = [
        f"{column} ({risk:.0%})"
        for hits, risk, column in zip(found, risks, columns, strict=True)
        if "holdout" in hits and wilson(hits["real"], z)[1] > wilson(hits["holdout"], z)[2]
    ]
    return f"At risk by themselves: {', '.join(exposed)}." if exposed else ""
