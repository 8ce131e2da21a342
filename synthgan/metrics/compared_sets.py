"""The engine of the measures: value, ceiling and floor of a comparison of two sets of records.

One function compares the synthetic records with the real ones (value), then the holdout (ceiling)
and surrogates (floor), each time with a generator of the same seed. Tables, windows and images
differ only in how records are drawn from large sets and in their surrogates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator

__all__ = [
    "ComparedSets",
    "Comparison",
    "Part",
    "content_order",
    "given_sets",
    "score_of_learners",
]

_MOST_CELLS = 20_000_000  # of a set of arrays
_FEWEST = 200  # records, even of large arrays


class Part(NamedTuple):
    """Result of comparing two sets."""

    value: float
    detail: pd.DataFrame
    interval: tuple[float, float] | None = None
    note: str = ""

    @classmethod
    def of(cls, values: Mapping[str, float], axis: str, name: str) -> Part:
        """Return the named one of several values, with all in the detail."""
        return cls(values[name], pd.DataFrame({"value": values}).rename_axis(axis))

    @classmethod
    def mean(cls, detail: pd.DataFrame) -> Part:
        """Return the mean of the values of a detail; NaN for none."""
        return cls(float(detail["value"].mean()) if len(detail) else float("nan"), detail)


Comparison = Callable[..., Part]


@dataclass(frozen=True)
class ComparedSets:
    """Checked sets of records that a measure compares.

    Parameters
    ----------
    sets : dict of str to ndarray, DataFrame or ComparedTables
        ``real``, ``fake`` and optionally ``holdout``; the first axis is that of the records.
    surrogates : callable
        Called as ``surrogates(records, rng)``; returns the records that replace the synthetic ones
        for the floor.
    unit : str
        Plural name of the records, for the note.
    notes : tuple of str, default=()
        Records that were left out on reading.
    people : dict of str to ndarray of int, default={}
        The person of each record. If given, comparisons are called with two more arrays: the
        persons of both sets.
    """

    sets: dict[str, Any]
    surrogates: Callable[[Any, np.random.Generator], Any]
    unit: str
    notes: tuple[str, ...] = ()
    people: dict[str, np.ndarray] = field(default_factory=dict)

    def compare(
        self,
        name: str,
        compare: Comparison,
        random_state: Any,
        *,
        higher_is_better: bool = True,
        most: int | None,
        equal: bool = False,
        beside: bool = False,
        has_floor: bool = True,
        explain: Callable[..., pd.DataFrame] | None = None,
        prepare: Callable[[Any, np.random.Generator], Any] | None = None,
    ) -> Score:
        """Compare the synthetic, holdout and surrogate records with the real ones.

        The surrogates are those of the holdout, so that floor and ceiling differ only in what
        surrogates lack; without a holdout, they are those of the real records.

        Parameters
        ----------
        name : str
        compare : callable
            Called as ``compare(real, other, rng)``.
        random_state : int, RandomState instance, Generator or None
        higher_is_better : bool, default=True
        most : int or None
            Maximum size of a set; larger sets are sub-sampled. None: `compare` draws by itself.
        equal : bool, default=False
            Reduce all sets to the size of the smallest, for measures that depend on the size.
        beside : bool, default=False
            Add the columns ``ceiling`` and ``floor`` to the detail: the values of its rows there.
        has_floor : bool, default=True
            Whether to compare surrogates, too.
        explain : callable or None, default=None
            Called like `compare`, for the synthetic set only; gives a better detail at more cost.
        prepare : callable or None, default=None
            Called once, as ``prepare(real, rng)``; `compare` gets its result instead of the real
            records. For work that does not depend on the other set.
        """
        rng = draw_generator(random_state)
        seed = int(rng.integers(2**63))
        sets, people, note = self.drawn(rng, seed, most, equal)
        real = (
            sets["real"] if prepare is None else prepare(sets["real"], np.random.default_rng(seed))
        )

        def run(other: Any, set_name: str = "") -> Part:
            # Each surrogate counts as a separate person, like synthetic records.
            alone = -1 - np.arange(len(other))
            more = (people["real"], people.get(set_name, alone)) if people else ()
            return compare(real, other, np.random.default_rng(seed), *more)

        part = run(sets["fake"], "fake")
        detail = part.detail
        if explain is not None:
            detail = explain(sets["real"], sets["fake"], np.random.default_rng(seed))
        others = {"ceiling": run(sets["holdout"], "holdout")} if "holdout" in sets else {}
        if has_floor:
            others["floor"] = run(self.surrogates(sets.get("holdout", sets["real"]), rng))
        if beside:
            detail = detail.assign(**{key: one.detail["value"] for key, one in others.items()})
        values = {key: one.value for key, one in others.items()}
        note = " ".join(filter(None, (note, part.note)))
        return Score(name, part.value, higher_is_better, detail, part.interval, **values, note=note)

    def drawn(
        self, rng: np.random.Generator, seed: int, most: int | None, equal: bool = False
    ) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
        """Return the sub-sampled sets, their persons, and the note.

        Rows of tables keep their order; windows and images are ordered by `content_order`.
        """
        if most is None:
            return self.sets, self.people, " ".join(self.notes)
        if equal:
            most = min(most, *(len(x) for x in self.sets.values()))
        sets, people, drawn = {}, {}, []
        for name, x in self.sets.items():
            if len(x) > most:
                drawn.append(f"{most} of {len(x)} {name} {self.unit}")
            if not isinstance(x, pd.DataFrame):
                at = content_order(x, seed)[:most]
                sets[name] = x[at]
            elif len(x) > most:
                at = np.sort(rng.choice(len(x), most, replace=False))
                sets[name] = x.iloc[at].reset_index(drop=True)
            else:
                at, sets[name] = np.arange(len(x)), x
            if self.people:
                people[name] = self.people[name][at]
        notes = [f"Drawn at random: {', '.join(drawn)}."] if drawn else []
        return sets, people, " ".join([*self.notes, *notes])

    def also(self, *notes: str) -> ComparedSets:
        """Return a copy with more notes; empty ones are left out."""
        return replace(self, notes=self.notes + tuple(note for note in notes if note))

    def affordable(self, most: int) -> int:
        """Return `most`, or fewer (at least 200) if the arrays are large."""
        n_cells = int(np.prod(self.sets["real"].shape[1:]))
        return min(most, max(_FEWEST, _MOST_CELLS // n_cells))


def given_sets(what: str, sets: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sets that are given; the holdout may be None.

    Raises
    ------
    DataError
        The real or the synthetic set is None.
    """
    for name, x in sets.items():
        if x is None and name != "holdout":
            raise DataError(f"the {name} {what} is None; give a DataFrame or an array.")
    return {name: x for name, x in sets.items() if x is not None}


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


def score_of_learners(
    name: str, rows: dict[str, dict[str, float]], note: str, blind: float | None = 0.5
) -> Score:
    """Return the mean skill of models that are trained on synthetic records.

    It is NaN, with a note, where no model of real records has learnt anything.

    Parameters
    ----------
    name : str
    rows : dict of str to dict of str to float
        By learner, the skill of the model trained on ``real`` records (ceiling), on synthetic ones
        (``value``), on surrogates (``floor``), and on others.
    note : str
    blind : float or None, default=0.5
        Skill of a model that has learnt nothing; None: unknown.
    """
    detail = pd.DataFrame.from_dict(rows, orient="index").rename_axis("learner")
    mean = detail.mean()
    detail["ratio"] = detail["value"] / detail["real"].where(detail["real"] != 0)
    value, ceiling, floor = (float(mean[arm]) for arm in ("value", "real", "floor"))
    if (detail["real"] == blind).all():
        value, more = float("nan"), "Not measured: no model learns anything from the real records."
        note = f"{note} {more}".strip()
    return Score(name, value, True, detail, None, ceiling, floor, note)
