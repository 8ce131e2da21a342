import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthgan.encoding.quantile import fit_quantiles, from_quantiles, to_quantiles

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
    table = fit_quantiles(x, min_support)
    levels, counts = np.unique(x, return_counts=True)
    common = set(levels[counts >= min_support].tolist())
    stored = {*table.start.tolist(), *table.stop.tolist()} - common
    # Besides common values only means of consecutive groups of rare rows are stored.
    rare = np.sort(x[np.isin(x, list(common), invert=True)])
    sums = np.concatenate([[0.0], np.cumsum(rare)])
    begin, end = np.triu_indices(len(sums), min(min_support, len(x)))
    means = (sums[end] - sums[begin]) / (end - begin)
    for knot in stored:
        assert np.isclose(means, knot, rtol=1e-9, atol=1e-6).any()


def test_a_planted_rare_value_is_not_stored():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=500), [123.456]])
    table = fit_quantiles(x, 5)
    assert 123.456 not in table.start
    assert 123.456 not in table.stop
    assert table.stop[-1] < 123.456
    centre, _ = to_quantiles(table, np.array([123.456]))
    assert from_quantiles(table, centre)[0] < 123.456


@given(values, st.integers(1, 8))
def test_tables_are_distributions(x, min_support):
    table = fit_quantiles(x, min_support)
    assert table.edges[0] == 0
    assert table.edges[-1] == 1
    assert (np.diff(table.edges) > 0).all()
    assert (table.stop >= table.start).all()
    assert (table.start[1:] >= table.stop[:-1]).all()


@given(values, st.integers(1, 8), shares)
def test_decoding_is_monotone_and_stays_in_range(x, min_support, places):
    table = fit_quantiles(x, min_support)
    decoded = from_quantiles(table, np.sort(places))
    assert (np.diff(decoded) >= 0).all()
    assert decoded.min() >= table.start[0]
    assert decoded.max() <= table.stop[-1]


@given(values, st.integers(1, 8))
def test_the_error_is_within_the_pooled_group(x, min_support):
    table = fit_quantiles(x, min_support)
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
    table = fit_quantiles(x, min_support, step=1.0)
    levels, counts = np.unique(x, return_counts=True)
    centre, _ = to_quantiles(table, x, step=1.0)
    back = np.rint(from_quantiles(table, centre))
    common = np.isin(x, levels[counts >= min_support])
    assert np.array_equal(back[common], x[common])


def test_cells_are_uniform():
    rng = np.random.default_rng(1)
    x = np.where(rng.random(4000) < 0.4, 0.0, rng.exponential(size=4000))
    centre, half = to_quantiles(fit_quantiles(x, 5), x)
    drawn = centre + half * rng.uniform(-1, 1, len(x))
    counts, _ = np.histogram(drawn, bins=10, range=(0, 1))
    assert np.abs(counts / len(x) - 0.1).max() < 0.02


def test_int64_beyond_2_to_53_is_exact():
    x = np.array([2**62 + 1, 2**62 + 2, -(2**61) - 1], dtype=np.int64)
    table = fit_quantiles(x)
    assert np.array_equal(from_quantiles(table, to_quantiles(table, x)[0]), x)
