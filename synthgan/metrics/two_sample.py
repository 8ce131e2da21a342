"""Classifier two-sample tests (C2ST) of synthetic and real rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan.metrics.compared_sets import ComparedSets, Comparison, Part
from synthgan.metrics.measure import Measure, publish
from synthgan.metrics.points import auc, auc_interval
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space
from synthgan.metrics.tables import encode, table_sets

__all__ = [
    "Families",
    "boosted",
    "c2st",
    "c2st_linear",
    "c2st_of_arrays",
    "fewest_rows",
    "stack_families",
    "two_sample_test",
]

_N_FOLDS = 5
_MOST_ROWS = 10_000
_MOST_PERMUTED = 2000
_MOST_CELLS = 2**22  # of shuffled rows that are classified in one call
_MOST_BRANCHES = 255  # maximum number of levels of a categorical feature of boosted trees


Families = dict[str, slice]


class _Classifier(Protocol):
    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Learn from rows and their classes."""

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """Return the logits of rows."""


def _table_test(name: str) -> Callable[[Comparison], Measure]:
    """Make a public measure of tables of a function that takes rows and their persons."""

    def decorate(compare: Comparison) -> Measure:
        def measure(
            real: Any,
            fake: Any,
            *,
            holdout: Any = None,
            target: Any = None,
            random_state: Any = None,
            groups: Any = None,
            holdout_groups: Any = None,
        ) -> Score:
            return table_sets(real, fake, holdout, (groups, holdout_groups)).compare(
                name, compare, random_state, higher_is_better=False, most=_MOST_ROWS, equal=True
            )

        return publish(measure, compare)

    return decorate


@_table_test("C2ST, boosted trees")
def c2st(
    real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator, *people: np.ndarray
) -> Part:
    """Classifier two-sample test (C2ST) with boosted trees.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`; the same number of rows, up to 10 000, is drawn from each table.
    groups, holdout_groups : array-like of shape (n_rows,), or None, default=None
        The person of each real and each holdout row. All rows of a person are in the same fold, so
        that no person is in both training and test rows. None, or a missing entry: a different
        person.

    Returns
    -------
    score : Score
        Five-fold AUC: the probability that a real row scores above a synthetic row. 0.5 is
        guessing, 1 is perfect discrimination. Lower is better. NaN of fewer than 25 rows of each,
        with a note: trees do not divide so few. ``detail`` has the permutation
        importance of each column: the fall of the AUC when it is shuffled among the test rows, in
        descending order. The interval is DeLong's, with people as independent units.

    Notes
    -----
    A synthetic row that equals a real row is in the same fold as that row. The classifier that
    scores a row was trained on other rows, so copies score 0.5.

    References
    ----------
    Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    """
    (ours, theirs), is_level = encode(real, fake)
    is_branch = is_level & (np.maximum(ours.max(0), theirs.max(0)) < _MOST_BRANCHES)
    seed = int(rng.integers(2**31 - 1))
    names = list(real.columns)
    return two_sample_test(ours, theirs, lambda: boosted(seed, is_branch), rng, names, people)


@_table_test("C2ST, logistic regression")
def c2st_linear(
    real: pd.DataFrame, fake: pd.DataFrame, rng: np.random.Generator, *people: np.ndarray
) -> Part:
    """Classifier two-sample test (C2ST) with logistic regression.

    Parameters
    ----------
    real, fake, holdout, target, random_state, groups, holdout_groups
        As in `c2st`.

    Returns
    -------
    score : Score
        As in `c2st`; a linear model detects shifts of columns, but hardly their dependence.
        ``detail`` has the AUC only.

    References
    ----------
    Lopez-Paz and Oquab (2017), arXiv 1610.06545.
    """
    (ours, theirs), is_level = encode(real, fake)
    space = Space.fit(ours, is_level)
    return two_sample_test(space.points(ours), space.points(theirs), _linear, rng, None, people)


def two_sample_test(
    real: np.ndarray,
    fake: np.ndarray,
    make: Callable[[], _Classifier],
    rng: np.random.Generator,
    names: list[Any] | None = None,
    people: Sequence[np.ndarray] = (),
    match_equal: bool = True,
) -> Part:
    """Cross-validate a classifier that distinguishes two samples.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_features)
    make : callable
        Returns an unfitted classifier.
    rng : Generator
        For the folds.
    names : list or None, default=None
        Names of the features, for the permutation importances; None: they are not computed.
    people : (ndarray, ndarray), or (), default=()
        The person of each real and each synthetic row; empty: each row is a different person.
    match_equal : bool, default=True
        Whether a synthetic row that equals a real row is in the same fold. False where `people`
        decide alone, as equal rows would join people who have many rows.
    """
    x = np.concatenate([real, fake])
    whose = np.concatenate(people) if people else np.arange(len(x))
    order, fold = _folds(x, len(real), rng, whose if people else None, match_equal)
    x, is_real, whose = x[order], order < len(real), whose[order]
    if fold.max() < 1:
        return Part(float("nan"), pd.DataFrame({"value": []}))
    fewest, n_learnt = fewest_rows(make()), len(x) - int(np.bincount(fold).max())
    if n_learnt < fewest:
        note = (
            f"Not measured: trees need {fewest} training rows to divide them, and five folds of "
            f"{len(real)} real and {len(fake)} synthetic ones leave {n_learnt}."
        )
        return Part(float("nan"), pd.DataFrame({"value": []}), note=note)
    odds = np.zeros(len(x))
    falls = []
    for k in range(fold.max() + 1):
        test = fold == k
        if is_real[~test].all() or not is_real[~test].any():
            falls.append(np.zeros(x.shape[1]))
            continue  # with very few rows, the training rows may have one class only
        # A column that is missing in all training rows is left out; trees refuse it.
        void = np.isnan(x[~test]).all(axis=0)
        seen = np.where(void, 0.0, x)
        model = make()
        # OpenBLAS may raise the flag of invalid numbers on finite ones (numpy issue 24067).
        with np.errstate(invalid="ignore"):
            model.fit(seen[~test], is_real[~test])
            odds[test] = model.decision_function(seen[test])
        if names is not None and (k == 0 or len(names) <= 100):
            falls.append(_falls(model, seen[test], is_real[test], rng))
    value = auc(odds[is_real], odds[~is_real])
    whose_sides = whose[is_real], whose[~is_real]
    interval = auc_interval(odds[is_real], odds[~is_real], whose_sides)
    if names is None:
        return Part(value, pd.DataFrame({"value": [value]}, index=["AUC"]), interval)
    index = pd.Index(names, name="column", tupleize_cols=False)
    detail = pd.DataFrame({"value": np.mean(falls, axis=0)}, index=index)
    return Part(value, detail.sort_values("value", ascending=False, kind="stable"), interval)


def c2st_of_arrays(
    compared: ComparedSets,
    features: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, Families]],
    random_state: Any,
    most: int,
) -> Score:
    """Classifier two-sample test of windows or images with boosted trees.

    Parameters
    ----------
    compared : ComparedSets
    features : callable
        Called with two arrays of records; returns the features of both, and the columns of each
        family of features. The detail has the AUC with each family alone, in descending order.
    random_state : int, RandomState instance, Generator or None
    most : int
        Maximum number of records of each set.
    """

    def test(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        seed = int(rng.integers(2**31 - 1))
        return two_sample_test(ours, theirs, lambda: boosted(seed), rng)

    def compare(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> Part:
        return test(*features(ours, theirs)[:2], rng)

    def explain(ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        a, b, families = features(ours, theirs)
        values = {name: test(a[:, s], b[:, s], rng).value for name, s in families.items()}
        detail = pd.DataFrame({"value": values}).rename_axis("features")
        return detail.sort_values("value", ascending=False, kind="stable")

    return compared.compare(
        f"C2ST of {compared.unit}", compare, random_state,
        higher_is_better=False, most=most, equal=True, explain=explain,
    )  # fmt: skip


def stack_families(families: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Families]:
    """Return features, given by family, side by side, and the columns of each family."""
    ends = np.cumsum([0, *(x.shape[1] for x in families.values())]).tolist()
    spans = zip(families, ends[:-1], ends[1:], strict=True)
    return np.hstack(list(families.values())), {name: slice(*span) for name, *span in spans}


def boosted(seed: int, is_branch: np.ndarray | None = None) -> HistGradientBoostingClassifier:
    """Return scikit-learn's boosted trees with its defaults; some features hold levels."""
    branches = None if is_branch is None or not is_branch.any() else is_branch
    return HistGradientBoostingClassifier(categorical_features=branches, random_state=seed)


def fewest_rows(model: Any) -> int:
    """Return how many training rows a model needs to learn anything from them."""
    return 2 * int(getattr(model, "min_samples_leaf", 0))


def _linear() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))


def _folds(
    x: np.ndarray,
    n_real: int,
    rng: np.random.Generator,
    people: np.ndarray | None = None,
    match_equal: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of the rows, and the fold of each; equal real and synthetic rows share one.

    All rows of a person share a fold, too, if persons are known.

    The order depends on the rows' content, so the result does not depend on the order of the
    tables.
    """
    is_fake = np.arange(len(x)) >= n_real
    filled = np.where(np.isnan(x), np.inf, x)
    kind = np.unique(filled, axis=0, return_inverse=True)[1].ravel()
    # The i-th real and the i-th synthetic row with equal values are one unit.
    turn = pd.Series(kind).groupby([kind, is_fake]).cumcount().to_numpy()
    order = np.lexsort([is_fake, turn, kind])
    starts = np.r_[True, (np.diff(kind[order]) != 0) | (np.diff(turn[order]) != 0)]
    unit = np.cumsum(starts) - 1 if match_equal else np.arange(len(x))
    if people is not None:
        unit = _joined(unit, people[order])
    n_units = int(unit.max()) + 1
    has = [np.bincount(unit, weights=side, minlength=n_units) > 0
           for side in (~is_fake[order], is_fake[order])]  # fmt: skip
    # Units of each sort (both, real only, synthetic only) are distributed evenly, in random order.
    sort = has[0] + 2 * has[1]
    shuffled = np.lexsort([rng.random(n_units), sort])
    n_folds = min(_N_FOLDS, n_real, len(x) - n_real, n_units)
    fold = np.empty(n_units, dtype=np.int64)
    fold[shuffled] = np.arange(n_units) % max(n_folds, 1)
    return order, fold[unit]


def _joined(unit: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Join all units that contain rows of the same person."""
    person = np.unique(people, return_inverse=True)[1].ravel()
    n = int(unit.max()) + 1
    links = coo_array((np.ones(len(unit)), (unit, n + person)), shape=(n + person.max() + 1,) * 2)
    whole = connected_components(links, directed=False)[1][unit]
    return np.unique(whole, return_inverse=True)[1].ravel()


def _falls(
    model: _Classifier, x: np.ndarray, is_real: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Fall of the AUC when one feature is shuffled, for each feature."""
    if len(x) > _MOST_PERMUTED:
        some = rng.choice(len(x), _MOST_PERMUTED, replace=False)
        x, is_real = x[some], is_real[some]
    if is_real.all() or not is_real.any():
        return np.zeros(x.shape[1])
    order = rng.permutation(len(x))
    odds = model.decision_function(x)
    whole = auc(odds[is_real], odds[~is_real])
    falls = np.zeros(x.shape[1])
    # One call scores several shuffled columns: a call costs more than its rows.
    n_at_once = max(1, _MOST_CELLS // x.size)
    for start in range(0, x.shape[1], n_at_once):
        columns = range(start, min(start + n_at_once, x.shape[1]))
        changed = np.tile(x, (len(columns), 1, 1))
        for k, i in enumerate(columns):
            changed[k, :, i] = x[order, i]
        odds_of_each = model.decision_function(changed.reshape(-1, x.shape[1]))
        for i, odds in zip(columns, odds_of_each.reshape(len(columns), -1), strict=True):
            falls[i] = whole - auc(odds[is_real], odds[~is_real])
    return falls
