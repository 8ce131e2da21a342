"""Training grids on the device, and how batches are drawn from them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthgan.encoding.groups import CellGroup
from synthgan.gan.heads import to_network_scale
from synthgan.gan.training.digest import digest

__all__ = ["MOST_SHUFFLED", "GridData"]

MOST_SHUFFLED = 2**22  # grids; of more, batches are drawn with replacement

_CHUNK = 2048  # grids
_FEW_GRIDS, _MANY_GRIDS = 10_000, 2**18


class GridData:
    """Training grids on the device, as they are, and how batches are drawn from them.

    Parameters
    ----------
    grids : ndarray of shape (n, *shape), or an object like it
        Cells 0..255, uint8 or float32. Of an object, which may be in a file, rows are read by
        their numbers, and all of them by its ``blocks``.
    half_widths : ndarray of shape (n, n_free) or None
        Continuous cells may be moved by up to so much without changing their meaning; every
        batch draws anew.
    groups : sequence of CellGroup
        Which cells belong together, and which are continuous, in the order of `half_widths`.
    device : torch.device
    labels : ndarray of shape (n, n_label_cells) or None, default=None
        Cells that stand beside the grids, for conditions.
    rows : ndarray of int or None, default=None
        Which of the grids are learnt; None: all.
    left_out : ndarray of int or None, default=None
        Instead of `rows`: which of the grids are not learnt, all different.

    Notes
    -----
    Of more than four million grids, batches are drawn independently of each other, since a
    shuffle would fill memory. Grids are not copied. Those that would fill more than half of
    an accelerator's free memory stay on the host.
    """

    def __init__(
        self,
        grids: Any,
        half_widths: Any,
        groups: Sequence[CellGroup],
        device: torch.device,
        labels: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        left_out: np.ndarray | None = None,
    ) -> None:
        self.device, self.groups = device, tuple(groups)
        in_memory = isinstance(grids, np.ndarray) and _fits(grids.nbytes, device)
        self.home = device if in_memory else torch.device("cpu")
        self.grids = _held(grids, self.home)
        self.rows = None if rows is None else torch.from_numpy(rows).to(self.home)
        out = np.sort(np.zeros(0, np.int64) if left_out is None else left_out)
        # So many numbers below each row that is left out are learnt.
        self._before = torch.from_numpy(out - np.arange(len(out))).to(self.home)
        self._n = len(grids) - len(out) if rows is None else len(rows)
        self.half_widths = None if half_widths is None else _held(half_widths, self.home)
        self.labels = None
        if labels is not None:
            self.labels = to_network_scale(torch.from_numpy(labels)).to(self.home)
        free = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        self.free_cells = torch.tensor(free, dtype=torch.long, device=device)
        self.n_groups = sum(g.kind != "null" for g in groups)
        owner = np.zeros(math.prod(grids.shape[1:]), dtype=np.int64)
        for i, group in enumerate(groups):
            owner[list(group.cells)] = i
        self._owner, self._n_owners = torch.from_numpy(owner).to(device), max(1, len(groups))

    def __len__(self) -> int:
        return self._n

    def _places(self, rows: Tensor) -> Tensor:
        """Return where learnt rows are among all grids."""
        rows = rows.to(self.home)
        if self.rows is not None:
            return self.rows[rows]
        return rows + torch.searchsorted(self._before, rows, right=True)

    def batch(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return rows as (len(rows), *shape), and their labels, in the networks' scale."""
        at = self._places(rows)
        grids = _take(self.grids, at).to(self.device)
        if self.half_widths is not None:
            half_widths = _take(self.half_widths, at).to(self.device)
            shift = torch.rand(half_widths.shape, generator=rng, device=self.device) * 2 - 1
            flat = grids.flatten(1).index_add(1, self.free_cells, shift * half_widths)
            grids = flat.reshape(grids.shape)
        labels = None if self.labels is None else self.labels[at].to(self.device)
        return to_network_scale(grids), labels

    def chunks(self, rng: torch.Generator) -> Iterator[Tensor]:
        """Give all training grids as batches; few of them several times, moved anew each time.

        Of very many, evenly spaced ones stand for all.
        """
        every = max(1, len(self) // _MANY_GRIDS)
        for _ in range(math.ceil(_FEW_GRIDS / len(self))):
            for rows in torch.arange(0, len(self), every, device=self.device).split(_CHUNK):
                yield self.batch(rows, rng)[0]

    def shown(self, n: int, hidden: float, rng: torch.Generator) -> Tensor:
        """Draw which cells of `n` grids are shown, 1 or 0, shape (n, *shape); groups as a whole."""
        draws = torch.rand(n, self._n_owners, generator=rng, device=self.device)
        return (
            (draws >= hidden).float().index_select(1, self._owner).reshape(n, *self.grids.shape[1:])
        )

    def draw(self, left: Tensor, batch_size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Take a batch of row numbers from what is left of a shuffle; every row once an epoch.

        A batch may end one epoch and begin the next. Of very many rows, nothing is left, and rows
        are drawn with replacement.

        Returns
        -------
        rows : Tensor of shape (batch_size,)
        left : Tensor
        """
        if len(self) > MOST_SHUFFLED:
            rows = torch.randint(len(self), (batch_size,), generator=rng, device=self.device)
            return rows, left
        while len(left) < batch_size:
            more = torch.randperm(len(self), generator=rng, device=self.device)
            left = torch.cat([left, more]) if len(left) else more
        return left[:batch_size], left[batch_size:]

    def some(self, n: int) -> np.ndarray:
        """Return `n` of the grids that are learnt, evenly spaced, shape (n, *shape)."""
        at = self._places(torch.linspace(0, len(self) - 1, n, dtype=torch.float64).long())
        return _take(self.grids, at).cpu().numpy()

    def digest(self) -> str:
        """Return the SHA-256 of all grids, and of what is known of them."""
        tensors = {"grids": self.grids, "half_widths": self.half_widths, "labels": self.labels}
        return digest(tensors, repr(self.groups))


def _held(grids: Any, home: torch.device) -> Any:
    """Return grids as a tensor where they are to be; those in a file stay there."""
    return _from_numpy(grids).to(home) if isinstance(grids, np.ndarray) else grids


def _take(grids: Any, at: Tensor) -> Tensor:
    return grids[at] if isinstance(grids, Tensor) else torch.from_numpy(grids[at.numpy()])


def _from_numpy(grids: np.ndarray) -> Tensor:
    """Give grids as a tensor of the same memory, whether or not it may be written to."""
    if any(stride < 0 for stride in grids.strides):
        grids = np.ascontiguousarray(grids)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(grids)  # never written to


def _fits(n_bytes: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    return n_bytes < torch.cuda.mem_get_info(device)[0] / 2
