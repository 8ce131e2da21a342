"""Privacy measures of synthetic images: disclosure about training images and their persons.

Distances are pixel distances of images that are averaged down to 16x16 pixels or fewer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthgan.metrics.image_space import averaged
from synthgan.metrics.images import read_images
from synthgan.metrics.measure import PrivacyMeasure, publish
from synthgan.metrics.privacy import array_measures as statements
from synthgan.metrics.privacy.arrays import ArrayRecords
from synthgan.metrics.score import Score

__all__ = [
    "image_closest_record",
    "image_exact_copies",
    "image_membership_inference",
    "image_near_copies",
    "image_neighbour_ratio",
    "image_reidentification",
]


def _of_images(statement: Callable[..., Score]) -> PrivacyMeasure:
    """Make the public measure of images of a statement."""

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
        return statement(_read(real, fake, holdout, groups, holdout_groups), random_state)

    def near_copies(
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
        records = _read(real, fake, holdout, groups, holdout_groups)
        return statements.near_copies(records, random_state, quantile)

    public = near_copies if statement is statements.near_copies else measure
    return publish(
        public, statement, module=__name__, prefix="image", record="image",
        given="real, fake, holdout, target", first="pixel_statistics", windows="",
    )  # fmt: skip


def _read(real: Any, fake: Any, holdout: Any, groups: Any, holdout_groups: Any) -> ArrayRecords:
    compared = read_images(real, fake, holdout)
    return ArrayRecords.read(compared, lambda images: _pixels, groups, holdout_groups)


def _pixels(images: np.ndarray) -> np.ndarray:
    return averaged(images) / 255


image_exact_copies = _of_images(statements.exact_copies)
image_near_copies = _of_images(statements.near_copies)
image_closest_record = _of_images(statements.closest_record)
image_neighbour_ratio = _of_images(statements.neighbour_ratio)
image_membership_inference = _of_images(statements.membership_inference)
image_reidentification = _of_images(statements.reidentification)
