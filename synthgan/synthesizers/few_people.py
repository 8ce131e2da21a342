"""How the default recipe changes where few people are learnt: a trade of fidelity for privacy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from synthgan.exceptions import PrivacyWarning
from synthgan.gan.losses import Loss

__all__ = ["FEWEST_UNWARNED", "LABELLED_LEVELS", "MANY_PEOPLE", "PRIVACY_LEVELS", "PrivacyLevel"]

FEWEST_UNWARNED = 2000  # people; of fewer, membership inference exceeds an AUC of .55
MANY_PEOPLE = 1250  # people, from which on all levels are the same
_STEPS = 1500  # of a run on so many
_PENALTY_TIMES_ROWS = 800  # as in the loss
_POOL, _POOLED_MORE = 5, 1000  # people
# Of images and signals: the run is so long as the share of the records that are few, to this power.
LABELLED_LEVELS = {"faithful": 0.0, "balanced": 0.5, "strict": 1.0}


@dataclass(frozen=True)
class PrivacyLevel:
    """A trade-off between fidelity and privacy; docs/privacy.md has the figures.

    A generator trained on few rows memorises them. Shorter runs and coarser cells memorise less; a
    smaller gradient penalty lets a short run learn faster.

    Parameters
    ----------
    steps_power : float
        0 or more: below 1250 people, a run has 1500 (people / 1250)**steps_power steps.
    most_penalty : float or None
        Largest weight of the gradient penalty; None: the loss decides.
    pool_power : float
        0 or more: below 1000 people, the encoder's `min_pool` is 5 (1000 / people)**pool_power.
    most_pool : int
        Largest `min_pool`, in people.
    fewest_pools : int
        `min_pool` is small enough for so many averages of a column, but at least 5.
    """

    steps_power: float
    most_penalty: float | None
    pool_power: float
    most_pool: int
    fewest_pools: int

    def steps(self, n_people: int) -> int:
        """Return how many steps a run has."""
        return round(_STEPS * min(1.0, n_people / MANY_PEOPLE) ** self.steps_power)

    def min_pool(self, n_people: int) -> int:
        """Return of how many people averages of rare numbers are."""
        wanted = round(_POOL * max(1.0, _POOLED_MORE / n_people) ** self.pool_power)
        return max(_POOL, min(wanted, self.most_pool, n_people // self.fewest_pools))

    def with_penalty(self, loss: Any, n_people: int, n_rows: int) -> Any:
        """Return the loss with at most the penalty of this level, where none was given."""
        is_free = isinstance(loss, Loss) and loss.name == "relativistic" and loss.penalty is None
        is_less = self.most_penalty is None or _PENALTY_TIMES_ROWS / n_rows <= self.most_penalty
        if not is_free or is_less or n_people >= MANY_PEOPLE:
            return loss
        return Loss(**{**loss.get_params(), "penalty": self.most_penalty})

    def warn(self, n_people: int) -> None:
        """Warn where membership inference is better than an AUC of .55."""
        if n_people >= FEWEST_UNWARNED:
            return
        helps = self != PRIVACY_LEVELS["strict"] and n_people < MANY_PEOPLE
        more = "; privacy='strict' lowers it" if helps else ""
        warnings.warn(
            f"the table has {n_people} people: an attacker with synthetic rows may recognise a "
            "training person (membership inference, AUC above .55, see docs/privacy.md); use at "
            f"least {FEWEST_UNWARNED} people{more}.",
            PrivacyWarning,
            stacklevel=5,
        )


PRIVACY_LEVELS = {
    "faithful": PrivacyLevel(0.0, None, 0.0, _POOL, 10),
    "balanced": PrivacyLevel(1 / 3, 0.6, 0.3, 20, 10),
    "strict": PrivacyLevel(1 / 2, 0.6, 1.0, 20, 5),
}
