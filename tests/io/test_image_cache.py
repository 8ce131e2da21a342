"""The cache of images that were read."""

import os
import time

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.images import (
    caching,
    decoding,
    read_images,
)
from synthgan.io.images import save_images as save
from tests.io.pictures import NOISE, encoded, plant

# Cache


@pytest.fixture
def decodings(monkeypatch):
    """Count how many images are decoded."""
    calls = []
    real = decoding.decode
    monkeypatch.setattr(
        "synthgan.io.images.reading.decode", lambda *args: calls.append(1) or real(*args)
    )

    def count():
        n = len(calls)
        calls.clear()
        return n

    return count


def test_a_cache_is_used_while_all_is_the_same(place, decodings):
    cache = place.with_name("pixels.npy")
    save(NOISE, place)
    first = read_images(place, cache=cache)
    assert decodings() > 0
    assert np.array_equal(np.load(cache), NOISE)  # a .npy file as any
    again = read_images(place, cache=str(cache))
    assert decodings() == 0
    for stack in (first, again):
        assert isinstance(stack.values, np.memmap)
        assert np.array_equal(stack.values, NOISE)
        assert list(stack.info["path"][:1]) == ["image-0000001.png"]
    again.values[:] = 0
    assert np.array_equal(read_images(place, cache=cache).values, NOISE)
    assert sorted(place.parent.iterdir()) == sorted([place, cache])
    decodings()
    for options in ({"size": 5}, {"size": 5, "crop": True}, {"color": "rgb"}, {}):
        read_images(place, cache=cache, **options)
        assert decodings() > 0
    save(NOISE[::-1], place, overwrite=True)
    assert np.array_equal(read_images(place, cache=cache).values, NOISE[::-1])
    assert decodings() > 0


def test_a_cache_sees_that_files_change(tmp_path, decodings):
    cache, table = tmp_path / "pixels.npy", pd.DataFrame({"path": ["1.png", "2.png"]})
    plant(tmp_path / "d", {name: encoded(NOISE[0]) for name in table["path"]})
    table["path"] = [str(tmp_path / "d" / name) for name in table["path"]]
    read_images(table, cache=cache)
    decodings()
    assert list(read_images(table.assign(label=[1, 2]), cache=cache).info["label"]) == [1, 2]
    assert decodings() == 0
    read_images(table.iloc[::-1], cache=cache)
    assert decodings() > 0
    read_images(table, cache=cache)
    os.utime(tmp_path / "d" / "1.png", ns=(0, time.time_ns() - 10**10))
    decodings()
    read_images(table, cache=cache)
    assert decodings() > 0


def test_a_cache_stores_what_was_left_out(place, decodings):
    cache = place.with_name("pixels.npy")
    plant(place, {"1.png": b"", **{f"{i}.png": encoded(NOISE[i]) for i in (2, 3)}, "4.png": b"x"})
    with pytest.raises(DataError, match="2 of 4 images cannot be read"):
        read_images(place, cache=cache)
    assert list(place.parent.iterdir()) == [place]
    for n_least in (4, 0):
        decodings()
        with pytest.warns(
            DataWarning, match=r"Left out 2 of 4 .* '1\.png' \(not an image of a known"
        ):
            stack = read_images(place, cache=cache, on_error="skip")
        assert decodings() >= n_least
        assert np.array_equal(stack.values, NOISE[2:4])
        assert np.array_equal(np.load(cache), NOISE[2:4])
        assert list(stack.info["path"]) == ["2.png", "3.png"]
    with pytest.raises(DataError, match="2 of 4 images cannot be read"):
        read_images(place, cache=cache)


def test_files_that_are_no_cache_stay(tmp_path):
    save(NOISE, tmp_path / "a.zip")
    for name, write in (
        ("a.npy", lambda path: np.save(path, NOISE)),
        ("b.npy", lambda path: path.write_bytes(b"")),
        ("c.npy", lambda path: path.write_bytes(b"{]" + bytes([2, *[0] * 7]) + b"synthgan")),
        ("d.npy", lambda path: path.write_bytes(b"\xff" * 8 + b"synthgan")),
        ("e.npy", lambda path: path.mkdir()),
    ):
        path = tmp_path / name
        write(path)
        with pytest.raises(
            DataError, match=rf"file '.*{name}' exists, but is not a cache of read_im"
        ):
            read_images(tmp_path / "a.zip", cache=path)
        assert path.exists()
    with pytest.raises(DataError, match=r"cannot be written: there is no such folder"):
        read_images(tmp_path / "a.zip", cache=tmp_path / "none" / "a.npy")


def test_a_damaged_cache_is_written_anew(tmp_path, decodings):
    cache = tmp_path / "pixels.npy"
    save(NOISE, tmp_path / "a.zip")
    read_images(tmp_path / "a.zip", cache=cache)
    content = bytearray(cache.read_bytes())
    content[:6] = b"broken"
    cache.write_bytes(content)
    decodings()
    assert np.array_equal(read_images(tmp_path / "a.zip", cache=cache).values, NOISE)
    assert decodings() > 0


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    save(NOISE, tmp_path / "a.zip")
    monkeypatch.setattr(caching.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "broken")))
    with pytest.raises(DataError, match=r"b\.npy' cannot be written: broken"):
        read_images(tmp_path / "a.zip", cache=tmp_path / "b.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_headers_of_caches_have_one_length():
    lengths = {len(caching._header((n, 275, 400, 3))) for n in (1, 9, 10, 10**6, 10**12)}
    assert len(lengths) == 1
