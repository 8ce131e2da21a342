"""Generators and discriminators, layer by layer; sizes are given, nothing is chosen here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from synthgan.encoding.groups import OFF, ON
from synthgan.gan.networks.seeded_layers import Conv2d, ConvTranspose2d, Dropout, Linear, through

__all__ = [
    "CentredLevels",
    "ConvDiscriminator",
    "FlatDiscriminator",
    "FlatGenerator",
    "TransposedGenerator",
    "Waves",
    "map_sizes",
    "plain_chain",
    "residual_chain",
]

SLOPE = 0.2


class FlatGenerator(nn.Module):
    """A chain of layers from noise to a grid.

    Parameters
    ----------
    body : Module
    shape : tuple of int
        Of the grid.
    latents : Tensor of shape (n_latents, latent_dim) or None, default=None
        The only noise vectors that the layers see. They are distributed evenly among the rows of a
        batch: as many rows as there are vectors have each of them once. None: any noise.
    """

    def __init__(
        self, body: nn.Module, shape: tuple[int, ...], latents: Tensor | None = None
    ) -> None:
        super().__init__()
        self.body = body
        self.shape = tuple(shape)
        self.register_buffer("latents", latents)

    latents: Tensor | None

    @property
    def n_latents(self) -> float:
        """How many noise vectors the layers see; infinity if any."""
        return math.inf if self.latents is None else len(self.latents)

    def forward(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape); draws nothing."""
        if self.latents is not None:
            z = self.latents.index_select(0, self.deal(z))
        return self.body(torch.cat([z, c], dim=1)).reshape(-1, *self.shape)

    def deal(self, z: Tensor) -> Tensor:
        """Return which vector each row gets: by the rank of its noise, at random within that."""
        rank = z[:, 0].argsort().argsort()
        place = (rank + torch.special.ndtr(z[:, -1])) / max(1, len(z))
        return (place * self.n_latents).long().clamp_(max=int(self.n_latents) - 1)

    def count_values(self) -> int:
        """Return how many values the layers compute for one record."""
        return _count_values(self.body)


class FlatDiscriminator(nn.Module):
    """A chain of layers from a flattened grid to a logit.

    The cells go through `levels` first, if it is given; `waves` of them are further inputs.
    """

    is_rowwise = True

    def __init__(
        self,
        body: nn.Sequential,
        n_conditions: int,
        waves: Waves | None = None,
        levels: CentredLevels | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.waves = waves
        self.levels = levels

    def forward(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,); `rng` draws what is dropped."""
        flat = grid.flatten(1)
        if self.levels is not None:
            flat = self.levels(flat)
        parts = [flat, c] if self.waves is None else [flat, self.waves(flat), c]
        return through(self.body, torch.cat(parts, dim=1), rng).squeeze(1)

    def count_values(self) -> int:
        """Return how many values the layers compute for one record."""
        n_features = 0 if self.waves is None else self.waves.n_features
        return n_features + _count_values(self.body)


class Waves(nn.Module):
    """Sines and cosines of some cells (Fourier features)."""

    def __init__(self, cells: Sequence[int], n_octaves: int) -> None:
        super().__init__()
        self.register_buffer("cells", torch.tensor(cells), persistent=False)
        octaves = torch.tensor([math.pi * 2.0**i for i in range(n_octaves)])
        self.register_buffer("octaves", octaves, persistent=False)
        self.n_features = 2 * n_octaves * len(cells)

    cells: Tensor
    octaves: Tensor

    def forward(self, flat: Tensor) -> Tensor:
        """Map (n, n_cells) to (n, n_features)."""
        angles = (flat.index_select(1, self.cells)[:, :, None] * self.octaves).flatten(1)
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class CentredLevels(nn.Module):
    """Move the cells of columns with many levels so that OFF is 0.

    All but one of these cells are OFF, -1 in the networks' scale. Adam moves the weights of such
    constant inputs alike, so that together they act as a bias whose learning rate is multiplied by
    their number, and training becomes unstable. Hidden cells, exactly 0, stay 0.
    """

    def __init__(self, cells: Sequence[int], n_cells: int) -> None:
        super().__init__()
        shift = torch.zeros(n_cells)
        shift[list(cells)] = 1.0 - 2.0 * OFF / ON
        self.register_buffer("shift", shift, persistent=False)

    shift: Tensor

    def forward(self, flat: Tensor) -> Tensor:
        """Map (n, n_cells) to (n, n_cells)."""
        return flat + self.shift * (flat != 0)


class Residual(nn.Module):
    """A block that adds to its input."""

    def __init__(self, width: int, norm: bool, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width) if norm else nn.Identity(),
            nn.LeakyReLU(SLOPE),
            Linear(width, width, rng=rng),
            nn.LeakyReLU(SLOPE),
            Linear(width, width, rng=rng),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, width) to (n, width)."""
        return x + self.body(x)


def residual_chain(
    n_inputs: int,
    width: int,
    depth: int,
    n_outputs: int,
    norm: bool,
    rng: torch.Generator | None = None,
) -> nn.Sequential:
    """Build residual blocks of one width between two linear layers."""
    return nn.Sequential(
        Linear(n_inputs, width, rng=rng),
        *[Residual(width, norm, rng) for _ in range(depth)],
        nn.LayerNorm(width) if norm else nn.Identity(),
        nn.LeakyReLU(SLOPE),
        Linear(width, n_outputs, rng=rng),
    )


def plain_chain(
    n_inputs: int,
    widths: Sequence[int],
    n_outputs: int,
    dropout: float,
    rng: torch.Generator | None = None,
) -> nn.Sequential:
    """Build hidden layers of given widths, each with LeakyReLU and dropout."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise([n_inputs, *widths]):
        layers += [Linear(n_in, n_out, rng=rng), nn.LeakyReLU(SLOPE)]
        if dropout:
            layers.append(Dropout(dropout))
    return nn.Sequential(*layers, Linear(([n_inputs, *widths])[-1], n_outputs, rng=rng))


def _count_values(chain: nn.Module) -> int:
    """Count the outputs of a chain of layers, each as wide as the last linear one."""
    total, width = 0, 0
    for layer in chain.modules():
        if not any(layer.children()):
            width = layer.out_features if isinstance(layer, Linear) else width
            total += width
    return total


class TransposedGenerator(nn.Module):
    """Transposed convolutions given layer by layer."""

    def __init__(
        self,
        n_inputs: int,
        layers: Sequence[Sequence[Any]],
        shape: tuple[int, ...],
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        blocks: list[nn.Module] = []
        for i, (n_out, kernel, stride, padding) in enumerate(layers):
            conv = ConvTranspose2d(n_inputs, n_out, kernel, stride, padding, rng=rng, bias=False)
            last = i == len(layers) - 1
            ends = [] if last else [nn.BatchNorm2d(n_out), nn.ReLU()]
            blocks.append(nn.Sequential(conv, *ends))
            n_inputs = n_out
        self.blocks = nn.ModuleList(blocks)

    def forward(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape); draws nothing."""
        x = torch.cat([z, c], dim=1)[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        return x.reshape(-1, *self.shape)


class ConvDiscriminator(nn.Module):
    """Convolutions given layer by layer, then the average of what is left."""

    def __init__(
        self,
        n_inputs: int,
        layers: Sequence[Sequence[Any]],
        channels: int,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        blocks: list[nn.Module] = []
        for i, (n_out, kernel, stride, padding) in enumerate(layers):
            inner = 0 < i < len(layers) - 1
            conv = Conv2d(n_inputs, n_out, kernel, stride, padding, rng=rng, bias=not inner)
            norm = [nn.BatchNorm2d(n_out)] if inner else []
            ends = [] if i == len(layers) - 1 else [*norm, nn.LeakyReLU(SLOPE)]
            blocks.append(nn.Sequential(conv, *ends))
            n_inputs = n_out
        self.blocks = nn.ModuleList(blocks)

    def forward(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,); draws nothing."""
        x = _with_conditions(grid, c, self.channels)
        for block in self.blocks:
            x = block(x)
        return x.mean(dim=(1, 2, 3))


@torch.no_grad()
def map_sizes(blocks: nn.ModuleList, x: Tensor) -> list[tuple[int, ...]]:
    """Send a map through the convolutions of `blocks`; give height and width after each."""
    sizes = [tuple(x.shape[2:])]
    for block in blocks:
        x = block[0](x)  # type: ignore[index]
        sizes.append(tuple(x.shape[2:]))
    return sizes


def _with_conditions(grid: Tensor, c: Tensor, channels: int) -> Tensor:
    """Stack each condition as a constant map beside the grid's channels."""
    x = grid.reshape(len(grid), channels, *grid.shape[-2:])
    return torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
