import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.datasets import make_ecg
from synthgan.encoding.signals.properties import PROPERTIES, measure
from synthgan.exceptions import DataError, ParameterError

rates_bpm = PROPERTIES["heart_rate_bpm"]


@settings(max_examples=20)
@given(st.integers(45, 150), st.sampled_from([125.0, 250.0, 1000.0]), st.integers(0, 99))
def test_the_rate_of_a_heart_is_found(rate, fs_hz, seed):
    windows = make_ecg(
        4, n_samples=int(8 * fs_hz), fs_hz=fs_hz, heart_rate_bpm=rate, random_state=seed
    )
    found = rates_bpm(windows[:, None], fs_hz)
    assert found.shape == (4,)
    assert np.median(found) == pytest.approx(rate, rel=0.08)  # rates sway
    # Neither the size of the wave nor its baseline matters.
    assert np.array_equal(rates_bpm(-2 * windows[:, None], fs_hz), found)
    assert np.allclose(rates_bpm(windows[:, None] + 5, fs_hz), found)


def test_the_first_lead_counts():
    windows = make_ecg(3, n_samples=1000, fs_hz=250, leads=("i", "v2"), random_state=0)
    changed = windows.copy()
    changed[:, 1] = 0
    assert np.array_equal(rates_bpm(windows, 250), rates_bpm(changed, 250))


def test_where_there_are_no_two_beats_there_is_no_rate():
    t_s = np.arange(500) / 250
    one_beat = np.exp(-(((t_s - 1) / 0.02) ** 2))
    two_beats = one_beat + np.exp(-(((t_s - 0.2) / 0.02) ** 2))
    windows = np.stack([np.zeros(500), np.full(500, 7.0), one_beat, two_beats])[:, None]
    found = rates_bpm(windows, 250)
    assert np.isnan(found[:3]).all()
    assert found[3] == pytest.approx(75, rel=0.01)
    assert rates_bpm(windows[:0], 250).shape == (0,)


def test_windows_do_not_depend_on_each_other():
    windows = make_ecg(6, n_samples=600, fs_hz=250, random_state=0)[:, None]
    windows[2] = 0
    assert np.array_equal(
        rates_bpm(windows[::-1], 250), rates_bpm(windows, 250)[::-1], equal_nan=True
    )


def test_what_cannot_be_measured():
    windows = np.zeros((2, 1, 200))
    assert measure([], windows, None) == {}
    assert list(measure(["heart_rate_bpm"], windows, 100.0)) == ["heart_rate_bpm"]
    with pytest.raises(DataError, match=r"200 samples at 250 Hz last 0.8 s; .* at least 1 s"):
        measure(["heart_rate_bpm"], windows, 250.0)
    with pytest.raises(ParameterError, match="fs_hz=50 is too low to find beats"):
        measure(["heart_rate_bpm"], windows, 50.0)
