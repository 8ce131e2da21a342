import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from synthgan.datasets.ecg import make_ecg
from synthgan.exceptions import ParameterError
from synthgan.metrics import signals
from synthgan.records.beats import find_beats, rates_bpm

LEADS = ["i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"]


def mean_beats(windows, fs_hz, before_s=0.25, after_s=0.5):
    """Mean beat of each window, about R, less its median, and the windows that have a whole one."""
    beats = find_beats(windows, fs_hz)
    before, after = round(before_s * fs_hz), round(after_s * fs_hz)
    is_whole = (beats.sample >= before) & (beats.sample <= windows.shape[1] - after)
    window, sample = beats.window[is_whole], beats.sample[is_whole]
    single = windows[window[:, None], sample[:, None] + np.arange(-before, after)]
    found = np.unique(window)
    means = np.stack([single[window == i].mean(axis=0) for i in found])
    return means - np.median(means, axis=1, keepdims=True), found


@pytest.mark.parametrize(
    ("leads", "shape"),
    [("ii", (7, 90)), (("v3",), (7, 90)), (["i", "v1"], (7, 2, 90)), (LEADS, (7, 12, 90))],
)
def test_shape(leads, shape):
    windows = make_ecg(7, n_samples=90, fs_hz=100, leads=leads, random_state=0)
    assert windows.shape == shape
    assert windows.dtype == np.float64
    assert np.isfinite(windows).all()


def test_least_sizes():
    windows, diagnosis = make_ecg(1, n_samples=1, fs_hz=50, return_y=True)
    assert windows.shape == (1, 1)
    assert diagnosis.tolist() == ["Healthy control"]


@pytest.mark.parametrize("random_state", [np.random.RandomState, np.random.default_rng, int])
def test_random_state(random_state):
    before = np.random.get_state()[1]
    first, again = (make_ecg(5, return_y=True, random_state=random_state(3)) for _ in range(2))
    assert_array_equal(first[0], again[0])
    assert_series_equal(first[1], again[1])
    assert not np.allclose(first[0], make_ecg(5, random_state=random_state(4)))
    assert not np.allclose(make_ecg(5), make_ecg(5))
    assert_array_equal(np.random.get_state()[1], before)


def test_one_generator_goes_on():
    rng = np.random.default_rng(0)
    assert not np.allclose(make_ecg(5, random_state=rng), make_ecg(5, random_state=rng))


def test_no_two_windows_are_alike():
    windows = make_ecg(150, fs_hz=250, n_samples=500, random_state=0)
    aligned = mean_beats(windows, 250)[0]
    for each in (windows, aligned):
        off_diagonal = ~np.eye(len(each), dtype=bool)
        root_mean_square = np.sqrt(((each[:, None] - each) ** 2).mean(axis=-1))
        assert root_mean_square[off_diagonal].min() > 0.01


@pytest.mark.parametrize("bpm", [40, 60, 75, 110, 160])
def test_rate_is_as_asked(bpm):
    windows = make_ecg(30, n_samples=7500, fs_hz=250, heart_rate_bpm=bpm, random_state=bpm)
    rates = rates_bpm(find_beats(windows, 250), 250, *windows.shape)
    assert len(rates) == 30
    assert_allclose(rates, bpm, rtol=0.03)


def test_rates_fill_the_range():
    windows = make_ecg(
        200, n_samples=2500, fs_hz=250, heart_rate_bpm=(60, 120), noise_mv=0, random_state=0
    )
    rates = rates_bpm(find_beats(windows, 250), 250, *windows.shape)
    assert 59 < rates.min() < 65 < 115 < rates.max() < 122
    assert np.median(rates) == pytest.approx(90, abs=5)


def test_rhythm_sways_with_breath_and_at_a_tenth_hertz():
    fs_hz = 250
    windows = make_ecg(
        20, n_samples=60 * fs_hz, fs_hz=fs_hz, heart_rate_bpm=120, noise_mv=0, random_state=0
    )
    beats = find_beats(windows, fs_hz)
    power = 0
    for i in range(20):
        beat_s = beats.sample[beats.window == i] / fs_hz
        intervals = np.interp(np.arange(1, 59, 0.25), beat_s[1:], np.diff(beat_s))
        hz, one = welch(intervals, fs=4, nperseg=120)
        power = power + one
    low, gap, high, above = (
        power[(hz > a) & (hz <= b)].mean()
        for a, b in ((0.07, 0.13), (0.14, 0.17), (0.2, 0.35), (0.45, 1))
    )
    assert min(low, high) > 3 * gap
    assert min(low, high) > 10 * above


@pytest.mark.parametrize("noise_mv", [0, 0.05])
def test_einthoven_and_goldberger(noise_mv):
    windows = make_ecg(20, n_samples=500, leads=LEADS, noise_mv=noise_mv, random_state=0)
    i, ii, iii, avr, avl, avf = np.moveaxis(windows, 1, 0)[:6]
    assert_allclose(iii, ii - i, rtol=0, atol=1e-12)
    assert_allclose(avr, -(i + ii) / 2, rtol=0, atol=1e-12)
    assert_allclose(avl, i - ii / 2, rtol=0, atol=1e-12)
    assert_allclose(avf, ii - i / 2, rtol=0, atol=1e-12)


def test_a_lead_is_the_same_in_any_company():
    everything = make_ecg(6, n_samples=300, leads=LEADS, random_state=1)
    for place, lead in enumerate(LEADS):
        alone = make_ecg(6, n_samples=300, leads=lead, random_state=1)
        assert_allclose(alone, everything[:, place], rtol=0, atol=1e-12)
    pair = make_ecg(6, n_samples=300, leads=("v5", "avl"), random_state=1)
    assert_allclose(pair, everything[:, [10, 4]], rtol=0, atol=1e-12)


def test_sampling_rate_and_length_do_not_change_the_patients():
    seen = [
        make_ecg(8, n_samples=2 * fs_hz, fs_hz=fs_hz, noise_mv=0, random_state=2)[
            :, :: fs_hz // 250
        ]
        for fs_hz in (250, 500, 1000)
    ]
    assert_allclose(seen[1], seen[0], rtol=0, atol=1e-9)
    assert_allclose(seen[2], seen[0], rtol=0, atol=1e-9)
    longer = make_ecg(8, n_samples=900, fs_hz=250, noise_mv=0, random_state=2)
    assert_allclose(longer[:, :500], seen[0], rtol=0, atol=1e-9)


def test_heights_of_r():
    windows = make_ecg(300, n_samples=750, fs_hz=250, random_state=0)
    assert np.abs(windows).max() < 2.5
    beats, _ = mean_beats(windows, 250)
    r_mv = beats[:, 62]
    assert 0.7 < np.median(r_mv) < 1
    assert ((r_mv > 0.5) & (r_mv < 1.5)).mean() > 0.9


def test_r_grows_from_v1_to_v5():
    windows = make_ecg(60, n_samples=750, fs_hz=250, leads=LEADS, noise_mv=0, random_state=0)
    sample = find_beats(windows[:, 0], 250)
    at_r = windows[sample.window, :, sample.sample].mean(axis=0)
    assert (np.diff(at_r[6:11]) > 0).all()
    assert at_r[6] < -0.3
    assert at_r[10] > 0.5
    assert at_r[3] < -0.5  # avr looks at the heart from behind


@pytest.mark.parametrize("bpm", [50, 70, 90])
def test_p_comes_before_qrs_and_t_after(bpm):
    windows, diagnosis = make_ecg(
        100,
        n_samples=1500,
        fs_hz=250,
        heart_rate_bpm=bpm,
        noise_mv=0,
        return_y=True,
        random_state=0,
    )
    beats, found = mean_beats(windows, 250, 0.3, 0.5)
    beat = beats[(diagnosis == "Healthy control").to_numpy()[found]].mean(axis=0)
    time_s = np.arange(len(beat)) / 250 - 0.3
    before, after = time_s < -0.08, time_s > 0.1
    p_s, t_s = (time_s[part][beat[part].argmax()] for part in (before, after))
    q_s, s_s = (time_s[part][beat[part].argmin()] for part in (~before & (time_s < 0), time_s > 0))
    assert abs(time_s[beat.argmax()]) < 0.01
    assert -0.22 < p_s < -0.1 < q_s < 0 < s_s < 0.1 < t_s < 0.4
    p_mv, t_mv = (beat[part].max() - beat[part].min() for part in (before, after))
    assert 0.03 < p_mv < t_mv < 0.5


def test_without_noise_the_signal_is_smooth():
    windows = make_ecg(100, n_samples=4000, noise_mv=0, random_state=0)
    hz, power = welch(windows, fs=1000, nperseg=1000)
    assert power[:, hz > 60].sum() < 1e-5 * power.sum()
    assert np.abs(np.diff(windows, axis=1)).max() < 0.15


@pytest.mark.parametrize("noise_mv", [0.01, 0.1])
def test_noise_is_white_with_mains(noise_mv):
    noisy, clean = (
        make_ecg(100, n_samples=2000, noise_mv=mv, random_state=0) for mv in (noise_mv, 0)
    )
    hz, power = welch(noisy - clean, fs=1000, nperseg=500)
    power = power.mean(axis=0)
    is_mains = np.abs(hz - 50) <= 6
    white = power[~is_mains & (hz > 5) & (hz < 495)]
    assert_allclose(white * 500, noise_mv**2, rtol=0.2)
    assert power[hz == 50] > 20 * white.max()
    slow = make_ecg(100, n_samples=2000, fs_hz=100, noise_mv=noise_mv, random_state=0)
    slow_noise = slow - make_ecg(100, n_samples=2000, fs_hz=100, noise_mv=0, random_state=0)
    assert slow_noise.std() == pytest.approx(noise_mv, rel=0.02)


@pytest.mark.parametrize("n_windows", [2, 9, 100])
def test_half_are_infarcted(n_windows):
    windows, diagnosis = make_ecg(n_windows, n_samples=20, return_y=True, random_state=0)
    assert_array_equal(windows, make_ecg(n_windows, n_samples=20, random_state=0))
    counts = diagnosis.value_counts()
    assert counts["Healthy control"] == (n_windows + 1) // 2
    assert counts["Myocardial infarction"] == n_windows // 2
    assert diagnosis.name == "diagnosis"


def test_order_of_the_diagnoses_is_random():
    orders = [make_ecg(20, n_samples=1, return_y=True, random_state=i)[1] for i in range(2)]
    assert (orders[0] != orders[1]).any()


def test_most_infarctions_are_recognised_but_not_all():
    windows, diagnosis = make_ecg(500, n_samples=750, fs_hz=250, return_y=True, random_state=0)
    beats, found = mean_beats(windows, 250)
    is_infarcted = (diagnosis == "Myocardial infarction").to_numpy()[found]
    healthy, infarcted = beats[~is_infarcted].mean(axis=0), beats[is_infarcted].mean(axis=0)
    assert infarcted[45:62].min() < healthy[45:62].min() - 0.05  # Q
    assert infarcted[87] > healthy[87] + 0.05  # ST, 100 ms after R
    assert infarcted[125] < healthy[125] - 0.1  # T, 250 ms after R
    classifier = LogisticRegression(max_iter=500)
    odds = cross_val_predict(classifier, beats[:, ::2], is_infarcted, method="decision_function")
    assert 0.85 < roc_auc_score(is_infarcted, odds) < 0.99


def test_the_measures_take_them():
    parts = make_ecg(120, n_samples=750, fs_hz=250, random_state=0)
    score = signals.heart_rates(parts[:60], parts[60:], fs_hz=250, random_state=0)
    assert score.value > 0.8


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n_windows": 0}, r"^n_windows=0 is not allowed; give a whole number, 1 or more\.$"),
        ({"n_windows": True}, "^n_windows=True is not"),
        ({"n_windows": 2.0}, "^n_windows=2.0 is not"),
        ({"n_samples": -3}, "^n_samples=-3 is not allowed; give a whole number"),
        ({"fs_hz": 49.9}, r"^fs_hz=49.9 is not .* the samples per second, 50 or more\.$"),
        ({"fs_hz": np.nan}, "^fs_hz=nan is not"),
        ({"fs_hz": "1000"}, "^fs_hz='1000' is not"),
        ({"noise_mv": -0.01}, r"^noise_mv=-0.01 is not allowed; give mV, 0 or more\.$"),
        ({"noise_mv": np.inf}, "^noise_mv=inf is not"),
        (
            {"leads": "vx"},
            r"^leads=.*'vx'.* is not allowed; give one or more of i, ii, iii, .*v6\.$",
        ),
        ({"leads": ("i", "I")}, "^leads="),
        ({"leads": ()}, r"^leads=\(\) is not"),
        ({"leads": None}, "^leads=None is not"),
        ({"heart_rate_bpm": 19}, "^heart_rate_bpm=19 is not allowed; give a rate.* 20 to 250"),
        ({"heart_rate_bpm": (60, 251)}, r"^heart_rate_bpm=\(60, 251\) is not"),
        ({"heart_rate_bpm": (90, 60)}, r"^heart_rate_bpm=\(90, 60\) is not"),
        ({"heart_rate_bpm": (60, 70, 80)}, "^heart_rate_bpm=.* is not"),
        ({"heart_rate_bpm": ("a", "b")}, "^heart_rate_bpm=.* is not"),
        ({"heart_rate_bpm": None}, "^heart_rate_bpm=None is not"),
    ],
)
def test_parameters_that_are_not_allowed(parameters, match):
    with pytest.raises(ParameterError, match=match):
        make_ecg(**parameters)
