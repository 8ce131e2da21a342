"""What the default recipe for images reaches; minutes of training each."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import ks_2samp
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from synthgan import ImageGANSynthesizer
from synthgan.datasets import make_fingerprints
from synthgan.io.images import save_images
from synthgan.metrics.images import image_coverage, image_precision


def ridge_frequency(images):
    """Mean frequency between 0.08 and 0.35 cycles a pixel, weighted by power."""
    n = images.shape[1]
    taper = np.outer(np.hanning(n), np.hanning(n))
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centred * taper)) ** 2
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    ridges = (cycles > 0.08) & (cycles < 0.35)
    return (power[:, ridges] * cycles[ridges]).sum(axis=1) / power[:, ridges].sum(axis=1)


def coherence(images):
    """How much ridges agree in direction with those around them, weighted by their contrast."""
    down, across = np.gradient(images.astype(float), axis=(1, 2))
    xx, yy, xy = (
        gaussian_filter(product, (0, 3, 3)) for product in (across**2, down**2, across * down)
    )
    strength = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    return strength.sum(axis=(1, 2)) / (xx + yy).sum(axis=(1, 2))


def spectrum_slope(images):
    n = images.shape[1]
    power = (np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True))) ** 2).mean(
        axis=0
    )
    cycles = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    used = (cycles > 0.02) & (cycles < 0.5)
    return np.polyfit(np.log(cycles[used]), np.log(power[used]), 1)[0]


def nearest(images, others=None):
    """Root mean square difference of each image to the nearest other one, grey levels."""
    rows = images.reshape(len(images), -1).astype(float)
    known = rows if others is None else others.reshape(len(others), -1).astype(float)
    k = 2 if others is None else 1
    distances = NearestNeighbors(n_neighbors=k).fit(known).kneighbors(rows)[0][:, -1]
    return distances / np.sqrt(rows.shape[1])


@pytest.mark.slow
def test_digits():
    digits = load_digits()
    X, unseen, y, shown = train_test_split(
        digits.images, digits.target, test_size=0.5, random_state=0, stratify=digits.target
    )
    model = ImageGANSynthesizer(max_time="10min", random_state=0).fit(X, y)
    fake, labels = model.sample(5 * len(X), return_y=True)
    assert sorted(set(labels)) == list(range(10))

    def flat(images):
        return images.reshape(len(images), -1)

    assert SVC().fit(flat(X), y).score(flat(unseen), shown) > 0.96
    assert SVC().fit(flat(fake), labels).score(flat(unseen), shown) >= 0.93
    levels = [np.rint(images * 255 / 16).astype(np.uint8) for images in (unseen, fake[: len(X)])]
    assert image_precision(*levels, random_state=0).value >= 0.85
    assert image_coverage(*levels, random_state=0).value >= 0.85
    ours, theirs = nearest(fake[: len(X)], X), nearest(unseen, X)
    for share in (0.05, 0.25, 0.5):
        assert np.quantile(ours, share) >= 0.95 * np.quantile(theirs, share)


@pytest.mark.slow
def test_fingerprints():
    fingers = make_fingerprints(4000, (64, 64), random_state=0)
    learnt, unseen = fingers[:3000], fingers[3000:]
    model = ImageGANSynthesizer(max_time="20min", random_state=0).fit(learnt)
    fake = model.sample(1000)
    assert ks_2samp(ridge_frequency(unseen), ridge_frequency(fake)).statistic <= 0.15
    assert ks_2samp(coherence(unseen), coherence(fake)).statistic <= 0.15
    assert spectrum_slope(fake) == pytest.approx(spectrum_slope(unseen), rel=0.1)
    # Real fingers differ from the nearest of 500 by 50 grey levels.
    assert nearest(fake[:500]).min() > 0.5 * nearest(unseen[:500]).min()
    assert np.median(nearest(fake, learnt)) > 0.8 * np.median(nearest(unseen, learnt))


_FIT = """
import json, resource, sys
import numpy as np
from synthgan import ImageGANSynthesizer
fit = ImageGANSynthesizer(max_steps=3, random_state=0).fit
fit(np.zeros((10, 8, 8), np.uint8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
fit(sys.argv[1])
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


@pytest.mark.slow
def test_a_large_archive_does_not_fill_the_memory(tmp_path):
    few = make_fingerprints(200, (64, 64), random_state=0)
    n = 20_000
    save_images(np.tile(few, (n // len(few), 1, 1)), tmp_path / "a.zip", format="jpg")
    run = subprocess.run(
        [sys.executable, "-c", _FIT, tmp_path / "a.zip"], capture_output=True, check=True
    )
    extra_kib = json.loads(run.stdout)
    assert extra_kib * 1024 < n * 64 * 64 + 500 * 2**20
