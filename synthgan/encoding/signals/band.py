"""The band of frequencies that cells hold, and the noise above it; uses arrays only.

Recordings are often sampled at a higher rate than their waves need: above some frequency there is
noise of the amplifier, and hum. A network need not learn it sample by sample, and runs faster on
the band below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.fft import dct, idct
from scipy.ndimage import uniform_filter1d
from sklearn.utils import gen_batches

from synthgan.exceptions import ArchiveError
from synthgan.state import fields

__all__ = ["HighBand", "find_band"]

_SHARES = (1 / 4, 1 / 3, 1 / 2)  # of the frequencies, that are tried
_FEWEST_CELLS = 400  # a window; a shorter one is as fast
_FEWEST_WINDOWS, _MOST_WINDOWS = 20, 1000
# Of a window's height: what is left out is lower than that in so many windows.
_MOST_LEFT_OUT, _MOST_WINDOWS_BELOW = 0.05, 0.9
_SMOOTHED = 5.0  # samples of the band over which its energy is averaged
_MOST_IN_BURSTS = 0.95  # of the noise
_LEAST_ENERGY = 1e-6  # of the band's upper half, in a share of the noise: what rounding leaves
_LEAST_RATIO, _LEAST_VARIANCE, _MOST_LOG = 1e-3, 1e-9, 750.0
_MOST_AT_A_TIME = 2**20  # samples, for which noise is drawn
_TINY = np.finfo(float).tiny


def find_band(windows: np.ndarray) -> int:
    """Return how many frequencies of windows are enough, from the lowest.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)

    Returns
    -------
    n_cells : int
        A quarter, a third or half of the frequencies, if what is left out is never higher than 5 %
        of the window's height in nine windows of ten, in each lead; else all of them.
    """
    windows = windows[:: -(-len(windows) // _MOST_WINDOWS) or 1]
    n_windows, _, n_samples = windows.shape
    if n_windows < _FEWEST_WINDOWS:
        return n_samples
    height = np.ptp(windows, axis=2)
    spectra = dct(windows, norm="ortho")
    for share in _SHARES:
        n_cells = round(share * n_samples)
        above = spectra.copy()
        above[:, :, :n_cells] = 0.0
        left_out = np.abs(idct(above, norm="ortho")).max(axis=2)
        most = np.quantile(left_out / (height + _TINY), _MOST_WINDOWS_BELOW, axis=0).max()
        if n_cells >= _FEWEST_CELLS and most <= _MOST_LEFT_OUT:
            return n_cells
    return n_samples


@dataclass(frozen=True)
class HighBand:
    """Noise in the frequencies above a band, as loud as in real windows.

    Parameters
    ----------
    shape : ndarray of shape (n_leads, n_frequencies)
        Relative amplitude of each frequency of the cosine transform, of equal weight for each
        window; 1 if there are fewer than 20.
    means : ndarray of shape (n_leads, 2)
        Means over windows of two logarithms: of the variance that noise has everywhere, and of the
        ratio of its further variance to the energy of the band's upper half at that time.
    factors : ndarray of shape (n_leads, 2, 2)
        Cholesky factors of the covariance of both.

    Notes
    -----
    Steep waves, such as QRS complexes, reach beyond the band. So the noise is louder where the
    upper half of the band is: on PTB-DB, a third of what is above 125 Hz is in such bursts.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("noise_shape", "noise_means", "noise_factors")

    shape: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    @classmethod
    def fit(cls, windows: np.ndarray, n_cells: int) -> HighBand:
        """Learn the noise of windows (n_windows, n_leads, n_samples) above `n_cells`."""
        spectra = dct(windows, norm="ortho")
        power = spectra[:, :, n_cells:] ** 2
        mean_power = power.mean(axis=2)
        shape = np.sqrt((power / (mean_power[:, :, None] + _TINY)).mean(axis=0))
        if len(windows) < _FEWEST_WINDOWS:  # the spectrum would be that of a few of them
            shape = np.ones_like(shape)
        spectra[:, :, :n_cells] = 0.0
        noise = idct(spectra, norm="ortho") ** 2
        energy = _energy(dct(windows, norm="ortho")[:, :, :n_cells], windows.shape[2])
        means = [x.mean(axis=2) for x in (noise, energy)]
        both = (noise * energy).mean(axis=2) - means[0] * means[1]
        ratio = both / (energy.var(axis=2) + _TINY)
        ratio = np.clip(ratio, 0.0, _MOST_IN_BURSTS * means[0] / (means[1] + _TINY))
        ratio[means[1] < _LEAST_ENERGY * means[0]] = 0.0
        everywhere = means[0] - ratio * means[1]
        logs = np.log(np.stack([everywhere + _TINY, ratio + _LEAST_RATIO], axis=2))
        deviations = logs - logs.mean(axis=0)
        covariance = np.einsum("nli,nlj->lij", deviations, deviations) / len(windows)
        factors = np.linalg.cholesky(covariance + _LEAST_VARIANCE * np.eye(2))
        return cls(shape, logs.mean(axis=0), factors)

    def extend(
        self, below: np.ndarray, n_samples: int, rng: np.random.Generator | None
    ) -> np.ndarray:
        """Extend spectra by frequencies above the band.

        Parameters
        ----------
        below : ndarray of shape (n, n_leads, n_cells)
            Of the cosine transform; of windows of any length.
        n_samples : int
        rng : Generator or None
            Draws the noise; None: there is none.

        Returns
        -------
        spectra : ndarray of shape (n, n_leads, n_samples)
        """
        n, n_leads, n_cells = below.shape
        spectra = np.zeros((n, n_leads, n_samples))
        spectra[:, :, :n_cells] = below[:, :, :n_samples]
        if rng is None or n_cells >= n_samples:
            return spectra
        learnt = np.arange(self.shape.shape[1])
        wanted = np.linspace(0, len(learnt) - 1, n_samples - n_cells)
        shape = np.stack([np.interp(wanted, learnt, lead) for lead in self.shape])
        shape *= np.sqrt(n_samples / ((shape**2).sum(axis=1, keepdims=True) + _TINY))
        # Leads of a window are loud together.
        drawn = np.einsum("lij,nj->nli", self.factors, rng.standard_normal((n, 2)))
        everywhere, ratio = np.moveaxis(np.exp(self.means + drawn), 2, 0)
        size = max(1, _MOST_AT_A_TIME // (n_leads * n_samples))
        for rows in gen_batches(n, size):
            some = np.zeros_like(spectra[rows])
            some[:, :, n_cells:] = rng.standard_normal(some[:, :, n_cells:].shape) * shape
            variance = everywhere[rows, :, None] + ratio[rows, :, None] * _energy(
                below[rows], n_samples
            )
            noise = idct(some, norm="ortho") * np.sqrt(variance)
            spectra[rows, :, n_cells:] = dct(noise, norm="ortho")[:, :, n_cells:]
        return spectra

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays."""
        return dict(zip(self.NAMES, (self.shape, self.means, self.factors), strict=True))

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, np.ndarray], n_leads: int, n_frequencies: int
    ) -> HighBand:
        """Build the noise from the output of `to_arrays`.

        Raises
        ------
        ArchiveError
            Invalid arrays, or arrays that do not match the windows.
        """
        read = fields.read_arrays(
            {name: arrays[name] for name in cls.NAMES if name in arrays},
            "the noise above the band",
            noise_shape=fields.array_of(n_leads, n_frequencies),
            noise_means=fields.array_of(n_leads, 2),
            noise_factors=fields.array_of(n_leads, 2, 2),
        )
        shape, means, factors = (read[name] for name in cls.NAMES)
        if (shape < 0).any() or max(np.abs(means).max(), np.abs(factors).max()) > _MOST_LOG:
            raise ArchiveError("the noise above the band has an impossible size")
        return cls(shape, means, factors)


def _energy(below: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the energy of the upper half of a band at each time, (n, n_leads, n_samples)."""
    n_cells = below.shape[2]
    upper = np.zeros((*below.shape[:2], n_samples))
    most = min(n_cells, n_samples)
    upper[:, :, n_cells // 2 : most] = below[:, :, n_cells // 2 : most]
    width = max(1, round(_SMOOTHED * n_samples / n_cells))
    return uniform_filter1d(idct(upper, norm="ortho") ** 2, width, axis=2, mode="nearest")
