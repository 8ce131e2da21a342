"""UsualLabel: a label that mostly follows from another, and is learnt only where it does not."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Hashable
from typing import Annotated

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    ConstraintOfTwo,
    Translated,
    from_plain,
    plain_values,
    unused_name,
    with_column,
)
from synthgan.encoding.tables.column import LEVEL_KINDS, Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Scalar

__all__ = ["UsualLabel", "find_usual_labels"]

logger = logging.getLogger(__name__)

_AS_USUAL = "(as usual)"
_FEWEST_LEVELS, _MOST_LEVELS = 4, 1000  # of the column that labels follow from
_LEAST_EXPLAINED = 0.7  # of the rows that do not have the most frequent label of all
_LEAST_SHARED = 0.95  # of the rows, whose levels enough people share

_Values = Annotated[list[Scalar | None], fields.list_of(fields.optional(fields.scalar))]


class UsualLabel(ConstraintOfTwo):
    """A column mostly has the usual label of another: a team of the league plays in the league.

    Where it has, its label is replaced by a mark, so that a generator need not learn which label
    goes with which; other labels stay.

    Parameters
    ----------
    column : hashable
        A column of text or categories.
    of : hashable
        Another one, of as many levels or more.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.usual_labels import UsualLabel
    >>> frame = pd.DataFrame({"ward": ["a", "a", "a", "b"], "floor": ["1", "1", "2", "3"]})
    >>> constraint = UsualLabel("floor", of="ward").fit(frame)
    >>> constraint.apply(frame)["floor"].tolist()
    ['(as usual)', '(as usual)', '2', '(as usual)']
    >>> constraint.restore(constraint.apply(frame), np.random.default_rng()).equals(frame)
    True
    """

    schema_: Schema
    mark_: Annotated[str, fields.text]
    levels_: _Values
    usual_: _Values

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> UsualLabel:
        """Learn the usual labels; see `Constraint.fit`."""
        self.schema_ = self._describe(frame, support)
        for column in self.schema_:
            if column.kind not in ("string", "category"):
                raise DataError(
                    f"column {column.name!r} is of kind {column.kind}; UsualLabel needs labels."
                )
        own, of = self._values(frame)
        codes, levels = pd.factorize(of, use_na_sentinel=False)
        labels, names = pd.factorize(own, use_na_sentinel=False)
        pairs = codes * len(names) + labels
        counts = support.counts(pairs, len(levels) * len(names)).reshape(len(levels), len(names))
        usual = counts.argmax(axis=1)
        is_shared = counts[np.arange(len(levels)), usual] >= support.least
        self.levels_ = [None if pd.isna(level) else level for level in levels[is_shared]]
        self.usual_ = [None if pd.isna(name) else name for name in names[usual[is_shared]]]
        self.mark_ = unused_name(_AS_USUAL, {str(name) for name in names})
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Mark usual labels; see `Constraint.apply`."""
        own, of = self._values(frame)
        usual, is_known = self._usual(of)
        is_usual = is_known & ((own == usual) | (pd.isna(own) & pd.isna(usual)))
        marked = pd.Series(np.where(is_usual, self.mark_, own), index=frame.index, dtype=object)
        return with_column(frame, self.column, marked)

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Look up usual labels; see `Constraint.restore`.

        A marked row of which no usual label is known gets the one that most levels have.
        """
        column, other = self.schema_.columns
        usual, is_known = self._usual(np.array(plain_values(other, table[self.of]), dtype=object))
        if self.usual_:
            usual[~is_known] = Counter(self.usual_).most_common(1)[0][0]
        marked = table[self.column].astype(object).to_numpy()
        values = np.where(marked == self.mark_, usual, marked)
        values[pd.isna(values)] = None
        return with_column(table, self.column, from_plain(column, values.tolist(), table.index))

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Mark usual labels where both columns are known; see `Constraint.translate`."""
        both = mask[self.column].to_numpy(dtype=bool) & mask[self.of].to_numpy(dtype=bool)
        return self.apply(known), with_column(mask, self.column, both)

    def _values(self, frame: pd.DataFrame) -> list[np.ndarray]:
        values = [plain_values(column, frame[column.name]) for column in self.schema_]
        return [np.array([None if pd.isna(v) else v for v in x], dtype=object) for x in values]

    def _usual(self, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the usual label of each row, and where there is one."""
        index = {level: i for i, level in enumerate(self.levels_)}
        at = np.array([index.get(level, -1) for level in of], dtype=np.int64)
        usual = np.array([*self.usual_, None], dtype=object)[at]
        return usual, at >= 0

    def _check_learnt(self) -> None:
        if len(self.levels_) != len(self.usual_):
            raise ValueError("levels and usual labels differ in number")


def find_usual_labels(
    frame: pd.DataFrame,
    support: Support = EVERYTHING,
    fixed: Collection[Hashable] = (),
    gone: Collection[Hashable] = (),
) -> list[UsualLabel]:
    """Find labels that mostly follow from a column of four levels or more, and as many as theirs.

    Of the rows that do not have the most frequent label of all, the usual labels explain 70 % or
    more.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
    fixed : collection of hashable
        Columns that usual labels may follow from, but that are not rewritten.
    gone : collection of hashable
        Columns that are left alone.

    Returns
    -------
    usual : list of UsualLabel
        Not fitted; in no circle.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.usual_labels import find_usual_labels
    >>> rng = np.random.default_rng(0)
    >>> team = rng.integers(0, 20, 500)
    >>> league = np.where(rng.random(500) < 0.95, team % 2, 1 - team % 2)
    >>> frame = pd.DataFrame({"team": team.astype(str), "league": league.astype(str)})
    >>> find_usual_labels(frame)
    [UsualLabel(column='league', of='team')]
    """
    coded = {}
    for name in frame.columns:
        if name in set(gone) or not _has_labels(frame[name]):
            continue
        codes, levels = pd.factorize(frame[name], use_na_sentinel=False)
        coded[name] = codes, len(levels)
    found: dict[Hashable, UsualLabel] = {}
    for name, (labels, n_labels) in coded.items():
        if name in set(fixed) or n_labels < 2:
            continue
        rest = 1 - np.bincount(labels).max() / len(labels)
        best, of = _LEAST_EXPLAINED, None
        for other, (codes, n_levels) in coded.items():
            is_apt = _FEWEST_LEVELS <= n_levels <= _MOST_LEVELS and n_levels >= n_labels
            if other == name or other in found or not is_apt:
                continue
            n_people = support.counts(codes, n_levels)
            if (n_people[codes] >= support.least).mean() < _LEAST_SHARED:
                continue
            counts = np.bincount(codes * n_labels + labels, minlength=n_levels * n_labels)
            usual = counts.reshape(n_levels, n_labels).max(axis=1).sum() / len(labels)
            explained = 1 - (1 - usual) / rest
            # What as many random columns explain.
            by_chance = (n_levels - 1) * (n_labels - 1) / len(labels)
            if explained - by_chance > best:
                best, of = explained - by_chance, other
        if of is not None:
            found[name] = UsualLabel(name, of)
            logger.info("column %r mostly has the usual label of column %r", name, of)
    rewritten = set(found)
    return [one for one in found.values() if one.of not in rewritten]


def _has_labels(series: pd.Series) -> bool:
    try:
        return Column.infer(series).kind in set(LEVEL_KINDS) - {"boolean"}
    except DataError:
        return False
