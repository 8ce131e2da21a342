"""Linkability: fakes as the bridge between two data sets about the same people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.attacks.arms import Arm, attack_score
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator, encode, read_tables

__all__ = ["linkability"]

_MOST_ROWS = 50_000
_JITTER = 1e-4  # which of several equally near fakes is nearest is left to chance


def linkability(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    columns: tuple[Sequence[Any], Sequence[Any]] | None = None,
    n_neighbors: int = 1,
    n_attacks: int = 2000,
) -> Score:
    """Attack: tell by the fakes which records of two data sets are of one person.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; up to 50 000 rows of each are drawn, as many of each.
    columns : (sequence, sequence) or None, default=None
        What the one and the other data set know; disjoint. None halves the columns at random.
    n_neighbors : int, default=1
        The attack succeeds when one of so many fakes nearest to a person by the first columns is
        among those nearest by the second.
    n_attacks : int, default=2000
        People that are attacked; at most all.

    Returns
    -------
    score : Score
        The risk, as of `singling_out`; ``baseline`` links at random.

    Raises
    ------
    ParameterError
        Columns that are unknown, overlap, or leave a side empty; too many neighbours.

    References
    ----------
    Giomi et al. (2023), doi 10.56553/popets-2023-0055, section 4.2.
    """
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_ROWS, True, real=real, fake=fake, holdout=holdout)
    names = list(frames["real"].columns)
    sides = _halves(names, rng) if columns is None else _checked(columns, names)
    n = len(frames["fake"])
    if not 1 <= n_neighbors <= n:
        raise ParameterError(
            f"n_neighbors={n_neighbors!r} is not allowed; give 1 to {n}, the number of fakes."
        )
    tables, is_level = encode(*frames.values())
    known = dict(zip(frames, tables, strict=True))
    rows = rng.choice(n, min(n_attacks, n), replace=False)
    linked = {name: np.zeros(len(rows), dtype=bool) for name in known if name != "fake"}
    bridges: dict[str, list[np.ndarray]] = {name: [] for name in linked}
    for side in sides:
        at = [names.index(name) for name in side]
        space = Space.fit(known["real"][:, at], is_level[at])
        fakes = space.points(known["fake"][:, at])
        fakes = fakes + rng.normal(0, _JITTER, fakes.shape).astype(np.float32)
        for name in linked:
            people = space.points(known[name][rows][:, at])
            bridges[name].append(nearest(people, fakes, n_neighbors)[1])
    hits = {name: _meet(*pair) for name, pair in bridges.items()}
    guesses = _meet(*(rng.integers(n, size=(len(rows), n_neighbors)) for _ in range(2)))
    return attack_score(
        "linkability",
        Arm(hits["real"], len(rows)),
        Arm(hits["holdout"], len(rows)) if "holdout" in hits else None,
        Arm(guesses, len(rows)),
        [note] if note else [],
    )


def _meet(first: np.ndarray, second: np.ndarray) -> int:
    """Count rows of which the two sets of fakes have one in common."""
    return int((first[:, :, None] == second[:, None, :]).any(axis=(1, 2)).sum())


def _halves(names: list[Any], rng: np.random.Generator) -> tuple[list[Any], list[Any]]:
    if len(names) < 2:
        raise ParameterError("columns=None needs a table of two columns or more; there is one.")
    names = sorted(names, key=str)  # whatever their order in the table
    order = [names[i] for i in rng.permutation(len(names))]
    half = len(order) // 2
    return order[:half], order[half:]


def _checked(
    columns: tuple[Sequence[Any], Sequence[Any]], names: list[Any]
) -> tuple[list[Any], list[Any]]:
    if len(columns) != 2 or isinstance(columns[0], str) or isinstance(columns[1], str):
        raise ParameterError(f"columns={columns!r} is not allowed; give two lists of columns.")
    first, second = map(list, columns)
    unknown = [name for name in first + second if name not in names]
    if unknown or not first or not second or set(first) & set(second):
        raise ParameterError(
            f"columns={columns!r} is not allowed; give two lists of columns, without any in common."
        )
    return first, second
