"""Pairs of columns."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.columns import total_variation
from synthgan.metrics.score import Score, is_scaled, read_pair, to_codes, to_numbers

__all__ = ["pair_trends"]

N_BINS = 10


def pair_trends(real: Any, fake: Any) -> Score:
    """Compare how columns hang together, two by two.

    Parameters
    ----------
    real, fake : DataFrame or array-like of shape (n_rows, n_columns)
        As in `column_shapes`.

    Returns
    -------
    score : Score
        The mean over pairs of one minus half the difference of Spearman's rank correlations
        (both on a scale), or of one minus the total variation of the two-way table (otherwise).
        0..1, higher is better; NaN for a single column. ``detail`` has ``first``, ``second``,
        ``measure`` and ``value``.

    Notes
    -----
    For two-way tables a numeric column is cut at the deciles *of the real table*, for both tables.
    Cutting each table at edges of its own hides differences in scale and location, a known defect
    of other implementations.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 0, 1, 1]})
    >>> fake = pd.DataFrame({"a": [0, 0, 1, 1], "b": [0, 1, 0, 1]})
    >>> pair_trends(real, fake).value
    0.5
    """
    real, fake = read_pair(real, fake)
    scaled = {name: is_scaled(real[name]) for name in real.columns}
    codes = {name: _codes(real[name], fake[name], scaled[name]) for name in real.columns}
    numeric = [name for name in real.columns if scaled[name]]
    ranks = [_rank_correlations(frame, numeric) for frame in (real, fake)]
    place = {name: i for i, name in enumerate(numeric)}
    rows = []
    for first, second in combinations(real.columns, 2):
        if scaled[first] and scaled[second]:
            a, b = (table[place[first], place[second]] for table in ranks)
            rows.append((first, second, "1 - |difference of rho| / 2", 1 - abs(a - b) / 2))
        else:
            joint = _joint_codes(codes[first], codes[second])
            rows.append((first, second, "1 - TV", 1 - total_variation(*joint)))
    return Score.mean_of(
        "pair trends", pd.DataFrame(rows, columns=["first", "second", "measure", "value"])
    )


def _codes(real: pd.Series, fake: pd.Series, scaled: bool) -> tuple[np.ndarray, np.ndarray]:
    """Level codes, or bins between the real deciles; 0 is missing."""
    if not scaled:
        return to_codes(real, fake)
    ours, theirs = to_numbers(real), to_numbers(fake)
    edges = np.unique(np.nanquantile(ours, np.linspace(0, 1, N_BINS + 1))[1:-1])
    binned = [np.where(np.isnan(x), 0, np.digitize(x, edges) + 1) for x in (ours, theirs)]
    return binned[0], binned[1]


def _joint_codes(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of the two-way table, numbered densely."""
    n = int(max(second[0].max(), second[1].max())) + 1
    both = np.concatenate([first[0] * n + second[0], first[1] * n + second[1]])
    dense = np.unique(both, return_inverse=True)[1]
    return dense[: len(first[0])], dense[len(first[0]) :]


def _rank_correlations(frame: pd.DataFrame, names: list[Any]) -> np.ndarray:
    """Spearman's rho of all pairs of numeric columns; 0 where it is undefined."""
    if not names:
        return np.zeros((0, 0))
    numbers = pd.DataFrame({i: to_numbers(frame[name]) for i, name in enumerate(names)})
    return np.nan_to_num(numbers.corr(method="spearman").to_numpy())
