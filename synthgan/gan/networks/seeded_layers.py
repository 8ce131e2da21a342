"""Layers of torch whose first weights, or dropout, are drawn from a given random generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Conv2d", "ConvTranspose2d", "Dropout", "Linear", "through"]

Size = int | tuple[int, int]


class Linear(nn.Linear):
    """A linear layer; `rng` draws its first weights; None: torch's global generator."""

    def __init__(
        self, n_inputs: int, n_outputs: int, rng: torch.Generator | None = None, bias: bool = True
    ) -> None:
        super().__init__(n_inputs, n_outputs, bias)
        _draw_weights(self, rng)

    def reset_parameters(self) -> None:
        """Do nothing: torch would draw weights from its global generator."""


class Conv2d(nn.Conv2d):
    """A convolution; `rng` draws its first weights; None: torch's global generator."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        kernel: Size,
        stride: Size = 1,
        padding: Size = 0,
        rng: torch.Generator | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(n_inputs, n_outputs, kernel, stride, padding, bias=bias)
        _draw_weights(self, rng)

    def reset_parameters(self) -> None:
        """Do nothing: torch would draw weights from its global generator."""


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution; `rng` draws its first weights; None: torch's global one."""

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        kernel: Size,
        stride: Size = 1,
        padding: Size = 0,
        rng: torch.Generator | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__(n_inputs, n_outputs, kernel, stride, padding, bias=bias)
        _draw_weights(self, rng)

    def reset_parameters(self) -> None:
        """Do nothing: torch would draw weights from its global generator."""


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


def _draw_weights(
    layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, rng: torch.Generator | None
) -> None:
    """Draw weights as torch does, uniform up to one over the root of a unit's inputs."""
    n_inputs = layer.weight[0].numel()
    bound = 1 / math.sqrt(n_inputs) if n_inputs else 0.0
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, -bound, bound, generator=rng)
