"""Numbers become ranks among the rows of a label, and numbers again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from synthgan.exceptions import ArchiveError
from synthgan.families.label_ranks import LabelRanks
from synthgan.privacy import Support


def blood_values(n: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Values of three tests, as different as their units; counts; and what is about neither."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["sodium", "glucose", "crp"], n)
    middle = pd.Series(kind).map({"sodium": 140.0, "glucose": 6.0, "crp": 20.0}).to_numpy()
    return pd.DataFrame(
        {
            "kind": kind,
            "value": middle * rng.lognormal(0, 0.2, n),
            "repeats": rng.poisson(np.where(kind == "crp", 30, 2)),
            "age": rng.integers(0, 90, n),
        }
    )


def test_numbers_that_depend_on_a_label_are_found() -> None:
    found = LabelRanks.find(blood_values(), Support(5))
    assert [(one.column.name, one.by) for one in found] == [("value", "kind"), ("repeats", "kind")]
    for one in found:
        assert LabelRanks.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert LabelRanks.find(blood_values(), fixed=["value", "repeats"]) == []
    assert LabelRanks.find(blood_values().drop(columns="kind")) == []
    assert LabelRanks.find(blood_values(100)) == []


def test_ranks_are_uniform_in_each_label_and_come_back() -> None:
    frame = blood_values()
    frame.loc[::9, "value"] = np.nan
    frame = frame.astype({"repeats": "Int64"})
    table = frame
    for one in LabelRanks.find(frame, Support(5)):
        table = one.apply(table)
    for _, part in table.groupby("kind"):
        for name in ("value", "repeats"):
            assert kstest(part[name].dropna(), "uniform").statistic < 0.05
    for one in reversed(LabelRanks.find(frame, Support(5))):
        table = one.restore(table)
    assert (table.dtypes == frame.dtypes).all()
    assert (table["repeats"] == frame["repeats"]).mean() > 0.97  # but the largest and smallest
    pd.testing.assert_frame_equal(table.isna(), frame.isna())
    apart = (table["value"] / frame["value"] - 1).abs()
    assert apart.quantile(0.95) < 1e-9


def test_doses_come_back_as_doses() -> None:
    rng = np.random.default_rng(0)
    unit = rng.choice(["tablet", "mg", "ml"], 3000)
    doses = {"tablet": [1.0, 2.0, 0.15 / 3], "mg": [81.0, 325.0, 500.0], "ml": [5.0, 10.0, 12.5]}
    dose = np.array([rng.choice(doses[one]) for one in unit])
    dose[:300] = rng.uniform(0, 1000, 300)  # of one person each
    (one,) = LabelRanks.find(pd.DataFrame({"unit": unit, "dose": dose}), Support(5))
    assert set(one.shared) == {dose for some in doses.values() for dose in some}
    made = pd.DataFrame({"unit": unit, "dose": rng.uniform(0, 1, 3000)})
    assert set(one.restore(made)["dose"]) <= set(one.shared)
    assert (
        LabelRanks.from_dict({k: v for k, v in one.to_dict().items() if k != "shared"}).shared == ()
    )


def test_labels_that_are_not_known_have_the_ranks_of_all() -> None:
    (one, _) = LabelRanks.find(blood_values(), Support(5))
    table = pd.DataFrame({"kind": ["new", None], "value": [0.0, 1.0]})
    restored = one.restore(table)["value"]
    assert restored[0] < 10
    assert restored[1] > 140


def test_no_value_of_few_people_is_a_knot() -> None:
    frame = blood_values()
    people = np.arange(len(frame)) // 8  # eight rows each
    (one, _) = LabelRanks.find(frame, Support(5, people))
    values = set(frame["value"])
    assert not values.intersection(knot for table in one.knots for knot in table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"levels": ["a"]}, "ranks of other labels"),
        ({"knots": [[1.0], [1.0]], "ranks": [[0.0], [0.0]], "levels": ["a"]}, "without numbers"),
        ({"knots": [[2.0, 1.0]] * 2, "ranks": [[0.0, 1.0]] * 2, "levels": ["a"]}, "not ascending"),
    ],
)
def test_invalid_records_are_refused(change: dict[str, object], message: str) -> None:
    (one, _) = LabelRanks.find(blood_values())
    with pytest.raises(ArchiveError, match=message):
        LabelRanks.from_dict({**one.to_dict(), **change})
