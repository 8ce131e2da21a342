"""Model cards of tables."""

from __future__ import annotations

from typing import Any

from synthgan.io.escaping import escape_code, escape_markdown
from synthgan.synthesizers.card import code_names, container_name, count

__all__ = ["describe", "holds"]


def describe(model: Any) -> list[str]:
    """Describe the output of the model."""
    n = model.n_features_in_
    marks = set(model.forms_.marks)
    columns = [column for column in model.schema_ if column.name not in marks]
    of_y = [column.name for column in columns[n:]]
    lines = [f"- rows of {count(n, 'column')}, as {container_name(model.container_.kind)}"]
    if model.privacy_ is not None:
        lines.append(f"- {escape_markdown(str(model.privacy_))}")
    if of_y:
        lines.append(f"- y: {code_names(of_y)}")
    known = list(dict.fromkeys(group.column for group in model.known_groups_))
    if known:
        lines.append(f"- columns that the networks are conditioned on: {code_names(known)}")
    kept = [f"{type(c).__name__} of {code_names(c.uses)}" for c in model.constraints_.constraints_]
    if kept:
        lines.append(f"- relations between columns: {'; '.join(kept)}")
    rows = [
        f"| {escape_code(c.name)} | {escape_markdown(c.kind)} | {escape_code(c.dtype)} |"
        for c in columns
    ]
    return [*lines, "", "| column | kind | dtype |", "|---|---|---|", *rows]


def holds(model: Any) -> str:
    """Describe which values of training records are in the model file."""
    encoder = model.encoder_
    if encoder.is_quantised:
        values = "limits of each column, which may be its lowest and highest value, and all labels"
    elif encoder.min_support == 1:
        values = "every value of every column, as min_support=1"
    else:
        values = (
            f"values and labels of {encoder.min_support} or more people, and averages of rarer "
            f"values over {encoder.min_support} or more people; each row is a person if no groups "
            "were given or found"
        )
    if model.constraints_.constraints_:
        values += "; relations between columns, some of them with combinations of values"
    if model.critic_ is None:
        return values
    return f"{values}; decision trees that select among generated rows, and shares of rows in bins"
