"""SDV's metadata of a single table: what is read, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from synthgan import Identifier, TabularGANSynthesizer, load, read_metadata
from synthgan.cli import main
from synthgan.exceptions import DataError, DataWarning
from synthgan.io.metadata import PERSONAL_TYPES

COLUMNS = {
    "visit": {"sdtype": "id", "regex_format": "V-[0-9]{4}"},
    "age": {"sdtype": "numerical", "computer_representation": "Int64"},
    "weight": {"sdtype": "numerical", "computer_representation": "Float"},
    "ward": {"sdtype": "categorical"},
    "pain": {"sdtype": "categorical", "order": ["none", "mild", "severe"]},
    "smoker": {"sdtype": "boolean"},
    "seen": {"sdtype": "datetime", "datetime_format": "%d %b %Y"},
}


def single(columns=COLUMNS, **changes):
    return {
        "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1",
        "columns": columns,
        "primary_key": "visit",
        **changes,
    }


def visits(n=60):
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    age = rng.integers(20, 90, n).astype(float)
    age[:8] = np.nan
    return pd.DataFrame(
        {
            "visit": [f"V-{i:04d}" for i in rng.permutation(9000)[:n]],
            "age": age,
            "weight": rng.normal(70, 12, n).round(1),
            "ward": rng.integers(1, 4, n),
            "pain": rng.choice(["none", "mild", "severe"], n),
            "smoker": rng.choice(["True", "False"], n),
            "seen": days.strftime("%d %b %Y"),
        }
    )


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "metadata.json"
        path.write_text(json.dumps(content))
        return path

    return write


def test_columns_get_the_declared_types(written):
    metadata = read_metadata(written(single()))
    table = visits()
    before = table.copy()
    prepared = metadata.prepare(table)
    pd.testing.assert_frame_equal(table, before)
    assert [str(dtype) for dtype in prepared.dtypes[1:4]] == ["Int64", "float64", "category"]
    assert prepared["pain"].cat.ordered
    assert list(prepared["pain"].cat.categories) == ["none", "mild", "severe"]
    assert (prepared["smoker"] == (table["smoker"] == "True")).all()
    assert (prepared["seen"].dt.strftime("%d %b %Y") == table["seen"]).all()
    assert prepared["age"].isna().sum() == 8
    pd.testing.assert_frame_equal(metadata.prepare(prepared), prepared)


def test_keys_ids_and_personal_data_are_identifiers(written):
    columns = {
        **COLUMNS,
        "patient": {"sdtype": "id"},
        "badge": {"sdtype": "categorical"},
        "host": {"sdtype": "ipv4_address", "pii": True},
        "town": {"sdtype": "city", "pii": False},
        "other": {"sdtype": "unknown"},
    }
    changes = {"alternate_keys": ["badge"], "sequence_key": "patient", "sequence_index": "seen"}
    metadata = read_metadata(written(single(columns, **changes)))
    *found, auto = metadata.constraints
    assert auto == "auto"
    assert [(one.column, one.pii) for one in found] == [
        ("visit", None), ("badge", None), ("host", None),
    ]  # fmt: skip
    assert metadata.groups == "patient"
    assert metadata.order == "seen"


def test_personal_data_are_made_with_faker_or_as_codes(written, monkeypatch):
    columns = {"visit": {"sdtype": "id"}, "who": {"sdtype": "name"}}
    metadata = read_metadata(written(single(columns)))
    monkeypatch.setattr("synthgan.synthesizers.metadata.find_spec", lambda name: object())
    assert [one.pii for one in metadata.constraints[:-1]] == [None, "name"]
    monkeypatch.setattr("synthgan.synthesizers.metadata.find_spec", lambda name: None)
    with pytest.warns(DataWarning, match=r"\['who'\] get codes of the same pattern, as .*faker"):
        constraints = metadata.constraints
    assert [one.pii for one in constraints[:-1]] == [None, None]


def test_one_table_of_metadata_of_several(written):
    tables = {
        "visits": {"columns": COLUMNS, "primary_key": "visit"},
        "wards": {"columns": {"ward": {"sdtype": "id"}}, "primary_key": ["ward"]},
    }
    content = {"METADATA_SPEC_VERSION": "V1", "tables": tables, "relationships": []}
    path = written(content)
    assert read_metadata(path, "wards").keys == ("ward",)
    with pytest.raises(DataError, match=r"describes the tables \['visits', 'wards'\]; give table="):
        read_metadata(path)
    with pytest.raises(DataError, match="it has no table 'beds'; its tables are"):
        read_metadata(path, "beds")
    del tables["wards"]
    assert read_metadata(written(content)) == read_metadata(written(single()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], r"it is \[\], where SDV metadata with 'tables' or 'columns'"),
        (single(METADATA_SPEC_VERSION="V0"), "METADATA_SPEC_VERSION='V0' is not read; save it"),
        (single({}), "columns={} is no object of columns"),
        (single({"visit": 3}), "column 'visit' is 3, where an object"),
        (single({"visit": {}}), "column 'visit' has sdtype=None, which is not known"),
        (single({"visit": {"sdtype": []}}), r"column 'visit' has sdtype=\[\], which is not known"),
        (single({"visit": {"sdtype": "text"}}), "sdtype='text', which is not known; give one of"),
        (
            single({"visit": {"sdtype": "numerical", "computer_representation": "Int9"}}),
            "column 'visit' has computer_representation='Int9', where null or one of",
        ),
        (single({"visit": {"sdtype": "name", "pii": 1}}), "column 'visit' has pii=1, where"),
        (single(primary_key="key"), "key 'key' is not among its columns"),
        (single(sequence_index="day"), "key 'day' is not among its columns"),
        (single(alternate_keys=3), "alternate_keys=3 is not a list"),
        (single(alternate_keys=[None]), r"alternate_keys=\[None\] holds what is not a string"),
        (single(sequence_key=["age", "ward"]), "has several columns; give one"),
    ],
)
def test_metadata_that_are_refused(written, content, message):
    with pytest.raises(
        DataError, match=rf"metadata\.json' holds no metadata of a table: .*{message}"
    ):
        read_metadata(written(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["age", "pain"]), r"columns \['age', 'pain'\], which the table"),
        (lambda t: t.assign(room=1), r"columns \['room'\], which the metadata do not declare"),
        (lambda t: t.assign(weight="heavy"), "'weight' has 'heavy', which is not numerical"),
        (lambda t: t.assign(age=40.5), "'age' has 40.5, but its computer_representation 'Int64'"),
        (
            lambda t: t.assign(pain="bad"),
            r"'pain' has 'bad', which is not categorical in the order",
        ),
        (lambda t: t.assign(smoker="x"), "'smoker' has 'x', which is not boolean, as"),
        (lambda t: t.assign(seen="1/2/20"), "'seen' has '1/2/20', .* in the format '%d %b %Y'"),
    ],
)
def test_tables_that_do_not_fit(written, change, message):
    with pytest.raises(DataError, match=message):
        read_metadata(written(single())).prepare(change(visits()))


@pytest.mark.parametrize("sdtype", ["latitude", "date_of_birth"])
def test_personal_data_of_numbers_are_refused(written, sdtype):
    assert sdtype in PERSONAL_TYPES
    metadata = read_metadata(written(single({"visit": {"sdtype": sdtype}})))
    with pytest.raises(DataError, match=f"'visit' of sdtype '{sdtype}' is of dtype float64"):
        metadata.prepare(pd.DataFrame({"visit": [1.5]}))


def test_fit_and_sample(written):
    metadata = read_metadata(written(single()))
    table = metadata.prepare(visits())
    model = TabularGANSynthesizer(
        constraints=metadata.constraints, max_steps=2, candidates=1, random_state=0
    )
    assert isinstance(clone(model).constraints[0], Identifier)
    model.fit(table, groups=metadata.groups)
    fake = model.sample(30)
    assert fake.dtypes.drop(["ward", "pain"]).equals(table.dtypes.drop(["ward", "pain"]))
    assert fake["visit"].str.fullmatch(r"V-\d{4,}").all()
    assert set(fake["ward"].dropna()) <= {1, 2, 3}


def run(*words):
    main([str(word) for word in words])


def test_command_line(written, tmp_path, capsys):
    data, path = tmp_path / "visits.csv", written(single())
    visits().to_csv(data, index=False)
    words = ["fit", data, "--metadata", path, "--max-steps", 2, "--seed", 0, "-o", tmp_path / "m"]
    run(*words)
    kept = load(tmp_path / "m").constraints_.constraints_
    assert "Identifier" in {type(one).__name__ for one in kept}
    run("sample", tmp_path / "m", "-n", 20, "-o", tmp_path / "fake.csv")
    fake = pd.read_csv(tmp_path / "fake.csv")
    assert list(fake) == list(COLUMNS)
    assert fake["seen"].str.fullmatch(r"\d\d [A-Z][a-z]{2} 20\d\d").all()
    assert fake["visit"].str.startswith("V-").all()
    for more, message in (
        (("--cache-dir", tmp_path), "--metadata is for one file that is read at once"),
        (("--epsilon", 1, "--delta", 1e-6), "--metadata is not for --epsilon; give --public"),
    ):
        with pytest.raises(SystemExit):
            run(*words, *more)
        assert message in capsys.readouterr().err
