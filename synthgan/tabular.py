"""TabularGANSynthesizer: tables."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from synthgan.base import BaseGANSynthesizer
from synthgan.encoding import GridEncoder
from synthgan.encoding.frames import Container, read_table
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError
from synthgan.metrics import column_shapes, pair_trends
from synthgan.presets import Preset, find_preset

__all__ = ["TabularGANSynthesizer"]

_MOST_SCORED_ROWS = 10_000
_FEWEST_NAMED_ROWS = 20  # in fewer rows, levels may all differ by chance
_MOST_LEVELS_PER_ROW = 0.8  # above, a column names rows


class TabularGANSynthesizer(BaseGANSynthesizer):
    """Learn a table, make new rows.

    Parameters left as None follow the preset, and without a preset the default recipe. To change
    or search a parameter of a part (``network__width``), give the part.

    Parameters
    ----------
    preset : {"thesis-thyroid"} or None, default=None
        Named parameter set; parameters that are given win over it.
    encoder : GridEncoder or None, default=None
        How rows become grids.
    network : {"fcn", "cnn"}, network spec or None, default=None
        What is trained: a short name, `FCN`, `CNN`, or any object with
        ``build(shape, n_conditions, latent_dim) -> (generator, discriminator)``.
    loss : {"relativistic", "bce", "hinge", "wgan-gp"}, Loss or None, default=None
        Which game the networks play.
    optimizer : Adam or None, default=None
        Learning rate, its decay, and the averaging of weights.
    latent_dim : int or None, default=None
        Length of the noise vector.
    epochs : int, {"auto"} or None, default=None
        How often every row is seen; ``"auto"`` from the number of rows.
    batch_size : int, {"auto"} or None, default=None
        Rows a step; at most the number of rows.
    discriminator_threshold : float or None, default=None
        The discriminator waits while its loss is below this (thesis Listing 6.1); 0: never.
    callbacks : list of Callback or None, default=None
        Called during training.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where to train and sample.
    random_state : int, RandomState instance or None, default=None
        Seed of fit and, where none is given there, of sample; equal seeds give equal bytes on
        a CPU.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    encoder_ : GridEncoder
        Fitted on the columns of X, then those of y.
    generator_ : torch.nn.Module
        The averaged generator, on the CPU.
    history_ : DataFrame
        One row a logged step: epoch, step, losses, mean outputs of the discriminator, seconds.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only when all column names are strings.

    See Also
    --------
    GridEncoder : Turns rows into grids and back.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019.

    Examples
    --------
    >>> from synthgan import TabularGANSynthesizer
    >>> from synthgan.datasets import make_clinic
    >>> clinic = make_clinic(200, random_state=0)
    >>> model = TabularGANSynthesizer(epochs=2, random_state=0).fit(clinic)
    >>> fake = model.sample(3)
    >>> fake.dtypes.equals(clinic.dtypes)
    True
    """

    def fit(self, X: Any, y: Any = None) -> TabularGANSynthesizer:
        """Learn a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Or a polars or pyarrow table; at least two rows.
        y : Series, DataFrame or array-like of shape (n_rows,) or (n_rows, n_outputs), optional
            Learnt jointly with X; see `sample`.

        Returns
        -------
        self : TabularGANSynthesizer

        Raises
        ------
        DataError
            Data that cannot be learnt; the message names the column.
        ParameterError, ValueError
            A parameter that is not allowed.
        """
        self._validate_params()
        preset = find_preset(self.preset)
        encoder = self._resolve("encoder", preset)
        if not isinstance(encoder, GridEncoder):
            raise ParameterError(f"encoder={encoder!r} is not allowed; give a GridEncoder or None.")
        frame, self.container_ = read_table(self, X, reset=True, min_rows=2)
        self.y_container_, y_frame = _read_y(y, frame)
        if y_frame is not None:
            check_consistent_length(frame, y_frame)
            frame = pd.concat([frame.reset_index(drop=True), y_frame], axis=1)
        frame = _select_rows(frame, preset)
        grids, half_widths = encoder.fit(frame).encode(frame, warn=encoder.scaling != "quantile")
        if len(grids) < 2:
            raise DataError(
                f"n_samples={len(grids)} of {len(frame)} rows lie inside the limits; at least "
                "2 are required: widen the limits."
            )
        _check_levels(encoder, len(frame))
        self.encoder_ = encoder
        self._fit_grids(grids, half_widths, encoder.cell_groups_, preset)
        return self

    def sample(self, n: int = 1, random_state: Any = None, return_y: bool = False) -> Any:
        """Make new rows.

        Parameters
        ----------
        n : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's own, so that an int there gives the same rows at each call.
        return_y : bool, default=False
            Return (X, y) instead of X; y must have been given to `fit`.

        Returns
        -------
        X : as given to `fit`
            Same container, columns, order and dtypes.
        y : as given to `fit`
            Only with `return_y`.

        Raises
        ------
        ParameterError
            `n` is negative or no integer, or `return_y` without y in fit.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        if return_y and self.y_container_ is None:
            raise ParameterError("return_y=True needs a model that was fitted with y.")
        frame = self.encoder_.decode_frame(self._sample_grids(n, random_state))
        names = list(frame.columns)
        X = self.container_.restore(frame[names[: self.n_features_in_]])
        if not return_y or self.y_container_ is None:
            return X
        return X, self.y_container_.restore(frame[names[self.n_features_in_ :]])

    def score(self, X: Any, y: Any = None) -> float:
        """Say how like X a sample is: the mean of `column_shapes` and `pair_trends`.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_columns)
            Rows to compare with, best unseen ones.
        y : Ignored

        Returns
        -------
        score : float
            0..1, higher is better; the same at each call.
        """
        check_is_fitted(self)
        real, _ = read_table(self, X, reset=False)
        n = min(max(len(real), 1000), _MOST_SCORED_ROWS)
        fake = self.encoder_.decode_frame(self._sample_grids(n, 0))
        fake = fake[list(fake.columns)[: self.n_features_in_]]
        shapes, trends = column_shapes(real, fake), pair_trends(real, fake)
        return float(np.mean([shapes.value, trends.value if len(trends.detail) else shapes.value]))

    def __sklearn_tags__(self) -> Any:
        """Say that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _encoder_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        record, arrays = self.encoder_.to_state()
        y = self.y_container_
        outer = {
            "encoder": record,
            "container": vars(self.container_),
            "y_container": None if y is None else y.to_dict(),
            "n_features_in": self.n_features_in_,
        }
        return outer, arrays

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        encoder = self._resolve("encoder", find_preset(self.preset))
        self.encoder_ = encoder.from_state(record["encoder"], arrays)
        self.container_ = Container(**record["container"])
        y = record["y_container"]
        self.y_container_ = None
        if y is not None:
            self.y_container_ = _TargetContainer.from_dict(y)
        self.n_features_in_ = int(record["n_features_in"])
        names = encoder.schema_.names[: self.n_features_in_]
        self.columns_ = names
        if all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        self.cell_groups_ = encoder.cell_groups_
        self.grid_shape_ = encoder.grid_shape_
        self.is_quantised_ = encoder.scaling != "quantile"


class _TargetContainer:
    """What y came in."""

    def __init__(self, ndim: int, name: Any, frame: Container) -> None:
        self.ndim = ndim
        self.name = name
        self.frame = frame

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready plain data."""
        names = self.name if isinstance(self.name, list) else [self.name]
        for name in names:
            if not (name is None or isinstance(name, str | int)):
                raise ArchiveError(f"y is named {name!r}; strings and integers can be saved.")
        return {"ndim": self.ndim, "name": self.name, "frame": vars(self.frame)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> _TargetContainer:
        """Take back what `to_dict` gave."""
        return cls(record["ndim"], record["name"], Container(**record["frame"]))

    def restore(self, frame: pd.DataFrame) -> Any:
        """Give generated targets the form of y."""
        if self.ndim == 2:
            return self.frame.restore(frame.set_axis(self.name, axis=1))
        if self.frame.kind == "array":
            return self.frame.restore(frame).ravel()
        return self.frame.restore(frame).iloc[:, 0].rename(self.name)


def _read_y(y: Any, frame: pd.DataFrame) -> tuple[_TargetContainer | None, pd.DataFrame | None]:
    """Return the form of y, and y as a table whose names do not clash with those of X."""
    if y is None:
        return None, None
    if isinstance(y, pd.DataFrame):
        table, form = y, _TargetContainer(2, y.columns.tolist(), Container())
    elif isinstance(y, pd.Series):
        name = y.name.item() if isinstance(y.name, np.generic) else y.name
        table, form = y.to_frame(), _TargetContainer(1, name, Container())
    else:
        array = np.asarray(y)
        if array.ndim not in (1, 2):
            raise DataError(f"y has shape {array.shape}; one or two dimensions are allowed.")
        table = pd.DataFrame(array).infer_objects()
        kind = Container(kind="array", dtype=array.dtype.str)
        form = _TargetContainer(array.ndim, list(range(table.shape[1])), kind)
    return form, table.set_axis(_free_names(table, frame), axis=1).reset_index(drop=True)


def _free_names(table: pd.DataFrame, frame: pd.DataFrame) -> list[Any]:
    if not all(isinstance(name, str) for name in frame.columns):
        used = [name for name in frame.columns if isinstance(name, int | np.integer)]
        first = int(max(used, default=-1)) + 1
        return list(range(first, first + table.shape[1]))
    names: list[str] = []
    for i, name in enumerate(table.columns):
        free = name if isinstance(name, str) else ("y" if table.shape[1] == 1 else f"y{i}")
        while free in frame.columns or free in names:
            free += "_"
        names.append(free)
    return names


def _check_levels(encoder: GridEncoder, n_rows: int) -> None:
    """Refuse columns that name rows; a fake could only repeat a person's name."""
    for cells in encoder.column_cells_:
        column = cells.column
        n_present = round(n_rows * (1 - column.missing))
        if (
            not column.numeric
            and n_present > _FEWEST_NAMED_ROWS
            and len(cells.codec.levels) > _MOST_LEVELS_PER_ROW * n_present
        ):
            raise DataError(
                f"column {column.name!r} has {len(cells.codec.levels)} levels for {n_present} "
                "values, so it names rows rather than describes them; drop it, or set it as the "
                "index."
            )
        if column.categories is not None and len(column.categories) > n_rows:
            warnings.warn(
                f"column {column.name!r} has {len(column.categories)} categories for {n_rows} "
                f"rows; the {len(cells.codec.levels)} that occur are learnt.",
                DataWarning,
                stacklevel=3,
            )


def _select_rows(frame: pd.DataFrame, preset: Preset) -> pd.DataFrame:
    """Keep the rows that a preset is about."""
    for name, value in preset.rows.items():
        if name not in frame.columns:
            continue
        keep = (frame[name] == value).fillna(False).to_numpy(dtype=bool)
        if not keep.all():
            warnings.warn(
                f"{(~keep).sum()} of {len(keep)} rows left out: the preset learns rows with "
                f"{name} = {value!r} only.",
                DataWarning,
                stacklevel=3,
            )
            frame = frame[keep]
    return frame
