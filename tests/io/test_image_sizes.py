"""Sizes of images that are read, and files that cannot be read."""

import io
import struct
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.images import (
    ImageStack,
    decoding,
    read_images,
)
from synthgan.io.images import save_images as save
from synthgan.io.images.threads import in_threads
from tests.io.pictures import NOISE, RNG, encoded, one, plant, smooth

# Sizes


def test_sizes_must_agree(place):
    files = {f"{i}.png": encoded(NOISE[0][: 9 - i // 3]) for i in range(5)}
    plant(place, files)
    with pytest.raises(
        DataError,
        match=r"'3\.png' is 8 x 7 \(height x width\), '0\.png' is 9 x 7; give size, for example "
        r"size=\(9, 7\)",
    ):
        read_images(place)
    assert read_images(place, size=(5, 6)).shape == (5, 6)


def test_stretching_and_cropping(tmp_path):
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 200
    middle = encoded(wide)
    assert np.array_equal(one(tmp_path, middle, size=10, crop=True), np.full((10, 10), 200))
    stretched = one(tmp_path, middle, size=(3, 3))
    assert stretched[0, 1] > 150
    assert max(stretched[0, 0], stretched[0, 2]) < 50
    assert np.array_equal(
        one(tmp_path, encoded(wide.T), size=(5, 5), crop=True), np.full((5, 5), 200)
    )
    assert one(tmp_path, middle, size=(20, 60), crop=True).shape == (20, 60)


@given(st.tuples(*[st.integers(1, 12)] * 4))
def test_a_crop_without_scaling_is_a_piece_of_the_image(sides):
    height, width, more_rows, more_columns = sides
    image = RNG.integers(0, 256, (height + more_rows, width), dtype=np.uint8)
    if more_columns % 2:
        image = image.T
        height, width = width, height
    size = (height, width)
    read = decoding.decode(io.BytesIO(encoded(image)), size, "grey", True, decoding.Depth())
    top, left = ((a - b) // 2 for a, b in zip(image.shape, size, strict=True))
    assert np.array_equal(read, image[top : top + height, left : left + width])


def test_large_jpegs_are_read_small(tmp_path, monkeypatch):
    seen = []
    real = decoding._to_mode
    monkeypatch.setattr(
        decoding, "_to_mode", lambda im, *more: seen.append(im.size) or real(im, *more)
    )
    picture = smooth(800, 1600)
    small = one(tmp_path, encoded(picture, "JPEG", quality=95), size=(50, 100))
    assert seen[-1] == (200, 100)  # width, height
    expected = np.asarray(Image.fromarray(picture).resize((100, 50), 3))
    assert np.abs(small.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    "size", [0, (5, 0), (5,), 2.5, "5", (5, 5.5), True, (5, "5", 5), (2**14,) * 2]
)
def test_sizes_that_are_none(size):
    with pytest.raises(ParameterError, match=r"size=.* is not allowed; give whole numbers"):
        read_images("x", size=size)


@pytest.mark.parametrize(
    "option", [{"color": "gray"}, {"crop": "centre"}, {"on_error": "ignore"}, {"cache": "x.zip"}]
)
def test_options_that_are_none(option):
    with pytest.raises(ParameterError, match=f"{next(iter(option))}=.* is not allowed; "):
        read_images("x", **option)


# Files that cannot be read


def test_unreadable_files_are_named(place, recwarn):
    good = encoded(smooth(60, 60), "JPEG")
    files = {f"{i}.jpg": good for i in range(1, 21)}
    files |= {"2.jpg": good[:-200], "10.jpg": b"no image", "3.jpg": b"", "11.jpg": good[:30]}
    plant(place, files)
    match = (
        r" cannot be read: '2\.jpg' \(truncated\), '3\.jpg' \(not an image of a "
        r"known format\), '10\.jpg' \(not an image of a known format\), and 1 more"
    )
    with pytest.raises(
        DataError,
        match="4 of 20 images" + match + r"; repair them or leave them out, or give on_error=",
    ):
        read_images(place)
    assert not recwarn
    with pytest.warns(DataWarning, match=f"Left out 4 of 20 images that{match}") as caught:
        stack = read_images(place, on_error="skip")
    assert [warning.filename for warning in caught] == [__file__]
    assert (len(stack), len(stack.info), stack.info["path"][1]) == (16, 16, "4.jpg")
    assert np.ptp(stack.values, axis=0).max() == 0
    with pytest.raises(DataError, match=r"none of 2 images can be read: '1"):
        read_images(plant(place.with_name("b.zip"), {"1.png": b"", "2.png": b"x"}), on_error="skip")


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG"])
@pytest.mark.parametrize("length", [0.3, 0.9])
def test_truncated_files(tmp_path, format, length):
    content = encoded(RNG.integers(0, 256, (64, 64), dtype=np.uint8), format)
    with pytest.raises(DataError, match="none of 1 images can be read: "):
        one(tmp_path, content[: int(length * len(content))])


def test_damaged_bytes_never_end_otherwise(tmp_path):
    for format in ("PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG"):
        content = np.frombuffer(encoded(NOISE[0], format), dtype=np.uint8)
        damaged = {}
        for i in range(40):
            bytes_ = content.copy()
            where = RNG.integers(len(bytes_), size=3)
            bytes_[where] = RNG.integers(0, 256, 3)
            damaged[f"{i}.png"] = bytes_.tobytes()
        damaged["good.png"] = encoded(NOISE[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            read_images(plant(tmp_path / "a.zip", damaged), size=9, on_error="skip")


def test_formats_that_run_programs_are_not_read(tmp_path):
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    with pytest.raises(DataError, match=r"eps\.png' \(not an image of a known format\)"):
        read_images(plant(tmp_path, {"eps.png": drawing}))


def test_settings_of_pillow_stay(tmp_path):
    before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    one(tmp_path, encoded(NOISE[0]))
    after = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    assert before == after


@pytest.mark.parametrize("side", [(2**13, 2**14 + 1), (2**15, 2**15)])
def test_pixels_are_limited(tmp_path, side):
    header = struct.pack("<2sIII IiiHHIIiiII", b"BM", 0, 0, 54, 40, *side, 1, 8, 0, 0, 0, 0, 0, 0)
    assert 2**27 == 134217728
    with pytest.raises(DataError, match="more pixels than the limit of 134217728"):
        one(tmp_path, header)


def test_many_pixels_below_the_limit_do_not_warn(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # 63 pixels: Pillow warns
    monkeypatch.setattr(decoding, "_LARGE", 10)
    plant(tmp_path, {f"{i}.png": encoded(image) for i, image in enumerate(NOISE)})
    assert np.array_equal(read_images(tmp_path).values, NOISE)


# The rest


def test_a_bar_is_shown_on_demand(tmp_path, capsys):
    save(NOISE, tmp_path)
    read_images(tmp_path)
    assert capsys.readouterr().err == ""
    read_images(tmp_path, progress=True)
    assert "6/6" in capsys.readouterr().err


def test_threads_keep_the_order_and_stop():
    done = []
    results = in_threads(lambda i: done.append(i) or i, 1000)
    assert [next(results) for _ in range(5)] == list(range(5))
    results.close()
    assert len(done) < 200
    assert list(in_threads(lambda i: -i, 200)) == [-i for i in range(200)]


@pytest.mark.parametrize("safe", [False, True])
def test_labels_that_are_formulas(tmp_path, safe):
    info = pd.DataFrame({"=label": ["=1+1", "-1", "left"], "n": [-1, 2, 3]})
    save(ImageStack(np.zeros((3, 4, 4), np.uint8), info), tmp_path / "x", csv_safe=safe)
    table = pd.read_csv(tmp_path / "x" / "info.csv")
    mark = "'" if safe else ""
    assert list(table.columns) == ["path", f"{mark}=label", "n"]
    assert table.iloc[:, 1].tolist() == [f"{mark}=1+1", f"{mark}-1", "left"]
    assert table["n"].tolist() == [-1, 2, 3]
