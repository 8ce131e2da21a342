"""Layouts: positions of cells in the grid; pure functions of sizes.

A layout is an order of all positions of a grid, counted row by row: the i-th cell takes the i-th
position of the order. Unused positions stay NULL.
"""

from __future__ import annotations

import math

import numpy as np

from synthgan.exceptions import ParameterError

__all__ = ["LAYOUTS", "grid_shape", "morton", "row_major", "sectioned"]

LAYOUTS = ("morton", "row-major", "sectioned")
_MOST_CELLS = 2**22


def row_major(shape: tuple[int, int]) -> np.ndarray:
    """Row by row, left to right: the "Z" path of thesis Table 6.3.

    Parameters
    ----------
    shape : (height, width)

    Returns
    -------
    order : ndarray of shape (height * width,), int64

    Examples
    --------
    >>> row_major((2, 2))
    array([0, 1, 2, 3])
    """
    return np.arange(shape[0] * shape[1])


def morton(shape: tuple[int, int]) -> np.ndarray:
    """Z-order: neighbours in the order are neighbours in the grid, at every scale.

    Parameters
    ----------
    shape : (height, width)
        Any; positions are sorted by the interleaved bits of row and column.

    Returns
    -------
    order : ndarray of shape (height * width,), int64

    References
    ----------
    Morton, G. M. (1966), A computer oriented geodetic data base, IBM technical report.

    Examples
    --------
    >>> morton((2, 4))
    array([0, 1, 4, 5, 2, 3, 6, 7])
    """
    rows, columns = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    code = np.zeros(len(rows), dtype=np.int64)
    for bit in range(max(shape).bit_length()):
        code |= ((rows >> bit) & 1) << (2 * bit + 1)
        code |= ((columns >> bit) & 1) << (2 * bit)
    return np.argsort(code, kind="stable")


def sectioned(shape: tuple[int, int], n_continuous: int, n_binary: int) -> np.ndarray:
    """Continuous block above, binary block below, NULL beside them (thesis Fig. 6.11).

    Both blocks are as narrow as the height allows: 6 continuous and 15 binary cells in 7 x 7
    take rows 0-1 and 2-6 of columns 0-2, the thesis' thyroid arrangement.

    Parameters
    ----------
    shape : (height, width)
    n_continuous, n_binary : int
        Cells of each block; the continuous ones come first in the order.

    Returns
    -------
    order : ndarray of shape (height * width,), int64

    Raises
    ------
    ParameterError
        The blocks do not fit.
    """
    height, width = shape
    for block_width in range(1, width + 1):
        top = math.ceil(n_continuous / block_width)
        if top + math.ceil(n_binary / block_width) <= height:
            break
    else:
        raise ParameterError(
            f"a {height} x {width} grid cannot hold {n_continuous} continuous and {n_binary} "
            "binary cells in sections; give a larger side or another layout."
        )
    positions = np.arange(height * width).reshape(shape)
    continuous = positions[:top, :block_width].ravel()[:n_continuous]
    binary = positions[top:, :block_width].ravel()[:n_binary]
    used = np.concatenate([continuous, binary])
    return np.concatenate([used, np.setdiff1d(positions, used)])


def grid_shape(
    n_cells: int,
    side: str | int | tuple[int, int] = "auto",
    sections: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Choose the grid's height and width.

    Parameters
    ----------
    n_cells : int
        Number of cells.
    side : {"auto"}, int or (int, int), default="auto"
        ``"auto"``: the smallest square that holds the cells. An int: a square of that side.
        A pair: height and width.
    sections : (int, int) or None, default=None
        Continuous and binary cells of a sectioned layout, which may need a larger square.

    Returns
    -------
    height, width : int

    Raises
    ------
    ParameterError
        The given side is too small, or larger than the limit.

    Examples
    --------
    >>> grid_shape(21), grid_shape(21, side=7)
    ((5, 5), (7, 7))
    """
    if isinstance(side, str):
        square = max(1, math.isqrt(max(n_cells - 1, 0)) + 1)
        while sections is not None and not _fits((square, square), *sections):
            square += 1
        return square, square
    sides = (side, side) if isinstance(side, int | np.integer) else tuple(side)
    if len(sides) != 2 or not all(isinstance(s, int | np.integer) and s > 0 for s in sides):
        raise ParameterError(
            f"side={side!r} is not allowed; give 'auto', a positive integer, or (height, width)."
        )
    height, width = sides
    if height * width < n_cells:
        raise ParameterError(
            f"side={side!r} gives {height * width} positions for {n_cells} cells; "
            "give a larger side, or 'auto'."
        )
    if height * width > max(_MOST_CELLS, n_cells):
        raise ParameterError(
            f"side={side!r} gives {height * width} positions; up to {_MOST_CELLS} are allowed: "
            "give a smaller side, or 'auto'."
        )
    return int(height), int(width)


def _fits(shape: tuple[int, int], n_continuous: int, n_binary: int) -> bool:
    try:
        sectioned(shape, n_continuous, n_binary)
    except ParameterError:
        return False
    return True
