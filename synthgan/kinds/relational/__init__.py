"""Related tables: parents with their children, such as patients with their visits.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["KIND"]


class RelationalKind(Kind):
    """Several tables, given as a dict of tables, with relations between them."""

    folder = __name__
    name, plural, records = "relational", "related tables", "rows of the topmost table"
    makes = "related tables"
    floor = "rows dealt to other parents"
    importance_caption = "Each bar is the AUC of a classifier for one relation; 0.5 is chance."
    shown = "histograms show real rows, and a bar can represent a single row"
    pooled = "each bar and each point of a real distribution represents 5 people or more"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.relational import RelationalGANSynthesizer

        return RelationalGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        from synthgan.records.related import RelatedTables

        return isinstance(records, Mapping | RelatedTables)

    def relate(self, given: Mapping[str, Any], relations: Any, groups: Any) -> Mapping[str, Any]:
        """See `Kind.relate`."""
        from synthgan.metrics.relational import read_sets

        if groups is not None:
            raise ParameterError(
                "groups is not allowed for related tables: a person is a row of a topmost table; "
                "leave it out, and give relations."
            )
        return read_sets(given["real"], given["fake"], given["holdout"], relations)

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        """See `Kind.check_records`."""
        if target is not None:
            raise ParameterError(
                f"target={target!r} is not allowed for related tables; leave it out, or evaluate "
                "one joined table."
            )
        return {name: tables for name, tables in given.items() if tables is not None}


KIND = RelationalKind()
