import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records import write_records
from synthgan.io.windows import Recording, SignalWindows, windows


def noise(n_samples, name="a", n_leads=1, fs_hz=250.0, **changes):
    values = np.random.default_rng(len(name)).normal(size=(n_leads, n_samples))
    fields = {
        "values": values,
        "fs_hz": fs_hz,
        "leads": ("i", "ii", "v1")[:n_leads],
        "units": ("mV",) * n_leads,
        "labels": {},
        "patient": f"patient of {name}",
    }
    return Recording(name, **{**fields, **changes})


def beating(duration_s, fs_hz=250.0, period_s=0.8, tall=None):
    t_s = np.arange(round(duration_s * fs_hz)) / fs_hz
    beats_s = np.arange(0.5, duration_s, period_s)
    heights = np.ones(len(beats_s))
    if tall is not None:
        heights[tall] = 20.0
    wave = sum(
        height * np.exp(-(((t_s - beat_s) / 0.02) ** 2))
        for beat_s, height in zip(beats_s, heights, strict=True)
    )
    wave = wave + 0.01 * np.sin(t_s)
    return noise(0, "beating", values=wave[None], fs_hz=fs_hz), np.rint(beats_s * fs_hz)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    length=st.integers(1, 20),
    hop=st.integers(1, 30),
    n_leads=st.integers(1, 3),
)
def test_each_window_is_a_piece_of_its_record(lengths, length, hop, n_leads):
    records = [noise(n, f"r{i}", n_leads) for i, n in enumerate(lengths)]
    expected = [
        record.values[:, start : start + length]
        for record in records
        for start in range(0, record.values.shape[1] - length + 1, hop)
    ]
    if not expected:
        with pytest.raises(DataError, match="longer than every record"):
            windows(records, length, step=hop, flat=None)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        cut = windows(records, length, step=hop, flat=None)
    assert cut.values.dtype == np.float32
    assert np.array_equal(cut.values, np.float32(expected))
    for values, row in zip(expected, cut.info.itertuples(), strict=True):
        record = next(record for record in records if record.name == row.record)
        start = round(row.start_s * record.fs_hz)
        assert np.array_equal(values, record.values[:, start : start + length])
        assert row.patient == record.patient


def test_lengths_in_seconds_and_samples_agree():
    record = noise(1000)
    ours = windows(record, 100, step=50)
    theirs = windows([record], window_s=0.4, step_s=0.2)
    assert np.array_equal(ours.values, theirs.values)
    assert len(ours) == 19
    assert windows(noise(4100)).n_samples == 2025
    assert len(windows(noise(4100))) == 2


def test_short_records_and_bad_windows_are_counted():
    values = np.random.default_rng(0).normal(size=(2, 800))
    values[0, 100:200] = 3.0
    values[1, 250] = np.nan
    values[0, 300:320] = 9.0
    values[1, 410:418] = -9.0
    values[1, 510:517] = -9.0
    values[0, 250] = np.inf
    records = [noise(0, values=values, leads=("i", "ii"), units=("mV", "mV")), noise(50, "b", 2)]
    counts = (
        r"^Left out 4 of 8 windows \(1 with missing samples, 1 flat in a lead, 2 saturated in a "
        r"lead, in record 'a'\) and 1 of 2 records shorter than a window\.$"
    )
    with pytest.warns(DataWarning, match=counts) as caught:
        cut = windows(records, 100)
    assert caught[0].filename == __file__
    assert len(caught) == 1
    assert cut.info["start_s"].tolist() == [0.0, 2.0, 2.4, 2.8]
    with pytest.warns(DataWarning, match="1 flat in a lead"):
        assert len(windows(records[0], 100, saturated=None)) == 6
    with pytest.warns(DataWarning, match=r"\(1 with missing samples, in record 'a'\)"):
        assert len(windows(records[0], 100, saturated=None, flat=None)) == 7
    with pytest.warns(DataWarning, match="1 with missing samples, 1 flat in a lead, 1 saturated"):
        windows(records[0], 100, saturated=0.1)


def test_flat_is_a_range_in_the_unit_of_the_lead():
    values = np.array([0.0, 0.1] * 50 + [0.0, 0.3] * 50)[None]
    with pytest.warns(DataWarning, match="1 of 2 windows .1 flat in a lead"):
        assert len(windows(noise(0, values=values), 100, flat=0.2)) == 1
    assert len(windows(noise(0, values=values), 100)) == 2


def test_no_window_left():
    with pytest.raises(
        DataError, match="none of 3 windows is valid: 3 flat in a lead, in record 'a'"
    ):
        windows(noise(0, values=np.zeros((1, 300))), 100)
    with pytest.raises(DataError, match="none of 2 windows is valid: 2 with missing samples"):
        windows(noise(0, values=np.full((1, 200), np.nan)), 100)


def test_whose_windows_are_left_out_most_is_reported():
    flat = [noise(0, name, values=np.zeros((1, n))) for name, n in (("a", 100), ("b", 300))]
    with pytest.raises(
        DataError, match="none of 4 windows is valid: 4 flat in a lead, most in record 'b'"
    ):
        windows(flat, 100)
    with pytest.warns(DataWarning, match=r"3 of 5 windows \(3 flat in a lead, in record 'b'\)"):
        windows([noise(200), flat[1]], 100)


def test_windows_know_whether_they_are_aligned():
    record, _ = beating(30)
    for align in (None, "beats"):
        cut = windows(record, 150, align=align)
        assert cut.aligned is cut[:3].aligned is (align is not None)
    assert SignalWindows(np.zeros((2, 1, 9)), 250, "i").aligned is None


def test_beats_lie_in_the_middle():
    record, beats = beating(30)
    cut = windows(record, 150, align="beats")
    peaks = np.argmax(cut.values[:, 0], axis=1)
    assert np.ptp(peaks) <= 1
    assert abs(peaks[0] - 75) <= 1
    starts = np.rint(cut.info["start_s"] * 250) + 75
    assert len(starts) == len(beats)
    assert abs(starts - beats).max() <= 1
    apart = windows(record, 150, align="beats", step_s=1.7)
    assert np.diff(apart.info["start_s"]).min() >= 1.7
    assert len(windows(record, 450, align="beats")) < len(
        windows(record, 450, align="beats", step=1)
    )


def test_one_great_beat_hides_no_others():
    record, beats = beating(60, tall=40)
    found = windows(record, 100, align="beats")
    assert np.allclose(found.info["start_s"] * 250 + 50, beats, atol=1)


@pytest.mark.parametrize("duration_s", [1.3, 2.0, 9.9, 10.0, 10.1, 18.0, 26.5])
def test_beats_of_any_length_are_found_once(duration_s):
    record, beats = beating(duration_s)
    cut = windows(record, 40, align="beats", step=1, saturated=None)
    found = np.rint(cut.info["start_s"] * 250) + 20
    inside = beats[(beats >= 20) & (beats <= duration_s * 250 - 21)]
    assert len(found) == len(inside)
    assert abs(found - inside).max() <= 1


def test_beats_between_missing_samples():
    record, beats = beating(10)
    record.values[0, 190:300] = np.nan
    with pytest.warns(DataWarning, match="with missing samples"):
        cut = windows(record, 150, align="beats", saturated=None)
    assert len(cut) >= len(beats) - 3
    with pytest.raises(DataError, match="no R peak is far enough"):
        windows(noise(0, values=np.full((1, 500), np.nan)), 150, align="beats")


LABELLED = [
    noise(100, "a", labels={"age": "81", "Diagnosis": "x", "Smoker": "no", "patient": "9"}),
    noise(200, "b", labels={"age": "60", "diagnosis": "y"}),
    noise(100, "c", labels={}),
]


def test_labels():
    info = windows(LABELLED, 100).info
    assert list(info) == ["record", "patient", "start_s", "diagnosis", "age"]
    assert info["diagnosis"].tolist() == ["x", "y", "y", None]
    assert info["age"].dtype == "Int64"
    assert info["age"].tolist() == [81, 60, 60, pd.NA]
    assert isinstance(info.index, pd.RangeIndex)
    whole = windows(LABELLED, 100, labels="all").info
    assert list(whole)[3:] == ["age", "Diagnosis", "Smoker", "diagnosis"]
    assert whole["Smoker"].tolist() == ["no", None, None, None]
    assert list(windows(LABELLED, 100, labels=["SMOKER", "age"]).info)[3:] == ["SMOKER", "age"]
    assert list(windows(LABELLED, 100, labels="smoker").info)[3:] == ["smoker"]
    assert list(windows(LABELLED, 100, labels=[]).info) == ["record", "patient", "start_s"]
    with pytest.raises(DataError, match=r"no record has the label 'Height'; there are \['age'"):
        windows(LABELLED, 100, labels=["Height"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_samples": 10, "window_s": 1.0}, "n_samples=10 and window_s=1.0 exclude each other"),
        ({"step": 10, "step_s": 1.0}, "step=10 and step_s=1.0 exclude each other"),
        ({"n_samples": 0}, "n_samples=0 is not allowed; give a whole number"),
        ({"n_samples": 10.0}, "n_samples=10.0 is not allowed"),
        ({"n_samples": True}, "n_samples=True is not allowed"),
        ({"window_s": -1}, "window_s=-1 is not allowed; give a number > 0"),
        ({"window_s": 0.001}, "window_s=0.001 is less than a sample at 250 Hz"),
        ({"step_s": "1"}, "step_s='1' is not allowed"),
        ({"step": -5}, "step=-5 is not allowed"),
        ({"align": "peaks"}, "align='peaks' is not allowed; choose None or 'beats'"),
        ({"flat": -1}, "flat=-1 is not allowed; give a number >= 0, or None"),
        ({"saturated": np.nan}, "saturated=nan is not allowed"),
        ({"align": "beats", "n_samples": 10, "fs_hz": 90.0}, "fs_hz=90 is too low to find beats"),
    ],
)
def test_parameters(changes, message):
    record = noise(3000, fs_hz=changes.pop("fs_hz", 250.0))
    with pytest.raises(ParameterError, match=message):
        windows([record], **changes)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "there are no records"),
        ([noise(9), noise(9, "b", fs_hz=300.0)], "'b' has fs_hz 300.0, the first, 'a', has 250.0"),
        ([noise(9, "a", 2), noise(9, "b")], "'b' has leads .'i',., the first, 'a', has .'i', 'ii'"),
        ([noise(9), noise(9, "b", units=("uV",))], "'b' has units .'uV'"),
        (
            [noise(9), noise(99, "b")],
            "100 samples .0.4 s. are longer than every record.*'b', has 99",
        ),
    ],
)
def test_records_that_cannot_be_cut(records, message):
    with pytest.raises(DataError, match=message):
        windows(records, 100)


def test_recording():
    assert repr(noise(9)) == (
        "Recording(name='a', fs_hz=250.0, leads=('i',), units=('mV',), patient='patient of a')"
    )
    with pytest.raises(DataError, match=r"record 'a' has values of shape \(9,\)"):
        noise(9, values=np.zeros(9))
    with pytest.raises(DataError, match=r"for the leads \('i', 'ii'\)"):
        noise(9, leads=("i", "ii"))
    with pytest.raises(ParameterError, match="fs_hz=0 is not allowed"):
        noise(9, fs_hz=0)


def numbered():
    values = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    info = pd.DataFrame({"age": list("abcd")}, index=[7, 8, 9, 10])
    return SignalWindows(values, 100, ("I", "II"), ("mV", "uV"), info)


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [3]),
        (np.int64(2), [2]),
        (slice(1, 3), [1, 2]),
        (slice(0, 0), []),
        ([3, 0, 0], [3, 0, 0]),
        (np.array([True, False, False, True]), [0, 3]),
        ([True, False, False, False], [0]),
    ],
)
def test_indexing(index, rows):
    whole = numbered()
    part = whole[index]
    assert isinstance(part, SignalWindows)
    assert np.array_equal(part.values, whole.values[rows])
    assert part.info["age"].tolist() == [list("abcd")[row] for row in rows]
    assert part.info.index.equals(pd.RangeIndex(len(rows)))
    assert (part.fs_hz, part.leads, part.units) == (100.0, ("I", "II"), ("mV", "uV"))


def test_indexing_beyond_the_end():
    with pytest.raises(IndexError):
        numbered()[4]
    assert len(list(numbered())) == 4


def test_container():
    cut = numbered()
    assert np.asarray(cut) is cut.values
    assert np.asarray(cut, dtype=np.float64).dtype == np.float64
    assert np.array(cut) is not cut.values
    assert np.array_equal(cut.lead("ii"), cut.values[:, 1])
    assert (cut.n_samples, cut.window_s, len(cut)) == (3, 0.03, 4)
    assert repr(cut) == "SignalWindows(4 windows, leads I, II, 3 samples = 0.03 s at 100 Hz)"
    with pytest.raises(DataError, match=r"no lead 'v1'; they have \('I', 'II'\)"):
        cut.lead("v1")
    bare = SignalWindows([[[1, 2]]], 10, "i")
    assert bare.values.dtype == np.float64
    assert bare.units == ("mV",)
    assert bare.info.shape == (1, 0)
    assert SignalWindows([[[1, 2]]], 10, "i", "uV").units == ("uV",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((2, 3)), 10, "i"), r"shape \(2, 3\) and dtype float64 are not allowed"),
        ((np.zeros((2, 1, 0)), 10, "i"), "not allowed"),
        (([[["a"]]], 10, "i"), "dtype <U1 are not allowed"),
        ((np.zeros((2, 2, 3)), 10, "i"), "windows of 2 leads do not match the leads .'i',."),
        ((np.zeros((2, 2, 3)), 10, ("i", "I")), "leads .'i', 'I'. must have different names"),
        ((np.zeros((2, 2, 3)), 10, ("i", 2)), "must be non-empty strings"),
        ((np.zeros((2, 1, 3)), 10, "i", ("mV", "mV")), "units .'mV', 'mV'. do not match the leads"),
        (
            (np.zeros((2, 1, 3)), 10, "i", None, pd.DataFrame(index=range(3))),
            "info has 3 rows for 2 windows",
        ),
    ],
)
def test_windows_that_are_none(arguments, message):
    with pytest.raises(DataError, match=message):
        SignalWindows(*arguments)


@pytest.mark.parametrize("fs_hz", [0, -1.0, np.nan, np.inf, "250", None, True])
def test_sampling_rates_that_are_none(fs_hz):
    with pytest.raises(ParameterError, match=r"fs_hz=.* is not allowed; give a number > 0"):
        SignalWindows(np.zeros((1, 1, 9)), fs_hz, "i")


def test_slow_signals_of_few_levels_are_not_saturated():
    """A breath of 5 s in 8 bits stays at its turning points for up to 80 ms."""
    fs_hz = 125.0
    t_s = np.arange(round(300 * fs_hz)) / fs_hz
    depth = 60 + 40 * np.sin(t_s / 31)
    for wave in (100 * np.sin(2 * np.pi * t_s / 5), depth * np.sin(2 * np.pi * t_s / 5)):
        record = noise(0, "resp", fs_hz=fs_hz, values=np.round(wave)[None])
        assert len(windows(record, window_s=10)) == 30
    # Clipped at the top of its range, it is saturated.
    clipped = noise(0, "resp", fs_hz=fs_hz, values=np.round(wave).clip(-127, 80)[None])
    with pytest.warns(DataWarning, match="saturated in a lead"):
        kept = windows(clipped, window_s=10).info["start_s"]
    high = [i * 10.0 for i in range(30) if depth[i * 1250 : (i + 1) * 1250].max() > 90]
    assert not np.isin(kept, high).any()


def test_steps_below_the_extreme_of_the_record_are_kept():
    """Pressure that is held at another level in each window; only one is that of the record."""
    values = np.concatenate([np.r_[np.arange(40) % 7, np.full(60, 10.0 + i)] for i in range(8)])
    with pytest.warns(DataWarning, match=r"Left out 1 of 8 windows \(1 saturated in a lead"):
        cut = windows(noise(0, values=values[None]), 100)
    assert cut.values.max() == 16


def test_beats_of_an_ecg_lead_lie_in_the_middle(tmp_path):
    """Whatever comes first: windows are aligned to the beats, and annotated at them."""
    record, beats = beating(30)
    breath = np.sin(np.arange(record.values.shape[1]) / 250)
    both = noise(0, values=np.stack([breath, record.values[0]]), leads=("RESP", "II"),
                 units=("Ohm", "mV"))  # fmt: skip
    cut = windows(both, 150, align="beats")
    assert abs(cut.info["start_s"] * 250 + 75 - beats).max() <= 1
    whole = SignalWindows(both.values[None], 250, both.leads, both.units)
    write_records(tmp_path, whole, r_peaks=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb

        marks = wfdb.rdann(str(tmp_path / "synthetic_00000"), "atr")
    assert abs(marks.sample - beats).max() <= 1
