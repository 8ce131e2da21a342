import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthgan
from synthgan.exceptions import ArchiveError
from synthgan.io.archive import FORMAT, read_archive, write_archive

names = st.text("abc.", min_size=1, max_size=5)
arrays = st.dictionaries(names, st.lists(st.floats(width=32), max_size=5).map(np.float32))


@given(weights=arrays, tables=arrays, text=st.text(max_size=8))
def test_round_trip(tmp_path_factory, weights, tables, text):
    path = tmp_path_factory.mktemp("archive") / "m.synthgan"
    write_archive(path, {"class": text}, {"columns": [text]}, weights, tables)
    manifest, schema, weights_again, tables_again = read_archive(path)
    assert manifest == {"format": FORMAT, "class": text}
    assert schema == {"columns": [text]}
    for ours, theirs in ((weights, weights_again), (tables, tables_again)):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[k], theirs[k], equal_nan=True) for k in ours)


def rewrite(path, member, content):
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[member] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            if data is not None:
                archive.writestr(name, data)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "m.synthgan"
    write_archive(path, {"class": "X"}, {}, {"w": np.zeros(3)}, {"t": np.zeros(3)})
    return path


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        ("manifest.json", None, "is no whole synthgan archive"),
        ("manifest.json", b"{", "is no whole synthgan archive"),
        ("manifest.json", b"[]", "its manifest names no format"),
        ("manifest.json", json.dumps({"format": 99}), "has format 99; this synthgan reads up to 1"),
        ("weights.safetensors", b"12345678", "is no whole synthgan archive"),
        ("encoder.npz", b"", "is no whole synthgan archive"),
    ],
)
def test_damage_is_refused(path, member, content, message):
    rewrite(path, member, content)
    with pytest.raises(ArchiveError, match=message):
        read_archive(path)


def test_pickled_arrays_are_refused(path, tmp_path):
    np.savez(tmp_path / "bad.npz", t=np.array([{"a": 1}], dtype=object))
    rewrite(path, "encoder.npz", (tmp_path / "bad.npz").read_bytes())
    with pytest.raises(ArchiveError, match=r"allow_pickle=False"):
        read_archive(path)


def test_unknown_class(path):
    with pytest.raises(ArchiveError, match="class 'X' is not one of"):
        synthgan.load(path)


def test_no_archive(tmp_path):
    with pytest.raises(ArchiveError, match="cannot be read: No such file"):
        synthgan.load(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ArchiveError, match="is no whole synthgan archive"):
        synthgan.load(tmp_path / "text")
    with pytest.raises(ArchiveError, match="cannot be written: No such file"):
        write_archive(tmp_path / "nowhere" / "m", {}, {}, {}, {})
