"""The persons of records, who may have several each; no specific measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy import number_people, person_labels

__all__ = ["code_people", "first_of_each", "known_people"]


def code_people(
    sizes: Mapping[str, int], groups: Any = None, holdout_groups: Any = None
) -> dict[str, np.ndarray]:
    """Assign a number to each person, and return the person of each record.

    Parameters
    ----------
    sizes : mapping of str to int
        Number of records of ``real``, ``fake`` and optionally ``holdout``. Each synthetic record
        counts as a separate person.
    groups, holdout_groups : array-like of shape (n_records,), or None, default=None
        The person of each real and each holdout record. None, or a missing entry: a different
        person.

    Returns
    -------
    people : dict of str to ndarray of int of shape (n_records,)
        The same person has the same number in the real set and in the holdout.

    Raises
    ------
    DataError
        Not one entry for each record.
    """
    given = {"real": ("groups", groups), "holdout": ("holdout_groups", holdout_groups)}
    labels = {
        name: person_labels(whose, size, parameter, f"{name} records")
        for name, size in sizes.items()
        for parameter, whose in [given.get(name, ("", None))]
    }
    codes = number_people(pd.concat(list(labels.values()), ignore_index=True))
    ends = np.cumsum([len(x) for x in labels.values()])[:-1]
    return dict(zip(labels, np.split(codes, ends), strict=True))


def known_people(people: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return which holdout records belong to persons of the real set."""
    return np.isin(people["holdout"], people["real"])


def first_of_each(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order that groups the records of each person, and where each group begins.

    Parameters
    ----------
    people : ndarray of int of shape (n,)
    """
    order = np.argsort(people, kind="stable")
    ordered = people[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
    return order, starts
