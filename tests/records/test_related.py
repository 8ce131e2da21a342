"""Relations between tables: keys, order, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthgan import Relation
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.records.related import RelatedTables, key_codes, parent_name

PATIENTS = pd.DataFrame({"id": [7, 3, 9], "age": [50, 61, 72]})
VISITS = pd.DataFrame(
    {
        "no": [1, 2, 3, 4],
        "patient": [3, 7, 3, 3],
        "date": pd.to_datetime(["2020-03-01", "2020-01-01", "2020-01-05", "2020-02-01"]),
    }
)
OWNS = Relation("visits", "patient", "patients", order="date", parent_key="id")


def tables(**changed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"patients": PATIENTS, "visits": VISITS, **changed}


def test_rows_of_a_parent_stand_together_in_order() -> None:
    related = RelatedTables.read(tables(), [OWNS])
    assert related.frames["visits"]["no"].tolist() == [2, 3, 4, 1]
    assert related.rows[OWNS].tolist() == [0, 1, 1, 1]
    assert related.roots("visits").tolist() == [0, 1, 1, 1]
    assert related.roots("patients") is None
    assert related.keys("patients") == ["id"]
    assert related.keys("visits") == ["patient"]
    assert list(related.frames) == ["patients", "visits"]


def test_without_order_rows_keep_theirs() -> None:
    relation = Relation("visits", "patient", "patients", parent_key="id")
    related = RelatedTables.read(tables(), [relation])
    assert related.frames["visits"]["no"].tolist() == [2, 1, 3, 4]


@pytest.mark.parametrize(
    "key", [[3.0, 7.0, np.nan, 3.0], ["3", "7", None, "3"], pd.array([3, 7, None, 3], "Int64")]
)
def test_keys_match_whatever_their_dtype(key: object) -> None:
    visits = VISITS.assign(patient=pd.Series(key))
    related = RelatedTables.read(tables(visits=visits), [OWNS])
    assert related.frames["visits"]["no"].tolist() == [2, 4, 1, 3]
    assert related.rows[OWNS].tolist() == [0, 1, 1, -1]


def test_composite_keys_match_as_a_whole() -> None:
    a = pd.DataFrame({"site": ["x", "x", "y"], "no": [1, 2, 1]})
    b = pd.DataFrame({"place": ["y", "x", "x"], "number": [1, 1, 2]})
    assert [codes.tolist() for codes in key_codes([a, b])] == [[0, 1, 2], [2, 0, 1]]


def test_levels_and_links() -> None:
    labs = pd.DataFrame({"visit": [1, 2, 4], "patient": [3, 7, 3], "value": [0.1, 0.2, 0.3]})
    of_visit = Relation("labs", "visit", "visits", parent_key="no")
    of_patient = Relation("labs", "patient", "patients", parent_key="id")
    related = RelatedTables.read(tables(labs=labs), [OWNS, of_visit, of_patient])
    assert related.owner("labs") == of_visit
    assert related.links("labs") == [of_patient]
    assert related.children("visits") == [of_visit]
    assert related.children("patients") == [OWNS]
    assert related.rows_above("labs", "patients").tolist() == related.rows[of_patient].tolist()
    assert related.rows_above("labs", "nothing") is None


def test_a_long_table_gives_its_parent() -> None:
    long = VISITS.assign(sex=["f", "m", "f", "f"])
    relation = Relation("visits", "patient", None, order="date")
    related = RelatedTables.read({"visits": long}, [relation])
    name = parent_name(relation)
    assert related.frames[name].to_dict("list") == {"patient": [3, 7], "sex": ["f", "m"]}
    assert related.made == {"visits": ["sex"]}
    assert related.frames["visits"].columns.tolist() == ["no", "patient", "date"]


def test_orphans_are_refused_or_dropped() -> None:
    visits = VISITS.assign(patient=[3, 7, 8, 3])
    with pytest.raises(DataError, match=r"1 row\(s\) have a key that no parent has"):
        RelatedTables.read(tables(visits=visits), [OWNS])
    with pytest.warns(DataWarning, match=r"'visits': 1 row\(s\)"):
        related = RelatedTables.read(tables(visits=visits), [OWNS], "drop")
    assert related.frames["visits"]["no"].tolist() == [2, 4, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"patients": PATIENTS.assign(id=[7, 3, 3])}, "1 row.* of 'patients' repeat a key"),
        ({"patients": PATIENTS.assign(id=[7.0, 3.0, None])}, "1 row.* of 'patients' have no key"),
        ({"visits": VISITS.iloc[:0]}, "table 'visits' has no rows"),
        (
            {"visits": VISITS.assign(date=VISITS["date"].where(VISITS["no"] > 1))},
            "'date' of table 'visits', which orders its rows, has 1 missing",
        ),
        (
            {"visits": VISITS.assign(date=["b", "a", "c", "d"])},
            "'date' of table 'visits'.* neither dates nor numbers",
        ),
        ({"visits": VISITS.assign(patient=np.nan)}, "no row has a parent"),
    ],
)
def test_bad_tables(changed: dict[str, pd.DataFrame], message: str) -> None:
    with pytest.raises(DataError, match=message):
        RelatedTables.read(tables(**changed), [OWNS])


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ([Relation("visit", "patient", "patients")], "table 'visit', which is not there"),
        ([Relation("visits", "person", "patients", parent_key="id")], "column 'person'"),
        ([Relation("visits", "patient", "patients")], "column 'patient', which table 'patients'"),
        ([OWNS, OWNS], "given twice"),
        (
            [OWNS, Relation("patients", "id", "visits", parent_key="patient")],
            r"form a cycle \(",
        ),
        (
            [Relation("visits", "patient", "patients", order="patient", parent_key="id")],
            "part of a key",
        ),
        ([OWNS, Relation("visits", "no", None)], "another parent; give it first"),
        (["visits"], "give Relation objects"),
    ],
)
def test_bad_relations(relations: list[Relation], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        RelatedTables.read(tables(), relations)


@pytest.mark.parametrize("given", [[], {}, None])
def test_tables_are_a_dict(given: object) -> None:
    with pytest.raises(DataError, match="give a dict of one or more tables"):
        RelatedTables.read(given, [])


def test_a_relation_refuses_itself_and_unequal_keys() -> None:
    with pytest.raises(ParameterError, match="relates a table to itself"):
        Relation("a", "b", "a")
    with pytest.raises(ParameterError, match="give one or more of each"):
        Relation("a", ("b", "c"), "d", parent_key="b")


def test_relations_are_plain_data() -> None:
    assert Relation.from_dict(OWNS.to_dict()) == OWNS
