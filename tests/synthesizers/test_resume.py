"""Nothing is lost: runs that are killed, interrupted, or go on from the previous fit."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from synthgan import (
    FCN,
    Adam,
    Callback,
    Checkpoint,
    GANImputer,
    GANOverSampler,
    Loss,
    Progress,
    SampleGrid,
    SignalGANSynthesizer,
)
from synthgan.exceptions import (
    CheckpointError,
    DataWarning,
    DivergenceWarning,
    MemoryWarning,
    ParameterError,
)
from synthgan.gan.training.callbacks import KeepBest
from tests.conftest import TABLE
from tests.quick import Break, BrokenError, assert_same, freeze, quick, thaw
from tests.state.packing import unpack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def broken_once(clinic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    with pytest.raises(BrokenError):
        quick([Checkpoint(folder), Break(100)]).fit(clinic[TABLE])
    return folder


@pytest.fixture
def broken(broken_once, tmp_path):
    """A folder with checkpoints of a run that was broken off; a copy for each test."""
    shutil.copytree(broken_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, so that they start fast")
@pytest.mark.parametrize(
    ("n_kills", "runs"),
    [
        (1, ["table"]),
        pytest.param(
            5, ["table", "table_without_seed", "signals", "images"], marks=pytest.mark.slow
        ),
    ],
)
def test_killed_runs_end_like_whole_ones(tmp_path, n_kills, runs):
    words = str(tmp_path), str(os.getpid()), str(n_kills), *runs
    done = subprocess.run(
        [sys.executable, "-m", "tests.synthesizers.killed_runs", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert sum(len(result["kills"]) for result in results.values()) == len(runs) * n_kills
    assert max(max(result["kills"]) for result in results.values()) > 0
    for name, result in results.items():
        for same in result["same"]:
            assert same == ["weights", "history", "grids"], (name, result)


def test_checkpoints_are_kept_and_a_run_that_ended_is_not_run_again(table, tmp_path):
    plain = quick().fit(table)
    pictures = SampleGrid()
    whole = quick([Checkpoint(tmp_path, every_epochs=4, keep=2), pictures]).fit(table)
    assert_same(whole, plain)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-000000096.zip", "checkpoint-000000120.zip"]
    events = []

    class Watch(Callback):
        def on_log(self, run):
            events.append(run.state.step)

    again = SampleGrid()
    watched = [Checkpoint(str(tmp_path), every_epochs=4, keep=2), again, Watch()]
    assert_same(quick(watched).fit(table), plain)
    assert not events
    assert list(again.grids_) == list(pictures.grids_) == [1, 5, 10, 15, 20]
    assert all(np.array_equal(again.grids_[epoch], pictures.grids_[epoch]) for epoch in (1, 20))


def test_what_a_run_takes_up_is_seen(broken, table):
    progress, seen = Progress(), []

    class Watch(Callback):
        def on_begin(self, run):
            seen.append((run.state.step, progress._bar.n, len(run.state.history)))

        def on_log(self, run):
            seen.append(run.state.step)

    model = quick([Checkpoint(broken), progress, Watch()]).fit(table)
    assert seen[:2] == [(90, 90, 15), 96]
    assert model.history_["seconds"].is_monotonic_increasing
    assert_same(model, quick().fit(table))


def test_a_callback_of_ones_own_is_remembered(table, tmp_path):
    class Gather(Callback):
        def on_begin(self, run):
            self.losses, self.last = [], torch.zeros(1)

        def on_log(self, run):
            self.losses.append(np.float32(run.state.history[-1]["generator_loss"]))
            self.last = torch.full((3, 2), float(run.state.step)).T

        def to_state(self):
            return {"losses": list(self.losses)}, {"last": self.last}

        def from_state(self, record, tensors):
            self.losses, self.last = list(record["losses"]), tensors["last"]

    whole, first, other, again = (Gather() for _ in range(4))
    quick([whole]).fit(table)
    with pytest.raises(BrokenError):
        quick([first, other, Checkpoint(tmp_path), Break(100)]).fit(table)
    quick([Progress(), Checkpoint(tmp_path), again]).fit(table)
    assert np.allclose(again.losses, whole.losses)
    assert len(again.losses) == 20
    assert torch.equal(again.last, whole.last)


def test_imputers_and_oversamplers_are_taken_up_without_a_seed(table, tmp_path):
    for name, wrap in (
        ("imputer", lambda model: GANImputer(synthesizer=model).fit(table)),
        ("sampler", lambda model: GANOverSampler(synthesizer=model).fit_resample(
            table[["age", "bmi"]], table["sex"])),
    ):  # fmt: skip
        with pytest.raises(BrokenError):
            wrap(quick([Checkpoint(tmp_path / name), Break(60)], random_state=None))
        seen = []

        class Watch(Callback):
            def on_begin(self, run, seen=seen):
                seen.append(run.state.step)

        wrap(quick([Checkpoint(tmp_path / name), Watch()], random_state=None))
        assert seen == [30]


def test_the_best_weights_and_figures_are_remembered(table, tmp_path, monkeypatch):
    monkeypatch.setattr("synthgan.synthesizers.table_rules._FEWEST_HELD_OUT", 10)
    keeps = []
    on_end = KeepBest.on_end

    def remember(self, run):
        keeps.append(self._measured)
        on_end(self, run)

    monkeypatch.setattr(KeepBest, "on_end", remember)
    parameters = {"epochs": "auto", "max_steps": 120}
    whole = quick(**parameters).fit(table)
    with pytest.raises(BrokenError):
        quick([Checkpoint(tmp_path), Break(70)], **parameters).fit(table)
    assert_same(quick([Checkpoint(tmp_path)], **parameters).fit(table), whole)
    assert keeps[0] == keeps[2]
    assert len(keeps[1]) < len(keeps[0])


def test_a_run_that_diverges_is_taken_up_like_any_other(table, tmp_path):
    class Spoil(Callback):
        def on_log(self, run):
            if (run.state.step, run.state.halvings) in ((60, 0), (102, 1)):
                next(run.state.generator.parameters()).data.fill_(float("nan"))

    def fit(folder, *callbacks):
        return quick([Checkpoint(tmp_path / folder, 3), Spoil(), *callbacks]).fit(table)

    with pytest.warns(DivergenceWarning) as warned:
        whole = fit("whole")
    diverged = [w for w in warned if issubclass(w.category, DivergenceWarning)]
    assert [str(w.message)[:33] for w in diverged] == [
        "training diverged before step 66:", "training diverged before step 108",
    ]  # fmt: skip
    with pytest.warns(DivergenceWarning, match="before step 66"), pytest.raises(BrokenError):
        fit("broken", Break(84))
    with pytest.warns(DivergenceWarning, match="before step 108"):
        assert_same(fit("broken"), whole)


def test_the_seed_is_remembered(table, tmp_path, monkeypatch):
    with pytest.raises(BrokenError):
        quick([Checkpoint(tmp_path), Break(40)], random_state=None).fit(table)
    seed = Checkpoint(tmp_path).seed()
    model = quick([Checkpoint(tmp_path)], random_state=None).fit(table)
    assert not model.sample(5).equals(model.sample(5))
    monkeypatch.setattr("synthgan.synthesizers.training_run.draw_seed", lambda random_state: seed)
    assert_same(model, quick(random_state=None).fit(table))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"random_state": 1}, "another run: other random_state; give what was given there"),
        ({"batch_size": 60}, "batch_size=50 there, 60 here"),
        ({"epochs": 21}, "epochs=20 there, 21 here"),
        ({"max_steps": 50}, "max_steps=None there, 50 here"),
        ({"optimizer": Adam(betas=(0.5, 0.9))}, "optimizer__betas=[0.0, 0.99] there, [0.5, 0.9]"),
        ({"loss": Loss("bce")}, "loss__name='relativistic' there, 'bce' here"),
        ({"network": FCN(width=(16,))}, "other network"),
        ({"condition_on": ["ward"]}, "other condition_on"),
    ],
)
def test_checkpoints_of_other_parameters_are_refused(broken, table, changes, message):
    before = sorted(broken.iterdir())
    with pytest.raises(CheckpointError) as error:
        quick([Checkpoint(broken)], **changes).fit(table)
    assert f"{str(broken)!r} holds checkpoints of another run" in str(error.value)
    assert message in str(error.value)
    assert sorted(broken.iterdir()) == before


def test_checkpoints_of_other_data_or_versions_are_refused(broken, table, monkeypatch):
    other = table.assign(age=table["age"].sample(frac=1, random_state=0).to_numpy())
    with pytest.raises(CheckpointError, match="another run: other data; give"):
        quick([Checkpoint(broken)]).fit(other)
    monkeypatch.setattr("synthgan.gan.training.config.__version__", "9.0")
    with pytest.raises(CheckpointError, match=r"synthgan='.*' there, '9.0' here"):
        quick([Checkpoint(broken)]).fit(table)
    monkeypatch.undo()
    monkeypatch.setattr("torch.__version__", "9.0.0")
    with pytest.raises(CheckpointError, match=r"torch='.*' there, '9.0.0' here"):
        quick([Checkpoint(broken)]).fit(table)


def test_conditions_are_part_of_a_run(table, tmp_path):
    with pytest.raises(BrokenError):
        quick([Checkpoint(tmp_path), Break(40)], condition_on=["age"]).fit(table)
    with pytest.raises(CheckpointError, match="another run: other condition_on; give"):
        quick([Checkpoint(tmp_path)], condition_on=["bmi"]).fit(table)


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


def rename(content):
    return content.replace(b"state.json", b"state.jsom")


def forge(content):
    """Change what is inside, so that only the hashes tell."""
    members = unpack(io.BytesIO(content))
    forged = members["state.json"].replace(b'"epoch": 15', b'"epoch": 16')
    assert forged != members["state.json"]
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in {**members, "state.json": forged}.items():
            how = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(name, member, how)
        archive.comment = zipfile.ZipFile(io.BytesIO(content)).comment
    return whole.getvalue()


@pytest.mark.parametrize("damage", [cut, flip, rename, forge, lambda content: b""])
def test_a_damaged_checkpoint_is_passed_over(broken, table, damage):
    newest = broken / "checkpoint-000000090.zip"
    content = newest.read_bytes()
    damaged = damage(content)
    assert damaged != content
    newest.write_bytes(damaged)
    seen = []

    class Watch(Callback):
        def on_begin(self, run):
            seen.append(run.state.step)

    with pytest.warns(DataWarning, match="000000090.zip' is damaged and passed over"):
        model = quick([Checkpoint(broken, keep=1), Watch()]).fit(table)
    assert seen == [60]
    assert_same(model, quick().fit(table))
    assert sorted(path.name for path in broken.iterdir()) == ["checkpoint-000000120.zip"]


def test_where_all_are_damaged_a_run_begins_anew(broken, table):
    for path in broken.iterdir():
        path.write_bytes(b"no tensors")
    (broken / ".checkpoint-000000090.zip.ab12").write_bytes(b"half a file")
    with pytest.warns(DataWarning) as warned:
        model = quick([Checkpoint(broken)]).fit(table)
    assert sum(issubclass(w.category, DataWarning) for w in warned) == 3
    assert_same(model, quick().fit(table))
    assert not [path for path in broken.iterdir() if path.name.startswith(".")]


def test_checkpoints_need_a_folder(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"file' cannot be a folder of checkpoints: .*exist"):
        quick([Checkpoint(tmp_path / "file")]).fit(table)
    for name in ("every_epochs", "keep"):
        with pytest.raises(ParameterError, match=f"Checkpoint {name}=0 is not allowed"):
            quick([Checkpoint(tmp_path, **{name: 0})]).fit(table)

    class Remove(Callback):
        def on_log(self, run):
            for path in (tmp_path / "new").glob("*"):
                path.unlink()
            (tmp_path / "new").rmdir()
            (tmp_path / "new").touch()

    with pytest.raises(CheckpointError, match=r"000000006\.zip' cannot be written"):
        quick([Checkpoint(tmp_path / "new", every_epochs=1), Remove()]).fit(table)


def test_estimators_with_checkpoints_are_cloned_and_pickled(table, tmp_path):
    model = quick([Checkpoint(tmp_path, keep=1)]).fit(table)
    again = thaw(freeze(model))
    assert_same(clone(again).fit(table), model)
    assert not hasattr(again.callbacks[0], "_identity")


def test_a_fit_that_fails_leaves_no_half_model():
    model = quick()
    with pytest.raises(ParameterError, match="condition_on names"):
        model.set_params(condition_on=["nothing"]).fit(pd.DataFrame({"a": [1.0, 2.0, 3.0]}))
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.gpu
def test_checkpoints_of_a_gpu(table, tmp_path):
    with pytest.raises(BrokenError):
        quick([Checkpoint(tmp_path), Break(100)], device="cuda").fit(table)
    with pytest.raises(CheckpointError, match="device='cuda' there, 'cpu' here"):
        quick([Checkpoint(tmp_path)], device="cpu").fit(table)
    states = []

    class Watch(Callback):
        def on_begin(self, run):
            states.append(run.snapshot())

    model = quick([Checkpoint(tmp_path), Watch()], device="cuda").fit(table)
    assert states[0]["state"].record["step"] == 90
    assert "state/rng" in states[0].tensors
    assert model.n_steps_ == 120
    assert np.isfinite(model.history_["generator_loss"]).all()


@pytest.mark.gpu
def test_a_gpu_that_is_too_small(table):
    model = SignalGANSynthesizer(fs_hz=100, batch_size=64, max_steps=2, device="cuda")
    windows = np.random.default_rng(0).normal(size=(64, 4000))
    free = torch.cuda.mem_get_info()[0]
    torch.cuda.set_per_process_memory_fraction(1.5e9 / free)
    try:
        with pytest.warns(MemoryWarning, match="memory ran out with batch_size=64"):
            model.fit(windows)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
