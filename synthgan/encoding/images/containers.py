"""Containers of images: every supported type becomes a pixel array, and back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images import ImageStack
from synthgan.records.tables import Container, check_names, count_axes, numpy_dtype, to_frame
from synthgan.state import fields
from synthgan.state.stored import Scalar, Stored

__all__ = ["ImageContainer", "take_images"]


@dataclass(frozen=True)
class ImageContainer(Stored):
    """The container type of images.

    Parameters
    ----------
    kind : {"table", "array", "stack"}
        ``"table"``: one image per row; ``"array"``: three or four axes.
    dtype : str
        As numpy writes it, such as ``"|u1"``.
    is_whole : bool
        Whether all values were whole numbers.
    n_axes : int
        Of an array: 3, or 4 with channels last.
    columns : tuple
        Of a table.
    table : Container
    """

    _record_name = "the image container"

    kind: Annotated[str, fields.one_of("table", "array", "stack")]
    dtype: str
    is_whole: bool
    n_axes: Annotated[int, fields.whole(2, 4)] = 2
    columns: tuple[Scalar, ...] = ()
    table: Container = field(default_factory=Container)

    def restore(self, values: np.ndarray, info: pd.DataFrame | None = None) -> Any:
        """Put pixels (n, height, width, n_channels) into a container of this kind."""
        dtype = np.dtype(self.dtype)
        values = (np.rint(values) if self.is_whole else values).astype(dtype)
        if self.kind == "table":
            columns = pd.Index(list(self.columns))
            rows = values.reshape(len(values), len(columns))
            return self.table.restore(pd.DataFrame(rows, columns=columns))
        values = values[..., 0] if self.n_axes == 3 else values
        return values if self.kind == "array" else ImageStack(values, info)

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
        numpy_dtype(self.dtype, "biuf")


def take_images(
    estimator: Any, X: Any, shape: Any, *, reset: bool, min_images: int = 1
) -> tuple[np.ndarray, ImageContainer]:
    """Read images from any supported container; uint8 images are not copied.

    Parameters
    ----------
    estimator : object
        Sets its ``image_shape_``, ``n_features_in_`` and ``feature_names_in_``, or checks them.
    X : ImageStack, DataFrame, or array-like
        (n, height, width), (n, height, width, n_channels), or one image per row.
    shape : tuple of int or None
        (height, width) or (height, width, n_channels) of images given as rows. None: a square if
        the number of columns is a square number, otherwise a single row of pixels.
    reset : bool
        True in fit.
    min_images : int, default=1

    Returns
    -------
    values : ndarray of shape (n, height, width, n_channels), uint8 or float64
    container : ImageContainer

    Raises
    ------
    DataError, ValueError
        No images, values that are not finite numbers, or a shape that differs from fit.
    ParameterError
        `shape` does not match the number of pixels.
    """
    n_axes = count_axes(X.values if isinstance(X, ImageStack) else X)
    if n_axes is None or n_axes < 3:
        values, container = _take_rows(estimator, X, shape, reset, min_images)
    else:
        values, container = _take_array(estimator, X, n_axes, reset, min_images)
    if reset:
        estimator.image_shape_ = values.shape[1:]
    if values.shape[1:] != estimator.image_shape_:
        ours, learnt = (_spell(s) for s in (values.shape[1:], estimator.image_shape_))
        raise DataError(f"images are {ours}; {learnt} was learnt.")
    return values, container


def _take_array(
    estimator: Any, X: Any, n_axes: int, reset: bool, min_images: int
) -> tuple[np.ndarray, ImageContainer]:
    values = X.values if isinstance(X, ImageStack) else np.asarray(X)
    if n_axes > 4 or (n_axes == 4 and values.shape[3] not in (1, 3)):
        raise DataError(
            f"X of shape {values.shape} does not hold images; give (n, height, width), or "
            "(n, height, width, n_channels) with 1 or 3 channels."
        )
    kind = "stack" if isinstance(X, ImageStack) else "array"
    dtype, is_whole = values.dtype.str, values.dtype.kind in "biu"
    if values.dtype != np.uint8:
        values = check_array(values, dtype=np.float64, allow_nd=True, ensure_min_samples=0)
        dtype = dtype if np.dtype(dtype).kind in "bfiu" else "<f8"
        is_whole = is_whole or bool((values == np.rint(values)).all())
    if len(values) < min_images:
        raise DataError(
            f"n_samples={len(values)} images are given, while a minimum of {min_images} is "
            "required."
        )
    if 0 in values.shape[1:]:
        raise DataError(f"images of shape {values.shape} hold no pixels; give at least one.")
    if reset:
        estimator.n_features_in_ = math.prod(values.shape[1:])
        vars(estimator).pop("feature_names_in_", None)
    container = ImageContainer(kind, dtype, is_whole, n_axes)
    return (values if n_axes == 4 else values[..., None]), container


def _take_rows(
    estimator: Any, X: Any, shape: Any, reset: bool, min_images: int
) -> tuple[np.ndarray, ImageContainer]:
    checked = validate_data(
        estimator, X, reset=reset, dtype=np.float64, ensure_min_samples=min_images
    )
    frame, table = to_frame(X)
    dtypes = {dtype.str for dtype in frame.dtypes if isinstance(dtype, np.dtype)}
    dtype = dtypes.pop() if len(dtypes) == 1 else "<f8"
    dtype = dtype if np.dtype(dtype).kind in "bfiu" else "<f8"
    is_whole = bool((checked == np.rint(checked)).all())
    container = ImageContainer("table", dtype, is_whole, 2, tuple(frame.columns), table)
    return checked.reshape(len(checked), *_shape_of_rows(checked.shape[1], shape)), container


def _shape_of_rows(n_pixels: int, shape: Any) -> tuple[int, int, int]:
    if shape is None:
        side = math.isqrt(n_pixels)
        return (side, side, 1) if side * side == n_pixels else (1, n_pixels, 1)
    is_shape = isinstance(shape, tuple | list) and all(isinstance(s, int) for s in shape)
    height, width, n_channels = (*shape, 1)[:3] if is_shape and len(shape) in (2, 3) else (0, 0, 0)
    if height * width * n_channels != n_pixels or n_channels not in (1, 3) or height < 1:
        raise ParameterError(
            f"shape={shape!r} does not fit rows of {n_pixels} pixels; give (height, width), or "
            "(height, width, 3) of colour images, or None."
        )
    return height, width, n_channels


def _spell(shape: tuple[int, ...]) -> str:
    colour = "" if shape[2] == 1 else f" of {shape[2]} channels"
    return f"{shape[0]} x {shape[1]}{colour}"
