"""BaseGANSynthesizer: trains networks on encoded records and samples from them."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from synthgan.exceptions import ParameterError
from synthgan.gan.first_outputs import begin_near
from synthgan.gan.heads import CellHead, Head, TanhHead, to_network_scale
from synthgan.gan.isolation import within_threads
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.losses import find_loss
from synthgan.gan.networks.specs import (
    build_networks,
    find_network,
    latent_dim_of,
    settle_network,
)
from synthgan.gan.sampling import Candidates, Sampler
from synthgan.gan.training.callbacks import Callback, KeepBest, Progress
from synthgan.gan.training.checkpoint import Checkpoint
from synthgan.gan.training.config import Adam, TrainConfig
from synthgan.gan.training.data import GridData
from synthgan.gan.training.interrupts import leaving_out
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
from synthgan.privacy import Support
from synthgan.randomness import draw_seed
from synthgan.refine.critic import Critic, cell_features
from synthgan.refine.critic_fitting import fit_critic
from synthgan.refine.quantile_map import QuantileMap, fit_quantile_map
from synthgan.synthesizers.few_people import MANY_PEOPLE
from synthgan.synthesizers.parameters import read_seconds
from synthgan.synthesizers.recipes import Preset, find_preset, resolve
from synthgan.synthesizers.saved_model import library_versions
from synthgan.synthesizers.saving import SavedNetwork
from synthgan.synthesizers.shared_parameters import inherit_parameters
from synthgan.synthesizers.training_set import Plan, TrainingSet, draw_plan_rows, keep_best
from synthgan.synthesizers.warm_start import PreviousNetworks

__all__ = ["BaseGANSynthesizer"]

_LARGEST_BATCH = 500
_FEWEST_STEPS, _MOST_STEPS = 1500, 6000
_STEPS_PER_ROW = 1.2
_MASKED = 0.5  # share of the rows of a batch that learn to follow conditions
_HELD_OUT, _FEWEST_HELD_OUT, _MOST_HELD_OUT = 0.05, 250, 2000
_MOST_FIRST_ROWS = 10_000  # whose cells say how outputs begin
_MOST_CRITIC_ROWS, _MOST_CRITIC_CELLS = 20_000, 2**24
_SMALLEST_LOT = 128  # rows are balanced in lots of at least so many
_MOST_LOT_GRIDS = 2**16  # that are made for a few rows
_CRITIC_TIME = 0.3  # share of max_time that is kept for the critic


class BaseGANSynthesizer(SavedNetwork, BaseEstimator):
    """What all synthesizers share: parameters, training on grids, sampling grids, archives.

    A subclass turns its records into grids and back. Its constructor stores its parameters; its
    docstring lists those that are not listed here.

    Parameters
    ----------
    loss : {"relativistic", "bce", "hinge", "wgan-gp"}, Loss or None, default=None
        The loss of both networks.
    optimizer : Adam or None, default=None
        Learning rate, its decay, and the averaging of weights.
    max_steps : int or None, default=None
        Maximum number of steps; the learning rate decays accordingly.
    callbacks : list of Callback or None, default=None
        Called during training.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where to train and sample.
    random_state : int, RandomState instance or None, default=None
        Seed of fit and, where none is given there, of sample; equal seeds give equal bytes on
        a CPU (docs/saving.md tells what threads change).
    verbose : int, default=0
        1 shows progress bars.
    warm_start : bool, default=False
        Whether `fit` continues from the networks of the previous `fit`, on data of the same shape
        and columns. These networks stay in memory and are never saved.
    """

    preset: str | None
    max_steps: int | None
    max_time: float | str | None
    callbacks: Sequence[Callback] | None
    device: str
    random_state: Any
    verbose: int
    warm_start: bool

    kind: str  # of records, as the registry of kinds names it
    encoder_class: type
    recipe: Preset  # what parameters left as None are without a preset
    presets: Mapping[str, Preset]
    # Whether conditions are about labels that are no part of the grid.
    _labels_are_beside = False
    # At least so many candidates has a row whose conditions no other candidates meet.
    _candidates_of_known = 16
    # Whether torch computes on one thread, so that bytes do not depend on the number of threads.
    _on_one_thread = False

    _parameter_constraints: dict[str, Any] = {
        "preset": [str, None],
        "encoder": "no_validation",
        "network": "no_validation",
        "loss": "no_validation",
        "optimizer": [Adam, None],
        "epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "max_steps": [Interval(Integral, 1, None, closed="left"), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), str, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left"), None],
        "callbacks": [list, tuple, None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inherit_parameters(cls)

    def _find_encoder(self, preset: Preset) -> Any:
        encoder = self._resolve("encoder", preset)
        if not isinstance(encoder, self.encoder_class):
            raise ParameterError(
                f"encoder={encoder!r} is not allowed; give one of class "
                f"{self.encoder_class.__name__}, or None."
            )
        return encoder

    def _resolve(self, name: str, preset: Preset) -> Any:
        """Return a parameter; where it is None, that of the preset or of the default recipe."""
        return resolve(self, name, preset)

    @within_threads
    def _fit_grids(self, data: TrainingSet, preset: Preset, begun: float) -> None:
        """Plan a run, train a generator of grids, and fit the refinement of its samples.

        Parameters
        ----------
        data : TrainingSet
        preset : Preset
        begun : float
            When `fit` began, by `time.perf_counter`.
        """
        plan = self._plan(data, preset, begun)
        self.quantile_map_: QuantileMap | None = None
        self._keep(self._train(plan, data))
        self._refine(plan, data)

    def _plan(self, data: TrainingSet, preset: Preset, begun: float) -> Plan:
        """Decide on networks, rows and the length of the run; check all parameters."""
        n, shape = len(data), data.grids.shape[1:]
        previous = PreviousNetworks.of(self)
        if previous is not None:
            previous.check(shape, data.groups, data.known_groups)
        network = find_network(self._resolve("network", preset))
        self.network_ = settle_network(network, n, data.groups)
        self.cell_groups_, self.known_groups_ = list(data.groups), list(data.known_groups)
        self.grid_shape_ = shape
        self.is_quantised_ = data.grids.dtype == np.uint8
        self._warn_where_unsaved()
        seconds = read_seconds(self.max_time)
        candidates = self._n_candidates(preset)
        share = 1 - _CRITIC_TIME if candidates > 1 else 1.0
        training_end = None if seconds is None else begun + share * seconds
        config = self._train_config(n, training_end, preset)
        if previous is not None:
            config = replace(config, begins_from=previous.digest())
        rng = np.random.default_rng(config.seed)
        n_held_out = self._n_held_out(n, preset)
        rows = draw_plan_rows(data.people, n, n_held_out, _MOST_CRITIC_ROWS, rng)
        training_rows, held_out_rows, learns_all = rows
        return Plan(
            config=config,
            rng=rng,
            training_rows=training_rows,
            held_out_rows=held_out_rows,
            learns_all=learns_all,
            candidates=candidates,
            deadline=None if seconds is None else begun + seconds,
            previous=previous,
        )

    def _keep(self, state: TrainState) -> None:
        """Set the fitted attributes of the networks."""
        self._previous_networks = PreviousNetworks.take(self, state) if self.warm_start else None
        self.generator_ = state.average.cpu()
        self.history_ = pd.DataFrame(state.history)
        self.n_steps_ = state.step
        self.versions_ = library_versions()

    def _refine(self, plan: Plan, data: TrainingSet) -> None:
        """Fit the critic that chooses among candidates, if there are some and time is left."""
        self.critic_: Critic | None = None
        late = plan.deadline is not None and time.perf_counter() > plan.deadline
        if plan.candidates == 1 or late:
            return
        most = min(_MOST_CRITIC_ROWS, _MOST_CRITIC_CELLS // math.prod(self.grid_shape_))
        rows = np.concatenate([plan.held_out_rows, plan.training_rows])[:most]
        with leaving_out("the choice among candidates"):
            real = data.draw(rows, plan.rng)
            support = Support(self._least_support(), data.people).take(rows)
            labels = data.labels_of(rows)
            known = self._known_cells(torch.device("cpu"), labels)
            head = self._head()
            if isinstance(head, CellHead):
                self.quantile_map_ = fit_quantile_map(
                    real, known, self._draw_grids, head, _MASKED, plan.rng, support, labels
                )
            self.critic_ = fit_critic(
                real, known, self._draw_grids, self._features, _MASKED,
                plan.rng, plan.deadline, support, labels,
            )  # fmt: skip

    def _keep_best(self, held_out: np.ndarray, labels: np.ndarray | None) -> KeepBest:
        """Return the callback that keeps the weights of the highest fidelity to held-out rows."""
        return keep_best(self._features(held_out), self._features)

    def _train(self, plan: Plan, training_set: TrainingSet) -> TrainState:
        """Train networks on grids, on the device."""
        config, previous, device = plan.config, plan.previous, find_device(self.device)
        callbacks = self._callbacks()
        labels = training_set.labels_of(plan.held_out_rows)
        if len(plan.held_out_rows):
            held_out = training_set.draw(plan.held_out_rows, plan.rng)
            callbacks.append(self._keep_best(held_out, labels))
        data = GridData(
            training_set.grids,
            training_set.half_widths,
            self.cell_groups_,
            device,
            training_set.labels,
            plan.training_rows if plan.learns_all else None,
            None if plan.learns_all else plan.held_out_rows,
        )
        sampler = self._sampler(device, labels)

        def needs(batch_size: int) -> Needs | None:
            n_conditions = sampler.known.n_conditions
            return estimate(
                lambda: self._build_networks(sampler, torch.Generator()),
                sampler.latent_dim,
                n_conditions,
                batch_size,
                math.prod(self.grid_shape_),
            )

        n_ranks = find_ranks().size
        size = math.ceil(config.batch_size / n_ranks)
        check_memory(needs(size), free_bytes(device), self.grid_shape_, size)
        try:
            rng = torch.Generator().manual_seed(config.seed + 1)  # apart from that of the run
            generator, discriminator = self._build_networks(sampler, rng)
            is_short = training_set.n_people < MANY_PEOPLE
            if is_short and training_set.labels is None:
                some = training_set.grids[plan.training_rows[:_MOST_FIRST_ROWS]]
                begin_near(generator, sampler, some, self.cell_groups_, rng)
            if previous is not None:
                previous.load_into(generator, discriminator)
            return Trainer(config, sampler, callbacks).fit(
                generator.to(device), discriminator.to(device), data
            )
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            size = min(size, SMALLEST_BATCH) if n_ranks == 1 else size
            raise out_of_memory(needs(size), free_bytes(device), self.grid_shape_, size) from error

    def _features(self, grids: np.ndarray | Candidates) -> np.ndarray:
        """Return the features of grids that the critic sees, shape (n, n_features)."""
        drawn = grids.features() if isinstance(grids, Candidates) else None
        if drawn is not None:
            return drawn
        # Grey levels are rounded, as in the samples that users get.
        seen = np.rint(grids) if self.is_quantised_ else np.asarray(grids)
        return cell_features(seen, self.cell_groups_)

    def _callbacks(self) -> list[Callback]:
        callbacks = [*(self.callbacks or ()), *([Progress()] if self.verbose else [])]
        unknown = [callback for callback in callbacks if not isinstance(callback, Callback)]
        if unknown:
            raise ParameterError(f"callbacks hold {unknown!r}; give Callback objects.")
        if sum(isinstance(callback, Checkpoint) for callback in callbacks) > 1:
            raise ParameterError("callbacks hold more than one Checkpoint; give one.")
        return callbacks

    def _train_config(self, n_rows: int, training_end: float | None, preset: Preset) -> TrainConfig:
        batch_size = self._resolve("batch_size", preset)
        if batch_size == "auto":
            batch_size = min(self._largest_batch(n_rows), n_rows // 3)
        batch_size = max(2, min(int(batch_size), n_rows))
        epochs, max_steps = self._resolve("epochs", preset), self.max_steps
        if epochs == "auto":
            n_steps = self._n_steps(n_rows)
            epochs = max(1, round(n_steps * batch_size / n_rows))
            if n_rows > n_steps * batch_size:  # an epoch is longer than a run
                max_steps = min(max_steps or round(n_steps), round(n_steps))
        max_seconds = None
        if training_end is not None:
            # At least a step, however long the encoding took.
            max_seconds = max(training_end - time.perf_counter(), 1e-3)
        return TrainConfig(
            n_epochs=int(epochs),
            batch_size=batch_size,
            optimizer=self._resolve("optimizer", preset),
            loss=find_loss(self._resolve("loss", preset)),
            seed=self._draw_seed(),
            max_steps=max_steps,
            max_seconds=max_seconds,
            masked=_MASKED if self.known_groups_ else 0.0,
        )

    def _draw_seed(self) -> int:
        """Draw the seed of a run; None is that of a checkpoint, and the same on all ranks."""
        any_will_do = self.random_state is None
        held = [c.seed() for c in self.callbacks or () if any_will_do and isinstance(c, Checkpoint)]
        seeds = [seed for seed in held if seed is not None] or [draw_seed(self.random_state)]
        first = find_ranks().first(seeds[0])
        return int(first) if any_will_do else seeds[0]

    def _n_steps(self, n_rows: int) -> float:
        """Return how long a run of ``epochs="auto"`` is."""
        return float(np.clip(_STEPS_PER_ROW * n_rows, _FEWEST_STEPS, _MOST_STEPS))

    def _largest_batch(self, n_rows: int) -> int:
        """Return how large a batch of ``batch_size="auto"`` is, where there are rows enough."""
        return _LARGEST_BATCH

    def _n_held_out(self, n_rows: int, preset: Preset) -> int:
        """Rows set aside to measure fidelity: none where epochs are given, or rows are few."""
        n = int(_HELD_OUT * n_rows)
        if self._resolve("epochs", preset) != "auto" or n < _FEWEST_HELD_OUT:
            return 0
        return min(n, _MOST_HELD_OUT)

    def _known_cells(self, device: torch.device, examples: np.ndarray | None) -> KnownCells:
        """Return what conditions mean; `examples` are labels of records."""
        return KnownCells(self.known_groups_, device, self._labels_are_beside)

    def _sampler(self, device: torch.device, examples: np.ndarray | None = None) -> Sampler:
        """Return the sampler: conditions, noise and head around a generator."""
        known = self._known_cells(device, examples)
        n_cells = math.prod(self.grid_shape_)
        latent_dim = latent_dim_of(self.network_)
        return Sampler(self._head().to(device), known, latent_dim, n_cells, self.quantile_map_)

    def _head(self) -> Head:
        """Return the thesis' tanh for grey levels, cells by their groups otherwise."""
        return TanhHead() if self.is_quantised_ else CellHead(self.cell_groups_)

    def _build_networks(
        self, sampler: Sampler, rng: torch.Generator | None = None
    ) -> tuple[nn.Module, nn.Module]:
        return build_networks(
            self.network_, self.grid_shape_, sampler.known.n_conditions, self.cell_groups_, rng
        )

    def _n_candidates(self, preset: Preset) -> int:
        """Return how many grids are made for each one that is kept."""
        return 1

    def _least_support(self) -> int:
        """Return how many people must share what is stored beside the networks."""
        return 1

    def _generator_on(self, device: torch.device) -> nn.Module:
        if device.type == "cpu":
            return self.generator_
        return copy.deepcopy(self.generator_).to(device)

    def _draw_grids(self, c: torch.Tensor, seed: int, candidates: int = 1) -> np.ndarray:
        """Draw a grid for each row of conditions, shape (n, *grid_shape_)."""
        device = find_device(self.device)
        generator = self._generator_on(device)
        choose = None if self.critic_ is None or candidates == 1 else self.critic_.choose
        n_candidates = candidates if choose else 1
        return self._sampler(device).sample(generator, c.to(device), seed, n_candidates, choose)

    @within_threads
    def sample_grids(
        self, n: int, seed: int, known: tuple[np.ndarray, np.ndarray] | None = None
    ) -> np.ndarray:
        """Generate encoded records; `sample` decodes them.

        Parameters
        ----------
        n : int
        seed : int
        known : (ndarray of shape (n, ...), ndarray of bool of shape (n, n_cells)) or None
            Grids, and a mask of their cells that are given to the generator.

        Returns
        -------
        grids : ndarray of shape (n, ...)
            In the dtype of the training grids.
        """
        candidates = self._n_candidates(find_preset(self))
        if known is not None and candidates > 1:
            candidates = max(candidates, self._candidates_of_known)
        lot = n
        if known is None and self.critic_ is not None and n:
            lot = max(n, min(_SMALLEST_LOT, _MOST_LOT_GRIDS // candidates))
        c = self._conditions(lot, known)
        grids = self._draw_grids(c, seed, candidates)[:n]
        if not self.is_quantised_:
            return grids
        grids = np.rint(grids).astype(np.uint8)
        flat = grids.reshape(len(grids), math.prod(self.grid_shape_))
        for group in self.cell_groups_:
            # What no row ever holds is no value of a fake either.
            cells = list(group.cells)
            if group.kind == "null":
                flat[:, cells] = 0
            elif group.presence is None:
                flat[:, cells] = np.maximum(flat[:, cells], group.lowest_cell)
        return flat.reshape(grids.shape)

    @within_threads
    def _conditions(self, n: int, known: tuple[np.ndarray, np.ndarray] | None) -> torch.Tensor:
        """Return the conditions of `n` rows."""
        conditions = self._sampler(torch.device("cpu")).known
        if known is None:
            return conditions.none(n, torch.device("cpu"))
        cells, mask = (torch.from_numpy(array) for array in known)
        return conditions.read(to_network_scale(cells), mask)
