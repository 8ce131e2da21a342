"""How long tables are trained, and among how many rows is chosen."""

from dataclasses import replace

import pytest

from synthgan import FCN, TabularGANSynthesizer
from synthgan.encoding.groups import CellGroup
from synthgan.synthesizers.table_rules import table_run


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
    groups = [CellGroup(kind, (i,), column=i) for i in range(n_columns)]
    assert table_run(TabularGANSynthesizer(), groups, n_rows, n_rows).n_steps == n_steps


def test_more_rows_are_generated_than_are_kept(clinic):
    model = TabularGANSynthesizer(network=FCN(width=16, depth=1), epochs=2, random_state=0)
    sizes: list[int] = []
    model.fit(clinic).generator_.register_forward_pre_hook(lambda _, z: sizes.append(len(z[0])))
    for share, times in [(1.0, 2), (0.7, 3), (0.01, 8)]:
        model.critic_, sizes[:] = replace(model.critic_, effective_share=share), []
        assert len(model.sample(3000)) == 3000
        assert sum(sizes) == times * 3000
    assert max(sizes) <= 2048  # more do not stay in the processor's cache
