"""A training run: its settings from the parameters of a synthesizer, and what it leaves behind."""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

import pandas as pd
import torch
from torch import nn

from synthgan.exceptions import ParameterError, ShortTrainingWarning, user_level
from synthgan.gan.first_outputs import begin_near
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.losses import find_loss
from synthgan.gan.networks.specs import build_networks
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.callbacks import Callback, KeepBest, Progress
from synthgan.gan.training.checkpoint import Checkpoint
from synthgan.gan.training.config import TrainConfig
from synthgan.gan.training.data import GridData
from synthgan.gan.training.memory import (
    Needs,
    check_memory,
    estimate,
    free_bytes,
    out_of_memory,
    ran_out,
)
from synthgan.gan.training.ranks import find_ranks
from synthgan.gan.training.state import TrainState
from synthgan.gan.training.trainer import SMALLEST_BATCH, Trainer, find_device
from synthgan.randomness import draw_seed
from synthgan.synthesizers.few_people import MANY_PEOPLE
from synthgan.synthesizers.recipes import Preset, resolve
from synthgan.synthesizers.saved_model import library_versions
from synthgan.synthesizers.training_set import Plan, TrainingSet, UsualRun
from synthgan.synthesizers.warm_start import PreviousNetworks

__all__ = [
    "MASKED",
    "callbacks_of",
    "keep_networks",
    "networks_of",
    "seed_of_run",
    "train",
    "train_config",
    "warn_of_few_steps",
]

_MOST_FIRST_ROWS = 10_000  # whose cells say how outputs begin
MASKED = 0.5  # share of the rows of a batch that learn to follow conditions


def train_config(
    model: Any, n_rows: int, usual: UsualRun, training_end: float | None, preset: Preset
) -> TrainConfig:
    """Return the settings of a run on the grids of a model, whose cells are known.

    Parameters
    ----------
    model : BaseGANSynthesizer
    n_rows : int
    usual : UsualRun
    training_end : float or None
        When training must end, by `time.perf_counter`.
    preset : Preset
    """
    batch_size = resolve(model, "batch_size", preset)
    if batch_size == "auto":
        batch_size = min(usual.largest_batch, n_rows // 3)
    batch_size = max(2, min(int(batch_size), n_rows))
    epochs, max_steps = resolve(model, "epochs", preset), model.max_steps
    if epochs == "auto":
        epochs = max(1, round(usual.n_steps * batch_size / n_rows))
        if n_rows > usual.n_steps * batch_size:  # an epoch is longer than a run
            max_steps = min(max_steps or round(usual.n_steps), round(usual.n_steps))
    max_seconds = None
    if training_end is not None:
        # At least a step, however long the encoding took.
        max_seconds = max(training_end - time.perf_counter(), 1e-3)
    return TrainConfig(
        n_epochs=int(epochs),
        batch_size=batch_size,
        optimizer=resolve(model, "optimizer", preset),
        loss=find_loss(resolve(model, "loss", preset)),
        seed=seed_of_run(model),
        max_steps=max_steps,
        max_seconds=max_seconds,
        masked=MASKED if model.known_groups_ else 0.0,
    )


def seed_of_run(model: Any) -> int:
    """Draw the seed of a run; None is that of a checkpoint, and the same on all ranks."""
    any_will_do = model.random_state is None
    callbacks = model.callbacks or ()
    held = [c.seed() for c in callbacks if any_will_do and isinstance(c, Checkpoint)]
    seeds = [seed for seed in held if seed is not None] or [draw_seed(model.random_state)]
    first = find_ranks().first(seeds[0])
    return int(first) if any_will_do else seeds[0]


def callbacks_of(model: Any) -> list[Callback]:
    """Return the callbacks of a run.

    Raises
    ------
    ParameterError
        Other objects, or two checkpoints.
    """
    callbacks = [*(model.callbacks or ()), *([Progress()] if model.verbose else [])]
    unknown = [callback for callback in callbacks if not isinstance(callback, Callback)]
    if unknown:
        raise ParameterError(f"callbacks hold {unknown!r}; give Callback objects.")
    if sum(isinstance(callback, Checkpoint) for callback in callbacks) > 1:
        raise ParameterError("callbacks hold more than one Checkpoint; give one.")
    return callbacks


def networks_of(
    model: Any, known: KnownCells, rng: torch.Generator | None = None
) -> tuple[nn.Module, nn.Module]:
    """Build the generator and the discriminator of a model whose network is settled."""
    return build_networks(
        model.network_, model.grid_shape_, known.n_conditions, model.cell_groups_, rng
    )


def train(
    model: Any, plan: Plan, data: TrainingSet, sampler: Sampler, keep_best: KeepBest | None
) -> TrainState:
    """Train the networks of a model on grids, on the device.

    Parameters
    ----------
    model : BaseGANSynthesizer
    plan : Plan
    data : TrainingSet
    sampler : Sampler
        On the device.
    keep_best : KeepBest or None
        Where rows are held out.

    Raises
    ------
    MemoryError
        Networks or data that do not fit into memory.
    """
    config, previous, device = plan.config, plan.previous, find_device(model.device)
    callbacks = [*callbacks_of(model), *([] if keep_best is None else [keep_best])]
    grids = GridData(
        data.grids,
        data.half_widths,
        model.cell_groups_,
        device,
        data.labels,
        plan.training_rows if plan.learns_all else None,
        None if plan.learns_all else plan.held_out_rows,
    )

    def needs(batch_size: int) -> Needs | None:
        n_conditions = sampler.known.n_conditions
        return estimate(
            lambda: networks_of(model, sampler.known, torch.Generator()),
            sampler.latent_dim,
            n_conditions,
            batch_size,
            math.prod(model.grid_shape_),
        )

    n_ranks = find_ranks().size
    size = math.ceil(config.batch_size / n_ranks)
    check_memory(needs(size), free_bytes(device), model.grid_shape_, size)
    try:
        rng = torch.Generator().manual_seed(config.seed + 1)  # apart from that of the run
        generator, discriminator = networks_of(model, sampler.known, rng)
        is_short = data.n_people < MANY_PEOPLE
        if is_short and data.labels is None:
            some = data.grids[plan.training_rows[:_MOST_FIRST_ROWS]]
            begin_near(generator, sampler, some, model.cell_groups_, rng)
        if previous is not None:
            previous.load_into(generator, discriminator)
        return Trainer(config, sampler, callbacks).fit(
            generator.to(device), discriminator.to(device), grids
        )
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        size = min(size, SMALLEST_BATCH) if n_ranks == 1 else size
        raise out_of_memory(needs(size), free_bytes(device), model.grid_shape_, size) from error


def keep_networks(model: Any, state: TrainState) -> None:
    """Set the fitted attributes of the networks."""
    model._previous_networks = PreviousNetworks.take(model, state) if model.warm_start else None
    model.generator_ = state.average.cpu()
    model.history_ = pd.DataFrame(state.history)
    model.n_steps_ = state.step
    model.versions_ = library_versions()


def warn_of_few_steps(plan: Plan, state: TrainState) -> None:
    """Warn if a time limit ended training before each row was seen once."""
    config, n_rows = plan.config, len(plan.training_rows)
    n_whole = math.ceil(n_rows / config.batch_size)
    is_over = config.max_seconds is not None and state.seconds >= config.max_seconds
    if is_over and state.step < min(n_whole, config.max_steps or n_whole):
        warnings.warn(
            f"max_time ended training after {state.step} step(s), before each of {n_rows} rows was "
            "seen once: synthetic rows follow little of the data. Give more time.",
            ShortTrainingWarning,
            stacklevel=user_level(),
        )
