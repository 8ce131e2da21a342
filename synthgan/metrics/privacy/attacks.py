"""Common parts of all attacks: arms with intervals, the risk, and the score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ParameterError
from synthgan.metrics.points import wilson_interval
from synthgan.metrics.score import Score

__all__ = [
    "ARMS",
    "AUC_TO_DETECT",
    "NO_VERDICT",
    "Arm",
    "attack_score",
    "check_count",
    "clustered_number",
    "effective_number",
    "risk",
    "too_few_to_tell",
]

ARMS = ("main", "control", "baseline")
AUC_TO_DETECT = 0.6  # AUC of membership inference that a measure should be able to detect
NO_VERDICT = "Without a holdout the value cannot be judged."
_NO_BETTER = "The attack is no better than guessing, so it gives no evidence."


@dataclass(frozen=True)
class Arm:
    """Attacks on one kind of targets.

    Parameters
    ----------
    n_successes : float
        Not an integer if it is a mean over several guesses for each target.
    n_attacks : int
    n_effective : float or None, default=None
        Effective number of independent attacks, for the interval; None: all are independent.
    """

    n_successes: float = 0.0
    n_attacks: int = 0
    n_effective: float | None = None

    @property
    def rate(self) -> float:
        """Share of attacks that succeeded; NaN for none."""
        return self.n_successes / self.n_attacks if self.n_attacks else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate, by Wilson."""
        n = self.n_attacks if self.n_effective is None else self.n_effective
        return wilson_interval(self.rate * n, n)


def risk(main: Arm, control: Arm) -> tuple[float, tuple[float, float]]:
    """Privacy risk: the success rate beyond the control, among targets where the control fails.

    ``(main - control) / (1 - control)``, clipped at 0..1, and its 95 % interval. If the control
    always succeeds, the risk is 0 with the interval 0..1.

    References
    ----------
    Giomi et al. (2023), A unified framework for quantifying privacy risk in synthetic data,
    doi 10.56553/popets-2023-0055. Newcombe (2016), MOVER-R confidence intervals for ratios and
    products of two independently estimated quantities, Statistical Methods in Medical Research 25,
    1774-1778 (the interval: 1 less the ratio of both rates of failure).
    """
    if not main.n_attacks or not control.n_attacks:
        return float("nan"), (float("nan"), float("nan"))
    if control.rate >= 1:
        return 0.0, (0.0, 1.0)
    # Failure rates, and the ends of their intervals.
    p, q = 1 - main.rate, 1 - control.rate
    (p_low, p_high), (q_low, q_high) = (
        (1 - high, 1 - low) for low, high in (main.interval, control.interval)
    )
    ends = []
    for p_end, q_end, sign in ((p_low, q_high, -1), (p_high, q_low, 1)):
        product = p_end * (2 * p - p_end)
        root = math.sqrt(max(0.0, (p * q) ** 2 - product * q_end * (2 * q - q_end)))
        if sign < 0:  # as below, but without the denominator, which may be 0
            ends.append(product / (p * q + root) if product else 0.0)
        else:
            ends.append((p * q + root) / (q_end * (2 * q - q_end)))
    return _clipped(1 - p / q), (_clipped(1 - ends[1]), _clipped(1 - ends[0]))


def effective_number(groups: np.ndarray) -> float:
    """Effective number of independent items, if items of a group are fully dependent.

    Parameters
    ----------
    groups : ndarray of int of shape (n,)
        The group of each item.

    References
    ----------
    Kish (1965), Survey sampling.

    Examples
    --------
    >>> effective_number(np.array([0, 0, 0, 3]))
    1.6
    """
    if not len(groups):
        return 0.0
    counts = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / (counts**2).sum())


def clustered_number(hits: np.ndarray, clusters: np.ndarray) -> float:
    """Effective number of independent items for a share, with hits clustered.

    Parameters
    ----------
    hits : ndarray of bool of shape (n,)
    clusters : ndarray of int of shape (n,)

    Returns
    -------
    n_effective : float
        The number divided by the design effect, which is the variance of the share with clusters
        over that of independent items; at most n. If all or no items are hits:
        `effective_number`.

    References
    ----------
    Kish (1965), Survey sampling.

    Examples
    --------
    >>> hits = np.array([True] * 10 + [False] * 90)
    >>> round(clustered_number(hits, np.r_[np.zeros(10, int), np.arange(1, 91)]), 1)
    11.0
    """
    n, share = len(hits), float(hits.mean()) if len(hits) else 0.0
    if share in (0.0, 1.0):
        return effective_number(clusters)
    code = np.unique(clusters, return_inverse=True)[1].ravel()
    sums = np.bincount(code, weights=hits - share)
    return min(float(n), share * (1 - share) * n**2 / float((sums**2).sum()))


def too_few_to_tell(interval: tuple[float, float] | None, unit: str = "rows") -> str:
    """Return a note if membership inference finds no leak but has too few records to exclude one.

    Parameters
    ----------
    interval : (float, float) or None
        95 % interval of the AUC. Records are too few if it contains .5 (no leak is found) and
        either includes `AUC_TO_DETECT`, .6 (an attacker distinguishes a member from a non-member 6
        times in 10), or is wider than from .5 to .6 on either side, so that a low value may be
        chance. Without a leak, about 100 persons in each set are enough; 25 or 50 are not.
    unit : str, default="rows"
        Plural name of the records.

    Returns
    -------
    note : str
        Empty if there are enough.

    Examples
    --------
    >>> too_few_to_tell((0.34, 0.66))
    'Too few rows to tell: the 95 % interval of the AUC is 0.34 to 0.66.'
    >>> too_few_to_tell((0.46, 0.55))
    ''
    """
    if interval is None or interval[0] > 0.5:
        return ""
    low, high = interval
    if high < AUC_TO_DETECT and high - low <= 2 * (AUC_TO_DETECT - 0.5):
        return ""
    return f"Too few {unit} to tell: the 95 % interval of the AUC is {low:.2f} to {high:.2f}."


def attack_score(
    name: str,
    arms: Mapping[str, Arm],
    notes: list[str],
    more: Mapping[str, tuple[float, float, float, int]] | None = None,
) -> Score:
    """Return the risk of an attack, with all arms in the detail.

    Parameters
    ----------
    name : str
    arms : mapping of str to Arm
        ``main``, ``control`` and ``baseline`` first; without a holdout, a control without attacks.
    notes : list of str
        Empty ones are left out.
    more : mapping of str to (rate, low, high, n_attacks), default=None
        Further rows of the detail.
    """
    rows = {key: (arm.rate, *arm.interval, arm.n_attacks) for key, arm in arms.items()}
    detail = pd.DataFrame.from_dict(
        {**rows, **(more or {})}, orient="index", columns=["rate", "low", "high", "n_attacks"]
    ).rename_axis("arm")
    main, control, baseline = (arms[key] for key in ARMS)
    value, interval = risk(main, control)
    notes = [*notes]
    if main.n_attacks and not _is_above(main, baseline):
        notes.append(_NO_BETTER)
    if main.n_attacks and not control.n_attacks:
        notes.append(NO_VERDICT)
    return Score(
        name,
        value,
        False,
        detail,
        None if math.isnan(value) else interval,
        note=" ".join(note for note in notes if note),
    )


def check_count(name: str, value: Any, most: int | None = None, of: str = "") -> None:
    """Raise if a parameter is not an integer from 1 to `most`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):
        allowed = "1 or more" if most is None else f"1 to {most}{of}"
        raise ParameterError(f"{name}={value!r} is not allowed; give a whole number, {allowed}.")


def _is_above(first: Arm, second: Arm) -> bool:
    """Return whether a rate is significantly larger, by the 95 % interval of Newcombe."""
    low, high = first.rate - first.interval[0], second.interval[1] - second.rate
    return first.rate - second.rate > math.hypot(low, high)


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
