"""Privacy measures, each stated once for tables, windows and images.

A statement is called with `ArrayRecords` or the like. The modules `distances` (tables),
`synthgan.metrics.signals.privacy` and `synthgan.metrics.image_privacy` publish it under the prefix
of their kind, and put the words of their kind, such as "window" for ``{record}``, in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from synthgan.exceptions import ParameterError
from synthgan.metrics.measure import Measure, publish
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
    "publisher",
    "reidentification",
]


def publisher(
    read: Callable[..., Any], module: str, **words: str
) -> Callable[[Callable[..., Score]], Measure]:
    """Return a function that makes the public measure of one kind of records of a statement.

    Parameters
    ----------
    read : callable
        Called as ``read(real, fake, holdout, groups, holdout_groups)``.
    module : str
        Where the measures are found.
    **words : str
        The words of the kind, as in `publish`.
    """

    def make(statement: Callable[..., Score]) -> Measure:
        def measure(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
            groups: Any = None,
            holdout_groups: Any = None,
        ) -> Score:
            return statement(read(real, fake, holdout, groups, holdout_groups), random_state)

        def with_quantile(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
            groups: Any = None,
            holdout_groups: Any = None,
            quantile: float = 0.01,
        ) -> Score:
            records = read(real, fake, holdout, groups, holdout_groups)
            return statement(records, random_state, quantile)

        public = with_quantile if statement is near_copies else measure
        return publish(public, statement, module=module, **words)

    return make


def exact_copies(records: Any, random_state: Any) -> Score:
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
        the share of the holdout.
        {floor}
    """
    return records.equal()


def near_copies(records: Any, random_state: Any, quantile: float) -> Score:
    """Share of synthetic {record}s that are unusually near to a real {record}.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}exact_copies`. The same number of synthetic and holdout
        {record}s is used.
        {drawn}
    quantile : float, default=0.01
        Defines the distance of near copies: the share of holdout {record}s with a real {record}
        within that distance. Without a holdout: the share of real {record}s with a {record} of
        another person.

    Returns
    -------
    score : Score
        0..1, lower is better, with a Wilson interval. The ceiling is the share of the holdout
        within that distance: `quantile`, or more if more of it equals real {record}s.
        ``detail`` has both shares, each with its interval, and the ``distance``.
        {floor}

    Raises
    ------
    ParameterError
        A quantile outside of 0..1.
    DataError
        As in `{first}`.
    """
    if not 0 < quantile < 1:
        raise ParameterError(
            f"quantile={quantile!r} is not allowed; give a share between 0 and 1, exclusive."
        )
    measure = partial(near_copies_of, quantile=quantile)
    return records.score(measure, random_state, ("fake", "holdout"))


def closest_record(records: Any, random_state: Any) -> Score:
    """Share of synthetic {record}s nearer to a real than to a holdout {record} (closest record).

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}exact_copies`. The same number of real and holdout {record}s, and
        of their persons, is used.
        {drawn}

    Returns
    -------
    score : Score
        0..1; .5, the ceiling, is no preference, 1 means that all are copies. Equal distances count
        half. NaN without a holdout. ``detail`` has quantiles of the distances (``value`` is
        the median) from ``fake to real``, ``fake to holdout`` and ``holdout to real``.
        {floor}

    Notes
    -----
    Synthetic {record}s with the same nearest person are dependent, so a small holdout gives a wide
    interval even with many synthetic {record}s: it is a Wilson interval with Kish's effective
    number of {record}s with different nearest persons.

    References
    ----------
    Platzer and Reutterer (2021), Holdout-based empirical assessment of mixed-type synthetic data,
    doi 10.3389/fdata.2021.679939. Kish (1965), Survey sampling.
    """
    return records.score(closest_record_of, random_state, ("real", "holdout"))


def neighbour_ratio(records: Any, random_state: Any) -> Score:
    """Distance to the nearest real {record} over that to another person's: near 0 for copies.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}near_copies`.

    Returns
    -------
    score : Score
        The 5 % quantile of the synthetic {record}s' ratios, so that 5 % of copies are enough to
        detect; 0..1, higher is better. The ceiling is that of the holdout. A synthetic
        {record} that equals the {record}s of two persons has the ratio 1: it identifies neither.
        NaN with fewer than two persons. The interval is that of the order statistics. ``detail``
        has the same, and the median, of synthetic {record}s and holdout.
        {floor}

    References
    ----------
    Lowe (2004), Distinctive image features from scale-invariant keypoints,
    doi 10.1023/B:VISI.0000029664.99615.94 (the ratio). Zhao et al. (2021), CTAB-GAN,
    arXiv 2102.08369 (as a measure of privacy).
    """
    return records.score(neighbour_ratio_of, random_state, ("fake", "holdout"))


def membership_inference(records: Any, random_state: Any) -> Score:
    """Membership inference: real {record}s (members) against holdout, by density of synthetic ones.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}exact_copies`; give many more synthetic than training {record}s. Up to 10 000
        are used.

    Returns
    -------
    score : Score
        As in `membership_inference`, but by nearest neighbours only: the AUC; .5, the ceiling,
        means no leak. NaN without a holdout of two persons.
        {floor}

    References
    ----------
    van Breugel et al. (2023), arXiv 2302.12580.
    """
    seed = int(draw_generator(random_state).integers(2**31 - 1))
    measure = partial(membership_of, seed=seed, unit=records.compared.unit, arm="neighbours")
    return records.score(measure, random_state)


def reidentification(records: Any, random_state: Any) -> Score:
    """Share of synthetic {record}s that can be linked to one training person.

    Parameters
    ----------
    {given}, random_state, groups, holdout_groups
        As in `{prefix}exact_copies`; the measure needs groups. Holdout {record}s of training
        persons show how well one {record} identifies a person; those of other people are the
        control. Without other people, those of training persons are the control, each compared with
        the other training persons only.

    Returns
    -------
    score : Score
        0..1, lower is better. A synthetic {record} is linked to a person if the ratio of its
        distance to the nearest {record} of that person and to the nearest one of other training
        persons is among the lowest 5 % of the control: the ceiling is 5 %. NaN without a holdout.
        ``detail`` has ``fake``, ``holdout`` (the control) and ``same person``: the share of holdout
        {record}s of training persons that are linked to their own person. That share is the floor:
        the value of a generator that repeats its training persons.

    Notes
    -----
    Distances are those of {identity}
    """
    measure = partial(reidentification_of, known=records.has_groups)
    return records.score(measure, random_state, same=True)
