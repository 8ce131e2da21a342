"""EDF and BDF files."""

import datetime
import sys

import numpy as np
import pytest

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.records import read_records
from synthgan.io.windows import windows
from tests.signal.quick import FEW, quick

edfio = pytest.importorskip("edfio")

SECONDS = 20
ECG = np.sin(np.arange(SECONDS * 250) / 9) * 900  # uV
BREATH = np.sin(np.arange(SECONDS * 25) / 9)


def signals(kind=edfio.EdfSignal, unit="uV"):
    return [
        kind(ECG, 250, label="ECG", physical_dimension=unit, physical_range=(-1000, 1000)),
        kind(BREATH, 25, label="RESP", physical_dimension="", physical_range=(-1, 1)),
    ]


PATIENT = edfio.Patient(code="P-17", sex="F", birthdate=datetime.date(1950, 6, 1))
RECORDED = edfio.Recording(startdate=datetime.date(2020, 5, 1))
NOTES = [
    edfio.EdfAnnotation(0, 10, "Sleep stage W"),
    edfio.EdfAnnotation(3, None, "cough"),
    edfio.EdfAnnotation(10, 6, "Sleep stage 1"),
]


@pytest.fixture
def edf(tmp_path):
    edfio.Edf(signals(), patient=PATIENT, recording=RECORDED, annotations=NOTES).write(
        tmp_path / "night.edf"
    )
    return tmp_path


@pytest.mark.parametrize("suffix", [".edf", ".EDF", ".bdf"])
def test_files_are_recordings(tmp_path, suffix):
    path = tmp_path / f"night{suffix}"
    if suffix == ".bdf":
        edfio.Bdf(signals(edfio.BdfSignal), patient=PATIENT, recording=RECORDED).write(path)
    else:
        edfio.Edf(signals(), patient=PATIENT, recording=RECORDED).write(path)
    for place in (path, tmp_path):
        (record,) = read_records(place, "ecg")
        assert (record.name, record.leads, record.units) == ("night", ("ecg",), ("mV",))
        assert (record.fs_hz, record.patient) == (250.0, "P-17")
        assert record.labels == {"sex": "F", "age": "69"}
        step = 2 / 2**16  # mV
        assert np.abs(record.values[0] - ECG / 1000).max() <= step
    with pytest.raises(DataError, match=r"leads \['ECG', 'RESP'\] at \[250.0, 25.0\] Hz; choose"):
        read_records(path)
    (both,) = read_records(path, fs_hz=100)
    assert (both.values.shape, both.units) == ((2, SECONDS * 100), ("mV", "NU"))
    assert read_records(path, 1)[0].leads == ("RESP",)


@pytest.mark.filterwarnings(FEW)
def test_annotations_that_last_are_labels(edf):
    records = read_records(edf, "ECG")
    cut = windows(records, window_s=4, labels=["annotation", "age"])
    stages = ["Sleep stage W"] * 2 + ["Sleep stage W", "Sleep stage 1", None]
    assert cut.info["annotation"].tolist() == stages
    assert cut.info["age"].tolist() == [69] * 5
    assert len(quick().fit(cut).sample(2)) == 2


@pytest.mark.parametrize(("unit", "kept"), [("\xb5V", "mV"), ("\xb0C", "\xb0C"), ("mmHg", "mmHg")])
def test_units(tmp_path, unit, kept):
    edfio.Edf(signals(unit="uu")).write(tmp_path / "a.edf")
    content = (tmp_path / "a.edf").read_bytes()
    new = unit.encode("latin-1").ljust(8)
    (tmp_path / "a.edf").write_bytes(content.replace(b"uu      ", new, 1))
    (record,) = read_records(tmp_path, "ECG")
    assert record.units == (kept,)
    scale = 1000 if kept == "mV" else 1
    assert np.abs(record.values[0] - ECG / scale).max() <= 2000 / 2**16 / scale


def test_wfdb_and_edf_in_one_folder(edf):
    header = "r 1 250 4\nr.dat 16 1000(0)/mV 16 0 1 10 0 ECG\n"
    (edf / "r.hea").write_text(header)
    (edf / "r.dat").write_bytes(np.arange(1, 5).astype("<i2").tobytes())
    assert [record.name for record in read_records(edf, "ECG")] == ["night", "r"]
    with pytest.warns(DataWarning, match="Left out 1 of 2 records: they lack"):
        assert len(read_records(edf, "RESP", on_missing_lead="skip")) == 1


def test_what_cannot_be_read(tmp_path, edf, monkeypatch):
    content = (edf / "night.edf").read_bytes()
    (tmp_path / "short.edf").write_bytes(content[:300])
    with pytest.raises(DataError, match=r"short.edf' is not a readable EDF or BDF file"):
        read_records(tmp_path / "short.edf")
    (tmp_path / "text.edf").write_text("no edf")
    with pytest.raises(DataError, match=r"text.edf' is not a readable EDF or BDF file"):
        read_records(tmp_path / "text.edf")
    (tmp_path / "gaps.edf").write_bytes(content.replace(b"+12\x14\x14", b"+99\x14\x14", 1))
    with pytest.raises(DataError, match=r"gaps.edf' .*EDF\+D"):
        read_records(tmp_path / "gaps.edf")
    with pytest.raises(DataError, match=r"none.edf' is neither a folder nor"):
        read_records(tmp_path / "none.edf")
    monkeypatch.setitem(sys.modules, "edfio", None)
    with pytest.raises(DataError, match=r"needs edfio: pip install 'synthgan\[edf\]'"):
        read_records(edf / "night.edf")


def test_links_out_of_the_folder_are_refused(edf, tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    (folder / "night.edf").symlink_to(edf / "night.edf")
    with pytest.raises(DataError, match=r"night.edf' is a link"):
        read_records(folder, "ECG")
    assert len(read_records(folder, "ECG", follow_links=True)) == 1


def test_the_command_line_recognises_them(edf, tmp_path_factory, capsys):
    from synthgan.cli import main

    out = tmp_path_factory.mktemp("model") / "m.synthgan"
    for data in (edf, edf / "night.edf"):
        main(["fit", str(data), "--leads", "0", "--window-s", "1", "--max-steps", "1",
              "-o", str(out)])  # fmt: skip
        assert "20 windows of 250 samples (1 s), lead ECG, 250 Hz" in capsys.readouterr().out
