"""Encode some columns of some rows, and draw values from the learnt marginal distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding.groups import ON
from synthgan.encoding.tables.cells import ColumnCells
from synthgan.encoding.tables.levels import shown
from synthgan.exceptions import DataError
from synthgan.records.tables import read_table

if TYPE_CHECKING:
    from synthgan.encoding.tables.grid import GridEncoder

__all__ = ["cell_type", "draw_known", "encode_columns", "encode_gaps", "encode_known"]


def cell_type(encoder: GridEncoder) -> np.dtype[Any]:
    """Return the dtype of cells: float32 for quantiles, bytes for the min-max scalings."""
    return np.dtype(np.uint8 if encoder.is_quantised else np.float32)


def encode_columns(
    encoder: GridEncoder, table: Any, rows: dict[Any, Any], n: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Encode some columns, each in some rows.

    Parameters
    ----------
    table : mapping of column to Series
    rows : dict of column to index of rows
    n : int or None, default=None
        Number of rows; None: those of `table`.

    Returns
    -------
    grids, known_cells, half_widths : as `encode_known`
    """
    n = len(table) if n is None else n
    flat = np.zeros((n, encoder.grid_shape_[0] * encoder.grid_shape_[1]), cell_type(encoder))
    known, always = np.zeros(flat.shape, dtype=bool), np.zeros(flat.shape[1], dtype=bool)
    fills_gaps = not encoder.is_quantised
    there = _gates(encoder, table, rows, n)
    half_widths = []
    for cells, positions in zip(encoder.column_cells_, encoder.positions_, strict=True):
        name = cells.column.name
        n_continuous = sum(part.kind == "continuous" for part in cells.codec.groups)
        spread = np.zeros((n, n_continuous), dtype=np.float32)
        if name in rows:
            gate = there.get(name if cells.gate is None else cells.gate)
            own = None if gate is None else gate[rows[name]]
            found, half_width = cells.encode(table[name], fills_gaps, own)
            if isinstance(rows[name], slice):  # of all rows
                for cell, position in zip(found.T, positions, strict=True):
                    flat[:, position] = cell
                always[positions] = True
            else:
                where = np.arange(n)[rows[name], None]
                flat[where, positions], known[where, positions] = found, True
            if half_width is not None:
                spread[rows[name]] = half_width
        half_widths.append(spread)
    spreads = np.concatenate(half_widths, axis=1)
    known |= always
    return flat.reshape(-1, *encoder.grid_shape_), known, spreads if spreads.any() else None


def _gates(encoder: GridEncoder, table: Any, rows: dict[Any, Any], n: int) -> dict[Any, np.ndarray]:
    """Return, by owner of a shared presence cell, the rows in which one of its columns has a value.

    Of shape (n,), bool.
    """
    gates = {cells.gate for cells in encoder.column_cells_ if cells.gate is not None}
    there = {name: np.zeros(n, dtype=bool) for name in gates}
    for cells in encoder.column_cells_:
        name = cells.column.name
        owner = name if cells.gate is None else cells.gate
        if owner in there and name in rows:
            there[owner][rows[name]] |= table[name].notna().to_numpy()
    return there


def encode_known(
    encoder: GridEncoder, known: pd.DataFrame, mask: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Encode rows with some known values.

    Parameters
    ----------
    known : DataFrame of shape (n_rows, n_known_columns)
        Values, some or all of the columns of `fit`.
    mask : DataFrame of the same shape, bool
        True where the value is known; a missing value there is known to be missing.

    Returns
    -------
    grids : ndarray of shape (n_rows, height, width)
        As `encode` gives them; 0 where nothing is known.
    known_cells : ndarray of shape (n_rows, height * width), bool
        Which cells are known: all those of a known value, its presence cell too.
    half_widths : ndarray of shape (n_rows, n_continuous), float32, or None
        As `encode` gives them.

    Raises
    ------
    DataError
        A value that cannot be encoded faithfully, or a column that `fit` did not see.
    """
    check_is_fitted(encoder)
    if known.shape != mask.shape or list(known.columns) != list(mask.columns):
        raise DataError(
            f"mask has shape {mask.shape} and known {known.shape}; they must have the same "
            "columns and as many rows."
        )
    read, rows = {}, {}
    for name in known:
        cells, held = _cells_of(encoder, name), np.flatnonzero(mask[name].to_numpy(dtype=bool))
        if len(held):
            values = known[name].iloc[held]
            cells.check_known(values)
            read[name], rows[name] = cells.column.read(values), held
    return encode_columns(encoder, read, rows, len(known))


def encode_gaps(
    encoder: GridEncoder, X: Any, regenerated: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Encode rows for imputation: present values are known, missing values are known to exist.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_rows, n_columns)
    regenerated : ndarray of shape (n_rows, n_columns), bool, or None
        Present values that are generated anew, like missing ones.

    Returns
    -------
    grids, known_cells, half_widths : as `encode_known`
        All presence cells are known, and ON.
    """
    frame, _ = read_table(encoder, X, reset=False)
    grids, half_widths = encoder.encode_cells(frame, warn=False)
    flat = grids.reshape(len(frame), -1)
    known = np.zeros(flat.shape, dtype=bool)
    for cells, positions in zip(encoder.column_cells_, encoder.positions_, strict=True):
        is_known = frame[cells.column.name].notna().to_numpy()
        if regenerated is not None:
            is_known = is_known & ~regenerated[:, frame.columns.get_loc(cells.column.name)]
        known[:, positions] = is_known[:, None]
        if cells.nullable:
            flat[:, positions[-1]], known[:, positions[-1]] = ON, True
    return grids, known, half_widths


def draw_known(
    encoder: GridEncoder,
    name: Any,
    n: int,
    rng: np.random.Generator,
    allowed: Any = None,
    between: tuple[Any, Any] | None = None,
) -> pd.Series:
    """Draw values of a column from its learnt marginal distribution.

    Parameters
    ----------
    name : hashable
        The column.
    n : int
        Number of values.
    rng : Generator
    allowed : iterable or None, default=None
        Only these values.
    between : (lowest, highest) or None, default=None
        Only values in this range, inclusive; None for an open end, strings for dates.

    Returns
    -------
    values : Series of length n
        In the column's dtype; none is missing, unless the column is empty.

    Raises
    ------
    DataError
        An unknown column or value, or a range without values.
    """
    check_is_fitted(encoder)
    return _cells_of(encoder, name).draw(n, rng, allowed, between)


def _cells_of(encoder: GridEncoder, name: Any) -> ColumnCells:
    for cells in encoder.column_cells_:
        if cells.column.name == name:
            return cells
    names = shown(encoder.schema_.names)
    raise DataError(f"column {name!r} was not seen in fit; the columns are {names}.")
