"""Identifier columns: values are replaced by new ones of the same pattern; none is stored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

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
from synthgan.constraints.people import names_people
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, notice
from synthgan.privacy import EVERYTHING, Support
from synthgan.state import fields
from synthgan.state.stored import Name

__all__ = ["Identifier", "find_identifiers"]

MIN_ROWS = 20
MIN_LEVELS_PER_VALUE = 0.8
MIN_SHARE = 0.9
MIN_EQUAL_STEPS = 0.8  # of a column of row numbers, some of whose rows were left out
YEARS = (1500, 2100)
ID_NAME = re.compile(r"(?i)(^|[_\W])id$|^id[_\W]|number$|_nr$|uuid|mrn|ssn")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUNS = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]|\d")
_ALNUM_RUNS = re.compile(r"[^\W_]+|[\W_]")
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
ALPHABETS = {
    "digit": _DIGITS,
    "lower": _LOWER,
    "upper": _UPPER,
    "letter": _LOWER + _UPPER,
    "hex": _DIGITS + "abcdef",
    "HEX": _DIGITS + "ABCDEF",
    "alnum": _DIGITS + _LOWER + _UPPER,
}
# A part is [text, 0, 0], or [name of an alphabet, minimum, maximum number of characters].
Part = list[Any]
_RANDOM_CODES: list[Part] = [["row-", 0, 0], ["hex", 12, 12]]
_HOLDS: dict[str, Callable[[str], bool]] = {  # from small to large
    "digit": str.isdecimal,
    "lower": lambda token: set(token) <= set(_LOWER),
    "upper": lambda token: set(token) <= set(_UPPER),
    "letter": str.isalpha,
    "hex": lambda token: set(token) <= set(ALPHABETS["hex"]),
    "HEX": lambda token: set(token) <= set(ALPHABETS["HEX"]),
}
_UUIDS: list[Part] = [["uuid", 36, 36]]
_MOST_CHARACTERS = 2**12  # of a code; longer strings get random codes
_MOST_DIGITS = 19  # of an integer


def _part(value: Any) -> Part:
    """Read a part from an archive."""
    length = fields.whole(0, _MOST_CHARACTERS)
    name, fewest, most = fields.tuple_of(fields.text, length, length)(value)
    if not name:
        raise ValueError("the text of a part is invalid")
    if most and name not in (*ALPHABETS, "uuid"):
        raise ValueError("the alphabet of a part is invalid")
    if fewest > most:
        raise ValueError("the length of a part is invalid")
    return [name, fewest, most]


def _n_characters(parts: Sequence[Part]) -> int:
    """Return the maximum number of characters of a code of this pattern."""
    return sum(most or len(name) for name, _, most in parts)


class Identifier(Constraint):
    """An identifier column, such as patient numbers, which is replaced by new values.

    The column is dropped, and only the pattern of its values is stored.

    Parameters
    ----------
    column : hashable
        Strings, categories of strings, or whole numbers.

    Notes
    -----
    New values are unique within one table. They are drawn at random, so a new value may equal an
    original one by chance if the pattern has few possible values. If it has too few, values get
    more digits. Strings without a common pattern, and those of more than 4096 characters, are
    replaced by codes such as ``row-3f9a02c4d71b``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.identifiers import Identifier
    >>> frame = pd.DataFrame({"patient": ["P-0412", "P-2290", "P-8131"], "age": [41, 73, 52]})
    >>> constraint = Identifier("patient").fit(frame)
    >>> constraint.parts_
    [['P', 0, 0], ['-', 0, 0], ['digit', 4, 4]]
    >>> constraint.apply(frame).columns.tolist()
    ['age']
    """

    schema_: Schema
    parts_: list[Annotated[Part, _part]]

    def __init__(self, column: Name) -> None:
        self.column = column

    def fit(self, frame: pd.DataFrame, support: Support = EVERYTHING) -> Identifier:
        """Learn the pattern; see `Constraint.fit`."""
        self.schema_ = describe(frame, [self.column], support)
        column = self.schema_.columns[0]
        is_whole = column.kind == "integer" or column.decimals == 0
        if column.kind not in ("string", "category") and not is_whole:
            raise DataError(
                f"column {self.column!r} is of kind {column.kind}; Identifier needs strings or "
                "whole numbers."
            )
        least, column_values = support.least, frame[self.column]
        if support.people is not None:  # use one value per person
            column_values = column_values[~pd.Series(support.people).duplicated().to_numpy()]
        present = column_values.dropna()
        if is_whole:
            numbers = numbers_of(column, present)[0]
            lengths = [len(str(abs(int(number)))) for number in numbers]
            self.parts_ = [["digit", *_pooled_lengths(lengths, least)]]
            return self
        # The categories of a category dtype are the values themselves.
        column = replace(column, kind="string", categories=None, categories_dtype=None)
        self.schema_ = type(self.schema_)((column,))
        values = [str(value) for value in present]
        self.parts_ = learn_pattern(values, least) or _RANDOM_CODES
        if _n_characters(self.parts_) > _MOST_CHARACTERS:
            self.parts_ = _RANDOM_CODES
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
            codes[present] = fresh_codes(self.parts_, int(present.sum()), rng)
            codes[~present] = None
            series = pd.Series(codes, dtype=object).astype(column.pandas_dtype())
        return with_column(table, self.column, series.set_axis(table.index))

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

    def _check_learnt(self) -> None:
        column, parts = self.schema_.columns[0], self.parts_
        if column.numeric:
            is_whole = column.kind == "integer" or column.decimals == 0
            in_digits = len(parts) == 1 and parts[0][0] == "digit" and parts[0][1] >= 1
            if not is_whole or not in_digits or parts[0][2] > _MOST_DIGITS:
                raise ValueError(f"its numbers have the invalid pattern {fields.brief(parts)}")
        elif column.kind != "string" or not parts:
            raise ValueError(f"its codes have the invalid pattern {fields.brief(parts)}")
        if _n_characters(parts) > _MOST_CHARACTERS:
            raise ValueError(
                f"its codes have up to {_n_characters(parts)} characters; {_MOST_CHARACTERS} are "
                "allowed"
            )


def find_identifiers(
    frame: pd.DataFrame, people: np.ndarray | None = None, key: Hashable | None = None
) -> list[Identifier]:
    """Find columns that identify rows, or the people to whom rows belong.

    Parameters
    ----------
    frame : DataFrame
    people : ndarray of int of shape (n_rows,), or None, default=None
        The person of each row; None: each row is a different person.
    key : hashable or None, default=None
        The column that identifies the person.

    Returns
    -------
    constraints : list of Identifier
        Not fitted; each raises a `DataWarning`.

    Raises
    ------
    DataError
        A column of free text, which can be neither learnt nor replaced.
    """
    found = []
    for name in frame.columns:
        series = frame[name]
        is_key = key is not None and name == key
        names_row = len(series) > MIN_ROWS and not is_key and _names_rows(series)
        of_people = is_key or (people is not None and names_people(series, people))
        if not (names_row or of_people):
            continue
        if not names_row:
            notice(
                f"column {name!r} identifies people: it is not learnt; every synthetic row gets a "
                "new value.",
                "identify people: they are not learnt; every synthetic row gets new values",
                name,
            )
            found.append(Identifier(name))
            continue
        values = series.dropna()
        if not pd.api.types.is_numeric_dtype(series.dtype) and learn_pattern(list(values)) is None:
            raise DataError(
                f"column {name!r} is free text ({values.nunique()} distinct values in "
                f"{len(values)} rows); drop it, set it as the index, or give "
                f"constraints=[Identifier({name!r})], which replaces it by random codes."
            )
        notice(
            f"column {name!r} identifies rows: it is not learnt but replaced by new values of the "
            "same pattern.",
            "identify rows: they are not learnt but replaced by new values of the same pattern",
            name,
            rank=2,
        )
        found.append(Identifier(name))
    return found


def _names_rows(series: pd.Series) -> bool:
    values = series.dropna()
    if pd.api.types.is_integer_dtype(series.dtype) or _became_floats(series, values):
        if len(values) <= MIN_ROWS or not values.is_unique or values.min() < 0:
            return False
        return bool(ID_NAME.search(str(series.name))) or _counts_rows(values)
    is_text = pd.api.types.infer_dtype(values.astype(object), skipna=True) == "string"
    return is_text and len(values) > 0 and values.nunique() > MIN_LEVELS_PER_VALUE * len(values)


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


def learn_pattern(values: Sequence[str], min_support: int = 1) -> list[Part] | None:
    """Learn the common pattern of strings.

    Parameters
    ----------
    values : sequence of str
    min_support : int, default=1
        Patterns and lengths of fewer values are not stored.

    Returns
    -------
    parts : list or None
        None if fewer than 90 % of the values share one structure.
    """
    if values and np.mean([bool(_UUID.fullmatch(value)) for value in values]) >= MIN_SHARE:
        return _UUIDS
    for runs in (_RUNS, _ALNUM_RUNS):
        structures = [tuple(map(_structure, runs.findall(value))) for value in values]
        if not structures:
            return None
        shared, count = Counter(structures).most_common(1)[0]
        if shared and count >= max(min_support, MIN_SHARE * len(values)):
            alike = [
                runs.findall(v) for v, s in zip(values, structures, strict=True) if s == shared
            ]
            tokens = zip(*alike, strict=True)
            return [part for token in tokens for part in _parts(list(token), min_support)]
    return None


def _structure(token: str) -> str:
    """Classify digits, letters and mixtures; other characters are kept literally."""
    if not token.isalnum():
        return token
    return "digits" if token.isdecimal() else "letters" if token.isalpha() else "mixture"


def _parts(tokens: list[str], min_support: int) -> list[Part]:
    """Describe one position in the structure; properties of too few tokens are ignored."""
    counts = Counter(map(len, tokens))
    common = {length for length, n in counts.items() if n >= min_support}
    tokens = [token for token in tokens if len(token) in common] if common else tokens
    lengths = [len(token) for token in tokens]
    if len(set(lengths)) > 1:
        return [[_alphabet(tokens, min_support), *_pooled_lengths(lengths, min_support)]]
    whole = _alphabet(tokens, min_support)
    parts: list[Part] = []
    for place in zip(*tokens, strict=True):
        usual, n_usual = Counter(place).most_common(1)[0]
        is_constant = n_usual >= min_support and len(place) - n_usual < min_support
        is_mixed = whole in ("hex", "HEX", "alnum")
        name = whole if is_mixed else _alphabet(place, min_support)
        if is_constant:
            parts.append([usual, 0, 0])
        elif parts and parts[-1][0] == name and parts[-1][1]:
            parts[-1] = [name, parts[-1][1] + 1, parts[-1][2] + 1]
        else:
            parts.append([name, 1, 1])
    return parts


def _alphabet(tokens: Sequence[str], min_support: int) -> str:
    """Name the smallest alphabet of all strings except fewer than `min_support`.

    Letters include non-ASCII letters.
    """
    allowed = min(min_support, len(tokens))
    for name, holds in _HOLDS.items():
        if sum(not holds(token) for token in tokens) < allowed:
            return name
    return "alnum"


def _pooled_lengths(lengths: Sequence[int], min_support: int) -> tuple[int, int]:
    """Return the smallest and largest length that enough values have."""
    stored = [length for length, n in Counter(lengths).items() if n >= min_support]
    if stored:
        return min(stored), max(stored)
    mean = max(1, round(float(np.mean(lengths)))) if len(lengths) else 1
    return mean, mean


def fresh_codes(parts: Sequence[Part], n: int, rng: np.random.Generator) -> list[str]:
    """Draw distinct strings of a pattern, longer ones if it has too few possible values."""
    codes: dict[str, None] = {}
    n_extra = 0
    while len(codes) < n:
        n_before = len(codes)
        n_drawn = n - n_before if not n_before else 2 * (n - n_before) + 1000
        codes.update(dict.fromkeys(_draw_codes(parts, n_drawn, n_extra, rng)))
        n_extra += len(codes) == n_before
    return list(codes)[:n]


def _draw_codes(parts: Sequence[Part], n: int, n_extra: int, rng: np.random.Generator) -> list[str]:
    columns = []
    digits = [i for i, part in enumerate(parts) if part[0] == "digit" and part[1]]
    for i, (name, fewest, most) in enumerate(parts):
        if not most:
            columns.append([name] * n)
        elif name == "uuid":
            columns.append([str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(n)])
        else:
            n_more = n_extra if digits and i == digits[-1] else 0
            columns.append(_draw_runs(name, fewest + n_more, most + n_more, n, rng))
    if n_extra and not digits:
        columns.append(_draw_runs("digit", n_extra, n_extra, n, rng))
    return ["".join(pieces) for pieces in zip(*columns, strict=True)]


def _draw_runs(name: str, fewest: int, most: int, n: int, rng: np.random.Generator) -> list[str]:
    alphabet = np.array(list(ALPHABETS[name]))
    characters = alphabet[rng.integers(len(alphabet), size=(n, most))]
    if name == "digit" and most > fewest:  # numbers of several lengths do not start with 0
        characters[:, 0] = alphabet[rng.integers(1, 10, size=n)]
    lengths = rng.integers(fewest, most, size=n, endpoint=True)
    rows = zip(characters, lengths, strict=True)
    return ["".join(row[:length]) for row, length in rows]


def _fresh_integers(
    column: Column, n_digits: Sequence[int], present: np.ndarray, rng: np.random.Generator
) -> pd.Series:
    """Draw distinct integers with given numbers of digits, or more digits if necessary."""
    n = int(present.sum())
    low = 0 if n_digits[0] == 1 else 10 ** (n_digits[0] - 1)
    dtype = getattr(column.pandas_dtype(), "numpy_dtype", column.pandas_dtype())
    largest = 2**53 if column.kind == "continuous" else min(np.iinfo(dtype).max, 2**63 - 2)
    if largest < n:  # the dtype has too few values
        column, largest = replace(column, dtype="int64"), 2**53
    high = 10 ** n_digits[1] - 1
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
