"""Constraints between columns: a table is transformed so that they hold by construction.

Given by the user or found in the data. Independent of encodings and networks.
"""

from synthgan.constraints.base import Constraint, Predicate, Range
from synthgan.constraints.computed import ComputedColumn
from synthgan.constraints.constraint_set import CONSTRAINTS, ConstraintSet
from synthgan.constraints.differences import Inequality
from synthgan.constraints.formulas import Formula
from synthgan.constraints.frequent_combinations import FrequentCombinations
from synthgan.constraints.identifiers import Identifier
from synthgan.constraints.lookups import DependentColumn, FixedCombinations
from synthgan.constraints.people import find_people
from synthgan.constraints.quotients import Quotient
from synthgan.constraints.rare_labels import RareLabels
from synthgan.constraints.shared_values import SharedValue
from synthgan.constraints.usual_labels import UsualLabel
from synthgan.constraints.weighted_sums import WeightedSum

__all__ = [
    "CONSTRAINTS",
    "ComputedColumn",
    "Constraint",
    "ConstraintSet",
    "DependentColumn",
    "FixedCombinations",
    "Formula",
    "FrequentCombinations",
    "Identifier",
    "Inequality",
    "Predicate",
    "Quotient",
    "Range",
    "RareLabels",
    "SharedValue",
    "UsualLabel",
    "WeightedSum",
    "find_people",
]
