"""Parts of a table's model beside its networks: conditions, constraints, encoder, schema."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from synthgan.asking.conditions import overwrite
from synthgan.constraints import (
    ComputedColumn,
    Constraint,
    ConstraintSet,
    Identifier,
    Inequality,
    Predicate,
    Quotient,
    SharedValue,
    UsualLabel,
    find_people,
)
from synthgan.constraints.base import with_column
from synthgan.encoding import GridEncoder
from synthgan.encoding.tables.known import encode_gaps, encode_known
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.families.conditional_ranks import is_ranked
from synthgan.forms import Forms
from synthgan.forms.sentinels import announce_sentinels
from synthgan.gan.sampling import Candidates
from synthgan.io.tables import Dialect
from synthgan.privacy import Support
from synthgan.privacy.differential import Ledger
from synthgan.records.tables import Container
from synthgan.records.targets import TargetContainer
from synthgan.scale.lots import Lot
from synthgan.state import fields
from synthgan.synthesizers.recipes import find_encoder, find_preset
from synthgan.synthesizers.training_set import dither, grid_features

__all__ = [
    "complete",
    "complete_read",
    "condition_columns",
    "constraint_numbers",
    "constraints_met",
    "describe_table",
    "draw_frame",
    "find_forms",
    "fit_constraints",
    "identifier_columns",
    "identifiers",
    "renumber_identifiers",
    "restore_table",
    "table_features",
]

_OF_IDENTIFIERS = 1  # draws of a lot beside its rows


def _kept_as_text(constraints: Any, key: Any, frame: pd.DataFrame) -> set[Any]:
    """Return the columns whose text stays as it is: of people, and of some constraints."""
    text = set() if key is None else {key}
    for constraint in [] if isinstance(constraints, str) else constraints:
        if isinstance(constraint, Identifier):
            text.add(constraint.column)
        elif isinstance(constraint, Predicate):  # its function sees the table as it was given
            text |= set(constraint.columns or frame.columns)
    return text


def find_forms(
    frame: pd.DataFrame, encoder: GridEncoder, people: Any, key: Any, constraints: Any
) -> tuple[Forms, Support, Any]:
    """Recognise the forms of columns, and the column that names people where none is given.

    Returns
    -------
    forms : Forms
    support : Support
        How many people must share what is stored.
    key : hashable or None
        The column that names people.
    """
    pools = not encoder.is_quantised
    least = encoder.min_support if pools else 1
    text = _kept_as_text(constraints, key, frame)
    # What is too rare depends on the people, who are found in the table that was read.
    forms = Forms.find(frame, Support(least, people), text)
    if people is None and least > 1:
        key, people = find_people(forms.read(frame)) or (None, None)
        if people is not None:
            forms = Forms.find(frame, Support(least, people), {*text, key})
    forms.announce()
    support = Support(least, people)
    announce_sentinels(forms.read(frame), support, text if key is None else {*text, key})
    return forms, support, key


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
    given: Any,
    frame: pd.DataFrame,
    conditions: list[Any],
    support: Support,
    key: Any,
    in_order: bool = False,
) -> ConstraintSet:
    """Fit the constraints that are given, and those that are to be found.

    With `in_order`, rows of a child table.
    """
    wanted = [given] if isinstance(given, str) else list(given)
    own: list[Any] = [constraint for constraint in wanted if constraint != "auto"]
    unknown = [constraint for constraint in own if not isinstance(constraint, Constraint)]
    if unknown:
        raise ParameterError(
            f"constraints hold {unknown!r}; give 'auto', or constraints such as Inequality."
        )
    constraints = ConstraintSet(own, support.least)
    # Trees that rank rows see which labels go together, and see more of them as they are.
    leave = (UsualLabel,) if in_order and is_ranked(len(frame), support) else ()
    people = support.people
    return constraints.fit(frame, "auto" in wanted, conditions, people, key, in_order, leave)


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
    forms = model.forms_
    read = forms.read(frame)
    regenerated = forms.with_marks(read, frame, regenerated)
    full = complete_read(model, read, seed, regenerated)
    return forms.write_over(frame, read, full, regenerated)


def complete_read(
    model: Any, read: pd.DataFrame, seed: int, regenerated: np.ndarray | None
) -> pd.DataFrame:
    """Do the same for a table that the model's `forms_` have read."""
    rng = np.random.default_rng(seed)
    grids, known, half_widths = encode_gaps(model.encoder_, read, regenerated)
    grids = dither(grids, half_widths, model.cell_groups_, rng)
    full = model.encoder_.decode(model.sample_grids(len(grids), seed, (grids, known)))
    kept = read.notna() if regenerated is None else read.notna() & ~regenerated
    return model.forms_.settle(read.where(kept, full), filled=True)


def constraint_numbers(grids: Any, encoder: Any, constraints: ConstraintSet) -> list[np.ndarray]:
    """Return the numbers that constraints compute from cells, one array each.

    What a quotient gives is left out: with it, the critic is no better (docs/development).
    """
    of_numbers = (ComputedColumn, Inequality, SharedValue)
    makers = [c for c in constraints.constraints_ if isinstance(c, of_numbers)]
    if all(isinstance(c, Quotient) for c in makers):
        return []
    learnt = {cells.column.name for cells in encoder.column_cells_}
    needed, n_needed = makers, 0
    while n_needed < len(needed):  # columns that are not learnt, others restore first
        n_needed, used = len(needed), {name for c in needed for name in c.uses} - learnt
        needed = [c for c in constraints.constraints_ if c in needed or used & {*c.rewrites}]
    table = encoder.decode(grids, {name for c in needed for name in (*c.uses, *c.makes)})
    for constraint in reversed(needed):
        table = constraint.restore(table, np.random.default_rng(0))
    shown = [c for c in makers if not isinstance(c, Quotient)]
    made = [pd.to_numeric(table[c.rewrites[0]]) for c in shown]
    return [x.to_numpy(np.float64, na_value=np.nan) for x in made]


def table_features(model: Any, grids: np.ndarray | Candidates) -> np.ndarray:
    """Return the features of rows that the critic sees: cells, and what constraints make of them.

    Returns
    -------
    features : ndarray of shape (n_rows, n_features)
    """
    numbers = constraint_numbers(grids, model.encoder_, model.constraints_)
    cells = grid_features(grids, model.cell_groups_, model.is_quantised_)
    return np.column_stack([cells, *numbers])


def constraints_met(constraints: ConstraintSet, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return by constraint, as a message names it, which rows satisfy it."""
    met: dict[str, Any] = {}
    for c in constraints.constraints_:
        name = " of ".join([type(c).__name__, ", ".join(map(repr, c.uses))][: 1 + bool(c.uses)])
        met[name] = met.get(name, True) & c.holds(frame)
    return met


def draw_frame(
    model: Any,
    n: int,
    seed: int,
    known: tuple[pd.DataFrame, pd.DataFrame] | None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw rows of the original columns, of which some cells may be known."""
    if known is None:
        table = model.encoder_.decode(model.sample_grids(n, seed))
    else:
        grids, cells, half_widths = encode_known(model.encoder_, *known)
        grids = dither(grids, half_widths, model.cell_groups_, rng)
        table = model.encoder_.decode(model.sample_grids(n, seed, (grids, cells)))
        table = overwrite(table, *known, {group.column for group in model.known_groups_})
    return model.forms_.settle(model.constraints_.restore(table, rng))


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
    if model.forms_:
        outer["forms"] = model.forms_.to_state()
    if model.privacy_ is not None:
        outer["privacy"] = model.privacy_.to_dict()
    if getattr(model, "dialect_", None) is not None:
        outer["dialect"] = model.dialect_.to_dict()
    return outer, arrays


def restore_table(model: Any, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Restore what `describe_table` returned; sets all learned attributes but the networks.

    Raises
    ------
    ArchiveError
        Parts that do not fit together.
    """
    read = fields.read_fields(
        {"forms": [], "dialect": None, "privacy": None, **record},  # only where there are some
        "schema",
        forms=Forms.from_state,
        dialect=fields.optional(Dialect.from_dict),
        privacy=fields.optional(Ledger.from_dict),
        encoder=fields.plain,
        schema=Schema.from_dict,
        constraints=ConstraintSet.from_dict,
        container=Container.from_dict,
        y_container=fields.optional(TargetContainer.from_dict),
        n_features_in=fields.whole(1),
    )
    encoder = find_encoder(model, find_preset(model))
    model.encoder_ = encoder.from_state(read["encoder"], arrays)
    model.schema_, model.constraints_ = read["schema"], read["constraints"]
    model.container_, model.y_container_ = read["container"], read["y_container"]
    model.n_features_in_ = read["n_features_in"]
    model.forms_, model.dialect_ = read["forms"], read["dialect"]
    model.privacy_ = read["privacy"]
    if [*model.schema_.names][len(model.schema_) - len(model.forms_.marks) :] != model.forms_.marks:
        raise ArchiveError("schema and forms have other columns")
    n_of_y = len(model.schema_) - len(model.forms_.marks) - model.n_features_in_
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
    model.is_quantised_ = encoder.is_quantised


def identifiers(model: Any) -> list[Identifier]:
    """Return the constraints of columns that are replaced by fresh values."""
    return [c for c in model.constraints_.constraints_ if isinstance(c, Identifier)]


def identifier_columns(model: Any) -> list[Hashable]:
    """Return the columns that are replaced by fresh values, which do not depend on the row."""
    return [one.column for one in identifiers(model)]


def renumber_identifiers(model: Any, frame: pd.DataFrame, lot: Lot) -> pd.DataFrame:
    """Give the rows of a lot identifiers that no row of another lot of the sample has."""
    numbers, rng = frame.index.to_numpy(), np.random.default_rng((lot.seed, _OF_IDENTIFIERS))
    for i, one in enumerate(identifiers(model)):
        key = (lot.sample_seed << 32) + i
        values = one.renumber(frame[one.column], numbers, lot.n_all, key, rng)
        frame = with_column(frame, one.column, values)
    return frame
