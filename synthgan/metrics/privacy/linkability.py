"""Linkability attack: link two parts of a person's record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy.attacks import ARMS, Arm, attack_score, check_count, effective_number
from synthgan.metrics.privacy.rows import Rows, draw_targets
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.randomness import draw_generator

__all__ = ["linkability"]

_N_SPLITS = 4
_ONE_COLUMN = "A single column cannot be split in two."


def linkability(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    columns: tuple[Sequence[Any], Sequence[Any]] | None = None,
    n_neighbors: int = 1,
    n_attacks: int = 2000,
) -> Score:
    """Link two parts of a person's record, held in two places, by means of synthetic rows.

    The attack finds the synthetic rows nearest to a target in one set of columns and those nearest
    in another. It succeeds if a synthetic row is in both. Targets are real rows (main arm) or
    holdout rows (control).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`; of large tables `n_attacks` rows and up to 10 000 synthetic rows are
        drawn.
    random_state : int, RandomState instance, Generator or None, default=None
        For the split of the columns and the sub-samples.
    groups, holdout_groups
        As in `exact_copies`; the targets are drawn by person, and the intervals treat persons as
        independent units.
    columns : (sequence, sequence) or None, default=None
        Names of the columns in each place; no name in both. None: a random even split of all
        columns, different for each quarter of the targets.
    n_neighbors : int, default=1
        Number of nearest synthetic rows in each place.
    n_attacks : int, default=2000
        Maximum number of targets, for real and holdout rows each.

    Returns
    -------
    score : Score
        The risk ``(main - control) / (1 - control)``; 0..1, lower is better. NaN without a
        holdout, or with a single column. ``detail`` has rate and interval of the arms ``main``,
        ``control`` and ``baseline`` (random synthetic rows; its rate is computed).

    Raises
    ------
    ParameterError
        Unknown columns, columns in both sets, or an empty set; more neighbours than synthetic rows;
        or no attacks.
    DataError
        A table without rows, or columns missing.

    References
    ----------
    Giomi et al. (2023), A unified framework for quantifying privacy risk in synthetic data,
    doi 10.56553/popets-2023-0055.
    """
    rng = draw_generator(random_state)
    tables = {"real": real, "fake": fake, "holdout": holdout}
    rows = draw_targets(rng, n_attacks, groups, holdout_groups, **tables)
    n_synthetic = len(rows.tables["fake"])
    check_count("n_neighbors", n_neighbors, n_synthetic, ", the number of synthetic rows searched")
    if columns is not None:
        splits = [_places(columns, rows.columns)]
    elif len(rows.columns) < 2:
        return attack_score("linkability", {a: Arm() for a in ARMS}, [rows.note, _ONE_COLUMN])
    else:
        half = len(rows.columns) // 2
        orders = [rng.permutation(len(rows.columns)) for _ in range(_N_SPLITS)]
        splits = [(order[:half], order[half:]) for order in orders]
    arms = {"main": _linked(rows, "real", splits, n_neighbors), "control": Arm()}
    if "holdout" in rows.tables:
        arms["control"] = _linked(rows, "holdout", splits, n_neighbors)
    by_chance = 1 - math.exp(
        _log_choose(n_synthetic - n_neighbors, n_neighbors) - _log_choose(n_synthetic, n_neighbors)
    )
    main = arms["main"]
    arms["baseline"] = Arm(by_chance * main.n_attacks, main.n_attacks, main.n_effective)
    return attack_score("linkability", arms, [rows.note])


def _linked(rows: Rows, name: str, splits: list[tuple[np.ndarray, np.ndarray]], k: int) -> Arm:
    """Attack the rows of a table, with an equal part for each split."""
    targets, synthetic = rows.tables[name], rows.tables["fake"]
    n_linked = 0
    for i, parts in enumerate(splits):
        some = targets[i :: len(splits)]
        if not len(some):
            continue
        looked_up = []
        for part in parts:
            space = Space.fit(rows.tables["real"][:, part], rows.is_level[part])
            ours, theirs = (space.points(x[:, part]).astype(np.float64) for x in (some, synthetic))
            looked_up.append(nearest(ours, theirs, k)[1])
        same = looked_up[0][:, :, None] == looked_up[1][:, None, :]
        n_linked += int(same.any(axis=(1, 2)).sum())
    return Arm(n_linked, len(targets), effective_number(rows.people[name]))


def _places(columns: Any, known: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the columns of both sets."""
    try:
        first, second = ([known.index(name) for name in part] for part in columns)
    except (TypeError, ValueError):
        first, second = [], []
    if not first or not second or set(first) & set(second) or isinstance(columns, str):
        raise ParameterError(
            f"columns={columns!r} is not allowed; give two lists of columns of the real table, "
            "none in both."
        )
    return np.array(first), np.array(second)


def _log_choose(n: int, k: int) -> float:
    if k > n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
