"""Fit the critic to real grids and to those of a trained generator, with random known cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from synthgan.gan.heads import to_network_scale
from synthgan.gan.known_cells import KnownCells
from synthgan.privacy import Support
from synthgan.refine.critic import Critic

__all__ = ["fit_critic"]

_FAKES = 4  # a real row


def fit_critic(
    real: np.ndarray,
    known: KnownCells,
    draw_grids: Callable[[torch.Tensor, int], np.ndarray],
    features: Callable[[np.ndarray], np.ndarray],
    masked: float,
    rng: np.random.Generator,
    deadline: float | None,
    support: Support,
    labels: np.ndarray | None = None,
) -> Critic:
    """Fit the critic that chooses among the candidates of a generator.

    Parameters
    ----------
    real, known, draw_grids, rng, support, labels
        As in `fit_quantile_map`.
    features : callable
        Returns the features of grids that the critic sees.
    masked : float
        Share of the rows that have known cells.
    deadline : float or None
        By `time.perf_counter`.
    """
    seeds = rng.integers(2**31 - 1, size=5).tolist()
    draws = torch.Generator().manual_seed(seeds[0])
    grids = to_network_scale(torch.from_numpy(real))
    beside = None if labels is None else to_network_scale(torch.from_numpy(labels))
    c = torch.cat(
        [known.draw(grids, masked, draws, beside, balance=False)[1] for _ in range(_FAKES)]
    )
    fake, given = draw_grids(c, seeds[1]), known.features(c).numpy()

    def make(n_fakes: int) -> tuple[np.ndarray, np.ndarray]:
        """Generate rows whose known cells are those of other synthetic rows."""
        c = known.none(n_fakes, torch.device("cpu"))
        made = draw_grids(c, seeds[3])
        if known.groups and not known.beside:
            free = to_network_scale(torch.from_numpy(made))
            c = known.draw(free, masked, draws, balance=False)[1]
            made = draw_grids(c, seeds[4])
        return made, known.features(c).numpy()

    return Critic.fit(
        (real, given[: len(real)]), (fake, given), features, seeds[2], make, deadline, support
    )
