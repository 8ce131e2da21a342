import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthgan.encoding.tables.quantile import (
    QuantileTable,
    draw_quantiles,
    from_quantiles,
    inward,
    pool_labels,
    to_quantiles,
)
from synthgan.privacy import Support
from tests.encoding.quantiles import fit_quantiles

values = hnp.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(
        st.integers(-5, 5).map(float), st.floats(-1e9, 1e9, allow_nan=False, width=32)
    ),
)
shares = hnp.arrays(np.float64, 40, elements=st.floats(0, 1))


@given(values)
def test_with_min_support_1_every_point_of_the_interval_decodes_exactly(x):
    table = fit_quantiles(x)
    centre, half = to_quantiles(table, x)
    for share in (-0.99, 0.0, 0.99):
        assert np.array_equal(from_quantiles(table, centre + share * half), x)


@given(values, st.integers(2, 8))
def test_no_value_of_fewer_rows_is_stored(x, min_support):
    table = fit_quantiles(x, Support(min_support))
    assume(table is not None)
    levels, counts = np.unique(x, return_counts=True)
    common = set(levels[counts >= min_support].tolist())
    stored = {*table.start.tolist(), *table.stop.tolist()} - common
    rare = x[np.isin(x, list(common), invert=True)]
    for knot in stored:
        assert knot not in rare
        assert x.min() <= knot <= x.max()


def test_a_planted_rare_value_is_not_stored():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=500), [123.456]])
    table = fit_quantiles(x, Support(5))
    assert 123.456 not in table.start
    assert 123.456 not in table.stop
    assert table.stop[-1] < 123.456
    centre, _ = to_quantiles(table, np.array([123.456]))
    assert from_quantiles(table, centre)[0] < 123.456


@given(values, st.integers(1, 8))
def test_tables_are_distributions(x, min_support):
    table = fit_quantiles(x, Support(min_support))
    assume(table is not None)
    assert table.edges[0] == 0
    assert table.edges[-1] == 1
    assert (np.diff(table.edges) > 0).all()
    assert (table.stop >= table.start).all()
    assert (table.start[1:] >= table.stop[:-1]).all()


@given(values, st.integers(1, 8), shares)
def test_decoding_is_monotone_and_stays_in_range(x, min_support, places):
    table = fit_quantiles(x, Support(min_support))
    assume(table is not None)
    decoded = from_quantiles(table, np.sort(places))
    assert (np.diff(decoded) >= 0).all()
    assert decoded.min() >= table.start[0]
    assert decoded.max() <= table.stop[-1]


@given(values, st.integers(1, 8))
def test_the_error_is_within_the_pooled_group(x, min_support):
    table = fit_quantiles(x, Support(min_support))
    assume(table is not None)
    centre, _ = to_quantiles(table, x)
    back = from_quantiles(table, centre)
    levels, counts = np.unique(x, return_counts=True)
    common = np.isin(x, levels[counts >= min_support])
    assert np.array_equal(back[common], x[common])
    inside = (x >= table.start[0]) & (x <= table.stop[-1])
    pieces = np.concatenate([[table.start[0]], table.stop])
    for value, decoded in zip(x[inside], back[inside], strict=True):
        low = table.start[table.start <= value].max()
        high = pieces[pieces >= value].min()
        assert low - 1e-6 * abs(low) <= decoded <= high + 1e-6 * abs(high)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=80), st.integers(1, 6))
def test_whole_numbers_inside_the_range_come_back(numbers, min_support):
    x = np.array(numbers, dtype=np.int64)
    table = fit_quantiles(x, Support(min_support), step=1.0)
    assume(table is not None)
    levels, counts = np.unique(x, return_counts=True)
    centre, _ = to_quantiles(table, x, step=1.0)
    back = np.rint(from_quantiles(table, centre))
    common = np.isin(x, levels[counts >= min_support])
    assert np.array_equal(back[common], x[common])


def test_cells_are_uniform():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(4000) < 0.4, 0.0, rng.exponential(size=4000))
    centre, half = to_quantiles(fit_quantiles(x, Support(5)), x)
    drawn = centre + half * rng.uniform(-1, 1, len(x))
    counts, _ = np.histogram(drawn, bins=10, range=(0, 1))
    assert np.abs(counts / len(x) - 0.1).max() < 0.02


def test_int64_beyond_2_to_53_is_exact():
    x = np.array([2**62 + 1, 2**62 + 2, -(2**61) - 1], dtype=np.int64)
    table = fit_quantiles(x)
    assert np.array_equal(from_quantiles(table, to_quantiles(table, x)[0]), x)


ends = st.one_of(st.floats(-1e9, 1e9), st.integers(-5, 5).map(float), st.just(np.inf))


@given(values, st.integers(1, 8), ends, ends, st.integers(0, 99))
def test_draws_lie_between_the_ends_and_where_the_distribution_has_values(
    x, min_support, low, high, seed
):
    table = fit_quantiles(x, Support(min_support))
    assume(table is not None)
    low, high = (-np.inf if np.isinf(low) else low), high
    drawn = draw_quantiles(table, 50, np.random.default_rng(seed), low, high)
    if drawn is None:
        common = table.start[table.is_atom]
        assert not ((low <= common) & (common <= high)).any()
        return
    assert ((low <= drawn) & (drawn <= high)).all()
    pieces = (table.start <= drawn[:, None]) & (drawn[:, None] <= table.stop)
    assert pieces.any(axis=1).all()


@given(
    st.lists(st.integers(-30, 30), min_size=1, max_size=80), st.integers(1, 6),
    st.integers(-35, 35), st.integers(-35, 35), st.sampled_from([1.0, 0.1, 0.01]),
)  # fmt: skip
def test_draws_of_a_lattice_round_into_the_ends(numbers, min_support, low, high, step):
    decimals = round(-np.log10(step))
    x = np.round(np.array(numbers) * step, decimals)
    low, high = np.round(low * step, decimals), np.round(high * step, decimals)
    table = fit_quantiles(x, Support(min_support), step)
    assume(table is not None)
    drawn = draw_quantiles(table, 50, np.random.default_rng(0), low, high, step)
    levels, counts = np.unique(x, return_counts=True)
    common = levels[counts >= min_support]
    common = common[(low <= common) & (common <= high)]
    if drawn is None:
        assert not len(common)
    else:
        drawn = np.round(drawn, decimals)
        assert ((low <= drawn) & (drawn <= high)).all()


def test_draws_without_ends_follow_the_distribution():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(4000) < 0.4, 0.0, rng.exponential(size=4000))
    drawn = draw_quantiles(fit_quantiles(x, Support(5)), 4000, rng)
    assert np.abs(np.quantile(drawn, [0.3, 0.5, 0.9]) - np.quantile(x, [0.3, 0.5, 0.9])).max() < 0.1
    upper = draw_quantiles(fit_quantiles(x, Support(5)), 4000, rng, low=1.0)
    assert abs(np.median(upper) - np.median(x[x >= 1])) < 0.1


def test_draws_of_large_integers_are_exact():
    x = np.array([2**62 + 1, 2**62 + 2, -(2**61) - 1], dtype=np.int64)
    drawn = draw_quantiles(fit_quantiles(x), 90, np.random.default_rng(0), low=2**62 + 2)
    assert set(drawn.tolist()) == {2**62 + 2}


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from([1.0, 0.1, 1e-6]))
def test_inward_never_goes_outward(low, high, step):
    lowest, highest = inward(low, high, step)
    assert lowest >= low
    assert highest <= high
    assert lowest - low <= step * 1.001
    assert high - highest <= step * 1.001


texts = st.lists(st.text(max_size=3), min_size=1, max_size=30)


@given(texts, st.lists(st.text(max_size=3), min_size=2, max_size=6, unique=True))
def test_pooling_keeps_known_labels_and_rows_apart(labels, levels):
    array = np.array([*labels, None], dtype=object)
    shares = np.linspace(1, 2, len(levels))
    pooled, unknown = pool_labels(tuple(levels), shares, array)
    assert pooled[-1] is None
    assert set(pooled[:-1]) <= set(levels)
    assert unknown.tolist() == [label not in levels for label in labels] + [False]
    assert (pooled[~unknown] == array[~unknown]).all()
    backwards, _ = pool_labels(tuple(levels), shares, array[::-1])
    assert (backwards[::-1] == pooled).all()


def test_pooled_labels_are_spread_by_the_shares():
    labels = np.array([f"rare {i}" for i in range(3000)], dtype=object)
    pooled, _ = pool_labels(("a", "b"), (0.2, 0.8), labels)
    assert np.mean(pooled == "a") == pytest.approx(0.2, abs=0.03)


@given(st.permutations(range(9)), st.integers(2, 8))
def test_ordered_labels_go_to_the_nearest(ranks, n_kept):
    kept = tuple(ranks[:n_kept])
    labels = np.array(range(9), dtype=object)
    pooled, _ = pool_labels(kept, np.ones(n_kept), labels, range(9))
    gaps = np.abs(np.subtract.outer(labels.astype(int), np.array(kept))).min(axis=1)
    assert (np.abs(pooled.astype(int) - labels.astype(int)) == gaps).all()


def test_means_of_huge_numbers_stay_between_their_neighbours() -> None:
    # The mean of the four and of -1 was 0, beyond the half step before the zeros.
    values = np.array([-9007199254740013.0] * 4 + [0.0] * 5 + [-1.0])
    table = fit_quantiles(values, Support(5), 1.0)
    assert table is not None
    assert (table.start <= table.stop).all()
    QuantileTable.from_arrays(table._asdict())
