import os
import shutil
import socket
import urllib.request
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records import Recording, read_records, write_records
from synthgan.io.windows import SignalWindows, windows
from tests.conftest import SHARED_DATA

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
    import wfdb

FOLDER_RECORD = "r 2 250 4\nr.dat 16 1000(0)/mV 16 0 1 10 0 I\nr.dat 16 10(5)/mmHg 16 0 2 14 0 BP\n"
SAMPLES = np.array([[1, 2], [2, 3], [3, 4], [4, 5]])


@pytest.fixture(scope="module")
def ecg() -> Path:
    path = SHARED_DATA / "ecg"
    if not path.exists():
        pytest.skip(f"{path} is absent: the real recordings are not part of the package")
    return path


@pytest.fixture(scope="module")
def lead_i(ecg):
    index = pd.read_csv(ecg / "ptbdb_index.csv").set_index("lead_i_record")
    return read_records(ecg / "ptbdb_lead_i", "I", patients=index["patient"])


def plant(folder, header=FOLDER_RECORD, samples=SAMPLES, name="r", encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_bytes(header.encode(encoding))
    (folder / f"{name}.dat").write_bytes(np.asarray(samples, dtype="<i2").tobytes())
    return folder / f"{name}.hea"


def annotations(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wfdb.rdann(str(path), "atr")


# Real records


def test_windows_of_the_thesis(ecg, lead_i):
    assert len(lead_i) == 53
    assert {record.leads for record in lead_i} == {("I",)}
    index = pd.read_csv(ecg / "ptbdb_index.csv").set_index("lead_i_record")
    for record in lead_i:
        row = index.loc[record.name]
        assert record.values.shape == (1, row.n)
        assert record.values.min() == pytest.approx(row.min_mV)
        assert record.values.max() == pytest.approx(row.max_mV)
        assert record.patient == row.patient
        assert record.labels["diagnosis"] == row.diagnosis
        assert record.labels["sex"] == row.sex
    cut = windows(lead_i)
    assert len(cut) == 2966
    assert cut.info["patient"].nunique() == 41
    assert list(cut.info) == ["record", "patient", "start_s", "diagnosis", "age", "sex"]
    first = wfdb.rdrecord(str(ecg / "ptbdb_lead_i" / cut.info["record"][1]), sampfrom=2025)
    assert np.array_equal(cut.values[1, 0], np.float32(first.p_signal[:2025, 0]))


@pytest.mark.parametrize(("clip_at", "least_found"), [(0.3, 0.9), (0.5, 0.6)])
def test_clipped_windows_are_mostly_found(lead_i, clip_at, least_found):
    cut = windows(lead_i[::10]).values.astype(np.float64)
    middle, top = np.median(cut, axis=2, keepdims=True), cut.max(axis=2, keepdims=True)
    clipped = np.minimum(cut, middle + clip_at * (top - middle))
    record = Recording("a", np.concatenate([*cut, *clipped], axis=1), 1e3, ("I",), ("mV",), {}, "a")
    with pytest.warns(DataWarning, match="saturated in a lead"):
        kept = windows(record)
    assert (kept.info["start_s"] < 2.025 * len(cut) - 1e-6).sum() == len(cut)
    assert len(kept) - len(cut) < (1 - least_found) * len(cut)


def test_whole_records(ecg):
    records = read_records(ecg / "ptbdb")
    assert [record.name for record in records] == ["s0010_re", "s0306lre"]
    expected = wfdb.rdrecord(str(ecg / "ptbdb" / "s0010_re"))
    assert np.array_equal(records[0].values, expected.p_signal.T)
    assert records[0].leads == tuple(expected.sig_name)
    assert records[0].labels["Ventriculography"] == "Akinesia inferior wall"
    assert "Pulmonary artery pressure (at rest) (mean)" not in records[0].labels
    assert "Hemodynamics" not in records[0].labels
    two = read_records(ecg / "ptbdb" / "s0010_re.dat", ["V2", "i"])[0]
    assert two.leads == ("V2", "i")
    assert np.array_equal(two.values, records[0].values[[7, 0]])
    assert two.patient == "s0010_re"


def test_format_212(ecg, tmp_path):
    (record,) = read_records(ecg / "mitdb" / "100.hea")
    assert (record.name, record.fs_hz, record.leads) == ("100", 360.0, ("MLII", "V5"))
    assert record.values.shape == (2, 650_000)
    assert record.labels == {}
    marks = annotations(ecg / "mitdb" / "100")
    beats = marks.sample[np.isin(marks.symbol, list("NAV"))]
    cut = windows(record, window_s=0.5, align="beats", step=1)
    found = np.rint(cut.info["start_s"] * 360) + 90
    assert np.mean([abs(found - beat).min() <= 20 for beat in beats]) > 0.998
    assert len(windows(record, window_s=2)) == 902
    shutil.copy(ecg / "mitdb" / "100.hea", tmp_path / "100.hea")
    (tmp_path / "100.dat").write_bytes((ecg / "mitdb" / "100.dat").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"100': its signal file is shorter than the header says"):
        read_records(tmp_path)


def test_resampling_keeps_waves_and_time(lead_i):
    record = lead_i[0]
    folder_rate = read_records(SHARED_DATA / "ecg" / "ptbdb_lead_i" / record.name, fs_hz=360)[0]
    assert folder_rate.fs_hz == 360.0
    assert folder_rate.values.shape[1] == round(record.values.shape[1] * 0.36)
    t_s = np.arange(folder_rate.values.shape[1]) / 360
    expected = np.interp(t_s * 1000, np.arange(record.values.shape[1]), record.values[0])
    assert np.corrcoef(folder_rate.values[0], expected)[0, 1] > 0.99


# Resampling, units, segments


@pytest.mark.parametrize("fs_hz", [100, 360, 257.3, 1000])
def test_a_constant_and_a_slow_wave_survive_resampling(tmp_path, fs_hz):
    t_s = np.arange(1000) / 250
    signals = np.array([np.full(1000, 3.5), np.sin(2 * np.pi * t_s)])[None]
    write_records(tmp_path, signals, fs_hz=250, leads=["a", "b"])
    (record,) = read_records(tmp_path, fs_hz=fs_hz)
    assert record.values.shape[1] == round(4 * fs_hz)
    assert np.allclose(record.values[0], 3.5, atol=1e-9)
    new_s = np.arange(record.values.shape[1]) / fs_hz
    inner = slice(round(0.1 * fs_hz), -round(0.1 * fs_hz))
    assert np.allclose(record.values[1][inner], np.sin(2 * np.pi * new_s)[inner], atol=5e-3)


def test_missing_samples_stay_where_they_were(tmp_path):
    signal = np.sin(np.arange(400) / 20)
    signal[:10] = signal[200:250] = np.nan
    write_records(tmp_path, signal[None], fs_hz=200)
    (record,) = read_records(tmp_path, fs_hz=300)
    missing = np.flatnonzero(np.isnan(record.values[0])) / 300
    assert missing.min() == 0
    assert np.all((missing < 10 / 200) | ((missing > 199 / 200) & (missing < 250 / 200)))
    assert len(missing) / 300 == pytest.approx(60 / 200, abs=0.02)
    write_records(tmp_path / "none", np.full((1, 400), np.nan), fs_hz=200)
    assert np.isnan(read_records(tmp_path / "none", fs_hz=300)[0].values).all()
    with pytest.raises(ParameterError, match=r"fs_hz=1e-06 is too far below the records' 200 Hz"):
        read_records(tmp_path / "none", fs_hz=1e-6)


@pytest.mark.parametrize(
    ("unit", "encoding", "factor", "new"),
    [
        ("uV", "utf-8", 1e-3, "mV"),
        ("µV", "utf-8", 1e-3, "mV"),
        ("μV", "utf-8", 1e-3, "mV"),
        ("µV", "latin-1", 1e-3, "mV"),
        ("V", "utf-8", 1e3, "mV"),
        ("nV", "utf-8", 1e-6, "mV"),
        ("mmHg", "utf-8", 1, "mmHg"),
    ],
)
def test_volts_become_millivolts(tmp_path, unit, encoding, factor, new):
    header = f"# {unit}\n\nr 1 250 3\nr.dat 16 10/{unit} 16 0 1 6 0 I\n# by: Müller\n"
    plant(tmp_path, header, [1, 2, 3], encoding=encoding)
    (record,) = read_records(tmp_path)
    assert record.units == (new,)
    assert np.allclose(record.values, np.array([[0.1, 0.2, 0.3]]) * factor)
    assert record.labels == {"by": "Müller"}


def test_segments_are_one_record(tmp_path):
    part = "{0} {1} 100 3\n" + "{0}.dat 16 10/mV 16 0 0 {2} 0 I\n"
    plant(tmp_path, part.format("a1", 1, 6), [1, 2, 3], "a1")
    two = part.format("a2", 2, 9) + "a2.dat 16 10/mV 16 0 0 12 0 II\n"
    plant(tmp_path, two, [[2, 3], [3, 4], [4, 5]], "a2")
    layout = "lay 2 100 0\n~ 0 10/mV 0 0 0 0 0 I\n~ 0 10/mV 0 0 0 0 0 II\n"
    (tmp_path / "lay.hea").write_text(layout)
    (tmp_path / "v.hea").write_text("v/4 2 100 8\nlay 0\na1 3\n~ 2\na2 3\n# age: 7\n")
    (record,) = read_records(tmp_path)
    nan = np.nan
    expected = [[0.1, 0.2, 0.3, nan, nan, 0.2, 0.3, 0.4], [nan] * 5 + [0.3, 0.4, 0.5]]
    assert np.array_equal(record.values, expected, equal_nan=True)
    assert (record.name, record.leads, record.labels) == ("v", ("I", "II"), {"age": "7"})
    assert read_records(tmp_path / "a1")[0].values.shape == (1, 3)
    (tmp_path / "f.hea").write_text("f/2 1 100 6\na1 3\na1 3\n")
    fixed = read_records(tmp_path / "f", "i")[0]
    assert np.array_equal(fixed.values, [[0.1, 0.2, 0.3] * 2])
    plant(tmp_path, two.replace("mV", "uV"), [[2, 3], [3, 4], [4, 5]], "a2")
    with pytest.raises(DataError, match=r"v' has segments with lead 'I' in \['mV', 'uV'\]"):
        read_records(tmp_path / "v")
    plant(tmp_path, two, [[2, 3], [3, 4], [4, 6]], "a2")
    with pytest.raises(DataError, match="v': the samples of lead 'II' have the checksum 13"):
        read_records(tmp_path / "v")
    (tmp_path / "a2.hea").unlink()
    with pytest.raises(DataError, match=r"v' lacks its file 'a2\.hea'"):
        read_records(tmp_path / "v")


def test_leads_of_different_rates(tmp_path):
    header = "r 2 100 50\nr.dat 16x2 10/mV 16 0 0 {} 0 I\nr.dat 16 10/mmHg 16 0 0 {} 0 BP\n"
    frames = np.arange(150).reshape(50, 3)
    sums = frames[:, :2].sum(), frames[:, 2].sum()
    plant(tmp_path, header.format(*sums), frames)
    (fast,) = read_records(tmp_path, "I")
    assert (fast.fs_hz, fast.values.shape) == (200.0, (1, 100))
    assert np.array_equal(fast.values[0] * 10, frames[:, :2].ravel())
    with pytest.raises(DataError, match=r"r' has the leads \['I', 'BP'\] at \[200.0, 100.0\] Hz"):
        read_records(tmp_path)
    (both,) = read_records(tmp_path, fs_hz=200)
    assert both.values.shape == (2, 100)
    assert np.array_equal(both.values[0], fast.values[0])


def test_headers_without_some_fields(tmp_path):
    plant(tmp_path, "r 2 250\nr.dat 16 1000\nr.dat 16:1 1000(0)/mV 16 0 0 999 0 II\n")
    (record,) = read_records(tmp_path)
    assert record.leads == ("signal 0", "II")
    assert np.array_equal(record.values[1], [0.003, 0.004, 0.005, np.nan], equal_nan=True)


# Patients, names, folders


def test_patients(tmp_path):
    for folder in ("patient001", "patient002", "other"):
        plant(tmp_path / folder, FOLDER_RECORD + "# Patient: 17\n", name="r")
    (tmp_path / ".hidden").mkdir()
    plant(tmp_path / ".hidden", "broken")
    records = read_records(tmp_path)
    names = [str(tmp_path / folder / "r") for folder in ("other", "patient001", "patient002")]
    assert [record.name for record in records] == names
    assert [record.patient for record in records] == ["17", "patient001", "patient002"]
    below = read_records([tmp_path / "patient001", tmp_path / "other" / "r.hea"])
    assert [record.patient for record in below] == ["patient001", "17"]
    (alone,) = read_records(tmp_path / "other", patients={"r": 5})
    assert alone.patient == "5"
    with pytest.raises(DataError, match="none for record 'r'; 1 of 1 records lack one"):
        read_records(tmp_path / "other", patients={"s": 5})
    with pytest.raises(DataError, match="none for record 'r'"):
        read_records(tmp_path / "other", patients=pd.Series({"r": None}))
    with pytest.raises(ParameterError, match="patients gives record 'r' more than once"):
        read_records(tmp_path / "other", patients=pd.Series([1, 2], index=["r", "r"]))
    with pytest.raises(ParameterError, match="neither a mapping nor a Series"):
        read_records(tmp_path / "other", patients=["r"])
    with pytest.raises(DataError, match="r' is given more than once"):
        read_records([tmp_path / "other", tmp_path / "other" / "r"])


def test_relative_paths_know_their_folder(tmp_path, monkeypatch):
    plant(tmp_path / "patient007")
    monkeypatch.chdir(tmp_path / "patient007")
    assert read_records("r")[0].patient == "patient007"
    assert read_records(".")[0].name == "r"


def test_labels(tmp_path):
    comments = (
        "# age: 81 \n#sex:  F\n# empty:\n# a: n/a\n# 69 M 1085\n# age: 3\n# at 12:30 noted\n"
        "# Reason for admission: Healthy: yes\n"
    )
    plant(tmp_path, FOLDER_RECORD + comments)
    labels = read_records(tmp_path)[0].labels
    healthy = {"Reason for admission": "Healthy: yes", "diagnosis": "Healthy: yes"}
    assert labels == {"age": "81", "sex": "F", **healthy}
    plant(tmp_path, FOLDER_RECORD + comments + "# Diagnosis: x\n")
    assert "diagnosis" not in read_records(tmp_path)[0].labels


def test_headers_without_signals_are_counted(tmp_path):
    plant(tmp_path)
    (tmp_path / "notes.hea").write_text("notes 0 250\n")
    with pytest.warns(DataWarning, match="^Left out 1 of 2 headers: they have no signals") as told:
        assert len(read_records(tmp_path)) == 1
    assert told[0].filename == __file__
    with pytest.raises(DataError, match="notes' has no signals"):
        read_records(tmp_path / "notes")
    (tmp_path / "r.hea").unlink()
    with pytest.raises(DataError, match="holds no WFDB record with signals"):
        read_records(tmp_path)


# Bad input


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/no/such/folder", "'/no/such/folder' is no folder and no WFDB record: no such file"),
        ("./nothing", "'./nothing' is no folder"),
        ("ptbdb/patient001/s0010_re.hea", "s0010_re.hea' is no folder"),
        ("nothing", "'nothing' is no folder"),
        ("here/nothing", "'here/nothing' is no folder"),
        ([], "the list of paths is empty"),
    ],
)
def test_no_such_path(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("it went on line"))
    (tmp_path / "here").mkdir()
    with pytest.raises(DataError, match=message):
        read_records(path)


def test_no_path():
    with pytest.raises(ParameterError, match="path=3 is not allowed"):
        read_records(3)


@pytest.mark.parametrize(
    ("header", "samples", "message"),
    [
        ("", SAMPLES, "r': its header is no WFDB header .IndexError"),
        ("<html>", SAMPLES, "r': its header is no WFDB header .HeaderSyntaxError"),
        ("r 3 250 4\n" + FOLDER_RECORD[10:], SAMPLES, "announces 3 signals and describes 2"),
        ("r 2 250 4\n", SAMPLES, "announces 2 signals and describes 0"),
        (FOLDER_RECORD, SAMPLES[:3], "r': its signal file is shorter than the header says"),
        (FOLDER_RECORD.replace("250 4", "250 9"), SAMPLES, "shorter than the header says"),
        (FOLDER_RECORD.replace(" 16 1000", " 99 1000"), SAMPLES, "or damaged .KeyError"),
        (FOLDER_RECORD.replace(" 16 10(", " 99 10("), SAMPLES, "or damaged .KeyError"),
        (
            FOLDER_RECORD.replace(" 10 0 I", " 11 0 I"),
            SAMPLES,
            "lead 'I' have the checksum 10, its",
        ),
        (FOLDER_RECORD, SAMPLES[::-1] - 9, "lead 'I' have the checksum -26, its header says 10"),
        (FOLDER_RECORD.replace("250 4", "250 0"), SAMPLES, "r': its header gives 0 samples\\."),
        (FOLDER_RECORD.replace("250 4", "0 4"), SAMPLES, "its header gives 0 samples per second"),
        (FOLDER_RECORD.replace("BP", "i"), SAMPLES, "r' has more than one lead 'I'; it has"),
    ],
)
def test_damaged_records(tmp_path, header, samples, message):
    file = plant(tmp_path, header, samples)
    with pytest.raises(DataError, match=message) as caught:
        read_records(file)
    assert str(file.with_suffix("")) in str(caught.value)


def test_missing_files(tmp_path):
    plant(tmp_path)
    (tmp_path / "r.dat").unlink()
    with pytest.raises(DataError, match=r"record '.*r' lacks its file 'r\.dat'"):
        read_records(tmp_path)
    (tmp_path / "r.dat").mkdir()
    with pytest.raises(DataError, match="r' cannot be read: Is a directory"):
        read_records(tmp_path)


def test_records_that_differ(tmp_path):
    plant(tmp_path, name="a")
    plant(tmp_path, name="b", header=FOLDER_RECORD.replace("BP", "II"))
    for name in "ab":
        text = (tmp_path / f"{name}.hea").read_text()
        (tmp_path / f"{name}.hea").write_text(text.replace("r.dat", f"{name}.dat"))
    with pytest.raises(DataError, match=r"b' has the leads \['I', 'II'\], the first record has"):
        read_records(tmp_path)
    assert len(read_records(tmp_path, "i")) == 2
    with pytest.raises(DataError, match=r"a' has no lead 'II'; it has \['I', 'BP'\]"):
        read_records(tmp_path, ["I", "II"])
    text = (tmp_path / "b.hea").read_text()
    (tmp_path / "b.hea").write_text(text.replace("250", "500"))
    with pytest.raises(DataError, match="'b' has 500 Hz, the first, 'a', has 250 Hz; give fs_hz"):
        read_records(tmp_path, ["I"])
    assert {record.fs_hz for record in read_records(tmp_path, ["I"], fs_hz=100)} == {100.0}
    (tmp_path / "b.hea").write_text(text.replace("1000(0)/mV", "1000/NU"))
    with pytest.raises(DataError, match="'b' has lead 'I' in 'NU', the first, 'a', has it in 'mV'"):
        read_records(tmp_path, ["I"])


@pytest.mark.parametrize("leads", [[], ["I", "i"]])
def test_leads_that_are_none(tmp_path, leads):
    plant(tmp_path)
    with pytest.raises(ParameterError, match=r"leads=.* is not allowed; give different names"):
        read_records(tmp_path, leads)
    with pytest.raises(ParameterError, match="fs_hz=-1 is not allowed"):
        read_records(tmp_path, fs_hz=-1)


# PhysioNet


def test_off_line(monkeypatch):
    def unreachable(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    message = (
        "'ptbdb/patient001/s0010_re' is no file here and cannot be read from PhysioNet .*; go on "
        "line, check its name, or give a local folder"
    )
    with pytest.raises(DataError, match=message):
        read_records("ptbdb/patient001/s0010_re")


def test_on_line(tmp_path, monkeypatch):
    plant(tmp_path / "someptb" / "1.0.0" / "patient001", FOLDER_RECORD + "# age: 3\n")
    monkeypatch.chdir("/")
    monkeypatch.setattr(wfdb.io.download.config, "db_index_url", tmp_path.as_uri())
    (record,) = read_records("someptb/1.0.0/patient001/r")
    assert (record.name, record.patient, record.labels) == ("r", "patient001", {"age": "3"})
    assert np.array_equal(record.values[0], [0.001, 0.002, 0.003, 0.004])
    with pytest.raises(DataError, match="0/patient001/s' is no file here and cannot be read"):
        read_records("someptb/1.0.0/patient001/s")

    def absent(url, **_):
        raise urllib.error.HTTPError(url, 404, "Not Found", None, None)

    monkeypatch.setattr(urllib.request, "urlopen", absent)
    assert len(read_records("someptb/1.0.0/patient001/r")) == 1
    with pytest.raises(DataError, match=r"cannot be read from PhysioNet \(FileNotFound"):
        read_records("someptb/1.0.0/patient001/s")


# Writing

texts = st.text(st.characters(codec="utf-8", exclude_characters=":#"), min_size=1, max_size=8)


@st.composite
def written(draw):
    n, n_leads = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    values = rng.normal(size=(n, n_leads, draw(st.integers(1, 40))))
    values *= 10.0 ** draw(st.floats(-3, 3)) / abs(values).max()
    values += draw(st.sampled_from([0.0, 0.0, 1.0, -300.0, 1e5]))
    values[rng.random(values.shape) < draw(st.sampled_from([0, 0.2, 1]))] = np.nan
    values = values.astype(draw(st.sampled_from([np.float32, np.float64])))
    fs_hz = draw(st.integers(1, 2000) | st.floats(0.01, 5000))
    units = draw(st.lists(st.sampled_from(["mV", "uV", "mmHg", "%"]), min_size=3, max_size=3))
    words = texts.map(lambda text: " ".join(text.split()))
    keys = draw(st.lists(words.filter(bool), max_size=2, unique=True))
    keys = [key for key in keys if key.casefold() not in ("record", "patient", "start_s")]
    info = pd.DataFrame({key: [draw(words) for _ in range(n)] for key in keys}, index=range(n))
    return SignalWindows(values, fs_hz, ("I", "aVR x", "3")[:n_leads], units[:n_leads], info)


@given(cut=written())
@settings(max_examples=60)
def test_what_is_written_is_read(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("records") / "new"
    files = write_records(folder, cut)
    assert [file.name for file in files] == [f"synthetic_{i:05d}.hea" for i in range(len(cut))]
    assert sorted(folder.parent.iterdir()) == [folder]
    records = read_records(folder)
    for i, (file, record) in enumerate(zip(files, records, strict=True)):
        theirs = wfdb.rdrecord(str(file.with_suffix("")))
        assert theirs.comments[0].startswith("Synthetic signal made by synthgan")
        assert (theirs.units, theirs.fmt) == (list(cut.units), ["16"] * len(cut.leads))
        assert record.leads == cut.leads == tuple(theirs.sig_name)
        assert record.fs_hz == pytest.approx(cut.fs_hz, rel=1e-8)
        step = 1 / np.array(theirs.adc_gain)[:, None]
        mv = np.array([0.001 if unit == "uV" else 1.0 for unit in cut.units])[:, None]
        ours = cut.values[i].astype(np.float64)
        for values in (theirs.p_signal.T, record.values / mv):
            assert np.array_equal(np.isnan(values), np.isnan(ours))
            assert np.all((abs(values - ours) <= 0.501 * step) | np.isnan(ours))
        labels = {key: text for key, text in cut.info.iloc[i].items() if text}
        labels = {key: text for key, text in labels.items() if text.casefold() != "n/a"}
        assert record.labels == labels


def gains(folder, values, **options):
    (file,) = write_records(folder, np.array(values)[None, None], fs_hz=100, **options)
    record = wfdb.rdheader(str(file.with_suffix("")))
    return record.adc_gain[0], record.baseline[0]


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([-2.0, 2.0], "mV", (2000.0, 0)),
        ([-16.0, 16.0], "mV", (2000.0, 0)),
        ([300.0, 302.0], "mV", (2000.0, -602_000)),
        ([-40.0, 40.0], "mV", (500.0, 0)),
        ([-1000.0, 1000.0], "mV", (20.0, 0)),
        ([np.nan, np.nan], "mV", (2000.0, 0)),
        ([-2000.0, 2000.0], "uV", (2.0, 0)),
        ([-0.002, 0.002], "V", (2e6, 0)),
        ([0.0, 120.0], "mmHg", (200.0, 0)),
        ([0.0, 1e-9], "NU", (2e13, 0)),
        ([0.0, 0.0], "NU", (1.0, 0)),
        ([-1e300, 1e300], "mV", (2e-296, 0)),
        ([1e9, 1e9], "mV", (2.0, -2_000_000_000)),
    ],
)
def test_gain(tmp_path, values, unit, expected):
    gain, baseline = gains(tmp_path, values, units=[unit])
    assert gain == pytest.approx(expected[0])
    assert baseline == expected[1]


def test_digital_step(tmp_path):
    assert gains(tmp_path, [-1.0, 1.0], digital_step=0.005) == (200.0, 0)
    assert gains(tmp_path, [-32767.0, 32767.0], digital_step=1, names=["a"]) == (1.0, 0)
    assert gains(tmp_path, [500.0, 501.0], digital_step=0.001, names=["b"]) == (1000.0, -500_500)
    message = (
        "'c', lead 'i': values from -1 to 1 mV do not fit into 16 bits with digital_step=1e-05; "
        "give 3.1e-05 or more, or None"
    )
    with pytest.raises(DataError, match=message):
        gains(tmp_path, [-1.0, 1.0], digital_step=1e-5, names=["c"])
    with pytest.raises(ParameterError, match="digital_step=0 is not allowed"):
        gains(tmp_path, [-1.0, 1.0], digital_step=0, names=["c"])
    assert not list(tmp_path.glob("c.*"))


def beating(n=3, duration_s=2.0, fs_hz=250.0):
    t_s = np.arange(round(duration_s * fs_hz)) / fs_hz
    beats_s = np.array([[0.4, 1.1, 1.7]]) + 0.05 * np.arange(n)[:, None]
    wave = np.exp(-(((t_s - beats_s[..., None]) / 0.02) ** 2)).sum(axis=1)
    return wave, np.rint(beats_s * fs_hz)


def test_r_peaks_found(tmp_path):
    wave, beats = beating()
    write_records(tmp_path / "a", wave, fs_hz=250, r_peaks=True)
    for i, expected in enumerate(beats):
        marks = annotations(tmp_path / "a" / f"synthetic_{i:05d}")
        assert marks.symbol == ["N"] * 3
        assert abs(marks.sample - expected).max() <= 1


@given(st.lists(st.sets(st.integers(0, 199_999), max_size=6), min_size=1, max_size=3))
@settings(max_examples=20)
def test_r_peaks_given(tmp_path_factory, peaks):
    folder = tmp_path_factory.mktemp("peaks")
    peaks = [sorted(each) for each in peaks]
    write_records(folder, np.zeros((len(peaks), 200_000)), fs_hz=250, r_peaks=peaks)
    for i, each in enumerate(peaks):
        marks = annotations(folder / f"synthetic_{i:05d}")
        assert marks.sample.tolist() == each
        assert marks.symbol == ["N"] * len(each)


@pytest.mark.parametrize(
    ("r_peaks", "error", "message"),
    [
        (False, ParameterError, "r_peaks=False is not allowed; give None, True or arrays"),
        ("N", ParameterError, "r_peaks='N' is not allowed"),
        (7, ParameterError, "r_peaks=7 is not allowed"),
        ([[1]], ParameterError, "r_peaks has 1 entries for 2 windows"),
        ([[1], [3, 2]], ParameterError, r"r_peaks\[1\] is not allowed; give whole numbers from 0"),
        ([[1, 1], [3]], ParameterError, r"r_peaks\[0\] is not allowed"),
        ([[-1], [3]], ParameterError, r"r_peaks\[0\] is not allowed"),
        ([[1], [500]], ParameterError, r"r_peaks\[1\] .* to 499, each greater"),
        ([[1.5], [3]], ParameterError, r"r_peaks\[0\] is not allowed"),
        ([3, 4], ParameterError, r"r_peaks\[0\] is not allowed"),
    ],
)
def test_r_peaks_that_are_none(tmp_path, r_peaks, error, message):
    with pytest.raises(error, match=message):
        write_records(tmp_path, beating(2)[0], fs_hz=250, r_peaks=r_peaks)


def test_r_peaks_that_cannot_be_found(tmp_path):
    wave, _ = beating(3)
    with pytest.raises(
        DataError, match=r"r_peaks=True cannot be done: .* last 0.4 s; this measure"
    ):
        write_records(tmp_path, wave[:, :100], fs_hz=250, r_peaks=True)
    with pytest.raises(DataError, match="r_peaks=True cannot be done: fs_hz=50 is too low"):
        write_records(tmp_path, wave, fs_hz=50, r_peaks=True)
    wave[1, 7] = np.nan
    with pytest.raises(
        DataError, match="1 windows have missing samples in lead 'i', where R peaks"
    ):
        write_records(tmp_path, wave, fs_hz=250, r_peaks=True)
    assert not list(tmp_path.iterdir())


def test_own_labels_only(tmp_path):
    info = pd.DataFrame(
        {"record": ["a"], "patient": ["p"], "start_s": [0.0], "age": [81], "note": ["a\n b"]}
    )
    info["empty"] = None
    (file,) = write_records(tmp_path, SignalWindows(np.zeros((1, 1, 9)), 250, "i", None, info))
    assert file.read_text().splitlines()[3:] == ["# age: 81", "# note: a b"]
    assert file.read_text().splitlines()[2] == (
        "# Synthetic signal made by synthgan; no patient was recorded."
    )


@pytest.mark.parametrize("key", ["a:b", " a", "a  b", "", "#a", "a\nb"])
def test_labels_that_no_header_holds(tmp_path, key):
    cut = SignalWindows(np.zeros((1, 1, 9)), 250, "i", None, pd.DataFrame({key: ["x"]}))
    with pytest.raises(DataError, match=r"label '.*' cannot stand in a WFDB header; rename"):
        write_records(tmp_path, cut)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fs_hz": None}, ParameterError, "fs_hz=None is not allowed with an array"),
        ({"leads": None, "values": np.zeros((1, 2, 9))}, ParameterError, "with 2 leads; name them"),
        ({"values": np.zeros(9)}, DataError, r"windows of shape \(9,\)"),
        ({"values": np.zeros((0, 9))}, DataError, "there are no windows to write"),
        ({"values": np.array([[1, np.inf, -np.inf]])}, DataError, "hold 2 infinite values"),
        ({"leads": "µ"}, DataError, "lead 'µ' cannot stand in a WFDB header; use plain ASCII"),
        ({"leads": " i"}, DataError, "lead ' i' cannot stand"),
        ({"leads": ""}, DataError, "lead '' cannot stand"),
        ({"units": "µV"}, DataError, "unit 'µV' cannot stand"),
        ({"units": "m V"}, DataError, "unit 'm V' cannot stand"),
        ({"names": ["a", "b"]}, ParameterError, "names has 2 entries for 1 windows"),
        ({"names": "a.b"}, ParameterError, r"the name 'a\.b' is not allowed; use letters"),
        ({"names": [3]}, ParameterError, "the name 3 is not allowed"),
        ({"names": ["../a"]}, ParameterError, r"the name '\.\./a' is not allowed"),
        (
            {"names": ["a", "A"], "values": np.zeros((2, 9))},
            ParameterError,
            "names holds 'a' more than once",
        ),
        (
            {"values": SignalWindows(np.zeros((1, 1, 9)), 250, "i")},
            ParameterError,
            "fs_hz, leads and units are those of the SignalWindows",
        ),
    ],
)
def test_what_cannot_be_written(tmp_path, options, error, message):
    options = {"fs_hz": 250, "values": np.zeros((1, 9)), **options}
    with pytest.raises(error, match=message):
        write_records(tmp_path / "new", options.pop("values"), **options)
    assert not list(tmp_path.iterdir())


def test_records_are_not_replaced_unasked(tmp_path):
    (tmp_path / "other.txt").write_text("kept")
    write_records(tmp_path, np.zeros((1, 9)), fs_hz=250, names="b", r_peaks=[[4]])
    with pytest.raises(DataError, match="holds 1 of the records already, 'b' first; give other"):
        write_records(tmp_path, np.ones((2, 9)), fs_hz=250, names=["a", "b"])
    assert sorted(os.listdir(tmp_path)) == ["b.atr", "b.dat", "b.hea", "other.txt"]
    write_records(tmp_path, np.ones((2, 9)), fs_hz=250, names=["a", "b"], overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["a.dat", "a.hea", "b.dat", "b.hea", "other.txt"]
    assert (read_records(tmp_path)[1].values == 1).all()


def test_nothing_half_written(tmp_path, monkeypatch):
    with pytest.raises(
        DataError, match=r"record 'synthetic_00001', lead 'i': values .* do not fit"
    ):
        write_records(tmp_path / "new", [[0, 1], [0, 99]], fs_hz=250, digital_step=1e-3)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file' is a file; give a folder"):
        write_records(tmp_path / "file", np.zeros((1, 9)), fs_hz=250)
    with pytest.raises(DataError, match="cannot be written: Not a directory"):
        write_records(tmp_path / "file" / "new", np.zeros((1, 9)), fs_hz=250)
    full = lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))  # noqa: E731
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="new' cannot be written: No space left on device"):
        write_records(tmp_path / "new", np.zeros((1, 9)), fs_hz=250)
    assert os.listdir(tmp_path) == ["file"]
