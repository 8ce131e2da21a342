"""Related tables: parents with their children, such as patients with their visits.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

import argparse
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
    files, in_folders, in_arrays = "tables, one file each", True, False
    fit_options = evaluate_options = ("relations",)
    sample_options = ("overwrite", "csv_safe", "format")
    floor = "rows assigned to other parents"
    importance_caption = "Each bar is the AUC of a classifier for one relation; 0.5 is chance."
    shown = "histograms show real rows, and a bar can represent a single row"
    pooled = "each bar and each point of a real distribution represents 5 people or more"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.relational import RelationalGANSynthesizer

        return RelationalGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        from synthgan.records.related import LinkedTables

        return isinstance(records, Mapping | LinkedTables)

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

    def recognises(self, path: str) -> bool:
        """See `Kind.recognises`."""
        from synthgan.io.related import holds_tables

        return holds_tables(path)

    def add_fit_options(self, parser: Any) -> None:
        """See `Kind.add_fit_options`."""
        self._part("files").add_relations(parser.add_argument_group(self.plural))

    def add_evaluate_options(self, parser: Any) -> None:
        """See `Kind.add_evaluate_options`."""
        self.add_fit_options(parser)

    def sample_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """See `Kind.sample_arguments`."""
        if parsed.on_missing is not None:
            raise ValueError("--on-missing is not for related tables; leave it out.")
        return {}

    def table_of_conditions(self, path: str, model: Any) -> str | None:
        """See `Kind.table_of_conditions`."""
        return str(self._part("files").table_of_conditions(path, model))

    def evaluate_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """See `Kind.evaluate_arguments`."""
        return dict(self._part("files").evaluate_arguments(parsed))


KIND = RelationalKind()
