"""Simulated pulse waves, breathing and brain waves, a person in each window; no real data."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.randomness import draw_generator

__all__ = ["make_biosignal"]

_HEART_HZ = (0.85, 1.8)
_BREATHS_HZ, _BREATHS_SD_HZ, _BREATHS_LIMITS_HZ = 16.6 / 60, 2.8 / 60, (0.15, 0.45)
_DUTY, _DUTY_SD = 0.42, 0.03  # part of a breath in which air flows in
_ALPHA_HZ, _ALPHA_SD_HZ, _ALPHA_WIDTH_HZ = 10.0, 1.0, 0.6
_EXPONENTS = (0.8, 1.8)  # of the falling spectrum of an EEG
_EEG_BAND_HZ = (0.5, 45.0)

Draw = Callable[[np.random.Generator, int, np.ndarray], np.ndarray]


class _Kind(NamedTuple):
    draw: Draw  # called with rng, n_windows, t_s; returns (n_windows, n_samples) without noise
    fs_hz: float
    least_fs_hz: float
    window_s: float
    noise: float


def make_biosignal(
    kind: str = "ppg",
    n_windows: int = 200,
    *,
    n_samples: int | None = None,
    fs_hz: float | None = None,
    random_state: Any = None,
) -> np.ndarray:
    """Simulate windows of a biosignal, each of a different person.

    Parameters
    ----------
    kind : {"ppg", "respiration", "eeg"}, default="ppg"
        Pulse wave of a finger (photoplethysmogram), breathing, or brain waves with closed eyes.
    n_windows : int, default=200
        Number of persons, with one window each.
    n_samples : int or None, default=None
        Samples per window. None: 8 s of a pulse wave, 40 s of breathing, 4 s of an EEG.
    fs_hz : float or None, default=None
        Samples per second. None: 100, 25 and 200; at least 20, 4 and 100.
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    windows : ndarray of shape (n_windows, n_samples)
        Pulse waves and breathing in units of a usual wave's height, EEG in uV.

    Raises
    ------
    ParameterError
        A parameter that is not allowed.

    Notes
    -----
    Pulse wave: two bumps on the cycle of the heart, the second one (of the reflected wave) lower
    and later, at 51 to 108 beats a minute. Breathing changes baseline, height and rate.

    Breathing: 16.6 breaths a minute on average (standard deviation 2.8), air flows in for 42 % of a
    breath, and flows out faster at first. Depth and duration vary from breath to breath; the
    baseline drifts, and the heart shows weakly.

    EEG: a spectrum that falls with the power 0.8 to 1.8 of the frequency, and an alpha rhythm at
    10 Hz (standard deviation 1), whose amplitude rises and falls and whose waves are sharper
    on one side.

    White noise is added: 1 % of a wave's height, 1 uV in an EEG.

    References
    ----------
    Tang, Chen, Allen, Alian, Menon, Ward and Elgendi (2020), Synthetic photoplethysmogram
    generation using two Gaussian functions, doi 10.1038/s41598-020-69076-x. Charlton et al. (2016),
    An assessment of algorithms to estimate respiratory rate, doi 10.1088/0967-3334/37/4/610 (the
    three effects of breathing). Tobin et al. (1983), Breathing patterns 1: normal subjects,
    doi 10.1378/chest.84.2.202. Donoghue et al. (2020), Parameterizing neural power spectra,
    doi 10.1038/s41593-020-00744-x. Cole and Voytek (2017), Brain oscillations and the importance of
    waveform shape, doi 10.1016/j.tics.2016.12.008.

    Examples
    --------
    >>> make_biosignal("respiration", 4, random_state=0).shape
    (4, 1000)
    """
    if kind not in _KINDS:
        raise ParameterError(f"kind={kind!r} is not allowed; give one of {', '.join(_KINDS)}.")
    made = _KINDS[kind]
    fs = made.fs_hz if fs_hz is None else fs_hz
    if (
        not isinstance(fs, Real)
        or isinstance(fs, bool)
        or not made.least_fs_hz <= fs
        or not math.isfinite(fs)
    ):
        raise ParameterError(
            f"fs_hz={fs_hz!r} is not allowed with kind={kind!r}; give the samples per second, "
            f"{made.least_fs_hz:g} or more."
        )
    n = round(made.window_s * fs) if n_samples is None else n_samples
    for name, count in {"n_windows": n_windows, "n_samples": n}.items():
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ParameterError(
                f"{name}={count!r} is not allowed; give a whole number, 1 or more."
            )
    rng = draw_generator(random_state)
    windows = made.draw(rng, int(n_windows), np.arange(int(n)) / float(fs))
    return windows + made.noise * rng.standard_normal(windows.shape)


def _draw_pulse(rng: np.random.Generator, n: int, t_s: np.ndarray) -> np.ndarray:
    heart_hz, breath_hz = rng.uniform(*_HEART_HZ, (n, 1)), _draw_breath_hz(rng, n)
    breath = 2 * np.pi * breath_hz * t_s + rng.uniform(0, 2 * np.pi, (n, 1))
    depth = rng.uniform(0.01, 0.04, (n, 1))  # of the rate
    ahead_s = depth * np.sin(breath) / (2 * np.pi * breath_hz)
    phase = 2 * np.pi * heart_hz * (t_s + ahead_s) + rng.uniform(0, 2 * np.pi, (n, 1))
    second = rng.uniform(0.2, 0.6, (n, 1))  # height of the reflected wave
    delay = rng.normal(2.1, 0.15, (n, 1))  # rad
    widths = rng.uniform(0.55, 0.75, (n, 1)), rng.uniform(0.6, 0.9, (n, 1))
    waves = [np.exp((np.cos(phase - at) - 1) / width**2)
             for at, width in zip((0.0, delay), widths, strict=True)]  # fmt: skip
    pulse = waves[0] + second * waves[1] - 0.4
    height = rng.lognormal(0, 0.3, (n, 1))
    lag = rng.uniform(0, 2 * np.pi, (2, n, 1))
    pulse *= 1 + rng.uniform(0.03, 0.12, (n, 1)) * np.sin(breath + lag[0])
    return height * (pulse + rng.uniform(0.05, 0.3, (n, 1)) * np.sin(breath + lag[1]))


def _draw_breathing(rng: np.random.Generator, n: int, t_s: np.ndarray) -> np.ndarray:
    rates_hz, duty = _draw_breath_hz(rng, n)[:, 0], rng.normal(_DUTY, _DUTY_SD, n)
    windows = np.empty((n, len(t_s)))
    for row, rate_hz, inward in zip(windows, rates_hz, duty, strict=True):
        n_breaths = math.ceil((t_s[-1] + 1) * rate_hz) * 2 + 4
        spread, depth_sd = rng.uniform(0.02, 0.1), rng.uniform(0.05, 0.2)
        durations_s = rng.lognormal(0, spread, n_breaths) / rate_hz
        ends_s = np.cumsum(durations_s) - rng.random() * durations_s[0]
        breath = np.searchsorted(ends_s, t_s, side="right")
        part = 1 - (ends_s[breath] - t_s) / durations_s[breath]  # of the breath, 0..1
        # Air flows out fast at first: the power warps the falling half of a cosine.
        outward = ((part - inward) / (1 - inward)).clip(0, 1) ** 0.7
        level = np.where(part < inward, 0.5 - 0.5 * np.cos(np.pi * part / inward),
                         0.5 + 0.5 * np.cos(np.pi * outward))  # fmt: skip
        row[:] = rng.lognormal(0, depth_sd, n_breaths)[breath] * level - 0.45
    height = rng.lognormal(0, 0.3, (n, 1))
    drift = _noise(rng, n, t_s, lambda hz: np.exp(-0.5 * (hz / 0.04) ** 2))
    heart = np.sin(2 * np.pi * rng.uniform(*_HEART_HZ, (n, 1)) * t_s
                   + rng.uniform(0, 2 * np.pi, (n, 1)))  # fmt: skip
    return height * (windows + rng.uniform(0.05, 0.2, (n, 1)) * drift.real + 0.01 * heart)


def _draw_eeg(rng: np.random.Generator, n: int, t_s: np.ndarray) -> np.ndarray:
    exponent = rng.uniform(*_EXPONENTS, (n, 1))
    low_hz, high_hz = _EEG_BAND_HZ
    background = _noise(
        rng, n, t_s,
        lambda hz: ((hz > low_hz) & (hz < high_hz)) * np.maximum(hz, low_hz) ** -exponent,
    ).real  # fmt: skip
    centre_hz = rng.normal(_ALPHA_HZ, _ALPHA_SD_HZ, (n, 1))
    alpha = _noise(rng, n, t_s, lambda hz: np.exp(-0.5 * ((hz - centre_hz) / _ALPHA_WIDTH_HZ) ** 2))
    sharp = alpha**2 / np.maximum(np.abs(alpha), 1e-12)  # twice the frequency, the same amplitude
    sizes_uv = rng.lognormal(np.log(8), 0.35, (2, n, 1))
    return sizes_uv[0] * background + sizes_uv[1] * (alpha + 0.25 * sharp).real


def _draw_breath_hz(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(_BREATHS_HZ, _BREATHS_SD_HZ, (n, 1)).clip(*_BREATHS_LIMITS_HZ)


def _noise(
    rng: np.random.Generator, n: int, t_s: np.ndarray, power: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Draw analytic noise of a spectrum; its real part has unit variance, (n, n_samples).

    Twice the length is drawn, so that a window's end does not join its beginning.
    """
    n_drawn = max(2 * len(t_s), 64)
    step_s = t_s[1] if len(t_s) > 1 else 1.0
    density = np.broadcast_to(power(np.fft.rfftfreq(n_drawn, step_s)), (n, n_drawn // 2 + 1))
    waves = rng.standard_normal((2, *density.shape))
    spectrum = np.zeros((n, n_drawn), dtype=np.complex128)
    total = np.maximum(density.sum(axis=1, keepdims=True), 1e-300)
    spectrum[:, : density.shape[1]] = np.sqrt(density / total) * (waves[0] + 1j * waves[1])
    return n_drawn * np.fft.ifft(spectrum)[:, : len(t_s)]


_KINDS = {
    "ppg": _Kind(_draw_pulse, 100.0, 20.0, 8.0, 0.01),
    "respiration": _Kind(_draw_breathing, 25.0, 4.0, 40.0, 0.01),
    "eeg": _Kind(_draw_eeg, 200.0, 100.0, 4.0, 1.0),
}
