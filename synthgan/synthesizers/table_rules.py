"""What the default recipe of tables takes from the table: length of a run, candidates of a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from synthgan.encoding import GridEncoder
from synthgan.encoding.groups import CellGroup, mostly_continuous
from synthgan.privacy import Support
from synthgan.synthesizers.few_people import MANY_PEOPLE, PRIVACY_LEVELS
from synthgan.synthesizers.recipes import Preset, resolve
from synthgan.synthesizers.training_set import UsualRun

__all__ = [
    "child_run",
    "count_people",
    "enough_candidates",
    "follow_level",
    "most_steps",
    "n_candidates",
    "table_recipe",
    "table_run",
]

# Evidence: docs/recipe.md.
_SHORT_RUN, _STEPS_PER_COLUMN, _ROWS_PER_STEP = 3000, 200, 6
_FEWEST_STEPS, _MOST_STEPS, _STEPS_PER_ROW = 1500, 6000, 1.2
_HELD_OUT, _FEWEST_HELD_OUT, _MOST_HELD_OUT = 0.05, 250, 2000
_EFFECTIVE_CANDIDATES, _MOST_CANDIDATES = 1.2, 8


def most_steps(groups: Sequence[CellGroup], n_rows: int) -> float:
    """Return how many steps a run has at most; infinity where most columns are continuous."""
    if mostly_continuous(groups):
        return math.inf
    n_columns = len({group.column for group in groups if group.kind != "null"})
    return max(_SHORT_RUN, _STEPS_PER_COLUMN * n_columns, n_rows / _ROWS_PER_STEP)


def enough_candidates(least: int, effective_share: float) -> int:
    """Return of how many generated rows one is kept: more where few of them are preferred.

    Parameters
    ----------
    least : int
    effective_share : float
        See `Critic`.

    Examples
    --------
    >>> [enough_candidates(2, share) for share in (1.0, 0.7, 0.5, 0.1)]
    [2, 3, 5, 8]
    """
    enough = math.ceil(_EFFECTIVE_CANDIDATES / effective_share**2)
    return max(least, min(_MOST_CANDIDATES, enough))


def n_candidates(model: Any, preset: Preset) -> int:
    """Return how many rows of a table are generated for each one that is kept."""
    n, critic = int(resolve(model, "candidates", preset)), getattr(model, "critic_", None)
    if model.candidates is not None or n == 1 or critic is None:
        return n
    return enough_candidates(n, critic.effective_share)


def count_people(n_rows: int, support: Support) -> int:
    """Return how many people the rows of a table are of."""
    return n_rows if support.people is None else len(np.unique(support.people))


def follow_level(model: Any, encoder: GridEncoder, n_people: int) -> None:
    """Warn of few people, and encode numbers as coarsely as the level of privacy wants."""
    if model.preset is None:
        level = PRIVACY_LEVELS[model.privacy]
        level.warn(n_people)
        if model.encoder is None:
            encoder.set_params(min_pool=level.min_pool(n_people))


def table_recipe(model: Any, preset: Preset, n_people: int, n_rows: int) -> Preset:
    """Return the recipe with the loss that the level of privacy wants for so many people."""
    if model.preset is not None or model.loss is not None:
        return preset
    level = PRIVACY_LEVELS[model.privacy]
    loss = level.with_penalty(preset.parameters["loss"], n_people, n_rows)
    return replace(preset, parameters={**preset.parameters, "loss": loss})


def _steps_by_rows(n_rows: int) -> float:
    """Return how long a run is, where the number of rows alone decides."""
    return float(np.clip(_STEPS_PER_ROW * n_rows, _FEWEST_STEPS, _MOST_STEPS))


def table_run(model: Any, groups: Sequence[CellGroup], n_people: int, n_rows: int) -> UsualRun:
    """Return how long a run on a table is, and how many rows are held out."""
    level = PRIVACY_LEVELS[model.privacy]
    if model.preset is None and level.steps_power and n_people < MANY_PEOPLE:
        n_steps: float = level.steps(n_people)
    else:
        n_steps = min(_steps_by_rows(n_rows), most_steps(groups, n_rows))
    n_held_out = int(_HELD_OUT * n_rows)
    n_held_out = 0 if n_held_out < _FEWEST_HELD_OUT else min(n_held_out, _MOST_HELD_OUT)
    return UsualRun(n_steps, n_held_out=n_held_out)


def child_run(model: Any, groups: Sequence[CellGroup], n_people: int, n_rows: int) -> UsualRun:
    """Do the same for a child table: a run is longer where each person has many rows."""
    run = table_run(model, groups, n_people, n_rows)
    longer = run.n_steps * math.sqrt(n_rows / n_people)
    return replace(run, n_steps=max(run.n_steps, min(longer, _steps_by_rows(n_rows))))
