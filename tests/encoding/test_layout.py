import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding.layout import grid_shape, morton, row_major, sectioned
from synthgan.exceptions import ParameterError

shapes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(shapes)
def test_orders_are_permutations(shape):
    n = shape[0] * shape[1]
    for order in (row_major(shape), morton(shape), sectioned(shape, n // 3, 0)):
        assert np.array_equal(np.sort(order), np.arange(n))


@given(st.integers(1, 5))
def test_morton_fills_quadrants_one_after_the_other(level):
    side = 2**level
    order = morton((side, side))
    rows, columns = np.divmod(order[: side * side // 4], side)
    assert rows.max() < side // 2
    assert columns.max() < side // 2


def test_row_major_is_the_z_path_of_table_6_3():
    grid = np.empty(45 * 45, dtype=int)
    grid[row_major((45, 45))] = np.arange(1, 2026)
    grid = grid.reshape(45, 45)
    assert grid[0].tolist() == list(range(1, 46))
    assert grid[1, 0] == 46


def test_sectioned_thyroid_is_fig_6_11():
    order = sectioned((7, 7), 6, 15)
    rows, columns = np.divmod(order, 7)
    continuous = list(zip(rows[:6].tolist(), columns[:6].tolist(), strict=True))
    assert continuous == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    binary = list(zip(rows[6:21].tolist(), columns[6:21].tolist(), strict=True))
    assert binary == [(r, c) for r in range(2, 7) for c in range(3)]


@given(st.integers(0, 12), st.integers(0, 40))
def test_sections_do_not_overlap(n_continuous, n_binary):
    shape = grid_shape(n_continuous + n_binary, "auto", (n_continuous, n_binary))
    order = sectioned(shape, n_continuous, n_binary)
    assert len(set(order.tolist())) == shape[0] * shape[1]


@given(st.integers(0, 500))
def test_auto_side_is_the_smallest_square(n):
    height, width = grid_shape(n)
    assert height == width
    assert height**2 >= n
    assert height == 1 or (height - 1) ** 2 < n


def test_a_side_that_is_too_small_is_refused():
    with pytest.raises(ParameterError, match=r"side=3 gives 9 positions for 10 cells"):
        grid_shape(10, 3)
    with pytest.raises(ParameterError, match="cannot hold 6 continuous and 15 binary"):
        sectioned((4, 5), 6, 15)
