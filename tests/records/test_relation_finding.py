"""Relations are found where names and values allow one reading; several are refused."""

import re

import numpy as np
import pandas as pd
import pytest

from synthgan import Relation
from synthgan.datasets import hospital_relations, make_hospital
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.records.related import RelatedTables
from synthgan.records.relation_finding import find_table_relations
from tests.conftest import SHARED_DATA


@pytest.fixture(scope="module")
def hospital():
    return make_hospital(200, random_state=0)


def find(said="", **frames):
    """Find relations, which are always announced."""
    with pytest.warns(DataWarning, match=said or "relations='auto' finds: "):
        return find_table_relations(frames)


def refused(message, error=ParameterError, **frames):
    with pytest.raises(error, match=message) as caught:
        find_table_relations(frames)
    return str(caught.value)


def people(n=6, **columns):
    return pd.DataFrame({"id": np.arange(n) + 70, "age": [40, 50, 60, 40, 20, 30][:n], **columns})


def visits(**columns):
    return pd.DataFrame({"bmi": [22.5, 22.5, 30.0, 25.0, 25.0, 21.0, 28.0], **columns})


OWNERS = [71, 71, 70, 74, 74, 74, 71]


def test_the_hospital(hospital):
    said = (
        "'stays' owned by 'patients' .'patient_id'., in order of 'admitted'; 'measurements' owned "
        "by 'stays' .'stay_id'., in order of 'measured_at'; .* Give relations=.* if this is wrong"
    )
    assert find(said, **hospital) == hospital_relations()
    assert set(find(**dict(reversed(hospital.items())))) == set(hospital_relations())


@pytest.mark.parametrize("name", ["person_id", "PersonID", "person", "people_id", "Person no."])
def test_names_of_a_key(name):
    relations = find(people=people(), visits=visits(**{name: OWNERS}))
    assert relations == (Relation("visits", name, "people", parent_key="id"),)


@pytest.mark.parametrize(
    ("table", "column"),
    [("categories", "category_id"), ("diagnoses", "diagnosis"), ("boxes", "box"), ("ward", "ward")],
)
def test_names_of_tables_in_the_singular(table, column):
    frames = {table: people(), "visits": visits(**{column: OWNERS})}
    assert find(**frames) == (Relation("visits", column, table, parent_key="id"),)


def test_other_names_and_other_values_are_no_relation():
    said = "relations='auto' finds: none"
    assert find(said, people=people(), visits=visits(owner=OWNERS)) == ()
    assert find(said, people=people(), visits=visits(person_id=[1, 2, 3, 4, 5, 6, 7])) == ()
    # Ages that happen to be unique are no keys.
    few = people(5, age=[40, 50, 60, 20, 30]).drop(columns="id")
    assert find(said, people=few, visits=visits(age=[40, 50, 60, 20, 30, 30, 20])) == ()


def test_one_table_gives_no_relations():
    assert find_table_relations({"people": people()}) == ()


def test_tables_of_other_containers_and_indices():
    polars = pytest.importorskip("polars")
    own = people().set_axis(range(3, 9))
    rows = visits(person_id=OWNERS, year=[1, 2, 1, 1, 2, 3, 4])
    for given in (rows.set_axis(range(7, 0, -1)), polars.DataFrame(rows)):
        assert find(people=own, visits=given) == (
            Relation("visits", "person_id", "people", order="year", parent_key="id"),
        )


def test_tables_without_rows_have_no_relations():
    rows = visits(person_id=OWNERS)
    assert find("none", people=people()[:0], visits=rows) == ()
    assert find("none", people=people(), visits=rows[:0]) == ()


def test_counters_are_alike_by_chance():
    frames = {"a": pd.DataFrame({"row": range(9), "x": 0.5}),
              "b": pd.DataFrame({"row": range(7), "y": 0.5})}  # fmt: skip
    assert find("none", **frames) == ()
    frames = {name: table.rename(columns={"row": "id"}) for name, table in frames.items()}
    assert find("none", **frames) == ()
    # A table of one row a patient, which names the patient, is one.
    details = pd.DataFrame({"patient_id": range(6), "weight_kg": 70.5})
    patients = pd.DataFrame({"patient_id": range(9), "sex": ["f", "m", "f"] * 3})
    assert find(patients=patients, details=details) == (
        Relation("details", "patient_id", "patients"),
    )


def test_flags_and_measurements_are_no_keys():
    frames = {
        "a": pd.DataFrame({"flag": [True, False], "dose": [0.5, 1.5]}),
        "b": pd.DataFrame({"flag": [True, True, False], "dose": [0.5, 0.5, 1.5]}),
    }
    assert find("none", **frames) == ()


def test_keys_of_several_dtypes_match():
    owners = pd.array([71, 71, None, 74, 74, 74, 71], "Int64")
    texts = [None if x is pd.NA else str(x) for x in owners]
    for column in (owners, owners.to_numpy(float, na_value=np.nan), pd.Categorical(texts)):
        relations = find(people=people(), visits=visits(person_id=column))
        assert relations == (Relation("visits", "person_id", "people", parent_key="id"),)


def test_the_longest_chain_owns_rows(hospital):
    patient = hospital["stays"].set_index("stay_id")["patient_id"]
    rows = hospital["measurements"]
    rows = rows.assign(patient_id=rows["stay_id"].map(patient))
    frames = {**hospital, "measurements": rows}
    relations = find("'measurements' linked by 'patients'", **frames)
    own = [one for one in relations if one.child == "measurements"]
    assert own == [
        Relation("measurements", "stay_id", "stays", order="measured_at"),
        Relation("measurements", "patient_id", "patients"),
    ]
    related = RelatedTables.read(frames, relations)
    assert related.owner("measurements") == own[0]
    assert related.links("measurements") == own[1:]
    rows.loc[:2, "patient_id"] = hospital["patients"]["patient_id"].iloc[-1]
    refused(r"two readings, .*'stays'.* and .*'patients'.* disagree in 3 row\(s\)", **frames)


def test_a_table_with_the_same_keys_is_a_child():
    """Details of patients have all their keys; visits belong to patients nevertheless."""
    patients = pd.DataFrame({"patient_id": list("abcd"), "sex": ["f", "m", "f", "m"]})
    details = pd.DataFrame({"patient_id": list("dacb"), "weight_kg": [70.5, 80.0, 60.0, 75.0]})
    visits = pd.DataFrame({"patient_id": list("aabd"), "bmi": [20.5, 21.0, 30.0, 25.0]})
    expected = {Relation(name, "patient_id", "patients") for name in ("details", "visits")}
    assert set(find(patients=patients, details=details, visits=visits)) == expected
    assert set(find(visits=visits, details=details, patients=patients)) == expected
    # No name tells which of the two tables has the key, but some patients have no details.
    frames = {"dm": patients, "vs": details[:2], "ae": visits[:2]}
    frames = {name: x.rename(columns={"patient_id": "who"}) for name, x in frames.items()}
    assert set(find(**frames)) == {Relation(name, "who", "dm") for name in ("vs", "ae")}
    frames["vs"] = details.rename(columns={"patient_id": "who"})
    refused("'dm' -> 'vs'.* and .*'vs' -> 'dm'|'vs' -> 'dm'.* and .*'dm' -> 'vs'", **frames)


def test_two_readings_are_refused():
    both = people(ssn=list("abcdef")).rename(columns={"id": "person_id"})
    rows = visits(person_id=OWNERS, ssn=both.set_index("person_id")["ssn"][OWNERS].to_numpy())
    said = refused("two readings", people=both, visits=rows)
    assert "relation 'visits' -> 'people' (key 'person_id')" in said
    assert "relation 'visits' -> 'people' (key 'ssn')" in said
    assert "Relation('visits', 'person_id', 'people')" in said
    # Two owners at the same height.
    wards = pd.DataFrame({"ward": ["a", "b"], "n_beds": [10, 20]})
    ward = list("aabbaab")
    frames = {"people": people(), "visits": visits(person_id=OWNERS, ward=ward), "wards": wards}
    said = refused("with the owner of the rows first", **frames)
    assert "Relation('visits', 'person_id', 'people', parent_key='id')" in said
    assert "Relation('visits', 'ward', 'wards')" in said
    # A row without a ward does not belong to it.
    frames["visits"] = visits(person_id=OWNERS, ward=[None, *ward[1:]])
    assert [one.parent for one in find(**frames)] == ["people", "wards"]


def test_cycles_are_refused():
    a = pd.DataFrame({"id": list("xyz"), "b_id": list("ppq")})
    b = pd.DataFrame({"id": list("pqr"), "a_id": list("xxy")})
    refused("'a' -> 'b'.* and .*'b' -> 'a'|'b' -> 'a'.* and .*'a' -> 'b'", a=a, b=b)


def test_keys_of_several_columns():
    orders = pd.DataFrame(
        {"customer": list("aabbc"), "number": [1, 2, 1, 2, 1], "total": [5.5, 6.0, 7.0, 8.0, 9.0]}
    )
    lines = pd.DataFrame(
        {"customer": list("aaabcc"), "number": [1, 1, 2, 2, 1, 1], "price": [1.5] * 6}
    )
    customers = pd.DataFrame({"customer": list("abc"), "city": ["x", "y", "x"]})
    assert find(orders=orders, lines=lines) == (
        Relation("lines", ("customer", "number"), "orders"),
    )
    relations = find(orders=orders, lines=lines, customers=customers)
    assert [one for one in relations if one.child == "lines"] == [
        Relation("lines", ("customer", "number"), "orders"),
        Relation("lines", "customer", "customers"),
    ]
    lines.loc[0, "number"] = 3
    relations = find(orders=orders, lines=lines, customers=customers)
    assert Relation("lines", "customer", "customers") in relations
    assert not [one for one in relations if one.parent == "orders"]


def test_a_named_key_with_orphans_is_refused():
    rows = visits(person_id=[71, 71, 70, 74, 99, 98, 71])
    said = refused(r"2 row\(s\) have a key that no parent has", DataError,
                   people=people(), visits=rows)  # fmt: skip
    assert "relations=[Relation('visits', 'person_id', 'people', parent_key='id'), ...]" in said
    assert "on_orphans='drop'" in said


def test_tables_without_relations_are_named():
    rates = pd.DataFrame({"euro": [1.5, 2.5]})
    said = "owned by 'people' .*; no relation of 'rates'"
    assert len(find(said, people=people(), visits=visits(person_id=OWNERS), rates=rates)) == 1


DAYS = pd.to_datetime([f"2024-01-{day:02d}" for day in (5, 3, 9, 1, 2, 2, 8)])
OF_OWNER = [1, 1, 0, 4, 4, 4, 1]


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        ({"day": DAYS}, "day"),
        ({"day": DAYS.tz_localize("Europe/Berlin")}, "day"),
        ({"day": DAYS.strftime("%Y-%m-%d")}, "day"),
        ({"day": DAYS.strftime("%Y-%m-%dT%H:%M")}, "day"),
        ({"day": DAYS.where([True] * 6 + [False])}, None),  # a missing value
        ({"day": DAYS.strftime("%d.%m.%Y")}, None),
        ({"day": DAYS[OF_OWNER]}, None),
        ({"start": DAYS, "end": DAYS + pd.Timedelta(days=2)}, "start"),
        ({"end": DAYS + pd.Timedelta(days=2), "start": DAYS}, "start"),
        ({"day": DAYS, "other": DAYS[::-1]}, None),
        ({"day": DAYS, "same": DAYS}, None),
        ({"born": DAYS[OF_OWNER], "year": [1, 2, 1, 1, 2, 3, 4]}, "year"),
        ({"yearID": [1, 2, 1, 1, 2, 3, 4]}, "yearID"),
        ({"year": [2, 1, 1, 1, 2, 3, 4]}, None),  # rows stand in another order
        ({"year": [1, 2, 1, 1, 2, 3, 4], "visit": [1, 2, 1, 1, 2, 3, 3]}, None),
        ({"score": [1, 2, 1, 1, 2, 3, 4]}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_order_of_rows(columns, order):
    (relation,) = find(people=people(), visits=visits(person_id=OWNERS, **columns))
    assert relation.order == order
    told = re.escape(f", in order of {order!r}") if order else r"\('person_id'\)\. Give"
    find(told, people=people(), visits=visits(person_id=OWNERS, **columns))


def test_real_tables(shared_tables):
    players = {"players", "fielding"}
    assert find(**{name: shared_tables[name] for name in players}) == (
        Relation("fielding", "playerID", "players", order="yearID"),
    )
    domains = {name: x for name, x in shared_tables.items() if name not in players}
    relations = find(**domains)
    assert {(one.child, one.key, one.parent) for one in relations} == {
        (name, ("USUBJID",), "dm") for name in domains if name != "dm"
    }


@pytest.fixture
def shared_tables():
    folder = SHARED_DATA / "relational"
    if not folder.exists():
        pytest.skip(f"{folder} is absent: the real tables are not part of the package")
    return {
        **{p.stem: pd.read_parquet(p) for p in (folder / "baseball" / "train").glob("*.parquet")},
        **{p.stem: pd.read_csv(p, low_memory=False) for p in (folder / "cdisc").glob("*.csv")},
    }
