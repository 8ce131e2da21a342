"""Folders of related tables on the command line."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan import Relation
from synthgan.cli import main
from synthgan.datasets import make_hospital
from synthgan.io.images import save_images
from synthgan.io.records import write_records
from synthgan.io.related import read_tables, write_relations, write_tables
from synthgan.kinds import all_kinds
from tests.cli.test_cli import run

pytestmark = [
    pytest.mark.usefixtures("few_trees"),
    pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning"),
]
RELATION = Relation("stays", "patient_id", "patients", order="admitted")


def tables(seed, n=40):
    hospital = make_hospital(n, random_state=seed)
    return {
        "patients": hospital["patients"][["patient_id", "sex", "birth_date"]],
        "stays": hospital["stays"][["stay_id", "patient_id", "admitted", "ward", "cost_eur"]],
    }


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    write_tables(folder, tables(0))
    return folder


@pytest.fixture(scope="module")
def model(real, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    write_relations(folder / "relations.json", [RELATION])
    main(["fit", str(real), "--relations", str(folder / "relations.json"), "-o",
          str(folder / "m.synthgan"), "--max-steps", "3", "--seed", "1",
          "--condition-on", "patients.sex"])  # fmt: skip
    return folder / "m.synthgan"


def error(capsys, *words):
    capsys.readouterr()
    run(*words, code=2)
    return capsys.readouterr().err


def test_a_folder_in_and_a_folder_out(tmp_path, real, model, capsys):
    run("sample", model, "-n", 30, "-o", tmp_path / "fake", "--seed", 2)
    said = capsys.readouterr().out
    assert re.search(r"2 tables \(30 patients, \d+ stays\) written to .*fake\n", said)
    fake, given = read_tables(tmp_path / "fake"), read_tables(real)
    for name, table in given.items():
        assert fake[name].columns.tolist() == table.columns.tolist()
        assert fake[name].dtypes.to_dict() == table.dtypes.to_dict()
    assert fake["stays"]["patient_id"].isin(fake["patients"]["patient_id"]).all()
    assert not fake["patients"]["patient_id"].isin(given["patients"]["patient_id"]).any()
    files = {path.name: path.read_bytes() for path in (tmp_path / "fake").iterdir()}
    run("sample", model, "-n", 30, "-o", tmp_path / "fake", "--seed", 2, "--overwrite")
    assert {path.name: path.read_bytes() for path in (tmp_path / "fake").iterdir()} == files
    run("sample", model, "-n", 5, "-o", tmp_path / "p", "--seed", 2, "--format", "parquet")
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "patients.parquet", "stays.parquet",
    ]  # fmt: skip


def test_what_is_read_and_found_is_printed(tmp_path, real, capsys):
    run("fit", real, "-o", tmp_path / "m", "--max-steps", 1)
    told = capsys.readouterr()
    assert f"{real}/patients.csv read (text, separator ',', encoding utf-8): 40 rows" in told.out
    assert f"Trained on the 2 tables of {real}. Model written to" in told.out
    assert "finds: 'stays' owned by 'patients' ('patient_id'), in order of 'admitted'" in told.err
    assert synthgan.load(tmp_path / "m").relations_ == (RELATION,)


def test_metadata_of_sdv(tmp_path, real, capsys):
    content = {
        "tables": {"patients": {"primary_key": "patient_id"}, "stays": {"primary_key": "stay_id"}},
        "relationships": [
            {"parent_table_name": "patients", "parent_primary_key": "patient_id",
             "child_table_name": "stays", "child_foreign_key": "patient_id"},
        ],
    }  # fmt: skip
    (tmp_path / "metadata.json").write_text(json.dumps(content))
    words = ("--relations", tmp_path / "metadata.json", "--max-steps", 1)
    run("fit", real, "-o", tmp_path / "m", *words)
    expected = (Relation("stays", "patient_id", "patients"),)
    assert synthgan.load(tmp_path / "m").relations_ == expected


def test_dialects_come_back(tmp_path, real, capsys):
    given = read_tables(real)
    folder = tmp_path / "given"
    folder.mkdir()
    given["patients"].to_csv(folder / "patients.csv", sep=";", index=False, encoding="utf-16")
    given["stays"].to_csv(folder / "stays.csv", sep="\t", decimal=",", index=False)
    run("fit", folder, "-o", tmp_path / "m", "--max-steps", 1, "--seed", 0)
    run("sample", tmp_path / "m", "-n", 5, "-o", tmp_path / "fake")
    first = (tmp_path / "fake" / "patients.csv").read_text(encoding="utf-16").splitlines()[0]
    assert first == "patient_id;sex;birth_date"
    text = (tmp_path / "fake" / "stays.csv").read_text()
    assert text.startswith("stay_id\tpatient_id\tadmitted\tward\tcost_eur\n")


def test_conditions(tmp_path, model, capsys):
    (tmp_path / "patients.csv").write_text("sex\nfemale\nmale\nmale\n")
    words = ("sample", model, "--conditions", tmp_path / "patients.csv")
    run(*words, "-o", tmp_path / "fake", "--seed", 2)
    made = pd.read_csv(tmp_path / "fake" / "patients.csv")  # they may have no stays
    assert made["sex"].tolist() == ["female", "male", "male"]
    (tmp_path / "patients.csv").rename(tmp_path / "stays.csv")
    said = error(capsys, *words[:3], tmp_path / "stays.csv", "-o", tmp_path / "none")
    assert "the tables without a parent are ['patients']" in said
    assert not (tmp_path / "none").exists()


def test_info(model, capsys):
    run("info", model)
    card = capsys.readouterr().out
    for line in (
        "Makes related tables;",
        "- rows of `stays` belong to rows of `patients` by `patient_id`, in order of `admitted`\n",
        "### patients\n\n- rows of 3 columns, as a pandas DataFrame; 40 rows in training\n",
        "| `patient_id` | key |  |\n",
        "| `admitted` | order |  |\n",
        "| `ward` | string |",
        "- `condition_on={'patients': ('sex',)}`\n- `max_steps=3`\n- seed: there was one;",
        "- of `patients`: 3 steps, ",
        "- of `stays`: network: `FCN(",
        "a person is a row of the topmost table with all rows that belong to it",
        "weights were not read",
    ):
        assert line in card, line
    assert "stays: " not in card  # a hidden column
    assert "preset" not in card


def test_evaluation_of_folders(tmp_path, real, model, capsys):
    run("sample", model, "-n", 40, "-o", tmp_path / "fake", "--seed", 2)
    write_tables(tmp_path / "holdout", tables(1), suffix=".parquet")
    words = ("evaluate", real, tmp_path / "fake", "--holdout", tmp_path / "holdout")
    report, scores = tmp_path / "r.html", tmp_path / "r.json"
    run(*words, "--html", report, "--json", scores, "--fail-if", "key_integrity<1")
    told = capsys.readouterr()
    assert "Faithful?" in told.out
    assert "Private?" in told.out
    assert "finds: 'stays' owned by 'patients'" in told.err
    assert report.read_text().startswith("<!DOCTYPE html>")
    found = json.loads(scores.read_text())["scores"]
    assert found["fidelity"]["key_integrity"]["value"] == 1
    write_relations(tmp_path / "relations.json", [RELATION])
    run(*words, "--relations", tmp_path / "relations.json", "--json", scores)
    assert "finds:" not in capsys.readouterr().err
    again = json.loads(scores.read_text())["scores"]
    assert again["fidelity"] == found["fidelity"]


def test_demo(tmp_path, capsys):
    run("demo", "--kind", "relational", "--out", tmp_path, "--rows", 20, "--epochs", 1)
    out = capsys.readouterr().out
    assert re.search(r"Training on 20 simulated patients and their \d+ stays", out)
    for text in ("Faithful?", "Private?", "Written: ", "Report: "):
        assert text in out
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["fake", "real", "relations.json", "report.html"]
    fake = read_tables(tmp_path / "fake")
    assert len(fake["patients"]) == 20
    run("demo", "--kind", "relational", "--rows", 3, code=2)
    assert "--rows 3 is too few" in capsys.readouterr().err


def test_codes_are_text_in_all_folders(tmp_path, capsys):
    """What is text in the real table is text in the synthetic one, where it looks like numbers."""
    parsed = _parsed()
    for name, zips in (("real", ["00501", "10001"]), ("fake", ["10001", "10002"])):
        frames = {"people": pd.DataFrame({"id": ["a", "b"], "zip": zips}),
                  "visits": pd.DataFrame({"id": ["a", "a"], "bmi": [20.5, 21.0]})}  # fmt: skip
        write_tables(tmp_path / name, frames)
    kind = all_kinds()["relational"]
    ours, theirs, none = kind.read_sets(
        (str(tmp_path / "real"), str(tmp_path / "fake"), None), parsed, None
    )
    assert none is None
    assert ours["people"]["zip"].tolist() == ["00501", "10001"]
    assert theirs["people"]["zip"].tolist() == ["10001", "10002"]


def _parsed():
    from argparse import Namespace

    return Namespace(follow_links=False, relations=None)


def kind_of(path):
    return next(kind.name for kind in all_kinds().values() if kind.recognises(str(path)))


def test_folders_are_what_they_were(tmp_path, real):
    assert kind_of(real) == "relational"
    assert kind_of(real / "patients.csv") == "table"
    write_records(tmp_path / "waves", np.zeros((2, 250)), fs_hz=250)
    save_images(np.zeros((2, 8, 8), np.uint8), tmp_path / "images")
    for name, kind in (("waves", "signal"), ("images", "image")):
        assert kind_of(tmp_path / name) == kind
        write_tables(tmp_path / name, tables(0, 5))  # labels beside the records
        assert kind_of(tmp_path / name) == kind
    (tmp_path / "empty").mkdir()
    assert kind_of(tmp_path / "empty") == "table"
    assert kind_of(tmp_path / "none") == "table"


def test_options_that_do_not_fit(tmp_path, real, model, capsys):
    out = ("-o", tmp_path / "m")
    for words, message in (
        (("fit", real, real, *out), "2 paths are given; give one folder of tables"),
        (("fit", real, *out, "--sep", ";"), "--sep is for tables, but"),
        (("fit", real, *out, "--preset", "thesis-thyroid"), "--preset is not for related tables"),
        (("fit", real, *out, "--groups", "patient_id"), "--groups is not for related tables"),
        (("fit", real, *out, "--condition-on", "any"), "--condition-on any is for tables"),
        (("fit", real, *out, "--condition-on", "sex"), "'sex' names no table; give names such as"),
        (("fit", real / "patients.csv", *out, "--relations", "r"), "--relations is for related"),
        (("fit", real, *out, "--relations", "none.json"), "'none.json' cannot be read"),
        (("evaluate", real / "patients.csv", real, "--relations", "r"), "--relations is for files"),
        (("sample", model, "-n", 3, "-o", tmp_path / "f.csv"),
         "generates related tables; give a folder for tables, one file each."),
        (("sample", model, "-n", 0, "-o", tmp_path / "f"), "-n 0 is too few"),
        (("sample", model, "-n", 3, "-o", tmp_path / "f", "--on-missing", "warn"),
         "--on-missing is not for related tables"),
        (("sample", model, "-n", 3, "-o", tmp_path / "f", "--annotate"), "--annotate is for"),
        (("sample", model, "-n", 3, "-o", real), "holds tables already, 'patients.csv' first"),
    ):  # fmt: skip
        assert message in error(capsys, *words), message
    assert list(tmp_path.iterdir()) == []


def test_the_kind_can_be_given(tmp_path, real, capsys):
    # A folder of one table has parts of the same columns.
    assert "lacks columns" in error(capsys, "fit", real, "-o", tmp_path / "m", "--kind", "table")
    words = ("fit", real / "patients.csv", "-o", tmp_path / "m", "--kind", "relational")
    assert "patients.csv' cannot be read: Not a directory" in error(capsys, *words)
