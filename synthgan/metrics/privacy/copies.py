"""Exact copies of real records."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.people import code_people
from synthgan.metrics.privacy.attacks import NO_VERDICT
from synthgan.metrics.privacy.point_sets import copy_shares
from synthgan.metrics.privacy.rows import read_in_order, row_keys, without_known
from synthgan.metrics.score import Score

__all__ = ["equal_records", "exact_copies"]


def exact_copies(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of synthetic rows that equal a real row in all columns.

    Parameters
    ----------
    real : DataFrame or array-like of shape (n_rows, n_columns)
        The training rows; all are searched.
    fake : as `real`, at least its columns
    holdout : as `real`, or None, default=None
        Rows of the same population that were not used in training.
    target, random_state : object, default=None
        Not used.
    groups, holdout_groups : array-like of shape (n_rows,), or None, default=None
        The person of each real and each holdout row. A person may have several rows and counts
        once. None, or a missing entry: a different person. Persons in both tables are left out of
        the holdout.

    Returns
    -------
    score : Score
        0..1, lower is better, with a Wilson interval: copies of one person count as one
        event. The ceiling is the share of holdout rows that equal a real row, which is due to
        chance. Numbers are equal by value (1 is 1.0), levels
        by label, and a missing value equals a missing value. ``detail`` has both shares.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"age": [31, 47], "sex": ["f", "m"]})
    >>> fake = pd.DataFrame({"age": [31.0, 47.0], "sex": ["f", "f"]})
    >>> exact_copies(real, fake).value
    0.5
    """
    frames = read_in_order(real=real, fake=fake, holdout=holdout)
    people = code_people({name: len(x) for name, x in frames.items()}, groups, holdout_groups)
    keys = dict(zip(frames, row_keys(*frames.values()), strict=True))
    return equal_records(keys, people)


def equal_records(
    keys: dict[str, np.ndarray], people: dict[str, np.ndarray], unit: str = "rows"
) -> Score:
    """Share of synthetic records that equal a real record.

    Parameters
    ----------
    keys : dict of str to ndarray of uint64 of shape (n,)
        Keys of ``real``, ``fake`` and optionally ``holdout``; equal for equal records.
    people : dict of str to ndarray of int of shape (n,)
        As returned by `code_people`.
    unit : str, default="rows"
        Plural name of the records, for the note.
    """
    here, notes = without_known(people, unit)
    known, first = np.unique(keys["real"], return_index=True)
    copied: dict[str, np.ndarray] = {}
    clusters: dict[str, np.ndarray] = {}
    for name in ("fake", "holdout"):
        if name in here:
            theirs = keys[name][here[name]]
            place = np.minimum(np.searchsorted(known, theirs), len(known) - 1)
            copied[name] = known[place] == theirs
            owners = people["real"][first[place]]
            clusters[name] = owners if name == "fake" else people[name][here[name]]
    notes += [] if "holdout" in copied else [NO_VERDICT]
    return copy_shares("exact copies", copied, clusters, " ".join(notes))
