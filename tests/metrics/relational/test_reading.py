"""Which row belongs to which, in tables that are given in several ways."""

import numpy as np
import pandas as pd
import pytest

from synthgan import Relation
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.metrics.relational import cardinality, child_c2st, key_integrity, read_sets
from synthgan.records.related import RelatedTables
from tests.metrics.relational.planted import (
    ALL_TABLES,
    LABS,
    SEEN_BY,
    TWO_TABLES,
    VISITS,
    everything,
    hospital,
)


def test_rows_have_their_parents_in_order_and_no_keys():
    given = everything(30, 0)
    tables = read_sets(given, everything(30, 1), None, ALL_TABLES)["real"]
    assert {name: list(frame) for name, frame in tables.frames.items()} == {
        "patients": ["sex", "age"], "doctors": ["rank"], "visits": ["day", "mmhg", "ward"],
        "drugs": ["dose"], "labs": ["value"],
    }  # fmt: skip
    visits, rows = tables.frames["visits"], tables.rows[VISITS]
    merged = given["visits"].merge(given["patients"], on="patient")
    wanted = merged.sort_values("mmhg")[["mmhg", "age"]].to_numpy()
    found = np.column_stack([visits["mmhg"], tables.frames["patients"]["age"].to_numpy()[rows]])
    assert np.array_equal(found[np.argsort(found[:, 0])], wanted)
    days = visits["day"].groupby(rows)
    assert all(one.is_monotonic_increasing for _, one in days)
    labs = given["labs"].merge(given["visits"], on="visit").sort_values(["value", "mmhg"])
    joined = np.column_stack(
        [tables.frames["labs"]["value"], visits["mmhg"].to_numpy()[tables.rows[LABS]]]
    )
    joined = joined[np.lexsort([joined[:, 1], joined[:, 0]])]
    assert np.array_equal(joined, labs[["value", "mmhg"]].to_numpy())
    assert set(tables.tops()) == {"patients", "doctors"}
    assert np.array_equal(tables.people("labs"), rows[tables.rows[LABS]])
    assert [name for name, _ in tables.ancestors(LABS)] == ["visits", "patients"]
    assert [name for name, _ in tables.ancestors(SEEN_BY)] == ["doctors"]


def test_read_tables_and_dicts_give_the_same():
    real, fake = hospital(40, 0), hospital(40, 1)
    from_dicts = cardinality(real, fake, relations=TWO_TABLES)
    read = [RelatedTables.read(one, TWO_TABLES) for one in (real, fake)]
    assert cardinality(*read).value == from_dicts.value
    assert cardinality(read[0], fake).value == from_dicts.value


def test_a_long_table_has_the_parent_that_is_constant_in_all_sets():
    def long(n, seed):
        tables = hospital(n, seed)
        return {"visits": tables["visits"].merge(tables["patients"], on="patient")}

    relation = Relation("visits", "patient", None, order="day")
    real, fake = long(60, 0), long(60, 1)
    tables = read_sets(real, fake, None, [relation])["real"]
    (parent,) = set(tables.frames) - {"visits"}
    assert list(tables.frames[parent]) == ["sex", "age"]
    assert list(tables.frames["visits"]) == ["day", "mmhg", "ward"]
    assert tables.rows[tables.relations[0]].max() == real["visits"]["patient"].nunique() - 1
    # A synthetic patient who changes sex is seen: sex is then a column of the visits.
    rng = np.random.default_rng(0)
    odd = {"visits": fake["visits"].assign(sex=rng.choice(["f", "m"], len(fake["visits"])))}
    tables = read_sets(real, odd, None, [relation])["real"]
    assert list(tables.frames[parent]) == ["age"]
    assert "sex" in tables.frames["visits"]
    read = [RelatedTables.read(one, [relation]) for one in (real, odd)]
    again = read_sets(*read, None, None)["real"]
    assert {name: set(frame) for name, frame in again.frames.items()} == {
        name: set(frame) for name, frame in tables.frames.items()
    }


def test_keys_of_other_types_and_of_several_columns_match():
    real = hospital(30, 0)
    numbers = {name: frame.assign(site=1.0) for name, frame in real.items()}
    for name, frame in numbers.items():
        numbers[name] = frame.assign(patient=frame["patient"].str.partition("-")[2].astype(int))
    texts = {
        **numbers,
        "visits": numbers["visits"].assign(
            patient=numbers["visits"]["patient"].astype(str), site="1"
        ),
    }
    relation = Relation("visits", ("site", "patient"), "patients", order="day")
    assert key_integrity(numbers, texts, relations=[relation]).value == 1
    assert cardinality(numbers, texts, relations=[relation]).value == 1


def test_missing_keys_are_right_where_the_real_table_has_some():
    real, fake = hospital(40, 0), hospital(40, 1)

    def without(tables):
        visits = tables["visits"]
        keys = visits["patient"].where(visits.index > 4)
        return {**tables, "visits": visits.assign(patient=keys)}

    assert key_integrity(without(real), without(fake), relations=TWO_TABLES).value == 1
    n = len(fake["visits"])
    score = key_integrity(real, without(fake), relations=TWO_TABLES)
    assert score.value == pytest.approx(1 - 5 / n)


def test_relations_are_found():
    real, fake = hospital(20, 0), hospital(20, 1)
    given = key_integrity(real, fake, relations=TWO_TABLES)
    for relations in (None, "auto"):
        with pytest.warns(DataWarning, match="'visits' owned by 'patients'"):
            found = key_integrity(real, fake, relations=relations)
        pd.testing.assert_frame_equal(found.detail, given.detail)


def test_tables_that_cannot_be_compared():
    real, fake = hospital(20, 0), hospital(20, 1)
    twice = {**real, "patients": pd.concat([real["patients"], real["patients"][:3]])}
    for sets, relations, error, match in [
        (
            (real, fake),
            "visits",
            ParameterError,
            "relations='visits' is not allowed; give \"auto\"",
        ),
        ((real["visits"], real), None, DataError, "give a dict of tables"),
        ((real, fake), [], ParameterError, r"relations=\[\] is not allowed"),
        ((real, fake), ["visits"], ParameterError, "relations hold 'visits'; give Relation"),
        ((real, fake), [LABS], ParameterError, "names table 'labs', which is not there"),
        ((real, None), TWO_TABLES, DataError, "fake=None is not allowed; give a dict of tables"),
        ((real, fake["visits"]), TWO_TABLES, DataError, "is not allowed; give a dict of tables"),
        (
            (real, {"visits": fake["visits"]}),
            TWO_TABLES,
            DataError,
            r"the fake tables are \['visits'\], the real ones \['patients', 'visits'\]",
        ),
        (
            (real, {**fake, "visits": fake["visits"].drop(columns="patient")}),
            TWO_TABLES,
            DataError,
            "the fake tables do not fit the relations: .*column 'patient', which table 'visits'",
        ),
        (
            (real, {**fake, "visits": fake["visits"].drop(columns="ward")}),
            TWO_TABLES,
            DataError,
            r"table 'visits': the fake table lacks the columns \['ward'\]",
        ),
        (
            (real, {**fake, "visits": fake["visits"][:0]}),
            TWO_TABLES,
            DataError,
            "table 'visits' of the fake tables has no rows",
        ),
        ((twice, fake), TWO_TABLES, DataError, r"3 row\(s\) of the real table 'patients' have no"),
        (
            ({**real, "visits": real["visits"].assign(patient="x")}, fake),
            TWO_TABLES,
            DataError,
            "no row of the real table 'visits' has a parent",
        ),
    ]:
        with pytest.raises(error, match=match):
            cardinality(*sets, relations=relations)


def test_synthetic_keys_that_repeat_or_lead_nowhere_are_measured():
    real, fake = hospital(50, 0), hospital(50, 1)
    patients, visits = fake["patients"], fake["visits"]
    repeated = {**fake, "patients": pd.concat([patients, patients[:10]])}
    assert key_integrity(real, repeated, relations=TWO_TABLES).value == pytest.approx(50 / 60)
    keys = visits["patient"].where(visits.index % 2 > 0, "x")
    orphans = {**fake, "visits": visits.assign(patient=keys)}
    score = key_integrity(real, orphans, relations=TWO_TABLES)
    assert score.value == pytest.approx(1 - (len(visits) + 1) // 2 / len(visits))
    assert score.detail["value"].tolist() == [score.value]
    nobody = {**fake, "visits": visits.assign(patient="x")}
    assert key_integrity(real, nobody, relations=TWO_TABLES).value == 0
    assert np.isfinite(child_c2st(real, nobody, relations=TWO_TABLES).value)
