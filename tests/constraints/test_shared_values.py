"""Values that columns share in some rows are found, and equal in restored rows."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.relations import find_relations
from synthgan.constraints.shared_values import SharedValue
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import Support

N = 1000
SHARED = SharedValue("paid", "bill")


def bills(seed=0, n=N, share=0.2):
    """Bills, of which some are paid in full; many are 0."""
    rng = np.random.default_rng(seed)
    bill, paid = (np.where(rng.random(n) < 0.3, 0, rng.lognormal(7, 1, n)).round() for _ in "ab")
    frame = pd.DataFrame({"bill": bill, "limit": rng.integers(1, 9, n) * 1000, "paid": paid})
    frame["paid"] = frame["paid"].where(rng.random(n) >= share, frame["bill"])
    return frame


def shares_of(frame):
    return float(((frame["paid"] == frame["bill"]) & (frame["bill"] > 0)).mean())


@pytest.mark.parametrize("dtypes", [{}, {"bill": int}, {"bill": "Int64", "paid": "Float64"}])
def test_planted_values_are_found(dtypes):
    assert [str(one) for one in find_relations(bills().astype(dtypes), Support(5))] == [str(SHARED)]


def test_chains_have_no_circle():
    frame, rng = bills(), np.random.default_rng(1)
    frame["later"] = frame["paid"].where(rng.random(N) < 0.5, rng.lognormal(7, 1, N).round())
    constraints = ConstraintSet().fit(frame)
    found = {one.column: one.of for one in constraints.constraints_}
    assert found == {"paid": "bill", "later": "paid"}
    assert_frame_equal(constraints.restore(constraints.apply(frame), rng), frame)


@pytest.mark.parametrize(
    "frame",
    [
        bills(share=0.0),  # both are often 0
        bills(share=0.0).assign(paid=lambda f: f["bill"] + np.arange(N) % 7 - 3),  # near
        bills(share=0.01),
    ],
)
def test_values_equal_by_chance_are_not_found(frame):
    assert find_relations(frame, Support(5)) == []


def test_values_are_equal_whatever_is_generated():
    frame = bills()
    constraints = ConstraintSet().fit(frame)
    table = constraints.apply(frame)
    rng = np.random.default_rng(2)
    shuffled = table.apply(lambda column: rng.permutation(column))
    made = constraints.restore(shuffled, rng)
    # Some shared zeros are shuffled to bills that are not zero.
    assert shares_of(made) >= 0.9 * shares_of(frame) > 0.1
    kept = ~shuffled["paid is bill"].to_numpy()
    assert (made["paid"][kept] == shuffled["paid"][kept]).all()
    assert_frame_equal(constraints.restore(table, rng), frame)


def test_gaps_and_dtypes_come_back():
    frame = bills().astype({"bill": "float32", "paid": "Int16"}).assign(**{"paid is bill": 1})
    frame.loc[::7, "paid"] = pd.NA
    frame.loc[::5, "bill"] = np.nan
    constraint = SharedValue("paid", "bill").fit(frame)
    table = constraint.apply(frame)
    assert constraint.makes == ("paid is bill'",)
    assert_frame_equal(constraint.restore(table, np.random.default_rng(0)), frame)
    large = table.assign(bill=np.float32(1e9), **{"paid is bill'": True})
    assert constraint.restore(large, np.random.default_rng(0))["paid"].eq(2**15 - 1).all()


def test_flags_are_known_where_both_values_are():
    frame = bills()
    constraint = SharedValue("paid", "bill").fit(frame)
    mask = pd.DataFrame(False, index=frame.index, columns=frame.columns)
    mask.loc[:9, ["paid", "bill"]] = True
    mask.loc[10:19, "paid"] = True
    known, mask = constraint.translate(frame, mask, np.random.default_rng(0))
    assert mask["paid is bill"].tolist() == [True] * 10 + [False] * (N - 10)
    assert known["paid is bill"].equals(frame["paid"] == frame["bill"])


def test_archives_hold_shared_values():
    frame = bills()
    constraints = ConstraintSet().fit(frame)
    again = ConstraintSet.from_dict(json.loads(json.dumps(constraints.to_dict())))
    assert_frame_equal(again.apply(frame), constraints.apply(frame))


def test_what_is_not_shared_is_refused():
    with pytest.raises(ParameterError, match="two different columns"):
        SharedValue("paid", "paid").fit(bills())
    with pytest.raises(DataError, match="'bill' is of kind string; SharedValue needs numbers"):
        SHARED.fit(bills().assign(bill="x"))
