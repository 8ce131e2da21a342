"""Conditional sampling: what is asked holds, natively where the model was told, else by drawing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from synthgan import FCN, FixedCombinations, Inequality, TabularGANSynthesizer, load
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, ParameterError, SamplingError


def model_of(table, y=None, **parameters):
    small = {
        "network": FCN(width=16, depth=1), "max_steps": 40, "candidates": 1, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**small, **parameters}).fit(table, y)


@pytest.fixture(scope="module")
def clinic():
    return make_clinic(400, random_state=0)


@pytest.fixture(scope="module")
def model(clinic):
    return model_of(clinic, condition_on="any", candidates=None)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cells_of_a_real_row_come_back_exactly(model, clinic, data):
    columns = data.draw(st.lists(st.sampled_from(list(clinic)), min_size=1, unique=True))
    rows = clinic.sample(4, random_state=data.draw(st.integers(0, 99)))[columns]
    rows = rows.mask(np.random.default_rng(0).random(rows.shape) < 0.3)
    # What fewer than five people share is not stored, so it cannot be asked.
    common = [
        c
        for c in columns
        if rows[c].isin(clinic[c].value_counts().loc[lambda n: n > 4].index).all()
    ]
    if not common:
        return
    fake = model.sample(conditions=rows[common])
    assert len(fake) == 4
    for name in common:
        known = rows[name].notna().to_numpy()
        assert fake[name][known].tolist() == rows[name][known].tolist()
        assert fake[name].dtype == clinic[name].dtype or not known.all()


def test_values_ranges_and_sets(model):
    fake = model.sample(
        60,
        conditions={
            "sex": "female",
            "age": (40, 60),
            "ward": ["general", "cardiology"],
            "admitted": ("2024-02-01", pd.Timestamp("2024-03-31")),
            "bmi": (22.5, 27.5),
            "systolic_mmhg": [120, 121, 122],
        },
    )
    assert (fake["sex"] == "female").all()
    assert fake["age"].between(40, 60).all()
    assert fake["age"].nunique() > 5
    assert set(fake["ward"]) <= {"general", "cardiology"}
    assert fake["admitted"].between("2024-02-01", "2024-03-31").all()
    assert fake["bmi"].between(22.5, 27.5).all()
    assert set(fake["systolic_mmhg"]) <= {120, 121, 122}


def test_other_conditions_are_met_by_drawing_again(clinic):
    free = model_of(clinic, candidates=4)
    assert free.generator_.body[0].in_features == 64  # no conditions
    fake = free.sample(30, conditions={"sex": "male", "age": (30, 70)})
    assert (fake["sex"] == "male").all()
    assert fake["age"].between(30, 70).all()
    some = model_of(clinic, condition_on=["sex", "ward"])
    fake = some.sample(30, conditions={"sex": "male", "age": (30, 70), "ward": "general"})
    assert (fake["ward"] == "general").all()
    assert fake["age"].between(30, 70).all()


def test_rare_conditions_name_their_rate(clinic):
    free = model_of(clinic)
    with pytest.raises(
        SamplingError,
        match=r"^0 of 2 rows meet the conditions after \d+ tries, which met 'bmi' 0 times; fit w",
    ):
        free.sample(2, conditions={"bmi": 24.123})


def test_order_and_seed(model, clinic):
    asked = clinic[["age", "sex"]].head(30)
    fake = model.sample(conditions=asked, random_state=3)
    assert fake["age"].tolist() == asked["age"].tolist()
    assert_frame_equal(fake, model.sample(conditions=asked, random_state=3))
    assert_frame_equal(fake, model.sample(30, conditions=asked, random_state=3))
    assert not fake.equals(model.sample(conditions=asked, random_state=4))
    assert model.sample(conditions=asked.head(0)).shape == (0, 14)


def test_conditions_survive_the_archive(model, tmp_path):
    model.save(tmp_path / "m.synthgan")
    again = load(tmp_path / "m.synthgan")
    wanted = {"age": (50, 55), "ward": "general"}
    ours, theirs = (one.sample(9, conditions=wanted, random_state=0) for one in (again, model))
    assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        (
            {"weight": 3},
            DataError,
            r"conditions name column 'weight', .* its columns are \['admitted'",
        ),
        ({"ward": "moon"}, DataError, r"'ward'.*'moon'.*known are .*general"),
        ({"ward": ["moon"]}, DataError, r"'ward'.*'moon'.*known are .*general"),
        ({"age": 300}, DataError, r"'age'.*300.*learnt range"),
        ({"age": (300, 400)}, DataError, r"'age'.*between 300 and 400.*learnt range"),
        ({"age": "old"}, DataError, r"'age'.*'old'"),
        ({"age": True}, DataError, r"'age' .*cannot hold True"),
        ({"age": [40, b"41"]}, DataError, r"'age' .*cannot hold b'41'"),
        ({"diabetic": "yes"}, DataError, r"'diabetic' holds booleans .*'yes'; give True or False"),
        ({"diabetic": [True, "no"]}, DataError, r"'diabetic' holds booleans .*'no'; give True or"),
        ({"diabetic": 2}, DataError, r"'diabetic' holds booleans and cannot hold 2"),
        (
            pd.DataFrame({"diabetic": ["True", "False", None]}),
            DataError,
            r"'diabetic' holds booleans and cannot hold 'True'",
        ),
        ({"ward": 5}, DataError, r"'ward'.*5.*known are .*general"),
        (
            {"age": (60, 40)},
            ParameterError,
            r"\(60, 40\) for column 'age'; give two ends, low <= high",
        ),
        ({"ward": ("a", "b")}, ParameterError, r"a pair \(low, high\)"),
        ({"ward": []}, ParameterError, r"no values for column 'ward'"),
        ({"ward": None}, ParameterError, r"a missing value for column 'ward'"),
        ("ward", ParameterError, r"conditions='ward' are not allowed; give a dict"),
    ],
)
def test_impossible_conditions(model, conditions, error, message):
    with pytest.raises(error, match=message):
        model.sample(3, conditions=conditions)


def test_numbers_of_rows(model, clinic):
    asked = clinic[["age"]].head(3)
    with pytest.raises(ParameterError, match="n=4 does not match the conditions of 3 rows"):
        model.sample(4, conditions=asked)
    assert len(model.sample()) == 1


def test_conditions_pass_through_constraints():
    rng = np.random.default_rng(0)
    n = 600
    low = rng.integers(0, 50, n)
    city = rng.choice(["Lyon", "Metz", "Bern", "Zug"], n)
    frame = pd.DataFrame(
        {
            "low": low,
            "high": low + rng.integers(0, 9, n),
            "city": city,
            "country": np.where(np.isin(city, ["Lyon", "Metz"]), "F", "CH"),
            "men": rng.poisson(90, n),
            "women": rng.poisson(80, n),
        }
    ).assign(people=lambda table: table["men"] + table["women"])
    rules = [Inequality("low", "high"), FixedCombinations(["city", "country"]), "auto"]
    model = model_of(frame, constraints=rules, condition_on=["low", "high", "city", "country"])
    assert [c.column for c in model.constraints_.constraints_ if hasattr(c, "column")] == ["people"]
    fake = model.sample(
        40, conditions={"country": "CH", "high": [20, 21, 22], "people": (160, 180)}
    )
    assert set(fake["city"]) <= {"Bern", "Zug"}
    assert set(fake["high"]) <= {20, 21, 22}
    assert (fake["low"] <= fake["high"]).all()
    assert fake["people"].between(160, 180).all()
    assert (fake["men"] + fake["women"] - fake["people"]).abs().median() == 0
    with pytest.raises(DataError, match="CH"):
        model.sample(1, conditions={"country": "CH", "city": "Lyon"})


def test_y_may_be_asked(clinic):
    X, y = clinic[["age", "bmi"]], clinic["ward"]
    model = model_of(X, condition_on="any")
    with pytest.raises(DataError, match="'ward'"):
        model.sample(3, conditions={"ward": "general"})
    joint = model_of(X, y, condition_on=["ward"])
    fake, labels = joint.sample(9, conditions={"ward": "general"}, return_y=True)
    assert (labels == "general").all()
    assert list(fake) == ["age", "bmi"]


def test_rows_are_drawn_in_lots(clinic, monkeypatch):
    model = model_of(clinic, condition_on=["age"], candidates=4)
    monkeypatch.setattr("synthgan.asking.drawing.ROWS_AT_A_TIME", 40)
    fake = model.sample(130, conditions={"age": (20, 60), "sex": "male"})
    assert len(fake) == 130
    assert fake.index.tolist() == list(range(130))
    assert fake["age"].between(20, 60).all()
    assert fake["sex"].eq("male").all()
    assert fake.dtypes.tolist() == clinic.dtypes.tolist()
    asked = clinic[["age"]].head(100)
    assert model.sample(conditions=asked)["age"].tolist() == asked["age"].tolist()
