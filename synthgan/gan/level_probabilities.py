"""The probabilities of levels that raw outputs of a generator stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synthgan.encoding.groups import CellGroup
from synthgan.gan.known_cells import KnownCells

__all__ = ["LevelProbabilities"]

_UNKNOWN = -2.0  # no cell has that
_LEAST = 1e-4  # share


@dataclass(frozen=True)
class _Column:
    cells: tuple[int, ...]  # of the levels; one of two levels, none of one
    presence: int | None


class LevelProbabilities:
    """Probabilities of all levels of all columns, as `CellHead` draws them.

    Parameters
    ----------
    groups : sequence of CellGroup
        All cells of the grid; a column has at most one group of levels, and all its groups have
        the same presence cell.
    known : KnownCells
        What conditions mean.
    """

    def __init__(self, groups: Sequence[CellGroup], known: KnownCells) -> None:
        self.known = known
        self.columns: list[_Column] = []
        gates = {g.presence for g in groups if g.presence is not None}
        own = [g for g in groups if g.kind != "null"]
        for name in dict.fromkeys(g.column for g in own):
            parts = [g for g in own if g.column == name]
            gate = next((g.presence for g in parts if g.presence is not None), None)
            if gate is None:  # a column of one level that may be missing has its gate alone
                alone = [g for g in parts if g.cells[0] in gates]
                gate = alone[0].cells[0] if alone else None
            levels = [g for g in parts if g.kind in ("one_hot", "binary") and g.cells != (gate,)]
            if levels or gate is not None:  # a column of one level has no probabilities
                self.columns.append(_Column(levels[0].cells if levels else (), gate))

    @property
    def sizes(self) -> list[int]:
        """How many levels each column has; a missing value is one."""
        return [max(len(c.cells), 1) + (len(c.cells) == 1) + (c.presence is not None)
                for c in self.columns]  # fmt: skip

    def raw_of(self, shares: Tensor, n_cells: int) -> Tensor:
        """Map shares of all levels (n_levels,) to the raw outputs that stand for them."""
        raw, start = shares.new_zeros(n_cells), 0
        for column, size in zip(self.columns, self.sizes, strict=True):
            own = shares[start : start + size].clamp(min=_LEAST)
            start += size
            if column.presence is not None:
                own, gone = own[:-1], own[-1]
                raw[column.presence] = (own.sum() / gone).log()
            if len(column.cells) == 1:
                raw[column.cells[0]] = (own[1] / own[0]).log()
            elif column.cells:
                raw[list(column.cells)] = own.log()
        return raw

    def __call__(self, raw: Tensor, c: Tensor) -> Tensor:
        """Map raw outputs (n, *shape) and conditions to probabilities (n, n_levels)."""
        flat = raw.flatten(1)
        pasted = self.known.paste(torch.full_like(raw, _UNKNOWN), c).flatten(1)
        parts = []
        for column in self.columns:
            own = self._levels(flat, pasted, column.cells)
            if column.presence is not None:
                there = self._switch(flat, pasted, column.presence)
                own = torch.cat([own * there, 1 - there], dim=1)
            parts.append(own)
        return torch.cat(parts, dim=1)

    def _switch(self, flat: Tensor, pasted: Tensor, cell: int) -> Tensor:
        """Return how likely a binary cell is ON, (n, 1)."""
        known = pasted[:, cell : cell + 1]
        chance = flat[:, cell : cell + 1].sigmoid()
        return torch.where(known == _UNKNOWN, chance, (known > 0).to(flat.dtype))

    def _levels(self, flat: Tensor, pasted: Tensor, cells: tuple[int, ...]) -> Tensor:
        if not cells:
            return flat.new_ones(len(flat), 1)
        if len(cells) == 1:
            on = self._switch(flat, pasted, cells[0])
            return torch.cat([1 - on, on], dim=1)
        at = torch.tensor(cells, device=flat.device)
        known = pasted.index_select(1, at)
        chance = flat.index_select(1, at).softmax(dim=1)
        return torch.where(known == _UNKNOWN, chance, (known > 0).to(flat.dtype))
