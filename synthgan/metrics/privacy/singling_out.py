"""Singling out attack: predicates that hold for exactly one person."""

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
from synthgan.randomness import draw_generator

__all__ = ["singling_out"]

MODES = ("univariate", "multivariate")
_MOST = {"real": 50_000, "fake": 50_000, "holdout": 50_000}
_N_COLUMNS = 3
_TRIES = 150  # maximum number of rounds, each with `n_attacks` conjunctions,
_FEWEST_TRIED = 1000  # but at least this number
_MOST_WITHOUT_NEW = 5  # the search ends after this number of rounds without a new predicate
_FEWEST_EXPOSED = 3  # minimum number of columns to report an exposed row
_NOTHING = "None of the predicates tried singles out a synthetic row, so there are no attacks."


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
    """Find predicates that hold for exactly one real person, by means of synthetic rows.

    An attack is a predicate that holds for exactly one synthetic row. It succeeds if it also holds
    for exactly one real person (main arm) or exactly one holdout person (control).

    Parameters
    ----------
    real, fake, holdout, target
        As in `exact_copies`. The same number of real and holdout rows is used, up to 50 000 of
        each, and up to 50 000 synthetic rows. Larger tables are sub-sampled.
    random_state : int, RandomState instance, Generator or None, default=None
        For the predicates and the sub-samples.
    groups, holdout_groups
        As in `exact_copies`. A person is singled out by a predicate that holds only for rows of
        that person, for one or more of them. The same number of persons of each table is used.
    mode : {"univariate", "multivariate"}, default="multivariate"
        ``"univariate"``: one column: a value (or a missing value) of exactly one synthetic row, and
        the smallest and the largest value. Detects single people with rare values.
        ``"multivariate"``: several columns of a random synthetic row: numbers and dates at least as
        far from the median; equal levels and missing values. Detects many copies.
    n_attacks : int, default=2000
        Maximum number; fewer if fewer predicates single out a synthetic row. Extremes and missing
        values come first.
    n_columns : int or None, default=None
        Number of columns of a multivariate predicate, drawn for each; None: 3, or all if there are
        fewer.

    Returns
    -------
    score : Score
        The risk ``(main - control) / (1 - control)``; 0..1, lower is better. NaN without a
        holdout. ``detail`` has rate and interval of the arms ``main``, ``control`` and
        ``baseline`` (predicates drawn at random over the real columns' ranges and levels); if
        univariate, also of the extremes and missing values alone. If a synthetic row singles out a
        real row in three or more columns, and in more than any holdout row, ``note`` gives the
        position of the real row, 0 for the first; for a person with several rows, that of the
        first.

    Raises
    ------
    ParameterError
        An unknown mode, no attacks, or too many columns.
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
        check_count("n_columns", n_columns, n_all, ", the number of columns of the real table")
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
    """Univariate predicates that single out a synthetic row, and the number of extreme ones."""
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
    """Conjunctions of `width` conditions that single out a synthetic row."""
    middle = np.array(
        [np.median(x[x > 0]) if (x > 0).any() else 0 for x in fake.T], dtype=np.float64
    )
    kept = Predicates(*np.empty((3, 0, width), dtype=np.int32))
    n_without_new, n_tried = 0, max(n_attacks, _FEWEST_TRIED)
    for _ in range(_TRIES):
        row = rng.integers(len(fake), size=n_tried)
        column = rng.random((n_tried, fake.shape[1])).argsort(axis=1)[:, :width].astype(np.int32)
        rank = fake[row[:, None], column]
        scaled = ~domain.is_level[column] & (rank > 0)
        above = rank > middle[column]
        low = np.where(scaled & ~above, 1, rank)
        high = np.where(scaled & above, domain.top[column], rank)
        drawn = Predicates(column, low, high)
        more = Predicates.join([kept, drawn[drawn.singled_out(fake) >= 0]])
        n_without_new = 0 if len(more) > len(kept) else n_without_new + 1
        kept = more
        if len(kept) >= n_attacks or n_without_new == _MOST_WITHOUT_NEW:
            break
    return kept[:n_attacks]


def _guesses(
    real: np.ndarray, domain: Domain, n: int, width: int, rng: np.random.Generator
) -> Predicates:
    """Baseline predicates from the real columns' ranges and levels, without synthetic rows."""
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
    """Count successes; those by one synthetic row, or of one person, are dependent."""
    hit = found >= 0
    n_people = clustered_number(hit, np.where(hit, found, -1 - np.arange(len(hit))))
    return Arm(float(hit.sum()), len(found), min(effective_number(by), n_people))


def _exposed(
    rows: Rows, predicates: Predicates, by: np.ndarray, found: dict[str, np.ndarray]
) -> str:
    """Describe the real row that a synthetic row singles out in most columns, if any."""
    if "holdout" not in found or predicates.column.shape[1] > 1:
        return ""
    column = predicates.column[:, 0]
    person, n_columns = _most_exposed(column, by, found["real"])
    of_holdout = _most_exposed(column, by, found["holdout"])[1]
    if n_columns < max(_FEWEST_EXPOSED, of_holdout + 1):
        return ""
    places = rows.positions["real"][rows.people["real"] == person]
    return (
        f"Real row {places.min()} is singled out in {n_columns} columns by one "
        f"synthetic row, no holdout row in more than {of_holdout}."
    )


def _most_exposed(column: np.ndarray, by: np.ndarray, found: np.ndarray) -> tuple[int, int]:
    """Find the person that a synthetic row singles out in most columns, and their number."""
    hit = found >= 0
    if not hit.any():
        return -1, 0
    triples = np.unique(np.column_stack([found, by, column])[hit], axis=0)
    pairs, counts = np.unique(triples[:, :2], axis=0, return_counts=True)
    return int(pairs[counts.argmax(), 0]), int(counts.max())
