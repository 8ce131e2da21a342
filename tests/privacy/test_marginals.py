"""What is measured of the columns of a table, and what for."""

import numpy as np
import pandas as pd
import pytest

from synthgan.privacy.differential import Ledger
from synthgan.privacy.marginals import measure_marginals
from synthgan.privacy.protected_rows import ProtectedRows

RHO = 1e8  # next to no noise
N = 900


def measure(codes, sizes, target=None, rho=RHO, is_ordered=False, has_gaps=False):
    frame = pd.DataFrame(codes)
    rows = ProtectedRows(frame, Ledger(1e6, 0.5, rho, 0.1))
    n = len(sizes)
    found = measure_marginals(
        rows, lambda f: f.to_numpy(), sizes, [is_ordered] * n, [has_gaps] * n, target, float(N)
    )
    assert rows.ledger.spent_rho <= rho * (1 + 1e-9)
    return found, rows.ledger


@pytest.fixture
def codes():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, N)
    return np.column_stack([a, np.zeros(N, dtype=int), (a == 1) ^ (rng.random(N) < 0.1), a % 2])


SIZES = [3, 1, 2, 2]


def test_without_noise_tables_are_shares(codes):
    found, ledger = measure(codes, SIZES)
    assert found.sizes == (3, 2, 2)  # a column of one code tells nothing
    expected = np.concatenate([np.bincount(codes[:, j], minlength=SIZES[j]) for j in (0, 2, 3)]) / N
    assert found.single == pytest.approx(expected)
    assert found.joined.tolist() == list(range(7))
    one_hot = np.hstack([np.eye(SIZES[j])[codes[:, j]] for j in (0, 2, 3)])
    joint = one_hot.T @ one_hot / N
    measured = found.pair_weights > 0
    assert measured.sum() == 2 * (6 + 6 + 4)
    assert found.pairs[measured] == pytest.approx(joint[measured], abs=1e-6)
    assert (found.pairs == found.pairs.T).all()
    assert not found.triples
    assert found.n_measured == 7 + 16
    assert ledger.spent_rho == pytest.approx(RHO)  # nothing is left over


def test_triples_with_a_target(codes):
    found, ledger = measure(codes, SIZES, target=3)
    assert [one.what for one in ledger.releases][-1] == "triples with the target"
    assert [triple.code for triple in found.triples] == [5, 6]
    total = sum(triple.shares[:3, 3:5] for triple in found.triples)
    assert total == pytest.approx(found.pairs[:3, 3:5])
    assert not measure(codes, SIZES, target=1)[0].triples  # it has one code
    assert ledger.spent_rho == pytest.approx(RHO)


@pytest.mark.parametrize("is_ordered", [True, False])
def test_many_codes_are_joined_for_tables_of_several(is_ordered):
    rng = np.random.default_rng(1)
    codes = np.column_stack([rng.integers(0, 41, N), rng.integers(0, 2, N)])
    codes[rng.random(N) < 0.2, 0] = 40  # missing
    found, _ = measure(codes, [41, 2], rho=0.5, is_ordered=is_ordered, has_gaps=True)
    joined = found.joined[:41]
    assert 8 < len(set(joined.tolist())) <= 25
    assert (joined == joined[40]).sum() == 1  # missing values stay alone
    assert not is_ordered or (np.diff(joined) >= 0).all()
    assert found.pairs.shape == (joined.max() + 3,) * 2
    assert set(found.joined[41:].tolist()) == {joined.max() + 1, joined.max() + 2}


def test_of_many_columns_the_dependent_pairs_are_measured():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 2, (N, 20))
    codes[:, 19] = codes[:, 0]
    found, ledger = measure(codes, [2] * 20)
    assert "dependent pairs" in [one.what for one in ledger.releases]
    measured = (found.pair_weights[::2, ::2] > 0).sum() / 2
    assert measured == 8 * 20
    assert found.pair_weights[0, 38] > 0
    assert found.pairs[0, 38] == pytest.approx((codes[:, 0] == 0).mean())


def test_nothing_to_measure_costs_nothing():
    found, ledger = measure(np.zeros((N, 2), dtype=int), [1, 1])
    assert found.n_measured == 0
    assert not ledger.releases


def test_one_column_has_no_pairs(codes):
    found, _ = measure(codes[:, :1], [3])
    assert found.n_measured == 3
    assert not found.pair_weights.any()
