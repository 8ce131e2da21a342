"""A model that was saved and loaded makes the same bytes; what cannot be loaded is not saved."""

import io
import itertools
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

import synthgan
from synthgan import (
    CNN,
    FCN,
    Checkpoint,
    CNN1d,
    GridEncoder,
    ImageGANSynthesizer,
    Progress,
    Range,
    SignalEncoder,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_ecg
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.gan.training.trainer import find_device
from synthgan.state.archive import FORMAT
from tests.state.packing import DATA, MANIFEST, unpack


def bytes_of(records):
    if isinstance(records, tuple):
        return [bytes_of(one) for one in records]
    if isinstance(records, pd.DataFrame | pd.Series):
        return records.to_csv().encode(), str(getattr(records, "dtypes", "")), str(records.index)
    if hasattr(records, "to_arrow") or hasattr(records, "to_pandas"):
        return str(records.schema), bytes_of(records.to_pandas())
    return np.asarray(records).tobytes(), np.asarray(records).dtype, np.shape(records)


def again(model, path):
    """Save and load; the file that the copy writes is the same."""
    model.save(path)
    copy = synthgan.load(path)
    copy.save(path.with_name("copy"))
    assert path.with_name("copy").read_bytes() == path.read_bytes()
    assert type(copy) is type(model)
    assert copy.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    pd.testing.assert_frame_equal(copy.history_, model.history_)
    return copy


def table(**parameters):
    return TabularGANSynthesizer(network=FCN(width=16), max_steps=4, random_state=0, **parameters)


def test_tables(tmp_path, clinic):
    y = clinic["outcome"]
    X = clinic.drop(columns="outcome")
    model = table(condition_on="any", constraints=[Range("age", 0, np.inf), "auto"]).fit(X, y)
    copy = again(model, tmp_path / "m")
    for words in (
        {"n": 300, "return_y": True},
        {"n": 5, "conditions": {"age": (30, 60)}},
        {"conditions": X.head(7).drop(columns="ward")},
        {"n": 0},
    ):
        ours, theirs = (bytes_of(one.sample(**words, random_state=3)) for one in (model, copy))
        assert ours == theirs
    assert copy.score(X) == model.score(X)
    assert copy.constraints[0].high == np.inf
    assert copy.seed_ == "not stored"  # so that each sample is another


@pytest.mark.parametrize("encoder", [GridEncoder(scaling="minmax", layout="sectioned"), None])
@pytest.mark.parametrize("form", ["array", "polars", "pyarrow", "names", "categories"])
def test_tables_in_all_forms(tmp_path, encoder, form):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=60).round(2), "b": rng.integers(0, 9, 60), "c": rng.random(60) < 0.3}
    )
    y = rng.choice(["yes", "no"], 60)
    X = frame
    if form == "array":
        X = frame.to_numpy(dtype=np.float32)
    elif form in ("polars", "pyarrow"):
        library = pytest.importorskip(form)
        day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 50, 60), unit="D")
        frame = frame.assign(at=day, zoned=day.tz_localize("Europe/Madrid"), level=list("xyz") * 20)
        X = library.Table.from_pandas(frame) if form == "pyarrow" else library.from_pandas(frame)
        if form == "polars":
            X = X.with_columns(library.col("level").cast(library.Categorical))
    elif form == "names":
        X = frame.set_axis(["a b", "\u00e4", "$number"], axis=1)
        X = X.rename_axis(columns="n", index="i")
    else:
        infinite = pd.Categorical(rng.choice([np.inf, -1.5], 60), ordered=True)
        X = frame.assign(d=infinite, e=pd.Categorical(rng.choice([True, False], 60)))
    model = table(candidates=2, encoder=encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", synthgan.exceptions.SynthganWarning)
        model.fit(X, y)
    copy = again(model, tmp_path / "m")
    ours, theirs = (one.sample(50, random_state=1, return_y=True) for one in (model, copy))
    assert bytes_of(ours) == bytes_of(theirs)
    assert type(ours[0]) is type(X)


@pytest.mark.filterwarnings("ignore:.*'heart_rate_bpm' has 3 missing")
@pytest.mark.parametrize("encoder", [None, SignalEncoder(scaling="minmax")])
def test_signals(tmp_path, encoder):
    windows, y = make_ecg(110, n_samples=250, fs_hz=125, return_y=True, random_state=0)
    model = SignalGANSynthesizer(
        network=CNN1d(width=6), max_steps=2, fs_hz=125, condition_on=["heart_rate_bpm"],
        encoder=encoder, random_state=0,
    ).fit(windows, y)  # fmt: skip
    copy = again(model, tmp_path / "m")
    words = [{"n": 40, "return_y": True}]
    if encoder is None and model.encoder_.is_stationary_:
        words.append({"n": 3, "duration_s": 7})
    for each in words:
        ours, theirs = (bytes_of(one.sample(**each, random_state=3)) for one in (model, copy))
        assert ours == theirs
    assert copy.score(windows) == model.score(windows)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network", [CNN(width=6), FCN(width=(9, 5), dropout=0.2)])
def test_images(tmp_path, channels, network):
    images = np.random.default_rng(0).integers(0, 255, (30, 11, 14, channels)).astype(np.uint8)
    model = ImageGANSynthesizer(network=network, max_steps=2, random_state=0)
    model.fit(images, np.arange(30) % 3)
    copy = again(model, tmp_path / "m")
    for words in ({"n": 40, "return_y": True}, {"n": 5, "conditions": {"y": [1]}}):
        ours, theirs = (bytes_of(one.sample(**words, random_state=3)) for one in (model, copy))
        assert ours == theirs
    assert copy.score(images) == model.score(images)


def test_loading_draws_nothing_and_leaves_the_seed_alone(tmp_path):
    torch.manual_seed(3)
    np.random.seed(4)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    for kind in ("table", "signal", "image"):
        synthgan.load(DATA / f"format-{FORMAT}-{kind}.synthgan")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_what_belongs_to_a_machine_is_not_saved(tmp_path, clinic):
    callbacks = [Checkpoint(tmp_path / "run"), Progress()]
    model = table(callbacks=callbacks, device="cpu", warm_start=True).fit(clinic)
    model.device = "cuda:7"  # as if it had been trained there
    model.save(tmp_path / "m")
    manifest = json.loads(unpack(tmp_path / "m")[MANIFEST])
    assert not {"callbacks", "device", "warm_start"} & set(manifest["parameters"])
    copy = synthgan.load(tmp_path / "m")
    assert (copy.device, copy.callbacks, copy.warm_start) == ("auto", None, False)
    assert {weights.device.type for weights in copy.generator_.parameters()} == {"cpu"}
    assert len(copy.sample(3)) == 3
    words = b"cuda", str(tmp_path).encode()
    assert not any(word in content for content in unpack(tmp_path / "m").values() for word in words)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["table", "signal"])
def test_a_model_of_a_gpu_loads_on_a_cpu(tmp_path, clinic, kind):
    model = table(device="cuda").fit(clinic)
    if kind == "signal":
        windows = make_ecg(20, n_samples=250, fs_hz=125, random_state=0)
        model = SignalGANSynthesizer(network=CNN1d(width=6), max_steps=2, device="cuda")
        model.fit(windows)
    model.save(tmp_path / "m")
    code = (
        "import sys, synthgan, torch; assert not torch.cuda.is_available();"
        "assert len(synthgan.load(sys.argv[1]).sample(5)) == 5"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m")], check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert find_device(synthgan.load(tmp_path / "m").device).type == "cuda"


# What is not saved


class Mine(TabularGANSynthesizer):
    pass


def test_models_in_memory_and_in_open_files(tmp_path, clinic):
    model = table().fit(clinic)
    model.save(tmp_path / "m")
    memory = io.BytesIO()
    model.save(memory)
    assert memory.getvalue() == (tmp_path / "m").read_bytes()
    memory.seek(0)
    with (tmp_path / "m").open("rb") as file:
        for source in (memory, file):
            copy = synthgan.load(source)
            assert copy.sample(5, random_state=0).equals(model.sample(5, random_state=0))
    with pytest.raises(ArchiveError, match="is not a complete synthgan archive"):
        synthgan.load(memory)  # it stands at its end


def test_what_is_no_path(clinic):
    model = table().fit(clinic)
    calls = model.save, synthgan.load, TabularGANSynthesizer.load
    for path, call in itertools.product([None, 5, b"name", ["a"], io.StringIO()], calls):
        with pytest.raises(ParameterError, match=r"path=.* is not allowed; give a path, or a bin"):
            call(path)


def test_names_of_columns_that_are_numbers(tmp_path):
    values = np.random.default_rng(0).normal(size=(100, 3))
    frame = pd.DataFrame(values, columns=[0.5, 2.0, 7])
    model = table().fit(frame)
    copy = again(model, tmp_path / "m")
    fake = copy.sample(5, conditions={0.5: (-1.0, 1.0)}, random_state=0)
    assert fake.columns.equals(frame.columns)
    assert fake.equals(model.sample(5, conditions={0.5: (-1.0, 1.0)}, random_state=0))


def test_what_could_not_be_loaded_is_not_saved(tmp_path, clinic):
    path = tmp_path / "m"
    path.write_text("before")
    model = table().fit(clinic)

    def refused(match, error=ArchiveError):
        with pytest.raises(error, match=match):
            model.save(path)
        assert path.read_text() == "before"
        assert [file.name for file in tmp_path.iterdir()] == ["m"]

    with torch.no_grad():
        weight = next(model.generator_.parameters())
        kept = weight.clone()
        weight[0] = torch.nan
    refused("the generator's 'body.0.weight' holds NaN or infinite weights and cannot be saved")
    with torch.no_grad():
        weight.copy_(kept)
    model.candidates = 0
    refused("The 'candidates' parameter", ValueError)
    model.candidates = None
    model.network_ = object()
    refused("parameter network=.* cannot be saved")
    model = Mine(network=FCN(width=4), max_steps=1).fit(clinic)
    refused(
        r"class Mine cannot be saved; \['ImageGANSynthesizer', .*\] can: keep the fitted object"
    )


def test_a_class_loads_its_own_kind_only():
    path = DATA / f"format-{FORMAT}-signal.synthgan"
    assert isinstance(SignalGANSynthesizer.load(path), SignalGANSynthesizer)
    with pytest.raises(ArchiveError, match=r"class 'SignalGAN.* is not one of \['TabularGAN"):
        TabularGANSynthesizer.load(path)
