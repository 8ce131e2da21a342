"""What noisy tables say together."""

import numpy as np
import pytest

from synthgan.privacy.estimates import MeasuredColumns, combine, estimate_marginals

NOISE = 0.004
rng = np.random.default_rng(0)
JOINT = rng.dirichlet(np.full(24, 1.0)).reshape(4, 3, 2)  # three columns; the last is the target
PAIRS = {(0, 1): 2, (0, 2): 1, (1, 2): 0}  # and the axis that is summed over


def columns(noise, draw):
    single = [JOINT.sum(axis) for axis in ((1, 2), (0, 2), (0, 1))]
    single = [own + noise * draw.normal(size=own.shape) for own in single]
    weights = [np.full(len(own), 1 / noise**2) for own in single]
    joins = [np.array([0, 1, 2, 2]), np.arange(3), np.arange(2)]  # two codes are joined
    return MeasuredColumns(single, weights, joins, [False] * 3, [False] * 3)


def joined(table, axis):
    """Join the last two codes of the first column."""
    return np.stack([*np.moveaxis(table, axis, 0)[:2], np.moveaxis(table, axis, 0)[2:].sum(0)])


TRIPLE = joined(JOINT, 0)


def estimate(noise, draw, has_triples=True):
    def noisy(table):
        return table + noise * draw.normal(size=table.shape), noise**2

    pairs = {pair: noisy(TRIPLE.sum(axis)) for pair, axis in PAIRS.items()}
    triples = {(0, 1, 2): noisy(TRIPLE)} if has_triples else {}
    return estimate_marginals(columns(noise, draw), pairs, triples)


def test_without_noise_everything_is_as_measured():
    found = estimate(1e-9, np.random.default_rng(0))
    assert found.sizes == (4, 3, 2)
    single = np.concatenate([JOINT.sum(axis) for axis in ((1, 2), (0, 2), (0, 1))])
    assert found.single == pytest.approx(single, abs=1e-6)
    assert found.joined.tolist() == [0, 1, 2, 2, 3, 4, 5, 6, 7]
    starts = [0, 3, 6, 8]
    for (a, b), axis in PAIRS.items():
        at = slice(starts[a], starts[a + 1]), slice(starts[b], starts[b + 1])
        assert found.pairs[at] == pytest.approx(TRIPLE.sum(axis), abs=1e-6)
    for code, triple in enumerate(found.triples):
        assert triple.code == 6 + code
        assert triple.shares[:3, 3:6] == pytest.approx(TRIPLE[..., code], abs=1e-6)


def test_estimates_agree_with_each_other():
    found = estimate(NOISE, np.random.default_rng(1))
    assert found.pairs.min() >= 0
    own = np.bincount(found.joined, found.single)
    assert found.pairs[:3, 3:6].sum(1) == pytest.approx(own[:3], abs=1e-6)
    assert found.pairs[:3, 6:].sum(1) == pytest.approx(own[:3], abs=1e-6)
    total = sum(triple.shares[:3, 3:6] for triple in found.triples)
    assert total == pytest.approx(found.pairs[:3, 3:6], abs=1e-6)


def test_single_columns_and_triples_make_pairs_more_exact():
    alone, together, first, combined = [], [], [], []
    for seed in range(40):
        found = estimate(NOISE, np.random.default_rng(seed))
        without = estimate(NOISE, np.random.default_rng(seed), has_triples=False)
        truth = TRIPLE.sum(2)
        together.append(((found.pairs[:3, 3:6] - truth) ** 2).sum())
        alone.append(((without.pairs[:3, 3:6] - truth) ** 2).sum())
        single = columns(NOISE, np.random.default_rng(seed)).single[1]
        first.append(((single - JOINT.sum((0, 2))) ** 2).sum())
        combined.append(((found.single[4:7] - JOINT.sum((0, 2))) ** 2).sum())
    assert np.mean(together) < 0.85 * np.mean(alone) < 0.85 * 9 * NOISE**2
    assert np.mean(combined) < 0.6 * np.mean(first)


def test_a_pair_that_was_not_measured_counts_as_independent():
    draw = np.random.default_rng(0)
    table = TRIPLE.sum(2), NOISE**2
    found = estimate_marginals(columns(1e-9, draw), {(0, 1): table}, {})
    assert not found.pair_weights[:6, 6:].any()
    assert found.pair_weights[:3, 3:6] == pytest.approx(1 / NOISE**2)
    own = np.bincount(found.joined, found.single)
    triples = estimate_marginals(
        columns(1e-9, draw), {(0, 1): table}, {(0, 1, 2): (TRIPLE, NOISE**2)}
    ).triples
    for triple in triples:
        assert triple.shares[:3, 3:6].sum() == pytest.approx(own[triple.code], abs=1e-3)


def test_two_measurements_are_weighted_by_their_noise():
    draw = np.random.default_rng(0)
    truth = np.full(5000, 0.2)
    parts = [(truth + sd * draw.normal(size=5000), sd**2) for sd in (0.01, 0.02)]
    found, variance = combine(*parts)
    assert found == pytest.approx(0.8 * parts[0][0] + 0.2 * parts[1][0])
    assert variance == pytest.approx(8e-5)
    assert ((found - truth) ** 2).mean() == pytest.approx(variance, rel=0.1)
