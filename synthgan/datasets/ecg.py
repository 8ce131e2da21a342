"""Simulated electrocardiograms: one heart model, many patients, twelve leads; no real data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import i0e

from synthgan.exceptions import ParameterError
from synthgan.randomness import draw_generator

__all__ = ["make_ecg"]

_LABELS = np.array(["Healthy control", "Myocardial infarction"])
_RATES_BPM = (20, 250)
_LEAST_FS_HZ = 50
_MAINS_HZ = 50.0

# fmt: off
# Angle on the cycle (degrees at 60 beats a minute) and its spread; width (rad); height (mV) and its
# log-spread; axis in the frontal plane (degrees, 0 left, 90 down); part to the front.
_WAVES = {
    "P":  (-60, 4, 0.22,  0.16, 0.30, 50,  0.1),
    "Q":  (-13, 1, 0.08, -0.12, 0.40, 20, -0.8),
    "R":  (  0, 0, 0.08,  1.15, 0.20, 35, -0.3),
    "S":  ( 13, 1, 0.08, -0.28, 0.40, 20,  0.5),
    "ST": ( 45, 3, 0.38,  0.05, 0.40, 30,  0.4),
    "T":  (100, 6, 0.35,  0.42, 0.30, 40,  0.4),
}
# fmt: on
# Factors of a full infarction for the components to the left, down and to the front.
_INFARCTION = {"Q": (3.5, 3.5, -1.5), "ST": (6, 6, 6), "T": (-0.6, -0.6, -0.6)}
_WIDTH_SPREAD = 0.08
_AXIS_SPREAD, _AXIS_SPREAD_OF_WAVE = 12.0, 6.0
_WANDER_MV = 0.06
_BREATH_HZ = (0.2, 0.35)
_BREATH_DEPTH = 0.04  # of the height of the waves
_RATE_SPREAD = (0.01, 0.04)  # of the mean rate
_LOW_HZ, _BAND_SD_HZ, _LOW_TO_HIGH = 0.1, 0.01, 0.5
_RHYTHM_HZ = np.arange(0.05, 0.40, 0.01)

# Electrodes: direction of each channel to the left, down and to the front.
_CHANNELS = {
    "i": (1, 0, 0),
    "ii": (np.cos(np.pi / 3), np.sin(np.pi / 3), 0),
    **{
        lead: (gain * np.cos(np.radians(angle)), 0, gain * np.sin(np.radians(angle)))
        for lead, angle, gain in (
            ("v1", 115, 1.2),
            ("v2", 95, 1.6),
            ("v3", 65, 1.6),
            ("v4", 40, 1.6),
            ("v5", 20, 1.4),
            ("v6", 0, 1.0),
        )
    },
}
_LIMBS = {  # of i and ii
    "i": (1, 0),
    "ii": (0, 1),
    "iii": (-1, 1),
    "avr": (-0.5, -0.5),
    "avl": (1, -0.5),
    "avf": (-0.5, 1),
}
_LEADS = [*_LIMBS, "v1", "v2", "v3", "v4", "v5", "v6"]


class _Patients(NamedTuple):
    """Parameters of n patients: W waves, C channels, K frequencies of the rhythm."""

    heart_hz: np.ndarray  # (n, 1)
    phase: np.ndarray  # (n, 1), at the start of the window
    rhythm_hz: np.ndarray  # (K,)
    rhythm_s: np.ndarray  # (n, 2 K), sine and cosine terms of the lead over the mean rate
    breath_hz: np.ndarray  # (n, 1)
    breath_phase: np.ndarray  # (n, 1)
    angle: np.ndarray  # (n, W)
    width: np.ndarray  # (n, W)
    height_mv: np.ndarray  # (n, W, C)
    wander_mv: np.ndarray  # (n, C)


def make_ecg(
    n_windows: int = 200,
    *,
    n_samples: int = 2025,
    fs_hz: float = 1000.0,
    leads: Any = ("i",),
    heart_rate_bpm: Any = (50, 110),
    noise_mv: float = 0.01,
    return_y: bool = False,
    random_state: Any = None,
) -> Any:
    """Simulate windows of electrocardiograms, each of a different patient.

    Parameters
    ----------
    n_windows : int, default=200
        Number of patients, with one window each.
    n_samples : int, default=2025
        Samples per window.
    fs_hz : float, default=1000.0
        Samples per second, at least 50.
    leads : str or sequence of str, default=("i",)
        Any of "i", "ii", "iii", "avr", "avl", "avf", "v1" to "v6".
    heart_rate_bpm : float or (float, float), default=(50, 110)
        Mean rate of every patient, or the limits from which it is drawn; 20 to 250.
    noise_mv : float, default=0.01
        Standard deviation of the white noise of i, ii and v1 to v6, and largest amplitude of their
        50 Hz mains hum, which is left out if `fs_hz` is 100 or less.
    return_y : bool, default=False
        Whether to return the diagnoses too.
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    windows : ndarray of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples)
        In mV; three axes if there are several leads.
    diagnosis : Series of shape (n_windows,)
        "Healthy control" or "Myocardial infarction", half each; only with ``return_y=True``.

    Raises
    ------
    ParameterError
        A parameter that is not allowed.

    Notes
    -----
    The model of McSharry et al.: a point moves around the unit circle, once per heart beat, and
    passes the waves P, Q, R, S and T; their angles and widths grow with the square root of the
    heart rate. The rate varies around its mean in two bands, at 0.1 Hz and at the patient's
    breathing.

    Their differential equation is not solved step by step. For a slowly varying rate the
    solution is the sum of the waves, minus its mean over a beat, plus the baseline wander with
    breathing. A wave is ``exp((cos(d) - 1) / width**2)`` at an angular distance d, which is their
    Gaussian without its step at the far side of the circle. Compared with their Table I, QRS is
    narrower, T later, P lower, and a low wave between S and T forms the ST segment, as in PTB-DB.

    Each wave is a dipole with an axis, and leads are its projections. iii, avr, avl and avf are
    sums of i and ii, noise included. One `random_state` gives the same patients at every sampling
    rate and in every lead.

    Infarctions are anterolateral and of any severity from none to full: Q deeper, the ST segment
    raised, T lower or inverted. The mildest cases resemble healthy ones.

    References
    ----------
    McSharry, Clifford, Tarassenko and Smith (2003), A dynamical model for generating synthetic
    electrocardiogram signals, doi 10.1109/TBME.2003.808805.

    Examples
    --------
    >>> windows, diagnosis = make_ecg(4, leads=("i", "v2"), return_y=True, random_state=0)
    >>> windows.shape
    (4, 2, 2025)
    >>> diagnosis.value_counts().to_dict()
    {'Healthy control': 2, 'Myocardial infarction': 2}
    """
    _check_numbers(n_windows, n_samples, fs_hz, noise_mv)
    names = _read_leads(leads)
    rates_bpm = _read_rates(heart_rate_bpm)
    rng = draw_generator(random_state)
    is_infarcted = rng.permutation(np.arange(n_windows) % 2 == 1)
    patients = _draw_patients(rng, is_infarcted, rates_bpm)
    sources = rng.spawn(
        len(_CHANNELS)
    )  # so that a channel does not depend on the selection of the others
    mixing = _mixing(names)
    used = np.flatnonzero(mixing.any(axis=0))
    t_s = np.arange(n_samples) / fs_hz
    channels = _hearts(patients, used, t_s)
    for i, channel in enumerate(used):
        channels[:, i] += _noise(sources[channel], n_windows, t_s, fs_hz, noise_mv)
    windows = mixing[:, used] @ channels
    windows = windows[:, 0] if len(names) == 1 else windows
    if not return_y:
        return windows
    return windows, pd.Series(_LABELS[is_infarcted.astype(int)], name="diagnosis")


def _draw_patients(
    rng: np.random.Generator, is_infarcted: np.ndarray, rates_bpm: tuple[float, float]
) -> _Patients:
    n, n_waves = len(is_infarcted), len(_WAVES)
    angle, angle_sd, width, height, height_sd, axis, front = np.array(list(_WAVES.values())).T
    heart_hz = rng.uniform(*rates_bpm, (n, 1)) / 60
    breath_hz = rng.uniform(*_BREATH_HZ, (n, 1))
    rhythm_hz = _RHYTHM_HZ + 0.01 * rng.uniform(size=len(_RHYTHM_HZ))
    heights = height * np.exp(height_sd * rng.normal(size=(n, n_waves)))
    turns = rng.normal(0, _AXIS_SPREAD, (n, 1)) + rng.normal(0, _AXIS_SPREAD_OF_WAVE, (n, n_waves))
    axes = np.radians(axis + turns)
    fronts = front + 0.1 * rng.normal(size=(n, n_waves))
    dipoles = heights[:, :, None] * np.stack([np.cos(axes), np.sin(axes), fronts], axis=-1)
    severity = is_infarcted * rng.uniform(size=n)
    full = np.array([_INFARCTION.get(wave, (1, 1, 1)) for wave in _WAVES])
    dipoles *= 1 + severity[:, None, None] * (full - 1)
    root = np.sqrt(heart_hz)  # of the rate over 60 beats a minute
    return _Patients(
        heart_hz=heart_hz,
        phase=rng.uniform(0, 2 * np.pi, (n, 1)),
        rhythm_hz=rhythm_hz,
        rhythm_s=_draw_rhythm(rng, rhythm_hz, breath_hz),
        breath_hz=breath_hz,
        breath_phase=rng.uniform(0, 2 * np.pi, (n, 1)),
        angle=root * np.radians(angle + angle_sd * rng.normal(size=(n, n_waves))),
        width=root * width * np.exp(_WIDTH_SPREAD * rng.normal(size=(n, n_waves))),
        height_mv=dipoles @ np.array(list(_CHANNELS.values())).T,
        wander_mv=rng.normal(0, _WANDER_MV, (n, len(_CHANNELS))),
    )


def _draw_rhythm(
    rng: np.random.Generator, rhythm_hz: np.ndarray, breath_hz: np.ndarray
) -> np.ndarray:
    """Draw the variation of the rate, as the integral of its Fourier terms."""

    def band(centre_hz: Any) -> np.ndarray:
        return np.exp(-0.5 * ((rhythm_hz - centre_hz) / _BAND_SD_HZ) ** 2)

    n = len(breath_hz)
    power = _LOW_TO_HIGH * band(_LOW_HZ) + band(breath_hz)  # (n, K)
    spread = rng.uniform(*_RATE_SPREAD, (n, 1))
    amplitude = spread * np.sqrt(power / power.sum(axis=1, keepdims=True))
    terms = rng.normal(size=(n, 2, len(rhythm_hz))) * amplitude[:, None]
    return (terms / (2 * np.pi * rhythm_hz)).reshape(n, -1)


def _hearts(patients: _Patients, used: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """Simulate the used channels without noise, (n, n_used, n_samples)."""
    turns = 2 * np.pi * np.outer(patients.rhythm_hz, t_s)
    ahead_s = patients.rhythm_s @ np.concatenate([np.sin(turns), np.cos(turns)])
    phase = 2 * np.pi * patients.heart_hz * (t_s + ahead_s) + patients.phase
    x, y = np.cos(phase), np.sin(phase)
    channels = np.zeros((len(phase), len(used), len(t_s)))
    for wave in range(len(_WAVES)):
        angle, sharpness = patients.angle[:, [wave]], 1 / patients.width[:, [wave]] ** 2
        nearness = x * np.cos(angle) + y * np.sin(angle) - 1
        bump = np.exp(sharpness * nearness) - i0e(sharpness)  # its mean over the circle
        channels += patients.height_mv[:, wave, used, None] * bump[:, None]
    breath = np.sin(2 * np.pi * patients.breath_hz * t_s + patients.breath_phase)[:, None]
    channels *= 1 + _BREATH_DEPTH * breath
    channels += patients.wander_mv[:, used, None] * breath
    return channels


def _noise(
    rng: np.random.Generator, n_windows: int, t_s: np.ndarray, fs_hz: float, noise_mv: float
) -> Any:
    """Draw white noise and mains hum, (n_windows, n_samples); 0 if there is none."""
    if noise_mv == 0:
        return 0.0
    noise = rng.standard_normal((n_windows, len(t_s)))
    if fs_hz > 2 * _MAINS_HZ:
        amplitude, phase = rng.uniform(size=n_windows), rng.uniform(0, 2 * np.pi, n_windows)
        turns = 2 * np.pi * _MAINS_HZ * t_s
        parts = amplitude * np.stack([np.cos(phase), np.sin(phase)])
        noise += parts.T @ np.stack([np.sin(turns), np.cos(turns)])
    return noise_mv * noise


def _mixing(names: list[str]) -> np.ndarray:
    """Return the weights of the channels in each lead, (n_leads, n_channels)."""
    mixing = np.zeros((len(names), len(_CHANNELS)))
    for row, name in zip(mixing, names, strict=True):
        if name in _LIMBS:
            row[:2] = _LIMBS[name]
        else:
            row[list(_CHANNELS).index(name)] = 1
    return mixing


def _check_numbers(n_windows: Any, n_samples: Any, fs_hz: Any, noise_mv: Any) -> None:
    for name, count in {"n_windows": n_windows, "n_samples": n_samples}.items():
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ParameterError(
                f"{name}={count!r} is not allowed; give a whole number, 1 or more."
            )
    if not _is_number(fs_hz) or fs_hz < _LEAST_FS_HZ:
        raise ParameterError(
            f"fs_hz={fs_hz!r} is not allowed; give the samples per second, {_LEAST_FS_HZ} or more."
        )
    if not _is_number(noise_mv) or noise_mv < 0:
        raise ParameterError(f"noise_mv={noise_mv!r} is not allowed; give mV, 0 or more.")


def _read_leads(leads: Any) -> list[str]:
    if isinstance(leads, str):
        leads = [leads]
    names = list(leads) if isinstance(leads, Iterable) else []
    unknown = [name for name in names if name not in _LEADS]
    if unknown or not names:
        raise ParameterError(
            f"leads={leads!r} is not allowed; give one or more of {', '.join(_LEADS)}."
        )
    return names


def _read_rates(heart_rate_bpm: Any) -> tuple[float, float]:
    """Read one rate, or its limits."""
    rates = [heart_rate_bpm] * 2 if _is_number(heart_rate_bpm) else heart_rate_bpm
    least, most = _RATES_BPM
    try:
        low, high = rates
        is_allowed = _is_number(low) and _is_number(high) and least <= low <= high <= most
    except (TypeError, ValueError):
        is_allowed = False
    if not is_allowed:
        raise ParameterError(
            f"heart_rate_bpm={heart_rate_bpm!r} is not allowed; give a rate, or the lowest and the "
            f"highest one, from {least} to {most}."
        )
    return float(low), float(high)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
