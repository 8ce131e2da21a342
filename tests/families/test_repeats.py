"""Columns that are copied from the row before."""

import numpy as np
import pandas as pd

from synthgan.families.repeats import RepeatedColumns, Repeats


def make():
    """Return drugs that are listed at each visit, with their doses and first days."""
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(60), 10)
    n = len(owners)
    new = np.append(True, owners[1:] != owners[:-1]) | (rng.random(n) < 0.2)
    of = np.cumsum(new) - 1
    table = pd.DataFrame(
        {
            "drug": rng.choice(["a", "b", "c", "d"], of.max() + 1)[of],
            "dose": rng.uniform(1, 90, of.max() + 1)[of],
            "since": pd.to_timedelta(rng.integers(0, 400, of.max() + 1), unit="D")[of],
            "visit": np.arange(n) % 10.0,
            "severe": rng.random(n) < 0.5,
        }
    )
    table.loc[of % 5 == 0, "since"] = pd.NaT
    return table, owners, new


def test_columns_that_repeat_together_are_a_group():
    table, owners, _ = make()
    made = Repeats.fit(table, owners)
    assert made.groups == (RepeatedColumns("(as before 0)", ("drug", "dose", "since")),)
    assert Repeats.from_dict(made.to_dict()) == made


def test_what_repeats_by_chance_is_no_group():
    table, owners, _ = make()
    assert Repeats.fit(table[["visit", "severe"]], owners) == Repeats()
    assert Repeats.fit(table[["drug", "severe"]], owners) == Repeats()  # no numbers
    assert Repeats.fit(table, np.arange(len(owners))) == Repeats()
    rng = np.random.default_rng(1)
    of_patient = np.isin(owners, np.arange(30))  # never measured: missing values are no copies
    table["pressure"] = np.where(of_patient, np.nan, rng.normal(size=len(owners)))
    assert Repeats.fit(table[["pressure", "severe"]], owners) == Repeats()


def test_round_trip():
    table, owners, new = make()
    made = Repeats.fit(table, owners)
    marked = made.mark(table, made.find(table, owners), np.random.default_rng(0))
    assert ((marked["(as before 0)"] == "new") == new).all()
    assert (marked["dose"] == table["dose"])[new].all()
    assert (marked["dose"] == table["dose"])[~new].mean() < 0.2
    of_dose = table.drop_duplicates("dose").set_index("dose")["drug"]
    assert (marked["dose"].map(of_dose) == marked["drug"]).all()  # all of one other row
    before = table.shift(1)
    again = made.unmark(marked.iloc[1:], before.iloc[1:])
    pd.testing.assert_frame_equal(again, table.iloc[1:], check_dtype=False)
    first = made.unmark(marked, None)
    assert list(first) == list(table)
    assert first["drug"].equals(marked["drug"])


def test_names_are_free():
    table, owners, _ = make()
    made = Repeats.fit(table.rename(columns={"severe": "(as before 0)"}), owners)
    assert made.groups[0].label == "(as before 0)'"
