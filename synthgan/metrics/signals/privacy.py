"""What fake windows give away of the windows that were learnt, and of their persons.

Distances are those of `WindowSpace`: principal components, what they leave, the spectrum, and
statistics; it is spanned by as many windows of each set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.privacy.arrays import ArrayRecords
from synthgan.metrics.privacy.clouds import (
    closest_record_of,
    membership_of,
    near_copies_of,
    neighbour_ratio_of,
)
from synthgan.metrics.privacy.copies import check_quantile
from synthgan.metrics.privacy.reidentification import reidentification_of
from synthgan.metrics.score import Score
from synthgan.metrics.signals.clouds import WindowSpace
from synthgan.metrics.signals.windows import read_arms, whole_windows
from synthgan.metrics.tables import draw_generator

__all__ = [
    "signal_closest_record",
    "signal_exact_copies",
    "signal_membership_inference",
    "signal_near_copies",
    "signal_neighbour_ratio",
    "signal_reidentification",
]


def signal_exact_copies(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake windows that equal a real one.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target
        As in `amplitudes`; windows last 0.5 s or more.
    random_state : object, default=None
        Not used: all are searched.
    groups, holdout_groups : array-like of shape (n_windows,), or None, default=None
        Who each real window, and each of the holdout, belongs to: a person may have several, and
        counts once. None, and where an entry is missing: a person of its own. Who is in both is
        left out of the holdout.

    Returns
    -------
    score : Score
        As of `exact_copies`: 0..1, lower is better. Samples are compared as float32. The ceiling is
        the share of the holdout, the floor that of fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.equal()


def signal_near_copies(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
    quantile: float = 0.01,
) -> Score:
    """Share of fake windows as near to a real one as hardly one of the holdout is.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state, groups, holdout_groups
        As in `signal_exact_copies`; large sets are drawn from.
    quantile : float, default=0.01
        As in `near_copies`.

    Returns
    -------
    score : Score
        As of `near_copies`, between points of the space that this module names. The
        floor has fakes with random Fourier phases.
    """
    check_quantile(quantile)
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.score(
        lambda clouds: near_copies_of(clouds, quantile), random_state, ("fake", "holdout")
    )


def signal_closest_record(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake windows nearer to a real one than to one of the holdout.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state, groups, holdout_groups
        As in `signal_exact_copies`; as many persons of real set
        and holdout take part.

    Returns
    -------
    score : Score
        As of `closest_record`: .5, the ceiling, is no leaning, 1 is all copies. NaN without a
        holdout. The floor has fakes with random Fourier phases.

    References
    ----------
    Platzer and Reutterer (2021), doi 10.3389/fdata.2021.679939.
    """
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.score(closest_record_of, random_state, ("real", "holdout"))


def signal_neighbour_ratio(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Distance to the nearest real window over that to another person's: near 0 for copies.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state, groups, holdout_groups
        As in `signal_exact_copies`; large sets are drawn from.

    Returns
    -------
    score : Score
        As of `neighbour_ratio`: the 5 % quantile, higher is better; the ceiling is that of the
        holdout, the floor that of fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.score(neighbour_ratio_of, random_state, ("fake", "holdout"))


def signal_membership_inference(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Tell members (real windows) from non-members (holdout) by the density of fakes.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state, groups, holdout_groups
        As in `signal_exact_copies`; give many more fakes than
        were learnt. Up to 10 000 take part.

    Returns
    -------
    score : Score
        As of `membership_inference`, but of neighbours alone: the AUC; .5, the ceiling, is no leak.
        NaN without a holdout of two persons. The floor has fakes with random Fourier phases.

    References
    ----------
    van Breugel et al. (2023), arXiv 2302.12580.
    """
    seed = int(draw_generator(random_state).integers(2**31 - 1))
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.score(
        lambda clouds: membership_of(clouds, seed, "windows", "neighbours"), random_state
    )


def signal_reidentification(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake windows that point to one learnt person.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state, groups, holdout_groups
        As in `signal_exact_copies`; without groups nothing is
        measured. Windows of the holdout that belong to learnt persons show how much of a person
        there is in a window; those of other people are the control.

    Returns
    -------
    score : Score
        0..1, lower is better. A fake points to a person when it is so much nearer to a window of
        theirs than to any of other learnt persons, as only 5 % of the holdout's windows of other
        people are: 5 % is the ceiling. NaN without a holdout of other people. ``detail`` has
        ``fake``, ``holdout`` and ``same person``: how many windows of learnt persons that were not
        learnt point to their own person. The floor has fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
    return records.score(
        lambda clouds: reidentification_of(clouds, groups is not None), random_state, same=True
    )


def _read(
    real: Any, fake: Any, holdout: Any, fs_hz: float, groups: Any, holdout_groups: Any
) -> ArrayRecords:
    arms = read_arms(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    given = {"real": real, "fake": fake, "holdout": holdout}
    kept = {name: whole_windows(given[name]) for name in arms.sets}

    def span(windows: np.ndarray) -> Any:
        return WindowSpace(windows, fs_hz).points

    return ArrayRecords.read(arms, span, groups, holdout_groups, kept)
