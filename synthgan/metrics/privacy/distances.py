"""Privacy measures of tables by distances of synthetic rows to real and to holdout rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthgan.metrics.privacy import statements
from synthgan.metrics.privacy.point_sets import PointSets
from synthgan.metrics.privacy.rows import read_point_sets
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator

__all__ = ["closest_record", "near_copies", "neighbour_ratio"]

_MOST_KNOWN, _MOST_ASKED = 20_000, 5000  # rows that are searched, rows whose neighbours are found


@dataclass(frozen=True)
class _Tables:
    """Tables and the persons of their rows."""

    tables: dict[str, Any]
    groups: tuple[Any, Any]

    def score(
        self,
        measure: Callable[[PointSets], Score],
        random_state: Any,
        equal: tuple[str, ...] = (),
        same: bool = False,
    ) -> Score:
        """Draw rows, map them to points, and measure."""
        n_holdout = _MOST_KNOWN if "real" in equal else _MOST_ASKED
        most = {"real": _MOST_KNOWN, "fake": _MOST_ASKED, "holdout": n_holdout}
        rng = draw_generator(random_state)
        return measure(read_point_sets(rng, most, equal, *self.groups, **self.tables))


def _read(real: Any, fake: Any, holdout: Any, groups: Any, holdout_groups: Any) -> _Tables:
    return _Tables({"real": real, "fake": fake, "holdout": holdout}, (groups, holdout_groups))


_of_tables = statements.publisher(
    _read,
    __name__,
    prefix="",
    record="row",
    given="real, fake, holdout, target",
    first="exact_copies",
    drawn="Of large tables up to 20 000 real rows (for `closest_record` also holdout rows) and\n"
    "    5000 others are drawn, by `random_state`.",
    floor="",
)
near_copies = _of_tables(statements.near_copies)
closest_record = _of_tables(statements.closest_record)
neighbour_ratio = _of_tables(statements.neighbour_ratio)
