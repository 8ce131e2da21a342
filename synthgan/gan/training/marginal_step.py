"""One step of a generator that learns noisy contingency tables: no discriminator, no rows."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from synthgan.gan.mixture import MixtureGenerator
from synthgan.gan.training.state import TrainState, follower
from synthgan.privacy.marginals import MarginalRounds

__all__ = ["MarginalData", "MarginalStep"]

_STEPS_A_ROUND, _LONGEST = 150, 0.5  # share of a run in which there are rounds


class MarginalData:
    """Measured tables on the device, in place of training grids.

    Parameters
    ----------
    rounds : MarginalRounds
        What is still to be measured; the first round is made at once.
    n_rows : int
        How many generated rows make an epoch.
    n_steps : int
        Of training: there are rounds in the first half, at most.
    max_seconds : float or None
        Of training.
    device : torch.device
    """

    def __init__(
        self,
        rounds: MarginalRounds,
        n_rows: int,
        n_steps: int,
        max_seconds: float | None,
        device: torch.device,
    ) -> None:
        self.rounds, self.n_rows, self.device = rounds, n_rows, device
        share = _LONGEST / max(1, rounds.n_left)
        self._every_step = min(_STEPS_A_ROUND, share * n_steps)
        self._every_second = np.inf if max_seconds is None else share * max_seconds
        marginals = rounds.marginals
        self.single, self.single_weights = map(
            self._tensor, (marginals.single, marginals.single_weights)
        )
        self.joined = torch.from_numpy(marginals.joined).to(device)
        self.measure(None)

    def __len__(self) -> int:
        return self.n_rows

    def draw(self, left: Tensor, batch_size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the numbers of a batch; all rows are alike."""
        return torch.arange(batch_size, device=self.device), left

    def is_due(self, state: TrainState) -> bool:
        """Return whether it is time for the next round."""
        done = self.rounds.n_done
        # Runs of few steps have several rounds before one of them.
        is_late = (state.step >= int(done * self._every_step)
                   or state.seconds >= done * self._every_second)  # fmt: skip
        return bool(self.rounds.n_left and is_late)

    def measure(self, expected: Any) -> None:
        """Make a round; `expected` as `MarginalRounds.measure` takes it."""
        if self.rounds.n_left:
            self.rounds.measure(expected)
        marginals = self.rounds.marginals
        self.pairs = self._tensor(marginals.pairs), self._tensor(marginals.pair_weights)
        self.triples = [
            (code, self._tensor(shares), self._tensor(marginals.triple_weights[code]))
            for code, shares in marginals.triples.items()
        ]
        self.n_measured = max(1, marginals.n_measured)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.device)


class MarginalStep:
    """Update a mixture and its average so that its tables fit measured ones.

    The loss is the squared error of each number in units of the variance of its noise. All
    components count alike, so that nothing in it is random.

    Parameters
    ----------
    state : TrainState
        The generator is a `MixtureGenerator`; there is no discriminator.
    data : MarginalData
    average : float
        Decay of the generator's moving average.

    References
    ----------
    T. Liu, G. Vietri and Z. S. Wu (2021), Iterative methods for private synthetic data: unifying
    framework and new methods, arXiv 2106.07153.
    """

    figures = ("marginal_loss",)
    watches = False  # the loss may come near 0

    def __init__(self, state: TrainState, data: MarginalData, average: float) -> None:
        self.state, self.data, self.average = state, data, average
        self.generator = cast(MixtureGenerator, state.generator)
        self.smooth = cast(MixtureGenerator, state.average)
        self.follow = follower(state.average, state.generator)

    def __call__(self, rows: Tensor) -> Tensor:
        """Train all components; return the loss, shape (1,)."""
        state = self.state
        while self.data.is_due(state):
            self.data.measure(self.tables)
        loss = self._loss(self.generator.levels())
        state.generator_optimizer.zero_grad()
        # The sum, as the mean has gradients that Adam takes for zero.
        (loss * self.data.n_measured).backward(inputs=state.generator_optimizer.weights)
        state.generator_optimizer.step()
        self.follow(min(self.average, (1 + state.step) / (2 + state.step)))
        return loss.detach()[None]

    @torch.no_grad()
    def tables(self, code: int | None = None) -> np.ndarray:
        """Return the shares of all pairs of joined codes, of the rows with one code if given.

        They are those of the average: it varies less from step to step.
        """
        joined = self._joined(self.smooth.levels())
        return _tables(joined, code).cpu().numpy()

    def _joined(self, levels: Tensor) -> Tensor:
        """Add up the probabilities of codes that are joined."""
        n_joined = len(self.data.pairs[0])
        return levels.new_zeros(len(levels), n_joined).index_add(1, self.data.joined, levels)

    def _loss(self, levels: Tensor) -> Tensor:
        """Return the weighted squared error."""
        data, joined = self.data, self._joined(levels)
        total = (data.single_weights * (levels.mean(0) - data.single).square()).sum()
        shares, weights = data.pairs
        total = total + (weights * (_tables(joined, None) - shares).square()).sum() / 2
        for code, shares, weights in data.triples:
            total = total + (weights * (_tables(joined, code) - shares).square()).sum() / 2
        return total / data.n_measured


def _tables(joined: Tensor, code: int | None) -> Tensor:
    """Return all pairs of codes, of the rows with one code if it is given."""
    own = joined if code is None else joined * joined[:, code : code + 1]
    return own.T @ joined / len(joined)
