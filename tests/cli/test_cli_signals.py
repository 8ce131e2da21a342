import json
import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan import SignalGANSynthesizer
from synthgan.datasets import make_ecg
from synthgan.io.records import write_records
from synthgan.io.windows import SignalWindows
from tests.cli.test_cli import run

pytestmark = pytest.mark.usefixtures("few_trees")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
    import wfdb

N_RECORDS, FS_HZ = 12, 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of 4 s, two leads, labelled."""
    signals, diagnosis = make_ecg(
        N_RECORDS, n_samples=1000, fs_hz=FS_HZ, leads=("i", "ii"), return_y=True, random_state=0
    )
    info = pd.DataFrame({"diagnosis": diagnosis, "age": [40 + i for i in range(N_RECORDS)]})
    info.loc[2, "age"] = None
    path = tmp_path_factory.mktemp("ecg") / "records"
    write_records(path, SignalWindows(signals, FS_HZ, ("i", "ii"), info=info))
    return path


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.synthgan"
    labels = "diagnosis, age, heart_rate_bpm"
    run("fit", folder, "-o", path, "--leads", "i", "--n-samples", 500, "--labels", labels,
        "--max-steps", 2, "--seed", 0)  # fmt: skip
    return path


def read(folder, i=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wfdb.rdrecord(str(folder / f"synthetic_{i:05d}"))


def first_line(text):
    return text.splitlines()[0]


def one_error(capsys, *words):
    capsys.readouterr()
    run(*words, code=2)
    captured = capsys.readouterr()
    assert captured.err.startswith("synthgan: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_records_in_records_out(tmp_path, folder, model, capsys):
    out = tmp_path / "fake"
    run("sample", model, "-n", 3, "--out", out, "--seed", 1)
    assert capsys.readouterr().out == f"3 records written to {out}\n"
    assert len(list(out.glob("*.hea"))) == 3
    record = read(out, 2)
    assert (record.fs, record.sig_len, record.sig_name, record.units) == (250, 500, ["i"], ["mV"])
    assert np.isfinite(record.p_signal).all()
    assert record.comments[0].startswith("Synthetic signal")
    before = (out / "synthetic_00002.dat").read_bytes()
    assert "holds 3 of the records already" in one_error(
        capsys, "sample", model, "-n", 3, "--out", out, "--seed", 1
    )
    run("sample", model, "-n", 3, "--out", out, "--seed", 1, "--overwrite")
    assert (out / "synthetic_00002.dat").read_bytes() == before


def test_long_records_with_marked_beats(tmp_path, model):
    out = tmp_path / "fake"
    run("sample", model, "-n", 2, "--out", out, "--duration-s", 6, "--annotate", "--seed", 0)
    for i in range(2):
        assert read(out, i).sig_len == 6 * FS_HZ
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            marks = wfdb.rdann(str(out / f"synthetic_{i:05d}"), "atr")
        assert set(marks.symbol) == {"N"}
        assert (np.diff(marks.sample) > 0).all()


def test_conditions(tmp_path, model, capsys):
    asked, out = tmp_path / "asked.csv", tmp_path / "fake"
    asked.write_text("diagnosis,age\nHealthy control,46\nMyocardial infarction,\n")
    run("sample", model, "--conditions", asked, "--out", out)
    first, second = (read(out, i).comments for i in range(2))
    assert first[1:3] == ["diagnosis: Healthy control", "age: 46"]
    assert second[1] == "diagnosis: Myocardial infarction"
    assert not any(line.startswith("age") for line in second)
    asked.write_text("diagnosis\nFlu\n")
    assert "level 'Flu' is not known; known are ['Healthy control'" in one_error(
        capsys, "sample", model, "--conditions", asked, "--out", tmp_path / "none"
    )
    assert not (tmp_path / "none").exists()


def test_arrays(tmp_path, model, capsys):
    one, again, two, fake = (tmp_path / name for name in ("1.npy", "m", "2.npy", "f.npy"))
    run("sample", model, "-n", 5, "--out", one)
    assert f"5 windows written to {one}" in capsys.readouterr().out
    assert np.load(one).shape == (5, 500)
    run("fit", one, "--fs-hz", 250, "-o", again, "--max-steps", 1, "--labels", "heart_rate_bpm")
    assert first_line(capsys.readouterr().out) == (
        f"{one} read: 5 windows of 500 samples (2 s), lead i, 250 Hz"
    )
    run("sample", again, "-n", 1, "--out", tmp_path / "records")
    assert read(tmp_path / "records").fs == 250
    np.save(two, np.random.default_rng(0).normal(size=(4, 2, 300)))
    run("fit", two, "--fs-hz", 100, "--leads", "ii, v2", "-o", again, "--max-steps", 1)
    assert "300 samples (3 s), leads ii, v2, 100 Hz" in capsys.readouterr().out
    run("sample", again, "-n", 3, "--out", fake)
    assert np.load(fake).shape == (3, 2, 300)
    assert "leads; name them with --leads" in one_error(
        capsys, "fit", two, "--fs-hz", 100, "-o", again
    )
    np.save(two, np.zeros(9))
    assert "2.npy' has shape (9,); give" in one_error(
        capsys, "fit", two, "--fs-hz", 100, "-o", again
    )


@pytest.mark.parametrize(
    ("names", "options", "line"),
    [
        (["."], ["--window-s", 1], "12 records read: 48 windows of 250 samples (1 s), leads i, ii"),
        (["synthetic_00003.hea"], ["--window-s", 1], "1 record read: 4 windows of 250 samples"),
        (["synthetic_00003"], ["--n-samples", 100], "1 record read: 10 windows of 100 samples"),
        (
            ["synthetic_00003.hea", "synthetic_00004"],
            ["--leads", "II", "--fs-hz", 100, "--n-samples", 100],
            "2 records read: 8 windows of 100 samples (1 s), lead II, 100 Hz",
        ),
    ],
)
def test_reading_of_records(tmp_path, folder, capsys, names, options, line):
    paths = [folder / name for name in names]
    run("fit", *paths, *options, "-o", tmp_path / "m", "--max-steps", 1)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(line)
    n = line.split(": ")[1].split(" windows")[0]
    assert out[1:] == [f"Trained on {n} windows. Model written to {tmp_path / 'm'}"]


def test_dropped_windows_are_reported(tmp_path, capsys):
    signals = make_ecg(3, n_samples=750, fs_hz=FS_HZ, random_state=0)
    signals[1, 250:] = 0.0
    write_records(tmp_path / "ecg", signals, fs_hz=FS_HZ)
    run("fit", tmp_path / "ecg", "--n-samples", 250, "-o", tmp_path / "m", "--max-time", "1s",
        "--max-steps", 1)  # fmt: skip
    captured = capsys.readouterr()
    assert captured.out.startswith("3 records read: 7 windows of 250 samples")
    lines = captured.err.splitlines(keepends=True)
    assert "".join(line for line in lines if "PrivacyWarning" not in line) == (
        "synthgan: DataWarning: Left out 2 of 9 windows (2 flat in a lead, in record "
        "'synthetic_00001').\n"
        "synthgan: DataWarning: 7 windows are too few to calibrate samples: amplitudes, heights "
        "and heart rates may be wrong; give 20 windows or more.\n"
    )


def test_preset_of_the_thesis(tmp_path, capsys):
    signals = make_ecg(3, n_samples=2025, random_state=0)
    write_records(tmp_path / "ecg", signals, fs_hz=1000)
    made = tmp_path / "m"
    run("fit", tmp_path / "ecg", "--preset", "thesis-ecg-cnn", "-o", made, "--max-steps", 1)
    run("sample", made, "-n", 1, "--out", tmp_path / "fake")
    assert read(tmp_path / "fake").sig_len == 2025
    words = ("sample", made, "-n", 1, "--out", tmp_path / "long", "--duration-s", 9)
    assert "this model makes windows of one length" in one_error(capsys, *words)
    assert not (tmp_path / "long").exists()


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("records", ["--leads", "v9"], "has no lead 'v9'; it has ['i', 'ii']"),
        ("records", ["--leads", "i,I"], "leads=['i', 'I'] is not allowed"),
        ("records", ["--n-samples", 2000], "windows of 2000 samples (8 s) are longer than every"),
        ("records", ["--n-samples", 0], "n_samples=0 is not allowed"),
        ("records", ["--window-s", 1, "--fs-hz", 0], "fs_hz=0.0 is not allowed"),
        ("records", ["--window-s", 1, "--labels", "mood"], "no record has the label 'mood'; there"),
        ("records", ["--labels", "any"], "--condition-on any is for tables; give labels"),
        ("records", ["--window-s", 1, "--preset", "thesis-thyroid"], "known are ['thesis-ecg-cnn'"),
        ("records", ["--kind", "table"], "is a folder without Parquet, Feather or CSV file"),
        ("none", ["--kind", "signal"], "none' is neither a folder nor a WFDB record: no such file"),
        ("none.npy", [], "none.npy' does not contain a sampling rate; give it with"),
        ("none.npy", ["--fs-hz", 9], "none.npy' cannot be read: No such file"),
        ("none.npy", ["--fs-hz", 9, "--window-s", 1], "none.npy' already contains windows"),
        ("none.npy", ["more.npy", "--fs-hz", 9], "2 paths are given; give one npy file alone"),
        ("none.csv", ["--window-s", 1], "--window-s is for signals, but "),
        ("none.csv", ["more.csv"], "none.csv' cannot be read: No such file"),
    ],
)
def test_bad_input_of_fit(tmp_path, folder, capsys, data, options, message):
    made = tmp_path / "m"
    assert message in one_error(capsys, "fit", folder.parent / data, *options, "-o", made)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("x.csv", [], "x.csv' is a table, but "),
        ("x.npy", ["--annotate"], "--annotate needs WFDB records; give a folder"),
        ("no/x.npy", [], "no/x.npy' cannot be written: No such file"),
        ("x", ["--duration-s", 0], "duration_s=0.0 is not allowed"),
        ("x", ["--duration-s", 0.5, "--annotate"], "last 0.5 s; this measure needs at least 1 s"),
    ],
)
def test_bad_input_of_sample(tmp_path, model, capsys, out, options, message):
    words = ("sample", model, "-n", 2, "--out", tmp_path / out, *options)
    assert message in one_error(capsys, *words)
    assert not list(tmp_path.iterdir())


def test_no_signals_are_too_few(tmp_path, model, capsys):
    words = ("sample", model, "-n", 0, "--out", tmp_path / "x")
    assert "-n 0 is too few; give 1 or more" in one_error(capsys, *words)


def test_options_of_signals_are_not_for_rows(tmp_path, clinic, capsys):
    clinic[:50].to_csv(tmp_path / "a.csv", index=False)
    run("fit", tmp_path / "a.csv", "-o", tmp_path / "m", "--max-steps", 1)
    for options in (["--duration-s", 3], ["--annotate"], ["--overwrite"]):
        words = ("sample", tmp_path / "m", "-n", 2, "--out", tmp_path / "x.csv", *options)
        assert f"{options[0]} is for signals" in one_error(capsys, *words)


def test_models_fitted_on_arrays(tmp_path, capsys):
    signals = make_ecg(20, n_samples=250, fs_hz=FS_HZ, random_state=0)
    made = tmp_path / "m"
    SignalGANSynthesizer(fs_hz=FS_HZ, max_steps=1).fit(signals).save(made)
    run("sample", made, "-n", 2, "--out", tmp_path / "one")
    assert (read(tmp_path / "one").fs, read(tmp_path / "one").sig_name) == (FS_HZ, ["i"])
    SignalGANSynthesizer(max_steps=1).fit(signals).save(made)
    run("sample", made, "-n", 2, "--out", tmp_path / "x.npy")
    assert np.load(tmp_path / "x.npy").shape == (2, 250)
    words = ("sample", made, "-n", 2, "--out", tmp_path / "x")
    assert "the model has no sampling rate, which WFDB records need" in one_error(capsys, *words)
    SignalGANSynthesizer(fs_hz=FS_HZ, max_steps=1).fit(np.stack([signals] * 2, axis=1)).save(made)
    assert "the model has no lead names" in one_error(capsys, *words)


def test_evaluation_of_records(tmp_path, folder, model, capsys):
    """Real recordings of 4 s and synthetic ones of a window; cut, and compared by name."""
    run("sample", model, "-n", 30, "--out", tmp_path / "fake", "--seed", 0)
    capsys.readouterr()
    run("evaluate", folder, tmp_path / "fake", "--json", tmp_path / "r.json")
    assert "Faithful?" in capsys.readouterr().out
    scores = json.loads((tmp_path / "r.json").read_text())
    assert scores["settings"]["fs_hz"] == FS_HZ
    one = folder / "synthetic_00003.hea"
    run("evaluate", one, tmp_path / "fake", "--window-s", 1, "--leads", "I", "--fs-hz", 125)
    assert "Faithful?" in capsys.readouterr().out
    words = ("evaluate", folder, tmp_path / "fake", "--leads", "v9")
    assert "has no lead 'v9'; it has" in one_error(capsys, *words)
    assert "--window-s is for files of signals" in one_error(
        capsys, "evaluate", "a.csv", "b.csv", "--window-s", 1
    )


def test_leads_by_place_and_missing_leads(tmp_path, folder, capsys):
    made = tmp_path / "m"
    run("fit", folder, "--leads", "1", "--window-s", 1, "-o", made, "--max-steps", 1)
    assert "lead ii, 250 Hz" in capsys.readouterr().out
    write_records(tmp_path / "mixed", make_ecg(2, n_samples=750, fs_hz=FS_HZ), fs_hz=FS_HZ,
                  leads=["v1"], names=["other0", "other1"])  # fmt: skip
    words = ("fit", folder, tmp_path / "mixed", "--leads", "ii", "--window-s", 1, "-o", made)
    assert "has no lead 'ii'" in one_error(capsys, *words)
    run(*words, "--on-missing-lead", "skip", "--max-steps", 1)
    captured = capsys.readouterr()
    assert "12 records read" in captured.out
    assert "Left out 2 of 14 records" in captured.err
