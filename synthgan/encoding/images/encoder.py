"""ImageEncoder: images to grids of grey levels and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding import scaling
from synthgan.encoding.groups import NULL, CellGroup
from synthgan.encoding.images.containers import ImageContainer, take_images
from synthgan.encoding.record_encoder import RecordEncoder
from synthgan.exceptions import ArchiveError
from synthgan.state import fields

__all__ = ["ImageEncoder"]

_MOST_PIXELS = 2**24  # of an image in an archive


class ImageEncoder(RecordEncoder):
    """Turn images into grids of grey levels 0..255, and grids back into images.

    uint8 images need no scaling. Other numbers are scaled; colours become channels. Decoded pixels
    are clipped to the darkest and the brightest pixel of fit.

    Parameters
    ----------
    limits : {"auto"} or (float, float), default="auto"
        Values of the levels 0 and 255; values outside are clipped. ``"auto"``: 0 and 255 for
        uint8, otherwise the smallest and the largest value in fit.
    shape : (int, int), (int, int, 3) or None, default=None
        Height, width and channels of images given as rows of a table. None: a square if the number
        of columns is a square number, otherwise a single row of pixels.

    Attributes
    ----------
    grid_shape_ : tuple of int
        (height, width), or (3, height, width) of colour images.
    image_shape_ : (int, int, int)
        Height, width, channels.
    limits_ : (float, float)
    range_ : (float, float)
        The darkest and the brightest pixel of fit, clipped to `limits_`.
    step_ : float
        Width of one level: twice the largest error of a decoded pixel within the limits.
    cell_groups_ : list of CellGroup
        A single group of all cells.
    n_features_in_ : int
        Pixels of an image, times its channels.

    Examples
    --------
    >>> import numpy as np
    >>> from synthgan import ImageEncoder
    >>> images = np.linspace(0, 1, 8).reshape(2, 2, 2)
    >>> encoder = ImageEncoder().fit(images)
    >>> encoder.transform(images)[0]
    array([[  0,  36],
           [ 73, 109]], dtype=uint8)
    >>> bool(abs(encoder.inverse_transform(encoder.transform(images)) - images).max() < 1 / 255)
    True
    """

    _parameter_constraints: dict[str, Any] = {
        "limits": [StrOptions({"auto"}), tuple, list],
        "shape": [tuple, list, None],
    }

    is_quantised = True  # cells are grey levels

    def __init__(self, limits: Any = "auto", shape: Any = None) -> None:
        self.limits = limits
        self.shape = shape

    def fit(self, X: Any, y: Any = None) -> ImageEncoder:
        """Learn shape and limits.

        Parameters
        ----------
        X : ImageStack, or array-like
            Of shape (n, height, width), (n, height, width, 1 or 3), or one image per row.
        y : Ignored

        Returns
        -------
        self : ImageEncoder

        Raises
        ------
        DataError, ValueError
            No images, or values that are not finite numbers.
        ParameterError
            Invalid `limits`, or a `shape` that does not match the number of pixels.
        """
        self._validate_params()
        values, container = take_images(self, X, self.shape, reset=True)
        return self.fit_values(values, container)

    def fit_values(self, values: np.ndarray, container: ImageContainer) -> ImageEncoder:
        """Fit to pixels (n, height, width, n_channels) from `take_images`."""
        self.container_ = container
        self.image_shape_ = values.shape[1:]
        self.n_features_in_ = math.prod(self.image_shape_)
        is_auto = isinstance(self.limits, str)
        if is_auto and np.dtype(container.dtype) == np.uint8:
            self.limits_ = (0.0, float(scaling.TOP_LEVEL))
        else:
            limits = "minmax" if is_auto else self.limits
            self.limits_ = scaling.learn_limits(values, limits)
        low, high = np.clip([values.min(), values.max()], *self.limits_).tolist()
        self.range_ = (float(low), float(high))
        self._place_cells()
        return self

    def _read(self, X: Any) -> np.ndarray:
        return take_images(self, X, self.shape, reset=False)[0]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Encode pixels (n, height, width, n_channels); uint8 is not copied."""
        if values.dtype != np.uint8 or self.limits_ != (0.0, float(scaling.TOP_LEVEL)):
            values = scaling.to_levels(values, *self.limits_, lowest_cell=NULL, rounding="round")
        return values[..., 0] if values.shape[3] == 1 else np.moveaxis(values, 3, 1)

    def decode(self, grids: np.ndarray) -> np.ndarray:
        """Decode grids ``(n, *grid_shape_)`` to pixels (n, height, width, n_channels)."""
        height, width, n_channels = self.image_shape_
        levels = np.moveaxis(grids.reshape(len(grids), n_channels, height, width), 1, 3)
        if levels.dtype == np.uint8 and self.limits_ == (0.0, float(scaling.TOP_LEVEL)):
            return levels.clip(*np.array(self.range_, dtype=np.uint8))
        values = scaling.from_levels(levels, *self.limits_, lowest_cell=NULL, rounding="round")
        return values.clip(*self.range_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name every cell of the flattened grid: channel, row and column."""
        check_is_fitted(self)
        height, width, n_channels = self.image_shape_
        channels = [""] if n_channels == 1 else ["red:", "green:", "blue:"]
        cells = [f"row{i}:column{j}" for i in range(height) for j in range(width)]
        return np.array([channel + cell for channel in channels for cell in cells], dtype=object)

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what was learnt as JSON-ready plain data and arrays."""
        check_is_fitted(self)
        record = {
            "container": self.container_.to_dict(),
            "image_shape": list(self.image_shape_),
            "limits": list(self.limits_),
            "range": list(self.range_),
        }
        return record, {}

    def from_state(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> ImageEncoder:
        """Restore the output of `to_state`; the parameters must be the same.

        Raises
        ------
        ArchiveError, ParameterError
            An invalid record, or parameters that do not match it.
        """
        self._validate_params()
        ends = fields.tuple_of(fields.number(), fields.number())
        if isinstance(record, dict):  # earlier versions did not store the range
            record = {"range": record.get("limits"), **record}
        read = fields.read_fields(
            record,
            "encoder",
            container=ImageContainer.from_dict,
            image_shape=fields.tuple_of(*[fields.whole(1, _MOST_PIXELS)] * 3),
            limits=ends,
            range=ends,
        )
        self.container_, self.image_shape_ = read["container"], read["image_shape"]
        self.n_features_in_ = math.prod(self.image_shape_)
        columns, kind = self.container_.columns, self.container_.kind
        n_axes = {2} if kind == "table" else {3, 4} if self.image_shape_[2] == 1 else {4}
        is_flat = kind == "table" and len(columns) != self.n_features_in_
        if self.n_features_in_ > _MOST_PIXELS or self.image_shape_[2] not in (1, 3):
            raise ArchiveError(f"encoder has the invalid image shape {list(self.image_shape_)}")
        if is_flat or self.container_.n_axes not in n_axes or arrays:
            raise ArchiveError("encoder has names, axes or tables that do not match its images")
        if columns and all(isinstance(name, str) for name in columns):
            self.feature_names_in_ = np.array(columns, dtype=object)
        low, high = read["limits"]
        if low > high:
            raise ArchiveError(f"encoder has limits={[low, high]}, where low is above high")
        darkest, brightest = read["range"]
        if not low <= darkest <= brightest <= high:
            raise ArchiveError(
                f"encoder has range={[darkest, brightest]}, which is not inside its limits"
            )
        self.limits_ = (float(low), float(high))
        self.range_ = (float(darkest), float(brightest))
        self._place_cells()
        return self

    def _place_cells(self) -> None:
        height, width, n_channels = self.image_shape_
        self.grid_shape_ = (height, width) if n_channels == 1 else (n_channels, height, width)
        cells = tuple(range(math.prod(self.grid_shape_)))
        self.cell_groups_ = [CellGroup("image", cells, lowest_cell=NULL)]
        self.step_ = scaling.level_step(*self.limits_, lowest_cell=NULL)
