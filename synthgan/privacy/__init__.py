"""Persons of rows, and rules for what may be stored.

Independent of encodings and networks.
"""

from synthgan.privacy.dominance import P_PERCENT, guarded_means
from synthgan.privacy.groups import (
    draw_people,
    is_column,
    number_people,
    person_column,
    person_labels,
    read_groups,
    whole_people,
)
from synthgan.privacy.support import EVERYTHING, Support, pooled_means, run_means

__all__ = [
    "EVERYTHING",
    "P_PERCENT",
    "Support",
    "draw_people",
    "guarded_means",
    "is_column",
    "number_people",
    "person_column",
    "person_labels",
    "pooled_means",
    "read_groups",
    "run_means",
    "whole_people",
]
