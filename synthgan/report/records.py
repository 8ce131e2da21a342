"""Displays of records that are arrays: signal windows, heart beats, images.

Sides without records, such as the real side with ``show_real=False``, are not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthgan.randomness import draw_generator
from synthgan.records.beats import find_beats
from synthgan.records.signals import SignalWindows, beat_lead
from synthgan.report.displays import FAKE, REAL

__all__ = ["BeatDisplay", "ImageDisplay", "TraceDisplay"]

_BEFORE_S, _AFTER_S = 0.25, 0.4  # around an R peak
_MOST_BEATS = 60


@dataclass
class TraceDisplay:
    """Sample of windows on one scale: real on the left, synthetic on the right.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_samples)
        Real and synthetic windows in mV.
    fs_hz : float
        Sampling rate.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes of shape (n, 2), Figure
        Axes and figure of the last call of `plot`.
    """

    real: np.ndarray
    fake: np.ndarray
    fs_hz: float
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_windows(
        cls,
        real: Any,
        fake: Any,
        fs_hz: float,
        n: int = 5,
        random_state: Any = None,
        *,
        show_real: bool = True,
    ) -> TraceDisplay:
        """Select up to `n` random windows of each side; only the first lead is used.

        Parameters
        ----------
        real, fake : array-like of shape (n_windows, n_samples) or (n_windows, n_leads, n_samples)
            Real and synthetic windows in mV.
        fs_hz : float
            Sampling rate.
        n : int, default=5
            Maximum number of windows per side.
        random_state : int, RandomState instance, Generator or None, default=None
            Random state of the selection.
        show_real : bool, default=True
            If False, no real window is kept.

        Returns
        -------
        display : TraceDisplay
        """
        sides = _first_lead(real), _first_lead(fake)
        return cls(*_some(*sides, n, random_state, show_real), fs_hz)

    def plot(self, figure: Figure | None = None) -> TraceDisplay:
        """Draw on `figure`, or on a new figure, and return self."""
        n = max(len(self.real), len(self.fake))
        self.figure_ = figure = figure or Figure(layout="constrained")
        figure.set_size_inches(10, 0.9 * n + 0.6)
        sides = _sides(self.real, self.fake)
        self.axes_ = axes = figure.subplots(n, len(sides), sharex=True, sharey=True, squeeze=False)
        for column, (windows, color, name) in zip(axes.T, sides, strict=True):
            column[0].set_title(name, fontsize=10)
            for ax, window in zip(column, windows, strict=False):
                ax.plot(np.arange(len(window)) / self.fs_hz, window, color=color, linewidth=0.8)
                ax.spines[["top", "right"]].set_visible(False)
                ax.tick_params(labelsize=7)
            column[-1].set_xlabel("s", fontsize=8)
        axes[0, 0].set_ylabel("mV", fontsize=8)
        return self


@dataclass
class BeatDisplay:
    """Heart beats aligned at their R peaks, with their median.

    Parameters
    ----------
    real, fake : ndarray of shape (n_beats, n_samples)
        Real and synthetic beats in mV, from 0.25 s before to 0.4 s after the R peak.
    fs_hz : float
        Sampling rate.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    real: np.ndarray
    fake: np.ndarray
    fs_hz: float
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_windows(
        cls,
        real: Any,
        fake: Any,
        fs_hz: float,
        random_state: Any = None,
        *,
        show_real: bool = True,
    ) -> BeatDisplay:
        """Detect the beats of both sides, and select up to 60 random beats of each.

        Parameters
        ----------
        real, fake, fs_hz, random_state, show_real
            As in `TraceDisplay.from_windows`.

        Returns
        -------
        display : BeatDisplay
        """
        sides = _beats(_first_lead(real), fs_hz), _beats(_first_lead(fake), fs_hz)
        return cls(*_some(*sides, _MOST_BEATS, random_state, show_real), fs_hz)

    def plot(self, figure: Figure | None = None) -> BeatDisplay:
        """Draw on `figure`, or on a new figure, and return self."""
        self.figure_ = figure = figure or Figure(layout="constrained")
        sides = _sides(self.real, self.fake)
        figure.set_size_inches(4.5 * len(sides), 3)
        axes = figure.subplots(1, len(sides), sharex=True, sharey=True, squeeze=False)[0]
        self.axes_ = axes
        for ax, (beats, color, name) in zip(axes, sides, strict=True):
            time_s = np.arange(beats.shape[1]) / self.fs_hz - _BEFORE_S
            for beat in beats:
                ax.plot(time_s, beat, color=color, linewidth=0.5, alpha=0.35)
            if len(beats):
                ax.plot(time_s, np.median(beats, axis=0), color="black", linewidth=1.6)
            ax.set_title(f"{name}, {len(beats)} beats", fontsize=10)
            ax.set_xlabel("s from the R peak", fontsize=8)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=7)
        axes[0].set_ylabel("mV", fontsize=8)
        return self


@dataclass
class ImageDisplay:
    """Sample of images: real above, synthetic below.

    Parameters
    ----------
    real, fake : ndarray of shape (n, height, width) or (n, height, width, channels)
        Real and synthetic images with values from 0 to 255.

    Attributes
    ----------
    axes_, figure_ : ndarray of Axes, Figure
        Axes and figure of the last call of `plot`.
    """

    real: np.ndarray
    fake: np.ndarray
    axes_: np.ndarray = field(init=False, repr=False)
    figure_: Figure = field(init=False, repr=False)

    @classmethod
    def from_images(
        cls,
        real: Any,
        fake: Any,
        n: int = 16,
        random_state: Any = None,
        *,
        show_real: bool = True,
    ) -> ImageDisplay:
        """Select up to `n` random images of each side.

        Parameters
        ----------
        real, fake : array-like of shape (n_images, height, width[, channels])
            Real and synthetic images.
        n : int, default=16
            Maximum number of images per side.
        random_state : int, RandomState instance, Generator or None, default=None
            Random state of the selection.
        show_real : bool, default=True
            If False, no real image is kept.

        Returns
        -------
        display : ImageDisplay
        """
        return cls(*_some(np.asarray(real), np.asarray(fake), n, random_state, show_real))

    def plot(self, figure: Figure | None = None) -> ImageDisplay:
        """Draw on `figure`, or on a new figure, and return self."""
        n_wide = 8
        n_high = -(-max(len(self.real), len(self.fake)) // n_wide)
        self.figure_ = figure = figure or Figure(layout="constrained")
        sides = _sides(self.real, self.fake)
        figure.set_size_inches(10, 1.25 * n_high * len(sides) + 0.8)
        self.axes_ = axes = figure.subplots(len(sides) * n_high, n_wide, squeeze=False)
        for i, (images, _, name) in enumerate(sides):
            rows = axes[i * n_high : (i + 1) * n_high]
            rows[0, 0].set_title(name, fontsize=10, loc="left")
            for ax, image in zip(rows.ravel(), images, strict=False):
                _draw_image(ax, image)
        for ax in axes.ravel():
            ax.set_axis_off()
        return self


def _sides(real: np.ndarray, fake: np.ndarray) -> list[tuple[np.ndarray, str, str]]:
    """Return records, colour and title of each side that is drawn."""
    return [(real, REAL, "real")] * bool(len(real)) + [(fake, FAKE, "synthetic")]


def _draw_image(ax: Axes, image: np.ndarray) -> None:
    shown = np.clip(image, 0, 255).astype(np.uint8)
    if shown.ndim == 3 and shown.shape[2] == 1:
        shown = shown[:, :, 0]
    ax.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _first_lead(windows: Any) -> np.ndarray:
    lead = beat_lead(windows.leads, windows.units) if isinstance(windows, SignalWindows) else 0
    array = np.asarray(windows, dtype=np.float64)
    array = array[:, lead] if array.ndim == 3 else array
    return array[np.isfinite(array).all(axis=1)]


def _some(
    real: np.ndarray, fake: np.ndarray, n: int, random_state: Any, show_real: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Draw up to `n` records of each side; none of the real side unless it is shown."""
    rng = draw_generator(random_state)
    real, fake = (
        x if len(x) <= n else x[np.sort(rng.choice(len(x), n, replace=False))] for x in (real, fake)
    )
    return real if show_real else real[:0], fake


def _beats(windows: np.ndarray, fs_hz: float) -> np.ndarray:
    """Cut out all beats that are complete in their window; subtract the window's median."""
    found = find_beats(windows, fs_hz)
    before, after = round(_BEFORE_S * fs_hz), round(_AFTER_S * fs_hz)
    whole = (found.sample >= before) & (found.sample + after <= windows.shape[1])
    rows, peaks = found.window[whole], found.sample[whole]
    at = peaks[:, None] + np.arange(-before, after)
    return windows[rows[:, None], at] - np.median(windows, axis=1)[rows, None]
