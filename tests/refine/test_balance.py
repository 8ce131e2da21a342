import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from synthgan.refine.balance import Margins, _draw_pareto, draw_balanced


def candidates(n, k, rng, n_levels=4):
    """A number and a level for each candidate, shape (k * n, 2), and no reason to prefer any."""
    numbers, levels = rng.normal(size=k * n), rng.integers(n_levels, size=k * n)
    return np.column_stack([numbers, levels])


def draw(margins, x, k, rng, logits=None):
    n = len(x) // k
    bins, expected = margins.bins(x, n)
    logits = np.zeros(len(x)) if logits is None else logits
    return x[draw_balanced(logits, bins, expected, n, rng)]


def test_a_sample_has_the_columns_it_should_have():
    rng = np.random.default_rng(0)
    real = np.column_stack([rng.normal(size=400), rng.choice(3, 400, p=[0.7, 0.2, 0.1])])
    margins = Margins.fit(real, real)
    distances, shares = [], []
    for _ in range(20):
        # Candidates have other shares than real rows.
        kept = draw(margins, candidates(400, 16, rng, 3), 16, rng)
        distances.append(ks_2samp(kept[:, 0], real[:, 0]).statistic)
        shares.append(np.bincount(kept[:, 1].astype(int), minlength=3) / 400)
    assert np.abs(np.mean(shares, axis=0) - margins.shares[1][:3]).max() < 0.01
    assert np.mean(distances) < 0.03  # .06 for independent draws


def test_counts_vary_less_than_those_of_independent_draws_and_are_right_on_average():
    rng = np.random.default_rng(1)
    real = candidates(2000, 1, rng)
    margins = Margins.fit(real, real)
    counts = [
        np.bincount(draw(margins, candidates(100, 8, rng), 8, rng)[:, 1].astype(int), minlength=4)
        for _ in range(200)
    ]
    wanted = margins.shares[1][:4] * 100
    assert np.abs(np.mean(counts, axis=0) - wanted).max() < 0.5
    assert np.std(counts, axis=0).max() < 0.5 * np.sqrt(100 * 0.25 * 0.75)


def test_rare_levels_are_as_rare_as_they_should_be():
    # A level of 1 % is expected less than once in 50 rows: chance decides, without a bias.
    rng = np.random.default_rng(2)
    real = (np.arange(1000) % 100 == 0)[:, None].astype(float)
    margins = Margins.fit(real, real)
    n_found = [
        draw(margins, (rng.random((50 * 8, 1)) < 0.01).astype(float), 8, rng).sum()
        for _ in range(400)
    ]
    assert np.mean(n_found) == pytest.approx(0.5, abs=0.12)


def test_odds_decide_where_bins_do_not():
    rng = np.random.default_rng(3)
    real = rng.normal(size=(500, 1))
    x = rng.normal(size=(8 * 500, 1))
    logits = 3.0 * (rng.random(8 * 500) < 0.5)
    bins, expected = Margins.fit(real, real).bins(x, 500)
    chosen = draw_balanced(logits, bins, expected, 500, rng)
    wanted = np.exp(3.0) / (np.exp(3.0) + 1)
    assert (logits[chosen] > 0).mean() == pytest.approx(wanted, abs=0.03)


def test_probabilities_follow_the_odds_and_none_is_above_one():
    rng = np.random.default_rng(7)
    logits = np.log(np.array([1000.0, 4.0, 2.0, 1.0, 1.0]))
    found = np.zeros(5)
    for _ in range(4000):
        drawn = draw_balanced(logits, np.zeros((5, 0), dtype=int), np.zeros(0), 2, rng)
        assert len(set(drawn)) == 2
        found[drawn] += 1
    # Blocks of the pool are drawn from one by one, so that the first is not always taken.
    assert found[0] == found.max()
    pareto = np.zeros(5)
    for _ in range(4000):
        pareto[_draw_pareto(logits, 2, rng)] += 1
    assert pareto[0] == 4000
    assert np.abs(pareto[1:] / 4000 - np.array([4, 2, 1, 1]) / 8).max() < 0.05


def test_dependence_is_kept():
    rng = np.random.default_rng(4)
    both = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=8 * 600)
    kept = draw(Margins.fit(both[:600], both[:600]), both, 8, rng)
    assert np.corrcoef(kept.T)[0, 1] == pytest.approx(0.8, abs=0.04)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 40), st.integers(1, 300), st.integers(1, 4), st.integers(0, 3), st.integers(0, 9)
)
def test_any_sizes_give_as_many_rows_as_asked_for(n, n_real, k, n_features, seed):
    rng = np.random.default_rng(seed)
    real = rng.integers(5, size=(n_real, n_features)).astype(float)
    x = rng.integers(6, size=(k * n, n_features)).astype(float)
    x[rng.random(x.shape) < 0.2] = np.nan
    margins = Margins.fit(real, real)
    bins, expected = margins.bins(x, n)
    assert bins.shape == x.shape
    assert np.allclose(expected.sum(), n * n_features)
    chosen = draw_balanced(rng.normal(size=k * n), bins, expected, n, rng)
    assert chosen.shape == (n,)
    assert len(np.unique(chosen)) == n
    assert set(chosen) <= set(range(k * n))


def test_missing_values_have_a_bin_of_their_own():
    real = np.where(np.arange(300) < 90, np.nan, np.arange(300))[:, None]
    margins = Margins.fit(real, real)
    assert margins.shares[0][-1] == pytest.approx(0.3)
    bins, expected = margins.bins(np.array([[np.nan], [95.0], [290.0]]), 300)
    assert len(set(bins[:, 0])) == 3
    assert expected[bins[0, 0]] == pytest.approx(90)
