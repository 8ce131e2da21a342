"""Privacy measures of synthetic images: disclosure about training images and their persons.

Distances are pixel distances of images that are averaged down to 16x16 pixels or fewer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.image_space import averaged
from synthgan.metrics.images import read_images
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
    """Share of synthetic images that equal a real one.

    Parameters
    ----------
    real, fake, holdout, target
        As in `pixel_statistics`.
    random_state : object, default=None
        Not used: all images are searched.
    groups, holdout_groups : array-like of shape (n_images,), or None, default=None
        The person of each real and each holdout image. A person may have several images and counts
        once. None, or a missing entry: a different person. Persons in both sets are left out of the
        holdout.

    Returns
    -------
    score : Score
        As in `exact_copies`: 0..1, lower is better. Pixels are compared as float32. The ceiling is
        the share of the holdout, the floor that of synthetic images with random Fourier phases.
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
    """Share of synthetic images that are unusually near to a real image.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; large sets are sub-sampled.
    quantile : float, default=0.01
        As in `near_copies`.

    Returns
    -------
    score : Score
        As in `near_copies`, with the distances of this module. The
        floor has synthetic images with random Fourier phases.
    """
    check_quantile(quantile)
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda point_sets: near_copies_of(point_sets, quantile), random_state, ("fake", "holdout")
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
    """Share of synthetic images that are nearer to a real than to a holdout image.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; equally many persons of the
        real set and the holdout are used.

    Returns
    -------
    score : Score
        As in `closest_record`: .5, the ceiling, is no preference, 1 means that all are copies. NaN
        without a holdout. The floor has synthetic images with random Fourier phases.

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
        As in `image_exact_copies`; large sets are sub-sampled.

    Returns
    -------
    score : Score
        As in `neighbour_ratio`: the 5 % quantile, higher is better; the ceiling is that of the
        holdout, the floor that of synthetic images with random Fourier phases.
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
    """Membership inference: real images (members) against holdout, by density of synthetic ones.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; give many more synthetic
        than training images. Up to 10 000 are used.

    Returns
    -------
    score : Score
        As in `membership_inference`, but by nearest neighbours only: the AUC; .5, the ceiling,
        means no leak.
        NaN without a holdout of two persons. The floor has synthetic images with random Fourier
        phases.

    References
    ----------
    van Breugel et al. (2023), arXiv 2302.12580.
    """
    seed = int(draw_generator(random_state).integers(2**31 - 1))
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda point_sets: membership_of(point_sets, seed, "images", "neighbours"), random_state
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
    """Share of synthetic images that can be linked to one training person.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `image_exact_copies`; the measure needs groups. Holdout images of training persons
        show how well an image identifies a person; those of other people are the control.

    Returns
    -------
    score : Score
        0..1, lower is better. An image is linked to a person if the ratio of its distance to the
        nearest image of that person and to the nearest one of other training persons is among the
        lowest 5 % of the holdout images of other people: the ceiling is 5 %. NaN without such a
        holdout. ``detail`` has ``fake``, ``holdout`` and ``same person``: the share of holdout
        images of training persons that are linked to their own person. The floor has synthetic
        images with random Fourier phases.
    """
    records = _read(real, fake, holdout, groups, holdout_groups)
    return records.score(
        lambda point_sets: reidentification_of(point_sets, groups is not None),
        random_state,
        same=True,
    )


def _read(real: Any, fake: Any, holdout: Any, groups: Any, holdout_groups: Any) -> ArrayRecords:
    compared = read_images(real, fake, holdout)
    return ArrayRecords.read(compared, lambda images: _pixels, groups, holdout_groups)


def _pixels(images: np.ndarray) -> np.ndarray:
    return averaged(images) / 255
