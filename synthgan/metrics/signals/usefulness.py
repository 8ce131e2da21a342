"""Utility: a classifier trained on labelled synthetic windows, tested on real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics.compared_sets import content_order
from synthgan.metrics.points import auc
from synthgan.metrics.score import Score
from synthgan.metrics.signals.feature_space import WindowSpace
from synthgan.metrics.signals.windows import phase_randomised, read_windows
from synthgan.metrics.two_sample import boosted, fewest_rows
from synthgan.randomness import draw_generator
from synthgan.records.beats import check_sampling
from synthgan.records.signals import match_windows

__all__ = ["signal_tstr"]

_MOST_WINDOWS = 3000
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
    classifier may recognise the person rather than the class. Split by person.

    References
    ----------
    Esteban et al. (2017), Real-valued (medical) time series generation with recurrent conditional
    GANs, arXiv 1706.02633.
    """
    if holdout is not None and holdout_labels is None:
        raise ParameterError("holdout_labels=None is not allowed with a holdout; give its classes.")
    rng = draw_generator(random_state)
    seed = int(rng.integers(2**31 - 1))
    given = {"real": (real, real_labels), "fake": (fake, fake_labels)}
    if holdout is not None:
        given["holdout"] = holdout, holdout_labels
    sets, note = _read(given, fs_hz, seed)
    train, test = sets["real"], sets.get("holdout", sets["real"])
    if holdout is None:
        train, test = _halves(*sets["real"])
    if len(np.unique(test[1])) < 2 or len(np.unique(train[1])) < 2:
        raise DataError(
            f"the real training and test windows have the classes "
            f"{np.unique(train[1]).tolist()!r} and {np.unique(test[1]).tolist()!r}; both need two."
        )
    windows, labels = (np.concatenate(pair) for pair in zip(train, sets["fake"], strict=True))
    sources = {
        "real": train,
        "value": sets["fake"],
        "augmented": (windows, labels),
        "floor": (phase_randomised(train[0], rng), train[1]),
    }
    space = WindowSpace(train[0], fs_hz)
    detail = _skills(sources, test, space, seed)
    mean = detail.mean()
    return Score(
        "train on synthetic windows, test on real (AUC)",
        float(mean["value"]),
        True,
        detail.assign(ratio=detail["value"] / detail["real"]),
        ceiling=float(mean["real"]),
        floor=float(mean["floor"]),
        note=note,
    )


def _read(
    given: dict[str, tuple[Any, Any]], fs_hz: float, seed: int
) -> tuple[dict[str, Labelled], str]:
    """Sub-sampled windows and labels of all sets, in an order that depends on content."""
    sets: dict[str, Labelled] = {}
    drawn = []
    matched = match_windows({name: x for name, (x, _) in given.items()}, fs_hz)
    for name, (_, classes) in given.items():
        x, labels = matched[name], np.asarray(classes)
        windows = read_windows(x, name)[0]
        if labels.shape != (len(x),):
            raise DataError(
                f"{name}_labels have shape {labels.shape}, the {name} windows are {len(x)}; give "
                f"one label for each."
            )
        if len(windows) < len(x) or pd.isna(labels).any():
            raise DataError(f"{name} windows or labels are missing; leave both out.")
        if name != "real" and windows.shape[1:] != sets["real"][0].shape[1:]:
            raise DataError(
                f"the {name} windows have (leads, samples) = {windows.shape[1:]}, the real ones "
                f"{sets['real'][0].shape[1:]}; cut all sets to the same."
            )
        check_sampling(fs_hz, windows.shape[2], 0.5)
        if len(windows) > _MOST_WINDOWS:
            drawn.append(f"{_MOST_WINDOWS} of {len(windows)} {name} windows")
        order = content_order(windows, seed)[:_MOST_WINDOWS]
        sets[name] = windows[order], labels[order]
    return sets, f"Drawn at random: {', '.join(drawn)}." if drawn else ""


def _skills(
    sources: dict[str, Labelled], test: Labelled, space: WindowSpace, seed: int
) -> pd.DataFrame:
    """AUC on the test windows, by learner and training set."""
    asked = space.features(test[0])[0]
    seen = {arm: (space.features(x)[0], labels) for arm, (x, labels) in sources.items()}
    skills = {
        learner: {arm: _skill(learner, *pair, asked, test[1], seed) for arm, pair in seen.items()}
        for learner in _LEARNERS
    }
    return pd.DataFrame.from_dict(skills, orient="index").rename_axis("learner")


def _skill(
    learner: str,
    x: np.ndarray,
    labels: np.ndarray,
    asked: np.ndarray,
    answers: np.ndarray,
    seed: int,
) -> float:
    """Mean AUC of each class against the rest; 0.5 if the training set has one class only.

    NaN if the training set is too small for the learner.
    """
    if len(np.unique(labels)) < 2:
        return 0.5
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model = linear if learner == "linear" else boosted(seed)
    if len(x) < fewest_rows(model):
        return float("nan")
    model.fit(x, labels)
    odds = model.predict_proba(asked)
    values = []
    for level in np.unique(answers):
        column = np.flatnonzero(model.classes_ == level)
        p = odds[:, column[0]] if len(column) else np.zeros(len(answers))
        values.append(auc(p[answers == level], p[answers != level]))
    return float(np.mean(values))


def _halves(windows: np.ndarray, labels: np.ndarray) -> tuple[Labelled, Labelled]:
    half = (len(windows) + 1) // 2
    return (windows[:half], labels[:half]), (windows[half:], labels[half:])
