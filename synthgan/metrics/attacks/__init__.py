"""What an attacker gains who has the fakes."""

from synthgan.metrics.attacks.copies import (
    closest_record,
    exact_copies,
    near_copies,
    neighbour_ratio,
)
from synthgan.metrics.attacks.inference import attribute_inference
from synthgan.metrics.attacks.linkability import linkability
from synthgan.metrics.attacks.membership import membership_inference
from synthgan.metrics.attacks.singling_out import singling_out

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
