"""How windows and images become points whose privacy is measured; knows no single measure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from synthgan.metrics.arms import Arms
from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.privacy.clouds import Clouds
from synthgan.metrics.privacy.copies import equal_records
from synthgan.metrics.privacy.rows import draw
from synthgan.metrics.score import Score
from synthgan.metrics.tables import draw_generator

__all__ = ["ArrayRecords"]

_MOST_CELLS = 20_000_000  # of a set
_LEAST, _MOST, _MOST_FAKES = 200, 5000, 10_000

Space = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ArrayRecords:
    """Sets of arrays, and whose they are, ready to be measured as points.

    Parameters
    ----------
    arms : Arms
        The sets; what takes the place of the fakes for the floor.
    people : dict of str to ndarray of int of shape (n,)
        As `code_people` gives them.
    span : callable
        Called as ``span(arrays)``; gives the space of some arrays: a callable that returns points.
    """

    arms: Arms
    people: dict[str, np.ndarray]
    span: Callable[[np.ndarray], Space]
    keys: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {name: _keys(x) for name, x in self.arms.sets.items()})

    @classmethod
    def read(
        cls,
        arms: Arms,
        span: Callable[[np.ndarray], Space],
        groups: Any,
        holdout_groups: Any,
        kept: Mapping[str, np.ndarray] | None = None,
    ) -> ArrayRecords:
        """Give the persons of all sets numbers, and leave those records out that the arms lack.

        Parameters
        ----------
        arms, span
            As above.
        groups, holdout_groups : array-like of shape (n,), or None
        kept : mapping of str to ndarray of bool of shape (n,), or None, default=None
            Which of the records given are in the arms; None: all.
        """
        kept = kept or {name: np.ones(len(x), dtype=bool) for name, x in arms.sets.items()}
        sizes = {name: len(x) for name, x in kept.items()}
        people = code_people(sizes, groups, holdout_groups)
        return cls(arms, {name: x[kept[name]] for name, x in people.items()}, span)

    def equal(self) -> Score:
        """Share of fakes that equal a real array, and of the holdout; none of the surrogates do."""
        score = equal_records(self.keys, self.people, self.arms.unit)
        floor = {**self.keys, "fake": _keys(self.arms.surrogates(
            self.arms.sets["fake"], np.random.default_rng(0)))}  # fmt: skip
        return self._named(score, equal_records(floor, self.people, self.arms.unit).value)

    def score(
        self,
        measure: Callable[[Clouds], Score],
        random_state: Any,
        equal: tuple[str, ...] = (),
        same: bool = False,
    ) -> Score:
        """Draw, map to points, and measure; the floor has surrogates of the fakes in their place.

        The space is spanned by as many arrays of each set: none is better known than others.

        Parameters
        ----------
        measure : callable
            Called as ``measure(clouds)``.
        random_state : int, RandomState instance, Generator or None
        equal : tuple of str, default=()
            The sets whose figures are compared, see `draw`.
        same : bool, default=False
            Give the measure the holdout's records of learnt persons, too, as a set ``same``.
        """
        rng = draw_generator(random_state)
        sets, keys, people = dict(self.arms.sets), dict(self.keys), dict(self.people)
        if same and "holdout" in people:
            known = known_people(people)
            if known.any():
                for one in (sets, keys, people):
                    one["same"] = one["holdout"][known]
        drawn = draw(rng, self._most(), keys, people, equal, self.arms.unit)
        some = {name: sets[name][at] for name, at in drawn.positions.items()}
        judged = {name: x for name, x in some.items() if name != "same"}
        fewest = min(len(x) for x in judged.values())
        space = self.span(np.concatenate([x[:fewest] for x in judged.values()]))
        points = {name: space(x).astype(np.float64) for name, x in some.items()}
        clouds = Clouds(points, drawn.people, drawn.note)
        score = measure(clouds)
        if np.isnan(score.value):
            return self._named(score, None)
        surrogates = space(self.arms.surrogates(some["fake"], rng)).astype(np.float64)
        return self._named(score, measure(clouds.with_fakes(surrogates)).value)

    def _named(self, score: Score, floor: float | None) -> Score:
        note = " ".join(filter(None, [*self.arms.notes, score.note]))
        return replace(score, name=f"{score.name} of {self.arms.unit}", floor=floor, note=note)

    def _most(self) -> dict[str, int]:
        n_cells = int(np.prod(self.arms.sets["real"].shape[1:]))
        room = max(_LEAST, _MOST_CELLS // n_cells)
        most = dict.fromkeys(("real", "holdout", "same"), min(_MOST, room))
        return {**most, "fake": min(_MOST_FAKES, room)}


def _keys(arrays: np.ndarray) -> np.ndarray:
    """Return a number of 64 bits for each array, equal for those that are equal as float32."""
    flat = np.ascontiguousarray(arrays.astype(np.float32) + np.float32(0))  # one zero
    digests = [hashlib.blake2b(one.tobytes(), digest_size=8).digest() for one in flat]
    return np.array([int.from_bytes(one, "little") for one in digests], dtype=np.uint64)
