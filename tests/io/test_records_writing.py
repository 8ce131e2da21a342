import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.records import read_records, write_records
from synthgan.io.windows import SignalWindows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
    import wfdb


def annotations(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return wfdb.rdann(str(path), "atr")


texts = st.text(st.characters(codec="utf-8", exclude_characters=":#<"), min_size=1, max_size=8)


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
@settings(max_examples=30)
def test_what_is_written_is_read(tmp_path_factory, cut):
    from synthgan.io.records.comments import is_missing

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
        labels = {key: text for key, text in labels.items() if not is_missing(text)}
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
        ([[1], [500]], ParameterError, r"r_peaks\[1\] .* to 499, strictly ascending"),
        ([[1.5], [3]], ParameterError, r"r_peaks\[0\] is not allowed"),
        ([3, 4], ParameterError, r"r_peaks\[0\] is not allowed"),
    ],
)
def test_r_peaks_that_are_none(tmp_path, r_peaks, error, message):
    with pytest.raises(error, match=message):
        write_records(tmp_path, beating(2)[0], fs_hz=250, r_peaks=r_peaks)


def test_r_peaks_that_cannot_be_found(tmp_path):
    wave, _ = beating(3)
    with pytest.raises(DataError, match=r"r_peaks=True failed: .* last 0.4 s; this measure"):
        write_records(tmp_path, wave[:, :100], fs_hz=250, r_peaks=True)
    with pytest.raises(DataError, match="r_peaks=True failed: fs_hz=50 is too low"):
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
    with pytest.raises(DataError, match=r"label '.*' is invalid in a WFDB header; rename"):
        write_records(tmp_path, cut)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fs_hz": None}, ParameterError, "fs_hz=None is not allowed with an array"),
        ({"leads": None, "values": np.zeros((1, 2, 9))}, ParameterError, "with 2 leads; name them"),
        ({"values": np.zeros(9)}, DataError, r"windows of shape \(9,\)"),
        ({"values": np.zeros((0, 9))}, DataError, "there are no windows to write"),
        ({"values": np.array([[1, np.inf, -np.inf]])}, DataError, "hold 2 infinite values"),
        ({"leads": "µ"}, DataError, "lead 'µ' is invalid in a WFDB header; use plain ASCII"),
        ({"leads": " i"}, DataError, "lead ' i' is invalid"),
        ({"leads": ""}, DataError, "lead '' is invalid"),
        ({"units": "‰"}, DataError, "unit '‰' is invalid"),
        ({"units": "m V"}, DataError, "unit 'm V' is invalid"),
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


@pytest.mark.parametrize(("unit", "written"), [
    ("µV", "uV"), ("°C", "degC"), ("kΩ", "kOhm"), ("\u2126", "Ohm"), ("μS", "uS"), ("m/s²", "m/s^2")
])  # fmt: skip
def test_signs_in_units_are_spelt_out(tmp_path, unit, written):
    write_records(tmp_path, np.ones((1, 1, 9)), fs_hz=10, leads=["a"], units=[unit])
    assert f"/{written} 16" in next(tmp_path.glob("*.hea")).read_text(encoding="ascii")
    (record,) = read_records(tmp_path)
    assert record.units == ("mV" if written == "uV" else written,)
