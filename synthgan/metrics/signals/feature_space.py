"""Feature space of windows, and measures in it: classifiers, kernels, neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from synthgan.metrics.compared_sets import Comparison, two_sample_by_family
from synthgan.metrics.points import mmd_of_points, neighbour_measures
from synthgan.metrics.score import Score
from synthgan.metrics.signals.waveforms import power_densities, window_statistics
from synthgan.metrics.signals.windows import read_window_sets
from synthgan.metrics.tables import Part
from synthgan.metrics.two_sample import boosted, two_sample_test

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

    def features(self, windows: np.ndarray) -> tuple[np.ndarray, dict[str, slice]]:
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
        ends = np.cumsum([0] + [block.shape[1] for block in blocks.values()]).tolist()
        families = {
            name: slice(*span) for name, *span in zip(blocks, ends[:-1], ends[1:], strict=True)
        }
        return np.hstack(list(blocks.values())), families


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

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        return _classify(*_features_of_both(ours, theirs, fs_hz)[:2], rng)

    def explain(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        seen, other, families = _features_of_both(ours, theirs, fs_hz)
        return two_sample_by_family(families, seen, other, lambda a, b: _classify(a, b, rng))

    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    return compared.compare(
        "C2ST of windows",
        compare,
        random_state,
        higher_is_better=False,
        most=_MOST_WINDOWS,
        equal=True,
        explain=explain,
    )


def signal_mmd(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Maximum mean discrepancy of both sets under Gaussian kernels.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `signal_c2st`.

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

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        space = WindowSpace(np.concatenate([ours, theirs]), fs_hz)
        value = mmd_of_points(space.points(ours), space.points(theirs))
        return Part(value, pd.DataFrame({"value": [value]}, index=["all features"]))

    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    return compared.compare(
        "maximum mean discrepancy of windows",
        compare,
        random_state,
        higher_is_better=False,
        most=_MOST_WINDOWS,
        equal=True,
    )


def signal_precision(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Precision: share of synthetic windows in the neighbourhood of real ones.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `signal_c2st`.

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
    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    compare = _neighbours("precision", fs_hz)
    return compared.compare(
        "precision of windows", compare, random_state, most=_MOST_WINDOWS, equal=True
    )


def signal_coverage(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Coverage: share of real windows with a synthetic one in their neighbourhood.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `signal_c2st`.

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
    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    compare = _neighbours("coverage", fs_hz)
    return compared.compare(
        "coverage of windows", compare, random_state, most=_MOST_WINDOWS, equal=True
    )


def _neighbours(name: str, fs_hz: float) -> Comparison:
    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        space = WindowSpace(ours, fs_hz)
        values = neighbour_measures(space.points(ours), space.points(theirs))
        return Part(values[name], pd.DataFrame({"value": values}).rename_axis("measure"))

    return compare


def _features_of_both(
    ours: np.ndarray, theirs: np.ndarray, fs_hz: float
) -> tuple[np.ndarray, np.ndarray, dict[str, slice]]:
    """Features in a space that is fitted to both sets, and their families."""
    space = WindowSpace(np.concatenate([ours, theirs]), fs_hz)
    seen, families = space.features(ours)
    return seen, space.features(theirs)[0], families


def _classify(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    seed = int(rng.integers(2**31 - 1))
    return two_sample_test(ours, theirs, lambda: boosted(seed), rng)
