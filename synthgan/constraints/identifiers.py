"""Identifier columns: values are replaced by new ones of the same pattern; none is stored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd

from synthgan.constraints.base import (
    Constraint,
    Translated,
    describe,
    numbers_of,
    with_column,
    without_columns,
)
from synthgan.constraints.fresh_codes import (
    MOST_CHARACTERS,
    fresh_codes,
    n_characters,
    read_part,
    repeated_codes,
)
from synthgan.constraints.numbered_codes import can_number, numbered_codes, numbered_integers
from synthgan.constraints.patterns import Part, learn_pattern
from synthgan.constraints.people import is_named_key, names_people
from synthgan.constraints.personal_data import KINDS, check_locale, fake_values, likely_kind
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError, notice
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name, Share

__all__ = ["Identifier", "find_identifiers"]

MIN_ROWS = 20
MIN_LEVELS_PER_VALUE = 0.8
MIN_EQUAL_STEPS = 0.8  # of a column of row numbers, some of whose rows were left out
YEARS = (1500, 2100)
ID_NAME = re.compile(r"(?i)(^|[_\W])id$|^id[_\W]|number$|_nr$|uuid|mrn|ssn")

_RANDOM_CODES: list[Part] = [["row-", 0, 0], ["hex", 12, 12]]
_MOST_DIGITS = 19  # of an integer


class Identifier(Constraint):
    """An identifier column, such as patient numbers, which is replaced by new values.

    The column is dropped, and only the pattern of its values is stored.

    Parameters
    ----------
    column : hashable
        Strings, categories of strings, or whole numbers.
    pii : str, default=None
        The kind of personal data to make with the package ``faker`` (extra ``synthgan[pii]``)
        instead of codes: ``"address"``, ``"city"``, ``"company"``, ``"email"``, ``"first_name"``,
        ``"iban"``, ``"last_name"``, ``"name"``, ``"phone_number"``, ``"postcode"``,
        ``"street_address"`` or ``"user_name"``. Nothing of the column is stored then.
    locale : str, default=None
        Language and country of personal data, such as ``"es_ES"``; None: ``"en_US"``.

    Notes
    -----
    A pattern is a sequence of fixed texts, choices, numbers in a range, dates and random
    characters, or a mixture of such sequences; see `synthgan.constraints.patterns`. Tokens and
    whole values that `min_support` people share stay as they are; rarer ones never come out.

    New values are unique within one sample if the original ones are; if not, they repeat as often.
    They are drawn at random, so a new value may equal an original one by chance if the pattern has
    few possible values. If it has too few, numbers get a wider range and more digits, unless the
    original values repeat: then new values repeat, too. Check digits are not computed. Strings
    without a common pattern, and those of more than 4096 characters, are replaced by codes such as
    ``row-3f9a02c4d71b``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.identifiers import Identifier
    >>> frame = pd.DataFrame({"patient": ["P-0412", "P-2290", "P-8131"], "age": [41, 73, 52]})
    >>> constraint = Identifier("patient").fit(frame)
    >>> constraint.parts_
    [['P-', 0, 0], ['number', 1351, 5211, 4]]
    >>> constraint.apply(frame).columns.tolist()
    ['age']
    """

    schema_: Schema
    parts_: list[Annotated[Part, read_part]]
    distinct_: Share
    repeats_: bool

    def __init__(
        self,
        column: Name,
        pii: Annotated[Any, fields.optional(fields.one_of(*KINDS))] = None,
        locale: Annotated[Any, fields.optional(fields.short)] = None,
    ) -> None:
        self.column = column
        self.pii = pii
        self.locale = locale

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Identifier:
        """Learn the pattern; see `Constraint.fit`."""
        self._check_parameters()
        self.schema_ = describe(frame, [self.column], support)
        column = self.schema_.columns[0]
        is_whole = column.kind == "integer" or column.decimals == 0
        if column.kind not in ("string", "category") and not is_whole:
            raise DataError(
                f"column {self.column!r} is of kind {column.kind}; Identifier needs strings or "
                "whole numbers."
            )
        least, column_values = support.least, frame[self.column]
        # Codes of people who have several rows.
        self.repeats_ = bool(column_values.dropna().duplicated().sum() >= max(least, 1))
        if support.people is not None:  # use one value per person
            column_values = column_values[~pd.Series(support.people).duplicated().to_numpy()]
        present = column_values.dropna()
        self.parts_, self.distinct_ = [], 1.0
        if is_whole:
            numbers = numbers_of(column, present)[0]
            lengths = [len(str(abs(int(number)))) for number in numbers]
            self.parts_ = [["digit", *_pooled_lengths(lengths, least)]]
            return self
        # The categories of a category dtype are the values themselves.
        column = replace(column, kind="string", categories=None, categories_dtype=None)
        self.schema_ = type(self.schema_)((column,))
        if self.pii is not None:
            return self
        values = [str(value) for value in present]
        self.parts_ = learn_pattern(values, least) or _RANDOM_CODES
        if n_characters(self.parts_) > MOST_CHARACTERS:
            self.parts_ = _RANDOM_CODES
        n_distinct = len(set(values))
        if len(values) - n_distinct >= least and self.parts_ is not _RANDOM_CODES:
            self.distinct_ = n_distinct / len(values)
        return self

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Drop the column; see `Constraint.apply`."""
        return without_columns(frame, [self.column])

    def restore(self, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Draw new values; see `Constraint.restore`."""
        column = self.schema_.columns[0]
        n = len(table)
        present = rng.random(n) >= column.missing
        if column.numeric:
            series = _fresh_integers(column, self.parts_[0][1:], present, rng)
        else:
            codes = np.empty(n, dtype=object)
            codes[present] = self._draw(int(present.sum()), rng)
            codes[~present] = None
            series = pd.Series(codes, dtype=object).astype(column.pandas_dtype())
        return with_column(table, self.column, series.set_axis(table.index))

    def can_number(self, n: int) -> bool:
        """Return whether `renumber` can make the values of `n` rows, lot by lot."""
        column = self.schema_.columns[0]
        if column.dtype == "category":  # lots would differ in their categories
            return False
        if column.numeric or self.pii is not None or self.distinct_ < 1:
            return True
        return can_number(self.parts_, n, widen=not self.repeats_)

    def renumber(
        self, series: pd.Series, numbers: np.ndarray, n: int, key: int, rng: np.random.Generator
    ) -> pd.Series:
        """Return new values that follow from the numbers of their rows, of which there are `n`.

        Values that repeat, and personal data, stay as `restore` made them.
        """
        column = self.schema_.columns[0]
        there = series.notna().to_numpy()
        if column.numeric:
            column, low, high, largest = _range_of(column, self.parts_[0][1:], n)
            values = np.zeros(len(series), np.int64)
            values[there] = numbered_integers(numbers[there], low, high, largest, key)
            return column.restore(values, there).set_axis(series.index)
        if self.pii is not None or self.distinct_ < 1:
            return series
        widen, codes = not self.repeats_, series.astype(object)
        codes[there] = numbered_codes(self.parts_, numbers[there], key, rng, widen)
        return codes.astype(column.pandas_dtype())

    def _draw(self, n: int, rng: np.random.Generator) -> list[str]:
        if self.pii is not None:
            return fake_values(self.pii, self.locale, n, rng)
        if self.distinct_ < 1:
            return repeated_codes(self.parts_, n, self.distinct_, rng)
        return fresh_codes(self.parts_, n, rng, widen=not self.repeats_)

    def translate(
        self, known: pd.DataFrame, mask: pd.DataFrame, rng: np.random.Generator
    ) -> Translated:
        """Refuse known values; see `Constraint.translate`."""
        if mask[self.column].any():
            raise DataError(
                f"column {self.column!r} is an identifier, which is replaced by new values; it "
                "cannot be a condition: leave it out."
            )
        return self.apply(known), self.apply(mask)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Identifier:
        """Build a fitted constraint; see `Constraint.from_dict`.

        Archives of earlier versions lack `pii`, `locale`, `distinct_` and `repeats_`.
        """
        filled = dict(record)
        defaults = {
            "parameters": {"pii": None, "locale": None},
            "learnt": {"distinct_": 1.0, "repeats_": False},
        }
        for key, values in defaults.items():
            if isinstance(filled.get(key), dict):
                filled[key] = values | filled[key]
        return cast(Identifier, super().from_dict(filled))

    def _check_parameters(self) -> None:
        if self.pii is not None and self.pii not in KINDS:
            raise ParameterError(
                f"pii={self.pii!r} of Identifier({self.column!r}) is not allowed; give one of "
                f"{list(KINDS)}."
            )
        if self.pii is not None:
            check_locale(self.locale)

    def _check_learnt(self) -> None:
        column, parts = self.schema_.columns[0], self.parts_
        if column.numeric:
            is_whole = column.kind == "integer" or column.decimals == 0
            in_digits = len(parts) == 1 and parts[0][0] == "digit" and parts[0][1] >= 1
            if not is_whole or not in_digits or parts[0][2] > _MOST_DIGITS:
                raise ValueError(f"its numbers have the invalid pattern {fields.brief(parts)}")
        elif column.kind != "string" or not (parts or self.pii):
            raise ValueError(f"its codes have the invalid pattern {fields.brief(parts)}")
        if n_characters(parts) > MOST_CHARACTERS:
            raise ValueError(
                f"its codes have up to {n_characters(parts)} characters; {MOST_CHARACTERS} are "
                "allowed"
            )


def find_identifiers(
    frame: pd.DataFrame,
    people: np.ndarray | None = None,
    key: Hashable | None = None,
    min_support: int = 1,
    condition_columns: Sequence[Hashable] = (),
) -> list[Identifier]:
    """Find columns that identify rows, or the people to whom rows belong.

    Parameters
    ----------
    frame : DataFrame
    people : ndarray of int of shape (n_rows,), or None, default=None
        The person of each row; None: each row is a different person.
    key : hashable or None, default=None
        The column that identifies the person.
    min_support : int, default=1
        Labels and patterns that fewer people share are not stored. A column of text with fewer
        values than this, or with one, identifies no rows.
    condition_columns : sequence of hashable, default=()
        Columns that may have conditions: their labels are learnt even if most are rare.

    Returns
    -------
    constraints : list of Identifier
        Not fitted; each raises a `DataWarning`.

    Raises
    ------
    DataError
        A column of free text, which can be neither learnt nor replaced.
    """
    found: list[Identifier] = []
    support = Support(min_support, people)
    for name in frame.columns:
        series = frame[name]
        is_key = key is not None and name == key
        names_row = len(series) > MIN_ROWS and not is_key and _names_rows(series, min_support)
        of_people = is_key or (people is not None and names_people(series, people))
        is_left = len(found) < len(frame.columns) - 1  # a table needs a column that is learnt
        if names_row:
            _describe_rows(series, min_support)
        elif of_people:
            notice(
                f"column {name!r} identifies people: it is not learnt; every synthetic row gets a "
                "new value.",
                "identify people: they are not learnt; every synthetic row gets new values",
                name,
            )
        elif is_left and name not in condition_columns and _are_codes(series, support):
            notice(
                f"column {name!r} holds {series.nunique()} labels, each of which fewer than "
                f"{min_support} people share: they are not learnt but replaced by new ones of the "
                "same pattern.",
                "hold labels each of which too few people share: they are not learnt but replaced "
                "by new ones of the same pattern",
                name,
                rank=2,
            )
        else:
            continue
        found.append(Identifier(name))
    return found


def _describe_rows(series: pd.Series, min_support: int) -> None:
    """Say that a column identifies rows, or refuse free text."""
    name, values = series.name, series.dropna()
    kind = None
    if not pd.api.types.is_numeric_dtype(series.dtype):
        kind = likely_kind(name, list(values))
        given = f"Identifier({name!r})" if kind is None else f"Identifier({name!r}, pii={kind!r})"
        made = "random codes" if kind is None else f"realistic ones ({kind})"
        if learn_pattern(list(values), min_support) is None:
            raise DataError(
                f"column {name!r} is free text ({values.nunique()} distinct values in "
                f"{len(values)} rows); drop it, set it as the index, or give "
                f"constraints=[{given}], which replaces it by {made}."
            )
    advice = (
        ""
        if kind is None
        else f"; give constraints=['auto', Identifier({name!r}, pii={kind!r})] for realistic values"
    )
    notice(
        f"column {name!r} identifies rows: it is not learnt but replaced by new values of the "
        f"same pattern{advice}.",
        "identify rows: they are not learnt but replaced by new values of the same pattern"
        + ("" if kind is None else f"; give Identifier(column, pii={kind!r}) for realistic values"),
        name,
        rank=2,
    )


def _are_codes(series: pd.Series, support: Support) -> bool:
    """Return whether text would lose all of its labels, but has a pattern."""
    values = series.dropna()
    if len(values) <= MIN_ROWS or values.nunique() <= MIN_ROWS or not _is_text(values):
        return False
    if (support.of_labels(series) >= support.least).any():
        return False
    if support.people is not None:  # use one value per person
        values = series[~pd.Series(support.people).duplicated().to_numpy()].dropna()
    return learn_pattern(list(values), support.least) is not None


def _is_text(values: pd.Series) -> bool:
    return pd.api.types.infer_dtype(values.astype(object), skipna=True) == "string"


def _names_rows(series: pd.Series, least: int) -> bool:
    values = series.dropna()
    if pd.api.types.is_integer_dtype(series.dtype) or _became_floats(series, values):
        if len(values) <= MIN_ROWS or not values.is_unique or values.min() < 0:
            return False
        is_named = is_named_key(series.name) or bool(ID_NAME.search(str(series.name)))
        return is_named or _counts_rows(values)
    is_filled = len(values) >= max(2, least)
    is_varied = is_filled and values.nunique() > MIN_LEVELS_PER_VALUE * len(values)
    return is_varied and _is_text(values)


def _became_floats(series: pd.Series, values: pd.Series) -> bool:
    """Return whether whole numbers are floats because some are missing."""
    is_float = pd.api.types.is_float_dtype(series.dtype) and len(values) < len(series)
    return bool(is_float and (values % 1 == 0).all())


def _counts_rows(series: pd.Series) -> bool:
    """Return whether different whole numbers are in order in nearly equal steps, and no years.

    A notice says of numbers in order that are none: they are learnt.
    """
    if not (series.is_monotonic_increasing or series.is_monotonic_decreasing):
        return False
    steps = np.diff(series.to_numpy(dtype=np.int64))
    are_equal = np.unique(steps, return_counts=True)[1].max() >= MIN_EQUAL_STEPS * len(steps)
    are_years = YEARS[0] <= series.min() and series.max() <= YEARS[1]
    if are_equal and not are_years:
        return True
    why = "lies between the years 1500 and 2100" if are_equal else "has unequal steps"
    notice(
        f"column {series.name!r} is sorted and all different, but {why}: it is learnt as a number; "
        f"give constraints=['auto', Identifier({series.name!r})] if it identifies rows.",
        "are sorted and all different, but have unequal steps or hold years: they are learnt as "
        "numbers; give constraints=['auto', Identifier(column)] if one identifies rows",
        series.name,
        rank=5,
    )
    return False


def _pooled_lengths(lengths: Sequence[int], min_support: int) -> tuple[int, int]:
    """Return the smallest and largest length that enough values have."""
    stored = [length for length, n in Counter(lengths).items() if n >= min_support]
    if stored:
        return min(stored), max(stored)
    mean = max(1, round(float(np.mean(lengths)))) if len(lengths) else 1
    return mean, mean


def _fresh_integers(
    column: Column, n_digits: Sequence[int], present: np.ndarray, rng: np.random.Generator
) -> pd.Series:
    """Draw distinct integers with given numbers of digits, or more digits if necessary."""
    n = int(present.sum())
    column, low, high, largest = _range_of(column, n_digits, n)
    while high - low + 1 < n:
        high = 10 * high + 9
    high = min(high, largest)
    low = min(low, high - n + 1) if high - low + 1 < n else low
    if high - low < 4 * n:
        drawn = low + rng.permutation(high - low + 1)[:n]
    else:
        drawn = np.unique(rng.integers(low, high, size=n, endpoint=True))
        while len(drawn) < n:
            more = rng.integers(low, high, size=n, endpoint=True)
            drawn = np.unique(np.concatenate([drawn, more]))
        drawn = rng.permutation(drawn)[:n]
    values = np.zeros(len(present), dtype=np.int64)
    values[present] = drawn
    return column.restore(values, present)


def _range_of(column: Column, n_digits: Sequence[int], n: int) -> tuple[Column, int, int, int]:
    """Return lowest and highest integer of given numbers of digits, and the largest of the dtype.

    A column whose dtype has too few values for `n` rows gets another one.
    """
    low = 0 if n_digits[0] == 1 else 10 ** (n_digits[0] - 1)
    dtype = getattr(column.pandas_dtype(), "numpy_dtype", column.pandas_dtype())
    largest = 2**53 if column.kind == "continuous" else min(np.iinfo(dtype).max, 2**63 - 2)
    if largest < n:
        column, largest = replace(column, dtype="int64"), 2**53
    return column, low, 10 ** n_digits[1] - 1, largest
