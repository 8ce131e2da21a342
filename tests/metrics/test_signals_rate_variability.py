"""Rate variability of recordings whose beats are at known times."""

import numpy as np
import pytest

from synthgan.exceptions import DataError
from synthgan.metrics import signals
from synthgan.metrics.signals.rate_variability import variability_of

FS_HZ, LENGTH_S = 250.0, 40.0
QUANTITIES = ["RR standard deviation (ms)", "RMSSD (ms)", "pNN50 (%)",
              "modulation by breathing (ms)"]  # fmt: skip


def recording(intervals_s):
    """One beat of 1 mV after each interval; the first one after 0.5 s."""
    t_s = np.arange(int(LENGTH_S * FS_HZ)) / FS_HZ
    beats_s = 0.5 + np.cumsum(intervals_s)
    return np.exp(-(((t_s - beats_s[beats_s < LENGTH_S - 0.5, None]) / 0.015) ** 2) / 2).sum(axis=0)


def breathing(depth_s, rate_hz, phase=0.0):
    """Intervals of 0.8 s that follow a sine."""
    at_s, intervals = 0.0, []
    while at_s < LENGTH_S:
        intervals.append(0.8 + depth_s * np.sin(2 * np.pi * rate_hz * at_s + phase))
        at_s += intervals[-1]
    return recording(intervals)


def people(n, seed, depths_s=(0.02, 0.08)):
    rng = np.random.default_rng(seed)
    draws = zip(rng.uniform(*depths_s, n), rng.uniform(0.2, 0.35, n), rng.uniform(0, 6, n),
                strict=True)  # fmt: skip
    return np.stack([breathing(*draw) for draw in draws])


def test_steady_and_alternating_beats():
    steady = recording(np.full(60, 0.8))
    pairs = recording(np.tile([0.76, 0.84], 30))  # 80 ms between adjacent intervals
    small = recording(np.tile([0.788, 0.812], 30))  # 24 ms
    found = variability_of(np.stack([steady, pairs, small]), FS_HZ)
    np.testing.assert_allclose(found.sdnn_ms, [0, 40, 12], atol=2)
    np.testing.assert_allclose(found.rmssd_ms, [0, 80, 24], atol=2)
    np.testing.assert_allclose(found.pnn50_percent, [0, 100, 0])


def test_breathing_is_a_band():
    found = variability_of(np.stack([breathing(0.05, 0.25), breathing(0.05, 0.06)]), FS_HZ)
    np.testing.assert_allclose(found.sdnn_ms, 50 / np.sqrt(2), rtol=0.1)
    assert found.breath_ms[0] == pytest.approx(50 / np.sqrt(2), rel=0.15)
    assert found.breath_ms[1] < 5
    # What varies slowly changes little from beat to beat.
    assert found.rmssd_ms[1] < found.rmssd_ms[0] / 2


def test_value_between_ceiling_and_floor():
    real, holdout = people(20, 0), people(20, 1)
    fair = signals.rate_variability(real, people(20, 2), fs_hz=FS_HZ, holdout=holdout)
    assert fair.detail.index.tolist() == QUANTITIES
    assert fair.value > 0.6
    assert abs(fair.value - fair.ceiling) < 0.25
    assert fair.floor < 0.4
    assert fair.detail[["value", "ceiling", "floor"]].mean().tolist() == pytest.approx(
        [fair.value, fair.ceiling, fair.floor]
    )
    assert signals.rate_variability(real, real, fs_hz=FS_HZ).value == 1
    # Rhythms that are too steady are found, though heart rates agree.
    steady = people(20, 3, depths_s=(0.0, 0.004))
    score = signals.rate_variability(real, steady, fs_hz=FS_HZ)
    assert score.value < 0.3
    assert score.detail.loc["RMSSD (ms)", "real median"] > 30
    assert score.detail.loc["RMSSD (ms)", "fake median"] < 5
    rates = signals.heart_rates(real, steady, fs_hz=FS_HZ).detail.iloc[0]
    assert rates["fake median"] == pytest.approx(rates["real median"], rel=0.05)


def test_what_has_no_beats():
    real = people(4, 0)
    slow = recording(np.full(60, 5.0))
    score = signals.rate_variability(real, np.stack([real[0], slow]), fs_hz=FS_HZ)
    assert score.detail["fake in a window"].tolist() == [0.5] * 4
    with pytest.raises(DataError, match="none of 2 real recordings has 10 intervals"):
        signals.rate_variability(np.stack([slow, slow]), real, fs_hz=FS_HZ)
    with pytest.raises(DataError, match=r"last 4 s; this measure needs at least 20 s"):
        signals.rate_variability(real[:, :1000], real[:, :1000], fs_hz=FS_HZ)
