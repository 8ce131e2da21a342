"""A step never waits for its device: no value is read back, and no other device takes part."""

import copy

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from synthgan import (
    CNN,
    CNN1d,
    ImageGANSynthesizer,
    Loss,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_clinic, make_ecg
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.protocol import with_rng
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.data import GridData
from synthgan.gan.training.optimizer import Optimizer
from synthgan.gan.training.state import TrainState
from synthgan.gan.training.step import Step

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")

# What copies a value to the host, or has a shape that depends on values.
READS = {
    "aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal", "aten::nonzero",
    "aten::masked_select", "aten::_unique2", "aten::unique_dim", "aten::bincount",
}  # fmt: skip
META = torch.device("meta")


class Reads(TorchDispatchMode):
    """Fail where a value is read."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.name().split(".")[0] not in READS, f"{func.name()} waits for the device"
        return func(*args, **(kwargs or {}))


class Settled:
    """A loss whose pair is known."""

    def __init__(self, pair):
        self.pair = lambda n_rows, n_groups: pair


def on_meta(step):
    """Build the same step on the meta device, where tensors have no values to read."""
    data, state, known = step.data, step.state, step.sampler.known
    twin = GridData(
        data.grids.numpy(),
        None if data.half_widths is None else data.half_widths.numpy(),
        data.groups,
        META,
        None if data.labels is None else data.labels.numpy(),
        data.rows.numpy(),
    )
    networks = [copy.deepcopy(n).to(META) for n in (state.generator, state.discriminator)]
    sampler = Sampler(
        copy.deepcopy(step.sampler.head).to(META),
        KnownCells(known.groups, META, known.beside),
        step.sampler.latent_dim,
        step.sampler.n_cells,
    )
    there = TrainState(
        generator=networks[0],
        discriminator=networks[1],
        average=copy.deepcopy(state.average).to(META),
        generator_optimizer=Still(networks[0]),
        discriminator_optimizer=Still(networks[1]),
        rng=torch.Generator(),
        left=state.left.to(META),
        sums=state.sums.to(META),
        batch_size=state.batch_size,
    )
    return Step(there, Settled(step.pair), sampler, twin, step.masked, step.average)


class Still(Optimizer):
    """An optimiser that does not move: torch has no fused kernel for the meta device."""

    def __init__(self, network):
        super().__init__(network, (0.0, 0.99))

    def step(self):
        assert all(weight.grad is not None for weight in self.weights)


def waves():
    return SignalGANSynthesizer(network=CNN1d(width=4), max_steps=5, fs_hz=125)


CLINIC = make_clinic(120, random_state=0)
ECG = make_ecg(24, n_samples=250, fs_hz=125, random_state=0)
TWO = np.arange(24) % 2
RNG = np.random.default_rng(0)
SMALL, LARGE = (RNG.integers(0, 255, (24, side, side)).astype("uint8") for side in (8, 64))
FITS = {
    "table": lambda: TabularGANSynthesizer(max_steps=5, candidates=1).fit(CLINIC),
    "conditions": lambda: TabularGANSynthesizer(
        max_steps=5, candidates=1, condition_on="any"
    ).fit(CLINIC),
    "threshold": lambda: TabularGANSynthesizer(
        network=CNN(width=8), loss=Loss("bce", threshold=0.1, moments=1.0), max_steps=5
    ).fit(CLINIC),
    "signal": lambda: waves().fit(ECG),
    "labelled": lambda: waves().fit(ECG, TWO),
    "image": lambda: ImageGANSynthesizer(max_steps=5).fit(SMALL, TWO),
    "large image": lambda: ImageGANSynthesizer(max_steps=5).fit(LARGE),
}  # fmt: skip


@pytest.mark.parametrize("kind", FITS)
def test_no_value_is_read_in_a_step_or_in_sampling(kind, monkeypatch):
    plain, n_steps, on_device = Step.__call__, [], []

    def watched(step, rows):
        with Reads():
            figures = plain(step, rows)
        if len(on_device) < 2:  # one with the penalty, one without
            twin = on_meta(step)
            twin.state.step = step.state.step
            on_device.append(plain(twin, rows.to(META)).device.type)
            generate = with_rng(twin.state.generator)
            c = twin.sampler.known.none(3, META)
            made = twin.sampler.make(generate, c, twin.state.rng)
            on_device.append(made.device.type)
        n_steps.append(step.state.step)
        return figures

    monkeypatch.setattr(Step, "__call__", watched)
    FITS[kind]()
    assert n_steps == list(range(len(n_steps)))
    assert len(n_steps) >= 2
    assert set(on_device) == {"meta"}
