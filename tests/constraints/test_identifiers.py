"""Which columns are identifiers: of sorted, different whole numbers, those that count rows."""

import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan import TabularGANSynthesizer
from synthgan.constraints.identifiers import find_identifiers
from synthgan.exceptions import DataError, DataWarning, grouped_notices
from tests.quick import quick

R = np.random.default_rng(0)
POPULATION = np.sort(R.choice(10**5, 1000, replace=False))
KEPT = R.random(1000) < 0.9


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (POPULATION, "has unequal steps"),
        (POPULATION[::-1], "has unequal steps"),
        (np.cumsum(R.integers(1, 9, 300)), "has unequal steps"),
        (np.arange(1900, 2024), "lies between the years 1500 and 2100"),
        (np.arange(2023, 1899, -1), "lies between the years 1500 and 2100"),
    ],
    ids=["sorted", "descending", "small steps", "years", "years descending"],
)
@pytest.mark.parametrize("dtype", ["int64", "Int64", "int32"])
def test_sorted_quantities_are_learnt(values, why, dtype):
    frame = pd.DataFrame({"amount": pd.Series(values, dtype=dtype)})
    with pytest.warns(DataWarning, match=f"'amount' is sorted and all different, but {why}: it is"):
        assert find_identifiers(frame) == []


@pytest.mark.parametrize(
    "values",
    [
        np.arange(500),
        np.arange(500, 0, -1),
        np.arange(7, 7000, 7),
        np.arange(1000)[KEPT],
        100_000 + np.arange(1000)[KEPT][::-1],
    ],
    ids=["from 0", "descending", "steps of 7", "rows left out", "left out, descending"],
)
def test_numbers_of_rows_are_replaced(values):
    with pytest.warns(DataWarning, match="column 'nr' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"nr": values}))) == 1


def test_an_identifiers_name_decides():
    with pytest.warns(DataWarning, match="column 'patient_id' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"patient_id": POPULATION}))) == 1
    with pytest.warns(DataWarning, match="column 'id' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({"id": np.arange(1900, 2024)}))) == 1


@pytest.mark.parametrize("name", ["PID", "SUBJID", "subject", "participant_no", "MRN"])
def test_different_numbers_named_like_people_are_replaced(name):
    values = R.permutation(POPULATION)
    with pytest.warns(DataWarning, match=f"column '{name}' identifies rows"):
        assert len(find_identifiers(pd.DataFrame({name: values}))) == 1


@pytest.mark.parametrize(
    "texts", [["Y"], ["died at home", "moved abroad!", "see note 3 (page 2)"]], ids=["flag", "free"]
)
def test_text_in_too_few_rows_identifies_none(texts):
    frame = pd.DataFrame({"note": pd.Series([*texts, *[None] * 97], dtype=object)})
    assert find_identifiers(frame, min_support=5) == []
    frame["amount"] = R.normal(size=len(frame))
    with pytest.warns(DataWarning, match="column 'note' has .*, all rarer than min_support=5; it"):
        model = TabularGANSynthesizer(max_steps=2, random_state=0).fit(frame)
    assert model.sample(20, random_state=0)["note"].isna().all()


def test_what_was_decided_is_said_once_for_all_columns():
    frame = pd.DataFrame({"a": POPULATION, "b": POPULATION**2})
    with warnings.catch_warnings(record=True) as caught, grouped_notices():
        warnings.simplefilter("always")
        assert find_identifiers(frame) == []
    (message,) = map(str, (one.message for one in caught))
    assert message.startswith("2 columns ('a', 'b') are sorted and all different, but have unequal")


def test_a_table_of_identifiers_alone_is_made_anew():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": [f"A-{i:05d}" for i in rng.choice(10**5, 200, replace=False)],
            "b": [f"{i:06d}-{c}" for i, c in zip(range(200), rng.choice(list("XYZ"), 200))],  # noqa: B905
        }
    )
    with pytest.warns(DataWarning, match="identify rows"):
        model = quick(max_steps=2).fit(frame)
    fake = model.sample(100)
    assert list(fake.columns) == ["a", "b"]
    assert fake["a"].str.fullmatch(r"A-\d{5}").all()
    assert fake["b"].str.fullmatch(r"\d{6}-[XYZ]").all()
    assert fake["a"].is_unique
    with pytest.raises(DataError, match="no columns"):
        quick(max_steps=2).fit(frame[[]])
