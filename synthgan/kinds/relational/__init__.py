"""Related tables: parents with their children, such as patients with their visits.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgan.kinds.kind import Kind

__all__ = ["KIND"]


class RelationalKind(Kind):
    """Several tables, given as a dict of tables, with relations between them."""

    folder = __name__
    name, plural, records = "relational", "related tables", "rows of the topmost table"
    makes = "related tables"
    floor = "rows dealt to other parents"
    shown = "histograms show real rows, and a bar can represent a single row"
    pooled = "each bar and each point of a real distribution represents 5 people or more"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.relational import RelationalGANSynthesizer

        return RelationalGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        return isinstance(records, Mapping)


KIND = RelationalKind()
