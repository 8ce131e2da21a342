"""Read sets of signal windows, and make surrogates; no specific measure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.metrics.compared_sets import ComparedSets, Comparison, Part, given_sets
from synthgan.metrics.measure import Measure, publish, sampling
from synthgan.metrics.score import Score
from synthgan.records.beats import check_sampling
from synthgan.records.signals import SignalWindows, check_axes, match_windows

__all__ = [
    "MOST_WINDOWS",
    "each_lead",
    "phase_randomised",
    "read_window_sets",
    "whole_windows",
    "window_measure",
]

MOST_WINDOWS = 5000


def read_window_sets(
    real: Any, fake: Any, holdout: Any, *, fs_hz: float, least_s: float = 0.0
) -> ComparedSets:
    """Read and check the windows for a measure.

    Parameters
    ----------
    real, fake, holdout : DataFrame, array-like or None
        As in `amplitudes`.
    fs_hz : float
    least_s : float, default=0
        Minimum duration of windows.

    Returns
    -------
    compared : ComparedSets
        Arrays of shape (n_windows, n_leads, n_samples), float64.

    Raises
    ------
    DataError
        Wrong or different shapes, SignalWindows that differ in rate, leads or units, infinite
        numbers, fewer than two windows without missing samples, real windows that are all constant,
        windows that are too short.
    ParameterError
        `fs_hz` is not a positive number.
    """
    given = given_sets("set of windows", {"real": real, "fake": fake, "holdout": holdout})
    given = match_windows(given, fs_hz)
    sets: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name, x in given.items():
        sets[name], note = _read_windows(x, name)
        notes += [note] if note else []
    shape = sets["real"].shape[1:]
    for name, x in sets.items():
        if x.shape[1:] != shape:
            raise DataError(
                f"the {name} windows have (leads, samples) = {x.shape[1:]}, the real ones {shape}; "
                f"cut all sets to the same."
            )
        if name != "fake" and not np.ptp(x, axis=2).any():
            raise DataError(f"all {name} windows are constant; give windows that vary.")
    check_sampling(fs_hz, shape[1], least_s)
    return ComparedSets(sets, phase_randomised, "windows", tuple(notes))


def window_measure(
    name: str,
    *,
    higher_is_better: bool = True,
    most: int = MOST_WINDOWS,
    equal: bool = False,
    beside: bool = False,
    least_s: float = 0.0,
    adapt: Callable[[Comparison], Comparison] | None = None,
    read: Callable[..., ComparedSets] | None = None,
    about: str = "",
) -> Callable[[Comparison], Measure]:
    """Make a public measure of a function that compares two sets of windows.

    The function is called as ``compare(real, other, rng, fs_hz=fs_hz)``.

    Parameters
    ----------
    name : str
    higher_is_better, most, equal, beside
        As in `ComparedSets.compare`.
    least_s : float, default=0
        Minimum duration of windows.
    adapt : callable or None, default=None
        Makes a comparison of windows of the function, such as `each_lead`.
    read : callable or None, default=None
        Reads the windows; None: `read_window_sets`.
    about : str, default=""
        Which windows are needed, for the docstring.
    """

    def decorate(function: Comparison) -> Measure:
        compare = function if adapt is None else adapt(function)

        def measure(
            real: Any,
            fake: Any,
            *,
            fs_hz: float,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
        ) -> Score:
            reader = read or partial(read_window_sets, least_s=least_s)
            return reader(real, fake, holdout, fs_hz=fs_hz).compare(
                name, partial(compare, fs_hz=fs_hz), random_state,
                higher_is_better=higher_is_better, most=most, equal=equal, beside=beside,
            )  # fmt: skip

        lasting = f"Windows last {least_s:g} s or more. " if least_s else ""
        drawn = sampling("windows", most, equal) if most != MOST_WINDOWS else ""
        return publish(measure, function, f"As in `amplitudes`. {lasting}{about}{drawn}")

    return decorate


def each_lead(compare: Comparison) -> Comparison:
    """Compare each lead with itself; the value is the mean, the detail names the lead.

    Parameters
    ----------
    compare : callable
        Called with arrays of shape (n_windows, n_samples).
    """

    def leads(
        real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, **options: float
    ) -> Part:
        parts = [compare(real[:, i], fake[:, i], rng, **options) for i in range(real.shape[1])]
        if len(parts) == 1:
            return parts[0]
        detail = pd.concat([x.detail for x in parts], keys=range(len(parts)), names=["lead"])
        return Part(float(np.mean([x.value for x in parts])), detail)

    return leads


def _read_windows(x: Any, name: str) -> tuple[np.ndarray, str]:
    """Return windows as float64 of shape (n_windows, n_leads, n_samples), and a note.

    Parameters
    ----------
    x : DataFrame or array-like of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples)
    name : str
        For messages.
    """
    try:
        windows = np.asarray(x.to_numpy() if isinstance(x, pd.DataFrame) else x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the {name} windows are not all numbers ({error}); give an array in mV."
        ) from error
    if windows.ndim not in (2, 3):
        raise DataError(
            f"the {name} windows have shape {windows.shape}; give (n_windows, n_samples) or "
            f"(n_windows, n_leads, n_samples)."
        )
    if windows.ndim == 2:
        windows = windows[:, None, :]
    if not isinstance(x, SignalWindows):
        check_axes(f"the {name} windows", windows.shape)
    if np.isinf(windows).any():
        raise DataError(f"the {name} windows have infinite samples; only finite mV are allowed.")
    is_whole = whole_windows(windows)
    n, n_whole = len(windows), int(is_whole.sum())
    if n_whole < 2:
        raise DataError(
            f"the {name} set has {n_whole} windows without missing samples (of {n}); a comparison "
            f"needs at least 2."
        )
    note = f"Left out: {n - n_whole} of {n} {name} windows with missing samples."
    return windows[is_whole], note if n_whole < n else ""


def whole_windows(x: Any) -> np.ndarray:
    """Return which windows have no missing samples, of shape (n_windows,)."""
    windows = np.asarray(x.to_numpy() if isinstance(x, pd.DataFrame) else x, dtype=np.float64)
    return np.asarray(~np.isnan(windows.reshape(len(windows), -1)).any(axis=1))


def phase_randomised(windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Randomise the Fourier phases of windows: power spectra are kept, shapes are lost.

    Parameters
    ----------
    windows : ndarray of shape (..., n_samples)
        Leads of one window, where there are any, are (..., n_leads, n_samples) with at least three
        axes, and are shifted by the same phases: their dependence is kept, too.
    rng : Generator

    Returns
    -------
    surrogates : ndarray of the same shape
        With the means and the periodograms of the windows.

    References
    ----------
    Theiler et al. (1992), Testing for nonlinearity in time series: the method of surrogate data,
    doi 10.1016/0167-2789(92)90102-S. Prichard and Theiler (1994), doi 10.1103/PhysRevLett.73.951
    (several leads).

    Examples
    --------
    >>> import numpy as np
    >>> t_s = np.arange(500) / 250
    >>> windows = np.exp(-(((t_s - 1) / 0.02) ** 2))[None]
    >>> surrogates = phase_randomised(windows, np.random.default_rng(0))
    >>> powers = [np.abs(np.fft.rfft(x)) ** 2 for x in (windows, surrogates)]
    >>> bool(np.allclose(*powers))
    True
    """
    windows = np.asarray(windows, dtype=np.float64)
    n = windows.shape[-1]
    waves = np.fft.rfft(windows)
    shape = list(waves.shape)
    if len(shape) > 2:
        shape[-2] = 1
    turns = np.exp(2j * np.pi * rng.random(shape))
    # The mean and the Nyquist component are real and unchanged.
    turns[..., 0] = 1.0
    if n % 2 == 0:
        turns[..., -1] = 1.0
    return np.fft.irfft(waves * turns, n)
