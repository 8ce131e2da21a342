"""Simulated images of an iris camera: many people, one eye each; no real data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates
from scipy.special import expit

from synthgan.datasets.drawing import check_size, smooth_noise
from synthgan.randomness import draw_generator

__all__ = ["make_irises"]

# Lengths are in radii of the iris, x to the temple and y down from the middle of the eye, unless
# their name ends in px; a grey is from 0, black, to 255, white.
_RADIUS = (0.33, 0.43)  # of the iris, of the height of the image or 3/4 of its width
_DILATION = (0.25, 0.60)  # radius of the pupil
_GAZE_SD, _SHIFT_SD, _TILT_SD = 0.11, 0.10, 0.05
_GREYS = {"pupil": (14, 44), "iris": (72, 132), "sclera": (158, 200), "skin": (120, 190)}

# fmt: off
# Noise of the iris: weight; spread along the radius, of its width; spread round it, in radians.
_FIBRES = [(0.45, 0.35, 0.009), (0.60, 0.35, 0.022), (0.50, 0.40, 0.06), (0.35, 0.20, 0.22)]
_FURROWS = (0.22, 0.020, 0.40)
_CRYPTS  = (0.90, 0.070, 0.065)
# fmt: on
_COLLARETTE = (0.22, 0.42)  # from the pupil, of the width of the iris
_LASHES_ABOVE, _LASHES_BELOW, _VEINS = (60, 130), (25, 60), (3, 14)


def make_irises(
    n: int = 100,
    shape: Sequence[int] = (60, 80),
    *,
    return_y: bool = False,
    random_state: Any = None,
) -> Any:
    """Simulate grey images of eyes, each of a different person.

    Parameters
    ----------
    n : int, default=100
        Number of people, with one image each.
    shape : (int, int), default=(60, 80)
        Height and width of the images, each at least 8.
    return_y : bool, default=False
        Whether to return the eyes too.
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    images : ndarray of shape (n, height, width), uint8
        From 0, black, to 255, white.
    eye : Series of shape (n,)
        "left" or "right", with equal frequency; the nose is to the left of a left eye. Only with
        ``return_y=True``.

    Raises
    ------
    ParameterError
        A parameter that is not allowed.

    Notes
    -----
    Near infrared close-ups, as in the database of the IIT Delhi: a dark pupil with varying
    dilation, an iris that is darker at its rim, the sclera with a few veins, lids with lashes,
    skin, and the lamps' reflections. Gaze, light, sharpness and camera noise vary.

    The texture of the iris has the same parts as that of Zuo, Schmid and Chen, but another method:
    noise in polar coordinates with a long correlation along the radius forms fibres, an irregular
    collarette separates the inner from the outer zone, with crypts around it and furrows outside.
    The texture is stretched with the pupil.

    One `random_state` gives the same first eyes for every `n`.

    References
    ----------
    Zuo, Schmid and Chen (2007), On generation and analysis of synthetic iris images,
    doi 10.1109/TIFS.2006.890305. Kumar and Passi (2010), Comparison and combination of iris
    matchers for reliable personal authentication, Pattern Recognition 43, 1016 (the IITD images).

    Examples
    --------
    >>> images, eye = make_irises(3, (30, 40), return_y=True, random_state=0)
    >>> images.shape
    (3, 30, 40)
    """
    height, width = check_size(n, shape)
    rng = draw_generator(random_state)
    images = np.empty((n, height, width), dtype=np.uint8)
    eyes = []
    for image in images:
        eyes.append("left" if rng.uniform() < 0.5 else "right")
        drawn = _draw_eye(rng, height, width)
        image[:] = drawn if eyes[-1] == "left" else drawn[:, ::-1]
    return (images, pd.Series(eyes, name="eye", dtype=str)) if return_y else images


def _draw_eye(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw a left eye, uint8."""
    radius_px = rng.uniform(*_RADIUS) * min(height, 0.75 * width)
    middle = rng.normal(0, _SHIFT_SD, 2)
    x = (np.arange(width) - (width - 1) / 2) / radius_px - middle[0]
    y = ((np.arange(height) - (height - 1) / 2) / radius_px - middle[1])[:, None]
    y = y + rng.normal(0, _TILT_SD) * x  # (height, width)
    x = np.broadcast_to(x, y.shape)
    greys = {part: rng.uniform(*limits) for part, limits in _GREYS.items()}

    ball = _draw_ball(rng, x, y, greys, radius_px)
    upper, lower = _lids(rng, x[0])
    ball *= 1 - rng.uniform(0.2, 0.5) * np.exp(-np.clip(y - upper, 0, None) / 0.16)
    flesh = np.exp(-(((lower - upper) / 0.3) ** 2)) * (x < 0)  # of the inner corner
    ball += flesh * (0.85 * greys["skin"] - ball)
    is_open = _edge(y - upper, radius_px) * _edge(lower - y, radius_px)
    skin = _draw_skin(rng, y, upper, lower, greys["skin"], radius_px)
    image = skin + is_open * (ball - skin)

    lash = _draw_lashes(rng, x, y, upper, lower, radius_px)
    image += lash * (rng.uniform(15, 50) - image)
    light = 1 + 0.07 * smooth_noise(rng, y.shape, 3) + rng.normal(0, 0.05) * x
    image = rng.uniform(0.8, 1.15) * light * image + rng.normal(0, 4)
    image = gaussian_filter(image, rng.uniform(0.3, 0.75) * max(1, radius_px / 50))
    image += rng.uniform(1, 4) * rng.standard_normal(y.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _edge(depth: np.ndarray, radius_px: float, softness: float = 0.012) -> np.ndarray:
    """Return a soft edge from 0 outside to 1 inside, at least about a pixel wide."""
    return expit(depth / max(softness, 0.35 / radius_px))


def _draw_ball(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    greys: dict[str, float],
    radius_px: float,
) -> np.ndarray:
    """Draw the eye behind its lids: sclera, iris, pupil and reflections."""
    gaze = rng.normal(0, _GAZE_SD, 2)
    x, y = x - gaze[0], y - gaze[1]
    distance = np.hypot(x, y * rng.uniform(0.98, 1.04))
    dilation = rng.uniform(*_DILATION)
    off = rng.normal([-0.03, 0.02], 0.02)
    to_pupil = np.hypot(x - off[0], y - off[1]) + 0.008 * np.cos(2 * np.arctan2(y, x))

    ball = greys["sclera"] + 5 * smooth_noise(rng, x.shape, 4)
    ball -= rng.uniform(5, 35) * np.clip(distance - 1, 0, None) ** 2
    ball -= rng.uniform(5, 30) * _draw_veins(rng, x, y, radius_px)

    # From the rim of the pupil to that of the iris, 0 to 1; their centres differ.
    from_rim = 1.001 - np.minimum(distance, 1)
    depth = np.clip((to_pupil - dilation) / (to_pupil - dilation + from_rim), 0, 1)
    texture = _texture(rng, depth, np.arctan2(y, x), radius_px)
    rim = rng.uniform(0.15, 0.45) * np.clip((distance - 0.78) / 0.22, 0, 1) ** 2
    iris = (greys["iris"] + rng.uniform(13, 24) * texture) * (1 - rim)
    ball += _edge(1 - distance, radius_px, rng.uniform(0.02, 0.05)) * (iris - ball)
    ball += _edge(dilation - to_pupil, radius_px) * (greys["pupil"] - ball)

    lamp, glare, power = rng.normal(0, 0.12, 2), rng.uniform(225, 255), rng.uniform(2, 4)
    for _ in range(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15])):
        size = rng.uniform(0.04, 0.10)
        spot = np.abs(x - lamp[0]) ** power + np.abs(y - lamp[1]) ** power
        ball += _edge(size - spot ** (1 / power), radius_px) * (glare - ball)
        turn = rng.uniform(0, 2 * np.pi)
        lamp = lamp + rng.uniform(0.18, 0.35) * np.array([np.cos(turn), np.sin(turn)])
    return ball


def _draw_veins(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, radius_px: float
) -> np.ndarray:
    """Draw veins from the corners of the eye towards the iris, 0 to 1."""
    n, n_steps = rng.integers(*_VEINS), int(2 * radius_px) + 8
    t = np.linspace(0, 1, n_steps)
    side = rng.choice([-1, 1], (n, 1))
    wander = np.cumsum(rng.normal(0, 1, (n, n_steps)), axis=1) / np.sqrt(n_steps)
    wander = gaussian_filter1d(wander, 0.03 * n_steps, axis=1)
    at_x = side * (2.3 - rng.uniform(0.6, 1.2, (n, 1)) * t)
    at_y = rng.normal(0.1, 0.25, (n, 1)) * (1 + t) + 0.25 * wander
    thickness = rng.uniform(0.3, 1, (n, 1)) * (1 - t) ** 0.5
    return _draw_strokes(x, y, at_x, at_y, thickness, max(0.4, 0.008 * radius_px))


def _polar_noise(
    rng: np.random.Generator, shape: tuple[int, int], along: float, around: float
) -> np.ndarray:
    """Draw noise of mean square 1, with spreads in widths of the iris and in radians."""
    sigma = along * shape[0], max(around * shape[1] / (2 * np.pi), 0.5)
    noise = gaussian_filter(rng.standard_normal(shape), sigma, mode=("nearest", "wrap"))
    return noise / np.sqrt((noise**2).mean())


def _texture(
    rng: np.random.Generator, depth: np.ndarray, angle: np.ndarray, radius_px: float
) -> np.ndarray:
    """Draw the iris in polar coordinates, and return its value at each depth and angle."""
    shape = (max(16, int(0.8 * radius_px)), max(48, int(2 * np.pi * radius_px)))
    r = (np.arange(shape[0])[:, None] + 0.5) / shape[0]
    border = rng.uniform(*_COLLARETTE) + sum(
        size * _polar_noise(rng, (1, shape[1]), 0, around)
        for size, around in ((0.03, 0.35), (0.025, 0.08))
    )
    is_outer = expit((r - border) / 0.03)
    fibres = sum(weight * _polar_noise(rng, shape, *spread) for weight, *spread in _FIBRES)
    weight, *spread = _FURROWS
    furrows = weight * _polar_noise(rng, shape, *spread) * (r > 0.5)
    weight, *spread = _CRYPTS
    near = np.exp(-(((r - border - 0.1) / 0.22) ** 2))
    crypts = weight * near * np.clip(_polar_noise(rng, shape, *spread) - 1, 0, 1.5)
    ring = np.exp(-(((r - border) / 0.05) ** 2))
    texture = fibres * (0.7 + 0.4 * is_outer) + furrows - rng.uniform(0.6, 1.6) * crypts
    ring *= 1 + 0.5 * _polar_noise(rng, (1, shape[1]), 0, 0.12)
    texture += rng.uniform(0.2, 0.9) * ring + rng.normal(0, 0.7) * (1 - is_outer)
    texture -= 0.8 * np.exp(-r / 0.04)  # the dark ruff of the pupil

    wave = gaussian_filter1d(rng.standard_normal((9, 12)), 1, axis=1, mode="wrap")
    sway = 0.05 * map_coordinates(
        wave, [8 * depth, (angle / (2 * np.pi) % 1) * 12], order=1, mode="grid-wrap"
    )
    column = ((angle + sway) / (2 * np.pi) % 1) * shape[1]
    wrapped = np.concatenate([texture, texture[:, :1]], axis=1)
    row = depth * shape[0] - 0.5
    return map_coordinates(wrapped, [row, column], order=1, mode="nearest")


def _lids(rng: np.random.Generator, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the heights of the upper and lower lid over x; they are equal outside the eye."""
    nose, temple = -rng.uniform(1.75, 2.4), rng.uniform(1.7, 2.2)
    corner = np.where(x < 0, rng.normal(0.40, 0.08), rng.normal(0.05, 0.10))
    opening = np.clip(rng.normal(1, 0.14), 0.55, 1.3)
    tops = (-0.92 * opening, -0.2), (0.95 * opening**0.5, 0.3)
    lids = []
    for (height, peak), power in zip(tops, (2.2, 1.9), strict=True):
        peak += rng.normal(0, 0.08)
        part = np.where(x < peak, (peak - x) / (peak - nose), (x - peak) / (temple - peak))
        lids.append(height + (corner - height) * np.clip(part, 0, 1) ** power)
    return np.minimum(*lids), lids[1]


def _draw_skin(
    rng: np.random.Generator,
    y: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    grey: float,
    radius_px: float,
) -> np.ndarray:
    """Draw lids and skin."""
    grain = gaussian_filter(rng.standard_normal(y.shape), 0.02 * radius_px + 0.3)
    skin = grey + 10 * smooth_noise(rng, y.shape, 4) + rng.uniform(2, 8) * grain
    by_eye = np.clip((lower - upper) / 0.4, 0, 1)
    fold = upper - rng.uniform(0.18, 0.55) * (0.4 + 0.6 * by_eye) - 0.05 * upper
    skin -= rng.uniform(10, 50) * by_eye * np.exp(-(((y - fold) / rng.uniform(0.03, 0.07)) ** 2))
    skin -= rng.uniform(0, 25) * np.exp(-np.abs(y - fold) / 0.25)
    bag = lower + rng.uniform(0.25, 0.6)
    skin -= rng.uniform(0, 18) * by_eye * np.exp(-(((y - bag) / 0.1) ** 2))
    wet = by_eye * np.exp(-(((y - lower - 0.05) / 0.06) ** 2))
    margin = (0.3 + 0.7 * by_eye) * np.exp(-(((y - upper + 0.02) / 0.06) ** 2))
    return skin + rng.uniform(0, 25) * wet - rng.uniform(10, 45) * margin


def _draw_lashes(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    radius_px: float,
) -> np.ndarray:
    """Draw how much of each pixel lashes cover, from 0 to 1."""
    cover = np.zeros(y.shape)
    seen = x[0][lower - upper > 0.1]
    dip, curl = rng.uniform(0.1, 0.6), rng.uniform(0, 1.3)  # down over the eye first, then up
    sides = (
        (upper - 0.02, _LASHES_ABOVE, rng.uniform(0.35, 0.8), dip, -curl, 1.0),
        (lower + 0.04, _LASHES_BELOW, rng.uniform(0.15, 0.40), 0.8, -0.2, rng.uniform(0.2, 0.7)),
    )
    sigma_px = max(0.4, rng.uniform(0.007, 0.013) * radius_px)
    for lid, count, length, start, bend, strength in sides:
        n = rng.integers(*count)
        root = rng.uniform(seen.min(), seen.max(), (n, 1))
        lengths = length * rng.uniform(0.35, 1.1, (n, 1)) * (1 + 0.15 * root)  # longer outside
        fan = 0.5 * root + rng.normal(0, 0.22, (n, 1))
        t = np.linspace(0, 1, int(2 * length * radius_px) + 6)
        at_x = root + lengths * fan * (0.5 * t + 0.5 * t**2)
        starts, bends = start + rng.normal(0, 0.1, (n, 1)), bend + rng.normal(0, 0.15, (n, 1))
        at_y = np.interp(root, x[0], lid) + lengths * (starts * t + bends * t**2)
        thickness = strength * np.broadcast_to((1 - t) ** 0.7, at_x.shape)
        cover += _draw_strokes(x, y, at_x, at_y, thickness, sigma_px)
    return 1 - np.exp(-1.4 * cover)


def _draw_strokes(
    x: np.ndarray,
    y: np.ndarray,
    at_x: np.ndarray,
    at_y: np.ndarray,
    thickness: np.ndarray,
    sigma_px: float,
) -> np.ndarray:
    """Draw soft curves through points, (n_strokes, n_points); 1 on one of thickness 1."""
    pixel = x[0, 1] - x[0, 0]
    columns = (at_x - x[0, 0]) / pixel
    rows = (at_y - np.interp(at_x, x[0], y[0])) / pixel
    steps_px = np.hypot(np.gradient(columns, axis=1), np.gradient(rows, axis=1))
    height, width = x.shape
    image = np.zeros((height, width))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for down in (0, 1):  # each point is shared by the four pixels about it
        for right in (0, 1):
            share = np.abs(1 - down - rows + top) * np.abs(1 - right - columns + left)
            i, j = top + down, left + right
            is_in = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            np.add.at(image, (i[is_in], j[is_in]), (share * thickness * steps_px)[is_in])
    return gaussian_filter(image, sigma_px) * np.sqrt(2 * np.pi) * sigma_px
