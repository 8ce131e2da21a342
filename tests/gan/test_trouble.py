"""Runs that diverge, collapse or run out of memory."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from synthgan import FCN, Adam, Loss, TabularGANSynthesizer
from synthgan.exceptions import (
    CollapseWarning,
    DivergenceWarning,
    MemoryWarning,
    ParameterError,
    SynthganError,
)
from synthgan.gan.training import trainer
from synthgan.gan.training.callbacks import Callback, KeepBest, Progress, SampleGrid
from synthgan.gan.training.collapse import n_to_compare, relative_spread
from synthgan.gan.training.memory import ran_out
from synthgan.gan.training.step import Step
from tests.gan.runs import grids, train


class Poison(Callback):
    """Let a weight be no number any more, after some steps and for some times."""

    def __init__(self, step, times):
        self.step, self.times = step, times
        self.steps, self.rates = [], []

    def on_log(self, run):
        self.steps.append(run.state.step)
        self.rates.append(run.state.generator_optimizer.rate)
        if run.state.step == self.step and self.times:
            self.times -= 1
            next(run.state.generator.parameters()).data.fill_(math.nan)


def test_a_run_that_diverges_goes_back_and_learns_more_slowly():
    poison = Poison(32, times=2)
    with pytest.warns(DivergenceWarning) as warned:
        state = train([poison, Progress()], n_epochs=20, optimizer=Adam(0.01, decay=0.0))
    assert [str(w.message) for w in warned] == [
        "training diverged before step 36: a loss is no longer finite; it goes on from step 28 "
        f"with a learning rate 1/{times} as high."
        for times in (2, 4)
    ]
    assert state.is_finite()
    assert poison.steps.count(32) == 3
    assert (poison.rates[0], poison.rates[-1]) == (0.01, 0.0025)
    steps = [row["step"] for row in state.history]
    assert steps == sorted(set(steps))
    assert state.step == 75


def test_callbacks_go_back_with_the_run():
    pictures = SampleGrid(every_epochs=1)
    figures = iter(np.linspace(0, 1, 100))
    keep = KeepBest(lambda grids: next(figures), n=4, checks=40)
    with pytest.warns(DivergenceWarning):
        state = train([Poison(32, 1), pictures, keep], n_epochs=20)
    assert list(pictures.grids_) == list(range(1, 21))
    assert all(np.isfinite(grid).all() for grid in pictures.grids_.values())
    assert len(keep._measured) == np.isfinite([row["fidelity"] for row in state.history]).sum()


def test_divergence_at_any_rate_is_an_error():
    with (
        pytest.warns(DivergenceWarning) as warned,
        pytest.raises(SynthganError, match=r"training diverged before step .*no longer finite"),
    ):
        train(optimizer=Adam(learning_rate=1e30), loss=Loss("wgan-gp"), n_epochs=20)
    assert len(warned) == 3


def test_weights_that_are_no_numbers_are_no_model():
    class Spoil(Callback):
        def on_epoch(self, run):
            next(run.state.average.parameters()).data.fill_(math.nan)

    with (
        pytest.warns(DivergenceWarning, match="before step 12: a weight is no longer finite"),
        pytest.raises(SynthganError, match="before step 12: a weight is no longer finite"),
    ):
        train([Spoil()], n=8, batch_size=2, n_epochs=3)


class Still(nn.Module):
    """A generator of one grid, which learns nothing."""

    def __init__(self, level):
        super().__init__()
        self.level = level
        self.idle = nn.Parameter(torch.tensor(0.0))

    def forward(self, z, c):
        return (self.level + 0 * self.idle).expand(len(z), 3, 3)


class Sharp(nn.Module):
    """A discriminator that soon knows."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.0))

    def forward(self, grid, c):
        return 1000 * self.slope * grid.mean(dim=(1, 2))


BRIGHT = np.full((30, 3, 3), 255, dtype=np.uint8)


def test_a_discriminator_that_has_won_is_noticed():
    settings = {"real": BRIGHT, "n_epochs": 60, "optimizer": Adam(1.0, decay=0.0)}
    with (
        pytest.warns(DivergenceWarning, match="the discriminator's loss has vanished") as warned,
        pytest.raises(SynthganError, match=r"before step \d+: the discriminator's loss has van"),
    ):
        train(networks=(Still(-9.0), Sharp()), loss=Loss("bce"), **settings)
    assert len(warned) == 3
    # A discriminator that waits for the generator is not stuck; nor are those for whose loss
    # nothing is no verdict.
    train(networks=(Still(-9.0), Sharp()), loss=Loss("bce", threshold=1e-9), **settings)
    train(networks=(Still(9.0), Sharp()), loss=Loss("wgan-gp", penalty=0.0), **settings)


def test_collapse_is_noticed():
    settings = {"n_epochs": 60, "loss": Loss("bce"), "optimizer": Adam(1e-4)}
    with pytest.warns(CollapseWarning, match="30 of them lie 0 times as far"):
        train(networks=(Still(0.1), Sharp()), **settings)
    train(networks=(Still(0.1), Sharp()), max_steps=199, **settings)
    train(networks=(Still(0.1), Sharp()), real=BRIGHT, **settings)
    twins = np.concatenate([grids(15), np.tile(grids(1), (15, 1, 1))])
    train(networks=(Still(0.1), Sharp()), real=twins, **settings)
    train(n_epochs=60)


def test_spread():
    some = np.random.default_rng(0).normal(size=(50, 4, 4)).astype(np.float32)
    assert relative_spread(some, 2 * some) == pytest.approx(2)
    assert relative_spread(some, some[:1].repeat(50, axis=0)) == 0
    assert relative_spread(some, 1000 + 1e-2 * some) == pytest.approx(1e-2, rel=0.01)
    assert math.isnan(relative_spread(some.repeat(2, axis=0), some))
    assert [n_to_compare(*size) for size in ((9, 4), (50, 4), (1000, 4), (1000, 110_000))] == [
        0, 50, 200, 38,
    ]  # fmt: skip


def test_a_look_at_collapse_leaves_everything_as_it_is(monkeypatch):
    def fit():
        state = train(n_epochs=60)
        weights = torch.cat([p.flatten() for p in state.average.parameters()])
        return weights, state.rng.get_state(), torch.get_rng_state()

    looked = fit()
    monkeypatch.setattr(trainer, "relative_spread", lambda real, fake: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit()
    monkeypatch.setattr(trainer, "_FEWEST_STEPS", 10**9)
    assert all(torch.equal(a, b) for a, b in zip(looked, fit(), strict=True))


def short_of_memory(most_rows, error=None):
    step = Step.__call__

    def step_or_fail(self, rows):
        if len(rows) > most_rows:
            raise error or torch.OutOfMemoryError("CUDA out of memory.")
        return step(self, rows)

    return step_or_fail


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.1 GB, max allowed: 9 GB)."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        MemoryError(),
    ],
    ids=["cuda", "mps", "cpu", "windows", "numpy"],
)
def test_batches_are_halved_where_memory_runs_out(error, monkeypatch):
    monkeypatch.setattr(Step, "__call__", short_of_memory(20, error))
    with pytest.warns(MemoryWarning) as warned:
        state = train([Progress()], n=640, batch_size=64, n_epochs=3)
    assert [str(w.message) for w in warned] == [
        f"memory ran out with batch_size={n}; training goes on from step 0 with {n // 2}."
        for n in (64, 32)
    ]
    assert (state.batch_size, state.step, state.seen, state.epoch) == (16, 120, 1920, 3)
    assert state.history[-1]["epoch"] == 3


def test_errors_that_say_that_memory_ran_out(monkeypatch):
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    assert ran_out(raised.value)
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    monkeypatch.setattr(Step, "__call__", short_of_memory(20, RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        train([Progress()], n=640, batch_size=64, n_epochs=3)


def test_a_run_goes_on_where_memory_runs_out_late(monkeypatch):
    class Later(Callback):
        def on_epoch(self, run):
            if run.state.epoch == 2:
                monkeypatch.setattr(Step, "__call__", short_of_memory(20))

    with pytest.warns(MemoryWarning, match="batch_size=32; training goes on from step 3[0-9]"):
        state = train([Later()], n=640, batch_size=32, n_epochs=4)
    assert (state.batch_size, state.seen, state.epoch) == (16, 2560, 4)
    assert 80 < state.step < 130


def test_too_little_memory_is_explained(clinic, monkeypatch):
    monkeypatch.setattr(Step, "__call__", short_of_memory(0))
    model = TabularGANSynthesizer(network=FCN(width=8), batch_size=20, random_state=0)
    with (
        pytest.warns(MemoryWarning, match="goes on from step 0 with 10"),
        pytest.raises(ParameterError, match=r"weights, and need about .* GB with batch_size=8"),
    ):
        model.fit(clinic)


def test_nothing_is_kept_in_memory_that_does_not_fit(monkeypatch):
    monkeypatch.setattr("synthgan.gan.training.last_good.free_bytes", lambda device: 1000)
    with (
        warnings.catch_warnings(),
        pytest.raises(SynthganError, match="training diverged before step 36"),
    ):
        train([Poison(32, 1)], n_epochs=20)
    monkeypatch.setattr(Step, "__call__", short_of_memory(20))
    with pytest.raises(torch.OutOfMemoryError):
        train(n=640, batch_size=64)
