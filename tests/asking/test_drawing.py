"""Records that meet their conditions: tries are for those that are missing, none is thrown away."""

import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan import (
    FCN,
    ImageGANSynthesizer,
    Predicate,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.asking.drawing import TryLimits, draw_until_met
from synthgan.exceptions import DataWarning, ParameterError, SamplingError

LIMITS = TryLimits(in_vain=20_000, at_all=2_000_000, at_a_time=100_000)
SMALL = {"network": FCN(width=8, depth=1), "max_steps": 5, "random_state": 0}


def one_in(shares, seed=0):
    """Draw records that meet their condition with these probabilities, by kind."""
    rng, kinds = np.random.default_rng(seed), np.arange(len(shares))

    def draw(rows):
        good = rng.random(len(rows)) < shares[rows]
        return {"luck": good}, lambda some: [(int(i), kinds[rows[i]]) for i in some]

    return draw


@pytest.mark.parametrize("n", [1, 3, 20, 500])
def test_tries_follow_from_the_share_that_meets_the_conditions(n):
    shares = np.full(n, 1 / 900)
    drawn = draw_until_met(one_in(shares), np.zeros(n, dtype=int), LIMITS)
    assert sorted(drawn.rows) == list(range(n))
    # A good row is kept, whichever missing one it was made for.
    assert drawn.n_tries < 3 * 900 * (n + 3)
    assert drawn.n_good >= n


def test_each_record_gets_one_of_its_own_conditions():
    shares = np.array([1.0, 0.5, 0.01, 0.5, 0.01])
    alike = np.array([0, 1, 2, 1, 2])
    drawn = draw_until_met(one_in(shares), alike, LIMITS)
    made = {
        row: kind
        for rows, piece in drawn.pieces
        for row, (_, kind) in zip(rows, piece, strict=True)
    }
    assert sorted(made) == [0, 1, 2, 3, 4]
    assert all(alike[kind] == alike[row] for row, kind in made.items())
    assert drawn.n_tries < 2500


def test_the_limits_hold():
    drawn = draw_until_met(one_in(np.zeros(4)), np.zeros(4, dtype=int), LIMITS)
    assert len(drawn.rows) == 0
    assert drawn.n_tries == pytest.approx(20_000, rel=0.01)
    few = TryLimits(in_vain=20_000, at_all=1000, at_a_time=10_000)
    drawn = draw_until_met(one_in(np.full(400, 0.01)), np.zeros(400, dtype=int), few)
    assert 0 < len(drawn.rows) < 400
    assert drawn.n_tries < 2000
    none = draw_until_met(one_in(np.zeros(0)), np.zeros(0, dtype=int), LIMITS)
    assert (none.n_tries, len(none.pieces), len(none.rows)) == (0, 1, 0)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 365, 1000), unit="D")
    kind = rng.choice(["a", "b"], 1000)
    return pd.DataFrame({"adm": day, "x": rng.normal(size=1000).round(2), "kind": kind})


@pytest.fixture(scope="module")
def model(table):
    return TabularGANSynthesizer(**{**SMALL, "max_steps": 60}, candidates=1, constraints=[]).fit(
        table
    )


def test_a_day_of_a_year_is_met(model):
    fake = model.sample(20, conditions={"adm": "2020-06-20"})
    assert len(fake) == 20
    assert (fake["adm"] == "2020-06-20").all()
    assert fake["x"].nunique() > 10
    both = model.sample(5, conditions={"adm": ("2020-06-01", "2020-06-05"), "kind": "a"})
    assert both["adm"].between("2020-06-01", "2020-06-05").all()
    assert (both["kind"] == "a").all()
    assert model.sample(5, {"kind": "a"}, 3).equals(model.sample(5, {"kind": "a"}, 3))


def test_what_there_is_is_returned_with_a_warning(model):
    asked = pd.DataFrame(
        {"kind": ["a", "b", "a", "b"], "x": [None, 0.001234, None, None]}, index=list("pqrs")
    )
    tries = r"^3 of 4 rows meet the conditions after \d+ tries, which met 'x' \d+ times, "
    tries += r"'kind' \d+ times and all together \d+ times; row\(s\) 1 of the conditions, counted"
    with pytest.raises(SamplingError, match=tries + r".* on_missing='warn'"):
        model.sample(conditions=asked)
    with pytest.warns(DataWarning, match=tries):
        fake = model.sample(conditions=asked, on_missing="warn")
    assert fake.index.tolist() == ["p", "r", "s"]
    assert fake["kind"].tolist() == ["a", "a", "b"]
    assert model.sample(conditions=asked.drop(index="q")).index.tolist() == ["p", "r", "s"]
    with pytest.warns(DataWarning, match=r"^0 of 3 rows .* which met 'x' 0 times; fit with"):
        none = model.sample(3, conditions={"x": 0.001234}, on_missing="warn")
    assert none.shape == (0, 3)
    assert (none.dtypes == fake.dtypes).all()
    with pytest.raises(ParameterError, match="on_missing='skip' is not allowed; give 'error' or"):
        model.sample(3, on_missing="skip")


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_constraints_that_rows_break_are_named(table):
    with_y = TabularGANSynthesizer(
        **SMALL, candidates=1, constraints=[Predicate(lambda t: t["x"] < t["x"].max() + 1, ["x"])]
    ).fit(table[["x", "adm"]], table["kind"])
    with_y.constraints_.constraints_[0].function = lambda t: t["x"] > 1e6
    with pytest.raises(SamplingError, match=r"which met Predicate of 'x' 0 times, 'kind' \d+ t"):
        with_y.sample(3, conditions={"kind": "a"})
    with pytest.warns(DataWarning, match="0 of 3 rows"):
        X, y = with_y.sample(3, on_missing="warn", return_y=True)
    assert (X.shape, y.shape) == ((0, 2), (0,))


def test_signals_and_images_return_what_there_is():
    rng = np.random.default_rng(0)
    waves = np.sin(np.arange(200) / 12 + rng.uniform(0, 6, (40, 1))) + rng.normal(size=(40, 200))
    signal = SignalGANSynthesizer(
        **SMALL, fs_hz=100, condition_on=["heart_rate_bpm"], privacy="faithful"
    ).fit(waves, ["a", "b"] * 20)
    rates = signal.sample(20, {"heart_rate_bpm": (1, 500)}, return_y=True)[0].shape
    assert rates == (20, 200)
    between = {"heart_rate_bpm": (100.001, 100.002), "y": "a"}
    with pytest.warns(DataWarning, match=r"0 of 3 signals .* met 'heart_rate_bpm' 0 times; train"):
        fake, y = signal.sample(3, between, return_y=True, on_missing="warn")
    assert (fake.shape, len(y)) == ((0, 200), 0)
    pixels = rng.integers(0, 256, (40, 8, 8), np.uint8)
    image = ImageGANSynthesizer(**SMALL).fit(pixels, ["a", "b"] * 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = image.sample(3, {"y": "a"}, on_missing="warn", random_state=1)
    assert np.array_equal(made, image.sample(3, {"y": "a"}, random_state=1))
