"""The band of frequencies that cells hold, and the noise above it; uses arrays only.

Recordings are often sampled at a higher rate than their waves need: above some frequency there is
noise of the amplifier, and hum. A network need not learn it sample by sample, and runs several
times as fast on the band below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.fft import dct, idct

from synthgan.encoding.signals.whitening import limit_window_power
from synthgan.exceptions import ArchiveError
from synthgan.state import fields

__all__ = ["HighBand", "find_band"]

_SHARES = (1 / 4, 1 / 3, 1 / 2)  # of the frequencies, that are tried
_FEWEST_CELLS = 400  # a window; a shorter one is as fast
_FEWEST_WINDOWS, _MOST_WINDOWS = 20, 1000
# Of a window's height: what is left out is lower than that in so many windows.
_MOST_LEFT_OUT, _MOST_WINDOWS_BELOW = 0.05, 0.9
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
    amplitudes : ndarray of shape (n_leads, n_frequencies)
        Standard deviation of each frequency of the cosine transform, in a window of usual loudness.
    spreads : ndarray of shape (n_leads,)
        Standard deviation of the logarithm of a window's loudness.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("noise", "noise_spreads")  # in an archive

    amplitudes: np.ndarray
    spreads: np.ndarray

    @classmethod
    def fit(cls, windows: np.ndarray, n_cells: int) -> HighBand:
        """Learn the noise of windows (n_windows, n_leads, n_samples) above `n_cells`."""
        above = limit_window_power(dct(windows, norm="ortho")[:, :, n_cells:])
        loudness = np.log(np.sqrt((above**2).mean(axis=2)) + _TINY)
        shape = np.sqrt((above**2).mean(axis=0))
        size = np.sqrt((shape**2).mean(axis=1, keepdims=True)) + _TINY
        usual = np.exp(loudness.mean(axis=0))[:, None]
        return cls(shape / size * usual, loudness.std(axis=0))

    def draw(self, n: int, n_cells: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Draw spectra of `n` windows from the frequency `n_cells` on.

        Parameters
        ----------
        n, n_cells, n_samples : int
            Windows, and their cells and samples, which may be other ones than those of `fit`.
        rng : Generator

        Returns
        -------
        spectra : ndarray of shape (n, n_leads, n_samples - n_cells)
        """
        learnt = np.arange(self.amplitudes.shape[1])
        wanted = np.linspace(0, len(learnt) - 1, n_samples - n_cells)
        amplitudes = np.stack([np.interp(wanted, learnt, lead) for lead in self.amplitudes])
        loudness = np.exp(self.spreads * rng.standard_normal((n, 1)))[:, :, None]
        noise = rng.standard_normal((n, *amplitudes.shape))
        return noise * amplitudes * loudness

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays."""
        return dict(zip(self.NAMES, (self.amplitudes, self.spreads), strict=True))

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
            noise=fields.array_of(n_leads, n_frequencies),
            noise_spreads=fields.array_of(n_leads),
        )
        if (read["noise"] < 0).any() or (read["noise_spreads"] < 0).any():
            raise ArchiveError("the noise above the band has a negative size")
        return cls(read["noise"], read["noise_spreads"])
