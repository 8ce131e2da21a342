"""Measures of related tables: keys, numbers of rows, dependence across tables, people.

Each compares dicts of tables, whose relations are given. Imports neither torch nor the GAN.
"""

from synthgan.metrics.relational.keys import cardinality, key_integrity
from synthgan.metrics.relational.privacy import (
    closest_family,
    family_membership_inference,
    identical_families,
)
from synthgan.metrics.relational.reading import ComparedTables, read_sets
from synthgan.metrics.relational.trends import (
    cross_table_trends,
    row_autocorrelation,
    table_shapes,
    table_trends,
)
from synthgan.metrics.relational.two_sample import (
    child_c2st,
    family_c2st,
    joined_c2st,
    parent_c2st,
    step_c2st,
)

__all__ = [
    "ComparedTables",
    "cardinality",
    "child_c2st",
    "closest_family",
    "cross_table_trends",
    "family_c2st",
    "family_membership_inference",
    "identical_families",
    "joined_c2st",
    "key_integrity",
    "parent_c2st",
    "read_sets",
    "row_autocorrelation",
    "step_c2st",
    "table_shapes",
    "table_trends",
]
