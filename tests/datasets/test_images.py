import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_series_equal
from scipy.ndimage import gaussian_filter, map_coordinates, sobel
from scipy.spatial.distance import pdist

from synthgan.datasets import make_fingerprints, make_irises
from synthgan.exceptions import ParameterError

MAKERS = [make_fingerprints, make_irises]
PATTERNS = {"left loop", "right loop", "whorl", "double loop", "arch", "tented arch"}

every_maker = pytest.mark.parametrize("make", MAKERS)


def gradient_products(images, spread_px):
    """Products of the gradients to the right and up, smoothed: xx, yy and xy."""
    images = images.astype(float)
    up, right = -sobel(images, axis=1), sobel(images, axis=2)
    spread = (0, spread_px, spread_px)
    return (gaussian_filter(each, spread) for each in (right**2, up**2, right * up))


def mean_discs(images):
    """Mean of the disc of the pupil, of rings in the iris and beside it, for each image."""
    height, width = images.shape[1:]
    y, x = np.ogrid[:height, :width]
    smooth = gaussian_filter(images.astype(float), (0, height / 30, height / 30))
    inner = smooth[:, height // 4 : -height // 4, width // 4 : -width // 4]
    darkest = inner.reshape(len(images), -1).argmin(axis=1)
    row, column = np.unravel_index(darkest, inner.shape[1:])
    row, column = row + height // 4, column + width // 4
    off = (x - column[:, None, None]) / height, (y - row[:, None, None]) / height
    is_level = np.abs(off[1]) < 0.12
    pupil = np.hypot(*off) < 0.04
    iris = is_level & (np.abs(np.hypot(*off) - 0.30) < 0.03)
    sclera = is_level & (np.abs(np.abs(off[0]) - 0.52) < 0.04)
    parts = (pupil, iris, sclera)
    return [np.array([i[p].mean() for i, p in zip(images, part, strict=True)]) for part in parts]


def side_sectors(images):
    """Sectors of the irises at both sides of the pupils, polar, less the mean of each ring."""
    smooth = gaussian_filter(images.astype(float), (0, 4, 4))[:, 60:180, 80:240]
    y, x = np.mgrid[60:180, 80:240]
    angle = np.radians(np.arange(-30, 31))
    sectors = []
    for image, blurred in zip(images.astype(float), smooth, strict=True):
        is_pupil = blurred < blurred.min() + 25
        radius = np.sqrt(is_pupil.sum() / np.pi) + np.arange(6, 24, 2)[:, None]
        for side in (-1, 1):
            rows = y[is_pupil].mean() + radius * np.sin(angle)
            columns = x[is_pupil].mean() + side * radius * np.cos(angle)
            sectors.append(map_coordinates(image, [rows, columns], order=1))
    return np.stack(sectors) - np.mean(sectors, axis=2, keepdims=True)


def correlation(a, b):
    return (a * b).mean() / np.sqrt((a**2).mean() * (b**2).mean())


@every_maker
@pytest.mark.parametrize(
    "shape", [(8, 8), (8, 9), (11, 8), (33, 17), [20, 64], (8, 200), (200, 8), (120, 90)]
)
def test_any_shape(make, shape):
    images = make(2, shape, random_state=0)
    assert images.shape == (2, *shape)
    assert images.dtype == np.uint8
    assert (images.std(axis=(1, 2)) > 5).all()


@pytest.mark.parametrize(
    ("make", "shape"), [(make_fingerprints, (64, 64)), (make_irises, (60, 80))]
)
def test_defaults(make, shape):
    images = make()
    assert images.shape == (100, *shape)
    assert images.min() < 50
    assert images.max() > 230


@every_maker
def test_none_asked(make):
    images, y = make(0, (9, 10), return_y=True)
    assert images.shape == (0, 9, 10)
    assert images.dtype == np.uint8
    assert len(y) == 0
    assert y.dtype == make(1, (9, 10), return_y=True)[1].dtype


@every_maker
@pytest.mark.parametrize("random_state", [np.random.RandomState, np.random.default_rng, int])
def test_random_state(make, random_state):
    before = np.random.get_state()
    first, again = (make(4, (16, 20), return_y=True, random_state=random_state(3)) for _ in "ab")
    assert_array_equal(first[0], again[0])
    assert_series_equal(first[1], again[1])
    assert (first[0] != make(4, (16, 20), random_state=random_state(4))).any()
    assert (make(4, (16, 20)) != make(4, (16, 20))).any()
    after = np.random.get_state()
    assert_array_equal(after[1], before[1])
    assert after[2] == before[2]


@every_maker
def test_first_images_are_the_same_for_every_n(make):
    many, y = make(6, (16, 20), return_y=True, random_state=5)
    assert_array_equal(make(2, (16, 20), random_state=5), many[:2])
    assert_array_equal(make(6, (16, 20), random_state=5), many)
    assert y.index.equals(make(6, (9, 9), return_y=True, random_state=5)[1].index)


@pytest.mark.parametrize(
    ("make", "least", "median"), [(make_fingerprints, 45, 75), (make_irises, 18, 40)]
)
def test_no_two_images_are_alike(make, least, median):
    images = make(80, random_state=0).reshape(80, -1).astype(float)
    root_mean_square = pdist(images) / np.sqrt(images.shape[1])
    assert root_mean_square.min() > least
    assert np.median(root_mean_square) > median
    images -= images.mean(axis=1, keepdims=True)
    assert pdist(images, "correlation").min() > 0.08  # nor alike but for light and contrast


@pytest.mark.parametrize(
    ("shape", "period_px"), [((64, 64), 5.7), ((64, 96), 5.7), ((120, 90), 6.3), ((400, 275), 8.8)]
)
def test_ridges_have_a_period(shape, period_px):
    images = make_fingerprints(6, shape, random_state=3).astype(float)
    side = min(shape)
    window = np.outer(*(np.hanning(s) for s in shape))
    power = np.abs(np.fft.fft2((images - images.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(s) for s in shape), indexing="ij"))
    ring = np.rint(frequency * side)
    rings = np.stack([power[:, ring == k].mean(axis=1) for k in range(side // 2)], axis=1)
    per_period = np.arange(side // 2) / side * period_px
    is_low, is_high = per_period < 0.5, per_period > 1.6
    peaks = per_period[~is_low][rings[:, ~is_low].argmax(axis=1)]
    assert ((peaks > 0.7) & (peaks < 1.35)).all()
    assert np.median(peaks) == pytest.approx(1, abs=0.15)
    mean = rings.mean(axis=0)
    assert mean[~is_low].max() > 2 * mean[(per_period > 0.3) & is_low].mean()
    assert mean[~is_low].max() > 10 * mean[is_high].mean()


def test_ridges_run_side_by_side():
    images = make_fingerprints(40, random_state=1)
    xx, yy, xy = gradient_products(images, 4)
    coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy)
    assert np.median(coherence[:, 16:-16, 16:-16]) > 0.6
    shuffled = np.random.default_rng(0).permuted(images.reshape(40, -1), axis=1)
    xx, yy, xy = gradient_products(shuffled.reshape(images.shape), 4)
    by_chance = np.hypot(xx - yy, 2 * xy) / (xx + yy)
    assert np.median(by_chance[:, 16:-16, 16:-16]) < 0.25


def test_ridges_are_dark_and_the_background_light():
    images = make_fingerprints(30, (96, 96), random_state=2)
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    middle = images[:, 30:66, 30:66]
    assert np.median(corners) > 200
    assert np.median(np.percentile(middle, 10, axis=(1, 2))) < 100
    assert 0.25 < (middle < 150).mean() < 0.75


def test_patterns_are_as_frequent_as_in_nature():
    images, pattern = make_fingerprints(600, (8, 8), return_y=True, random_state=0)
    assert pattern.name == "pattern"
    assert len(images) == len(pattern) == 600
    share = pattern.value_counts(normalize=True)
    assert set(share.index) == PATTERNS
    assert share["left loop"] == pytest.approx(0.338, abs=0.06)
    assert share["right loop"] == pytest.approx(0.317, abs=0.06)
    assert share["whorl"] == pytest.approx(0.219, abs=0.06)
    assert share[["arch", "tented arch", "double loop"]].max() < 0.12


def test_loops_open_to_their_side():
    images, pattern = make_fingerprints(100, return_y=True, random_state=4)
    xx, yy, xy = gradient_products(images, 4)
    below = (slice(None), slice(36, 50), slice(24, 40))
    # Ridges lie across their gradient: those that rise to the right have one that falls.
    rise = -2 * xy[below].mean(axis=(1, 2)) / (xx + yy)[below].mean(axis=(1, 2))
    left, right = (rise[(pattern == f"{side} loop").to_numpy()] for side in ("left", "right"))
    assert (left > 0).mean() > 0.95
    assert (right < 0).mean() > 0.95


@pytest.mark.slow
def test_whorls_have_two_more_turns_than_arches():
    images, pattern = make_fingerprints(120, (96, 96), return_y=True, random_state=6)
    xx, yy, xy = gradient_products(images, 4)
    double_angle = np.arctan2(-2 * xy, yy - xx)
    turn = 2 * np.pi * np.arange(64) / 64
    row, column = np.rint([44 - 22 * np.sin(turn), 47.5 + 22 * np.cos(turn)]).astype(int)
    around = np.unwrap(double_angle[:, row, column], axis=1, period=2 * np.pi)
    closing = np.angle(np.exp(1j * (around[:, 0] - around[:, -1])))
    turns = np.rint((around[:, -1] + closing - around[:, 0]) / (2 * np.pi))
    typical = {
        name: np.median(turns[(pattern == name).to_numpy()])
        for name in ("arch", "left loop", "right loop", "whorl")
    }
    assert typical == {"arch": 0, "left loop": 1, "right loop": 1, "whorl": 2}


@pytest.mark.parametrize("shape", [(60, 80), (240, 320)])
def test_pupil_is_darker_than_iris_and_iris_than_sclera(shape):
    images = make_irises(16, shape, random_state=0)
    pupil, iris, sclera = mean_discs(images)
    assert pupil.mean() + 30 < iris.mean() < sclera.mean() - 30
    assert (pupil < np.median(iris)).mean() > 0.9


def test_pupils_dilate():
    images = gaussian_filter(make_irises(50, random_state=1).astype(float), (0, 1, 1))
    share = (images[:, 10:50, 15:65] < 55).mean(axis=(1, 2))
    low, high = np.quantile(share, [0.1, 0.9])
    assert high > 2 * low


def test_fibres_of_the_iris_run_to_the_pupil():
    sectors = side_sectors(make_irises(12, (240, 320), random_state=2))
    fine = sectors - gaussian_filter(sectors, (0, 0, 8))  # without the light of broad parts
    along = correlation(fine[:, 4:], fine[:, :-4])  # 8 pixels
    around = correlation(fine[:, :, 8:], fine[:, :, :-8])  # 8 degrees, about 8 pixels
    assert along > 0.4
    assert around < 0.1


def test_lamps_are_seen_in_the_eye():
    images = make_irises(24, random_state=3)
    brightest = images[:, 15:45, 20:60].max(axis=(1, 2))
    assert (brightest > 130).all()
    assert np.median(brightest) > 195


@pytest.mark.slow
def test_left_and_right_eyes_are_mirrored():
    images, eye = make_irises(400, return_y=True, random_state=0)
    assert eye.name == "eye"
    assert set(eye) == {"left", "right"}
    assert (eye == "left").mean() == pytest.approx(0.5, abs=0.08)
    left, right = (images[(eye == side).to_numpy()].mean(axis=0) for side in ("left", "right"))
    assert np.abs(left - right[:, ::-1]).mean() < 0.8 * np.abs(left - right).mean()


@every_maker
@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n": -1}, r"^n=-1 is not allowed; give a whole number, 0 or more\.$"),
        ({"n": True}, "^n=True is not"),
        ({"n": 2.0}, "^n=2.0 is not"),
        ({"n": None}, "^n=None is not"),
        (
            {"shape": (7, 8)},
            r"^shape=\(7, 8\) is not .* height and width, whole numbers of 8 or more\.$",
        ),
        ({"shape": (8, 7)}, "^shape="),
        ({"shape": 64}, "^shape=64 is not"),
        ({"shape": (64,)}, "^shape="),
        ({"shape": (64, 64, 1)}, "^shape="),
        ({"shape": (64.0, 64)}, "^shape="),
        ({"shape": (True, 64)}, "^shape="),
        ({"shape": "64"}, "^shape='64' is not"),
        ({"shape": None}, "^shape=None is not"),
    ],
)
def test_parameters_that_are_not_allowed(make, parameters, match):
    with pytest.raises(ParameterError, match=match):
        make(**parameters)
