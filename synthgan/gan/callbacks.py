"""What may look at a training run, or end it, without being part of the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgan.gan.state import TrainState

__all__ = ["Callback", "Progress", "Run", "SampleGrid"]


@dataclass
class Run:
    """A training run as callbacks see it.

    Parameters
    ----------
    state : TrainState
        Networks, step, epoch and history so far.
    n_steps, n_epochs : int
        What the run will come to.
    sample : callable
        ``sample(n, seed)`` gives generated grids as cells, ndarray of shape (n, *shape).
    stop : bool
        Set it to end the run after the next step, which is logged.
    """

    state: TrainState
    n_steps: int
    n_epochs: int
    sample: Callable[[int, int], np.ndarray]
    stop: bool = False


class Callback:
    """Base of callbacks; override what is needed.

    Each method is given the `Run`: ``run.state`` (networks, step, epoch, history),
    ``run.sample(n, seed)`` for generated grids, ``run.stop`` to end it.
    """

    def on_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_log(self, run: Run) -> None:
        """After a row was added to ``run.state.history``."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch."""

    def on_end(self, run: Run) -> None:
        """After the last step, also when training failed."""


class Progress(Callback):
    """A progress bar with losses and the time left.

    Examples
    --------
    >>> from synthgan import Progress, TabularGANSynthesizer
    >>> model = TabularGANSynthesizer(callbacks=[Progress()])  # the same as verbose=1
    """

    def on_begin(self, run: Run) -> None:
        """Open the bar."""
        from tqdm.auto import tqdm

        self._bar = tqdm(total=run.n_steps, desc="fit", unit="step")

    def on_log(self, run: Run) -> None:
        """Move the bar."""
        row = run.state.history[-1]
        self._bar.update(run.state.step - self._bar.n)
        self._bar.set_postfix(
            D=f"{row['discriminator_loss']:.3f}", G=f"{row['generator_loss']:.3f}"
        )

    def on_end(self, run: Run) -> None:
        """Close the bar."""
        self._bar.update(run.state.step - self._bar.n)
        self._bar.close()
        del self._bar  # a bar cannot be pickled


class SampleGrid(Callback):
    """Keep a few generated grids every few epochs (thesis Fig. 6.14).

    Parameters
    ----------
    every_epochs : int, default=5
    n : int, default=9
        Grids each time, always from the same noise.

    Attributes
    ----------
    grids_ : dict of int to ndarray
        Epoch to grids, each (n, height, width), cells 0..255.
    """

    def __init__(self, every_epochs: int = 5, n: int = 9) -> None:
        self.every_epochs = every_epochs
        self.n = n

    def on_begin(self, run: Run) -> None:
        """Start empty."""
        self.grids_: dict[int, Any] = {}

    def on_epoch(self, run: Run) -> None:
        """Draw."""
        if run.state.epoch % self.every_epochs == 0 or run.state.epoch == 1:
            self.grids_[run.state.epoch] = run.sample(self.n, 0)
