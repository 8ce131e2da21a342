import argparse
import contextlib
import csv
import io
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

import synthgan
from synthgan.asking.drawing import TryLimits
from synthgan.cli import _PipeSafeStream, _run, main
from synthgan.exceptions import DataError, DataWarning
from tests.state.packing import DATA

pytestmark = pytest.mark.usefixtures("few_trees")


def run(*words, code=0):
    if code:
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        assert stop.value.code == code
    else:
        main([str(word) for word in words])


@pytest.fixture
def table(tmp_path, clinic):
    path = tmp_path / "clinic.csv"
    clinic.to_csv(path, index=False)
    return path


def test_fit_and_sample(tmp_path, table, clinic, capsys):
    model, fake = tmp_path / "m.synthgan", tmp_path / "fake.csv"
    run("fit", table, "--out", model, "--epochs", 2, "--seed", 0)
    assert f"clinic.csv. Model written to {model}" in capsys.readouterr().out
    run("sample", model, "-n", 25, "--out", fake, "--seed", 1)
    assert "25 rows written" in capsys.readouterr().out
    rows = pd.read_csv(fake, parse_dates=["admitted"])
    assert list(rows.columns) == list(clinic.columns)
    assert len(rows) == 25
    assert rows["age"].dtype == "int64"
    assert rows["admitted"].dt.normalize().equals(rows["admitted"])
    # Whole numbers with gaps are written as whole numbers.
    assert not fake.read_text().splitlines()[1].split(",")[8].endswith(".0")
    before = fake.read_bytes()
    run("sample", model, "-n", 25, "--out", fake, "--seed", 1)
    assert fake.read_bytes() == before


def test_conditions(tmp_path, table, clinic, capsys):
    model, fake, asked = (tmp_path / name for name in ("m", "fake.csv", "asked.csv"))
    run("fit", table, "--out", model, "--max-time", "1s", "--condition-on", "age,ward")
    rows = clinic[["age", "ward"]].head(6)
    rows.assign(ward=rows["ward"].where(rows.index > 2)).to_csv(asked, index=False)
    run("sample", model, "--conditions", asked, "--out", fake)
    made = pd.read_csv(fake)
    assert made["age"].tolist() == rows["age"].tolist()
    assert made["ward"].tolist()[3:] == rows["ward"].tolist()[3:]
    capsys.readouterr()
    run("fit", table, "--out", model, "--epochs", 1, "--condition-on", "any")
    asked.write_text("ward\nmoon\n")
    run("sample", model, "--conditions", asked, "--out", tmp_path / "none.csv", code=2)
    assert "level 'moon' is not known" in capsys.readouterr().err
    assert not (tmp_path / "none.csv").exists()
    run("sample", model, "-n", 2, "--conditions", asked, "--out", fake, code=2)
    assert "not allowed with" in capsys.readouterr().err


def test_rows_that_cannot_be_made(tmp_path, clinic, capsys, monkeypatch):
    limits = TryLimits(in_vain=500, at_all=5000, at_a_time=500)
    monkeypatch.setattr("synthgan.synthesizers.table_rows._TRY_LIMITS", limits)
    table, model, fake, asked = (tmp_path / name for name in ("t", "m", "fake.csv", "asked.csv"))
    clinic[["sex", "bmi"]].to_csv(table, index=False)
    run("fit", table, "--out", model, "--epochs", 1, "--seed", 0)
    asked.write_text("sex,bmi\nmale,\n,24.123\nfemale,\n")
    words = ("sample", model, "--conditions", asked, "--seed", 0, "--out", fake)
    capsys.readouterr()
    run(*words, code=2)
    said = r"2 of 3 rows meet the conditions after \d+ tries, which met 'bmi' \d+ times"
    assert re.search(said, capsys.readouterr().err)
    assert not fake.exists()
    run(*words, "--on-missing", "warn")
    told = capsys.readouterr()
    assert re.search(said + r".* row\(s\) 1 of the conditions", told.err)
    assert "2 rows written" in told.out
    assert pd.read_csv(fake)["sex"].tolist() == ["male", "female"]
    for kind, out in (("signal", tmp_path / "s"), ("image", tmp_path / "i.npy")):
        words = ("sample", DATA / f"format-2-{kind}.synthgan", "-n", 2, "--out", out)
        run(*words, "--on-missing", "warn")
        assert "2 " in capsys.readouterr().out


def test_demo(tmp_path, capsys):
    run("demo", "--out", tmp_path / "demo", "--rows", 40, "--epochs", 1)
    said = capsys.readouterr()
    lines = said.out.rstrip().splitlines()
    starts = ("Trained: ", "Faithful? ", "Useful? ", "Private? ", "Written: ", "Report: ")
    assert [line.startswith(start) for line, start in zip(lines[-6:], starts, strict=True)] == [
        True
    ] * 6
    assert lines[0] == "synthgan demo: loading ..."
    assert "training 0%" in said.err
    assert "training 100%" in said.err
    files = {path.name: path.stat().st_size for path in (tmp_path / "demo").iterdir()}
    assert set(files) == {"real.csv", "fake.csv", "report.html"}
    assert files["report.html"] > 100_000


@pytest.mark.parametrize(("kind", "written"), [("ecg", "fake"), ("image", "fake.npy")])
def test_demo_of_other_kinds(tmp_path, capsys, kind, written):
    run("demo", "--kind", kind, "--out", tmp_path, "--rows", 30, "--epochs", 1)
    out = capsys.readouterr().out
    assert "Useful?    not judged: there is no column to predict" in out
    assert "PrivacyWarning" not in out
    assert (tmp_path / written).exists()
    assert (tmp_path / "report.html").stat().st_size > 50_000


def test_demo_refuses_what_makes_no_run(tmp_path, capsys):
    for option, value in (("--rows", 3), ("--epochs", 0), ("--seed", -1)):
        run("demo", "--out", tmp_path / "no", option, value, code=2)
        assert f"synthgan: error: {option} {value} is " in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_evaluate_counts_persons(tmp_path, clinic, capsys):
    paths = [tmp_path / f"{name}.csv" for name in ("real", "fake", "holdout", "scores")]
    people = clinic[["age", "sex", "bmi"]][:20]
    for i, path in enumerate(paths[:3]):
        visits = people.loc[people.index.repeat(3)].reset_index(drop=True)
        visits.assign(who=[f"{i}-{j // 3}" for j in range(60)]).to_csv(path, index=False)
    real, fake, holdout, scores = paths
    words = ("evaluate", real, fake, "--holdout", holdout, "--json", scores)
    run(*words, "--groups", "who")
    score = json.loads(scores.read_text())["scores"]["privacy"]["membership_inference"]
    assert score["detail"][0]["n_attacks"] == 40
    run(*words, "--groups", "nobody", code=2)
    assert "groups='nobody' is not allowed; name a column" in capsys.readouterr().err


def test_evaluate_conditions(tmp_path, clinic, capsys):
    names = ("real.csv", "fake.csv", "holdout.csv", "r.html", "r.json")
    real, fake, holdout, page, scores = (tmp_path / name for name in names)
    clinic = clinic[["age", "diabetic"]]
    clinic[:60].to_csv(real, index=False)
    clinic[60:120].to_csv(fake, index=False)
    clinic[120:180].to_csv(holdout, index=False)
    words = ("evaluate", real, fake, "--holdout", holdout, "--target", "diabetic")
    run(*words, "--html", page, "--json", scores, "--fail-if", "c2st > 0.9")
    out = capsys.readouterr().out
    assert "Faithful? 0." in out
    assert f"Written: {page}" in out
    assert page.read_text().startswith("<!DOCTYPE html>")
    value = json.loads(scores.read_text())["scores"]["fidelity"]["c2st"]["value"]
    is_low = f"c2st<={value + 1e-6}"
    run(*words[:5], "--fail-if", "c2st>0.9", "--fail-if", is_low, code=1)
    assert capsys.readouterr().err == f"synthgan: failed: {is_low}\n"
    # A condition on a missing measure fails.
    run("evaluate", real, fake, "--fail-if", "tstr<0.5", code=1)
    assert "failed: tstr<0.5" in capsys.readouterr().err
    for condition in ("c2st", "c2st>x", "c2st>0.8>1", "c2st>--1"):
        run(*words, "--fail-if", condition, code=2)
        assert "is not a condition; give one such as" in capsys.readouterr().err
    run(*words, "--fail-if", "beauty<1", code=2)
    assert "does not name a measure; give one of" in capsys.readouterr().err
    run("evaluate", real, fake, "--target", "none", code=2)
    assert "target='none' is not allowed" in capsys.readouterr().err


def test_user_errors_are_one_line(tmp_path, table, capsys):
    def error(*words):
        run(*words, code=2)
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert "Traceback" not in captured.err
        return captured.err

    out = tmp_path / "m"
    assert "none.csv' cannot be read" in error("fit", tmp_path / "none.csv", "--out", out)
    assert "preset='x' is unknown" in error("fit", table, "--out", out, "--preset", "x")
    assert "'epochs' parameter" in error("fit", table, "--out", out, "--epochs", 0)
    assert "is not a file in an existing folder" in error(
        "fit", table, "--out", tmp_path / "no" / "m"
    )
    assert "m' cannot be read" in error("sample", out, "-n", 3, "--out", "x.csv")
    (tmp_path / "empty.csv").write_text("")
    assert "is not a CSV table" in error("fit", tmp_path / "empty.csv", "--out", out)
    assert "--rows 1 is too few" in error("demo", "--rows", 1, "--out", tmp_path / "d")
    for option in ("--html", "--json"):
        words = ("evaluate", table, table, option, tmp_path / "no" / "r")
        assert f"{option} '{tmp_path}/no/r' is not a file in an existing folder" in error(*words)
    assert "--seed -1 is not allowed" in error("evaluate", table, table, "--seed", -1)
    for empty in ("--out", "-o"):
        words = ("sample", DATA / "format-1-table.synthgan", "-n", 1, empty, "")
        assert "--out '' is not a file" in error(*words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("table", ("# TabularGANSynthesizer", "rows of 12 columns", "| `ward` | category |")),
        ("signal", ("# SignalGANSynthesizer", "windows of 20 samples at 10 Hz", "`v1` in mV")),
        ("image", ("# ImageGANSynthesizer", "colour images of 8 x 8")),
    ],
)
def test_info(capsys, kind, shown):
    path = DATA / f"format-1-{kind}.synthgan"
    run("info", path)
    out = capsys.readouterr().out
    common = ("- preset: default recipe", "- 3 steps", "- versions: synthgan", "## Privacy")
    for words in (*shown, *common):
        assert words in out
    assert f"- `{path}`: {path.stat().st_size:,} bytes; weights were not read\n" in out


def test_info_of_no_model(tmp_path, table, capsys):
    run("info", tmp_path / "none", code=2)
    assert "none' cannot be read: No such file or directory." in capsys.readouterr().err
    run("info", table, code=2)
    err = capsys.readouterr().err
    assert (
        "clinic.csv' is not a complete synthgan archive: its end record is invalid; save or" in err
    )
    assert err.count("\n") == 1


def test_usage_errors(capsys):
    for words, message in (
        (["fit"], "required: DATA, -o/--out; see synthgan fit --help"),
        (
            ["fit", "a.zip", "-o", "m", "--size", "8xx"],
            "'8xx' is not a size; give height x width, such as 275x400, or 64",
        ),
        (["fit", "a.csv", "-o", "m", "--epochs", "many"], "invalid int value: 'many'"),
        (["grow"], "invalid choice: 'grow'"),
        ([], "required: COMMAND; see synthgan --help"),
    ):
        run(*words, code=2)
        err = capsys.readouterr().err
        assert message in err
        assert err.startswith("synthgan: error: ")
        assert err.count("\n") == 1


def test_warnings_are_one_line(tmp_path, capsys, thyroid_path):
    run("fit", thyroid_path, "--out", tmp_path / "m", "--preset", "thesis-thyroid", "--epochs", 1)
    err = capsys.readouterr().err
    assert "synthgan: DataWarning: 534 of 7200 rows left out" in err
    assert "synthgan: OutlierWarning: 164 of 6666 rows dropped" in err


def test_module_and_version():
    command = [sys.executable, "-m", "synthgan", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"synthgan {synthgan.__version__}"


def test_conditions_are_checked_if_output_is_closed(tmp_path, clinic, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return spare.fileno()

    spare = (tmp_path / "spare").open("w")
    clinic = clinic[["age"]]
    clinic[:60].to_csv(tmp_path / "real.csv", index=False)
    clinic[60:120].to_csv(tmp_path / "fake.csv", index=False)
    for stream in (Closed(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        run("evaluate", tmp_path / "real.csv", tmp_path / "fake.csv", "--fail-if", "c2st<2", code=1)
    spare.close()


@contextlib.contextmanager
def closed_output(monkeypatch):
    """Let stdout be a pipe that nobody reads, and stderr be closed."""
    (read, write), (unused, gone) = os.pipe(), os.pipe()
    out, err = os.fdopen(write, "w"), os.fdopen(gone, "w")
    for descriptor in (read, unused, gone):
        os.close(descriptor)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        yield
    for stream in (out, err):
        with contextlib.suppress(OSError):
            stream.close()


def test_fit_completes_if_output_is_closed(tmp_path, clinic, monkeypatch):
    table, model = tmp_path / "clinic.csv", tmp_path / "m"
    clinic[["age", "sex"]].to_csv(table, index=False)
    with closed_output(monkeypatch):
        main(["fit", str(table), "--max-steps", "2", "-o", str(model)])
    assert len(synthgan.load(model).sample(3)) == 3


def test_closed_pipe_is_not_an_error(monkeypatch):
    with closed_output(monkeypatch):
        main(["info", str(Path(__file__).parents[1] / "data" / "format-2-table.synthgan")])


FORGED = "x\x1b]0;owned\x07\x9b2J\u202e\n# Differentially private"


def test_names_cannot_control_the_terminal(tmp_path, clinic, capsys):
    table, model = tmp_path / "clinic.csv", tmp_path / "m\x1b[2J"
    frame = clinic[["age"]].assign(**{FORGED: "one"}).assign(**{"gone\x1b[2J": None})
    frame.to_csv(table, index=False)

    def said(*words, code=0):
        run(*words, code=code)
        out, err = capsys.readouterr()
        assert (out + err).replace("\n", "").isprintable()
        assert "\n# Differentially" not in out + err
        return out + err

    assert "m\\x1b[2J" in said("fit", table, "--out", model, "--epochs", 1)
    assert "owned" in said("info", model)
    fake = tmp_path / "fake\x9b2J.csv"
    assert "fake\\x9b2J.csv" in said("sample", model, "-n", 30, "--out", fake)
    words = ("evaluate", fake, fake, "--html", tmp_path / "r\x1b[2J.html")
    assert "Written" in said(*words)
    assert "\\x1b[2J" in said("info", tmp_path / "no\x1b[2J", code=2)
    assert "\\x1b[2J" in said("bad\x1b[2J", code=2)
    condition = "c2st>0.8\x1b[2J"
    assert "is not a condition" in said("evaluate", fake, fake, "--fail-if", condition, code=2)
    assert "empty" in said("evaluate", fake, fake, "--target", "empty\x1b[2J", code=2)


def test_messages_are_one_line_whatever_they_name(capsys):
    def learn(parsed):
        warnings.warn(f"column {FORGED} is odd", DataWarning, stacklevel=2)
        raise DataError(f"column {FORGED} cannot be read")

    with pytest.raises(SystemExit, match="2"):
        _run(argparse.Namespace(command=learn))
    shown = "x\\x1b]0;owned\\x07\\x9b2J\\u202e"
    assert capsys.readouterr().err == (
        f"synthgan: DataWarning: column {shown}\\n# Differentially private is odd\n"
        f"synthgan: error: column {shown}\\n# Differentially private cannot be read\n"
    )
    # Other output is escaped, too, except carriage returns of progress bars.
    stream = io.StringIO()
    assert _PipeSafeStream(stream).write(f"\r50%|{FORGED}") == len(FORGED) + 5
    assert stream.getvalue() == f"\r50%|{shown}\n# Differentially private"


def test_formulas_in_cells(tmp_path, capsys):
    formulas = ["=cmd|' /C calc'!A0", "+1", "-1+1;=2", "@SUM(1)", "\t=1", "plain", "a;=1"]
    frame = pd.DataFrame({"=label": formulas * 10, "number": [*range(-35, 35)]})
    table, model, fake = (tmp_path / name for name in ("t.csv", "m", "fake.csv"))
    frame.assign(gaps=frame["number"].where(frame["number"] > 0)).to_csv(table, index=False)
    run("fit", table, "--out", model, "--epochs", 1, "--seed", 0)
    words = ("sample", model, "-n", 200, "--seed", 0, "--out", fake)
    run(*words)
    made = pd.read_csv(fake)
    assert set(made["=label"]) <= set(formulas) | {"=1"}  # reading leaves out leading white space
    run(*words, "--csv-safe")
    safe = pd.read_csv(fake)
    assert list(safe.columns) == ["'=label", "number", "gaps"]
    dangerous = [str(label)[0] in "=+-@\t" for label in made["=label"]]
    assert safe["'=label"].str.startswith("'").tolist() == dangerous
    assert sum(dangerous) > 100
    pd.testing.assert_frame_equal(safe[["number", "gaps"]], made[["number", "gaps"]])
    assert (safe["number"] < 0).any()
    # A spreadsheet that splits at semicolons finds no formula.
    lines = fake.read_text().splitlines()
    cells = [cell for line in lines for cell in next(csv.reader([line], delimiter=";"))]
    assert not [cell for cell in cells if cell.lstrip('"').startswith(("=", "@"))]
    for kind, out in (("signal", tmp_path / "s"), ("image", "i.npy")):
        words = ("sample", DATA / f"format-1-{kind}.synthgan", "-n", 1, "--out", out)
        capsys.readouterr()
        run(*words, "--csv-safe", code=2)
        assert "--csv-safe is for CSV files; " in capsys.readouterr().err


def test_a_report_without_real_records(tmp_path, clinic, capsys):
    real, fake, page, scores = (tmp_path / n for n in ("real.csv", "fake.csv", "r.html", "r.json"))
    clinic[["age", "ward"]][:100].to_csv(real, index=False)
    clinic[["age", "ward"]][100:200].to_csv(fake, index=False)
    words = ("evaluate", real, fake, "--html", page, "--json", scores)
    run(*words, "--no-real")
    assert "This report contains no real records: " in page.read_text()
    assert json.loads(scores.read_text())["contains_real_records"] is False
