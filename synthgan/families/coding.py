"""How a row of a family is coded: labels that repeat, and what is counted on the way."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.families.periods import Periods
from synthgan.families.timeline import as_numbers, is_number
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Stored

__all__ = ["FamilyCoding", "LabelLevels", "Rows"]

_MOST_LEVELS = 250  # whose presence is counted; rarer ones count as one
_MOST_SHARES = 8  # levels whose share of the rows so far is known
_MOST_SHOWN = 30  # levels of a label that is known of the row before
_MIN_REPEATS, _TIMES_CHANCE = 0.3, 1.5
# Rows at the same time, share of them that repeat one of it, and times as many that do later.
_FEWEST_AT_ONCE, _MOST_REPEATED, _LEAST_BY_CHANCE = 100, 0.01, 5.0
_SAME, _PLACE = "(as before)", "#"

Rows = dict[Hashable, np.ndarray]


@dataclass(frozen=True)
class LabelLevels(Stored):
    """A column of labels.

    Parameters
    ----------
    name : hashable
    levels : tuple of str
        Those that enough people share, the most frequent first.
    repeats : str or None
        The label that stands for "as in the row before", where rows often repeat it.
    periods : Periods or None
        When each level exists; a label is then coded by its place among those of its time.
    """

    _record_name = "label"

    name: Name
    levels: tuple[str, ...]
    repeats: Annotated[Any, fields.optional(fields.text)] = None
    periods: Periods | None = None

    def codes(self, labels: np.ndarray) -> np.ndarray:
        """Return the number of each label; rarer ones and missing ones share the last."""
        found = pd.Index(self.levels, dtype=object).get_indexer(pd.Index(labels, dtype=object))
        return np.where(found < 0, len(self.levels), found)

    @property
    def is_coded(self) -> bool:
        """Whether labels are not learnt as they are."""
        return self.repeats is not None or self.periods is not None

    @property
    def is_shown(self) -> bool:
        """Whether the label of the row before is an input; else only whether it is repeated."""
        return self.repeats is None or len(self.levels) <= _MOST_SHOWN

    @property
    def n_shares(self) -> int:
        """Return how many levels' shares are counted."""
        return min(len(self.levels), _MOST_SHARES)


@dataclass(frozen=True)
class FamilyCoding(Stored):
    """The columns of a child table by what is counted of them.

    Parameters
    ----------
    numbers : tuple of hashable
        Columns of numbers, dates or durations.
    labels : tuple of LabelLevels
    distinct : tuple of hashable, default=()
        Columns of labels in which no two rows of a family agree at the same time: a test is done
        once a day. Without any, rows may repeat.
    """

    _record_name = "coding"

    numbers: tuple[Name, ...]
    labels: tuple[LabelLevels, ...]
    distinct: tuple[Name, ...] = ()

    @classmethod
    def fit(
        cls,
        table: pd.DataFrame,
        owners: np.ndarray,
        clock: np.ndarray,
        support: Support = EVERYTHING,
    ) -> FamilyCoding:
        """Learn which labels repeat from row to row.

        Parameters
        ----------
        table : DataFrame of shape (n_rows, n_columns)
            Rows of a family stand together, in order.
        owners : ndarray of int of shape (n_rows,)
        clock : ndarray of shape (n_rows,)
            The order column as numbers.
        support : Support, default=EVERYTHING
        """
        numbers, labels = [], []
        follows = np.append(False, owners[1:] == owners[:-1])
        for name in table.columns:
            if is_number(table[name]):
                numbers.append(name)
                continue
            texts = as_labels(table[name])
            counts = support.of_labels(pd.Series(texts)).sort_values(ascending=False, kind="stable")
            counts = counts[counts >= support.least].iloc[:_MOST_LEVELS]
            level = LabelLevels(name, tuple(counts.index))
            repeats = _same(texts, _shifted(texts), follows)
            if _is_text(table[name]) and len(level.levels) > _MOST_SHOWN and follows.any():
                chance = float(np.square(pd.Series(texts).value_counts(normalize=True)).sum())
                if repeats[follows].mean() > max(_MIN_REPEATS, _TIMES_CHANCE * chance):
                    level = replace(level, repeats=_free(_SAME, texts))
            if _is_text(table[name]):
                periods = Periods.fit(level.levels, level.codes(texts), clock, support)
                level = replace(level, periods=periods)
            labels.append(level)
        codes = {one.name: one.codes(as_labels(table[one.name])) for one in labels}
        distinct = _find_distinct({one: codes[one.name] for one in labels}, owners, clock)
        return cls(tuple(numbers), tuple(labels), distinct)

    def read(self, table: pd.DataFrame) -> Rows:
        """Return numbers as float64 and labels as objects, by column."""
        rows: Rows = {name: as_numbers(table[name]) for name in self.numbers}
        return rows | {level.name: as_labels(table[level.name]) for level in self.labels}

    def combine(self, rows: Rows) -> np.ndarray:
        """Return numbers of the combinations of distinct labels; -1 where a label is rare."""
        levels = [level for level in self.labels if level.name in self.distinct]
        return _combined({level: level.codes(rows[level.name]) for level in levels})

    def mark(self, table: pd.DataFrame, owners: np.ndarray, clock: np.ndarray) -> pd.DataFrame:
        """Replace labels by their places among those of the time, and by marks of repeats."""
        follows = np.append(False, owners[1:] == owners[:-1])
        marked = table.copy(deep=False)
        for level in self.labels:
            if not level.is_coded:
                continue
            texts = as_labels(table[level.name])
            repeats = _same(texts, _shifted(texts), follows)
            if level.periods is not None:
                places = np.maximum(level.periods.places(texts, clock), 0)
                missing = texts == None  # noqa: E711 (by element)
                texts = np.array([f"{_PLACE}{place}" for place in places], dtype=object)
                texts[missing] = None
            if level.repeats is not None:
                texts[repeats] = level.repeats
            marked[level.name] = pd.Series(texts, index=table.index, dtype=object)
        return marked

    def unmark(self, marked: pd.DataFrame, before: Rows | None, clock: np.ndarray) -> pd.DataFrame:
        """Replace places and marks by labels; inverse of `mark`.

        A first row repeats nothing: its mark becomes the most frequent label. Nor is a label
        repeated that no longer exists.
        """
        table = marked.copy(deep=False)
        for level in self.labels:
            if not level.is_coded:
                continue
            texts = marked[level.name].to_numpy(dtype=object, copy=True)
            is_mark = np.asarray(texts == level.repeats)  # of no label where it is None
            is_mark &= ~pd.isna(texts)
            usual = np.full(len(texts), level.levels[0] if level.levels else None, dtype=object)
            none = np.full(len(texts), None, dtype=object)
            same = none if before is None else before[level.name]
            gone = pd.isna(same)
            if level.periods is not None:
                there = ~pd.isna(texts) & ~is_mark
                places = np.zeros(len(texts), dtype=np.int64)
                places[there] = [int(text[len(_PLACE) :]) for text in texts[there]]
                usual = level.periods.labels(places, clock)
                texts = np.where(there, usual, texts)
                gone = gone | ~level.periods.exist(same, clock)
            texts = np.where(is_mark, np.where(gone, usual, same), texts)
            texts[pd.isna(texts)] = None
            table[level.name] = pd.Series(texts, index=marked.index, dtype=object)
        return table


def _combined(codes: dict[LabelLevels, np.ndarray]) -> np.ndarray:
    combined: Any = 0
    for level, own in codes.items():
        is_rare = (own == len(level.levels)) | (combined == -1)
        combined = np.where(is_rare, -1, combined * len(level.levels) + own)
    return np.asarray(combined)


def _find_distinct(
    codes: dict[LabelLevels, np.ndarray], owners: np.ndarray, clock: np.ndarray
) -> tuple[Hashable, ...]:
    """Return the fewest labels in which rows of a family differ at the same time, by no chance."""
    follows = owners[1:] == owners[:-1]
    at_once = follows & (clock[1:] == clock[:-1])
    if at_once.sum() < _FEWEST_AT_ONCE:
        return ()

    def repeated(some: dict[LabelLevels, np.ndarray]) -> float:
        table = pd.DataFrame({"owner": owners, "clock": clock, "labels": _combined(some)})
        return float(table[table["labels"] >= 0].duplicated().sum() / at_once.sum())

    if not codes or repeated(codes) > _MOST_REPEATED:
        return ()
    for level in sorted(codes, key=lambda level: -len(level.levels)):
        fewer = {one: own for one, own in codes.items() if one is not level}
        if fewer and repeated(fewer) <= _MOST_REPEATED:
            codes = fewer
    combined = _combined(codes)
    later = follows & ~at_once & (combined[1:] >= 0)
    by_chance = (combined[1:] == combined[:-1])[later].mean() if later.any() else 0.0
    if by_chance < _LEAST_BY_CHANCE * max(repeated(codes), _MOST_REPEATED):
        return ()
    return tuple(level.name for level in codes)


def as_labels(series: pd.Series) -> np.ndarray:
    """Return labels as text, None where missing."""
    labels = series.astype(object).to_numpy(copy=True)
    if not _is_text(series):
        labels = np.array([None if pd.isna(x) else str(x) for x in labels], dtype=object)
    labels[series.isna().to_numpy()] = None
    return labels


def _is_text(series: pd.Series) -> bool:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return pd.api.types.infer_dtype(series.cat.categories.astype(object)) == "string"
    return pd.api.types.infer_dtype(series, skipna=True) == "string"


def _shifted(texts: np.ndarray) -> np.ndarray:
    return np.append(np.array([None], dtype=object), texts[:-1])


def _same(texts: np.ndarray, before: np.ndarray, follows: np.ndarray) -> np.ndarray:
    return np.asarray(follows & (texts == before) & (texts != None))  # noqa: E711 (by element)


def _free(wanted: str, texts: np.ndarray) -> str:
    taken = set(texts)
    while wanted in taken:
        wanted += "'"
    return wanted
