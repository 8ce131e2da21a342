"""Containers of signal windows: every supported type becomes an array, and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from synthgan.exceptions import ArchiveError, DataError
from synthgan.records.signals import Recording, SignalWindows, check_axes
from synthgan.records.tables import Container, check_names, count_axes, to_frame
from synthgan.state import fields
from synthgan.state.stored import Scalar, Stored

__all__ = ["SignalContainer", "read_signals"]

_LONGEST_DTYPE = 40  # characters


@dataclass(frozen=True)
class SignalContainer(Stored):
    """The container type of windows.

    Parameters
    ----------
    kind : {"table", "array", "windows"}
        ``"table"``: one window per row; ``"array"``: three axes.
    dtype : str
        As pandas writes it, such as ``"<f8"`` or ``"Int16"``.
    fs_hz : float or None
        Samples per second, of SignalWindows.
    leads, units : tuple of str
        Of SignalWindows, otherwise empty.
    columns : tuple
        Of a table.
    table : Container
    """

    _record_name = "the signal container"

    kind: Annotated[str, fields.one_of("table", "array", "windows")]
    dtype: str
    fs_hz: Annotated[float, fields.number(0)] | None = None
    leads: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    columns: tuple[Scalar, ...] = ()
    table: Container = field(default_factory=Container)

    def restore(self, values: np.ndarray, info: pd.DataFrame | None = None) -> Any:
        """Put windows (n, n_leads, n_samples) into a container of this kind.

        Whole numbers outside the dtype's range are clipped to it. A table has numbered columns
        if its windows are longer than those of fit.
        """
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        plain = getattr(dtype, "numpy_dtype", dtype)
        if plain.kind in "iu":
            ends = np.iinfo(plain)
            # As a float, the largest int64 would overflow.
            largest = np.nextafter(float(ends.max) + 1, 0)
            values = np.rint(values).clip(float(ends.min), largest)
        values = values.astype(plain)
        if self.kind == "windows":
            return SignalWindows(values, self.fs_hz or 1.0, self.leads, self.units, info)
        if self.kind == "array":
            return values
        columns, table = list(self.columns), self.table
        if values.shape[2] != len(columns):
            is_arrow = bool(table.arrow_fields)
            columns = [str(i) if is_arrow else i for i in range(values.shape[2])]
            table = replace(table, arrow_fields=(), arrow_metadata=())
        frame = pd.DataFrame(values[:, 0], columns=pd.Index(columns))
        return table.restore(frame if dtype == plain else frame.astype(dtype))

    def check_like(self, learnt: SignalContainer) -> None:
        """Refuse SignalWindows whose leads, units or sampling rate differ from fit."""
        if not self.kind == learnt.kind == "windows":
            return
        for what in ("leads", "units", "fs_hz"):
            ours, theirs = getattr(self, what), getattr(learnt, what)
            if _folded(ours) != _folded(theirs):
                raise DataError(f"windows have {what}={ours!r}; {theirs!r} was learnt.")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data.

        Raises
        ------
        ArchiveError
            A column name is not a string or a number.
        """
        check_names(self.columns)
        return super().to_dict()

    def _check_record(self) -> None:
        dtype: Any = None
        if len(self.dtype) < _LONGEST_DTYPE:
            dtype = pd.Series([], dtype=self.dtype).dtype
        if dtype is None or getattr(dtype, "numpy_dtype", dtype).kind not in "fiub":
            raise ArchiveError(f"signals have the invalid dtype={fields.brief(self.dtype)}")


def read_signals(
    estimator: Any, X: Any, *, reset: bool, min_windows: int = 1
) -> tuple[np.ndarray, SignalContainer]:
    """Read windows from any supported container.

    Parameters
    ----------
    estimator : object
        Sets its ``n_leads_``, ``n_samples_``, ``n_features_in_`` and ``feature_names_in_``, or
        checks them.
    X : SignalWindows, DataFrame, or array-like
        (n, n_samples) or (n, n_leads, n_samples).
    reset : bool
        True in fit.
    min_windows : int, default=1

    Returns
    -------
    values : ndarray of shape (n, n_leads, n_samples), float64
    container : SignalContainer

    Raises
    ------
    DataError, ValueError
        No windows, values that are not finite numbers, or a shape that differs from fit.
    """
    first = X[0] if isinstance(X, list | tuple) and X else X
    if isinstance(first, Recording):
        raise DataError(
            "recordings have any length; cut windows of one length from them: "
            "synthgan.io.windows.windows(recordings, window_s=2)."
        )
    if np.ma.is_masked(X):
        raise DataError(
            "X is a masked array; windows cannot have missing samples: leave such windows out."
        )
    if isinstance(X, SignalWindows):
        container = SignalContainer("windows", X.values.dtype.str, X.fs_hz, X.leads, X.units)
        values = X.values
    elif count_axes(X) == 3:
        values = np.asarray(X)
        check_axes("X", values.shape)
        dtype = values.dtype.str if values.dtype.kind in "fiu" else "<f8"
        container = SignalContainer("array", dtype)
    else:
        return _read_table(estimator, X, reset, min_windows)
    values = check_array(
        values, dtype=np.float64, allow_nd=True, ensure_min_samples=min_windows, input_name="X"
    )
    if 0 in values.shape:
        raise DataError(f"windows of shape {values.shape} hold no samples; give at least one.")
    if reset:
        estimator.n_features_in_ = values.shape[2]
        vars(estimator).pop("feature_names_in_", None)
    shape = (values.shape[1], values.shape[2])
    return _checked(estimator, values, container, reset, shape)


def _read_table(
    estimator: Any, X: Any, reset: bool, min_windows: int
) -> tuple[np.ndarray, SignalContainer]:
    checked = validate_data(
        estimator, X, reset=reset, dtype=np.float64, ensure_min_samples=min_windows
    )
    frame, table = to_frame(X)
    dtypes = {dtype.str if isinstance(dtype, np.dtype) else str(dtype) for dtype in frame.dtypes}
    kinds = {getattr(dtype, "numpy_dtype", dtype).kind for dtype in frame.dtypes}
    dtype = dtypes.pop() if len(dtypes) == 1 and kinds <= set("fiu") else "<f8"
    container = SignalContainer("table", dtype, columns=tuple(frame.columns), table=table)
    return _checked(estimator, checked[:, None], container, reset, (1, checked.shape[1]))


def _checked(
    estimator: Any,
    values: np.ndarray,
    container: SignalContainer,
    reset: bool,
    shape: tuple[int, int],
) -> tuple[np.ndarray, SignalContainer]:
    if reset:
        estimator.n_leads_, estimator.n_samples_ = shape
    learnt = (estimator.n_leads_, estimator.n_samples_)
    if shape != learnt:
        raise DataError(f"windows have (leads, samples) = {shape}; {learnt} was learnt.")
    if not reset:
        container.check_like(getattr(estimator, "encoder_", estimator).container_)
    return values, container


def _folded(value: Any) -> Any:
    """Return names in lower case, for comparison."""
    return tuple(name.casefold() for name in value) if isinstance(value, tuple) else value
