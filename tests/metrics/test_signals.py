from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics import signals
from synthgan.metrics.compared_sets import content_order
from synthgan.metrics.points import ks
from synthgan.metrics.score import Score
from synthgan.metrics.signals.warping import dtw_distances

pytestmark = pytest.mark.usefixtures("few_trees")

FS_HZ = 250.0
# P, Q, R, S, T: s after R, mV, standard deviation in s
WAVES = [(-0.16, 0.1, 0.02), (-0.03, -0.1, 0.01), (0, 1.0, 0.011), (0.03, -0.2, 0.01),
         (0.26, 0.3, 0.045)]  # fmt: skip

OF_WAVES = [signals.amplitudes, signals.spectrum, signals.autocorrelation]
OF_BEATS = [
    signals.heart_rates,
    signals.beat_counts,
    signals.r_amplitudes,
    signals.intervals,
    signals.beat_variability,
]
OF_POINTS = [
    signals.dtw,
    signals.signal_mmd,
    signals.signal_c2st,
    signals.signal_precision,
    signals.signal_coverage,
]
MEASURES = OF_WAVES + OF_BEATS + OF_POINTS
KEEP_SPECTRUM = [signals.spectrum, signals.autocorrelation]


def make_ecg(n, seed, *, bpm=(55, 95), window_s=2.5, fs_hz=FS_HZ, noise_mv=0.02, waves=WAVES):
    """Windows of simulated beats at a rate of their own, cut anywhere, and the rates."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(int(window_s * fs_hz)) / fs_hz
    windows, rates = np.zeros((n, len(t_s))), rng.uniform(*bpm, n)
    for window, rate in zip(windows, rates, strict=True):
        rr_s, height = 60 / rate, rng.lognormal(0, 0.2)
        for beat_s in np.arange(-rng.random() * rr_s, window_s + rr_s, rr_s):
            for after_s, mv, sd_s in waves:
                window += height * mv * np.exp(-(((t_s - beat_s - after_s) / sd_s) ** 2) / 2)
    windows += 0.05 * np.sin(2 * np.pi * (0.3 * t_s + rng.random((n, 1))))
    return windows + noise_mv * rng.normal(size=windows.shape), rates


def is_better(score, a, b):
    return a > b if score.higher_is_better else a < b


@pytest.fixture(scope="module")
def ecg():
    return make_ecg(300, 0)[0]


@pytest.fixture(scope="module")
def other():
    return make_ecg(300, 1)[0]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_copy_is_perfect_in_any_order(measure, ecg):
    real = ecg[:120]
    score = measure(real, real[::-1], fs_hz=FS_HZ, random_state=0)
    best = {signals.signal_c2st: 0.5}.get(measure, float(score.higher_is_better))
    assert isinstance(score, Score)
    assert score.value == pytest.approx(best, abs=1e-7)
    assert score.ceiling is None
    assert "value" in score.detail.columns


@pytest.mark.parametrize("measure", MEASURES)
def test_order_changes_nothing(measure, ecg, other):
    rng = np.random.default_rng(3)
    run = partial(measure, fs_hz=FS_HZ, random_state=5)
    plain = run(ecg[:40], other[:50], holdout=other[50:80])
    mixed = run(
        ecg[:40][rng.permutation(40)],
        other[:50][rng.permutation(50)],
        holdout=other[50:80][rng.permutation(30)],
    )
    assert mixed.value == pytest.approx(plain.value)
    assert mixed.ceiling == pytest.approx(plain.ceiling)
    assert mixed.floor == pytest.approx(plain.floor)


@pytest.mark.parametrize("measure", MEASURES)
def test_worse_fakes_score_worse(measure, ecg, other):
    rng = np.random.default_rng(2)
    noise = rng.normal(size=other.shape)
    n = {signals.signal_c2st: 60, signals.dtw: 100}.get(measure, 300)
    fakes = [(other + sd_mv * noise)[:n] for sd_mv in (0.03, 0.5)]
    scores = [
        measure(ecg[:n], fake, fs_hz=FS_HZ, holdout=other[:n], random_state=0) for fake in fakes
    ]
    assert scores[0].ceiling == scores[1].ceiling
    assert scores[0].floor == scores[1].floor
    assert is_better(scores[0], scores[0].value, scores[1].value)
    # How many beats a window has, and whether it lies among others, a little noise leaves alone.
    slack = 0.05
    gain = scores[0].ceiling - scores[0].value
    assert (gain if scores[0].higher_is_better else -gain) > -slack
    if measure not in KEEP_SPECTRUM:
        assert is_better(scores[0], scores[0].ceiling, scores[0].floor)


@pytest.mark.parametrize("measure", MEASURES)
def test_noise_is_distinguished(measure, ecg):
    real = ecg[:80]
    noise = real.std() * np.random.default_rng(0).normal(size=real.shape)
    score = measure(real, noise, fs_hz=FS_HZ, holdout=ecg[80:160], random_state=0)
    assert is_better(score, score.ceiling, score.value)
    if measure in (signals.signal_precision, signals.signal_coverage):
        assert score.value == 0
    if measure is signals.signal_c2st:
        assert score.value > 0.99
        assert score.interval[0] > 0.98
        assert score.ceiling < 0.6


def test_surrogates_keep_the_spectrum_and_lose_the_beats(ecg):
    ecg = ecg[:100]
    fake = signals.phase_randomised(ecg, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(np.fft.rfft(fake)), np.abs(np.fft.rfft(ecg)), atol=1e-8)
    np.testing.assert_allclose(fake.mean(axis=1), ecg.mean(axis=1))
    run = {m: m(ecg, fake, fs_hz=FS_HZ, random_state=0).value for m in MEASURES}
    assert run[signals.spectrum] < 0.08
    assert run[signals.autocorrelation] < 0.02
    assert run[signals.beat_counts] < 0.6
    assert run[signals.heart_rates] < 0.6
    assert run[signals.r_amplitudes] < 0.6
    assert run[signals.beat_variability] < 0.3
    assert run[signals.signal_c2st] > 0.95


@pytest.mark.parametrize("n_samples", [20, 21])
def test_surrogates_of_leads_turn_together(n_samples):
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(3, 2, n_samples))
    waves = [np.fft.rfft(x) for x in (windows, signals.phase_randomised(windows, rng))]
    across = [w[:, 0] * w[:, 1].conj() for w in waves]
    np.testing.assert_allclose(*across, atol=1e-8)


@settings(max_examples=5)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 2**31), st.sampled_from([0, 1e-3, 5]))
def test_bounded(n_real, n_fake, seed, size):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n_real, 150)), size * rng.normal(size=(n_fake, 150))
    run = partial(Score.to_dict)
    for measure in [*OF_WAVES, *OF_POINTS]:
        score = measure(real, fake, fs_hz=100, holdout=real[::-1], random_state=seed)
        run(score)
        if score.higher_is_better or measure is signals.signal_c2st:
            assert all(
                np.isnan(x) or 0 <= x <= 1 for x in (score.value, score.ceiling, score.floor)
            )
        else:
            assert score.value >= 0


@pytest.mark.parametrize("measure", MEASURES)
def test_flat_fakes_are_scored(measure, ecg):
    score = measure(ecg, np.zeros((50, ecg.shape[1])), fs_hz=FS_HZ, random_state=0)
    if measure in OF_BEATS:
        assert score.value < 0.1
    if measure is signals.signal_c2st:
        assert score.value > 0.9
    assert np.isfinite(score.value)


@pytest.mark.parametrize("measure", MEASURES)
def test_leads(measure, ecg, other):
    run = partial(measure, fs_hz=FS_HZ, random_state=0)
    single = run(ecg[:30, None], other[:30, None])
    assert single.value == run(ecg[:30], other[:30]).value
    two = [np.stack([x[:30], x[30:60]], axis=1) for x in (ecg, other)]
    score = run(*two)
    if measure in OF_WAVES:
        parts = [run(two[0][:, i], two[1][:, i]).value for i in range(2)]
        assert score.value == pytest.approx(np.mean(parts))
        assert list(score.detail.index.unique("lead")) == [0, 1]
    elif measure in OF_BEATS:
        assert score.value == pytest.approx(single.value)
        assert "first of 2 leads" in score.note
    assert np.isfinite(score.value)


def test_frames_and_integers(ecg, other):
    run = partial(signals.amplitudes, fs_hz=FS_HZ, random_state=0)
    frames = pd.DataFrame(ecg), pd.DataFrame(other)
    assert run(*frames).value == run(ecg, other).value
    ints = [np.rint(1000 * x).astype(int) for x in (ecg, other)]
    assert run(*ints).value == pytest.approx(run(ecg, other).value, abs=0.01)


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_input(measure, ecg):
    run = partial(measure, fs_hz=FS_HZ)
    with pytest.raises(DataError, match=r"the fake windows have shape \(625,\)"):
        run(ecg, ecg[0])
    with pytest.raises(DataError, match=r"the fake windows have .*\(1, 600\), the real ones"):
        run(ecg, ecg[:, :600])
    with pytest.raises(DataError, match=r"the holdout windows have .*\(2, 625\)"):
        run(ecg, ecg, holdout=np.stack([ecg, ecg], axis=1))
    with pytest.raises(DataError, match="the fake set has 1 windows"):
        run(ecg, ecg[:1])
    with pytest.raises(DataError, match="the fake windows have infinite samples"):
        run(ecg, np.where(ecg > 0.9, np.inf, ecg))
    with pytest.raises(DataError, match="all real windows are constant"):
        run(np.ones_like(ecg), ecg)
    with pytest.raises(DataError, match="the real windows are not all numbers"):
        run(np.full((5, 300), "a"), ecg)
    with pytest.raises(DataError, match=r"windows of 6 samples at 250 Hz last 0\.024 s"):
        run(ecg[:, :6], ecg[:, :6])
    for fs_hz in (0, -1, np.nan, np.inf, "250", True):
        with pytest.raises(ParameterError, match=r"fs_hz=.* is not allowed"):
            measure(ecg, ecg, fs_hz=fs_hz)


def test_windows_with_gaps_are_left_out_and_counted(ecg, other):
    gaps = other.copy()
    gaps[:30, 5] = np.nan
    score = signals.amplitudes(ecg, gaps, fs_hz=FS_HZ, random_state=0)
    assert score.note == "Left out: 30 of 300 fake windows with missing samples."
    assert score.value == signals.amplitudes(ecg, other[30:], fs_hz=FS_HZ).value
    with pytest.raises(DataError, match=r"the fake set has 0 windows .* \(of 300\)"):
        signals.amplitudes(ecg, np.full_like(ecg, np.nan), fs_hz=FS_HZ)


def test_sub_samples_are_drawn_by_content(ecg):
    x = np.concatenate([ecg, ecg[:50]])
    order = content_order(x, 7)
    assert sorted(order) == list(range(len(x)))
    np.testing.assert_array_equal(x[order], x[::-1][content_order(x[::-1], 7)])
    assert not np.array_equal(order, content_order(x, 8))
    # Of many copies of few, as many are drawn as there are, not one kind after the other.
    copies = np.repeat(ecg[:10], 30, axis=0)
    drawn = np.unique(copies[content_order(copies, 0)[:60]], axis=0)
    assert len(drawn) == 10
    score = signals.dtw(ecg, ecg[::-1], fs_hz=FS_HZ, random_state=0)
    assert score.note.startswith("Drawn at random: 200 of 300 real windows, 200 of 300 fake")
    assert score.value == 0


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_ks_is_the_widest_gap(a, b):
    shares = [[np.mean(np.array(x) <= level) for level in range(6)] for x in (a, b)]
    expected = np.abs(np.subtract(*shares)).max()
    assert ks(np.array(a), np.array(b)) == pytest.approx(expected)


def slow_dtw(a, b, band):
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(a)):
        for j in range(max(0, i - band), min(len(b), i + band + 1)):
            best = min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
            cost[i + 1, j + 1] = (a[i] - b[j]) ** 2 + best
    return np.sqrt(cost[-1, -1] / len(a))


@pytest.mark.parametrize("band", [0, 1, 4, 30])
def test_dtw_is_that_of_the_textbook(band):
    rng = np.random.default_rng(band)
    a, b = rng.normal(size=(3, 17)), rng.normal(size=(4, 17))
    expected = [[slow_dtw(x, y, band) for y in b] for x in a]
    np.testing.assert_allclose(dtw_distances(a[:, None], b[:, None], band), expected)
    if band == 0:
        gaps = np.sqrt(np.mean((a[:, None] - b) ** 2, axis=2))
        np.testing.assert_allclose(expected, gaps)
    leads = [np.stack([x, 2 * x], axis=1) for x in (a, b)]
    np.testing.assert_allclose(dtw_distances(*leads, band), np.sqrt(5) * np.array(expected))


def test_dtw_sees_what_is_not_among_the_fakes(ecg):
    detail = signals.dtw(ecg, np.repeat(ecg[:5], 60, axis=0), fs_hz=FS_HZ, random_state=0).detail
    assert detail["value"]["fake to real"] < 0.5 * detail["value"]["real to fake"]


def test_collapse_loses_coverage_alone(ecg, other):
    fake = np.repeat(other[:5], 60, axis=0)
    detail = signals.signal_coverage(ecg, fake, fs_hz=FS_HZ, random_state=0).detail["value"]
    assert detail["precision"] > 0.7
    assert detail["coverage"] < 0.3


def test_c2st_names_the_features_that_differ(ecg, other):
    hum = np.zeros((90, other.shape[1] // 2 + 1), dtype=complex)
    hum[:, 75:95] = np.exp(2j * np.pi * np.random.default_rng(0).random((90, 20)))  # 30 to 38 Hz
    hum = np.fft.irfft(hum, other.shape[1])
    fake = other[:90] + 0.02 * hum / hum.std()
    score = signals.signal_c2st(ecg[:90], fake, fs_hz=FS_HZ, random_state=0)
    assert score.value > 0.99
    assert score.detail.index[0] == "spectrum"
    assert score.detail["value"]["principal components"] < 0.8


def labelled(n, seed):
    """Windows of two classes: some have no T wave."""
    plain = make_ecg(n // 2, seed)[0]
    flat = make_ecg(n // 2, seed + 100, waves=WAVES[:-1])[0]
    return np.concatenate([plain, flat]), np.repeat(["plain", "flat T"], n // 2)


def test_usefulness():
    (real, classes), (fake, made), (test, asked) = (labelled(100, seed) for seed in (0, 1, 2))
    run = partial(signals.signal_tstr, real, fs_hz=FS_HZ, real_labels=classes, random_state=0)
    hold = {"holdout": test, "holdout_labels": asked}
    good = run(fake, fake_labels=made, **hold)
    assert good.value > 0.95
    assert good.value == pytest.approx(good.ceiling, abs=0.05)
    assert list(good.detail.index) == ["boosted trees", "linear"]
    wrong = run(fake, fake_labels=made[::-1], **hold)
    assert wrong.value < 0.05
    assert 0.3 < run(fake, fake_labels=np.tile(made[::50], 50), **hold).value < 0.7
    assert run(fake, fake_labels=np.full(100, "plain"), **hold).value == 0.5
    assert run(fake, fake_labels=made).value > 0.9
    order = np.random.default_rng(0).permutation(100)
    mixed = run(fake[order], fake_labels=made[order], **hold)
    assert mixed.value == pytest.approx(good.value)


def test_usefulness_of_few_windows():
    (real, classes), (fake, made), (test, asked) = (
        labelled(n, s) for s, n in enumerate((30, 20, 100))
    )
    score = signals.signal_tstr(
        real, fake, fs_hz=FS_HZ, real_labels=classes, fake_labels=made,
        holdout=test, holdout_labels=asked, random_state=0,
    )  # fmt: skip
    assert (score.detail[["real", "value"]] > 0.8).all(axis=None)


def test_usefulness_of_bad_input(ecg):
    run = partial(signals.signal_tstr, ecg, ecg, fs_hz=FS_HZ)
    two, one = np.tile([0, 1], 150), np.zeros(300)
    with pytest.raises(ParameterError, match="holdout_labels=None"):
        run(real_labels=two, fake_labels=two, holdout=ecg)
    with pytest.raises(DataError, match=r"fake_labels have shape \(299,\)"):
        run(real_labels=two, fake_labels=two[1:])
    with pytest.raises(DataError, match="both need two"):
        run(real_labels=one, fake_labels=two)
    with pytest.raises(DataError, match="real windows or labels are missing"):
        run(real_labels=np.where(two > 0, np.nan, 1.0), fake_labels=two)
    with pytest.raises(DataError, match="the fake windows have"):
        signals.signal_tstr(ecg, ecg[:, :500], fs_hz=FS_HZ, real_labels=two, fake_labels=two)
