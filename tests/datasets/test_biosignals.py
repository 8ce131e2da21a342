import numpy as np
import pytest
from scipy.signal import find_peaks, periodogram

from synthgan.datasets import make_biosignal
from synthgan.exceptions import ParameterError

KINDS = {"ppg": (800, 100.0), "respiration": (1000, 25.0), "eeg": (800, 200.0)}


def densities(x, fs_hz):
    frequencies_hz, density = periodogram(x, fs_hz, window="hann", detrend="linear")
    return frequencies_hz, density


@pytest.mark.parametrize(("kind", "n_samples", "fs_hz"), [(k, *v) for k, v in KINDS.items()])
def test_every_window_is_of_another_person(kind, n_samples, fs_hz):
    x = make_biosignal(kind, 60, random_state=0)
    assert x.shape == (60, n_samples)
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(x, make_biosignal(kind, 60, random_state=0))
    np.testing.assert_array_equal(x, make_biosignal(kind, 60, fs_hz=fs_hz, random_state=0))
    assert (make_biosignal(kind, 60, random_state=1) != x).all()
    spread = np.quantile(x.std(axis=1), [0.1, 0.9])
    assert 1.3 < spread[1] / spread[0] < 6
    assert make_biosignal(kind, 2, n_samples=1, fs_hz=fs_hz, random_state=0).shape == (2, 1)


def test_pulse_waves():
    x = make_biosignal("ppg", 100, n_samples=3000, random_state=0)
    frequencies_hz, density = densities(x, 100.0)
    is_heart = (frequencies_hz > 0.75) & (frequencies_hz < 2)
    peak_hz = frequencies_hz[is_heart][density[:, is_heart].argmax(axis=1)]
    assert 0.8 < peak_hz.min() < 1.0
    assert 1.6 < peak_hz.max() < 1.85
    # A pulse rises faster than it falls.
    slopes = np.diff(x, axis=1)
    assert np.mean(np.quantile(slopes, 0.99, axis=1) > -np.quantile(slopes, 0.01, axis=1)) > 0.9


def test_breathing():
    x = make_biosignal("respiration", 200, n_samples=3000, random_state=0)  # 2 minutes
    counts = [len(find_peaks(row - row.mean(), prominence=0.4 * np.ptp(row) / 2)[0]) for row in x]
    rates = np.array(counts) / 2
    assert np.mean(rates) == pytest.approx(16.6, abs=1)
    assert np.std(rates) == pytest.approx(2.8, abs=0.8)


def test_brain_waves():
    x = make_biosignal("eeg", 200, n_samples=4000, random_state=0)
    frequencies_hz, density = densities(x, 200.0)
    mean = density.mean(axis=0)

    def level(low_hz, high_hz):
        return mean[(frequencies_hz >= low_hz) & (frequencies_hz < high_hz)].mean()

    assert level(9, 11) > 4 * max(level(6, 7), level(14, 16))
    assert level(1, 3) > 3 * level(14, 16)  # falls
    assert level(60, 90) == pytest.approx(2 * 1.0 / 200, rel=0.2)  # noise of 1 uV
    own_hz = frequencies_hz[(frequencies_hz > 7) & (frequencies_hz < 13)]
    peaks = own_hz[density[:, (frequencies_hz > 7) & (frequencies_hz < 13)].argmax(axis=1)]
    assert np.mean(peaks) == pytest.approx(10, abs=0.3)
    # The rhythm rises and falls: its power in quarters of a second varies.
    short = densities(x[:, :4000].reshape(200, 40, 100), 200.0)
    at_alpha = short[1][..., (short[0] >= 8) & (short[0] <= 12)].mean(axis=2)
    assert np.median(at_alpha.std(axis=1) / at_alpha.mean(axis=1)) > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "emg"}, "kind='emg' is not allowed; give one of ppg, respiration, eeg"),
        ({"kind": "eeg", "fs_hz": 50}, "fs_hz=50 is not allowed with kind='eeg'"),
        ({"fs_hz": np.inf}, "fs_hz=inf is not allowed"),
        ({"fs_hz": True}, "fs_hz=True is not allowed"),
        ({"n_windows": 0}, "n_windows=0 is not allowed"),
        ({"n_samples": 2.5}, r"n_samples=2\.5 is not allowed"),
    ],
)
def test_parameters_that_are_not_allowed(options, message):
    with pytest.raises(ParameterError, match=message):
        make_biosignal(**options)
