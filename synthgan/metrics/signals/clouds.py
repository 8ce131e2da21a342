"""Windows as points: what classifiers, neighbours and kernels say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from synthgan.metrics.arms import Comparison, families_alone
from synthgan.metrics.points import mmd_of_points, neighbour_measures
from synthgan.metrics.score import Score
from synthgan.metrics.signals.waveforms import power_densities, window_statistics
from synthgan.metrics.signals.windows import read_arms
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
_TINY = 1e-9  # what rounding leaves of a spread of 0


class WindowSpace:
    """Where windows are points: principal components, what they leave, spectrum, statistics.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
        Give the components (24, or one less than there are windows) and the scales.
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
        """All features, each family with a total variance of 1 among the windows of the space.

        Components alone would not do. Windows that are cut anywhere are nearly at right angles to
        each other, and white noise lies as near to them as they do.
        """
        return self.features(windows)[0] / self.scale

    def features(self, windows: np.ndarray) -> tuple[np.ndarray, dict[str, slice]]:
        """Return all that a classifier is shown, and which columns are of which family."""
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
    """Let boosted trees tell fake from real windows.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `amplitudes`; windows last 0.5 s or more. Up to 1500 of each set are drawn, as many of
        each.

    Returns
    -------
    score : Score
        Five-fold AUC: the chance that a real window looks more real than a fake. 0.5: the trees
        only guess, 1: they always know. Lower is better. They see 24 principal components of both
        sets together and the size of what is left, the logarithm of the spectrum of 0.5 to 40 Hz,
        and the statistics of `amplitudes`. ``detail`` has the AUC of trees that see one family of
        these alone. The interval is DeLong's.

    Notes
    -----
    As in `c2st`, a fake that equals a real window stands in the same fold, and copies score 0.5.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        return _tell(*_features_of_both(ours, theirs, fs_hz)[:2], rng)

    def explain(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        seen, other, families = _features_of_both(ours, theirs, fs_hz)
        return families_alone(families, seen, other, lambda a, b: _tell(a, b, rng))

    arms = read_arms(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    return arms.compare(
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
        As of `mmd`, of windows as points of the features of `signal_c2st`: each family has a total
        variance of 1 among both sets together. Lower is better; 0 for equal sets and for about half
        of all pairs of samples of one population.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13, 723-773.
    """

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        space = WindowSpace(np.concatenate([ours, theirs]), fs_hz)
        value = mmd_of_points(space.points(ours), space.points(theirs))
        return Part(value, pd.DataFrame({"value": [value]}, index=["all features"]))

    arms = read_arms(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    return arms.compare(
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
    """Share of fake windows that lie among real ones.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `signal_c2st`.

    Returns
    -------
    score : Score
        Share of fakes within the distance of some real window to its fifth nearest real neighbour.
        0..1, higher is better. The space is that of the features of `signal_c2st`, each family with
        a total variance of 1 among the real windows.
        ``detail`` has precision, recall, density and coverage.

    References
    ----------
    Naeem et al. (2020), Reliable fidelity and diversity metrics, arXiv 2002.09797.
    """
    arms = read_arms(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    compare = _neighbours("precision", fs_hz)
    return arms.compare(
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
    """Share of real windows that have a fake in their neighbourhood.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `signal_c2st`.

    Returns
    -------
    score : Score
        Share of real windows with a fake nearer than their fifth nearest real neighbour, in the
        space of `signal_precision`. 0..1, higher is better; about .97 for other real windows.

    References
    ----------
    Naeem et al. (2020), arXiv 2002.09797.
    """
    arms = read_arms(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    compare = _neighbours("coverage", fs_hz)
    return arms.compare(
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
    """Features in a space that neither set has made alone, and their families."""
    space = WindowSpace(np.concatenate([ours, theirs]), fs_hz)
    seen, families = space.features(ours)
    return seen, space.features(theirs)[0], families


def _tell(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
    seed = int(rng.integers(2**31 - 1))
    return two_sample_test(ours, theirs, lambda: boosted(seed), rng)
