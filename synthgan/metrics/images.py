"""Measures that compare synthetic with real images, grey levels 0..255."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from synthgan.exceptions import DataError
from synthgan.metrics.compared_sets import ComparedSets, Comparison, Part, given_sets
from synthgan.metrics.image_space import (
    SPACE_NOTE,
    STATISTICS,
    ImageSpace,
    ring_powers,
    statistics,
)
from synthgan.metrics.measure import Measure, publish
from synthgan.metrics.points import ks, neighbour_measures
from synthgan.metrics.score import Score
from synthgan.metrics.two_sample import Families, c2st_of_arrays, stack_families

__all__ = [
    "frechet_distance",
    "image_c2st",
    "image_coverage",
    "image_density",
    "image_precision",
    "image_recall",
    "image_spectrum",
    "phase_randomised_images",
    "pixel_statistics",
    "read_images",
]

_MOST_IMAGES = 2000
_LEAST_SIDE = 4


def pixel_statistics(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare the brightness and contrast of images.

    Parameters
    ----------
    real, fake : array-like of shape (n, height, width) or (n, height, width, n_channels)
        At least two images of 4x4 pixels or more, uint8 or numbers 0..255.
    holdout : array-like or None, default=None
        Real images that were not used in training; gives the ceiling.
    target : object, default=None
        Not used.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed of the phases of the floor and of the sub-samples of large sets: up to 2000 images of
        each set are drawn, fewer (at least 200) if images have more than 10 000 pixels.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distance of seven statistics of each image: the
        mean, the standard deviation, and five quantiles of its pixels. 0..1, higher is better. Each
        channel is compared with itself. The floor has real images (of the holdout, if there is one)
        with random Fourier phases in place of the synthetic images, see `phase_randomised_images`.

    Raises
    ------
    DataError
        Images of wrong or different shapes, fewer than two, pixels that are missing or outside of
        0..255, or real images with a single constant level.

    Examples
    --------
    >>> import numpy as np
    >>> real = np.random.default_rng(0).integers(0, 200, size=(50, 8, 8))
    >>> score = pixel_statistics(real, real + 50, random_state=0)
    >>> score.detail["value"].round(1)[["mean", "sd"]].to_dict()
    {'mean': 0.0, 'sd': 1.0}
    """

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        a, b = statistics(ours), statistics(theirs)
        values = [1 - ks(a[:, i], b[:, i]) for i in range(a.shape[1])]
        if ours.shape[3] == 1:
            index = pd.Index(STATISTICS, name="statistic")
        else:
            levels = [STATISTICS, range(ours.shape[3])]
            index = pd.MultiIndex.from_product(levels, names=["statistic", "channel"])
        return Part(float(np.mean(values)), pd.DataFrame({"value": values}, index=index))

    compared = read_images(real, fake, holdout)
    most = compared.affordable(_MOST_IMAGES)
    return compared.compare("pixel statistics", compare, random_state, most=most)


def _images(
    name: str, *, higher_is_better: bool = True, equal: bool = False
) -> Callable[[Comparison], Measure]:
    """Make a public measure of a function that compares two sets of images.

    Measures that need equally large sets (`equal`) use the features of `ImageSpace`.
    """

    def decorate(compare: Comparison) -> Measure:
        def measure(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
        ) -> Score:
            compared = read_images(real, fake, holdout).also(SPACE_NOTE if equal else "")
            return compared.compare(
                name, compare, random_state, higher_is_better=higher_is_better,
                most=compared.affordable(_MOST_IMAGES), equal=equal,
            )  # fmt: skip

        drawn = "The same number is drawn from each set." if equal else ""
        return publish(measure, compare, f"As in `pixel_statistics`. {drawn}")

    return decorate


@_images("spectrum of images (decades)", higher_is_better=False)
def image_spectrum(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Compare the power of images at each spatial frequency.

    Returns
    -------
    score : Score
        The mean over frequencies of the difference of both mean power spectra, averaged over
        directions and channels, in decades: 0.3 is a factor of two. Lower is better, 0 is equal.
        ``detail`` has both by ``cycles_per_pixel``, in grey levels squared. Surrogates have the
        same power, so the floor is near 0 and does not reflect shapes.
    """
    n_rings = min(ours.shape[1:3]) // 2
    cycles, a = ring_powers(ours, n_rings)
    b = ring_powers(theirs, n_rings)[1]
    a, b = a.mean(axis=0), b.mean(axis=0)
    gaps = np.abs(np.log10(a) - np.log10(b))
    index = pd.Index(cycles, name="cycles_per_pixel")
    return Part(
        float(gaps.mean()), pd.DataFrame({"real": a, "fake": b, "value": gaps}, index=index)
    )


@_images("precision of images", equal=True)
def image_precision(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Precision: share of synthetic images in the neighbourhood of real ones.

    Returns
    -------
    score : Score
        Share of synthetic images within the distance of some real image to its fifth nearest real
        neighbour. 0..1, higher is better. The space is that of `frechet_distance`. ``detail`` has
        precision, recall, density and coverage.

    References
    ----------
    Naeem et al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    return _neighbours("precision", ours, theirs)


@_images("recall of images", equal=True)
def image_recall(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Recall: share of real images in the neighbourhood of synthetic ones.

    Returns
    -------
    score : Score
        Share of real images within the distance of some synthetic image to its fifth nearest
        other synthetic image. 0..1, higher is better.

    References
    ----------
    Kynkaanniemi et al. (2019), Improved precision and recall metric, arXiv 1904.06991.
    """
    return _neighbours("recall", ours, theirs)


@_images("density of images", equal=True)
def image_density(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Density: number of real images around a synthetic one, relative to a real one.

    Returns
    -------
    score : Score
        As in `density`: about 1 for other real images. Higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("density", ours, theirs)


@_images("coverage of images", equal=True)
def image_coverage(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Coverage: share of real images with a synthetic one in their neighbourhood.

    Returns
    -------
    score : Score
        Share of real images with a synthetic image nearer than their fifth nearest real neighbour;
        about .97 for other real images. 0..1, higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("coverage", ours, theirs)


@_images("Frechet distance of plain features", higher_is_better=False, equal=True)
def frechet_distance(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    """Frechet distance between the normal distributions of simple features of both sets.

    Returns
    -------
    score : Score
        The squared distance; 0 is equal, lower is better. ``detail`` has the parts of the means and
        of the covariances. The note describes the features. They are not those of a network trained
        on photographs, so values are not comparable with published FID values, only with the
        ceiling and the floor. With few images the distance of real ones is above 0, too.

    References
    ----------
    Heusel et al. (2017), GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium, arXiv 1706.08500, equation 6.
    """
    space = ImageSpace(ours)
    a, b = space.points(ours), space.points(theirs)
    means = float(np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2))
    values = {"means": means, "covariances": _covariance_gap(a, b)}
    detail = pd.DataFrame({"value": values}).rename_axis("part")
    return Part(float(sum(values.values())), detail)


def image_c2st(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Classifier two-sample test (C2ST) of synthetic and real images with boosted trees.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        Five-fold AUC, as in `c2st`: 0.5 is guessing, 1 is perfect discrimination. Lower is
        better. The trees use the features of `frechet_distance` (components of both sets together)
        and the statistics of `pixel_statistics`. ``detail`` has the AUC with each family of
        features alone. The interval is DeLong's.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """

    def features(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, Families]:
        space = ImageSpace(np.concatenate([a, b]))
        (ours, families), (theirs, _) = (
            stack_families({**space.families(x), "pixel statistics": statistics(x)}) for x in (a, b)
        )
        return ours, theirs, families

    compared = read_images(real, fake, holdout)
    return c2st_of_arrays(compared, features, random_state, compared.affordable(_MOST_IMAGES))


def phase_randomised_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Randomise the Fourier phases of images: power spectra are kept, shapes are lost.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, n_channels)
        All channels of an image are shifted by the same phases.
    rng : Generator

    Returns
    -------
    surrogates : ndarray of the same shape
        With the mean and the power spectrum of each image; pixels may lie outside 0..255.

    References
    ----------
    Theiler et al. (1992), doi 10.1016/0167-2789(92)90102-S, in two dimensions.
    """
    images = np.asarray(images, dtype=np.float64)
    # The phases of real noise are odd, as a real image requires.
    noise = np.fft.fft2(rng.normal(size=images.shape[:3]), axes=(1, 2))
    turns = noise / np.abs(noise)
    turns[:, 0, 0] = 1.0
    if images.ndim == 4:
        turns = turns[..., None]
    return np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * turns, axes=(1, 2)).real


def _neighbours(name: str, ours: np.ndarray, theirs: np.ndarray) -> Part:
    space = ImageSpace(ours)
    values = neighbour_measures(space.points(ours), space.points(theirs))
    return Part.of(values, "measure", name)


def read_images(real: Any, fake: Any, holdout: Any) -> ComparedSets:
    """Read and check images: float32 of shape (n, height, width, n_channels)."""
    given = given_sets("set of images", {"real": real, "fake": fake, "holdout": holdout})
    sets = {name: _read_set(x, name) for name, x in given.items()}
    shape = sets["real"].shape[1:]
    for name, x in sets.items():
        if x.shape[1:] != shape:
            raise DataError(
                f"the {name} images have (height, width, channels) = {x.shape[1:]}, the real ones "
                f"{shape}; resize all sets to the same shape."
            )
        if name != "fake" and x.min() == x.max():
            raise DataError(
                f"all {name} images have the single level {x.min():g}; give images that vary."
            )
    return ComparedSets(sets, phase_randomised_images, "images")


def _read_set(x: Any, name: str) -> np.ndarray:
    try:
        images = np.asarray(x).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"the {name} images are not numbers ({error}); give an array.") from error
    if images.ndim not in (3, 4) or min(images.shape[1:3]) < _LEAST_SIDE or not images.shape[-1]:
        raise DataError(
            f"the {name} images have shape {images.shape}; give (n, height, width) or (n, height, "
            f"width, n_channels), with sides of {_LEAST_SIDE} or more."
        )
    if len(images) < 2:
        raise DataError(f"the {name} set has {len(images)} images; a comparison needs at least 2.")
    if np.isnan(images).any():
        n_missing = int(np.isnan(images).any(axis=tuple(range(1, images.ndim))).sum())
        raise DataError(f"{n_missing} of {len(images)} {name} images have missing pixels.")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 255:
        raise DataError(f"{name} pixels are {low:g} to {high:g}; 0 to 255 is allowed.")
    return images[..., None] if images.ndim == 3 else images


def _covariance_gap(a: np.ndarray, b: np.ndarray) -> float:
    """Trace of both covariances less twice that of the root of their product, at least 0."""
    first, second = (np.cov(x, rowvar=False) for x in (a, b))
    values, vectors = eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    shared = np.sqrt(np.maximum(eigh(root @ second @ root, eigvals_only=True), 0.0)).sum()
    return max(0.0, float(np.trace(first) + np.trace(second) - 2 * shared))
