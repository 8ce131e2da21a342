"""What convolutional networks of images and of signals share.

Maps are kept as (n, channels, height, width) with channels last in memory, for which convolutions
on a CPU are up to twice as fast; those of signals have one row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthgan.gan.networks.layers import SLOPE
from synthgan.gan.networks.seeded_layers import Conv2d, Linear

__all__ = ["STYLE", "Block", "ProjectionHead", "as_map", "conv", "style_network"]

STYLE = 128


class Block(nn.Module):
    """Two convolutions beside a shortcut; with a style, scaled by it and with noise between.

    Parameters
    ----------
    width : int
        Channels.
    kernel : (int, int)
    n_style : int, default=0
        Length of the style; 0: none, and no noise.
    rng : torch.Generator or None, default=None
        Draws the first weights.
    """

    def __init__(
        self,
        width: int,
        kernel: tuple[int, int],
        n_style: int = 0,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.one, self.two = (conv(width, width, kernel, rng=rng) for _ in range(2))
        with torch.no_grad():
            self.two.weight.mul_(0.3)
        self.scale = Linear(n_style, 2 * width, rng=rng) if n_style else None
        self.noise = nn.Parameter(torch.zeros(width, 1, 1)) if n_style else None

    def forward(
        self, x: Tensor, style: Tensor | None = None, rng: torch.Generator | None = None
    ) -> Tensor:
        """Map (n, width, height, width) to the same shape; `rng` draws the noise."""
        scales: Sequence[Tensor | float] = (1.0, 1.0)
        if self.scale is not None and style is not None:
            scales = (1 + self.scale(style))[:, :, None, None].chunk(2, dim=1)
        h = self.one(nn.functional.leaky_relu(x * scales[0], SLOPE))
        if self.noise is not None:
            size = (len(h), 1, *h.shape[2:])
            h = h + self.noise * torch.randn(size, generator=rng, device=h.device)
        return x + self.two(nn.functional.leaky_relu(h * scales[1], SLOPE))


class ProjectionHead(nn.Module):
    """A linear logit of features, plus their projection on an embedding of the conditions.

    References
    ----------
    Miyato and Koyama (2018), cGANs with projection discriminator, arXiv 1802.05637.
    """

    def __init__(
        self, n_features: int, n_conditions: int, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.last = Linear(n_features, 1, rng=rng)
        self.expect = (
            nn.Sequential(
                Linear(n_conditions, STYLE, rng=rng),
                nn.LeakyReLU(SLOPE),
                Linear(STYLE, n_features, rng=rng),
            )
            if n_conditions
            else None
        )

    def forward(self, features: Tensor, c: Tensor) -> Tensor:
        """Map (n, n_features) and conditions to logits (n,)."""
        logit = self.last(features).squeeze(1)
        return logit if self.expect is None else logit + (features * self.expect(c)).sum(1)


def style_network(n_inputs: int, rng: torch.Generator | None = None) -> nn.Module:
    """Build what turns noise and conditions into a style."""
    return nn.Sequential(
        Linear(n_inputs, STYLE, rng=rng),
        nn.LeakyReLU(SLOPE),
        Linear(STYLE, STYLE, rng=rng),
        nn.LeakyReLU(SLOPE),
    )


def conv(
    n_in: int,
    n_out: int,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    rng: torch.Generator | None = None,
) -> nn.Conv2d:
    """Build a convolution that keeps the size of a map, or divides it by the stride."""
    padding = [(k - s + 1) // 2 if s > 1 else k // 2 for k, s in zip(kernel, stride, strict=True)]
    made = Conv2d(n_in, n_out, kernel, stride, (padding[0], padding[1]), rng=rng)
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def as_map(x: Tensor) -> Tensor:
    """Give a map, or (n, channels, length), with channels last in memory."""
    x = x[:, :, None] if x.dim() == 3 else x
    return x.contiguous(memory_format=torch.channels_last)
