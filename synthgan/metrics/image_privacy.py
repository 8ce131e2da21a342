"""Privacy measures of synthetic images: disclosure about training images and their persons.

Distances are pixel distances of images that are averaged down to 16x16 pixels or fewer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgan.metrics.image_space import averaged
from synthgan.metrics.images import read_images
from synthgan.metrics.privacy import statements
from synthgan.metrics.privacy.arrays import ArrayRecords

__all__ = [
    "image_closest_record",
    "image_exact_copies",
    "image_membership_inference",
    "image_near_copies",
    "image_neighbour_ratio",
    "image_reidentification",
]


def _read(real: Any, fake: Any, holdout: Any, groups: Any, holdout_groups: Any) -> ArrayRecords:
    compared = read_images(real, fake, holdout)
    return ArrayRecords.read(compared, lambda images: _pixels, groups, holdout_groups)


def _pixels(images: np.ndarray) -> np.ndarray:
    return averaged(images) / 255


_of_images = statements.publisher(
    _read,
    __name__,
    prefix="image_",
    record="image",
    given="real, fake, holdout, target",
    first="pixel_statistics",
    windows="",
    drawn="Up to 5000 images of each set (10 000 synthetic ones) are drawn, fewer if large.",
    floor="The floor has synthetic images with random Fourier phases.",
    identity="pixels, averaged down to 16x16 or fewer.",
)
image_exact_copies = _of_images(statements.exact_copies)
image_near_copies = _of_images(statements.near_copies)
image_closest_record = _of_images(statements.closest_record)
image_neighbour_ratio = _of_images(statements.neighbour_ratio)
image_membership_inference = _of_images(statements.membership_inference)
image_reidentification = _of_images(statements.reidentification)
