"""Match the tempo of synthetic windows to that of real ones; uses arrays only.

If an oscillator of the generator determines the tempo, the layer that draws its rate is changed, so
that synthetic windows have the tempo of real ones, and a tempo that is asked for is set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from synthgan.refine.calibration import FEWEST_WINDOWS

__all__ = ["Tempo"]

_COMPARED = np.linspace(0.03, 0.97, 48)  # shares at which rates are compared
_TIED, _MOST_FACTOR = 0.9, 2.0


class Tempo(NamedTuple):
    """Map of an oscillator's rate, so that synthetic windows have the tempo of real ones.

    Parameters
    ----------
    wave : int
        Index of the oscillator that determines the tempo of a window.
    middle, factor, shift : float
        For logarithms of rates: a rate d above `middle` is mapped to ``factor * d + shift`` above
        it.
    offset : float
        Logarithm of a window's tempo minus that of the oscillator's rate.
    """

    wave: int
    middle: float
    factor: float
    shift: float
    offset: float

    @classmethod
    def fit(cls, real: np.ndarray, fake: np.ndarray, waves: np.ndarray) -> Tempo | None:
        """Fit the map of rates; None if there are too few, or no oscillator determines them.

        Parameters
        ----------
        real, fake : ndarray of shape (n,)
            Tempo of the windows, such as heart rates; NaN if unknown.
        waves : ndarray of shape (n_fake, n_waves)
            Logarithms of the oscillator rates of the synthetic windows.
        """
        if not (cls.is_known(real) and cls.is_known(fake)):
            return None
        real, known = np.log(real[np.isfinite(real)]), np.isfinite(fake)
        fake, waves = np.log(fake[known]), waves[known]
        if not fake.std():
            return None
        ties = np.corrcoef(fake, waves, rowvar=False)[0, 1:]
        wave = int(np.nan_to_num(ties).argmax())
        if not ties[wave] > _TIED:
            return None
        theirs, ours = (np.quantile(x, _COMPARED) for x in (real, fake))
        factor = float(np.polyfit(ours, theirs, 1)[0].clip(1 / _MOST_FACTOR, _MOST_FACTOR))
        offset = float(np.median(fake - waves[:, wave]))
        shift = float(theirs.mean() - ours.mean())
        return cls(wave, float(waves[:, wave].mean()), factor, shift, offset)

    @staticmethod
    def is_known(rates: np.ndarray) -> bool:
        """Return whether enough rates are known."""
        return int(np.isfinite(rates).sum()) >= FEWEST_WINDOWS
