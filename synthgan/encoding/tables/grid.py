"""GridEncoder: a table to small grey images and back."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding.groups import NULL, ON
from synthgan.encoding.layout import LAYOUTS
from synthgan.encoding.tables.cells import ColumnCells, cells_from_state
from synthgan.encoding.tables.fitting import gaps_of
from synthgan.encoding.tables.known import cell_type, encode_columns
from synthgan.encoding.tables.outliers import treat_outliers
from synthgan.encoding.tables.passes import FittedInPasses
from synthgan.encoding.tables.placing import place_cells
from synthgan.encoding.tables.schema import Schema
from synthgan.encoding.tables.summary import ColumnSummary
from synthgan.exceptions import DataError
from synthgan.io.images import read_grids, write_grids
from synthgan.privacy import Support, read_groups
from synthgan.records.tables import Container, read_table
from synthgan.state.fields import list_of, plain, read_fields

__all__ = ["ROWS_AT_A_TIME", "GridEncoder"]

ROWS_AT_A_TIME = 2**18  # what is made of them on the way takes memory, too
_ROWS_AT_ONCE = 2**16  # that are encoded: their cells stay in the processor's cache
_CELLS_AT_ONCE = 2**24  # of wide tables


class GridEncoder(FittedInPasses, TransformerMixin, BaseEstimator):
    """Turn each row of a table into a small grey image, and images back into rows.

    Cells hold 0..255; 0 is NULL (a missing value, or padding).

    Parameters
    ----------
    scaling : {"quantile", "minmax", "minmax-full"}, default="quantile"
        What a cell of a numeric column holds. ``"quantile"``: the value's quantile level in its
        column; decoding reproduces every marginal distribution exactly, whatever its
        shape. ``"minmax"``: grey levels 1..255 (thesis Eq. 6.1), 0 kept for NULL.
        ``"minmax-full"``: grey levels 0..255 (Eq. 6.2), no NULL.
    layout : {"morton", "row-major", "sectioned"}, default="morton"
        Where cells lie. ``"morton"``: Z-order; ``"row-major"``: line by line (Table 6.3);
        ``"sectioned"``: continuous cells above, binary cells below (Fig. 6.11).
    side : {"auto"}, int or (int, int), default="auto"
        Size of the grid: the smallest square that holds the cells, a square of a given
        side, or (height, width).
    limits : {"minmax"}, float, pair or dict, default="minmax"
        Range of ``"minmax"`` scalings: learnt; the quantiles q and 1 - q for a float q; given
        by hand as (low, high); or a dict of these by column, others learnt (Table 6.1).
    outliers : {"keep", "clip", "drop"}, default="keep"
        What ``"minmax"`` scalings do with numbers outside the limits: widen the limits in
        fit, clip the numbers, or drop the rows. A warning counts them.
    rounding : {"floor", "round"}, default="floor"
        Rounding of grey levels; Eq. 6.1 prints floor, Table 6.2 was made with round.
    min_support : int, default=5
        With ``scaling="quantile"``: numbers, dates, labels, decimals and missing values that fewer
        people than this have are not stored. Rarer numbers are kept only as averages that follow
        the p-percent rule; rarer labels are encoded as kept ones, and a ``category`` dtype
        comes back without them. A person is a row unless `fit` is given `groups`. 1 keeps all.
    min_pool : int or None, default=None
        With ``scaling="quantile"``: minimum number of people in an average of rarer numbers; None:
        `min_support`. More people make coarser cells.
    max_one_hot : int, default=64
        A column of more levels gets one cell, with levels in order of frequency.
    max_one_hot_numeric : int, default=20
        With ``scaling="quantile"``: numeric columns with at most this many values get one-hot
        cells.

    Attributes
    ----------
    schema_ : Schema
        The columns.
    cell_groups_ : list of CellGroup
        Which cells are generated together; all positions of the grid, each once.
    grid_shape_ : (int, int)
        Height and width.
    limits_ : dict
        (low, high) per numeric column that has a scaled cell; dates and durations in multiples
        of their column's ``resolution``.
    step_ : dict
        Width of one level of each numeric column that has a scaled cell, in its units: the
        largest error of encoding and decoding a value within the limits.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when all column names are strings.

    Notes
    -----
    `transform` is deterministic: it gives the centre of the interval of cells that decode to a
    value. `encode` also gives the half-width of that interval, so that training can draw a new
    point from it each time.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019, chapter 6.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan import GridEncoder
    >>> frame = pd.DataFrame({"age": [41, 73, 55], "ill": [True, False, True]})
    >>> encoder = GridEncoder(scaling="minmax", layout="row-major").fit(frame)
    >>> encoder.transform(frame)[0]
    array([[  1, 255],
           [  0,   0]], dtype=uint8)
    >>> encoder.inverse_transform(encoder.transform(frame)).equals(frame)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "scaling": [StrOptions({"quantile", "minmax", "minmax-full"})],
        "layout": [StrOptions(set(LAYOUTS))],
        "side": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), tuple],
        "limits": [StrOptions({"minmax"}), float, tuple, list, dict],
        "outliers": [StrOptions({"keep", "clip", "drop"})],
        "rounding": [StrOptions({"floor", "round"})],
        "min_support": [Interval(Integral, 1, None, closed="left")],
        "min_pool": [Interval(Integral, 1, None, closed="left"), None],
        "max_one_hot": [Interval(Integral, 2, None, closed="left")],
        "max_one_hot_numeric": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        scaling: str = "quantile",
        layout: str = "morton",
        side: Any = "auto",
        limits: Any = "minmax",
        outliers: str = "keep",
        rounding: str = "floor",
        min_support: int = 5,
        min_pool: int | None = None,
        max_one_hot: int = 64,
        max_one_hot_numeric: int = 20,
    ) -> None:
        self.scaling = scaling
        self.layout = layout
        self.side = side
        self.limits = limits
        self.outliers = outliers
        self.rounding = rounding
        self.min_support = min_support
        self.min_pool = min_pool
        self.max_one_hot = max_one_hot
        self.max_one_hot_numeric = max_one_hot_numeric

    def fit(self, X: Any, y: Any = None, groups: Any = None) -> GridEncoder:
        """Learn the columns, their ranges and their cells in the grid.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Or a polars or pyarrow table.
        y : Ignored
        groups : hashable, array-like of shape (n_rows,), or None, default=None
            The person of each row: a column, or one value per row. `min_support` then counts
            people. None: each row is a different person.

        Returns
        -------
        self : GridEncoder

        Raises
        ------
        DataError
            A column cannot be encoded; the message names it.
        ParameterError
            A parameter does not fit the data; the message names it.
        """
        self._check_parameters()
        least = 1 if self.is_quantised else self.min_support
        frame, self.container_ = read_table(self, X, reset=True, min_rows=least)
        people = None if self.is_quantised else read_groups(groups, frame, len(frame))
        support = Support(least, people)
        self.__dict__.pop("summary_", None)
        summaries = (ColumnSummary.of(frame[name], support) for name in frame.columns)
        return self._fit_columns(summaries, frame.columns, gaps_of(frame, support))

    def set_cells(self, column_cells: Sequence[ColumnCells], container: Any = None) -> GridEncoder:
        """Take the cells of all columns that were fitted elsewhere; returns itself."""
        self.column_cells_ = list(column_cells)
        self.schema_ = Schema(tuple(cells.column for cells in self.column_cells_))
        self.set_columns(self.schema_.names, container)
        self._place_cells()
        return self

    def set_columns(self, names: Sequence[Any], container: Container | None = None) -> None:
        """Set the names of the columns, and the container of the table, as `fit` does."""
        self.container_, self.n_features_in_ = container or Container(), len(names)
        self.columns_ = list(names)
        if all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(self.columns_, dtype=object)

    def keeps(self, X: Any) -> np.ndarray:
        """Return which rows `encode` keeps, of shape (n_rows,): all unless ``outliers="drop"``."""
        frame, _ = read_table(self, X, reset=False)
        if not self._drops:
            return np.ones(len(frame), dtype=bool)
        outside = [cells.outside(frame[cells.column.name]) for cells in self.column_cells_]
        return ~np.any(outside, axis=0)

    def transform(self, X: Any) -> Any:
        """Encode rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            A table with the columns of `fit`.

        Returns
        -------
        grids : ndarray of shape (n_rows, height, width)
            Of type uint8 for the min-max scalings, float32 for ``"quantile"``. After
            ``set_output(transform="pandas")`` a table of one column per cell.
        """
        grids = self.encode(X)
        return self._output(grids)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, then encode the same rows; see `fit` and `transform`."""
        grids = self.fit(X, y, **fit_params).encode(X, warn=self.is_quantised)
        return self._output(grids)

    def encode(self, X: Any, warn: bool = True) -> np.ndarray:
        """Encode rows; the grids that `encode_cells` returns."""
        return self.encode_cells(X, warn)[0]

    def encode_cells(self, X: Any, warn: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
        """Encode rows, and return the half-width of each continuous cell.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        warn : bool, default=True
            Whether numbers outside the limits, and labels that fit pooled, raise an
            `OutlierWarning`.

        Returns
        -------
        grids : ndarray of shape (n_rows, height, width)
        half_widths : ndarray of shape (n_rows, n_continuous), float32, or None
            Each continuous cell, in the order of `cell_groups_`, decodes to the same value
            within this distance of its centre. None when all half-widths are 0 by construction.
        """
        check_is_fitted(self)
        frame, _ = read_table(self, X, reset=False)
        cells = self.column_cells_
        frame = treat_outliers(cells, frame, self._drops, not self.is_quantised, warn)
        n, every = len(frame), dict.fromkeys(frame, slice(None))
        n_continuous = sum(g.kind == "continuous" for g in self.cell_groups_)
        grids = np.empty((n, *self.grid_shape_), cell_type(self))
        half_widths = np.zeros((n, n_continuous), np.float32)
        at_once = min(_ROWS_AT_ONCE, max(1, _CELLS_AT_ONCE // math.prod(self.grid_shape_)))
        for first in range(0, n, at_once):
            lot = slice(first, first + at_once)
            grids[lot], _, widths = encode_columns(self, frame.iloc[lot], every)
            if widths is not None:
                half_widths[lot] = widths
        return grids, half_widths if half_widths.any() else None

    def inverse_transform(self, X: Any) -> Any:
        """Decode grids; inverse of `transform`.

        Parameters
        ----------
        X : array-like of shape (n, height, width) or (n, height * width)
            Cells in 0..255.

        Returns
        -------
        rows : DataFrame, ndarray, or table of the library that `fit` was given
            Columns, order and dtypes of `fit`; row labels are new.

        Raises
        ------
        DataError
            Wrong shape, or cells outside 0..255.
        """
        return self.container_.restore(self.decode(X))

    def decode(self, X: Any, columns: Collection[Any] | None = None) -> pd.DataFrame:
        """Decode grids to a DataFrame, whatever container `fit` was given; all columns, or some."""
        check_is_fitted(self)
        grids = np.asarray(X)
        height, width = self.grid_shape_
        if grids.shape[1:] not in ((height, width), (height * width,)):
            raise DataError(
                f"grids have shape {grids.shape}; (n, {height}, {width}) or "
                f"(n, {height * width}) is expected."
            )
        flat = grids.reshape(len(grids), height * width)
        if flat.size and not (flat.min() >= NULL and flat.max() <= ON):
            raise DataError("grids hold cells outside 0..255 or NaN; cells lie in 0..255.")
        series = [
            cells.decode(flat[:, positions])
            for cells, positions in zip(self.column_cells_, self.positions_, strict=True)
            if columns is None or cells.column.name in columns
        ]
        frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(len(flat)))
        names = [one.name for one in series]
        # Next to numbers, None would become NaN.
        frame.columns = pd.Index(names, dtype=object if None in names else None)
        return frame

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name every cell of the flattened grid.

        Parameters
        ----------
        input_features : Ignored

        Returns
        -------
        names : ndarray of str, shape (height * width,)
            ``column``, ``column=level``, ``column:present``, or ``null0`` ... for padding.
        """
        check_is_fitted(self)
        names = np.array([f"null{i}" for i in range(np.prod(self.grid_shape_))], dtype=object)
        for cells, positions in [*zip(self.column_cells_, self.positions_, strict=True)][::-1]:
            names[positions] = cells.names  # a shared cell has the name of the first column
        return names

    def to_images(self, X: Any, path: Any) -> list[str]:
        """Encode rows and write each grid as a grey PNG file.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
        path : str or path
            Folder; created when absent. Files are ``row-0000000.png`` and so on: 8 bits per
            cell for the min-max scalings, 16 for ``"quantile"`` (65 535 levels).

        Returns
        -------
        files : list of str
        """
        grids = self.encode(X)
        return write_grids(grids, path)

    def from_images(self, path: Any) -> Any:
        """Read a folder of PNG files that `to_images` wrote and decode them, in order of name.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        rows : as `inverse_transform`

        Raises
        ------
        DataError
            No file, or a file of a different size.
        """
        check_is_fitted(self)
        return self.inverse_transform(read_grids(path, self.grid_shape_))

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what was learnt as JSON-ready plain data and arrays."""
        check_is_fitted(self)
        states = [cells.to_state() for cells in self.column_cells_]
        record = {
            "container": self.container_.to_dict(),
            "schema": self.schema_.to_dict(),
            "cells": [state for state, _ in states],
        }
        arrays = {f"{i}.{k}": a for i, (_, held) in enumerate(states) for k, a in held.items()}
        return record, arrays

    def from_state(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> GridEncoder:
        """Restore the output of `to_state`; the parameters must be the same.

        Raises
        ------
        ArchiveError, ParameterError
            An invalid record, or tables or parameters that do not match it.
        """
        self._validate_params()
        read = read_fields(
            record, "encoder", container=Container.from_dict, schema=Schema.from_dict,
            cells=list_of(plain),
        )  # fmt: skip
        cells = cells_from_state(read["schema"], read["cells"], arrays)
        return self.set_cells(cells, read["container"])

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def is_quantised(self) -> bool:
        """Whether cells are grey levels of the min-max scalings, not quantiles."""
        return self.scaling != "quantile"

    @property
    def _drops(self) -> bool:
        """Whether rows outside the limits are left out."""
        return self.outliers == "drop" and self.is_quantised

    def _place_cells(self) -> None:
        """Assign a position to every cell, and set the public groups."""
        self.grid_shape_, self.positions_, self.cell_groups_ = place_cells(
            self.column_cells_, self.layout, self.side
        )
        scaled = {cells.column.name: cells.codec for cells in self.column_cells_}
        self.limits_ = {name: codec.limits for name, codec in scaled.items() if codec.limits}
        self.step_ = {name: scaled[name].step for name in self.limits_}

    def _output(self, grids: np.ndarray) -> np.ndarray:
        """Flatten the grids when a table of cells is asked for; scikit-learn wraps it."""
        if _get_output_config("transform", self)["dense"] == "default":
            return grids
        return grids.reshape(len(grids), -1)
