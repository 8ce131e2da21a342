"""Feature space of images without trained weights; no specific measure."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

__all__ = ["SPACE_NOTE", "STATISTICS", "ImageSpace", "averaged", "ring_powers", "statistics"]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STATISTICS = ("mean", "sd", *(f"{round(100 * q)} %" for q in _QUANTILES))
_LEAST_POWER = 1 / 12  # grey levels squared: the variance of rounding to whole levels
_SIDE = 16  # side in pixels of the images of which components are computed
_N_COMPONENTS = 24
_N_ORIENTATIONS = 8
_N_TILES = 2  # along each side, for orientations
_N_RINGS = 8
SPACE_NOTE = (
    f"Features: up to {_N_COMPONENTS} principal components of images averaged down to {_SIDE}x"
    f"{_SIDE} pixels or fewer, {_N_ORIENTATIONS} orientations of gradients in each of "
    f"{_N_TILES}x{_N_TILES} tiles, {_N_RINGS} rings of the power spectrum; each of the three has a "
    f"total variance of 1 among the real images."
)


class ImageSpace:
    """Features of images: principal components, gradient orientations, rings of the spectrum."""

    def __init__(self, images: np.ndarray) -> None:
        small = averaged(images)
        n = min(_N_COMPONENTS, len(small) - 1, small.shape[1])
        self.components = PCA(n, random_state=0).fit(small)
        spreads = {name: x.var(axis=0).sum() for name, x in self.families(images).items()}
        self.scales = {name: float(np.sqrt(spread)) or 1.0 for name, spread in spreads.items()}

    def families(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Features by family, each of shape (n, n_features)."""
        n_rings = min(_N_RINGS, min(images.shape[1:3]) // 2)
        return {
            "principal components": self.components.transform(averaged(images)),
            "orientations": _orientations(images),
            "spectrum": np.log10(ring_powers(images, n_rings)[1]),
        }

    def points(self, images: np.ndarray) -> np.ndarray:
        """All features on their scales, shape (n, n_features)."""
        return np.hstack([x / self.scales[name] for name, x in self.families(images).items()])


def statistics(images: np.ndarray) -> np.ndarray:
    """Seven statistics of each channel of each image, shape (n, 7 * n_channels)."""
    pixels = images.reshape(len(images), -1, images.shape[3]).astype(np.float64)
    rows = [pixels.mean(axis=1), pixels.std(axis=1), *np.quantile(pixels, _QUANTILES, axis=1)]
    return np.hstack(rows)


def ring_powers(images: np.ndarray, n_rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Radii of spectral rings in cycles per pixel, and the mean power of each image in them."""
    height, width = images.shape[1:3]
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)).ravel()
    ring = np.ceil(2 * n_rings * radius - 1e-9).astype(np.int64)
    member = (ring[:, None] == np.arange(1, n_rings + 1)).astype(np.float64)
    member /= member.sum(axis=0)
    powers = np.empty((len(images), n_rings))
    for i, image in enumerate(images):  # one at a time: a spectrum is large
        waves = np.fft.fft2(image.astype(np.float64), axes=(0, 1))
        power = np.mean(np.abs(waves) ** 2, axis=2) / (height * width)
        powers[i] = power.ravel() @ member
    return (np.arange(n_rings) + 0.5) / (2 * n_rings), powers + _LEAST_POWER


def _orientations(images: np.ndarray) -> np.ndarray:
    """Histogram of gradient orientations by tile, (n, n_tiles**2 * n_directions).

    Values are shares of the total gradient of the image; all are 0 for a constant image.
    """
    n, height, width = images.shape[:3]
    down, right = np.gradient(images.mean(axis=3, dtype=np.float64), axis=(1, 2))
    strength = np.hypot(down, right)
    turn = np.arctan2(down, right) / np.pi % 1.0  # directions that differ by a half turn are equal
    # The first direction is that of vertical edges, half of its span to each side.
    direction = np.floor(turn * _N_ORIENTATIONS + 0.5).astype(np.int64) % _N_ORIENTATIONS
    rows, columns = (np.arange(size) * _N_TILES // size for size in (height, width))
    tile = rows[:, None] * _N_TILES + columns
    n_cells = _N_TILES**2 * _N_ORIENTATIONS
    cell = np.arange(n)[:, None, None] * n_cells + tile * _N_ORIENTATIONS + direction
    sums = np.bincount(cell.ravel(), weights=strength.ravel(), minlength=n * n_cells)
    return sums.reshape(n, n_cells) / (strength.sum(axis=(1, 2))[:, None] + 1.0)


def averaged(images: np.ndarray) -> np.ndarray:
    """Pixels of averaged images, shape (n, n_pixels); surplus rows and columns are cut off."""
    n, height, width, n_channels = images.shape
    tall, wide = (-(-size // _SIDE) for size in (height, width))
    rows, columns = height // tall, width // wide
    cut = images[:, : rows * tall, : columns * wide].astype(np.float64)
    small = cut.reshape(n, rows, tall, columns, wide, n_channels).mean(axis=(2, 4))
    return small.reshape(n, -1)
