import numpy as np
import pytest

from synthgan import SignalEncoder
from synthgan.datasets import make_ecg
from synthgan.encoding.signals.leads import independent_leads
from synthgan.io.windows import SignalWindows

LIMBS = ("I", "II", "III", "aVR", "aVL", "aVF")
ALL_LEADS = (*LIMBS, "V1", "V2", "V3", "V4", "V5", "V6")


def twelve_leads(n=6, n_samples=80):
    values = make_ecg(
        n, n_samples=n_samples, fs_hz=100, leads=[x.lower() for x in ALL_LEADS], random_state=0
    )
    return SignalWindows(values, 100, ALL_LEADS)


def assert_einthoven(windows, slack):
    one, two, three, right, left, foot = (windows.lead(name) for name in LIMBS)
    assert np.abs(three - (two - one)).max() <= slack
    assert np.abs(right + (one + two) / 2).max() <= slack
    assert np.abs(left - (one - two / 2)).max() <= slack
    assert np.abs(foot - (two - one / 2)).max() <= slack


@pytest.mark.parametrize("scaling", ["whiten", "minmax"])
@pytest.mark.parametrize("order", [1, -1])
def test_einthovens_relations_hold_in_any_grid(scaling, order):
    real = twelve_leads()
    windows = SignalWindows(real.values[:, ::order], 100, ALL_LEADS[::order])
    encoder = SignalEncoder(scaling).fit(windows)
    assert encoder.grid_shape_ == (8, 9, 9)
    assert encoder.n_leads_ == 12
    noise = np.random.default_rng(0).integers(0, 256, (9, 8, 9, 9))
    assert_einthoven(encoder.inverse_transform(noise), 1e-12)
    back = encoder.inverse_transform(encoder.transform(windows))
    assert back.leads == windows.leads
    step = 1e-6 if scaling == "whiten" else 1.5 * encoder.step_.max()
    assert np.abs(back.values - windows.values).max() <= step
    single = SignalWindows(real.values.astype(np.float32), 100, ALL_LEADS)
    back = encoder_of(single, scaling).inverse_transform(noise)
    assert back.values.dtype == np.float32
    assert_einthoven(back, 1e-6 * np.abs(back.values).max())


def encoder_of(windows, scaling="whiten"):
    return SignalEncoder(scaling).fit(windows)


def test_a_lead_that_breaks_its_relation_is_kept():
    real = twelve_leads()
    broken = real.values.copy()
    broken[:, 2] += 0.05 * np.random.default_rng(0).normal(size=broken[:, 2].shape)
    encoder = encoder_of(SignalWindows(broken, 100, ALL_LEADS))
    assert encoder.kept_.tolist() == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    back = encoder.inverse_transform(encoder.transform(SignalWindows(broken, 100, ALL_LEADS)))
    assert np.abs(back.values - broken).max() < 1e-5
    for leads in (("I", "V1", "III"), ("II", "III", "aVR"), ("a", "b", "c")):
        kept, matrix = independent_leads(real.values[:, :3], leads)
        assert kept == [0, 1, 2]
        assert np.array_equal(matrix, np.eye(3))
    assert encoder_of(real.values).grid_shape_ == (12, 9, 9)  # leads without names


def test_flat_leads():
    flat = SignalWindows(np.zeros((3, 6, 50)), 100, LIMBS)
    encoder = encoder_of(flat)
    assert np.array_equal(encoder.inverse_transform(encoder.transform(flat)).values, flat.values)


def test_a_lead_that_never_moves_decodes_as_still():
    values = np.random.default_rng(0).normal(size=(5, 2, 60))
    values[:, 1] = 0.1
    encoder = encoder_of(values)
    made = encoder.inverse_transform(np.random.default_rng(1).normal(127.5, 127.5, (9, 2, 8, 8)))
    assert np.ptp(made[:, 0]) > 1
    assert made[:, 1] == pytest.approx(0.1, abs=1e-12)
