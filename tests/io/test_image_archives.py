"""Hostile archives of images."""

import contextlib
import stat
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from synthgan.exceptions import DataError, DataWarning
from synthgan.io.images import (
    archives,
    read_images,
)
from tests.io.pictures import NOISE, RNG, encoded, plant

# Hostile archives


@pytest.mark.parametrize(
    "name",
    [
        "/etc/1.png",
        "../1.png",
        "a/../../1.png",
        "a/..",
        "a\\1.png",
        "..\\1.txt",
        "C:/1.png",
        "c:1.txt",
    ],
)
def test_names_that_lead_out(tmp_path, name):
    plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), name: encoded(NOISE[0])})
    with pytest.raises(
        DataError, match=r"a\.zip': member '.*' is refused: names must not be absol"
    ):
        read_images(tmp_path / "a.zip", on_error="skip")


def test_names_with_dots_are_good(tmp_path):
    plant(tmp_path / "a.zip", {"a..b/c...png": encoded(NOISE[0]), "1:2..png": encoded(NOISE[0])})
    assert len(read_images(tmp_path / "a.zip")) == 2


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), member: b"/etc/passwd"})
    with pytest.raises(DataError, match="member 'link' is refused: it is a link or a device"):
        read_images(tmp_path / "a.zip")


def test_a_name_there_twice(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plant(tmp_path / "a.zip", {"1.png": b"", zipfile.ZipInfo("1.png"): b""})
    with pytest.raises(DataError, match=r"'1\.png' is refused: it occurs more than once"):
        read_images(tmp_path / "a.zip")


def lie(path, **fields):
    """Change the first member's fields, in its header and in the directory."""
    content = bytearray(path.read_bytes())
    for signature, offsets in (
        (b"PK\3\4", {"flags": 6, "method": 8, "crc": 14, "packed": 18, "size": 22}),
        (b"PK\1\2", {"flags": 8, "method": 10, "crc": 16, "packed": 20, "size": 24}),
    ):
        start = content.index(signature)
        for name, value in fields.items():
            width = "<H" if name in ("flags", "method") else "<I"
            struct.pack_into(width, content, start + offsets[name], value)
    path.write_bytes(content)
    return path


def test_members_are_limited(tmp_path, monkeypatch):
    path = plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), "2.png": encoded(NOISE[1])})
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(DataError, match=r"a\.zip' has 2 members; 1 are allowed"):
        read_images(path)
    monkeypatch.setattr(archives, "MOST_DIRECTORY_BYTES", 50)
    monkeypatch.setattr(archives, "MOST_MEMBER_BYTES", 50)
    with pytest.raises(
        DataError, match=r"a\.zip' has a list of members of \d+ bytes; 50 are allow"
    ):
        read_images(path)
    assert archives.MOST_MEMBERS == 1


def test_members_too_large_to_be_images(tmp_path):
    path = plant(tmp_path / "a.zip", {"1.png": NOISE.tobytes()})
    with pytest.raises(DataError, match=r"it has 268435457 bytes, and images may have 268435456"):
        read_images(lie(path, size=2**28 + 1))
    bomb = plant(tmp_path / "b.zip", {"1.bmp": bytes(2**23 + 2**20)})
    with pytest.raises(DataError, match=r"it inflates \d+ bytes to 9437184, and .* to 1000 times"):
        read_images(bomb)
    plant(tmp_path / "c.zip", {"1.png": encoded(NOISE[0]), "1.bin": bytes(2**23 + 2**20)})
    with pytest.warns(DataWarning, match="Left out 1 other"):
        assert len(read_images(tmp_path / "c.zip")) == 1  # what is not read does no harm


def test_a_member_is_not_read_beyond_its_size(tmp_path):
    path = lie(plant(tmp_path / "a.zip", {"1.bmp": bytes(2**25)}), size=1000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"'1\.bmp' \(wrong checksum\)"):
            read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"size": 2000}, "(truncated|wrong checksum)"),
        ({"packed": 50}, "(truncated|wrong checksum)"),
        ({"crc": 7}, "wrong checksum"),
        ({"flags": 1}, "encrypted"),
        ({"method": 12}, "compressed by method 12, not stored or deflated"),
        ({"method": 99}, "compressed by method 99, not stored or deflated"),
    ],
)
def test_members_that_lie_or_are_locked(tmp_path, fields, reason):
    path = plant(tmp_path / "a.zip", {"1.png": encoded(NOISE[0]), "2.png": encoded(NOISE[1])})
    with pytest.raises(DataError, match=rf"1 of 2 images cannot be read: '1\.png' \({reason}\)"):
        read_images(lie(path, **fields))
    with pytest.warns(DataWarning, match=r"Left out 1 of 2 images"):
        assert np.array_equal(read_images(path, on_error="skip").values, NOISE[1:2])


def test_archives_of_damaged_bytes(tmp_path):
    whole = plant(
        tmp_path / "a.zip", {f"{i}.png": encoded(NOISE[i]) for i in range(3)}
    ).read_bytes()
    for _ in range(150):
        content = np.frombuffer(whole, dtype=np.uint8).copy()
        where = RNG.integers(len(content) - 250, len(content), size=2)
        content[where] = RNG.integers(0, 256, 2)
        (tmp_path / "a.zip").write_bytes(content.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            with contextlib.suppress(DataError):
                read_images(tmp_path / "a.zip", on_error="skip")
