"""What never occurs together."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.exclusions import Exclusions
from synthgan.privacy import Support


def make(n=2000):
    rng = np.random.default_rng(0)
    sex, age = rng.choice(["female", "male"], n), rng.uniform(0, 90, n)
    mother = (sex == "female") & (age > 20) & (age < 40) & (rng.random(n) < 0.5)
    known = pd.DataFrame({"parent: sex": sex, "parent: age": age, "place": np.arange(n) % 5.0})
    what = np.where(mother, "delivery", rng.choice(["flu", "hip"], n))
    ward = np.where(mother, "obstetrics", np.where(what == "hip", "surgery", "general"))
    return pd.DataFrame({"diagnosis": what, "ward": ward, "cost": age}), known


def test_what_never_occurs_is_found():
    rows, known = make()
    made = Exclusions.fit(rows, known, Support(5, np.arange(len(rows))))
    pairs = {(one.column, one.other, *pair) for one in made.pairs for pair in one.pairs}
    assert ("diagnosis", "parent: sex", "delivery", "male") in pairs
    assert ("ward", "diagnosis", "obstetrics", "flu") in pairs
    assert not any(
        a == "diagnosis" and b == "parent: sex" and x != "delivery" for a, b, x, _ in pairs
    )
    [limit] = [one for one in made.ranges if one.column == "diagnosis"]
    assert (limit.label, limit.other) == ("delivery", "parent: age")
    assert limit.low == pytest.approx(20, abs=1)
    assert limit.high == pytest.approx(40, abs=1)
    assert not made.broken(rows, known).mean() > 0.001
    assert Exclusions.from_dict(made.to_dict()) == made


def test_many_labels_of_a_person_are_no_reason():
    """Most people have both teams at some time, so that few rows would have both."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(100), 10)
    rows = pd.DataFrame({"team": rng.integers(40, size=1000).astype(str)})
    known = pd.DataFrame({"before: team": rng.integers(40, size=1000).astype(str)})
    assert Exclusions.fit(rows, known, Support(5, people)) == Exclusions()


def test_broken_rows():
    rows, known = make()
    made = Exclusions.fit(rows, known, Support(5, np.arange(len(rows))))
    some = pd.DataFrame(
        {
            "diagnosis": ["delivery", "delivery", "delivery", None],
            "ward": ["obstetrics"] * 4,
            "cost": 1.0,
        }
    )
    of = pd.DataFrame(
        {
            "parent: sex": ["male", "female", "female", "male"],
            "parent: age": [30.0, 30, 70, 30],
            "place": 0.0,
        }
    )
    assert made.broken(some, of).tolist() == [True, False, True, True]


def test_few_people_are_no_evidence():
    """Rows are many, people are few: that they never have both may be chance."""
    rows, known = make()
    made = Exclusions.fit(rows, known, Support(5, np.arange(len(rows)) % 8))
    assert made == Exclusions()
    assert not made.broken(rows, known).any()


def test_no_archive():
    with pytest.raises(ArchiveError):
        Exclusions.from_dict({"pairs": [{"column": "a"}], "ranges": []})
