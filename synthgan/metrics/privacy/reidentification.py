"""Re-identification attack: link synthetic records to training persons; uses points only."""

from __future__ import annotations

from dataclasses import replace

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
_TWO_PEOPLE = "Not measured: two persons are too few where the holdout has no other people."
_FLOOR = "The floor is other records of the training persons."
_OWN_LEFT_OUT = (
    "Without other people in the holdout, the control is records of training persons, each "
    "compared with other persons."
)


def reidentification_of(point_sets: PointSets, known: bool) -> Score:
    """Share of synthetic records that can be linked to one training person.

    A record is linked to a person if it is much nearer to a record of that person than to records
    of other training persons: the ratio of both distances is below the threshold that 5 % of the
    control fall below. The control is the holdout records of other people. Without any, it is those
    of training persons, each compared with the records of the other training persons only.

    Parameters
    ----------
    point_sets : PointSets
        May have a set ``same``: records of training persons that were not used in training.
    known : bool
        Whether the persons of the records are known.

    Returns
    -------
    score : Score
        0..1, lower is better; NaN without a holdout, or if `known` is false. The ceiling is the
        share of the control, 5 %. ``detail`` has ``fake``, ``holdout`` (the control), and
        ``same person``: the share of other records of training persons that are linked to their own
        person; without such records, the share of real records, each compared with the others. It
        shows how well a record identifies a person at all, and is the floor.
    """
    points, people = point_sets.points, point_sets.people
    real, owners = points["real"], people["real"]
    fault = "" if known else _NOBODY
    if not fault and len(np.unique(owners)) < 2:
        fault = _ONE_PERSON
    if not fault and "holdout" not in points:
        fault = NO_VERDICT if "same" not in points else ""
        # One person is left out, and two are compared.
        fault = _TWO_PEOPLE if not fault and len(np.unique(owners)) < 3 else fault
    if fault:
        detail = pd.DataFrame({"value": []}, dtype=float)
        note = " ".join(filter(None, [point_sets.note, fault]))
        return Score(_NAME, float("nan"), False, detail, note=note)
    ratios, pointed = _ratios(points["fake"], real, owners)
    control, note = "holdout", f"{point_sets.note} {_FLOOR}".strip()
    if "holdout" in points:
        of_others = _ratios(points["holdout"], real, owners)[0]
    else:
        control, note = "same", f"{note} {_OWN_LEFT_OUT}"
        of_others = _ratios_to_others(points["same"], people["same"], real, owners)
    limit = float(np.quantile(of_others, _SHARE, method="inverted_cdf")) + _TINY
    hits = {"fake": ratios <= limit, "holdout": of_others <= limit}
    score = copy_shares(_NAME, hits, {"fake": pointed, "holdout": people[control]}, note)
    found, whose = _of_the_same(point_sets, limit)
    share, n = float(found.mean()), effective_number(whose)
    score.detail.loc["same person"] = (share, *wilson_interval(share * n, n), len(found))
    score.detail["ratio"] = limit
    return replace(score, floor=share)


def _of_the_same(point_sets: PointSets, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which records of training persons are linked to their own person, and the persons."""
    name = "same" if "same" in point_sets.points else "real"
    points, whose = point_sets.points[name], point_sets.people[name]
    real, owners = point_sets.points["real"], point_sets.people["real"]
    ratios, pointed = _ratios(points, real, owners, itself=name == "real")
    return (ratios <= limit) & (pointed == whose), whose


def _ratios(
    points: np.ndarray, real: np.ndarray, owners: np.ndarray, itself: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest person over that to the next one, and who the nearest is."""
    gaps, which = (x[:, 0] for x in nearest(points, real, 1, itself=itself))
    pointed = owners[which]
    others = nearest(points, real, apart=(pointed, owners))[0][:, 0]
    ratios = np.divide(gaps, others, out=np.ones(len(points)), where=others > 0)
    return np.minimum(1.0, ratios), pointed


def _ratios_to_others(
    points: np.ndarray, whose: np.ndarray, real: np.ndarray, owners: np.ndarray
) -> np.ndarray:
    """As `_ratios`, of records that are compared with other persons than their own."""
    ratios = np.empty(len(points))
    for person in np.unique(whose):
        own, others = whose == person, owners != person
        ratios[own] = _ratios(points[own], real[others], owners[others])[0]
    return ratios
