"""Combinations of values that many rows have are found, and whole in restored rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from synthgan.constraints import ConstraintSet, DependentColumn, Formula, FrequentCombinations
from synthgan.constraints.frequent_combinations import find_frequent_combinations
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import Support

N = 1000
NAMES = ["tsh", "t3", "t4"]
FILLED = [1.9, 2.06, 111.23]


def measured(share: float = 0.04, seed: int = 0) -> pd.DataFrame:
    """Measurements; those of some people are the averages of all."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(100, 9, size=(N, 3)).round(1), columns=NAMES)
    frame.iloc[rng.permutation(N)[: int(share * N)]] = FILLED
    return frame.assign(age=rng.integers(18, 90, N), sex=rng.choice(["f", "m"], N))


def whole_and_parts(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the shares of rows with the whole combination, and with a part of it."""
    equal = (frame[NAMES] == FILLED).sum(axis=1)
    return float((equal == 3).mean()), float(equal.isin([1, 2]).mean())


@pytest.mark.parametrize("dtypes", [{}, {"t3": "Float64"}, {"age": "Int64"}])
def test_planted_combinations_are_found(dtypes: dict[str, str]) -> None:
    frame = measured().astype(dtypes)
    constraints = ConstraintSet(min_support=5).fit(frame)
    assert [repr(c) for c in constraints.constraints_] == [
        "FrequentCombinations(columns=['tsh', 't3', 't4'])"
    ]
    assert constraints.constraints_[0].combinations_ == [FILLED]
    table = constraints.apply(frame)
    assert (table["combination of tsh"] == "1").sum() == 40
    assert whole_and_parts(table) == (0, 0)
    assert_frame_equal(constraints.restore(table, np.random.default_rng(0)), frame)


def test_rows_have_the_whole_combination_or_none() -> None:
    frame = measured()
    constraints = ConstraintSet().fit(frame)
    rng = np.random.default_rng(1)
    shuffled = constraints.apply(frame).apply(lambda column: rng.permutation(column))
    assert whole_and_parts(constraints.restore(shuffled, rng)) == (0.04, 0)


@pytest.mark.parametrize("share", [0.0, 0.019])
def test_what_few_people_have_is_no_combination(share: float) -> None:
    assert find_frequent_combinations(measured(share)) == []


def test_the_rows_of_one_person_are_no_combination() -> None:
    frame = measured()
    people = np.arange(N)
    assert len(find_frequent_combinations(frame, Support(5, people))) == 1
    people[frame["tsh"] == FILLED[0]] = 0
    assert find_frequent_combinations(frame, Support(5, people)) == []


def test_frequent_values_of_independent_columns_are_no_combination() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.normal(size=N).round(2) for name in "abcd"})
    frame = frame.where(rng.random(frame.shape) > 0.4, 0.0)
    assert (frame == 0).all(axis=1).sum() >= 20
    assert find_frequent_combinations(frame) == []


def test_a_combination_may_be_part_of_another() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(N, 5)).round(3), columns=list("abcde"))
    frame.loc[:49] = 0.0
    frame.loc[50:89, ["a", "b", "c"]] = 0.0
    constraints = ConstraintSet().fit(frame)
    (found,) = constraints.constraints_
    assert found.combinations_ == [[0.0] * 5, [0.0, 0.0, 0.0, None, None]]
    table = constraints.apply(frame)
    assert table["combination of a"].value_counts()[["other", "1", "2"]].tolist() == [910, 50, 40]
    assert table[["d", "e"]][50:90].equals(frame[["d", "e"]][50:90])
    assert_frame_equal(constraints.restore(table, rng), frame)


def test_formulas_hold_in_rows_with_a_combination() -> None:
    """A combination is found among residuals, so a formula decides which values they give."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(1, 9, (N, 3)).round(3), columns=list("abc"))
    frame.loc[:59] = [3.111, 4.222, 5.333]
    frame["total"] = frame["a"] + frame["b"]
    constraints = ConstraintSet().fit(frame)
    names = [type(one) for one in constraints.constraints_]
    assert names == [Formula, FrequentCombinations]
    table = constraints.apply(frame)
    shuffled = table.apply(lambda column: rng.permutation(column))
    made = constraints.restore(shuffled, rng)
    assert np.allclose(made["total"], made["a"] + made["b"], atol=1e-9)
    assert (made["a"] == 3.111).sum() == 60


@given(st.lists(st.sampled_from([0.0, 1.5, 2.5, None]), min_size=3, max_size=30))
def test_round_trip_of_other_rows(values: list[float | None]) -> None:
    constraint = FrequentCombinations(NAMES).fit(measured())
    frame = pd.DataFrame({"tsh": values, "t3": values[::-1], "t4": 111.23}, dtype="float64")
    frame.loc[0] = FILLED
    back = constraint.restore(constraint.apply(frame), np.random.default_rng(0))
    assert_frame_equal(back, frame)


def test_known_numbers_set_the_combination() -> None:
    constraint = FrequentCombinations(NAMES).fit(measured())
    known = pd.DataFrame([FILLED, FILLED, [0.0, 0.0, 0.0], FILLED], columns=NAMES)
    mask = pd.DataFrame([[1, 1, 1], [1, 0, 0], [0, 1, 1], [0, 0, 0]], columns=NAMES).astype(bool)
    table, mask = constraint.translate(known, mask, np.random.default_rng(0))
    assert table["combination of tsh"].tolist()[:3] == ["1", "other", "other"]
    assert mask["combination of tsh"].tolist() == [True, True, True, False]
    assert mask[NAMES].to_numpy().tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert table["tsh"][1] == FILLED[0]


def test_columns_that_may_be_conditions_are_left_out() -> None:
    frame = measured()
    assert ConstraintSet().fit(frame, condition_columns=["t3"]).constraints_ == []


def test_archives_hold_combinations() -> None:
    frame = measured()
    constraints = ConstraintSet().fit(frame)
    record = json.loads(json.dumps(constraints.to_dict()))
    assert_frame_equal(ConstraintSet.from_dict(record).apply(frame), constraints.apply(frame))


@pytest.mark.parametrize(
    ("combinations", "message"),
    [
        ([[1.0, 2.0]], "the combinations do not match the columns"),
        ([], "the combinations do not match the columns"),
        ([[None, None, None]], "a combination is empty"),
        ([[1.5, 1.0, 1.0]], "column 'a' holds whole numbers"),
    ],
)
def test_broken_archives_are_refused(combinations: list[list[float]], message: str) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 900, (N, 3)), columns=list("abc"))
    frame.loc[:49] = 3
    record = FrequentCombinations(["a", "b", "c"]).fit(frame).to_dict()
    record["learnt"]["combinations_"] = combinations
    with pytest.raises(ArchiveError, match=message):
        FrequentCombinations.from_dict(record)


def test_what_cannot_be_one_is_refused() -> None:
    with pytest.raises(DataError, match="no combination of values is frequent in the columns"):
        FrequentCombinations(NAMES).fit(measured(0.0))
    with pytest.raises(DataError, match="'sex' is of kind string; FrequentCombinations needs"):
        FrequentCombinations(["tsh", "t3", "sex"]).fit(measured())
    frame = measured().assign(copy=lambda table: table["sex"].map({"f": 1.5, "m": 2.5}))
    given = [FrequentCombinations([*NAMES, "copy"]), DependentColumn("copy", of="sex")]
    with pytest.raises(ParameterError, match="names column 'copy', which another constraint"):
        ConstraintSet(given).fit(frame)
