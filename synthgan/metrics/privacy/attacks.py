"""What all attacks share: arms with their intervals, the risk, and the score of both."""

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
    "MATTERS",
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
MATTERS = 0.6  # AUC of membership inference that must not be missed
NO_VERDICT = "Without a holdout there is no verdict."
_NO_BETTER = "No better than guessing, so it shows nothing."


@dataclass(frozen=True)
class Arm:
    """Attacks of one kind.

    Parameters
    ----------
    n_successes : float
        A mean over several guesses for each target need not be whole.
    n_attacks : int
    n_effective : float or None, default=None
        How many independent attacks tell as much, for the interval; None: all are independent.
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
    """Of those on whom the attack fails by itself, the share on whom it succeeds by the leak.

    ``(main - control) / (1 - control)``, clipped at 0..1, and its 95 % interval. Where the control
    always succeeds, nothing is left to gain: 0, known to no precision.

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
    # Rates of failure, and the ends of their intervals.
    p, q = 1 - main.rate, 1 - control.rate
    (p_low, p_high), (q_low, q_high) = (
        (1 - high, 1 - low) for low, high in (main.interval, control.interval)
    )
    ends = []
    for p_end, q_end, sign in ((p_low, q_high, -1), (p_high, q_low, 1)):
        product = p_end * (2 * p - p_end)
        root = math.sqrt(max(0.0, (p * q) ** 2 - product * q_end * (2 * q - q_end)))
        if sign < 0:  # the same as below, without its denominator, which may be 0
            ends.append(product / (p * q + root) if product else 0.0)
        else:
            ends.append((p * q + root) / (q_end * (2 * q - q_end)))
    return _clipped(1 - p / q), (_clipped(1 - ends[1]), _clipped(1 - ends[0]))


def effective_number(groups: np.ndarray) -> float:
    """How many independent items tell as much as these, when a group stands or falls together.

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
    """How many independent items tell as much of a share, as hits of a cluster come together.

    Parameters
    ----------
    hits : ndarray of bool of shape (n,)
    clusters : ndarray of int of shape (n,)

    Returns
    -------
    n_effective : float
        The number over the design effect: the variance of the share by clusters over that of
        independent items; n at most. Without a hit, or with hits alone, `effective_number`.

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
    """Say so where membership inference sees no leak, but could have missed one that matters.

    Parameters
    ----------
    interval : (float, float) or None
        95 % of the AUC. Records are too few where it holds .5 (no leak is seen) and reaches
        `MATTERS`, .6 (of a member and a non-member, an attacker would know which is which 6 times
        in 10), or is wider than from .5 to .6 on either side: then a low value is luck. About 100
        persons on either side are enough where there is no leak; 25 or 50 are not.
    unit : str, default="rows"
        What the records are.

    Returns
    -------
    note : str
        Empty where they are enough.

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
    if high < MATTERS and high - low <= 2 * (MATTERS - 0.5):
        return ""
    return f"Too few {unit} to tell: the 95 % interval of the AUC is {low:.2f} to {high:.2f}."


def attack_score(
    name: str,
    arms: Mapping[str, Arm],
    notes: list[str],
    more: Mapping[str, tuple[float, float, float, int]] | None = None,
) -> Score:
    """Return the risk of an attack, with all its arms.

    Parameters
    ----------
    name : str
    arms : mapping of str to Arm
        ``main``, ``control`` and ``baseline`` first; a control without attacks where there is no
        holdout.
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
    """Raise where a parameter is no whole number from 1 to `most`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):
        allowed = "1 or more" if most is None else f"1 to {most}{of}"
        raise ParameterError(f"{name}={value!r} is not allowed; give a whole number, {allowed}.")


def _is_above(first: Arm, second: Arm) -> bool:
    """Tell whether a rate is larger, beyond the 95 % interval of the difference (Newcombe)."""
    low, high = first.rate - first.interval[0], second.interval[1] - second.rate
    return first.rate - second.rate > math.hypot(low, high)


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))
