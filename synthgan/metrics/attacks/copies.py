"""Fakes that are too near to a real row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.attacks.arms import NO_HOLDOUT, Arm, Z, wilson
from synthgan.metrics.score import Score
from synthgan.metrics.space import Space, nearest
from synthgan.metrics.tables import draw_generator, encode, read_tables

__all__ = ["closest_record", "exact_copies", "near_copies", "neighbour_ratio"]

_MOST_ROWS = 50_000
_MOST_COPIES = 2_000_000  # rows that are looked at for exact copies
_MOST_NEIGHBOURED = 10_000  # rows whose neighbours are sought
_NEAR = 0.01  # so large a share of the holdout is nearer than what is called near
_QUANTILES = {"1 %": 0.01, "5 %": 0.05, "median": 0.5}


def exact_copies(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Count fakes that equal a real row in every column.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `column_shapes`. A missing value equals a missing one, 1 equals 1.0.

    Returns
    -------
    score : Score
        The share of fakes. 0..1, lower is better, but rows that many people share are copied by
        any good fake: the ceiling is the share of holdout rows that equal a real one. ``detail``
        has both with their intervals.
    """
    rng = draw_generator(random_state)
    frames, note = read_tables(rng, _MOST_COPIES, real=real, fake=fake, holdout=holdout)
    names = [name for name in ("fake", "holdout") if name in frames]
    (known, *others), _ = encode(frames["real"], *(frames[name] for name in names))
    seen = np.unique(_hashes(known))
    copied: dict[str, np.ndarray] = {
        name: np.isin(_hashes(rows), seen) for name, rows in zip(names, others, strict=True)
    }
    return _share_score("exact copies", copied, note)


def near_copies(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Count fakes that are nearer to a real row than other people ever are.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `exact_copies`; up to 50 000 rows of each are drawn, and
        the neighbours of 10 000 fakes and 10 000 rows of the holdout are sought.

    Returns
    -------
    score : Score
        The share of fakes no farther from a real row than the nearest 1 % of the holdout are. The
        ceiling is the holdout's own share, 1 % or, where many rows are equal, more. Lower is
        better; NaN without a holdout.
    """
    found = _Distances.measure(real, fake, holdout, random_state)
    if found.holdout is None:
        return _no_verdict("near copies", found.note)
    near = np.quantile(found.holdout[:, 0], _NEAR, method="inverted_cdf") + 1e-9
    copied = {"fake": found.fake[:, 0] <= near, "holdout": found.holdout[:, 0] <= near}
    return _share_score("near copies", copied, found.note)


def closest_record(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Tell whether fakes lean towards the rows that were learnt.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `near_copies`; as many real as holdout rows are drawn.

    Returns
    -------
    score : Score
        The share of fakes that are nearer to a real row than to a row of the holdout, ties half.
        0.5 is no leaning, 1 for copies; lower is better. NaN without a holdout. ``detail`` has
        quantiles of the distances of fakes and holdout rows to their closest real record.

    Notes
    -----
    A share near a half is necessary, and proves little: useless fakes have it, too, and one copied
    person among thousands does not show.
    """
    found = _Distances.measure(real, fake, holdout, random_state, equal=True)
    if found.holdout is None or found.to_holdout is None:
        return _no_verdict("closest record", found.note)
    gaps, others = found.fake[:, 0], found.to_holdout[:, 0]
    lean = (gaps < others) + 0.5 * (gaps == others)
    reach = float(Z * lean.std() / np.sqrt(len(lean)))
    value = float(lean.mean())
    sides = {
        "fake to real": gaps,
        "fake to holdout": others,
        "holdout to real": found.holdout[:, 0],
    }
    detail = pd.DataFrame(
        {
            name: [float(np.quantile(x, q)) for q in _QUANTILES.values()] + [float(x.mean())]
            for name, x in sides.items()
        },
        index=[*_QUANTILES, "mean"],
    ).T.rename_axis("distance")
    detail["value"] = detail["median"]
    interval = max(0.0, value - reach), min(1.0, value + reach)
    return Score("closest record", value, False, detail, interval, note=found.note)


def neighbour_ratio(
    real: Any, fake: Any, *, holdout: Any = None, target: Any = None, random_state: Any = None
) -> Score:
    """Tell whether fakes stand beside one real row rather than among several.

    Parameters
    ----------
    real, fake, holdout, target, random_state
        As in `near_copies`.

    Returns
    -------
    score : Score
        The mean over fakes of the distance to the nearest real row over that to the second nearest
        (1 where both are 0). 0..1, higher is better; the ceiling is the holdout's. ``detail`` has
        its quantiles.
    """
    found = _Distances.measure(real, fake, holdout, random_state)
    sides = {"fake": found.fake}
    if found.holdout is not None:
        sides["holdout"] = found.holdout
    rows = {}
    for name, gaps in sides.items():
        second = gaps[:, -1]
        ratio = np.divide(gaps[:, 0], second, out=np.ones(len(gaps)), where=second > 0)
        rows[name] = [float(ratio.mean())] + [
            float(np.quantile(ratio, q)) for q in _QUANTILES.values()
        ]
    detail = pd.DataFrame.from_dict(rows, orient="index", columns=["value", *_QUANTILES])
    detail = detail.rename_axis("rows")
    ceiling = rows["holdout"][0] if "holdout" in rows else None
    return Score(
        "neighbour distance ratio", rows["fake"][0], True, detail, ceiling=ceiling, note=found.note
    )


class _Distances:
    """Distances to the two nearest real rows, and of fakes to the nearest holdout row."""

    def __init__(
        self,
        fake: np.ndarray,
        holdout: np.ndarray | None,
        to_holdout: np.ndarray | None,
        note: str,
    ) -> None:
        self.fake, self.holdout, self.to_holdout, self.note = fake, holdout, to_holdout, note

    @classmethod
    def measure(
        cls, real: Any, fake: Any, holdout: Any, random_state: Any, *, equal: bool = False
    ) -> _Distances:
        rng = draw_generator(random_state)
        frames, note = read_tables(rng, _MOST_ROWS, equal, real=real, fake=fake, holdout=holdout)
        tables, is_level = encode(*frames.values())
        space = Space.fit(tables[0], is_level)
        points = dict(zip(frames, (space.points(table) for table in tables), strict=True))
        k = min(2, len(points["real"]))
        asked = {name: _some(points[name], rng) for name in points if name != "real"}
        to_real = nearest(asked["fake"], points["real"], k)[0]
        if "holdout" not in points:
            return cls(to_real, None, None, note)
        return cls(
            to_real,
            nearest(asked["holdout"], points["real"], k)[0],
            nearest(asked["fake"], points["holdout"])[0],
            note,
        )


def _some(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(points) <= _MOST_NEIGHBOURED:
        return points
    return points[np.sort(rng.choice(len(points), _MOST_NEIGHBOURED, replace=False))]


def _hashes(rows: np.ndarray) -> np.ndarray:
    """Map rows to 64 bits, equal rows to equal ones; different rows hardly ever meet."""
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        values = pd.util.hash_array(np.where(np.isnan(column), np.inf, column + 0.0))
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + (values ^ (hashes >> np.uint64(29)))
    return hashes


def _share_score(name: str, copied: dict[str, np.ndarray], note: str) -> Score:
    arms = {side: wilson(Arm(int(x.sum()), len(x))) for side, x in copied.items()}
    detail = pd.DataFrame.from_dict(arms, orient="index", columns=["value", "low", "high"])
    fake = arms["fake"]
    ceiling = arms["holdout"][0] if "holdout" in arms else None
    if ceiling is None:
        note = f"{NO_HOLDOUT} {note}".strip()
    return Score(
        name, fake[0], False, detail.rename_axis("rows"), fake[1:], ceiling=ceiling, note=note
    )


def _no_verdict(name: str, note: str) -> Score:
    detail = pd.DataFrame({"value": []}, dtype=float)
    return Score(name, float("nan"), False, detail, note=f"{NO_HOLDOUT} {note}".strip())
