"""Which rows are equal, and which rows of large tables are drawn; knows no measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.tables import encode, is_scaled, read_tables, to_codes, to_numbers

__all__ = ["Rows", "draw_rows", "read_in_order", "row_keys"]

_ALL = 2**62
_TABLES = ("real", "fake", "holdout")


@dataclass(frozen=True)
class Rows:
    """Rows of all tables as numbers, in an order that hangs on their content and a seed alone.

    Parameters
    ----------
    tables : dict of str to ndarray of shape (n_rows, n_columns)
        ``real``, ``fake`` and perhaps ``holdout``, as `encode` makes them.
    positions : dict of str to ndarray of shape (n_rows,)
        Where each row stood in the table given.
    columns : list
        Names, sorted.
    is_level : ndarray of shape (n_columns,)
    note : str
        What was drawn of which table; empty for all.
    """

    tables: dict[str, np.ndarray]
    positions: dict[str, np.ndarray]
    columns: list[Any]
    is_level: np.ndarray
    note: str


def draw_rows(
    rng: np.random.Generator,
    most: Mapping[str, int],
    equal: Sequence[str] = ("real", "holdout"),
    **tables: Any,
) -> Rows:
    """Read tables, and draw rows of those that are too large.

    Of a row and its copy in another table both are drawn or neither, as far as the shares that
    are drawn allow: a small draw of a large table still shows who was copied. The two tables whose
    figures are compared are first cut to as many rows, independently of each other, so that chance
    gives both as many twins in the third.

    Parameters
    ----------
    rng : Generator
    most : mapping of str to int
        Rows to draw at most, by table.
    equal : sequence of str, default=("real", "holdout")
        The tables whose figures are compared.
    **tables : DataFrame, array-like, or None
        ``real``, ``fake``, ``holdout``; None is left out.

    Raises
    ------
    DataError
        A table without rows, or one that lacks a column.
    """
    frames = read_in_order(rng, **tables)
    seeds = rng.integers(2**63, size=len(_TABLES) + 1, dtype=np.uint64)
    size = min(len(frames[name]) for name in equal if name in frames)
    positions, notes = {}, []
    for name, keys in zip(frames, row_keys(*frames.values()), strict=True):
        kept = np.arange(len(keys))
        if name in equal and size < len(keys):
            at = _TABLES.index(name)
            kept = _order(keys, seeds[at : at + 1])[:size]
        positions[name] = kept[_order(keys[kept], seeds[-1:])][: most[name]]
        if len(positions[name]) < len(keys):
            notes.append(f"{len(positions[name])} of {len(keys)} {name} rows")
    drawn = [frames[name].iloc[places] for name, places in positions.items()]
    arrays, is_level = encode(drawn[0], *drawn[1:])
    note = f"Drawn at random: {', '.join(notes)}." if notes else ""
    named = dict(zip(frames, arrays, strict=True))
    return Rows(named, positions, list(drawn[0].columns), is_level, note)


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


def _order(keys: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Order rows at random by their keys; the second of equal rows stands elsewhere."""
    turn = pd.Series(keys).groupby(keys).cumcount().to_numpy(dtype=np.uint64)
    return np.argsort(_mixed(_mixed(keys ^ _mixed(turn)) ^ seed), kind="stable")
