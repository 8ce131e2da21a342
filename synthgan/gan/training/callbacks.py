"""Callbacks: code that observes a training run, or ends it, without being part of the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthgan.exceptions import ParameterError
from synthgan.gan.training.ranks import Ranks
from synthgan.gan.training.state import Snapshot, TrainState, check_like
from synthgan.state import fields

__all__ = ["Callback", "KeepBest", "Progress", "Run", "SampleGrid", "check_at_least_one"]

_OWN = ("anneal_from", "stop")  # of a run, which change and do not follow from its state
_FIGURES = ("_best", "_best_mean", "_since", "_next")


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
    callbacks : sequence of Callback
    share : float
        How much of the run is over, 0..1.
    anneal_from : float or None
        Set it to the share from which on the rest of the run, in which the learning rate falls to
        zero, is to pass in no more than a fifth of a full run.
    stop : bool
        Set it to end the run after the next step, which is logged.
    asked : bool
        Whether Ctrl-C has asked for the same.
    interrupted : bool
        Whether it has, in any of the processes that train together.
    n_ranks : int
        How many these are.
    """

    state: TrainState
    n_steps: int
    n_epochs: int
    sample: Callable[[int, int], np.ndarray]
    callbacks: Sequence[Callback] = ()
    share: float = 0.0
    anneal_from: float | None = None
    stop: bool = False
    asked: bool = False
    interrupted: bool = False
    n_ranks: int = 1

    @property
    def is_over(self) -> bool:
        """Whether the step that was made last is the last one."""
        state = self.state
        ends = self.stop or self.interrupted
        return state.step > 0 and (self.share == 1 or (ends and not state.unlogged))

    def interrupt(self) -> None:
        """End the run after the present step."""
        self.asked = True

    def agree(self, ranks: Ranks) -> None:
        """Take over what rank 0 has measured and decided, and that any rank was interrupted."""
        begin = -1.0 if self.anneal_from is None else self.anneal_from
        own = (self.state.seconds, begin, float(self.stop))
        (seconds, begin, stop), self.interrupted = ranks.agree(own, self.asked)
        self.state.seconds, self.stop = seconds, bool(stop)
        self.anneal_from = None if begin < 0 else begin

    def follow(self, ranks: Ranks) -> None:
        """Take over the state of rank 0."""
        ranks.follow(
            lambda: Snapshot.join(self._own()).to_bytes(),
            lambda content: self.restore(Snapshot.from_bytes(content)),
        )

    def snapshot(self) -> Snapshot:
        """Copy all that changes: the state, and the state of callbacks."""
        parts = self._own()
        for name, callback in self._named():
            parts[name] = Snapshot(*callback.to_state())
        return Snapshot.join(parts)

    def restore(self, snapshot: Snapshot) -> None:
        """Take the state back to a snapshot."""
        self.state.from_state(snapshot["state"].record, snapshot["state"].tensors)
        for name in _OWN:
            setattr(self, name, snapshot["run"].record[name])

    def restore_callbacks(self, snapshot: Snapshot) -> None:
        """Restore the callbacks that are in a snapshot."""
        for name, callback in self._named():
            if name in snapshot:
                callback.from_state(snapshot[name].record, snapshot[name].tensors)

    def _own(self) -> dict[str, Snapshot]:
        """Copy what changes, but for callbacks."""
        own = {name: getattr(self, name) for name in _OWN}
        return {"run": Snapshot(own, {}), "state": Snapshot(*self.state.to_state())}

    def _named(self) -> list[tuple[str, Callback]]:
        """Name callbacks by their class, and count those of one class."""
        kinds = [type(callback).__name__ for callback in self.callbacks]
        names = [f"{kind} {kinds[:i].count(kind)}" for i, kind in enumerate(kinds)]
        return list(zip(names, self.callbacks, strict=True))


class Callback:
    """Base of callbacks; override what is needed.

    Each method is given the `Run`: ``run.state`` (networks, step, epoch, history),
    ``run.sample(n, seed)`` for generated grids, ``run.stop`` to end it. What a callback gathers in
    a run is saved by a `Checkpoint` if `to_state` returns it and `from_state` takes it back.
    """

    def on_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_log(self, run: Run) -> None:
        """After a row was added to ``run.state.history``."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch."""

    def on_end(self, run: Run) -> None:
        """After the last step, also when training failed."""

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the state of this callback as JSON-ready plain data and tensors."""
        return {}, {}

    def from_state(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Restore from the output of `to_state`, after `on_begin` of a run that is resumed."""


def check_at_least_one(callback: Callback, name: str) -> None:
    """Refuse a parameter that is no whole number of 1 or more.

    Raises
    ------
    ParameterError
    """
    value = getattr(callback, name)
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        kind = type(callback).__name__
        raise ParameterError(f"{kind} {name}={value!r} is not allowed; give 1 or more.")


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

        self._bar = tqdm(total=run.n_steps, initial=run.state.step, desc="fit", unit="step")

    def on_log(self, run: Run) -> None:
        """Move the bar."""
        row = run.state.history[-1]
        self._bar.total = run.n_steps
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
        for name in ("every_epochs", "n"):
            check_at_least_one(self, name)
        self.grids_: dict[int, Any] = {}

    def on_epoch(self, run: Run) -> None:
        """Draw."""
        if run.state.epoch % self.every_epochs == 0 or run.state.epoch == 1:
            self.grids_[run.state.epoch] = run.sample(self.n, 0)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the grids so far."""
        return {}, {str(epoch): torch.from_numpy(grids) for epoch, grids in self.grids_.items()}

    def from_state(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take them back."""
        for epoch, grids in tensors.items():
            fits = epoch.isdecimal() and grids.ndim > 1 and len(grids) == self.n
            if record or not fits or not grids.isfinite().all():
                raise ValueError(f"SampleGrid has kept no {self.n} grids of epoch {epoch!r}")
        self.grids_ = {int(epoch): tensors[epoch].numpy() for epoch in sorted(tensors, key=int)}


class KeepBest(Callback):
    """Measure fidelity during training, anneal when it stops improving, keep the best weights.

    As most is gained while the learning rate falls, such a run is not broken off: it is annealed.

    The history gets a column ``fidelity``, filled where it was measured.

    Parameters
    ----------
    measure : callable
        ``measure(grids)`` maps generated grids, cells 0..255, to a figure; higher is better.
    n : int
        Synthetic records.
    checks : int, default=20
        Measurements in a full run.
    patience : int, default=8
        The run is annealed after so many without a new best; of the mean of three, as one alone may
        be high by chance.
    tolerance : float, default=0.05
        Later weights, averages over more steps, replace earlier ones that were better by no more;
        about two standard errors of the measure.
    """

    def __init__(
        self,
        measure: Callable[[np.ndarray], float],
        n: int,
        checks: int = 20,
        patience: int = 8,
        tolerance: float = 0.05,
    ) -> None:
        self.measure = measure
        self.n = n
        self.checks = checks
        self.patience = patience
        self.tolerance = tolerance

    def on_begin(self, run: Run) -> None:
        """Start afresh."""
        self._best, self._best_mean, self._since, self._next = -np.inf, -np.inf, 0, 1
        self._measured: list[float] = []
        self._like = run.state.average.state_dict()
        self._weights: dict[str, Any] = {}

    def on_log(self, run: Run) -> None:
        """Measure fidelity, if it is due."""
        row = run.state.history[-1]
        row["fidelity"] = np.nan
        if run.share < self._next / self.checks:
            return
        self._next = int(run.share * self.checks) + 1
        fidelity = row["fidelity"] = self.measure(run.sample(self.n, 0))
        self._measured.append(fidelity)
        mean = float(np.mean(self._measured[-3:]))
        self._since = 0 if mean > self._best_mean else self._since + 1
        self._best_mean = max(self._best_mean, mean)
        if fidelity > self._best - self.tolerance:
            self._weights = {k: v.clone() for k, v in run.state.average.state_dict().items()}
        self._best = max(self._best, fidelity)
        if self._since >= self.patience and run.anneal_from is None:
            run.anneal_from = run.share

    def on_end(self, run: Run) -> None:
        """Restore the best weights."""
        if self._weights:
            run.state.average.load_state_dict(self._weights)
        del self._weights, self._like

    def to_state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return the figures so far, and the best weights."""
        record = {name: getattr(self, name) for name in _FIGURES}
        record["_measured"] = list(self._measured)
        return record, {name: tensor.cpu() for name, tensor in self._weights.items()}

    def from_state(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take them back."""
        figure, count = fields.plain_number, fields.whole(0)
        read = fields.read_fields(
            record, "KeepBest", _best=figure, _best_mean=figure, _since=count, _next=count,
            _measured=fields.list_of(figure),
        )  # fmt: skip
        if tensors:
            check_like(tensors, self._like, "KeepBest ")
        for name in _FIGURES:
            setattr(self, name, read[name])
        self._measured = list(read["_measured"])
        self._weights = dict(tensors)
