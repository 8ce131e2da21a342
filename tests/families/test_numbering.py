"""Columns that number the rows of a family."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from synthgan.families.numbering import Numbering
from synthgan.privacy import Support


def rows(n=30, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, n)
    owners = np.repeat(np.arange(n), sizes)
    numbers = np.concatenate([rng.permutation(size) + 1 for size in sizes])
    return pd.DataFrame({"seq": numbers, "dose": rng.integers(1, 6, len(owners))}), owners


def test_numbers_of_rows_are_found():
    table, owners = rows()
    made = Numbering.fit(table, owners)
    assert made.columns == ("seq",)
    assert Numbering.from_dict(made.to_dict()) == made
    assert Numbering.fit(table, owners, fixed={"seq"}) == Numbering()
    assert Numbering.fit(table, owners, Support(5, np.zeros(len(owners)))) == Numbering()
    gaps = table.assign(seq=table["seq"].where(table["seq"] < 3, 9))
    assert Numbering.fit(gaps, owners) == Numbering()
    assert Numbering.fit(table.astype({"seq": float}), owners) == Numbering()
    few = owners < 10
    assert Numbering.fit(table[few], owners[few]) == Numbering()


@given(st.integers(0, 2**16))
def test_generated_rows_are_numbered_in_the_order_of_their_numbers(seed):
    table, owners = rows(8, seed)
    made = Numbering(("seq",))
    pd.testing.assert_frame_equal(made.restore(table, owners), table)
    rng = np.random.default_rng(seed)
    drawn = table.assign(seq=rng.integers(1, 4, len(table)))
    again = made.restore(drawn, owners)
    for owner in np.unique(owners):
        seq = again.loc[owners == owner, "seq"]
        assert sorted(seq) == list(range(1, len(seq) + 1))
        assert drawn.loc[seq.sort_values().index, "seq"].is_monotonic_increasing
    assert made.restore(table.iloc[:0], owners[:0]).empty
