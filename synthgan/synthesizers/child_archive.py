"""What is known before the rows of a child table, and what an archive holds beside networks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding import GridEncoder
from synthgan.exceptions import ArchiveError, SynthganWarning
from synthgan.families.coding import FamilyCoding
from synthgan.families.conditional_ranks import ConditionalRanks
from synthgan.families.date_limits import DateLimits
from synthgan.families.exclusions import Exclusions
from synthgan.families.number_coding import NumberCoding
from synthgan.families.numbering import Numbering
from synthgan.families.pace import Pace
from synthgan.families.repeats import Repeats
from synthgan.families.summaries import Summaries
from synthgan.families.timeline import Timeline
from synthgan.synthesizers.table_parts import describe_table, restore_table

__all__ = ["describe_child", "fit_context", "restore_child"]

# Prefixes of arrays, and parts with a record of their own.
_CONTEXT, _FAMILY, _RANKS = "context.", "family.", "ranks."
_PARTS: dict[str, Any] = {
    "timeline": Timeline, "coding": FamilyCoding, "summaries": Summaries,
    "plain_coding": FamilyCoding, "numbers": NumberCoding, "pace": Pace, "exclusions": Exclusions,
    "repeats": Repeats, "numbering": Numbering, "limits": DateLimits,
}  # fmt: skip
_LATER: dict[str, Any] = {
    "numbering": Numbering(),
    "limits": DateLimits(),
}  # of which earlier versions knew nothing


def fit_context(known: pd.DataFrame, min_support: int, people: np.ndarray | None) -> GridEncoder:
    """Learn to encode what is known before rows, shape (n_rows, n_known)."""
    encoder = GridEncoder(min_support=min_support)
    with warnings.catch_warnings():  # of columns that the user did not give
        warnings.simplefilter("ignore", SynthganWarning)
        encoder.fit(known, groups=people)
    # What comes later in a generated family may come last in all real ones.
    encoder.column_cells_ = [one.expecting_unknown() for one in encoder.column_cells_]
    return encoder


def describe_child(model: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the fitted parts of a ChildTableSynthesizer, as plain data and arrays."""
    record, arrays = describe_table(model)
    context, cells = model.context_encoder_.to_state()
    family = model.family_critic_
    critic: dict[str, np.ndarray] = {} if family is None else family.to_arrays()
    ranks, tables = model.ranks_.to_state()
    record |= {name: getattr(model, f"{name}_").to_dict() for name in _PARTS}
    record |= {"context": context, "ranks": ranks}
    for prefix, more in ((_CONTEXT, cells), (_FAMILY, critic), (_RANKS, tables)):
        arrays |= {f"{prefix}{name}": array for name, array in more.items()}
    return record, arrays


def restore_child(
    model: Any, record: dict[str, Any], arrays: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Restore what `describe_child` returned, and return the arrays of the family critic.

    Raises
    ------
    ArchiveError
        Parts that do not fit together.
    """
    if "ranks" not in record:
        raise ArchiveError("an earlier version of synthgan made it, and coded rows otherwise")
    own: dict[str, Any] = {name: record.get(name) for name in (*_PARTS, "context", "ranks")}
    parts: dict[str, dict[str, np.ndarray]] = {_CONTEXT: {}, _FAMILY: {}, _RANKS: {}}
    for name in [name for name in arrays if name.startswith(tuple(parts))]:
        prefix = f"{name.partition('.')[0]}."
        parts[prefix][name.removeprefix(prefix)] = arrays.pop(name)
    restore_table(model, {k: v for k, v in record.items() if k not in own}, arrays)
    for name, cls in _PARTS.items():
        is_there = own[name] is not None or name not in _LATER
        setattr(model, f"{name}_", cls.from_dict(own[name]) if is_there else _LATER[name])
    encoder = GridEncoder(min_support=model.encoder_.min_support)
    model.context_encoder_ = encoder.from_state(own["context"], parts[_CONTEXT])
    model.ranks_ = ConditionalRanks.from_state(
        own["ranks"], parts[_RANKS], model.context_encoder_.columns_,
        [column.name for column in model.encoder_.schema_],
    )  # fmt: skip
    return parts[_FAMILY]
