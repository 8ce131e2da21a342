import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

import synthgan
from synthgan import (
    Adam,
    CNN1d,
    GridEncoder,
    SignalEncoder,
)
from synthgan.datasets import make_ecg
from synthgan.exceptions import (
    DataError,
    DataWarning,
    ParameterError,
    SamplingError,
)
from synthgan.io.windows import SignalWindows
from tests.signal.quick import FS_HZ, N_SAMPLES, quick, rates_bpm


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


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_conditions(model, library):
    module = pytest.importorskip(library)
    make = {"polars": "DataFrame", "pyarrow": "table"}[library]
    wanted = {"diagnosis": ["healthy", None, "infarction"], "age": [40.5, 50.5, None]}
    fake = model.sample(conditions=getattr(module, make)(wanted))
    assert fake.info["diagnosis"].tolist()[::2] == ["healthy", "infarction"]
    assert fake.info["age"].tolist()[:2] == [40.5, 50.5]
    assert np.array_equal(fake.values, model.sample(conditions=pd.DataFrame(wanted)).values)


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


def test_conditions_that_are_never_met_are_an_error(model):
    # At 125 Hz, intervals of 50 and 50.5 samples are 150 and 148.5 beats a minute.
    with pytest.raises(
        SamplingError,
        match=r"^0 of 2 signals meet .* after \d+ tries, .*'heart_rate_bpm' 0 times; train longer",
    ):
        model.sample(2, {"heart_rate_bpm": (148.8, 149.7)})


def test_long_recordings_are_drawn_again_a_few_at_a_time(model, monkeypatch):
    asked, draw = [], type(model)._draw_stored

    def watch(self, n, *more):
        asked.append(n)
        return draw(self, n, *more)

    monkeypatch.setattr(type(model), "_draw_stored", watch)
    monkeypatch.setattr("synthgan.synthesizers.labelled._VALUES_AT_A_TIME", int(20 * 4 * FS_HZ))
    monkeypatch.setattr("synthgan.synthesizers.labelled._IN_VAIN", 100)
    with pytest.raises(SamplingError, match="0 of 2 signals"):
        model.sample(2, {"heart_rate_bpm": (148.8, 149.7)}, duration_s=4)
    assert max(asked) <= 20
    assert 100 <= sum(asked) <= 120


@pytest.mark.parametrize(
    ("conditions", "error", "message"),
    [
        ({"weight": 3}, DataError, r"\['weight'\]; known are \['diagnosis', 'age"),
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
    with pytest.raises(ParameterError, match="n=4 does not match the conditions of 3 rows"):
        model.sample(4, asked)
    for n in (-1, 2.5, True, "3"):
        with pytest.raises(ParameterError, match=f"n={n!r} is not allowed"):
            model.sample(n)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"condition_on": ["weight"]},
            ParameterError,
            r"\['weight'\]; known are \['patient', 'dia",
        ),
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


def test_what_is_measured_is_measured_whatever_is_noted(records):
    noted = SignalWindows(
        records.values, FS_HZ, "i", info=records.info.assign(heart_rate_bpm=50.0, age=60)
    )
    model = quick(condition_on=["heart_rate_bpm", "age", "age"]).fit(noted)
    assert model.labels_.measured == ["heart_rate_bpm"]
    assert model.labels_.schema.names == ["age", "heart_rate_bpm"]
    assert model.labels_.encoder.limits_["heart_rate_bpm"][1] > 80


def test_conditions_that_cannot_be_learnt(ecgs):
    with pytest.raises(ParameterError, match=r"names \['diagnosis'\]; known are \['heart_rate"):
        quick(condition_on=["diagnosis"]).fit(ecgs)
    with pytest.raises(ParameterError, match=r"condition_on=\['heart_rate_bpm'\] needs fs_hz"):
        quick(condition_on=["heart_rate_bpm"]).fit(ecgs)
    with pytest.raises(ParameterError, match="fs_hz=20 is too low to find beats"):
        quick(condition_on=["heart_rate_bpm"], fs_hz=20).fit(ecgs)
    with pytest.raises(DataError, match=r"250 samples at 1000 Hz last 0.25 s"):
        quick(condition_on=["heart_rate_bpm"], fs_hz=1000).fit(ecgs)
    flat = np.zeros((20, N_SAMPLES))
    with pytest.warns(DataWarning, match="'heart_rate_bpm' has no values"):
        model = quick(condition_on=["heart_rate_bpm"], fs_hz=FS_HZ).fit(flat)
    with pytest.raises(DataError, match="'heart_rate_bpm'"):
        model.sample(1, {"heart_rate_bpm": 60})


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
    # Whoever cut them knows better.
    known = SignalWindows(aligned[:, None], FS_HZ, "i", aligned=False)
    assert quick().fit(known).sample(1, duration_s=3).n_samples == 375
    known = SignalWindows(ecgs[:, None], FS_HZ, "i", aligned=True)
    assert not quick().fit(known).encoder_.is_stationary_


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")
def test_the_heart_rate_that_is_asked_for_is_set_before_it_is_measured(tmp_path):
    windows = make_ecg(60, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    model = quick(fs_hz=FS_HZ, condition_on=["heart_rate_bpm"]).fit(windows)
    model.tempo_ = (1, 3.5)
    model.save(tmp_path / "m.synthgan")
    for one in (model, synthgan.load(tmp_path / "m.synthgan")):
        with one.generator_.record_rates() as heard:
            one.sample(40, {"heart_rate_bpm": (50, 90)}, random_state=0, on_missing="warn")
            given = len(heard)
            one.sample(5, random_state=0)
        asked = np.exp(torch.cat(heard[:given])[:, 1].numpy() + 3.5)
        assert ((asked > 49.9) & (asked < 90.1)).all()
        assert np.ptp(asked) > 5
