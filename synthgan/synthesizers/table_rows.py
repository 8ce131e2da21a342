"""Rows of a fitted model of tables: drawn until all meet what is asked, whole or in lots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from synthgan.asking.conditions import Conditions, count_rows
from synthgan.asking.drawing import TryLimits, draw_until_met
from synthgan.randomness import draw_seed
from synthgan.scale.lots import Lot, lots_of, rows_in_a_lot
from synthgan.synthesizers.table_parts import (
    constraints_met,
    draw_frame,
    identifiers,
    renumber_identifiers,
)

__all__ = ["as_given", "draw_lot", "draw_rows", "lots_of_model", "lots_of_sample"]

_TRY_LIMITS = TryLimits(in_vain=20_000, at_all=2_000_000, at_a_time=100_000)
_ADVICE = "fit with condition_on=[...] these columns, ask for less"


def draw_rows(
    model: Any, n: int, wanted: Conditions | None, seed: int, on_missing: str = "error"
) -> pd.DataFrame:
    """Draw rows until all meet the conditions; their index holds their numbers.

    Parameters
    ----------
    model : TabularGANSynthesizer
    n : int
    wanted : Conditions or None
        None: only constraints have to hold.
    seed : int
    on_missing : {"error", "warn"}, default="error"
        What to do if too few rows meet the conditions.
    """
    wanted = Conditions(None, {}, n) if wanted is None else wanted
    rng = np.random.default_rng(seed)
    seeds = [seed]

    def draw(rows: np.ndarray) -> Any:
        known = wanted.draw(rows, model.encoder_, model.constraints_, rng) if wanted else None
        frame = draw_frame(model, len(rows), seeds.pop(), known, rng)
        seeds.append(int(rng.integers(2**31 - 1)))
        met = {**wanted.met_by(frame, rows), **constraints_met(model.constraints_, frame)}

        def take(some: np.ndarray) -> pd.DataFrame:
            return wanted.write(frame.iloc[some], rows[some])

        return met, take

    drawn = draw_until_met(draw, wanted.alike, _TRY_LIMITS)
    drawn.check(on_missing, "rows", _ADVICE)
    return pd.concat([frame.set_axis(rows) for rows, frame in drawn.pieces]).sort_index()


def lots_of_model(model: Any, n: int, seed: int) -> list[Lot]:
    """Divide `n` rows into lots, each of which is drawn on its own."""
    rows = rows_in_a_lot(math.prod(model.grid_shape_))
    can_number = all(one.can_number(n) for one in identifiers(model))
    return lots_of(n, rows if can_number else max(n, rows), seed)


def lots_of_sample(model: Any, n: int, random_state: Any) -> list[Lot]:
    """Return the lots of a sample of `n` rows.

    Raises
    ------
    ParameterError
        A number that is not allowed.
    NotFittedError
    """
    check_is_fitted(model)
    return lots_of_model(model, count_rows(n, None), draw_seed(random_state, model.random_state))


def draw_lot(model: Any, lot: Lot, on_missing: str = "error") -> pd.DataFrame:
    """Draw the rows of a lot; their index holds their numbers."""
    frame = draw_rows(model, lot.n, None, lot.seed, on_missing)
    frame = frame.set_axis(frame.index + lot.first)
    return frame if lot.n == lot.n_all else renumber_identifiers(model, frame, lot)


def as_given(model: Any, frame: pd.DataFrame, return_y: bool = False) -> Any:
    """Put rows into the containers of `fit`."""
    frame = model.forms_.write(frame)
    names = list(frame.columns)
    X = model.container_.restore(frame[names[: model.n_features_in_]])
    if not return_y or model.y_container_ is None:
        return X
    return X, model.y_container_.restore(frame[names[model.n_features_in_ :]])
