"""LastGood: a copy of the last finite state of a run, to return to after divergence."""

from __future__ import annotations

import torch

from synthgan.gan.training.callbacks import Run
from synthgan.gan.training.memory import free_bytes
from synthgan.gan.training.state import Snapshot

__all__ = ["LastGood"]

_SNAPSHOTS = 20  # in a run
_COPIES = 4  # of all weights, about, that a snapshot holds


class LastGood:
    """The last good state of a run, kept in the host's memory if it fills less than half of it.

    Parameters
    ----------
    run : Run
    begin : Snapshot or None, default=None
        What the run begins from, read from a file; None takes one.
    keeps : bool, default=True
        False: there is nothing to go back to.
    """

    def __init__(self, run: Run, begin: Snapshot | None = None, keeps: bool = True) -> None:
        networks = (run.state.generator, run.state.discriminator)
        n_bytes = _COPIES * sum(p.nbytes for network in networks for p in network.parameters())
        free = free_bytes(torch.device("cpu"))
        self._fits = keeps and (free is None or n_bytes < free / 2)
        self._snapshot = (begin or run.snapshot()) if self._fits else None
        self._share = run.share
        self.begin = begin  # until a later state is good

    @property
    def is_there(self) -> bool:
        """Whether there is a state to go back to."""
        return self._snapshot is not None

    def update(self, run: Run, due: bool) -> Snapshot | None:
        """Take a snapshot where the state is good and it is time, or one is `due`; return that."""
        is_time = self._fits and run.share >= self._share + 1 / _SNAPSHOTS
        if not (due or is_time) or run.interrupted or not run.state.is_good():
            return None
        self._snapshot = self.begin = None  # one at a time
        snapshot = run.snapshot()
        if self._fits:
            self._snapshot = snapshot
        self._share = run.share
        return snapshot

    def go_back(self, run: Run) -> bool:
        """Take the run back; False where that cannot be.

        Batches and learning rate stay as small as they have become.
        """
        if self._snapshot is None:
            return False
        state = run.state
        batch_size, halvings = state.batch_size, state.halvings
        run.restore(self._snapshot)
        run.restore_callbacks(self._snapshot)
        state.batch_size, state.halvings = batch_size, halvings
        return True
