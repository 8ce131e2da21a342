"""Folders of tables, and relations in JSON files."""

import json
import os
import stat

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan import Relation
from synthgan.datasets import hospital_relations, make_hospital
from synthgan.exceptions import DataError
from synthgan.io import related as module
from synthgan.io.related import read_relations, read_tables, write_relations, write_tables


@pytest.fixture(scope="module")
def hospital():
    return make_hospital(60, random_state=0)


@pytest.fixture
def few():
    return {
        "people": pd.DataFrame({"id": ["a", "b"], "age": [40, 50]}),
        "visits": pd.DataFrame({"person": ["a", "a"], "bmi": [22.5, 23.0]}),
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet", ".feather"])
def test_tables_there_and_back(tmp_path, hospital, suffix):
    paths = write_tables(tmp_path / "out", hospital, suffix=suffix)
    assert paths == [tmp_path / "out" / f"{name}{suffix}" for name in hospital]
    again = read_tables(tmp_path / "out")
    assert [*again] == sorted(hospital)
    for name, table in hospital.items():
        assert again[name].columns.tolist() == table.columns.tolist()
        for column in table:
            got, gaps = again[name][column], table[column].isna()
            assert got.isna().equals(gaps)
            if table[column].dtype.kind == "M":
                got = pd.to_datetime(got)
            assert got[~gaps].tolist() == table[column][~gaps].tolist()


def test_only_tables_are_read(tmp_path, few):
    write_tables(tmp_path, few)
    for name in ("README.txt", "readme.csv", "relations.json", "notes.md", ".hidden.csv", "x.gz"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    (tmp_path / "sub.csv").mkdir()
    assert [*read_tables(tmp_path)] == ["people", "visits"]
    (tmp_path / "rates.TXT").write_text("a|b\n1|2\n2|3\n")
    assert read_tables(tmp_path)["rates"].columns.tolist() == ["a", "b"]


def test_folders_that_cannot_be_read(tmp_path, few):
    with pytest.raises(DataError, match=r"none' cannot be read: No such file"):
        read_tables(tmp_path / "none")
    with pytest.raises(DataError, match="holds no tables; give a folder with one file for each"):
        read_tables(tmp_path)
    write_tables(tmp_path, few)
    with pytest.raises(DataError, match=r"people\.csv' cannot be read: Not a directory"):
        read_tables(tmp_path / "people.csv")
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"empty\.csv' holds no rows but a header"):
        read_tables(tmp_path)
    (tmp_path / "empty.csv").unlink()
    few["visits"].to_parquet(tmp_path / "visits.parquet")
    with pytest.raises(DataError, match=r"'visits' twice, as 'visits\.csv' and 'visits\.parquet'"):
        read_tables(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_out_of_the_folder_are_refused(tmp_path, few):
    write_tables(tmp_path / "home", few)
    write_tables(tmp_path / "given", {"people": few["people"]})
    (tmp_path / "given" / "visits.csv").symlink_to(tmp_path / "home" / "visits.csv")
    with pytest.raises(DataError, match=r"leads out of folder .*follow_links=True"):
        read_tables(tmp_path / "given")
    assert len(read_tables(tmp_path / "given", follow_links=True)) == 2


def test_tables_that_are_there_are_kept(tmp_path, few):
    write_tables(tmp_path, few)
    (tmp_path / "notes.md").write_text("mine")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(DataError, match=r"holds tables already, 'people\.csv' first"):
        write_tables(tmp_path, {"labs": few["visits"]})
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    (tmp_path / "people.csv").chmod(0o600)
    write_tables(tmp_path, {"people": few["people"][:1]}, overwrite=True)
    assert len(read_tables(tmp_path)["people"]) == 1
    assert stat.S_IMODE((tmp_path / "people.csv").stat().st_mode) == 0o600
    # A file of the same table in another format would be read as a second one.
    write_tables(tmp_path, few, suffix=".parquet", overwrite=True)
    assert names(tmp_path) == ["notes.md", "people.parquet", "visits.parquet"]


def test_all_tables_are_written_or_none(tmp_path, few, monkeypatch):
    out = tmp_path / "out"
    bad = {**few, "zones": pd.DataFrame({"x": ["a", 1]})}
    with pytest.raises(DataError, match=r"out/zones\.parquet' cannot be written as"):
        write_tables(out, bad, suffix=".parquet")
    assert names(tmp_path) == []
    write_tables(out, few)
    before = {name: (out / name).read_bytes() for name in names(out)}
    changed = {name: table[:1] for name, table in few.items()}
    keep_mode, n_calls = module.keep_mode, []

    def fill_disk(draft, target):
        keep_mode(draft, target)
        n_calls.append(draft)
        if len(n_calls) == 2:  # the second file vanishes: it cannot be moved
            draft.unlink()

    monkeypatch.setattr(module, "keep_mode", fill_disk)
    with pytest.raises(DataError, match=r"out' cannot be written: No such file"):
        write_tables(out, changed, overwrite=True)
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("name", ["a/b", "..", "", "a\\b", ".a", "readme"])
def test_names_that_are_no_files(tmp_path, few, name):
    with pytest.raises(DataError, match=r"cannot be written as .*; rename it"):
        write_tables(tmp_path / "out", {name: few["people"]})
    assert names(tmp_path) == []


def test_bad_input_of_writing(tmp_path, few):
    with pytest.raises(DataError, match="there are no tables to write"):
        write_tables(tmp_path, {})
    with pytest.raises(DataError, match="differ in case only"):
        write_tables(tmp_path, {"a": few["people"], "A": few["people"]})
    with pytest.raises(DataError, match=r"cannot be written as 'people\.json'"):
        write_tables(tmp_path, few, suffix=".json")
    with pytest.raises(DataError, match=r"\.dta is not a format that is written"):
        write_tables(tmp_path, few, suffix=".dta")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file' is a file; give a folder"):
        write_tables(tmp_path / "file", few)


def test_the_current_folder(tmp_path, few, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tables(".", few)
    assert names(tmp_path) == ["people.csv", "visits.csv"]
    assert [*read_tables(".")] == ["people", "visits"]


def test_a_table_without_rows_is_written(tmp_path, few):
    write_tables(tmp_path, {"visits": few["visits"][:0]})
    assert (tmp_path / "visits.csv").read_text() == "person,bmi\n"


def test_formulas_are_escaped(tmp_path):
    write_tables(tmp_path, {"notes": pd.DataFrame({"text": ["=1+1"]})}, safe=True)
    assert (tmp_path / "notes.csv").read_text() == '"text"\n"\'=1+1"\n'


_name = st.text(min_size=1, max_size=8)
_some = st.lists(_name, min_size=1, max_size=3)
_pairs = st.lists(st.tuples(_name, _name), min_size=1, max_size=3)


@given(
    st.lists(
        st.builds(
            lambda child, pairs, parent, order: Relation(
                f"c{child}", [a for a, _ in pairs], parent and f"p{parent}", order,
                [b for _, b in pairs],
            ),
            _name, _pairs, st.none() | _name, st.none() | _name | st.integers(0, 9),
        ),
        max_size=3,
    )
)  # fmt: skip
def test_relations_there_and_back(tmp_path_factory, relations):
    path = tmp_path_factory.mktemp("relations") / "relations.json"
    write_relations(path, relations)
    assert read_relations(path) == tuple(relations)


def test_relations_by_hand(tmp_path):
    path = tmp_path / "relations.json"
    path.write_text(
        '\ufeff[{"child": "visits", "key": "patient", "parent": "patients", "order": "date"},\n'
        '{"child": "labs", "key": ["a", "b"], "parent": "visits", "parent_key": ["a", "c"]},\n'
        '{"child": "logs", "key": 0, "parent": null}]',
        encoding="utf-8",
    )
    assert read_relations(path) == (
        Relation("visits", "patient", "patients", order="date"),
        Relation("labs", ("a", "b"), "visits", parent_key=("a", "c")),
        Relation("logs", 0, None),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a JSON file: Expecting value: line 1"),
        ("[{]", "is not a JSON file: .*line 1 column 3"),
        (b"\xff\xfe[", "is not a JSON file: .*utf-8"),
        ("[" * 100_000, "is not a JSON file"),
        ("3", "it is 3, where a list of relations or SDV metadata"),
        ('{"relations": []}', "where a list of relations or SDV metadata"),
        ("[3]", "relation 1 is 3, where an object is expected"),
        ('[{"child": "a", "key": "b"}]', r"relation 1 lacks \['parent'\]"),
        ('[{"child": "a", "key": "b", "parent": "c", "sort": "d"}]', r"unexpected \['sort'\]"),
        ('[{"child": 3, "key": "b", "parent": "c"}]', "relation 1 has child=3, where a string"),
        ('[{"child": "a", "key": [[]], "parent": "c"}]', r"has key=\[\[\]\], where a list"),
        ('[{"child": "a", "key": [], "parent": "c"}]', "has a key of 0 column"),
        ('[{"child": "a", "key": "b", "parent": "a"}]', "relates a table to itself"),
        ('[{"child": "a", "key": "b", "parent": "c", "parent_key": ["d", "e"]}]',
         r"key of 1 column\(s\) and a parent_key of 2"),
    ],
)  # fmt: skip
def test_files_without_relations(tmp_path, content, message):
    path = tmp_path / "r.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=rf"r\.json' .*{message}"):
        read_relations(path)


def test_paths_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(DataError, match=r"none\.json' cannot be read: No such file"):
        read_relations(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"cannot be written: No such file"):
        write_relations(tmp_path / "none" / "r.json", hospital_relations())


def metadata(**changes):
    """Metadata of the hospital, as SDV saves them."""
    content = {
        "METADATA_SPEC_VERSION": "V1",
        "tables": {
            "measurements": {
                "columns": {"stay_id": {"sdtype": "id"}, "patient_id": {"sdtype": "id"},
                            "measured_at": {"sdtype": "datetime", "datetime_format": "%Y-%m-%d"}},
                "sequence_index": "measured_at",
            },
            "stays": {"primary_key": "stay_id", "columns": {"stay_id": {"sdtype": "id"}}},
            "patients": {"primary_key": "patient_id", "columns": {}},
            "logs": {"columns": {}, "sequence_key": "user", "sequence_index": "day"},
        },
        "relationships": [
            relationship("patients", "patient_id", "measurements", "patient_id"),
            relationship("stays", "stay_id", "measurements", "stay_id"),
            relationship("patients", "patient_id", "stays", "patient"),
        ],
    }  # fmt: skip
    return {**content, **changes}


def relationship(parent, primary, child, foreign):
    return {
        "parent_table_name": parent,
        "parent_primary_key": primary,
        "child_table_name": child,
        "child_foreign_key": foreign,
    }


def test_metadata_of_sdv(tmp_path):
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(metadata()))
    assert read_relations(path) == (
        Relation("measurements", "stay_id", "stays", order="measured_at"),
        Relation("measurements", "patient_id", "patients", order="measured_at"),
        Relation("stays", "patient", "patients", parent_key="patient_id"),
        Relation("logs", "user", None, order="day"),
    )
    path.write_text(json.dumps({"tables": {"a": {"columns": {}}}}))
    assert read_relations(path) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": []}, "where a list of relations or SDV metadata"),
        ({"tables": {"a": 3}}, "table 'a' is 3, where an object is expected"),
        ({"tables": {"a": {"primary_key": {}}}}, "table 'a' has primary_key={}, where"),
        ({"relationships": {}}, "relationships={} is not a list"),
        ({"relationships": [3]}, "relationship 1 is 3, where an object"),
        ({"relationships": [{"parent_table_name": "patients"}]}, "relationship 1 lacks"),
        (
            {"relationships": [relationship("people", "id", "stays", "x")]},
            "parent_table_name='people', where one of .*'patients'",
        ),
        (
            {"relationships": [relationship("patients", "ssn", "stays", "x")]},
            "parent_primary_key='ssn', but the primary_key of table 'patients'",
        ),
    ],
)
def test_metadata_that_do_not_fit(tmp_path, changes, message):
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(metadata(**changes)))
    with pytest.raises(DataError, match=rf"metadata\.json' holds no relations: .*{message}"):
        read_relations(path)


def test_a_cycle_in_metadata_is_left_to_fit(tmp_path):
    path = tmp_path / "metadata.json"
    pair = [relationship("patients", "patient_id", "stays", "a"),
            relationship("stays", "stay_id", "patients", "b")]  # fmt: skip
    path.write_text(json.dumps(metadata(relationships=pair)))
    assert {one.child for one in read_relations(path)} == {"stays", "patients", "logs"}
