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

from synthgan.asking.labels import Labels
from synthgan.exceptions import ArchiveError
from synthgan.gan.heads import CellHead, Head, TanhHead, to_network_scale
from synthgan.gan.isolation import within_threads
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.specs import find_network, latent_dim_of, settle_network
from synthgan.gan.sampling import Candidates, Sampler
from synthgan.gan.training.callbacks import Callback, KeepBest
from synthgan.gan.training.config import Adam
from synthgan.gan.training.interrupts import leaving_out
from synthgan.gan.training.trainer import find_device
from synthgan.refine.critic import Critic
from synthgan.refine.critic_fitting import fit_critic
from synthgan.refine.generated import RealAndGenerated
from synthgan.refine.quantile_map import QuantileMap, fit_quantile_map
from synthgan.state import fields
from synthgan.state.archive import Archive
from synthgan.synthesizers.few_people import LABELLED_LEVELS
from synthgan.synthesizers.labelled import describe_labelled, draw_one, restore_labelled
from synthgan.synthesizers.parameters import read_seconds
from synthgan.synthesizers.recipes import Preset, find_preset, resolve
from synthgan.synthesizers.saved_model import Model, SavedModel
from synthgan.synthesizers.saving import (
    divided,
    generator_without_memory,
    model_of,
    network_archive,
    restore_refinements,
    take_weights,
    warn_where_unsaved,
)
from synthgan.synthesizers.shared_parameters import inherit_parameters, store_parameters
from synthgan.synthesizers.training_run import (
    MASKED,
    keep_networks,
    train,
    train_config,
    warn_of_few_steps,
)
from synthgan.synthesizers.training_set import (
    Plan,
    TrainingSet,
    draw_plan_rows,
    grid_features,
    keep_best,
)
from synthgan.synthesizers.warm_start import PreviousNetworks

__all__ = ["BaseGANSynthesizer"]

_LARGEST_BATCH = 500
_FEWEST_STEPS, _MOST_STEPS = 1500, 6000
_STEPS_PER_ROW = 1.2
_MASKED = 0.5  # share of the rows of a batch that learn to follow conditions
_HELD_OUT, _FEWEST_HELD_OUT, _MOST_HELD_OUT = 0.05, 250, 2000
_MOST_CRITIC_ROWS, _MOST_CRITIC_CELLS = 20_000, 2**24
_SMALLEST_LOT = 128  # rows are balanced in lots of at least so many
_MOST_LOT_GRIDS = 2**16  # that are made for a few rows
_CRITIC_TIME = 0.3  # share of max_time that is kept for the critic


class BaseGANSynthesizer(SavedModel, BaseEstimator):
    """What all synthesizers share: parameters, training on grids, sampling grids, archives.

    A subclass turns its records into grids and back, and names its kind, its encoder's class and
    its recipe. It has the parameters of this constructor, or one of its own that stores them; its
    docstring lists those that are not listed here.

    The methods that are meant to be overridden are those of records with labels beside their
    grids (`synthesizers/labelled.py`). A kind of such records needs `fit` and `sample` only.

    Parameters
    ----------
    loss : {"relativistic", "bce", "hinge", "wgan-gp"}, Loss or None, default=None
        The loss of both networks.
    optimizer : Adam or None, default=None
        Learning rate, its decay, and the averaging of weights.
    max_steps : int or None, default=None
        Maximum number of steps; the learning rate decays accordingly.
    max_time : float, str or None, default=None
        About how long `fit` may take: seconds, or a duration such as ``"30min"``.
    privacy : {"balanced", "faithful", "strict"}, default="balanced"
        How the default recipe changes for fewer than 375 records: n of them are learnt in
        3000 (n / 375)**power steps, with a power of 0.5, 0 (``"faithful"``) or 1 (``"strict"``).
        Fewer steps memorise less, at a loss of fidelity; docs/privacy.md gives figures.
        Parameters that you give override it.
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
    max_time: float | str | None
    device: str
    random_state: Any
    warm_start: bool
    encoder_: Any
    labels_: Labels

    kind: str  # of records, as the registry of kinds names it
    encoder_class: type
    recipe: Preset  # what parameters left as None are without a preset
    presets: Mapping[str, Preset]
    properties: tuple[str, ...] = ()  # that can be measured on a record
    own_fields: dict[str, fields.Check] = {}  # in an archive, beside those of the labels
    # Whether conditions are about labels that are no part of the grid.
    _labels_are_beside = True
    # At least so many candidates has a row whose conditions no other candidates meet.
    _candidates_of_known = 16
    # Whether it is a model of its own, not part of one that is saved as a whole.
    _can_be_alone = True
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
        "condition_on": [list, tuple, None],
        "privacy": [StrOptions(set(LABELLED_LEVELS))],
        "callbacks": [list, tuple, None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
    }

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        inherit_parameters(cls)

    def __init__(
        self,
        preset: str | None = None,
        encoder: Any = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        condition_on: Sequence[str] | None = None,
        privacy: str = "balanced",
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        store_parameters(self, locals())

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
        labels, best = data.labels_of(plan.held_out_rows), None
        if len(plan.held_out_rows):
            best = self._keep_best(data.draw(plan.held_out_rows, plan.rng), labels)
        sampler = self._sampler(find_device(self.device), labels)
        state = train(self, plan, data, sampler, best)
        keep_networks(self, state)
        warn_of_few_steps(plan, state)
        self._refine(plan, data)

    def _plan(self, data: TrainingSet, preset: Preset, begun: float) -> Plan:
        """Decide on networks, rows and the length of the run; check all parameters."""
        n, shape = len(data), data.grids.shape[1:]
        previous = PreviousNetworks.of(self)
        if previous is not None:
            previous.check(shape, data.groups, data.known_groups)
        network = find_network(resolve(self, "network", preset))
        self.network_ = settle_network(network, n, data.groups)
        self.cell_groups_, self.known_groups_ = list(data.groups), list(data.known_groups)
        self.grid_shape_ = shape
        self.is_quantised_ = data.grids.dtype == np.uint8
        if self._can_be_alone:
            warn_where_unsaved(self, self._encoder_state)
        seconds = read_seconds(self.max_time)
        candidates = self._n_candidates(preset)
        share = 1 - _CRITIC_TIME if candidates > 1 else 1.0
        training_end = None if seconds is None else begun + share * seconds
        config = train_config(self, n, data.usual, training_end, preset)
        if previous is not None:
            config = replace(config, begins_from=previous.digest())
        rng = np.random.default_rng(config.seed)
        is_auto = resolve(self, "epochs", preset) == "auto"
        n_held_out = data.usual.n_held_out if is_auto else 0
        rows = draw_plan_rows(data.support.people, n, n_held_out, _MOST_CRITIC_ROWS, rng)
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

    def _refine(self, plan: Plan, data: TrainingSet) -> None:
        """Fit the critic that chooses among candidates, if there are some and time is left."""
        self.critic_: Critic | None = None
        late = plan.deadline is not None and time.perf_counter() > plan.deadline
        if plan.candidates == 1 or late:
            return
        most = min(_MOST_CRITIC_ROWS, _MOST_CRITIC_CELLS // math.prod(self.grid_shape_))
        rows = np.concatenate([plan.held_out_rows, plan.training_rows])[:most]
        with leaving_out("the choice among candidates"):
            labels = data.labels_of(rows)
            both = RealAndGenerated(
                data.draw(rows, plan.rng), data.support.take(rows), labels,
                self._known_cells(torch.device("cpu"), labels), self._draw_grids, MASKED, plan.rng,
            )  # fmt: skip
            head = self._head()
            if isinstance(head, CellHead):
                self.quantile_map_ = fit_quantile_map(both, head)
            self.critic_ = fit_critic(both, self._features, plan.deadline)

    def _keep_best(self, held_out: np.ndarray, labels: np.ndarray | None) -> KeepBest:
        """Return the callback that keeps the weights of the highest fidelity to held-out rows."""
        return keep_best(self._features(held_out), self._features)

    def _features(self, grids: np.ndarray | Candidates) -> np.ndarray:
        """Return the features of grids that the critic sees, shape (n, n_features)."""
        return grid_features(grids, self.cell_groups_, self.is_quantised_)

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

    def _n_candidates(self, preset: Preset) -> int:
        """Return how many grids are made for each one that is kept."""
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

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what is needed to decode grids, as plain data and arrays."""
        return describe_labelled(self)

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Restore from the output of `_encoder_state`: all learned attributes but the networks."""
        restore_labelled(self, record, arrays)

    def _draw_one(self) -> None:
        """Generate one record and discard it; parts that do not fit together raise an error."""
        draw_one(self, self._draw_values)

    def _draw_values(
        self, n: int, known: tuple[np.ndarray, np.ndarray] | None, seed: int, given: pd.DataFrame
    ) -> np.ndarray:
        """Draw `n` records; `given` holds the labels that are asked for, `known` their cells."""
        values: np.ndarray = self.encoder_.decode(self.sample_grids(n, seed, known))
        return values

    def _to_archive(self, critic: bool, seed: bool) -> Archive:
        self._validate_params()
        return network_archive(self, *self._encoder_state(), critic, seed)

    @classmethod
    def _from_archive(cls: type[Model], archive: Archive, with_weights: bool) -> Model:
        model, names = model_of(archive, cls)
        model._validate_params()
        encoder, refinements = divided(archive.arrays)
        model._restore_encoder(archive.schema, encoder)
        if not model._labels_are_beside:
            model.known_groups_ = [g for g in model.cell_groups_ if g.column in names]
        if {group.column for group in model.known_groups_} != names:
            raise ArchiveError("manifest has known_columns that the encoder does not know")
        model.critic_ = model.quantile_map_ = None
        sampler = model._sampler(torch.device("cpu"))
        restore_refinements(model, refinements, sampler, model._features)
        model.generator_ = generator_without_memory(model, sampler.known)
        if with_weights:
            sampler, candidates = model._sampler(torch.device("cpu")), 1
            if model.critic_ is not None:
                candidates = model._n_candidates(find_preset(model))
            take_weights(model, archive.weights, sampler, candidates)
            device, model.device = model.device, "cpu"
            model._draw_one()
            model.device = device
        return model
