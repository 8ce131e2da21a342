"""Averages that no one dominates, counts of people, and who rows belong to."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan import GridEncoder
from synthgan.encoding.tables.quantile import QuantileTable
from synthgan.exceptions import DataError, DataWarning
from synthgan.privacy import (
    Support,
    draw_people,
    guarded_means,
    pooled_means,
    read_groups,
    whole_people,
)
from tests.encoding.quantiles import fit_quantiles

NAN = np.array([np.nan])
amounts = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=3, max_size=12).map(sorted)


@given(amounts, st.booleans())
def test_a_mean_lies_among_the_values(values, has_low):
    low = np.array([values[0] - 1.0]) if has_low else NAN
    mean = guarded_means(np.array([values]), low, NAN)[0]
    assert min(values[0], low[0] if has_low else values[0]) <= mean + 1e-9
    assert mean <= values[-1] + 1e-6


@given(amounts, st.floats(1e7, 1e12), st.floats(1e7, 1e12))
def test_the_highest_value_of_all_moves_nothing(values, one, other):
    low = np.array([values[0] - 1.0])
    means = [guarded_means(np.array([[*values, x]]), low, NAN)[0] for x in (one, other)]
    assert means[0] == means[1]


@given(
    st.lists(st.floats(1, 1000), min_size=4, max_size=9),
    st.floats(1e5, 1e9),
    st.floats(1.0, 1e3),
)
def test_the_largest_cannot_be_estimated_within_15_percent(others, outlier, ratio):
    # The rule itself: the second largest, who knows their own, knows the sum of the others at most.
    values = np.sort([*others, outlier, outlier * ratio])
    high = np.array([10.0 * values[-1]])  # not the highest group of all
    mean = guarded_means(values[None], np.array([0.0]), high)[0]
    largest_that_counts = min(values[-1], np.sort(values)[:-2].sum() / 0.15)
    assert mean <= (values[:-2].sum() + 2 * largest_that_counts) / len(values) + 1e-3


def test_of_one_or_two_people_the_mean_is_plain():
    assert guarded_means(np.array([[1.0, 9.0]]), NAN, NAN)[0] == 5.0


@given(
    st.lists(st.integers(0, 60), min_size=6, max_size=80),
    st.lists(st.integers(0, 9), min_size=80, max_size=80),
    st.integers(2, 5),
)
def test_no_mean_is_the_value_of_too_few_people(numbers, of, least):
    ordered = np.sort(np.array(numbers, dtype=float))
    people = np.array(of[: len(numbers)])
    _, means = pooled_means(ordered, Support(least, people))
    for mean in means[~np.isnan(means)]:
        theirs = people[np.isclose(ordered, mean, rtol=1e-12)]
        assert len(theirs) == 0 or len(set(theirs)) >= least or len(set(people)) < least


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.integers(1, 6))
def test_runs_hold_enough_people_and_all_rows(of, least):
    people = np.array(of)
    starts = Support(least, people).pools(len(people)).tolist()
    runs = [slice(a, b) for a, b in zip(starts, [*starts[1:], len(people)], strict=True)]
    assert [row for run in runs for row in range(len(people))[run]] == list(range(len(people)))
    if len(set(of)) >= least:
        assert all(len(set(people[run])) >= least for run in runs)


@pytest.mark.parametrize("n_rows", [5 * 2**14 + 4, 5 * 2**14 + 5, 10**6, 10**6 + 1])
def test_very_many_rows_have_long_runs_but_for_the_ends(n_rows):
    starts = Support(5).pools(n_rows)
    sizes = np.diff(np.append(starts, n_rows))
    assert starts[0] == 0
    assert len(sizes) <= 2**14
    assert sizes.min() >= 5
    assert set(sizes[:500]) | set(sizes[-500:]) <= {5, 6}
    assert np.ptp(sizes[512:-512]) <= 1


def test_one_outlier_is_not_in_the_table_and_moves_little():
    # Landed: the stored maximum gave 98 765 432.10 away to 7e-4.
    rng = np.random.default_rng(0)
    incomes = np.round(rng.normal(22_000, 3000, 999), 2)
    plain = fit_quantiles(incomes, Support(5))
    added = fit_quantiles(np.append(incomes, 98_765_432.10), Support(5))
    assert added.stop[-1] <= incomes.max()
    assert abs(added.stop[-1] - plain.stop[-1]) < 3000


def test_the_odd_one_of_five_cannot_be_computed():
    # Landed: the stored mean of 0, 0, 0, 0, 987654 is a fifth of it.
    assert fit_quantiles(np.array([0, 0, 0, 0, 987654.0]), Support(5)) is None


def test_a_mean_does_not_reveal_four_people_of_one_value():
    values = np.array([0.0] * 995 + [5.0] + [987_654.0] * 4)
    assert fit_quantiles(values, Support(5)).stop[-1] < 1000
    rng = np.random.default_rng(0)
    incomes = np.append(rng.normal(22_000, 800, 995), 98_765_430.0 + np.arange(4))
    top = fit_quantiles(incomes, Support(5)).stop[-1]
    assert np.abs(np.array([1.25, 5 / 3, 2.5, 5]) * top / 98_765_431 - 1).min() > 0.5


def test_two_averages_of_one_value_are_one_level():
    frame = pd.DataFrame({"x": [0.0] * 4 + [1.0] * 4 + [2.0] * 2})
    with pytest.warns(DataWarning, match="comes back constant"):
        encoder = GridEncoder(min_support=5).fit(frame)
    again = GridEncoder(min_support=5).from_state(*encoder.to_state())
    assert again.column_cells_[0].codec == encoder.column_cells_[0].codec


def test_tables_ascend_where_few_values_are_finer_than_the_lattice():
    values = np.append(np.repeat(np.arange(41.0), 6), [40.1, 40.2, 40.3, 40.4, 41])
    table = fit_quantiles(values, Support(5), 1.0)
    assert QuantileTable.from_arrays(table._asdict()) is not None
    people = np.append(np.zeros(100, int), np.arange(1, 15))
    values = np.concatenate([np.linspace(0, 0.1, 100), 10.01 + np.arange(4) / 100,
                             10.9 + np.arange(5) / 20, 50 + np.arange(5)])  # fmt: skip
    table = fit_quantiles(values, Support(5, people))
    assert QuantileTable.from_arrays(table._asdict()) is not None


@pytest.mark.parametrize("odd", [3.4137, 2.5863])
def test_values_finer_than_the_lattice_are_no_end(odd):
    values = np.full(120, 3.0)
    values[:60] = np.where(odd > 3, 1, -1) * 3.0 * np.arange(4, 64)
    values[0] = odd
    table = fit_quantiles(values, Support(5), 1.0)
    assert odd not in np.concatenate([table.start, table.stop])


def test_what_is_left_out_leaves_no_half_row():
    ages = np.repeat(np.arange(0.0, 60, 2), 10)
    plain, more = (fit_quantiles(x, Support(5)) for x in (ages, np.append(ages, 31)))
    assert np.allclose(plain.edges, more.edges)


@given(
    st.lists(
        st.one_of(st.integers(-2, 4).map(float), st.floats(-1e6, 1e6, allow_nan=False)),
        min_size=5,
        max_size=60,
    ),
    st.lists(st.integers(0, 9), min_size=60, max_size=60),
    st.integers(2, 6),
    st.integers(1, 12),
)
def test_every_table_can_be_read_again(numbers, of, least, min_pool):
    values = np.round(np.array(numbers), 1)
    people = np.array(of[: len(values)])
    for step in (0.0, 1.0):
        table = fit_quantiles(values, Support(least, people), step, min_pool)
        if table is not None:
            QuantileTable.from_arrays(table._asdict())
            atoms = table.start[table.is_atom]
            assert len(set(atoms.tolist())) == len(atoms)


def test_a_person_with_the_five_highest_values_dominates_nothing():
    values = np.append(np.linspace(0, 100, 200), [10_000.0] * 5)
    people = np.append(np.arange(200), [200] * 5)
    table = fit_quantiles(values, Support(5, people))
    assert table.stop[-1] <= 100
    assert fit_quantiles(values, Support(5)).stop[-1] == 10_000  # five people's


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_groups_are_read_from_columns_and_arrays(missing):
    frame = pd.DataFrame({"who": ["a", "b", "a", missing, missing], 7: range(5)})
    expected = [0, 1, 0, 2, 3]
    assert read_groups("who", frame, 5).tolist() == expected
    assert read_groups(frame["who"], None, 5).tolist() == expected
    assert read_groups(["a", "b", "a", missing, missing], frame, 5).tolist() == expected
    assert read_groups(7, frame, 5).tolist() == [0, 1, 2, 3, 4]
    assert read_groups(range(5), frame, 5).tolist() == [0, 1, 2, 3, 4]
    assert read_groups(None, frame, 5) is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("whom", r"groups='whom' is not a column; the columns are \['who'\]"),
        ([1, 2], r"groups has the shape \(2,\); give one entry for each of the 3 rows"),
    ],
)
def test_groups_that_do_not_fit_are_named(groups, message):
    with pytest.raises(DataError, match=message):
        read_groups(groups, pd.DataFrame({"who": [1, 2, 3]}), 3)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(0, 60))
def test_people_are_held_out_whole(of, n_rows):
    people = np.unique(of, return_inverse=True)[1]
    order = draw_people(people, len(of), np.random.default_rng(0))
    assert sorted(order) == list(range(len(of)))
    n = whole_people(people, order, min(n_rows, len(of)))
    assert not set(people[order[:n]]) & set(people[order[n:]])
    assert 2 * n <= len(of)
