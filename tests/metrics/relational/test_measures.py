"""Planted truths: what is lost by which change of the tables."""

import numpy as np
import pandas as pd
import pytest

from synthgan import Relation
from synthgan.metrics import relational
from synthgan.metrics.relational import (
    cardinality,
    child_c2st,
    cross_table_trends,
    family_c2st,
    joined_c2st,
    key_integrity,
    parent_c2st,
    row_autocorrelation,
    step_c2st,
    table_shapes,
    table_trends,
)
from tests.metrics.relational.planted import (
    ALL_TABLES,
    TWO_TABLES,
    VISITS,
    disordered,
    everything,
    hospital,
    reassigned,
)

pytestmark = pytest.mark.usefixtures("few_trees")
C2ST = (parent_c2st, child_c2st, joined_c2st, family_c2st, step_c2st)
SIMILARITIES = (
    key_integrity, cardinality, cross_table_trends, row_autocorrelation, table_shapes, table_trends
)  # fmt: skip


@pytest.fixture(scope="module")
def sets():
    return {"real": hospital(400, 0), "fresh": hospital(400, 1), "holdout": hospital(400, 2)}


def value(measure, real, fake, **words):
    return measure(real, fake, relations=TWO_TABLES, random_state=0, **words).value


@pytest.mark.parametrize("measure", [*C2ST, *SIMILARITIES], ids=lambda one: one.__name__)
def test_fresh_tables_reach_the_ceiling(measure, sets):
    score = measure(
        sets["real"], sets["fresh"], holdout=sets["holdout"], relations=TWO_TABLES, random_state=0
    )
    assert score.value == pytest.approx(score.ceiling, abs=0.07)
    if measure in C2ST:
        assert score.value == pytest.approx(0.5, abs=0.05)
        assert score.interval[0] < score.value < score.interval[1]
        assert not score.higher_is_better
    else:
        assert score.value > 0.88


@pytest.mark.parametrize("measure", [parent_c2st, child_c2st, joined_c2st, family_c2st, step_c2st])
def test_a_copy_is_not_distinguished(measure, sets):
    assert value(measure, sets["real"], sets["real"]) == pytest.approx(0.5, abs=0.03)


def test_rows_of_other_parents_lose_what_depends_on_the_parent(sets):
    real, fresh = sets["real"], sets["fresh"]
    fake = reassigned(fresh)
    for measure in (joined_c2st, family_c2st, step_c2st):
        assert value(measure, real, fake) > value(measure, real, fresh) + 0.1, measure.__name__
    for measure in (cross_table_trends, row_autocorrelation):
        assert value(measure, real, fake) < value(measure, real, fresh) - 0.05, measure.__name__
    for measure in (parent_c2st, child_c2st, cardinality, table_shapes, table_trends):
        near = value(measure, real, fresh)
        assert value(measure, real, fake) == pytest.approx(near, abs=0.03), measure.__name__


@pytest.mark.parametrize(
    "measure", [joined_c2st, family_c2st, step_c2st, cross_table_trends, row_autocorrelation]
)
def test_the_floor_is_that_of_reassigned_rows(measure, sets):
    words = {"relations": TWO_TABLES, "random_state": 0}
    real, fresh, holdout = sets["real"], sets["fresh"], sets["holdout"]
    score = measure(real, fresh, holdout=holdout, **words)
    assert score.floor == pytest.approx(value(measure, real, reassigned(holdout)), abs=0.1)
    assert (score.floor < score.ceiling) == score.higher_is_better
    assert {"ceiling", "floor"} <= set(score.detail)
    # Trees that learnt the rows of a parent would know them under another one.
    assert (measure(real, fresh, **words).floor is None) == (measure in C2ST)


def trends(n, seed):
    """Patients whose values rise by one from visit to visit."""
    tables = hospital(n, seed)
    visits = tables["visits"].sort_values(["patient", "day"], kind="stable")
    rng = np.random.default_rng(seed)
    start = pd.Series(rng.normal(0, 5, n), index=tables["patients"]["patient"])
    rise = visits.groupby("patient").cumcount() + start[visits["patient"]].to_numpy()
    visits = visits.assign(mmhg=rise + rng.normal(0, 0.1, len(visits))).drop(columns="ward")
    return {**tables, "visits": visits.sample(frac=1, random_state=seed)}


def test_a_wrong_order_loses_consecutive_rows_only():
    real, fresh = trends(400, 0), trends(400, 1)
    fake = disordered(fresh)
    assert value(step_c2st, real, fresh) < 0.56
    assert value(step_c2st, real, fake) > 0.75
    for measure in (child_c2st, joined_c2st):
        near = value(measure, real, fresh)
        assert value(measure, real, fake) == pytest.approx(near, abs=0.05), measure.__name__


def test_wrong_numbers_of_rows_lower_the_cardinality(sets):
    real, fresh = sets["real"], sets["fresh"]
    visits = fresh["visits"]
    first = {**fresh, "visits": visits.drop_duplicates("patient")}
    assert value(cardinality, real, fresh) > 0.93
    assert value(cardinality, real, first) < 0.75
    detail = cardinality(real, first, relations=TWO_TABLES).detail
    n = len(real["patients"])
    assert detail["real"].tolist() == [pytest.approx(len(real["visits"]) / n)]
    assert detail["fake"].tolist() == [pytest.approx(visits["patient"].nunique() / n)]
    score = cardinality(real, fresh, holdout=sets["holdout"], relations=TWO_TABLES, random_state=0)
    assert score.floor < 0.9 < score.ceiling


def test_several_levels_children_and_parents():
    real, fresh = (everything(300, seed) for seed in range(2))
    words = {"relations": ALL_TABLES, "random_state": 0}
    relations = {"visits -> patients", "labs -> visits", "drugs -> patients", "visits -> doctors"}
    few = [everything(60, seed) for seed in range(2)]
    for measure in (key_integrity, cardinality, joined_c2st, family_c2st):
        assert set(measure(*few, **words).detail.index) == relations
    assert set(step_c2st(*few, **words).detail.index) == relations - {"visits -> doctors"}
    assert set(parent_c2st(*few, **words).detail.index) == {"patients", "doctors"}
    assert set(child_c2st(*few, **words).detail.index) == {"visits", "labs", "drugs"}
    # Labs that are assigned to other visits: only their relation loses.
    labs = fresh["labs"]
    keys = labs["visit"].sample(frac=1, random_state=0).to_numpy()
    fake = {**fresh, "labs": labs.assign(visit=keys)}
    detail = joined_c2st(real, fake, **words).detail["value"]
    assert detail["labs -> visits"] > 0.75
    assert detail.drop("labs -> visits").max() < 0.6
    # The trends reach over two levels: the age of the patient of a lab.
    found = cross_table_trends(real, fake, **words).detail
    of_labs = found[found["relation"] == "labs -> visits"]
    assert set(of_labs["second"]) == {
        "visits.day", "visits.mmhg", "visits.ward", "patients.sex", "patients.age"
    }  # fmt: skip
    ages = of_labs.set_index("second").loc["patients.age", "value"]
    fair = cross_table_trends(real, fresh, **words).detail.set_index(["first", "second"])["value"]
    assert ages < fair["labs.value", "patients.age"] - 0.1


def test_rows_of_other_linked_parents():
    """Of a table with two parents, both relations are seen."""

    def seen(n, seed):
        tables = hospital(n, seed, ("patients", "visits", "doctors"))
        rank = tables["doctors"]["rank"].to_numpy()[tables["visits"]["doctor"]]
        wards = {"chief": "heart", "senior": "lung", "junior": "surgery"}
        visits = tables["visits"].drop(columns="visit")
        return {**tables, "visits": visits.assign(ward=pd.Series(rank).map(wards).to_numpy())}

    relations = [VISITS, Relation("visits", "doctor", "doctors")]
    real, fresh = seen(300, 0), seen(300, 1)
    rng = np.random.default_rng(0)
    fake = {**fresh, "visits": fresh["visits"].assign(
        doctor=rng.permutation(fresh["visits"]["doctor"]))}  # fmt: skip
    words = {"relations": relations, "random_state": 0}
    good, bad = (joined_c2st(real, one, **words).detail["value"] for one in (fresh, fake))
    assert bad["visits -> doctors"] > good["visits -> doctors"] + 0.15
    assert bad["visits -> patients"] == pytest.approx(good["visits -> patients"], abs=0.05)


def test_tables_that_share_nothing_but_keys():
    """A parent with no cells of its own, and a child with none: what can be measured is."""
    rng = np.random.default_rng(0)
    parents = pd.DataFrame({"id": range(60)})
    children = pd.DataFrame({"id": rng.integers(0, 60, 200), "x": rng.normal(size=200)})
    links = pd.DataFrame({"id": rng.integers(0, 60, 100)})
    tables = {"parents": parents, "children": children, "links": links}
    relations = [Relation("children", "id", "parents"), Relation("links", "id", "parents")]
    for measure in relational.__all__:
        if measure in ("ComparedTables", "read_sets"):
            continue
        score = getattr(relational, measure)(
            tables, tables, holdout=tables, relations=relations, random_state=0
        )
        if measure in ("parent_c2st", "cross_table_trends", "table_trends"):
            assert np.isnan(score.value)
        else:
            assert np.isfinite(score.value), measure


def test_parents_with_one_row_each_have_no_consecutive_rows():
    real = hospital(80, 0)
    real["visits"] = real["visits"].drop_duplicates("patient")
    for measure in (step_c2st, row_autocorrelation):
        score = measure(real, real, relations=TWO_TABLES)
        assert np.isnan(score.value)
        assert "Not measured: there are no such rows." in score.note
    many = hospital(80, 1)
    assert value(row_autocorrelation, many, real) == 0


def test_order_within_a_parent_counts_not_the_order_of_the_file(sets):
    real, fresh = sets["real"], sets["fresh"]
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in fresh.items()}
    for measure in (cardinality, row_autocorrelation, cross_table_trends, table_shapes):
        assert value(measure, real, mixed) == pytest.approx(value(measure, real, fresh), abs=0.01)


def test_autocorrelation_of_numbers_and_labels():
    rng = np.random.default_rng(0)
    n = 400
    who = np.repeat(np.arange(n), 5)

    def walk(keep):
        x = rng.normal(size=n)[who] * keep + rng.normal(size=len(who)) * (1 - keep)
        label = np.where(rng.random(len(who)) < keep, np.array(["a", "b"])[who % 2], "c")
        return {
            "people": pd.DataFrame({"id": range(n), "y": rng.normal(size=n)}),
            "rows": pd.DataFrame({"id": who, "x": x, "label": label}),
        }

    relation = [Relation("rows", "id", "people")]
    detail = row_autocorrelation(walk(1.0), walk(0.0), relations=relation).detail
    found = detail.set_index("column")
    assert found.loc["x", "real"] == pytest.approx(1)
    assert found.loc["x", "fake"] == pytest.approx(0, abs=0.06)
    assert found.loc["x", "value"] == pytest.approx(0.5, abs=0.04)
    assert found["real"]["label"] == 1
    assert found["fake"]["label"] == 1  # all are "c"
    assert found["measure"].tolist() == ["rank correlation", "share of repeats"]


def test_equal_rows_of_two_samples_do_not_raise_the_auc():
    """Coarse cells: pairs of equal people in one fold would leave the surplus of one side."""
    rng = np.random.default_rng(0)

    def coarse(n):
        people = pd.DataFrame(rng.integers(0, 7, (n, 4)), columns=list("abcd")).assign(id=range(n))
        rows = pd.DataFrame({"id": rng.integers(0, n, n), "x": rng.integers(0, 9, n)})
        return {"people": people, "rows": rows}

    relation = [Relation("rows", "id", "people")]
    score = parent_c2st(coarse(2000), coarse(2000), relations=relation, random_state=0)
    assert score.value == pytest.approx(0.5, abs=0.03)
