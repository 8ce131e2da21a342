"""What distances between records tell, as points of any kind; knows neither tables nor arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import binom

from synthgan.metrics.points import wilson_interval
from synthgan.metrics.privacy.attacks import (
    NO_VERDICT,
    clustered_number,
    effective_number,
    too_few_to_tell,
)
from synthgan.metrics.privacy.density import attack_members
from synthgan.metrics.score import Score
from synthgan.metrics.space import nearest

__all__ = [
    "Clouds",
    "closest_record_of",
    "copy_shares",
    "membership_of",
    "near_copies_of",
    "nearest_of_others",
    "neighbour_ratio_of",
]

_MOST_ASKED = 5000
_TINY = 1e-6  # what rounding, of float32 coordinates too, makes of equal distances
_LOT = 20_000_000  # entries of a block of distances
_QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "value": 0.5, "q75": 0.75}
_LOW_QUANTILE = 0.05
_ONE_PERSON = "A holdout of one person cannot be both reference and non-member."


@dataclass(frozen=True)
class Clouds:
    """Records of all sets as points, and whose they are.

    Parameters
    ----------
    points : dict of str to ndarray of shape (n, n_dimensions)
        ``real``, ``fake`` and perhaps ``holdout``, in one space.
    people : dict of str to ndarray of int of shape (n,)
        The person of each; none of the holdout is among the real ones.
    note : str, default=""
        What was left out and what was drawn.
    """

    points: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    note: str = ""

    def with_fakes(self, fakes: np.ndarray) -> Clouds:
        """Return the same with other points in the fakes' place."""
        people = {**self.people, "fake": np.arange(len(fakes))}
        return replace(self, points={**self.points, "fake": fakes}, people=people)


def copy_shares(
    name: str, copied: dict[str, np.ndarray], clusters: dict[str, np.ndarray], note: str
) -> Score:
    """Share of fakes, and of the holdout, that are copies.

    Parameters
    ----------
    name : str
    copied : dict of str to ndarray of bool of shape (n,)
        For ``fake`` and perhaps ``holdout``, which are.
    clusters : dict of str to ndarray of int of shape (n,)
        Of each fake the person whom it copies, if it does; of the holdout whose record it is.
        Copies of one person are one event, and the interval is that of so many events.
    note : str
    """
    rows = {}
    for table, hit in copied.items():
        # A fake that copies nobody stands for itself.
        alone = -1 - np.arange(len(hit))
        groups = clusters[table] if table != "fake" else np.where(hit, clusters[table], alone)
        share, n = float(hit.mean()), clustered_number(hit, groups)
        rows[table] = (share, *wilson_interval(share * n, n), len(hit))
    detail = pd.DataFrame.from_dict(
        rows, orient="index", columns=["value", "low", "high", "n_rows"]
    ).rename_axis("table")
    ceiling = rows["holdout"][0] if "holdout" in rows else None
    value, low, high, _ = rows["fake"]
    return Score(name, value, False, detail, (low, high), ceiling, note=note)


def near_copies_of(clouds: Clouds, quantile: float) -> Score:
    """Share of fakes as near to a real record as hardly one of the holdout is."""
    known, owners = clouds.points["real"], clouds.people["real"]
    gaps: dict[str, np.ndarray] = {}
    clusters: dict[str, np.ndarray] = {}
    for name in ("fake", "holdout"):
        if name in clouds.points:
            distances, which = nearest(clouds.points[name], known)
            gaps[name] = distances[:, 0]
            clusters[name] = owners[which[:, 0]] if name == "fake" else clouds.people[name]
    notes = [clouds.note]
    if "holdout" in gaps:
        judge = gaps["holdout"]
    else:
        notes.append(NO_VERDICT)
        some = slice(_MOST_ASKED)
        judge = nearest_of_others(known[some], owners[some], known, owners)[0]
        judge = np.where(np.isfinite(judge), judge, 0.0)
    limit = float(np.quantile(judge, quantile, method="inverted_cdf"))
    copied = {name: x <= limit + _TINY for name, x in gaps.items()}
    score = copy_shares("near copies", copied, clusters, " ".join(filter(None, notes)))
    score.detail["distance"] = limit
    return score


def closest_record_of(clouds: Clouds) -> Score:
    """Share of fakes nearer to a real record than to one of the holdout."""
    points, people = clouds.points, clouds.people
    to_real, which_real = (x[:, 0] for x in nearest(points["fake"], points["real"]))
    gaps = {"fake to real": to_real}
    name = "distance to closest record"
    if "holdout" not in points:
        note = " ".join(filter(None, [clouds.note, NO_VERDICT]))
        return Score(name, float("nan"), False, _spread(gaps), note=note)
    to_holdout, which_holdout = (x[:, 0] for x in nearest(points["fake"], points["holdout"]))
    asked = points["holdout"][:_MOST_ASKED]
    gaps |= {"fake to holdout": to_holdout, "holdout to real": nearest(asked, points["real"])[0]}
    apart = to_holdout - to_real
    value = float(np.where(np.abs(apart) <= _TINY, 0.5, apart > 0).mean())
    # Each fake by the person whose record is nearest to it, of both sets.
    winner = np.where(apart >= -_TINY, people["real"][which_real], people["holdout"][which_holdout])
    effective = effective_number(winner)
    interval = wilson_interval(value * effective, effective)
    return Score(name, value, False, _spread(gaps), interval, ceiling=0.5, note=clouds.note)


def neighbour_ratio_of(clouds: Clouds) -> Score:
    """Low quantile of the distance to the nearest real record over that to another person's."""
    known, owners = clouds.points["real"], clouds.people["real"]
    sets = {name: x for name, x in clouds.points.items() if name != "real"}
    measured = {}
    for name, x in sets.items():
        own = None if name == "fake" else clouds.people[name]
        measured[name] = _ratios(x, known, owners, own)
    of_fakes = measured["fake"]
    notes = [clouds.note] if "holdout" in sets else [clouds.note, NO_VERDICT]
    return Score(
        "nearest neighbour distance ratio",
        of_fakes["value"],
        True,
        pd.DataFrame.from_dict(measured, orient="index").rename_axis("table"),
        None if np.isnan(of_fakes["value"]) else (of_fakes["low"], of_fakes["high"]),
        measured["holdout"]["value"] if "holdout" in measured else None,
        note=" ".join(filter(None, notes)),
    )


def membership_of(clouds: Clouds, seed: int, unit: str = "rows", arm: str = "both") -> Score:
    """AUC of the attack that tells real records from those of the holdout by the fakes.

    `arm` is the score: ``"both"``, or ``"neighbours"`` where trees see little of a point.
    """
    points, people, nan = clouds.points, clouds.people, float("nan")
    n_outside = len(np.unique(people["holdout"])) if "holdout" in people else 0
    told, note = {}, NO_VERDICT if not n_outside else _ONE_PERSON
    if n_outside > 1:
        told = attack_members(
            points["real"],
            points["holdout"],
            points["fake"],
            member_people=people["real"],
            non_member_people=people["holdout"],
            seed=seed,
        )
        note = too_few_to_tell(told[arm].interval, unit)
    n = n_outside + len(np.unique(people["real"]))
    rows = {arm: (x.value, *x.interval, x.n_attacks) for arm, x in told.items()}
    detail = pd.DataFrame.from_dict(
        {**dict.fromkeys(("both", "neighbours", "trees", "distance"), (nan, nan, nan, 0)), **rows,
         "naive": (0.5, 0.5, 0.5, n)},
        orient="index", columns=["value", "low", "high", "n_attacks"],
    ).rename_axis("arm")  # fmt: skip
    return Score(
        "membership inference",
        told[arm].value if told else nan,
        False,
        detail,
        told[arm].interval if told else None,
        0.5 if told else None,
        note=" ".join(filter(None, [clouds.note, note])),
    )


def nearest_of_others(
    points: np.ndarray, own: np.ndarray, to: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest of `to` that is another person's.

    Parameters
    ----------
    points : ndarray of shape (n, n_dimensions)
    own : ndarray of int of shape (n,)
        The person who does not count, for each.
    to : ndarray of shape (m, n_dimensions)
    people : ndarray of int of shape (m,)

    Returns
    -------
    distances, indices : ndarray of shape (n,)
        Infinite where there is no other person.
    """
    squares = np.einsum("ij,ij->i", to, to)
    distances, indices = np.empty(len(points)), np.empty(len(points), dtype=np.int64)
    lot = max(1, _LOT // len(to))
    for start in range(0, len(points), lot):
        some = points[start : start + lot]
        gaps = squares - 2 * (some @ to.T)
        same = own[start : start + lot, None] == people
        gaps[same] = np.inf
        best = gaps.argmin(axis=1)
        exact = np.linalg.norm(some - to[best], axis=1)
        distances[start : start + lot] = np.where(same.all(axis=1), np.inf, exact)
        indices[start : start + lot] = best
    return distances, indices


def _spread(gaps: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = {
        name: {key: float(np.quantile(x, share)) for key, share in _QUANTILES.items()}
        for name, x in gaps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("distance")


def _ratios(
    points: np.ndarray, known: np.ndarray, owners: np.ndarray, own: np.ndarray | None
) -> dict[str, float]:
    """5 % quantile of the ratios with its 95 % interval, and the median."""
    n = len(points)
    if len(np.unique(owners)) < 2:
        return {**dict.fromkeys(("value", "low", "high", "median"), float("nan")), "n_rows": n}
    first, which = (x[:, 0] for x in nearest(points, known))
    closest = owners[which]
    second = nearest_of_others(points, closest, known, owners)[0]
    ratios = np.divide(first, second, out=np.ones(n), where=second > 0)
    ratios = np.minimum(ratios, 1.0)  # rounding
    value = float(np.quantile(ratios, _LOW_QUANTILE, method="inverted_cdf"))
    low = ratios <= value
    groups = np.where(low, closest, -1 - np.arange(n)) if own is None else own
    effective = max(1, round(clustered_number(low, groups)))
    ends = binom.ppf([0.025, 0.975], effective, _LOW_QUANTILE) / effective * n
    ordered = np.sort(ratios)
    return {
        "value": value,
        "low": float(ordered[max(int(ends[0]) - 1, 0)]),
        "high": float(ordered[min(int(np.ceil(ends[1])), n - 1)]),
        "median": float(np.median(ratios)),
        "n_rows": n,
    }
