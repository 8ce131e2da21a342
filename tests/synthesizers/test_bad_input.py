"""Every bad input: one sentence that names what is wrong, before training."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from synthgan import (
    CNN,
    FCN,
    Adam,
    Checkpoint,
    GridEncoder,
    ImageEncoder,
    ImageGANSynthesizer,
    Loss,
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.exceptions import (
    DataError,
    DataWarning,
    ParameterError,
    SynthganError,
)
from synthgan.io.windows import SignalWindows
from synthgan.synthesizers.parameters import read_seconds
from tests.quick import GOOD, PIXELS, WAVES


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (GOOD[:0], DataError, r"too few rows \(n_samples=0"),
        (GOOD[:1], DataError, r"too few rows \(n_samples=1.*at least 2"),
        (GOOD[:3], DataError, r"too few rows \(n_samples=3.*at least 5"),
        (GOOD[[]], DataError, r"the table has no columns"),
        (GOOD.assign(x=[1, np.inf, 2] * 5), DataError, r"column 'x' holds 5 infinite"),
        (np.array([[1.0], [np.inf]]), ValueError, r"infinity"),
        (GOOD.set_axis(["a", "a"], axis=1), DataError, r"\['a'\] occur more than once"),
        (GOOD.assign(x=[1, "b", 2.5] * 5), DataError, r"column 'x' holds values of several types"),
        (GOOD.assign(x=[[1], [2], [3]] * 5), DataError, r"column 'x' holds objects of type list"),
        (GOOD.assign(x=[1j, 2j, 3j] * 5), DataError, r"column 'x' has dtype complex128"),
        (
            GOOD.set_axis([True, "y"], axis=1),
            DataError,
            r"column names must be strings or numbers; got True",
        ),
        (GOOD["x"], DataError, r"X is a Series, which has one axis"),
        (np.ma.masked_array(np.ones((9, 2)), np.eye(9, 2)), DataError, r"X is a masked array"),
        (
            GOOD.assign(z=pd.Categorical([10**30, 10**31, 10**32] * 5)),
            DataError,
            r"column 'z' has a category 10{30}; .* integers of 64 bits",
        ),
        (
            GOOD.assign(z=pd.Series([(1, 2), (3, 4), (5, 6)] * 5, dtype="category")),
            DataError,
            r"column 'z' has a category \(1, 2\); categories are single values",
        ),
        (GOOD.rename(columns={"x": 1}), TypeError, r"string names"),
        ([1.0, 2.0], ValueError, r"Expected 2D array"),
        (np.zeros((2, 2, 2)), ValueError, r"dim 3"),
        ("table.csv", DataError, "'table.csv' cannot be read: No such file"),
        (None, ValueError, r"Expected 2D array|NoneType"),
        (np.array([["a"], ["b"]]), ValueError, r"could not convert string|numeric"),
    ],
)
def test_data(data, error, message):
    with pytest.raises(error, match=message):
        TabularGANSynthesizer(epochs=1).fit(data)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"preset": "thesis"}, ParameterError, r"preset='thesis' is unknown; known are \['thesis"),
        ({"preset": 3}, ValueError, r"The 'preset' parameter"),
        ({"encoder": "grid"}, ParameterError, r"encoder='grid' is not allowed"),
        ({"network": "mlp"}, ParameterError, r"network='mlp' is not allowed"),
        ({"loss": "mse"}, ParameterError, r"loss='mse' is not allowed"),
        ({"loss": 1}, ParameterError, r"loss=1 is not allowed"),
        ({"optimizer": "sgd"}, ValueError, r"The 'optimizer' parameter"),
        ({"network": FCN(latent_dim=0)}, ValueError, r"The 'latent_dim' parameter of FCN"),
        ({"max_steps": 0}, ValueError, r"The 'max_steps' parameter"),
        ({"max_time": 0.0}, ValueError, r"The 'max_time' parameter"),
        ({"max_time": "soon"}, ParameterError, r"max_time='soon' is not allowed; .*'10min'"),
        ({"max_time": "-3s"}, ParameterError, r"max_time='-3s' is not allowed"),
        ({"candidates": 0}, ValueError, r"The 'candidates' parameter"),
        ({"condition_on": "y"}, ValueError, r"The 'condition_on' parameter"),
        ({"condition_on": ["z"]}, ParameterError, r"condition_on names \['z'\], .*columns are"),
        ({"constraints": "all"}, ValueError, r"The 'constraints' parameter"),
        ({"constraints": [len]}, ParameterError, r"constraints hold \[.*len.*; give 'auto'"),
        ({"epochs": 0}, ValueError, r"The 'epochs' parameter .* Got 0"),
        ({"epochs": 1.5}, ValueError, r"The 'epochs' parameter"),
        ({"batch_size": 1}, ValueError, r"The 'batch_size' parameter"),
        ({"loss": Loss(threshold=-1)}, ValueError, r"The 'threshold' parameter of Loss"),
        ({"device": "tpu"}, ParameterError, r"device='tpu' is not there"),
        ({"device": "cpu:x"}, ParameterError, r"device='cpu:x' is no device"),
        ({"device": 3}, ValueError, r"The 'device' parameter"),
        ({"random_state": "x"}, ValueError, r"The 'random_state' parameter"),
        ({"callbacks": print}, ValueError, r"The 'callbacks' parameter"),
        (
            {"callbacks": [Checkpoint("a"), Checkpoint("b")]},
            ParameterError,
            r"callbacks hold more than one Checkpoint",
        ),
        ({"callbacks": [Checkpoint(None)]}, ParameterError, r"Checkpoint\(folder=None\) is not"),
        ({"callbacks": [Checkpoint("")]}, ParameterError, r"Checkpoint\(folder=''\) is not"),
        ({"callbacks": [print]}, ParameterError, r"callbacks hold .*print.*; give Callback"),
        ({"network": FCN(width=0)}, ValueError, r"The 'width' parameter of FCN"),
        ({"network": FCN(width=(4, -1))}, ParameterError, r"width=\(4, -1\) is not allowed"),
        ({"network": FCN(depth=-1)}, ValueError, r"The 'depth' parameter of FCN"),
        ({"network": CNN(width="wide")}, ValueError, r"The 'width' parameter of CNN"),
        ({"network": CNN(generator_layers=[(3, 3)])}, ParameterError, r"generator_layers=.* four"),
        ({"loss": Loss(penalty_every=0)}, ValueError, r"The 'penalty_every' parameter of Loss"),
        (
            {"optimizer": Adam(learning_rate=0)},
            ValueError,
            r"The 'learning_rate' parameter of Adam",
        ),
        ({"optimizer": Adam(betas=(0.5, 1.5))}, ParameterError, r"betas=\(0.5, 1.5\) is not"),
    ],
)
def test_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        TabularGANSynthesizer(**{"epochs": 1, **parameters}).fit(GOOD)


def test_y():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TabularGANSynthesizer(epochs=1).fit(GOOD, [1, 2])
    with pytest.raises(DataError, match=r"y has shape \(15, 1, 1\)"):
        TabularGANSynthesizer(epochs=1).fit(GOOD, np.zeros((15, 1, 1)))


def test_going_on_with_a_warning():
    empty = GOOD.assign(z=np.nan)
    with pytest.warns(DataWarning, match="column 'z' has no values"):
        fake = TabularGANSynthesizer(epochs=1).fit(empty).sample(2)
    assert fake["z"].isna().all()


@pytest.mark.parametrize(
    ("table", "named"),
    [
        (GOOD.set_axis(pd.to_datetime(["2020", "2021"]), axis=1), "column name Timestamp"),
        (GOOD.set_axis([("a", "b"), ("a", "c")], axis=1), r"column name \('a', 'b'\)"),
        (
            GOOD.assign(z=pd.Categorical(pd.to_datetime(["2020", "2021", "2022"] * 5))),
            "column 'z' has a category Timestamp",
        ),
    ],
)
def test_what_cannot_be_saved_is_refused_before_training(table, named, tmp_path):
    with pytest.warns(DataWarning, match=f"can be used, but not saved: {named}"):
        model = TabularGANSynthesizer(network=FCN(width=8, depth=1), max_steps=1).fit(table)
    assert model.sample(3).columns.tolist() == table.columns.tolist()
    with pytest.raises(SynthganError, match=named):
        model.save(tmp_path / "m")


def test_other_columns_after_fit():
    model = TabularGANSynthesizer(epochs=1).fit(GOOD)
    with pytest.raises(ValueError, match="feature names"):
        model.score(GOOD.rename(columns={"x": "z"}))


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("1.5", 1.5), ("10min", 600), (30, 30), (None, None)]
)
def test_a_time_limit_without_a_unit_is_in_seconds(given, seconds):
    assert read_seconds(given) == seconds


# What was called, with what, the class of the error, and what it says.
@pytest.mark.parametrize(
    ("parameters", "data", "error", "message"),
    [
        ({}, "records", ValueError, r"could not convert string to float: 'records'"),
        ({}, None, ValueError, r"Expected 2D array"),
        ({}, [1.0, 2.0], ValueError, r"Expected 2D array, got 1D"),
        ({}, np.zeros((2, 2, 2, 2)), ValueError, r"array with dim 4"),
        ({}, np.array([["a", "b"]] * 4), ValueError, r"could not convert string to float"),
        ({}, np.where(WAVES > 0.99, np.nan, WAVES), ValueError, r"contains NaN"),
        ({}, np.where(WAVES > 0.99, np.inf, WAVES), ValueError, r"contains infinity"),
        ({}, WAVES[:1], ValueError, r"1 sample\(s\) .*minimum of 2"),
        ({}, WAVES[:0], ValueError, r"0 sample\(s\) .*minimum of 2"),
        ({}, WAVES[:, :0], ValueError, r"0 feature\(s\) .*minimum of 1"),
        ({"fs_hz": 0}, WAVES, ValueError, r"The 'fs_hz' parameter of SignalGANSynthesizer"),
        (
            {"fs_hz": 10},
            SignalWindows(WAVES[:, None], 25.0, ["i"]),
            ParameterError,
            r"fs_hz=10 does not fit the windows, which have 25 Hz",
        ),
        ({"condition_on": ["age"]}, WAVES, ParameterError, r"names \['age'\]; known are \['heart"),
        ({"condition_on": ["heart_rate_bpm"]}, WAVES, ParameterError, r"needs fs_hz"),
        ({"condition_on": "age"}, WAVES, ValueError, r"The 'condition_on' parameter"),
        ({"preset": "thesis-thyroid"}, WAVES, ParameterError, r"'thesis-thyroid' is unknown"),
        ({"encoder": GridEncoder()}, WAVES, ParameterError, r"give one of class SignalEncoder"),
        ({"encoder": SignalEncoder(scaling="x")}, WAVES, ValueError, r"The 'scaling' parameter"),
        (
            {"encoder": SignalEncoder(scaling="minmax", limits=(2, -2))},
            WAVES,
            ParameterError,
            r"limits=\(2, -2\) is not allowed; .* low < high",
        ),
    ],
)
def test_signals(parameters, data, error, message):
    with pytest.raises(error, match=message):
        SignalGANSynthesizer(**{"max_steps": 1, **parameters}).fit(data)


def test_signals_of_too_few_labels():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SignalGANSynthesizer(max_steps=1).fit(WAVES, ["a", "b"])


@pytest.mark.parametrize(
    ("parameters", "data", "error", "message"),
    [
        ({}, "none.zip", DataError, r"'none.zip' is neither a file nor a folder"),
        ({}, ["a.png"] * 2, DataError, r"none of 2 images can be read: 'a.png' \(no such file\)"),
        ({}, pd.DataFrame({"path": ["a.png", "b.png"]}), DataError, r"'b.png' \(no such file\)"),
        ({}, pd.DataFrame({"a": ["x"], "b": ["y"]}), DataError, r"path"),
        ({}, None, ValueError, r"Expected 2D array"),
        ({}, [1, 2], ValueError, r"Expected 2D array"),
        (
            {},
            np.zeros((5, 8, 8, 2)),
            DataError,
            r"\(5, 8, 8, 2\) does not hold images; .* 1 or 3 chann",
        ),
        ({}, np.zeros((5, 0, 8)), DataError, r"\(5, 0, 8\) hold no pixel"),
        ({}, np.full((5, 8, 8), np.nan), ValueError, r"contains NaN"),
        ({}, PIXELS[:1], DataError, r"n_samples=1 images .* minimum of 2"),
        ({"size": 4}, PIXELS, ParameterError, r"size=4 is for files; these images are 8 x 8"),
        ({"size": (0, 8)}, PIXELS, ParameterError, r"size=\(0, 8\) is not allowed"),
        ({"size": "8x8"}, PIXELS, ParameterError, r"size='8x8' is not allowed"),
        ({"color": "cmyk"}, PIXELS, ValueError, r"The 'color' parameter"),
        ({"crop": "yes"}, PIXELS, ValueError, r"The 'crop' parameter"),
        ({"on_error": "ignore"}, PIXELS, ValueError, r"The 'on_error' parameter"),
        ({"condition_on": ["folder"]}, PIXELS, ParameterError, r"\['folder'\]; known are \[\]"),
        ({"preset": "thesis-ecg-fcn"}, PIXELS, ParameterError, r"known are \['thesis-finger"),
        ({"encoder": SignalEncoder()}, PIXELS, ParameterError, r"give one of class ImageEncoder"),
        (
            {"encoder": ImageEncoder(shape=(3, 3))},
            np.zeros((5, 8)),
            ParameterError,
            r"shape=\(3, 3\) does not fit rows of 8 pixels",
        ),
    ],
)
def test_images(parameters, data, error, message):
    with pytest.raises(error, match=message):
        ImageGANSynthesizer(**{"max_steps": 1, **parameters}).fit(data)


@pytest.fixture(scope="module")
def fitted():
    labels = np.array(["a", "b"] * 15)
    table = GOOD.assign(k=range(15))
    quick = {"max_steps": 2, "random_state": 0}
    return SimpleNamespace(
        table=TabularGANSynthesizer(condition_on="any", **quick).fit(table),
        signal=SignalGANSynthesizer(fs_hz=25.0, **quick).fit(WAVES, labels),
        image=ImageGANSynthesizer(**quick).fit(PIXELS, labels),
    )


@pytest.mark.parametrize(
    ("kind", "words", "error", "message"),
    [
        ("table", {"n": -1}, ParameterError, r"n=-1 is not allowed"),
        ("table", {"n": 1.5}, ParameterError, r"n=1.5 is not allowed"),
        ("table", {"n": "3"}, ParameterError, r"n='3' is not allowed"),
        ("table", {"n": True}, ParameterError, r"n=True is not allowed"),
        (
            "table",
            {"n": 10**15},
            ParameterError,
            r"of \d+ values need [\d,.]+ GB; .* free: ask for",
        ),
        ("table", {"random_state": "x"}, ValueError, r"'x' cannot be used to seed"),
        ("table", {"random_state": -1}, ParameterError, r"random_state=-1 is not allowed: Seed"),
        ("table", {"return_y": True}, ParameterError, r"return_y=True needs a model .* with y"),
        ("table", {"conditions": "y=a"}, ParameterError, r"conditions='y=a' are not allowed"),
        ("table", {"conditions": ["y"]}, ParameterError, r"give a dict .* or a DataFrame"),
        ("table", {"conditions": {"z": 1}}, DataError, r"column 'z', .* its columns are \['x'"),
        ("table", {"conditions": {"y": "q"}}, DataError, r"column 'y': level 'q' is not known"),
        (
            "table",
            {"conditions": {"y": []}},
            ParameterError,
            r"no values for column 'y'; give at least",
        ),
        ("table", {"conditions": {"k": 1e9}}, DataError, r"column 'k'"),
        (
            "table",
            {"conditions": {"k": (3, 1)}},
            ParameterError,
            r"column 'k'; give two ends, low <= high",
        ),
        ("table", {"conditions": {"k": "one"}}, DataError, r"column 'k' .* cannot hold"),
        ("table", {"conditions": {"x": np.nan}}, ParameterError, r"missing value for column 'x'"),
        (
            "table",
            {"conditions": {"x": 1j}},
            ParameterError,
            r"give 1j for column 'x'; give a value",
        ),
        (
            "table",
            {"conditions": {"x": {}}},
            ParameterError,
            r"give {} for column 'x'; give a value",
        ),
        (
            "table",
            {"n": 3, "conditions": {"x": pd.Series([1.0, 2.0])}},
            ParameterError,
            r"2 values for column 'x'; give one for each of 3",
        ),
        (
            "table",
            {"conditions": pd.DataFrame([["a", "b"]], columns=["y", "y"])},
            ParameterError,
            r"conditions have column 'y' more than once",
        ),
        ("table", {"conditions": {"x": np.inf}}, DataError, r"column 'x' holds .* infinite"),
        (
            "table",
            {"n": 3, "conditions": pd.DataFrame({"y": ["a", "b"]})},
            ParameterError,
            r"n=3 does not match the conditions of 2 rows",
        ),
        ("signal", {"conditions": {"z": 1}}, DataError, r"\['z'\]; known are"),
        ("signal", {"conditions": {"y": "q"}}, DataError, r"column 'y': level 'q' is not known"),
        ("signal", {"conditions": {"heart_rate_bpm": (60, 70)}}, DataError, r"heart_rate_bpm"),
        ("signal", {"duration_s": 0}, ParameterError, r"duration_s=0 is not allowed"),
        ("signal", {"duration_s": np.nan}, ParameterError, r"duration_s=nan is not allowed"),
        ("signal", {"duration_s": "long"}, ParameterError, r"duration_s='long' is not allowed"),
        ("signal", {"duration_s": 1e12}, ParameterError, r"1 record\(s\) of 25000000000000 value"),
        ("image", {"n": -2}, ParameterError, r"n=-2 is not allowed"),
        ("image", {"n": 10**12}, ParameterError, r"GB are free: ask for less"),
        ("image", {"conditions": {"y": "q"}}, DataError, r"column 'y': level 'q' is not known"),
    ],
)
def test_asking(fitted, kind, words, error, message):
    with pytest.raises(error, match=message):
        getattr(fitted, kind).sample(**words)


@pytest.mark.parametrize(
    ("kind", "data", "error", "message"),
    [
        ("table", GOOD, ValueError, r"yet now missing:\n- k"),
        ("table", GOOD[:0].assign(k=0), DataError, r"the real table has no rows"),
        ("signal", WAVES[:, :10], ValueError, r"X has 10 features, .* expecting 50"),
        ("image", PIXELS[:, :4], DataError, r"images are 4 x 8; 8 x 8 was learnt"),
        ("image", "none", DataError, r"'none' is neither a file nor a folder"),
    ],
)
def test_scoring(fitted, kind, data, error, message):
    with pytest.raises(error, match=message):
        getattr(fitted, kind).score(data)


UNFITTED = [TabularGANSynthesizer, SignalGANSynthesizer, ImageGANSynthesizer]


@pytest.mark.parametrize("cls", UNFITTED)
def test_before_fit(cls, tmp_path):
    for call in (lambda m: m.sample(1), lambda m: m.save(tmp_path / "m"), lambda m: m.score(GOOD)):
        with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not fitted"):
            call(cls())
