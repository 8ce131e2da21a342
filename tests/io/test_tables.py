"""Tables as CSV files."""

import numpy as np
import pandas as pd
import pytest

from synthgan.io.tables import read_table, write_table

TABLE = pd.DataFrame(
    {
        "n": pd.array([-1, None, 3], dtype="Int64"),
        "x": [-0.5, np.nan, 2.0],
        "flag": pd.array([True, False, None], dtype="boolean"),
        "seen": pd.to_datetime(["2024-01-02", None, "2024-01-03"]),
        "text": pd.array(["plain", None, "a;b"], dtype="string"),
        "level": pd.Categorical(["f", "m", None]),
    }
)


@pytest.mark.parametrize("safe", [False, True])
def test_ordinary_tables_read_back_alike(tmp_path, safe):
    write_table(TABLE, tmp_path / "t.csv", safe=safe)
    table = read_table(tmp_path / "t.csv")
    write_table(TABLE, tmp_path / "plain.csv")
    pd.testing.assert_frame_equal(table, read_table(tmp_path / "plain.csv"))
    assert table["n"].dtype == "Int64"
    assert table["seen"].dtype.kind == "M"


def test_nothing_changes_unless_asked(tmp_path):
    frame = TABLE.assign(text=["=1", "@x", "+1"])
    write_table(frame, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == frame.to_csv(index=False)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_text_that_is_a_formula(tmp_path, dtype):
    frame = pd.DataFrame(
        {"=t": pd.Series(["=1", "-x", None, "a"], dtype=dtype), "n": [-1, 2, 3, 4]}
    )
    frame = pd.concat([frame, frame[["=t"]]], axis=1)  # two columns of one name
    write_table(frame, tmp_path / "t.csv", safe=True)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines == [
        '"\'=t","n","\'=t"', '"\'=1",-1,"\'=1"', '"\'-x",2,"\'-x"', '"",3,""', '"a",4,"a"',
    ]  # fmt: skip
