"""Attribute inference attack: infer a secret value of a person from the known values."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy.attacks import (
    ARMS,
    Arm,
    attack_score,
    effective_number,
    risk,
)
from synthgan.metrics.privacy.rows import Rows, draw_targets
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.randomness import draw_generator

__all__ = ["attribute_inference"]

_MOST_SECRETS = 30
_ONE_COLUMN = "With a single column, no other value of a target is known."


def attribute_inference(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    secret: Any = None,
    tolerance: float = 0.05,
    n_attacks: int = 2000,
) -> Score:
    """Infer a secret value of a person, whose other values are known, from synthetic rows.

    The attack guesses the secret of the synthetic row that is nearest in all other columns.
    Targets are real rows (main arm) or holdout rows (control): success on both is knowledge of the
    population, not a leak.

    Parameters
    ----------
    real, fake, holdout
        As in `exact_copies`; of large tables `n_attacks` rows and up to 10 000 synthetic rows are
        drawn.
    target : object, default=None
        The secret column, if `secret` is not given.
    random_state : int, RandomState instance, Generator or None, default=None
        For the guesses of the baseline, and the drawn rows and columns.
    groups, holdout_groups
        As in `exact_copies`; the targets are drawn by person, and the intervals treat persons as
        independent units.
    secret : object, default=None
        Name of the secret column. None: the target; without a target each column in turn, at most
        30 columns.
    tolerance : float, default=0.05
        Allowed error of a guessed number or date, as a share of the range of the middle 99 % of the
        real column. Levels and missing values must be equal.
    n_attacks : int, default=2000
        Maximum number of targets, for real and holdout rows each.

    Returns
    -------
    score : Score
        The risk ``(main - control) / (1 - control)``; 0..1, lower is better. NaN without a
        holdout, or with a single column. ``detail`` has rate and interval of the arms ``main``,
        ``control`` and ``baseline`` (the secret of a real row drawn at random). With several
        secrets a rate is their mean, with an interval that treats all secrets of a person as fully
        dependent, and ``detail`` has a row ``risk of ...`` for each, in descending order.

    Raises
    ------
    ParameterError
        A secret or target that is not a column, a negative tolerance, or no attacks.
    DataError
        A table without rows, or columns missing.

    References
    ----------
    Giomi et al. (2023), A unified framework for quantifying privacy risk in synthetic data,
    doi 10.56553/popets-2023-0055.
    """
    if not 0 <= tolerance < np.inf:
        raise ParameterError(f"tolerance={tolerance!r} is not allowed; give a share, 0 or more.")
    rng = draw_generator(random_state)
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rows = draw_targets(rng, n_attacks, groups, holdout_groups, **tables)
    notes = [rows.note]
    secrets = _secrets(secret, target, rows.columns)
    name = "attribute inference"
    if len(rows.columns) == 1:
        return attack_score(name, {arm: Arm() for arm in ARMS}, [*notes, _ONE_COLUMN])
    if len(secrets) > _MOST_SECRETS:
        notes.append(f"Drawn at random: {_MOST_SECRETS} of {len(secrets)} columns as secrets.")
        secrets = np.sort(rng.choice(secrets, _MOST_SECRETS, replace=False))
    hits = _attack(rows, secrets, tolerance, rng)
    sets = {"main": "real", "control": "holdout", "baseline": "real"}
    n_people = {
        arm: effective_number(rows.people[name]) for arm, name in sets.items() if arm in hits
    }
    arms = {arm: _pooled(hits[arm], n_people[arm]) if arm in hits else Arm() for arm in ARMS}
    more = {}
    if len(secrets) > 1 and "control" in hits:
        risks = {}
        for i, place in enumerate(secrets):
            value, interval = risk(
                *(_pooled(hits[arm][:, [i]], n_people[arm]) for arm in ("main", "control"))
            )
            risks[f"risk of {rows.columns[place]}"] = (value, *interval, len(hits["main"]))
        more = dict(sorted(risks.items(), key=lambda item: -item[1][0]))
    elif len(secrets) == 1:
        name = f"{name} of {rows.columns[secrets[0]]}"
    return attack_score(name, arms, notes, more)


def _secrets(secret: Any, target: Any, columns: list[Any]) -> np.ndarray:
    for name, value in (("secret", secret), ("target", target)):
        if value is None:
            continue
        if value not in columns:
            raise ParameterError(
                f"{name}={value!r} is not allowed; name a column of the real table."
            )
        return np.array([columns.index(value)])
    return np.arange(len(columns))


def _attack(
    rows: Rows, secrets: np.ndarray, tolerance: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return, for each arm, whether the guess of each target's secret was right."""
    real, fake = rows.tables["real"], rows.tables["fake"]
    targets = {"main": real}
    if "holdout" in rows.tables:
        targets["control"] = rows.tables["holdout"]
    hits = {
        arm: np.empty((len(x), len(secrets)), dtype=bool)
        for arm, x in {**targets, "baseline": real}.items()
    }
    for i, place in enumerate(secrets):
        others = np.delete(np.arange(real.shape[1]), place)
        space = Space.fit(real[:, others], rows.is_level[others])
        known = space.points(fake[:, others]).astype(np.float64)
        scale = Space.fit(real[:, [place]], rows.is_level[[place]]).width[0]
        reach = 0.0 if rows.is_level[place] else tolerance * scale
        for arm, x in targets.items():
            closest = nearest(space.points(x[:, others]).astype(np.float64), known)[1][:, 0]
            hits[arm][:, i] = _right(fake[closest, place], x[:, place], reach)
        guess = real[rng.integers(len(real), size=len(real)), place]
        hits["baseline"][:, i] = _right(guess, real[:, place], reach)
    return hits


def _right(guess: np.ndarray, truth: np.ndarray, reach: float) -> np.ndarray:
    # Halved, so that the difference of huge numbers stays finite.
    near = np.abs(guess / 2 - truth / 2) <= reach / 2
    return near | (np.isnan(guess) & np.isnan(truth))


def _pooled(hits: np.ndarray, n_people: float) -> Arm:
    return Arm(float(hits.mean(axis=1).sum()), len(hits), n_people)
