"""Generators and discriminators of images of any size, scale by scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthgan.gan.layers import SLOPE
from synthgan.gan.map_layers import STYLE, Block, Verdict, as_map, conv, style_network

__all__ = ["DownDiscriminator", "UpGenerator", "scales"]

_SMALLEST = 4  # side of the coarsest map
_FULL = 32  # up to that side, the finest blocks see single pixels
_FEWEST, _MOST_TIMES = 8, 2  # channels: at least, and at most times the width
_KERNEL = (3, 3)
_THIN, _THIN_PER_CHANNEL, _NOISES = 4, 4, 2  # channels of the last map, a position a pixel
_LAST_KERNEL = (5, 5)

Scale = tuple[int, int, int]


def scales(height: int, width: int, channels: int) -> list[Scale]:
    """Give (height, width, channels) of the maps of blocks, from the finest to the coarsest.

    Each is half of the one before; the fewer positions, the more channels, so that all cost about
    the same. Large images have none at full size.

    Parameters
    ----------
    height, width : int
        Of the image.
    channels : int
        Of a map of 32 positions a side.
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > _SMALLEST:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    if max(sizes[0]) > _FULL:
        sizes = sizes[1:]
    most = _MOST_TIMES * channels
    counts = [min(most, max(_FEWEST, channels * _FULL // max(size))) for size in sizes]
    return [(*size, min(most, count)) for size, count in zip(sizes, counts, strict=True)]


class UpGenerator(nn.Module):
    """Blocks from a small map to an image, which grows between them.

    Noise decides the smallest map and a style, which scales the channels of every block. The last
    convolution sees every pixel, so that none is told by its place in a coarser map.

    Parameters
    ----------
    n_inputs : int
        Length of noise and conditions together.
    shape : tuple of int
        Of the grid.
    channels : int
        Of the image: 1 or 3.
    sizes : sequence of (int, int, int)
        From `scales`.

    References
    ----------
    Karras et al. (2019), A style-based generator architecture for generative adversarial networks,
    arXiv 1812.04948 (styles, noise at each scale).
    """

    def __init__(
        self, n_inputs: int, shape: tuple[int, ...], channels: int, sizes: Sequence[Scale]
    ) -> None:
        super().__init__()
        self.shape, self.sizes = tuple(shape), list(sizes)[::-1]
        self.style = style_network(n_inputs)
        self.first = nn.Linear(n_inputs, math.prod(self.sizes[0]))
        counts = [count for _, _, count in self.sizes]
        self.blocks = nn.ModuleList(Block(count, _KERNEL, STYLE) for count in counts)
        self.ups = nn.ModuleList(conv(n_in, n_out, (1, 1)) for n_in, n_out in pairwise(counts))
        n_thin = _THIN + _THIN_PER_CHANNEL * channels
        self.thin = conv(counts[-1], n_thin, _KERNEL)
        self.noise = nn.Linear(STYLE, _NOISES)
        nn.init.zeros_(self.noise.weight)
        nn.init.zeros_(self.noise.bias)
        self.last = conv(n_thin + _NOISES, channels, _LAST_KERNEL)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        inputs = torch.cat([z, c], dim=1)
        style = self.style(inputs)
        height, width, count = self.sizes[0]
        x = as_map(self.first(inputs).reshape(-1, count, height, width))
        for i, block in enumerate(self.blocks):
            if i:
                x = _resize(self.ups[i - 1](x), self.sizes[i][:2])
            x = block(x, style)
        height, width = self.shape[-2:]
        x = _resize(self.thin(nn.functional.leaky_relu(x, SLOPE)), (height, width))
        noise = torch.randn(len(z), _NOISES, height, width, device=z.device)
        noise = noise * self.noise(style)[:, :, None, None]
        y = self.last(as_map(torch.cat([nn.functional.leaky_relu(x, SLOPE), noise], dim=1)))
        return y.reshape(-1, *self.shape)


class DownDiscriminator(nn.Module):
    """Blocks from an image to a small map, from which the logit is read.

    Parameters
    ----------
    n_conditions : int
    channels : int
        Of the image.
    sizes : sequence of (int, int, int)
        From `scales`.
    size : (int, int)
        Height and width of the image.
    """

    def __init__(
        self, n_conditions: int, channels: int, sizes: Sequence[Scale], size: tuple[int, int]
    ) -> None:
        super().__init__()
        self.channels = channels
        counts = [count for _, _, count in sizes]
        halves = sizes[0][:2] != tuple(size)
        kernel, stride = ((6, 6), (2, 2)) if halves else (_KERNEL, (1, 1))
        self.stem = conv(channels, counts[0], kernel, stride)
        self.blocks = nn.ModuleList(Block(count, _KERNEL) for count in counts)
        self.downs = nn.ModuleList(conv(n_in, n_out, (1, 1)) for n_in, n_out in pairwise(counts))
        self.halves = halves
        self.gather = nn.Linear(math.prod(sizes[-1]), STYLE)
        self.verdict = Verdict(STYLE, n_conditions)

    def forward(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,)."""
        x = as_map(grid.reshape(len(grid), self.channels, *grid.shape[-2:]))
        if self.halves:  # odd sizes end with half a pair
            x = nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        x = self.blocks[0](self.stem(x))
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(nn.functional.avg_pool2d(down(x), 2, ceil_mode=True))
        features = self.gather(nn.functional.leaky_relu(x, SLOPE).flatten(1))
        return self.verdict(nn.functional.leaky_relu(features, SLOPE), c)


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return nn.functional.interpolate(x, size=tuple(size), mode="bilinear")
