"""Stacks of images: in memory, and mapped from a file."""

import gc
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.images import (
    ImageStack,
    read_images,
)
from synthgan.io.images import save_images as save
from synthgan.records import pixels
from tests.io.pictures import NOISE, RNG, encoded, plant

# The stack


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_stack_and_its_parts(channels):
    values = RNG.integers(0, 256, (5, 4, 6, *channels), dtype=np.uint8)
    stack = ImageStack(values, pd.DataFrame({"a": range(5)}, index=list("vwxyz")))
    assert (len(stack), stack.shape, stack.n_channels) == (5, (4, 6), 3 if channels else 1)
    assert stack.values is values
    assert np.shares_memory(np.asarray(stack), values)
    assert not np.shares_memory(np.array(stack), values)
    assert np.asarray(stack, dtype=np.float32).dtype == np.float32
    for index in (2, -1, slice(1, 4), slice(None, None, -2), [3, 0], np.arange(5) > 2, []):
        part = stack[index]
        rows = np.atleast_1d(np.arange(5)[index])
        assert isinstance(part, ImageStack)
        assert np.array_equal(part.values, values[rows])
        assert list(part.info["a"]) == list(rows)
        assert list(part.info.index) == list(range(len(rows)))
    assert np.shares_memory(stack[1:3].values, values)
    assert np.shares_memory(stack[2].values, values)
    assert len(list(stack)) == 5
    with pytest.raises(IndexError):
        stack[5]


def test_repr_of_a_stack():
    assert repr(ImageStack(NOISE)) == "ImageStack(6 grey images of 9 x 7)"
    colour = ImageStack(np.zeros((1, 2, 4, 3), dtype=np.uint8))
    assert repr(colour) == "ImageStack(1 colour image of 2 x 4)"
    empty = ImageStack(np.zeros((0, 2, 4), dtype=np.uint8))
    assert (len(empty), empty.info.shape) == (0, (0, 0))
    assert repr(empty[:]) == "ImageStack(0 grey images of 2 x 4)"


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (NOISE.astype(float), r"shape \(6, 9, 7\) and dtype float64 are not allowed; give uint8"),
        (NOISE[0], r"shape \(9, 7\)"),
        (NOISE[..., None], r"shape \(6, 9, 7, 1\)"),
        (NOISE[:, :0], r"shape \(6, 0, 7\)"),
        ([[[1, 2]]], r"dtype int64"),
    ],
)
def test_other_arrays_are_no_stack(values, match):
    with pytest.raises(DataError, match=match):
        ImageStack(values)


def test_info_fits_the_stack():
    with pytest.raises(DataError, match="info has 2 rows for 6 images"):
        ImageStack(NOISE, pd.DataFrame({"a": [1, 2]}))


def test_a_mapped_stack_is_never_copied_into_memory(mapped):
    stack = ImageStack(pixels.allocate_pixels((300, 40, 50)))
    stack.values[:] = np.arange(300, dtype=np.uint8)[:, None, None]
    assert np.shares_memory(stack[10:].values, stack.values)
    picked = stack[[7, 3, 299]]
    assert isinstance(picked.values, np.memmap)
    assert list(picked.values[:, 5, 5]) == [7, 3, 43]
    assert len(list(mapped.iterdir())) == 2
    del picked
    gc.collect()
    assert len(list(mapped.iterdir())) == 1
    small = ImageStack(stack.values[:, :1, :1])[[7, 3]]
    assert not isinstance(small.values, np.memmap)


# Files for pixels


def test_many_pixels_are_mapped_and_their_file_goes(tmp_path, mapped):
    save(NOISE, tmp_path / "a.zip")
    stack = read_images(tmp_path / "a.zip")
    assert isinstance(stack.values, np.memmap)
    assert np.array_equal(stack.values, NOISE)
    (file,) = mapped.iterdir()
    assert file.stat().st_size == NOISE.size
    part = np.asarray(stack[2:4])
    del stack
    gc.collect()
    assert file.exists()
    assert np.array_equal(part, NOISE[2:4])
    del part
    gc.collect()
    assert not file.exists()


def test_a_failed_reading_leaves_no_file(tmp_path, mapped):
    plant(
        tmp_path / "d", {"1.png": encoded(NOISE[0]), "2.png": b"", "3.png": encoded(NOISE[0][:5])}
    )
    for size, match in ((None, "differ in size"), (9, "1 of 3 images cannot")):
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "d", size=size)
        gc.collect()
        assert not list(mapped.iterdir())
    with pytest.warns(DataWarning, match="Left out 1 of 3"):
        stack = read_images(tmp_path / "d", size=(9, 7), on_error="skip")
    assert isinstance(stack.values, np.memmap)
    assert np.array_equal(stack.values[0], NOISE[0])


def test_a_forked_child_leaves_the_file(tmp_path):
    file = tmp_path / "file"
    file.touch()
    pixels._remove(str(file), os.getpid() + 1)
    assert file.exists()
    pixels._remove(str(file), os.getpid())
    pixels._remove(str(file), os.getpid())
    assert not file.exists()


def test_a_full_disk_is_an_error_before_reading(tmp_path, mapped, monkeypatch):
    save(NOISE, tmp_path / "a.zip")
    with monkeypatch.context() as patch:
        usage = SimpleNamespace(free=100)
        patch.setattr(pixels.shutil, "disk_usage", lambda folder: usage)
        match = (
            r"the images need 0\.00 GiB in folder '.*', which has 0\.00 GiB left; give a smaller"
        )
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "a.zip")
        with pytest.raises(DataError, match=match):
            read_images(tmp_path / "a.zip", cache=tmp_path / "b.npy")
    if hasattr(os, "posix_fallocate"):
        for number, kind in ((28, DataError), (5, OSError)):
            fail = OSError(number, "no")
            monkeypatch.setattr(
                os, "posix_fallocate", lambda *_, fail=fail: (_ for _ in ()).throw(fail)
            )
            with pytest.raises(kind):
                read_images(tmp_path / "a.zip")
        monkeypatch.delattr(os, "posix_fallocate")
    assert not list(mapped.iterdir())
    assert np.array_equal(read_images(tmp_path / "a.zip").values, NOISE)
    assert not (tmp_path / "b.npy").exists()
