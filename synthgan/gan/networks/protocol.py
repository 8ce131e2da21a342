"""What networks offer: the one place that says how a spec, and what it builds, are called.

A network of users needs `Network`, `Generator` and `Discriminator` only. All else is an ability:
what has the method, or names the parameter, has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from synthgan.encoding.groups import CellGroup
from synthgan.gan.isolation import lent

__all__ = [
    "Discriminator",
    "DrawingDiscriminator",
    "DrawingGenerator",
    "DrawingNetwork",
    "Generator",
    "GrainyGenerator",
    "Handed",
    "Network",
    "OscillatingGenerator",
    "PathMaker",
    "RedrawingDiscriminator",
    "SettlingNetwork",
    "handed",
    "takes",
]

Handed = Callable[..., Any]  # takes ``rng``, a torch.Generator, by name


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


class DrawingNetwork(Network, Protocol):
    """A spec that is told more: each of these parameters of `build` may be there or not."""

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
            Which cells of the grid are what.
        rng : torch.Generator or None
            Of the CPU; draws the first weights. None: torch's own.
        """


@runtime_checkable
class SettlingNetwork(Protocol):
    """A spec that hangs on the table."""

    def settle(self, n_rows: int, groups: Sequence[CellGroup]) -> Any:
        """Return the spec that is built, with all that hangs on the table decided."""


class Generator(Protocol):
    """What a generator must offer. What it draws is drawn by torch's own generators."""

    def __call__(self, z: Tensor, c: Tensor) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""


class DrawingGenerator(Protocol):
    """A generator whose `forward` names `rng`: all that it draws is drawn by that."""

    def __call__(self, z: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map noise (n, latent_dim) and conditions to raw outputs (n, *shape)."""


class Discriminator(Protocol):
    """What a discriminator must offer. What it draws is drawn by torch's own generators."""

    def __call__(self, grid: Tensor, c: Tensor) -> Tensor:
        """Map grids (n, *shape), -1..1, and conditions to logits (n,)."""


class DrawingDiscriminator(Protocol):
    """A discriminator whose `forward` names `rng`: all that it draws is drawn by that."""

    def __call__(self, grid: Tensor, c: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map grids (n, *shape), -1..1, and conditions to logits (n,)."""


@runtime_checkable
class RedrawingDiscriminator(Protocol):
    """A discriminator that draws once a step."""

    def redraw(self, rng: torch.Generator | None = None) -> None:
        """Begin a step; `rng` need not be named."""


@runtime_checkable
class PathMaker(Protocol):
    """A generator of paths of any length."""

    def path(
        self, z: Tensor, c: Tensor, n_samples: int, rng: torch.Generator | None = None
    ) -> Tensor:
        """Map noise and conditions to paths (n, n_leads, n_samples); `rng` need not be named."""


@runtime_checkable
class OscillatingGenerator(Protocol):
    """A generator whose oscillators can be told to run at other rates."""

    def listen(self) -> AbstractContextManager[list[Tensor]]:
        """Gather the logarithms of the rates of all paths that are made meanwhile, (n, n_waves)."""

    def retime(self, wave: int, middle: float, factor: float, shift: float) -> None:
        """Let logarithms of rates that lay d above `middle` lie ``factor * d + shift`` above it."""


@runtime_checkable
class GrainyGenerator(Protocol):
    """A generator that adds noise to each pixel."""

    def regrain(self, factor: float) -> None:
        """Make that noise stronger, or weaker."""


def takes(function: Callable[..., Any], name: str) -> bool:
    """Tell whether a function, or the `forward` of a module, names a parameter."""
    called = function.forward if isinstance(function, nn.Module) else function
    try:
        return name in inspect.signature(called).parameters
    except (TypeError, ValueError):  # written in another language than Python
        return False


def handed(function: Callable[..., Any]) -> Handed:
    """Return a network, or a method of one, as it is called with a generator, ``rng=...``.

    What does not name `rng` is called without, and draws from the generator all the same: torch's
    own is made to be that one meanwhile. Decided here once, not at each call.
    """
    if takes(function, "rng"):
        return function

    def call(*inputs: Any, rng: torch.Generator) -> Any:
        with lent(rng):
            return function(*inputs)

    return call
