"""The class of each record, in any supported container, as a Series, and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from sklearn.exceptions import DataConversionWarning

from synthgan.exceptions import DataError
from synthgan.records.tables import to_frame

__all__ = ["read_labels"]

Restore = Callable[[pd.Series], Any]


def read_labels(y: Any) -> tuple[pd.Series, Restore]:
    """Read the class of each record.

    Parameters
    ----------
    y : Series, DataFrame or array-like of shape (n,) or (n, 1)
        Or a polars Series, or a polars or pyarrow table, of one column.

    Returns
    -------
    labels : Series of shape (n,)
        With the index 0 ... n - 1.
    restore : callable
        Puts labels into the container of `y`.

    Raises
    ------
    DataError
        More than one column.

    Warns
    -----
    DataConversionWarning
        An array of shape (n, 1), as scikit-learn does.
    """
    if isinstance(y, pd.Series):
        name: Any = y.name
        return y.reset_index(drop=True), lambda labels: labels.rename(name)
    if isinstance(y, pd.Index | ExtensionArray):
        labels = pd.Series(y).reset_index(drop=True)
        if isinstance(y, pd.Index):
            return labels, lambda labels: pd.Index(labels, name=y.name)
        return labels, lambda labels: labels.array
    if type(y).__module__.partition(".")[0] == "polars" and type(y).__name__ == "Series":
        labels, restore = _of_table(y.to_frame())
        return labels, lambda labels: restore(labels).to_series()
    if hasattr(y, "columns") or hasattr(y, "__dataframe__"):
        return _of_table(y)
    return _of_array(y)


def _of_table(y: Any) -> tuple[pd.Series, Restore]:
    frame, container = to_frame(y)
    _check_one(frame.shape)
    name = frame.columns[0]
    labels = frame[name].reset_index(drop=True)
    return labels, lambda labels: container.restore(labels.to_frame(name))


def _of_array(y: Any) -> tuple[pd.Series, Restore]:
    array = np.asarray(y)
    shape, dtype = array.shape, array.dtype
    _check_one(shape)
    if len(shape) == 2:
        warnings.warn(
            f"y has shape {shape}, a column of classes; give one axis: y.ravel().",
            DataConversionWarning,
            stacklevel=5,
        )
    is_list = isinstance(y, list | tuple)

    def restore(labels: pd.Series) -> Any:
        more = labels.to_numpy().astype(dtype).reshape(-1, *shape[1:])
        return type(y)(more.tolist()) if is_list else more

    return pd.Series(array.ravel()), restore


def _check_one(shape: tuple[int, ...]) -> None:
    if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
        raise DataError(f"y has shape {shape}; give one class for each row: one column.")
