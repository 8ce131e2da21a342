"""Copies and distances: planted shares, and the scorer that knows nothing of synthgan."""

import importlib
import math
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy import closest_record, exact_copies, near_copies, neighbour_ratio
from tests.conftest import SHARED_DATA

pytestmark = pytest.mark.usefixtures("few_trees")


def points(n, seed, d=4):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(d)})


def test_exact_copies_by_hand():
    real = pd.DataFrame({"age": [31, 47, 60], "sex": ["f", "m", None]})
    fake = pd.DataFrame({"sex": ["f", "f", None, None], "age": [31.0, 47, 60, 61], "more": 1})
    score = exact_copies(real, fake, holdout=real[1:].astype({"sex": "category"}))
    assert score.value == 0.5
    assert score.ceiling == 1
    assert score.detail.loc["fake", ["value", "n_rows"]].tolist() == [0.5, 4]
    alone = exact_copies(real, fake)
    assert alone.ceiling is None
    assert alone.note == "Without a holdout the value cannot be judged."


@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(0, 1000))
def test_exact_copies_are_counted(n, seed):
    real, fake = points(60, seed), points(60, seed + 1001)
    fake.iloc[:n] = real.iloc[60 - n :]
    assert exact_copies(real, fake.sample(frac=1, random_state=0)).value == pytest.approx(n / 60)


def test_near_copies_of_a_population_are_as_many_as_the_quantile_says():
    real, fake, holdout = points(1500, 0), points(1500, 1), points(1500, 2)
    for quantile in (0.01, 0.2):
        score = near_copies(real, fake, holdout=holdout, quantile=quantile, random_state=0)
        assert score.ceiling == pytest.approx(quantile, abs=0.001)
        assert score.value == pytest.approx(quantile, abs=0.05)
        alone = near_copies(real, fake, quantile=quantile, random_state=0)
        assert alone.value == pytest.approx(score.value, abs=0.06)
        assert alone.note == "Without a holdout the value cannot be judged."
    moved = real + 1e-4
    moved.iloc[:750] = fake.iloc[:750]
    score = near_copies(real, moved, holdout=holdout, random_state=0)
    assert score.value == pytest.approx(0.5, abs=0.02)
    assert exact_copies(real, moved).value == 0
    assert 1e-5 < score.detail.loc["fake", "distance"] < 0.1


@pytest.mark.parametrize("quantile", [0, 1, 1.5, -0.1, float("nan")])
def test_quantiles_lie_between_0_and_1(quantile):
    real = points(10, 0)
    with pytest.raises(ParameterError, match=r"quantile=.* is not allowed; give a share"):
        near_copies(real, real, quantile=quantile)


def test_closest_record_counts_sides():
    real = pd.DataFrame({"x": np.arange(100.0)})
    holdout = (real + 0.4).where(real["x"] < 90, real)
    nearer = pd.concat([real[:30] + 0.1, real[30:90] + 0.3, real[90:] + 0.2], ignore_index=True)
    score = closest_record(real, nearer, holdout=holdout)
    assert score.value == pytest.approx(0.3 + 0.1 / 2)
    assert score.ceiling == 0.5
    assert list(score.detail.index) == ["fake to real", "fake to holdout", "holdout to real"]
    assert math.isnan(closest_record(real, nearer).value)
    assert list(closest_record(real, nearer).detail.index) == ["fake to real"]
    # equal tables: every fake is as near to either side
    assert closest_record(real, nearer, holdout=real).value == 0.5


def test_many_fakes_of_few_records_have_wide_intervals():
    """The interval is that of the 60 records, and not of 5000 fakes."""
    missed = 0
    for seed in range(40):
        real, holdout, fake = points(30, seed), points(30, seed + 100), points(5000, seed + 200)
        low, high = closest_record(real, fake, holdout=holdout, random_state=0).interval
        assert high - low > 0.15
        missed += not low <= 0.5 <= high
    assert missed <= 5


def test_neighbour_ratio_is_low_for_copies_of_one_row_and_not_of_two():
    real = points(400, 0)
    assert neighbour_ratio(real, real, holdout=points(400, 1)).value == 0
    twice = pd.concat([real, real], ignore_index=True)
    assert neighbour_ratio(twice, real, holdout=points(400, 1)).value == 1
    other = neighbour_ratio(real, points(400, 2), holdout=points(400, 1))
    assert other.interval[0] <= other.ceiling <= other.interval[1]
    assert other.detail.loc["fake", "median"] > other.value
    assert math.isnan(neighbour_ratio(real[:1], real).value)


def test_large_tables_are_sub_sampled_and_copies_still_show():
    real, holdout, fresh = (points(30_000, seed, d=2) for seed in range(3))
    fake = pd.concat([real[:3000], fresh[3000:]], ignore_index=True)
    near = near_copies(real, fake, holdout=holdout, random_state=0)
    assert "20000 of 30000 real rows, 5000 of 30000 fake rows" in near.note
    assert near.value == pytest.approx(0.1 + 0.9 * 0.01, abs=0.02)
    assert exact_copies(real, fake).value == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("name", ["pima", "heart_cleveland"])
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
    table = table.fillna(table.median(numeric_only=True)).dropna()
    table = table.sample(frac=1, random_state=0).reset_index(drop=True)
    third = len(table) // 3
    real, holdout, fake = (table[i * third : (i + 1) * third] for i in range(3))
    fake = pd.concat([real[: third // 5], fake[third // 5 :]], ignore_index=True)
    tables = real.copy(), holdout.copy(), fake.copy()
    theirs = scorer.score(*tables, table.columns[-1])
    ours = closest_record(real, fake, holdout=holdout, random_state=0)
    assert ours.value == pytest.approx(theirs["dcr"], abs=0.02)
    copies = exact_copies(real, fake, holdout=holdout)
    assert copies.value == pytest.approx(theirs["dup"], abs=0.02)
    assert copies.ceiling == pytest.approx(theirs["dup_h"], abs=0.02)
