"""Model cards of related tables."""

from __future__ import annotations

from typing import Any

from synthgan.io.escaping import escape_code, escape_markdown
from synthgan.synthesizers.card import code_names, container_name, count

__all__ = ["describe", "holds"]


def describe(model: Any) -> list[str]:
    """Describe the output of the model."""
    lines = [f"- {_relation(one, model)}" for one in model.relations_]
    for name, container in model.containers_.items():
        columns = model.columns_[name]
        every = model.models_[name].constraints_.constraints_
        kept = [one for one in every if set(one.uses) <= set(columns)]  # of its own columns alone
        lines += [
            "",
            f"### {escape_markdown(name)}",
            "",
            f"- rows of {count(len(columns), 'column')}, as {container_name(container.kind)}; "
            f"{count(model.n_rows_[name], 'row')} in training",
        ]
        if kept:
            spelled = [f"{type(one).__name__} of {code_names(one.uses)}" for one in kept]
            lines.append(f"- relations between columns: {'; '.join(spelled)}")
        lines += ["", "| column | kind | dtype |", "|---|---|---|", *_columns(model, name)]
    return lines


def _relation(relation: Any, model: Any) -> str:
    """Write which table belongs to which."""
    is_owner = next(one for one in model.relations_ if one.child == relation.child) == relation
    verb = "belong to" if is_owner else "are linked to"
    order = "" if relation.order is None else f", in order of {escape_code(relation.order)}"
    child, parent = escape_code(relation.child), escape_code(relation.parent)
    return f"rows of {child} {verb} rows of {parent} by {code_names(relation.key)}{order}"


def _columns(model: Any, name: str) -> list[str]:
    """Return a line for each column of a table; keys are made, not learnt."""
    part, relations = model.models_[name], model.relations_
    learnt = {column.name: (column.kind, column.dtype) for column in part.schema_}
    keys = {column for one in relations if one.child == name for column in one.key}
    keys |= {column for one in relations if one.parent == name for column in one.parent_key}
    orders = {one.order for one in relations if one.child == name}
    computed = {one.column.name: one for one in model.elapsed_ if one.child == name}
    lines = []
    for column in model.columns_[name]:
        kind, dtype = learnt.get(column, ("of the parent", ""))
        if column in keys:
            kind, dtype = "key", ""
        elif column in orders:
            kind, dtype = "order", ""
        elif column in computed:
            one = computed[column]
            kind, dtype = f"{one.kind} from {one.since} to {one.date}", one.column.dtype
        shown = escape_code(dtype) if dtype else ""
        lines.append(f"| {escape_code(column)} | {escape_markdown(kind)} | {shown} |")
    return lines


def holds(model: Any) -> str:
    """Describe which values of training records are in the model file."""
    supports = [part.encoder_.min_support for part in model.models_.values()]
    values = (
        f"of each table, values and labels of {min(supports)} or more people, and averages of "
        f"rarer values over {min(supports)} or more people; a person is a row of the topmost table "
        "with all rows that belong to it; patterns of keys"
    )
    if any(part.constraints_.constraints_ for part in model.models_.values()):
        values += "; relations between columns, some of them with combinations of values"
    return values
