"""Simulated fingerprints: one model of ridges, many fingers; no real data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from synthgan.datasets.drawing import check_size, smooth_noise
from synthgan.randomness import draw_generator

__all__ = ["make_fingerprints"]

# fmt: off
# Share of fingers; cores and deltas, to the right and up of the middle, in half sides of the image.
_PATTERNS = {
    "left loop":   (0.338, [( 0.05, 0.15)], [( 0.60, -0.65)]),
    "right loop":  (0.317, [(-0.05, 0.15)], [(-0.60, -0.65)]),
    "whorl":       (0.219, [( 0.00, 0.32), (0.00, 0.02)], [(-0.65, -0.65), (0.65, -0.65)]),
    "double loop": (0.060, [(-0.17, 0.26), (0.17, -0.14)], [(-0.65, -0.65), (0.65, -0.65)]),
    "arch":        (0.037, [], []),
    "tented arch": (0.029, [( 0.00, 0.10)], [( 0.00, -0.50)]),
}
# fmt: on
_POINT_SPREAD = 0.07  # of cores and deltas, in half sides
_TURN_SD, _SHIFT_SD = np.radians(7), 0.07  # of the whole finger
_ARCH_SLOPE = (0.6, 1.3)
_BOW = (0.2, 0.5)  # radians by which ridges of a finger tip bend down at its sides
_LOOP_BEND, _LOOP_SIZE = 0.65, 0.9  # additional curvature of a loop over a zero; in half sides
_SWAY = 0.09  # radians of smooth noise in the orientation

_PERIOD_PX, _AT_SIDE_PX, _POWER = 5.7, 64, 0.3  # a larger image has more ridges, and wider ones
_MOST_RIDGES = 34
_PERIOD_SD, _PERIOD_SWAY, _PERIOD_FALL = 0.09, 0.08, 0.08  # logs: of fingers, within, to the bottom
_N_ANGLES, _N_STEPS = 16, 7
_BANDS = np.array([-0.16, 0.16])  # logs of frequencies over the finger's mean
_BAND_SD, _ANGLE_SD, _GAIN = 0.24, 0.20, 2.5


class _Frame(NamedTuple):
    """Pixels of an image with a margin, H x W, and filters of ridges for its Fourier space."""

    x: np.ndarray  # (W,), to the right of the middle, in half sides
    y: np.ndarray  # (H, 1), up
    half_side_px: float
    period_px: float
    log_frequency: np.ndarray  # (H, W // 2 + 1)
    along: np.ndarray  # (n_angles, H, W // 2 + 1), filters of the orientations
    inner: tuple[slice, slice]  # the image


def make_fingerprints(
    n: int = 100,
    shape: Sequence[int] = (64, 64),
    *,
    return_y: bool = False,
    random_state: Any = None,
) -> Any:
    """Simulate grey images of fingerprints, each of a different finger.

    Parameters
    ----------
    n : int, default=100
        Number of fingers, with one image each.
    shape : (int, int), default=(64, 64)
        Height and width of the images, each at least 8.
    return_y : bool, default=False
        Whether to return the patterns too.
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    images : ndarray of shape (n, height, width), uint8
        From 0, black, to 255, white; ridges are dark.
    pattern : Series of shape (n,)
        "left loop", "right loop", "whorl", "double loop", "arch" or "tented arch"; only with
        ``return_y=True``.

    Raises
    ------
    ParameterError
        A parameter that is not allowed.

    Notes
    -----
    Based on ideas of SFinGe, by Cappelli et al. Cores and deltas of the pattern, with random
    displacements, give the orientation of the ridges by the zero-pole model of Sherlock and Monro;
    an arch is a bump without cores and deltas. Ridges turn more sharply around a core than in that
    model, so that they are parallel within a loop; they bend over the tip of the finger, and their
    orientation has smooth noise.

    Ridges are generated from white noise: the image is repeatedly filtered with the local
    orientation and frequency, and limited. Where ridges meet out of phase, they end or fork. The
    image is filtered with two frequencies and 16 orientations, and interpolated between them.

    The period of the ridges is 5.7 pixels at 64 x 64 and 9 at 400 x 275, where a scanner of 500
    dots per inch has about as many; so a small image has fewer ridges than a real finger. The
    period varies by 9 % between fingers, and smoothly within a finger.

    The print is an ellipse with an irregular border, wet or dry, pressed unevenly, with pores,
    creases and noise. Patterns have natural frequencies. One `random_state` gives the same first
    fingers for every `n`.

    References
    ----------
    Cappelli, Maio and Maltoni (2002), Synthetic fingerprint-database generation,
    doi 10.1109/ICPR.2002.1048096. Cappelli (2009), Fingerprint sample synthesis,
    doi 10.1007/978-0-387-73003-5_3. Sherlock and Monro (1993), A model for interpreting
    fingerprint topology, doi 10.1016/0031-3203(93)90006-I.

    Examples
    --------
    >>> images, pattern = make_fingerprints(3, (48, 40), return_y=True, random_state=0)
    >>> images.shape
    (3, 48, 40)
    """
    height, width = check_size(n, shape)
    rng = draw_generator(random_state)
    frame = _frame(height, width)
    images = np.empty((n, height, width), dtype=np.uint8)
    names = []
    for image in images:
        name = rng.choice(list(_PATTERNS), p=[share for share, *_ in _PATTERNS.values()])
        names.append(str(name))
        image[:] = _draw_finger(rng, names[-1], frame)
    return (images, pd.Series(names, name="pattern", dtype=str)) if return_y else images


def _frame(height: int, width: int) -> _Frame:
    """Compute the pixel grid and the filters that all fingers share."""
    side = min(height, width)
    period = max(_PERIOD_PX * (side / _AT_SIDE_PX) ** _POWER, side / _MOST_RIDGES)
    margin = int(np.ceil(period))
    sizes = [next_fast_len(s + 2 * margin, real=True) for s in (height, width)]
    down, across = (
        (np.arange(size) - margin - (s - 1) / 2) * 2 / side
        for size, s in zip(sizes, (height, width), strict=True)
    )
    fy, fx = np.fft.fftfreq(sizes[0])[:, None], np.fft.rfftfreq(sizes[1])
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1e-9
    orientation = np.arctan2(fx, fy)  # of ridges with that wave, up from the horizontal
    angles = np.pi * np.arange(_N_ANGLES) / _N_ANGLES
    off = (orientation - angles[:, None, None] + np.pi / 2) % np.pi - np.pi / 2
    return _Frame(
        x=across,
        y=-down[:, None],
        half_side_px=side / 2,
        period_px=period,
        log_frequency=np.log(frequency * period).astype(np.float32),
        along=np.exp(-0.5 * (off / _ANGLE_SD) ** 2).astype(np.float32),
        inner=(slice(margin, margin + height), slice(margin, margin + width)),
    )


def _draw_finger(rng: np.random.Generator, name: str, frame: _Frame) -> np.ndarray:
    turn, shift = rng.normal(0, _TURN_SD), rng.normal(0, _SHIFT_SD, 2)
    z = (frame.x - shift[0] + 1j * (frame.y - shift[1])) * np.exp(-1j * turn)
    orientation = _orient(rng, name, z) + turn
    log_period = rng.normal(0, _PERIOD_SD) - _PERIOD_FALL * np.clip(z.imag, -1, 1)
    log_period += _PERIOD_SWAY * smooth_noise(rng, z.shape, 3)
    ridges = _grow(rng, orientation, -log_period, frame)
    return _print(rng, ridges[frame.inner], z[frame.inner], frame)


def _orient(rng: np.random.Generator, name: str, z: np.ndarray) -> np.ndarray:
    """Return the orientation of the ridges at each point z, in radians from the horizontal."""
    _, cores, deltas = _PATTERNS[name]
    orientation = _SWAY * smooth_noise(rng, z.shape, 4)
    bow = rng.uniform(*_BOW) * expit(5 * (z.imag - 0.1))
    orientation -= bow * np.clip(z.real, -1.2, 1.2)
    mirror = rng.choice([-1, 1]) if name == "double loop" else 1
    middle = rng.normal(0, _POINT_SPREAD, 2)
    turns = []
    for sign, points in ((-0.5, deltas), (0.5, cores)):
        spread = rng.normal(0, _POINT_SPREAD, (len(points), 2))
        away = [z - mirror * x - 1j * y for x, y in np.reshape(points, (-1, 2)) + middle + spread]
        turns += [(each, sign * np.angle(each)) for each in away]
    total = orientation + sum(turn for _, turn in turns)
    orientation = total.copy()
    for away, turn in turns[len(deltas) :]:
        at = np.abs(away).argmin()
        opening = 2 * (total - turn).flat[at]  # where ridges point away from the core
        near = np.exp(-((np.abs(away) / _LOOP_SIZE) ** 2))
        orientation -= 0.5 * _LOOP_BEND * near * np.sin(2 * turn - opening)
    if not cores:
        place = np.clip(z.real - middle[0], -1.1, 1.1)
        height = np.exp(-0.5 * ((z.imag - middle[1] + 0.15) / 0.5) ** 2)
        orientation -= np.arctan(rng.uniform(*_ARCH_SLOPE) * height * np.sin(np.pi * place / 1.1))
    return orientation


def _grow(
    rng: np.random.Generator, orientation: np.ndarray, log_frequency: np.ndarray, frame: _Frame
) -> np.ndarray:
    """Generate ridges from noise, from -1 in a valley to 1 on a ridge."""
    centre = log_frequency.mean()
    off = frame.log_frequency - centre - _BANDS[:, None, None]
    across = np.exp(-0.5 * (off / _BAND_SD) ** 2).astype(np.float32)
    filters = across[:, None] * frame.along  # (2, n_angles, H, W // 2 + 1)
    place = (orientation % np.pi) * (_N_ANGLES / np.pi)
    lower = np.floor(place).astype(int)
    angle_weight = (place - lower).astype(np.float32)
    band_weight = (log_frequency - centre - _BANDS[0]) / (_BANDS[1] - _BANDS[0])
    band_weight = np.clip(band_weight, 0, 1).astype(np.float32)
    rows, columns = np.ogrid[: place.shape[0], : place.shape[1]]
    ridges = rng.standard_normal(place.shape, dtype=np.float32)
    for _ in range(_N_STEPS):
        bands = irfft2(rfft2(ridges) * filters, s=place.shape)
        low = bands[:, lower % _N_ANGLES, rows, columns]  # (2, H, W)
        high = bands[:, (lower + 1) % _N_ANGLES, rows, columns]
        first, second = low + angle_weight * (high - low)
        ridges = first + band_weight * (second - first)
        ridges = np.tanh(_GAIN * ridges / np.sqrt((ridges**2).mean()))
    return ridges


def _print(
    rng: np.random.Generator, ridges: np.ndarray, z: np.ndarray, frame: _Frame
) -> np.ndarray:
    """Simulate the image of the ridges on a sensor, uint8."""
    shape, period = ridges.shape, frame.period_px
    grain = gaussian_filter(rng.standard_normal(shape), 0.18 * period) * 0.64 * period
    pores = gaussian_filter(rng.standard_normal(shape), 0.13 * period) * 0.46 * period
    blots = gaussian_filter(rng.standard_normal(shape), 0.6 * period) * 2.1 * period
    area = _area(rng, z, frame, blots)
    wet = rng.normal(0, 0.28) + 0.22 * smooth_noise(rng, shape, 4)
    roughness = np.clip(rng.normal(0.28, 0.1) - 0.25 * wet, 0.05, 0.6)
    level = ridges + wet + roughness * (grain + 0.5 * blots) - _creases(rng, z, frame)
    level -= rng.uniform(0, 1.5) * np.clip(pores - 1.5, 0, None)
    ink = area * expit(level / rng.uniform(0.2, 0.4))
    light = rng.uniform(222, 250) + rng.uniform(0, 5) * smooth_noise(rng, shape, 2)
    valley = rng.uniform(4, 34) * area
    depth = rng.uniform(120, 190) * (1 + 0.12 * smooth_noise(rng, shape, 3))
    grey = light - valley - depth * ink
    grey += rng.uniform(1.5, 6) * rng.standard_normal(shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _area(rng: np.random.Generator, z: np.ndarray, frame: _Frame, blots: np.ndarray) -> np.ndarray:
    """Return the pressure at each point, from 0 to 1: an ellipse with an irregular border."""
    across = rng.uniform(0.82, 1.08)
    up = across * rng.uniform(1.12, 1.45)
    up = min(up, rng.uniform(0.92, 1.15) * z.shape[0] / 2 / frame.half_side_px)
    radius = ((np.abs(z.real) / across) ** 2.3 + (np.abs(z.imag) / up) ** 2.3) ** (1 / 2.3)
    inside = 1 - radius + 0.05 * smooth_noise(rng, z.shape, 6)
    ragged = inside + rng.uniform(0.015, 0.05) * blots
    return expit(ragged / rng.uniform(0.015, 0.05))


def _creases(rng: np.random.Generator, z: np.ndarray, frame: _Frame) -> np.ndarray:
    """Draw up to three short light lines across the ridges."""
    depth = np.zeros(z.shape)
    for _ in range(rng.choice(4, p=[0.45, 0.3, 0.15, 0.1])):
        turned = (z - complex(*rng.normal(0, 0.45, 2))) * np.exp(-1j * rng.uniform(0, np.pi))
        off_px = frame.half_side_px * (turned.imag - rng.normal(0, 0.3) * turned.real**2)
        width_px = rng.uniform(0.1, 0.2) * frame.period_px
        length = rng.uniform(0.15, 0.5)
        depth += 2 * np.exp(-0.5 * (off_px / width_px) ** 2 - (turned.real / length) ** 4)
    return depth
