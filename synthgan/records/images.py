"""Images of one size in memory or in a memory-mapped file; independent of file formats."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.records import pixels

__all__ = ["ImageStack"]

_BLOCK = 1024


class ImageStack:
    """Images of one size, all grey or all in colour.

    Parameters
    ----------
    values : ndarray or memmap of uint8, shape (n, height, width) or (n, height, width, 3)
        Grey, or red, green and blue; 0 is black.
    info : DataFrame, default=None
        One row per image: its source and labels. None is a table without columns.

    Raises
    ------
    DataError
        `values` has an unsupported dtype or shape, or `info` has a different length.

    Notes
    -----
    Attributes are the parameters; treat them as immutable. ``len``, ``np.asarray`` and indexing by
    a number, a slice, or an array of numbers or booleans work; indexing gives an ImageStack. A
    number or a slice gives a view. Arrays of numbers copy: a copy of more than 256 MiB of a memmap
    is a new memmap of a temporary file.

    Examples
    --------
    >>> import numpy as np
    >>> stack = ImageStack(np.zeros((3, 28, 20), dtype=np.uint8))
    >>> stack
    ImageStack(3 grey images of 28 x 20)
    >>> stack[1:].shape
    (28, 20)
    """

    def __init__(self, values: Any, info: pd.DataFrame | None = None) -> None:
        values = values if isinstance(values, np.ndarray) else np.asarray(values)
        fits = values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)
        if values.dtype != np.uint8 or not fits or 0 in values.shape[1:]:
            raise DataError(
                f"images of shape {values.shape} and dtype {values.dtype} are not allowed; give "
                "uint8 in an array (n, height, width) or (n, height, width, 3)."
            )
        self.values: np.ndarray = values
        info = pd.DataFrame(index=range(len(values))) if info is None else info
        if len(info) != len(values):
            raise DataError(f"info has {len(info)} rows for {len(values)} images.")
        self.info = info.reset_index(drop=True)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of an image."""
        return self.values.shape[1], self.values.shape[2]

    @property
    def n_channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return 1 if self.values.ndim == 3 else 3

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> ImageStack:
        rows = np.atleast_1d(np.arange(len(self))[index])
        if isinstance(index, Integral):
            index = slice(rows[0], rows[0] + 1)
        values = self.values[index] if isinstance(index, slice) else _take(self.values, rows)
        return ImageStack(values, self.info.iloc[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy:
            return np.array(self.values, dtype=dtype)
        return np.asarray(self.values, dtype=dtype)

    def __repr__(self) -> str:
        kind = "grey" if self.n_channels == 1 else "colour"
        noun = "image" if len(self) == 1 else "images"
        return f"ImageStack({len(self)} {kind} {noun} of {self.shape[0]} x {self.shape[1]})"


def _take(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if not isinstance(values, np.memmap):
        return values[rows]
    taken = pixels.allocate_pixels((len(rows), *values.shape[1:]))
    for start in range(0, len(rows), _BLOCK):
        taken[start : start + _BLOCK] = values[rows[start : start + _BLOCK]]
    return taken
