"""Measures and pictures of images in a report."""

from __future__ import annotations

from synthgan import metrics
from synthgan.metrics import images
from synthgan.report.pictures import Picture, raster_picture
from synthgan.report.records import ImageDisplay
from synthgan.report.report import Report

__all__ = ["MEASURES", "draw"]

_FIDELITY = (
    images.image_c2st,
    images.pixel_statistics,
    images.image_spectrum,
    images.image_precision,
    images.image_recall,
    images.image_density,
    images.image_coverage,
    images.frechet_distance,
)
_PRIVACY = (
    metrics.image_membership_inference,
    metrics.image_reidentification,
    metrics.image_exact_copies,
    metrics.image_near_copies,
    metrics.image_closest_record,
    metrics.image_neighbour_ratio,
)
MEASURES = {
    "fidelity": {measure.__name__: measure for measure in _FIDELITY},
    "usefulness": {},
    "privacy": {measure.__name__: measure for measure in _PRIVACY},
}


def draw(report: Report) -> dict[str, list[Picture]]:
    """Draw a sample of real and synthetic records."""
    sides = report.records["real"], report.records["fake"]
    drawn = ImageDisplay.from_images(*sides, random_state=0, show_real=report.show_real).plot()
    both = "Sample of images: real above, synthetic below."
    alt = both if report.show_real else "Sample of synthetic images."
    return {"records": [raster_picture(drawn.figure_, alt)]}
