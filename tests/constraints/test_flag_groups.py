"""Columns of two levels of which few combinations occur are found, and no others."""

import numpy as np
import pandas as pd
import pytest

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.flag_groups import find_flag_groups
from synthgan.constraints.relations import find_relations
from synthgan.privacy import Support

N = 1500


def dummies(seed=0, n=N, dtype=int, drop=()):
    """Dummies of two categories, a ladder, and two columns that tell nothing of others."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "soil": rng.choice([f"s{i:02}" for i in range(12)], n, p=[0.45, *[0.05] * 11]),
            "area": rng.choice(["n", "e", "s", "w"], n),
        }
    )
    made = pd.get_dummies(frame, dtype=dtype).drop(columns=list(drop))
    age = rng.integers(18, 80, n)
    for limit in (30, 45, 60):
        made[f"over {limit}"] = pd.Series(age > limit).astype(dtype)
    return made.assign(ill=rng.random(n) < 0.3, sex=rng.choice(["f", "m"], n))


def columns_of(groups):
    return {frozenset(group.columns) for group in groups}


def planted(frame):
    return {
        frozenset(name for name in frame if name.startswith(prefix))
        for prefix in ("soil_", "area_", "over ")
    }


@pytest.mark.parametrize("dtype", [int, bool, "Int64", str])
def test_dummies_and_ladders_are_found(dtype):
    frame = dummies(dtype=dtype)
    assert columns_of(find_relations(frame, Support(5))) == planted(frame)


def test_one_dummy_may_be_left_out():
    frame = dummies(drop=["soil_s00", "area_n"])
    assert columns_of(find_flag_groups(frame, Support(5))) == planted(frame)


def test_independent_columns_are_no_group():
    rng = np.random.default_rng(1)
    for share in (0.5, 0.1, 0.01):
        frame = pd.DataFrame(rng.random((400, 30)) < share)
        assert find_flag_groups(frame, Support(2)) == []


def test_flags_of_few_people_are_left_out():
    frame = dummies()
    frame["soil_rare"] = 0
    frame.loc[:3, [name for name in frame if name.startswith("soil_")]] = 0
    frame.loc[:3, "soil_rare"] = 1
    (soil,) = [
        group for group in find_flag_groups(frame, Support(5)) if "soil_s01" in group.columns
    ]
    assert "soil_rare" not in soil.columns
    assert len(soil.columns) == 12


def test_one_flag_is_set_whatever_is_generated():
    frame = dummies()
    constraints = ConstraintSet().fit(frame)
    table = constraints.apply(frame)
    assert table.shape[1] == 3 + 2  # one column a group
    rng = np.random.default_rng(2)
    made = constraints.restore(table.apply(lambda column: rng.permutation(column)), rng)
    assert made.filter(like="soil_").sum(axis=1).eq(1).all()
    assert made.filter(like="area_").sum(axis=1).eq(1).all()
    assert (made["over 30"] >= made["over 45"]).all()
    assert (made["over 45"] >= made["over 60"]).all()
    assert constraints.restore(table, rng).equals(frame)


def test_conditions_keep_their_columns():
    frame = dummies()
    groups = find_relations(frame, Support(5), no_formula=["soil_s01", "over 45"])
    assert all(not {"soil_s01", "over 45"} & set(group.columns) for group in groups)
