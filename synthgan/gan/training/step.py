"""One step of both networks: pure tensor work, without schedule, log or callbacks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from synthgan.gan.losses import (
    AdversarialLoss,
    check_pair,
    moment_distance,
    zero_centred,
    zero_centred_of,
)
from synthgan.gan.networks.protocol import RedrawingDiscriminator, RowwiseDiscriminator, with_rng
from synthgan.gan.pair_tables import PairTables
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.data import GridData
from synthgan.gan.training.ranks import ALONE, Ranks
from synthgan.gan.training.state import TrainState, follower

__all__ = ["VANISHED", "Step"]

VANISHED = 1e-6  # loss
_TABLES_SEED = 0


class Step:
    """Update both networks and the average on one batch; never waits for the device.

    Parameters
    ----------
    state : TrainState
        Networks and optimisers; they are updated in place.
    loss : AdversarialLoss
    sampler : Sampler
        Makes grids from the outputs of the generator.
    data : GridData
    masked : float
        Share of the rows of a batch for which some cells are known to both networks.
    average : float
        Decay of the generator's moving average.
    ranks : Ranks
        Who learns the other rows of a batch. Gradients are averaged, and so are the tables of pairs
        of columns; all else that spans a batch (batch norm, the spread of a batch, the moments, how
        often levels lead in conditions) is that of the own share.

    Attributes
    ----------
    pair : LossPair
    figures : tuple of str
        Names of what a step returns.
    watches : bool
        Whether a vanished loss of the discriminator means that training has failed.
    """

    figures = ("discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake")

    def __init__(
        self,
        state: TrainState,
        loss: AdversarialLoss,
        sampler: Sampler,
        data: GridData,
        masked: float,
        average: float,
        ranks: Ranks = ALONE,
    ) -> None:
        self.state, self.sampler, self.data, self.ranks = state, sampler, data, ranks
        self.masked, self.average = masked, average
        self.pair = check_pair(loss.pair(len(data), data.n_groups), loss)
        alike = torch.zeros(1)
        # A loss that is nothing where real and fake are alike may well come near it.
        vanishes = float(self.pair.discriminator(alike, alike)) > VANISHED
        self.watches = vanishes and not self.pair.threshold
        self.generate, self.discriminate = with_rng(state.generator), with_rng(state.discriminator)
        self.follow = follower(state.average, state.generator)
        self.is_rowwise = isinstance(state.discriminator, RowwiseDiscriminator)
        self.redraw = None
        if isinstance(state.discriminator, RedrawingDiscriminator):
            self.redraw = with_rng(state.discriminator.redraw)
        # A gradient's scale is the root of its weight.
        scale = torch.ones(math.prod(data.grids.shape[1:]), device=data.device)
        scale[data.free_cells] = math.sqrt(1.0 if self.pair.detail is None else self.pair.detail)
        self.scale = scale.reshape(data.grids.shape[1:])
        # A generator of its own: a run that is resumed measures the same tables.
        rng = torch.Generator(state.rng.device).manual_seed(_TABLES_SEED)
        self.tables_weight, self.tables = self.pair.pairs or 0.0, None
        if self.tables_weight and PairTables.exist(data.groups):
            self.tables = PairTables(data.groups, data.chunks(rng))

    def __call__(self, rows: Tensor) -> Tensor:
        """Train on some rows; return losses and mean outputs on real and generated grids, (4,)."""
        state, data = self.state, self.data
        n, rng = state.batch_size, self.ranks.draws(state.rng, state.step)
        grids, labels = data.batch(rows, rng)
        real, c = self.sampler.known.draw(grids, self.masked, rng, labels)
        # One generated batch serves both networks, and so do the logits of the real rows.
        made = self.sampler.make(self.generate, c, rng)
        if self.redraw is not None:
            self.redraw(rng=state.rng)  # the same on all ranks
        # A real grid and its generated partner are masked and blurred alike: no information leaks.
        noise, hidden = self.pair.noise, self.pair.hidden or 0.0
        blur = noise * torch.randn(real.shape, generator=rng, device=real.device) if noise else 0.0
        shown = data.shown(len(real), hidden, rng) if hidden else 1.0

        def discriminate(grid: Tensor) -> Tensor:
            """Map grids to logits, blurred; hidden cells are mid-grey."""
            return self.discriminate((grid + blur) * shown, c, rng=rng)

        def discriminate_both(both: Tensor) -> Tensor:
            """Map real grids, then generated ones, to logits in one pass."""
            pairs = both.reshape(2, *real.shape)
            return self.discriminate(
                ((pairs + blur) * shown).flatten(0, 1), c.repeat(2, 1), rng=rng
            )

        logits, penalty = self._discriminate(
            discriminate, discriminate_both, real, made.detach(), rng
        )
        on_real, on_fake = logits
        discriminator_loss = self.pair.discriminator(on_real, on_fake).mean()
        total = discriminator_loss if penalty is None else discriminator_loss + penalty
        state.discriminator_optimizer.zero_grad()
        total.backward(inputs=state.discriminator_optimizer.weights)
        loss = discriminator_loss.detach()
        self.ranks.average([*state.discriminator_optimizer.gradients(), loss], n)
        self._step_discriminator(loss)

        generator_loss = self.pair.generator(on_real.detach(), discriminate(made)).mean()
        total = generator_loss
        if self.pair.moments and len(data.free_cells):
            ours, theirs = (x.flatten(1).index_select(1, data.free_cells) for x in (real, made))
            total = total + self.pair.moments * moment_distance(ours, theirs)
        if self.tables is not None:
            # Grids with known cells come first; their conditions are not drawn as often as real.
            n_masked = self.sampler.known.n_masked(len(made), self.masked)
            distance = self.tables.distance(
                made[n_masked:], state.rng, lambda tables: self.ranks.mean(tables, n)
            )
            total = total + self.tables_weight * distance
        state.generator_optimizer.zero_grad()
        total.backward(inputs=state.generator_optimizer.weights)
        losses = [discriminator_loss, generator_loss, on_real.mean(), on_fake.mean()]
        figures = torch.stack([one.detach() for one in losses])
        self.ranks.average([*state.generator_optimizer.gradients(), figures], n)
        state.generator_optimizer.step()
        # A plain mean at first, so that the first weights are soon forgotten.
        self.follow(min(self.average, (1 + state.step) / (2 + state.step)))
        return figures

    def _discriminate(
        self,
        discriminate: Any,
        discriminate_both: Any,
        real: Tensor,
        fake: Tensor,
        rng: torch.Generator,
    ) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
        """Return the logits of real and of generated grids, and the penalty where it is due."""
        pair = self.pair
        is_due = pair.penalty and pair.weight and self.state.step % pair.penalty_every == 0
        weight = (pair.weight or 0.0) * pair.penalty_every
        if not self.is_rowwise:
            logits = discriminate(real), discriminate(fake)
            if not (pair.penalty and is_due):
                return logits, None
            return logits, weight * pair.penalty(discriminate, real, fake, self.scale, rng).mean()
        shares_forward = is_due and pair.penalty is zero_centred
        both = torch.cat([real, fake]).requires_grad_(bool(shares_forward))
        out = discriminate_both(both)
        on_real, on_fake = out.chunk(2)
        if shares_forward:
            return (on_real, on_fake), weight * zero_centred_of(out, both, self.scale).mean()
        if pair.penalty and is_due:
            penalty = pair.penalty(discriminate, real, fake, self.scale, rng).mean()
            return (on_real, on_fake), weight * penalty
        return (on_real, on_fake), None

    def _step_discriminator(self, loss: Tensor) -> None:
        """Step, or stay where the loss is below the threshold; a mask, not a branch."""
        optimizer, threshold = self.state.discriminator_optimizer, self.pair.threshold
        if threshold <= 0:
            optimizer.step()
            return
        changing = [*(w.detach() for w in optimizer.weights), *optimizer.tensors().values()]
        before = [tensor.clone() for tensor in changing]
        optimizer.step()
        for now, then in zip(changing, before, strict=True):
            now.copy_(torch.where(loss >= threshold, now, then))
