"""The only adversarial loop. Sees tensors, a loss, a config, callbacks; knows no columns."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from synthgan.encoding.cells import CellGroup
from synthgan.exceptions import ParameterError, SynthganError
from synthgan.gan.callbacks import Callback, Run
from synthgan.gan.heads import to_network_scale
from synthgan.gan.losses import Loss, moment_distance
from synthgan.gan.sampling import Sampler
from synthgan.gan.state import TrainState, copy_network, update_average

__all__ = ["Adam", "GridData", "TrainConfig", "Trainer", "find_device"]

_MAX_HISTORY = 500
_LEARNING_RATE, _MANY_ROWS = 1e-3, 4000
_ANNEALING = 0.2  # share of a full run


class Adam(BaseEstimator):
    """How weights move.

    Parameters
    ----------
    learning_rate : float or None, default=None
        None follows the number of rows: 1e-3, from 4000 rows on more and from 8000 on 2e-3.
    betas : (float, float), default=(0.0, 0.99)
        Decay of the running means of gradients and of squared gradients.
    decay : float, default=0.7
        Share of the run, at its end, over which the learning rate falls to zero (half a cosine).
    average : float, default=0.998
        Decay of the generator's moving average, from which samples come; 0 samples from the
        generator as it is.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv 1412.6980.
    """

    _parameter_constraints: dict[str, Any] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "betas": [tuple, list],
        "decay": [Interval(Real, 0, 1, closed="both")],
        "average": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        betas: tuple[float, float] = (0.0, 0.99),
        decay: float = 0.7,
        average: float = 0.998,
    ) -> None:
        self.learning_rate = learning_rate
        self.betas = betas
        self.decay = decay
        self.average = average

    def rate(self, n_rows: int) -> float:
        """Return the learning rate for a table of so many rows."""
        if self.learning_rate is not None:
            return self.learning_rate
        return _LEARNING_RATE * min(max(n_rows / _MANY_ROWS, 1.0), 2.0)


@dataclass(frozen=True)
class TrainConfig:
    """A run, fully resolved.

    Parameters
    ----------
    n_epochs : int
        How often every row is seen.
    batch_size : int
    optimizer : Adam
    loss : Loss
    seed : int
    max_steps : int or None, default=None
        Fewer steps than the epochs make; the learning rate falls as fast.
    max_seconds : float or None, default=None
        The same by the clock; two runs are then no longer equal to the bit.
    masked : float, default=0
        Share of the rows of a batch for which some cells are known to both networks.
    """

    n_epochs: int
    batch_size: int
    optimizer: Adam
    loss: Loss
    seed: int
    max_steps: int | None = None
    max_seconds: float | None = None
    masked: float = 0.0

    def n_steps(self, n_rows: int) -> int:
        """Return the steps that make `n_epochs` epochs of `n_rows` rows, `max_steps` at most."""
        n_steps = max(1, math.ceil(self.n_epochs * n_rows / self.batch_size))
        return min(n_steps, self.max_steps or n_steps)


class GridData:
    """Training grids on the device, as they are, and how batches are drawn from them.

    Parameters
    ----------
    grids : ndarray of shape (n, *shape)
        Cells 0..255, uint8 or float32.
    half_widths : ndarray of shape (n, n_free) or None
        Continuous cells may be moved by up to so much without changing their meaning; every
        batch draws anew.
    groups : sequence of CellGroup
        Which cells belong together, and which are continuous, in the order of `half_widths`.
    device : torch.device
    labels : ndarray of shape (n, n_label_cells) or None, default=None
        Cells that stand beside the grids, for conditions.
    rows : ndarray of int or None, default=None
        Which of the grids are learnt; None: all.

    Notes
    -----
    Grids are not copied, so that they may lie in a file. Those that would fill more than half of
    an accelerator's free memory stay on the host.
    """

    def __init__(
        self,
        grids: np.ndarray,
        half_widths: np.ndarray | None,
        groups: Sequence[CellGroup],
        device: torch.device,
        labels: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.device = device
        self.home = device if _fits(grids.nbytes, device) else torch.device("cpu")
        self.grids = _from_numpy(grids).to(self.home)
        self.rows = torch.from_numpy(np.arange(len(grids)) if rows is None else rows).to(self.home)
        self.half_widths = None
        if half_widths is not None:
            self.half_widths = torch.from_numpy(half_widths).to(self.home)
        self.labels = None
        if labels is not None:
            self.labels = to_network_scale(torch.from_numpy(labels)).to(self.home)
        free = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        self.free_cells = torch.tensor(free, dtype=torch.long, device=device)
        self.n_groups = sum(g.kind != "null" for g in groups)
        owner = np.zeros(grids[0].size, dtype=np.int64)
        for i, group in enumerate(groups):
            owner[list(group.cells)] = i
        self._owner, self._n_owners = torch.from_numpy(owner).to(device), max(1, len(groups))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return rows as (len(rows), *shape), and their labels, in the networks' scale."""
        at = self.rows[rows.to(self.home)]
        grids = self.grids[at].to(self.device)
        if self.half_widths is not None:
            half_widths = self.half_widths[at].to(self.device)
            shift = torch.rand(half_widths.shape, generator=rng, device=self.device) * 2 - 1
            flat = grids.flatten(1).index_add(1, self.free_cells, shift * half_widths)
            grids = flat.reshape(grids.shape)
        labels = None if self.labels is None else self.labels[at].to(self.device)
        return to_network_scale(grids), labels

    def shown(self, n: int, hidden: float, rng: torch.Generator) -> Tensor:
        """Draw which cells of `n` grids are shown, 1 or 0, shape (n, *shape); groups as a whole."""
        draws = torch.rand(n, self._n_owners, generator=rng, device=self.device)
        return (draws >= hidden).float()[:, self._owner].reshape(n, *self.grids.shape[1:])

    def stream(self, batch_size: int, rng: torch.Generator) -> Iterator[Tensor]:
        """Yield row numbers for ever, every row once an epoch, all batches of one size.

        A batch may end one epoch and begin the next.
        """
        n, device = len(self), self.device
        left = torch.empty(0, dtype=torch.long, device=device)
        while True:
            while len(left) < batch_size:
                left = torch.cat([left, torch.randperm(n, generator=rng, device=device)])
            yield left[:batch_size]
            left = left[batch_size:]


def _from_numpy(grids: np.ndarray) -> Tensor:
    """Give grids as a tensor of the same memory, whether or not it may be written to."""
    if any(stride < 0 for stride in grids.strides):
        grids = np.ascontiguousarray(grids)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(grids)  # never written to


def _fits(n_bytes: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    return n_bytes < torch.cuda.mem_get_info(device)[0] / 2


class Trainer:
    """Train a generator against a discriminator.

    Parameters
    ----------
    config : TrainConfig
    sampler : Sampler
        Stands around the generator.
    callbacks : sequence of Callback
    """

    def __init__(
        self, config: TrainConfig, sampler: Sampler, callbacks: Sequence[Callback] = ()
    ) -> None:
        self.config = config
        self.sampler = sampler
        self.callbacks = list(callbacks)

    def fit(self, generator: nn.Module, discriminator: nn.Module, data: GridData) -> TrainState:
        """Train on `data`; the networks are on its device.

        Raises
        ------
        SynthganError
            A loss is no longer finite.
        """
        config, device = self.config, data.device
        self.pair = config.loss.pair(len(data), data.n_groups)
        self.rate = config.optimizer.rate(len(data))
        # A gradient's scale is the root of its weight.
        scale = torch.ones(data.grids[0].numel(), device=device)
        scale[data.free_cells] = math.sqrt(1.0 if self.pair.detail is None else self.pair.detail)
        self.scale = scale.reshape(data.grids.shape[1:])
        rng = torch.Generator(device).manual_seed(config.seed)
        state = TrainState(
            generator=generator.train(),
            discriminator=discriminator.train(),
            average=copy_network(generator),
            generator_optimizer=self._optimizer(generator),
            discriminator_optimizer=self._optimizer(discriminator),
            rng=rng,
        )
        n_steps = config.n_steps(len(data))
        log_every = max(1, round(n_steps / max(1, min(config.n_epochs, _MAX_HISTORY))))
        run = Run(state, n_steps, config.n_epochs, lambda n, seed: self._sample(state, n, seed))
        try:
            self._call("on_begin", run)
            self._loop(run, data, log_every)
        finally:
            self._call("on_end", run)
        return state

    def _loop(self, run: Run, data: GridData, log_every: int) -> None:
        config, state, n_steps = self.config, run.state, run.n_steps
        sums, begun = torch.zeros(4, device=data.device), time.perf_counter()
        since = 0
        for rows in data.stream(config.batch_size, state.rng):
            self._set_learning_rate(state, run.share)
            sums += self._step(state, data, rows)
            state.step += 1
            since += 1
            seconds = time.perf_counter() - begun
            by_clock = seconds / (config.max_seconds or math.inf)
            run.share = _share(max(state.step / n_steps, by_clock), run.anneal_from)
            done = run.share == 1 or run.stop
            if state.step % log_every == 0 or done:
                self._log(state, sums / since, seconds, len(data))
                sums, since = torch.zeros_like(sums), 0
                self._call("on_log", run)
            epoch = min(state.step * config.batch_size // len(data), config.n_epochs)
            if epoch > state.epoch:
                state.epoch = epoch
                self._call("on_epoch", run)
            if done or (run.stop and not since):
                return

    def _step(self, state: TrainState, data: GridData, rows: Tensor) -> Tensor:
        """One step of each network; never waits for the device.

        Returns both losses and the mean outputs on real and on fake grids, shape (4,).
        """
        loss, rng = self.config.loss, state.rng
        grids, labels = data.batch(rows, rng)
        real, c = self.sampler.known.draw(grids, self.config.masked, rng, labels)
        # One batch of fakes serves both networks, and so do the logits of the real rows.
        made = self.sampler.make(state.generator, c, rng)
        fake = made.detach()
        discriminator = state.discriminator.requires_grad_(True)
        redraw: Any = getattr(discriminator, "redraw", None)
        if redraw is not None:
            redraw()
        # A real grid and the fake it is paired with are hidden and blurred alike: it tells nothing.
        noise, hidden = self.pair.noise, self.pair.hidden or 0.0
        blur = noise * torch.randn(real.shape, generator=rng, device=real.device) if noise else 0.0
        shown = data.shown(len(real), hidden, rng) if hidden else 1.0

        def judge(grid: Tensor) -> Tensor:
            """Map grids to logits, blurred; hidden cells are mid-grey."""
            return discriminator((grid + blur) * shown, c)

        on_real, on_fake = judge(real), judge(fake)
        discriminator_loss = self.pair.discriminator(on_real, on_fake)
        total = discriminator_loss
        if self.pair.penalty and self.pair.weight and state.step % loss.penalty_every == 0:
            penalty = self.pair.penalty(judge, real, fake, self.scale, rng)
            total = total + self.pair.weight * loss.penalty_every * penalty
        state.discriminator_optimizer.zero_grad()
        total.backward()
        self._step_discriminator(state, discriminator_loss.detach())

        discriminator.requires_grad_(False)
        generator_loss = self.pair.generator(on_real.detach(), judge(made))
        total = generator_loss
        if loss.moments and len(data.free_cells):
            ours, theirs = real.flatten(1), made.flatten(1)
            cells = data.free_cells
            total = total + loss.moments * moment_distance(ours[:, cells], theirs[:, cells])
        state.generator_optimizer.zero_grad()
        total.backward()
        state.generator_optimizer.step()
        # A plain mean at first, so that the first weights are soon forgotten.
        decay = min(self.config.optimizer.average, (1 + state.step) / (2 + state.step))
        update_average(state.average, state.generator, decay)
        figures = [discriminator_loss, generator_loss, on_real.mean(), on_fake.mean()]
        return torch.stack([figure.detach() for figure in figures])

    def _step_discriminator(self, state: TrainState, loss: Tensor) -> None:
        """Step, or stay where the loss is below the threshold; a mask, not a branch."""
        optimizer, threshold = state.discriminator_optimizer, self.config.loss.threshold
        if threshold <= 0:
            optimizer.step()
            return
        before = [tensor.clone() for tensor in _tensors(optimizer)]
        optimizer.step()
        after = _tensors(optimizer)
        # The first step makes the optimiser's state, which begins at zero.
        before += [torch.zeros_like(tensor) for tensor in after[len(before) :]]
        for now, then in zip(after, before, strict=True):
            now.copy_(torch.where(loss.to(now.device) >= threshold, now, then))

    def _optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        adam = self.config.optimizer
        adam._validate_params()
        if len(adam.betas) != 2 or not all(0 <= beta < 1 for beta in adam.betas):
            raise ParameterError(
                f"betas={adam.betas!r} is not allowed; give two numbers in [0, 1)."
            )
        return torch.optim.Adam(
            network.parameters(),
            lr=self.rate,
            betas=(adam.betas[0], adam.betas[1]),
            fused=True,
        )

    def _set_learning_rate(self, state: TrainState, share: float) -> None:
        """Follow the schedule; `share` of the run is over."""
        adam = self.config.optimizer
        begin = 1.0 - adam.decay
        factor = 1.0
        if share > begin:
            factor = (1 + math.cos(math.pi * (share - begin) / adam.decay)) / 2
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
            optimizer.param_groups[0]["lr"] = self.rate * factor

    def _log(self, state: TrainState, figures: Tensor, seconds: float, n_rows: int) -> None:
        values = figures.tolist()
        if not all(math.isfinite(value) for value in values):
            raise SynthganError(
                f"training diverged before step {state.step}: a loss is no longer finite; "
                "lower the learning rate or raise the weight of the penalty."
            )
        names = ("discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake")
        state.history.append(
            {
                "epoch": state.step * self.config.batch_size / n_rows,
                "step": state.step,
                **dict(zip(names, values, strict=True)),
                "seconds": seconds,
            }
        )

    def _sample(self, state: TrainState, n: int, seed: int) -> np.ndarray:
        c = self.sampler.known.none(n, next(state.average.parameters()).device)
        return self.sampler.sample(state.average, c, seed)

    def _call(self, event: str, run: Run) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(run)


def find_device(device: str) -> torch.device:
    """Return the device that is asked for; ``"auto"`` prefers CUDA, then MPS.

    Raises
    ------
    ParameterError
        That device is not there.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name, is_there in there.items() if is_there)
    if not there.get(device.partition(":")[0], False):
        found = [name for name, is_there in there.items() if is_there]
        raise ParameterError(f"device={device!r} is not there; found {found}, or give 'auto'.")
    try:
        return torch.device(device)
    except RuntimeError:
        raise ParameterError(f"device={device!r} is no device; give 'cuda:0', say.") from None


def _share(passed: float, anneal_from: float | None) -> float:
    """Return how much of a run is over; from `anneal_from` on, what is left passes faster."""
    if anneal_from is not None:
        left = 1 - anneal_from
        passed = anneal_from + (passed - anneal_from) * max(1.0, left / _ANNEALING)
    return min(1.0, passed)


def _tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Weights and the optimiser's own tensors."""
    weights = [p.detach() for group in optimizer.param_groups for p in group["params"]]
    return [*weights, *[t for s in optimizer.state.values() for t in s.values()]]
