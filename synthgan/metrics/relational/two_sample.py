"""Classifier two-sample tests (C2ST) of related tables; the folds keep people together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.relational.features import (
    Features,
    alone,
    consecutive,
    families,
    joined,
)
from synthgan.metrics.relational.reading import (
    ComparedTables,
    relational_measure,
    with_shuffled_columns,
)
from synthgan.metrics.tables import encode
from synthgan.metrics.two_sample import boosted, two_sample_test
from synthgan.records.related import Relation

__all__ = ["child_c2st", "family_c2st", "joined_c2st", "parent_c2st", "step_c2st"]

MOST_PARENTS, _MOST_ROWS = 6000, 20_000
_FEWEST_OF_LABEL, _MOST_LABELS = 5, 200  # rarer labels, in both tables together, are one
_MOST_JOINED = 10  # people of both tables with equal rows who are in one fold
_N_NAMED = 3


@relational_measure("C2ST of parents", higher_is_better=False, surrogates=with_shuffled_columns)
def parent_c2st(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Classifier two-sample test of the rows that belong to no other.

    Returns
    -------
    score : Score
        As in `c2st`: the five-fold AUC of boosted trees; .5 is guessing, lower is better. The mean
        over the topmost tables. ``detail`` is indexed by table, with the interval ``low`` and
        ``high``, in which people are independent units, and the columns by which the trees
        ``differ`` most. The floor has shuffled columns. Up to 6000 rows of each table are drawn.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Lopez-Paz and Oquab (2017), arXiv 1610.06545.
    """
    return _of_tables(real, other, rng, real.tops(), MOST_PARENTS)


@relational_measure("C2ST of children", higher_is_better=False, surrogates=with_shuffled_columns)
def child_c2st(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Classifier two-sample test of the rows that belong to others, by their own cells only.

    Returns
    -------
    score : Score
        As in `parent_c2st`, the mean over the tables whose rows belong to a parent. The rows of a
        person are in one fold. Up to 20 000 rows of each table are drawn.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Lopez-Paz and Oquab (2017), arXiv 1610.06545.
    """
    names = [name for name in real.frames if name not in real.tops()]
    return _of_tables(real, other, rng, names, _MOST_ROWS)


@relational_measure("C2ST of joined rows", higher_is_better=False, needs_holdout=True)
def joined_c2st(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Classifier two-sample test of rows together with the cells of all rows above them.

    Returns
    -------
    score : Score
        As in `parent_c2st`, the mean over relations: the cells of a row, of its parent, and of the
        parent's parents. Of a relation that links, the cells of the linked row. The rows of a
        person (of a linked row) are in one fold. Up to 6000 parents and 20 000 rows are drawn. The
        floor, with a holdout only, has rows that are assigned to other parents.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Lopez-Paz and Oquab (2017), arXiv 1610.06545.
    """
    return _of_relations(
        real, other, rng, real.relations, lambda tables, one, parents: joined(tables, one, parents)
    )


@relational_measure("C2ST of families", higher_is_better=False, needs_holdout=True)
def family_c2st(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Classifier two-sample test of parents with all their rows of one table summed up.

    Returns
    -------
    score : Score
        As in `parent_c2st`, the mean over relations: the cells of a parent, the number of its rows,
        the mean, standard deviation, first and last of their numbers, and how many labels there are
        and how often the commonest occurs. Up to 6000 parents are drawn. The floor, with a
        holdout only, has rows that are assigned to other parents.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Jurkovic, Hudovernik and Strumbelj (2024), SyntheRela, arXiv 2410.03411 (C2ST-Agg).
    """
    return _of_relations(
        real, other, rng, real.relations,
        lambda tables, one, parents: families(tables, one, parents, real),
    )  # fmt: skip


@relational_measure("C2ST of consecutive rows", higher_is_better=False, needs_holdout=True)
def step_c2st(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Classifier two-sample test of rows together with the row before them.

    Returns
    -------
    score : Score
        As in `parent_c2st`, the mean over the relations that own rows: the cells of two rows of a
        parent that follow each other, and the differences of their numbers. The rows of a person
        are in one fold. Up to 6000 parents and 20 000 pairs are drawn. The floor, with a holdout
        only, has rows that are assigned to other parents. NaN, with a note, if no parent has two
        rows.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Lopez-Paz and Oquab (2017), arXiv 1610.06545.
    """
    owners = [one for one in real.relations if one == real.owner(one.child)]
    return _of_relations(
        real, other, rng, owners,
        lambda tables, one, parents: consecutive(tables, one, parents, real),
    )  # fmt: skip


def _of_tables(
    real: ComparedTables,
    other: ComparedTables,
    rng: np.random.Generator,
    names: list[str],
    most: int,
) -> Part:
    parts = {}
    for name in names:
        if not real.frames[name].shape[1]:
            continue  # keys only
        seed = int(rng.integers(2**31 - 1))
        sides = [
            alone(tables, name, _drawn(len(tables.frames[name]), most, seed))
            for tables in (real, other)
        ]
        parts[name] = _test(sides[0], sides[1], seed)
    return _mean(parts, "table")


def _of_relations(
    real: ComparedTables,
    other: ComparedTables,
    rng: np.random.Generator,
    relations: Sequence[Relation],
    features: Callable[[ComparedTables, Relation, np.ndarray], Features],
) -> Part:
    parts, labels = {}, real.labels()
    for one in relations:
        seed = int(rng.integers(2**31 - 1))
        sides = [
            features(tables, one, _drawn(len(tables.frames[str(one.parent)]), MOST_PARENTS, seed))
            for tables in (real, other)
        ]
        if sides[0].frame.shape[1]:
            parts[labels[one]] = _test(sides[0], sides[1], seed)
    return _mean(parts, "relation")


def _drawn(n: int, most: int, seed: int) -> np.ndarray:
    """Return the positions of up to `most` rows, in their order."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _test(ours: Features, theirs: Features, seed: int) -> Part:
    """Train trees to separate two sets of features of equal size."""
    n = min(len(ours.frame), len(theirs.frame), _MOST_ROWS)
    if not n:
        note = "Not measured: there are no such rows."
        return Part(float("nan"), pd.DataFrame({"value": []}), note=note)
    some = [_drawn(len(side.frame), n, seed) for side in (ours, theirs)]
    frames = [
        side.frame.iloc[at].reset_index(drop=True)
        for side, at in zip((ours, theirs), some, strict=True)
    ]
    (x, y), is_level = encode(*frames)
    for i in np.flatnonzero(is_level):
        x[:, i], y[:, i] = _without_rare(x[:, i], y[:, i])
    people = _matched((x, ours.people[some[0]]), (y, theirs.people[some[1]]))
    return two_sample_test(
        x, y, lambda: boosted(seed, is_level), np.random.default_rng(seed),
        frames[0].columns.tolist(), people, match_equal=False,
    )  # fmt: skip


def _without_rare(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give labels that few rows of both tables have one code, the last."""
    codes, numbers = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
    counts = np.bincount(numbers, minlength=len(codes))
    common = np.argsort(-counts, kind="stable")[:_MOST_LABELS]
    common = common[counts[common] >= _FEWEST_OF_LABEL]
    new = np.full(len(codes), len(common), dtype=float)
    new[common] = np.arange(len(common))
    return new[numbers[: len(ours)]], new[numbers[len(ours) :]]


def _matched(*sides: tuple[np.ndarray, np.ndarray]) -> list[np.ndarray]:
    """Give people numbers; those with equal rows share one, if there are few of them.

    They are then in one fold, and a copy scores .5. Whether people are joined does not depend on
    the side they are on: to join pairs of a real and a synthetic person would leave, in the other
    folds, the surplus of one side, and the AUC of two samples of one population would exceed .5.
    """
    people, keys = [], []
    for x, whose in sides:
        codes = pd.factorize(whose)[0]
        sums = np.zeros(int(codes.max()) + 1, dtype=np.uint64)
        np.add.at(sums, codes, pd.util.hash_pandas_object(pd.DataFrame(x), index=False).to_numpy())
        people.append(codes)
        keys.append(sums)
    numbers = np.unique(np.concatenate(keys), return_inverse=True)[1]
    is_common = np.bincount(numbers)[numbers] > _MOST_JOINED
    numbers = np.where(is_common, len(numbers) + np.arange(len(numbers)), numbers)
    n = len(keys[0])
    return [numbers[:n][people[0]], numbers[n:][people[1]]]


def _mean(parts: Mapping[str, Part], axis: str) -> Part:
    """Return the mean of tests, with one row each in the detail."""
    rows = {}
    for name, part in parts.items():
        low, high = part.interval or (float("nan"), float("nan"))
        differ = [str(column) for column in part.detail.index[:_N_NAMED]]
        rows[name] = {
            "value": part.value, "low": low, "high": high, "differ": ", ".join(differ)
        }  # fmt: skip
    detail = pd.DataFrame.from_dict(
        rows, orient="index", columns=["value", "low", "high", "differ"]
    ).rename_axis(axis)
    interval = next(iter(parts.values())).interval if len(parts) == 1 else None
    notes = [f"{name}: {part.note}" for name, part in parts.items() if part.note]
    return Part.mean(detail)._replace(interval=interval, note=" ".join(notes))
