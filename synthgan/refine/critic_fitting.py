"""Fit the critic to real grids and to those of a trained generator, with random known cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from synthgan.refine.critic import Critic
from synthgan.refine.generated import RealAndGenerated

__all__ = ["fit_critic"]

_FAKES = 4  # a real row


def fit_critic(
    data: RealAndGenerated,
    features: Callable[[np.ndarray], np.ndarray],
    deadline: float | None,
) -> Critic:
    """Fit the critic that chooses among the candidates of a generator.

    Parameters
    ----------
    data : RealAndGenerated
    features : callable
        Returns the features of grids that the critic sees.
    deadline : float or None
        By `time.perf_counter`.
    """
    real, known = data.real, data.known
    seeds = data.rng.integers(2**31 - 1, size=5).tolist()
    draws = torch.Generator().manual_seed(seeds[0])
    c = torch.cat([data.conditions(real, draws, data.labels) for _ in range(_FAKES)])
    fake, given = data.draw_grids(c, seeds[1]), known.features(c).numpy()

    def make(n_fakes: int) -> tuple[np.ndarray, np.ndarray]:
        """Generate rows whose known cells are those of other synthetic rows."""
        c = known.none(n_fakes, torch.device("cpu"))
        made = data.draw_grids(c, seeds[3])
        if known.groups and not known.beside:
            c = data.conditions(made, draws)
            made = data.draw_grids(c, seeds[4])
        return made, known.features(c).numpy()

    return Critic.fit(
        (real, given[: len(real)]), (fake, given), features, seeds[2], make, deadline, data.support
    )
