"""Targets: y in any supported form becomes columns, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ArchiveError, DataError
from synthgan.records.tables import Container, plain_table
from synthgan.state import fields
from synthgan.state.stored import Stored

__all__ = ["TargetContainer", "read_target"]


def _names(value: Any) -> Any:
    """Check for the name of a Series, or a list of names."""
    check = fields.optional(fields.name)
    return list(fields.list_of(check)(value)) if isinstance(value, list) else check(value)


@dataclass(frozen=True)
class TargetContainer(Stored):
    """The container type of y."""

    _record_name = "the target container"

    ndim: Annotated[int, fields.whole(1, 2)]
    name: Annotated[Any, _names]  # a list of a table or an array
    frame: Container

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data.

        Raises
        ------
        ArchiveError
            A name is not a string or an integer.
        """
        for name in self.name if isinstance(self.name, list) else [self.name]:
            if not (name is None or isinstance(name, str | int)):
                raise ArchiveError(
                    f"y has the name {name!r}; only strings and integers can be saved: rename it."
                )
        return super().to_dict()

    def _check_record(self) -> None:
        if isinstance(self.name, list) != (self.ndim == 2 or self.frame.kind == "array"):
            raise ArchiveError(
                f"the target container of {self.ndim} axes has name={fields.brief(self.name)}"
            )

    def restore(self, frame: pd.DataFrame) -> Any:
        """Convert generated targets to the type of y."""
        if self.ndim == 2:
            return self.frame.restore(frame.set_axis(self.name, axis=1))
        if self.frame.kind == "array":
            return self.frame.restore(frame).ravel()
        return self.frame.restore(frame).iloc[:, 0].rename(self.name)


def read_target(y: Any, frame: pd.DataFrame) -> tuple[TargetContainer | None, pd.DataFrame | None]:
    """Return the container of y, and y as a table with names that differ from those of X."""
    if y is None:
        return None, None
    if isinstance(y, pd.DataFrame):
        table, form = y, TargetContainer(2, y.columns.tolist(), Container())
    elif isinstance(y, pd.Series):
        name = y.name.item() if isinstance(y.name, np.generic) else y.name
        table, form = y.to_frame(), TargetContainer(1, name, Container())
    else:
        array = np.asarray(y)
        if array.ndim not in (1, 2):
            raise DataError(f"y has shape {array.shape}; one or two dimensions are allowed.")
        table = pd.DataFrame(array).infer_objects()
        # The text width depends on the longest label, which may be that of a single person.
        spelled = array.dtype.kind if array.dtype.kind in "US" else array.dtype.str
        kind = Container(kind="array", dtype=spelled)
        form = TargetContainer(array.ndim, list(range(table.shape[1])), kind)
    if form.frame.kind != "array":
        table, uncommon = plain_table(table)
        form = replace(form, frame=replace(form.frame, uncommon=uncommon))
    return form, table.set_axis(_free_names(table, frame), axis=1).reset_index(drop=True)


def _free_names(table: pd.DataFrame, frame: pd.DataFrame) -> list[Any]:
    if not all(isinstance(name, str) for name in frame.columns):
        used = [name for name in frame.columns if isinstance(name, int | np.integer)]
        first = int(max(used, default=-1)) + 1
        return list(range(first, first + table.shape[1]))
    names: list[str] = []
    for i, name in enumerate(table.columns):
        free = name if isinstance(name, str) else ("y" if table.shape[1] == 1 else f"y{i}")
        while free in frame.columns or free in names:
            free += "_"
        names.append(free)
    return names
