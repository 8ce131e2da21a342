"""Which rows are equal, and which rows of large tables are drawn; knows no measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.privacy.clouds import Clouds
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, is_scaled, read_tables, to_codes, to_numbers

__all__ = [
    "Drawn",
    "Rows",
    "draw",
    "draw_rows",
    "read_clouds",
    "read_in_order",
    "row_keys",
    "without_known",
]

_ALL = 2**62
_TABLES = ("real", "fake", "holdout")


@dataclass(frozen=True)
class Drawn:
    """Which records of each set take part, and whose they are.

    Parameters
    ----------
    positions : dict of str to ndarray of shape (n,)
        Where each record stood in the set given; those of one person stand together.
    people : dict of str to ndarray of int of shape (n,)
        The person of each.
    note : str
        What was left out and what was drawn; empty for all.
    """

    positions: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    note: str


@dataclass(frozen=True)
class Rows:
    """Rows of all tables as numbers, in an order that hangs on their content and a seed alone.

    Parameters
    ----------
    tables : dict of str to ndarray of shape (n_rows, n_columns)
        ``real``, ``fake`` and perhaps ``holdout``, as `encode` makes them.
    positions : dict of str to ndarray of shape (n_rows,)
        Where each row stood in the table given.
    people : dict of str to ndarray of int of shape (n_rows,)
        The person of each row.
    columns : list
        Names, sorted.
    is_level : ndarray of shape (n_columns,)
    note : str
        What was drawn of which table; empty for all.
    """

    tables: dict[str, np.ndarray]
    positions: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    columns: list[Any]
    is_level: np.ndarray
    note: str


def draw_rows(
    rng: np.random.Generator,
    most: Mapping[str, int],
    equal: Sequence[str] = ("real", "holdout"),
    groups: Any = None,
    holdout_groups: Any = None,
    **tables: Any,
) -> Rows:
    """Read tables, and draw rows of those that are too large, see `draw`.

    Parameters
    ----------
    rng, most, equal
        As in `draw`.
    groups, holdout_groups : array-like of shape (n_rows,), or None, default=None
        Whose the rows are, see `code_people`.
    **tables : DataFrame, array-like, or None
        ``real``, ``fake``, ``holdout``; None is left out.

    Raises
    ------
    DataError
        A table without rows, or one that lacks a column; groups that are not one for each row.
    """
    frames = read_in_order(rng, **tables)
    people = code_people({name: len(x) for name, x in frames.items()}, groups, holdout_groups)
    keys = dict(zip(frames, row_keys(*frames.values()), strict=True))
    drawn = draw(rng, most, keys, people, equal)
    parts = [frames[name].iloc[places] for name, places in drawn.positions.items()]
    arrays, is_level = encode(parts[0], *parts[1:])
    named = dict(zip(drawn.positions, arrays, strict=True))
    columns = list(parts[0].columns)
    return Rows(named, drawn.positions, drawn.people, columns, is_level, drawn.note)


def read_clouds(
    rng: np.random.Generator,
    most: Mapping[str, int],
    equal: Sequence[str],
    groups: Any,
    holdout_groups: Any,
    **tables: Any,
) -> Clouds:
    """Read tables as points of the space that the real one spans; as `draw_rows`."""
    rows = draw_rows(rng, most, equal, groups, holdout_groups, **tables)
    space = Space.fit(rows.tables["real"], rows.is_level)
    points = {name: space.points(x).astype(np.float64) for name, x in rows.tables.items()}
    return Clouds(points, rows.people, rows.note)


def draw(
    rng: np.random.Generator,
    most: Mapping[str, int],
    keys: Mapping[str, np.ndarray],
    people: Mapping[str, np.ndarray],
    equal: Sequence[str] = ("real", "holdout"),
    unit: str = "rows",
) -> Drawn:
    """Draw records of sets that are too large, person by person.

    Of a record and its copy in another set both are drawn or neither, as far as the shares that
    are drawn allow: a small draw of a large set still shows who was copied. The two sets whose
    figures are compared are first cut to as many records (and as many persons, where none of them
    is the fake), independently of each other, so that chance gives both as many twins in the
    third. Persons of the holdout who are among the real ones, too, are left out of it: they are no
    control.

    Parameters
    ----------
    rng : Generator
    most : mapping of str to int
        Records to draw at most, by set.
    keys : mapping of str to ndarray of uint64 of shape (n,)
        A number for each record, equal for equal ones.
    people : mapping of str to ndarray of int of shape (n,)
        As `code_people` gives them.
    equal : sequence of str, default=("real", "holdout")
        The sets whose figures are compared.
    unit : str, default="rows"
        What the records are, for the note.
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
    """Give persons numbers as they come: nothing hangs on the order of the sets given."""
    codes = pd.factorize(np.concatenate(list(people.values())))[0]
    ends = np.cumsum([len(x) for x in people.values()])[:-1]
    return dict(zip(people, np.split(codes, ends), strict=True))


def read_in_order(rng: np.random.Generator, **tables: Any) -> dict[str, pd.DataFrame]:
    """Read all rows of tables, with the columns of the first sorted by name."""
    frames, _ = read_tables(rng, _ALL, **tables)
    first = next(iter(frames.values()))
    columns = sorted(first.columns, key=lambda name: (str(name), repr(name)))
    return {name: frame[columns] for name, frame in frames.items()}


def row_keys(*frames: pd.DataFrame) -> list[np.ndarray]:
    """Return a number of 64 bits for each row: equal rows of all tables have equal ones.

    Numbers are equal by value, whatever their dtype; beside a float32 column, as float32. Levels
    are equal by label, and a missing value equals a missing value.

    Parameters
    ----------
    *frames : DataFrame
        With the same columns in the same order. The first says which are on a scale.
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
    """Bring floats to float32 where one of them is no more precise."""
    names = [str(column.dtype).lower() for column in columns]
    if "float32" not in names:
        return columns
    with np.errstate(over="ignore"):
        return [
            column.astype("float32") if name == "float64" and column.dtype == np.float64 else column
            for column, name in zip(columns, names, strict=True)
        ]


def _bits(column: np.ndarray) -> np.ndarray:
    """Numbers as 64 bits each, one zero and one NaN."""
    numbers = column.astype(np.float64) + 0.0
    return np.where(np.isnan(numbers), np.nan, numbers).view(np.uint64)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Spread bits evenly: the finaliser of splitmix64 (doi 10.1145/2660193.2660195)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _orders(keys: np.ndarray, people: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Order records at random by their keys, those of one person together.

    The second of equal records stands elsewhere. Returns the order, and for each record in it the
    place of its person among all and its own among those of the person; shape (3, n).
    """
    turn = pd.Series(keys).groupby(keys).cumcount().to_numpy(dtype=np.uint64)
    lots = _mixed(_mixed(keys ^ _mixed(turn)) ^ seed)
    of_person = pd.Series(lots).groupby(people).transform("min").to_numpy()
    order = np.lexsort([lots, people, of_person])
    is_first = np.r_[True, people[order][1:] != people[order][:-1]][: len(order)]
    person = np.cumsum(is_first) - 1
    within = np.arange(len(order)) - np.flatnonzero(is_first)[person]
    return np.stack([order, person, within])


def without_known(
    people: Mapping[str, np.ndarray], unit: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the places of all records but those of learnt persons in the holdout; and say so."""
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
        f"Left out: {known.sum()} of {len(known)} holdout {unit}, of persons who are among the "
        f"real {unit}, too."
    ]
