"""What the default recipe for signals reaches; minutes of training each."""

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

from synthgan import SignalGANSynthesizer
from synthgan.datasets import make_ecg
from synthgan.encoding.signals.properties import heart_rate_bpm
from synthgan.metrics.points import auc
from tests.conftest import acceptance_module

FS_HZ = 1000.0


def tones(kind, n=500, n_samples=2025):
    rng = np.random.default_rng(0)
    t_s = np.arange(n_samples) / FS_HZ
    begin, height = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(0.5, 1.5, (n, 1))
    if kind == "chirp":
        return height * np.sin(2 * np.pi * (3 * t_s + 3 * t_s**2) + begin)
    sine = height * np.sin(2 * np.pi * 5 * t_s + begin)
    if kind == "sine":
        return sine
    return sine + 0.5 * np.sin(2 * np.pi * 17 * t_s + rng.uniform(0, 2 * np.pi, (n, 1)))


def dominant_hz(x):
    power = np.abs(np.fft.rfft(x * np.hanning(x.shape[1]), 2**17, axis=1))
    return np.median(power.argmax(axis=1)) * FS_HZ / 2**17


def _waves(x):
    return np.log(np.abs(np.fft.rfft(x, axis=1))[:, :60] + 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sine", "two tones", "chirp"])
def test_tones(kind):
    real = tones(kind)
    model = SignalGANSynthesizer(fs_hz=FS_HZ, max_time="5min", random_state=0).fit(real)
    fake = model.sample(500)
    # A chirp is followed in three pieces.
    pieces = np.array_split(np.arange(2025), 3) if kind == "chirp" else [np.arange(2025)]
    for piece in pieces:
        assert dominant_hz(fake[:, piece]) == pytest.approx(dominant_hz(real[:, piece]), rel=0.01)
    assert ks_2samp(real.ravel(), fake.ravel()).statistic <= 0.1


@pytest.mark.slow
def test_long_recordings_have_no_seam_and_conditions_hold():
    real = make_ecg(1000, n_samples=500, fs_hz=250, random_state=0)
    model = SignalGANSynthesizer(
        fs_hz=250, condition_on=["heart_rate_bpm"], max_time="8min", random_state=0
    ).fit(real)
    long = model.sample(300, duration_s=8)
    # Windows across each multiple of the learnt length against windows between them.
    seams = np.concatenate([long[:, at - 250 : at + 250] for at in (500, 1000, 1500)])
    inner = np.concatenate([long[:, at - 500 : at] for at in (500, 1000, 1500)])
    sides = [np.hstack([_waves(x), x[:, ::10]]) for x in (seams, inner)]
    x = np.concatenate(sides)
    is_seam = np.arange(len(x)) < len(seams)
    odds = cross_val_predict(
        HistGradientBoostingClassifier(random_state=0), x, is_seam, method="predict_proba", cv=5
    )[:, 1]
    assert auc(odds[is_seam], odds[~is_seam]) <= 0.55
    rates = np.stack([heart_rate_bpm(x[:, None], 250) for x in (long[:, :1000], long[:, 1000:])])
    assert np.nanmedian(np.abs(rates[0] / rates[1] - 1)) < 0.1  # one patient throughout
    slow = model.sample(200, conditions={"heart_rate_bpm": (60, 70)})
    assert np.mean(np.abs(heart_rate_bpm(slow[:, None], 250) - 65) <= 5) >= 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of wfdb and of the scorer
def test_default_recipe_on_ptb_db(tmp_path):
    score_signal, split = acceptance_module("score_signal"), acceptance_module("split")
    split.main("ecg", tmp_path)
    train, holdout = (np.load(tmp_path / f"ecg_{half}.npy") for half in ("train", "hold"))
    model = SignalGANSynthesizer(fs_hz=FS_HZ, max_time="30min", random_state=0).fit(train)
    fake = model.sample(len(train))
    figures = score_signal.score(train, holdout, fake, FS_HZ)
    least = {"amp": 0.92, "hr": 0.92, "beats": 0.90, "rpeak": 0.92, "cov": 0.90}
    most = {"psd": 0.10, "acf": 0.010, "c2st": 0.93, "dcr": 0.55}
    missed = {name: figures[name] for name, bar in least.items() if figures[name] < bar}
    missed |= {name: figures[name] for name, bar in most.items() if figures[name] > bar}
    assert missed == {}
