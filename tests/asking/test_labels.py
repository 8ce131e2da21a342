"""Labels beside signals: asked, told, drawn, stored."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.asking.labels import Labels
from synthgan.exceptions import DataError, DataWarning, ParameterError

N = 60
NOTHING = pd.DataFrame(index=range(N))


def records(seed=0):
    """Diagnoses and where they sit: only infarctions sit anywhere."""
    rng = np.random.default_rng(seed)
    y = pd.DataFrame({"diagnosis": np.repeat(["healthy", "infarction"], N // 2)})
    y["site"] = np.where(y["diagnosis"] == "healthy", "none", rng.choice(["front", "back"], N))
    given = pd.DataFrame({"age": rng.integers(30, 90, N) + 0.5, "sex": rng.choice(["f", "m"], N)})
    measured = pd.DataFrame({"rate": rng.normal(70, 8, N)})
    return given, measured, y


def fitted(**other):
    given, measured, y = records()
    arguments = {"given": given, "measured": measured, "y": y, **other}
    return Labels.fit(**arguments)


def ask(labels, conditions, n=200, with_y=True, seed=0):
    rng = np.random.default_rng(seed)
    wanted = labels.read_conditions(conditions, n, with_y, rng)
    told, known = labels.draw_given(wanted, np.arange(n), rng)
    return wanted, told, known


def test_conditions_of_the_networks():
    labels, cells = fitted()
    assert cells.shape == (N, np.prod(labels.encoder.grid_shape_))
    assert [g.column for g in labels.groups] == ["diagnosis", "site", "age", "sex", "rate"]
    assert labels.measured == ["rate"]
    assert labels.y_names == ["diagnosis", "site"]
    assert labels.y_shares.sum() == pytest.approx(1)
    assert all(cell < cells.shape[1] for g in labels.groups for cell in g.cells)


def test_nothing_to_know():
    labels, cells = Labels.fit(NOTHING, NOTHING, None)
    assert cells is None
    assert labels.groups == []
    assert not labels.read_conditions(None, 3, False, np.random.default_rng(0))
    told, known = labels.draw_given(labels.read_conditions({}, 3, False, None), np.arange(3), None)
    assert known is None
    assert told.shape == (3, 0)
    with pytest.raises(DataError, match=r"conditions have unknown labels \['age'\]; known are"):
        labels.read_conditions({"age": 3}, 3, False, None)


@given(st.integers(0, 99), st.integers(0, 40))
@settings(max_examples=20)
def test_requested_labels_become_conditions(seed, n):
    labels, _ = fitted()
    conditions = {"diagnosis": "healthy", "age": (40, 60), "sex": ["f", "m"], "rate": 70.0}
    wanted, told, (cells, mask) = ask(labels, conditions, n, with_y=False, seed=seed)
    assert len(told) == n
    assert wanted.met(told, np.arange(n)).all()
    assert (told["diagnosis"] == "healthy").all()
    assert told["age"].astype(float).between(40, 60).all()
    assert told["site"].isna().all()
    for group in labels.groups:
        known = group.column != "site"
        assert (mask[:, list(group.cells)] == known).all()
        assert not cells[:, list(group.cells)].any() or known


def test_a_row_for_each_record():
    labels, _ = fitted()
    asked = pd.DataFrame({"sex": ["m", None, "f"], "rate": [60.0, 70.0, np.nan]}, index=[7, 7, 9])
    _, told, (_, mask) = ask(labels, asked, 3, with_y=False)
    assert told["sex"].tolist()[::2] == ["m", "f"]
    cells = {g.column: list(g.cells) for g in labels.groups}
    assert mask[:, cells["sex"]].all(axis=1).tolist() == [True, False, True]
    assert mask[:, cells["rate"]].all(axis=1).tolist() == [True, True, False]


# Targets


def test_open_targets_are_drawn_as_often_as_they_were_learnt():
    labels, _ = fitted()
    _, told, _ = ask(labels, None, 4000)
    _, _, y = records()
    learnt = y.value_counts(normalize=True)
    drawn = told[["diagnosis", "site"]].value_counts(normalize=True)
    assert set(drawn.index) == set(learnt.index)
    assert (drawn - learnt).abs().max() < 0.03


@pytest.mark.parametrize(
    "conditions",
    [
        {"diagnosis": "infarction"},
        {"site": ["front", "back"]},
        {"site": ["front", "none"]},
        {"site": "none", "sex": "f"},
        pd.DataFrame({"diagnosis": ["infarction", "healthy", None, "infarction"] * 50}),
        pd.DataFrame({"site": [None, "back", "none", None] * 50, "age": [40.5] * 200}),
    ],
)
def test_open_targets_go_with_what_is_asked(conditions):
    labels, _ = fitted()
    _, told, _ = ask(labels, conditions)
    pairs = set(zip(told["diagnosis"], told["site"], strict=True))
    assert pairs <= {("healthy", "none"), ("infarction", "front"), ("infarction", "back")}
    for name in conditions:
        asked = conditions[name]
        if isinstance(asked, pd.Series):
            there = asked.notna()
            assert told[name][there].tolist() == asked[there].tolist()
        elif isinstance(asked, list):
            assert set(told[name]) == set(asked)
        else:
            assert (told[name] == asked).all()


def test_what_never_went_together_may_be_asked():
    labels, _ = fitted()
    _, told, _ = ask(labels, {"diagnosis": "healthy", "site": "back"})
    assert (told["diagnosis"] == "healthy").all()
    assert (told["site"] == "back").all()


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(np.arange(N) % 3, name="class", dtype="Int8"),
        pd.Series(np.arange(N) % 2 == 0, name="ill"),
        pd.Series(["a", "b", None] * 20, name="label"),
        pd.Series(["low", "high"] * 30, dtype=pd.CategoricalDtype(["low", "high", "top"], True)),
        pd.Series(pd.to_datetime(["2020-01-01", "2021-06-30"] * 30)),
        np.arange(N) % 4,
        np.array(["x", "y"] * 30),
        np.stack([np.arange(N) % 2, np.arange(N) % 3], axis=1).astype(np.int16),
        np.random.default_rng(0).normal(size=N),
        np.random.default_rng(0).normal(size=(N, 2)),
        (np.arange(N) % 5).tolist(),
    ],
    ids=lambda y: f"{type(y).__name__} {getattr(y, 'dtype', '')}",
)
def test_targets_come_back_in_their_form(y):
    labels, _ = Labels.fit(NOTHING, NOTHING, y)
    _, told, _ = ask(labels, None, 50)
    back = labels.y.restore(told[labels.y_names])
    assert type(back) is (np.ndarray if isinstance(y, list) else type(y))
    real = np.asarray(y) if isinstance(y, list) else y
    assert back.shape == (50, *real.shape[1:])
    if isinstance(y, pd.Series) and isinstance(y.dtype, pd.CategoricalDtype):
        assert list(back.cat.categories) == ["low", "high"]  # no one is "top"
        assert back.cat.ordered
    else:
        assert back.dtype == real.dtype
    if isinstance(y, pd.Series):
        assert back.name == y.name
    if real.dtype.kind != "f":
        ours, theirs = (pd.Series(np.asarray(x).ravel()).dropna() for x in (back, real))
        assert set(ours) <= set(theirs)


def test_measured_numbers_are_met_nearly():
    labels, _ = fitted()
    n = 400
    rng = np.random.default_rng(0)
    wanted = labels.read_conditions({"rate": 70}, n, False, rng)
    rates = pd.DataFrame({"rate": np.linspace(60, 80, n)})
    met = wanted.met(rates, np.arange(n))
    assert np.array_equal(met, rates["rate"].between(0.97 * 70, 1.03 * 70))
    wanted = labels.read_conditions({"rate": [60, 80]}, n, False, rng)
    _, told, _ = ask(labels, {"rate": [60, 80]}, n)
    assert set(told["rate"]) == {60, 80}
    wanted = labels.read_conditions({"rate": (65, 75)}, n, False, rng)
    assert np.array_equal(wanted.met(rates, np.arange(n)), rates["rate"].between(65, 75))
    missing = pd.DataFrame({"rate": [np.nan] * n})
    assert not wanted.met(missing, np.arange(n)).any()
    wanted = labels.read_conditions({"age": 40.5}, n, False, rng)  # other numbers are met exactly
    assert not wanted.met(pd.DataFrame({"age": [41.0] * n}), np.arange(n)).any()


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        ({"weight": 3}, DataError, r"\['weight'\]; known are \['diagnosis', "),
        (pd.DataFrame({"weight": [3]}), DataError, r"those of y and of condition_on in fit"),
        ({"diagnosis": "flu"}, DataError, r"'flu' is not known; known are \['healthy'"),
        ({"rate": 300}, DataError, r"'rate' cannot hold 300.* learnt range is"),
        ({"rate": (300, 400)}, DataError, r"'rate' holds no value between 300.* and 400"),
        ({"rate": [300]}, DataError, r"'rate' cannot hold 300"),
        ({"rate": []}, ParameterError, r"no values for column 'rate'"),
        ({"rate": (80, 60)}, ParameterError, r"low <= high"),
        ({"rate": None}, ParameterError, r"a missing value for column 'rate'"),
        ({"sex": ("f", "m")}, ParameterError, r"a pair \(low, high\) of numbers"),
        ("rate", ParameterError, r"conditions='rate' are not allowed; give a dict"),
    ],
)
def test_what_cannot_be_asked(conditions, error, message):
    labels, _ = fitted()
    with pytest.raises(error, match=message):
        ask(labels, conditions, 1)


def test_names():
    given, measured, y = records()
    with pytest.raises(
        ParameterError, match=r"y and condition_on both have the columns \['sex'\]; leave them"
    ):
        Labels.fit(given, measured, y.rename(columns={"site": "sex"}))
    with pytest.raises(ParameterError, match=r"both have the columns \['rate'\]"):
        Labels.fit(given, measured, y["site"].rename("rate"))
    assert Labels.fit(given, measured, np.arange(N) % 2)[0].y_names == ["y"]
    assert Labels.fit(given, measured, y.set_axis([3, 4], axis=1))[0].y_names == ["y0", "y1"]
    labels, _ = Labels.fit(NOTHING, NOTHING, y["site"].rename(None))
    _, told, _ = ask(labels, {"y": "none"}, 5)
    assert labels.y.restore(told[labels.y_names]).name is None


# What is stored


def stored(labels):
    """Everything an archive gets, as text."""
    record, arrays = labels.to_state()
    numbers = {name: array.tolist() for name, array in arrays.items()}
    return json.dumps([record, numbers], ensure_ascii=False)


def test_what_was_learnt_survives_as_plain_data():
    for labels in (fitted()[0], Labels.fit(NOTHING, NOTHING, None)[0], fitted(y=None)[0]):
        record, arrays = labels.to_state()
        again = Labels.from_state(json.loads(json.dumps(record)), dict(arrays))
        assert again.groups == labels.groups
        assert again.measured == labels.measured
        for conditions in (None, {"age": (40, 50)} if labels.measured else None):
            ours, theirs = (ask(one, conditions, 20)[1] for one in (labels, again))
            pd.testing.assert_frame_equal(ours, theirs)
        assert stored(again) == stored(labels)


def test_no_rare_label_is_stored():
    given, measured, y = records()
    y.loc[:3, "site"] = "Brugada"
    given.loc[:3, "sex"] = "withheld"
    given.loc[9, "age"] = 108.5
    measured.loc[5, "rate"] = 233.75
    with (
        pytest.warns(DataWarning, match="'site' has 4 value.* of 1 label.* rarer than min_support"),
        pytest.warns(DataWarning, match="'sex' has 4 value"),
    ):
        labels, cells = Labels.fit(given, measured, y)
    assert np.isfinite(cells).all()
    text = stored(labels)
    for rare in ("Brugada", "withheld", "108.5", "233.75"):
        assert rare not in text
    assert "infarction" in text
    for number in measured["rate"]:
        assert repr(number) not in text
    with pytest.raises(DataError, match="'Brugada' is not known"):
        ask(labels, {"site": "Brugada"}, 1)
    # A row that few share is not stored, though each of its values is.
    y = pd.DataFrame({"a": np.repeat(["p", "q"], 30), "b": ["r"] * 28 + ["s"] * 32})
    labels, _ = Labels.fit(NOTHING, NOTHING, y)
    _, told, _ = ask(labels, None, 500)
    pairs = set(zip(told["a"], told["b"], strict=True))
    assert ("p", "s") not in pairs
    assert len(pairs) == 2


def test_labels_that_name_records():
    with pytest.warns(DataWarning, match="'y' has 60 value.* of 60 label.*, all rarer than"):
        labels, _ = Labels.fit(NOTHING, NOTHING, [f"patient{i}" for i in range(N)])
    assert "patient7" not in stored(labels)
    _, told, _ = ask(labels, None, 3)
    assert told["y"].isna().all()


def test_bad_labels():
    given, measured, _ = records()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Labels.fit(given, measured, [1, 2])
    with pytest.raises(DataError, match=r"y has shape \(60, 1, 1\)"):
        Labels.fit(given, measured, np.zeros((N, 1, 1)))
    with pytest.raises(DataError, match=r"there are 4 labelled records; labels need at least 5"):
        Labels.fit(NOTHING[:4], NOTHING[:4], [0, 1, 0, 1])
    with pytest.raises(DataError, match="column 'sex' holds values of several types"):
        Labels.fit(given.assign(sex=["f", 1] * 30), measured, None)
