import numpy as np
import pytest

from synthgan import SignalGANSynthesizer, evaluate
from synthgan.datasets import make_ecg as simulate
from synthgan.encoding.signals.properties import heart_rate_bpm
from synthgan.exceptions import DataError, ParameterError
from synthgan.io.windows import SignalWindows
from synthgan.metrics import signals
from synthgan.metrics.signals.beats import beats_of
from synthgan.records.beats import find_beats, rates_bpm
from tests.metrics.test_signals import FS_HZ, make_ecg

pytestmark = pytest.mark.usefixtures("few_trees")

OF_BEATS = [
    signals.heart_rates,
    signals.beat_counts,
    signals.r_amplitudes,
    signals.intervals,
    signals.beat_variability,
]


@pytest.mark.parametrize("fs_hz", [128, 250, 1000])
@pytest.mark.parametrize("noise_mv", [0, 0.05])
def test_rates_within_two_percent(fs_hz, noise_mv):
    windows, rates = make_ecg(100, 0, bpm=(65, 140), fs_hz=fs_hz, noise_mv=noise_mv)
    beats = find_beats(windows, fs_hz)
    is_measured = np.bincount(beats.window, minlength=100) > 1
    assert is_measured.mean() > 0.95
    measured = rates_bpm(beats, fs_hz, *windows.shape)
    np.testing.assert_allclose(measured[is_measured], rates[is_measured], rtol=0.02)
    assert np.isnan(measured[~is_measured]).all()


def test_beats_of_the_same_windows_are_found_once():
    windows, _ = make_ecg(5, 0)
    found = beats_of(windows, FS_HZ)
    assert beats_of(windows.copy(), FS_HZ) is found
    assert all(np.array_equal(*x) for x in zip(found, find_beats(windows, FS_HZ), strict=True))
    assert beats_of(windows[:, ::2], FS_HZ / 2) is not found


def test_rates_of_one_recording():
    real, fake = (make_ecg(80, seed, bpm=(70 + d, 71 + d))[0] for seed, d in ((0, 0), (1, 30)))
    score = signals.heart_rates(real, fake, fs_hz=FS_HZ, holdout=real, random_state=0)
    row = score.detail.loc["heart rate (bpm)"]
    assert row["real median"] == pytest.approx(70.5, rel=0.02)
    assert row["fake median"] == pytest.approx(100.5, rel=0.02)
    assert score.value < 0.01
    assert score.ceiling == pytest.approx(1)


def test_positions_and_counts():
    fs_hz, t_s = 500, np.arange(1500) / 500
    at_s = np.array([0.5, 1.3, 2.4])
    window = sum(np.exp(-(((t_s - s) / 0.015) ** 2)) for s in at_s)
    for wave in (window, -window, 5 * window + 3, window + t_s):
        beats = find_beats(np.stack([wave, 0 * wave, wave]), fs_hz)
        assert beats.window.tolist() == [0, 0, 0, 2, 2, 2]
        np.testing.assert_allclose(beats.sample[:3] / fs_hz, at_s, atol=0.004)


def test_a_spike_hides_few_beats_of_a_recording():
    recording = simulate(1, n_samples=7500, fs_hz=250, random_state=0)
    spiky = recording.copy()
    spiky[0, 3000:3020] += 8 * np.hanning(20)
    whole, found = (find_beats(x, 250).sample for x in (recording, spiky))
    assert np.isin(found, whole).mean() > 0.9
    assert len(found) > 0.7 * len(whole)
    both = find_beats(np.concatenate([spiky, recording]), 250)
    assert both.sample[both.window == 0].tolist() == found.tolist()
    assert both.sample[both.window == 1].tolist() == whole.tolist()
    assert (np.diff(whole) > 0).all()


def test_amplitudes_of_r():
    real = make_ecg(100, 0)[0]
    score = signals.r_amplitudes(real, 2 * real, fs_hz=FS_HZ, random_state=0)
    row = score.detail.loc["R peak (mV)"]
    assert row["fake median"] == pytest.approx(2 * row["real median"])
    assert 0.8 < row["real median"] < 1.1
    assert score.value < 0.2


def test_repeated_and_unsteady_beats():
    real = make_ecg(200, 0, bpm=(70, 110), noise_mv=0.03)[0]
    still = make_ecg(200, 1, bpm=(70, 110), noise_mv=0)[0]
    score = signals.beat_variability(real, still, fs_hz=FS_HZ, random_state=0)
    detail = score.detail
    assert detail.loc["within (mV)", "value"] < 0.2
    assert detail.loc["within (mV)", "fake median"] < detail.loc["within (mV)", "real median"]
    assert detail.loc["from the usual (mV)", "value"] > detail.loc["within (mV)", "value"]


@pytest.mark.parametrize("measure", OF_BEATS)
def test_bad_input(measure):
    windows = make_ecg(20, 0)[0]
    with pytest.raises(DataError, match=r"last 0.8 s; this measure needs at least 1 s"):
        measure(windows[:, :200], windows[:, :200], fs_hz=FS_HZ)
    with pytest.raises(ParameterError, match="fs_hz=50 is too low to find beats"):
        measure(windows, windows, fs_hz=50)
    # One step makes no beats that lie inside of a window.
    step = np.zeros((20, 625))
    step[:, 0] = 1e-7
    with pytest.raises(DataError, match="measure needs electrocardiograms"):
        measure(step, windows, fs_hz=FS_HZ)


def hearts(bpm, fs_hz=1000, n_samples=4000, width_s=0.02):
    """One window for each rate; narrower beats of faster hearts."""
    t_s = np.arange(n_samples) / fs_hz
    return np.array([
        sum(np.exp(-(((t_s - s) / (width_s * min(1, 200 / rate))) ** 2))
            for s in np.arange(0.1, n_samples / fs_hz, 60 / rate))
        for rate in bpm
    ])  # fmt: skip


def test_fast_hearts_are_not_halved():
    bpm = np.array([50, 150, 230, 280, 300, 400, 450, 600, 700])
    windows = hearts(bpm) + np.random.default_rng(0).normal(0, 0.02, (len(bpm), 4000))
    measured = heart_rate_bpm(windows[:, None], 1000)
    np.testing.assert_allclose(measured, bpm, rtol=0.02)
    # At 250 Hz there is no room for the band of a mouse, but for that of a rabbit.
    rabbit = hearts([330], 250, 1000)
    assert heart_rate_bpm(rabbit[:, None], 250) == pytest.approx(330, rel=0.02)


def test_t_waves_and_noise_are_no_fast_hearts():
    windows, rates = make_ecg(60, 3, bpm=(120, 200), fs_hz=1000)
    measured = heart_rate_bpm(windows[:, None], 1000)
    np.testing.assert_allclose(measured, rates, rtol=0.02)
    noise = np.random.default_rng(0).normal(size=(200, 2000))
    noisy = heart_rate_bpm(noise[:, None], 1000)
    assert (noisy > 300).mean() < 0.05


def test_a_beat_hides_no_weaker_ones():
    """The tall beat of each 4 s hides the others of its piece, but is followed by no pause."""
    fs_hz, t_s = 250, np.arange(7500) / 250
    at_s = np.arange(0.5, 30, 1.0)
    heights = np.where(np.arange(30) % 3 == 1, 2.2, 1.0)
    wave = sum(h * np.exp(-(((t_s - s) / 0.02) ** 2)) for s, h in zip(at_s, heights, strict=True))
    found = find_beats(wave[None], fs_hz).sample
    np.testing.assert_allclose(found / fs_hz, at_s, atol=0.004)


def test_pauses_count_in_the_rate_of_a_recording():
    """23 beats in 30 s are 46 a minute, though the usual interval is one second."""
    fs_hz, t_s = 250, np.arange(7500) / 250
    at_s = np.setdiff1d(np.arange(0.5, 30), [8.5, 9.5, 10.5, 17.5, 18.5, 25.5, 26.5])
    wave = sum(np.exp(-(((t_s - s) / 0.02) ** 2)) for s in at_s)
    windows = np.stack([wave, np.where(t_s < 15, wave, 0), wave[::-1]])
    measured = heart_rate_bpm(windows[:, None], fs_hz)
    np.testing.assert_allclose(measured, [46, 24, 46], atol=3)


def with_breath(seed, n=40, fs_hz=250, n_samples=1000):
    windows, rates = make_ecg(n, seed, bpm=(65, 140), fs_hz=fs_hz, window_s=n_samples / fs_hz)
    breath = np.sin(np.arange(n_samples) / fs_hz * 2 * np.pi * 0.3)
    return np.stack([np.tile(breath, (n, 1)), windows], axis=1), rates


@pytest.mark.parametrize(("leads", "units"), [
    (("RESP", "II"), ("Ohm", "mV")),
    (("RESP", "II"), ("mV", "uV")),
    (("EEG (C4-A1)", "chest"), ("mV", "mV")),
    (("BP", "MLII"), ("mmHg", "mV")),
    (("signal 0", "ECG lead"), ("mV", "mV")),
])  # fmt: skip
def test_beats_are_those_of_an_ecg_lead(leads, units):
    values, rates = with_breath(0)
    if units[1] == "uV":
        values = values * [[1], [1000]]
    cut = SignalWindows(values, 250, leads, units)
    score = signals.heart_rates(cut, cut, fs_hz=250)
    assert f"Beats of lead {leads[1]}." in score.note
    median = score.detail.loc["heart rate (bpm)", "real median"]
    assert median == pytest.approx(np.median(rates), rel=0.03)


def test_beats_of_a_model_are_those_of_an_ecg_lead():
    cut = SignalWindows(with_breath(0)[0], 250, ["RESP", "II"], ["NU", "mV"])
    model = SignalGANSynthesizer(
        max_steps=1, random_state=0, condition_on=["heart_rate_bpm"]
    ).fit(cut)  # fmt: skip
    assert model.beat_lead_ == 1
    assert "heart rates are those of lead `II`" in model.model_card()
    report = evaluate(cut, cut, sections=["fidelity"])
    score = signals.heart_rates(cut, cut, fs_hz=250)
    assert report["heart_rates"].detail.equals(score.detail)
    assert report["r_amplitudes"].detail["real median"].item() < 10  # mV, of any unit


def test_windows_are_compared_by_name():
    values, _ = with_breath(0)
    cut = SignalWindows(values, 250, ("RESP", "II"), ("Ohm", "mV"))
    turned = SignalWindows(values[:, ::-1] * [[1000], [1]], 250, ("ii", "resp"), ("uV", "Ohm"))
    for measure in (signals.amplitudes, signals.heart_rates):
        assert measure(cut, turned, fs_hz=250).value == pytest.approx(1, abs=0.02)
    report = evaluate(cut, turned, sections=["fidelity"])
    assert report["heart_rates"].value == pytest.approx(1, abs=0.02)
    for other, message in (
        (SignalWindows(values, 500, cut.leads, cut.units), "fake windows have 500 Hz"),
        (SignalWindows(values, 250, ("RESP", "I"), cut.units), r"have the leads \('RESP', 'I'\)"),
        (SignalWindows(values, 250, cut.leads, ("NU", "mV")), "lead 'RESP' in 'NU', the real"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(cut, other)
        with pytest.raises(DataError, match=message):
            signals.amplitudes(cut, other, fs_hz=250)
    with pytest.raises(DataError, match="real windows have 250 Hz, but fs_hz=500"):
        evaluate(cut, cut, fs_hz=500)


def test_swapped_axes_are_refused():
    swapped = np.random.default_rng(0).normal(size=(20, 500, 12))
    for use in (
        lambda: SignalGANSynthesizer(max_steps=1).fit(swapped),
        lambda: evaluate(swapped, swapped, fs_hz=250),
        lambda: signals.amplitudes(swapped, swapped, fs_hz=250),
    ):
        with pytest.raises(DataError, match=r"500 leads of 12 samples.* X.transpose\(0, 2, 1\)"):
            use()
    with pytest.raises(DataError, match=r"one name per lead, and transpose the windows"):
        SignalWindows(swapped, 250, [f"v{i}" for i in range(12)])
    # Many leads that are named are leads: an EEG of 64 of them, in windows of 50 samples.
    dense = SignalWindows(
        swapped[:, :64].repeat(5, axis=2)[..., :50], 50, [f"e{i}" for i in range(64)]
    )
    assert evaluate(dense, dense, sections=["fidelity"])["amplitudes"].value == 1
