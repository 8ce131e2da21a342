"""What holds for every measure of privacy."""

import inspect
import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError
from synthgan.metrics import Score, privacy
from tests.frames import frames
from tests.metrics.test_privacy_attacks import clinic

pytestmark = pytest.mark.usefixtures("few_trees")

SEES_COLUMNS = ("singling_out_univariate", "membership_inference")
MEASURES = {name: getattr(privacy, name) for name in privacy.__all__}
MEASURES["singling_out_univariate"] = partial(privacy.singling_out, mode="univariate")
NEEDS_HOLDOUT = set(MEASURES) - {"exact_copies", "near_copies", "neighbour_ratio"}

by_name = pytest.mark.parametrize("name", sorted(MEASURES))


def run(name, real, fake, holdout=None, **more):
    return MEASURES[name](real, fake, holdout=holdout, random_state=0, **more)


def is_leak(score):
    """Tell whether a figure is worse than what other real rows reach, beyond both intervals."""
    reference = (score.ceiling or 0.0,) * 2
    if "holdout" in score.detail.index:  # whose figure is an estimate, too
        reference = tuple(score.detail.loc["holdout", ["low", "high"]])
    if score.higher_is_better:
        return score.interval[1] < reference[0]
    return score.interval[0] > reference[1]


def with_dates(n, seed):
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return clinic(n, seed).assign(day=days)


@pytest.fixture(scope="module")
def people():
    """Rows that were learnt, rows that were not, and fresh ones for fakes."""
    return [with_dates(350, seed) for seed in (10, 11, 12)]


def test_all_are_public():
    assert sorted(privacy.__all__) == list(privacy.__all__)
    for name in privacy.__all__:
        parameters = list(inspect.signature(MEASURES[name]).parameters.values())
        assert [p.name for p in parameters[:5]] == [
            "real", "fake", "holdout", "target", "random_state",
        ]  # fmt: skip
        assert all(p.kind == p.KEYWORD_ONLY for p in parameters[2:])
        assert "Returns" in MEASURES[name].__doc__


@by_name
def test_a_copy_is_a_leak(name, people):
    real, holdout, _ = people
    score = run(name, real, real.sample(frac=1, random_state=0), holdout)
    assert is_leak(score)
    assert score.value < 0.01 if score.higher_is_better else score.value > 0.9
    assert "guessing" not in score.note


@by_name
def test_other_rows_of_the_population_are_no_leak(name, people):
    real, holdout, fresh = people
    assert not is_leak(run(name, real, fresh, holdout))
    # as few or as many as one likes
    assert not is_leak(run(name, real, fresh[150:300], holdout))
    assert not is_leak(run(name, real[:200], fresh, holdout))


@by_name
def test_shuffled_columns_are_no_leak(name, people):
    real, holdout, fresh = people
    rng = np.random.default_rng(0)
    apart, of_real = (
        pd.DataFrame({c: frame[c].to_numpy()[rng.permutation(len(frame))] for c in frame})
        for frame in (fresh, real)
    )
    assert not is_leak(run(name, real, apart, holdout))
    # Values that one person alone has are given away, whatever stands beside them; and columns
    # that are those of the members to the last value tell who is a member (Homer et al. 2008).
    assert is_leak(run(name, real, of_real, holdout)) == (name in SEES_COLUMNS)


@by_name
def test_more_copies_are_never_safer(name, people):
    real, holdout, fresh = people
    values = []
    for share in (0.0, 0.1, 0.3, 1.0):
        n = round(share * len(real))
        fake = pd.concat([real[:n], fresh[n:]], ignore_index=True)
        score = run(name, real, fake, holdout)
        values.append(-score.value if score.higher_is_better else score.value)
    assert values == sorted(values)
    assert values[-1] - values[0] > 0.3


@by_name
def test_figures_hang_on_nothing_but_the_records(name, people):
    real, holdout, fresh = people
    fake = pd.concat([real[:100], fresh[100:]], ignore_index=True)
    score = run(name, real, fake, holdout)
    assert run(name, real, fake, holdout).to_dict() == score.to_dict()
    turned = [frame.sample(frac=1, random_state=1) for frame in (real, fake, holdout)]
    columns = list(real.columns[::-1])
    moved = run(name, turned[0][columns], turned[1], turned[2])
    assert moved.value == pytest.approx(score.value)
    assert moved.interval == pytest.approx(score.interval)
    pd.testing.assert_series_equal(
        moved.detail.iloc[:3, 0], score.detail.iloc[:3, 0], check_exact=False
    )
    names = {"a": "zebra", "b": "ant", "c": "unicorn"}
    renamed = [
        frame.assign(ward=pd.Categorical(frame["ward"].map(names)), ill=frame["ill"].astype(float))
        for frame in (real, fake, holdout)
    ]
    assert run(name, *renamed).value == pytest.approx(score.value)


@by_name
@settings(max_examples=8)
@given(frames(min_rows=1, max_rows=20), st.randoms(use_true_random=False))
def test_any_table(name, frame, random):
    fake = frame.iloc[[random.randrange(len(frame)) for _ in range(random.randint(1, 25))]]
    holdout = frame.iloc[[random.randrange(len(frame)) for _ in range(random.randint(1, 25))]]
    with np.errstate(all="raise", under="ignore"):
        scores = [run(name, frame, fake), run(name, frame, fake, holdout)]
    for score in scores:
        assert isinstance(score, Score)
        assert math.isnan(score.value) or 0 <= score.value <= 1
        if score.interval is not None:
            assert 0 <= score.interval[0] <= score.interval[1] <= 1
        assert score.to_dict()["name"] == score.name
    if name in NEEDS_HOLDOUT:
        assert math.isnan(scores[0].value)
        assert scores[0].note


@by_name
def test_awkward_tables(name, people):
    real, holdout, fresh = (frame[:40] for frame in people)
    cases = [
        fresh.assign(age=np.nan),
        fresh.assign(age=5.0),
        fresh.assign(ward="unheard of"),
        fresh.assign(day=pd.NaT),
        fresh.assign(age=fresh["age"].astype("Float64"), ill=fresh["ill"].astype("boolean")),
        fresh[:1],
        fresh[:3].assign(more=1),
    ]
    for fake in cases:
        assert isinstance(run(name, real, fake, holdout).value, float)
    flat = real.assign(age=1.0, ward="a")
    assert isinstance(run(name, flat, fresh, holdout).value, float)
    for n in (1, 2, 3):
        assert isinstance(run(name, real[:n], fresh[:n], holdout[:n]).value, float)
        one = real[["age"]][:n]
        assert isinstance(run(name, one, fresh[:n], holdout[:n]).value, float)
    with pytest.raises(DataError, match=r"the holdout table lacks the columns \['age'\]"):
        run(name, real, fresh, holdout.drop(columns="age"))
    with pytest.raises(DataError, match="the fake table has no rows"):
        run(name, real, fresh[:0], holdout)


@by_name
def test_no_verdict_without_a_holdout(name, people):
    real, _, fresh = people
    score = run(name, real, fresh)
    assert "Without a holdout the value cannot be judged." in score.note
    assert score.ceiling is None
    assert math.isnan(score.value) == (name in NEEDS_HOLDOUT)
    assert len(score.detail)


@by_name
def test_arrays_and_random_states(name, people):
    real, holdout, fresh = (frame[["age", "weight", "dose"]].to_numpy() for frame in people)
    states = [np.random.RandomState(0), np.random.default_rng(0), 7, None]
    for state in states:
        score = MEASURES[name](real, fresh, holdout=holdout, random_state=state)
        assert 0 <= score.value <= 1


@by_name
def test_a_subset_of_other_people_is_no_leak(name, people):
    real, holdout, fresh = people
    assert not is_leak(run(name, real, fresh.sample(200, random_state=0), holdout))
    if name in NEEDS_HOLDOUT:  # nor does the control's own half make a leak of those learnt
        assert not is_leak(run(name, real, holdout[:250], holdout))
