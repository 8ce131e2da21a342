"""Weighted sums are found as they were planted, and hold in restored rows."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.relations import find_relations
from synthgan.constraints.weighted_sums import WeightedSum
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import Support

N = 900
WEIGHTS = {"young": (0.055, 5.5), "middle": (0.04, 4.0), "old": (0.015, 1.5)}


def customers(seed=0, n=N):
    """Values of customers: calls and messages weigh differently by age."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.choice(list(WEIGHTS), n),
            "seconds": rng.integers(0, 9000, n),
            "texts": rng.integers(0, 300, n),
            "failures": rng.poisson(4, n),
        }
    )
    factors = np.array([WEIGHTS[age] for age in frame["age"]])
    value = factors[:, 0] * frame["seconds"] + factors[:, 1] * frame["texts"]
    return frame.assign(value=value.round(3))


def marks(seed=0, n=N):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(0, 90, (n, 5)), columns=list("abcde"))
    return frame.assign(mark=(frame[list("abcd")] @ [0.1, 0.2, 0.3, 0.4] + 5).round(1))


@pytest.mark.parametrize(
    ("frame", "planted"),
    [
        (customers(), WeightedSum("value", ["seconds", "texts"], "age")),
        (marks(), WeightedSum("mark", ["a", "b", "c", "d"])),
        (marks().eval("total = a + b + c + d + e").drop(columns="mark"),
         WeightedSum("total", ["a", "b", "c", "d", "e"])),
    ],
)  # fmt: skip
def test_planted_sums_are_found(frame, planted):
    assert [str(one) for one in find_relations(frame, Support(5))] == [str(planted)]


@pytest.mark.parametrize("frame", [customers(), marks()])
def test_sums_that_do_not_hold_are_not_found(frame):
    noise = np.random.default_rng(1).normal(0, 0.05 * frame.iloc[:, -1].std(), len(frame))
    blurred = frame.assign(**{frame.columns[-1]: (frame.iloc[:, -1] + noise).round(3)})
    assert find_relations(blurred, Support(5)) == []


def test_weights_have_few_digits():
    constraint = WeightedSum("value", ["seconds", "texts"], "age").fit(customers(), Support(5))
    assert dict(zip(constraint.levels_, constraint.weights_, strict=True)) == {
        age: [0.0, *weights] for age, weights in WEIGHTS.items()
    }


def test_sums_hold_whatever_is_generated():
    frame = customers()
    constraints = ConstraintSet().fit(frame)
    table = constraints.apply(frame)
    assert table["value"].abs().max() == 0
    # Columns of different rows, as a generator that knows no dependence would give.
    rng = np.random.default_rng(2)
    shuffled = table.apply(lambda column: rng.permutation(column))
    made = constraints.restore(shuffled, rng)
    factors = np.array([WEIGHTS[age] for age in made["age"]])
    assert np.allclose(made["value"], (factors * made[["seconds", "texts"]]).sum(axis=1), atol=6e-4)
    assert constraints.restore(table, rng).equals(frame)


def test_rows_without_weights_come_back():
    frame = customers().astype({"texts": "float64"})
    frame.loc[:29, "age"] = "ageless"  # 3 weights need 30 people
    frame.loc[29, "age"] = "old"
    frame.loc[30:49, "texts"] = np.nan
    frame.loc[50:52, "value"] = np.nan
    constraint = WeightedSum("value", ["seconds", "texts"], "age").fit(frame, Support(5))
    assert set(constraint.levels_) == set(WEIGHTS)
    table = constraint.apply(frame)
    assert list(table) == [*frame, "value alone"]
    assert_frame_equal(constraint.restore(table, np.random.default_rng(0)), frame)


def test_archives_hold_sums():
    frame = customers()
    constraints = ConstraintSet().fit(frame)
    record = json.loads(json.dumps(constraints.to_dict()))
    again = ConstraintSet.from_dict(record)
    assert_frame_equal(again.apply(frame), constraints.apply(frame))
    (stored,) = record["constraints"]
    stored["learnt"]["weights_"][0].append(1.0)
    with pytest.raises(ArchiveError, match="weights do not match its parts"):
        ConstraintSet.from_dict(record)


def test_what_is_no_sum_is_refused():
    with pytest.raises(ParameterError, match=r"parts=\[\].*give a list"):
        WeightedSum("value", []).fit(customers())
    with pytest.raises(ParameterError, match="names a column twice"):
        WeightedSum("value", ["value"]).fit(customers())
    with pytest.raises(DataError, match="'age' is of kind string; WeightedSum needs numbers"):
        WeightedSum("value", ["age"]).fit(customers())
