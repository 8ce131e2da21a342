"""All that changes while networks train."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

__all__ = ["TrainState", "update_average"]


@dataclass
class TrainState:
    """Networks, optimisers, the averaged generator, counters and the source of randomness.

    `average` is the generator whose weights are an exponential moving average (EMA) of the
    trained one's; samples come from it.
    """

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    rng: torch.Generator
    step: int = 0
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


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
