"""Cell values of a grid, and groups of cells that are generated together."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

__all__ = ["NULL", "OFF", "ON", "CellGroup", "mostly_continuous", "with_gates"]

NULL, OFF, ON = 0, 1, 255  # no value; lowest and highest value


@dataclass(frozen=True)
class CellGroup:
    """Cells of a grid that are generated together.

    Parameters
    ----------
    kind : {"continuous", "uniform", "binary", "one_hot", "signal", "stationary", "image", "null"}
        ``"continuous"``: one cell anywhere in 1..255; ``"uniform"``: the same, drawn uniformly and
        not learnt; ``"binary"``: one cell, 1 or 255;
        ``"one_hot"``: one of the cells is 255, the others 1; ``"signal"``: samples in order;
        ``"stationary"``: samples in order, with an arbitrary starting point;
        ``"image"``: pixels, line by line, channel by channel; ``"null"``: always 0.
    cells : tuple of int
        Their positions in the flattened grid.
    presence : int or None
        Position of the binary cell that marks whether these cells hold a value; where it is
        OFF, they are all NULL (0).
    column : hashable or None
        Column they belong to.
    lowest_cell : {0, 1}
        Lowest cell value; 0 where there is no NULL (Eq. 6.2).
    tones : tuple of float
        For samples: frequencies of steady tones, such as mains hum, in cycles per window.
    """

    kind: str
    cells: tuple[int, ...]
    presence: int | None = None
    column: Hashable | None = None
    lowest_cell: int = OFF
    tones: tuple[float, ...] = ()


def mostly_continuous(groups: Sequence[CellGroup]) -> bool:
    """Return whether more than half of the groups that hold something are continuous."""
    kinds = [group.kind for group in groups if group.kind != "null"]
    return 2 * kinds.count("continuous") > len(kinds)


def with_gates(groups: Sequence[CellGroup], columns: Collection[Hashable]) -> set[Hashable]:
    """Return columns, and those that own the presence cells of these."""
    owners = {group.cells[0]: group.column for group in groups if group.kind == "binary"}
    gates = {g.presence for g in groups if g.column in columns and g.presence is not None}
    return {*columns, *(owners[gate] for gate in gates)}
