"""Noisy tables, shrunk towards what other tables say."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.privacy.smoothing import (
    Codes,
    fit_sums,
    nearest_table,
    smooth_table,
    smooth_tables,
)

rng = np.random.default_rng(0)
N = 20  # codes
P = rng.dirichlet(np.full(N, 5.0))
Q = rng.dirichlet(np.full(N, 5.0))
RANKS = np.linspace(-1, 1, N)
INDEPENDENT = np.outer(P, Q)
CORRELATED = INDEPENDENT * (1 + 0.5 * np.outer(RANKS - P @ RANKS, RANKS - Q @ RANKS))
SHARP = np.diag(P)
NOISE = 0.001  # of a cell; an average cell has a share of .0025


def errors(truth, a, b, repetitions=20):
    """Return the mean squared errors of noisy tables and of smooth ones."""
    noisy, smooth = [], []
    for seed in range(repetitions):
        table = truth + NOISE * np.random.default_rng(seed).normal(size=truth.shape)
        noisy.append(((table - truth) ** 2).mean())
        smooth.append(((alone(table, NOISE**2, a, b) - truth) ** 2).mean())
    return np.mean(noisy), np.mean(smooth)


def alone(table, variance, a, b):
    """Return the estimate of a table of which nothing but its columns is known."""
    return smooth_table(table, variance, a, b, np.outer(a.shares, b.shares))


def codes(shares, is_ordered=True, has_gap=False):
    return Codes.of(shares, is_ordered, has_gap)


@pytest.mark.parametrize("is_ordered", [True, False])
@pytest.mark.parametrize("truth", [INDEPENDENT, CORRELATED, SHARP])
def test_exact_tables_stay(truth, is_ordered):
    a, b = codes(truth.sum(1), is_ordered), codes(truth.sum(0), is_ordered)
    assert alone(truth, 1e-18, a, b) == pytest.approx(truth, abs=1e-7)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_the_noise_of_independent_columns_goes(is_ordered):
    noisy, smooth = errors(INDEPENDENT, codes(P, is_ordered), codes(Q, is_ordered))
    assert smooth < noisy / 15


def test_a_correlation_of_ordered_columns_is_found_below_the_noise_of_cells():
    noisy, smooth = errors(CORRELATED, codes(P), codes(Q))
    as_labels = errors(CORRELATED, codes(P, False), codes(Q, False))[1]
    lost = ((CORRELATED - INDEPENDENT) ** 2).mean()
    assert smooth < min(noisy / 8, lost / 2, as_labels / 2)


def test_a_sharp_dependence_is_kept():
    noisy, smooth = errors(SHARP, codes(P, False), codes(P, False))
    assert smooth < noisy  # and not the loss of an independent table
    assert smooth < ((SHARP - np.outer(P, P)) ** 2).mean() / 5


@given(
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=24).filter(sum),
    is_ordered=st.booleans(),
    has_gap=st.booleans(),
)
def test_functions_of_codes_are_orthonormal(shares, is_ordered, has_gap):
    shares = np.array(shares) / sum(shares)
    found = Codes.of(shares, is_ordered, has_gap and len(shares) > 1)
    n = len(shares)
    assert found.functions.shape == (n, n - 1)
    assert found.blocks.shape == (n - 1,)
    assert found.shares.sum() == pytest.approx(1)
    products = found.functions.T @ (found.shares[:, None] * found.functions)
    assert products == pytest.approx(np.eye(n - 1), abs=1e-6)
    assert found.shares @ found.functions == pytest.approx(np.zeros(n - 1), abs=1e-6)


def test_missing_values_are_no_neighbours():
    found = Codes.of(np.array([0.2, 0.3, 0.4, 0.1]), True, True)
    # The first function tells missing values from all others.
    assert np.ptp(found.functions[:3, 0]) == pytest.approx(0, abs=1e-9)
    assert found.functions[3, 0] != pytest.approx(found.functions[0, 0])
    assert found.blocks.tolist() == [0, 0, 1]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10))
def test_any_table_gives_finite_numbers(n_a, n_b, seed):
    draw = np.random.default_rng(seed)
    table = draw.normal(0, 0.1, (n_a, n_b))
    a, b = (codes(np.full(n, 1 / n), bool(seed % 2)) for n in (n_a, n_b))
    assert np.isfinite(alone(table, 0.01, a, b)).all()


def test_the_table_that_is_expected_is_kept_where_the_noise_hides_the_rest():
    draw = np.random.default_rng(0)
    a, b = codes(P), codes(Q)
    tables = CORRELATED + NOISE * draw.normal(size=(20, N, N))
    found = [smooth_table(table, NOISE**2, a, b, CORRELATED) for table in tables]
    assert ((found - CORRELATED) ** 2).mean() < NOISE**2 / 30


def factor_tables(n_columns=8):
    """Return the tables of columns that share one hidden factor, of two kinds of people."""
    kinds = np.random.default_rng(1).dirichlet(np.full(10, 2.0), (2, n_columns))
    pairs = list(combinations(range(n_columns), 2))
    shares = kinds.mean(axis=0)
    return shares, {(i, j): np.einsum("ka,kb->ab", kinds[:, i], kinds[:, j]) / 2 for i, j in pairs}


def test_tables_of_a_common_cause_help_each_other():
    shares, truth = factor_tables()
    columns = [codes(own, False) for own in shares]
    draw = np.random.default_rng(0)
    noisy = {pair: t + 0.004 * draw.normal(size=t.shape) for pair, t in truth.items()}
    together = smooth_tables({pair: (t, 0.004**2) for pair, t in noisy.items()}, columns)
    one_by_one = {
        (i, j): nearest_table(alone(t, 0.004**2, columns[i], columns[j]), shares[i], shares[j])
        for (i, j), t in noisy.items()
    }
    lost = [
        np.mean([((found[pair] - truth[pair]) ** 2).sum() for pair in truth])
        for found in (together, one_by_one)
    ]
    assert lost[0] < 0.6 * lost[1]


def test_no_common_cause_is_invented():
    shares, _ = factor_tables()
    columns = [codes(own, False) for own in shares]
    draw = np.random.default_rng(0)
    truth = {pair: np.outer(*shares[list(pair)]) for pair in combinations(range(len(shares)), 2)}
    noisy = {pair: (t + 0.004 * draw.normal(size=t.shape), 0.004**2) for pair, t in truth.items()}
    found = smooth_tables(noisy, columns)
    lost = np.mean([((found[pair] - truth[pair]) ** 2).mean() for pair in truth])
    assert lost < 0.004**2 / 15


def test_no_tables_are_none():
    assert smooth_tables({}, [codes(P), codes(Q)]) == {}


SHARES = st.integers(1, 6).flatmap(lambda n: st.lists(st.floats(0.01, 1), min_size=n, max_size=n))


@given(of_rows=SHARES, of_columns=SHARES, seed=st.integers(0, 1000))
def test_the_nearest_table_has_its_sums_and_no_negative_cell(of_rows, of_columns, seed):
    p, q = (np.array(x) / sum(x) for x in (of_rows, of_columns))
    draw = np.random.default_rng(seed)
    table = np.outer(p, q) + draw.normal(0, 0.05, (len(p), len(q)))
    found = nearest_table(table, p, q)
    assert found.min() >= 0
    assert found.sum(axis=0) == pytest.approx(q, abs=1e-9)
    assert found.sum(axis=1) == pytest.approx(p, abs=5e-3)
    # No mixture with another table of these sums is nearer.
    others = [np.outer(p, q), fit_sums(draw.random(table.shape), [q, p])]
    for other in others:
        assert ((found - table) * (other - found)).sum() > -2e-3


@given(SHARES, SHARES)
def test_a_table_that_fits_is_its_own_nearest(of_rows, of_columns):
    p, q = (np.array(x) / sum(x) for x in (of_rows, of_columns))
    assert nearest_table(np.outer(p, q), p, q) == pytest.approx(np.outer(p, q), abs=1e-9)


def test_a_table_of_three_columns_follows_from_its_pairs():
    draw = np.random.default_rng(0)
    a, b = draw.random((4, 3)), draw.random((5, 3))
    given_c = np.einsum("ac,bc->abc", a, b)  # independent given the third column
    given_c /= given_c.sum()
    sums = [given_c.sum(axis) for axis in range(3)]
    assert fit_sums(np.ones(given_c.shape), sums) == pytest.approx(given_c, rel=1e-6)
    interaction = given_c * np.where(np.indices(given_c.shape).sum(0) % 2, 1.5, 0.5)
    sums = [interaction.sum(axis) for axis in range(3)]
    fitted = fit_sums(np.ones(given_c.shape), sums)
    for axis, wanted in enumerate(sums):
        assert fitted.sum(axis) == pytest.approx(wanted / interaction.sum(), rel=0.02)
    assert fit_sums(interaction, sums) == pytest.approx(interaction / interaction.sum(), rel=1e-6)
