"""What holds for every measure of tables."""

import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import metrics
from synthgan.exceptions import DataError
from synthgan.metrics import Score
from tests.frames import frames

pytestmark = pytest.mark.usefixtures("few_trees")

# name: least and greatest value, and that of two equal tables
BOUNDS = {
    "alpha_precision": (-1, 1, None),
    "authenticity": (0, 1, 0),
    "beta_recall": (-1, 1, None),
    "c2st": (0, 1, 0.5),
    "c2st_linear": (0, 1, 0.5),
    "category_coverage": (0, 1, 1),
    "column_shapes": (0, 1, 1),
    "correlations": (0, 2, 0),
    "coverage": (0, 1, 1),
    "density": (0, np.inf, None),
    "global_utility": (0, np.inf, None),
    "importance_agreement": (-1, 1, None),
    "jensen_shannon": (0, 1, 0),
    "kolmogorov_smirnov": (0, 1, 0),
    "missing_shares": (0, 1, 0),
    "mmd": (0, 1.5, 0),
    "mutual_information": (0, 1, 0),
    "pair_trends": (0, 1, 1),
    "precision": (0, 1, 1),
    "quartiles": (0, np.inf, 0),
    "range_coverage": (0, 1, 1),
    "recall": (0, 1, 1),
    "total_variation": (0, 1, 0),
    "tstr": (-np.inf, 1, None),
    "wasserstein": (0, 2, 0),
}
MEASURES = [getattr(metrics, name) for name in BOUNDS]
SYMMETRIC = [
    metrics.column_shapes, metrics.kolmogorov_smirnov, metrics.total_variation, metrics.wasserstein,
    metrics.jensen_shannon, metrics.missing_shares, metrics.correlations, metrics.mmd,
]  # fmt: skip
# Models see an order of columns only in ties between them, and of rows in the folds they draw.
DRAWN = {"tstr": 0.03, "global_utility": 0.1, "importance_agreement": 0.5}
# Measures of what a copy cannot be better at, from a perfect fake to a useless one.
NOT_DAMAGED = {"missing_shares", "category_coverage", "importance_agreement"}
DAMAGED = BOUNDS.keys() - NOT_DAMAGED
NEEDS_TARGET = {"tstr", "importance_agreement"}
OF_MANY_MODELS = {"c2st", "global_utility"}


def by_name(measures):
    return pytest.mark.parametrize("measure", measures, ids=lambda m: m.__name__)


def run(measure, real, fake, **more):
    return measure(real, fake, target="ill", random_state=0, **more)


@pytest.fixture(scope="module")
def patients():
    """Rows of which half may be a holdout."""
    rng = np.random.default_rng(0)
    n = 1600
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": x.round(3),
            "y": np.where(rng.random(n) < 0.05, np.nan, x + 0.3 * rng.normal(size=n)),
            "ward": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D"),
            "ill": x + 0.5 * rng.normal(size=n) > 0,
        }
    )


def damaged(real, share):
    """Draw a share of the cells of each column anew from that column."""
    rng = np.random.default_rng(1)
    fake = real.sample(frac=1, replace=True, random_state=2).reset_index(drop=True)
    for name in fake.columns:
        hit = rng.random(len(fake)) < share
        fake[name] = fake[name].where(~hit, fake[name].sample(frac=1, random_state=3).to_numpy())
    return fake


def test_every_measure_is_here():
    public = {name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))}
    assert {*BOUNDS} <= public


@by_name(MEASURES)
def test_one_signature(measure):
    parameters = inspect.signature(measure).parameters
    names = ["real", "fake", "holdout", "target", "random_state"]
    whose = ["groups", "holdout_groups"]
    assert [name for name in parameters if name not in whose] == names
    assert [name for name in parameters if name in whose] in ([], whose)
    assert all(parameters[name].kind == parameters[name].KEYWORD_ONLY for name in
               ("holdout", "target", "random_state"))  # fmt: skip


def check_any_table(measure, frame, random):
    least, greatest, equal = BOUNDS[measure.__name__]
    with np.errstate(all="raise", under="ignore"):
        score = measure(frame, frame, random_state=0)
    assert isinstance(score, Score)
    if equal is not None and len(frame) > 6 and not np.isnan(score.value):
        assert score.value == pytest.approx(equal, abs=1e-9)
    rows = [random.randrange(len(frame)) for _ in range(len(frame))]
    score = measure(frame, frame.iloc[rows], holdout=frame.iloc[::-1], random_state=0)
    for value in (score.value, score.floor, score.ceiling):
        assert np.isnan(value) or least - 1e-9 <= value <= greatest + 1e-9
    assert score.to_dict()["name"] == score.name


ANY_TABLE = given(frames(min_rows=1, max_rows=30), st.randoms(use_true_random=False))


@by_name([m for m in MEASURES if m.__name__ not in NEEDS_TARGET | OF_MANY_MODELS])
@settings(max_examples=6)
@ANY_TABLE
def test_any_table(measure, frame, random):
    check_any_table(measure, frame, random)


@by_name([getattr(metrics, name) for name in sorted(OF_MANY_MODELS)])
@settings(max_examples=4)
@ANY_TABLE
def test_any_table_and_many_models(measure, frame, random):
    check_any_table(measure, frame, random)


@by_name(MEASURES)
def test_reproducible_and_complete(measure, patients):
    real, holdout = patients[:100], patients[100:200]
    fake = patients[200:300]
    scores = [run(measure, real, fake, holdout=holdout) for _ in range(2)]
    assert scores[0].to_dict() == scores[1].to_dict()
    assert scores[0].ceiling is not None
    assert scores[0].floor is not None
    assert "value" in scores[0].detail.columns
    if measure is not metrics.tstr:  # whose holdout is what it is tested on
        assert run(measure, real, fake).value == pytest.approx(scores[0].value)
        assert run(measure, real, holdout).value == pytest.approx(scores[0].ceiling)


@by_name(MEASURES)
def test_blind_to_the_order_of_rows_and_columns(measure, patients):
    real, fake = patients[:300], damaged(patients[300:600], 0.5)
    value = run(measure, real, fake).value
    turned = real.iloc[::-1, [3, 0, 4, 2, 1]], fake.sample(frac=1, random_state=0)
    tolerance = DRAWN.get(measure.__name__, 0.02 if "c2st" in measure.__name__ else 1e-6)
    assert run(measure, *turned).value == pytest.approx(value, abs=tolerance)


@by_name(MEASURES)
def test_blind_to_the_names_of_levels(measure, patients):
    real, fake = patients[:150], damaged(patients[150:300], 0.5)
    value = run(measure, real, fake).value
    names = {"a": "zebra", "b": "ant", "c": "unicorn"}
    renamed = [frame.assign(ward=frame["ward"].map(names)) for frame in (real, fake)]
    assert run(measure, *renamed).value == pytest.approx(value, abs=1e-9)


@by_name(SYMMETRIC)
@settings(max_examples=10)
@given(st.integers(0, 100), st.floats(0, 1))
def test_symmetric(measure, seed, share):
    rng = np.random.default_rng(seed)
    real = pd.DataFrame({"x": rng.normal(size=60), "s": rng.choice(list("abc"), 60)})
    fake = damaged(real, share).assign(x=lambda frame: frame["x"] * 2 + share)
    forth, back = measure(real, fake, random_state=0), measure(fake, real, random_state=0)
    assert forth.value == pytest.approx(back.value, abs=1e-9)


@by_name([getattr(metrics, name) for name in sorted(DAMAGED)])
def test_more_damage_is_never_better(measure, patients):
    """Noise is added to a growing share of the cells."""
    real = patients[:250]
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(real)) * 3
    hit = rng.random(len(real))
    ward = np.where(hit < 0.5, "a", "b")
    day = real["day"] + pd.to_timedelta((rng.random(len(real)) * 200).round(), unit="D")
    values = []
    for share in (0.0, 0.3, 1.0):
        touched = hit < share
        fake = real.assign(
            x=real["x"] + noise * touched,
            y=real["y"] + noise[::-1] * touched,
            ward=real["ward"].where(~touched, ward),
            day=real["day"].where(~touched, day),
            ill=real["ill"].where(~touched, hit < 0.2),
        )
        score = run(measure, real, fake)
        values.append(score.value)
    worse = values if score.higher_is_better else [-value for value in values]
    if measure in (metrics.authenticity,):  # noise is no copy
        worse = worse[::-1]
    assert worse[0] >= worse[1] - 0.02
    assert worse[1] >= worse[2] - 0.02
    if measure is not metrics.range_coverage:
        assert worse[0] > worse[2] + 0.001


def test_shuffled_columns_keep_marginals_and_lose_pairs(patients):
    real, holdout = patients[:400], patients[400:800]
    for measure in MEASURES:
        score = run(measure, real, holdout, holdout=holdout)
        joint = measure.__name__ in {
            "c2st", "coverage", "precision", "density", "beta_recall", "mmd", "pair_trends",
            "correlations", "mutual_information", "tstr", "global_utility",
        }  # fmt: skip
        gain = (
            score.ceiling - score.floor if score.higher_is_better else score.floor - score.ceiling
        )
        if joint:
            assert gain > 0.01, measure
        elif measure.__module__.endswith("columns"):
            assert gain == pytest.approx(0, abs=1e-9), measure


def test_noise_is_distinguished(patients):
    rng = np.random.default_rng(0)
    real = patients[:400]
    noise = pd.DataFrame(
        {name: rng.permutation(real[name].to_numpy()) for name in real.columns}
    ).assign(x=rng.random(400), y=rng.random(400), ill=rng.random(400) < 0.9)
    assert metrics.c2st(real, noise, random_state=0).value > 0.85
    assert metrics.c2st_linear(real, noise, random_state=0).value > 0.65
    assert metrics.column_shapes(real, noise).value < 0.8


@by_name(MEASURES)
def test_awkward_tables(measure, patients):
    real = patients[:60]
    other = patients[60:120]
    cases = [
        other.assign(x=np.nan, y=5.0),  # nothing there, and a constant
        other.assign(x=other["x"].astype("Float64"), ward="unheard of"),  # levels of one side alone
        other[:7].assign(more=1, ill=other["ill"].astype("boolean")),  # and a column more
    ]
    for fake in cases:
        score = run(measure, real, fake, holdout=real.iloc[::-1])
        assert isinstance(score.value, float)
    flat = real.assign(x=1.0, ward="a")
    assert isinstance(run(measure, flat, flat).value, float)
    with pytest.raises(DataError, match=r"the holdout table lacks the columns \['y'\]"):
        run(measure, real, other, holdout=real.drop(columns="y"))
    with pytest.raises(DataError, match="the fake table has no rows"):
        run(measure, real, other[:0])


def test_large_tables_are_sub_sampled_and_say_so():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=12_000), "y": rng.normal(size=12_000)})
    for measure, n in (
        (metrics.coverage, 5000),
        (metrics.mmd, 3000),
        (metrics.c2st_linear, 10_000),
    ):
        assert f"{n} of 12000 real rows" in measure(real, real, random_state=0).note
    assert metrics.column_shapes(real, real).note == ""
    few = metrics.coverage(real, real[:100], random_state=0)
    assert few.note == "Drawn at random: 100 of 12000 real rows."
