"""Calibrate synthetic windows to real scale, offset and spectrum; uses arrays only.

A generator rarely reaches the tails of a distribution: its windows have too small a scale, and
offsets too near the mean. Scale and offset of a window are two numbers, whose distributions can be
matched by construction, like those of table columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import dct, idct

from synthgan.encoding.signals import whitening
from synthgan.exceptions import ArchiveError
from synthgan.privacy import EVERYTHING, Support, pooled_means, run_means
from synthgan.state import fields

__all__ = ["FEWEST_WINDOWS", "Calibration", "matched_means"]

FEWEST_WINDOWS = 20  # to learn from
_MOST_KNOTS, _ROWS_A_KNOT = 100, 5
_HALFWAY = 0.5  # share of the difference of spectra: real power is mostly that of a few windows
_MOST_GAIN, _MOST_LOG_SIZE = 2.0, np.log(4.0)


@dataclass(frozen=True)
class Calibration:
    """Map of synthetic windows to the scale, offset and spectrum of real ones.

    Parameters
    ----------
    gains : ndarray of shape (n_leads, n_samples)
        For each frequency of the cosine transform, smoothed.
    heights : ndarray of shape (2, n_leads, n_knots)
        Offsets of synthetic and real windows, ascending: means over equally many windows per knot.
        The height (offset) of a window is its mean.
    sizes : ndarray of shape (2, n_knots)
        The same for sizes (scales): the mean over leads of the logarithm of a window's standard
        deviation.
    """

    gains: np.ndarray
    heights: np.ndarray
    sizes: np.ndarray

    @classmethod
    def fit(
        cls, real: np.ndarray, fake: np.ndarray, support: Support = EVERYTHING
    ) -> Calibration | None:
        """Fit the calibration; None if there are too few windows.

        Parameters
        ----------
        real, fake : ndarray of shape (n, n_leads, n_samples)
        support : Support, default=EVERYTHING
            Support of the real windows: a knot averages enough people, so that none dominates.
        """
        if min(len(real), len(fake)) < FEWEST_WINDOWS:
            return None
        centred = (x - x.mean(axis=(0, 2))[:, None] for x in (real, fake))
        ours, theirs = map(whitening.smooth_power, centred)
        gains = np.sqrt(ours / theirs) ** _HALFWAY
        made = cls(gains.clip(1 / _MOST_GAIN, _MOST_GAIN), np.zeros((2, 0, 0)), np.zeros((2, 0)))
        fake = made._level(fake)
        n_knots = min(_MOST_KNOTS, min(len(real), len(fake)) // _ROWS_A_KNOT)
        leads = zip(fake.mean(axis=2).T, real.mean(axis=2).T, strict=True)
        heights = _joined([matched_means(ours, theirs, n_knots, support) for ours, theirs in leads])
        ours, theirs = (_sizes(x, x.shape[2]) for x in (fake, real))
        sizes = matched_means(ours, theirs, n_knots, support)
        return cls(made.gains, heights, sizes)

    def apply(self, fake: np.ndarray) -> np.ndarray:
        """Calibrate windows or recordings, (n, n_leads, any length)."""
        levelled = self._level(fake)
        heights = levelled.mean(axis=2)
        mended = np.stack(
            [
                _follow(lead, self.heights[0, i], self.heights[1, i])
                for i, lead in enumerate(heights.T)
            ],
            axis=1,
        )
        sizes = _sizes(levelled, self.gains.shape[1])
        log_gain = _follow(sizes, *self.sizes) - sizes
        gain = np.exp(log_gain.clip(-_MOST_LOG_SIZE, _MOST_LOG_SIZE))[:, None, None]
        return (levelled - heights[..., None]) * gain + mended[..., None]

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], n_leads: int, n_samples: int
    ) -> Calibration:
        """Build a calibration from the output of `to_arrays`.

        Raises
        ------
        ArchiveError
            Invalid arrays, or arrays that do not match the windows.
        """
        read = fields.read_arrays(
            arrays,
            "a calibration",
            gains=fields.array_of(n_leads, n_samples),
            heights=fields.array_of(2, n_leads, None),
            sizes=fields.array_of(2, None),
        )
        made = cls(**read)
        is_empty = not made.sizes.size or not made.heights.size
        if is_empty or not (made.gains > 0).all() or (np.diff(made.sizes) < 0).any():
            raise ArchiveError("the tables of a calibration are not ascending")
        if (np.diff(made.heights) < 0).any():
            raise ArchiveError("the tables of a calibration are not ascending")
        return made

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays."""
        return dict(vars(self))

    def _level(self, x: np.ndarray) -> np.ndarray:
        gains = whitening.gains_for(self.gains, x.shape[2])
        return idct(dct(x, norm="ortho") * gains, norm="ortho")


def _sizes(x: np.ndarray, length: int) -> np.ndarray:
    """Return the mean size of windows of a given length in recordings, shape (n,)."""
    n, n_leads, n_samples = x.shape
    length = min(length, n_samples)
    n_windows = n_samples // length
    windows = x[:, :, : n_windows * length].reshape(n, n_leads, n_windows, length)
    return np.log(windows.std(axis=3) + np.finfo(float).tiny).mean(axis=(1, 2))


def matched_means(fake: np.ndarray, real: np.ndarray, n_knots: int, support: Support) -> np.ndarray:
    """Average groups of sorted values at equal quantiles of both, shape (2, at most n_knots).

    Groups of real values have enough people, and none dominates their averages.
    """
    order = np.argsort(real, kind="stable")
    sizes, means = pooled_means(real[order], support.take(order), fewest=len(real) // n_knots)
    starts = np.round((np.cumsum(sizes) - sizes) / len(real) * len(fake)).astype(int)
    return np.stack([run_means(np.sort(fake), starts, least=support.least), means])


def _joined(knots: list[np.ndarray]) -> np.ndarray:
    """Stack the knots of leads, shape (2, n_leads, n_knots); the last knot is repeated."""
    most = max(k.shape[1] for k in knots)
    return np.stack([np.pad(k, ((0, 0), (0, most - k.shape[1])), "edge") for k in knots], axis=1)


def _follow(values: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Interpolate the map from `at` to `to`; beyond the ends, the shift is constant."""
    beyond = values - values.clip(at[0], at[-1])
    return np.interp(values, at, to) + beyond
