"""How the default recipe changes where few people are learnt, between fidelity and privacy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from synthgan.exceptions import PrivacyWarning
from synthgan.gan.losses import Loss

__all__ = ["MANY_PEOPLE", "PLACES", "Place"]

MANY_PEOPLE = 1250  # people, from which on all places are the same
_STEPS = 1500  # of a run on so many
_PENALTY_TIMES_PEOPLE = 800
_POOL, _FEWEST_POOLS, _POOLED_MORE = 5, 5, 1000  # people, averages of a column, people


@dataclass(frozen=True)
class Place:
    """A place on the frontier between fidelity and privacy; docs/privacy.md has the figures.

    On few people a generator learns them by heart. Shorter runs prevent it, and so do coarser
    cells; a smaller gradient penalty lets a short run learn what it would miss.

    Parameters
    ----------
    steps_power : float
        Steps of a run fall as this power of the number of people.
    most_penalty : float or None
        Weight of the gradient penalty; None: the loss decides.
    pool_power : float
        `min_pool` of the encoder rises as this power of the number of people falls.
    most_pool : int
        Largest `min_pool`.
    told_from : int
        Below so many people, an attack on samples tells them from others with an AUC above .55.
    """

    steps_power: float
    most_penalty: float | None
    pool_power: float
    most_pool: int
    told_from: int

    def steps(self, n_people: int) -> int:
        """Return how many steps a run has."""
        return round(_STEPS * min(1.0, n_people / MANY_PEOPLE) ** self.steps_power)

    def min_pool(self, n_people: int) -> int:
        """Return of how many people averages of rare numbers are."""
        wanted = round(_POOL * max(1.0, _POOLED_MORE / n_people) ** self.pool_power)
        return max(_POOL, min(wanted, self.most_pool, n_people // _FEWEST_POOLS))

    def settle(self, loss: Any, n_people: int) -> Any:
        """Return the loss with the penalty of this place, where it has none of its own."""
        is_free = isinstance(loss, Loss) and loss.name == "relativistic" and loss.penalty is None
        weight = _PENALTY_TIMES_PEOPLE / n_people
        if self.most_penalty is None or not is_free or weight < self.most_penalty:
            return loss
        return Loss(**{**loss.get_params(), "penalty": self.most_penalty})

    def warn(self, n_people: int) -> None:
        """Say that people are too few to be hidden among each other."""
        if n_people < self.told_from:
            warnings.warn(
                f"{n_people} people are few: who has a sample of this model may tell better than "
                "by guessing whether a person was learnt (AUC above .55, see docs/privacy.md); "
                f"{self.told_from} or more are advised, or privacy='strict'.",
                PrivacyWarning,
                stacklevel=5,
            )


PLACES = {
    "faithful": Place(0.0, None, 0.0, _POOL, 800),
    "balanced": Place(1 / 3, 0.6, 0.3, 20, 800),
    "strict": Place(1 / 2, 0.6, 1.0, 20, 400),
}
