"""Generators and discriminators, layer by layer; sizes are given, nothing is chosen here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "ConvDiscriminator",
    "DownDiscriminator",
    "FlatDiscriminator",
    "FlatGenerator",
    "TransposedGenerator",
    "UpGenerator",
    "Waves",
    "halvings",
    "map_sizes",
    "plain_chain",
    "residual_chain",
]

SLOPE = 0.2


class FlatGenerator(nn.Module):
    """A chain of layers from noise to a grid."""

    def __init__(self, body: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.body = body
        self.shape = tuple(shape)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        return self.body(torch.cat([z, c], dim=1)).reshape(-1, *self.shape)


class FlatDiscriminator(nn.Module):
    """A chain of layers from a flattened grid to a logit."""

    def __init__(self, body: nn.Module, n_conditions: int, waves: Waves | None = None) -> None:
        super().__init__()
        self.body = body
        self.waves = waves

    def forward(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,)."""
        flat = grid.flatten(1)
        parts = [flat, c] if self.waves is None else [flat, self.waves(flat), c]
        return self.body(torch.cat(parts, dim=1)).squeeze(1)


class Waves(nn.Module):
    """Sines and cosines of some cells (Fourier features)."""

    def __init__(self, cells: Sequence[int], n_octaves: int) -> None:
        super().__init__()
        self.register_buffer("cells", torch.tensor(cells), persistent=False)
        octaves = math.pi * 2.0 ** torch.arange(n_octaves)
        self.register_buffer("octaves", octaves, persistent=False)
        self.n_features = 2 * n_octaves * len(cells)

    cells: Tensor
    octaves: Tensor

    def forward(self, flat: Tensor) -> Tensor:
        """Map (n, n_cells) to (n, n_features)."""
        angles = (flat[:, self.cells, None] * self.octaves).flatten(1)
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class Residual(nn.Module):
    """A block that adds to its input."""

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width) if norm else nn.Identity(),
            nn.LeakyReLU(SLOPE),
            nn.Linear(width, width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, width) to (n, width)."""
        return x + self.body(x)


def residual_chain(n_inputs: int, width: int, depth: int, n_outputs: int, norm: bool) -> nn.Module:
    """Build residual blocks of one width between two linear layers."""
    return nn.Sequential(
        nn.Linear(n_inputs, width),
        *[Residual(width, norm) for _ in range(depth)],
        nn.LayerNorm(width) if norm else nn.Identity(),
        nn.LeakyReLU(SLOPE),
        nn.Linear(width, n_outputs),
    )


def plain_chain(n_inputs: int, widths: Sequence[int], n_outputs: int, dropout: float) -> nn.Module:
    """Build hidden layers of given widths, each with LeakyReLU and dropout."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise([n_inputs, *widths]):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE)]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(([n_inputs, *widths])[-1], n_outputs))


class TransposedGenerator(nn.Module):
    """Transposed convolutions given layer by layer."""

    def __init__(
        self, n_inputs: int, layers: Sequence[Sequence[Any]], shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        blocks: list[nn.Module] = []
        for i, (n_out, kernel, stride, padding) in enumerate(layers):
            conv = nn.ConvTranspose2d(n_inputs, n_out, kernel, stride, padding, bias=False)
            last = i == len(layers) - 1
            ends = [] if last else [nn.BatchNorm2d(n_out), nn.ReLU()]
            blocks.append(nn.Sequential(conv, *ends))
            n_inputs = n_out
        self.blocks = nn.ModuleList(blocks)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        x = torch.cat([z, c], dim=1)[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        return x.reshape(-1, *self.shape)


class ConvDiscriminator(nn.Module):
    """Convolutions given layer by layer, then the average of what is left."""

    def __init__(self, n_inputs: int, layers: Sequence[Sequence[Any]], channels: int) -> None:
        super().__init__()
        self.channels = channels
        blocks: list[nn.Module] = []
        for i, (n_out, kernel, stride, padding) in enumerate(layers):
            inner = 0 < i < len(layers) - 1
            conv = nn.Conv2d(n_inputs, n_out, kernel, stride, padding, bias=not inner)
            norm = [nn.BatchNorm2d(n_out)] if inner else []
            ends = [] if i == len(layers) - 1 else [*norm, nn.LeakyReLU(SLOPE)]
            blocks.append(nn.Sequential(conv, *ends))
            n_inputs = n_out
        self.blocks = nn.ModuleList(blocks)

    def forward(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,)."""
        x = _with_conditions(grid, c, self.channels)
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=(1, 2, 3))


class ConvResidual(nn.Module):
    """Two 3 x 3 convolutions beside a 1 x 1 shortcut."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(n_out, n_out, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(n_in, n_out, 1, bias=False) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, h, w) to (n, n_out, h, w)."""
        return self.shortcut(x) + self.body(x)


class UpGenerator(nn.Module):
    """Residual blocks from a small map to the grid, sizes given."""

    def __init__(
        self,
        n_inputs: int,
        channel_counts: Sequence[int],
        sizes: Sequence[tuple[int, int]],
        channels: int,
        shape: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.shape, self.sizes = tuple(shape), list(sizes)
        self.first = nn.Linear(n_inputs, channel_counts[0] * math.prod(sizes[0]))
        counts = [channel_counts[0], *channel_counts]
        self.blocks = nn.ModuleList(ConvResidual(n_in, n_out) for n_in, n_out in pairwise(counts))
        self.last = nn.Conv2d(counts[-1], channels, 3, padding=1)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        x = self.first(torch.cat([z, c], dim=1)).reshape(len(z), -1, *self.sizes[0])
        for size, block in zip(self.sizes, self.blocks, strict=True):
            if x.shape[2:] != size:
                x = nn.functional.interpolate(x, size=size)
            x = block(x)
        return self.last(nn.functional.leaky_relu(x, SLOPE)).reshape(-1, *self.shape)


class DownDiscriminator(nn.Module):
    """Residual blocks, each at half the size of the one before, then the average."""

    def __init__(self, n_inputs: int, channel_counts: Sequence[int], channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.first = nn.Conv2d(n_inputs, channel_counts[0], 3, padding=1)
        counts = [channel_counts[0], *channel_counts]
        self.blocks = nn.ModuleList(ConvResidual(n_in, n_out) for n_in, n_out in pairwise(counts))
        self.last = nn.Linear(counts[-1], 1)

    def forward(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,)."""
        x = self.first(_with_conditions(grid, c, self.channels))
        for i, block in enumerate(self.blocks):
            x = block(x if i == 0 else nn.functional.avg_pool2d(x, 2, ceil_mode=True))
        return self.last(nn.functional.leaky_relu(x, SLOPE).mean(dim=(2, 3))).squeeze(1)


@torch.no_grad()
def map_sizes(blocks: nn.ModuleList, x: Tensor) -> list[tuple[int, ...]]:
    """Send a map through the convolutions of `blocks`; give height and width after each."""
    sizes = [tuple(x.shape[2:])]
    for block in blocks:
        x = block[0](x)  # type: ignore[index]
        sizes.append(tuple(x.shape[2:]))
    return sizes


def halvings(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from the grid down to at most 4 x 4."""
    sizes = [(height, width)]
    while max(sizes[-1]) > 4:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def _with_conditions(grid: Tensor, c: Tensor, channels: int) -> Tensor:
    """Stack each condition as a constant map beside the grid's channels."""
    x = grid.reshape(len(grid), channels, *grid.shape[-2:])
    return torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
