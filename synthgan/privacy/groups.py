"""The person of each row: the unit of privacy is a person, not a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError

__all__ = [
    "draw_people",
    "is_column",
    "number_people",
    "person_column",
    "person_labels",
    "read_groups",
    "whole_people",
]


def read_groups(groups: Any, frame: pd.DataFrame | None, n_rows: int) -> np.ndarray | None:
    """Read the person of each row.

    Parameters
    ----------
    groups : hashable, array-like of shape (n_rows,), or None
        A column of `frame`, or one value per row; equal values are one person. A missing value is a
        separate person. None: each row is a different person.
    frame : DataFrame or None
        Table of the column.
    n_rows : int

    Returns
    -------
    people : ndarray of int of shape (n_rows,), or None
        Numbers of persons, from 0.

    Raises
    ------
    DataError
        Unknown column, or an array of the wrong length.

    Examples
    --------
    >>> read_groups(["ann", "bob", "ann", None], None, 4)
    array([0, 1, 0, 2])
    """
    if groups is None:
        return None
    if pd.api.types.is_scalar(groups) or (frame is not None and is_column(groups, frame)):
        if frame is None or groups not in frame.columns:
            known = [] if frame is None else frame.columns.tolist()
            raise DataError(f"groups={groups!r} is not a column; the columns are {known!r}.")
        groups = frame[groups]
    return number_people(person_labels(groups, n_rows))


def person_labels(
    groups: Any, n_rows: int, parameter: str = "groups", what: str = "rows"
) -> pd.Series:
    """Check the person labels of rows, as given by the user.

    Parameters
    ----------
    groups : array-like of shape (n_rows,), table of one column, or None
        None: all labels are missing.
    n_rows : int
    parameter, what : str
        Names of the parameter and of the rows, for the message.

    Returns
    -------
    labels : Series of length n_rows, object

    Raises
    ------
    DataError
        Not one entry for each row.
    """
    if groups is None:
        return pd.Series(np.full(n_rows, None, dtype=object))
    is_known = isinstance(groups, pd.Series | pd.api.extensions.ExtensionArray)
    array = groups if is_known else np.asarray(groups, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != n_rows:
        raise DataError(
            f"{parameter} has the shape {array.shape}; give one entry for each of the {n_rows} "
            f"{what}: the person it belongs to."
        )
    return pd.Series(array).astype(object).reset_index(drop=True)


def number_people(labels: pd.Series) -> np.ndarray:
    """Assign a number from 0 to each person; a missing label is a separate person."""
    codes, names = pd.factorize(labels)
    unknown = codes < 0
    codes[unknown] = len(names) + np.arange(unknown.sum())
    return codes


def person_column(info: pd.DataFrame) -> str | None:
    """Return the column of an info table that identifies the person of each record."""
    return next((name for name in ("patient", "record") if name in info.columns), None)


def is_column(groups: Any, frame: pd.DataFrame) -> bool:
    """Return whether groups is the name of a column."""
    is_name = pd.api.types.is_scalar(groups) or isinstance(groups, tuple)
    return groups is not None and is_name and groups in frame.columns


def draw_people(people: np.ndarray | None, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random order of rows in which the rows of a person are adjacent.

    Parameters
    ----------
    people : ndarray of int of shape (n_rows,), or None
    n_rows : int
    rng : Generator

    Returns
    -------
    order : ndarray of int of shape (n_rows,)
    """
    if people is None:
        return rng.permutation(n_rows)
    return np.argsort(rng.permutation(people.max() + 1)[people], kind="stable")


def whole_people(people: np.ndarray | None, order: np.ndarray, n_rows: int) -> int:
    """Return how many of the first rows in an order of `draw_people` form complete people.

    About `n_rows`; 0 if that would be more than half of all rows.

    Examples
    --------
    >>> people = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    >>> whole_people(people, np.array([0, 1, 2, 3, 4, 5, 6, 7]), 1)
    2
    """
    if people is None or not n_rows:
        return n_rows
    of = people[order]
    n = int(np.flatnonzero(of == of[n_rows - 1])[-1]) + 1
    return n if 2 * n <= len(order) else 0
