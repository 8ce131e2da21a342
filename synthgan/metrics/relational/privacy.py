"""Privacy of people in related tables: a person is a topmost row with all rows below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.metrics.measure import Measure, publish
from synthgan.metrics.privacy import closest_record, exact_copies, membership_inference
from synthgan.metrics.relational.features import joined, persons
from synthgan.metrics.relational.reading import GIVEN, ComparedTables, read_sets
from synthgan.metrics.score import Score
from synthgan.randomness import draw_generator
from synthgan.records.related import Relation

__all__ = ["closest_family", "family_membership_inference", "identical_families"]

Tables = Mapping[str, ComparedTables]


def _of_people(statement: Callable[[Tables, str, int], Score]) -> Measure:
    """Make a public measure of a function that judges the people of one topmost table.

    Of several topmost tables with rows below them, the least favourable is the score.
    """

    def measure(
        real: Any,
        fake: Any,
        *,
        holdout: Any = None,
        relations: Sequence[Relation] | str | None = None,
        target: Any = None,
        random_state: Any = None,
    ) -> Score:
        sets = read_sets(real, fake, holdout, relations)
        seed = int(draw_generator(random_state).integers(2**31 - 1))
        tables = sets["real"]
        tops = [top for top in tables.tops() if tables.children(top)]
        scores = {top: statement(sets, top, seed) for top in tops}
        worst = max(scores, key=lambda top: np.nan_to_num(_low(scores[top]), nan=-1.0))
        if len(scores) == 1:
            return scores[worst]
        detail = pd.concat({top: one.detail for top, one in scores.items()}, names=["people"])
        notes = f"The people are the rows of {worst!r}.", scores[worst].note
        detail, note = detail.reset_index("people"), " ".join(filter(None, notes))
        return replace(scores[worst], detail=detail, note=note)

    return publish(measure, statement, GIVEN)


@_of_people
def family_membership_inference(sets: Tables, top: str, seed: int) -> Score:
    """Membership inference of people, by all their rows.

    Returns
    -------
    score : Score
        As in `membership_inference`: the AUC by which an attacker separates training people from
        people of the holdout; .5, the ceiling, means no leak. A person is a topmost row, with the
        rows of each table below it summed up: their number, the mean, standard deviation, first and
        last of numbers, the number of labels and the commonest one. NaN without a holdout of two
        people. ``detail`` also has the arms ``rows of ...``: the same attack on the joined rows of
        one table; a person's score is the mean over their rows. Of several topmost tables, the
        score is that with the highest lower bound.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    van Breugel et al. (2023), arXiv 2302.12580.
    """
    score = membership_inference(**_families(sets, top), random_state=seed)
    score = replace(score, name="membership inference of people")
    if "holdout" not in sets:
        return score
    arms = {}
    for relation in sets["real"].relations:
        name = relation.child
        if relation != sets["real"].owner(name) or sets["real"].top(name) != top:
            continue
        rows = {
            key: joined(tables, relation, np.arange(len(tables.frames[str(relation.parent)])))
            for key, tables in sets.items()
        }
        groups = {"groups": rows["real"].people, "holdout_groups": -1 - rows["holdout"].people}
        frames: dict[str, Any] = {key: one.frame for key, one in rows.items()}
        if not frames["fake"].size:
            continue
        found = membership_inference(**frames, **groups, random_state=seed)
        arms[f"rows of {name}"] = found.detail.loc["both"]
    more = pd.DataFrame.from_dict(arms, orient="index", columns=score.detail.columns)
    detail = pd.concat([score.detail, more]).rename_axis("arm") if arms else score.detail
    return replace(score, detail=detail)


@_of_people
def closest_family(sets: Tables, top: str, seed: int) -> Score:
    """Share of synthetic people nearer to a training person than to a person of the holdout.

    Returns
    -------
    score : Score
        As in `closest_record`; .5, the ceiling, is no preference, 1 means that all are copies. NaN
        without a holdout. People are compared by the features that `family_membership_inference`
        describes. Of several topmost tables, the score is that with the highest lower bound.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.

    References
    ----------
    Platzer and Reutterer (2021), doi 10.3389/fdata.2021.679939.
    """
    score = closest_record(**_families(sets, top), random_state=seed)
    return replace(score, name="distance to closest family")


@_of_people
def identical_families(sets: Tables, top: str, seed: int) -> Score:
    """Share of synthetic people whose rows, summed up, equal those of a training person.

    Returns
    -------
    score : Score
        As in `exact_copies`; the ceiling is the share of the holdout. People are compared by the
        features that `family_membership_inference` describes. Of several topmost tables, the score
        is that with the highest lower bound.

    Raises
    ------
    ParameterError, DataError
        As in `key_integrity`.
    """
    score = exact_copies(**_families(sets, top), random_state=seed)
    return replace(score, name="identical families")


def _families(sets: Tables, top: str) -> dict[str, Any]:
    return {name: persons(tables, top, sets["real"]) for name, tables in sets.items()}


def _low(score: Score) -> float:
    """Return the lower bound of a score; NaN where there is none."""
    return score.interval[0] if score.interval else float("nan")
