import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.records import Recording, read_records, write_records
from synthgan.io.windows import windows
from tests.conftest import SHARED_DATA
from tests.signal.quick import quick

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
    import wfdb


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


def annotations(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wfdb.rdann(str(path), "atr")


def test_all_leads_of_real_records_keep_einthovens_relations(ecg, tmp_path):
    cut = windows(read_records(ecg / "ptbdb"))
    assert cut.values.shape[1] == 15
    write_records(tmp_path / "fake", quick().fit(cut).sample(3))
    for i in range(3):
        record = wfdb.rdrecord(str(tmp_path / "fake" / f"synthetic_{i:05d}"))
        assert tuple(record.sig_name) == cut.leads
        leads = dict(zip(record.sig_name, record.p_signal.T, strict=True))
        step = 1 / min(record.adc_gain)  # each lead is rounded by half of it
        assert np.abs(leads["iii"] - (leads["ii"] - leads["i"])).max() <= 1.51 * step
        assert np.abs(leads["avr"] + (leads["i"] + leads["ii"]) / 2).max() <= 1.01 * step
        assert np.abs(leads["avl"] - (leads["i"] - leads["ii"] / 2)).max() <= 1.26 * step
        assert np.abs(leads["avf"] - (leads["ii"] - leads["i"] / 2)).max() <= 1.26 * step


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
    records = [
        Recording(name + str(i), values, 1e3, ("I",), ("mV",), {}, "a")
        for name, each in (("whole", cut), ("clipped", clipped))
        for i, values in enumerate(each)
    ]  # fmt: skip
    with pytest.warns(DataWarning, match="saturated in a lead"):
        kept = windows(records).info["record"]
    assert kept.str.startswith("whole").sum() == len(cut)
    assert kept.str.startswith("clipped").sum() < (1 - least_found) * len(cut)


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
    assert record.labels["age"] == "69"
    assert record.labels["sex"] == "M"
    assert record.labels["comment"].endswith("Aldomet, Inderal")
    assert record.episodes == {"rhythm": ((18 / 360, "N"),)}
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
