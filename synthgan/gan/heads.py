"""How raw outputs become cells, in the networks' scale: cell 0..255 is -1..1."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup

__all__ = ["CellHead", "Head", "SignalHead", "TanhHead", "from_network_scale", "to_network_scale"]

_HALF = (NULL + ON) / 2


def to_network_scale(cells: Tensor) -> Tensor:
    """Map cells 0..255 to -1..1."""
    return (cells.to(torch.float32) - _HALF) / _HALF


def from_network_scale(x: Tensor) -> Tensor:
    """Map -1..1 to cells 0..255; inverse of `to_network_scale`."""
    return (x * _HALF).add_(_HALF)


class Head(nn.Module):
    """Base of heads, called as ``head(raw, rng)``.

    Attributes
    ----------
    n_numbers : int
        How many of the columns that `draw` returns are numbers, 0..1; they come first.
    """

    n_numbers: int = 0

    def draw(
        self, raw: Tensor, rng: torch.Generator | None = None, strata: Tensor | None = None
    ) -> Tensor:
        """Draw what makes up the grids, (n, n_drawn), without gradients; `show` makes them.

        Parameters
        ----------
        raw : Tensor of shape (n, *shape)
        rng : torch.Generator or None
        strata : Tensor of int of shape (n,), or None, default=None
            Rows of a stratum have equal raw outputs, apart from their conditions; what is drawn is
            spread over a stratum. None: rows are drawn independently.
        """
        drawn: Tensor = self(raw, rng)
        return drawn.flatten(1)

    def show(self, drawn: Tensor) -> Tensor:
        """Return flat grids, -1..1, of what was drawn."""
        return drawn

    def features(self, drawn: Tensor) -> np.ndarray | None:
        """Return a number for each group of cells, or None where they need the grids."""
        return None

    def to_cells(self, x: Tensor) -> Tensor:
        """Map generated grids to cells 0..255; what rounding leaves beyond is cut."""
        return from_network_scale(x).clamp_(NULL, ON)


class TanhHead(Head):
    """Every cell through tanh, of whatever kind: the head of the thesis."""

    def forward(self, raw: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map raw outputs to a grid of the same shape, -1..1."""
        return raw.tanh()


class SignalHead(Head):
    """Samples of a signal as they are, without bounds; the cells that hold none are NULL.

    Parameters
    ----------
    groups : sequence of CellGroup
        All cells of the grid, each in one group.
    """

    def __init__(self, groups: Sequence[CellGroup]) -> None:
        super().__init__()
        null = torch.zeros(sum(len(g.cells) for g in groups), dtype=torch.bool)
        null[[cell for g in groups if g.kind == "null" for cell in g.cells]] = True
        self.register_buffer("null", null, persistent=False)
        self.has_null = bool(null.any())

    null: Tensor

    def forward(self, raw: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map raw outputs to a grid of the same shape."""
        if not self.has_null:
            return raw
        return raw.masked_fill(self.null.reshape(raw.shape[1:]), (NULL - _HALF) / _HALF)

    def to_cells(self, x: Tensor) -> Tensor:
        """Map generated grids to cells, which may leave 0..255."""
        return from_network_scale(x)


class CellHead(Head):
    """Cells by the kind of their group.

    Continuous cells go through erf(x / sqrt 2), so that a standard normal output is uniform, as
    quantile cells are. Uniform cells are drawn, whatever the output. Binary and one-hot cells are
    drawn by a straight-through Gumbel softmax, so that both sides see exact values. Cells without a
    value are NULL.

    Parameters
    ----------
    groups : sequence of CellGroup
        All cells of the grid, each in one group.
    temperature : float, default=0.5
        Of the Gumbel softmax.

    Attributes
    ----------
    sizes : tuple of int
        How many cells are continuous or uniform, binary, levels and NULL; they are computed in this
        order.
    blocks : tuple of (int, int)
        How many one-hot groups have how many levels, in the order of the levels.

    References
    ----------
    Jang, Gu and Poole (2017), Categorical reparameterization with Gumbel-softmax,
    arXiv 1611.01144.
    """

    def __init__(self, groups: Sequence[CellGroup], temperature: float = 0.5) -> None:
        super().__init__()
        self.temperature = temperature
        kinds = ("continuous", "uniform", "binary", "one_hot", "null")
        # Groups of as many levels lie side by side, so that their maxima are computed together.
        of_kind = {k: sorted((g for g in groups if g.kind == k), key=_n_cells) for k in kinds}
        n_continuous, self.n_uniform, *others = (sum(map(_n_cells, of_kind[k])) for k in kinds)
        self.n_numbers = n_continuous + self.n_uniform
        self.sizes = (self.n_numbers, *others)
        n_groups = Counter(map(_n_cells, of_kind["one_hot"]))
        self.blocks = tuple((n, size) for size, n in n_groups.items())
        presence = {cell: g.presence for g in groups for cell in g.cells}
        order = [cell for kind in kinds for g in of_kind[kind] for cell in g.cells]
        place = {cell: i for i, cell in enumerate(order)}
        gated = [i for i, cell in enumerate(order) if presence[cell] is not None]
        owner = [i for i, g in enumerate(of_kind["one_hot"]) for _ in g.cells]
        self._index("owner", owner)
        of_drawn = [g for kind in kinds[:-1] for g in of_kind[kind]]
        at = {g.cells[0]: i for i, g in enumerate(of_drawn)}
        # What is drawn of each group, in the order of the groups, and of the switch it hangs on.
        self.seen = [
            (at[g.cells[0]], None if g.presence is None else at[g.presence])
            for g in groups
            if g.kind in ("continuous", "binary", "one_hot")
        ]
        starts = np.cumsum([sum(self.sizes[:2]), *map(_n_cells, of_kind["one_hot"])])
        self._index("first", starts[:-1].tolist())
        members = torch.zeros(len(owner), len(of_kind["one_hot"]))
        members[range(len(owner)), owner] = 1.0
        self.register_buffer("members", members, persistent=False)
        self._index("order", order)
        self._index("place", [place[cell] for cell in range(len(order))])
        self._index("gated", gated)
        gates = [place[gate] for i in gated if (gate := presence[order[i]]) is not None]
        self._index("gates", gates)
        gate_of = dict(zip(gated, gates, strict=True))
        self._index("shown", [gate_of.get(i, len(order)) for i in range(len(order))])
        span = torch.full((len(order),), (ON - OFF) / _HALF)
        floor = torch.full((len(order),), (OFF - NULL) / _HALF)
        for values in (span, floor):
            values[len(order) - self.sizes[-1] :] = 0.0
        self.register_buffer("span", span, persistent=False)
        self.register_buffer("floor", floor, persistent=False)

    owner: Tensor
    first: Tensor
    members: Tensor
    order: Tensor
    place: Tensor
    gated: Tensor
    gates: Tensor
    shown: Tensor
    span: Tensor
    floor: Tensor

    @property
    def number_cells(self) -> np.ndarray:
        """The cells of numbers, in the order of what is drawn."""
        return np.asarray(self.order[: self.n_numbers].cpu())

    def _index(self, name: str, positions: Sequence[int]) -> None:
        tensor = torch.tensor(positions, dtype=torch.long)
        self.register_buffer(name, tensor, persistent=False)

    def forward(self, raw: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map raw outputs to a grid of the same shape, -1..1; `rng` draws the levels."""
        return _Cells.apply(raw.flatten(1), self, rng).reshape(raw.shape)

    def draw(
        self, raw: Tensor, rng: torch.Generator | None = None, strata: Tensor | None = None
    ) -> Tensor:
        """Draw the numbers, switches and levels (by their numbers) that make up the grids.

        Every row has the distribution that `forward` gives it. With `strata`, shares of levels in a
        stratum are those asked for: its rows do not draw independently of each other (Latin
        hypercube sampling).

        References
        ----------
        McKay, Beckman and Conover (1979), doi 10.2307/1268522.
        """
        numbers, switches, levels, _ = self._parts(raw.flatten(1))
        n_groups = [n for n, _ in self.blocks]
        n_draws = switches.shape[1] + sum(n_groups)
        if strata is None:
            uniform = _uniform(raw.new_empty(len(raw), n_draws), rng)
        else:
            uniform = _stratified(strata, n_draws, rng).to(raw.dtype)
        chances, *points = uniform.split([switches.shape[1], *n_groups], 1)
        parts = [_normal_share(numbers), (switches.sigmoid() > chances).to(raw.dtype)]
        for part, at, block in zip(
            levels.split(self._block_sizes(), 1), points, self.blocks, strict=True
        ):
            logits = part.unflatten(1, block)
            below = (logits - logits.amax(2, keepdim=True)).exp_().cumsum(2)
            level = torch.searchsorted(below, at[..., None] * below[..., -1:])
            parts.append(level.clamp_(max=block[1] - 1).squeeze(2).to(raw.dtype))
        drawn = torch.cat(parts, dim=1)
        if self.n_uniform:
            drawn[:, self.sizes[0] - self.n_uniform : self.sizes[0]].uniform_(generator=rng)
        return drawn

    def show(self, drawn: Tensor) -> Tensor:
        """Return flat grids, -1..1, of what was drawn."""
        n_shown = self.sizes[0] + self.sizes[1]
        codes = drawn[:, n_shown:].long() + self.first
        shares = drawn.new_zeros(len(drawn), len(self.order))
        shares[:, :n_shown] = drawn[:, :n_shown]
        return self._values(shares.scatter_(1, codes, 1.0))

    def features(self, drawn: Tensor) -> np.ndarray:
        """Return a number for each group, as `cell_features` does of its cells."""
        values, n_numbers = drawn.T.cpu().numpy(), self.sizes[0]
        seen = np.empty((len(self.seen), len(drawn)))
        for feature, (i, gate) in zip(seen, self.seen, strict=True):
            feature[:] = values[i]
            if i < n_numbers:
                feature *= ON - OFF
                feature += OFF
            if gate is not None:
                feature *= values[gate]  # 0 is NULL, and the first level
        return seen.T

    def _parts(self, flat: Tensor) -> tuple[Tensor, ...]:
        numbers, *others = flat.index_select(1, self.order).split(self.sizes, 1)
        return numbers.clone() if self.n_uniform else numbers, *others

    def _draw_uniform(self, numbers: Tensor, rng: torch.Generator | None) -> None:
        if self.n_uniform:
            numbers[:, -self.n_uniform :].normal_(generator=rng)

    def _values(self, shares: Tensor) -> Tensor:
        """Map shares of the cells' ranges, in the order of the kinds, to a flat grid."""
        values = torch.addcmul(self.floor, shares, self.span)  # 0 is NULL
        if len(self.gated):
            always = shares.new_ones(len(shares), 1)
            values *= torch.cat([shares, always], dim=1).index_select(1, self.shown)
        return values.sub_(1.0).index_select(1, self.place)

    def _block_sizes(self) -> list[int]:
        return [n * size for n, size in self.blocks]

    def maxima(self, levels: Tensor) -> Tensor:
        """Map values of all levels (n, n_levels) to the largest one of each level's group."""
        parts = levels.split(self._block_sizes(), dim=1)
        largest = [
            part.unflatten(1, block).amax(dim=2)
            for part, block in zip(parts, self.blocks, strict=True)
        ]
        return torch.cat(largest, dim=1).index_select(1, self.owner) if largest else levels

    def sums(self, levels: Tensor) -> Tensor:
        """Map values of all levels (n, n_levels) to the sum of each level's group."""
        return (levels @ self.members).index_select(1, self.owner)


class _Cells(torch.autograd.Function):
    """From raw outputs to cells and, for the gradients, back.

    What autograd would compute for ``hard + soft - soft.detach()`` and for gated cells, in two
    thirds of its time.
    """

    @staticmethod
    def forward(ctx: Any, flat: Tensor, head: CellHead, rng: torch.Generator | None) -> Tensor:
        """Map raw outputs (n, n_cells) to cells of the same shape, -1..1."""
        numbers, switches, levels, null = head._parts(flat)
        head._draw_uniform(numbers, rng)
        switches = switches + _uniform(switches, rng).logit_()
        levels = levels - _uniform(levels, rng).log_().neg_().log_()  # Gumbel noise
        # Two equal noisy logits are too rare to matter, and are decoded.
        levels = levels - head.maxima(levels)
        parts = [_normal_share(numbers), (switches > 0).to(flat.dtype), levels.sign().add_(1), null]
        shares = torch.cat(parts, dim=1)
        ctx.head = head
        ctx.save_for_backward(numbers, switches, levels, shares)
        return head._values(shares)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Map the gradient of the cells to that of the raw outputs."""
        head: CellHead = ctx.head
        numbers, switches, levels, shares = ctx.saved_tensors
        of_values = gradient.index_select(1, head.order)
        of_shares = of_values * head.span
        if len(head.gated):
            values = torch.addcmul(head.floor, shares, head.span).index_select(1, head.gated)
            of_gates = values * of_values.index_select(1, head.gated)
            shown = shares.index_select(1, head.gates)
            of_gated = of_shares.index_select(1, head.gated) * shown
            of_shares.index_copy_(1, head.gated, of_gated).index_add_(1, head.gates, of_gates)
        of_numbers, of_switches, of_levels, null = of_shares.split(head.sizes, 1)
        density = (numbers.square() / -2).exp_() / math.sqrt(2 * math.pi)
        if head.n_uniform:
            density[:, -head.n_uniform :] = 0.0  # whatever the output
        odds = (switches / head.temperature).sigmoid_()
        soft = (levels / head.temperature).exp_()
        soft /= head.sums(soft)
        pull = soft * of_levels
        pull -= soft * head.sums(pull)
        parts = [
            of_numbers * density,
            of_switches * odds * (1 - odds) / head.temperature,
            pull / head.temperature,
            null,
        ]
        return torch.cat(parts, dim=1).index_select(1, head.place), None, None


def _normal_share(x: Tensor) -> Tensor:
    """Map standard normal values to uniform ones, 0..1."""
    return (x * math.sqrt(0.5)).erf_().add_(1).div_(2)


def _stratified(strata: Tensor, n_columns: int, rng: torch.Generator | None) -> Tensor:
    """Draw in (0, 1), shape (n, n_columns); in each stratum and column evenly spread."""
    shape, device = (len(strata), n_columns), strata.device
    keys = strata[:, None] + torch.rand(shape, generator=rng, device=device, dtype=torch.float64)
    rank = keys.argsort(dim=0).argsort(dim=0)
    sizes = strata.bincount()
    first = sizes.cumsum(0) - sizes
    place = rank - first[strata, None] + torch.rand(shape, generator=rng, device=device)
    return place / sizes[strata, None]


def _uniform(like: Tensor, rng: torch.Generator | None) -> Tensor:
    """Draw in the open interval (0, 1)."""
    u = torch.rand(like.shape, generator=rng, device=like.device, dtype=like.dtype)
    return u.clamp_(1e-7, 1 - 1e-7)


def _n_cells(group: CellGroup) -> int:
    return len(group.cells)
