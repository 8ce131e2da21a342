"""Layers of torch whose first weights, or dropout, are drawn from a given random generator."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Conv2d", "ConvTranspose2d", "Dropout", "Linear", "through"]


class _SeededWeights:
    """First weights are drawn from `rng`; None: from torch's global generator."""

    def __init__(self, *sizes: Any, rng: torch.Generator | None = None, **options: Any) -> None:
        super().__init__(*sizes, **options)
        _draw_weights(self, rng)

    def reset_parameters(self) -> None:
        """Do nothing: torch would draw weights from its global generator."""


class Linear(_SeededWeights, nn.Linear):
    """A linear layer."""


class Conv2d(_SeededWeights, nn.Conv2d):
    """A convolution."""


class ConvTranspose2d(_SeededWeights, nn.ConvTranspose2d):
    """A transposed convolution."""


class Dropout(nn.Dropout):
    """Dropout that draws from a given generator; see `through`."""

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Set a share of the values to 0, in training; scale the others up."""
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=rng)
        return x * kept.div_(1 - self.p)


def through(layers: nn.Sequential, x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Apply layers in turn; dropout layers draw from `rng`."""
    for layer in layers:
        x = layer(x, rng) if isinstance(layer, Dropout) else layer(x)
    return x


def _draw_weights(layer: Any, rng: torch.Generator | None) -> None:
    """Draw weights as torch does, uniform up to one over the root of a unit's inputs."""
    n_inputs = layer.weight[0].numel()
    bound = 1 / math.sqrt(n_inputs) if n_inputs else 0.0
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, -bound, bound, generator=rng)
