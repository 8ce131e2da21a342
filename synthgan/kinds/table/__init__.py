"""Tables: rows of numbers, labels and dates.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["KIND"]


class TableKind(Kind):
    """Tables. This kind is asked last, and takes everything."""

    folder = __name__
    name, plural, records = "table", "tables", "rows"
    makes = "rows of a table"
    any_condition = True
    evaluate_options = ("sep", "encoding", "decimal", "na", "dtype", "no_header")
    fit_options = (
        *evaluate_options, "epsilon", "delta", "public", "unit", "max_rows", "target", "cache_dir",
        "metadata",
    )  # fmt: skip
    sample_options = ("csv_safe", "sep", "encoding", "decimal", "na", "format", "jobs")
    floor = "shuffled columns"
    importance_caption = (
        "Each bar is the decrease of the classifier's AUC when one column is shuffled. If all bars "
        "are short, the classifier does not depend on a single column."
    )
    shown = "histograms show real rows, and a bar can represent a single row"
    pooled = "each bar and each point of a real distribution represents 5 rows or more"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.tabular import TabularGANSynthesizer

        return TabularGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        return True

    def recognises(self, path: str) -> bool:
        """See `Kind.recognises`."""
        return True

    def add_evaluate_options(self, parser: Any) -> None:
        """See `Kind.add_evaluate_options`."""
        self._part("files").add_reading_options(parser.add_argument_group(self.plural))

    def add_sample_options(self, parser: Any) -> None:
        """See `Kind.add_sample_options`."""
        self._part("files").add_sample_options(parser.add_argument_group(self.plural))

    def sample_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """See `Kind.sample_arguments`."""
        self._part("files").check_out(parsed)
        return {}

    def write_parts(self, model: Any, seed: int, parsed: argparse.Namespace) -> int:
        """See `Kind.write_parts`."""
        return int(self._part("files").write_parts(model, seed, parsed))

    def text_columns(self, model: Any) -> dict[str, str]:
        """See `Kind.text_columns`."""
        return dict(self._part("files").text_columns(model))

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        """See `Kind.check_records`."""
        from synthgan.metrics.tables import check_tables

        frames = check_tables(**given)
        if target is not None and target not in frames["real"].columns:
            raise ParameterError(
                f"target={target!r} is not allowed; name a column of the real table."
            )
        return frames


KIND = TableKind()
