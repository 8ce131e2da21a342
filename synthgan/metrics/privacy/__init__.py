"""Privacy measures: what synthetic rows disclose about the training rows.

Attacks on tables, with intervals, a control and a baseline; all count people, not rows.
"""

from synthgan.metrics.privacy.copies import exact_copies
from synthgan.metrics.privacy.distances import closest_record, near_copies, neighbour_ratio
from synthgan.metrics.privacy.inference import attribute_inference
from synthgan.metrics.privacy.linkability import linkability
from synthgan.metrics.privacy.membership import membership_inference
from synthgan.metrics.privacy.singling_out import singling_out

__all__ = [
    "attribute_inference",
    "closest_record",
    "exact_copies",
    "linkability",
    "membership_inference",
    "near_copies",
    "neighbour_ratio",
    "singling_out",
]
