"""Whether synthetic windows are like those of a new person, measured with folds by person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.points import auc, auc_interval
from synthgan.metrics.recent import remember_recent
from synthgan.metrics.score import Score
from synthgan.metrics.signals.convolutions import convolution_features
from synthgan.metrics.signals.feature_space import WindowSpace
from synthgan.metrics.signals.windows import phase_randomised, read_window_sets, whole_windows
from synthgan.metrics.two_sample import boosted, fewest_rows
from synthgan.randomness import draw_generator

__all__ = ["new_people_detection"]

_NAME = "detection among new people"
_MOST_WINDOWS = 1500
_N_FOLDS = 5
_PENALTY = 0.01  # inverse; there are about as many features as windows
_FEWEST_KNOWN = 25  # windows of people in both sets, to measure what copies would score
_convolved = remember_recent(convolution_features)  # the real windows are compared several times
_NOBODY = "the persons of the real windows, in a report of the holdout, are not known; give groups."
_FAMILIES = ("window features", "random convolutions")


class _Windows(NamedTuple):
    windows: np.ndarray  # (n, n_leads, n_samples)
    people: np.ndarray  # (n,)


def new_people_detection(
    real: Any,
    fake: Any,
    *,
    fs_hz: float,
    holdout: Any = None,
    target: Any = None,
    random_state: Any = None,
    groups: Any = None,
    holdout_groups: Any = None,
) -> Score:
    """Detect synthetic windows among those of people whom the classifier has not seen.

    Parameters
    ----------
    real, fake, fs_hz, holdout, target, random_state
        As in `amplitudes`; windows last 0.5 s or more. The same number, up to 1500, is drawn from
        each set.
    groups, holdout_groups : array-like of shape (n_windows,), or None, default=None
        The person of each real and each holdout window; the measure needs groups. A missing entry:
        a different person. Each synthetic window counts as a separate person.

    Returns
    -------
    score : Score
        AUC in up to five folds that keep the windows of a person together: the probability that a
        window of a new person scores above a synthetic one. 0.5: synthetic windows are like those
        of a new person. Above: they are unlike all people. Below: they resemble the real people,
        whom the generator has then learnt. Two classifiers are used, boosted trees on the features
        of `signal_c2st`, and logistic regression on random convolutions; value, interval, ceiling
        and floor are those of the one whose AUC is farther from 0.5. ``detail`` has both. Its
        column ``same people`` has the AUC with those holdout windows in place of the synthetic ones
        whose persons also have real windows: what copies would score. NaN with fewer than two
        persons, or unknown ones.

    Raises
    ------
    DataError
        As in `amplitudes`; not one group for each window.

    Notes
    -----
    With random folds, as in `signal_c2st`, windows of a person are among both the training and the
    test windows, and 0.5 means windows like those of the same people. The value can be below
    0.5 only if the real people are those of the training set. Of other people, it is 0.5 at best.

    References
    ----------
    Dempster et al. (2020), ROCKET, doi 10.1007/s10618-020-00701-z (the convolutions). DeLong et al.
    (1988), doi 10.2307/2531595 (the interval, with people as independent units).

    Examples
    --------
    >>> from synthgan.datasets import make_ecg
    >>> real, fake = (make_ecg(40, n_samples=250, fs_hz=250, random_state=i) for i in (0, 1))
    >>> people = [i // 2 for i in range(40)]
    >>> score = new_people_detection(real, fake + 0.1, fs_hz=250, groups=people, random_state=0)
    >>> score.value > 0.6
    True
    """
    given = {"real": real, "fake": fake, "holdout": holdout}
    compared = read_window_sets(**given, fs_hz=fs_hz, least_s=0.5)
    kept = {name: whole_windows(given[name]) for name in compared.sets}
    people = code_people({name: len(x) for name, x in kept.items()}, groups, holdout_groups)
    if groups is None:
        return _not_measured(_NOBODY)
    compared = replace(compared, people={name: x[kept[name]] for name, x in people.items()})
    rng = draw_generator(random_state)
    seed = int(rng.integers(2**31 - 1))
    most = compared.affordable(_MOST_WINDOWS)
    sets, people, note = compared.drawn(rng, seed, most, equal=True)
    if len(np.unique(people["real"])) < 2:
        return _not_measured("all real windows belong to a single person.")
    arms = _arms(sets, people, phase_randomised(sets.get("holdout", sets["real"]), rng))
    tested = {
        name: _test(_Windows(sets["real"], people["real"]), other, fs_hz, seed)
        for name, other in arms.items()
    }
    detail = pd.DataFrame({name: x["value"] for name, x in tested.items()})
    detail = detail.join(tested["value"][["low", "high"]]).rename_axis("features")
    farther = int(np.nanargmax((detail["value"] - 0.5).abs().to_numpy()))
    row = detail.iloc[farther]
    note = f"{note} The value is that of {_FAMILIES[farther]}.".strip()
    return Score(
        _NAME, float(row["value"]), False, detail, (float(row["low"]), float(row["high"])),
        float(row["ceiling"]) if "ceiling" in row else None, float(row["floor"]), note,
    )  # fmt: skip


def _arms(
    sets: dict[str, np.ndarray], people: dict[str, np.ndarray], surrogates: np.ndarray
) -> dict[str, _Windows]:
    """Return the windows that are compared with the real ones, and their persons."""

    def each_another(windows: np.ndarray) -> _Windows:
        return _Windows(windows, -1 - np.arange(len(windows)))

    arms = {"value": each_another(sets["fake"])}
    if "holdout" in sets:
        arms["ceiling"] = _Windows(sets["holdout"], people["holdout"])
        known = known_people(people)
        if known.sum() >= _FEWEST_KNOWN:
            arms["same people"] = each_another(sets["holdout"][known])
    return {**arms, "floor": each_another(surrogates)}


def _test(real: _Windows, other: _Windows, fs_hz: float, seed: int) -> pd.DataFrame:
    """Return the AUC with each family of features, and its 95 % interval."""
    space = WindowSpace(np.concatenate([real.windows, other.windows]), fs_hz)
    features = (lambda x: space.features(x)[0], _convolved)
    models = (
        boosted(seed),
        make_pipeline(StandardScaler(), LogisticRegression(C=_PENALTY, max_iter=500)),
    )
    rows = {}
    for family, read, model in zip(_FAMILIES, features, models, strict=True):
        whose = (real.people, other.people)
        odds = _odds(model, (read(real.windows), read(other.windows)), *whose, seed)
        rows[family] = (auc(*odds), *auc_interval(*odds, whose)) if odds else (np.nan,) * 3
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])


def _odds(
    model: Any,
    x: tuple[np.ndarray, np.ndarray],
    people: np.ndarray,
    others: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray] | tuple[()]:
    """Return the logits of both sides from models of other people; empty if there are too few."""
    n_folds = min(_N_FOLDS, len(np.unique(people)), len(np.unique(others)))
    n = len(people)
    if n_folds < 2 or (n_folds - 1) * (n + len(others)) < n_folds * fewest_rows(model):
        return ()
    both, whose = np.concatenate(x), np.concatenate([people, others])
    is_real = np.arange(len(both)) < n
    whose = pd.factorize(whose)[0]  # the draw of folds depends on the numbers
    odds = np.zeros(len(both))
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for train, test in folds.split(both, is_real, whose):
        if 0 < is_real[train].mean() < 1:
            # OpenBLAS may raise the flag of invalid numbers on finite ones (numpy issue 24067).
            with np.errstate(invalid="ignore"):
                odds[test] = model.fit(both[train], is_real[train]).decision_function(both[test])
    return odds[:n], odds[n:]


def _not_measured(why: str) -> Score:
    detail = pd.DataFrame({"value": []}, dtype=float).rename_axis("features")
    return Score(_NAME, float("nan"), False, detail, note=f"Not measured: {why}")
