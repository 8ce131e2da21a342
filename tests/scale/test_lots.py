import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.scale.lots import in_batches, lots_of, rows_in_a_lot


@given(st.integers(0, 2000), st.integers(1, 300), st.integers(0, 2**31 - 2))
def test_lots_hold_every_row_once_and_do_not_depend_on_how_many_follow(n, rows, seed):
    lots = lots_of(n, rows, seed)
    assert sum(lot.n for lot in lots) == n
    assert [lot.first for lot in lots] == [rows * i for i in range(len(lots))]
    assert all(lot.n == rows for lot in lots[:-1])
    assert lots[0].seed == seed
    assert all(0 <= lot.seed < 2**31 for lot in lots)
    more = lots_of(n + rows, rows, seed)
    assert [lot.seed for lot in more[: len(lots)]] == [lot.seed for lot in lots]


def test_lots_have_different_seeds():
    seeds = [lot.seed for seed in (0, 1) for lot in lots_of(1000, 1, seed)]
    assert len(set(seeds)) == len(seeds)


def test_wide_tables_have_small_lots():
    sizes = [rows_in_a_lot(n_cells) for n_cells in (1, 64, 1024, 2**14, 2**20)]
    assert sizes == [2**17, 2**17, 2**14, 2**12, 2**12]


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12))
def test_batches_hold_all_rows_in_order(sizes, n_rows):
    whole = pd.DataFrame({"x": np.arange(sum(sizes))})
    ends = np.cumsum(sizes)
    parts = [whole.iloc[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    batches = list(in_batches(parts, n_rows))
    assert [x for batch in batches for x in batch["x"]] == whole["x"].tolist()
    assert all(len(batch) == n_rows for batch in batches[:-1])
    assert all(batch.index[0] == 0 for batch in batches)
