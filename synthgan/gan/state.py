"""All that changes while networks train."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Snapshot", "TrainState", "update_average"]

_NETWORKS = ("generator", "discriminator", "average")
_OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
_COUNTERS = (
    "batch_size", "step", "seen", "epoch", "unlogged", "seconds", "halvings", "vanished",
)  # fmt: skip


@dataclass(frozen=True)
class Snapshot:
    """What all that changes is at one step: what `to_state` gave, of one thing or of several.

    Parameters
    ----------
    record : dict
        JSON-ready plain data.
    tensors : dict of str to Tensor
        In the host's memory.
    """

    record: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def join(cls, parts: dict[str, Snapshot]) -> Snapshot:
        """Put several into one, under their names."""
        record = {name: part.record for name, part in parts.items()}
        tensors = {f"{n}/{key}": t for n, part in parts.items() for key, t in part.tensors.items()}
        return cls(record, tensors)

    def __getitem__(self, name: str) -> Snapshot:
        start = f"{name}/"
        tensors = {
            key.removeprefix(start): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(start)
        }
        return Snapshot(self.record.get(name, {}), tensors)

    def __contains__(self, name: str) -> bool:
        return name in self.record


@dataclass
class TrainState:
    """Networks, optimisers, the averaged generator, counters and the source of randomness.

    `average` is the generator whose weights are an exponential moving average (EMA) of the
    trained one's; samples come from it. `left` are the rows of the present shuffle that no batch
    has held yet, `sums` of the logged figures over the `unlogged` steps, `seen` the rows seen,
    `halvings` of the learning rate, `vanished` how many logged rows the discriminator's loss has
    been next to nothing.
    """

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    rng: torch.Generator
    left: Tensor
    sums: Tensor
    batch_size: int
    step: int = 0
    seen: int = 0
    epoch: int = 0
    unlogged: int = 0
    seconds: float = 0.0
    halvings: int = 0
    vanished: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return all of this, and where torch's own generators are, as plain data and copies."""
        tensors = {"left": self.left, "sums": self.sums, **_random_states(self.rng)}
        for name in _NETWORKS:
            weights = getattr(self, name).state_dict()
            tensors.update({f"{name}/{key}": tensor for key, tensor in weights.items()})
        for name in _OPTIMIZERS:
            optimizer = getattr(self, name)
            for i, parameter in enumerate(_parameters(optimizer)):
                moments = optimizer.state.get(parameter, {})
                tensors.update({f"{name}/{i}/{key}": tensor for key, tensor in moments.items()})
        record = {name: getattr(self, name) for name in _COUNTERS}
        record["history"] = [dict(row) for row in self.history]
        return record, {key: t.detach().to("cpu", copy=True) for key, t in tensors.items()}

    def from_state(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take back what `to_state` gave."""
        snapshot = Snapshot(record, tensors)
        for name in _COUNTERS:
            setattr(self, name, record[name])
        self.history = [dict(row) for row in record["history"]]
        for name in _NETWORKS:
            getattr(self, name).load_state_dict(snapshot[name].tensors)
        for name in _OPTIMIZERS:
            _restore_optimizer(getattr(self, name), snapshot[name].tensors)
        device = self.left.device
        self.left = tensors["left"].to(device, copy=True)
        self.sums = tensors["sums"].to(device, copy=True)
        _restore_random(self.rng, tensors)

    def is_good(self) -> bool:
        """Tell whether it is worth coming back to: all weights and losses are numbers, none stuck.

        Waits for the device.
        """
        return not self.vanished and self.is_finite()

    def is_finite(self) -> bool:
        """Tell whether all weights and losses so far are numbers; waits for the device."""
        weights = [p for name in _NETWORKS for p in getattr(self, name).parameters()]
        return bool(torch.stack([x.isfinite().all() for x in (*weights, self.sums)]).all())


def copy_network(network: nn.Module) -> nn.Module:
    """Copy a network; the copy learns nothing by itself and is ready to sample from."""
    return copy.deepcopy(network).requires_grad_(False).eval()


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average towards the network's weights; buffers are copied."""
    ours: list[Tensor] = list(average.parameters())
    torch._foreach_lerp_(ours, list(network.parameters()), 1.0 - decay)
    for mine, theirs in zip(average.buffers(), network.buffers(), strict=True):
        mine.copy_(theirs)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    optimizer.state.clear()
    parameters = _parameters(optimizer)
    for name, tensor in tensors.items():
        number, key = name.split("/")
        parameter = parameters[int(number)]
        # Moments lie in memory as their weights do: the fused step takes that for granted.
        own = torch.empty_like(parameter) if tensor.shape == parameter.shape else tensor
        own = own.detach().to(parameter.device, tensor.dtype, copy=True).copy_(tensor)
        optimizer.state[parameter][key] = own


def _random_states(rng: torch.Generator) -> dict[str, Tensor]:
    """Return where generators are: the run's, and torch's, which dropout and layers draw from."""
    states = {"rng": rng.get_state(), "torch_rng": torch.get_rng_state()}
    if rng.device.type == "cuda":
        states["cuda_rng"] = torch.cuda.get_rng_state(rng.device)
    return states


def _restore_random(rng: torch.Generator, states: dict[str, Tensor]) -> None:
    rng.set_state(states["rng"])
    torch.set_rng_state(states["torch_rng"])
    if rng.device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda_rng"], rng.device)
