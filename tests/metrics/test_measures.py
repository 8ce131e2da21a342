"""Figures that are known beforehand, and agreement with independent implementations."""

import importlib
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import normalized_mutual_info_score, roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors

from synthgan import metrics
from synthgan.exceptions import ParameterError
from synthgan.metrics.pairs import association
from synthgan.metrics.points import (
    auc,
    auc_interval,
    authenticity_of_points,
    mmd_of_points,
    neighbour_measures,
    support_measures,
)
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import encode
from tests.conftest import SHARED_DATA


@pytest.fixture(scope="module")
def point_sets():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)), rng.normal(0.3, 1.2, size=(250, 4))


def halves(frame, seed=0):
    order = np.random.default_rng(seed).permutation(len(frame))
    half = len(frame) // 2
    return [frame.iloc[order[i * half : (i + 1) * half]].reset_index(drop=True) for i in (0, 1)]


# --- columns and pairs


def test_column_figures_by_hand():
    real = pd.DataFrame({"x": np.arange(100.0), "s": ["a"] * 50 + ["b"] * 50})
    fake = pd.DataFrame({"x": np.arange(100.0) + 10, "s": ["a"] * 75 + ["c"] * 25})
    assert metrics.kolmogorov_smirnov(real, fake).value == pytest.approx(0.1)
    assert metrics.total_variation(real, fake).value == pytest.approx(0.5)
    moved = metrics.wasserstein(real, fake)
    assert moved.detail.loc["x", "distance"] == pytest.approx(10)
    spread = np.sqrt(real["x"].var(ddof=0) + 25)
    assert moved.value == pytest.approx(10 / spread)
    boxes = metrics.quartiles(real, fake).detail.loc["x"]
    assert boxes["real Q1"] == pytest.approx(24.75)
    assert boxes["fake median"] == pytest.approx(59.5)
    assert boxes["value"] == pytest.approx(10 / 49.5)
    reach = metrics.range_coverage(real, fake).detail.loc["x"]
    assert reach["value"] == pytest.approx(89 / 99)
    assert reach["outside"] == pytest.approx(0.1)
    levels = metrics.category_coverage(real, fake).detail.loc["s"]
    assert list(levels) == [0.25, 0.5]
    gone = metrics.missing_shares(real, fake.assign(x=fake["x"].where(fake["x"] < 60)))
    assert gone.detail.loc["x"].tolist() == [0.0, 0.5, 0.5]
    assert metrics.jensen_shannon(real, real.assign(s="z")).detail.loc["s", "value"] == 1


def test_a_column_of_gaps_has_no_quartiles_and_the_worst_distances():
    real = pd.DataFrame({"x": np.arange(50.0)})
    gone = real.assign(x=np.nan)
    assert metrics.wasserstein(real, gone).value == 2
    assert metrics.kolmogorov_smirnov(real, gone).value == 1
    assert np.isnan(metrics.quartiles(real, gone).value)
    assert metrics.range_coverage(real, gone).value == 0


def test_coefficients_are_those_of_others():
    frame = load_iris(as_frame=True).frame.rename(columns=lambda name: name[:12])
    frame["big"] = frame.iloc[:, 0] > 5.8
    detail = metrics.correlations(frame, frame).detail.set_index(["first", "second"])["real"]
    length, width = frame.columns[0], frame.columns[1]
    assert detail[length, width] == pytest.approx(spearmanr(frame[length], frame[width]).statistic)
    # Cramer's V of a 3 x 2 table, by the textbook
    table = pd.crosstab(frame["target"], frame["big"]).to_numpy() / len(frame)
    expected = np.outer(table.sum(1), table.sum(0))
    chi2 = ((table - expected) ** 2 / expected).sum()
    assert detail["target", "big"] == pytest.approx(np.sqrt(chi2))
    shared = metrics.mutual_information(frame, frame).detail.set_index(["first", "second"])
    theirs = normalized_mutual_info_score(frame["target"], frame["big"], average_method="geometric")
    assert shared.loc[("target", "big"), "real"] == pytest.approx(theirs)
    nats = mutual_info_classif(frame[["big"]], frame["target"], discrete_features=True)[0]
    entropies = [-(p * np.log(p)).sum() for p in (table.sum(1), table.sum(0))]
    assert theirs == pytest.approx(nats / np.sqrt(np.prod(entropies)))
    square, other = association(frame, frame)
    pd.testing.assert_frame_equal(square, other)
    assert square.shape == (6, 6)
    assert square.loc["target", "big"] == square.loc["big", "target"] == detail["target", "big"]


# --- points


def test_nearest_is_that_of_scikit_learn(point_sets):
    ours = nearest(point_sets[0], point_sets[1], 3)
    theirs = NearestNeighbors(n_neighbors=3).fit(point_sets[1]).kneighbors(point_sets[0])
    np.testing.assert_allclose(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])
    alone = nearest(point_sets[0], point_sets[0], 2, itself=True)
    theirs = NearestNeighbors(n_neighbors=2).fit(point_sets[0]).kneighbors()
    np.testing.assert_allclose(alone[0], theirs[0])


@pytest.mark.parametrize("most", [1, 3, 40])
def test_neighbours_of_other_people(most):
    rng = np.random.default_rng(most)
    points, to = rng.normal(size=(60, 4)), rng.normal(size=(90, 4))
    asked, people = rng.integers(90 // most, size=60), np.arange(90) % -(-90 // most)
    gaps = np.linalg.norm(points[:, None] - to, axis=2)
    gaps[asked[:, None] == people] = np.inf
    distances, indices = nearest(points, to, 5, apart=(asked, people))
    np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :5])
    np.testing.assert_allclose(np.take_along_axis(gaps, indices, axis=1), distances)


def test_there_may_be_no_other_person():
    x = np.arange(6.0)[:, None]
    people = np.array([0, 0, 0, 0, 0, 1])
    distances, _ = nearest(x, x, 2, itself=True, apart=(people, people))
    np.testing.assert_array_equal(distances[:, 0], [5, 4, 3, 2, 1, 1])
    np.testing.assert_array_equal(distances[:, 1], [np.inf] * 5 + [2])


def test_auc_and_its_interval():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, 200).round(1), rng.normal(size=300).round(1)
    y = np.r_[np.ones(200), np.zeros(300)]
    assert auc(a, b) == pytest.approx(roc_auc_score(y, np.r_[a, b]))
    low, high = auc_interval(a, b)
    drawn = [auc(rng.choice(a, 200), rng.choice(b, 300)) for _ in range(2000)]
    assert low == pytest.approx(np.quantile(drawn, 0.025), abs=0.006)
    assert high == pytest.approx(np.quantile(drawn, 0.975), abs=0.006)


def test_the_interval_of_an_auc_counts_people():
    """Five rows each, nearly equal: the interval is that of the people, not of the rows."""
    rng = np.random.default_rng(0)
    n, m = 80, 100
    a = (np.repeat(rng.normal(0.5, 1, n), 5) + 0.1 * rng.normal(size=5 * n)).reshape(n, 5)
    b = (np.repeat(rng.normal(size=m), 5) + 0.1 * rng.normal(size=5 * m)).reshape(m, 5)
    people = np.repeat(np.arange(n), 5), np.repeat(np.arange(m), 5)
    low, high = auc_interval(a.ravel(), b.ravel(), people)
    drawn = [
        auc(a[rng.integers(0, n, n)].ravel(), b[rng.integers(0, m, m)].ravel()) for _ in range(1000)
    ]
    assert low == pytest.approx(np.quantile(drawn, 0.025), abs=0.012)
    assert high == pytest.approx(np.quantile(drawn, 0.975), abs=0.012)
    alone = auc_interval(a.ravel(), b.ravel())
    assert high - low > 2 * (alone[1] - alone[0])


def test_mmd_is_the_unbiased_estimate(point_sets):
    a, b = point_sets
    both = np.concatenate(point_sets)
    squares = [((x[:, None] - y[None]) ** 2).sum(2) for x, y in ((a, a), (b, b), (a, b))]
    mean = np.mean([s.mean() for s in squares])
    total = 0.0
    for factor in (0.25, 0.5, 1, 2):
        k = rbf_kernel(both, gamma=1 / (2 * mean * factor**2))
        n, m = len(a), len(b)
        within = (k[:n, :n].sum() - n) / (n * (n - 1)) + (k[n:, n:].sum() - m) / (m * (m - 1))
        total += (within - 2 * k[:n, n:].mean()) / 4
    assert mmd_of_points(a, b) == pytest.approx(np.sqrt(total))


def test_neighbour_measures_by_their_definition(point_sets):
    real, fake = point_sets
    far = [np.sqrt(((x[:, None] - x[None]) ** 2).sum(2)) for x in point_sets]
    reach = [np.sort(d, axis=1)[:, 5] for d in far]
    between = np.sqrt(((fake[:, None] - real[None]) ** 2).sum(2))
    inside = between <= reach[0]
    expected = {
        "precision": inside.any(1).mean(),
        "recall": (between <= reach[1][:, None]).any(0).mean(),
        "density": inside.sum() / (5 * len(fake)),
        "coverage": (between.min(0) <= reach[0]).mean(),
    }
    assert neighbour_measures(real, fake) == pytest.approx(expected)
    # Naeem et al. (2020), equation 9: what samples of one distribution are expected to cover
    same = np.random.default_rng(1).normal(size=(2, 800, 3))
    assert neighbour_measures(*same)["coverage"] == pytest.approx(1 - 0.5**5, abs=0.02)


def test_supports_of_one_distribution_are_alike(point_sets):
    same = np.random.default_rng(1).normal(size=(2, 2000, 3))
    values = support_measures(*same)
    assert values["alpha-precision"] > 0.97
    assert values["beta-recall"] == pytest.approx(0.48, abs=0.05)
    assert authenticity_of_points(*same) == pytest.approx(0.44, abs=0.05)
    narrow = support_measures(same[0], same[1] * 0.1)
    assert narrow["alpha-precision"] < 0.3
    assert narrow["beta-recall"] < 0.1


def test_space_puts_columns_on_one_scale():
    frame = pd.DataFrame({"x": np.r_[np.arange(999.0), np.nan], "s": ["a", "b"] * 500})
    (table, other), is_level = encode(frame, pd.DataFrame({"x": [1e9, 0], "s": ["c", "a"]}))
    space = Space.fit(table, is_level)
    points = space.points(table)
    assert points[:-1, 0].max() - points[:-1, 0].min() == pytest.approx(1, abs=0.02)
    assert np.linalg.norm(points[0, 2:] - points[1, 2:]) == pytest.approx(1)
    gap = np.linalg.norm(points[-1] - points[500 - 1])
    assert gap == pytest.approx(1, abs=0.05)
    strange = space.points(other)
    assert strange[0, 0] == 1.5
    assert np.linalg.norm(strange[0, 2:] - points[0, 2:]) == pytest.approx(1)


# --- classifiers


@pytest.mark.parametrize("measure", [metrics.c2st, metrics.c2st_linear])
def test_c2st_of_a_handful_of_rows(measure):
    real = pd.DataFrame({"x": [0.0, np.nan]})
    fakes = [real.iloc[[i, j]] for i in (0, 1) for j in (0, 1)]
    values = [measure(real, fake, random_state=seed).value for fake in fakes for seed in range(4)]
    is_measured = measure is metrics.c2st_linear  # trees divide no handful
    assert all(0 <= value <= 1 if is_measured else np.isnan(value) for value in values)


def test_c2st_names_what_gives_the_fake_away():
    frame = load_diabetes(as_frame=True).frame
    real, fake = halves(frame.sample(frac=1, random_state=0))
    fake = fake.assign(bp=fake["bp"] * 1.6)
    score = metrics.c2st(real, fake, random_state=0)
    assert score.detail.index[0] == "bp"
    assert score.interval[0] < score.value < score.interval[1]


def test_c2st_does_not_separate_copies_by_their_originals():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=400), "y": rng.normal(size=400)})
    assert metrics.c2st(real, real, random_state=0).value == 0.5
    fresh = pd.DataFrame({"x": rng.normal(size=400), "y": rng.normal(size=400)})
    half = pd.concat([real[:200], fresh[:200]])
    assert metrics.c2st(real, half, random_state=0).value == pytest.approx(0.5, abs=0.05)
    # levels that many rows share do not make twins of what differs in number
    few = pd.DataFrame({"s": ["a"] * 400 + ["b"] * 200})
    other = pd.DataFrame({"s": ["a"] * 200 + ["b"] * 400})
    assert metrics.c2st(few, other, random_state=0).value == pytest.approx(2 / 3, abs=0.03)


def test_usefulness_of_a_target_that_the_fake_has_lost():
    frame = load_iris(as_frame=True).frame
    real, holdout = halves(pd.concat([frame] * 2, ignore_index=True))
    rng = np.random.default_rng(0)
    for target in ("target", "petal width (cm)"):
        good = metrics.tstr(real, real, holdout=holdout, target=target, random_state=0)
        assert good.value == pytest.approx(good.ceiling)
        assert list(good.detail.index) == ["boosted trees", "random forest", "linear"]
        assert good.detail["ratio"].tolist() == pytest.approx([1, 1, 1])
        blind = real.assign(**{target: rng.permutation(real[target])})
        poor = metrics.tstr(real, blind, holdout=holdout, target=target, random_state=0)
        assert poor.value < good.value - 0.3
        assert (poor.detail["augmented"] > poor.detail["value"]).all()
    one = metrics.tstr(real, real.assign(target=0), target="target", random_state=0)
    assert one.value == 0.5
    assert "(AUC)" in one.name
    assert "(R2)" in poor.name
    for wrong in (None, "no such column"):
        for measure in (metrics.tstr, metrics.importance_agreement):
            with pytest.raises(ParameterError, match=r"target=.* is not allowed; name a column"):
                measure(real, real, target=wrong)


def informative(n, seed, is_regression):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = 3 * x if is_regression else np.where(x > 0, "a", "b")
    return pd.DataFrame({"x": x, "z": rng.normal(size=n), "y": y})


@pytest.mark.parametrize("is_regression", [False, True])
@pytest.mark.parametrize("n", [12, 24, 39])
def test_trees_learn_from_few_rows(n, is_regression):
    real, fake, test = (informative(k, s, is_regression) for s, k in enumerate((n, n, 200)))
    score = metrics.tstr(real, fake, holdout=test, target="y", random_state=0)
    least = 0.5 if is_regression else 0.9
    assert (score.detail.loc["boosted trees", ["real", "value"]] > least).all()
    assert is_regression or (score.detail.loc["random forest", ["real", "value"]] > least).all()
    if n > 12:
        agreed = metrics.importance_agreement(real, fake, target="y", random_state=0)
        assert agreed.detail.index[0] == "x"
        assert agreed.detail["real"].max() > 0.2


def test_what_no_model_learns_is_not_measured():
    real = informative(200, 0, False)
    tables = {"one class": real.assign(y="a"), "four rows": informative(4, 0, False)}
    for name, table in tables.items():
        score = metrics.tstr(table, table, target="y", random_state=0)
        assert np.isnan(score.value), name
        assert score.note == "Not measured: no model learns anything from the real records."
    few = tables["four rows"]
    score = metrics.importance_agreement(few, few, target="y", random_state=0)
    assert np.isnan(score.value)
    assert "Not measured: to one of the models, all columns are equally important." in score.note
    score = metrics.global_utility(few, few, random_state=0)
    assert np.isnan(score.value)
    assert "Not measured: real rows predict no column." in score.note


def test_importances_agree_when_the_fake_is_good():
    real, fake = halves(load_diabetes(as_frame=True).frame)
    words = {"target": "target"}  # one figure of 221 rows varies by .3 between seeds
    good = [metrics.importance_agreement(real, fake, random_state=i, **words) for i in range(4)]
    rng = np.random.default_rng(0)
    other = fake.assign(target=fake["age"] + 0.01 * rng.random(len(fake)))
    bad = metrics.importance_agreement(real, other, random_state=0, **words)
    assert np.mean([score.value for score in good]) > 0.4 > bad.value
    assert bad.detail["value"].idxmax() == "age"


# --- the scorer that knows nothing of synthgan


@pytest.mark.parametrize("name", ["pima", pytest.param("heart_cleveland", marks=pytest.mark.slow)])
def test_agreement_with_the_independent_scorer(name):
    folder = SHARED_DATA.parent / "acceptance"
    if not (folder / "score.py").exists():
        pytest.skip(f"{folder} is absent: the scorer is not part of the package")
    sys.path.insert(0, str(folder))
    try:
        scorer = importlib.import_module("score")
        table = importlib.import_module("split").table(name)
    finally:
        sys.path.remove(str(folder))
    table = table.fillna(table.median(numeric_only=True))
    real, fake = halves(table)
    fake = fake.assign(**{fake.columns[0]: fake.iloc[::-1, 0].to_numpy()})
    target = table.columns[-1]
    theirs = scorer.score(real.copy(), real.copy(), fake.copy(), target)
    assert metrics.column_shapes(real, fake).value == pytest.approx(theirs["shape"], abs=1e-6)
    assert metrics.pair_trends(real, fake).value == pytest.approx(theirs["trend"], abs=1e-6)
    ours = metrics.tstr(real, fake, holdout=real, target=target, random_state=0)
    # ours takes levels as such, the scorer by their codes
    assert ours.detail.loc["boosted trees", "value"] == pytest.approx(theirs["tstr"], abs=0.04)
    assert metrics.coverage(real, fake).value == pytest.approx(theirs["cov"], abs=0.02)


@pytest.mark.slow
def test_c2st_agrees_with_the_independent_scorer(thyroid_path):
    folder = SHARED_DATA.parent / "acceptance"
    sys.path.insert(0, str(folder))
    try:
        scorer = importlib.import_module("score")
    finally:
        sys.path.remove(str(folder))
    real, fake = halves(pd.read_csv(thyroid_path).sample(1200, random_state=0))
    fake = fake.assign(T3=fake["T3"].sample(frac=1, random_state=0).to_numpy())
    theirs = scorer.score(real.copy(), real.copy(), fake.copy(), "Class")
    assert 0.6 < theirs["c2st"] < 0.95
    assert metrics.c2st(real, fake, random_state=0).value == pytest.approx(theirs["c2st"], abs=0.02)
    ours = metrics.c2st_linear(real, fake, random_state=0).value
    assert ours == pytest.approx(theirs["c2st_lr"], abs=0.02)
