import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from synthgan.datasets import make_ecg
from synthgan.encoding.signals.whitening import smooth_power
from synthgan.exceptions import ArchiveError
from synthgan.refine.calibration import Calibration
from synthgan.refine.tempo import Tempo


def hearts(n=300, seed=0, leads=("i",)):
    ecgs = make_ecg(n, n_samples=250, fs_hz=125, leads=leads, random_state=seed)
    return ecgs.reshape(n, len(leads), 250)


def shrunk(x, share=0.4):
    """What a poor generator would make: sizes and heights too near the middle."""
    height, size = x.mean(axis=2, keepdims=True), x.std(axis=2, keepdims=True)
    middle = np.exp(np.log(size).mean(axis=0))
    return (x - height) / size * middle * (size / middle) ** share + share * height


def test_sizes_and_heights_become_right():
    real, fake = hearts(), shrunk(hearts(seed=1))
    mended = Calibration.fit(real, fake).apply(fake)
    for statistic in (np.mean, np.std):
        before, after = (
            ks_2samp(statistic(real, axis=2).ravel(), statistic(x, axis=2).ravel()).statistic
            for x in (fake, mended)
        )
        assert before > 0.15, statistic
        assert after < 0.05, statistic
    # Shapes are as they were.
    shapes = [(x - x.mean(axis=2, keepdims=True)) / x.std(axis=2, keepdims=True)
              for x in (fake, mended)]  # fmt: skip
    assert np.abs(shapes[0] - shapes[1]).max() < 0.5


def test_half_of_what_spectra_differ_is_made_up_for():
    real = np.cumsum(np.random.default_rng(0).normal(size=(400, 1, 200)), axis=2)
    fake = 0.25 * real + 0.75 * np.cumsum(np.random.default_rng(1).normal(size=real.shape), axis=2)
    fake = np.apply_along_axis(lambda w: np.convolve(w, [0.5, 0.5], "same"), 2, fake)
    calibration = Calibration.fit(real, fake)
    wanted = np.sqrt(smooth_power(real - real.mean()) / smooth_power(fake - fake.mean())) ** 0.5
    assert calibration.gains == pytest.approx(wanted.clip(0.5, 2))


def test_equal_windows_stay_as_they_are():
    real = hearts()
    mended = Calibration.fit(real, real.copy()).apply(real)
    assert np.abs(mended - real).max() < 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(100, 160), st.integers(1, 3), st.integers(2, 90), st.integers(0, 9))
def test_anything_comes_back_finite(n, n_leads, n_samples, seed):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(2, n, n_leads, n_samples)) * rng.choice(
        [0, 1e-6, 1e6], (2, 1, 1, 1)
    )
    calibration = Calibration.fit(real, fake)
    for length in (n_samples, 3 * n_samples + 1):
        made = calibration.apply(rng.normal(size=(5, n_leads, length)))
        assert made.shape == (5, n_leads, length)
        assert np.isfinite(made).all()
    assert not len(calibration.apply(fake[:0]))


def test_leads_keep_their_proportions():
    real, fake = hearts(leads=("i", "v2")), shrunk(hearts(seed=1, leads=("i", "v2")))
    calibration = Calibration.fit(real, fake)
    flat = Calibration(np.ones_like(calibration.gains), calibration.heights, calibration.sizes)
    ratios = [np.log(np.divide(*x.std(axis=2).T)) for x in (fake, flat.apply(fake))]
    assert ratios[0] == pytest.approx(ratios[1])


def test_long_recordings_are_sized_as_their_windows():
    real, fake = hearts(), shrunk(hearts(seed=1))
    calibration = Calibration.fit(real, fake)
    flat = Calibration(np.ones_like(calibration.gains), calibration.heights, calibration.sizes)
    twice = np.concatenate([fake, fake[:, :, ::-1]], axis=2)
    assert flat.apply(twice)[:, :, :250] == pytest.approx(flat.apply(fake))


def test_no_single_window_is_kept():
    real = hearts(100)
    calibration = Calibration.fit(real, hearts(100, seed=1))
    heights = real.mean(axis=2).ravel()
    assert calibration.heights.shape == (2, 1, 20)
    assert not np.isin(calibration.heights[1].ravel(), heights).any()
    assert Calibration.fit(real[:19], real) is None


def test_arrays_of_an_archive_are_looked_at():
    arrays = Calibration.fit(hearts(), shrunk(hearts(seed=1))).to_arrays()
    again = Calibration.from_arrays(arrays, 1, 250)
    assert all(np.array_equal(again.to_arrays()[name], arrays[name]) for name in arrays)
    wrong = [
        {"gains": -arrays["gains"]},
        {"gains": arrays["gains"][:, :9]},
        {"sizes": arrays["sizes"][:, ::-1]},
        {"heights": arrays["heights"] * np.nan},
        {"heights": arrays["heights"][:, :, ::-1]},
        {"sizes": arrays["sizes"][:, :0]},
        {"more": arrays["sizes"]},
    ]
    for change in wrong:
        with pytest.raises(ArchiveError, match="calibration"):
            Calibration.from_arrays({**arrays, **change}, 1, 250)


def rates_of_waves(seed, middle, spread, n=500):
    """Rates as a generator makes them: one oscillator decides, another says nothing."""
    rng = np.random.default_rng(seed)
    waves = rng.normal([0.3, np.log(middle / 30)], [0.5, spread], (n, 2))
    return 30 * np.exp(waves[:, 1] + rng.normal(0, 0.01, n)), waves


def test_the_tempo_becomes_right():
    real, _ = rates_of_waves(0, 70, 0.2)
    fake, waves = rates_of_waves(1, 60, 0.1)
    fake[:20] = np.nan
    tempo = Tempo.fit(real, fake, waves)
    assert tempo.wave == 1
    assert tempo.offset == pytest.approx(np.log(30), abs=0.01)
    now = tempo.middle + tempo.factor * (waves[:, 1] - tempo.middle) + tempo.shift
    assert ks_2samp(real, fake[20:]).statistic > 0.4
    assert ks_2samp(real, 30 * np.exp(now)).statistic < 0.08


def test_there_is_no_tempo_to_match():
    real, _ = rates_of_waves(0, 70, 0.2)
    fake, waves = rates_of_waves(1, 60, 0.1)
    assert Tempo.fit(real, fake, waves[::-1]) is None  # no oscillator decides
    assert Tempo.fit(real[:19], fake, waves) is None
    assert Tempo.fit(np.full(500, np.nan), fake, waves) is None
    assert Tempo.fit(real, np.full(500, 64.0), waves) is None
