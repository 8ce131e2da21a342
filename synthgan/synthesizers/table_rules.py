"""What the default recipe of tables takes from the table: length of a run, candidates of a row."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthgan.encoding.groups import CellGroup, mostly_continuous

__all__ = ["enough_candidates", "most_steps"]

# Evidence: docs/recipe.md.
_SHORT_RUN, _STEPS_PER_COLUMN, _ROWS_PER_STEP = 3000, 200, 6
_EFFECTIVE_CANDIDATES, _MOST_CANDIDATES = 1.2, 8


def most_steps(groups: Sequence[CellGroup], n_rows: int) -> float:
    """Return how many steps a run has at most; infinity where most columns are continuous."""
    if mostly_continuous(groups):
        return math.inf
    n_columns = len({group.column for group in groups if group.kind != "null"})
    return max(_SHORT_RUN, _STEPS_PER_COLUMN * n_columns, n_rows / _ROWS_PER_STEP)


def enough_candidates(least: int, effective_share: float) -> int:
    """Return of how many generated rows one is kept: more where few of them are preferred.

    Parameters
    ----------
    least : int
    effective_share : float
        See `Critic`.

    Examples
    --------
    >>> [enough_candidates(2, share) for share in (1.0, 0.7, 0.5, 0.1)]
    [2, 3, 5, 8]
    """
    enough = math.ceil(_EFFECTIVE_CANDIDATES / effective_share**2)
    return max(least, min(_MOST_CANDIDATES, enough))
