"""Privacy measures on points of any kind of records."""

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
    "PointSets",
    "closest_record_of",
    "copy_shares",
    "membership_of",
    "near_copies_of",
    "neighbour_ratio_of",
]

_MOST_ASKED = 5000
_TINY = 1e-6  # rounding error of equal distances, including that of float32 coordinates
_QUANTILES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "value": 0.5, "q75": 0.75}
_LOW_QUANTILE = 0.05
_ONE_PERSON = "A holdout of one person cannot be both reference and non-member."


@dataclass(frozen=True)
class PointSets:
    """Records of all sets as points, and their persons.

    Parameters
    ----------
    points : dict of str to ndarray of shape (n, n_dimensions)
        ``real``, ``fake`` and optionally ``holdout``, in one space.
    people : dict of str to ndarray of int of shape (n,)
        The person of each record; real and holdout have no person in common.
    note : str, default=""
        Records that were left out and sub-samples.
    """

    points: dict[str, np.ndarray]
    people: dict[str, np.ndarray]
    note: str = ""

    def with_synthetic(self, synthetic: np.ndarray) -> PointSets:
        """Return a copy with other points for the synthetic records."""
        people = {**self.people, "fake": np.arange(len(synthetic))}
        return replace(self, points={**self.points, "fake": synthetic}, people=people)


def copy_shares(
    name: str, copied: dict[str, np.ndarray], clusters: dict[str, np.ndarray], note: str
) -> Score:
    """Share of copies among the synthetic records and in the holdout.

    Parameters
    ----------
    name : str
    copied : dict of str to ndarray of bool of shape (n,)
        For ``fake`` and optionally ``holdout``: which records are copies.
    clusters : dict of str to ndarray of int of shape (n,)
        For each synthetic record the person of the copied record, for the holdout the person of the
        record. Copies of one person are one event, and the interval uses the number of events.
    note : str
    """
    rows = {}
    for table, hit in copied.items():
        # A synthetic record that is not a copy is a cluster of its own.
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


def near_copies_of(point_sets: PointSets, quantile: float) -> Score:
    """Share of synthetic records that are unusually near to a real record."""
    known, owners = point_sets.points["real"], point_sets.people["real"]
    gaps: dict[str, np.ndarray] = {}
    clusters: dict[str, np.ndarray] = {}
    for name in ("fake", "holdout"):
        if name in point_sets.points:
            distances, which = nearest(point_sets.points[name], known)
            gaps[name] = distances[:, 0]
            clusters[name] = owners[which[:, 0]] if name == "fake" else point_sets.people[name]
    notes = [point_sets.note]
    if "holdout" in gaps:
        reference = gaps["holdout"]
    else:
        notes.append(NO_VERDICT)
        some = slice(_MOST_ASKED)
        reference = nearest(known[some], known, apart=(owners[some], owners))[0][:, 0]
        reference = np.where(np.isfinite(reference), reference, 0.0)
    limit = float(np.quantile(reference, quantile, method="inverted_cdf"))
    copied = {name: x <= limit + _TINY for name, x in gaps.items()}
    score = copy_shares("near copies", copied, clusters, " ".join(filter(None, notes)))
    score.detail["distance"] = limit
    return score


def closest_record_of(point_sets: PointSets) -> Score:
    """Share of synthetic records that are nearer to a real than to a holdout record."""
    points, people = point_sets.points, point_sets.people
    to_real, which_real = (x[:, 0] for x in nearest(points["fake"], points["real"]))
    gaps = {"fake to real": to_real}
    name = "distance to closest record"
    if "holdout" not in points:
        note = " ".join(filter(None, [point_sets.note, NO_VERDICT]))
        return Score(name, float("nan"), False, _spread(gaps), note=note)
    to_holdout, which_holdout = (x[:, 0] for x in nearest(points["fake"], points["holdout"]))
    asked = points["holdout"][:_MOST_ASKED]
    gaps |= {"fake to holdout": to_holdout, "holdout to real": nearest(asked, points["real"])[0]}
    apart = to_holdout - to_real
    value = float(np.where(np.abs(apart) <= _TINY, 0.5, apart > 0).mean())
    # Cluster of each synthetic record: the person of its nearest record in both sets.
    winner = np.where(apart >= -_TINY, people["real"][which_real], people["holdout"][which_holdout])
    effective = effective_number(winner)
    interval = wilson_interval(value * effective, effective)
    return Score(name, value, False, _spread(gaps), interval, ceiling=0.5, note=point_sets.note)


def neighbour_ratio_of(point_sets: PointSets) -> Score:
    """Low quantile of the ratio of distances to the nearest real record and to another person's."""
    known, owners = point_sets.points["real"], point_sets.people["real"]
    sets = {name: x for name, x in point_sets.points.items() if name != "real"}
    measured = {}
    for name, x in sets.items():
        own = None if name == "fake" else point_sets.people[name]
        measured[name] = _ratios(x, known, owners, own)
    of_fakes = measured["fake"]
    notes = [point_sets.note] if "holdout" in sets else [point_sets.note, NO_VERDICT]
    return Score(
        "nearest neighbour distance ratio",
        of_fakes["value"],
        True,
        pd.DataFrame.from_dict(measured, orient="index").rename_axis("table"),
        None if np.isnan(of_fakes["value"]) else (of_fakes["low"], of_fakes["high"]),
        measured["holdout"]["value"] if "holdout" in measured else None,
        note=" ".join(filter(None, notes)),
    )


def membership_of(point_sets: PointSets, seed: int, unit: str = "rows", arm: str = "both") -> Score:
    """AUC of the membership inference attack on real and holdout records.

    `arm` gives the score: ``"both"``, or ``"neighbours"`` for points on which trees work poorly.
    """
    points, people, nan = point_sets.points, point_sets.people, float("nan")
    n_outside = len(np.unique(people["holdout"])) if "holdout" in people else 0
    results, note = {}, NO_VERDICT if not n_outside else _ONE_PERSON
    if n_outside > 1:
        results = attack_members(
            points["real"],
            points["holdout"],
            points["fake"],
            member_people=people["real"],
            non_member_people=people["holdout"],
            seed=seed,
        )
        note = too_few_to_tell(results[arm].interval, unit)
    n = n_outside + len(np.unique(people["real"]))
    rows = {arm: (x.value, *x.interval, x.n_attacks) for arm, x in results.items()}
    detail = pd.DataFrame.from_dict(
        {**dict.fromkeys(("both", "neighbours", "trees", "distance"), (nan, nan, nan, 0)), **rows,
         "naive": (0.5, 0.5, 0.5, n)},
        orient="index", columns=["value", "low", "high", "n_attacks"],
    ).rename_axis("arm")  # fmt: skip
    return Score(
        "membership inference",
        results[arm].value if results else nan,
        False,
        detail,
        results[arm].interval if results else None,
        0.5 if results else None,
        note=" ".join(filter(None, [point_sets.note, note])),
    )


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
    second = nearest(points, known, apart=(closest, owners))[0][:, 0]
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
