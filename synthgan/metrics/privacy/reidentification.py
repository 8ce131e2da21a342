"""Re-identification attack: link synthetic records to training persons; uses points only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthgan.metrics.points import wilson_interval
from synthgan.metrics.privacy.attacks import NO_VERDICT, effective_number
from synthgan.metrics.privacy.point_sets import PointSets, copy_shares
from synthgan.metrics.score import Score
from synthgan.metrics.space import nearest

__all__ = ["reidentification_of"]

_SHARE = 0.05  # false positive rate: other people who are linked to a training person
_TINY = 1e-9
_NAME = "re-identification"
_NOBODY = "Not measured: the persons of the records are not known; give groups."
_ONE_PERSON = "Not measured: all records belong to a single person."


def reidentification_of(point_sets: PointSets, known: bool) -> Score:
    """Share of synthetic records that can be linked to one training person.

    A record is linked to a person if it is much nearer to a record of that person than to records
    of other training persons: the ratio of both distances is below the threshold that 5 % of the
    holdout records of other people fall below.

    Parameters
    ----------
    point_sets : PointSets
        May have a set ``same``: records of training persons that were not used in training.
    known : bool
        Whether the persons of the records are known.

    Returns
    -------
    score : Score
        0..1, lower is better; NaN without a holdout of other people, or if `known` is false.
        The ceiling is the share of the holdout, 5 %. ``detail`` has ``fake``, ``holdout``, and
        ``same person``: the share of other records of training persons that are linked to their own
        person; without such records, the share of real records, each compared with the others. It
        shows how well a record identifies a person at all.
    """
    real, owners = point_sets.points["real"], point_sets.people["real"]
    fault = "" if known else _NOBODY
    if not fault and len(np.unique(owners)) < 2:
        fault = _ONE_PERSON
    if not fault and "holdout" not in point_sets.points:
        fault = NO_VERDICT
    if fault:
        detail = pd.DataFrame({"value": []}, dtype=float)
        note = " ".join(filter(None, [point_sets.note, fault]))
        return Score(_NAME, float("nan"), False, detail, note=note)
    ratios, pointed = {}, {}
    for name in ("fake", "holdout"):
        gaps, which = (x[:, 0] for x in nearest(point_sets.points[name], real))
        pointed[name] = owners[which]
        ratios[name] = _ratios(point_sets.points[name], gaps, pointed[name], real, owners)
    limit = float(np.quantile(ratios["holdout"], _SHARE, method="inverted_cdf")) + _TINY
    hits = {name: x <= limit for name, x in ratios.items()}
    clusters = {"fake": pointed["fake"], "holdout": point_sets.people["holdout"]}
    score = copy_shares(_NAME, hits, clusters, point_sets.note)
    found, whose = _of_the_same(point_sets, limit)
    n = effective_number(whose)
    score.detail.loc["same person"] = (
        float(found.mean()), *wilson_interval(float(found.mean()) * n, n), len(found)
    )  # fmt: skip
    score.detail["ratio"] = limit
    return score


def _of_the_same(point_sets: PointSets, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which records of training persons are linked to their own person, and the persons."""
    real, owners = point_sets.points["real"], point_sets.people["real"]
    name = "same" if "same" in point_sets.points else "real"
    points, whose = point_sets.points[name], point_sets.people[name]
    gaps, which = (x[:, 0] for x in nearest(points, real, 1, itself=name == "real"))
    ratios = _ratios(points, gaps, owners[which], real, owners)
    return (ratios <= limit) & (owners[which] == whose), whose


def _ratios(
    points: np.ndarray, gaps: np.ndarray, closest: np.ndarray, real: np.ndarray, owners: np.ndarray
) -> np.ndarray:
    others = nearest(points, real, apart=(closest, owners))[0][:, 0]
    return np.minimum(1.0, np.divide(gaps, others, out=np.ones(len(points)), where=others > 0))
