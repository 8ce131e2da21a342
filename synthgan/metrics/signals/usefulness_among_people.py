"""Utility among people: classifiers of heart beats, tested on persons of no training window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from synthgan.exceptions import DataError
from synthgan.metrics.compared_sets import score_of_learners
from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.score import Score
from synthgan.metrics.signals.beats import beats_of
from synthgan.metrics.signals.usefulness import MOST_WINDOWS, read_labelled_windows
from synthgan.metrics.signals.windows import phase_randomised
from synthgan.metrics.trees import leaf_rows
from synthgan.metrics.two_sample import boosted
from synthgan.randomness import draw_generator
from synthgan.records.beats import check_beats, rates_bpm

__all__ = ["beat_features", "new_people_tstr"]

_BEFORE_S, _AFTER_S = 0.25, 0.45  # of R: from before P to after T
_POINTS_HZ = 100.0
_COMPONENTS, _TREES = 10, 200
_DRAWS = 1000  # of persons, for the interval


def new_people_tstr(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    real_labels: Any,
    fake_labels: Any,
    holdout: Any,
    holdout_labels: Any,
    groups: Any,
    holdout_groups: Any,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Train classifiers on synthetic heart beats, test them on new people.

    Parameters
    ----------
    real, fake, fs_hz, target, random_state
        As in `amplitudes`, of one lead or of several; windows last 1 s or more, at 100 Hz or more.
        Up to 3000 of each set are drawn.
    real_labels, fake_labels, holdout_labels : array-like of shape (n_windows,)
        The class of each window, such as a diagnosis. Real windows have two classes or more.
    holdout : DataFrame or array-like
        The test windows, of people of whom there is no real training window.
    groups, holdout_groups : array-like of shape (n_windows,)
        The person of each real and each holdout window.

    Returns
    -------
    score : Score
        Mean balanced accuracy of five classifiers: boosted trees, random trees, logistic
        regression, the same of ten principal components, support vectors. Each test person counts
        the same, however many windows there are. Classes have equal weights in training. Higher is
        better; 1 / number of classes is guessing. The ceiling is the same with real training
        windows, the floor with phase-randomised ones. ``detail`` has a row for each classifier:
        trained on ``real``, on synthetic windows (``value``), on both (``augmented``), on the
        ``floor``, and ``ratio``, value over real. ``interval`` has 95 % of bootstrap draws of test
        persons.

    Raises
    ------
    DataError
        As in `heart_rates`; labels or persons that do not match their windows; a person in both
        real sets; a single class in the training or in the test windows.

    Notes
    -----
    Classifiers see the median beat of a window in each lead (250 ms before to 450 ms after R, 100
    values a second, less its median), the logarithm of one plus its range, and the heart rate. All
    are 0 if there is no whole beat. The synthetic windows must not be of a model that has learnt
    the test people: fit a model for each fold, like ``examples/benchmarks/signal_usefulness.py``.

    References
    ----------
    Esteban et al. (2017), Real-valued (medical) time series generation with recurrent conditional
    GANs, arXiv 1706.02633.
    """
    rng = draw_generator(random_state)
    seed = int(rng.integers(2**31 - 1))
    windows = {"real": real, "fake": fake, "holdout": holdout}
    classes = {"real": real_labels, "fake": fake_labels, "holdout": holdout_labels}
    compared, labels = read_labelled_windows(windows, classes, fs_hz)
    check_beats(fs_hz, compared.sets["real"].shape[2])
    people = code_people({name: len(x) for name, x in labels.items()}, groups, holdout_groups)
    _check_people_and_classes(people, labels)
    places = {name: np.arange(len(x)) for name, x in labels.items()}
    drawn, at, note = replace(compared, people=places).drawn(rng, seed, MOST_WINDOWS)
    y = {name: labels[name][at[name]] for name in drawn}
    x = {name: beat_features(windows, fs_hz) for name, windows in drawn.items()}
    surrogates = beat_features(phase_randomised(drawn["real"], rng), fs_hz)
    arms = {
        "real": (x["real"], y["real"]),
        "value": (x["fake"], y["fake"]),
        "augmented": tuple(np.concatenate([z["real"], z["fake"]]) for z in (x, y)),
        "floor": (surrogates, y["real"]),
    }
    cells = _cells(y["holdout"], people["holdout"][at["holdout"]])
    rows: dict[str, dict[str, float]] = {}
    shares = []  # correct of each cell, by classifier trained on synthetic windows
    for name, model in _classifiers(min(len(x["real"]), len(x["fake"])), seed).items():
        rows[name] = {}
        for arm, (x_arm, y_arm) in arms.items():
            is_right = _guessed(model, x_arm, y_arm, x["holdout"]) == y["holdout"]
            right = _means(is_right, cells)
            rows[name][arm] = _balanced(right, cells)
            shares += [right] if arm == "value" else []
    score = score_of_learners("classifiers among new people (balanced accuracy)", rows, note, None)
    return replace(score, interval=_interval(np.mean(shares, axis=0), cells, seed))


class _Cells(NamedTuple):
    """Windows of one test person and one class."""

    of_window: np.ndarray  # (n_windows,), number of the cell
    label: np.ndarray  # (n_cells,), number of the class


def _cells(labels: np.ndarray, people: np.ndarray) -> _Cells:
    _, y = np.unique(labels, return_inverse=True)
    pairs, of_window = np.unique(np.column_stack([y, people]), axis=0, return_inverse=True)
    return _Cells(of_window.ravel(), pairs[:, 0])


def _means(values: np.ndarray, cells: _Cells) -> np.ndarray:
    """Return the mean of each cell."""
    return np.bincount(cells.of_window, values) / np.bincount(cells.of_window)


def _balanced(shares: np.ndarray, cells: _Cells) -> float:
    """Return the mean over classes of the mean share of their people."""
    return float(np.mean([shares[cells.label == label].mean() for label in np.unique(cells.label)]))


def _interval(shares: np.ndarray, cells: _Cells, seed: int) -> tuple[float, float]:
    """Return 95 % of the balanced accuracies when the people of each class are drawn again."""
    rng = np.random.default_rng(seed)
    draws = [
        rng.choice(shares[cells.label == label], (_DRAWS, np.sum(cells.label == label))).mean(
            axis=1
        )
        for label in np.unique(cells.label)
    ]
    low, high = np.quantile(np.mean(draws, axis=0), (0.025, 0.975))
    return float(low), float(high)


def _classifiers(n_rows: int, seed: int) -> dict[str, Any]:
    """Return the five classifiers; `n_rows` is the size of the smallest training set."""
    leaf = leaf_rows(n_rows)
    alike: dict[str, Any] = {"class_weight": "balanced"}
    logistic = LogisticRegression(max_iter=2000, **alike)
    components = PCA(_COMPONENTS, random_state=seed)
    forest = RandomForestClassifier(
        _TREES, min_samples_leaf=max(1, leaf // 4), random_state=seed, **alike
    )
    return {
        "boosted trees": boosted(seed).set_params(min_samples_leaf=leaf, **alike),
        "random trees": forest,
        "logistic regression": make_pipeline(StandardScaler(), logistic),
        "10 components": make_pipeline(StandardScaler(), components, clone(logistic)),
        "support vectors": make_pipeline(StandardScaler(), SVC(**alike)),
    }


def _guessed(model: Any, x: np.ndarray, labels: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Train a classifier, and return the classes of the test windows."""
    if len(np.unique(labels)) < 2:
        return np.full(len(x_test), labels[0])
    return np.asarray(clone(model).fit(x, labels).predict(x_test))


def beat_features(windows: np.ndarray, fs_hz: float) -> np.ndarray:
    """Return what classifiers see of windows: the median beat, its range, the heart rate.

    Parameters
    ----------
    windows : ndarray of shape (n_windows, n_leads, n_samples)
        In mV; beats are those of the first lead.
    fs_hz : float

    Returns
    -------
    features : ndarray of shape (n_windows, 70 n_leads + 2)
        Zeros in a window without a whole beat; its rate is 0 if it has fewer than two beats.
    """
    n_windows, n_leads, n_samples = windows.shape
    beats = beats_of(windows[:, 0], fs_hz)
    steps = np.arange(-round(_BEFORE_S * _POINTS_HZ), round(_AFTER_S * _POINTS_HZ))
    offsets = np.round(steps * fs_hz / _POINTS_HZ).astype(np.int64)
    is_whole = (beats.sample + offsets[0] >= 0) & (beats.sample + offsets[-1] < n_samples)
    window, sample = beats.window[is_whole], beats.sample[is_whole]
    cut = windows[window[:, None, None], np.arange(n_leads)[:, None],
                  sample[:, None, None] + offsets]  # fmt: skip
    medians = np.zeros((n_windows, n_leads, len(offsets)))
    for i in np.unique(window):
        beat = np.median(cut[window == i], axis=0)
        medians[i] = beat - np.median(beat, axis=1, keepdims=True)
    heights = np.log1p(np.ptp(medians, axis=2).max(axis=1))
    rates = np.nan_to_num(rates_bpm(beats, fs_hz, n_windows, n_samples))
    return np.column_stack([medians.reshape(n_windows, -1), heights, rates])


def _check_people_and_classes(people: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> None:
    n_known = len(np.unique(people["holdout"][known_people(people)]))
    if n_known:
        raise DataError(
            f"{n_known} person(s) are in both the real training windows and the holdout; this "
            f"measure tests on new people: give all windows of a person to one of them."
        )
    for name in ("real", "holdout"):
        found = np.unique(labels[name])
        if len(found) < 2:
            raise DataError(
                f"the {name} windows are all of the class {found.tolist()[0]!r}; give two classes "
                f"or more."
            )
