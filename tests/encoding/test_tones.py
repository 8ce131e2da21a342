import numpy as np
import pytest

from synthgan import SignalEncoder
from synthgan.datasets import make_ecg
from synthgan.encoding.signals.tones import find_tones


def sines(cycles, n=40, n_samples=400, size=1.0, seed=0):
    rng = np.random.default_rng(seed)
    begin = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    return size * np.sin(2 * np.pi * cycles * np.arange(n_samples) / n_samples + begin)


def noise(n=40, n_samples=400, seed=1):
    return np.random.default_rng(seed).normal(size=(n, 1, n_samples))


@pytest.mark.parametrize("cycles", [10.125, 34.4, 120.0, 170.77])
def test_a_tone_is_found_in_noise(cycles):
    found = find_tones(noise() + sines(cycles))
    assert found == pytest.approx([cycles], abs=0.1)
    assert find_tones(5.0 + 1e-3 * (noise() + sines(cycles))) == pytest.approx(found)


def test_the_clearest_comes_first():
    found = find_tones(noise() + sines(50.0, size=2.0) + sines(150.0, size=0.5, seed=2))
    assert found == pytest.approx([50.0, 150.0], abs=0.1)
    many = sum(sines(float(k), seed=k, size=0.5) for k in range(20, 200, 15))
    assert len(find_tones(noise() + many)) == 8


@pytest.mark.parametrize(
    "windows",
    [
        noise(),
        np.cumsum(noise(), axis=2),
        np.zeros((40, 1, 400)),
        np.ones((40, 1, 5)),
        np.zeros((0, 1, 400)),
        noise(n=9) + sines(50.0, n=9),  # too few to tell
        sum(sines(k, n=1) for k in (50.3,)) * np.eye(40)[:, :1, None] + noise(),  # in one of them
        sines(np.linspace(20, 100, 40)[:, None, None]) + noise(),  # at another pitch in each
        make_ecg(100, n_samples=500, fs_hz=250, noise_mv=0, random_state=0)[:, None],
    ],
)
def test_what_is_no_steady_tone(windows):
    assert find_tones(windows) == ()


def test_the_hum_of_the_mains_reaches_the_network():
    ecgs = make_ecg(100, n_samples=500, fs_hz=250, random_state=0)
    encoder = SignalEncoder().fit(ecgs)
    assert encoder.tones_ == pytest.approx([100.0], abs=0.1)  # 50 Hz for 2 s
    assert encoder.cell_groups_[0].tones == encoder.tones_
    assert SignalEncoder().from_state(*encoder.to_state()).tones_ == encoder.tones_
