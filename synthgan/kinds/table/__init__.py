"""Tables: rows of numbers, labels and dates.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

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
    sample_options = ("csv_safe",)
    floor = "shuffled columns"
    importance_caption = (
        "Each bar is the decrease of the classifier's AUC when one column is shuffled. If all bars "
        "are short, the classifier does not depend on a single column."
    )
    shown = "histograms show real rows, and a bar can represent a single row"
    pooled = "each bar and each point of a real distribution represents 5 rows or more"

    def estimator(self) -> Any:
        from synthgan.synthesizers.tabular import TabularGANSynthesizer

        return TabularGANSynthesizer

    def takes(self, records: Any) -> bool:
        return True

    def recognises(self, path: str) -> bool:
        return True

    def read_to_measure(self, path: str, follow_links: bool) -> Any:
        from synthgan.io.tables import read_csv

        return read_csv(path)

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        from synthgan.metrics.tables import check_tables

        frames = check_tables(**given)
        if target is not None and target not in frames["real"].columns:
            raise ParameterError(
                f"target={target!r} is not allowed; name a column of the real table."
            )
        return frames


KIND = TableKind()
