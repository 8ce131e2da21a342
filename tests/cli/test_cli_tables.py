"""Table files of other dialects and formats on the command line."""

import json

import pandas as pd
import pytest

import synthgan
from synthgan.exceptions import ArchiveError
from synthgan.io.tables import Dialect, read_table, write_table
from synthgan.io.tables.dialect import ColumnStyle
from tests.cli.test_cli import run
from tests.state.packing import DATA

pytestmark = pytest.mark.usefixtures("few_trees")

SPANISH = Dialect(
    ";", "cp1252", ",", "\r\n", header_is_quoted=True,
    columns=(
        ColumnStyle("bmi", decimals=(1, 1), missing="NA"),
        ColumnStyle("género", is_quoted=True),
        ColumnStyle("diabetic", truth="TRUE"),
        ColumnStyle("admitted", date="%Y-%m-%dT%H:%M:%S"),
    ),
)  # fmt: skip


@pytest.fixture
def patients(clinic):
    table = clinic[["age", "sex", "bmi", "diabetic", "admitted"]].rename(columns={"sex": "género"})
    table["bmi"] = table["bmi"].round(1).where(table.index % 9 > 0)
    table["zip"] = [f"{i % 5:05d}" for i in range(len(table))]
    table["admitted"] = table["admitted"] + pd.Timedelta("90min")
    return table


def test_what_comes_out_is_in_the_dialect_that_came_in(tmp_path, patients, capsys):
    real, model, fake = (tmp_path / name for name in ("real.csv", "m.synthgan", "fake.csv"))
    write_table(patients, real, SPANISH)
    run("fit", real, "--out", model, "--max-steps", 3, "--seed", 0)
    out = capsys.readouterr().out
    assert "real.csv read (text, separator ';', encoding cp1252, decimal comma, missing" in out
    assert out.count(": 300 rows, 6 columns") == 1
    run("sample", model, "-n", 40, "--out", fake, "--seed", 1)
    content = fake.read_bytes()
    assert content.count(b"\r\n") == 41
    lines = content.decode("cp1252").split("\r\n")
    assert lines[0] == real.read_bytes().decode("cp1252").split("\r\n")[0]
    assert lines[0] == '"age";"género";"bmi";"diabetic";"admitted";"zip"'
    cell = r'\d+;"(fe)?male";(\d+,\d|NA);(TRUE|FALSE);\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d;0000[0-4]'
    assert pd.Series(lines[1:-1]).str.fullmatch(cell).all()
    # Other options override it; a suffix gives the format.
    run("sample", model, "-n", 5, "--out", fake, "--sep", "tab", "--encoding", "utf-16",
        "--decimal", ".", "--na", "?")  # fmt: skip
    assert fake.read_bytes().decode("utf-16").startswith('"age"\t"género"\t')
    (tmp_path / "a.t").mkdir()
    run("sample", model, "-n", 40, "--out", tmp_path / "a.t" / "fake.tsv", "--seed", 1)
    assert (tmp_path / "a.t" / "fake.tsv").read_bytes() == content.replace(b";", b"\t")
    run("sample", model, "-n", 40, "--out", tmp_path / "fake.csv.gz", "--seed", 1)
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "fake.csv.gz"), read_table(tmp_path / "a.t" / "fake.tsv")
    )


def test_the_archive_keeps_the_dialect_and_nothing_else_of_a_file(tmp_path, patients):
    real, model = tmp_path / "real.csv", tmp_path / "m.synthgan"
    write_table(patients, real, SPANISH)
    run("fit", real, "--out", model, "--max-steps", 2, "--seed", 0)
    loaded = synthgan.load(model)
    _, dialect = read_table(real, return_dialect=True)
    assert loaded.dialect_ == dialect
    loaded.save(tmp_path / "again.synthgan", seed=True)
    assert synthgan.load(tmp_path / "again.synthgan").dialect_ == dialect
    # Old archives, and models that learnt a DataFrame, have none.
    assert synthgan.load(DATA / "format-2-table.synthgan").dialect_ is None
    loaded.set_params(max_steps=2).fit(patients)
    assert loaded.dialect_ is None
    loaded.dialect_ = Dialect.__new__(Dialect)
    object.__setattr__(loaded.dialect_, "__dict__", {**vars(dialect), "encoding": "zip"})
    loaded.save(tmp_path / "bad.synthgan")
    with pytest.raises(ArchiveError, match=r"dialect has encoding='zip', where an encoding is exp"):
        synthgan.load(tmp_path / "bad.synthgan")


@pytest.mark.parametrize("suffix", ["xlsx", "parquet", "feather", "tsv.xz"])
def test_formats_in_and_out(tmp_path, patients, suffix, capsys):
    pytest.importorskip("openpyxl" if suffix == "xlsx" else "pyarrow")
    real, model, fake = (tmp_path / name for name in (f"r.{suffix}", "m", f"f.{suffix}"))
    write_table(patients, real)
    run("fit", real, "--out", model, "--max-steps", 2, "--seed", 0)
    run("sample", model, "-n", 30, "--out", fake)
    assert "30 rows written" in capsys.readouterr().out
    made, given = read_table(fake), read_table(real)
    assert made.columns.tolist() == given.columns.tolist()
    assert made.dtypes.astype(str).tolist() == given.dtypes.astype(str).tolist()
    assert set(made["zip"]) <= set(patients["zip"])
    for option in (["--sep", ";"], ["--csv-safe"]):
        if "tsv" not in suffix:
            run("sample", model, "-n", 3, "--out", fake, *option, code=2)
            assert f"{option[0]} is for text files, not for" in capsys.readouterr().err
    run("sample", model, "-n", 3, "--out", tmp_path / "f.sav", code=2)
    assert ".sav is not a format that is written" in capsys.readouterr().err


def test_evaluate_reads_each_file_in_its_own_dialect(tmp_path, patients, capsys):
    real, fake, holdout, scores = (tmp_path / n for n in ("r.csv", "f.csv", "h.txt", "s.json"))
    few = patients.assign(zip=[f"{i % 5 + 10000}" for i in range(len(patients))])
    few.loc[0, "zip"] = "00501"
    write_table(few, real, SPANISH)
    write_table(few[1:], fake)  # no code starts with a zero here
    write_table(few, holdout, Dialect("|", "utf-16-le", has_bom=True))
    run("evaluate", real, fake, "--holdout", holdout, "--json", scores)
    out = capsys.readouterr().out
    assert "r.csv read (text, separator ';', encoding cp1252, decimal comma" in out
    assert "h.txt read (text, separator '|', encoding utf-16-le" in out
    assert "f.csv read" not in out
    value = json.loads(scores.read_text())["scores"]["fidelity"]["column_shapes"]
    by_column = {row["column"]: row["value"] for row in value["detail"]}
    assert min(by_column[name] for name in ("age", "bmi", "admitted", "diabetic", "zip")) > 0.95


def test_options_of_reading(tmp_path, capsys):
    real, model, fake = (tmp_path / name for name in ("r.txt", "m", "f.csv"))
    rows = [f"{'NA' if i % 2 else 'DE'}|{i % 7}|{-9 if i % 3 else i}" for i in range(200)]
    real.write_text("\n".join(["country|ward|x", *rows]))
    words = ("fit", real, "--out", model, "--max-steps", 2, "--seed", 0)
    run(*words, "--na", "-9", "--dtype", "ward=string", "--sep", "|")
    assert "separator '|', encoding utf-8, missing cells '-9'" in capsys.readouterr().out
    run("sample", model, "-n", 60, "--out", fake, "--seed", 0)
    made = read_table(fake, na=["-9"], dtype={"ward": "string"})
    assert set(made["country"]) == {"DE", "NA"}
    assert made["x"].isna().any()
    assert set(made["ward"]) <= set("0123456")
    # Conditions are text where the model learnt text.
    asked = tmp_path / "asked.csv"
    asked.write_text("ward;country\n3;DE\n5;DE\n")
    run("sample", model, "--conditions", asked, "--out", fake, "--seed", 0)
    assert read_table(fake, dtype={"ward": "string"})["ward"].tolist() == ["3", "5"]
    for option, message in (
        (["--dtype", "ward"], "--dtype 'ward' is not allowed; give COLUMN=string"),
        (["--dtype", "beds=string"], "dtype names 'beds', which is no column"),
        (["--sep", "::"], "sep='::' is not allowed; give one character"),
        (["--encoding", "klingon"], "encoding='klingon' is not known"),
    ):
        run(*words, *option, code=2)
        assert message in capsys.readouterr().err
    real.write_text("\n".join(f"{i},{i % 5}.5" for i in range(100)))
    run(*words, "--no-header")
    run("sample", model, "-n", 3, "--out", fake)
    assert len(fake.read_text().splitlines()) == 3
    run(*words)
    assert "if the file has no header, give header=False (--no-header)" in capsys.readouterr().err
    signals = DATA / "format-1-signal.synthgan"
    run("sample", signals, "-n", 1, "--out", tmp_path / "s", "--sep", ";", code=2)
    assert "--sep is for tables; " in capsys.readouterr().err


def test_a_zipped_table_is_a_table(tmp_path, patients, capsys):
    for name in ("t.csv.zip", "t.zip"):
        write_table(patients, tmp_path / "t.csv.zip")
        (tmp_path / "t.csv.zip").rename(tmp_path / name)
        run("fit", tmp_path / name, "--out", tmp_path / "m", "--max-steps", 2)
        assert f"{name} read (text, zip, separator ','" in capsys.readouterr().out


def test_files_that_are_no_tables(tmp_path, capsys):
    (tmp_path / "t.sav").write_bytes(b"$FL2@(#) SPSS DATA FILE")
    (tmp_path / "ragged.csv").write_text("a;b\n1;2\n3\n")
    for name, message in (
        ("t.sav", "is an SPSS file, which is not read: export it as CSV."),
        ("ragged.csv", "line 3 has 1 cell, the header 2"),
    ):
        run("fit", tmp_path / name, "--out", tmp_path / "m", code=2)
        err = capsys.readouterr().err
        assert message in err
        assert err.count("\n") == 1
