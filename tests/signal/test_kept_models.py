import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch
from pandas.testing import assert_frame_equal
from sklearn.base import clone

import synthgan
from synthgan import (
    CNN,
    FCN,
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_ecg
from synthgan.exceptions import (
    ArchiveError,
    DataWarning,
    OutlierWarning,
    ParameterError,
)
from synthgan.io.windows import SignalWindows
from synthgan.records.beats import disagreements, find_beats
from synthgan.refine.tempo import Tempo
from synthgan.state.archive import read_archive
from tests.signal.quick import FS_HZ, N_SAMPLES, quick, rates_bpm


def test_equal_seeds_give_equal_bytes(records):
    first, second = (quick(condition_on=["diagnosis"]).fit(records) for _ in range(2))
    for a, b in zip(first.generator_.parameters(), second.generator_.parameters(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    wanted = {"diagnosis": "healthy"}
    for duration_s in (None, 3):
        draws = [
            model.sample(3, wanted, random_state=seed, duration_s=duration_s).values
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


def assert_alike(one, other):
    for options in (
        {"n": 3},
        {"n": 2, "duration_s": 4},
        {"n": 2, "conditions": {"diagnosis": "healthy", "heart_rate_bpm": (140, 170)}},
    ):
        ours, theirs = (model.sample(**options, random_state=0) for model in (one, other))
        assert np.array_equal(ours.values, theirs.values)
        assert_frame_equal(ours.info, theirs.info)
        assert (ours.leads, ours.units, ours.fs_hz) == (theirs.leads, theirs.units, theirs.fs_hz)


def test_archive(model, records, tmp_path):
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert type(again) is SignalGANSynthesizer
    assert_alike(model, again)
    assert again.score(records) == model.score(records)
    assert repr(again) == repr(clone(model).set_params(random_state=None))
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
        *(one.sample(9, return_y=True, random_state=0) for one in (model, again)), strict=True
    ):
        assert_frame_equal(ours, theirs)
    assert list(again.feature_names_in_) == list(frame)
    assert again.score(frame) == model.score(frame)
    assert np.array_equal(*(one.encoder_.transform(model.sample(3)) for one in (again, model)))
    plain = quick().fit(ecgs)
    plain.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m")
    assert np.array_equal(*(one.sample(2, random_state=0) for one in (again, plain)))


def test_the_archive_holds_no_window_and_no_rare_label(ecgs, tmp_path):
    info = pd.DataFrame(
        {"patient": [f"patient{i:03d}" for i in range(40)], "ward": ["a", "b"] * 20}
    )
    info.loc[:3, "ward"] = "isolation"
    windows = SignalWindows(ecgs[:, None], FS_HZ, "i", None, info)
    y = pd.Series(["healthy"] * 20 + ["infarction"] * 17 + ["Brugada"] * 3, name="diagnosis")
    model = quick(condition_on=["ward", "heart_rate_bpm"])
    with (
        pytest.warns(
            DataWarning, match="'diagnosis' has 3 value.* of fewer people than min_support=5"
        ),
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
    assert set(safetensors.numpy.load(members["encoder.safetensors"])) == set(arrays)
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


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_a_network_of_ones_own(ecgs, tmp_path):
    model = quick(network=Mine(), fs_hz=FS_HZ).fit(ecgs)
    assert model.sample(2).shape == (2, N_SAMPLES)
    with pytest.raises(ParameterError, match="this model makes windows of one length"):
        model.sample(2, duration_s=5)
    with pytest.raises(ArchiveError, match=r"network=.*Mine.* cannot be saved"):
        model.save(tmp_path / "m")


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_odd_names_cannot_be_saved(ecgs, tmp_path):
    dates = pd.date_range("2026-01-01", periods=20, freq="s")
    model = quick().fit(pd.DataFrame(ecgs[:, :20], columns=dates))
    assert model.sample(2).columns.tolist() == dates.tolist()
    with pytest.raises(ArchiveError, match=r"column name Timestamp.* cannot be saved"):
        model.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_calibration_is_kept(tmp_path):
    windows = make_ecg(120, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    model = quick(fs_hz=FS_HZ).fit(windows)
    spreads = [np.std(x, axis=1) for x in (windows, model.sample(120))]
    assert np.median(spreads[1]) == pytest.approx(np.median(spreads[0]), rel=0.2)
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert again.calibration_ is not None
    for options in ({}, {"duration_s": 5}):
        one, other = (m.sample(3, random_state=1, **options) for m in (model, again))
        assert np.array_equal(one, other)
    assert quick(encoder=SignalEncoder("minmax")).fit(windows).calibration_ is None


def test_a_tempo_is_kept(tmp_path, monkeypatch):
    windows = make_ecg(120, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    plain = quick(fs_hz=FS_HZ).fit(windows)
    seen = {}

    def double(real, fake, waves):
        seen.update(real=real, fake=fake, waves=waves)
        return Tempo(1, 0.0, 1.0, np.log(2), 4.0)

    monkeypatch.setattr(Tempo, "fit", double)
    model = quick(fs_hz=FS_HZ).fit(windows)
    assert np.array_equal(seen["real"], rates_bpm(windows[rng_order(120)][:, None], FS_HZ), True)
    assert seen["fake"].shape == (200,)
    assert seen["waves"].shape == (200, 4)
    moved = model.generator_.rates.bias - plain.generator_.rates.bias
    assert moved.tolist() == pytest.approx([0, np.log(2), 0, 0], abs=1e-6)
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert np.array_equal(again.sample(3, random_state=1), model.sample(3, random_state=1))
    # Without a rate, or with windows too short for beats, there is no tempo.
    seen.clear()
    quick().fit(windows)
    quick(fs_hz=FS_HZ).fit(windows[:, :100])
    assert seen == {}


def rng_order(n):
    return np.random.default_rng(0).permutation(n)


def test_fewer_than_twenty_windows_give_a_warning():
    windows = make_ecg(20, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    with pytest.warns(DataWarning, match="19 windows are too few to calibrate samples: amplitudes"):
        assert quick(fs_hz=FS_HZ).fit(windows[:19]).calibration_ is None
    assert quick(fs_hz=FS_HZ).fit(windows).calibration_ is not None
    quick(encoder=SignalEncoder("minmax")).fit(windows[:19])  # grey levels end where windows do


def test_pauses_are_drawn_again(tmp_path):
    windows = make_ecg(30, n_samples=1250, fs_hz=FS_HZ, random_state=0)
    paused = windows.copy()
    paused[:, 500:1000] *= 0.01
    settings = {"fs_hz": FS_HZ, "network": CNN(width=4), "encoder": SignalEncoder()}
    model, other = (quick(**settings).fit(x) for x in (windows, paused))
    assert model.pauses_kept_ == 0
    assert other.pauses_kept_ > 0
    assert quick().fit(windows).pauses_kept_ == 1  # without a rate nothing is known

    def n_paused(kept):
        model.pauses_kept_ = kept
        fake = model.sample(200, random_state=2)
        return np.nansum(disagreements(find_beats(fake, FS_HZ), *fake.shape)), fake

    (before, _), (after, fake) = n_paused(1.0), n_paused(0.0)
    assert before > 2
    assert after == 0
    model.save(tmp_path / "m.synthgan")
    again = synthgan.load(tmp_path / "m.synthgan")
    assert again.pauses_kept_ == 0
    assert np.array_equal(again.sample(200, random_state=2), fake)


@pytest.mark.parametrize("n", [20, 40, 99])
def test_amplitudes_of_few_windows(n):
    """Without the calibration those of a model that has learnt nothing are a tenth of real ones."""
    windows = 3 * make_ecg(n, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    fake = quick(fs_hz=FS_HZ).fit(windows).sample(300)
    sizes, real = fake.std(axis=1), windows.std(axis=1)
    assert np.median(sizes) == pytest.approx(np.median(real), rel=0.15)
    assert sizes.mean() == pytest.approx(real.mean(), rel=0.15)
