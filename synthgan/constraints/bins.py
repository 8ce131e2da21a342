"""Intervals of a column of numbers in which another column is constant; their edges are coarse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.dtypes import time_unit
from synthgan.privacy import Support, pooled_means

__all__ = ["Bins", "find_runs", "learn_bins"]

_MOST_RARE = 0.05  # share of rows of values that too few people have
_MOST_LEVELS = 20  # stored numbers of an interval
_MOST_DIGITS = 18
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Bins(NamedTuple):
    """Intervals of numbers, and numbers in them.

    A number that equals an edge lies above it if `side` is ``"left"``, otherwise below.
    """

    edges: list[Any]
    side: str
    levels: list[Any]  # averages of enough people, ascending
    values: list[int]  # the code of each level
    shares: list[float]  # rows of each level


def find_runs(numbers: np.ndarray, codes: np.ndarray, support: Support) -> list[np.ndarray] | None:
    """Split rows, in the order of their numbers, into runs of one code that enough people have.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
    codes : ndarray of int of shape (n_rows,)
        Rows of equal numbers have equal codes.
    support : Support

    Returns
    -------
    runs : list of ndarray of int, or None
        Rows of each run, ascending. Rows of codes that too few people have are left out. None if
        there are more runs than half the numbers, or less than two, or if too few people are in a
        run of a code that others have: then the numbers do not determine the code by intervals.
    """
    order = np.argsort(numbers, kind="stable")
    ordered = codes[order]
    borders = np.flatnonzero(np.diff(ordered)) + 1
    runs = np.split(order, borders)
    if 2 * len(runs) > len(np.unique(numbers)):
        return None
    people = support.take(order).counts(
        np.repeat(np.arange(len(runs)), [len(run) for run in runs]), len(runs)
    )
    kept: list[np.ndarray] = []
    rare: list[np.ndarray] = []
    for run, n_people in zip(runs, people, strict=True):
        if n_people < support.least:
            rare.append(run)
        elif kept and codes[kept[-1][0]] == codes[run[0]]:
            kept[-1] = np.concatenate([kept[-1], run])
        else:
            kept.append(run)
    common = {int(codes[run[0]]) for run in kept}
    n_rare = sum(len(run) for run in rare)
    is_exact = common.isdisjoint(int(codes[run[0]]) for run in rare)
    return kept if len(kept) > 1 and is_exact and n_rare <= _MOST_RARE * len(codes) else None


def learn_bins(
    column: Column, numbers: np.ndarray, codes: np.ndarray, labels: Sequence[Any], support: Support
) -> Bins | None:
    """Learn the intervals of a column's numbers that determine a code; None if there are none.

    Parameters
    ----------
    column : Column
        Of the numbers.
    numbers : ndarray of shape (n_rows,)
    codes : ndarray of int of shape (n_rows,)
    labels : sequence
        What each code stands for. Numbers in it, as in ``"(18.5, 25]"``, are edges if possible.
    support : Support
    """
    runs = find_runs(numbers, codes, support)
    if runs is None:
        return None
    gaps = [(numbers[low].max().item(), numbers[high].min().item()) for low, high in pairwise(runs)]
    named = [_named(labels[codes[run[0]]]) for run in runs]
    both = [low | high for low, high in pairwise(named)]
    edges, side = _edges(column, gaps, both)
    levels: list[Any] = []
    values: list[int] = []
    shares: list[float] = []
    for run in runs:
        found, sizes = _levels(column, numbers[run], support.take(run))
        levels += found
        values += [int(codes[run[0]])] * len(found)
        shares += (sizes / len(codes)).tolist()
    return Bins(edges, side, levels, values, shares)


def _levels(column: Column, ordered: np.ndarray, support: Support) -> tuple[list[Any], np.ndarray]:
    """Return averages of the numbers of an interval, and their rows."""
    ordered = np.sort(ordered)
    sizes, means = pooled_means(ordered, support, fewest=-(-len(ordered) // _MOST_LEVELS))
    if np.isnan(means).any():  # a value of too few people
        low, high = ordered[0].item(), ordered[-1].item()
        return [_coarse(low, high, "left")[0]], np.array([float(len(ordered))])
    if column.kind != "continuous":
        means = np.rint(means).astype(np.int64)
    elif column.decimals is not None:
        means = np.round(means, column.decimals)
    means = np.clip(means, ordered[0], ordered[-1])
    levels, which = np.unique(means, return_inverse=True)
    return levels.tolist(), np.bincount(which, sizes)


def _named(label: Any) -> set[float]:
    """Return the numbers that a label names."""
    found = [float(number) for number in _NUMBER.findall(label)] if isinstance(label, str) else []
    return {*found, *(-number for number in found)}


def _edges(
    column: Column, gaps: Sequence[tuple[Any, Any]], named: Sequence[set[float]]
) -> tuple[list[Any], str]:
    """Return a number in each gap, and the side on which they are open: the coarsest numbers."""
    found = {}
    for side in ("left", "right"):
        edges = [_edge(column, *gap, side, one) for gap, one in zip(gaps, named, strict=True)]
        found[side] = (sum(cost for _, cost in edges), [edge for edge, _ in edges])
    side = min(found, key=lambda one: found[one][0])
    return found[side][1], side


def _edge(column: Column, low: Any, high: Any, side: str, named: set[float]) -> tuple[Any, int]:
    """Return a number that separates two numbers, and the digits that it takes."""
    is_time = column.kind in ("datetime", "timedelta")
    for number in sorted(named):
        if not is_time and _separates(number, low, high, side):
            return (number if isinstance(low, float) or number % 1 else int(number)), 0
    if column.kind == "datetime":
        unit = time_unit(column.pandas_dtype())
        date = np.array(high * column.resolution).astype(f"M8[{unit}]")
        for n_digits, part in enumerate("YMD"):
            start = date.astype(f"M8[{part}]").astype(f"M8[{unit}]").astype(np.int64)
            first = int(start) // column.resolution
            if _separates(first, low, high, side):
                return first, n_digits
    return _coarse(low, high, side)


def _coarse(low: Any, high: Any, side: str) -> tuple[Any, int]:
    """Return the number of the fewest digits between two, and how many."""
    largest = max(abs(low), abs(high), 1e-300)
    first = -int(np.ceil(np.log10(largest)))
    end = high if side == "left" else low
    middle = low + (high - low) / 2 if isinstance(low, float) else low + (high - low) // 2
    for n_digits in range(_MOST_DIGITS):
        for number in (round(middle, first + n_digits), round(end, first + n_digits)):
            if _separates(number, low, high, side):
                return number + 0, n_digits  # no -0.0
    return end, _MOST_DIGITS


def _separates(number: Any, low: Any, high: Any, side: str) -> bool:
    return low < number <= high if side == "left" else low <= number < high
