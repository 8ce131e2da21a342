"""Network specs: small objects that build a generator and a discriminator for a grid.

`synthgan.gan.networks.protocol` states what specs and networks must offer, and what they may.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from contextlib import nullcontext
from numbers import Integral, Real
from typing import Any

import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from torch import nn

from synthgan.encoding.groups import CellGroup, mostly_continuous
from synthgan.exceptions import ParameterError
from synthgan.gan.isolation import as_global_generator
from synthgan.gan.networks.image_layers import DownDiscriminator, UpGenerator, scales
from synthgan.gan.networks.layers import (
    CentredLevels,
    ConvDiscriminator,
    FlatDiscriminator,
    FlatGenerator,
    TransposedGenerator,
    Waves,
    map_sizes,
    plain_chain,
    residual_chain,
)
from synthgan.gan.networks.path_layers import PathDiscriminator, PathGenerator
from synthgan.gan.networks.protocol import Network, SettlingNetwork, accepts

__all__ = [
    "CNN",
    "FCN",
    "NETWORKS",
    "CNN1d",
    "Network",
    "build_networks",
    "find_network",
    "latent_dim_of",
    "settle_network",
]

_DEPTH, _WIDTH = 2, 128
_MANY, _ROWS_PER_COLUMN, _WIDE = 30, 20, 256  # columns, rows for each of them, and their width
_MOST_LAYERS, _MOST_OCTAVES = 1000, 32
_MOST_LATENTS = 2**20
_LARGE = 8000  # rows
_MANY_LEVELS = 64  # of a column: the default `max_one_hot` of the encoder


class FCN(BaseEstimator):
    """Fully connected networks.

    Parameters
    ----------
    width : int, tuple of int or None, default=None
        An int: residual blocks of that width. A tuple: a plain chain of layers with these widths
        in the generator, reversed in the discriminator, as in the thesis. None is settled by the
        table: 256 for at least 30 columns with fewer than 20 rows for each of them, 128 otherwise.
    depth : int or None, default=None
        Residual blocks in each network; not used by a plain chain. None is settled by the table:
        3 from 8000 rows on where most columns are continuous, 2 otherwise.
    fourier : int, default=2
        The discriminator sees each continuous cell x also as sin and cos of 2**k * pi * x, for k
        below this; lets it see fine structure that a plain network is slow to learn.
    dropout : float, default=0.0
        Share of units dropped after each hidden layer of a plain discriminator.
    latent_dim : int, default=64
        Length of the noise vector.
    n_latents : int or None, default=None
        How many noise vectors there are; they are drawn once and never change. None: new noise
        for each row.

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
        "width": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "depth": [Interval(Integral, 0, _MOST_LAYERS, closed="both"), None],
        "fourier": [Interval(Integral, 0, _MOST_OCTAVES, closed="both")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "n_latents": [Interval(Integral, 1, _MOST_LATENTS, closed="both"), None],
    }

    def __init__(
        self,
        width: int | Sequence[int] | None = None,
        depth: int | None = None,
        fourier: int = 2,
        dropout: float = 0.0,
        latent_dim: int = 64,
        n_latents: int | None = None,
    ) -> None:
        self.width = width
        self.depth = depth
        self.fourier = fourier
        self.dropout = dropout
        self.latent_dim = latent_dim
        self.n_latents = n_latents

    def settle(self, n_rows: int, groups: Sequence[CellGroup]) -> FCN:
        """Return this spec with all that depends on the table decided."""
        if self.width is not None and self.depth is not None:
            return self
        n_columns = sum(group.kind != "null" for group in groups)
        fine = n_rows >= _LARGE and mostly_continuous(groups)
        wide = n_columns >= _MANY and n_rows < _ROWS_PER_COLUMN * n_columns
        return clone(self).set_params(
            width=(_WIDE if wide else _WIDTH) if self.width is None else self.width,
            depth=_DEPTH + fine if self.depth is None else self.depth,
        )

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        groups: Sequence[CellGroup] = (),
        rng: torch.Generator | None = None,
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator); see `SeededNetwork`."""
        self._validate_params()
        n_cells = math.prod(shape)
        if isinstance(self.width, Sequence):
            widths = list(self.width)
            n_layers = len(widths) if all(isinstance(w, int) and w > 0 for w in widths) else 0
            if not 1 <= n_layers <= _MOST_LAYERS:
                raise ParameterError(
                    f"width={reprlib.repr(self.width)} is not allowed; give up to {_MOST_LAYERS} "
                    "positive integers."
                )
            generator = plain_chain(latent_dim + n_conditions, widths, n_cells, 0.0, rng)
            n_inputs = n_cells + n_conditions
            discriminator = plain_chain(n_inputs, widths[::-1], 1, self.dropout, rng)
            return (
                FlatGenerator(generator, shape, self._latents(latent_dim, rng)),
                FlatDiscriminator(discriminator, n_conditions),
            )
        continuous = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        waves = Waves(continuous, self.fourier) if continuous and self.fourier else None
        many = [g for g in groups if g.kind == "one_hot" and len(g.cells) > _MANY_LEVELS]
        levels = CentredLevels([i for g in many for i in g.cells], n_cells) if many else None
        n_inputs = n_cells + (waves.n_features if waves else 0) + n_conditions
        depth = _DEPTH if self.depth is None else self.depth
        width = _WIDTH if self.width is None else self.width
        n_noise = latent_dim + n_conditions
        body = residual_chain(n_noise, width, depth, n_cells, norm=True, rng=rng)
        chain = residual_chain(n_inputs, width, depth, 1, norm=False, rng=rng)
        return (
            FlatGenerator(body, shape, self._latents(latent_dim, rng)),
            FlatDiscriminator(chain, n_conditions, waves, levels),
        )

    def _latents(self, latent_dim: int, rng: torch.Generator | None) -> torch.Tensor | None:
        if self.n_latents is None:
            return None
        return torch.randn(self.n_latents, latent_dim, generator=rng)


class CNN(BaseEstimator):
    """Convolutional networks over the grid.

    Parameters
    ----------
    width : int, default=32
        Channels of the default networks' maps of 32 positions a side; coarser maps have more, up
        to twice as many, finer ones fewer.
    generator_layers : sequence of (channels, kernel, stride, padding) or None, default=None
        Transposed convolutions from a 1 x 1 map, given layer by layer, with batch norm and
        ReLU between them, as in thesis Tables 8.1 and 8.2. Kernel, stride and padding are ints or
        (vertical, horizontal) pairs. None: residual blocks that double the map up to any grid.
    discriminator_layers : sequence of (channels, kernel, stride, padding) or None, default=None
        Convolutions with batch norm and LeakyReLU between them; what the last one leaves is
        averaged. None: residual blocks that halve the map.
    latent_dim : int, default=64
        Length of the noise vector.

    Notes
    -----
    The default networks have no batch norm: rows must not depend on their batch.
    """

    _parameter_constraints: dict[str, Any] = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "generator_layers": [tuple, list, None],
        "discriminator_layers": [tuple, list, None],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        width: int = 32,
        generator_layers: Sequence[Sequence[Any]] | None = None,
        discriminator_layers: Sequence[Sequence[Any]] | None = None,
        latent_dim: int = 64,
    ) -> None:
        self.width = width
        self.generator_layers = generator_layers
        self.discriminator_layers = discriminator_layers
        self.latent_dim = latent_dim

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        rng: torch.Generator | None = None,
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator); see `SeededNetwork`."""
        self._validate_params()
        for name in ("generator_layers", "discriminator_layers"):
            layers = getattr(self, name)
            if layers is None:
                continue
            if len(layers) > _MOST_LAYERS or not all(len(layer) == 4 for layer in layers):
                raise ParameterError(
                    f"{name}={reprlib.repr(layers)} is not allowed; a layer is four numbers: "
                    f"(channels, kernel, stride, padding), and there are up to {_MOST_LAYERS}."
                )
        channels, height, width = (1, *shape)[-3:]
        sizes = scales(height, width, self.width)
        generator: nn.Module
        discriminator: nn.Module
        if self.generator_layers is None:
            generator = UpGenerator(latent_dim + n_conditions, shape, channels, sizes, rng)
        else:
            n_inputs = latent_dim + n_conditions
            generator = TransposedGenerator(n_inputs, self.generator_layers, shape, rng)
            made = map_sizes(generator.blocks, torch.zeros(1, n_inputs, 1, 1))[-1]
            n_made = self.generator_layers[-1][0]
            if n_made != channels:
                raise ParameterError(
                    f"generator_layers={self.generator_layers!r} make {n_made} channel(s); "
                    f"{channels} are needed, one a lead or a colour."
                )
            if made != (height, width):
                raise ParameterError(
                    f"generator_layers={self.generator_layers!r} make a {made[0]} x {made[1]} "
                    f"grid; {height} x {width} is needed."
                )
        if self.discriminator_layers is None:
            discriminator = DownDiscriminator(n_conditions, channels, sizes, (height, width), rng)
        else:
            inputs = channels + n_conditions
            discriminator = ConvDiscriminator(inputs, self.discriminator_layers, channels, rng)
        return generator, discriminator


class CNN1d(BaseEstimator):
    """Convolutional networks along the path of samples that a signal's grid holds.

    Oscillators of learned rates run along the path, and convolutions make waves of them. Where
    windows look alike all along, the generator has no other sense of place, and can also draw
    recordings longer than those it learnt.

    Parameters
    ----------
    width : int, default=96
        Channels of the generator's coarse map, about 127 positions a window, and of the
        discriminator's second one.
    latent_dim : int, default=64
        Length of the noise vector.

    Examples
    --------
    >>> generator, discriminator = CNN1d().build((45, 45), 0, 64)
    >>> [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    [319384, 1229409]
    """

    _parameter_constraints: dict[str, Any] = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, width: int = 96, latent_dim: int = 64) -> None:
        self.width = width
        self.latent_dim = latent_dim

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        groups: Sequence[CellGroup] = (),
        rng: torch.Generator | None = None,
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator); see `SeededNetwork`."""
        self._validate_params()
        n_leads = (1, *shape)[-3]
        n_null = sum(len(g.cells) for g in groups if g.kind == "null")
        n_samples = (math.prod(shape) - n_null) // n_leads
        placed = any(g.kind == "signal" for g in groups)
        tones = [cycles for g in groups for cycles in g.tones]
        size = (n_leads, n_samples, self.width, placed)
        return (
            PathGenerator(latent_dim + n_conditions, shape, *size, tones, rng),
            PathDiscriminator(n_conditions, *size, rng),
        )


NETWORKS: dict[str, type] = {"fcn": FCN, "cnn": CNN, "cnn1d": CNN1d}


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


def latent_dim_of(network: Network) -> int:
    """Return the length of the noise vector: the spec's own, 64 if it has none."""
    return int(getattr(network, "latent_dim", 64))


def settle_network(network: Network, n_rows: int, groups: Sequence[CellGroup]) -> Network:
    """Return the network that is built for a table."""
    return network.settle(n_rows, groups) if isinstance(network, SettlingNetwork) else network


def build_networks(
    network: Network,
    shape: tuple[int, ...],
    n_conditions: int,
    groups: Sequence[CellGroup],
    rng: torch.Generator | None = None,
) -> tuple[nn.Module, nn.Module]:
    """Build (generator, discriminator), with those arguments that the spec takes.

    Parameters
    ----------
    network : Network
    shape, n_conditions, groups : as `SeededNetwork.build`
    rng : torch.Generator or None, default=None
        Of the CPU; draws the first weights, also those of a spec that does not take it. None:
        torch's own generator.
    """
    known = {"groups": groups, "rng": rng}
    more: dict[str, Any] = {name: known[name] for name in known if accepts(network.build, name)}
    with nullcontext() if rng is None or "rng" in more else as_global_generator(rng):
        return network.build(shape, n_conditions, latent_dim_of(network), **more)
