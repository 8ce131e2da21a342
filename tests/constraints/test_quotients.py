"""Columns in proportion to a power of another are found, and stay so in restored rows."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.quotients import Quotient, find_quotients, find_rates
from synthgan.constraints.relations import find_relations
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import Support

N = 800


def cells(seed=0, n=N):
    """Measurements of which some nearly determine each other."""
    rng = np.random.default_rng(seed)
    radius = rng.lognormal(2, 0.4, n)

    def about(x):
        return x * rng.lognormal(0, 0.05, n)

    return pd.DataFrame(
        {
            "radius": radius.round(2),
            "area": about(3 * radius**2).round(),
            "edge": about(6 * radius).round(2),
            "density": about(50 / radius).round(3),
            "colour": rng.lognormal(3, 0.4, n).round(1),
        }
    )


def spread_of(frame):
    return float(np.log(frame["area"] / frame["radius"] ** 2).std())


def test_planted_powers_are_found():
    found = [str(one) for one in find_relations(cells(), Support(5))]
    assert found == [
        str(Quotient("area", "radius", 2.0)),
        str(Quotient("edge", "radius", 1.0)),
        str(Quotient("density", "radius", -1.0)),
    ]


def test_columns_that_others_transform_are_divided_by():
    found = {(one.column, one.of) for one in find_quotients(cells(), fixed=["edge", "area"])}
    assert found == {("radius", "edge"), ("density", "radius")} or found == {
        ("radius", "area"),
        ("density", "radius"),
    }
    assert find_quotients(cells()[["radius", "area"]], gone=["radius"]) == []


@pytest.mark.parametrize(
    "area",
    [
        np.random.default_rng(1).lognormal(5, 0.8, N),  # not related
        cells()["area"].where(np.arange(N) % 20 > 0, 0.0),  # sometimes 0
        cells()["area"].where(np.arange(N) % 20 > 0, 77.0),  # often the same
        cells()["area"].rank() ** 0.2,  # another power
    ],
)
def test_other_columns_are_not_found(area):
    assert find_relations(cells()[["radius"]].assign(area=area), Support(5)) == []


def test_quotients_stay_narrow_whatever_is_generated():
    frame = cells()
    constraints = ConstraintSet(min_support=5).fit(frame)
    rng = np.random.default_rng(2)
    table = constraints.apply(frame)
    made = constraints.restore(table.apply(lambda column: rng.permutation(column)), rng)
    assert spread_of(made) < 1.2 * spread_of(frame)
    assert made["area"].between(frame["area"].min(), frame["area"].max()).all()
    assert (made["area"] == made["area"].round()).all()
    assert spread_of(frame.apply(lambda column: rng.permutation(column))) > 5 * spread_of(frame)


@pytest.mark.parametrize("dtypes", [{}, {"area": "Int32", "radius": "Float64"}, {"area": "int64"}])
def test_values_come_back(dtypes):
    frame = cells().astype(dtypes)
    if dtypes.get("area") != "int64":
        frame.loc[::9, "area"] = pd.NA
    frame.loc[::7, "radius"] = np.nan
    frame.loc[3, "radius"] = -1.0
    constraint = Quotient("area", "radius", 2.0).fit(frame)
    table = constraint.apply(frame)
    assert constraint.makes == ("area alone",)
    assert_frame_equal(constraint.restore(table, np.random.default_rng(0)), frame)


def test_archives_hold_quotients():
    frame = cells()
    constraints = ConstraintSet().fit(frame)
    record = json.loads(json.dumps(constraints.to_dict()))
    again = ConstraintSet.from_dict(record)
    assert_frame_equal(again.apply(frame), constraints.apply(frame))
    del record["constraints"][0]["parameters"]["is_rate"]  # an older archive
    again = ConstraintSet.from_dict(record)
    assert_frame_equal(again.apply(frame), constraints.apply(frame))
    record["constraints"][0]["parameters"]["power"] = 0.0
    with pytest.raises((ArchiveError, ParameterError), match="power"):
        ConstraintSet.from_dict(record)


def test_what_is_no_quotient_is_refused():
    with pytest.raises(ParameterError, match="two different columns, and a power"):
        Quotient("area", "area").fit(cells())
    with pytest.raises(DataError, match="'radius' is of kind string; Quotient needs numbers"):
        Quotient("area", "radius").fit(cells().assign(radius="x"))


def test_counts_are_divided_by_what_they_grow_with():
    rng = np.random.default_rng(0)
    games = np.ceil(rng.lognormal(3, 1, N)).astype(int)
    frame = pd.DataFrame({"games": games, "goals": rng.binomial(games, rng.beta(5, 5, N))})
    frame["fouls"] = rng.poisson(3 * games)
    frame["age"] = rng.integers(18, 40, N)
    found = [repr(one) for one in find_relations(frame)]
    assert found == [
        "Quotient(column='goals', is_rate=True, of='games')",
        "Quotient(column='fouls', is_rate=True, of='games')",
    ]
    constraints = ConstraintSet().fit(frame)
    table = constraints.apply(frame)
    assert table["goals"].is_unique  # counts are spread over the interval above them
    restored = constraints.restore(table, rng)
    assert_frame_equal(restored, frame)
    assert find_rates(frame, fixed=["goals", "fouls", "games"]) == []
    narrow = frame.assign(games=games + 500)
    assert find_rates(narrow.assign(goals=narrow["games"] + rng.integers(-9, 9, N))) == []
