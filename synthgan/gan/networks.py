"""Network specs: small objects that build a generator and a discriminator for a grid.

Every generator is called as ``generator(z, c)`` and gives raw outputs of the grid's shape; every
discriminator as ``discriminator(grid, c)`` and gives one logit a grid, shape (n,). ``c`` is a flat
vector of conditions, possibly empty.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Protocol, runtime_checkable

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from synthgan.encoding.cells import CellGroup
from synthgan.exceptions import ParameterError

__all__ = ["CNN", "FCN", "NETWORKS", "Network", "build_networks", "find_network", "map_sizes"]

SLOPE = 0.2


@runtime_checkable
class Network(Protocol):
    """What a network spec must offer."""

    def build(
        self, shape: tuple[int, ...], n_conditions: int, latent_dim: int
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator) for grids of `shape`.

        A spec whose `build` also has a parameter ``groups`` is told which cells are what.
        """


class FCN(BaseEstimator):
    """Fully connected networks.

    Parameters
    ----------
    width : int or tuple of int, default=128
        An int: residual blocks of that width. A tuple: a plain chain of layers with these widths
        in the generator, reversed in the discriminator, as in the thesis.
    depth : int, default=2
        Residual blocks in each network; not used by a plain chain.
    fourier : int, default=4
        The discriminator sees each continuous cell x also as sin and cos of 2**k * pi * x, for k
        below this; lets it see fine structure that a plain network is slow to learn.
    dropout : float, default=0.0
        Share of units dropped after each hidden layer of a plain discriminator.

    References
    ----------
    Tancik et al. (2020), Fourier features let networks learn high frequency functions in low
    dimensional domains, NeurIPS, arXiv 2006.10739.

    Examples
    --------
    >>> generator, discriminator = FCN(width=(64,)).build((7, 7), 0, 5)
    >>> [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    [3569, 3265]
    """

    _parameter_constraints: dict[str, Any] = {
        "width": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "depth": [Interval(Integral, 0, None, closed="left")],
        "fourier": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        width: int | Sequence[int] = 128,
        depth: int = 2,
        fourier: int = 4,
        dropout: float = 0.0,
    ) -> None:
        self.width = width
        self.depth = depth
        self.fourier = fourier
        self.dropout = dropout

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        groups: Sequence[CellGroup] = (),
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator); see `Network`."""
        self._validate_params()
        n_cells = math.prod(shape)
        if isinstance(self.width, Sequence):
            widths = list(self.width)
            if not widths or not all(isinstance(w, int) and w > 0 for w in widths):
                raise ParameterError(
                    f"width={self.width!r} is not allowed; give positive integers."
                )
            generator = _plain(latent_dim + n_conditions, widths, n_cells, 0.0)
            discriminator = _plain(n_cells + n_conditions, widths[::-1], 1, self.dropout)
            return FlatGenerator(generator, shape), FlatDiscriminator(discriminator, n_conditions)
        continuous = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        waves = Waves(continuous, self.fourier) if continuous and self.fourier else None
        n_inputs = n_cells + (waves.n_features if waves else 0) + n_conditions
        body = _residual(latent_dim + n_conditions, self.width, self.depth, n_cells, norm=True)
        judge = _residual(n_inputs, self.width, self.depth, 1, norm=False)
        return FlatGenerator(body, shape), FlatDiscriminator(judge, n_conditions, waves)


class CNN(BaseEstimator):
    """Convolutional networks over the grid.

    Parameters
    ----------
    width : int, default=64
        Channels at the finest scale of the default networks; doubled at each halving, up to 256.
    generator_layers : sequence of (channels, kernel, stride, padding) or None, default=None
        Transposed convolutions from a 1 x 1 map, given layer by layer, with batch norm and
        ReLU between them, as in thesis Tables 8.1 and 8.2. Kernel, stride and padding are ints or
        (vertical, horizontal) pairs. None: residual blocks that double the map up to any grid.
    discriminator_layers : sequence of (channels, kernel, stride, padding) or None, default=None
        Convolutions with batch norm and LeakyReLU between them; what the last one leaves is
        averaged. None: residual blocks that halve the map.

    Notes
    -----
    The default networks have no batch norm: rows must not depend on their batch.
    """

    _parameter_constraints: dict[str, Any] = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "generator_layers": [tuple, list, None],
        "discriminator_layers": [tuple, list, None],
    }

    def __init__(
        self,
        width: int = 64,
        generator_layers: Sequence[Sequence[Any]] | None = None,
        discriminator_layers: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        self.width = width
        self.generator_layers = generator_layers
        self.discriminator_layers = discriminator_layers

    def build(
        self, shape: tuple[int, ...], n_conditions: int, latent_dim: int
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator); see `Network`."""
        self._validate_params()
        for name in ("generator_layers", "discriminator_layers"):
            layers = getattr(self, name)
            if layers is not None and not all(len(layer) == 4 for layer in layers):
                raise ParameterError(
                    f"{name}={layers!r} is not allowed; a layer is four numbers: "
                    "(channels, kernel, stride, padding)."
                )
        channels, height, width = (1, *shape)[-3:]
        sizes = _halvings(height, width)
        channel_counts = [min(self.width * 2**i, 256) for i in range(len(sizes))]
        generator: nn.Module
        discriminator: nn.Module
        if self.generator_layers is None:
            generator = UpGenerator(
                latent_dim + n_conditions, channel_counts[::-1], sizes[::-1], channels, shape
            )
        else:
            n_inputs = latent_dim + n_conditions
            generator = TransposedGenerator(n_inputs, self.generator_layers, shape)
            made = map_sizes(generator.blocks, torch.zeros(1, n_inputs, 1, 1))[-1]
            if made != (height, width):
                raise ParameterError(
                    f"generator_layers={self.generator_layers!r} make a {made[0]} x {made[1]} "
                    f"grid; {height} x {width} is needed."
                )
        inputs = channels + n_conditions
        if self.discriminator_layers is None:
            discriminator = DownDiscriminator(inputs, channel_counts, channels)
        else:
            discriminator = ConvDiscriminator(inputs, self.discriminator_layers, channels)
        return generator, discriminator


NETWORKS: dict[str, type] = {"fcn": FCN, "cnn": CNN}


def find_network(network: Any) -> Network:
    """Return the spec that a short name stands for, or the given spec.

    Raises
    ------
    ParameterError
        No such name, and no `build` method.
    """
    if isinstance(network, str) and network in NETWORKS:
        return NETWORKS[network]()
    if not isinstance(network, str | type) and hasattr(network, "build"):
        return network
    raise ParameterError(
        f"network={network!r} is not allowed; give one of {sorted(NETWORKS)} or an object with "
        "build(shape, n_conditions, latent_dim)."
    )


def build_networks(
    network: Network,
    shape: tuple[int, ...],
    n_conditions: int,
    latent_dim: int,
    groups: Sequence[CellGroup],
) -> tuple[nn.Module, nn.Module]:
    """Call `network.build`, with the cell groups if it wants them."""
    wants_groups = "groups" in inspect.signature(network.build).parameters
    extra: dict[str, Any] = {"groups": groups} if wants_groups else {}
    return network.build(shape, n_conditions, latent_dim, **extra)


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


def _residual(n_inputs: int, width: int, depth: int, n_outputs: int, norm: bool) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_inputs, width),
        *[Residual(width, norm) for _ in range(depth)],
        nn.LayerNorm(width) if norm else nn.Identity(),
        nn.LeakyReLU(SLOPE),
        nn.Linear(width, n_outputs),
    )


def _plain(n_inputs: int, widths: Sequence[int], n_outputs: int, dropout: float) -> nn.Module:
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


def _halvings(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from the grid down to at most 4 x 4."""
    sizes = [(height, width)]
    while max(sizes[-1]) > 4:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def _with_conditions(grid: Tensor, c: Tensor, channels: int) -> Tensor:
    """Stack each condition as a constant map beside the grid's channels."""
    x = grid.reshape(len(grid), channels, *grid.shape[-2:])
    return torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)
