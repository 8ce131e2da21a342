"""Each column on its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from synthgan.metrics.score import Score, is_scaled, read_pair, to_codes, to_numbers

__all__ = ["column_shapes", "total_variation"]


def column_shapes(real: Any, fake: Any) -> Score:
    """Compare the distribution of each column.

    Parameters
    ----------
    real, fake : DataFrame or array-like of shape (n_rows, n_columns)
        `fake` holds at least the columns of `real`. More than 10 distinct real numbers or
        dates are compared on their scale, everything else level by level.

    Returns
    -------
    score : Score
        The mean over columns of one minus the Kolmogorov-Smirnov distance, less the difference in
        the share of missing values (on a scale), or of one minus the total variation (levels;
        missing is a level). 0..1, higher is better. ``detail`` is indexed by column, with
        ``measure`` and ``value``.

    Raises
    ------
    DataError
        A table without rows, or columns missing.

    Examples
    --------
    >>> import pandas as pd
    >>> real = pd.DataFrame({"sex": ["f", "f", "m", "m"]})
    >>> fake = pd.DataFrame({"sex": ["f", "m", "m", "m"]})
    >>> column_shapes(real, fake).value
    0.75
    """
    real, fake = read_pair(real, fake)
    rows = [_compare(real[name], fake[name]) for name in real.columns]
    index = pd.Index(real.columns, name="column")
    return Score.mean_of(
        "column shapes", pd.DataFrame(rows, index=index, columns=["measure", "value"])
    )


def total_variation(real: np.ndarray, fake: np.ndarray) -> float:
    """Half the summed difference of two distributions over integer codes, 0..1."""
    n = int(max(real.max(), fake.max())) + 1
    shares = [np.bincount(codes, minlength=n) / len(codes) for codes in (real, fake)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _compare(real: pd.Series, fake: pd.Series) -> tuple[str, float]:
    if not is_scaled(real):
        return "1 - TV", 1 - total_variation(*to_codes(real, fake))
    ours, theirs = to_numbers(real), to_numbers(fake)
    gaps = abs(np.isnan(ours).mean() - np.isnan(theirs).mean())
    theirs = theirs[~np.isnan(theirs)]
    if not len(theirs):
        return "1 - KS", 0.0
    distance = ks_2samp(ours[~np.isnan(ours)], theirs, method="asymp").statistic
    return "1 - KS", float(max(0.0, 1 - distance - gaps))
