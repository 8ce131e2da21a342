"""Positions of the columns' cells in the grid, and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthgan.encoding import layout as layouts
from synthgan.encoding.groups import CellGroup
from synthgan.encoding.tables.cells import ColumnCells

__all__ = ["place_cells"]


def place_cells(
    column_cells: Sequence[ColumnCells], layout: str, side: Any
) -> tuple[tuple[int, int], list[np.ndarray], list[CellGroup]]:
    """Assign grid positions to the cells of all columns.

    Parameters
    ----------
    column_cells : sequence of ColumnCells
    layout, side : as in `GridEncoder`

    Returns
    -------
    shape : (int, int)
        Height and width of the grid.
    positions : list of ndarray
        Positions of each column's cells in the flattened grid; several columns may have one
        presence cell.
    groups : list of CellGroup
        Each position is in one group.
    """
    kinds = [
        [
            *(kind for part in cells.codec.groups for kind in [part.kind] * part.n_cells),
            *["binary"] * (cells.nullable and cells.gate is None),
        ]
        for cells in column_cells
    ]
    flat_kinds = [kind for column in kinds for kind in column]
    n_continuous = flat_kinds.count("continuous")
    sections = (n_continuous, len(flat_kinds) - n_continuous)
    is_sectioned = layout == "sectioned"
    shape = layouts.grid_shape(len(flat_kinds), side, sections if is_sectioned else None)
    sequence = np.arange(len(flat_kinds))
    if is_sectioned:
        order = layouts.sectioned(shape, *sections)
        first = np.argsort([kind != "continuous" for kind in flat_kinds], kind="stable")
        sequence = np.argsort(first)
    else:
        paths = {"row-major": layouts.row_major, "morton": layouts.morton}
        order = paths[layout](shape)
    ends = np.cumsum([len(column) for column in kinds])
    positions = np.split(order[sequence], ends[:-1].astype(int))
    place = {cells.column.name: own for cells, own in zip(column_cells, positions, strict=True)}
    positions = [
        own if cells.gate is None else np.append(own, place[cells.gate][-1])
        for cells, own in zip(column_cells, positions, strict=True)
    ]
    groups = _group(column_cells, positions)
    padding = tuple(order[len(flat_kinds) :].tolist())
    if padding:
        groups.append(CellGroup("null", padding))
    return shape, positions, groups


def _group(column_cells: Sequence[ColumnCells], positions: list[np.ndarray]) -> list[CellGroup]:
    """List the cells that are generated together."""
    groups = []
    for cells, held in zip(column_cells, positions, strict=True):
        where = held.tolist()
        presence = where.pop() if cells.nullable else None
        name = cells.column.name
        for part in cells.codec.groups:
            own, where = tuple(where[: part.n_cells]), where[part.n_cells :]
            groups.append(CellGroup(part.kind, own, presence, name, part.lowest_cell))
        if presence is not None and cells.gate is None:
            groups.append(CellGroup("binary", (presence,), None, name))
    return groups
