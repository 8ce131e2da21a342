"""Waves of heart beats at known places."""

import numpy as np
import pytest

from synthgan.datasets import make_ecg as simulate
from synthgan.exceptions import DataError
from synthgan.metrics import signals
from synthgan.metrics.signals.delineation import intervals_of, qrs_complexes
from synthgan.records.beats import find_beats
from tests.metrics.test_signals import FS_HZ, WAVES, make_ecg

QUANTITIES = ["PR interval (ms)", "QRS duration (ms)", "QT interval (ms)", "QTc (ms)",
              "P amplitude (mV)", "R amplitude (mV)", "T amplitude (mV)"]  # fmt: skip


def onset_s(windows):
    complexes = qrs_complexes(windows, find_beats(windows, FS_HZ), FS_HZ)
    return np.median(complexes.sample - complexes.onset) / FS_HZ


def test_a_broader_qrs_is_longer():
    lengths = []
    for factor in (1, 1.5, 2):
        waves = [(factor * s, mv, factor * sd) for s, mv, sd in WAVES[1:4]]
        windows = make_ecg(60, 0, waves=waves, noise_mv=0.005)[0]
        complexes = qrs_complexes(windows, find_beats(windows, FS_HZ), FS_HZ)
        lengths.append(float(np.median(complexes.offset - complexes.onset) / FS_HZ))
    assert lengths[0] == pytest.approx(0.1, abs=0.02)
    np.testing.assert_allclose(np.array(lengths) / lengths[0], [1, 1.5, 2], rtol=0.15)


def test_height_of_qrs():
    waves = [(0, 0.8, 0.011), (0.04, -0.4, 0.01)]
    windows = make_ecg(60, 0, waves=waves, noise_mv=0)[0]
    complexes = qrs_complexes(windows, find_beats(windows, FS_HZ), FS_HZ)
    inside = [windows[w, s - 20 : s + 21] for w, s in zip(*complexes[:2], strict=True)]
    np.testing.assert_allclose(complexes.height, [np.ptp(x) for x in inside], rtol=0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_qt_follows_t(sign):
    # The tangent of a Gaussian's steepest fall meets 0 two standard deviations after its peak.
    found = []
    for t_s in (0.24, 0.3):
        waves = [*WAVES[1:4], (t_s, sign * 0.3, 0.04)]
        windows = make_ecg(60, 0, waves=waves, noise_mv=0.005, bpm=(60, 70))[0]
        measured = intervals_of(windows, FS_HZ)
        qt_ms = np.median(measured.qt_ms)
        assert qt_ms == pytest.approx(1000 * (onset_s(windows) + t_s + 0.08), abs=15)
        # At 65 beats a minute, the cube root of the cycle is 0.97.
        assert np.median(measured.qtc_ms) == pytest.approx(qt_ms / 0.973, rel=0.01)
        assert np.median(measured.t_mv) == pytest.approx(sign * 0.3, rel=0.1)
        found.append(qt_ms)
    assert found[1] - found[0] == pytest.approx(60, abs=8)


@pytest.mark.parametrize("sign", [1, -1])
def test_pr_follows_p(sign):
    found = []
    for p_s in (-0.14, -0.18):
        waves = [(p_s, sign * 0.12, 0.02), *WAVES[1:]]
        windows = make_ecg(60, 0, waves=waves, noise_mv=0.005)[0]
        measured = intervals_of(windows, FS_HZ)
        pr_ms = np.median(measured.pr_ms)
        assert pr_ms == pytest.approx(1000 * (0.04 - p_s - onset_s(windows)), abs=15)
        assert np.median(measured.p_mv) == pytest.approx(sign * 0.12, rel=0.2)
        found.append(pr_ms)
    assert found[1] - found[0] == pytest.approx(40, abs=6)


def test_beats_without_p_have_no_pr():
    with_p, without = (intervals_of(make_ecg(60, 0, waves=w, noise_mv=0.005)[0], FS_HZ)
                       for w in (WAVES, WAVES[1:]))  # fmt: skip
    assert len(with_p.pr_ms) > 0.95 * len(with_p.p_mv)
    assert len(without.pr_ms) < 0.1 * len(without.p_mv)
    assert np.median(np.abs(without.p_mv)) < 0.01


@pytest.mark.parametrize("bpm", [60, 100])
def test_intervals_of_simulated_hearts(bpm):
    """The usual patient of `make_ecg`: places and widths of waves grow with the root of a cycle."""
    windows = simulate(80, n_samples=1250, fs_hz=500, heart_rate_bpm=bpm, random_state=0)
    measured = intervals_of(windows, 500)
    usual = {name: np.median(x) for name, x in measured._asdict().items()}
    radians_to_ms = 1000 / (2 * np.pi) * np.sqrt(60 / bpm)
    p, q, t = (np.radians(x) for x in (-60, -13, 100))
    begin, end = q - 2 * 0.08, t + 2 * 0.35
    assert usual["pr_ms"] == pytest.approx((begin - (p - 2 * 0.22)) * radians_to_ms, abs=15)
    assert usual["qt_ms"] == pytest.approx((end - begin) * radians_to_ms, abs=25)
    assert usual["qtc_ms"] == pytest.approx(usual["qt_ms"] / np.cbrt(60 / bpm), rel=0.02)
    assert usual["r_mv"] == pytest.approx(0.95, abs=0.1)


def test_each_quantity_has_its_ceiling():
    sets = [simulate(80, n_samples=500, fs_hz=250, random_state=i) for i in range(3)]
    run = {"fs_hz": 250, "holdout": sets[1], "random_state": 0}
    score = signals.intervals(sets[0], sets[2], **run)
    assert list(score.detail.index) == QUANTITIES
    assert score.ceiling == pytest.approx(score.detail["ceiling"].mean())
    assert score.floor == pytest.approx(score.detail["floor"].mean())
    assert score.value > 0.8
    assert (score.detail["ceiling"] > score.detail["floor"]).all()
    # Longer QT intervals alone: the windows' second halves of the beats are later.
    slow = simulate(80, n_samples=500, fs_hz=250, heart_rate_bpm=50, random_state=2)
    slower = signals.intervals(sets[0], slow, **run).detail["value"]
    assert slower["QT interval (ms)"] < score.detail.loc["QT interval (ms)", "value"] - 0.2
    again = signals.intervals(sets[0], sets[2], **run)
    assert again.detail.equals(score.detail)


def test_what_cannot_be_measured_is_named():
    real = make_ecg(60, 0)[0]
    flat = make_ecg(60, 1, waves=WAVES[:4], noise_mv=0.005)[0]
    detail = signals.intervals(real, flat, fs_hz=FS_HZ, random_state=0).detail
    row = detail.loc["QT interval (ms)"]
    assert row["real in a window"] > 1
    assert row["fake in a window"] < 0.2 * row["real in a window"]
    alone = make_ecg(60, 1, waves=WAVES[2:3], noise_mv=0)[0]
    score = signals.intervals(alone, real, fs_hz=FS_HZ, random_state=0)
    assert "QT interval (ms)" not in score.detail.index
    assert "in the real windows: PR interval (ms), QT interval (ms), QTc (ms)." in score.note
    step = np.zeros((20, 625))
    step[:, 0] = 1e-7
    with pytest.raises(DataError, match=r"no PR interval \(ms\) could be measured in 20 real"):
        signals.intervals(step, real, fs_hz=FS_HZ)
