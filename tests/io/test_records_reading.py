import socket
import subprocess
import sys
import urllib.request
import warnings
from string import whitespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records import read_records, write_records

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
    import wfdb

FOLDER_RECORD = "r 2 250 4\nr.dat 16 1000(0)/mV 16 0 1 10 0 I\nr.dat 16 10(5)/mmHg 16 0 2 14 0 BP\n"
SAMPLES = np.array([[1, 2], [2, 3], [3, 4], [4, 5]])


def plant(folder, header=FOLDER_RECORD, samples=SAMPLES, name="r", encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_bytes(header.encode(encoding))
    (folder / f"{name}.dat").write_bytes(np.asarray(samples, dtype="<i2").tobytes())
    return folder / f"{name}.hea"


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
    assert record.labels == {"by": "Müller", "comment": unit}


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
    with pytest.raises(DataError, match=r"the file 'a2\.hea' of record"):
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
    with pytest.raises(DataError, match="no entry for record 'r'; 1 of 1 records have none"):
        read_records(tmp_path / "other", patients={"s": 5})
    for unknown in (pd.Series({"r": None}), {"r": None}, {"r": np.nan}, {"r": ""}):
        with pytest.raises(DataError, match="no entry for record 'r'"):
            read_records(tmp_path / "other", patients=unknown)
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
    free = {"comment": "at 12:30 noted"}  # "69 M" comes after age and sex
    assert labels == {"age": "81", "sex": "F", **healthy, **free}
    plant(tmp_path, FOLDER_RECORD + comments + "# Diagnosis: x\n")
    assert "diagnosis" not in read_records(tmp_path)[0].labels


# Parts of comments in any order, and what once took the square of their length.
comments = st.lists(st.sampled_from(["#", " ", ":", "a", "b: ", "\xa0", "é"]), max_size=12)


@given(comments)
def test_labels_are_keys_and_values(tmp_path_factory, pieces):
    folder = tmp_path_factory.mktemp("r")
    line = "#" + "".join(pieces)
    plant(folder, FOLDER_RECORD + line + "\n")
    (record,) = read_records(folder)
    key, _, value = line.lstrip("#" + whitespace + "\xa0").partition(":")
    if "  " in line.strip() or "\xa0" in line:  # may hold several labels
        assert all(key.strip() == key and value.strip() == value and value
                   for key, value in record.labels.items())  # fmt: skip
    elif key.strip() and (not value or value[0].isspace()) and ":" in line:
        assert record.labels == ({key.strip(): value.strip()} if value.strip() else {})
    else:
        free = line.lstrip("#" + whitespace).strip()
        assert record.labels == ({"comment": free} if free else {})


def test_long_comments_take_no_square_of_their_length(tmp_path):
    """A square of a million characters would take an hour; a minute of the processor is given."""
    resource = pytest.importorskip("resource")  # Windows has none
    for i, piece in enumerate(("a ", "# ", "a: ", " ", "a")):
        plant(tmp_path / str(i), f"{FOLDER_RECORD}# {piece * 2**19}\n", name=f"r{i}")
        text = (tmp_path / str(i) / f"r{i}.hea").read_text()
        (tmp_path / str(i) / f"r{i}.hea").write_text(text.replace("r.dat", f"r{i}.dat"))
    words = f"from synthgan.io.records import read_records; read_records({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("mark", ["\u2028", "1", "\x85"])
def test_long_lines_are_refused_before_they_are_parsed(tmp_path, mark):
    """A line ends where wfdb sees its end, which reads ASCII only."""
    plant(tmp_path, "1" * 300 + mark + "1" * 300 + "\n", name="r")
    with pytest.raises(DataError, match=r"'r.hea' has a line of 60. characters; 500 are allowed"):
        read_records(tmp_path)
    plant(tmp_path, "v/1 1 250 4\nr 4\n", name="v")
    with pytest.raises(DataError, match=r"v': its header 'r.hea' has a line of 60. characters"):
        read_records(tmp_path / "v")
    plant(tmp_path, FOLDER_RECORD + "# " + "long " * 1000, name="r")
    assert len(read_records(tmp_path / "r")) == 1


def test_segments_of_segments_are_refused(tmp_path):
    plant(tmp_path, "v/1 1 250 4\nv 4\n", name="v")
    with pytest.raises(DataError, match="v': its segment 'v' is a record of segments itself"):
        read_records(tmp_path / "v")


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
        (
            "/no/such/folder",
            "'/no/such/folder' is neither a folder nor a WFDB record: no such file",
        ),
        ("./nothing", "'./nothing' is neither a folder"),
        ("ptbdb/patient001/s0010_re.hea", "s0010_re.hea' is neither a folder"),
        ("nothing", "'nothing' is neither a folder"),
        ("lonely.dat", "'lonely.dat' is not a WFDB record: the header 'lonely.hea' is missing"),
        ("here/nothing", "'here/nothing' is neither a folder"),
        ([], "the list of paths is empty"),
    ],
)
def test_no_such_path(tmp_path, monkeypatch, path, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("it went on line"))
    (tmp_path / "here").mkdir()
    (tmp_path / "lonely.dat").write_bytes(b"")
    with pytest.raises(DataError, match=message):
        read_records(path)


def test_no_path():
    with pytest.raises(ParameterError, match="path=3 is not allowed"):
        read_records(3)


@pytest.mark.parametrize(
    ("header", "samples", "message"),
    [
        ("", SAMPLES, "r': its header is not a WFDB header .IndexError"),
        ("<html>", SAMPLES, "r': its header is not a WFDB header .HeaderSyntaxError"),
        ("r 3 250 4\n" + FOLDER_RECORD[10:], SAMPLES, "declares 3 signals, but describes 2"),
        ("r 2 250 4\n", SAMPLES, "declares 2 signals, but describes 0"),
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
    with pytest.raises(DataError, match=r"the file 'r\.dat' of record '.*r' is missing"):
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
    with pytest.raises(ParameterError, match=r"leads=.* is not allowed; give different names, or"):
        read_records(tmp_path, leads)
    with pytest.raises(ParameterError, match="fs_hz=-1 is not allowed"):
        read_records(tmp_path, fs_hz=-1)


# PhysioNet


def test_off_line(monkeypatch):
    def unreachable(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    message = (
        "'ptbdb/patient001/s0010_re' is not a local file and cannot be read from PhysioNet .*; "
        "connect to the internet, check the name, or give a local folder"
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
    with pytest.raises(DataError, match="0/patient001/s' is not a local file and cannot be read"):
        read_records("someptb/1.0.0/patient001/s")

    def absent(url, **_):
        raise urllib.error.HTTPError(url, 404, "Not Found", None, None)

    monkeypatch.setattr(urllib.request, "urlopen", absent)
    assert len(read_records("someptb/1.0.0/patient001/r")) == 1
    with pytest.raises(DataError, match=r"cannot be read from PhysioNet \(FileNotFound"):
        read_records("someptb/1.0.0/patient001/s")
