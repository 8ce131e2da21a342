"""How long tables are trained."""

import pytest

from synthgan import TabularGANSynthesizer
from synthgan.encoding.groups import CellGroup


@pytest.mark.parametrize(
    ("kind", "n_columns", "n_rows", "n_steps"),
    [
        ("binary", 10, 2000, 2400),  # 1.2 steps a row
        ("binary", 10, 10_000, 3000),
        ("binary", 20, 10_000, 4000),  # 200 a column
        ("binary", 10, 24_000, 4000),  # a step for 6 rows
        ("binary", 10, 10**6, 6000),
        ("continuous", 10, 10_000, 6000),
    ],
)
def test_runs_are_longer_where_columns_are_many_or_continuous(kind, n_columns, n_rows, n_steps):
    model = TabularGANSynthesizer()
    model._n_people = n_rows
    model.cell_groups_ = [CellGroup(kind, (i,), column=i) for i in range(n_columns)]
    assert model._n_steps(n_rows) == n_steps
