"""Utility: a classifier trained on labelled synthetic windows, tested on real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics.compared_sets import ComparedSets, score_of_learners
from synthgan.metrics.points import auc_of_classes
from synthgan.metrics.score import Score
from synthgan.metrics.signals.feature_space import WindowSpace
from synthgan.metrics.signals.windows import phase_randomised, read_window_sets
from synthgan.metrics.trees import leaf_rows
from synthgan.metrics.two_sample import boosted
from synthgan.randomness import draw_generator

__all__ = ["MOST_WINDOWS", "read_labelled_windows", "signal_tstr"]

MOST_WINDOWS = 3000
_LEARNERS = ("boosted trees", "linear")

Labelled = tuple[np.ndarray, np.ndarray]


def signal_tstr(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    real_labels: Any,
    fake_labels: Any,
    holdout: Any = None,
    holdout_labels: Any = None,
    target: Any = None,
    random_state: Any = None,
) -> Score:
    """Train on synthetic windows, test on real ones.

    Parameters
    ----------
    real, fake, fs_hz, target, random_state
        As in `amplitudes`; windows last 0.5 s or more. Up to 3000 of each set are drawn.
    real_labels, fake_labels : array-like of shape (n_windows,)
        The class of each window. Real windows have two classes or more.
    holdout : DataFrame, array-like or None, default=None
        The test windows. None: one half of the real windows is used for tests only.
    holdout_labels : array-like or None, default=None
        Needed with `holdout`.

    Returns
    -------
    score : Score
        Mean over two learners (boosted trees, logistic regression) of the AUC on real windows, each
        class against the rest. Higher is better. They use the features of `signal_c2st`, with the
        components of the real windows. The ceiling is the same with real training windows, the
        floor with phase-randomised ones and their labels. ``detail`` has a row for each learner:
        trained on ``real``, on synthetic windows (``value``), on both (``augmented``), on the
        ``floor``, and ``ratio``, value over real.

    Raises
    ------
    DataError
        As in `amplitudes`; labels that do not match their windows; a single class in the test
        windows.
    ParameterError
        A holdout without labels.

    Notes
    -----
    Windows of one recording resemble each other: if some are training and others test windows, a
    classifier may recognise the person rather than the class. Split by person, or use
    `new_people_tstr`.

    References
    ----------
    Esteban et al. (2017), Real-valued (medical) time series generation with recurrent conditional
    GANs, arXiv 1706.02633.
    """
    if holdout is not None and holdout_labels is None:
        raise ParameterError("holdout_labels=None is not allowed with a holdout; give its classes.")
    rng = draw_generator(random_state)
    seed = int(rng.integers(2**31 - 1))
    windows = {"real": real, "fake": fake, "holdout": holdout}
    classes = {"real": real_labels, "fake": fake_labels, "holdout": holdout_labels}
    compared, labels = read_labelled_windows(windows, classes, fs_hz)
    drawn, labels, note = replace(compared, people=labels).drawn(rng, seed, MOST_WINDOWS)
    sets: dict[str, Labelled] = {name: (x, labels[name]) for name, x in drawn.items()}
    train, test = sets["real"], sets.get("holdout", sets["real"])
    if holdout is None:
        train, test = _halves(*sets["real"])
    if len(np.unique(test[1])) < 2 or len(np.unique(train[1])) < 2:
        raise DataError(
            f"the real training and test windows have the classes "
            f"{np.unique(train[1]).tolist()!r} and {np.unique(test[1]).tolist()!r}; both need two."
        )
    both = zip(train, sets["fake"], strict=True)
    sources = {
        "real": train,
        "value": sets["fake"],
        "augmented": tuple(np.concatenate(pair) for pair in both),
        "floor": (phase_randomised(train[0], rng), train[1]),
    }
    space = WindowSpace(train[0], fs_hz)
    x_test = space.features(test[0])[0]
    features = {arm: (space.features(x)[0], classes) for arm, (x, classes) in sources.items()}
    rows = {
        learner: {arm: _skill(learner, *x, x_test, test[1], seed) for arm, x in features.items()}
        for learner in _LEARNERS
    }
    return score_of_learners("train on synthetic windows, test on real (AUC)", rows, note)


def read_labelled_windows(
    windows: dict[str, Any], classes: dict[str, Any], fs_hz: float
) -> tuple[ComparedSets, dict[str, np.ndarray]]:
    """Read the windows of all sets and their labels.

    Raises
    ------
    DataError
        Windows with missing samples or of wrong shapes; not one label for each window.
    """
    compared = read_window_sets(**windows, fs_hz=fs_hz, least_s=0.5)
    labels = {name: np.asarray(classes[name]) for name in compared.sets}
    for name, x in compared.sets.items():
        n = len(windows[name])
        if labels[name].shape != (n,):
            raise DataError(
                f"{name}_labels have shape {labels[name].shape}, the {name} windows are {n}; give "
                f"one label for each."
            )
        if len(x) < n or pd.isna(labels[name]).any():
            raise DataError(f"{name} windows or labels are missing; leave both out.")
    return compared, labels


def _skill(
    learner: str,
    x: np.ndarray,
    labels: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
    seed: int,
) -> float:
    """Mean AUC of each class against the rest; 0.5 if the training set has one class only."""
    if len(np.unique(labels)) < 2:
        return 0.5
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    trees = boosted(seed).set_params(min_samples_leaf=leaf_rows(len(x)))
    model = linear if learner == "linear" else trees
    model.fit(x, labels)
    return auc_of_classes(model.classes_, model.predict_proba(x_test), y_test)


def _halves(windows: np.ndarray, labels: np.ndarray) -> tuple[Labelled, Labelled]:
    half = (len(windows) + 1) // 2
    return (windows[:half], labels[:half]), (windows[half:], labels[half:])
