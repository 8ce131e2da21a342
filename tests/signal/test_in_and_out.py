import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from synthgan import (
    CNN,
    FCN,
    Loss,
    SignalEncoder,
)
from synthgan.datasets import make_ecg
from synthgan.io.windows import SignalWindows
from tests.signal.quick import FEW, FS_HZ, N_SAMPLES, quick


@parametrize_with_checks([quick()])
@pytest.mark.filterwarnings(FEW)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_tables(ecgs):
    frame = pd.DataFrame(ecgs, columns=[f"t{i}" for i in range(N_SAMPLES)])
    frame.index = [f"patient{i}" for i in range(40)]
    model = quick().fit(frame)
    fake = model.sample(3)
    assert list(fake.columns) == list(frame.columns)
    assert fake.index.tolist() == ["0", "1", "2"]
    assert (fake.dtypes == frame.dtypes).all()
    assert list(model.feature_names_in_) == list(frame.columns)
    assert (model.n_features_in_, model.n_samples_, model.n_leads_) == (N_SAMPLES, N_SAMPLES, 1)
    polars = pytest.importorskip("polars")
    table = polars.from_pandas(frame.astype("float32"))
    fake = quick(fs_hz=FS_HZ).fit(table)
    assert fake.sample(2).schema == table.schema
    assert fake.sample(2, duration_s=3).shape == (2, 375)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_arrays(ecgs, dtype):
    flat = (1000 * ecgs).astype(dtype)
    fake = quick().fit(flat).sample(3)
    assert (type(fake), fake.shape, fake.dtype) == (np.ndarray, (3, N_SAMPLES), flat.dtype)
    cube = flat.reshape(40, 2, 125)
    fake = quick().fit(cube).sample(3)
    assert (fake.shape, fake.dtype) == ((3, 2, 125), cube.dtype)
    assert quick().fit(flat.tolist()).sample().shape == (1, N_SAMPLES)


def test_signal_windows(model, records):
    fake = model.sample(4)
    assert (fake.leads, fake.units, fake.fs_hz) == (records.leads, records.units, FS_HZ)
    assert fake.values.dtype == np.float32
    assert len(fake.info) == 4
    assert "patient" not in fake.info
    assert model.fs_hz_ == FS_HZ


def test_all_leads_hang_together():
    leads = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2")
    values = make_ecg(20, n_samples=100, fs_hz=100, leads=leads, random_state=0)
    model = quick().fit(SignalWindows(values, 100, leads))
    assert model.grid_shape_ == (4, 10, 10)
    for fake in (model.sample(3), model.sample(3, duration_s=3)):
        one, two = fake.lead("i"), fake.lead("ii")
        assert fake.lead("iii") == pytest.approx(two - one, abs=1e-12)
        assert fake.lead("avr") == pytest.approx(-(one + two) / 2, abs=1e-12)
        assert fake.leads == leads


@pytest.mark.parametrize("network", ["cnn1d", "cnn", "fcn", CNN(width=4), FCN(width=(8, 9))])
@pytest.mark.parametrize("scaling", ["whiten", "minmax"])
def test_networks_and_scalings(ecgs, network, scaling):
    small = ecgs[:, :81].reshape(40, 3, 27)
    model = quick(network=network, encoder=SignalEncoder(scaling)).fit(small, ecgs[:, 0] > 0)
    fake, y = model.sample(2, return_y=True)
    assert fake.shape == (2, 3, 27)
    assert y.dtype == bool
    assert np.isfinite(fake).all()
    if scaling == "minmax":
        assert (fake >= small.min(axis=(0, 2))[:, None]).all()
        assert (fake <= small.max(axis=(0, 2))[:, None]).all()


@pytest.mark.parametrize("loss", ["relativistic", "bce", "hinge", "wgan-gp", Loss(penalty=3)])
def test_losses(ecgs, loss):
    assert quick(loss=loss).fit(ecgs[:, :60]).sample(2).shape == (2, 60)


@pytest.mark.filterwarnings(FEW)
def test_few_windows(ecgs):
    assert quick().fit(ecgs[:2]).sample(3).shape == (3, N_SAMPLES)
    assert quick().fit(np.ones((2, 1))).sample(3).tolist() == [[1.0]] * 3
    assert quick().fit(ecgs[:, :1]).sample(3).shape == (3, 1)


def test_none(ecgs, model):
    assert len(model.sample(0)) == 0
    assert len(model.sample(0, {"diagnosis": "healthy"}, duration_s=4)) == 0
    X, y = quick(network="fcn").fit(ecgs, ecgs[:, 0] > 0).sample(0, return_y=True)
    assert X.shape == (0, N_SAMPLES)
    assert (y.shape, y.dtype) == ((0,), bool)
    assert quick(network="cnn").fit(ecgs[:, :50]).sample(0).shape == (0, 50)
