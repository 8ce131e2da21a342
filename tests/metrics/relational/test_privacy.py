"""Privacy of people: a copy leaks, fresh people do not."""

import numpy as np
import pandas as pd
import pytest

from synthgan.metrics.relational import (
    closest_family,
    family_membership_inference,
    identical_families,
)
from tests.metrics.relational.planted import ALL_TABLES, TWO_TABLES, everything, hospital

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def sets():
    return {"real": hospital(150, 0), "fresh": hospital(300, 1), "holdout": hospital(150, 2)}


def judged(measure, sets, fake, **words):
    return measure(
        sets["real"], fake, **{"relations": TWO_TABLES, "random_state": 0, **words},
        holdout=sets["holdout"],
    )  # fmt: skip


def test_a_copy_leaks(sets):
    copied = judged(family_membership_inference, sets, sets["real"])
    assert copied.interval[0] > 0.9
    assert copied.detail.loc["rows of visits", "value"] > 0.8
    assert judged(closest_family, sets, sets["real"]).value > 0.95
    same = judged(identical_families, sets, sets["real"])
    assert same.value == 1
    assert same.ceiling < 0.1


def test_fresh_people_do_not(sets):
    member = judged(family_membership_inference, sets, sets["fresh"])
    low, high = member.interval
    assert low < 0.5 < high
    assert (member.ceiling, member.floor) == (0.5, None)
    nearest = judged(closest_family, sets, sets["fresh"])
    assert nearest.interval[0] < 0.5 < nearest.interval[1]
    assert judged(identical_families, sets, sets["fresh"]).value < 0.1


def test_half_of_the_people_copied(sets):
    """Noise on each cell: no person is identical, but half of the families lie beside one."""
    rng = np.random.default_rng(0)
    real, fresh = sets["real"], sets["fresh"]
    visits = real["visits"]
    near = {
        "patients": real["patients"].assign(age=real["patients"]["age"] + 0.01),
        "visits": visits.assign(mmhg=visits["mmhg"] + rng.normal(0, 0.05, len(visits))),
    }
    fake = {name: pd.concat([near[name], fresh[name]]) for name in real}
    assert judged(identical_families, sets, fake).value < 0.1
    assert judged(closest_family, sets, fake).interval[0] > 0.55
    assert judged(family_membership_inference, sets, fake).interval[0] > 0.8


def test_families_copied_with_fresh_keys_under_new_parents(sets):
    """All rows of one person under another person's cells: the rows still tell."""
    real = sets["real"]
    patients = hospital(150, 7)["patients"]
    keys = dict(zip(real["patients"]["patient"], patients["patient"], strict=True))
    fake = {"patients": patients, "visits": real["visits"].assign(
        patient=real["visits"]["patient"].map(keys))}  # fmt: skip
    score = judged(family_membership_inference, sets, fake)
    assert score.interval[0] > 0.55


def test_no_verdict_without_a_holdout(sets):
    for measure in (family_membership_inference, closest_family):
        score = measure(sets["real"], sets["fresh"], relations=TWO_TABLES)
        assert np.isnan(score.value)
        assert "Without a holdout the value cannot be judged." in score.note


def test_people_of_all_levels():
    real, holdout = everything(120, 0), everything(120, 2)
    words = {"holdout": holdout, "relations": ALL_TABLES, "random_state": 0}
    score = family_membership_inference(real, real, **words)
    assert {"rows of visits", "rows of labs", "rows of drugs"} <= set(score.detail.index)
    assert score.interval[0] > 0.9


def test_several_topmost_tables_give_the_worst():
    def two(seed):
        own = hospital(100, seed)
        other = {f"other {name}": frame for name, frame in hospital(100, seed + 50).items()}
        return {**own, **other}

    real, fresh = two(0), two(1)
    leaky = {**fresh, **{name: real[name] for name in real if name.startswith("other")}}
    from synthgan import Relation

    relations = [*TWO_TABLES, Relation("other visits", "patient", "other patients", order="day")]
    words = {"holdout": two(2), "relations": relations, "random_state": 0}
    score = closest_family(real, leaky, **words)
    assert score.value > 0.9
    assert score.note.startswith("The people are the rows of 'other patients'.")
    assert set(score.detail["people"]) == {"patients", "other patients"}
