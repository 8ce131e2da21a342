"""Codes in CSV files."""

import pandas as pd

from synthgan.io.tables import read_table


def test_digits_with_a_leading_zero_stay_text(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("zip,n,x\n00501,1,0.5\n28001,0,0\n,12,-3\n")
    table = read_table(file)
    assert table["zip"].tolist() == ["00501", "28001", pd.NA]
    assert table["n"].tolist() == [1, 0, 12]
    assert table["x"].dtype == "Float64"
