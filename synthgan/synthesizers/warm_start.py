"""Warm start: the networks that a fit leaves, from which the next one continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from synthgan.encoding import CellGroup
from synthgan.exceptions import DataError, ParameterError
from synthgan.gan.training.digest import digest
from synthgan.gan.training.state import TrainState

__all__ = ["PreviousNetworks"]

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class PreviousNetworks:
    """Both networks at the end of a fit, and the shape and columns of its grids.

    The discriminator was trained on the records: this is kept in memory only, never in an archive.

    Parameters
    ----------
    shape : tuple of int
        Of a grid.
    groups, known_groups : sequence of CellGroup
        Of the grid, and those that conditions may name.
    generator, discriminator : dict of str to Tensor
    """

    shape: tuple[int, ...]
    groups: Sequence[CellGroup]
    known_groups: Sequence[CellGroup]
    generator: Weights
    discriminator: Weights

    @classmethod
    def of(cls, model: Any) -> PreviousNetworks | None:
        """Return the networks that a warm start of a model continues from, if any.

        Raises
        ------
        ParameterError
            The previous fit kept none.
        """
        if not model.warm_start or not hasattr(model, "generator_"):
            return None
        previous: PreviousNetworks | None = getattr(model, "_previous_networks", None)
        if previous is None:
            raise ParameterError(
                "warm_start=True goes on with the networks of the previous fit, but that was "
                "without it, or the model is from a file: set warm_start=False to begin anew."
            )
        return previous

    @classmethod
    def take(cls, model: Any, state: TrainState) -> PreviousNetworks:
        """Take both networks of a run that is over."""
        generator, discriminator = (
            {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
            for network in (state.generator, state.discriminator)
        )
        groups, known = model.cell_groups_, model.known_groups_
        return cls(model.grid_shape_, groups, known, generator, discriminator)

    def check(
        self, shape: tuple[int, ...], groups: Sequence[CellGroup], known: Sequence[CellGroup]
    ) -> None:
        """Refuse grids that the networks are not for.

        Raises
        ------
        DataError
            Other columns, other cells of a column, or another shape; the message names them.
        """
        before, now = _kinds(self.groups), _kinds(groups)
        known_before, known_now = _kinds(self.known_groups), _kinds(known)
        places = [{(g.column, g.cells) for g in some} for some in (self.groups, groups)]
        if unshared := [name for name in (*before, *now) if (name in before) != (name in now)]:
            what = f"columns {unshared!r} are in one of them only"
        elif changed := [name for name in now if name is not None and now[name] != before[name]]:
            what = f"columns {changed!r} have other levels, or gaps in other rows"
        elif shape != self.shape or now != before:
            what = f"grids are of shape {shape}, and were of {self.shape}"
        elif places[0] != places[1]:
            what = "columns are in another order"
        elif known_now != known_before:
            what = f"conditions are on {list(known_now)!r}, and were on {list(known_before)!r}"
        else:
            return
        raise DataError(
            f"warm_start=True goes on with data like those of the previous fit, but {what}; set "
            "warm_start=False to begin anew."
        )

    def load_into(self, generator: nn.Module, discriminator: nn.Module) -> None:
        """Load these weights into networks.

        Raises
        ------
        ParameterError
            Networks of another kind.
        """
        try:
            generator.load_state_dict(self.generator)
            discriminator.load_state_dict(self.discriminator)
        except RuntimeError as error:
            raise ParameterError(
                "warm_start=True goes on with the networks of the previous fit, and network=... or "
                "these data make others; give the same, or set warm_start=False to begin anew."
            ) from error

    def digest(self) -> str:
        """Return the SHA-256 of all weights."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return digest({f"{n}/{k}": t for n, own in networks.items() for k, t in own.items()})


def _kinds(groups: Sequence[CellGroup]) -> dict[Any, list[Any]]:
    """Return what kind of cells each column has, and how many."""
    kinds: dict[Any, list[Any]] = {}
    for group in groups:
        if group.kind != "null":
            kinds.setdefault(group.column, []).append((group.kind, len(group.cells)))
    return kinds
