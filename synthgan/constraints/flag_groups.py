"""Find columns of two levels of which few combinations occur, such as dummies of one category."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable

import numpy as np
import pandas as pd
from scipy.special import gammaln

from synthgan.constraints.lookups import FixedCombinations
from synthgan.privacy import EVERYTHING, Support

__all__ = ["find_flag_groups"]

logger = logging.getLogger(__name__)

_EVIDENCE = 20.0  # independent columns show it with probability exp(-_EVIDENCE)
_MOST_COLUMNS = 400
_MOST_COMBINATIONS = 64
_MOST_RARE = 0.005  # share of the rows with a combination of too few people
_MOST_ROWS = 20_000  # on which groups are found


def find_flag_groups(
    frame: pd.DataFrame, support: Support = EVERYTHING, gone: Collection[Hashable] = ()
) -> list[FixedCombinations]:
    """Find columns of two levels of which at most one combination more than columns occurs.

    These are columns of which at most one is set, as the dummies of a category, and columns of
    which each implies the next, as ``age > 30`` and ``age > 40``. What a column adds to a group
    must not be expected by chance.

    Parameters
    ----------
    frame : DataFrame
    support : Support, default=EVERYTHING
        Columns are left out of which fewer people have one of the levels.
    gone : collection of hashable
        Columns that are left out, too.

    Returns
    -------
    groups : list of FixedCombinations
        Not fitted; a column is in at most one.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from synthgan.constraints.flag_groups import find_flag_groups
    >>> colour = pd.Series(np.random.default_rng(0).choice(["red", "green", "blue"], 200))
    >>> find_flag_groups(pd.get_dummies(colour).assign(large=np.arange(200) % 2))
    [FixedCombinations(columns=['blue', 'green', 'red'])]
    """
    names, all_flags = _read_flags(frame, support, gone)
    flags = all_flags[:_MOST_ROWS]
    groups = []
    left = np.argsort(-flags.sum(axis=0), kind="stable").tolist()
    while left:
        group = _grow(flags, left)
        left = [i for i in left[1:] if i not in group]
        columns = [names[i] for i in sorted(group)]
        if len(columns) > 1 and _is_supported(all_flags[:, group], support):
            groups.append(FixedCombinations(columns))
            logger.info("few combinations of the columns %r occur", columns)
    return groups


def _read_flags(
    frame: pd.DataFrame, support: Support, gone: Collection[Hashable]
) -> tuple[list[Hashable], np.ndarray]:
    """Return the columns of two levels, and where they have the rarer one."""
    names: list[Hashable] = []
    flags = []
    for name in frame.columns:
        if name in gone or len(names) == _MOST_COLUMNS:
            continue
        codes, levels = pd.factorize(frame[name], use_na_sentinel=False)
        if len(levels) != 2 or support.counts(codes, 2).min() < support.least:
            continue
        names.append(name)
        flags.append(codes == (codes.mean() <= 0.5))
    return names, np.array(flags, dtype=bool).reshape(-1, len(frame)).T


def _grow(flags: np.ndarray, left: list[int]) -> list[int]:
    """Return the first column and others, or fewer than two if what they show may be chance."""
    group, others = [left[0]], left[1:]
    while others and len(group) < _MOST_COMBINATIONS:
        codes = _combine(flags[:, group])
        chances = [_log_chance(codes, flags[:, i]) for i in others]
        best = int(np.argmin(chances))
        if chances[best] + np.log(len(others)) >= 0:  # it is the best of so many
            break
        group.append(others.pop(best))
    rest = [[i for i in group if i != j] for j in group]
    return [
        j
        for j, others in zip(group, rest, strict=True)
        if others and _log_chance(_combine(flags[:, others]), flags[:, j]) <= -_EVIDENCE
    ]


def _combine(flags: np.ndarray) -> np.ndarray:
    """Return the number of the combination of each row."""
    return np.unique(flags, axis=0, return_inverse=True)[1].ravel()


def _log_chance(codes: np.ndarray, flag: np.ndarray) -> float:
    """Return the log probability that a flag varies in one group at most; 0 if it does not."""
    sizes, n_set = np.bincount(codes), np.bincount(codes, flag)
    varies = (n_set > 0) & (n_set < sizes)
    if varies.sum() > 1:
        return 0.0
    return _log_ways(sizes[varies].sum(), n_set[varies].sum()) - _log_ways(len(flag), flag.sum())


def _log_ways(n: float, k: float) -> float:
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _is_supported(flags: np.ndarray, support: Support) -> bool:
    """Return whether few combinations occur in all rows, in nearly all of them of enough people."""
    codes = _combine(flags)
    counts = support.counts(codes, codes.max() + 1)
    is_few = (counts >= support.least).sum() <= min(1 + flags.shape[1], _MOST_COMBINATIONS)
    return bool(is_few and (counts < support.least)[codes].mean() <= _MOST_RARE)
