"""Cells hold the band of frequencies that waves need; above it, synthetic windows have noise."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dct, idct
from sklearn.base import clone

import synthgan
from synthgan import FCN, SignalEncoder, SignalGANSynthesizer
from synthgan.datasets import make_ecg
from synthgan.encoding.signals.band import HighBand, find_band
from synthgan.exceptions import ArchiveError, ParameterError

N_SAMPLES = 1600
RNG = np.random.default_rng(0)
TIMES = np.arange(N_SAMPLES) / N_SAMPLES


def waves(low, high, n=40):
    """Bursts of one sine each, of `low` to `high` cycles in a window, (n, 1, n_samples)."""
    cycles, phases = RNG.uniform(low, high, (n, 1, 1)), RNG.random((n, 1, 1))
    return np.hanning(N_SAMPLES) * np.sin(2 * np.pi * (cycles * TIMES + phases))


def spectra(windows):
    return dct(windows, norm="ortho")


@pytest.fixture(scope="module")
def hearts():
    return np.asarray(make_ecg(60, n_samples=N_SAMPLES, fs_hz=1000, random_state=0))[:, None]


def test_smooth_waves_need_a_quarter_of_the_frequencies(hearts):
    assert find_band(hearts) == N_SAMPLES // 4
    assert find_band(waves(1, 20) + 0.01 * RNG.normal(size=(40, 1, N_SAMPLES))) == N_SAMPLES // 4


@pytest.mark.parametrize(
    ("windows", "n_cells"),
    [
        (waves(220, 250), round(N_SAMPLES / 3)),  # up to 500 frequencies
        (waves(300, 380), N_SAMPLES // 2),
        (waves(420, 700), N_SAMPLES),
        (RNG.normal(size=(40, 1, N_SAMPLES)), N_SAMPLES),
        (np.concatenate([waves(1, 20), waves(420, 700)], axis=1), N_SAMPLES),
        (waves(1, 20)[:19], N_SAMPLES),  # too few windows
        (waves(1, 20)[:, :, ::4], N_SAMPLES // 4),  # too short
    ],
    ids=["a third", "half", "high", "noise", "one high lead", "few", "short"],
)
def test_what_waves_hold_is_kept(windows, n_cells):
    assert find_band(windows) == n_cells


@given(st.floats(0.01, 1.0), st.integers(2, 60))
def test_the_band_comes_back(share, n_samples):
    windows = np.random.default_rng(n_samples).normal(size=(5, 2, n_samples))
    encoder = SignalEncoder(band=share).fit(windows)
    n_cells = encoder.n_cells_
    assert n_cells == max(1, round(share * n_samples))
    grids = encoder.transform(windows)
    assert grids.shape[2:] == encoder.grid_shape_[1:]
    assert sum(len(g.cells) for g in encoder.cell_groups_ if g.kind != "null") == 2 * n_cells
    back = spectra(encoder.inverse_transform(grids))
    assert np.allclose(back[:, :, :n_cells], spectra(windows)[:, :, :n_cells], atol=1e-4)
    # Only the mean of all windows, which no cell holds, is above the first frequency, and it is 0.
    assert np.allclose(back[:, :, n_cells:], 0, atol=1e-9)
    record, arrays = encoder.to_state()
    again = clone(encoder).from_state(json.loads(json.dumps(record)), arrays)
    assert np.array_equal(again.inverse_transform(grids), encoder.inverse_transform(grids))


def windows_of(low, high):
    """Windows of 20 low and 60 high frequencies, (n, 1, 80)."""
    return idct(np.concatenate([low, high], axis=2), norm="ortho")


def test_noise_above_the_band_is_as_loud_as_in_real_windows():
    loudness = np.exp(RNG.normal(0, 0.5, (400, 1, 1)))
    shape = np.linspace(2, 1, 60)
    low = np.zeros((400, 1, 20))
    real = windows_of(low, RNG.normal(size=(400, 1, 60)) * shape * loudness)
    band = HighBand.fit(real, 20)
    low = np.zeros((4000, 1, 20))
    drawn = band.extend(low, 80, np.random.default_rng(1))
    assert np.array_equal(drawn[:, :, :20], low)
    ours, theirs = (np.log((x**2).mean(axis=2)).ravel() for x in (drawn[:, :, 20:], real))
    assert abs(ours.mean() - np.log(80 / 60) - theirs.mean()) < 0.1
    assert abs(ours.std() / theirs.std() - 1) < 0.1
    assert np.corrcoef(drawn.std(axis=0)[0, 20:], shape)[0, 1] > 0.8
    longer = band.extend(np.zeros((4000, 1, 40)), 160, np.random.default_rng(1))
    assert longer.shape == (4000, 1, 160)
    assert abs(longer.std() / drawn.std() - 1) < 0.1
    assert not band.extend(low, 80, None).any()


def test_the_spectrum_of_few_windows_is_not_stored():
    windows = RNG.normal(size=(20, 2, 80))
    assert HighBand.fit(windows, 20).shape.std() > 0.05
    assert (HighBand.fit(windows[:19], 20).shape == 1).all()


def test_noise_is_louder_where_waves_are_steep():
    low, high = np.zeros((400, 1, 20)), np.zeros((400, 1, 60))
    low[:, 0, 10:] = spectra(np.eye(80)[40])[10:20]  # a spike in the middle, cut at the band
    real = windows_of(low, high)
    near = np.exp(-(((np.arange(80) - 40) / 6) ** 2))
    real += windows_of(np.zeros_like(low), spectra(RNG.normal(size=(400, 1, 80)) * near)[..., 20:])
    drawn = HighBand.fit(real, 20).extend(low, 80, np.random.default_rng(1))
    drawn[:, :, :20] = 0
    loud = idct(drawn, norm="ortho")[:, 0].std(axis=0)
    assert loud[34:46].mean() > 3 * loud[[*range(20), *range(60, 80)]].mean()


def test_synthetic_windows_have_the_noise_also_after_loading(hearts, tmp_path):
    network = FCN(width=8, depth=0)
    model = SignalGANSynthesizer(network=network, max_steps=2, fs_hz=1000, random_state=0)
    model.fit(hearts[:, 0])
    n_cells = model.encoder_.n_cells_
    assert model.grid_shape_ == (20, 20)
    fake = model.sample(40, random_state=3)
    real, made = (np.sqrt((spectra(x)[:, n_cells:] ** 2).mean()) for x in (hearts[:, 0], fake))
    assert 0.4 < made / real < 2.5  # the size of windows is calibrated, too
    assert np.array_equal(fake, model.sample(40, random_state=3))
    assert "the loudness of the noise above its cells' band" in model.model_card()
    model.save(tmp_path / "m.synthgan")
    assert np.array_equal(synthgan.load(tmp_path / "m.synthgan").sample(40, random_state=3), fake)


def test_recordings_of_any_length_have_it(hearts):
    model = SignalGANSynthesizer(max_steps=1, fs_hz=1000, random_state=0).fit(hearts[:, 0])
    longer = model.sample(2, duration_s=3.001)
    assert longer.shape == (2, 3001)
    assert (spectra(longer)[:, 1000:] ** 2).mean() > 0


@pytest.mark.parametrize("band", [0, -0.5, 1.5, "half", None])
def test_no_share_is_refused(band):
    with pytest.raises(ValueError, match="'band' parameter of SignalEncoder must be"):
        SignalEncoder(band=band).fit(waves(1, 2))


@pytest.mark.parametrize("band", [0.5, "auto"])
def test_grey_levels_hold_every_sample(band):
    with pytest.raises(ParameterError, match=r"band=.* needs scaling='whiten'; leave band=1.0"):
        SignalEncoder("minmax", band=band).fit(waves(1, 2))


def test_broken_archives_are_refused():
    encoder = SignalEncoder(band=0.5).fit(waves(1, 20))
    record, arrays = encoder.to_state()
    for name, value in (("n_cells", 1601), ("n_cells", 400), ("n_cells", 0), ("n_samples", 799)):
        with pytest.raises(ArchiveError):
            clone(encoder).from_state({**record, name: value}, arrays)
    for name in HighBand.NAMES:
        with pytest.raises(ArchiveError, match="the noise above the band has an impossible size"):
            clone(encoder).from_state(record, {**arrays, name: -1e4 - arrays[name]})
        left = {other: array for other, array in arrays.items() if other != name}
        with pytest.raises(ArchiveError, match="noise above the band"):
            clone(encoder).from_state(record, left)
    record["n_cells"] = 1600
    with pytest.raises(ArchiveError):
        clone(encoder).from_state(record, arrays)
