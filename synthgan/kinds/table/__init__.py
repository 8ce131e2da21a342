"""Tables: rows of numbers, labels and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["KIND"]


class TableKind(Kind):
    """Tables; what no other kind takes is taken for one."""

    folder = __name__
    name, plural, records = "table", "tables", "rows"
    makes = "rows of a table"
    fit_options = ("privacy",)
    sample_options = ("csv_safe",)
    giveaway = "Bars: by how much the AUC falls when a column is shuffled, the largest first."
    shown = "its histograms are drawn of the real rows, and a bar can stand for a single one"
    pooled = "what is drawn of the real table stands for 5 rows or more"

    def estimator(self) -> Any:
        from synthgan.synthesizers.tabular import TabularGANSynthesizer

        return TabularGANSynthesizer

    def check_records(
        self, given: Mapping[str, Any], target: Any, fs_hz: float | None
    ) -> dict[str, Any]:
        from synthgan.metrics.tables import read_tables

        frames, _ = read_tables(np.random.default_rng(0), 2**62, **given)
        if target is not None and target not in frames["real"].columns:
            raise ParameterError(
                f"target={target!r} is not allowed; name a column of the real table."
            )
        return dict(frames)


KIND = TableKind()
