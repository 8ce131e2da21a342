"""Models of simple signals keep the variety of the training windows: they do not collapse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import CNN1d, SignalGANSynthesizer

FS_HZ, N_SAMPLES, N_WINDOWS = 100.0, 200, 160
T_S = np.arange(N_SAMPLES) / FS_HZ
SIGNALS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sines", "bursts", "noise", "drifts"]),
        "hz": st.floats(2, 8),
        "spread": st.floats(0.1, 0.8),
        "seed": st.integers(0, 999),
    }
)


def sines(rng, hz):
    rates_hz = hz * np.exp(rng.uniform(-0.3, 0.3, (N_WINDOWS, 1)))
    return np.sin(2 * np.pi * (rates_hz * T_S + rng.random((N_WINDOWS, 1))))


def windows_of(kind, hz, spread, seed):
    """Windows whose sizes vary by a factor of about exp(spread) around the usual one."""
    rng = np.random.default_rng(seed)
    if kind == "sines":
        x = sines(rng, hz)
    elif kind == "bursts":
        centre_s = rng.uniform(0, T_S[-1], (N_WINDOWS, 1))
        x = sines(rng, 2 * hz) * np.exp(-(((T_S - centre_s) / 0.25) ** 2))
    elif kind == "noise":  # the power falls above `hz`
        white = np.fft.rfft(rng.standard_normal((N_WINDOWS, 2 * N_SAMPLES)))
        gain = 1 / np.hypot(1, np.fft.rfftfreq(2 * N_SAMPLES, 1 / FS_HZ) / hz)
        x = np.fft.irfft(white * gain)[:, :N_SAMPLES]
    else:
        x = np.cumsum(rng.standard_normal((N_WINDOWS, N_SAMPLES)), axis=1) / np.sqrt(N_SAMPLES)
    x += 0.02 * rng.standard_normal(x.shape)
    return np.exp(spread * rng.standard_normal((N_WINDOWS, 1))) * x


def band_levels(x):
    """Logarithm of the share of each window's power in bands, (n_windows, n_bands)."""
    power = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1)[:, 1:]) ** 2
    edges = np.unique(np.geomspace(1, power.shape[1], 13).astype(int)) - 1
    bands = np.add.reduceat(power, edges[:-1], axis=1)
    return np.log(bands / bands.sum(axis=1, keepdims=True) + 1e-3)


def spreads(x):
    """Quartile range of the windows' logarithmic sizes, and spread of their spectra."""
    low, high = np.quantile(np.log(x.std(axis=1)), [0.25, 0.75])
    return high - low, float(np.sqrt(band_levels(x).var(axis=0).sum()))


def nearest(x):
    """Median distance of a window to the nearest other one; windows are standardised."""
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    products = x @ x.T
    np.fill_diagonal(products, -np.inf)
    return float(np.median(np.sqrt(2 * np.maximum(x.shape[1] - products.max(axis=1), 0))))


def check(told, least, **settings):
    """Compare a sample with the training windows; `least` is the share of their spread."""
    real = windows_of(**told)
    model = SignalGANSynthesizer(fs_hz=FS_HZ, random_state=0, **settings).fit(real)
    fake = model.sample(N_WINDOWS)
    assert np.isfinite(fake).all()
    (size, spectrum), (real_size, real_spectrum) = spreads(fake), spreads(real)
    assert 0.5 * real_size < size < 2 * real_size, told
    assert least * real_spectrum < spectrum < 2 * real_spectrum, told
    # Windows differ from one another.
    assert nearest(fake) > least * nearest(real), told


def test_collapse_is_seen():
    told = {"kind": "sines", "hz": 5.0, "spread": 0.4, "seed": 0}
    real = windows_of(**told)
    rng = np.random.default_rng(0)
    few = real[rng.integers(3, size=N_WINDOWS)] + 0.01 * rng.standard_normal(real.shape)
    assert nearest(few) < 0.1 * nearest(real)
    one_rate = real.std(axis=1, keepdims=True) * sines(rng, 5.0)[:1]
    assert spreads(one_rate)[1] < 0.1 * spreads(real)[1]
    assert spreads(real / real.std(axis=1, keepdims=True))[0] < 0.1 * spreads(real)[0]


@pytest.mark.parametrize("kind", ["bursts", "drifts"])
def test_few_steps_keep_the_spread(kind):
    told = {"kind": kind, "hz": 5.0, "spread": 0.4, "seed": 0}
    check(told, 0.4, network=CNN1d(width=16), max_steps=60)


@pytest.mark.slow
@given(told=SIGNALS)
@settings(max_examples=4)
def test_no_signal_collapses(told):
    check(told, 0.5, max_steps=300)
