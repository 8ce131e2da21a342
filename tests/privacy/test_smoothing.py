"""Noisy tables, shrunk towards those of independent columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.privacy.smoothing import Codes, smooth_table

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
        smooth.append(((smooth_table(table, NOISE**2, a, b) - truth) ** 2).mean())
    return np.mean(noisy), np.mean(smooth)


def codes(shares, is_ordered=True, has_gap=False):
    return Codes.of(shares, is_ordered, has_gap)


@pytest.mark.parametrize("is_ordered", [True, False])
@pytest.mark.parametrize("truth", [INDEPENDENT, CORRELATED, SHARP])
def test_exact_tables_stay(truth, is_ordered):
    a, b = codes(truth.sum(1), is_ordered), codes(truth.sum(0), is_ordered)
    assert smooth_table(truth, 1e-18, a, b) == pytest.approx(truth, abs=1e-7)


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
    assert np.isfinite(smooth_table(table, 0.01, a, b)).all()
