"""Conditions: which cells are known, of a grid or beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from synthgan.encoding.groups import CellGroup

__all__ = ["GivenCells", "KnownCells"]

_CERTAIN = 1e4  # raw output of a binary cell that is known
_FEW = 2  # a uniform chance to this power: few known groups are likelier than many


class KnownCells:
    """Masked conditions: one flat vector ``c`` of known cells and of the groups that are known.

    ``c`` is (n, n_conditions): the cells of all given groups in the networks' scale, 0 where
    unknown, then 1 for each known group. Without groups ``c`` is empty.

    Parameters
    ----------
    groups : sequence of CellGroup
        Groups that may be known.
    device : torch.device or None
    beside : bool, default=False
        Whether the groups are of labels that stand beside the grid, and are not generated.

    References
    ----------
    Yoon, Jordon and van der Schaar (2018), GAIN: missing data imputation using generative
    adversarial nets, arXiv 1806.02920. Ivanov, Figurnov and Vetrov (2019), Variational
    autoencoder with arbitrary conditioning, arXiv 1806.02382 (random masks). Xu et al. (2019),
    Modeling tabular data using conditional GAN, arXiv 1907.00503 (log frequencies).
    """

    def __init__(
        self,
        groups: Sequence[CellGroup],
        device: torch.device | None = None,
        beside: bool = False,
    ) -> None:
        cells = [cell for group in groups for cell in group.cells]
        owner = [i for i, group in enumerate(groups) for _ in group.cells]
        gates = {group.cells[0]: i for i, group in enumerate(groups)}
        gated = [
            (i, gates[group.presence])
            for i, group in enumerate(groups)
            if group.presence is not None
        ]
        switches = [i for i, cell in enumerate(cells) if groups[owner[i]].kind == "binary"]
        self.beside, self.groups = beside, tuple(groups)
        self.n_groups = len(groups)
        self.n_cells = len(cells)
        self.n_conditions = self.n_cells + self.n_groups
        self._cells = _index(cells, device)
        self._owner = _index(owner, device)
        self._gated = _index([i for i, _ in gated], device)
        self._gates = _index([gate for _, gate in gated], device)
        self._switches = _index(switches, device)
        kinds = [groups[i].kind for i in owner]
        self._is_switch = torch.tensor([float(k == "binary") for k in kinds], device=device)
        self._is_level = torch.tensor(
            [float(k not in ("continuous", "uniform")) for k in kinds], device=device
        )

    def draw(
        self,
        grid: Tensor,
        share: float,
        rng: torch.Generator,
        labels: Tensor | None = None,
        balance: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Draw conditions from real grids (n, *shape), or from labels (n, n_label_cells) of them.

        For a `share` of the rows, which come first, some groups are known, for the others none.
        Each of the former has a leading group that is known for sure; so that its rare levels are
        learnt, too, `balance` draws the row anew among those given, levels by the logarithm of
        their number. Its other groups are known with a probability of the row's own: of 20
        groups, a fifth of the rows know the leading one alone.

        Returns
        -------
        grid : Tensor of shape (n, *shape)
            The real grids, those of the first rows drawn anew.
        c : Tensor of shape (n, n_conditions)
        """
        n, device = len(grid), grid.device
        n_masked = self.n_masked(n, share)
        if not n_masked:
            return grid, self.none(n, device)
        cells = (grid.flatten(1) if labels is None else labels).index_select(1, self._cells)
        lead = torch.randint(self.n_groups, (n_masked,), generator=rng, device=device)
        if balance:
            bounds = self._odds(cells).cumsum(0).T.index_select(0, lead)  # (n_masked, n)
            points = torch.rand(n_masked, 1, generator=rng, device=device) * bounds[:, -1:]
            rows = torch.searchsorted(bounds, points, right=True)[:, 0].clamp(max=n - 1)
            grid = torch.cat([grid[rows], grid[n_masked:]])
            cells = torch.cat([cells[rows], cells[n_masked:]])
        chance = torch.rand(n, 1, generator=rng, device=device) ** _FEW
        chance[n_masked:] = 0.0
        known = torch.rand(n, self.n_groups, generator=rng, device=device) < chance
        known[:n_masked].scatter_(1, lead[:, None], True)
        # If a value is known, it is known that there is one.
        known[:, self._gates] |= known.index_select(1, self._gated)
        mask = known.to(grid.dtype)
        return grid, torch.cat([cells * mask.index_select(1, self._owner), mask], dim=1)

    def n_masked(self, n: int, share: float) -> int:
        """Return for how many of `n` grids `draw` makes conditions."""
        return round(share * n) if self.n_conditions else 0

    def _odds(self, cells: Tensor) -> Tensor:
        """How often each row is to lead, by group (n, n_groups): levels by log frequency."""
        on = (cells > 0).to(cells.dtype)
        n_on = on.sum(dim=0)
        n_off = len(cells) - n_on
        odds = on * (n_on.log1p() / n_on.clamp(min=1)) * self._is_level
        odds += (1 - on) * (n_off.log1p() / n_off.clamp(min=1)) * self._is_switch
        odds += 1 - self._is_level
        return cells.new_zeros(len(cells), self.n_groups).index_add(1, self._owner, odds) + 1e-12

    def read(self, grid: Tensor, known: Tensor) -> Tensor:
        """Return the conditions that all `known` cells (n, n_grid_cells) of grids make.

        A group is known when all its cells are.
        """
        flat, known = grid.flatten(1), known.index_select(1, self._cells)
        nothing = flat.new_zeros(len(flat), self.n_groups)
        n_unknown = nothing.index_add(1, self._owner, 1 - known.to(flat.dtype))
        mask = (n_unknown == 0).to(flat.dtype)
        return torch.cat(
            [flat.index_select(1, self._cells) * mask.index_select(1, self._owner), mask], dim=1
        )

    def mask(self, c: Tensor) -> Tensor:
        """Return the mask of known groups (n, n_groups) that conditions hold."""
        return c[:, self.n_cells :]

    @property
    def n_features(self) -> int:
        """How many features describe conditions to the critic."""
        return self.n_groups

    def features(self, c: Tensor) -> Tensor:
        """Return the features of conditions for the critic: the groups that are known."""
        return self.mask(c)

    def none(self, n: int, device: torch.device) -> Tensor:
        """Return the conditions of `n` rows of which nothing is known."""
        return torch.zeros(n, self.n_conditions, device=device)

    def force(self, raw: Tensor, c: Tensor) -> Tensor:
        """Switch known binary cells in raw outputs, so that what hangs on them follows."""
        if self.beside or not len(self._switches):
            return raw
        flat, places = raw.flatten(1), self._cells[self._switches]
        wanted = _CERTAIN * c.index_select(1, self._switches).sign()
        switched = torch.where(wanted == 0, flat.index_select(1, places), wanted)
        return flat.index_copy(1, places, switched).reshape(raw.shape)

    def is_free(self, c: Tensor) -> bool:
        """Return whether `paste` changes nothing; waits for the device."""
        return self.beside or not bool(self.mask(c).any())

    def paste(self, grid: Tensor, c: Tensor) -> Tensor:
        """Put the known cells into generated grids."""
        if self.beside or not self.n_conditions:
            return grid
        flat, mask = grid.flatten(1), self.mask(c).index_select(1, self._owner)
        pasted = torch.where(mask > 0, c[:, : self.n_cells], flat.index_select(1, self._cells))
        return flat.index_copy(1, self._cells, pasted).reshape(grid.shape)


class GivenCells(KnownCells):
    """Conditions that every record has: labels beside the grid, of which all are always known.

    ``c`` is (n, n_cells), the cells of the labels in the networks' scale.

    Parameters
    ----------
    groups : sequence of CellGroup
    device : torch.device or None
    examples : Tensor of shape (n_examples, n_label_cells) or None, default=None
        Labels, in the networks' scale, of the records that are made where none are asked for.
    """

    def __init__(
        self,
        groups: Sequence[CellGroup],
        device: torch.device | None = None,
        examples: Tensor | None = None,
    ) -> None:
        super().__init__(groups, device, beside=True)
        self.n_conditions = self.n_cells
        self.examples = examples

    def draw(
        self,
        grid: Tensor,
        share: float,
        rng: torch.Generator,
        labels: Tensor | None = None,
        balance: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Return the grids, and their labels as conditions."""
        if labels is None:
            raise ValueError("labels are needed")
        return grid, labels.index_select(1, self._cells)

    def read(self, grid: Tensor, known: Tensor) -> Tensor:
        """Return labels as conditions; `known` is all."""
        return grid.flatten(1).index_select(1, self._cells)

    @property
    def n_features(self) -> int:
        """How many features describe conditions to the critic."""
        return 1 + self.n_groups

    def features(self, c: Tensor) -> Tensor:
        """Return 1, then a number for each label: its cell, or the index of its level."""
        columns, start = [torch.ones(len(c), device=c.device)], 0
        for group in self.groups:
            cells = c[:, start : start + len(group.cells)]
            is_level = group.kind == "one_hot"
            columns.append(cells.argmax(dim=1).to(c.dtype) if is_level else cells[:, 0])
            start += len(group.cells)
        return torch.stack(columns, dim=1)

    def none(self, n: int, device: torch.device) -> Tensor:
        """Return the conditions of the examples, in turn; zeros without examples."""
        if self.examples is None or not len(self.examples):
            return torch.zeros(n, self.n_conditions, device=device)
        turn = torch.arange(n) % len(self.examples)
        return self.examples.index_select(0, turn).index_select(1, self._cells.cpu()).to(device)


def _index(positions: Sequence[int], device: torch.device | None) -> Tensor:
    return torch.tensor(positions, dtype=torch.long, device=device)
