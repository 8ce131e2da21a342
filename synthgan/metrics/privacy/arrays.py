"""Map windows and images to points for the privacy measures; no specific measure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from synthgan.metrics.compared_sets import ComparedSets
from synthgan.metrics.people import code_people, known_people
from synthgan.metrics.privacy.copies import equal_records
from synthgan.metrics.privacy.point_sets import PointSets
from synthgan.metrics.privacy.rows import draw
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator

__all__ = ["ArrayRecords"]

_MOST = {"real": 5000, "fake": 10_000, "holdout": 5000, "same": 5000}

Space = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ArrayRecords:
    """Sets of arrays and their persons, for privacy measures on points.

    Parameters
    ----------
    compared : ComparedSets
        The sets, and the surrogates for the floor.
    people : dict of str to ndarray of int of shape (n,)
        As returned by `code_people`.
    span : callable
        Called as ``span(arrays)``; fits a feature space and returns a callable that maps arrays to
        points.
    has_groups : bool, default=False
        Whether the persons of the real records are given.
    """

    compared: ComparedSets
    people: dict[str, np.ndarray]
    span: Callable[[np.ndarray], Space]
    has_groups: bool = False
    keys: dict[str, np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", {name: _keys(x) for name, x in self.compared.sets.items()})

    @classmethod
    def read(
        cls,
        compared: ComparedSets,
        span: Callable[[np.ndarray], Space],
        groups: Any,
        holdout_groups: Any,
        kept: Mapping[str, np.ndarray] | None = None,
    ) -> ArrayRecords:
        """Assign numbers to the persons of all sets, for the records in `compared`.

        Parameters
        ----------
        compared, span
            As above.
        groups, holdout_groups : array-like of shape (n,), or None
        kept : mapping of str to ndarray of bool of shape (n,), or None, default=None
            Which of the given records are in `compared`; None: all.
        """
        kept = kept or {name: np.ones(len(x), dtype=bool) for name, x in compared.sets.items()}
        sizes = {name: len(x) for name, x in kept.items()}
        people = code_people(sizes, groups, holdout_groups)
        whose = {name: x[kept[name]] for name, x in people.items()}
        return cls(compared, whose, span, groups is not None)

    def equal(self) -> Score:
        """Share of synthetic arrays that equal a real array, with holdout and surrogates."""
        score = equal_records(self.keys, self.people, self.compared.unit)
        floor = {**self.keys, "fake": _keys(self.compared.surrogates(
            self.compared.sets["fake"], np.random.default_rng(0)))}  # fmt: skip
        return self._named(score, equal_records(floor, self.people, self.compared.unit).value)

    def score(
        self,
        measure: Callable[[PointSets], Score],
        random_state: Any,
        equal: tuple[str, ...] = (),
        same: bool = False,
    ) -> Score:
        """Draw records, map them to points, and measure.

        The floor uses surrogates, unless `measure` gives one.

        The feature space is fitted to equally many arrays of each set, so none is favoured.

        Parameters
        ----------
        measure : callable
            Called as ``measure(point_sets)``.
        random_state : int, RandomState instance, Generator or None
        equal : tuple of str, default=()
            The sets whose values are compared, see `draw`.
        same : bool, default=False
            Whether the holdout records of training persons are included as a set ``same``.
        """
        rng = draw_generator(random_state)
        sets, keys, people = dict(self.compared.sets), dict(self.keys), dict(self.people)
        if same and "holdout" in people:
            known = known_people(people)
            if known.any():
                for one in (sets, keys, people):
                    one["same"] = one["holdout"][known]
        most = {name: self.compared.affordable(n) for name, n in _MOST.items()}
        drawn = draw(rng, most, keys, people, equal, self.compared.unit)
        some = {name: sets[name][at] for name, at in drawn.positions.items()}
        fitted = {name: x for name, x in some.items() if name != "same"}
        fewest = min(len(x) for x in fitted.values())
        space = self.span(np.concatenate([x[:fewest] for x in fitted.values()]))
        points = {name: space(x).astype(np.float64) for name, x in some.items()}
        point_sets = PointSets(points, drawn.people, drawn.note)
        score = measure(point_sets)
        if np.isnan(score.value) or score.floor is not None:
            return self._named(score, score.floor)
        surrogates = space(self.compared.surrogates(some["fake"], rng)).astype(np.float64)
        return self._named(score, measure(point_sets.with_synthetic(surrogates)).value)

    def _named(self, score: Score, floor: float | None) -> Score:
        note = " ".join(filter(None, [*self.compared.notes, score.note]))
        return replace(score, name=f"{score.name} of {self.compared.unit}", floor=floor, note=note)


def _keys(arrays: np.ndarray) -> np.ndarray:
    """Return a 64-bit key for each array, equal for arrays that are equal as float32."""
    flat = np.ascontiguousarray(arrays.astype(np.float32) + np.float32(0))  # -0 becomes 0
    digests = [hashlib.blake2b(one.tobytes(), digest_size=8).digest() for one in flat]
    return np.array([int.from_bytes(one, "little") for one in digests], dtype=np.uint64)
