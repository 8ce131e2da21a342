"""Equality of rows, and sub-samples of large tables; no specific measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.privacy.attacks import check_count
from synthgan.metrics.privacy.point_sets import PointSets
from synthgan.metrics.space import Space
from synthgan.metrics.tables import check_tables, encode, is_scaled, to_codes, to_numbers

__all__ = [
    "Drawn",
    "Rows",
    "draw",
    "draw_rows",
    "draw_targets",
    "read_in_order",
    "read_point_sets",
    "row_keys",
    "without_known",
]

_TABLES = ("real", "fake", "holdout")
_MOST_FAKES = 10_000  # synthetic rows that an attack searches


@dataclass(frozen=True)
class Drawn:
    """The drawn records of each set, and their persons.

    Parameters
    ----------
    positions : dict of str to ndarray of shape (n,)
        Position of each record in the given set; records of one person are adjacent.
    people : dict of str to ndarray of int of shape (n,)
        The person of each record.
    note : str
        Records that were left out and sub-samples; empty if all records are used.
    """

    positions: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    note: str


@dataclass(frozen=True)
class Rows(Drawn):
    """The drawn rows of all tables as numbers, in an order that depends only on content and seed.

    Parameters
    ----------
    tables : dict of str to ndarray of shape (n_rows, n_columns)
        ``real``, ``fake`` and optionally ``holdout``, as returned by `encode`.
    columns : list
        Names, sorted.
    is_level : ndarray of shape (n_columns,)
    """

    tables: dict[str, np.ndarray]
    columns: list[Any]
    is_level: np.ndarray


def draw_rows(
    rng: np.random.Generator,
    most: Mapping[str, int],
    equal: Sequence[str] = ("real", "holdout"),
    groups: Any = None,
    holdout_groups: Any = None,
    **tables: Any,
) -> Rows:
    """Read tables, and sub-sample large ones, see `draw`.

    Parameters
    ----------
    rng, most, equal
        As in `draw`.
    groups, holdout_groups : array-like of shape (n_rows,), or None, default=None
        The persons of the rows, see `code_people`.
    **tables : DataFrame, array-like, or None
        ``real``, ``fake``, ``holdout``; None is left out.

    Raises
    ------
    DataError
        A table without rows, a missing column, or groups whose number differs from that of the
        rows.
    """
    frames = read_in_order(**tables)
    people = code_people({name: len(x) for name, x in frames.items()}, groups, holdout_groups)
    keys = dict(zip(frames, row_keys(*frames.values()), strict=True))
    drawn = draw(rng, most, keys, people, equal)
    parts = [frames[name].iloc[places] for name, places in drawn.positions.items()]
    arrays, is_level = encode(parts[0], *parts[1:])
    named = dict(zip(drawn.positions, arrays, strict=True))
    return Rows(**vars(drawn), tables=named, columns=list(parts[0].columns), is_level=is_level)


def draw_targets(
    rng: np.random.Generator, n_attacks: Any, groups: Any, holdout_groups: Any, **tables: Any
) -> Rows:
    """Draw up to `n_attacks` real and holdout rows, and 10 000 synthetic ones; as `draw_rows`."""
    check_count("n_attacks", n_attacks)
    most = {"real": n_attacks, "fake": _MOST_FAKES, "holdout": n_attacks}
    return draw_rows(rng, most, ("real", "holdout"), groups, holdout_groups, **tables)


def read_point_sets(
    rng: np.random.Generator,
    most: Mapping[str, int],
    equal: Sequence[str],
    groups: Any,
    holdout_groups: Any,
    **tables: Any,
) -> PointSets:
    """Read tables as points in the space of the real table; as `draw_rows`."""
    rows = draw_rows(rng, most, equal, groups, holdout_groups, **tables)
    space = Space.fit(rows.tables["real"], rows.is_level)
    points = {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}
    return PointSets(points, rows.people, rows.note)


def draw(
    rng: np.random.Generator,
    most: Mapping[str, int],
    keys: Mapping[str, np.ndarray],
    people: Mapping[str, np.ndarray],
    equal: Sequence[str] = ("real", "holdout"),
    unit: str = "rows",
) -> Drawn:
    """Sub-sample large sets by person.

    A record and its copy in another set are drawn together, as far as the sampling fractions allow,
    so a small sub-sample of a large set still shows copies. The two sets whose values are compared
    are first reduced to the same number of records (and of persons, if neither is the synthetic
    set), independently of each other, so that by chance both have equally many equal records in the
    third. Holdout persons who are also in the real set are left out, because they are not a valid
    control.

    Parameters
    ----------
    rng : Generator
    most : mapping of str to int
        Maximum number of records, by set.
    keys : mapping of str to ndarray of uint64 of shape (n,)
        A key for each record, equal for equal records.
    people : mapping of str to ndarray of int of shape (n,)
        As returned by `code_people`.
    equal : sequence of str, default=("real", "holdout")
        The sets whose values are compared.
    unit : str, default="rows"
        Plural name of the records, for the note.
    """
    seeds = rng.integers(2**63, size=len(_TABLES) + 1, dtype=np.uint64)
    here, notes = without_known(people, unit)
    by = {name: people[name][at] for name, at in here.items()}
    compared = [name for name in equal if name in here]
    n_people = min((len(np.unique(by[name])) for name in compared), default=0)
    whole = {}
    for name in compared:
        own = _TABLES.index(name)
        orders = _orders(keys[name][here[name]], by[name], seeds[own : own + 1])
        whole[name] = orders[:, orders[1] < n_people] if "fake" not in equal else orders
    n_records = min((orders.shape[1] for orders in whole.values()), default=0)
    drawn = []
    for name, at in here.items():
        if name in whole:
            # The first record of each person, then the second of each ...
            turn = np.lexsort([whole[name][1], whole[name][2]])
            at = at[whole[name][0][turn[:n_records]]]
        at = at[_orders(keys[name][at], people[name][at], seeds[-1:])[0][: most[name]]]
        if len(at) < len(here[name]):
            drawn.append(f"{len(at)} of {len(people[name])} {name} {unit}")
        here[name] = at
    notes += [f"Drawn at random: {', '.join(drawn)}."] if drawn else []
    kept = _renumbered({name: people[name][at] for name, at in here.items()})
    return Drawn(here, kept, " ".join(notes))


def _renumbered(people: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Renumber persons by occurrence, so that results do not depend on the order of the sets."""
    codes = pd.factorize(np.concatenate(list(people.values())))[0]
    ends = np.cumsum([len(x) for x in people.values()])[:-1]
    return dict(zip(people, np.split(codes, ends), strict=True))


def read_in_order(**tables: Any) -> dict[str, pd.DataFrame]:
    """Read all rows of tables, with the columns of the first sorted by name."""
    frames = check_tables(**tables)
    first = next(iter(frames.values()))
    columns = sorted(first.columns, key=lambda name: (str(name), repr(name)))
    return {name: frame[columns] for name, frame in frames.items()}


def row_keys(*frames: pd.DataFrame) -> list[np.ndarray]:
    """Return a 64-bit key for each row, equal for equal rows of all tables.

    Numbers are compared by value, independently of the dtype, and as float32 if a table has a
    float32 column. Levels are compared by label, and missing values are equal.

    Parameters
    ----------
    *frames : DataFrame
        With the same columns in the same order. The first determines which are on a scale.
    """
    keys = [np.zeros(len(frame), dtype=np.uint64) for frame in frames]
    for name in frames[0].columns:
        cells = _cells(_as_precise([frame[name] for frame in frames]))
        for i, column in enumerate(cells):
            keys[i] = _mixed(keys[i] ^ _bits(column))
    return keys


def _cells(columns: list[pd.Series]) -> list[np.ndarray]:
    if is_scaled(columns[0]):
        return [to_numbers(column) for column in columns]
    return to_codes(columns[0], *columns[1:])


def _as_precise(columns: list[pd.Series]) -> list[pd.Series]:
    """Convert floats to float32 if one of the columns is float32."""
    names = [str(column.dtype).lower() for column in columns]
    if "float32" not in names:
        return columns
    with np.errstate(over="ignore"):
        return [
            column.astype("float32") if name == "float64" and column.dtype == np.float64 else column
            for column, name in zip(columns, names, strict=True)
        ]


def _bits(column: np.ndarray) -> np.ndarray:
    """Bit patterns of numbers, with a unique zero and a unique NaN."""
    numbers = column.astype(np.float64) + 0.0
    return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Hash bits with the finaliser of splitmix64 (doi 10.1145/2660193.2660195)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _orders(keys: np.ndarray, people: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Order records randomly by their keys, with the records of a person together.

    Equal records get independent positions. Returns the order, and for each record in it the rank
    of its person among all and its rank among those of the person; shape (3, n).
    """
    turn = pd.Series(keys).groupby(keys).cumcount().to_numpy(dtype=np.uint64)
    draws = _mixed(_mixed(keys ^ _mixed(turn)) ^ seed)
    of_person = pd.Series(draws).groupby(people).transform("min").to_numpy()
    order = np.lexsort([draws, people, of_person])
    is_first = np.r_[True, people[order][1:] != people[order][:-1]][: len(order)]
    person = np.cumsum(is_first) - 1
    within = np.arange(len(order)) - np.flatnonzero(is_first)[person]
    return np.stack([order, person, within])


def without_known(
    people: Mapping[str, np.ndarray], unit: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the positions of all records except holdout records of real persons, and a note."""
    here = {name: np.arange(len(x)) for name, x in people.items()}
    if "holdout" not in people:
        return here, []
    known = known_people(people)
    if not known.any():
        return here, []
    here["holdout"] = here["holdout"][~known]
    if known.all():
        del here["holdout"]
    return here, [
        f"Left out: {known.sum()} of {len(known)} holdout {unit}, of persons who also have "
        f"real {unit}."
    ]
