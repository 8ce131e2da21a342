"""Utility: models trained on synthetic rows, tested on real rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

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
from synthgan.metrics.trees import leaf_rows
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
        against the rest, or of R2. Higher is better; NaN with a note where no learner
        distinguishes classes from real rows. The ceiling is the same with real training
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
    seed = int(rng.integers(2**31 - 1))
    sources = {
        "real": frames["real"],
        "value": _at_most(frames["fake"], n, rng),
        "augmented": pd.concat([frames["real"], frames["fake"]], ignore_index=True),
        "floor": shuffled(frames["real"], rng),
    }
    at = list(frames["real"].columns).index(target)
    tasks = {
        arm: _Rows.of(frames["real"], source, frames["holdout"]).task(at)
        for arm, source in sources.items()
    }
    is_regression = tasks["real"].is_regression
    tasks["fake_fake"] = _Rows.of(half, half, other).task(at, is_regression)
    rows = {
        learner: {arm: task.skill(learner, seed) for arm, task in tasks.items()}
        for learner in _LEARNERS
    }
    unit = "R2" if is_regression else "AUC"
    name = f"train on synthetic, test on real ({unit})"
    return score_of_learners(name, rows, note, None if is_regression else 0.5)


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
        Spearman's rank correlation of both permutation importances, -1..1; higher is better. NaN
        with a note where one model's importances are all equal.
        ``detail`` has, by column, the fall of the AUC or R2 when it is shuffled, for the model of
        real rows (``real``) and that of synthetic rows (``value``).

    References
    ----------
    Breiman (2001), Random forests, doi 10.1023/A:1010933404324.
    """

    def prepare(real: pd.DataFrame, rng: np.random.Generator) -> _RealHalves:
        halves = _RealHalves.of(real, rng)
        task = halves.rows(halves.train).task(list(real.columns).index(target))
        return replace(halves, real=task.importances(halves.seed))

    def compare(halves: _RealHalves, other: pd.DataFrame, rng: np.random.Generator) -> Part:
        features = [name for name in halves.train.columns if name != target]
        task = halves.rows(_at_most(other, len(halves.train), rng)).task(
            list(halves.train.columns).index(target)
        )
        fakes = task.importances(halves.seed)
        detail = pd.DataFrame(
            {"real": halves.real, "value": fakes},
            index=pd.Index(features, name="column", tupleize_cols=False),
        )
        value, blind = _rank_correlation(halves.real, fakes), ""
        if np.isnan(value):
            blind = "Not measured: to one of the models, all columns are equally important."
        return Part(value, detail.sort_values("real", ascending=False), note=blind)

    compared = table_sets(real, fake, holdout)
    _check_target(compared.sets["real"], target)
    return compared.compare(
        "agreement of importances", compare, random_state, most=_MOST_ROWS, prepare=prepare
    )


def _forests_of_real(real: pd.DataFrame, rng: np.random.Generator) -> _RealHalves:
    """Prepare `global_utility`: the columns to predict, and how well real rows predict them."""
    halves = _RealHalves.of(real, rng)
    targets = np.arange(real.shape[1])
    if len(targets) > _MOST_TARGETS:
        targets = rng.choice(len(targets), _MOST_TARGETS, replace=False)
    rows = halves.rows(halves.train)
    return replace(halves, targets=targets, real=rows.forest_skills(targets, halves.seed))


@table_measure("global utility", most=_MOST_GLOBAL_ROWS, prepare=_forests_of_real)
def global_utility(halves: _RealHalves, other: pd.DataFrame, rng: np.random.Generator) -> Part:
    """Predict each column from all others, trained on synthetic rows.

    Returns
    -------
    score : Score
        Skill of random forests trained on synthetic rows, relative to that of forests trained on
        half of the real rows, both tested on the other half and summed over columns (50 of
        them, if there are more). The skill is 2 AUC - 1, or R2, and at least 0. 1 is equal skill;
        NaN with a note if real rows give no skill. Higher is better. ``detail`` has both skills of
        each column, ``real`` and ``value``.

    References
    ----------
    Woo et al. (2009), Global measures of data utility for microdata masked for disclosure
    limitation, doi 10.29012/jpc.v1i1.568 (the idea of a utility measure that is independent of a
    particular analysis).
    """
    rows = halves.rows(_at_most(other, len(halves.train), rng))
    skills = rows.forest_skills(halves.targets, halves.seed)
    names = [halves.train.columns[i] for i in halves.targets]
    index = pd.Index(names, name="column", tupleize_cols=False)
    detail = pd.DataFrame({"real": halves.real, "value": skills}, index=index)
    learnt = detail["real"].sum()
    if not learnt:
        return Part(float("nan"), detail, note="Not measured: real rows predict no column.")
    return Part(float(detail["value"].sum() / learnt), detail)


@dataclass(frozen=True)
class _RealHalves:
    """Halves of the real rows, to train on and to test on, and the scores of models of them."""

    train: pd.DataFrame
    test: pd.DataFrame
    seed: int
    real: np.ndarray  # skills or importances of models that are trained on real rows
    targets: np.ndarray  # positions of the columns to predict

    @classmethod
    def of(cls, real: pd.DataFrame, rng: np.random.Generator) -> _RealHalves:
        """Split real rows into halves for training and testing."""
        nothing = np.empty(0)
        return cls(*_halves(real, rng), int(rng.integers(2**31 - 1)), nothing, nothing)

    def rows(self, source: pd.DataFrame) -> _Rows:
        """Encode the rows of a source and those of the test half."""
        return _Rows.of(self.train, source, self.test)


class _Rows(NamedTuple):
    """Rows to train on and rows to test on, as numbers, and which columns hold levels."""

    train: np.ndarray
    test: np.ndarray
    is_level: np.ndarray

    @classmethod
    def of(cls, reference: pd.DataFrame, source: pd.DataFrame, test: pd.DataFrame) -> _Rows:
        """Encode two tables on the levels of a third."""
        tables, is_level = encode(reference, source, test)
        return cls(tables[1], tables[2], is_level)

    def task(self, target: int, is_regression: bool | None = None) -> _Task:
        """Return the prediction of a column from the others."""
        if is_regression is None:
            is_regression = not self.is_level[target]
        pairs = []
        for table in (self.train, self.test):
            labels = table[:, target]
            if not is_regression:
                labels = np.minimum(labels, _MOST_CLASSES)
            # Rows with a missing number as target are left out; a missing class is a class.
            known = ~np.isnan(labels)
            pairs.append((np.delete(table, target, axis=1)[known], labels[known]))
        is_level = np.delete(self.is_level, target)
        return _Task(*pairs[0], *pairs[1], is_level, bool(is_regression))

    def forest_skills(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Skill of forests that predict each target, 0 (none) to 1."""
        tasks = [self.task(target) for target in targets]
        skills = np.array([task.skill("random forest", seed) for task in tasks])
        scaled = np.where([task.is_regression for task in tasks], skills, 2 * skills - 1)
        return np.maximum(np.nan_to_num(scaled), 0.0)


@dataclass
class _Task:
    """A column to predict from the others: features and labels of training and of test rows."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    is_level: np.ndarray
    is_regression: bool

    def skill(self, learner: str, seed: int) -> float:
        """Train; return R2, or the mean AUC of each class against the rest."""
        predict = _train(learner, self.x, self.y, self.is_level, self.is_regression, seed)
        return self._score(predict, self.x_test, self.y_test)

    def importances(self, seed: int) -> np.ndarray:
        """Fall of the skill of boosted trees when one column is shuffled, for each column."""
        predict = _train("boosted trees", self.x, self.y, self.is_level, self.is_regression, seed)
        x_test, y_test = self.x_test[:_MOST_PERMUTED], self.y_test[:_MOST_PERMUTED]
        order = np.random.default_rng(seed).permutation(len(x_test))
        whole = self._score(predict, x_test, y_test)
        falls = np.zeros(x_test.shape[1])
        for i in range(x_test.shape[1]):
            changed = x_test.copy()
            changed[:, i] = x_test[order, i]
            falls[i] = whole - self._score(predict, changed, y_test)
        return falls

    def _score(
        self, predict: Callable[[np.ndarray], Any], x_test: np.ndarray, y_test: np.ndarray
    ) -> float:
        if self.is_regression:
            return float(r2_score(y_test, predict(x_test))) if len(y_test) > 1 else float("nan")
        classes, odds = predict(x_test)
        return auc_of_classes(classes, odds, y_test)


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
        return lambda x_test: model.predict(see(x_test))
    return lambda x_test: (model.classes_, model.predict_proba(see(x_test)))


def _trees(
    learner: str, x: np.ndarray, is_level: np.ndarray, is_regression: bool, seed: int
) -> Any:
    if learner == "random forest":
        forest = RandomForestRegressor if is_regression else RandomForestClassifier
        leaf = leaf_rows(len(x), most=5)
        return forest(n_estimators=20, min_samples_leaf=leaf, max_features=0.5, random_state=seed)
    boosted = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    branches = is_level & (np.nan_to_num(x).max(axis=0) < _MOST_BRANCHES)
    return boosted(
        categorical_features=branches if branches.any() else None,
        min_samples_leaf=leaf_rows(len(x)),
        random_state=seed,
    )


def _filled(void: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.where(void, 0.0, x)


def _linear(is_regression: bool) -> Any:
    last = Ridge() if is_regression else LogisticRegression(max_iter=300)
    return make_pipeline(StandardScaler(), last)


def _guess(y: np.ndarray, is_regression: bool, x_test: np.ndarray) -> Any:
    """Predict a constant, if there is nothing to learn from."""
    if is_regression:
        return np.full(len(x_test), y.mean() if len(y) else 0.0)
    return np.unique(y), np.ones((len(x_test), len(np.unique(y))))


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
