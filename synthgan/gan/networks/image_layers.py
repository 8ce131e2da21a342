"""Generators and discriminators of images of any size, scale by scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from synthgan.gan.networks.layers import SLOPE
from synthgan.gan.networks.map_layers import (
    STYLE,
    Block,
    ProjectionHead,
    as_map,
    conv,
    style_network,
)
from synthgan.gan.networks.seeded_layers import Linear

__all__ = ["DownDiscriminator", "UpGenerator", "scales"]

_SMALLEST = 4  # side of the coarsest map
_FULL = 32  # up to that side, the finest blocks see single pixels
_FEWEST, _MOST_TIMES = 8, 2  # channels: at least, and at most times the width
_KERNEL = (3, 3)
_THIN, _THIN_PER_CHANNEL, _NOISES = 4, 4, 2  # channels of the last map, a position a pixel
_LAST_KERNEL = (5, 5)
_SPREADS = 4  # groups of channels whose spread in a batch the discriminator sees

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

    Noise decides the smallest map and a style, which scales the channels of every block. Where the
    finest map is half as large as the image, its channels hold four pixels a position, so that it
    can hold any detail. The last convolution sees every pixel, so that no pixel is recognised by
    its position in a coarser map.

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
    rng : torch.Generator or None, default=None
        Draws the first weights.

    References
    ----------
    Karras et al. (2019), A style-based generator architecture for generative adversarial networks,
    arXiv 1812.04948 (styles, noise at each scale). Shi et al. (2016), Real-time single image and
    video super-resolution using an efficient sub-pixel convolutional neural network, arXiv
    1609.05158 (four pixels a position).
    """

    def __init__(
        self,
        n_inputs: int,
        shape: tuple[int, ...],
        channels: int,
        sizes: Sequence[Scale],
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.sizes = tuple(shape), list(sizes)[::-1]
        self.style = style_network(n_inputs, rng)
        self.first = Linear(n_inputs, math.prod(self.sizes[0]), rng=rng)
        counts = [count for _, _, count in self.sizes]
        self.blocks = nn.ModuleList(Block(count, _KERNEL, STYLE, rng) for count in counts)
        self.ups = nn.ModuleList(
            conv(n_in, n_out, (1, 1), rng=rng) for n_in, n_out in pairwise(counts)
        )
        n_thin = _THIN + _THIN_PER_CHANNEL * channels
        self.times = 1 if self.sizes[-1][:2] == self.shape[-2:] else 2
        self.thin = conv(counts[-1], n_thin * self.times**2, _KERNEL, rng=rng)
        self.noise = Linear(STYLE, _NOISES, rng=rng)
        nn.init.zeros_(self.noise.weight)
        nn.init.zeros_(self.noise.bias)
        self.last = conv(n_thin + _NOISES, channels, _LAST_KERNEL, rng=rng)

    def forward(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        inputs = torch.cat([z, c], dim=1)
        style = self.style(inputs)
        height, width, count = self.sizes[0]
        x = as_map(self.first(inputs).reshape(-1, count, height, width))
        for i, block in enumerate(self.blocks):
            if i:
                x = _resize(self.ups[i - 1](x), self.sizes[i][:2])
            x = block(x, style, rng)
        height, width = self.shape[-2:]
        x = self.thin(nn.functional.leaky_relu(x, SLOPE))
        x = nn.functional.pixel_shuffle(x, self.times)[:, :, :height, :width]
        noise = torch.randn(len(z), _NOISES, height, width, generator=rng, device=z.device)
        noise = noise * self.noise(style)[:, :, None, None]
        y = self.last(as_map(torch.cat([nn.functional.leaky_relu(x, SLOPE), noise], dim=1)))
        return y.reshape(-1, *self.shape)

    def scale_noise(self, factor: float) -> None:
        """Make the noise that each pixel gets stronger, or weaker; maps stay as they are."""
        with torch.no_grad():
            for gain in self.noise.parameters():
                gain.mul_(factor)


class DownDiscriminator(nn.Module):
    """Blocks from an image to a small map, from which the logit is read.

    It also sees how much the images of a batch differ there (minibatch standard deviation), which
    penalises batches of images that are too similar.

    Parameters
    ----------
    n_conditions : int
    channels : int
        Of the image.
    sizes : sequence of (int, int, int)
        From `scales`.
    size : (int, int)
        Height and width of the image.
    rng : torch.Generator or None, default=None
        Draws the first weights.

    References
    ----------
    Karras et al. (2018), Progressive growing of GANs for improved quality, stability, and
    variation, arXiv 1710.10196, section 3 (spread in a batch).
    """

    def __init__(
        self,
        n_conditions: int,
        channels: int,
        sizes: Sequence[Scale],
        size: tuple[int, int],
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        counts = [count for _, _, count in sizes]
        halves = sizes[0][:2] != tuple(size)
        kernel, stride = ((6, 6), (2, 2)) if halves else (_KERNEL, (1, 1))
        self.stem = conv(channels, counts[0], kernel, stride, rng)
        self.blocks = nn.ModuleList(Block(count, _KERNEL, rng=rng) for count in counts)
        self.downs = nn.ModuleList(
            conv(n_in, n_out, (1, 1), rng=rng) for n_in, n_out in pairwise(counts)
        )
        self.halves = halves
        self.n_spreads = min(_SPREADS, counts[-1])
        self.gather = Linear(math.prod(sizes[-1]) + self.n_spreads, STYLE, rng=rng)
        self.to_logit = ProjectionHead(STYLE, n_conditions, rng)

    def forward(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,); draws nothing."""
        x = as_map(grid.reshape(len(grid), self.channels, *grid.shape[-2:]))
        if self.halves:  # odd sizes end with half a pair
            x = nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        x = self.blocks[0](self.stem(x))
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(nn.functional.avg_pool2d(down(x), 2, ceil_mode=True))
        x = nn.functional.leaky_relu(x, SLOPE)
        spread = (x.var(0, unbiased=False) + 1e-8).sqrt().tensor_split(self.n_spreads)
        spreads = torch.stack([channels.mean() for channels in spread]).expand(len(x), -1)
        features = self.gather(torch.cat([x.flatten(1), spreads], dim=1))
        return self.to_logit(nn.functional.leaky_relu(features, SLOPE), c)


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return nn.functional.interpolate(x, size=tuple(size), mode="bilinear")
