"""The groups (persons) of the records of a report."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import person_column
from synthgan.records.tables import to_frame

__all__ = ["split_people"]


def split_people(
    groups: Any, real: Any, fake: Any, holdout: Any
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any]]:
    """Separate records from their groups.

    Parameters
    ----------
    groups : object
        As in `evaluate`.
    real, fake, holdout : object
        As in `evaluate`.

    Returns
    -------
    records : (real, fake, holdout)
        Without the column of groups, if `groups` names one.
    people : (groups, holdout_groups)
        Array-likes with the group of each record, or None if the groups are not known.

    Raises
    ------
    ParameterError
        If `groups` is not the name of a column of the real table.
    DataError
        If the holdout lacks the column of groups.
    """
    if groups is None:
        return (real, fake, holdout), (_patients(real), _patients(holdout))
    if isinstance(groups, tuple) and len(groups) == 2 and not _is_column(groups, real):
        return (real, fake, holdout), groups
    if not isinstance(groups, Hashable):
        return (real, fake, holdout), (groups, None)
    tables = [None if x is None else to_frame(x)[0] for x in (real, fake, holdout)]
    columns = [] if tables[0] is None else list(tables[0].columns)
    if groups not in columns:
        raise ParameterError(
            f"groups={groups!r} is not allowed; name a column of the real table, or give an array "
            "with the group of each record."
        )
    if tables[2] is not None and groups not in tables[2].columns:
        raise DataError(
            f"the holdout table lacks the column {groups!r} of groups; add the column, which gives "
            "the group of each row."
        )
    people = tuple(None if x is None else x[groups] for x in (tables[0], tables[2]))
    rest = [None if x is None else x.drop(columns=groups, errors="ignore") for x in tables]
    return (rest[0], rest[1], rest[2]), (people[0], people[1])


def _patients(records: Any) -> Any:
    info = getattr(records, "info", None)  # of windows or images; of a DataFrame it is a method
    column = person_column(info) if isinstance(info, pd.DataFrame) else None
    return None if info is None or column is None else info[column]


def _is_column(name: Any, real: Any) -> bool:
    try:
        return isinstance(real, pd.DataFrame) and name in real.columns
    except TypeError:  # a pair of arrays
        return False
