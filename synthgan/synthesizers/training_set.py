"""Encoded training records, and the plan of a training run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgan.encoding import CellGroup
from synthgan.gan.sampling import Candidates
from synthgan.gan.training.callbacks import KeepBest
from synthgan.gan.training.config import TrainConfig
from synthgan.gan.training.data import MOST_SHUFFLED
from synthgan.privacy import Support, draw_people, whole_people
from synthgan.refine.critic import cell_features, fidelity
from synthgan.synthesizers.warm_start import PreviousNetworks

__all__ = [
    "Plan",
    "TrainingSet",
    "UsualRun",
    "dither",
    "draw_plan_rows",
    "grid_features",
    "keep_best",
]


@dataclass(frozen=True)
class UsualRun:
    """What ``"auto"`` means for a run on some records.

    Parameters
    ----------
    n_steps : float
        Of ``epochs="auto"``.
    largest_batch : int, default=500
        Of ``batch_size="auto"``, where there are records enough.
    n_held_out : int, default=0
        Records set aside to measure fidelity where ``epochs="auto"``.
    """

    n_steps: float
    largest_batch: int = 500
    n_held_out: int = 0


@dataclass(frozen=True)
class TrainingSet:
    """Encoded records, and the groups of their cells.

    Parameters
    ----------
    grids : ndarray of shape (n, *grid_shape), or an object like it
        See `GridData`.
    groups : sequence of CellGroup
        All groups of the grid.
    known_groups : sequence of CellGroup
        Those that conditions may name: of the grid, or of the labels if there are any.
    support : Support
        The person of each grid, and how many must share what is stored beside the networks.
    usual : UsualRun
    half_widths : ndarray of shape (n, n_continuous_cells) or None, default=None
        How far each continuous cell may move without decoding to another value.
    labels : ndarray of shape (n, n_label_cells) or None, default=None
        Cells that stand beside the grids and are not generated.
    """

    grids: Any
    groups: Sequence[CellGroup]
    known_groups: Sequence[CellGroup]
    support: Support
    usual: UsualRun
    half_widths: Any = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.grids)

    @property
    def n_people(self) -> int:
        """How many people the grids are of."""
        people = self.support.people
        return len(self.grids) if people is None else len(np.unique(people))

    def labels_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the labels of some grids, if there are any."""
        return None if self.labels is None else self.labels[rows]

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return some grids, continuous cells moved at random within their values."""
        widths = None if self.half_widths is None else self.half_widths[rows]
        return dither(self.grids[rows], widths, self.groups, rng)


@dataclass(frozen=True)
class Plan:
    """What is decided before training.

    Parameters
    ----------
    config : TrainConfig
    rng : Generator
        Draws all that is drawn outside of training.
    training_rows, held_out_rows : ndarray of int
        Positions; no person is in both. Of very many rows, `training_rows` are some of those that
        are not held out, all of which are learnt.
    learns_all : bool
        Whether `training_rows` are all.
    candidates : int
        Grids that are made for each one that is kept.
    deadline : float or None
        When `fit` must end, by `time.perf_counter`.
    previous : PreviousNetworks or None
        Networks that training starts from.
    """

    config: TrainConfig
    rng: np.random.Generator
    training_rows: np.ndarray
    held_out_rows: np.ndarray
    learns_all: bool
    candidates: int
    deadline: float | None
    previous: PreviousNetworks | None


def draw_plan_rows(
    people: np.ndarray | None, n_rows: int, n_held_out: int, n_some: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Divide rows into those that are learnt and those that are held out.

    Parameters
    ----------
    people : ndarray of int of shape (n_rows,), or None
    n_rows, n_held_out : int
    n_some : int
        How many of very many rows, which have no numbers in memory.
    rng : Generator

    Returns
    -------
    training_rows, held_out_rows, learns_all : as in `Plan`
    """
    if people is None and n_rows > MOST_SHUFFLED:
        some = rng.choice(n_rows, min(n_rows, n_held_out + n_some), replace=False)
        return some[n_held_out:], some[:n_held_out], False
    order = draw_people(people, n_rows, rng)
    n_held_out = whole_people(people, order, n_held_out)
    return order[n_held_out:], order[:n_held_out], True


def dither(
    grids: np.ndarray,
    half_widths: np.ndarray | None,
    groups: Sequence[CellGroup],
    rng: np.random.Generator,
) -> np.ndarray:
    """Move continuous cells at random within what decodes to the same value.

    Parameters
    ----------
    grids : ndarray of shape (n, *grid_shape)
    half_widths : ndarray of shape (n, n_continuous_cells), or None
        None: cells stay as they are.
    groups : sequence of CellGroup
    rng : Generator
    """
    if half_widths is None:
        return grids
    cells = [cell for g in groups if g.kind == "continuous" for cell in g.cells]
    flat = grids.reshape(len(grids), -1).copy()
    flat[:, cells] += half_widths * rng.uniform(-1, 1, half_widths.shape)
    return flat.reshape(grids.shape)


def grid_features(
    grids: np.ndarray | Candidates, groups: Sequence[CellGroup], is_quantised: bool
) -> np.ndarray:
    """Return the features of grids that the critic sees, shape (n, n_features)."""
    drawn = grids.features() if isinstance(grids, Candidates) else None
    if drawn is not None:
        return drawn
    # Grey levels are rounded, as in the samples that users get.
    return cell_features(np.rint(grids) if is_quantised else np.asarray(grids), groups)


def keep_best(unseen: np.ndarray, view: Callable[[np.ndarray], np.ndarray]) -> KeepBest:
    """Return the callback that keeps the weights of the highest fidelity to held-out records.

    Parameters
    ----------
    unseen : ndarray of shape (n, n_features)
        Features of held-out records.
    view : callable
        Maps 2 n generated grids to features.
    """
    n_fakes = 2 * len(unseen)
    # Twice the standard error of 2 (1 - AUC) where the AUC is near a half.
    tolerance = 4 * np.sqrt((1 / len(unseen) + 1 / n_fakes) / 12)
    return KeepBest(lambda fakes: fidelity(unseen, view(fakes), 0), n_fakes, tolerance=tolerance)
