"""Every bad input of fit: one sentence, before training."""

import numpy as np
import pandas as pd
import pytest

from synthgan import CNN, FCN, Adam, Loss, TabularGANSynthesizer
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.parameters import read_seconds

GOOD = pd.DataFrame({"x": [1.0, 2.0, 3.0] * 5, "y": ["a", "b", "a"] * 5})


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (GOOD[:0], DataError, r"too few rows \(n_samples=0"),
        (GOOD[:1], DataError, r"too few rows \(n_samples=1.*at least 2"),
        (GOOD[:3], DataError, r"too few rows \(n_samples=3.*at least 5"),
        (GOOD[[]], DataError, r"the table has no columns"),
        (GOOD.assign(x=[1, np.inf, 2] * 5), DataError, r"column 'x' holds 5 infinite"),
        (np.array([[1.0], [np.inf]]), ValueError, r"infinity"),
        (GOOD.set_axis(["a", "a"], axis=1), DataError, r"\['a'\] stand more than once"),
        (GOOD.assign(x=[1, "b", 2.5] * 5), DataError, r"column 'x' holds values of several types"),
        (GOOD.assign(x=[[1], [2], [3]] * 5), DataError, r"column 'x' holds objects of type list"),
        (GOOD.assign(x=[1j, 2j, 3j] * 5), DataError, r"column 'x' has dtype complex128"),
        (GOOD.rename(columns={"x": 1}), TypeError, r"string names"),
        ([1.0, 2.0], ValueError, r"Expected 2D array"),
        (np.zeros((2, 2, 2)), ValueError, r"dim 3"),
        ("table.csv", ValueError, r"Expected 2D array|could not convert"),
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
    with pytest.warns(DataWarning, match="column 'z' has no value at all"):
        fake = TabularGANSynthesizer(epochs=1).fit(empty).sample(2)
    assert fake["z"].isna().all()


def test_other_columns_after_fit():
    model = TabularGANSynthesizer(epochs=1).fit(GOOD)
    with pytest.raises(ValueError, match="feature names"):
        model.score(GOOD.rename(columns={"x": "z"}))


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("1.5", 1.5), ("10min", 600), (30, 30), (None, None)]
)
def test_a_time_limit_without_a_unit_is_in_seconds(given, seconds):
    assert read_seconds(given) == seconds
