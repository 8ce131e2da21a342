"""Keys of generated rows."""

import numpy as np
import pandas as pd
import pytest

from synthgan.families.keys import _cast, _taken


@pytest.mark.parametrize("dtype", ["int64", "uint64", "Int64", "int32"])
def test_missing_keys_leave_the_others_exact(dtype):
    most = np.iinfo(dtype.lower()).max
    keys = pd.Series([most, most - 1, 7], dtype=dtype)
    taken = _taken(keys, np.array([1, -1, 0]))
    assert taken.isna().tolist() == [False, True, False]
    assert [int(x) for x in taken.dropna()] == [most - 1, most]
    nullable = _cast(taken, "Int64" if dtype != "uint64" else "UInt64")
    assert int(nullable.iloc[0]) == most - 1
    assert str(_cast(taken, "int64").dtype) == "float64"  # which has missing values
    assert _cast(_taken(keys, np.array([2, 2])), "int64").tolist() == [7, 7]


def test_missing_keys_of_text():
    keys = pd.Series(["a", "b"])
    assert _taken(keys, np.array([-1, 1])).isna().tolist() == [True, False]
    assert _cast(_taken(keys, np.array([1, 0])), "string").tolist() == ["b", "a"]
