"""What cells of a grid hold, and which of them belong together."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

__all__ = ["NULL", "OFF", "ON", "CellGroup"]

NULL, OFF, ON = 0, 1, 255  # no value; the lowest and the highest one


@dataclass(frozen=True)
class CellGroup:
    """Cells of a grid that are generated together.

    Parameters
    ----------
    kind : {"continuous", "binary", "one_hot", "signal", "stationary", "image", "null"}
        ``"continuous"``: one cell anywhere in 1..255; ``"binary"``: one cell, 1 or 255;
        ``"one_hot"``: one of the cells is 255, the others 1; ``"signal"``: samples in order;
        ``"stationary"``: samples of which it does not matter where the first one lies;
        ``"image"``: pixels, line by line, channel by channel; ``"null"``: always 0.
    cells : tuple of int
        Their positions in the flattened grid.
    presence : int or None
        Position of the binary cell that tells whether these cells hold a value; where it is
        off, they are all NULL (0).
    column : hashable or None
        Column they belong to.
    lowest : {0, 1}
        Lowest cell that is a value; 0 where there is no NULL (Eq. 6.2).
    tones : tuple of float
        Of samples: cycles in a window of steady tones, such as the hum of the mains.
    """

    kind: str
    cells: tuple[int, ...]
    presence: int | None = None
    column: Hashable | None = None
    lowest: int = OFF
    tones: tuple[float, ...] = ()
