"""RareLabels: labels that few people share come back as new ones, as often as in the data."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    Constraint,
    Translated,
    describe,
    plain_values,
    unused_name,
    with_column,
)
from synthgan.constraints.fresh_codes import (
    MOST_CHARACTERS,
    fresh_codes,
    n_characters,
    read_part,
    repeated_codes,
)
from synthgan.constraints.patterns import Part, learn_pattern
from synthgan.encoding.tables.levels import shown
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, notice
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Share

__all__ = ["RareLabels", "find_rare_labels"]

_RARE = "(rare)"
_OTHER: list[Part] = [["other-", 0, 0], ["digit", 4, 4]]
_LEAST_RARE = 0.2  # of the labels of a column: without a constraint, kept ones would be too many
_FEWEST_ROWS = 20
_MOST_LETTERS = 4  # in a run of random letters of a code, such as that of an airport


class RareLabels(Constraint):
    """Labels that few people share are one level, which comes back as new labels.

    So the other labels keep their shares. Without this constraint, a rare label is learnt as one
    of the others.

    Parameters
    ----------
    column : hashable
        A column of text, or of categories without an order.
    in_order : bool, default=False
        Whether rows are in an order in which a row often repeats the label of the row before.

    Notes
    -----
    New labels have the pattern of the rare ones (`Identifier` says which patterns there are) unless
    that has runs of more than four random letters: then they are such as ``other-0412``. They
    repeat as often as rare labels do. No rare label is stored; a new one may equal a label by
    chance if the pattern has few possible values.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.rare_labels import RareLabels
    >>> from synthgan.privacy import Support
    >>> frame = pd.DataFrame({"drug": ["aspirin", "aspirin", "X-10", "X-34", "X-77"]})
    >>> constraint = RareLabels("drug").fit(frame, Support(2))
    >>> constraint.apply(frame)["drug"].tolist()
    ['aspirin', 'aspirin', '(rare)', '(rare)', '(rare)']
    >>> constraint.parts_
    [['X-', 0, 0], ['number', 10, 99, 2]]
    """

    schema_: Schema
    levels_: list[Annotated[str, fields.text]]
    mark_: Annotated[str, fields.text]
    parts_: list[Annotated[Part, read_part]]
    distinct_: Share
    repeated_: Share
    stage = 0

    def __init__(self, column: Name, in_order: Annotated[bool, fields.flag] = False) -> None:
        self.column = column
        self.in_order = in_order

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> RareLabels:
        """Learn the labels that enough people share, and the pattern of others."""
        column = describe(frame, [self.column], support).columns[0]
        if not _has_names(frame[self.column]):
            raise DataError(
                f"column {self.column!r} is of kind {column.kind}; RareLabels needs text, or "
                "categories of text without an order."
            )
        # The categories of a category dtype are the values themselves.
        column = replace(column, kind="string", categories=None, categories_dtype=None)
        self.schema_ = Schema((column,))
        people = support.of_labels(frame[self.column])
        self.levels_ = sorted(map(str, people.index[(people >= support.least).to_numpy()]))
        self.mark_ = unused_name(_RARE, set(map(str, people.index)))
        labels = np.array(plain_values(column, frame[self.column]), dtype=object)
        is_rare = self._are_rare(labels)
        self.parts_ = _pattern_of(labels, is_rare, support)
        follows = np.append(False, is_rare[1:] & is_rare[:-1])
        if support.people is not None:
            follows[1:] &= support.people[1:] == support.people[:-1]
        repeats = follows & (labels == np.concatenate([[None], labels[:-1]])[: len(labels)])
        self.repeated_ = 0.0
        if self.in_order and follows.any():
            self.repeated_ = float(repeats.sum() / follows.sum())
        drawn = labels[is_rare & ~repeats] if self.in_order else labels[is_rare]
        self.distinct_ = len(set(drawn)) / len(drawn) if len(drawn) else 1.0
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Replace rare labels by a mark; see `Constraint.apply`."""
        labels = self._labels(frame)
        labels[self._are_rare(labels)] = self.mark_
        series = pd.Series(labels, index=frame.index, dtype=object)
        return with_column(frame, self.column, series)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Replace marks by new labels; see `Constraint.restore`."""
        labels = table[self.column].astype(object).to_numpy(copy=True)
        labels[pd.isna(labels)] = None
        rows = np.flatnonzero(labels == self.mark_)
        follows = np.append(False, np.diff(rows) == 1)[: len(rows)]
        is_new = ~follows | (rng.random(len(rows)) >= self.repeated_)
        codes = np.array(self._draw(int(is_new.sum()), rng), dtype=object)
        labels[rows] = codes[np.cumsum(is_new) - 1] if len(rows) else []
        series = pd.Series(labels, index=table.index, dtype=object)
        series = series.astype(self.schema_.columns[0].pandas_dtype())
        return with_column(table, self.column, series)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Refuse labels that are not known; see `Constraint.translate`."""
        is_known = mask[self.column].to_numpy(dtype=bool)
        labels = self._labels(known)[is_known]
        if self._are_rare(labels).any():
            label = labels[self._are_rare(labels)][0]
            raise DataError(
                f"column {self.column!r}: level {label!r} is not known; known are "
                f"{shown(self.levels_)}."
            )
        return self.apply(known), mask

    def _draw(self, n: int, rng: np.random.Generator) -> list[str]:
        if self.distinct_ < 1:
            return repeated_codes(self.parts_, n, self.distinct_, rng)
        return fresh_codes(self.parts_, n, rng)

    def _labels(self, frame: pd.DataFrame) -> np.ndarray:
        values = plain_values(self.schema_.columns[0], frame[self.column])
        return np.array([*values, None], dtype=object)[:-1]

    def _are_rare(self, labels: np.ndarray) -> np.ndarray:
        levels = set(self.levels_)
        return np.array([x is not None and x not in levels for x in labels], dtype=bool)

    def _check_learnt(self) -> None:
        if self.schema_.columns[0].kind != "string" or not self.parts_:
            raise ValueError(f"its labels have the invalid pattern {fields.brief(self.parts_)}")
        if n_characters(self.parts_) > MOST_CHARACTERS:
            raise ValueError(f"its labels have more than {MOST_CHARACTERS} characters")


def find_rare_labels(
    frame: pd.DataFrame,
    support: Support,
    in_order: bool = False,
    condition_columns: Sequence[Hashable] = (),
) -> list[RareLabels]:
    """Find columns of labels many of which too few people share; a notice describes each.

    Parameters
    ----------
    frame : DataFrame
    support : Support
    in_order : bool, default=False
        As in `RareLabels`.
    condition_columns : sequence of hashable, default=()
        Columns that may have conditions: all their labels are learnt as labels.
    """
    found = []
    for name in frame.columns:
        series = frame[name]
        if name in condition_columns or not _has_names(series):
            continue
        people = support.of_labels(series)
        rare = people.index[(people < support.least).to_numpy()]
        is_rare = series.isin(rare).to_numpy()
        n = int(is_rare.sum())
        is_kept = len(rare) < len(people) and support.holds(is_rare)
        if not is_kept or n < _FEWEST_ROWS or n < _LEAST_RARE * series.notna().sum():
            continue
        notice(
            f"column {name!r} has {n} value(s) of {len(rare)} label(s) of fewer people than "
            f"min_support={support.least}: they come back as new labels, which name nothing.",
            "have many labels of too few people, which come back as new labels that name nothing",
            name,
            rank=2,
        )
        found.append(RareLabels(name, in_order))
    return found


def _has_names(series: pd.Series) -> bool:
    if isinstance(series.dtype, pd.CategoricalDtype):
        if series.cat.ordered:
            return False
        series = series.cat.categories.to_series()
    return pd.api.types.infer_dtype(series.dropna().astype(object), skipna=True) == "string"


def _pattern_of(labels: np.ndarray, is_rare: np.ndarray, support: Support) -> list[Part]:
    """Return the pattern of rare labels, one of each person; that of words is of no use."""
    some = np.flatnonzero(is_rare)
    if support.people is not None:
        some = some[np.unique(support.people[some], return_index=True)[1]]
    parts = learn_pattern(labels[some].tolist(), support.least) if len(some) else None
    if parts is None or _has_words(parts) or n_characters(parts) > MOST_CHARACTERS:
        return [list(part) for part in _OTHER]
    return parts


def _has_words(parts: Sequence[Part]) -> bool:
    """Return whether a pattern has long runs of random letters, which name nothing."""
    for name, first, most, *_ in parts:
        if isinstance(first, list):
            if any(not isinstance(option, str) and _has_words(option) for option in first):
                return True
        elif name in ("lower", "upper", "title", "letter") and most > _MOST_LETTERS:
            return True
    return False
