"""Tables under differential privacy: measure, then let the generator fit what was measured."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from synthgan.constraints import ConstraintSet, Inequality, Predicate, Range
from synthgan.encoding import GridEncoder
from synthgan.encoding.groups import with_gates
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.private_fitting import (
    check_public,
    fit_private_cells,
    n_codes,
    private_rows,
    read_codes,
)
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import DataError, ParameterError, PrivacyWarning, grouped_notices
from synthgan.forms import Forms
from synthgan.gan.heads import CellHead
from synthgan.gan.isolation import within_threads
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.level_probabilities import LevelProbabilities
from synthgan.gan.losses import find_loss
from synthgan.gan.networks.specs import latent_dim_of
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.checkpoint import Checkpoint
from synthgan.gan.training.config import TrainConfig
from synthgan.gan.training.marginal_step import MarginalData, start_at_shares
from synthgan.gan.training.ranks import find_ranks
from synthgan.gan.training.state import TrainState
from synthgan.gan.training.trainer import Trainer, find_device
from synthgan.privacy import read_groups
from synthgan.privacy.differential import DifferentialPrivacy
from synthgan.privacy.estimates import Marginals
from synthgan.privacy.marginals import measure_marginals
from synthgan.privacy.protected_rows import ProtectedRows
from synthgan.synthesizers.parameters import read_seconds
from synthgan.synthesizers.recipes import PRIVATE_TABLE, PRIVATE_TABLE_STEPS, resolve
from synthgan.synthesizers.saving import warn_where_unsaved
from synthgan.synthesizers.table_parts import condition_columns, describe_table
from synthgan.synthesizers.training_run import MASKED, callbacks_of, networks_of, seed_of_run

__all__ = ["check_private", "fit_private"]

_COUNT_SHARE = 0.01  # of the budget
_LEAST_ENCODING, _MOST_ENCODING = 0.15, 0.4  # share of the budget; more of it where rows are few
# So many rows that a 40th (or a quarter) of them exceeds the noise of an interval sixfold, where an
# interval has half of a column's budget.
_FINE, _COARSE = 2 * (40 * 6) ** 2, 2 * (4 * 6) ** 2
_CHECKED = (Inequality, Range, Predicate)  # constraints that learn nothing
# Parameters that read rows, and what to give instead.
_REFUSED = {
    "preset": "leave it out",
    "encoder": "leave it out; declare what is public in DifferentialPrivacy(public=...)",
    "loss": "leave it out; there is no discriminator",
    "epochs": "give max_steps; no row is seen in training",
}


def check_private(model: Any, groups: Any) -> None:
    """Refuse parameters that cannot be used with differential privacy, before any row is read.

    Raises
    ------
    ParameterError
    """
    if (n_ranks := find_ranks().size) > 1:
        raise ParameterError(
            f"DifferentialPrivacy is not possible with {n_ranks} processes, each of which would "
            "measure the rows; start one."
        )
    for name, advice in _REFUSED.items():
        if (value := getattr(model, name)) is not None:
            raise ParameterError(
                f"{name}={value!r} is not allowed with DifferentialPrivacy: {advice}."
            )
    if model.candidates not in (None, 1):
        raise ParameterError(
            f"candidates={model.candidates!r} is not allowed with DifferentialPrivacy; give 1: "
            "the choice among candidates reads rows."
        )
    if model.warm_start:
        raise ParameterError("warm_start=True is not allowed with DifferentialPrivacy.")
    if any(isinstance(callback, Checkpoint) for callback in model.callbacks or ()):
        raise ParameterError(
            "a Checkpoint is not allowed with DifferentialPrivacy: a run that is resumed would "
            "measure the rows again."
        )
    if groups is not None:
        raise ParameterError(
            "groups is not allowed with DifferentialPrivacy; name the column in "
            "DifferentialPrivacy(unit=...)."
        )
    for constraint in _declared(model):
        if not isinstance(constraint, _CHECKED):
            raise ParameterError(
                f"constraint {constraint!r} is not allowed with DifferentialPrivacy, because it "
                "learns from rows; Inequality, Range and Predicate are."
            )


def _declared(model: Any) -> list[Any]:
    """Return the user's constraints; none is searched."""
    constraints = model.constraints
    if constraints is None or isinstance(constraints, str):
        return []
    return [one for one in constraints if one != "auto"]


def fit_private(model: Any, frame: pd.DataFrame, n_targets: int, begun: float) -> TrainState:
    """Measure a table and train its generator; sets the fitted attributes of the other parts.

    Parameters
    ----------
    model : TabularGANSynthesizer
        Checked by `check_private`; `privacy` is a `DifferentialPrivacy`.
    frame : DataFrame of shape (n_rows, n_columns)
        Columns of X, then those of y.
    n_targets : int
        How many of them are y's.
    begun : float
        When `fit` began, by `time.perf_counter`.

    Returns
    -------
    state : TrainState
        Of the generator.
    """
    privacy: DifferentialPrivacy = model.privacy
    ledger = privacy.ledger()
    people = _people(privacy, frame)
    public = check_public(privacy.public, frame)
    conditioned = condition_columns(model.condition_on, frame)
    _warn_of_seed(model)
    rows = ProtectedRows(private_rows(frame, public), ledger, people, privacy.max_rows)
    del frame
    counts, _ = rows.histogram(
        "rows", lambda f: np.zeros(len(f), dtype=int), 1, _COUNT_SHARE * ledger.rho
    )
    n_rows = max(1.0, float(counts[0]))
    _warn_of_delta(privacy, n_rows)
    share = _encoding_share(rows, n_rows)
    with grouped_notices():
        cells = fit_private_cells(rows, public, n_rows, share * ledger.rho, privacy.unit)
    encoder = GridEncoder().set_cells(cells)
    target = len(cells) - 1 if n_targets == 1 else None
    if privacy.target is not None:
        target = rows.names.index(privacy.target)
    marginals = measure_marginals(
        rows, partial(read_codes, cells), [n_codes(one) for one in cells],
        [isinstance(one.codec, BinnedNumbers) for one in cells],
        [one.nullable for one in cells], target, n_rows,
    )  # fmt: skip
    constraints = ConstraintSet(_declared(model), checks_only=True).fit(rows.empty, find=False)
    model.privacy_ = ledger
    model.forms_, model.dialect_ = Forms(), None
    model.schema_ = Schema(
        tuple(replace(c.column, minimum=None, maximum=None, categories=None) for c in cells)
    )
    model.constraints_, model.encoder_ = constraints, encoder
    model.cell_groups_ = list(encoder.cell_groups_)
    known = with_gates(model.cell_groups_, conditioned)
    model.known_groups_ = [group for group in model.cell_groups_ if group.column in known]
    model.grid_shape_, model.is_quantised_ = encoder.grid_shape_, False
    model.critic_ = model.quantile_map_ = None
    return _train(model, marginals, n_rows, begun)


def _encoding_share(rows: ProtectedRows, n_rows: float) -> float:
    """Return the share of the budget for the encodings; warn where no share is enough."""
    noise = rows.max_rows**2 * len(rows.names) / rows.ledger.rho
    if _COARSE * noise / n_rows**2 > _MOST_ENCODING:
        warnings.warn(
            f"about {n_rows:.0f} rows are few for {len(rows.names)} columns at "
            f"epsilon={rows.ledger.epsilon:g}: some columns may come back empty, and dependences "
            "between columns are lost in the noise; declare labels and ranges in public, give "
            "fewer columns or more rows, or a larger epsilon.",
            PrivacyWarning,
            stacklevel=5,
        )
    return float(np.clip(_FINE * noise / n_rows**2, _LEAST_ENCODING, _MOST_ENCODING))


def _people(privacy: DifferentialPrivacy, frame: pd.DataFrame) -> np.ndarray | None:
    """Return the person of each row."""
    for name in ("unit", "target"):
        column = getattr(privacy, name)
        if column is not None and column not in frame.columns:
            raise ParameterError(
                f"{name}={column!r} is no column; the columns are {frame.columns.tolist()!r}."
            )
    if privacy.unit is None:
        return None
    if frame.shape[1] < 2:
        raise DataError(f"the table has no column beside unit={privacy.unit!r}.")
    return read_groups(privacy.unit, frame, len(frame))


def _warn_of_seed(model: Any) -> None:
    if isinstance(model.random_state, Integral):
        warnings.warn(
            f"random_state={model.random_state} seeds training and sampling only: the noise of "
            "differential privacy is never seeded, so two fits differ.",
            PrivacyWarning,
            stacklevel=5,
        )


def _warn_of_delta(privacy: DifferentialPrivacy, n_rows: float) -> None:
    if privacy.delta is not None and privacy.delta > 1 / n_rows:
        warnings.warn(
            f"delta={privacy.delta:g} is more than 1 / number of rows (about {n_rows:.0f}): the "
            "guarantee then allows to publish some rows; give a smaller delta.",
            PrivacyWarning,
            stacklevel=5,
        )


@within_threads
def _train(model: Any, marginals: Marginals, n_rows: float, begun: float) -> TrainState:
    """Train the generator on what was measured."""
    recipe = PRIVATE_TABLE
    model.network_ = resolve(model, "network", recipe)
    batch_size = int(resolve(model, "batch_size", recipe))
    warn_where_unsaved(model, partial(describe_table, model))
    seconds = read_seconds(model.max_time)
    left = None if seconds is None else max(seconds - (time.perf_counter() - begun), 1e-3)
    epoch = max(batch_size, round(n_rows))
    config = TrainConfig(
        n_epochs=math.ceil(PRIVATE_TABLE_STEPS * batch_size / epoch),
        batch_size=batch_size,
        optimizer=resolve(model, "optimizer", recipe),
        loss=find_loss("bce"),  # of no discriminator
        seed=seed_of_run(model),
        max_steps=PRIVATE_TABLE_STEPS if model.max_steps is None else model.max_steps,
        max_seconds=left,
        masked=MASKED if model.known_groups_ else 0.0,
    )
    device = find_device(model.device)
    groups = model.cell_groups_
    known = KnownCells(model.known_groups_, device)
    n_cells = math.prod(model.grid_shape_)
    sampler = Sampler(CellHead(groups).to(device), known, latent_dim_of(model.network_), n_cells)
    rng = torch.Generator().manual_seed(config.seed + 1)
    generator, _ = networks_of(model, known, rng)
    probabilities = LevelProbabilities(groups, known)
    start_at_shares(generator, probabilities, marginals.single)
    data = MarginalData(marginals, groups, epoch, device)
    trainer = Trainer(config, sampler, callbacks_of(model))
    return trainer.fit(generator.to(device), nn.Identity(), data)
