import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.utils.estimator_checks import parametrize_with_checks

from synthgan import ImageEncoder
from synthgan.exceptions import DataError, ParameterError
from synthgan.io.images import ImageStack


@parametrize_with_checks([ImageEncoder()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


shapes = st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


@settings(max_examples=30)
@given(shapes, st.integers(0, 2**32 - 1), st.booleans())
def test_bytes_come_back(shape, seed, is_stack):
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    images = pixels[..., 0] if shape[3] == 1 else pixels
    given_images = ImageStack(images) if is_stack else images
    encoder = ImageEncoder().fit(given_images)
    grids = encoder.transform(given_images)
    assert grids.dtype == np.uint8
    assert grids.shape == (shape[0], *encoder.grid_shape_)
    assert encoder.grid_shape_ == (shape[1:3] if shape[3] == 1 else (3, *shape[1:3]))
    back = encoder.inverse_transform(grids)
    assert type(back) is type(given_images)
    assert np.asarray(back).dtype == np.uint8
    assert np.array_equal(back, images)
    assert np.shares_memory(np.asarray(given_images), grids)  # large sets are not copied


@settings(max_examples=30)
@given(
    shapes,
    st.integers(0, 2**32 - 1),
    st.sampled_from(["f4", "f8", "i2", "i8", "bool"]),
    st.sampled_from([1.0, 1e-6, 1e4]),
)
def test_other_numbers_come_back_within_half_a_step(shape, seed, dtype, size):
    values = np.random.default_rng(seed).normal(size=shape) * (size if dtype[0] == "f" else 100)
    images = values > 0 if dtype == "bool" else values.astype(dtype)
    encoder = ImageEncoder().fit(images)
    back = encoder.inverse_transform(encoder.transform(images))
    assert (back.shape, back.dtype) == (images.shape, images.dtype)
    error = np.abs(back.astype(float) - images.astype(float)).max()
    slack = 0.5 if dtype[0] == "i" and encoder.step_ > 1 else 1e-6 * size
    assert error <= encoder.step_ / 2 + slack
    assert encoder.limits_ == (float(images.min()), float(images.max()))
    assert encoder.step_ == pytest.approx((float(images.max()) - float(images.min())) / 255)


def test_few_grey_levels_are_kept():
    digits = np.random.default_rng(0).integers(0, 17, (20, 8, 8)).astype(float)  # as scikit-learn's
    encoder = ImageEncoder().fit(digits)
    assert np.array_equal(encoder.inverse_transform(encoder.transform(digits)), digits)
    noisy = encoder.transform(digits).astype(float) + 3
    assert np.array_equal(encoder.inverse_transform(noisy.clip(0, 255)), digits)  # whole numbers


def test_given_limits_clip():
    images = np.array([[[-2.0, 0.0], [0.5, 3.0]]])
    encoder = ImageEncoder(limits=(0.0, 1.0)).fit(images)
    assert encoder.transform(images).tolist() == [[[0, 0], [128, 255]]]


def test_rows_of_a_table():
    frame = pd.DataFrame(np.arange(24.0).reshape(4, 6), columns=[f"p{i}" for i in range(6)])
    encoder = ImageEncoder(shape=(2, 3)).fit(frame)
    assert encoder.image_shape_ == (2, 3, 1)
    assert encoder.transform(frame).shape == (4, 2, 3)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)
    assert ImageEncoder().fit(frame).image_shape_ == (1, 6, 1)
    assert ImageEncoder().fit(np.eye(9)).image_shape_ == (3, 3, 1)
    assert ImageEncoder(shape=(1, 2, 3)).fit(frame).grid_shape_ == (3, 1, 2)
    named = encoder.set_output(transform="pandas").transform(frame)
    assert named.columns[:2].tolist() == ["row0:column0", "row0:column1"]


def test_state_is_plain():
    images = np.random.default_rng(0).normal(size=(5, 4, 6, 3)).astype("f4")
    encoder = ImageEncoder().fit(images)
    record, arrays = encoder.to_state()
    again = ImageEncoder().from_state(json.loads(json.dumps(record)), arrays)
    grids = encoder.transform(images)
    assert np.array_equal(again.transform(images), grids)
    assert np.array_equal(again.inverse_transform(grids), encoder.inverse_transform(grids))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 3, 4, 2)), DataError, r"shape \(2, 3, 4, 2\) does not hold images"),
        (np.zeros((2, 3, 4, 3, 1)), DataError, "does not hold images"),
        (np.zeros((2, 0, 4)), DataError, "hold no pixel"),
        (np.zeros((0, 3, 4)), DataError, "n_samples=0 images"),
        (np.full((2, 3, 4), np.nan), ValueError, "contains NaN"),
        (np.full((2, 3, 4), np.inf), ValueError, "infinity"),
        (np.array([[["a"]]]), ValueError, "could not convert"),
    ],
)
def test_bad_images(images, error, message):
    with pytest.raises(error, match=message):
        ImageEncoder().fit(images)


def test_bad_parameters_and_other_images():
    for parameters in ({"shape": (2, 2)}, {"shape": (3, 1, 2)}, {"shape": (3.0, 2)}):
        with pytest.raises(ParameterError, match="does not fit rows of 6 pixels"):
            ImageEncoder(**parameters).fit(np.zeros((2, 6)))
    with pytest.raises(ParameterError, match="low < high"):
        ImageEncoder(limits=(1, 1)).fit(np.zeros((2, 6)))
    encoder = ImageEncoder().fit(np.zeros((2, 4, 5)))
    with pytest.raises(DataError, match="images are 5 x 4; 4 x 5 was learnt"):
        encoder.transform(np.zeros((2, 5, 4)))
    with pytest.raises(DataError, match=r"grids have shape \(2, 5, 4\)"):
        encoder.inverse_transform(np.zeros((2, 5, 4)))
    with pytest.raises(DataError, match="NaN"):
        encoder.inverse_transform(np.full((2, 4, 5), np.nan))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "u2", "bool", "u1"])
def test_what_is_made_lies_within_the_range_learnt(dtype):
    rng = np.random.default_rng(0)
    images = (rng.uniform(0.1, 0.7, (4, 5, 6)) * (1 if dtype[0] == "f" else 3000)).astype(dtype)
    encoder = ImageEncoder().fit(images)
    made = encoder.inverse_transform(rng.integers(0, 256, (9, 5, 6), dtype=np.uint8))
    assert made.dtype == images.dtype
    low, high = (0, 255) if dtype == "u1" else (images.min(), images.max())
    assert low <= made.min() <= made.max() <= high
