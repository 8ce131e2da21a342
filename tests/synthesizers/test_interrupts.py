"""Ctrl-C: once leaves a model, twice the old one."""

import os
import signal
import threading

import numpy as np
import pytest

import synthgan
from synthgan import (
    CNN,
    Callback,
    Checkpoint,
    CNN1d,
    ImageGANSynthesizer,
    SignalGANSynthesizer,
)
from synthgan.cli import main
from synthgan.exceptions import (
    InterruptedWarning,
)
from synthgan.gan.training.step import Step
from synthgan.gan.training.trainer import Trainer
from synthgan.io.tables import write_table
from tests.quick import assert_same, quick, weights_of


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

    monkeypatch.setattr("synthgan.synthesizers.base.Critic.fit", press)
    monkeypatch.setattr("synthgan.synthesizers.signal.Calibration.fit", press)
    monkeypatch.setattr("synthgan.synthesizers.image.ImageGANSynthesizer._match_grain", press)
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
    step = Step.__call__

    def press(self, rows):
        if self.state.step == 27:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, rows)

    monkeypatch.setattr(Step, "__call__", press)
    with pytest.warns(InterruptedWarning, match="interrupted at step 28 of 120"):
        model = quick().fit(table)
    assert model.history_["step"].tolist() == [6, 12, 18, 24, 28]


def test_an_interrupted_run_keeps_the_best_weights_and_can_be_taken_up(
    table, tmp_path, monkeypatch
):
    monkeypatch.setattr("synthgan.synthesizers.table_rules._FEWEST_HELD_OUT", 10)
    figures = iter([0.9, *[0.1] * 100])
    monkeypatch.setattr("synthgan.synthesizers.training_set.fidelity", lambda *views: next(figures))
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
    monkeypatch.setattr("synthgan.synthesizers.table_rules._FEWEST_HELD_OUT", 10)
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
        if state.step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_log", press)
    write_table(table, tmp_path / "t.csv")
    out = tmp_path / "m.synthgan"
    main(["fit", str(tmp_path / "t.csv"), "-o", str(out), "--seed", "0", "--max-steps", "500"])
    assert "InterruptedWarning: training was interrupted at step 6 of" in capsys.readouterr().err
    assert synthgan.load(out).n_steps_ == 6
