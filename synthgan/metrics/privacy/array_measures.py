"""Privacy measures of windows and images, each stated once for both kinds of records.

`synthgan.metrics.image_privacy` and `synthgan.metrics.signals.privacy` read the records and publish
each function under the prefix of their kind, with the words of their kind in its docstring:
``{record}`` is "window" or "image".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from synthgan.metrics.privacy.arrays import ArrayRecords
from synthgan.metrics.privacy.copies import check_quantile
from synthgan.metrics.privacy.point_sets import (
    closest_record_of,
    membership_of,
    near_copies_of,
    neighbour_ratio_of,
)
from synthgan.metrics.privacy.reidentification import reidentification_of
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator

__all__ = [
    "closest_record",
    "exact_copies",
    "membership_inference",
    "near_copies",
    "neighbour_ratio",
    "reidentification",
]


def exact_copies(records: ArrayRecords, random_state: Any) -> Score:
    """Share of synthetic {record}s that equal a real one.

    Parameters
    ----------
    {given}
        As in `{first}`{windows}.
    random_state : object, default=None
        Not used: all {record}s are searched.
    groups, holdout_groups : array-like of shape (n_{record}s,), or None, default=None
        The person of each real and each holdout {record}. A person may have several {record}s and
        counts once. None, or a missing entry: a different person. Persons in both sets are left out
        of the holdout.

    Returns
    -------
    score : Score
        As in `exact_copies`: 0..1, lower is better. Values are compared as float32. The ceiling is
        the share of the holdout, the floor that of synthetic {record}s with random Fourier phases.
    """
    return records.equal()


def near_copies(records: ArrayRecords, random_state: Any, quantile: float) -> Score:
    """Share of synthetic {record}s that are unusually near to a real {record}.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}_exact_copies`; large sets are sub-sampled.
    quantile : float, default=0.01
        As in `near_copies`.

    Returns
    -------
    score : Score
        As in `near_copies`, with the distances of this module. The floor has synthetic {record}s
        with random Fourier phases.
    """
    check_quantile(quantile)
    measure = partial(near_copies_of, quantile=quantile)
    return records.score(measure, random_state, ("fake", "holdout"))


def closest_record(records: ArrayRecords, random_state: Any) -> Score:
    """Share of synthetic {record}s that are nearer to a real than to a holdout {record}.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}_exact_copies`; equally many persons of the real set and the
        holdout are used.

    Returns
    -------
    score : Score
        As in `closest_record`: .5, the ceiling, is no preference, 1 means that all are copies. NaN
        without a holdout. The floor has synthetic {record}s with random Fourier phases.

    References
    ----------
    Platzer and Reutterer (2021), doi 10.3389/fdata.2021.679939.
    """
    return records.score(closest_record_of, random_state, ("real", "holdout"))


def neighbour_ratio(records: ArrayRecords, random_state: Any) -> Score:
    """Distance to the nearest real {record} over that to another person's: near 0 for copies.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}_exact_copies`; large sets are sub-sampled.

    Returns
    -------
    score : Score
        As in `neighbour_ratio`: the 5 % quantile, higher is better; the ceiling is that of the
        holdout, the floor that of synthetic {record}s with random Fourier phases.
    """
    return records.score(neighbour_ratio_of, random_state, ("fake", "holdout"))


def membership_inference(records: ArrayRecords, random_state: Any) -> Score:
    """Membership inference: real {record}s (members) against holdout, by density of synthetic ones.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}_exact_copies`; give many more synthetic than training
        {record}s. Up to 10 000 are used.

    Returns
    -------
    score : Score
        As in `membership_inference`, but by nearest neighbours only: the AUC; .5, the ceiling,
        means no leak. NaN without a holdout of two persons. The floor has synthetic {record}s with
        random Fourier phases.

    References
    ----------
    van Breugel et al. (2023), arXiv 2302.12580.
    """
    seed = int(draw_generator(random_state).integers(2**31 - 1))
    measure = partial(membership_of, seed=seed, unit=records.compared.unit, arm="neighbours")
    return records.score(measure, random_state)


def reidentification(records: ArrayRecords, random_state: Any) -> Score:
    """Share of synthetic {record}s that can be linked to one training person.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}_exact_copies`; the measure needs groups. Holdout {record}s of
        training persons show how well one {record} identifies a person; those of other people are
        the control.

    Returns
    -------
    score : Score
        0..1, lower is better. A synthetic {record} is linked to a person if the ratio of its
        distance to the nearest {record} of that person and to the nearest one of other training
        persons is among the lowest 5 % of the holdout {record}s of other people: the ceiling is
        5 %. NaN without such a holdout. ``detail`` has ``fake``, ``holdout`` and ``same person``:
        the share of holdout {record}s of training persons that are linked to their own person. The
        floor has synthetic {record}s with random Fourier phases.
    """
    measure = partial(reidentification_of, known=records.has_groups)
    return records.score(measure, random_state, same=True)
