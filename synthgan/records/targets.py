"""Targets: y in any supported form becomes columns, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import ArchiveError, DataError
from synthgan.records.tables import Container
from synthgan.state import fields

__all__ = ["TargetContainer", "read_target"]


class TargetContainer:
    """The container type of y."""

    def __init__(self, ndim: int, name: Any, frame: Container) -> None:
        self.ndim = ndim
        self.name = name
        self.frame = frame

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data."""
        names = self.name if isinstance(self.name, list) else [self.name]
        for name in names:
            if not (name is None or isinstance(name, str | int)):
                raise ArchiveError(
                    f"y has the name {name!r}; only strings and integers can be saved: rename it."
                )
        return {"ndim": self.ndim, "name": self.name, "frame": vars(self.frame)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> TargetContainer:
        """Build a container from the output of `to_dict`.

        Raises
        ------
        ArchiveError
            An invalid record.
        """
        names = fields.optional(fields.name)
        is_table = isinstance(record, dict) and record.get("ndim") == 2
        read = fields.read_fields(
            record,
            "the target container",
            ndim=fields.whole(1, 2),
            name=fields.list_of(names) if is_table or _is_array(record) else names,
            frame=Container.from_dict,
        )
        name = list(read["name"]) if isinstance(read["name"], tuple) else read["name"]
        return cls(read["ndim"], name, read["frame"])

    def restore(self, frame: pd.DataFrame) -> Any:
        """Convert generated targets to the type of y."""
        if self.ndim == 2:
            return self.frame.restore(frame.set_axis(self.name, axis=1))
        if self.frame.kind == "array":
            return self.frame.restore(frame).ravel()
        return self.frame.restore(frame).iloc[:, 0].rename(self.name)


def _is_array(record: Any) -> bool:
    frame = record.get("frame") if isinstance(record, dict) else None
    return isinstance(frame, dict) and frame.get("kind") == "array"


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
