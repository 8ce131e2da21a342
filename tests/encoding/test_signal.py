import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.fft import dct
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from synthgan import SignalEncoder
from synthgan.datasets import make_ecg
from synthgan.encoding.signals.whitening import fit_gains, gains_for, unwhiten, whiten
from synthgan.exceptions import ArchiveError, DataError, OutlierWarning, ParameterError
from synthgan.io.windows import Recording, SignalWindows


@parametrize_with_checks([SignalEncoder()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@st.composite
def signals(draw, max_windows=6):
    """Windows (n, n_leads, n_samples): waves, noise or constants, far from zero or tiny."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_leads = draw(st.integers(1, 4))  # at most as many as samples, or they are taken for these
    shape = (draw(st.integers(1, max_windows)), n_leads, draw(st.integers(n_leads, 300)))
    values = rng.normal(size=shape)
    values = np.cumsum(values, axis=2) if draw(st.booleans()) else values
    for lead in range(shape[1]):
        kind = draw(st.sampled_from(["as it is", "constant", "wave", "one window"]))
        if kind == "constant":
            values[:, lead] = rng.normal()
        elif kind == "wave":
            turns = rng.random((shape[0], 1)) * np.arange(shape[2])
            values[:, lead] = np.sin(turns)
        elif kind == "one window":
            values[1:, lead] *= 1e-3
        values[:, lead] *= draw(st.sampled_from([1.0, 1e-9, 1e6]))
        offset = draw(st.sampled_from([0.0, 1.0, -1e6]))
        # Further away, float64 itself has no room for the wave.
        values[:, lead] += offset * max(1e-3, np.ptp(values[:, lead]))
    return values


def spread(values):
    """The range of each lead, shape (1, n_leads, 1)."""
    return np.ptp(values, axis=(0, 2))[None, :, None]


@settings(max_examples=75)
@given(signals(), st.sampled_from([0.0, 0.5, 1.0]))
def test_whitening_is_undone_exactly(values, exponent):
    encoder = SignalEncoder(exponent=exponent).fit(values)
    grids = encoder.transform(values)
    assert grids.dtype == np.float32
    assert grids.shape == (len(values), *encoder.grid_shape_)
    back = encoder.inverse_transform(grids)
    assert back.shape == values.shape
    # A lead that does not move has only what float64 leaves of it.
    slack = 1e-5 * spread(values) + 1e-12 * np.abs(values).max()
    assert (np.abs(back - values) <= slack).all()


@settings(max_examples=75)
@given(signals())
def test_grey_levels_are_within_a_step(values):
    encoder = SignalEncoder(scaling="minmax").fit(values)
    grids = encoder.transform(values)
    assert grids.dtype == np.uint8
    back = encoder.inverse_transform(grids)
    step = encoder.step_[None, :, None]
    assert (np.abs(back - values) <= step * (1 + 1e-6) + 1e-12 * np.abs(values).max()).all()
    low, high = encoder.limits_[:, 0, None], encoder.limits_[:, 1, None]
    assert ((back >= low) & (back <= high)).all()
    # The middle of a level is encoded as that level, where float64 can tell levels apart.
    clear = (step > 1e-9 * np.abs(values).max(axis=(0, 2), keepdims=True)).ravel()
    again, first = (
        x.reshape(len(values), -1, *grids.shape[-2:]) for x in (encoder.transform(back), grids)
    )
    assert np.array_equal(again[:, clear], first[:, clear])


@given(signals(), st.sampled_from(["whiten", "minmax"]))
def test_the_grid_is_the_smallest_square_and_its_rest_is_null(values, scaling):
    encoder = SignalEncoder(scaling=scaling).fit(values)
    _, n_leads, n_samples = values.shape
    side = encoder.grid_shape_[-1]
    assert encoder.grid_shape_ == ((side, side) if n_leads == 1 else (n_leads, side, side))
    assert (side - 1) ** 2 < n_samples <= side**2
    cells = [cell for group in encoder.cell_groups_ for cell in group.cells]
    assert sorted(cells) == list(range(n_leads * side**2))
    rows = encoder.transform(values).reshape(len(values), n_leads, -1)
    assert (rows[:, :, n_samples:] == 0).all()
    null = [g for g in encoder.cell_groups_ if g.kind == "null"]
    assert sum(len(g.cells) for g in null) == n_leads * (side**2 - n_samples)
    names = encoder.get_feature_names_out()
    assert len(set(names)) == len(names) == n_leads * side**2


@given(signals(max_windows=8), st.sampled_from(["whiten", "minmax"]))
def test_windows_do_not_depend_on_each_other(values, scaling):
    encoder = SignalEncoder(scaling=scaling).fit(values)
    whole = encoder.transform(values)
    assert np.allclose(encoder.transform(values[1:]), whole[1:]) if len(values) > 1 else True
    assert np.allclose(encoder.transform(values[::-1]), whole[::-1])


def test_samples_lie_row_by_row():
    encoder = SignalEncoder("minmax", limits=(0, 255)).fit(np.arange(11.0)[None])
    assert encoder.transform(np.arange(11.0)[None])[0].tolist() == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 0],
        [0, 0, 0, 0],
    ]


def test_equation_6_2_by_hand():
    # floor((x - min) / (max - min) * 255) with min = -2 and max = 2 mV
    windows = np.array([[-2.0, -1.0, 0.0, 1.0, 1.999], [2.0, 0.5, -0.001, 0.001, 1.0]])
    encoder = SignalEncoder("minmax", limits=(-2, 2)).fit(windows)
    grids = encoder.transform(windows).reshape(2, 9)[:, :5]
    assert grids.tolist() == [[0, 63, 127, 191, 254], [255, 159, 127, 127, 191]]
    assert encoder.step_ == pytest.approx([4 / 255])
    middles = encoder.inverse_transform(np.array([[0, 127, 254, 255, 1, 0, 0, 0, 0]]))[0]
    assert middles == pytest.approx([-2 + 2 / 255, 0, 2 - 2 / 255, 2, -2 + 6 / 255])


def test_what_is_clipped_is_counted():
    windows = np.array([[-3.0, 0.0, 3.0], [1.0, 2.5, 2.0]])
    encoder = SignalEncoder("minmax", limits=(-2.0, 2.0)).fit(windows)
    with pytest.warns(OutlierWarning, match="3 of 6 samples clipped because .* outside the limits"):
        grids = encoder.transform(windows)
    back = encoder.inverse_transform(grids)
    assert back[0, [0, 2]] == pytest.approx([-2, 2], abs=4 / 255)


def test_limits_are_learnt_given_or_quantiles():
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(50, 2, 40)) * np.array([[[1.0], [100.0]]])
    learnt = SignalEncoder("minmax").fit(windows).limits_
    assert learnt.tolist() == [[x.min(), x.max()] for x in (windows[:, 0], windows[:, 1])]
    quantiles = SignalEncoder("minmax", limits=0.01).fit(windows).limits_
    assert quantiles[1] == pytest.approx(np.quantile(windows[:, 1], [0.01, 0.99]))
    assert SignalEncoder("minmax", limits=[-1, 3]).fit(windows).limits_.tolist() == [[-1, 3]] * 2
    for limits in (0.5, (2, 1), (1,), True, "quantiles", {"i": (0, 1)}):
        with pytest.raises(ValueError, match="limits"):
            SignalEncoder("minmax", limits=limits).fit(windows)
    with pytest.raises(ParameterError, match=r"limits=\(-2, 2\) need scaling='minmax'"):
        SignalEncoder(limits=(-2, 2)).fit(windows)


def test_whitened_windows_have_unit_variance_and_a_flatter_spectrum():
    windows = make_ecg(60, n_samples=700, fs_hz=350, random_state=0)
    slopes = []
    for exponent in (0.0, 0.5, 1.0):
        encoder = SignalEncoder(exponent=exponent).fit(windows)
        x = (encoder.transform(windows).reshape(60, -1)[:, :700] - 127.5) / 127.5
        assert np.mean(x**2) == pytest.approx(1, rel=0.01)
        power = (dct(x, norm="ortho") ** 2).mean(axis=0)
        bands = np.log([power[a:b].mean() for a, b in ((1, 20), (20, 100), (100, 400), (400, 700))])
        slopes.append(np.ptp(bands))
    assert slopes[0] > 1.8 * slopes[1] > 1.8 * slopes[2]
    assert slopes[2] < 0.5


@given(st.integers(2, 400), st.integers(1, 1200), st.integers(0, 99))
def test_gains_of_another_length_are_those_of_the_same_frequencies(n_learnt, n_samples, seed):
    rng = np.random.default_rng(seed)
    windows = np.cumsum(rng.normal(size=(5, 2, n_learnt)), axis=2)
    gains = fit_gains(windows, 0.5)
    other = gains_for(gains, n_samples)
    assert other.shape == (2, n_samples)
    assert np.array_equal(gains_for(gains, n_learnt), gains)
    low, high = gains.min(axis=1, keepdims=True), gains.max(axis=1, keepdims=True)
    assert ((other >= low * (1 - 1e-9)) & (other <= high * (1 + 1e-9))).all()
    # Frequency k of n samples is k / (2 n) cycles a sample: every m-th one of m times as many.
    longer = gains_for(gains, 3 * n_learnt)
    assert np.allclose(longer[:, ::3], gains)
    rising = np.sort(gains, axis=1)
    assert (np.diff(gains_for(rising, n_samples), axis=1) >= -1e-9 * high).all()


@given(signals(), st.sampled_from([0.0, 0.3, 1.0]))
def test_gains_are_finite_and_positive(values, exponent):
    gains = fit_gains(values - values.mean(axis=(0, 2), keepdims=True), exponent)
    assert gains.shape == values.shape[1:]
    assert np.isfinite(gains).all()
    assert (gains > 0).all()
    assert np.allclose(
        unwhiten(whiten(values, gains), gains), values, atol=1e-6 * np.abs(values).max()
    )


# Containers


def test_what_comes_out_is_what_went_in():
    rng = np.random.default_rng(0)
    values = np.round(100 * rng.normal(size=(7, 33)))
    frame = pd.DataFrame(values, columns=[f"t{i}" for i in range(33)], index=list("abcdefg"))
    frame.index.name = "patient"
    encoder = SignalEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    assert list(encoder.feature_names_in_) == list(frame.columns)
    assert back.index.tolist() == [str(i) for i in range(7)]  # never the old ones
    assert_frame_equal(back.set_axis(frame.index), frame, rtol=1e-4, atol=1e-3)
    for dtype in ("f4", "i2", "i8", "u1"):
        array = np.clip(values, 0, 255).astype(dtype)
        encoder = SignalEncoder().fit(array)
        back = encoder.inverse_transform(encoder.transform(array))
        assert back.dtype == array.dtype
        assert np.allclose(back, array, atol=1e-3)
    cube = values.reshape(7, 3, 11).astype(np.float32)
    encoder = SignalEncoder().fit(cube)
    back = encoder.inverse_transform(encoder.transform(cube))
    assert (type(back), back.dtype, back.shape) == (np.ndarray, np.float32, (7, 3, 11))
    nested = SignalEncoder().fit(cube.tolist())
    assert nested.inverse_transform(encoder.transform(cube)).shape == (7, 3, 11)
    assert SignalEncoder().fit(values.tolist()).transform(values.tolist()).shape == (7, 6, 6)


@pytest.mark.parametrize("dtype", ["Float32", "Int16", "int64[pyarrow]", "double[pyarrow]", "bool"])
def test_dtypes_of_pandas(dtype):
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 2, (6, 9))).astype(dtype)
    encoder = SignalEncoder().fit(frame)
    back = encoder.inverse_transform(encoder.transform(frame))
    wanted = "float64" if dtype == "bool" else dtype
    assert (back.dtypes == wanted).all()
    assert np.allclose(back.to_numpy(np.float64), frame.to_numpy(np.float64), atol=1e-4)
    mixed = pd.DataFrame({"a": [1, 2], "b": [0.5, 0.25]})
    encoder = SignalEncoder().fit(mixed)
    assert (encoder.inverse_transform(encoder.transform(mixed)).dtypes == "float64").all()


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2"])
def test_other_libraries(library, dtype):
    polars = pytest.importorskip("polars")
    values = np.round(100 * np.random.default_rng(0).normal(size=(6, 9))).astype(dtype)
    table = polars.from_numpy(values, schema=[f"t{i}" for i in range(9)])
    table = table if library == "polars" else table.to_arrow()
    encoder = SignalEncoder().fit(table)
    back = encoder.inverse_transform(encoder.transform(table))
    assert type(back) is type(table)
    assert back.schema == table.schema
    noise = encoder.inverse_transform(np.random.default_rng(1).uniform(0, 255, (3, 3, 3)))
    assert noise.schema == table.schema
    longer = encoder.container_.restore(np.zeros((2, 1, 12)))
    assert longer.shape == (2, 12)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "u8"])
def test_integers_stay_within_what_their_dtype_holds(dtype):
    ends = np.iinfo(dtype)
    encoder = SignalEncoder().fit(
        np.array([[ends.min, ends.max] * 8, [ends.max, ends.min] * 8], dtype)
    )
    back = encoder.inverse_transform(np.random.default_rng(0).normal(0, 1e4, (9, 4, 4)))
    assert back.dtype == dtype
    assert back.min() == ends.min
    assert ends.max - int(back.max()) < 4096  # a float64 comes no nearer to the end of int64


def test_signal_windows_keep_leads_units_and_rate():
    values = np.random.default_rng(0).normal(size=(5, 2, 20)).astype(np.float32)
    info = pd.DataFrame({"patient": list("abcde")})
    windows = SignalWindows(values, 250, ("i", "bp"), ("mV", "mmHg"), info)
    encoder = SignalEncoder().fit(windows)
    back = encoder.inverse_transform(encoder.transform(windows))
    assert (back.leads, back.units, back.fs_hz) == (windows.leads, windows.units, 250)
    assert back.values.dtype == np.float32
    assert not len(back.info.columns)  # patients stay behind
    assert np.allclose(back.values, values, atol=1e-4)
    assert np.allclose(encoder.transform(values), encoder.transform(windows))
    for other, message in (
        (SignalWindows(values, 500, ("i", "bp"), ("mV", "mmHg")), r"fs_hz=500.0; 250.0 was"),
        (SignalWindows(values, 250, ("bp", "i"), ("mV", "mmHg")), r"leads=\('bp', 'i'\); \('i',"),
        (SignalWindows(values, 250, ("i", "bp"), ("uV", "mmHg")), r"units=\('uV', 'mmHg'\);"),
        (SignalWindows(values[:, :1], 250, "i"), r"\(leads, samples\) = \(1, 20\); \(2, 20\)"),
        (SignalWindows(values[:, :, :9], 250, ("i", "bp")), r"\(2, 9\); \(2, 20\) was learnt"),
    ):
        with pytest.raises(DataError, match=message):
            encoder.transform(other)
    assert len(encoder.transform(SignalWindows(values, 250, ("I", "BP"), ("mV", "mmHg")))) == 5


def test_a_column_named_aligned_is_a_sample():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 64))).add_prefix("t")
    assert SignalEncoder().fit(table.rename(columns={"t3": "aligned"})).is_stationary_


def test_set_output():
    windows = np.random.default_rng(0).normal(size=(5, 2, 7))
    encoder = SignalEncoder().set_output(transform="pandas").fit(windows)
    table = encoder.transform(windows)
    assert table.columns[[0, 7, 9]].tolist() == ["lead0:sample0", "lead0:null7", "lead1:sample0"]
    assert np.allclose(encoder.inverse_transform(table), windows, atol=1e-4)


@given(signals(), st.sampled_from(["whiten", "minmax"]), st.booleans())
def test_what_was_learnt_survives_as_plain_data(values, scaling, is_table):
    assume(not is_table or values.shape[2] > 1)
    X = pd.DataFrame(values[:, 0]).add_prefix("t") if is_table else values
    encoder = SignalEncoder(scaling).fit(X)
    record, arrays = encoder.to_state()
    again = clone(encoder).from_state(json.loads(json.dumps(record)), arrays)
    grids = encoder.transform(X)
    assert np.array_equal(again.transform(X), grids)
    assert again.cell_groups_ == encoder.cell_groups_
    ours, theirs = (np.asarray(e.inverse_transform(grids)) for e in (again, encoder))
    assert np.array_equal(ours, theirs)
    learnt = [name for name in vars(encoder) if name.endswith("_") and not name.startswith("_")]
    assert set(learnt) <= set(vars(again))


def test_what_is_stored_is_no_window():
    values = np.random.default_rng(0).normal(size=(8, 1, 64))
    record, arrays = SignalEncoder().fit(values).to_state()
    numbers = np.concatenate([np.ravel(a) for a in arrays.values()])
    assert not np.isin(numbers, values).any()
    assert len(numbers) <= 64 + 4  # a gain each frequency, a mean
    assert "0.1257302210933933" not in json.dumps(record)


def test_odd_column_names_cannot_be_saved():
    dates = pd.DataFrame(np.ones((3, 2)), columns=pd.date_range("2026", periods=2))
    with pytest.raises(ArchiveError, match=r"column name Timestamp.* cannot be saved; strings"):
        SignalEncoder().fit(dates).to_state()
    seconds = pd.DataFrame(np.ones((3, 2)), columns=[0.0, 0.004])
    assert SignalEncoder().fit(seconds).to_state()[0]["container"]["columns"] == [0.0, 0.004]


# Bad input

GOOD = np.random.default_rng(0).normal(size=(4, 9))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.where(GOOD > 1, np.nan, GOOD), ValueError, "Input X contains NaN"),
        (np.where(GOOD > 1, np.inf, GOOD)[:, None], ValueError, "Input X contains infinity"),
        (GOOD[:0], ValueError, r"0 sample\(s\)"),
        (GOOD[:0, None], ValueError, r"0 sample\(s\)"),
        (GOOD[:, :0], ValueError, r"0 feature\(s\)"),
        (np.zeros((4, 0, 9)), DataError, r"windows of shape \(4, 0, 9\) hold no sample"),
        (np.zeros((4, 2, 0)), DataError, r"windows of shape \(4, 2, 0\) hold no sample"),
        (GOOD[0], ValueError, "Expected 2D array, got 1D array"),
        (GOOD[:, None, None], ValueError, "Found array with dim 4"),
        (np.full((3, 4), "a"), ValueError, "could not convert string"),
        (np.full((3, 2, 4), "a"), ValueError, "could not convert string"),
        ("ptbdb", ValueError, "could not convert string|Expected 2D array"),
        (None, ValueError, "Expected 2D array"),
        ([[1.0, 2.0], [1.0]], ValueError, "inhomogeneous shape"),
        (GOOD + 1j, ValueError, "Complex data not supported"),
        (
            [Recording("a", GOOD[:1], 100, ("i",), ("mV",), {}, "p")],
            DataError,
            "recordings have any length; cut windows of one length",
        ),
    ],
)
def test_bad_windows(data, error, message):
    with pytest.raises(error, match=message):
        SignalEncoder().fit(data)


def test_bad_grids_and_parameters():
    encoder = SignalEncoder().fit(GOOD)
    for grids, message in (
        (np.zeros((2, 4, 3)), r"grids have shape \(2, 4, 3\); \(n, 3, 3\) is expected|\(n, \*\(3"),
        (np.zeros(9), r"grids have shape \(9,\)"),
        (np.full((1, 3, 3), np.nan), "grids hold NaN or infinite cells"),
        (np.full((1, 3, 3), "a"), "grids hold NaN or infinite cells"),
    ):
        with pytest.raises(DataError, match=message):
            encoder.inverse_transform(grids)
    for parameters in ({"scaling": "zscore"}, {"exponent": 2}, {"exponent": "high"}):
        with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
            SignalEncoder(**parameters).fit(GOOD)
    assert encoder.inverse_transform(np.zeros((0, 3, 3))).shape == (0, 9)
