"""Layers of torch that draw, first weights or dropout, from a generator that is handed to them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Conv2d", "ConvTranspose2d", "Dropout", "Linear", "through"]

Size = int | tuple[int, int]


class Linear(nn.Linear):
    """A linear layer; `rng` draws its first weights, where it is None torch's own generator."""

    def __init__(
        self, n_inputs: int, n_outputs: int, rng: torch.Generator | None = None, bias: bool = True
    ) -> None:
        super().__init__(n_inputs, n_outputs, bias)
        _draw_weights(self, rng)

    def reset_parameters(self) -> None:
        """Leave weights as they are: torch would draw them from a generator of its own."""


class Conv2d(nn.Conv2d):
    """A convolution; `rng` draws its first weights, where it is None torch's own generator."""

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
        """Leave weights as they are: torch would draw them from a generator of its own."""


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution; `rng` draws its first weights, None: torch's own generator."""

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
        """Leave weights as they are: torch would draw them from a generator of its own."""


class Dropout(nn.Dropout):
    """Dropout that draws from a generator that is handed to it; see `through`."""

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Set a share of the values to 0, in training; scale the others up."""
        if not self.training or self.p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=rng)
        return x * kept.div_(1 - self.p)


def through(layers: nn.Sequential, x: Tensor, rng: torch.Generator | None) -> Tensor:
    """Send a tensor through layers; those that drop are handed the generator."""
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
