"""Compare sets of arrays: synthetic, holdout and surrogate against real; no specific measure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.score import Score
from synthgan.metrics.tables import Part
from synthgan.randomness import draw_generator

__all__ = ["ComparedSets", "Comparison", "Family", "content_order", "two_sample_by_family"]

Comparison = Callable[[np.ndarray, np.ndarray, np.random.Generator], Part]
Family = Callable[[np.ndarray, np.ndarray, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class ComparedSets:
    """Checked sets of arrays that a measure compares.

    Parameters
    ----------
    sets : dict of str to ndarray
        ``real``, ``fake`` and optionally ``holdout``; the first axis is that of windows or images.
    surrogates : callable
        Called as ``surrogates(array, rng)``; returns the arrays that replace the synthetic ones for
        the floor.
    unit : str
        Plural name of the records, for the note.
    notes : tuple of str, default=()
        Records that were left out on reading.
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
        """Compare the synthetic, holdout and surrogate arrays with the real ones.

        Parameters
        ----------
        name : str
        compare : callable
            Called as ``compare(real, other, rng)``.
        random_state : int, RandomState instance, Generator or None
        higher_is_better : bool, default=True
        most : int
            Maximum size of a set; larger sets are sub-sampled.
        equal : bool, default=False
            Reduce all sets to the size of the smallest, for measures that depend on the size.
        explain : callable or None, default=None
            Called like `compare`, for the synthetic set only; gives a better detail at more cost.
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
        note = " ".join(filter(None, (note, part.note)))
        return Score(
            name, part.value, higher_is_better, detail, part.interval, ceiling, floor, note
        )

    def also(self, *notes: str) -> ComparedSets:
        """Return a copy with more notes; empty ones are left out."""
        return replace(self, notes=self.notes + tuple(note for note in notes if note))

    def _drawn(self, seed: int, most: int, equal: bool) -> tuple[dict[str, np.ndarray], str]:
        if equal:
            most = min(most, *(len(x) for x in self.sets.values()))
        sets, drawn = {}, []
        for name, x in self.sets.items():
            if len(x) > most:
                drawn.append(f"{most} of {len(x)} {name} {self.unit}")
            sets[name] = x[content_order(x, seed)[:most]]
        notes = [f"Drawn at random: {', '.join(drawn)}."] if drawn else []
        return sets, " ".join([*self.notes, *notes])


def content_order(x: np.ndarray, seed: int) -> np.ndarray:
    """Return a random order of the first axis that depends only on content and seed.

    The result of a measure therefore does not depend on the order of the sets, and the same records
    are drawn from a set and its copy. Equal records get independent positions, so a set with many
    copies is sampled like any other.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
    seed : int
    """
    key = seed.to_bytes(8, "little")
    counts: dict[bytes, int] = {}
    keys = []
    for row in np.ascontiguousarray(x):
        content = hashlib.blake2b(row.tobytes(), key=key, digest_size=16).digest()
        n_before = counts.get(content, 0)
        counts[content] = n_before + 1
        mixed = hashlib.blake2b(content + n_before.to_bytes(8, "little"), digest_size=8).digest()
        keys.append(int.from_bytes(mixed, "little"))
    return np.argsort(np.array(keys, dtype=np.uint64), kind="stable")


def two_sample_by_family(
    families: dict[str, slice], ours: np.ndarray, theirs: np.ndarray, test: Callable[..., Part]
) -> pd.DataFrame:
    """Run a two-sample test on each family of features, in descending order of its value.

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
