"""Records as laboratories and public databases write them."""

import struct
import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records import read_records
from synthgan.io.windows import windows
from tests.io.test_records_reading import FOLDER_RECORD, SAMPLES, plant
from tests.signal.quick import quick

# Labels


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        (
            "# <age>: 35  <sex>: M  <diagnoses>: CAD, old MI",
            {"age": "35", "sex": "M", "diagnoses": "CAD, old MI", "diagnosis": "CAD, old MI"},
        ),
        ("#<age>: 75 <sex>: F <diagnoses> CHF <medications>: ??",
         {"age": "75", "sex": "F", "diagnoses": "CHF", "diagnosis": "CHF"}),
        ("# Age: 62  Sex: M", {"Age": "62", "Sex": "M"}),
        ("# Age: 62 Sex: M", {"Age": "62", "Sex": "M"}),
        ("# Age: 62\tSex: M", {"Age": "62", "Sex": "M"}),
        ("#Age:62, Sex:unknown", {"Age": "62"}),
        ("# age 35", {"age": "35"}),
        ("# Age 62 Sex Male", {"Age": "62", "Sex": "Male"}),
        ("# Gender: F", {"Gender": "F", "sex": "F"}),
        ("# patient 17", {"patient": "17"}),
        ("# 69 M 1085 1629 x1", {"age": "69", "sex": "M"}),
        ("# Dx: 164889003,59118001",
         {"Dx": "164889003,59118001", "diagnosis": "164889003,59118001"}),
        ("#Asystole", {"comment": "Asystole"}),
        ("# taken at 12:30, patient was calm", {"comment": "taken at 12:30, patient was calm"}),
        ("# Stenoses: LCA 30%,  RIVA 90%", {"Stenoses": "LCA 30%,  RIVA 90%"}),
        ("# Reason for admission: Healthy: yes",
         {"Reason for admission": "Healthy: yes", "diagnosis": "Healthy: yes"}),
        *((f"# Age: {gap}", {}) for gap in
          ("??", "NaN", "nan", "unknown", "Unknown", "n/a", "N/A", "-", "?", "", "not recorded")),
    ],
)  # fmt: skip
def test_comments_of_public_databases(tmp_path, line, labels):
    plant(tmp_path, FOLDER_RECORD + line + "\n")
    assert read_records(tmp_path)[0].labels == labels


@pytest.mark.parametrize("piece", ["a ", "# ", "a: ", "<", "<a", "<a> ", "age ", "age:", "  a"])
def test_comments_take_steps_in_proportion_to_their_length(piece):
    """A square of half a million characters would take an hour."""
    from synthgan.io.records.comments import find_labels

    labels = find_labels([f"# {piece * 2**17}"])
    assert sum(map(len, labels.values())) <= len(piece) * 2**17


def test_a_gap_leaves_ages_numbers(tmp_path):
    for i in range(40):
        gap = "NaN" if i == 7 else str(30 + i)
        plant(tmp_path, FOLDER_RECORD.replace("r.dat", f"r{i:02}.dat") + f"# Age: {gap}\n",
              np.tile(SAMPLES, 1), f"r{i:02}")  # fmt: skip
    info = windows(read_records(tmp_path), 2, saturated=None).info
    assert info["age"].dtype == "Int64"
    assert info.loc[info["record"] == "r07", "age"].isna().all()
    assert info["age"].max() == 69


def test_entries_of_lists_are_labels(tmp_path):
    for name, dx in (("a", "164889003,59118001"), ("b", "426783006"), ("c", "NaN")):
        plant(tmp_path, FOLDER_RECORD.replace("r.dat", f"{name}.dat") + f"#Dx: {dx}\n#Asystole\n",
              name=name)  # fmt: skip
    cut = windows(
        read_records(tmp_path), 4, labels=["Dx=59118001", "dx", "comment=asystole"], saturated=None
    )
    assert cut.info["Dx=59118001"].dtype == "boolean"
    assert cut.info["Dx=59118001"].tolist() == [True, False, pd.NA]
    assert cut.info["dx"].tolist() == ["164889003,59118001", "426783006", None]
    assert cut.info["comment=asystole"].all()
    with pytest.raises(DataError, match=r"no record has the label 'rx=1'; there are \['Dx'"):
        windows(read_records(tmp_path), 4, labels=["rx=1"])
    with pytest.raises(DataError, match=r"no record has '1' among its 'Dx'; there are"):
        windows(read_records(tmp_path), 4, labels=["Dx=1"])


def annotate(file, marks):
    """Write annotations in MIT format: (sample, code, text)."""
    content, last = b"", 0
    for sample, code, text in marks:
        content += struct.pack("<H", code << 10 | (sample - last))
        if text:
            note = text.encode()
            content += struct.pack("<H", 63 << 10 | len(note)) + note + b"\0" * (len(note) % 2)
        last = sample
    file.write_bytes(content + b"\0\0")


def beating(folder, n=4000, name="r"):
    wave = (1000 * np.exp(-(((np.arange(n) % 200 - 100) / 5) ** 2))).astype(int)
    wave += np.arange(n) % 7
    total = (int(wave.sum()) + 32768) % 65536 - 32768
    plant(folder, f"{name} 1 250 {n}\n{name}.dat 16 1000/mV 16 0 0 {total} 0 I\n", wave, name)


def test_rhythms_are_labels_of_windows(tmp_path):
    beating(tmp_path)
    rhythm, normal, begins, ends = 28, 1, 32, 33
    annotate(tmp_path / "r.atr", [
        (500, rhythm, "(N"), (700, normal, ""), (1400, rhythm, "(AFIB\0"), (1600, normal, ""),
        (2400, rhythm, "(N"), (3000, begins, ""), (3600, ends, ""),
    ])  # fmt: skip
    records = read_records(tmp_path)
    cut = windows(records, 500, labels=["rhythm"])
    assert cut.info["rhythm"].tolist() == [None, "N", "N", "AFIB", "AFIB", "N", "VFL", "N"]
    assert "rhythm" not in windows(records, 500).info
    many = windows(records, 250, step=50, labels=["rhythm"])
    model = quick(condition_on=("rhythm",)).fit(many, groups=np.arange(len(many)))
    fake = model.sample(2, {"rhythm": "AFIB"})
    assert fake.info["rhythm"].tolist() == ["AFIB"] * 2
    assert read_records(tmp_path, annotations=None)[0].episodes == {}
    (tmp_path / "r.atr").write_bytes(b"\x00\xff\x01")
    with pytest.raises(DataError, match=r"r.atr' cannot be read .*; repair it, or give annotation"):
        read_records(tmp_path)


# Leads, formats, checksums

TWO = "r 2 250 4\nr.dat 16 1000(0)/mV 16 0 1 10 0 {}\nr.dat 16 1000(0)/uV 16 0 2 14 0 {}\n"


def test_leads_of_one_name_and_leads_by_place(tmp_path):
    plant(tmp_path, TWO.format("ECG", "ECG"))
    (record,) = read_records(tmp_path)
    assert record.leads == ("ECG", "ECG 2")
    assert np.allclose(record.values, SAMPLES.T / [[1000], [1e6]])  # the second in uV
    for leads in ("ECG 2", 1, [1]):
        (second,) = read_records(tmp_path, leads)
        assert (second.leads, second.values.tolist()) == (("ECG 2",), [record.values[1].tolist()])
    assert read_records(tmp_path, [1, 0])[0].leads == ("ECG 2", "ECG")
    plant(tmp_path, TWO.format("ECG 2", "ECG 2"))
    assert read_records(tmp_path)[0].leads == ("ECG 2", "ECG 2 2")
    with pytest.raises(DataError, match=r"r' has no lead 2; it has \['ECG 2', 'ECG 2 2'\]"):
        read_records(tmp_path, 2)
    for leads in (True, [0, 0], [1.5]):
        with pytest.raises(ParameterError, match="give different names, or places from 0 on"):
            read_records(tmp_path, leads)


def test_places_with_other_names_give_a_warning(tmp_path):
    for name, leads in (("a", ("MLII", "V1")), ("b", ("V5", "V2"))):
        plant(tmp_path, TWO.format(*leads).replace("r.dat", f"{name}.dat"), name=name)
    with pytest.warns(
        DataWarning, match=r"1 of 2 records .* than \('MLII',\).* 'b', has \('V5',\)"
    ):
        records = read_records(tmp_path, 0)
    assert {record.leads for record in records} == {("MLII",)}


def test_records_that_lack_a_lead_can_be_left_out(tmp_path):
    for name, leads in (("a", ("I", "II")), ("b", ("I", "V1")), ("c", ("II", "I"))):
        plant(tmp_path, TWO.replace("uV", "mV").format(*leads).replace("r.dat", f"{name}.dat"),
              name=name)  # fmt: skip
    with pytest.raises(DataError, match=r"b' has no lead 'II'.*on_missing_lead='skip'"):
        read_records(tmp_path, ["II"])
    told = r"Left out 1 of 3 records: they lack one of the leads \['II'\]; the first is 'b'"
    with pytest.warns(DataWarning, match=told):
        records = read_records(tmp_path, ["II"], on_missing_lead="skip")
    assert [record.name for record in records] == ["a", "c"]
    assert np.array_equal(records[0].values[0], SAMPLES[:, 1] / 1000)
    assert np.array_equal(records[1].values[0], SAMPLES[:, 0] / 1000)
    with pytest.warns(DataWarning, match="Left out 1 of 3"):
        assert len(read_records(tmp_path, on_missing_lead="skip")) == 2
    with pytest.raises(DataError, match=r"none of 3 records has the leads \['V9'\]"):
        read_records(tmp_path, ["V9"], on_missing_lead="skip")
    with pytest.raises(ParameterError, match="on_missing_lead='drop' is not allowed"):
        read_records(tmp_path, on_missing_lead="drop")


@pytest.mark.parametrize(("format", "dtype", "shift"), [
    (16, "<i2", 0), (61, ">i2", 0), (160, "<u2", 32768), (80, "<u1", 128), (32, "<i4", 0)
])  # fmt: skip
def test_formats(tmp_path, format, dtype, shift):
    numbers = np.array([1, -2, 100, -101, 7])
    header = "r 1 250 5\nr.dat {} 1000(0)/mV 16 0 1 {} 0 I\n"
    plant(tmp_path, header.format(format, 5))
    (tmp_path / "r.dat").write_bytes((numbers + shift).astype(dtype).tobytes())
    assert np.array_equal(read_records(tmp_path)[0].values[0], numbers / 1000)
    (tmp_path / "r.hea").write_text(header.format(format, 6))
    with pytest.raises(DataError, match="have the checksum 5, its header says 6"):
        read_records(tmp_path)
    (tmp_path / "r.hea").write_text(header.format(format, 5))
    (tmp_path / "v.hea").write_text("v/2 1 250 10\nr 5\nr 5\n")
    twice = read_records(tmp_path / "v")[0].values[0]
    assert np.array_equal(twice, np.tile(numbers, 2) / 1000)


def test_missing_samples_of_swapped_bytes(tmp_path):
    plant(tmp_path, "r 1 250 3\nr.dat 61 1000(0)/mV 16 0 1 -32763 0 I\n")
    (tmp_path / "r.dat").write_bytes(np.array([1, -32768, 4]).astype(">i2").tobytes())
    values = read_records(tmp_path)[0].values[0]
    assert np.array_equal(values, [0.001, np.nan, 0.004], equal_nan=True)


def test_a_checksum_of_zero_is_reported(tmp_path):
    plant(tmp_path, FOLDER_RECORD.replace(" 10 0 I", " 0 0 I"))
    with pytest.warns(DataWarning, match=r"^1 of 1 records have the checksum 0 "):
        (record,) = read_records(tmp_path)
    assert np.array_equal(record.values[0], SAMPLES[:, 0] / 1000)
    plant(tmp_path, FOLDER_RECORD.replace(" 10 0 I", " 0 0 I"), [[1, 2], [2, 3], [-3, 4], [0, 5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_records(tmp_path)  # zero is the sum


# Units


@pytest.mark.parametrize(("unit", "encoding", "kept"), [
    ("°C", "utf-8", "°C"), ("°C", "latin-1", "°C"), ("Ω", "utf-8", "Ω"), ("\u2126", "utf-8", "Ω"),
    ("kΩ", "utf-8", "kΩ"), ("µS", "utf-8", "µS"), ("μS", "utf-8", "µS"), ("µS", "latin-1", "µS"),
    ("m/s²", "utf-8", "m/s²"), ("‰", "utf-8", "‰"),
])  # fmt: skip
def test_units_outside_ascii_are_kept(tmp_path, unit, encoding, kept):
    header = f"r 1 250 3\nr.dat 16 10(0)/{unit} 16 0 1 6 0 T\n"
    plant(tmp_path, header, [1, 2, 3], encoding=encoding)
    (record,) = read_records(tmp_path)
    assert (record.units, record.values.tolist()) == ((kept,), [[0.1, 0.2, 0.3]])
    plant(tmp_path, header.replace("10(0)/", "10/"), [1, 2, 3], encoding=encoding)
    assert read_records(tmp_path)[0].units == (kept,)


def test_names_outside_ascii_are_kept(tmp_path):
    plant(tmp_path, TWO.format("Kanal für EKG", "Дыхание"))
    assert read_records(tmp_path)[0].leads == ("Kanal für EKG", "Дыхание")
    assert read_records(tmp_path, "дыхание")[0].units == ("mV",)
