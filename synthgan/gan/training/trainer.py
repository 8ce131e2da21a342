"""The adversarial training loop: tensors, a loss, a configuration, callbacks."""

from __future__ import annotations

import hashlib
import json
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from synthgan.exceptions import (
    CollapseWarning,
    DivergenceWarning,
    InterruptedWarning,
    MemoryWarning,
    ParameterError,
    RankError,
    SynthganError,
)
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.callbacks import Callback, Run
from synthgan.gan.training.checkpoint import Checkpoint, differences
from synthgan.gan.training.collapse import n_to_compare, relative_spread
from synthgan.gan.training.config import TrainConfig
from synthgan.gan.training.data import GridData
from synthgan.gan.training.interrupts import on_interrupt
from synthgan.gan.training.last_good import LastGood
from synthgan.gan.training.marginal_step import MarginalData, MarginalStep
from synthgan.gan.training.memory import ran_out
from synthgan.gan.training.optimizer import Optimizer
from synthgan.gan.training.ranks import find_ranks
from synthgan.gan.training.state import TrainState, copy_network
from synthgan.gan.training.step import VANISHED, Step

__all__ = ["SMALLEST_BATCH", "Trainer", "find_device"]

_FEWEST_LOGS, _MAX_HISTORY = 20, 500  # rows of the history of a full run
_ANNEALING = 0.2  # share of a full run
_MOST_HALVINGS = 3  # of the learning rate
_MOST_VANISHED = 20  # logged rows
SMALLEST_BATCH = 8
_FEWEST_STEPS, _COLLAPSED = 200, 0.05  # steps, and spread relative to that of real grids


class Trainer:
    """Train a generator against a discriminator.

    Parameters
    ----------
    config : TrainConfig
    sampler : Sampler
        Stands around the generator.
    callbacks : sequence of Callback
        Of several processes that train together, rank 0 calls them.

    Notes
    -----
    Each rank learns its share of every batch, and makes the same updates. Rank 0 decides on all
    that depends on the clock, on fidelity, or on a callback; the others follow.
    """

    def __init__(
        self, config: TrainConfig, sampler: Sampler, callbacks: Sequence[Callback] = ()
    ) -> None:
        self.config = config
        self.sampler = sampler
        self.ranks = find_ranks()
        self.callbacks = list(callbacks) if self.ranks.rank == 0 else []
        self.checkpoint = next((c for c in callbacks if isinstance(c, Checkpoint)), None)

    def fit(
        self, generator: nn.Module, discriminator: nn.Module, data: GridData | MarginalData
    ) -> TrainState:
        """Train on `data`; the networks are on its device.

        Measured tables need no discriminator: give an empty module.

        Where `callbacks` hold a `Checkpoint` with files of this run, it goes on from there.

        Raises
        ------
        SynthganError
            A loss is no longer finite, or has vanished, at whatever learning rate.
        CheckpointError
            The checkpoints are of another run.
        RankError
            Processes that train together differ, or one of them has ended.
        """
        ranks, device = self.ranks, data.device
        ranks.check_device(device)
        # Each process has a clock of its own.
        config = replace(self.config, max_seconds=ranks.first(self.config.max_seconds))
        self.config = config
        self.rate = config.optimizer.rate(len(data))
        state = TrainState(
            generator=generator.train(),
            discriminator=discriminator.train(),
            average=copy_network(generator),
            generator_optimizer=self._optimizer(generator),
            discriminator_optimizer=self._optimizer(discriminator),
            rng=torch.Generator(device).manual_seed(config.seed),
            left=torch.empty(0, dtype=torch.long, device=device),
            sums=torch.zeros(0, device=device),
            batch_size=config.batch_size,
        )
        step = self._step(state, data)
        state.figures, state.sums = step.figures, torch.zeros(len(step.figures), device=device)
        run = Run(
            state,
            config.n_steps(len(data), state),
            config.n_epochs,
            lambda n, seed: self._sample(state, n, seed),
            self.callbacks,
            n_ranks=ranks.size,
        )
        self._check_alike(state, data)
        checkpoint = self.checkpoint if ranks.rank == 0 else None
        saved = None
        if checkpoint is not None:
            saved = checkpoint.open(self._identity(state, data), run, len(data))
        if saved is not None:
            run.restore(saved)
        try:
            with on_interrupt(run.interrupt), self._naming_checkpoint(state):
                run.follow(ranks)
                self._locate(run, len(data))
                self._call("on_begin", run)
                if checkpoint is not None and saved is not None:
                    with checkpoint.taking_up(saved):
                        run.restore_callbacks(saved)
                self._loop(run, step, LastGood(run, saved, ranks.rank == 0), checkpoint)
        finally:
            self._call("on_end", run)
        run.follow(ranks)  # also to the best weights
        self._warn(run, data)
        return state

    def _check_alike(self, state: TrainState, data: GridData | MarginalData) -> None:
        """Refuse processes that were started with other data or parameters than the first."""
        first, *others = self.ranks.gather(lambda: _as_text(self._identity(state, data))) or [""]
        for rank, own in enumerate(others, 1):
            if unlike := list(differences(json.loads(own), json.loads(first), "on rank 0")):
                raise RankError(
                    f"rank {rank} was not started as rank 0: {', '.join(unlike)}; give all ranks "
                    "the same."
                )

    def _check_weights(self, state: TrainState) -> None:
        """Refuse weights that differ between processes."""
        digests = self.ranks.gather(state.digest)
        if len(set(digests)) > 1:
            rank = next(i for i, digest in enumerate(digests) if digest != digests[0])
            raise RankError(
                f"rank {rank} has other weights than rank 0 at step {state.step}; train on "
                "machines of one kind, with the same libraries."
            )

    @contextmanager
    def _naming_checkpoint(self, state: TrainState) -> Iterator[None]:
        """Add to the error of an ended rank where the run goes on from."""
        try:
            yield
        except RankError as error:
            path = None if self.checkpoint is None else self.checkpoint.newest()
            how = "start it again; a Checkpoint would let it go on"
            if path is not None:
                how = f"the same command goes on from {str(path)!r}"
            elif self.checkpoint is not None:
                how = "start it again; no checkpoint was written yet"
            message = str(error).removesuffix(".")
            raise RankError(f"{message} at step {state.step}: {how}.") from error

    def _step(self, state: TrainState, data: GridData | MarginalData) -> Step | MarginalStep:
        config, average = self.config, self.config.optimizer.average
        if isinstance(data, MarginalData):
            return MarginalStep(state, self.sampler, data, config.masked, average)
        loss, masked = config.loss, config.masked
        return Step(state, loss, self.sampler, data, masked, average, self.ranks)

    def _loop(
        self, run: Run, step: Step | MarginalStep, good: LastGood, checkpoint: Checkpoint | None
    ) -> None:
        config, state, n_rows = self.config, run.state, len(step.data)
        begun = time.perf_counter() - state.seconds
        while not run.is_over:
            run.n_steps = config.n_steps(n_rows, state)
            self._set_learning_rate(state, run.share)
            if not self._try_step(state, step, good.is_there):
                self._shrink(run, good)
                self._locate(run, n_rows)
                continue
            state.seconds = time.perf_counter() - begun
            run.agree(self.ranks)
            run.share = self._share_of(run)
            done = run.share == 1 or run.stop or run.interrupted
            n_logs = min(max(config.n_epochs, _FEWEST_LOGS), _MAX_HISTORY)
            log_every = max(1, round(run.n_steps / n_logs))
            if state.step % log_every == 0 or done:
                figures = (state.sums / state.unlogged).tolist()
                trouble = self._trouble(state, figures, step.watches, done)
                if trouble:
                    self._go_back(run, good, trouble, checkpoint)
                    self._locate(run, n_rows)
                    continue
                self._check_weights(state)
                self._log(state, dict(zip(step.figures, figures, strict=True)), n_rows)
                self._call("on_log", run)
                run.agree(self.ranks)
            epoch = min(state.seen // n_rows, config.n_epochs)
            is_new, state.epoch = epoch > state.epoch, epoch
            if is_new:
                self._call("on_epoch", run)
                run.agree(self.ranks)
            is_due = is_new and checkpoint is not None and checkpoint.is_due(epoch)
            snapshot = good.update(run, is_due)
            if checkpoint is not None and is_due and snapshot is not None:
                checkpoint.write(snapshot)

    def _locate(self, run: Run, n_rows: int) -> None:
        """Compute how much of a restored run is over, from its counters alone."""
        run.n_steps = self.config.n_steps(n_rows, run.state)
        run.share = self._share_of(run)

    def _share_of(self, run: Run) -> float:
        by_clock = run.state.seconds / (self.config.max_seconds or math.inf)
        return _share(max(run.state.step / run.n_steps, by_clock), run.anneal_from)

    def _try_step(self, state: TrainState, step: Step | MarginalStep, may_fail: bool) -> bool:
        """Make a step; False where memory ran out and the batch can be halved."""
        rows, state.left = step.data.draw(state.left, state.batch_size, state.rng)
        try:
            state.sums += step(self.ranks.share(rows))
        except (RuntimeError, MemoryError) as error:
            too_small = state.batch_size // 2 < SMALLEST_BATCH
            # Others are in the midst of the same step, and have memory left.
            if not ran_out(error) or not may_fail or too_small or self.ranks.size > 1:
                raise
            return False
        state.step += 1
        state.unlogged += 1
        state.seen += len(rows)
        return True

    def _shrink(self, run: Run, good: LastGood) -> None:
        """Halve the batch, from the last good state on: the step may have been made in part."""
        state, batch_size = run.state, run.state.batch_size
        state.batch_size = batch_size // 2
        if state.rng.device.type == "cuda":
            torch.cuda.empty_cache()
        if state.rng.device.type == "mps":
            torch.mps.empty_cache()
        good.go_back(run)
        warnings.warn(
            f"memory ran out with batch_size={batch_size}; training goes on from step {state.step} "
            f"with {state.batch_size}.",
            MemoryWarning,
            stacklevel=2,
        )

    def _trouble(
        self, state: TrainState, figures: list[float], watches: bool, done: bool
    ) -> str | None:
        """Return what is wrong with the logged figures, if anything."""
        if not all(math.isfinite(figure) for figure in figures):
            return "a loss is no longer finite"
        if done and not state.is_finite():
            return "a weight is no longer finite"
        has_vanished = watches and figures[0] < VANISHED
        state.vanished = state.vanished + 1 if has_vanished else 0
        if state.vanished < _MOST_VANISHED:
            return None
        return "the discriminator's loss has vanished, and the generator learns no more"

    def _go_back(
        self, run: Run, good: LastGood, trouble: str, checkpoint: Checkpoint | None
    ) -> None:
        """Go back to the last good state with half the learning rate, a few times."""
        state, step = run.state, run.state.step
        state.halvings += 1
        may_go_on = self.ranks.first(state.halvings <= _MOST_HALVINGS and good.go_back(run))
        run.follow(self.ranks)
        if not may_go_on:
            error = SynthganError(
                f"training diverged before step {step}: {trouble}; lower the learning rate or "
                "raise the weight of the penalty."
            )
            if checkpoint is None or good.begin is None:
                raise error
            with checkpoint.taking_up(good.begin):  # the weights of that file may be damaged
                raise error
        warnings.warn(
            f"training diverged before step {step}: {trouble}; it goes on from step {state.step} "
            f"with a learning rate 1/{2**state.halvings} as high.",
            DivergenceWarning,
            stacklevel=2,
        )

    def _warn(self, run: Run, data: GridData | MarginalData) -> None:
        """Warn of an interrupted run, and of mode collapse."""
        state = run.state
        if run.interrupted:
            warnings.warn(
                f"training was interrupted at step {state.step} of {run.n_steps}; the model is as "
                "good as it was then.",
                InterruptedWarning,
                stacklevel=2,
            )
        if state.step < _FEWEST_STEPS or self.ranks.rank or not isinstance(data, GridData):
            return
        n = n_to_compare(len(data), math.prod(data.grids.shape[1:]))
        if not n:
            return
        spread = relative_spread(data.some(n), run.sample(n, 0))
        if spread < _COLLAPSED:
            warnings.warn(
                f"generated records are all alike: {n} of them lie {spread:.2g} times as far from "
                "their nearest neighbours as real ones do; train longer, lower the learning rate "
                "or raise the weight of the penalty.",
                CollapseWarning,
                stacklevel=2,
            )

    def _identity(self, state: TrainState, data: GridData | MarginalData) -> dict[str, Any]:
        """Return what identifies a run: data, networks, conditions, device and parameters."""
        networks = f"{state.generator}{state.discriminator}"
        return {
            "data": data.digest(),
            "network": hashlib.sha256(networks.encode()).hexdigest(),
            "condition_on": repr(self.sampler.known.groups),
            "device": data.device.type,
            **self.config.identity(),
        }

    def _optimizer(self, network: nn.Module) -> Optimizer:
        adam = self.config.optimizer
        adam._validate_params()
        if len(adam.betas) != 2 or not all(0 <= beta < 1 for beta in adam.betas):
            raise ParameterError(
                f"betas={adam.betas!r} is not allowed; give two numbers in [0, 1)."
            )
        return Optimizer(network, (adam.betas[0], adam.betas[1]))

    def _set_learning_rate(self, state: TrainState, share: float) -> None:
        """Follow the schedule; `share` of the run is over."""
        adam = self.config.optimizer
        begin = 1.0 - adam.decay
        factor = 1.0
        if share > begin:
            factor = (1 + math.cos(math.pi * (share - begin) / adam.decay)) / 2
        if share < adam.rise:
            factor *= share / adam.rise
        for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
            optimizer.rate = self.rate * factor / 2**state.halvings

    def _log(self, state: TrainState, figures: dict[str, float], n_rows: int) -> None:
        state.history.append(
            {
                "epoch": state.seen / n_rows,
                "step": state.step,
                **figures,
                "seconds": state.seconds,
            }
        )
        state.sums, state.unlogged = torch.zeros_like(state.sums), 0

    def _sample(self, state: TrainState, n: int, seed: int) -> np.ndarray:
        c = self.sampler.known.none(n, next(state.average.parameters()).device)
        return self.sampler.sample(state.average, c, seed)

    def _call(self, event: str, run: Run) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(run)


def _as_text(identity: dict[str, Any]) -> str:
    return json.dumps(identity, default=lambda value: type(value).__qualname__)


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
