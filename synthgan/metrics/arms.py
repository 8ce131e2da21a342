"""How sets of arrays are compared: the fakes, other real ones, and surrogates; knows no measure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.score import Score
from synthgan.metrics.tables import Part, draw_generator

__all__ = ["Arms", "Comparison", "Family", "families_alone", "in_order_of_content"]

Comparison = Callable[[np.ndarray, np.ndarray, np.random.Generator], Part]
Family = Callable[[np.ndarray, np.ndarray, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Arms:
    """Sets of arrays that were read and checked, ready to be compared.

    Parameters
    ----------
    sets : dict of str to ndarray
        ``real``, ``fake`` and perhaps ``holdout``; the first axis numbers windows or images.
    surrogates : callable
        Called as ``surrogates(array, rng)``; gives what takes the place of the fakes for the floor.
    unit : str
        What the first axis numbers, for the note.
    notes : tuple of str, default=()
        What was left out on reading.
    """

    sets: dict[str, np.ndarray]
    surrogates: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    unit: str
    notes: tuple[str, ...] = ()

    def compare(
        self,
        name: str,
        compare: Comparison,
        random_state: Any,
        *,
        higher_is_better: bool = True,
        most: int,
        equal: bool = False,
        explain: Family | None = None,
    ) -> Score:
        """Compare the fakes, the holdout and surrogates with the real ones.

        Parameters
        ----------
        name : str
        compare : callable
            Called as ``compare(real, other, rng)``.
        random_state : int, RandomState instance, Generator or None
        higher_is_better : bool, default=True
        most : int
            Larger sets are sub-sampled.
        equal : bool, default=False
            Cut all sets to the size of the smallest, where the figure depends on it.
        explain : callable or None, default=None
            Called like `compare`, for the fakes alone; gives a better detail at more cost.
        """
        rng = draw_generator(random_state)
        seed = int(rng.integers(2**63))
        sets, note = self._drawn(seed, most, equal)

        def run(other: np.ndarray) -> Part:
            return compare(sets["real"], other, np.random.default_rng(seed))

        part = run(sets["fake"])
        detail = part.detail
        if explain is not None:
            detail = explain(sets["real"], sets["fake"], np.random.default_rng(seed))
        ceiling = run(sets["holdout"]).value if "holdout" in sets else None
        floor = run(self.surrogates(sets.get("holdout", sets["real"]), rng)).value
        return Score(
            name, part.value, higher_is_better, detail, part.interval, ceiling, floor, note
        )

    def also(self, *notes: str) -> Arms:
        """Return the same arms with more notes; empty ones are left out."""
        return replace(self, notes=self.notes + tuple(note for note in notes if note))

    def _drawn(self, seed: int, most: int, equal: bool) -> tuple[dict[str, np.ndarray], str]:
        if equal:
            most = min(most, *(len(x) for x in self.sets.values()))
        sets, drawn = {}, []
        for name, x in self.sets.items():
            if len(x) > most:
                drawn.append(f"{most} of {len(x)} {name} {self.unit}")
            sets[name] = x[in_order_of_content(x, seed)[:most]]
        notes = [f"Drawn at random: {', '.join(drawn)}."] if drawn else []
        return sets, " ".join([*self.notes, *notes])


def in_order_of_content(x: np.ndarray, seed: int) -> np.ndarray:
    """Return a random order of the first axis that hangs on content and seed alone.

    Sets in another order give the same figures, and of a set and its copy the same windows or
    images are drawn. The second of two equal ones stands elsewhere than the first: a set of many
    copies of few is drawn from like any other.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
    seed : int
    """
    key = seed.to_bytes(8, "little")
    turns: dict[bytes, int] = {}
    places = []
    for row in np.ascontiguousarray(x):
        content = hashlib.blake2b(row.tobytes(), key=key, digest_size=16).digest()
        turn = turns.get(content, 0)
        turns[content] = turn + 1
        place = hashlib.blake2b(content + turn.to_bytes(8, "little"), digest_size=8).digest()
        places.append(int.from_bytes(place, "little"))
    return np.argsort(np.array(places, dtype=np.uint64), kind="stable")


def families_alone(
    families: dict[str, slice], ours: np.ndarray, theirs: np.ndarray, test: Callable[..., Part]
) -> pd.DataFrame:
    """Run a two-sample test on each family of features by itself, most telling first.

    Parameters
    ----------
    families : dict of str to slice
        Columns of the features.
    ours, theirs : ndarray of shape (n, n_features)
    test : callable
        Called as ``test(ours, theirs)``.
    """
    values = {name: test(ours[:, s], theirs[:, s]).value for name, s in families.items()}
    detail = pd.DataFrame({"value": values}).rename_axis("features")
    return detail.sort_values("value", ascending=False, kind="stable")
