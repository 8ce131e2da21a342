"""RecordEncoder: base class of the signal and image encoders, with one grid per record."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from synthgan.exceptions import DataError

__all__ = ["RecordEncoder"]


class RecordEncoder(TransformerMixin, BaseEstimator):
    """Base class: a subclass reads records, and encodes and decodes arrays of them."""

    container_: Any
    grid_shape_: tuple[int, ...]

    def transform(self, X: Any) -> Any:
        """Encode records.

        Parameters
        ----------
        X : as given to `fit`
            Records of the same shape.

        Returns
        -------
        grids : ndarray of shape (n, ...), each of shape ``grid_shape_``
            Of type uint8 where cells are grey levels, else float32. After
            ``set_output(transform="pandas")`` a table of one column per cell.
        """
        check_is_fitted(self)
        grids = self.encode(self._read(X))
        if _get_output_config("transform", self)["dense"] == "default":
            return grids
        return grids.reshape(len(grids), -1)

    def inverse_transform(self, X: Any) -> Any:
        """Decode grids; inverse of `transform`.

        Parameters
        ----------
        X : array-like of shape (n, ...), each of shape ``grid_shape_``
            Cells.

        Returns
        -------
        records : as given to `fit`

        Raises
        ------
        DataError
            Wrong shape, or cells that are not finite numbers.
        """
        check_is_fitted(self)
        grids, shape = np.asarray(X), self.grid_shape_
        if grids.shape[1:] not in (shape, (math.prod(shape),)):
            raise DataError(f"grids have shape {grids.shape}; (n, *{shape}) is expected.")
        if grids.dtype.kind not in "biuf" or not np.isfinite(grids).all():
            raise DataError("grids hold NaN or infinite cells; give numbers.")
        return self.container_.restore(self.decode(grids))

    def __sklearn_tags__(self) -> Any:
        """Declare that dtypes are not preserved."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    @abstractmethod
    def _read(self, X: Any) -> np.ndarray:
        """Read records as an array; refuse shapes that differ from fit."""

    @abstractmethod
    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode an array of records as grids (n, *grid_shape_)."""

    @abstractmethod
    def decode(self, grids: np.ndarray) -> np.ndarray:
        """Decode grids to an array of records; inverse of `encode`."""
