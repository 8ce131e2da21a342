"""Nothing is lost: runs that are killed, interrupted, or go on from the previous fit."""

import json
import os
import signal
import subprocess
import sys
import threading
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal
from sklearn.base import clone

import synthgan
from synthgan import (
    CNN,
    FCN,
    Adam,
    Callback,
    Checkpoint,
    CNN1d,
    GANImputer,
    GANOverSampler,
    ImageGANSynthesizer,
    Loss,
    Progress,
    SampleGrid,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.cli import main
from synthgan.exceptions import (
    CheckpointError,
    DataError,
    DataWarning,
    DivergenceWarning,
    InterruptedWarning,
    MemoryWarning,
    ParameterError,
)
from synthgan.gan.callbacks import KeepBest
from synthgan.gan.trainer import Trainer
from synthgan.io.archive import read_archive
from synthgan.io.tables import write_csv

ROOT = Path(__file__).resolve().parents[1]
TINY = FCN(width=(16,), dropout=0.3)


def quick(callbacks=None, **parameters):
    defaults = {
        "network": TINY, "epochs": 20, "batch_size": 50, "candidates": 1, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**defaults, **parameters}, callbacks=callbacks)


def weights_of(model):
    return b"".join(
        t.contiguous().numpy().tobytes() for t in model.generator_.state_dict().values()
    )


def assert_same(model, other):
    assert weights_of(model) == weights_of(other)
    ours, theirs = (m.history_.drop(columns="seconds") for m in (model, other))
    assert_frame_equal(ours, theirs)


def freeze(model):
    frozen = BytesIO()
    joblib.dump(model, frozen)
    return frozen.getvalue()


def thaw(frozen):
    return joblib.load(BytesIO(frozen))


class BrokenError(Exception):
    pass


class Break(Callback):
    """Break off at a step, as if the process were killed."""

    def __init__(self, step):
        self.step = step

    def on_log(self, run):
        if run.state.step >= self.step:
            raise BrokenError


class Press(Callback):
    """Press Ctrl-C at a step."""

    def __init__(self, step, times=1):
        self.step, self.times = step, times

    def on_log(self, run):
        if run.state.step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """A suite that a shell began in the background ignores it, and synthgan then does, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def table(clinic):
    return clinic[["age", "sex", "bmi", "ward", "hba1c"]]


@pytest.fixture
def broken(table, tmp_path):
    """A folder with checkpoints of a run that was broken off."""
    with pytest.raises(BrokenError):
        quick([Checkpoint(tmp_path), Break(100)]).fit(table)
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked, so that they start fast")
def test_killed_runs_end_like_whole_ones(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.killed_runs", str(tmp_path), str(os.getpid())],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert sum(len(result["kills"]) for result in results.values()) == 20
    for name, result in results.items():
        assert max(result["kills"]) > 0, name
        for same in result["same"]:
            assert same == ["weights", "history", "grids"], (name, result)


def test_checkpoints_are_kept_and_a_run_that_ended_is_not_run_again(table, tmp_path):
    plain = quick().fit(table)
    pictures = SampleGrid()
    whole = quick([Checkpoint(tmp_path, every_epochs=4, keep=2), pictures]).fit(table)
    assert_same(whole, plain)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["checkpoint-000000096.safetensors", "checkpoint-000000120.safetensors"]
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
    monkeypatch.setattr("synthgan.base._FEWEST_HELD_OUT", 10)
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
    assert [str(w.message)[:33] for w in warned] == [
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
    monkeypatch.setattr("synthgan.base.draw_seed", lambda random_state: seed)
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
    monkeypatch.setattr("synthgan.gan.config.__version__", "9.0")
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
    return content.replace(b'"sha256"', b'"sha257"', 1)


def forge(content):
    return content.replace(b'\\"epoch\\": 15', b'\\"epoch\\": 16', 1)


@pytest.mark.parametrize("damage", [cut, flip, rename, forge, lambda content: b""])
def test_a_damaged_checkpoint_is_passed_over(broken, table, damage):
    newest = broken / "checkpoint-000000090.safetensors"
    content = newest.read_bytes()
    damaged = damage(content)
    assert damaged != content
    newest.write_bytes(damaged)
    seen = []

    class Watch(Callback):
        def on_begin(self, run):
            seen.append(run.state.step)

    with pytest.warns(DataWarning, match="000000090.safetensors' is damaged and passed over"):
        model = quick([Checkpoint(broken, keep=1), Watch()]).fit(table)
    assert seen == [60]
    assert_same(model, quick().fit(table))
    assert sorted(path.name for path in broken.iterdir()) == ["checkpoint-000000120.safetensors"]


def test_where_all_are_damaged_a_run_begins_anew(broken, table):
    for path in broken.iterdir():
        path.write_bytes(b"no tensors")
    (broken / ".checkpoint-000000090.safetensors.ab12").write_bytes(b"half a file")
    with pytest.warns(DataWarning) as warned:
        model = quick([Checkpoint(broken)]).fit(table)
    assert len(warned) == 3
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

    with pytest.raises(CheckpointError, match=r"000000006\.safetensors' cannot be written"):
        quick([Checkpoint(tmp_path / "new", every_epochs=1), Remove()]).fit(table)


def test_estimators_with_checkpoints_are_cloned_and_pickled(table, tmp_path):
    model = quick([Checkpoint(tmp_path, keep=1)]).fit(table)
    again = thaw(freeze(model))
    assert_same(clone(again).fit(table), model)
    assert not hasattr(again.callbacks[0], "_identity")


def test_one_ctrl_c_leaves_a_model(table, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.warns(InterruptedWarning, match="interrupted at step 30 of 120"):
        model = quick([Press(30)]).fit(table)
    assert signal.getsignal(signal.SIGINT) is before
    assert (model.n_steps_, model.history_["step"].max()) == (30, 30)
    assert len(model.sample(5)) == 5
    model.save(tmp_path / "m")
    assert weights_of(synthgan.load(tmp_path / "m")) == weights_of(model)


def test_ctrl_c_after_the_last_step_costs_what_is_fitted_then_only(table, monkeypatch):
    def press(*arguments):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("synthgan.base.Critic.fit", press)
    monkeypatch.setattr("synthgan.signal.Calibration.fit", press)
    monkeypatch.setattr("synthgan.image.ImageGANSynthesizer._match_grain", press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.warns(InterruptedWarning, match="choice among candidates was interrupted"):
            model = quick(candidates=4).fit(table)
        assert model.critic_ is None
        with pytest.warns(InterruptedWarning, match="calibration was interrupted and is left out"):
            waves = SignalGANSynthesizer(network=CNN1d(width=4), max_steps=1).fit(
                np.random.default_rng(0).normal(size=(20, 64))
            )
        assert waves.calibration_ is None
        with pytest.warns(InterruptedWarning, match="the match of grain was interrupted"):
            images = ImageGANSynthesizer(network=CNN(width=4), max_steps=1).fit(
                np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
            )
    finally:
        signal.signal(signal.SIGINT, before)
    for one in (model, waves, images):
        assert len(one.sample(3)) == 3


def test_ctrl_c_in_the_midst_of_a_step_ends_that_step(table, monkeypatch):
    step = Trainer._step

    def press(self, state, data, rows):
        if state.step == 27:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, state, data, rows)

    monkeypatch.setattr(Trainer, "_step", press)
    with pytest.warns(InterruptedWarning, match="interrupted at step 28 of 120"):
        model = quick().fit(table)
    assert model.history_["step"].tolist() == [6, 12, 18, 24, 28]


def test_an_interrupted_run_keeps_the_best_weights_and_can_be_taken_up(
    table, tmp_path, monkeypatch
):
    monkeypatch.setattr("synthgan.base._FEWEST_HELD_OUT", 10)
    figures = iter([0.9, *[0.1] * 100])
    monkeypatch.setattr("synthgan.base.fidelity", lambda *views: next(figures))
    averages = []

    class Keep(Callback):
        def on_log(self, run):
            weights = run.state.average.state_dict().values()
            averages.append(b"".join(t.contiguous().numpy().tobytes() for t in weights))

    parameters = {"epochs": "auto", "max_steps": 120}
    callbacks = [Checkpoint(tmp_path, every_epochs=2), Keep(), Press(20)]
    with pytest.warns(InterruptedWarning):
        model = quick(callbacks, **parameters).fit(table)
    assert weights_of(model) == averages[5]  # 0.05 of the run is over
    monkeypatch.undo()
    monkeypatch.setattr("synthgan.base._FEWEST_HELD_OUT", 10)
    files = sorted(tmp_path.iterdir())
    assert files
    parameters["epochs"] = 20
    for path in files:
        path.unlink()
    with pytest.warns(InterruptedWarning):
        quick([Checkpoint(tmp_path, every_epochs=2), Press(42)], **parameters).fit(table)
    assert_same(
        quick([Checkpoint(tmp_path, every_epochs=2)], **parameters).fit(table),
        quick(**parameters).fit(table),
    )


def test_two_ctrl_c_stop_at_once_and_leave_the_model_as_it_was(table):
    before = signal.getsignal(signal.SIGINT)
    model = quick([Press(30, times=2)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(table)
    assert signal.getsignal(signal.SIGINT) is before
    assert not [name for name in vars(model) if name.endswith("_")]
    model.set_params(callbacks=None).fit(table)
    weights, names = weights_of(model), set(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[Press(30, times=2)]).fit(table[["age"]])
    assert weights_of(model) == weights
    assert set(vars(model)) == names
    assert list(model.sample(2)) == list(table)


def test_ctrl_c_belongs_to_the_main_thread(table):
    models, handlers = [], []

    class Look(Callback):
        def on_log(self, run):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=lambda: models.append(quick([Look()], epochs=2).fit(table)))
    thread.start()
    thread.join()
    assert len(models[0].sample(2)) == 2
    assert set(handlers) == {signal.getsignal(signal.SIGINT)}
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        quick([Press(6)], epochs=2).fit(table)  # as in the background of a shell
    finally:
        signal.signal(signal.SIGINT, ignored)


def test_ctrl_c_on_the_command_line_writes_the_model(table, tmp_path, monkeypatch, capsys):
    log = Trainer._log

    def press(self, state, *figures):
        log(self, state, *figures)
        if state.step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_log", press)
    write_csv(table, tmp_path / "t.csv")
    out = tmp_path / "m.synthgan"
    main(["fit", str(tmp_path / "t.csv"), "-o", str(out), "--seed", "0", "--max-steps", "500"])
    assert "InterruptedWarning: training was interrupted at step 5 of" in capsys.readouterr().err
    assert synthgan.load(out).n_steps_ == 5


def test_warm_start_goes_on(table):
    cold = quick(epochs=3).fit(table)
    model = quick(epochs=3, warm_start=True).fit(table)
    assert weights_of(model) == weights_of(cold)
    former = {name: tensor.clone() for name, tensor in model._former.generator.items()}
    first = []

    class Look(Callback):
        def on_begin(self, run):
            first.append({k: v.clone() for k, v in run.state.generator.state_dict().items()})
            first.append(run.state.step)

    model.set_params(callbacks=[Look()], epochs=2).fit(table)
    assert all(torch.equal(first[0][name], former[name]) for name in former)
    assert first[1] == 0
    assert model.n_steps_ == 12
    assert weights_of(model) != weights_of(cold)
    model.set_params(warm_start=False, callbacks=None, epochs=3).fit(table)
    assert weights_of(model) == weights_of(cold)
    with pytest.raises(ParameterError, match="previous fit, but that was without it"):
        model.set_params(warm_start=True).fit(table)
    assert weights_of(model) == weights_of(cold)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t[["age", "sex", "bmi", "ward"]],
            r"columns \['hba1c'\] are in one of them only",
        ),
        (lambda t: t.assign(ward=["a", "b", "c", "d", "e"] * 60), r"\['ward'\] have other levels"),
        (lambda t: t.fillna({"hba1c": 5.5}), r"columns \['hba1c'\] have other levels, or gaps"),
        (lambda t: t[["bmi", "sex", "age", "ward", "hba1c"]], "in another order"),
    ],
)
def test_warm_start_refuses_other_tables(table, change, message):
    model = quick(epochs=1, warm_start=True, constraints=[]).fit(table)
    weights = weights_of(model)
    with pytest.raises(DataError, match=message) as error:
        model.fit(change(table))
    assert "set warm_start=False to begin anew" in str(error.value)
    assert weights_of(model) == weights
    assert list(model.sample(3)) == list(table)
    assert len(model.fit(table.sample(frac=1, random_state=0)).sample(3)) == 3


def test_warm_start_refuses_other_networks_and_conditions(table):
    model = quick(epochs=1, warm_start=True).fit(table)
    with pytest.raises(ParameterError, match="goes on with the networks of the previous fit, and"):
        model.set_params(network=FCN(width=(8,))).fit(table)
    model.set_params(network=TINY)
    with pytest.raises(DataError, match=r"conditions are on \['ward'\], and were on \[\]"):
        model.set_params(condition_on=["ward"]).fit(table)


def test_warm_start_of_signals_and_images():
    rng = np.random.default_rng(0)
    windows, pictures = rng.normal(size=(12, 40)), rng.integers(0, 256, (12, 6, 6), np.uint8)
    for model, X, other in (
        (SignalGANSynthesizer(fs_hz=20), windows, windows[:, :20]),
        (ImageGANSynthesizer(), pictures, pictures[:, :5]),
    ):
        model.set_params(max_steps=2, network="fcn", random_state=0, warm_start=True).fit(X)
        weights = weights_of(model)
        with pytest.raises(DataError, match=r"grids are of shape .*, and were of"):
            model.fit(other)
        assert weights_of(model) == weights
        assert weights_of(model.fit(X)) != weights


def test_networks_to_go_on_from_are_pickled_but_never_saved(table, tmp_path):
    model = quick(epochs=2, warm_start=True).fit(table)
    again = thaw(freeze(model))
    assert weights_of(again.fit(table)) == weights_of(clone(model).fit(table).fit(table))
    model.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    assert weights_of(model)[:64] in content
    seen = [tensor.numpy().tobytes() for tensor in model._former.discriminator.values()]
    assert not any(tensor in content for tensor in seen if len(tensor) > 8)
    saved = read_archive(tmp_path / "m")
    assert set(saved.weights) == set(model.generator_.state_dict())
    loaded = synthgan.load(tmp_path / "m")
    assert loaded.warm_start is False
    assert not hasattr(loaded, "_former")
    with pytest.raises(ParameterError, match="or the model is from a file"):
        loaded.set_params(warm_start=True).fit(table)


def test_another_run_of_a_warm_start_is_another_run(table, tmp_path):
    model = quick([Checkpoint(tmp_path)], warm_start=True).fit(table)
    with pytest.raises(CheckpointError, match="another run: other warm_start"):
        model.fit(table)
    saved = freeze(model.set_params(callbacks=None))
    whole = model.fit(table)
    folder = tmp_path / "second"
    with pytest.raises(BrokenError):
        thaw(saved).set_params(callbacks=[Checkpoint(folder), Break(60)]).fit(table)
    assert_same(thaw(saved).set_params(callbacks=[Checkpoint(folder)]).fit(table), whole)


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
    assert "state/cuda_rng" in states[0].tensors
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
