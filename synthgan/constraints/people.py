"""Find columns that identify people who have several rows each; stores no values."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.constraints.relations import Coded
from synthgan.exceptions import notice
from synthgan.privacy import number_people

__all__ = ["find_people", "is_named_key", "names_people"]

_FEWEST_PEOPLE = 20
_MOST_ROWS = 20  # maximum of the median number of rows per person
_UNEQUAL = 4.0  # numbers of rows up to this ratio are near-equal
_MOST_ROWS_IN_ALL = 50_000  # rows that are examined
_MIN_SHARE = 0.8  # of the people whom a column distinguishes
# Names of person identifiers; and names of keys, which may identify anything.
_PERSON = re.compile(
    r"(?i)^(patient|subject|person|participant|client|donor|case|paciente)"
    r"([_\W]?(id|nr|no|num|number|code|name|key))?$|^((full|first|last)[_\W]?|sur)?name$"
    r"|uuid|mrn|ssn|nhs|subj_?(id|nr|no)|pat_?(id|nr|no)|^pt?id$|^e_?mail$|^phone$|^dni$"
)
_KEY = re.compile(
    r"(?i)(^|[_\W])id$|^id[_\W]|_nr$|hadm|nummer$|identifier$|(?-i:[a-z]I[dD]$)"
    r"|^(user|customer|employee|member|account)([_\W]?(id|nr|no|num|number|code))?$"
)
# Names that begin so are of points in time, whatever they end in: yearID.
_TIME = re.compile(r"(?i)(year|quarter|month|week|day|date|hour|season)")


def find_people(frame: pd.DataFrame) -> tuple[Hashable, np.ndarray] | None:
    """Find a column that identifies people who have several rows, and the person of each row.

    A column is found in three cases. (1) It is named like an identifier of people and holds labels
    or whole numbers. (2) It has at least 20 different values and is named like a key. (3) It has at
    least 20 different values, half of them in at most 20 rows each, and it determines two columns
    that do not determine each other, such as sex and date of birth; for labels, near-equal numbers
    of rows are sufficient instead.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    column, people : hashable, ndarray of int of shape (n_rows,); or None
        Among the found columns, those named as identifiers first, the coarsest column in which the
        finest is nested; and the numbers of the people, from 0.
        None if no column is found. A `DataWarning` names the column.
    """
    some = frame.iloc[:: -(-len(frame) // _MOST_ROWS_IN_ALL) or 1]
    found = [name for name in frame.columns if _repeats(frame[name]) and _is_key(some, name)]
    if not found:
        return None
    of_people = [name for name in found if _PERSON.search(str(name))]
    named = [name for name in found if is_named_key(name)]
    name = _coarsest(frame, of_people or named or found)
    notice(
        f"column {name!r} seems to identify {frame[name].nunique()} people who have several rows "
        "each, "
        f"so that min_support counts these people, not rows; give groups={name!r} to confirm it, "
        "or groups=range(len(table)) if each row is of another person.",
        "seem to identify people",
        name,
        rank=-1,
    )
    return name, number_people(frame[name])


def _coarsest(frame: pd.DataFrame, names: Sequence[Hashable]) -> Hashable:
    """Return the column with the fewest values in which the finest column is nested."""
    finest = max(names, key=lambda one: frame[one].nunique())
    nested = [one for one in names if _nests(frame[finest], frame[one])]
    return min(nested, key=lambda one: frame[one].nunique())


def _nests(fine: pd.Series, coarse: pd.Series) -> bool:
    pairs = pd.DataFrame({"fine": fine, "coarse": coarse}).dropna().drop_duplicates()
    return not pairs["fine"].duplicated().any()


def is_named_key(name: Hashable) -> bool:
    """Return whether a column is named like an identifier of people or of anything."""
    text = str(name)
    return bool(_PERSON.search(text) or (_KEY.search(text) and not _TIME.match(text)))


def names_people(series: pd.Series, people: np.ndarray) -> bool:
    """Return whether a column identifies people, so that its values are personal.

    Parameters
    ----------
    series : Series
        Labels or whole numbers.
    people : ndarray of int of shape (n_rows,)
        The person of each row.
    """
    if not (_has_labels(series) or _is_whole_key(series)):
        return False
    if _PERSON.search(str(series.name)):
        return True
    present = series.notna().to_numpy()
    codes, values = pd.factorize(series[present])
    of = people[present]
    n_people = len(np.unique(of))
    if n_people < _FEWEST_PEOPLE or len(values) < _MIN_SHARE * n_people:
        return False
    pairs = np.unique(np.column_stack([codes, of]), axis=0)
    alone = np.bincount(pairs[:, 0], minlength=len(values)) == 1
    # Of the rows, too: terms of a diary are mostly rare, but the usual ones name no person.
    return bool(min(alone.mean(), alone[codes].mean()) >= _MIN_SHARE)


def _has_labels(series: pd.Series) -> bool:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return True
    return types.infer_dtype(series.dropna(), skipna=True) == "string"


def _is_whole_key(series: pd.Series) -> bool:
    return is_named_key(series.name) and _is_whole(series)


def _is_whole(series: pd.Series) -> bool:
    # Whole numbers with missing values are floats.
    is_float = types.is_float_dtype(series.dtype)
    is_whole = is_float and bool((series.dropna() % 1 == 0).all())
    return is_whole or types.is_integer_dtype(series.dtype)


def _repeats(series: pd.Series) -> bool:
    """Return whether a column has many values, with few rows each unless it is named as a key."""
    if not (_has_labels(series) or _is_whole(series)):
        return False
    counts = series.value_counts()
    counts = counts[counts > 0]
    if len(counts) < 2 or counts.iloc[0] < 2:
        return False
    if _PERSON.search(str(series.name)):
        return True
    is_small = is_named_key(series.name) or counts.median() <= _MOST_ROWS
    return bool(len(counts) >= _FEWEST_PEOPLE and is_small)


def _differ_in_several_characters(labels: Sequence[str]) -> bool:
    """Return whether labels may be many; one letter is a category, such as a grade or a ward."""
    places = zip(*labels, strict=False)
    n_varying = sum(len(set(characters)) > 1 for characters in places)
    return n_varying > 1 or len(set(map(len, labels))) > 1


def _is_key(frame: pd.DataFrame, name: Hashable) -> bool:
    """Return whether the values of a column identify people rather than categories."""
    counts = frame[name].value_counts()
    counts = counts[counts > 0]
    if is_named_key(name):
        return True
    has_labels = _has_labels(frame[name])
    are_equal = counts.median() > 1 and counts.iloc[0] <= _UNEQUAL * counts.median()
    if has_labels and are_equal and _differ_in_several_characters(list(map(str, counts.index))):
        return True
    key = Coded.read(frame[name])
    if key is None:
        return False
    others = (Coded.read(frame[other]) for other in frame.columns if other != name)
    fixed = [other for other in others if other is not None and key.fixes(other)]
    return any(not (a.fixes(b) or b.fixes(a)) for a, b in combinations(fixed, 2))
