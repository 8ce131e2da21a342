"""Measures of keys, and of the number of rows that belong to a parent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.points import ks
from synthgan.metrics.relational.reading import (
    ComparedTables,
    reassigned,
    relational_measure,
    scattered,
)
from synthgan.records.related import Relation

__all__ = ["cardinality", "key_integrity", "number_of_children"]


@relational_measure("key integrity", surrogates=reassigned)
def key_integrity(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Share of the rows whose key is a key of the parent's table.

    Returns
    -------
    score : Score
        The mean over relations of the share of the child's rows whose key a parent has, times the
        share of the parent's rows whose key is present and not repeated. A missing key of a child
        is right where the real table also has missing ones. 0..1; 1 is needed. ``detail`` is
        indexed by relation.

    Raises
    ------
    ParameterError
        Relations that are missing, or that name unknown tables or columns.
    DataError
        Tables that differ, tables without rows, or real keys that are missing or not unique.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import Relation
    >>> patients = pd.DataFrame({"id": [1, 2], "sex": ["f", "m"]})
    >>> real = {"patients": patients, "visits": pd.DataFrame({"id": [1, 1], "mmhg": [120, 130]})}
    >>> fake = {"patients": patients, "visits": pd.DataFrame({"id": [1, 7], "mmhg": [120, 130]})}
    >>> key_integrity(real, fake, relations=[Relation("visits", "id", "patients")]).value
    0.5
    """
    labels = real.labels()
    values = {labels[one]: other.integrity[one] for one in real.relations}
    return Part.mean(pd.DataFrame({"value": values}).rename_axis("relation"))


@relational_measure("cardinality", surrogates=scattered)
def cardinality(real: ComparedTables, other: ComparedTables, rng: np.random.Generator) -> Part:
    """Compare the number of rows that belong to a parent.

    Returns
    -------
    score : Score
        The mean over relations of one minus the Kolmogorov-Smirnov distance of the number of the
        child's rows per row of the parent. 0..1, higher is better. ``detail`` is indexed by
        relation, with the mean numbers ``real`` and ``fake``. The floor has rows that belong to any
        parent.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.
    """
    rows = {}
    for one, label in real.labels().items():
        ours, theirs = (number_of_children(tables, one) for tables in (real, other))
        rows[label] = {"value": 1 - ks(ours, theirs), "real": ours.mean(), "fake": theirs.mean()}
    return Part.mean(pd.DataFrame.from_dict(rows, orient="index").rename_axis("relation"))


def number_of_children(tables: ComparedTables, relation: Relation) -> np.ndarray:
    """Return how many rows of the child belong to each row of the parent."""
    rows = tables.rows[relation]
    n = len(tables.frames[str(relation.parent)])
    return np.bincount(rows[rows >= 0], minlength=n)
