import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from synthgan import (
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_ecg
from synthgan.exceptions import (
    DataError,
    ParameterError,
)
from synthgan.io.windows import SignalWindows
from tests.signal.quick import FS_HZ, N_SAMPLES, TINY, quick


@pytest.mark.parametrize(
    ("preset", "generator", "discriminator", "batch_size", "epochs"),
    [("thesis-ecg-fcn", 2.76, 2.73, 52, 165), ("thesis-ecg-cnn", 3.65, 1.49, 30, 200)],
)
def test_presets(preset, generator, discriminator, batch_size, epochs):
    windows = make_ecg(40, n_samples=2025, random_state=0)
    model = SignalGANSynthesizer(preset, max_steps=1, random_state=0).fit(windows)
    assert model.grid_shape_ == (45, 45)
    assert model.encoder_.limits_.tolist() == [[-2.0, 2.0]]
    networks = model.network_.build((45, 45), 0, 100)
    sizes = [sum(p.numel() for p in network.parameters()) / 1e6 for network in networks]
    assert sizes == pytest.approx([generator, discriminator], abs=0.005)
    fake = model.sample(3)
    assert fake.shape == (3, 2025)
    assert np.abs(fake).max() <= 2
    again = model.encoder_.inverse_transform(model.encoder_.transform(fake))
    assert np.allclose(again, fake)  # samples lie in the middle of grey levels
    chosen = SignalGANSynthesizer.presets[preset].parameters
    assert (chosen["batch_size"], chosen["epochs"]) == (batch_size, epochs)
    assert model.loss is None  # what the preset says is not written into the parameters
    if preset == "thesis-ecg-fcn":
        linear = [m for m in networks[1].modules() if isinstance(m, torch.nn.Linear)]
        widths = [m.in_features for m in linear] + [1]
        assert widths == [2025, 1024, 512, 256, 1]
    else:
        assert chosen["loss"].threshold == 0.01


def test_parameters_win_over_the_preset(ecgs):
    model = SignalGANSynthesizer("thesis-ecg-fcn", network=TINY, epochs=1, batch_size=20).fit(ecgs)
    assert model.network_.width == 6
    assert model.n_steps_ == 2
    assert model.sample(2).shape == (2, N_SAMPLES)
    with pytest.raises(ParameterError, match="make a 45 x 45 grid; 16 x 16 is needed"):
        SignalGANSynthesizer("thesis-ecg-cnn").fit(ecgs)
    with pytest.raises(
        ParameterError, match=r"preset='thesis-ecg-fcn' is unknown; known are \['th"
    ):
        TabularGANSynthesizer("thesis-ecg-fcn").fit(ecgs[:, :3])


def test_pipeline_and_search(ecgs):
    halve = FunctionTransformer(lambda windows: windows[:, ::2])
    pipeline = make_pipeline(halve, quick()).fit(ecgs)
    assert pipeline[-1].sample(2).shape == (2, 125)
    assert 0 <= pipeline.score(ecgs) <= 1
    search = GridSearchCV(quick(), {"network__width": [4, 6]}, cv=2).fit(ecgs[:, :64])
    assert search.best_estimator_.sample(2).shape == (2, 64)


def test_parts_are_not_changed_by_fit(ecgs):
    encoder = SignalEncoder()
    model = quick(encoder=encoder).fit(ecgs)
    assert not hasattr(encoder, "container_")
    assert model.encoder_ is not encoder
    before = ecgs.copy()
    quick().fit(ecgs).score(ecgs)
    assert np.array_equal(before, ecgs)


def test_score(model, records, ecgs):
    assert 0 <= model.score(records) <= 1
    assert model.score(records) == model.score(records[np.arange(40)])
    assert model.score(records) == model.set_params(random_state=7).score(records)
    model.set_params(random_state=0)
    far = SignalWindows(1e3 * records.values + 50, FS_HZ, "i")
    assert model.score(far) < 0.3
    assert 0 <= model.score(records[:2]) <= 1
    for fs_hz in (None, 0.01, 1.0, 40.0, 1e5):  # windows of minutes and of milliseconds
        for n_samples in (3, 40):
            short = ecgs[:, :n_samples]
            assert 0 <= quick(fs_hz=fs_hz).fit(short).score(short) <= 1


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((3, 1, 99)), DataError, r"\(leads, samples\) = \(1, 99\); \(1, 250\) was learnt"),
        (np.zeros((3, 2, 250)), DataError, r"= \(2, 250\); \(1, 250\) was learnt"),
        (np.zeros((3, 99)), ValueError, "X has 99 features, but SignalGANSynthesizer is expecting"),
        (np.zeros((1, 250)), ValueError, "minimum of 2 is required"),
        (np.full((3, 250), np.nan), ValueError, "Input X contains NaN"),
        (np.zeros((3, 250)), DataError, "all real windows are constant"),
        (
            SignalWindows(np.zeros((3, 1, 250)), 500, "i"),
            DataError,
            r"windows have fs_hz=500.0; 125.0 was learnt",
        ),
        (SignalWindows(np.zeros((3, 1, 250)), FS_HZ, "v1"), DataError, r"leads=\('v1',\); \('i',"),
    ],
)
def test_score_of_other_windows(model, X, error, message):
    with pytest.raises(error, match=message):
        model.score(X)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: np.where(x > 0.3, np.nan, x), ValueError, "Input X contains NaN"),
        (lambda x: np.where(x > 0.3, np.inf, x)[:, None], ValueError, "contains infinity"),
        (lambda x: x[:0], ValueError, r"0 sample\(s\)"),
        (lambda x: x[:1], ValueError, "minimum of 2 is required"),
        (lambda x: x[:1, None], ValueError, "minimum of 2 is required"),
        (lambda x: x[:, :0], ValueError, r"0 feature\(s\)"),
        (lambda x: x[0], ValueError, "Expected 2D array, got 1D array"),
        (lambda x: x[:, None, None], ValueError, "Found array with dim 4"),
        (
            lambda x: x.astype(str)[:, :9].astype("U3") + "mV",
            ValueError,
            "could not convert string",
        ),
        (lambda x: "records/", ValueError, "Expected 2D array|could not convert"),
        (lambda x: None, ValueError, "Expected 2D array"),
        (lambda x: [x[0], x[1, :9]], ValueError, "inhomogeneous shape"),
        (lambda x: pd.DataFrame(x).assign(who="me"), ValueError, "string names|could not convert"),
    ],
)
def test_bad_windows(ecgs, change, error, message):
    with pytest.raises((error, TypeError), match=message):
        quick().fit(change(ecgs))


def test_bad_targets(ecgs):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        quick().fit(ecgs, [1, 2])
    with pytest.raises(DataError, match="there are 3 labelled records; labels need at least 5"):
        quick().fit(ecgs[:3], [0, 1, 0])


def test_before_fit():
    for call in (lambda m: m.sample(1), lambda m: m.score([[1.0]]), lambda m: m.save("x")):
        with pytest.raises(NotFittedError, match="SignalGANSynthesizer instance is not fitted"):
            call(quick())
