"""The attack that finds whose records a fake was made from; knows points alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthgan.metrics.points import wilson_interval
from synthgan.metrics.privacy.attacks import NO_VERDICT, effective_number
from synthgan.metrics.privacy.clouds import Clouds, copy_shares, nearest_of_others
from synthgan.metrics.score import Score
from synthgan.metrics.space import nearest

__all__ = ["reidentification_of"]

_SHARE = 0.05  # of other people, who are taken for one that was learnt
_TINY = 1e-9
_NAME = "re-identification"
_NOBODY = "Not measured: it is not known whose the records are; give groups."
_ONE_PERSON = "Not measured: of a single person, all records are alike."


def reidentification_of(clouds: Clouds, known: bool) -> Score:
    """Share of fakes that point to one learnt person, as hardly a record of other people does.

    A fake points to a person when it is much nearer to a record of theirs than to any of other
    persons who were learnt: the ratio of both distances is one that 5 % of the holdout's records
    have, which belong to people who were not learnt.

    Parameters
    ----------
    clouds : Clouds
        May have a set ``same``: records of the persons who were learnt, which were not.
    known : bool
        Whether it is known whose the records are.

    Returns
    -------
    score : Score
        0..1, lower is better; NaN without a holdout of other people, and where `known` is false.
        The ceiling is the share of the holdout, 5 %. ``detail`` has ``fake``, ``holdout``, and
        ``same person``: how many records of the learnt persons that were not learnt point to their
        own person; where there are none, of the real ones, each without itself. It says how much of
        a person there is in a record at all.
    """
    real, owners = clouds.points["real"], clouds.people["real"]
    fault = "" if known else _NOBODY
    if not fault and len(np.unique(owners)) < 2:
        fault = _ONE_PERSON
    if not fault and "holdout" not in clouds.points:
        fault = NO_VERDICT
    if fault:
        detail = pd.DataFrame({"value": []}, dtype=float)
        note = " ".join(filter(None, [clouds.note, fault]))
        return Score(_NAME, float("nan"), False, detail, note=note)
    ratios, pointed = {}, {}
    for name in ("fake", "holdout"):
        gaps, which = (x[:, 0] for x in nearest(clouds.points[name], real))
        pointed[name] = owners[which]
        ratios[name] = _ratios(clouds.points[name], gaps, pointed[name], real, owners)
    limit = float(np.quantile(ratios["holdout"], _SHARE, method="inverted_cdf")) + _TINY
    hits = {name: x <= limit for name, x in ratios.items()}
    clusters = {"fake": pointed["fake"], "holdout": clouds.people["holdout"]}
    score = copy_shares(_NAME, hits, clusters, clouds.note)
    found, whose = _of_the_same(clouds, limit)
    n = effective_number(whose)
    score.detail.loc["same person"] = (
        float(found.mean()), *wilson_interval(float(found.mean()) * n, n), len(found)
    )  # fmt: skip
    score.detail["ratio"] = limit
    return score


def _of_the_same(clouds: Clouds, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Tell which records of learnt persons point to their own person, and whose they are."""
    real, owners = clouds.points["real"], clouds.people["real"]
    name = "same" if "same" in clouds.points else "real"
    points, whose = clouds.points[name], clouds.people[name]
    gaps, which = (x[:, 0] for x in nearest(points, real, 1, itself=name == "real"))
    ratios = _ratios(points, gaps, owners[which], real, owners)
    return (ratios <= limit) & (owners[which] == whose), whose


def _ratios(
    points: np.ndarray, gaps: np.ndarray, closest: np.ndarray, real: np.ndarray, owners: np.ndarray
) -> np.ndarray:
    others = nearest_of_others(points, closest, real, owners)[0]
    return np.minimum(1.0, np.divide(gaps, others, out=np.ones(len(points)), where=others > 0))
