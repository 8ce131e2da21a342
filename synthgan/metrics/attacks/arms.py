"""What an attack gives: success on people who were learnt, on others, and by guessing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from synthgan.metrics.score import Score

__all__ = ["NO_HOLDOUT", "Arm", "Z", "attack_score", "wilson"]

Z = float(norm.ppf(0.975))  # of a 95 % interval
NO_HOLDOUT = "No verdict without a holdout."


class Arm(NamedTuple):
    """How often an attack succeeded."""

    successes: int
    n_attacks: int


def wilson(arm: Arm, z: float = Z) -> tuple[float, float, float]:
    """Return the success rate and its interval, of 95 % by default; NaN without attacks.

    References
    ----------
    Wilson (1927), Probable inference, doi 10.1080/01621459.1927.10502953.
    """
    n = arm.n_attacks
    if not n:
        return math.nan, math.nan, math.nan
    rate, spread = arm.successes / n, z**2 / n
    middle = (rate + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    return rate, max(0.0, middle - reach), min(1.0, middle + reach)


def attack_score(
    name: str, main: Arm, control: Arm | None, baseline: Arm, notes: list[str]
) -> Score:
    """Turn the arms of an attack into a risk.

    Parameters
    ----------
    name : str
    main, baseline : Arm
        Against real rows with the fakes, and by guessing.
    control : Arm or None
        Against rows of the holdout with the fakes; None without a holdout.
    notes : list of str

    Returns
    -------
    score : Score
        The share of those attacks on learnt people that would fail had they not been learnt:
        (main - control) / (1 - control), at least 0; NaN without a control.

    References
    ----------
    Giomi et al. (2023), A unified framework for quantifying privacy risk in synthetic data,
    doi 10.56553/popets-2023-0055, equation 1.
    """
    arms = {"main": main, "control": control or Arm(0, 0), "baseline": baseline}
    rows = {arm: (*wilson(counted), counted.n_attacks) for arm, counted in arms.items()}
    detail = pd.DataFrame.from_dict(
        rows, orient="index", columns=["rate", "low", "high", "n_attacks"]
    ).rename_axis("arm")
    detail["value"] = detail["rate"]
    value, interval = math.nan, None
    if control is None:
        notes = [NO_HOLDOUT, *notes]
    elif main.n_attacks and control.n_attacks:
        value, interval = _risk(rows["main"], rows["control"])
    (rate, low, _, _), (guessed, _, by_luck, _) = rows["main"], rows["baseline"]
    if not (rate > by_luck and low > guessed):
        notes = [*notes, "The attack is no better than guessing."]
    return Score(name, value, False, detail, interval, note=" ".join(notes))


def _risk(main: tuple[float, ...], control: tuple[float, ...]) -> tuple[float, tuple[float, float]]:
    rate, base = main[0], control[0]
    if base >= 1:
        return 0.0, (0.0, 1.0)
    risk = (rate - base) / (1 - base)
    # Each side's interval moves the risk by itself; both together as independent errors do.
    moved = [
        [(x - base) / (1 - base) - risk for x in main[1:3]],
        [(rate - x) / (1 - x) - risk if x < 1 else -1.0 for x in (control[2], control[1])],
    ]
    low, high = (float(np.hypot(moved[0][i], moved[1][i])) for i in (0, 1))
    clipped = [min(1.0, max(0.0, x)) for x in (risk, risk - low, risk + high)]
    return clipped[0], (clipped[1], clipped[2])
