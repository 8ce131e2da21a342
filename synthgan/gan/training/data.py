"""Training grids on the device, and how batches are drawn from them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from synthgan.encoding.groups import CellGroup
from synthgan.gan.heads import to_network_scale
from synthgan.gan.training.digest import digest

__all__ = ["GridData"]

_CHUNK = 2048  # grids
_FEW_GRIDS = 10_000


class GridData:
    """Training grids on the device, as they are, and how batches are drawn from them.

    Parameters
    ----------
    grids : ndarray of shape (n, *shape)
        Cells 0..255, uint8 or float32.
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

    Notes
    -----
    Grids are not copied, so that they may lie in a file. Those that would fill more than half of
    an accelerator's free memory stay on the host.
    """

    def __init__(
        self,
        grids: np.ndarray,
        half_widths: np.ndarray | None,
        groups: Sequence[CellGroup],
        device: torch.device,
        labels: np.ndarray | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.device, self.groups = device, tuple(groups)
        self.home = device if _fits(grids.nbytes, device) else torch.device("cpu")
        self.grids = _from_numpy(grids).to(self.home)
        self.rows = torch.from_numpy(np.arange(len(grids)) if rows is None else rows).to(self.home)
        self.half_widths = None
        if half_widths is not None:
            self.half_widths = torch.from_numpy(half_widths).to(self.home)
        self.labels = None
        if labels is not None:
            self.labels = to_network_scale(torch.from_numpy(labels)).to(self.home)
        free = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
        self.free_cells = torch.tensor(free, dtype=torch.long, device=device)
        self.n_groups = sum(g.kind != "null" for g in groups)
        owner = np.zeros(grids[0].size, dtype=np.int64)
        for i, group in enumerate(groups):
            owner[list(group.cells)] = i
        self._owner, self._n_owners = torch.from_numpy(owner).to(device), max(1, len(groups))

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return rows as (len(rows), *shape), and their labels, in the networks' scale."""
        at = self.rows[rows.to(self.home)]
        grids = self.grids[at].to(self.device)
        if self.half_widths is not None:
            half_widths = self.half_widths[at].to(self.device)
            shift = torch.rand(half_widths.shape, generator=rng, device=self.device) * 2 - 1
            flat = grids.flatten(1).index_add(1, self.free_cells, shift * half_widths)
            grids = flat.reshape(grids.shape)
        labels = None if self.labels is None else self.labels[at].to(self.device)
        return to_network_scale(grids), labels

    def chunks(self, rng: torch.Generator) -> Iterator[Tensor]:
        """Give all training grids as batches; few of them several times, moved anew each time."""
        for _ in range(math.ceil(_FEW_GRIDS / len(self))):
            for rows in torch.arange(len(self), device=self.device).split(_CHUNK):
                yield self.batch(rows, rng)[0]

    def shown(self, n: int, hidden: float, rng: torch.Generator) -> Tensor:
        """Draw which cells of `n` grids are shown, 1 or 0, shape (n, *shape); groups as a whole."""
        draws = torch.rand(n, self._n_owners, generator=rng, device=self.device)
        return (
            (draws >= hidden).float().index_select(1, self._owner).reshape(n, *self.grids.shape[1:])
        )

    def draw(self, left: Tensor, batch_size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Take a batch of row numbers from what is left of a shuffle; every row once an epoch.

        A batch may end one epoch and begin the next.

        Returns
        -------
        rows : Tensor of shape (batch_size,)
        left : Tensor
        """
        while len(left) < batch_size:
            more = torch.randperm(len(self), generator=rng, device=self.device)
            left = torch.cat([left, more]) if len(left) else more
        return left[:batch_size], left[batch_size:]

    def some(self, n: int) -> np.ndarray:
        """Return `n` of the grids that are learnt, evenly spaced, shape (n, *shape)."""
        at = self.rows[torch.linspace(0, len(self) - 1, n).long().to(self.home)]
        return self.grids[at].cpu().numpy()

    def digest(self) -> str:
        """Return the SHA-256 of all grids, and of what is known of them."""
        tensors = {"grids": self.grids, "half_widths": self.half_widths, "labels": self.labels}
        return digest(tensors, repr(self.groups))


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
