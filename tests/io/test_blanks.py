"""Cells of blanks in text files: a label among text, a missing value among numbers and dates."""

import csv

import numpy as np
import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer, read_table, write_table
from synthgan.exceptions import SynthganWarning
from synthgan.metrics import column_shapes


def _read(tmp_path, text, **options):
    (tmp_path / "t.csv").write_text(text)
    return read_table(tmp_path / "t.csv", return_dialect=True, **options)


def _again(tmp_path, table, dialect):
    write_table(table, tmp_path / "out.csv", dialect)
    return (tmp_path / "out.csv").read_text()


def _as_cells(text):
    """Return the cells of a table, whether they are in quotation marks or not."""
    return list(csv.reader(text.splitlines()))


def test_blanks_are_a_label_of_text(tmp_path):
    text = "hisp,age\nYes,1\n   ,2\nNo ,3\n,4\n"
    table, dialect = _read(tmp_path, text)
    assert table["hisp"].fillna("gap").tolist() == ["Yes", "   ", "No ", "gap"]
    assert _as_cells(_again(tmp_path, table, dialect)) == _as_cells(text)


@pytest.mark.parametrize("options", [{"na": ["   "]}, {"dtype": {"x": "number"}}])
def test_blanks_are_missing_where_asked(tmp_path, options):
    table, _ = _read(tmp_path, "x,y\n1,2\n   ,3\n", **options)
    assert table["x"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "kind"), [("1.5\n   \n2.5\n", "f"), ("2024-01-31\n   \n2024-02-29\n", "M")]
)
def test_blanks_among_numbers_and_dates_are_missing_and_come_back(tmp_path, column, kind):
    text = "x,y\n" + column.replace("\n", ",1\n")
    table, dialect = _read(tmp_path, text)
    assert table["x"].isna().tolist() == [False, True, False]
    assert getattr(table["x"].dtype, "kind", "") == kind
    assert _as_cells(_again(tmp_path, table, dialect)) == _as_cells(text)


def test_a_column_of_blanks_comes_back_as_such(tmp_path):
    table, dialect = _read(tmp_path, "x,y\n   ,1\n   ,2\n")
    assert table["x"].isna().all()
    cells = [["x", "y"], ["   ", "1"], ["   ", "2"]]
    assert _as_cells(_again(tmp_path, table, dialect)) == cells


@pytest.mark.parametrize(
    "text", ["a, b\n1, x\n2,   \n", 'a, b\n1, "x, y"\n2,   \n', 'a,b\n1, "x, y"\n2,\n']
)
def test_spaces_after_all_separators_are_no_label(tmp_path, text):
    table, _ = _read(tmp_path, text)
    assert table["b"].isna().tolist() == [False, True]
    assert table["b"][0] in ("x", "x, y")


def test_blank_labels_are_learnt_and_compared_alike(tmp_path):
    rng = np.random.default_rng(0)
    answers = rng.choice(["Yes", "No ", "   "], 400, p=[0.2, 0.3, 0.5])
    lab = np.where(rng.random(400) < 0.3, ".", np.char.mod("%.3f", rng.lognormal(5, 0.8, 400)))
    rows = "".join(f"{a},{b}\n" for a, b in zip(answers, lab, strict=True))
    table, dialect = _read(tmp_path, "strep,lab\n" + rows)
    with pytest.warns(SynthganWarning):
        model = TabularGANSynthesizer(max_steps=200, random_state=0).fit(table)
    fake = model.sample(400, random_state=0)
    assert set(fake["strep"]) == {"Yes", "No ", "   "}
    again, _ = _read(tmp_path, _again(tmp_path, fake, dialect))
    pd.testing.assert_series_equal(again["strep"], fake["strep"])
    assert again["lab"].isna().equals(fake["lab"].isna())
    assert column_shapes(table, again).detail["value"].min() > 0.8
