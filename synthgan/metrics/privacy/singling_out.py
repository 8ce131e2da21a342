"""The attack that singles one person out of all."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy.attacks import (
    Arm,
    attack_score,
    check_count,
    clustered_number,
    effective_number,
)
from synthgan.metrics.privacy.predicates import Domain, Predicates, to_ranks
from synthgan.metrics.privacy.rows import Rows, draw_rows
from synthgan.metrics.score import Score
from synthgan.metrics.tables import draw_generator

__all__ = ["singling_out"]

MODES = ("univariate", "multivariate")
_MOST = {"real": 50_000, "fake": 50_000, "holdout": 50_000}
_N_COLUMNS = 3
_TRIES = 150  # rounds at most, each of as many conjunctions as attacks are wanted,
_FEWEST_TRIED = 1000  # but no fewer than these
_IN_VAIN = 5  # rounds without a new one that end the search
_FEWEST_EXPOSED = 3  # columns that single a row out before it is named
_NOTHING = "No predicate that was tried singles out a fake row, so there is nothing to attack with."


def singling_out(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    mode: str = "multivariate",
    n_attacks: int = 2000,
    n_columns: int | None = None,
) -> Score:
    """Guess, from fakes, what is true of exactly one real person.

    An attack is a predicate that exactly one fake row meets. It succeeds when exactly one real
    person meets it, too (main arm), or exactly one of the holdout (control).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`. As many real rows as holdout rows take part, up to 50 000 of each; up
        to 50 000 fakes. They are drawn at random where there are more.
    random_state : int, RandomState instance, Generator or None, default=None
        For the predicates, and the rows that are drawn.
    groups, holdout_groups
        As in `exact_copies`: a person is singled out by what is true of their rows alone, however
        many. As many persons of each take part.
    mode : {"univariate", "multivariate"}, default="multivariate"
        ``"univariate"``: one column: a value, or a gap, that one fake alone has, and the least and
        the greatest value. Finds single people with rare values. ``"multivariate"``: several
        columns of a fake drawn at random: numbers and dates at least as extreme, away from the
        median; levels and gaps the same. Finds many copies.
    n_attacks : int, default=2000
        At most; fewer where fewer single out a fake. Extremes and gaps come first.
    n_columns : int or None, default=None
        Columns of a multivariate predicate, drawn anew for each; None: 3, or all of fewer.

    Returns
    -------
    score : Score
        The risk ``(main - control) / (1 - control)``; 0..1, lower is better. NaN without a
        holdout. ``detail`` has rate and interval of the arms ``main``, ``control`` and
        ``baseline`` (predicates drawn at random over the real columns' ranges and levels); where
        univariate, also of the extremes and gaps alone. A real row that one fake singles out in
        three or more columns, and in more than any of the holdout, is named in ``note`` by its
        place in the table, 0 for the first; a person of several rows by the first of them.

    Raises
    ------
    ParameterError
        An unknown mode, no attack, more columns than there are.
    DataError
        A table without rows, or columns missing.

    References
    ----------
    Giomi et al. (2023), A unified framework for quantifying privacy risk in synthetic data,
    doi 10.56553/popets-2023-0055.
    """
    if mode not in MODES:
        raise ParameterError(f"mode={mode!r} is not allowed; give one of {list(MODES)}.")
    check_count("n_attacks", n_attacks)
    rng = draw_generator(random_state)
    rows = draw_rows(
        rng, _MOST, ("real", "holdout"), groups, holdout_groups,
        real=real, fake=fake, holdout=holdout,
    )  # fmt: skip
    n_all = len(rows.columns)
    if n_columns is not None:
        check_count("n_columns", n_columns, n_all, ", the columns of the real table")
    width = 1 if mode == "univariate" else n_columns or min(_N_COLUMNS, n_all)
    ranks, domain = to_ranks(rows.tables, rows.is_level)
    if mode == "univariate":
        predicates, n_extreme = _univariate(ranks["fake"], domain, n_attacks, rng)
    else:
        predicates, n_extreme = _multivariate(ranks["fake"], domain, n_attacks, width, rng), 0
    by = predicates.singled_out(ranks["fake"])
    found = {
        name: predicates.singled_out(ranks[name], rows.people[name])
        for name in ranks
        if name != "fake"
    }
    guesses = _guesses(ranks["real"], domain, len(predicates), width, rng)
    arms = {"main": _arm(found["real"], by), "control": Arm()}
    if "holdout" in found:
        arms["control"] = _arm(found["holdout"], by)
    arms["baseline"] = _arm(
        guesses.singled_out(ranks["real"], rows.people["real"]), np.arange(len(guesses))
    )
    if mode == "univariate":
        few = slice(n_extreme)
        arms |= {
            f"{arm}, extremes": _arm(found[name][few], by[few])
            for arm, name in (("main", "real"), ("control", "holdout"))
            if name in found
        }
    exposed = _exposed(rows, predicates, by, found)
    notes = [rows.note, "" if len(predicates) else _NOTHING, exposed]
    return attack_score(f"singling out, {mode}", arms, notes)


def _univariate(
    fake: np.ndarray, domain: Domain, n_attacks: int, rng: np.random.Generator
) -> tuple[Predicates, int]:
    """Predicates of one column that single out a fake, and how many are extremes and gaps."""
    extremes, values = [], []
    for i, top in enumerate(domain.top):
        counts = np.bincount(fake[:, i], minlength=top + 1)
        if counts[0] == 1:
            extremes.append((i, 0, 0))
        present = np.flatnonzero(counts[1:]) + 1
        if not domain.is_level[i] and len(present):
            ends = (present[0], (i, 1, present[0])), (present[-1], (i, present[-1], top))
            extremes += [condition for end, condition in ends if counts[end] == 1]
        alone = present[counts[present] == 1]
        values.append(np.column_stack([np.full(len(alone), i), alone, alone]))
    first = np.array(extremes, dtype=np.int32).reshape(-1, 3)
    rest = rng.permutation(np.concatenate(values).astype(np.int32))
    column, low, high = np.concatenate([first, rest])[:n_attacks].T[:, :, None]
    return Predicates(column, low, high), min(len(first), n_attacks)


def _multivariate(
    fake: np.ndarray, domain: Domain, n_attacks: int, width: int, rng: np.random.Generator
) -> Predicates:
    """Conjunctions of `width` conditions, from fakes drawn at random, that single one out."""
    middle = np.array(
        [np.median(x[x > 0]) if (x > 0).any() else 0 for x in fake.T], dtype=np.float64
    )
    kept = Predicates(*np.empty((3, 0, width), dtype=np.int32))
    in_vain, lot = 0, max(n_attacks, _FEWEST_TRIED)
    for _ in range(_TRIES):
        row = rng.integers(len(fake), size=lot)
        column = rng.random((lot, fake.shape[1])).argsort(axis=1)[:, :width].astype(np.int32)
        rank = fake[row[:, None], column]
        scaled = ~domain.is_level[column] & (rank > 0)
        above = rank > middle[column]
        low = np.where(scaled & ~above, 1, rank)
        high = np.where(scaled & above, domain.top[column], rank)
        drawn = Predicates(column, low, high)
        more = Predicates.join([kept, drawn[drawn.singled_out(fake) >= 0]])
        in_vain = 0 if len(more) > len(kept) else in_vain + 1
        kept = more
        if len(kept) >= n_attacks or in_vain == _IN_VAIN:
            break
    return kept[:n_attacks]


def _guesses(
    real: np.ndarray, domain: Domain, n: int, width: int, rng: np.random.Generator
) -> Predicates:
    """Predicates of one who knows the real columns' ranges and levels, and no fake."""
    column = rng.random((n, real.shape[1])).argsort(axis=1)[:, :width].astype(np.int32)
    low, high = np.zeros_like(column), np.zeros_like(column)
    for i, values in enumerate(domain.values):
        here = column == i
        known = np.unique(real[:, i][real[:, i] > 0])
        if not len(known) or not here.any():
            continue
        if domain.is_level[i]:
            low[here] = high[here] = rng.choice(known, here.sum())
            continue
        share = rng.random(here.sum())
        least, greatest = values[known[0] - 1], values[known[-1] - 1]
        cut = least * (1 - share) + greatest * share
        upward = rng.random(len(cut)) < 0.5
        low[here] = np.where(upward, np.searchsorted(values, cut) + 1, 1)
        high[here] = np.where(upward, len(values), np.searchsorted(values, cut, side="right"))
    return Predicates(column, low, high)


def _arm(found: np.ndarray, by: np.ndarray) -> Arm:
    """Count successes; those by the same fake row, or of one person, are not independent."""
    hit = found >= 0
    n_people = clustered_number(hit, np.where(hit, found, -1 - np.arange(len(hit))))
    return Arm(float(hit.sum()), len(found), min(effective_number(by), n_people))


def _exposed(
    rows: Rows, predicates: Predicates, by: np.ndarray, found: dict[str, np.ndarray]
) -> str:
    """Name the real row that one fake singles out in most columns, if no holdout row is so."""
    if "holdout" not in found or predicates.column.shape[1] > 1:
        return ""
    column = predicates.column[:, 0]
    person, n_columns = _most_exposed(column, by, found["real"])
    of_holdout = _most_exposed(column, by, found["holdout"])[1]
    if n_columns < max(_FEWEST_EXPOSED, of_holdout + 1):
        return ""
    places = rows.positions["real"][rows.people["real"] == person]
    return (
        f"Real row {places.min()} is singled out in {n_columns} columns by one fake "
        f"row, no holdout row in more than {of_holdout}."
    )


def _most_exposed(column: np.ndarray, by: np.ndarray, found: np.ndarray) -> tuple[int, int]:
    """Find the person whom one fake row singles out in most columns, and in how many."""
    hit = found >= 0
    if not hit.any():
        return -1, 0
    triples = np.unique(np.column_stack([found, by, column])[hit], axis=0)
    pairs, counts = np.unique(triples[:, :2], axis=0, return_counts=True)
    return int(pairs[counts.argmax(), 0]), int(counts.max())
