"""One step of a generator that learns noisy contingency tables: no discriminator, no rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.encoding.groups import CellGroup
from synthgan.gan.level_probabilities import LevelProbabilities
from synthgan.gan.networks.protocol import with_rng
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.digest import digest
from synthgan.gan.training.state import TrainState, follower
from synthgan.privacy.estimates import Marginals

__all__ = ["MarginalData", "MarginalStep", "start_at_shares"]

_ENTROPY = 0.02  # weight of a nat, for each row: docs/development/differential-privacy.md
_LEAST = 1e-9  # probability


class MarginalData:
    """Measured tables on the device, in place of training grids.

    Parameters
    ----------
    marginals : Marginals
    groups : sequence of CellGroup
        Of the grids that are generated.
    n_rows : int
        How many generated rows make an epoch.
    device : torch.device
    """

    def __init__(
        self, marginals: Marginals, groups: Any, n_rows: int, device: torch.device
    ) -> None:
        self.groups: tuple[CellGroup, ...] = tuple(groups)
        self.n_rows, self.device = n_rows, device
        self.single = _tensor(marginals.single, device)
        self.single_weights = _tensor(marginals.single_weights, device)
        self.joined = torch.from_numpy(marginals.joined).to(device)
        self.n_joined = len(marginals.pairs)
        self.pairs, self.pair_weights = (
            _tensor(x, device) for x in (marginals.pairs, marginals.pair_weights)
        )
        self.triples = [
            (t.code, _tensor(t.shares, device), _tensor(t.weights, device))
            for t in marginals.triples
        ]
        self.n_measured = max(1, marginals.n_measured)

    def __len__(self) -> int:
        return self.n_rows

    def draw(self, left: Tensor, batch_size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the numbers of a batch; all rows are alike."""
        return torch.arange(batch_size, device=self.device), left

    def digest(self) -> str:
        """Return the SHA-256 of all tables."""
        tensors = {"single": self.single, "pairs": self.pairs}
        tensors |= {f"triples {i}": shares for i, (_, shares, _) in enumerate(self.triples)}
        return digest(tensors, repr(self.groups))


class MarginalStep:
    """Update the generator and its average so that soft tables of its rows fit measured ones.

    The loss is the squared error of each number in units of the variance of its noise. If a batch
    has all noise vectors of the generator, its tables are those of all rows that can be generated.
    Otherwise the square is the product of the errors of two independent halves of the batch, so
    that the randomness of a batch adds nothing on average. Of the generators that fit, the one is
    preferred whose columns the noise vector determines least: their entropy, given the noise
    vector, is subtracted from the loss.

    Parameters
    ----------
    state : TrainState
        Without a discriminator.
    sampler : Sampler
    data : MarginalData
    masked : float
        Share of the rows for which some cells are known: taken from other generated rows.
    average : float
        Decay of the generator's moving average.

    References
    ----------
    T. Liu, G. Vietri and Z. S. Wu (2021), Iterative methods for private synthetic data: unifying
    framework and new methods, arXiv 2106.07153 (GEM). Jaynes (1957), Information theory and
    statistical mechanics, doi 10.1103/PhysRev.106.620 (maximum entropy).
    """

    figures = ("marginal_loss",)
    watches = False  # the loss may come near 0

    def __init__(
        self,
        state: TrainState,
        sampler: Sampler,
        data: MarginalData,
        masked: float,
        average: float,
    ) -> None:
        self.state, self.sampler, self.data = state, sampler, data
        self.masked, self.average = masked, average
        self.generate = with_rng(state.generator)
        self.follow = follower(state.average, state.generator)
        self.probabilities = LevelProbabilities(data.groups, sampler.known)

    def __call__(self, rows: Tensor) -> Tensor:
        """Train on so many generated rows; return the loss, shape (1,)."""
        state, n = self.state, len(rows)
        known = self.sampler.known.none(n, self.data.device)
        n_masked = self.sampler.known.n_masked(n, self.masked)
        if n_masked:
            with torch.no_grad():
                complete = self.sampler.make(self.generate, known, state.rng)
            _, known = self.sampler.known.draw(complete, self.masked, state.rng, balance=False)
        # Rows with conditions fit the tables, and so do those without: the errors of the ones
        # must not make up for those of the others.
        parts = [known[:n_masked], known[n_masked:]]
        loss = torch.stack([self._loss(c) * len(c) / n for c in parts if len(c)]).sum()
        state.generator_optimizer.zero_grad()
        loss.backward(inputs=state.generator_optimizer.weights)
        state.generator_optimizer.step()
        self.follow(min(self.average, (1 + state.step) / (2 + state.step)))
        return loss.detach()[None]

    def _loss(self, c: Tensor) -> Tensor:
        """Return the weighted squared error of rows with conditions c (n, n_conditions)."""
        state, n = self.state, len(c)
        z = torch.randn(n, self.sampler.latent_dim, generator=state.rng, device=c.device)
        raw = self.sampler.known.force(self.generate(z, c, rng=state.rng), c)
        soft = self.probabilities(raw, c)
        is_whole = getattr(state.generator, "n_latents", math.inf) <= n
        return self._error(soft) if is_whole else self._error(*soft.chunk(2))

    def _error(self, *parts: Tensor) -> Tensor:
        """Return the weighted squared error of rows, or of two halves of them."""
        data = self.data
        errors = [part.mean(0) - data.single for part in parts]
        total = (data.single_weights * errors[0] * errors[-1]).sum()
        joined = [
            part.new_zeros(len(part), data.n_joined).index_add(1, data.joined, part)
            for part in parts
        ]
        errors = [x.T @ x / len(x) - data.pairs for x in joined]
        total = total + (data.pair_weights * errors[0] * errors[-1]).sum() / 2
        for code, shares, weights in data.triples:
            errors = [(x * x[:, code : code + 1]).T @ x / len(x) - shares for x in joined]
            total = total + (weights * errors[0] * errors[-1]).sum() / 2
        entropy = -sum((part * part.clamp(min=_LEAST).log()).sum() / len(part) for part in parts)
        total = total - _ENTROPY * data.n_rows * entropy / len(parts)
        return total / data.n_measured


def start_at_shares(
    generator: nn.Module, probabilities: LevelProbabilities, single: np.ndarray
) -> None:
    """Set the bias of a generator's last linear layer so that it begins with measured shares.

    From other shares, the generator first makes its rows independent of the noise, and stays there.
    """
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)]
    if not layers or layers[-1].bias is None:
        return
    bias = layers[-1].bias
    with torch.no_grad():
        bias.copy_(probabilities.raw_of(torch.from_numpy(single), len(bias)))


def _tensor(values: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)
