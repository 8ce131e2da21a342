"""What fake images give away of the images that were learnt, and of their persons.

Distances are those of pixels, of images averaged down to 16x16 pixels or fewer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.image_space import averaged
from synthgan.metrics.images import read_images
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
from synthgan.metrics.tables import draw_generator

__all__ = [
    "image_closest_record",
    "image_exact_copies",
    "image_membership_inference",
    "image_near_copies",
    "image_neighbour_ratio",
    "image_reidentification",
]


def image_exact_copies(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake images that equal a real one.

    Parameters
    ----------
    real, fake, holdout, target
        As in `pixel_statistics`.
    random_state : object, default=None
        Not used: all are searched.
    groups, holdout_groups : array-like of shape (n_images,), or None, default=None
        Who each real image, and each of the holdout, belongs to: a person may have several, and
        counts once. None, and where an entry is missing: a person of its own. Who is in both is
        left out of the holdout.

    Returns
    -------
    score : Score
        As of `exact_copies`: 0..1, lower is better. Pixels are compared as float32. The ceiling is
        the share of the holdout, the floor that of fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.equal()


def image_near_copies(
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
    """Share of fake images as near to a real one as hardly one of the holdout is.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; large sets are drawn from.
    quantile : float, default=0.01
        As in `near_copies`.

    Returns
    -------
    score : Score
        As of `near_copies`, between points of the space that this module names. The
        floor has fakes with random Fourier phases.
    """
    check_quantile(quantile)
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda clouds: near_copies_of(clouds, quantile), random_state, ("fake", "holdout")
    )


def image_closest_record(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake images nearer to a real one than to one of the holdout.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; as many persons of real set
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
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(closest_record_of, random_state, ("real", "holdout"))


def image_neighbour_ratio(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Distance to the nearest real image over that to another person's: near 0 for copies.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; large sets are drawn from.

    Returns
    -------
    score : Score
        As of `neighbour_ratio`: the 5 % quantile, higher is better; the ceiling is that of the
        holdout, the floor that of fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(neighbour_ratio_of, random_state, ("fake", "holdout"))


def image_membership_inference(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Tell members (real images) from non-members (holdout) by the density of fakes.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; give many more fakes than
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
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda clouds: membership_of(clouds, seed, "images", "neighbours"), random_state
    )


def image_reidentification(
    real: Any,
    fake: Any,
    *,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Share of fake images that point to one learnt person.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; without groups nothing is
        measured. Images of the holdout that belong to learnt persons show how much of a person
        there is in an image; those of other people are the control.

    Returns
    -------
    score : Score
        0..1, lower is better. A fake points to a person when it is so much nearer to a image of
        theirs than to any of other learnt persons, as only 5 % of the holdout's images of other
        people are: 5 % is the ceiling. NaN without a holdout of other people. ``detail`` has
        ``fake``, ``holdout`` and ``same person``: how many images of learnt persons that were not
        learnt point to their own person. The floor has fakes with random Fourier phases.
    """
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda clouds: reidentification_of(clouds, groups is not None), random_state, same=True
    )


def _read(real: Any, fake: Any, holdout: Any, groups: Any, holdout_groups: Any) -> ArrayRecords:
    arms = read_images(real, fake, holdout)
    return ArrayRecords.read(arms, lambda images: _pixels, groups, holdout_groups)


def _pixels(images: np.ndarray) -> np.ndarray:
    return averaged(images) / 255
