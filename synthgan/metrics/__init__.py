"""Measures that compare synthetic with real records.

Tables here, signals and privacy in their own folders. They use neither torch nor the GAN.
"""

from synthgan.metrics import images, relational, signals
from synthgan.metrics.columns import (
    category_coverage,
    column_shapes,
    jensen_shannon,
    kolmogorov_smirnov,
    missing_shares,
    quartiles,
    range_coverage,
    total_variation,
    wasserstein,
)
from synthgan.metrics.image_privacy import (
    image_closest_record,
    image_exact_copies,
    image_membership_inference,
    image_near_copies,
    image_neighbour_ratio,
    image_reidentification,
)
from synthgan.metrics.joint import (
    alpha_precision,
    authenticity,
    beta_recall,
    coverage,
    density,
    mmd,
    precision,
    recall,
)
from synthgan.metrics.pairs import correlations, mutual_information, pair_trends
from synthgan.metrics.privacy import (
    attribute_inference,
    closest_record,
    exact_copies,
    linkability,
    membership_inference,
    near_copies,
    neighbour_ratio,
    singling_out,
)
from synthgan.metrics.score import Score
from synthgan.metrics.scorer import make_scorer
from synthgan.metrics.two_sample import c2st, c2st_linear
from synthgan.metrics.utility import global_utility, importance_agreement, tstr

__all__ = [
    "Score",
    "alpha_precision",
    "attribute_inference",
    "authenticity",
    "beta_recall",
    "c2st",
    "c2st_linear",
    "category_coverage",
    "closest_record",
    "column_shapes",
    "correlations",
    "coverage",
    "density",
    "exact_copies",
    "global_utility",
    "image_closest_record",
    "image_exact_copies",
    "image_membership_inference",
    "image_near_copies",
    "image_neighbour_ratio",
    "image_reidentification",
    "images",
    "importance_agreement",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "linkability",
    "make_scorer",
    "membership_inference",
    "missing_shares",
    "mmd",
    "mutual_information",
    "near_copies",
    "neighbour_ratio",
    "pair_trends",
    "precision",
    "quartiles",
    "range_coverage",
    "recall",
    "relational",
    "signals",
    "singling_out",
    "total_variation",
    "tstr",
    "wasserstein",
]
