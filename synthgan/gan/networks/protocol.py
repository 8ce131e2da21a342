"""Protocols of networks: how specs, generators and discriminators are called.

A user's own network needs `Network`, `Generator` and `Discriminator` only. The other protocols are
optional: a network offers one by having its method, or by naming its parameter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from synthgan.encoding.groups import CellGroup
from synthgan.gan.isolation import as_global_generator

__all__ = [
    "AnyLengthGenerator",
    "DealingGenerator",
    "Discriminator",
    "Generator",
    "Network",
    "OscillatorGenerator",
    "PixelNoiseGenerator",
    "RedrawingDiscriminator",
    "RowwiseDiscriminator",
    "Seeded",
    "SeededDiscriminator",
    "SeededGenerator",
    "SeededNetwork",
    "SettlingNetwork",
    "accepts",
    "with_rng",
]

Seeded = Callable[..., Any]  # takes ``rng``, a torch.Generator, by name


@runtime_checkable
class Network(Protocol):
    """What a network spec must offer; its ``latent_dim``, if it has one, is the noise's length."""

    def build(
        self, shape: tuple[int, ...], n_conditions: int, latent_dim: int
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator), a `Generator` and a `Discriminator`.

        Parameters
        ----------
        shape : tuple of int
            Of a grid.
        n_conditions : int
            Length of ``c``, the flat vector of conditions; 0 where there are none.
        latent_dim : int
            Length of the noise vector ``z``.
        """


class SeededNetwork(Network, Protocol):
    """A spec whose `build` has one or both of the further parameters."""

    def build(
        self,
        shape: tuple[int, ...],
        n_conditions: int,
        latent_dim: int,
        groups: Sequence[CellGroup] = (),
        rng: torch.Generator | None = None,
    ) -> tuple[nn.Module, nn.Module]:
        """Build (generator, discriminator).

        Parameters
        ----------
        groups : sequence of CellGroup
            The groups of cells of the grid.
        rng : torch.Generator or None
            Generator on the CPU that draws the first weights. None: torch's global one.
        """


@runtime_checkable
class SettlingNetwork(Protocol):
    """A spec that depends on the table."""

    def settle(self, n_rows: int, groups: Sequence[CellGroup]) -> Any:
        """Return the spec that is built, with all parameters that depend on the table set."""


class Generator(Protocol):
    """What a generator must offer. It may draw from torch's global random generators."""

    def __call__(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""


class SeededGenerator(Protocol):
    """A generator whose `forward` has a parameter `rng`, from which all random numbers come."""

    def __call__(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""


class Discriminator(Protocol):
    """What a discriminator must offer. It may draw from torch's global random generators."""

    def __call__(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape), -1..1, and conditions to logits (n,)."""


class SeededDiscriminator(Protocol):
    """A discriminator whose `forward` has a parameter `rng`: all random numbers come from it."""

    def __call__(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape), -1..1, and conditions to logits (n,)."""


@runtime_checkable
class RedrawingDiscriminator(Protocol):
    """A discriminator that draws random numbers once a step."""

    def redraw(self, rng: torch.Generator | None = None) -> None:
        """Draw for the step that begins; the parameter `rng` is optional."""


@runtime_checkable
class RowwiseDiscriminator(Protocol):
    """A discriminator whose logit of a row depends on that row alone.

    One pass can then take real and generated rows together. Batch statistics (batch normalisation,
    spreads of a batch) are not of that kind.
    """

    is_rowwise: bool


@runtime_checkable
class AnyLengthGenerator(Protocol):
    """A generator of paths of any length."""

    def path(
        self, z: Tensor, c: Tensor, n_samples: int, rng: torch.Generator | None = None
    ) -> Tensor:
        """Map noise and conditions to paths (n, n_leads, n_samples); `rng` is optional."""


@runtime_checkable
class DealingGenerator(Protocol):
    """A generator that has few noise vectors of its own, or any (`n_latents` is infinity)."""

    n_latents: float

    def deal(self, z: Tensor) -> Tensor:
        """Return which of its vectors, (n,), each row of noise (n, latent_dim) stands for."""


@runtime_checkable
class OscillatorGenerator(Protocol):
    """A generator whose oscillators' rates can be changed."""

    def record_rates(self) -> AbstractContextManager[list[Tensor]]:
        """Collect, within the context, the logarithms of the rates of all paths, (n, n_waves)."""

    def at_rates(self, wave: int, logs: Tensor) -> AbstractContextManager[None]:
        """Within the context, give paths the rates of these logarithms (n,), in order."""

    def change_rates(self, wave: int, middle: float, factor: float, shift: float) -> None:
        """Map logarithms of rates: ``middle + d`` becomes ``middle + factor * d + shift``."""


@runtime_checkable
class PixelNoiseGenerator(Protocol):
    """A generator that adds noise to each pixel."""

    def scale_noise(self, factor: float) -> None:
        """Multiply the standard deviation of that noise by `factor`."""


def accepts(function: Callable[..., Any], name: str) -> bool:
    """Return whether a function, or the `forward` of a module, has a parameter of that name."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        return name in inspect.signature(called).parameters
    except (TypeError, ValueError):  # written in another language than Python
        return False


def with_rng(function: Callable[..., Any]) -> Seeded:
    """Return a network, or a method of one, that can be called with ``rng=...``.

    If it has no parameter `rng`, torch's global generators draw from `rng` during the call.
    """
    if accepts(function, "rng"):
        return function

    def call(*inputs: Any, rng: torch.Generator) -> Any:
        with as_global_generator(rng):
            return function(*inputs)

    return call
