"""Utility: models trained on synthetic rows, tested on real rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.exceptions import ParameterError
from synthgan.metrics.compared_sets import Part, score_of_learners
from synthgan.metrics.points import auc_of_classes
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, read_tables, shuffled, table_measure, table_sets
from synthgan.randomness import draw_generator

__all__ = ["global_utility", "importance_agreement", "tstr"]

_MOST_ROWS = 20_000
_MOST_GLOBAL_ROWS = 5000
_MOST_PERMUTED = 2000
_MOST_TARGETS = 50  # columns that are predicted from the others
_MOST_CLASSES = 20  # of a target; rarer ones are merged into the last
_MOST_BRANCHES = 255  # maximum number of levels of a categorical feature of boosted trees
_LEARNERS = ("boosted trees", "random forest", "linear")


def tstr(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Train on synthetic rows, test on real ones.

    Parameters
    ----------
    real, fake : DataFrame or array-like of shape (n_rows, n_columns)
    holdout : DataFrame, array-like or None, default=None
        The test rows. None: one half of the real table is used for tests only.
    target : object
        Name of the column to predict: classes where it is compared level by level, numbers
        otherwise (see `column_shapes`).
    random_state : int, RandomState instance, Generator or None, default=None

    Returns
    -------
    score : Score
        Mean over three learners (boosted trees, random forest, linear) of the AUC, each class
        against the rest, or of R2. Higher is better. The ceiling is the same with real training
        rows, the floor with shuffled columns. ``detail`` has a row for each learner: trained on
        ``real``, on synthetic rows (``value``), on both (``augmented``), trained and tested on
        synthetic rows (``fake_fake``), and ``ratio``, value over real.

    Raises
    ------
    ParameterError
        No target, or a target that is not a column.

    References
    ----------
    Esteban et al. (2017), Real-valued (medical) time series generation with recurrent conditional
    GANs, arXiv 1706.02633.
    """
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_ROWS, real=real, fake=fake, holdout=holdout)
    _check_target(frames["real"], target)
    if holdout is None:
        frames["real"], frames["holdout"] = _halves(frames["real"], rng)
    n = len(frames["real"])
    half, other = _halves(frames["fake"], rng)
    task = _Task.of(frames["real"], frames["holdout"], target)
    seed = int(rng.integers(2**31 - 1))
    sources = {
        "real": frames["real"],
        "value": _at_most(frames["fake"], n, rng),
        "augmented": pd.concat([frames["real"], frames["fake"]], ignore_index=True),
        "floor": shuffled(frames["real"], rng),
    }
    on_fakes = _Task.of(half, other, target, task.is_regression)
    rows = {}
    for learner in _LEARNERS:
        rows[learner] = {
            **{arm: task.skill(learner, source, seed) for arm, source in sources.items()},
            "fake_fake": on_fakes.skill(learner, half, seed),
        }
    return score_of_learners(f"train on synthetic, test on real ({task.unit})", rows, note)


def importance_agreement(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Compare the feature importances of models trained on real and on synthetic rows.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `tstr`; boosted trees are trained on half of the real rows and tested on the other
        half.

    Returns
    -------
    score : Score
        Spearman's rank correlation of both permutation importances, -1..1; higher is better.
        ``detail`` has, by column, the fall of the AUC or R2 when it is shuffled, for the model of
        real rows (``real``) and that of synthetic rows (``value``).

    References
    ----------
    Breiman (2001), Random forests, doi 10.1023/A:1010933404324.
    """

    def compare(real: pd.DataFrame, other: pd.DataFrame, rng: np.random.Generator) -> Part:
        train, test = _halves(real, rng)
        task = _Task.of(train, test, target)
        seed = int(rng.integers(2**31 - 1))
        falls = [
            task.importances(source, seed) for source in (train, _at_most(other, len(train), rng))
        ]
        detail = pd.DataFrame(
            {"real": falls[0], "value": falls[1]},
            index=pd.Index(task.features, name="column", tupleize_cols=False),
        )
        return Part(_rank_correlation(*falls), detail.sort_values("real", ascending=False))

    compared = table_sets(real, fake, holdout)
    _check_target(compared.sets["real"], target)
    return compared.compare("agreement of importances", compare, random_state, most=_MOST_ROWS)


@table_measure("global utility", most=_MOST_GLOBAL_ROWS)
def global_utility(real: pd.DataFrame, other: pd.DataFrame, rng: np.random.Generator) -> Part:
    """Predict each column from all others, trained on synthetic rows.

    Returns
    -------
    score : Score
        Skill of random forests trained on synthetic rows, relative to that of forests trained on
        half of the real rows, both tested on the other half and summed over columns (50 of
        them, if there are more). The skill is 2 AUC - 1, or R2, and at least 0. 1 is equal skill;
        NaN if real rows give no skill. Higher is better. ``detail`` has both skills of each column,
        ``real`` and ``value``.

    References
    ----------
    Woo et al. (2009), Global measures of data utility for microdata masked for disclosure
    limitation, doi 10.29012/jpc.v1i1.568 (the idea of a utility measure that is independent of a
    particular analysis).
    """
    train, test = _halves(real, rng)
    other = _at_most(other, len(train), rng)
    columns = list(real.columns)
    if len(columns) > _MOST_TARGETS:
        columns = [columns[i] for i in rng.choice(len(columns), _MOST_TARGETS, replace=False)]
    seed = int(rng.integers(2**31 - 1))
    rows = [_kept(_Task.of(train, test, name), train, other, seed) for name in columns]
    index = pd.Index(columns, name="column", tupleize_cols=False)
    detail = pd.DataFrame(rows, index=index, columns=["real", "value"])
    learnt = detail["real"].sum()
    return Part(float(detail["value"].sum() / learnt) if learnt else float("nan"), detail)


@dataclass
class _Task:
    """A column to predict from the others, and the real rows to test on."""

    reference: pd.DataFrame
    test: pd.DataFrame
    target: Any
    is_regression: bool
    features: list[Any]

    @classmethod
    def of(
        cls,
        reference: pd.DataFrame,
        test: pd.DataFrame,
        target: Any,
        is_regression: bool | None = None,
    ) -> _Task:
        if is_regression is None:
            is_regression = not encode(reference[[target]])[1][0]
        features = [name for name in reference.columns if name != target]
        return cls(reference, test, target, is_regression, features)

    @property
    def unit(self) -> str:
        return "R2" if self.is_regression else "AUC"

    def skill(self, learner: str, source: pd.DataFrame, seed: int) -> float:
        """Train on `source`; return R2, or the mean AUC of each class against the rest."""
        x, y, is_level, asked = self._arrays(source)
        predict = _train(learner, x, y, is_level, self.is_regression, seed)
        return self._judge(predict, asked[0], asked[1])

    def importances(self, source: pd.DataFrame, seed: int) -> np.ndarray:
        """Fall of the skill of boosted trees when one column is shuffled, for each column."""
        x, y, is_level, (asked, answers) = self._arrays(source)
        predict = _train("boosted trees", x, y, is_level, self.is_regression, seed)
        asked, answers = asked[:_MOST_PERMUTED], answers[:_MOST_PERMUTED]
        order = np.random.default_rng(seed).permutation(len(asked))
        whole = self._judge(predict, asked, answers)
        falls = np.zeros(asked.shape[1])
        for i in range(asked.shape[1]):
            changed = asked.copy()
            changed[:, i] = asked[order, i]
            falls[i] = whole - self._judge(predict, changed, answers)
        return falls

    def _arrays(
        self, source: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Features and target of the source, which features hold levels, and the test's."""
        (_, train, test), is_level = encode(
            self.reference[self.features], source[self.features], self.test[self.features]
        )
        (_, y, answers), _ = encode(
            self.reference[[self.target]], source[[self.target]], self.test[[self.target]]
        )
        y, answers = y[:, 0], answers[:, 0]
        if not self.is_regression:
            y, answers = np.minimum(y, _MOST_CLASSES), np.minimum(answers, _MOST_CLASSES)
        # Rows with a missing number as target are left out; a missing class is a class.
        known, asked = ~np.isnan(y), ~np.isnan(answers)
        return train[known], y[known], is_level, (test[asked], answers[asked])

    def _judge(
        self, predict: Callable[[np.ndarray], Any], asked: np.ndarray, answers: np.ndarray
    ) -> float:
        if self.is_regression:
            return float(r2_score(answers, predict(asked))) if len(answers) > 1 else float("nan")
        classes, odds = predict(asked)
        return auc_of_classes(classes, odds, answers)


def _train(
    learner: str, x: np.ndarray, y: np.ndarray, is_level: np.ndarray, is_regression: bool, seed: int
) -> Callable[[np.ndarray], Any]:
    """Return a function that predicts numbers, or classes and their probabilities."""
    if not len(y) or (not is_regression and len(np.unique(y)) < 2) or not x.shape[1]:
        return partial(_guess, y, is_regression)
    see: Callable[[np.ndarray], np.ndarray] = np.asarray
    if learner == "linear":
        # Scaled numbers and one-hot levels, as for all distances.
        see, made = Space.fit(x, is_level).points, _linear(is_regression)
    else:
        # A column that is missing in all training rows is left out; trees refuse it.
        void = np.isnan(x).all(axis=0)
        see = partial(_filled, void)
        made = _trees(learner, see(x), is_level, is_regression, seed)
    model = made.fit(see(x), y)
    if is_regression:
        return lambda asked: model.predict(see(asked))
    return lambda asked: (model.classes_, model.predict_proba(see(asked)))


def _trees(
    learner: str, x: np.ndarray, is_level: np.ndarray, is_regression: bool, seed: int
) -> Any:
    if learner == "random forest":
        forest = RandomForestRegressor if is_regression else RandomForestClassifier
        return forest(n_estimators=20, min_samples_leaf=5, max_features=0.5, random_state=seed)
    boosted = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    branches = is_level & (np.nan_to_num(x).max(axis=0) < _MOST_BRANCHES)
    return boosted(categorical_features=branches if branches.any() else None, random_state=seed)


def _filled(void: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.where(void, 0.0, x)


def _linear(is_regression: bool) -> Any:
    last = Ridge() if is_regression else LogisticRegression(max_iter=300)
    return make_pipeline(StandardScaler(), last)


def _guess(y: np.ndarray, is_regression: bool, asked: np.ndarray) -> Any:
    """Predict a constant, if there is nothing to learn from."""
    if is_regression:
        return np.full(len(asked), y.mean() if len(y) else 0.0)
    return np.unique(y), np.ones((len(asked), len(np.unique(y))))


def _kept(task: _Task, train: pd.DataFrame, other: pd.DataFrame, seed: int) -> tuple[float, float]:
    skills = [task.skill("random forest", source, seed) for source in (train, other)]
    if not task.is_regression:
        skills = [2 * skill - 1 for skill in skills]
    return max(0.0, float(np.nan_to_num(skills[0]))), max(0.0, float(np.nan_to_num(skills[1])))


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _halves(frame: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = rng.permutation(len(frame))
    half = (len(frame) + 1) // 2
    return (
        frame.iloc[order[:half]].reset_index(drop=True),
        frame.iloc[order[half:] if half < len(frame) else order].reset_index(drop=True),
    )


def _at_most(frame: pd.DataFrame, n: int, rng: np.random.Generator) -> pd.DataFrame:
    if len(frame) <= n:
        return frame
    return frame.iloc[rng.choice(len(frame), n, replace=False)].reset_index(drop=True)


def _check_target(real: pd.DataFrame, target: Any) -> None:
    if target is None or target not in real.columns:
        raise ParameterError(f"target={target!r} is not allowed; name a column of the real table.")
