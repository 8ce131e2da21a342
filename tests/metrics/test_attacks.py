"""Planted leaks are called leaks, and nothing else is."""

import inspect
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import metrics
from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics.attacks.arms import Arm, attack_score, wilson
from synthgan.metrics.tables import shuffled
from tests.conftest import SHARED_DATA
from tests.frames import frames

ATTACKS = [metrics.singling_out, metrics.linkability, metrics.attribute_inference]
COUNTS = [
    metrics.exact_copies, metrics.near_copies, metrics.closest_record, metrics.neighbour_ratio,
    metrics.membership_inference,
]  # fmt: skip
ALL = [*ATTACKS, *COUNTS]


def by_name(measures):
    return pytest.mark.parametrize("measure", measures, ids=lambda m: m.__name__)


def people(n, seed):
    """Draw people of one population, with gaps, levels and dates."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "x": x.round(3),
            "y": np.where(rng.random(n) < 0.1, np.nan, (x + rng.normal(size=n)).round(2)),
            "age": age,
            "ward": rng.choice(["a", "b", "c", "d"], n, p=[0.4, 0.3, 0.2, 0.1]),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "ill": rng.random(n) < 1 / (1 + np.exp(-(age - 50) / 10)),
        }
    )


@pytest.fixture(scope="module")
def real():
    return people(1000, 0)


@pytest.fixture(scope="module")
def holdout():
    return people(1000, 1)


@pytest.fixture(scope="module")
def fresh():
    return people(1000, 2)


def part_copy(real, fresh, share):
    n = int(share * len(real))
    return pd.concat([real[:n], fresh[n:]]).sample(frac=1, random_state=0)


@by_name(ATTACKS)
def test_a_copy_is_a_leak(measure, real, holdout):
    score = measure(real, real, holdout=holdout, random_state=0)
    assert score.value > 0.3
    assert score.interval[0] > 0.25
    assert score.detail.loc["main", "low"] > score.detail.loc["baseline", "high"]
    assert "no better" not in score.note


def test_a_copy_is_a_leak_to_counts(real, holdout):
    values = {m.__name__: m(real, real, holdout=holdout, random_state=0).value for m in COUNTS}
    assert values["exact_copies"] == values["near_copies"] == 1
    assert values["closest_record"] == 1
    assert values["neighbour_ratio"] < 0.01
    assert values["membership_inference"] > 0.99
    assert metrics.authenticity(real, real).value == 0
    assert metrics.c2st(real, real, random_state=0).value == 0.5


@by_name(ATTACKS)
def test_other_people_are_no_leak(measure, real, holdout, fresh):
    score = measure(real, fresh, holdout=holdout, random_state=0)
    assert score.value < 0.08
    assert score.interval[0] < 0.02
    guessed = measure(real, shuffled(fresh, np.random.default_rng(0)), holdout=holdout)
    assert guessed.value < 0.1


def test_other_people_are_no_leak_to_counts(real, holdout, fresh):
    scores = {m.__name__: m(real, fresh, holdout=holdout, random_state=0) for m in COUNTS}
    assert scores["exact_copies"].value == scores["exact_copies"].ceiling == 0
    assert scores["near_copies"].value == pytest.approx(0.01, abs=0.01)
    for name in ("closest_record", "membership_inference"):
        assert scores[name].interval[0] < 0.5 < scores[name].interval[1]
    ratio = scores["neighbour_ratio"]
    assert ratio.value == pytest.approx(ratio.ceiling, abs=0.03)


@by_name(ALL)
def test_the_more_copies_the_more_leak(measure, real, holdout, fresh):
    values = [
        measure(real, part_copy(real, fresh, share), holdout=holdout, random_state=0).value
        for share in (0, 0.1, 0.3, 1)
    ]
    if measure is metrics.neighbour_ratio:
        values = [-value for value in values]
    assert all(a <= b + 0.02 for a, b in pairwise(values))
    assert values[-1] > values[0] + 0.3


def test_one_copied_rare_patient_is_caught_by_singling_out(real, holdout, fresh):
    rare = {"x": 9.3, "y": -7.77, "age": 101}
    patient = real[:1].assign(**rare)
    learnt = pd.concat([real[1:], patient], ignore_index=True)
    fake = pd.concat([fresh[1:], patient], ignore_index=True)
    words = {"holdout": holdout, "mode": "univariate", "random_state": 0}
    caught = metrics.singling_out(learnt, fake, **words)
    assert "One real row is singled out by" in caught.note
    assert "a rare person may have been copied" in caught.note
    most = caught.detail["most"]
    assert most["main"] >= 5 > most["control"]
    # the same patient, learnt but not copied
    safe = metrics.singling_out(learnt, fresh, **words)
    assert "One real row" not in safe.note


@by_name(ALL)
def test_no_verdict_without_a_holdout(measure, real, fresh):
    score = measure(real, fresh, random_state=0)
    assert score.ceiling is None
    if measure is not metrics.neighbour_ratio:
        assert score.note.startswith("No verdict without a holdout.")
    if measure in ATTACKS:
        assert math.isnan(score.value)
        assert score.detail.loc["main", "n_attacks"] > 0
        assert score.detail.loc["control", "n_attacks"] == 0


def test_an_attack_that_only_guesses_says_so(real, holdout):
    rng = np.random.default_rng(0)
    nonsense = shuffled(people(1000, 3), rng).assign(x=rng.random(1000) * 100 + 50)
    score = metrics.linkability(real, nonsense, holdout=holdout, random_state=0)
    assert "The attack is no better than guessing." in score.note


@by_name(ALL)
def test_blind_to_order_and_names(measure, real, holdout, fresh):
    fake = part_copy(real, fresh, 0.3)
    value = measure(real, fake, holdout=holdout, random_state=0).value
    names = {"a": "zebra", "b": "ant", "c": "owl", "d": "bee"}
    renamed = [t.assign(ward=t["ward"].map(names)) for t in (real, fake, holdout)]
    again = measure(renamed[0], renamed[1], holdout=renamed[2], random_state=0)
    assert again.value == pytest.approx(value, abs=1e-9)
    turned = [t.iloc[::-1, ::-1] for t in (real, fake, holdout)]
    again = measure(turned[0], turned[1], holdout=turned[2], random_state=0)
    drawn = measure in ATTACKS or measure is metrics.membership_inference
    assert again.value == pytest.approx(value, abs=0.12 if drawn else 1e-6)


@by_name(ALL)
@settings(max_examples=20)
@given(frames(min_rows=1, max_rows=20, max_columns=4), st.integers(0, 9))
def test_any_table(measure, frame, seed):
    words = {"holdout": frame.iloc[::-1], "random_state": seed}
    try:
        score = measure(frame, frame, **words)
    except ParameterError:
        assert frame.shape[1] == 1  # nothing to link, nothing to infer from
        return
    assert math.isnan(score.value) or 0 <= score.value <= 1
    assert score.to_dict()["name"] == score.name


@by_name(ALL)
def test_awkward_tables(measure, real, holdout, fresh):
    for fake in (
        fresh.assign(x=np.nan, y=1.0),
        fresh.assign(ward="unheard of"),
        fresh[:7],
        fresh.astype({"age": "Int64", "ill": "boolean"}),
    ):
        score = measure(real, fake, holdout=holdout[:50], random_state=0)
        assert score.note == "" or "Drawn" in score.note or "." in score.note
    with pytest.raises(DataError, match=r"the holdout table lacks the columns \['y'\]"):
        measure(real, fresh, holdout=holdout.drop(columns="y"))


@by_name(ALL)
def test_same_seed_same_figure(measure, real, holdout, fresh):
    scores = [measure(real, fresh, holdout=holdout, random_state=3).to_dict() for _ in range(2)]
    assert scores[0] == scores[1]
    first = list(inspect.signature(measure).parameters)[:5]
    assert first == ["real", "fake", "holdout", "target", "random_state"]


def test_bad_parameters(real, fresh):
    for measure, words, match in [
        (metrics.singling_out, {"mode": "both"}, "mode='both' is not allowed"),
        (metrics.singling_out, {"n_attacks": 0}, "n_attacks=0 is not allowed"),
        (metrics.linkability, {"n_neighbors": 0}, "n_neighbors=0 is not allowed; give 1 to 1000"),
        (metrics.linkability, {"columns": (["x"], ["x"])}, "columns=.* without any in common"),
        (metrics.linkability, {"columns": (["x"], ["no"])}, "columns="),
        (metrics.linkability, {"columns": ("x", "y")}, "give two lists"),
        (metrics.attribute_inference, {"secret": "no"}, "secret='no' is not allowed"),
    ]:
        with pytest.raises(ParameterError, match=match):
            measure(real, fresh, **words)


def test_a_secret_and_columns_of_ones_own(real, holdout):
    words = {"holdout": holdout, "random_state": 0}
    score = metrics.attribute_inference(real, real, **words, **{"secret": "age"})
    assert list(score.detail.index) == ["main", "control", "baseline"]
    every = metrics.attribute_inference(real, real, holdout=holdout, random_state=0)
    assert set(every.detail.index) == {"main", "control", "baseline", *real.columns}
    assert "At risk by themselves:" in every.note
    split = (["x", "ward"], ["y", "day"])
    linked = metrics.linkability(real, real, holdout=holdout, columns=split, random_state=0)
    assert linked.value > 0.5


def test_intervals_and_risk_by_hand():
    rate, low, high = wilson(Arm(40, 100))
    assert rate == 0.4
    assert (low, high) == pytest.approx((0.3094, 0.4980), abs=1e-4)
    assert all(math.isnan(x) for x in wilson(Arm(0, 0)))
    score = attack_score("a", Arm(60, 100), Arm(20, 100), Arm(10, 100), [])
    assert score.value == pytest.approx((0.6 - 0.2) / 0.8)
    assert score.interval[0] < 0.5 < score.interval[1]
    assert attack_score("a", Arm(1, 9), Arm(9, 9), Arm(0, 9), []).value == 0


def test_agreement_with_the_independent_scorer(thyroid_path, monkeypatch):
    monkeypatch.syspath_prepend(SHARED_DATA.parent / "acceptance")
    scorer = pytest.importorskip("score")
    table = pd.read_csv(thyroid_path).sample(frac=1, random_state=0).reset_index(drop=True)
    real, holdout, fresh = table[:2400], table[2400:4800], table[4800:]
    fake = pd.concat([real[:800], fresh[:1600]])
    theirs = scorer.score(real.copy(), holdout.copy(), fake.copy(), "Class")
    ours = metrics.exact_copies(real, fake, holdout=holdout)
    assert ours.value == pytest.approx(theirs["dup"])
    assert ours.ceiling == pytest.approx(theirs["dup_h"])
    lean = metrics.closest_record(real, fake, holdout=holdout, random_state=0).value
    assert lean == pytest.approx(theirs["dcr"], abs=0.02)
