"""Conditions of a table: which cells of a grid are known; knows cell groups, no columns' values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from synthgan.encoding.cells import CellGroup

__all__ = ["KnownCells"]

_CERTAIN = 1e4  # raw output of a binary cell that is known


class KnownCells:
    """Masked conditions: one flat vector ``c`` of known cells and of the groups that are known.

    ``c`` is (n, n_conditions): the cells of all given groups in the networks' scale, 0 where
    unknown, then 1 for each known group. Without groups ``c`` is empty.

    Parameters
    ----------
    groups : sequence of CellGroup
        Groups that may be known.
    device : torch.device or None

    References
    ----------
    Yoon, Jordon and van der Schaar (2018), GAIN: missing data imputation using generative
    adversarial nets, arXiv 1806.02920. Ivanov, Figurnov and Vetrov (2019), Variational
    autoencoder with arbitrary conditioning, arXiv 1806.02382 (random masks).
    """

    def __init__(self, groups: Sequence[CellGroup], device: torch.device | None = None) -> None:
        cells = [cell for group in groups for cell in group.cells]
        owner = [i for i, group in enumerate(groups) for _ in group.cells]
        gates = {group.cells[0]: i for i, group in enumerate(groups)}
        gated = [
            (i, gates[group.presence])
            for i, group in enumerate(groups)
            if group.presence is not None
        ]
        switches = [i for i, cell in enumerate(cells) if groups[owner[i]].kind == "binary"]
        self.n_groups = len(groups)
        self.n_cells = len(cells)
        self.n_conditions = self.n_cells + self.n_groups
        self._cells = _index(cells, device)
        self._owner = _index(owner, device)
        self._gated = _index([i for i, _ in gated], device)
        self._gates = _index([gate for _, gate in gated], device)
        self._switches = _index(switches, device)

    def draw(self, grid: Tensor, share: float, rng: torch.Generator) -> Tensor:
        """Draw the conditions of a training batch from its real grids (n, *shape).

        A `share` of the rows gets a random mask, for the others nothing is known. In the former
        each group is known with a probability that is the row's own, uniform in 0..1: few known
        groups are as likely as many.
        """
        n, device = len(grid), grid.device
        if not self.n_conditions:
            return self.none(n, device)
        chance = torch.rand(n, 1, generator=rng, device=device)
        chance[round(share * n) :] = 0.0
        known = torch.rand(n, self.n_groups, generator=rng, device=device) < chance
        # Who knows a value knows that there is one.
        known[:, self._gates] |= known[:, self._gated]
        mask = known.to(grid.dtype)
        return torch.cat([grid.flatten(1)[:, self._cells] * mask[:, self._owner], mask], dim=1)

    def read(self, grid: Tensor, known: Tensor) -> Tensor:
        """Return the conditions that all `known` cells (n, n_grid_cells) of grids make.

        A group is known when all its cells are.
        """
        flat, known = grid.flatten(1), known[:, self._cells]
        nothing = flat.new_zeros(len(flat), self.n_groups)
        n_unknown = nothing.index_add(1, self._owner, 1 - known.to(flat.dtype))
        mask = (n_unknown == 0).to(flat.dtype)
        return torch.cat([flat[:, self._cells] * mask[:, self._owner], mask], dim=1)

    def none(self, n: int, device: torch.device) -> Tensor:
        """Return the conditions of `n` rows of which nothing is known."""
        return torch.zeros(n, self.n_conditions, device=device)

    def force(self, raw: Tensor, c: Tensor) -> Tensor:
        """Switch known binary cells in raw outputs, so that what hangs on them follows."""
        if not len(self._switches):
            return raw
        flat, places = raw.flatten(1), self._cells[self._switches]
        wanted = _CERTAIN * c[:, self._switches].sign()
        switched = torch.where(wanted == 0, flat[:, places], wanted)
        return flat.index_copy(1, places, switched).reshape(raw.shape)

    def paste(self, grid: Tensor, c: Tensor) -> Tensor:
        """Put the known cells into generated grids."""
        if not self.n_conditions:
            return grid
        flat, mask = grid.flatten(1), c[:, self.n_cells :][:, self._owner]
        pasted = torch.where(mask > 0, c[:, : self.n_cells], flat[:, self._cells])
        return flat.index_copy(1, self._cells, pasted).reshape(grid.shape)


def _index(positions: Sequence[int], device: torch.device | None) -> Tensor:
    return torch.tensor(positions, dtype=torch.long, device=device)
