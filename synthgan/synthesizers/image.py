"""ImageGANSynthesizer: grey and colour images, such as fingerprints and irises."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from synthgan.encoding import ImageEncoder
from synthgan.encoding.images.containers import take_images
from synthgan.exceptions import ParameterError
from synthgan.gan.networks.protocol import PixelNoiseGenerator
from synthgan.gan.training.callbacks import Callback
from synthgan.gan.training.config import Adam
from synthgan.gan.training.interrupts import leaving_out
from synthgan.io.images import ImageStack, read_images
from synthgan.io.images.reading import check_size
from synthgan.metrics.images import image_coverage, pixel_statistics
from synthgan.refine.grain import grain_power, noise_factor
from synthgan.synthesizers.base import BaseGANSynthesizer
from synthgan.synthesizers.labelled import draw_to_score, learn_labels, sample_records
from synthgan.synthesizers.parameters import NOT_DESCRIBED, refuse_guarantee
from synthgan.synthesizers.recipes import IMAGE, IMAGE_PRESETS, find_encoder, find_preset
from synthgan.synthesizers.rollback import rollback_on_error
from synthgan.synthesizers.shared_parameters import store_parameters

__all__ = ["ImageGANSynthesizer"]

_MOST_SCORED, _FEWEST_COVERED, _LEAST_SIDE = 2000, 20, 4
_PIXELS_A_STEP, _SMALLEST_BATCH, _LARGEST_BATCH = 2**16, 16, 64
_LEAST_GRAINY = 16  # pixels a side: smaller images have no grain
_GRAINY_PIXELS, _FEWEST_GRAINY = 2**22, 16  # pixels in all, and images, that it is measured on
_WEAKER = 0.5  # times the noise, for comparison


class ImageGANSynthesizer(BaseGANSynthesizer):
    """Train a GAN on images and generate synthetic images.

    Parameters left as None follow the preset, and without a preset the default recipe.

    Parameters
    ----------
    preset : {"thesis-fingerprints", "thesis-iris-fcn", "thesis-iris-cnn"} or None, default=None
        Named parameter set. Parameters that you give override it.
    encoder : ImageEncoder or None, default=None
        Encodes images as grids.
    network : {"cnn", "fcn"}, network spec or None, default=None
        The networks: a short name, `CNN`, `FCN`, or any object with
        ``build(shape, n_conditions, latent_dim) -> (generator, discriminator)``.
    epochs : int, {"auto"} or None, default=None
        Passes over the training images. ``"auto"``: by their number.
    batch_size : int, {"auto"} or None, default=None
        Images a step; at most their number. ``"auto"``: 64, and of images of more than 32 x 32
        pixels fewer, down to 16; at most a third of all.
    condition_on : list of str or None, default=None
        Conditions of `sample` beside y: columns of ``info`` of an ImageStack, of a table of
        paths, or ``"folder"``, the name of the folder that holds a file.
    size, color, crop : as in `read_images`
        For images that are read from files.
    on_error : {"raise", "skip"}, default="raise"
        As in `read_images`; where y is given, always ``"raise"``.

    Attributes
    ----------
    encoder_ : ImageEncoder
        Fitted on X.
    labels_ : Labels
        The labels that conditions may name.
    image_shape_ : (int, int, int)
        Height, width, channels.
    generator_ : torch.nn.Module
        The averaged generator, on the CPU.
    history_ : DataFrame
        One row for each logged step: epoch, step, losses, mean outputs of the discriminator,
        seconds.
    n_features_in_ : int
        Pixels of an image, times its channels.
    feature_names_in_ : ndarray of str
        Only when X is a table of pixels whose column names are all strings.

    See Also
    --------
    ImageEncoder : Turns images into grids and back.
    synthgan.io.images.read_images : Reads a zip archive, a folder, or files.
    synthgan.io.images.save_images : Writes them.

    References
    ----------
    E. Piacentino, Generative Adversarial Network based Machine for Fake Data Generation, master
    thesis, UPC Barcelona, 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from synthgan import ImageGANSynthesizer
    >>> digits = load_digits()
    >>> model = ImageGANSynthesizer(max_steps=2, random_state=0).fit(digits.images, digits.target)
    >>> fake, y = model.sample(3, conditions={"y": [3, 8]}, return_y=True)
    >>> fake.shape, bool(set(y) <= {3, 8})
    ((3, 8, 8), True)
    """

    kind = "image"
    encoder_class = ImageEncoder
    recipe, presets = IMAGE, IMAGE_PRESETS

    privacy: str
    size: int | tuple[int, int] | None
    color: str
    crop: bool
    on_error: str
    verbose: int

    _parameter_constraints = {
        **BaseGANSynthesizer._parameter_constraints,
        "size": "no_validation",  # read_images checks it
        "color": [StrOptions({"grey", "rgb"})],
        "crop": ["boolean"],
        "on_error": [StrOptions({"raise", "skip"})],
    }

    def __init__(
        self,
        preset: str | None = None,
        encoder: ImageEncoder | None = None,
        network: Any = None,
        loss: Any = None,
        optimizer: Adam | None = None,
        epochs: int | str | None = None,
        max_steps: int | None = None,
        max_time: float | str | None = None,
        batch_size: int | str | None = None,
        condition_on: Sequence[str] | None = None,
        privacy: str = "balanced",
        size: int | tuple[int, int] | None = None,
        color: str = "grey",
        crop: bool = False,
        on_error: str = "raise",
        callbacks: Sequence[Callback] | None = None,
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
    ) -> None:
        store_parameters(self, locals())

    @rollback_on_error
    def fit(self, X: Any, y: Any = None, groups: Any = None) -> ImageGANSynthesizer:
        """Train on images.

        Parameters
        ----------
        X : array-like, ImageStack, str, path, list of these, or DataFrame
            Pixels of shape (n, height, width), (n, height, width, 1 or 3), or a row an image; or a
            zip archive, a folder, files, or a table of a column "path". At least two images.
        y : Series, DataFrame or array-like of shape (n,) or (n, n_outputs), optional
            Labels that conditions of `sample` may name.
        groups : str, array-like of shape (n,), or None, default=None
            Who each image belongs to: a column of ``info`` of an ImageStack, such as ``"folder"``,
            or one value an image. Labels are then stored only where 5 people share them. None:
            ``"patient"`` or ``"record"`` where ``info`` has it, else each image is of another
            person.

        Returns
        -------
        self : ImageGANSynthesizer

        Raises
        ------
        DataError, ValueError
            Data that cannot be encoded; the message says where.
        ParameterError, ValueError
            A parameter that is not allowed.
        """
        begun = time.perf_counter()
        refuse_guarantee(self.privacy, "images", NOT_DESCRIBED)
        self._validate_params()
        preset = find_preset(self)
        encoder = find_encoder(self, preset)
        X = self._open(X, y)
        values, container = take_images(self, X, encoder.shape, reset=True, min_images=2)
        self._check_size(values.shape[1:3])
        if hasattr(self, "feature_names_in_"):
            encoder.feature_names_in_ = self.feature_names_in_
        encoder.fit_values(values, container)
        # What a step needs of time and memory goes with pixels.
        n_pixels = math.prod(encoder.grid_shape_)
        largest = int(np.clip(_PIXELS_A_STEP // n_pixels, _SMALLEST_BATCH, _LARGEST_BATCH))
        info = X.info if isinstance(X, ImageStack) else None
        data = learn_labels(self, encoder, values, info, y, groups, largest_batch=largest)
        self._fit_grids(data, preset, begun)
        with leaving_out("the match of grain"):
            self._match_grain(values)
        return self

    def sample(
        self,
        n: int | None = None,
        conditions: Any = None,
        random_state: Any = None,
        return_y: bool = False,
        on_missing: str = "error",
    ) -> Any:
        """Generate synthetic images.

        Parameters
        ----------
        n : int or None, default=None
            How many; None: one, or as many as `conditions` has rows.
        conditions : dict, DataFrame (or polars or pyarrow table) or None, default=None
            What must hold for every image. A dict maps labels to a value, a range
            ``(low, high)``, ends included, or a list of values. A DataFrame asks for one image for
            each of its rows, in order. Labels are those of `condition_on` and the columns of y,
            ``"y"`` where it has no name.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's own, so that an int there gives the same images at each call.
        return_y : bool, default=False
            Return (X, y) instead of X; y must have been given to `fit`. What `conditions` leave
            open is drawn as often as it was learnt together with what they ask of y.
        on_missing : {"error", "warn"}, default="error"
            What to do if too few images meet the conditions. ``"warn"``: return those that do, in
            order, with a `DataWarning` that counts the others.

        Returns
        -------
        X : as given to `fit`
            Same container and dtype; an ImageStack where files were read. No pixel is darker or
            brighter than the darkest and the brightest one of the images of `fit`.
        y : as given to `fit`
            Only with `return_y`.

        Raises
        ------
        DataError
            A condition on a label or value that is not known.
        ParameterError
            `n` is negative or no integer, `return_y` without y in fit, or `on_missing` is unknown.
        SamplingError
            Images that meet the conditions are too rare; the message counts them.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        n_values = math.prod(self.image_shape_)
        return sample_records(
            self, n, conditions, random_state, return_y, self._draw_values, n_values, on_missing
        )

    def score(self, X: Any, y: Any = None) -> float:
        """Measure how similar a sample is to X.

        Parameters
        ----------
        X : as given to `fit`
            Images to compare with, preferably not used in training.
        y : Ignored

        Returns
        -------
        score : float
            Mean of `synthgan.metrics.images.pixel_statistics` and, of 20 images or more,
            `image_coverage`; 0..1, higher is better, the same at each call.
        """
        check_is_fitted(self)
        encoder = self.encoder_
        images = self._open(X, y)
        real, _ = take_images(self, images, encoder.shape, reset=False, min_images=2)
        real = real[np.sort(np.random.default_rng(0).permutation(len(real))[:_MOST_SCORED])]
        sides = [
            _levels(encoder, x) for x in (real, draw_to_score(self, len(real), self._draw_values))
        ]
        values = [pixel_statistics(*sides, random_state=0).value]
        if len(real) >= _FEWEST_COVERED:
            values.append(image_coverage(*sides, random_state=0).value)
        return float(np.mean(values))

    def _open(self, X: Any, y: Any) -> Any:
        """Read files, where X names some."""
        is_path = isinstance(X, str | Path)
        names_files = isinstance(X, list | tuple) and X and isinstance(X[0], str | Path)
        is_table = isinstance(X, pd.DataFrame) and any(
            pd.api.types.is_string_dtype(dtype) for dtype in X.dtypes
        )
        if not (is_path or names_files or is_table):
            return X
        on_error = self.on_error
        if y is not None and on_error == "skip":
            on_error = "raise"  # images left out would no longer fit their labels
        return read_images(
            X,
            size=self.size,
            color=self.color,
            crop=self.crop,
            on_error=on_error,
            progress=bool(self.verbose),
        )

    def _match_grain(self, values: np.ndarray) -> None:
        """Scale the noise that the generator adds to pixels, to match the grain of real images."""
        generator = self.generator_
        if not isinstance(generator, PixelNoiseGenerator):
            return
        if min(self.image_shape_[:2]) < _LEAST_GRAINY:
            return
        n = max(_FEWEST_GRAINY, _GRAINY_PIXELS // math.prod(self.image_shape_))
        some = np.sort(np.random.default_rng(0).permutation(len(values))[:n])
        anything = self._conditions(len(some), None)
        real, usual = self.encoder_.encode(values[some]), self._draw_grids(anything, 0)
        generator.scale_noise(_WEAKER)
        weaker = self._draw_grids(anything, 0)
        real_power, weak_power, usual_power = map(grain_power, (real, weaker, usual))
        factor = noise_factor(real_power, weak_power, usual_power, _WEAKER)
        generator.scale_noise(factor / _WEAKER)

    def _check_size(self, size: tuple[int, ...]) -> None:
        if check_size(self.size) not in (None, size):
            raise ParameterError(
                f"size={self.size!r} is for files; these images are {size[0]} x {size[1]}: leave "
                "it None, or resize them."
            )

    def _restore_encoder(self, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        super()._restore_encoder(record, arrays)
        self.image_shape_ = self.encoder_.image_shape_


def _levels(encoder: ImageEncoder, values: np.ndarray) -> np.ndarray:
    """Give images as grey levels with channels last, large enough to be compared."""
    grids = encoder.encode(values)
    levels = grids[..., None] if grids.ndim == 3 else np.moveaxis(grids, 1, 3)
    for axis in (1, 2):
        levels = np.repeat(levels, -(-_LEAST_SIDE // levels.shape[axis]), axis=axis)
    return levels
