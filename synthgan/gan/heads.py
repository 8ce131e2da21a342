"""How raw outputs become cells, in the networks' scale: cell 0..255 is -1..1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthgan.encoding.groups import NULL, OFF, ON, CellGroup

__all__ = ["CellHead", "Head", "SignalHead", "TanhHead", "from_network_scale", "to_network_scale"]

_HALF = (NULL + ON) / 2


def to_network_scale(cells: Tensor) -> Tensor:
    """Map cells 0..255 to -1..1."""
    return (cells.to(torch.float32) - _HALF) / _HALF


def from_network_scale(x: Tensor) -> Tensor:
    """Map -1..1 to cells 0..255; inverse of `to_network_scale`."""
    return x * _HALF + _HALF


class Head(nn.Module):
    """Base of heads, called as ``head(raw, rng)``."""

    def to_cells(self, x: Tensor) -> Tensor:
        """Map generated grids to cells 0..255; what rounding leaves beyond is cut."""
        return from_network_scale(x).clamp(NULL, ON)


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
    quantile cells are. Binary and one-hot cells are drawn by a straight-through
    Gumbel softmax, so that both sides see exact values. Cells without a value are NULL.

    Parameters
    ----------
    groups : sequence of CellGroup
        All cells of the grid, each in one group.
    temperature : float, default=0.5
        Of the Gumbel softmax.

    References
    ----------
    Jang, Gu and Poole (2017), Categorical reparameterization with Gumbel-softmax,
    arXiv 1611.01144.
    """

    def __init__(self, groups: Sequence[CellGroup], temperature: float = 0.5) -> None:
        super().__init__()
        self.temperature = temperature
        of_kind = {
            kind: [g for g in groups if g.kind == kind]
            for kind in ("continuous", "binary", "one_hot", "null")
        }
        flat = {kind: [cell for g in found for cell in g.cells] for kind, found in of_kind.items()}
        order = [*flat["continuous"], *flat["binary"], *flat["one_hot"], *flat["null"]]
        presence = {cell: g.presence for g in groups for cell in g.cells}
        gated = [cell for cell in order if presence[cell] is not None]
        longest = max((len(g.cells) for g in of_kind["one_hot"]), default=0)
        # Each one-hot group is a row of positions among all levels, padded with one beyond them.
        n_levels, rows, first = len(flat["one_hot"]), [], 0
        for g in of_kind["one_hot"]:
            own = range(first, first + len(g.cells))
            rows.append([*own, *[n_levels] * (longest - len(own))])
            first += len(own)
        self._index("continuous", flat["continuous"])
        self._index("binary", flat["binary"])
        self._index("levels", flat["one_hot"])
        self._index("one_hot", rows)
        self._index(
            "one_hot_used",
            [
                i * longest + j
                for i, g in enumerate(of_kind["one_hot"])
                for j in range(len(g.cells))
            ],
        )
        self._index("place", torch.argsort(torch.tensor(order)).tolist())
        self._index("gated", gated)
        self._index("gates", [presence[cell] for cell in gated])
        self.n_null = len(flat["null"])
        floor = torch.full((len(order),), (OFF - NULL) / _HALF)
        floor[flat["null"]] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    continuous: Tensor
    binary: Tensor
    levels: Tensor
    one_hot: Tensor
    one_hot_used: Tensor
    place: Tensor
    gated: Tensor
    gates: Tensor
    floor: Tensor

    def _index(self, name: str, positions: Sequence[object]) -> None:
        tensor = torch.tensor(positions, dtype=torch.long)
        self.register_buffer(name, tensor, persistent=False)

    def forward(self, raw: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Map raw outputs to a grid of the same shape, -1..1; `rng` draws the levels."""
        flat = raw.flatten(1)
        parts = [(flat.index_select(1, self.continuous) / math.sqrt(2)).erf() / 2 + 0.5]
        if len(self.binary):
            parts.append(self._draw_binary(flat.index_select(1, self.binary), rng))
        if len(self.one_hot):
            parts.append(self._draw_one_hot(flat.index_select(1, self.levels), rng))
        parts.append(flat.new_zeros(len(flat), self.n_null))
        shares = torch.cat(parts, dim=1).index_select(1, self.place)  # (n, n_cells), 0..1
        values = shares * ((ON - OFF) / _HALF) + self.floor  # 0 is NULL
        if len(self.gated):
            gate = torch.ones_like(values).index_copy(
                1, self.gated, shares.index_select(1, self.gates)
            )
            values = values * gate
        return (values - 1.0).reshape(raw.shape)

    def _draw_binary(self, logits: Tensor, rng: torch.Generator | None) -> Tensor:
        u = _uniform(logits, rng)
        noisy = logits + u.log() - (-u).log1p()
        hard = (noisy > 0).to(noisy.dtype)
        if not torch.is_grad_enabled():
            return hard
        soft = (noisy / self.temperature).sigmoid()
        return hard + soft - soft.detach()

    def _draw_one_hot(self, levels: Tensor, rng: torch.Generator | None) -> Tensor:
        gumbel = -(-_uniform(levels, rng).log()).log()
        noisy = nn.functional.pad((levels + gumbel) / self.temperature, (0, 1), value=-1e9)
        logits = noisy.index_select(1, self.one_hot.flatten()).unflatten(1, self.one_hot.shape)
        # (n, n_groups, longest); two equal noisy logits are too rare to matter, and are decoded.
        hard = (logits == logits.amax(dim=2, keepdim=True)).to(logits.dtype)
        if torch.is_grad_enabled():
            soft = logits.softmax(dim=2)
            hard = hard + soft - soft.detach()
        return hard.flatten(1).index_select(1, self.one_hot_used)


def _uniform(like: Tensor, rng: torch.Generator | None) -> Tensor:
    """Draw in the open interval (0, 1)."""
    u = torch.rand(like.shape, generator=rng, device=like.device, dtype=like.dtype)
    return u.clamp(1e-7, 1 - 1e-7)
