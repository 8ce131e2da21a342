"""The configuration of a training run: optimiser, length, seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from synthgan import __version__
from synthgan.gan.losses import AdversarialLoss, Loss
from synthgan.gan.training.state import TrainState

__all__ = ["Adam", "TrainConfig"]

_LEARNING_RATE, _MANY_ROWS = 1e-3, 4000


class Adam(BaseEstimator):
    """The optimiser of both networks, with the schedule of its learning rate.

    Parameters
    ----------
    learning_rate : float or None, default=None
        None follows the number of rows: 1e-3, from 4000 rows on more and from 8000 on 2e-3.
    betas : (float, float), default=(0.0, 0.99)
        Decay of the running means of gradients and of squared gradients.
    decay : float, default=0.7
        Share of the run, at its end, over which the learning rate falls to zero (half a cosine).
    average : float, default=0.998
        Decay of the generator's moving average, from which samples come; 0 samples from the
        generator as it is.
    rise : float, default=0.0
        Share of the run, at its beginning, over which the learning rate rises from zero.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv 1412.6980.
    """

    _parameter_constraints: dict[str, Any] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "betas": [tuple, list],
        "decay": [Interval(Real, 0, 1, closed="both")],
        "average": [Interval(Real, 0, 1, closed="left")],
        "rise": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        learning_rate: float | None = None,
        betas: tuple[float, float] = (0.0, 0.99),
        decay: float = 0.7,
        average: float = 0.998,
        rise: float = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.betas = betas
        self.decay = decay
        self.average = average
        self.rise = rise

    def rate(self, n_rows: int) -> float:
        """Return the learning rate for a table of so many rows."""
        if self.learning_rate is not None:
            return self.learning_rate
        return _LEARNING_RATE * min(max(n_rows / _MANY_ROWS, 1.0), 2.0)


@dataclass(frozen=True)
class TrainConfig:
    """A run, fully resolved.

    Parameters
    ----------
    n_epochs : int
        How often every row is seen.
    batch_size : int
    optimizer : Adam
    loss : AdversarialLoss
    seed : int
    max_steps : int or None, default=None
        Fewer steps than the epochs make; the learning rate falls as fast.
    max_seconds : float or None, default=None
        The same by the clock; two runs are then no longer equal to the bit.
    masked : float, default=0
        Share of the rows of a batch for which some cells are known to both networks.
    begins_from : str or None, default=None
        SHA-256 of the weights of an earlier run, where this one goes on from them.
    """

    n_epochs: int
    batch_size: int
    optimizer: Adam
    loss: AdversarialLoss
    seed: int
    max_steps: int | None = None
    max_seconds: float | None = None
    masked: float = 0.0
    begins_from: str | None = None

    def n_steps(self, n_rows: int, state: TrainState) -> int:
        """Return the steps that make `n_epochs` epochs of `n_rows` rows, `max_steps` at most."""
        n_left = max(0, self.n_epochs * n_rows - state.seen)
        n_steps = max(1, state.step + math.ceil(n_left / state.batch_size))
        return min(n_steps, self.max_steps or n_steps)

    def identity(self) -> dict[str, Any]:
        """Return the parameters that identify a run, by the names that users know."""
        return {
            "synthgan": __version__,
            "torch": torch.__version__,
            "epochs": self.n_epochs,
            "max_steps": self.max_steps,
            "batch_size": self.batch_size,
            **{f"optimizer__{k}": v for k, v in self.optimizer.get_params().items()},
            **_identity_of(self.loss),
            "warm_start": self.begins_from,
            "random_state": self.seed,
        }


def _identity_of(loss: AdversarialLoss) -> dict[str, Any]:
    """Return the parameters of a loss, and the class of one that is not synthgan's own."""
    parameters = loss.get_params() if isinstance(loss, BaseEstimator) else {}
    named = {} if isinstance(loss, Loss) else {"loss": type(loss).__qualname__}
    return {**named, **{f"loss__{name}": value for name, value in parameters.items()}}
