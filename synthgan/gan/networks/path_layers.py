"""Generators and discriminators along a path: one-dimensional convolutions over samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

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

__all__ = ["PathDiscriminator", "PathGenerator", "strides"]

_KERNEL = 5
_SHORT, _SHORT_KERNEL = 16, 3  # maps shorter than that, and their kernel
_LAST_KERNEL = 17  # samples
_THIN, _THIN_PER_LEAD, _NOISES = 4, 4, 4  # channels of the last map, a sample a position
_COARSE = 127  # positions of the coarsest map of a window, about
# Positions that its convolutions, the first one and two blocks, see on either side.
_REACH = 1 + 4 * (_KERNEL // 2)
_MOST_STRIDE = 32
# Cycles in a window that oscillators begin with, before training moves them.
_OSCILLATORS = (1.0, 2.0, 2.5, 4.0)
_HARMONICS = 6
_SWAY, _SWAY_KNOTS = 0.15, 8  # how far a rate may sway, and how often in a window
_WHITE = 4  # channels of white noise in the coarse map
# Cycles in a window, octave by octave, of the waves that the baseline wanders in.
_WANDER = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_WANDER_WAVES = 3
_MOST_LOG = 4.0  # of gains, sizes and rates
_PLACES = 8  # waves that encode the place in the window
_HIDDEN = 1 / 9  # of a window


def strides(n_samples: int) -> tuple[int, int]:
    """Return the samples that a coarse and a fine position of a window's maps stand for."""
    exponent = round(math.log2(max(1.0, n_samples / _COARSE)))
    coarse = min(2**exponent, _MOST_STRIDE)
    return coarse, min(4, coarse)


def _margin(coarse: int, fine: int) -> int:
    """Return the positions of the finished coarse map that a sample sees on either side."""
    on_fine = 3 * (_KERNEL // 2) + (fine != 1)  # a block and the thinning convolution
    on_samples = on_fine * fine + _LAST_KERNEL // 2
    return (coarse != fine) + math.ceil(on_samples / coarse)


class PathGenerator(nn.Module):
    """From noise to samples.

    Oscillators, whose rates and phases noise decides, run along the path; convolutions turn their
    phases into waves. Nothing else distinguishes positions, unless the network is `placed`, so that
    a path can have any length: rates vary, but what makes one signal differ from another stays the
    same throughout. The last convolution sees every sample, so that no sample is recognised by its
    position in a coarser map. It adds noise and steady tones, which no coarser map can hold.

    Parameters
    ----------
    n_inputs : int
        Length of noise and conditions together.
    shape : tuple of int
        Of the grid.
    n_leads, n_samples : int
    width : int
        Channels of the coarse map; half of that in the fine one.
    placed : bool
        Whether positions are distinguished, as is needed for windows that are aligned to an event.
    tones : sequence of float, default=()
        Cycles in a window of steady tones.
    rng : torch.Generator or None, default=None
        Draws the first weights.

    References
    ----------
    Karras et al. (2019), A style-based generator architecture for generative adversarial networks,
    arXiv 1812.04948 (styles, noise at each scale). Karras et al. (2021), Alias-free generative
    adversarial networks, arXiv 2106.12423 (Fourier features as input).
    """

    def __init__(
        self,
        n_inputs: int,
        shape: tuple[int, ...],
        n_leads: int,
        n_samples: int,
        width: int,
        placed: bool,
        tones: Sequence[float] = (),
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.n_leads, self.n_samples = tuple(shape), n_leads, n_samples
        self.placed = placed
        self.coarse, self.fine = strides(n_samples)
        self.margin = _margin(self.coarse, self.fine)
        n_waves, n_octaves, narrow = len(_OSCILLATORS), len(_WANDER) - 1, max(1, width // 2)
        self.style = style_network(n_inputs, rng)
        self.rates = Linear(STYLE, n_waves, rng=rng)
        with torch.no_grad():
            rates = torch.tensor(_OSCILLATORS, device="cpu").log()  # not on the meta device
            self.rates.bias.copy_(rates)
            self.rates.weight.mul_(0.7)
        self.sway = Linear(STYLE, n_waves, rng=rng)
        n_places = 2 * _PLACES if placed else 0
        self.course = Linear(n_places, n_waves, rng=rng, bias=False) if placed else None
        self.first = _conv(2 * n_waves * _HARMONICS + _WHITE + n_places, width, 3, rng=rng)
        self.coarse_blocks = nn.ModuleList(Block(width, (1, _KERNEL), STYLE, rng) for _ in range(2))
        self.up = _conv(width, narrow, 1, rng=rng)
        self.fine_block = Block(narrow, (1, _KERNEL), STYLE, rng)
        self.gain = Linear(STYLE, 1, rng=rng)
        self.noise = Linear(STYLE, _NOISES, rng=rng)
        self.cycles = tuple(tones)
        self.tones = Linear(STYLE, len(tones), rng=rng) if tones else None
        self.wander = Linear(STYLE, n_octaves, rng=rng)
        n_thin = _THIN + _THIN_PER_LEAD * n_leads
        self.thin = _conv(narrow + n_octaves, n_thin, _KERNEL, rng=rng)
        self.last = _conv(n_thin + _NOISES + len(tones), n_leads, _LAST_KERNEL, rng=rng)

    def forward(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""
        path = self.path(z, c, self.n_samples, rng)
        n_null = math.prod(self.shape) // self.n_leads - self.n_samples
        return nn.functional.pad(path, (0, n_null)).reshape(-1, *self.shape)

    def path(
        self, z: Tensor, c: Tensor, n_samples: int, rng: torch.Generator | None = None
    ) -> Tensor:
        """Map noise and conditions to paths of any length (n, n_leads, n_samples)."""
        style = self.style(torch.cat([z, c], dim=1))
        # So long that no sample sees an end.
        length = math.ceil(n_samples / self.coarse) + 2 * (self.margin + _REACH)
        times = torch.arange(length, device=z.device) * (self.coarse / self.n_samples)
        white = torch.randn(len(z), _WHITE, length, generator=rng, device=z.device)
        features = [self._oscillate(style, times, rng), white]
        if self.placed:
            features.append(_places(times).expand(len(z), -1, -1))
        x = self.first(as_map(torch.cat(features, dim=1)))
        for block in self.coarse_blocks:
            x = block(x, style, rng)
        x, times = x[..., _REACH:-_REACH], times[_REACH:-_REACH]
        times_finer = self.coarse // self.fine
        x = self.up(nn.functional.leaky_relu(x, SLOPE))
        x = self.fine_block(_stretch(x, times_finer), style, rng)
        x = nn.functional.leaky_relu(x, SLOPE) * _positive(self.gain(style))[:, :, None, None]
        wander = _stretch(as_map(self._wander(style, times, rng)), times_finer)
        x = _stretch(self.thin(torch.cat([x, wander], dim=1)), self.fine)
        noise = torch.randn(len(z), _NOISES, 1, x.shape[3], generator=rng, device=z.device)
        parts = [x, noise * _positive(self.noise(style))[:, :, None, None]]
        if self.tones is not None:
            sizes = _positive(self.tones(style))[:, :, None, None]
            parts.append(sizes * self._hum(len(z), x.shape[3], z.device, rng))
        y = self.last(as_map(torch.cat(parts, dim=1)))[:, :, 0]
        first = self.margin * self.coarse
        return y[:, :, first : first + n_samples]

    @contextmanager
    def record_rates(self) -> Iterator[list[Tensor]]:
        """Gather the logarithms of the rates of all paths that are made meanwhile, (n, n_waves)."""
        heard: list[Tensor] = []
        hook = self.rates.register_forward_hook(lambda *call: heard.append(call[2].detach()))
        try:
            yield heard
        finally:
            hook.remove()

    @contextmanager
    def at_rates(self, wave: int, logs: Tensor) -> Iterator[None]:
        """Let an oscillator run at given rates in the paths that are made meanwhile, in order.

        `logs` holds their logarithms, of shape (n,); where it is NaN, the rate is drawn.
        """
        n_done = 0

        def give(_: nn.Module, __: Any, drawn: Tensor) -> Tensor:
            nonlocal n_done
            some = logs[n_done : n_done + len(drawn)].to(drawn)
            n_done += len(drawn)
            given = drawn.clone()
            given[:, wave] = torch.where(some.isnan(), drawn[:, wave], some)
            return given

        hook = self.rates.register_forward_hook(give)
        try:
            yield
        finally:
            hook.remove()

    def change_rates(self, wave: int, middle: float, factor: float, shift: float) -> None:
        """Let an oscillator run at other rates.

        Of their logarithms, what lay d above `middle` then lies ``factor * d + shift`` above it.
        """
        with torch.no_grad():
            self.rates.weight[wave] *= factor
            self.rates.bias[wave] = middle + factor * (self.rates.bias[wave] - middle) + shift

    def _oscillate(self, style: Tensor, times: Tensor, rng: torch.Generator | None) -> Tensor:
        """Run the oscillators: sines and cosines of their phases and multiples of these."""
        n, n_waves = len(style), len(_OSCILLATORS)
        drawn: dict[str, Any] = {"generator": rng, "device": style.device}
        # Knots lie as densely in a long path as in a window, and anywhere.
        last = len(times) * self.coarse / self.n_samples * _SWAY_KNOTS
        knots = torch.randn(n, n_waves, math.ceil(last) + 2, **drawn)
        where = times * _SWAY_KNOTS + torch.rand(n, n_waves, 1, **drawn)
        left = where.long()
        sway = torch.lerp(knots.gather(2, left), knots.gather(2, left + 1), where - left)
        share = 1 + _SWAY * self.sway(style).tanh()[:, :, None] * sway
        rate = _positive(self.rates(style))[:, :, None] * share
        if self.course is not None:
            rate = rate * self.course(_places(times).T).T.exp()
        begin = torch.rand(n, n_waves, 1, **drawn)
        phase = 2 * math.pi * (begin + rate.cumsum(2) * (self.coarse / self.n_samples))
        multiples = torch.arange(1, _HARMONICS + 1, device=style.device)
        angles = (phase[:, :, None] * multiples[:, None]).flatten(1, 2)
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    def _hum(
        self, n: int, length: int, device: torch.device, rng: torch.Generator | None
    ) -> Tensor:
        """Run the steady tones from anywhere, a sample a position, (n, n_tones, 1, length)."""
        cycles = torch.tensor(self.cycles, device=device)[:, None] / self.n_samples
        begin = torch.rand(n, len(self.cycles), 1, generator=rng, device=device)
        turns = cycles * torch.arange(length, device=device) + begin
        return (2 * math.pi * turns).sin()[:, :, None]

    def _wander(self, style: Tensor, times: Tensor, rng: torch.Generator | None) -> Tensor:
        """Draw slow waves of random frequencies, octave by octave."""
        edges = torch.tensor(_WANDER, device=style.device)
        size = (len(style), len(edges) - 1, _WANDER_WAVES)
        drawn: dict[str, Any] = {"generator": rng, "device": style.device}
        u, begin = (torch.rand(*size, **drawn) for _ in range(2))
        height = torch.randn(*size, **drawn) * math.sqrt(2 / _WANDER_WAVES)
        rate = edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * u
        angles = 2 * math.pi * (rate[..., None] * times + begin[..., None])
        waves = (height[..., None] * angles.sin()).sum(2)
        return waves * _positive(self.wander(style))[:, :, None]


class PathDiscriminator(nn.Module):
    """From samples to a logit.

    It is shown a piece of each window, drawn anew for each step: the place at which a window
    was cut from its recording is arbitrary, and there are more pieces than windows, so that none is
    memorised.

    Parameters
    ----------
    n_conditions : int
    n_leads, n_samples : int
    width : int
        Channels of the second map, a third of that in the first one.
    placed : bool
        Whether windows are aligned, so that the place in the window matters; then whole windows
        are shown.
    rng : torch.Generator or None, default=None
        Draws the first weights.
    """

    def __init__(
        self,
        n_conditions: int,
        n_leads: int,
        n_samples: int,
        width: int,
        placed: bool,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_leads, self.n_hidden = n_leads, 0 if placed else int(_HIDDEN * n_samples)
        seen = torch.arange(n_samples - self.n_hidden)
        self.register_buffer("places", seen, persistent=False)
        self.register_buffer("first", torch.tensor(self.n_hidden // 2), persistent=False)
        fine = strides(n_samples)[1]
        counts = [max(1, width * k // 3) for k in (1, 3, 5, 8)]
        self.stem = _conv(n_leads, counts[0], 4 * fine, fine, rng)
        self.blocks, self.downs = nn.ModuleList(), nn.ModuleList()
        self.blocks.append(Block(counts[0], (1, _KERNEL), rng=rng))
        length = len(seen) // fine
        for n_in, n_out in pairwise(counts):
            if length < _SHORT:
                break
            length //= 4
            self.downs.append(_conv(n_in, n_out, 8, 4, rng))
            kernel = _KERNEL if length >= _SHORT else _SHORT_KERNEL
            self.blocks.append(Block(n_out, (1, kernel), rng=rng))
        self.to_logit = ProjectionHead(2 * counts[len(self.downs)], n_conditions, rng)

    places: Tensor
    first: Tensor
    is_rowwise = True

    def redraw(self, rng: torch.Generator | None = None) -> None:
        """Draw which piece is seen, the same for real and generated windows until the next call."""
        # It stays on the device: reading the number waits for the device.
        self.first.random_(self.n_hidden + 1, generator=rng)

    def forward(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape) and conditions to logits (n,); draws nothing."""
        path = grid.reshape(len(grid), self.n_leads, -1)
        path = path.index_select(2, self.first + self.places)
        x = self.blocks[0](self.stem(as_map(path)))
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            x = block(down(nn.functional.leaky_relu(x, SLOPE)))
        x = nn.functional.leaky_relu(x, SLOPE)
        mean = x.mean(dim=(2, 3))
        spread = ((x - mean[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-8).sqrt()
        return self.to_logit(torch.cat([mean, spread], dim=1), c)


def _conv(
    n_in: int, n_out: int, kernel: int, stride: int = 1, rng: torch.Generator | None = None
) -> nn.Conv2d:
    return conv(n_in, n_out, (1, kernel), (1, stride), rng)


def _positive(x: Tensor) -> Tensor:
    """Exponentials that are bounded from below and above."""
    return (_MOST_LOG * (x / _MOST_LOG).tanh()).exp()


def _places(times: Tensor) -> Tensor:
    """Waves of the place in a window, (2 * _PLACES, length)."""
    angles = math.pi * torch.arange(1, _PLACES + 1, device=times.device)[:, None] * times
    return torch.cat([angles.sin(), angles.cos()])


def _stretch(x: Tensor, times: int) -> Tensor:
    """Put more positions between those of a map, linearly."""
    if times == 1:
        return x
    return nn.functional.interpolate(x, scale_factor=(1, times), mode="bilinear")
