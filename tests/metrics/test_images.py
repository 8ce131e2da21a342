from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import evaluate
from synthgan.exceptions import DataError
from synthgan.metrics import c2st, images
from synthgan.metrics.score import Score
from synthgan.metrics.signals import signal_c2st

pytestmark = pytest.mark.usefixtures("few_trees")

OF_PIXELS = [images.pixel_statistics, images.image_spectrum]
OF_POINTS = [
    images.image_precision,
    images.image_recall,
    images.image_density,
    images.image_coverage,
    images.frechet_distance,
    images.image_c2st,
]
MEASURES = OF_PIXELS + OF_POINTS


def make_discs(n, seed, *, side=20, radius=(3, 6)):
    """Grey images with one soft disc each, somewhere, on a dark ground."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    centre = rng.uniform(side / 4, 3 * side / 4, (n, 2, 1, 1))
    distance = np.hypot(rows - centre[:, 0], columns - centre[:, 1])
    inside = 1 / (1 + np.exp(2 * (distance - rng.uniform(*radius, (n, 1, 1)))))
    level = rng.uniform(120, 220, (n, 1, 1))
    grey = 20 + (level - 20) * inside + 4 * rng.normal(size=distance.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def noisy(x, sd, seed=0):
    noise = sd * np.random.default_rng(seed).normal(size=x.shape)
    return np.clip(np.rint(x + noise), 0, 255).astype(np.uint8)


def is_better(score, a, b):
    return a > b if score.higher_is_better else a < b


@pytest.fixture(scope="module")
def discs():
    return make_discs(150, 0)


@pytest.fixture(scope="module")
def other():
    return make_discs(150, 1)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_copy_is_perfect_in_any_order(measure, discs):
    score = measure(discs, discs[::-1], random_state=0)
    assert isinstance(score, Score)
    best = {images.image_c2st: 0.5, images.image_density: score.value}
    expected = best.get(measure, float(score.higher_is_better))
    assert score.value == pytest.approx(expected, abs=1e-6)
    assert score.ceiling is None


@pytest.mark.parametrize("measure", MEASURES)
def test_order_changes_nothing(measure, discs, other):
    rng = np.random.default_rng(3)
    run = partial(measure, random_state=5)
    plain = run(discs[:40], other[:50], holdout=other[50:80])
    mixed = run(
        discs[:40][rng.permutation(40)],
        other[:50][rng.permutation(50)],
        holdout=other[50:80][rng.permutation(30)],
    )
    for name in ("value", "ceiling", "floor"):
        assert getattr(mixed, name) == pytest.approx(getattr(plain, name))


@pytest.mark.parametrize("measure", MEASURES)
def test_worse_fakes_score_worse(measure, discs, other):
    if measure is images.image_c2st:
        discs, other = discs[:80], other[:80]
    scores = [measure(discs, noisy(other, sd), holdout=other, random_state=0) for sd in (1, 90)]
    assert scores[0].ceiling == scores[1].ceiling
    assert is_better(scores[0], scores[0].value, scores[1].value)
    gain = scores[0].ceiling - scores[0].value
    assert (gain if scores[0].higher_is_better else -gain) > -0.05
    if measure is not images.image_spectrum:
        assert is_better(scores[0], scores[0].ceiling, scores[0].floor)


def test_noise_is_distinguished(discs):
    noise = np.random.default_rng(0).integers(0, 256, discs.shape)
    score = images.image_c2st(discs[:80], noise[:80], random_state=0)
    assert score.value > 0.99
    assert score.interval[0] > 0.98
    assert images.image_precision(discs, noise, random_state=0).value < 0.02
    assert images.image_coverage(discs, noise, random_state=0).value < 0.02
    assert images.image_spectrum(discs, noise, random_state=0).value > 0.5


def test_c2st_names_the_features_that_differ(discs, other):
    fake = np.clip(other.astype(int), 0, 150)
    detail = images.image_c2st(discs, fake, random_state=0).detail["value"]
    assert set(detail.index) == {
        "principal components", "orientations", "spectrum", "pixel statistics"
    }  # fmt: skip
    assert detail.index[0] == "pixel statistics"
    assert detail.iloc[0] > 0.75


@pytest.mark.parametrize("shape", [(5, 12, 12), (5, 9, 12), (5, 7, 9), (5, 12, 8, 3)])
def test_surrogates_keep_the_spectrum(shape):
    real = np.random.default_rng(0).uniform(110, 140, shape)
    fake = images.phase_randomised_images(real, np.random.default_rng(1))
    powers = [np.abs(np.fft.fft2(x, axes=(1, 2))) for x in (real, fake)]
    np.testing.assert_allclose(*powers, atol=1e-6)
    assert fake.shape == shape
    assert not np.allclose(real, fake)
    score = images.image_spectrum(real, fake, random_state=0)
    assert score.value < 1e-4
    assert score.floor < 1e-4


def test_what_grows_and_what_turns():
    real = make_discs(150, 0)
    large = make_discs(150, 1, radius=(6, 9))
    assert images.frechet_distance(real, large, random_state=0).value > 3 * (
        images.frechet_distance(real, make_discs(150, 1), random_state=0).value
    )
    stripes = np.zeros((60, 16, 16), dtype=np.uint8)
    stripes[:, ::4] = np.random.default_rng(0).integers(100, 200, (60, 1, 1))
    turned = stripes.swapaxes(1, 2)
    families = images.image_c2st(stripes, turned, random_state=0).detail["value"]
    assert families["orientations"] > 0.99
    assert families["pixel statistics"] < 0.7


def test_collapse_loses_coverage_alone(discs, other):
    score = images.image_coverage(discs, np.repeat(other[:5], 30, axis=0), random_state=0)
    assert score.detail["value"]["precision"] > 0.7
    assert score.value < 0.35
    assert "principal components" in score.note


def test_frechet_distance_is_that_of_normal_distributions():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 5)), rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5))
    first, second = (np.cov(x, rowvar=False) for x in (a, b))
    expected = np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert images._covariance_gap(a, b) == pytest.approx(expected)
    assert images._covariance_gap(a, a) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
def test_channels_and_types(measure, discs, other):
    run = partial(measure, random_state=0)
    plain = run(discs[:30], other[:30]).value
    assert run(discs[:30].astype(float), other[:30, ..., None]).value == plain
    colour = [np.stack([x[:30], x[30:60], x[60:90]], axis=3) for x in (discs, other)]
    score = run(*colour)
    assert np.isfinite(score.value)
    if measure is images.pixel_statistics:
        parts = [run(colour[0][..., i], colour[1][..., i]).value for i in range(3)]
        assert score.value == pytest.approx(np.mean(parts))
        assert score.detail.loc[("mean", 1), "value"] == pytest.approx(
            run(colour[0][..., 1], colour[1][..., 1]).detail["value"]["mean"]
        )


@settings(max_examples=5)
@given(
    st.integers(2, 8), st.integers(2, 8), st.integers(4, 20), st.integers(4, 20), st.integers(0, 99)
)
def test_bounded(n_real, n_fake, height, width, seed):
    rng = np.random.default_rng(seed)
    real = rng.integers(0, 256, (n_real, height, width))
    fake = rng.integers(0, 40, (n_fake, height, width))
    for measure in MEASURES:
        score = measure(real, fake, holdout=real, random_state=seed)
        Score.to_dict(score)
        if measure in (images.image_spectrum, images.frechet_distance):
            assert score.value >= 0
            assert score.ceiling == pytest.approx(0, abs=1e-6)
        elif measure is not images.image_density:
            assert np.isnan(score.value) or 0 <= score.value <= 1


@pytest.mark.parametrize("measure", MEASURES)
def test_flat_fakes_are_scored(measure, discs):
    score = measure(discs, np.full((40, 20, 20), 30), random_state=0)
    assert np.isfinite(score.value)
    if measure is images.image_c2st:
        assert score.value > 0.95


def test_large_sets_are_sub_sampled():
    real = np.random.default_rng(0).integers(0, 256, (2001, 4, 4))
    score = images.pixel_statistics(real, real[::-1], random_state=0)
    assert score.value == 1
    assert score.note == "Drawn at random: 2000 of 2001 real images, 2000 of 2001 fake images."


@pytest.mark.parametrize("measure", MEASURES)
def test_bad_input(measure, discs):
    with pytest.raises(DataError, match=r"the fake images have shape \(20, 20\)"):
        measure(discs, discs[0])
    with pytest.raises(DataError, match=r"the fake images have .*\(20, 19, 1\), the real ones"):
        measure(discs, discs[:, :, :19])
    with pytest.raises(DataError, match="with sides of 4 or more"):
        measure(discs[:, :3], discs[:, :3])
    with pytest.raises(DataError, match="the holdout set has 1 images"):
        measure(discs, discs, holdout=discs[:1])
    with pytest.raises(DataError, match="fake pixels are -1 to 219; 0 to 255 is allowed"):
        measure(discs, np.linspace(-1, 219, discs.size).reshape(discs.shape))
    with pytest.raises(DataError, match="2 of 150 fake images have missing pixels"):
        measure(discs, np.where(np.arange(150)[:, None, None] < 2, np.nan, discs))
    with pytest.raises(DataError, match="all real images have the single level 7"):
        measure(np.full((5, 20, 20), 7), discs)
    with pytest.raises(DataError, match="the fake images are not numbers"):
        measure(discs, pd.DataFrame({"a": ["x", "y"]}))


def test_few_images_are_not_measured_by_trees():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (200, 16, 16), dtype=np.uint8)
    for n in (6, 24):
        score = images.image_c2st(real, np.zeros((n, 16, 16), np.uint8), random_state=0)
        assert np.isnan(score.value)
        assert f"five folds of {n} real and {n} synthetic ones leave" in score.note
        report = evaluate(real, np.zeros((n, 16, 16), np.uint8), sections=["fidelity"])
        assert np.isnan(report["image_c2st"].value)
        assert "Not measured: trees need 40 training rows" in report.to_html()
    enough = images.image_c2st(real, np.zeros((25, 16, 16), np.uint8), random_state=0)
    assert enough.value > 0.9


def test_few_rows_and_windows_are_not_measured_by_trees():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    fake = real.head(24) * 0
    score = c2st(real, fake, random_state=0)
    assert np.isnan(score.value)
    assert "Not measured" in score.note
    report = evaluate(real, fake)
    assert np.isnan(report["c2st"].value)
    assert "Not measured: trees need 40 training rows" in report.to_html()
    windows = rng.normal(size=(60, 250))
    score = signal_c2st(windows, windows[:20] * 0, fs_hz=250, random_state=0)
    assert np.isnan(score.value)
