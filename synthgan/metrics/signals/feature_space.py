"""Feature space of windows, and measures in it: classifiers, kernels, neighbours."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.points import mmd_of_points, neighbour_measures
from synthgan.metrics.score import Score
from synthgan.metrics.signals.waveforms import power_densities, window_statistics
from synthgan.metrics.signals.windows import read_window_sets, window_measure
from synthgan.metrics.two_sample import Families, c2st_of_arrays, stack_families

__all__ = [
    "WindowSpace",
    "signal_c2st",
    "signal_coverage",
    "signal_mmd",
    "signal_precision",
]

_MOST_WINDOWS = 1500
_N_COMPONENTS = 24
_TINY = 1e-9  # rounding error of a standard deviation of 0


class WindowSpace:
    """Feature space of windows: principal components, residual, spectrum, statistics.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
        Windows to which components (24, or the number of windows minus one) and scales are fitted.
    fs_hz : float
    """

    def __init__(self, windows: np.ndarray, fs_hz: float) -> None:
        flat = windows.reshape(len(windows), -1)
        n = min(_N_COMPONENTS, len(flat) - 1, flat.shape[1])
        self.fs_hz = fs_hz
        self.components = PCA(n, random_state=0).fit(flat)
        features, families = self.features(windows)
        self.scale = np.ones(features.shape[1])
        for family in families.values():
            spread = np.sqrt(features[:, family].var(axis=0).sum())
            self.scale[family] = spread if spread > _TINY else 1.0

    def points(self, windows: np.ndarray) -> np.ndarray:
        """All features, each family scaled to a total variance of 1 in the fitted windows.

        Components alone are not sufficient: windows with random starting points are nearly
        orthogonal to each other, and white noise is as near to them as they are.
        """
        return self.features(windows)[0] / self.scale

    def features(self, windows: np.ndarray) -> tuple[np.ndarray, Families]:
        """Return the features for a classifier, and the columns of each family."""
        flat = windows.reshape(len(windows), -1)
        scores = self.components.transform(flat)
        left = flat - self.components.inverse_transform(scores)
        leads = range(windows.shape[1])
        powers = [np.log10(power_densities(windows[:, i], self.fs_hz)[1]) for i in leads]
        blocks = {
            "principal components": scores,
            "remainder": np.linalg.norm(left, axis=1, keepdims=True),
            "spectrum": np.hstack(powers),
            "statistics": np.hstack([window_statistics(windows[:, i]) for i in leads]),
        }
        return stack_families(blocks)


_in_space = partial(window_measure, most=_MOST_WINDOWS, equal=True, least_s=0.5)


def signal_c2st(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Classifier two-sample test (C2ST) of synthetic and real windows with boosted trees.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `amplitudes`; windows last 0.5 s or more. The same number, up to 1500, is drawn from
        each set.

    Returns
    -------
    score : Score
        Five-fold AUC: the probability that a real window scores above a synthetic window. 0.5 is
        guessing, 1 is perfect discrimination. Lower is better. The trees use 24 principal
        components of both sets together and the size of the residual, the logarithm of the spectrum
        of 0.5 to 40 Hz, and the statistics of `amplitudes`. ``detail`` has the AUC with each family
        of features alone. The interval is DeLong's.

    Notes
    -----
    As in `c2st`, a synthetic window that equals a real window is in the same fold, and copies score
    0.5.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """

    def features(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, Families]:
        space = WindowSpace(np.concatenate([a, b]), fs_hz)
        ours, families = space.features(a)
        return ours, space.features(b)[0], families

    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    return c2st_of_arrays(compared, features, random_state, _MOST_WINDOWS)


@_in_space("maximum mean discrepancy of windows", higher_is_better=False)
def signal_mmd(
    ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Maximum mean discrepancy of both sets under Gaussian kernels.

    Returns
    -------
    score : Score
        As in `mmd`, with the features of `signal_c2st`: each family has a total
        variance of 1 in both sets together. Lower is better; 0 for equal sets and for about half
        of all pairs of samples from one population.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, 723-773.
    """
    space = WindowSpace(np.concatenate([ours, theirs]), fs_hz)
    value = mmd_of_points(space.points(ours), space.points(theirs))
    return Part(value, pd.DataFrame({"value": [value]}, index=["all features"]))


@_in_space("precision of windows")
def signal_precision(
    ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Precision: share of synthetic windows in the neighbourhood of real ones.

    Returns
    -------
    score : Score
        Share of synthetic windows within the distance of some real window to its fifth nearest real
        neighbour. 0..1, higher is better. The space is that of the features of `signal_c2st`, each
        family with a total variance of 1 among the real windows.
        ``detail`` has precision, recall, density and coverage.

    References
    ----------
    Naeem et al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    return _neighbours("precision", ours, theirs, fs_hz)


@_in_space("coverage of windows")
def signal_coverage(
    ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, fs_hz: float
) -> Part:
    """Coverage: share of real windows with a synthetic one in their neighbourhood.

    Returns
    -------
    score : Score
        Share of real windows with a synthetic window nearer than their fifth nearest real
        neighbour, in the space of `signal_precision`. 0..1, higher is better; about .97 for other
        real windows.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    return _neighbours("coverage", ours, theirs, fs_hz)


def _neighbours(name: str, ours: np.ndarray, theirs: np.ndarray, fs_hz: float) -> Part:
    space = WindowSpace(ours, fs_hz)
    values = neighbour_measures(space.points(ours), space.points(theirs))
    return Part.of(values, "measure", name)
