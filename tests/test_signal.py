import io
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import synthgan
from synthgan import (
    CNN,
    FCN,
    Adam,
    CNN1d,
    GridEncoder,
    Loss,
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_ecg
from synthgan.encoding.properties import PROPERTIES
from synthgan.exceptions import (
    ArchiveError,
    DataError,
    DataWarning,
    OutlierWarning,
    ParameterError,
    SamplingError,
)
from synthgan.io.archive import read_archive
from synthgan.io.windows import SignalWindows

TINY = CNN1d(width=6, latent_dim=8)
FS_HZ, N_SAMPLES = 125.0, 250
rates_bpm = PROPERTIES["heart_rate_bpm"]


def quick(**parameters):
    defaults = {"network": TINY, "max_steps": 2, "batch_size": 16, "random_state": 0}
    return SignalGANSynthesizer(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def ecgs():
    # Fast hearts: the noise of a generator that has learnt nothing yet often looks like them.
    rates = (90, 220)
    return make_ecg(40, n_samples=N_SAMPLES, fs_hz=FS_HZ, heart_rate_bpm=rates, random_state=0)


@pytest.fixture(scope="module")
def records(ecgs):
    """Windows as read from records, with labels."""
    rng = np.random.default_rng(0)
    info = pd.DataFrame(
        {
            "patient": [f"patient{i:03d}" for i in range(40)],
            "diagnosis": np.repeat(["healthy", "infarction"], 20),
            "age": rng.integers(30, 90, 40) + 0.5,
        }
    )
    return SignalWindows(ecgs[:, None].astype(np.float32), FS_HZ, "i", "mV", info)


@pytest.fixture(scope="module")
def model(records):
    """Told diagnosis, age and heart rate."""
    return quick(condition_on=("diagnosis", "age", "heart_rate_bpm")).fit(records)


@parametrize_with_checks([quick(), quick(network="fcn", encoder=SignalEncoder("minmax"))])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# In = out


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


# Labels


@pytest.mark.parametrize("form", ["series", "array", "frame", "list"])
def test_targets(ecgs, form):
    diagnosis = pd.Series(np.repeat(["healthy", "infarction"], 20), index=range(40, 80), name="dx")
    y = {
        "series": diagnosis,
        "array": (diagnosis == "healthy").to_numpy().astype("i2"),
        "frame": pd.DataFrame({"dx": diagnosis, "sex": ["f", "m"] * 20}),
        "list": diagnosis.tolist(),
    }[form]
    model = quick().fit(ecgs, y)
    X, back = model.sample(12, return_y=True)
    assert np.array_equal(X, model.sample(12, return_y=True)[0])
    assert type(back) is (np.ndarray if form == "list" else type(y))
    assert len(back) == 12
    if form == "frame":
        assert_frame_equal(back, back.astype(y.dtypes))
        X, back = model.sample(8, {"dx": "healthy"}, return_y=True)
        assert (back["dx"] == "healthy").all()
        assert set(back["sex"]) == {"f", "m"}
    elif form == "series":
        assert (back.name, back.dtype) == ("dx", y.dtype)
    elif form == "array":
        assert back.dtype == y.dtype
        assert (model.sample(5, {"y": 1}, return_y=True)[1] == 1).all()
    with pytest.raises(ParameterError, match="return_y=True needs a model that was fitted with y"):
        quick().fit(ecgs).sample(1, return_y=True)


def test_columns_of_info_may_be_asked(model):
    fake = model.sample(6, {"diagnosis": "infarction", "age": (40, 60)})
    assert (fake.info["diagnosis"] == "infarction").all()
    assert fake.info["age"].astype(float).between(40, 60).all()
    asked = pd.DataFrame({"diagnosis": ["healthy", None, "infarction"], "age": [40.5, 50.5, None]})
    fake = model.sample(conditions=asked)
    assert fake.info["diagnosis"].tolist()[::2] == ["healthy", "infarction"]
    assert fake.info["age"].tolist()[:2] == [40.5, 50.5]
    fake = model.sample(3, {"diagnosis": ["healthy", "infarction"]})
    assert set(fake.info["diagnosis"]) <= {"healthy", "infarction"}
    # The generator is told: another label, another window, from the same noise.
    one, other = (model.sample(2, {"diagnosis": x}).values for x in ("healthy", "infarction"))
    assert not np.allclose(one, other)


def test_the_heart_rate_is_measured_on_the_result(model, ecgs):
    fake = model.sample(5, {"heart_rate_bpm": (140, 170)})
    measured = rates_bpm(fake.values, FS_HZ)
    assert ((measured >= 140) & (measured <= 170)).all()
    assert fake.info["heart_rate_bpm"].tolist() == measured.tolist()
    fake = model.sample(3, {"heart_rate_bpm": 150, "diagnosis": "healthy"})
    assert np.abs(rates_bpm(fake.values, FS_HZ) / 150 - 1).max() <= 0.03
    fake = model.sample(3, {"heart_rate_bpm": [145, 165]})
    apart = np.abs(rates_bpm(fake.values, FS_HZ)[:, None] / [145, 165] - 1)
    assert apart.min(axis=1).max() <= 0.03
    fake = model.sample(2, {"heart_rate_bpm": (140, 170)}, duration_s=4)
    measured = rates_bpm(fake.values, FS_HZ)
    assert ((measured >= 140) & (measured <= 170)).all()
    plain = quick(fs_hz=FS_HZ, condition_on=["heart_rate_bpm"]).fit(ecgs)
    measured = rates_bpm(plain.sample(3, {"heart_rate_bpm": (140, 170)})[:, None], FS_HZ)
    assert ((measured >= 140) & (measured <= 170)).all()
    # Half a second holds no two beats; who asks no rate may have it.
    assert plain.sample(1, duration_s=0.5).shape == (1, 62)
    with pytest.raises(DataError, match=r"62 samples at 125 Hz last 0.496 s; .* at least 1 s"):
        plain.sample(1, {"heart_rate_bpm": (140, 170)}, duration_s=0.5)


def test_wishes_that_are_never_met_say_so(model):
    # At 125 Hz, intervals of 50 and 50.5 samples are 150 and 148.5 beats a minute.
    with pytest.raises(
        SamplingError, match=r"0 of 2 rows were made in \d+ tries.*'heart_rate_bpm'.*Train longer"
    ):
        model.sample(2, {"heart_rate_bpm": (148.8, 149.7)})


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        ({"weight": 3}, DataError, r"\['weight'\]; the model knows the labels \['diagnosis', 'age"),
        ({"diagnosis": "flu"}, DataError, r"'flu' is not known; known are \['healthy', 'infarct"),
        ({"heart_rate_bpm": 300}, DataError, r"cannot hold 300.*learnt range"),
        ({"heart_rate_bpm": (90, 60)}, ParameterError, r"low <= high"),
        ("healthy", ParameterError, r"conditions='healthy' are not allowed"),
    ],
)
def test_impossible_conditions(model, conditions, error, message):
    with pytest.raises(error, match=message):
        model.sample(3, conditions)


def test_numbers_of_windows(model, ecgs):
    asked = pd.DataFrame({"diagnosis": ["healthy"] * 3})
    assert len(model.sample()) == 1
    assert len(model.sample(conditions=asked)) == 3
    with pytest.raises(ParameterError, match="n=4 does not fit conditions of 3 rows"):
        model.sample(4, asked)
    for n in (-1, 2.5, True, "3"):
        with pytest.raises(ParameterError, match=f"n={n!r} is not allowed"):
            model.sample(n)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"condition_on": ["weight"]}, ParameterError, r"\['weight'\]; \['patient', 'diagnosis',"),
        ({"condition_on": "age"}, ValueError, "The 'condition_on' parameter"),
        ({"fs_hz": 500}, ParameterError, r"fs_hz=500 does not fit the windows, which have 125 Hz"),
        ({"fs_hz": 0}, ValueError, "The 'fs_hz' parameter"),
        ({"encoder": GridEncoder()}, ParameterError, r"encoder=GridEncoder\(\) is not allowed"),
        ({"encoder": SignalEncoder(limits=0.1)}, ParameterError, "need scaling='minmax'"),
        ({"encoder": SignalEncoder("zscore")}, ValueError, "The 'scaling' parameter"),
        (
            {"preset": "thesis-thyroid"},
            ParameterError,
            r"known are \['thesis-ecg-cnn', 'thesis-ecg",
        ),
        ({"network": "rnn"}, ParameterError, r"one of \['cnn', 'cnn1d', 'fcn'\]"),
        ({"network": CNN1d(width=0)}, ValueError, "The 'width' parameter of CNN1d"),
        ({"loss": "mse"}, ParameterError, "loss='mse' is not allowed"),
        ({"epochs": 0}, ValueError, "The 'epochs' parameter"),
        ({"max_steps": 0}, ValueError, "The 'max_steps' parameter"),
        ({"max_time": "soon"}, ParameterError, "max_time='soon' is not allowed"),
        ({"batch_size": 1}, ValueError, "The 'batch_size' parameter"),
        ({"callbacks": [print]}, ParameterError, "callbacks hold"),
        ({"device": "tpu"}, ParameterError, "device='tpu' is not there"),
        ({"random_state": "x"}, ValueError, "The 'random_state' parameter"),
        ({"optimizer": Adam(learning_rate=0)}, ValueError, "The 'learning_rate' parameter"),
    ],
)
def test_bad_parameters(records, parameters, error, message):
    with pytest.raises(error, match=message):
        quick(**parameters).fit(records)


def test_conditions_that_cannot_be_learnt(ecgs):
    with pytest.raises(ParameterError, match=r"condition_on names \['diagnosis'\]; \['heart_rate"):
        quick(condition_on=["diagnosis"]).fit(ecgs)
    with pytest.raises(ParameterError, match=r"condition_on=\['heart_rate_bpm'\] needs fs_hz"):
        quick(condition_on=["heart_rate_bpm"]).fit(ecgs)
    with pytest.raises(ParameterError, match="fs_hz=20 is too low to find beats"):
        quick(condition_on=["heart_rate_bpm"], fs_hz=20).fit(ecgs)
    with pytest.raises(DataError, match=r"250 samples at 1000 Hz last 0.25 s"):
        quick(condition_on=["heart_rate_bpm"], fs_hz=1000).fit(ecgs)
    flat = np.zeros((12, N_SAMPLES))
    with pytest.warns(DataWarning, match="'heart_rate_bpm' has no value at all"):
        model = quick(condition_on=["heart_rate_bpm"], fs_hz=FS_HZ).fit(flat)
    with pytest.raises(DataError, match="'heart_rate_bpm'"):
        model.sample(1, {"heart_rate_bpm": 60})


# Longer recordings


def test_any_duration(model, ecgs):
    for duration_s, n_samples in (
        (30, 3750),
        (2.0, 250),
        (0.2, 25),
        (1e-9, 1),
        (np.float32(4), 500),
    ):
        fake = model.sample(2, duration_s=duration_s)
        assert fake.values.shape == (2, 1, n_samples)
        assert np.isfinite(fake.values).all()
    assert np.array_equal(model.sample(2, duration_s=2).values, model.sample(2).values)
    frame = pd.DataFrame(ecgs).add_prefix("t")
    fake = quick(fs_hz=FS_HZ).fit(frame).sample(2, duration_s=4)
    assert fake.columns.tolist() == list(range(500))
    for duration_s in (0, -1, np.inf, np.nan, "30s", True):
        with pytest.raises(ParameterError, match=r"duration_s=.* is not allowed; give seconds"):
            model.sample(1, duration_s=duration_s)


def test_where_there_is_one_length_only(ecgs):
    with pytest.raises(ParameterError, match="duration_s needs fs_hz"):
        quick().fit(ecgs).sample(1, duration_s=3)
    for other in ({"network": "fcn"}, {"encoder": SignalEncoder("minmax")}):
        model = quick(fs_hz=FS_HZ, **other).fit(ecgs)
        assert model.sample(1, duration_s=2).shape == (1, N_SAMPLES)
        with pytest.raises(
            ParameterError, match=r"duration_s=3 needs network='cnn1d' and a Signal"
        ):
            model.sample(1, duration_s=3)
    aligned = np.exp(-(((np.arange(N_SAMPLES) - 125) / 9) ** 2)) + 0.1 * ecgs
    model = quick(fs_hz=FS_HZ).fit(aligned)
    assert not model.encoder_.is_stationary_
    with pytest.raises(
        ParameterError, match="duration_s=3 needs windows that look alike all along"
    ):
        model.sample(1, duration_s=3)


# Randomness


def test_equal_seeds_give_equal_bytes(records):
    first, second = (quick(condition_on=["diagnosis"]).fit(records) for _ in range(2))
    for a, b in zip(first.generator_.parameters(), second.generator_.parameters(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    wish = {"diagnosis": "healthy"}
    for duration_s in (None, 3):
        draws = [
            model.sample(3, wish, random_state=seed, duration_s=duration_s).values
            for model, seed in ((first, 3), (second, 3), (first, 4), (first, None), (second, None))
        ]
        assert np.array_equal(draws[0], draws[1])
        assert not np.array_equal(draws[0], draws[2])
        assert np.array_equal(draws[3], draws[4])
    other = quick(random_state=1).fit(records)
    assert not np.array_equal(other.sample(2).values, first.sample(2).values)
    free = clone(first).set_params(random_state=None).fit(records)
    assert not np.array_equal(free.sample(2).values, free.sample(2).values)


def test_global_random_state_is_left_alone(records, tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    model = quick(condition_on=["heart_rate_bpm"]).fit(records)
    model.sample(2, {"heart_rate_bpm": (140, 170)})
    model.sample(2, duration_s=3)
    model.score(records)
    model.save(tmp_path / "m")
    synthgan.load(tmp_path / "m").sample(1)
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


# Kept models


def assert_alike(one, other):
    for options in (
        {"n": 3},
        {"n": 2, "duration_s": 4},
        {"n": 2, "conditions": {"diagnosis": "healthy", "heart_rate_bpm": (140, 170)}},
    ):
        ours, theirs = one.sample(**options), other.sample(**options)
        assert np.array_equal(ours.values, theirs.values)
        assert_frame_equal(ours.info, theirs.info)
        assert (ours.leads, ours.units, ours.fs_hz) == (theirs.leads, theirs.units, theirs.fs_hz)


def test_archive(model, records, tmp_path):
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert type(again) is SignalGANSynthesizer
    assert_alike(model, again)
    assert again.score(records) == model.score(records)
    assert repr(again) == repr(model)
    assert_frame_equal(again.history_, model.history_)
    assert again.fs_hz_ == FS_HZ
    learnt = {name for name in vars(model) if name.endswith("_")}
    assert learnt <= set(vars(again))
    kernels = [p for p in again.generator_.parameters() if p.dim() == 4 and min(p.shape[1::2]) > 1]
    assert kernels
    assert all(kernel.stride(1) == 1 for kernel in kernels)  # channels last
    with pytest.raises(ArchiveError, match="holds no loadable model"):
        TabularGANSynthesizer.load(tmp_path / "m.synthgan")
    again.save(tmp_path / "again.synthgan")
    assert_alike(model, synthgan.load(tmp_path / "again.synthgan"))


def test_archive_of_tables_and_targets(ecgs, tmp_path):
    frame = pd.DataFrame(ecgs).add_prefix("t")
    y = pd.DataFrame({"dx": np.repeat(["h", "i"], 20), "grade": np.arange(40) % 3})
    model = quick(encoder=SignalEncoder("minmax", limits=(-0.5, 0.5)), network="fcn")
    with pytest.warns(OutlierWarning, match=r"\d+ of 10000 samples clipped"):
        model.fit(frame, y)
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    for ours, theirs in zip(
        model.sample(9, return_y=True), again.sample(9, return_y=True), strict=True
    ):
        assert_frame_equal(ours, theirs)
    assert list(again.feature_names_in_) == list(frame)
    assert again.score(frame) == model.score(frame)
    assert np.array_equal(
        again.encoder_.transform(model.sample(3)), model.encoder_.transform(model.sample(3))
    )
    plain = quick().fit(ecgs)
    plain.save(tmp_path / "m")
    assert np.array_equal(synthgan.load(tmp_path / "m").sample(2), plain.sample(2))


def test_the_archive_holds_no_window_and_no_rare_label(ecgs, tmp_path):
    info = pd.DataFrame(
        {"patient": [f"patient{i:03d}" for i in range(40)], "ward": ["a", "b"] * 20}
    )
    info.loc[:3, "ward"] = "isolation"
    windows = SignalWindows(ecgs[:, None], FS_HZ, "i", None, info)
    y = pd.Series(["healthy"] * 20 + ["infarction"] * 17 + ["Brugada"] * 3, name="diagnosis")
    model = quick(condition_on=["ward", "heart_rate_bpm"])
    with (
        pytest.warns(DataWarning, match="'diagnosis' has 3 value.* rarer than min_support=5"),
        pytest.warns(DataWarning, match="'ward' has 4 value"),
    ):
        model.fit(windows, y)
    model.save(tmp_path / "m.synthgan")
    with zipfile.ZipFile(tmp_path / "m.synthgan") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for content in members.values():
        for word in (b"Brugada", b"isolation", b"patient0", b"patient3"):
            assert word not in content
    assert b"infarction" in members["schema.json"]
    _, _, weights, arrays = read_archive(tmp_path / "m.synthgan")
    numbers = np.concatenate([np.ravel(a) for a in (*weights.values(), *arrays.values())])
    real = np.concatenate([ecgs.ravel(), rates_bpm(ecgs[:, None], FS_HZ)])
    assert not np.isin(numbers, real).any()
    # No array has room for the windows, and nothing of the discriminator is kept.
    assert max(a.size for a in arrays.values()) <= N_SAMPLES + 100
    with np.load(io.BytesIO(members["encoder.npz"]), allow_pickle=False) as npz:
        assert set(npz) == set(arrays)
    assert set(weights) == set(model.generator_.state_dict())


def test_pickling_and_cloning(model, records, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    assert_alike(model, joblib.load(tmp_path / "model.joblib"))
    copy = clone(model)
    assert not hasattr(copy, "generator_")
    assert repr(copy) == repr(model)
    assert_alike(copy.fit(records), model)


class Mine:
    """A network of one's own, of one length."""

    def build(self, shape, n_conditions, latent_dim):
        return FCN(width=8, depth=1).build(shape, n_conditions, latent_dim)


def test_a_network_of_ones_own(ecgs, tmp_path):
    model = quick(network=Mine(), fs_hz=FS_HZ).fit(ecgs)
    assert model.sample(2).shape == (2, N_SAMPLES)
    with pytest.raises(ParameterError, match="this model makes windows of one length"):
        model.sample(2, duration_s=5)
    with pytest.raises(ArchiveError, match=r"network=.*Mine.* cannot be saved"):
        model.save(tmp_path / "m")


def test_odd_names_cannot_be_saved(ecgs, tmp_path):
    dates = pd.date_range("2026-01-01", periods=20, freq="s")
    model = quick().fit(pd.DataFrame(ecgs[:, :20], columns=dates))
    assert model.sample(2).columns.tolist() == dates.tolist()
    with pytest.raises(ArchiveError, match=r"column name Timestamp.* cannot be saved"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


# Presets


@pytest.mark.parametrize(
    ("preset", "generator", "discriminator", "batch_size", "epochs"),
    [("thesis-ecg-fcn", 2.76, 2.73, 52, 165), ("thesis-ecg-cnn", 3.65, 1.49, 30, 200)],
)
def test_presets(preset, generator, discriminator, batch_size, epochs):
    windows = make_ecg(40, n_samples=2025, random_state=0)
    model = SignalGANSynthesizer(preset, max_steps=2, random_state=0).fit(windows)
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
    chosen = synthgan.presets.PRESETS[preset].parameters
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


# scikit-learn's tools


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


# Score


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


# Bad input


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
    with pytest.raises(DataError, match="there are 3 labelled records; labels need 5 or more"):
        quick().fit(ecgs[:3], [0, 1, 0])


def test_before_fit():
    for call in (lambda m: m.sample(1), lambda m: m.score([[1.0]]), lambda m: m.save("x")):
        with pytest.raises(NotFittedError, match="SignalGANSynthesizer instance is not fitted"):
            call(quick())
