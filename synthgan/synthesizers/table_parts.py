"""Parts of a table's model beside its networks: conditions, constraints, encoder, schema."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints import Constraint, ConstraintSet, Formula, Inequality
from synthgan.encoding.tables.known import encode_gaps
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.privacy import Support
from synthgan.records.tables import Container
from synthgan.records.targets import TargetContainer
from synthgan.state import fields
from synthgan.synthesizers.recipes import find_preset
from synthgan.synthesizers.training_set import dither

__all__ = [
    "complete",
    "condition_columns",
    "constraint_numbers",
    "describe_table",
    "fit_constraints",
    "restore_table",
]


def condition_columns(wanted: Any, frame: pd.DataFrame) -> list[Any]:
    """Return the columns that `condition_on` names.

    Raises
    ------
    ParameterError
        A name that is no column of the table.
    """
    if wanted is None or isinstance(wanted, str):
        return [] if wanted is None else frame.columns.tolist()
    unknown = [name for name in wanted if name not in frame.columns]
    if unknown:
        raise ParameterError(
            f"condition_on names {unknown!r}, which the table lacks; its columns are "
            f"{frame.columns.tolist()!r}."
        )
    return list(wanted)


def fit_constraints(
    given: Any, frame: pd.DataFrame, conditions: list[Any], support: Support, key: Any
) -> ConstraintSet:
    """Fit the constraints that are given, and those that are to be found."""
    wanted = [given] if isinstance(given, str) else list(given)
    own: list[Any] = [constraint for constraint in wanted if constraint != "auto"]
    unknown = [constraint for constraint in own if not isinstance(constraint, Constraint)]
    if unknown:
        raise ParameterError(
            f"constraints hold {unknown!r}; give 'auto', or constraints such as Inequality."
        )
    constraints = ConstraintSet(own, support.least)
    return constraints.fit(frame, "auto" in wanted, conditions, support.people, key)


def complete(
    model: Any, frame: pd.DataFrame, seed: int, regenerated: np.ndarray | None = None
) -> pd.DataFrame:
    """Fill missing cells of rows, and cells to be regenerated, with generated values.

    Parameters
    ----------
    model : TabularGANSynthesizer
        Fitted with ``condition_on="any"`` and without constraints.
    frame : DataFrame of shape (n_rows, n_columns)
    seed : int
    regenerated : ndarray of bool of shape (n_rows, n_columns), or None, default=None
        Cells that get a new value even though they have one.
    """
    rng = np.random.default_rng(seed)
    grids, known, half_widths = encode_gaps(model.encoder_, frame, regenerated)
    grids = dither(grids, half_widths, model.cell_groups_, rng)
    full = model.encoder_.decode_frame(model.sample_grids(len(grids), seed, (grids, known)))
    kept = frame.notna() if regenerated is None else frame.notna() & ~regenerated
    return frame.where(kept, full)


def constraint_numbers(
    grids: np.ndarray, encoder: Any, constraints: ConstraintSet
) -> list[np.ndarray]:
    """Return the numbers that formulas and inequalities compute from cells, one array each."""
    makers = [c for c in constraints.constraints_ if isinstance(c, Formula | Inequality)]
    if not makers:
        return []
    table = encoder.decode_frame(grids, {name for c in makers for name in c.uses})
    for constraint in reversed(makers):
        table = constraint.restore(table, np.random.default_rng(0))
    made = [pd.to_numeric(table[c.rewrites[0]]) for c in makers]
    return [x.to_numpy(np.float64, na_value=np.nan) for x in made]


def describe_table(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what is needed to decode grids, as plain data and arrays."""
    record, arrays = model.encoder_.to_state()
    y = model.y_container_
    outer = {
        "encoder": record,
        "schema": model.schema_.to_dict(),
        "constraints": model.constraints_.to_dict(),
        "container": model.container_.to_dict(),
        "y_container": None if y is None else y.to_dict(),
        "n_features_in": model.n_features_in_,
    }
    return outer, arrays


def restore_table(model: Any, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Restore what `describe_table` returned; sets all learned attributes but the networks.

    Raises
    ------
    ArchiveError
        Parts that do not fit together.
    """
    read = fields.read_fields(
        record,
        "schema",
        encoder=fields.plain,
        schema=Schema.from_dict,
        constraints=ConstraintSet.from_dict,
        container=Container.from_dict,
        y_container=fields.optional(TargetContainer.from_dict),
        n_features_in=fields.whole(1),
    )
    encoder = model._find_encoder(find_preset(model))
    model.encoder_ = encoder.from_state(read["encoder"], arrays)
    model.schema_, model.constraints_ = read["schema"], read["constraints"]
    model.container_, model.y_container_ = read["container"], read["y_container"]
    model.n_features_in_ = read["n_features_in"]
    n_of_y = len(model.schema_) - model.n_features_in_
    if n_of_y < 0 or (model.y_container_ is None) != (n_of_y == 0):
        there_is = "no y" if model.y_container_ is None else "y"
        raise ArchiveError(
            f"schema has {len(model.schema_)} columns, X {model.n_features_in_} of them, and "
            f"there is {there_is}"
        )
    if model.schema_.names != model.constraints_.columns_:
        raise ArchiveError("schema and constraints have other columns")
    names = model.schema_.names[: model.n_features_in_]
    model.columns_ = names
    if all(isinstance(name, str) for name in names):
        model.feature_names_in_ = np.array(names, dtype=object)
    model.cell_groups_ = encoder.cell_groups_
    model.grid_shape_ = encoder.grid_shape_
    model.is_quantised_ = encoder.scaling != "quantile"
