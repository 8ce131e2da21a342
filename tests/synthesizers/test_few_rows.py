"""Few people are learnt in shorter runs and coarser cells; how much so can be chosen."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan import FCN, GridEncoder, Loss, TabularGANSynthesizer
from synthgan.exceptions import PrivacyWarning
from synthgan.synthesizers.few_people import MANY_PEOPLE, PLACES

TINY = {"network": FCN(width=8, depth=1), "random_state": 0, "candidates": 1}
ORDER = [PLACES[name] for name in ("faithful", "balanced", "strict")]


def table(n):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n)})


@given(st.integers(2, 5000))
def test_stricter_places_learn_no_longer_and_no_finer(n_people):
    steps = [place.steps(n_people) for place in ORDER]
    pools = [place.min_pool(n_people) for place in ORDER]
    assert steps == sorted(steps, reverse=True)
    assert pools == sorted(pools)
    assert all(pool <= max(5, n_people // 5) for pool in pools)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_many_people_are_learnt_alike(place):
    assert place.steps(MANY_PEOPLE) == 1500
    assert place.min_pool(MANY_PEOPLE) == 5
    weight = 800 / (2 * MANY_PEOPLE)
    n = 2 * MANY_PEOPLE
    assert place.with_penalty(Loss(), n, n).pair(n, 9).weight == weight
    loss = Loss()
    assert place.with_penalty(loss, MANY_PEOPLE, MANY_PEOPLE) is loss
    assert place.with_penalty(loss, 300, 9000) is loss  # many rows of few people


def test_a_penalty_that_is_given_wins():
    for loss in (Loss(penalty=3.0), Loss("bce"), Loss("wgan-gp")):
        assert PLACES["strict"].with_penalty(loss, 50, 50) is loss
    settled = PLACES["strict"].with_penalty(Loss(noise=0.2), 50, 50)
    assert (settled.penalty, settled.noise) == (0.6, 0.2)


def test_the_place_decides_how_long_a_run_is():
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
