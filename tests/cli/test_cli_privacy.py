"""Differential privacy on the command line."""

import json

import pandas as pd
import pytest

import synthgan
from tests.cli.test_cli import run


@pytest.fixture
def patients(tmp_path, clinic):
    path = tmp_path / "patients.csv"
    table = clinic[["sex", "age", "diabetic"]].assign(patient=clinic.index // 2)
    table.to_csv(path, index=False)
    return path


def fit(patients, *options, code=0):
    model = patients.with_name("m.synthgan")
    run("fit", patients, "--out", model, "--max-steps", 5, *options, code=code)
    return model


@pytest.fixture
def public(tmp_path):
    path = tmp_path / "public.json"
    path.write_text(json.dumps({"sex": ["female", "male"], "age": [0, 110]}))
    return path


def test_a_model_with_a_guarantee(patients, public, capsys):
    fake = patients.with_name("fake.csv")
    model = fit(patients, "--epsilon", 60, "--delta", 1e-5, "--public", public,
                "--unit", "patient", "--max-rows", 2)  # fmt: skip
    assert "Model written to" in capsys.readouterr().out
    run("info", model)
    out = capsys.readouterr().out
    assert "(60, 1e-05)-differentially private, unit: the rows of one 'patient'" in out
    assert "| single columns | discrete Gaussian |" in out
    assert "labels of column" not in out  # they are public
    run("sample", model, "-n", 40, "--out", fake, "--seed", 1)
    made = pd.read_csv(fake)
    assert list(made.columns) == ["sex", "age", "diabetic", "patient"]
    assert set(made["sex"]) <= {"female", "male"}
    assert made["age"].between(0, 110).all()
    assert made["patient"].isna().all()
    loaded = synthgan.load(model)
    assert loaded.privacy.max_rows == 2
    assert loaded.dialect_ is None


def test_a_seed_gives_a_privacy_warning(patients, public, capsys):
    fit(patients, "--epsilon", 60, "--delta", 1e-5, "--public", public, "--seed", 3)
    assert "PrivacyWarning: random_state=3 seeds training and sampling" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epsilon", 1], "--epsilon needs --delta: give both --epsilon and --delta."),
        (["--delta", 1e-6], "--delta needs --epsilon: give both"),
        (["--unit", "patient"], "--unit needs --epsilon: give both"),
        (["--max-rows", 2], "--max-rows needs --epsilon: give both"),
        (["--public", "none.json"], "--public needs --epsilon: give both"),
        (["--epsilon", 1, "--delta", 1e-6, "--privacy", "strict"],
         "--privacy is not for --epsilon; give one of them."),
        (["--epsilon", 1, "--delta", 1e-6, "--public", "none.json"],
         "'none.json' cannot be read: No such file"),
        (["--epsilon", 1, "--delta", 1e-6, "--unit", "id"], "unit='id' is no column; the columns"),
        (["--epsilon", 1, "--delta", 1e-6, "--epochs", 2], "epochs=2 is not allowed with Differ"),
        (["--epsilon", 1, "--delta", 1e-6, "--groups", "patient"], "groups is not allowed with"),
        (["--epsilon", 0, "--delta", 1e-6], "'epsilon' parameter of DifferentialPrivacy must be"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(patients, options, message, capsys):
    fit(patients, *options, code=2)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "public.json' is no JSON: "),
        ("\xff", "public.json' is no JSON: "),
        ("[1]", "public.json' holds no JSON object of columns."),
        ('{"weight": [0, 1]}', "public names 'weight', which is no column"),
        ('{"age": 3}', "public of column 'age' is 3; give a list of labels, or (lowest, highest)"),
    ],
)
def test_broken_files_of_what_is_public(patients, public, text, message, capsys):
    public.write_bytes(text.encode("latin-1"))
    fit(patients, "--epsilon", 1, "--delta", 1e-6, "--public", public, code=2)
    assert message in capsys.readouterr().err
