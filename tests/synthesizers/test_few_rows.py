"""Few people are learnt in shorter runs and coarser cells; how much so can be chosen."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan import (
    FCN,
    GridEncoder,
    ImageGANSynthesizer,
    Loss,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.exceptions import PrivacyWarning
from synthgan.synthesizers.few_people import LABELLED_LEVELS, MANY_PEOPLE, PRIVACY_LEVELS
from synthgan.synthesizers.labelled import steps_of

TINY = {"network": FCN(width=8, depth=1), "random_state": 0, "candidates": 1}
ORDER = [PRIVACY_LEVELS[name] for name in ("faithful", "balanced", "strict")]


def table(n):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n)})


@given(st.integers(2, 5000))
def test_stricter_levels_learn_no_longer_and_no_finer(n_people):
    steps = [level.steps(n_people) for level in ORDER]
    pools = [level.min_pool(n_people) for level in ORDER]
    assert steps == sorted(steps, reverse=True)
    assert pools == sorted(pools)
    assert all(pool <= max(5, n_people // 5) for pool in pools)


@pytest.mark.parametrize("level", PRIVACY_LEVELS.values(), ids=PRIVACY_LEVELS)
def test_many_people_are_learnt_alike(level):
    assert level.steps(MANY_PEOPLE) == 1500
    assert level.min_pool(MANY_PEOPLE) == 5
    weight = 800 / (2 * MANY_PEOPLE)
    n = 2 * MANY_PEOPLE
    assert level.with_penalty(Loss(), n, n).pair(n, 9).weight == weight
    loss = Loss()
    assert level.with_penalty(loss, MANY_PEOPLE, MANY_PEOPLE) is loss
    assert level.with_penalty(loss, 300, 9000) is loss  # many rows of few people


def test_a_penalty_that_is_given_wins():
    for loss in (Loss(penalty=3.0), Loss("bce"), Loss("wgan-gp")):
        assert PRIVACY_LEVELS["strict"].with_penalty(loss, 50, 50) is loss
    settled = PRIVACY_LEVELS["strict"].with_penalty(Loss(noise=0.2), 50, 50)
    assert (settled.penalty, settled.noise) == (0.6, 0.2)


def test_the_level_decides_how_long_a_run_is():
    steps = {}
    for name in ("balanced", "strict"):
        model = TabularGANSynthesizer(privacy=name, **TINY).fit(table(12))
        steps[name] = model.n_steps_
    assert steps["strict"] == pytest.approx(1500 * (12 / 1250) ** 0.5, abs=4)
    assert steps["balanced"] == pytest.approx(1500 * (12 / 1250) ** (1 / 3), abs=4)


def test_people_are_counted_not_rows():
    rows = table(120)
    model = TabularGANSynthesizer(privacy="strict", **TINY)
    model.fit(rows, groups=np.arange(120) // 10)
    assert model.n_steps_ == pytest.approx(1500 * (12 / 1250) ** 0.5, abs=12)


def test_an_encoder_that_is_given_stays_as_it_is():
    model = TabularGANSynthesizer(privacy="strict", max_steps=2, **TINY)
    pool = model.fit(table(200)).encoder_.min_pool
    assert pool == 20
    model.set_params(encoder=GridEncoder(min_support=7))
    assert model.fit(table(200)).encoder_.min_pool is None


def test_few_people_are_warned_of():
    model = TabularGANSynthesizer(max_steps=2, **TINY)
    with pytest.warns(
        PrivacyWarning,
        match=r"has 60 people: .*above \.55.*least 2000 people; privacy='strict' lowers it\.$",
    ):
        model.fit(table(60))
    with pytest.warns(PrivacyWarning, match="has 30 people"):
        model.fit(table(900), groups=np.arange(900) % 30)
    with pytest.warns(PrivacyWarning, match=r"has 1500 people: .*at least 2000 people\.$"):
        model.fit(table(1500))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(table(2000))


@given(st.integers(2, 5000))
def test_stricter_levels_of_records_learn_no_longer(n_records):
    levels = [LABELLED_LEVELS[name] for name in ("faithful", "balanced", "strict")]
    steps = [steps_of(n_records, power) for power in levels]
    assert steps == sorted(steps, reverse=True)
    if n_records >= 375:
        assert set(steps) == {min(8.0 * n_records, 12_000.0)}


@pytest.mark.filterwarnings("ignore:6 windows are too few to calibrate")
@pytest.mark.parametrize(
    ("estimator", "shape"), [(ImageGANSynthesizer, (6, 4, 4)), (SignalGANSynthesizer, (6, 8))]
)
def test_images_and_signals_choose_a_level(estimator, shape):
    records = np.random.default_rng(0).normal(size=shape)
    steps = {}
    for name in ("balanced", "strict"):
        model = estimator(privacy=name, network=FCN(width=8, depth=1), random_state=0)
        with pytest.warns(PrivacyWarning) as caught:
            model.fit(records)
        steps[name] = model.n_steps_
        helps = "privacy='strict' lowers it" in str(caught[0].message)
        assert helps == (name == "balanced")
    assert steps["strict"] == pytest.approx(3000 * (6 / 375), abs=4)
    assert steps["balanced"] == pytest.approx(3000 * (6 / 375) ** 0.5, abs=4)
    with pytest.raises(ValueError, match="'privacy' parameter"):
        estimator(privacy="none").fit(records)
