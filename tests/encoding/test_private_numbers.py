"""Distributions of numbers, learnt from counts of intervals that are split again and again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.codecs import Constant
from synthgan.encoding.tables.private_numbers import (
    Intervals,
    fit_private_numbers,
    root_intervals,
)
from synthgan.privacy.differential import Ledger
from synthgan.privacy.protected_rows import ProtectedRows

RHO = 1e8  # next to no noise


def learn(values, step=0.0, bounds=None, rho=RHO):
    """Learn numbers that are multiples of a step."""
    values = np.asarray(values, dtype=float)
    rows = ProtectedRows(pd.DataFrame({"x": values}), Ledger(1e6, 0.5, 1.001 * rho, 0.1))

    def read(frame):
        x = frame["x"].to_numpy()
        x = np.rint(x / step) if step else x
        return (x if bounds is None else np.clip(x, *bounds)), np.isfinite(x)

    codec = fit_private_numbers(
        rows, "x", read, step, bounds, float(np.isfinite(values).sum()), rho
    )
    assert rows.ledger.spent_rho <= rho * (1 + 1e-9)
    return codec, rows.ledger


def drawn(codec, n=4000):
    return np.sort(codec.draw(n, np.random.default_rng(0)))


@pytest.mark.parametrize("whole", [False, True])
def test_first_intervals_are_disjoint_ascending_and_without_gaps(whole):
    root = root_intervals(whole, None)
    assert (root.low < root.high).all()
    assert (root.low[1:] == root.high[:-1]).all()
    ends = (-(2.0**63), 2.0**63) if whole else (-(2.0**997), 2.0**997)
    assert (root.low[0], root.high[-1]) == ends
    assert 0.0 in root.low


@given(
    st.lists(st.floats(-1e300, 1e300) | st.integers(-9, 9).map(float), min_size=1), st.booleans()
)
def test_first_intervals_hold_every_number(values, whole):
    x = np.array(values)
    x = np.clip(np.rint(x), -(2.0**63), np.nextafter(2.0**63, 0)) if whole else x
    root = root_intervals(whole, None)
    at = root.find(x, np.ones(len(x), dtype=bool))
    assert (at >= 0).all()
    assert ((root.low[at] <= x) & (x < root.high[at])).all()
    assert (root.find(x, np.zeros(len(x), dtype=bool)) == -1).all()


@given(st.floats(-1e6, 1e6), st.floats(0.5, 1e6), st.booleans())
def test_public_ends_are_in_the_first_interval(low, width, whole):
    low, high = (np.rint(low), np.rint(low + width + 1)) if whole else (low, low + width)
    root = root_intervals(whole, (low, high))
    assert root.find(np.array([low, high]), np.ones(2, dtype=bool)).tolist() == [0, 0]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=5), st.booleans())
def test_parts_of_intervals_fill_them(widths, whole):
    ends = np.cumsum([-50.0, *widths])
    parts = Intervals(ends[:-1], ends[1:], np.zeros(len(widths))).split(whole)
    assert (parts.low < parts.high).all()
    assert (parts.low[1:] == parts.high[:-1]).all()
    assert (parts.low[0], parts.high[-1]) == (ends[0], ends[-1])
    assert not whole or (parts.low == np.rint(parts.low)).all()
    assert len(parts.low) <= 8 * len(widths)


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e9])
def test_quantiles_of_continuous_numbers_come_back(spread):
    x = np.sort(np.random.default_rng(1).normal(0.3, 1, 4000)) * spread
    codec, ledger = learn(x)
    assert isinstance(codec, BinnedNumbers)
    assert 20 < len(codec.borders) - 1 <= 96
    assert np.abs(drawn(codec) - x)[200:-200].max() < 0.2 * spread
    assert {one.what for one in ledger.releases} == {
        "powers of two of x",
        "parts of intervals of x",
    }


def test_frequent_numbers_come_back_as_they_are():
    rng = np.random.default_rng(2)
    x = np.where(rng.random(3000) < 0.4, 0.0, rng.exponential(size=3000))
    codec, _ = learn(x)
    assert (drawn(codec) == 0).mean() == pytest.approx(0.4, abs=0.05)
    whole = rng.choice([-7, -1, 0, 2, 90], 3000, p=[0.1, 0.2, 0.3, 0.35, 0.05]).astype(float)
    codec, _ = learn(whole, step=1.0)
    values, counts = np.unique(np.rint(drawn(codec)), return_counts=True)
    assert values.tolist() == [-7, -1, 0, 2, 90]
    assert counts / 4000 == pytest.approx([0.1, 0.2, 0.3, 0.35, 0.05], abs=0.03)


def test_numbers_are_multiples_of_their_step():
    x = np.round(np.random.default_rng(3).uniform(-3, 3, 3000), 2)
    codec, _ = learn(x, step=0.01)
    found = np.round(drawn(codec), 2)
    assert found.min() >= -3
    assert found.max() <= 3
    assert np.abs(np.sort(x)[::30] - np.sort(found)[::40]).max() < 0.15


def test_one_number_is_a_constant():
    assert learn([4.0] * 50, step=1.0)[0] == Constant((4,))
    assert learn([2.5] * 50, step=0.5)[0] == Constant((2.5,))
    assert learn([0.0] * 50)[0] == Constant((0.0,))
    assert learn([np.nan] * 50)[0] == Constant()


def test_public_bounds_save_the_first_count():
    x = np.random.default_rng(4).uniform(0, 100, 2000)
    codec, ledger = learn(x, bounds=(0.0, 50.0))
    assert {one.what for one in ledger.releases} == {"parts of intervals of x"}
    low, high = codec.limits
    assert low >= 0
    assert high == pytest.approx(50, abs=1e-6)
    assert (drawn(codec) > 49).mean() > 0.4  # what is beyond was clipped


def test_noise_makes_no_numbers_far_from_all_rows():
    x = np.append(np.random.default_rng(5).normal(50, 10, 2000), 1e6)  # one person's alone
    far = 0
    for _ in range(30):
        low, high = learn(x, rho=0.05)[0].limits
        far += low < -128 or high > 256
    assert far <= 3  # 0.005 of the fits, if the noise is what it should be


@pytest.mark.parametrize(("deviations", "is_taken"), [(4.4, False), (6.0, True)])
def test_noise_far_away_is_no_row(monkeypatch, deviations, is_taken):
    histogram = ProtectedRows.histogram

    def noisy(self, what, *rest):
        counts, deviation = histogram(self, what, *rest)
        if what.startswith("powers of two"):
            counts[-1] = deviations * deviation
        return counts, deviation

    monkeypatch.setattr(ProtectedRows, "histogram", noisy)
    codec, _ = learn(np.arange(1000) % 2, step=1.0)
    assert (codec.limits[1] > 1e9) == is_taken
