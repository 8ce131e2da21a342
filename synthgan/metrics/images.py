"""Measures of stacks of images: fakes against real ones, grey levels 0..255."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from synthgan.exceptions import DataError
from synthgan.metrics.arms import Arms, families_alone
from synthgan.metrics.image_space import (
    SPACE_NOTE,
    STATISTICS,
    ImageSpace,
    ring_powers,
    statistics,
)
from synthgan.metrics.points import ks, neighbour_measures
from synthgan.metrics.score import Score
from synthgan.metrics.tables import Part
from synthgan.metrics.two_sample import boosted, two_sample_test

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
_MOST_PIXELS = 20_000_000  # of a set
_LEAST_IMAGES = 200  # however large
_LEAST_SIDE = 4


def pixel_statistics(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare how light images are, and how they spread over grey levels.

    Parameters
    ----------
    real, fake : array-like of shape (n, height, width) or (n, height, width, n_channels)
        At least two images of 4x4 pixels or more, uint8 or numbers 0..255.
    holdout : array-like or None, default=None
        Real images that no generator has seen; gives the ceiling.
    target : object, default=None
        Not used.
    random_state : int, RandomState instance, Generator or None, default=None
        For the phases of the floor, and the sub-samples of large sets: up to 2000 images of each
        are drawn, fewer (at least 200) of images of more than 10 000 pixels.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distance of seven statistics of each image: the
        mean, the standard deviation, and five quantiles of its pixels. 0..1, higher is better. Each
        channel is compared with itself. The floor has real images (of the holdout, if there is one)
        with random Fourier phases in place of the fakes, see `phase_randomised_images`.

    Raises
    ------
    DataError
        Images of wrong or different shapes, fewer than two, pixels that are missing or outside of
        0..255, or real images that are all of one and the same level.

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

    arms = read_images(real, fake, holdout)
    return arms.compare("pixel statistics", compare, random_state, most=_most(arms))


def image_spectrum(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare the power at each spatial frequency: how smooth or how grainy images are.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `pixel_statistics`.

    Returns
    -------
    score : Score
        The mean over frequencies of the difference of both mean power spectra, averaged over
        directions and channels, in decades: 0.3 is a factor of two. Lower is better, 0 is equal.
        ``detail`` has both by ``cycles_per_pixel``, in grey levels squared. Surrogates have the
        same power: the floor is near 0, and says nothing of shapes.
    """

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        n_rings = min(ours.shape[1:3]) // 2
        cycles, a = ring_powers(ours, n_rings)
        b = ring_powers(theirs, n_rings)[1]
        a, b = a.mean(axis=0), b.mean(axis=0)
        gaps = np.abs(np.log10(a) - np.log10(b))
        index = pd.Index(cycles, name="cycles_per_pixel")
        return Part(
            float(gaps.mean()), pd.DataFrame({"real": a, "fake": b, "value": gaps}, index=index)
        )

    arms = read_images(real, fake, holdout)
    return arms.compare(
        "spectrum of images (decades)",
        compare,
        random_state,
        higher_is_better=False,
        most=_most(arms),
    )


def image_precision(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of fake images that lie among real ones.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `pixel_statistics`; as many of each set are drawn.

    Returns
    -------
    score : Score
        Share of fakes within the distance of some real image to its fifth nearest real neighbour.
        0..1, higher is better. The space is that of `frechet_distance`. ``detail`` has precision,
        recall, density and coverage.

    References
    ----------
    Naeem et al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    return _neighbours("precision", real, fake, holdout, random_state)


def image_recall(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of real images that lie among fakes.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        Share of real images within the distance of some fake to its fifth nearest fake neighbour.
        0..1, higher is better.

    References
    ----------
    Kynkaanniemi et al. (2019), Improved precision and recall metric, arXiv 1904.06991.
    """
    return _neighbours("recall", real, fake, holdout, random_state)


def image_density(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """How many real images a fake has round it, as a share of what a real one has.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        As of `density`: about 1 for other real images. Higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("density", real, fake, holdout, random_state)


def image_coverage(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Share of real images that have a fake in their neighbourhood.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        Share of real images with a fake nearer than their fifth nearest real neighbour; about .97
        for other real images. 0..1, higher is better.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("coverage", real, fake, holdout, random_state)


def frechet_distance(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Frechet distance of both sets, as normal distributions of plain features.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        The squared distance; 0 is equal, lower is better. ``detail`` has the part of the means and
        that of the covariances. The features are in the note: no network that was trained on
        photographs, so figures are not those that are published as FID, and compare only with the
        ceiling and the floor. With few images it is above 0 for real ones, too.

    References
    ----------
    Heusel et al. (2017), GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium, arXiv 1706.08500, equation 6.
    """

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        space = ImageSpace(ours)
        a, b = space.points(ours), space.points(theirs)
        means = float(np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2))
        values = {"means": means, "covariances": _covariance_gap(a, b)}
        detail = pd.DataFrame({"value": values}).rename_axis("part")
        return Part(float(sum(values.values())), detail)

    arms = read_images(real, fake, holdout)
    return arms.also(SPACE_NOTE).compare(
        "Frechet distance of plain features",
        compare,
        random_state,
        higher_is_better=False,
        most=_most(arms),
        equal=True,
    )


def image_c2st(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Let boosted trees tell fake from real images.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `image_precision`.

    Returns
    -------
    score : Score
        Five-fold AUC, as of `c2st`: 0.5: the trees only guess, 1: they always know. Lower is
        better. They see the features of `frechet_distance` (components of both sets together) and
        the statistics of `pixel_statistics`. ``detail`` has the AUC of trees that see one family of
        these alone. The interval is DeLong's.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """

    def features(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, slice]]:
        space = ImageSpace(np.concatenate([a, b]))
        blocks = [{**space.families(x), "pixel statistics": statistics(x)} for x in (a, b)]
        ends = np.cumsum([0] + [block.shape[1] for block in blocks[0].values()]).tolist()
        spans = zip(blocks[0], ends[:-1], ends[1:], strict=True)
        ours, theirs = (np.hstack(list(block.values())) for block in blocks)
        return ours, theirs, {name: slice(*span) for name, *span in spans}

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        return _tell(*features(ours, theirs)[:2], rng)

    def explain(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        seen, other, families = features(ours, theirs)
        return families_alone(families, seen, other, lambda a, b: _tell(a, b, rng))

    arms = read_images(real, fake, holdout)
    return arms.compare(
        "C2ST of images",
        compare,
        random_state,
        higher_is_better=False,
        most=_most(arms),
        equal=True,
        explain=explain,
    )


def phase_randomised_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give every image random Fourier phases: its power spectrum is kept, its shapes are lost.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, n_channels)
        All channels of an image turn by the same phases.
    rng : Generator

    Returns
    -------
    surrogates : ndarray of the same shape
        With the mean and the power spectrum of each image; pixels may leave 0..255.

    References
    ----------
    Theiler et al. (1992), doi 10.1016/0167-2789(92)90102-S, in two dimensions.
    """
    images = np.asarray(images, dtype=np.float64)
    # The phases of noise that is real are odd, as those of a real image must be.
    noise = np.fft.fft2(rng.normal(size=images.shape[:3]), axes=(1, 2))
    turns = noise / np.abs(noise)
    turns[:, 0, 0] = 1.0
    if images.ndim == 4:
        turns = turns[..., None]
    return np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * turns, axes=(1, 2)).real


def _neighbours(name: str, real: Any, fake: Any, holdout: Any, random_state: Any) -> Score:
    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        space = ImageSpace(ours)
        values = neighbour_measures(space.points(ours), space.points(theirs))
        return Part(values[name], pd.DataFrame({"value": values}).rename_axis("measure"))

    arms = read_images(real, fake, holdout).also(SPACE_NOTE)
    return arms.compare(f"{name} of images", compare, random_state, most=_most(arms), equal=True)


def read_images(real: Any, fake: Any, holdout: Any) -> Arms:
    """Read and check images: float32 of shape (n, height, width, n_channels)."""
    sets = {
        name: _read_set(x, name)
        for name, x in (("real", real), ("fake", fake), ("holdout", holdout))
        if x is not None
    }
    shape = sets["real"].shape[1:]
    for name, x in sets.items():
        if x.shape[1:] != shape:
            raise DataError(
                f"the {name} images have (height, width, channels) = {x.shape[1:]}, the real ones "
                f"{shape}; bring all sets to the same."
            )
        if name != "fake" and x.min() == x.max():
            raise DataError(f"all {name} images are of the one level {x.min():g}; nothing to see.")
    return Arms(sets, phase_randomised_images, "images")


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


def _most(arms: Arms) -> int:
    n_pixels = int(np.prod(arms.sets["real"].shape[1:]))
    return min(_MOST_IMAGES, max(_LEAST_IMAGES, _MOST_PIXELS // n_pixels))


def _covariance_gap(a: np.ndarray, b: np.ndarray) -> float:
    """Trace of both covariances less twice that of the root of their product, at least 0."""
    first, second = (np.cov(x, rowvar=False) for x in (a, b))
    values, vectors = eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    shared = np.sqrt(np.maximum(eigh(root @ second @ root, eigvals_only=True), 0.0)).sum()
    return max(0.0, float(np.trace(first) + np.trace(second) - 2 * shared))


def _tell(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    seed = int(rng.integers(2**31 - 1))
    return two_sample_test(ours, theirs, lambda: boosted(seed), rng)
