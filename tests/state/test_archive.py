import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthgan
from synthgan.exceptions import ArchiveError
from synthgan.state.archive import FORMAT, read_archive, write_archive
from tests.state.packing import MANIFEST, SCHEMA, TABLES, WEIGHTS, pack, refused, unpack

names = st.text("abc.", min_size=1, max_size=5)
arrays = st.dictionaries(names, st.lists(st.floats(width=32), max_size=5).map(np.float32))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=5,
)


def same(ours, theirs):
    if isinstance(ours, float):
        return type(theirs) is float and (ours == theirs or (ours != ours and theirs != theirs))
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


@given(weights=arrays, tables=arrays, data=plain)
def test_round_trip(tmp_path_factory, weights, tables, data):
    path = tmp_path_factory.mktemp("archive") / "m.synthgan"
    write_archive(path, {"class": "X", "data": data}, {"columns": [data]}, weights, tables)
    manifest, schema, weights_again, tables_again = read_archive(path)
    assert same(manifest, {"format": FORMAT, "class": "X", "data": data})
    assert same(schema, {"columns": [data]})
    for ours, theirs in ((weights, weights_again), (tables, tables_again)):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[k], theirs[k], equal_nan=True) for k in ours)


def test_arrays_in_any_layout_come_back(tmp_path):
    grid = np.arange(24.0).reshape(2, 3, 4)
    given_arrays = {
        "F": np.asfortranarray(grid),
        "T": grid.T,
        "part": grid[:, ::2],
        "0": grid[0, 0, 0],
    }
    write_archive(tmp_path / "m", {}, {}, given_arrays, {})
    again = read_archive(tmp_path / "m").weights
    for name, array in given_arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_equal_models_make_equal_files(tmp_path):
    for name in "ab":
        write_archive(tmp_path / name, {"class": "X"}, {}, {"w": np.zeros(3)}, {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "m.synthgan"
    write_archive(path, {"class": "X"}, {}, {"w": np.zeros(3)}, {"t": np.zeros(3)})
    return path


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        (MANIFEST, b"{", "is not a complete synthgan archive: Expecting property name"),
        (MANIFEST, b"[]", "its manifest has no format"),
        (MANIFEST, b'{"format": true}', "its manifest has no format"),
        (MANIFEST, b'{"format": 0}', "its manifest has no format"),
        (
            MANIFEST,
            b'{"format": 99}',
            "has format 99; this synthgan reads up to 2: update",
        ),
        (MANIFEST, b'{"format": 1}', "'manifest.json' does not list the other members"),
        (MANIFEST, b'{"format": 1, "format": 1}', "an object of its JSON has a duplicate key"),
        (MANIFEST, b'{"format": 1, "a": NaN}', "its JSON has the number NaN"),
        (MANIFEST, b'{"format": 1, "a": 1e999}', "its JSON has the number 1e999"),
        (MANIFEST, b'{"format": 1, "a": {"$number": "5"}}', r"has an invalid '\$number'"),
        (MANIFEST, b'{"a": ' + 5000 * b"9" + b"}", "has a number of 5000 digits"),
        (MANIFEST, 100_000 * b"[", "its JSON is nested too deeply"),
        (MANIFEST, 30_000 * b'{"a":' + b"1" + 30_000 * b"}", "its JSON is nested too deeply"),
        (MANIFEST, b"\xff\xfe", "is not a complete synthgan archive: .*codec can't decode"),
    ],
)
def test_manifests_that_are_none(path, member, content, message):
    pack(path, {**unpack(path), member: content}, rehash=False)
    refused(path, message)


@pytest.mark.parametrize(
    ("member", "content", "message"),
    [
        (SCHEMA, b"{", "is not a complete synthgan archive: Expecting property name"),
        (WEIGHTS, b"12345678", "is not a complete synthgan archive: .*header"),
        (TABLES, b"", "is not a complete synthgan archive: .*header"),
        (TABLES, struct.pack("<Q", 2**62) + b"{}", "is not a complete synthgan archive: .*header"),
    ],
)
def test_members_that_are_none_though_their_hash_is_right(path, member, content, message):
    pack(path, {**unpack(path), member: content})
    refused(path, message)


def test_a_pickle_is_never_read(path):
    import pickle  # noqa: TID251

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was read",))

    sound = unpack(path)
    for member in sound:
        content = pickle.dumps(Trap())
        pack(path, {**sound, member: content}, rehash=member != MANIFEST)
        refused(path, "is not a complete synthgan archive")
    (path.parent / "pickle").write_bytes(pickle.dumps(Trap()))
    refused(path.parent / "pickle", "is not a complete synthgan archive: its end record is invalid")


@pytest.mark.parametrize("member", [SCHEMA, WEIGHTS, TABLES])
def test_wrong_hashes(path, member):
    members = unpack(path)
    content = bytearray(members[member])
    content[-1] ^= 1
    pack(path, {**members, member: bytes(content)}, rehash=False)
    refused(path, f"the SHA-256 of '{member}' does not match 'manifest.json'; save or copy it")


def test_a_rewritten_manifest(path):
    members = unpack(path)
    with zipfile.ZipFile(path) as archive:
        seal = archive.comment
    members[MANIFEST] = members[MANIFEST].replace(b'"X"', b'"Y"')
    whole = pack(path, members, rehash=False).read_bytes()
    path.write_bytes(whole[: -len(seal)] + seal)
    refused(path, "the SHA-256 of 'manifest.json' does not match the file's comment")


def test_strange_missing_and_double_members(path):
    members = unpack(path)
    for name in ("../evil", "/etc/evil", "evil", "..\\evil", "C:\\evil", "manifest.json/", "a\nb"):
        pack(path, {**members, name: b"x"})
        refused(path, "it has an unexpected member")
    for name in (SCHEMA, WEIGHTS, TABLES):
        pack(path, members, names=[n for n in members if n != name])
        refused(path, f"it lacks '{name}'")
        with pytest.warns(UserWarning, match="Duplicate name"):
            pack(path, members, names=[*members, name])
        refused(path, "it has a duplicate member")
    pack(path, members, names=[name for name in members if name != MANIFEST])
    refused(path, "it has 0 members 'manifest.json'")
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(path, members, names=[*members, MANIFEST])
    refused(path, "it has 2 members 'manifest.json'")


def test_names_that_zipfile_would_cut(path):
    whole = path.read_bytes()
    assert whole.count(b"schema.json") == 2
    path.write_bytes(whole.replace(b"schema.json", b"schema\0json"))
    refused(path, "it has an unexpected member")


def test_other_zips(path):
    whole, members = path.read_bytes(), unpack(path)
    pack(path, members, methods={WEIGHTS: zipfile.ZIP_DEFLATED})
    refused(path, f"'{WEIGHTS}' is encrypted or has an unsupported compression")
    pack(path, members, methods={SCHEMA: zipfile.ZIP_BZIP2})
    refused(path, f"'{SCHEMA}' is encrypted or has an unsupported")
    path.write_bytes(whole[:-1])
    refused(path, "its end record is invalid")
    path.write_bytes(whole + b"x")
    refused(path, "its end record is invalid")
    path.write_bytes(b"")
    refused(path, "its end record is invalid")
    # The seal replaced by the end of another zip, which zipfile would take for the real one.
    seal = (b"PK\5\6" + 18 * b"\0").rjust(71, b"a")
    path.write_bytes(whole[:-71] + seal)
    refused(path, "its end record is invalid")
    encrypted = bytearray(whole)
    for start in (encrypted.find(b"PK\1\2"), encrypted.find(b"PK\3\4")):
        encrypted[start + (8 if encrypted[start + 2] == 1 else 6)] |= 1
    path.write_bytes(encrypted)
    refused(path, "'manifest.json' is encrypted")


def test_a_long_list_of_members(path):
    members = {**unpack(path), **{f"{i:0100d}": b"" for i in range(600)}}
    pack(path, members)
    refused(path, "its list of members takes")
    pack(path, {**unpack(path), **{f"{i}": b"" for i in range(60)}})
    refused(path, "it has an unexpected member|its list of members takes")


def patched(path, member, **sizes):
    """Write false sizes into both records of a member."""
    whole = bytearray(path.read_bytes())
    for mark, offset, name_at in ((b"PK\3\4", 18, 30), (b"PK\1\2", 20, 46)):
        start = -1
        while (start := whole.find(mark, start + 1)) >= 0:
            if whole[start + name_at :].startswith(member.encode()):
                for at, field in ((offset, "compressed"), (offset + 4, "size")):
                    if field in sizes:
                        whole[start + at : start + at + 4] = struct.pack("<L", sizes[field])
    path.write_bytes(whole)


def test_sizes_that_lie(path):
    whole = path.read_bytes()
    patched(path, SCHEMA, size=2**31)
    refused(path, f"'{SCHEMA}' has 2147483648 bytes; 33554432 are allowed")
    path.write_bytes(whole)
    patched(path, SCHEMA, size=1000)
    refused(path, "ends early|Bad CRC")
    path.write_bytes(whole)
    patched(path, SCHEMA, size=1)
    refused(path, "is not a complete synthgan archive: (Bad CRC|'schema.json' ends early)")
    path.write_bytes(whole)
    patched(path, WEIGHTS, size=2**31)
    refused(path, f"'{WEIGHTS}' has two different sizes")
    path.write_bytes(whole)
    patched(path, WEIGHTS, size=2**31, compressed=2**31)
    refused(path, "is not a complete synthgan archive")


def test_a_zip_bomb_is_not_unpacked(path):
    members = unpack(path)
    pack(path, {**members, SCHEMA: b"[" + b" " * 2**26 + b"]"})
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    refused(path, f"'{SCHEMA}' has {2**26 + 2} bytes; 33554432 are allowed")
    patched(path, SCHEMA, size=1000)
    refused(path, "Bad CRC")
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()
    pack(path, {**members, MANIFEST: b"{" + b" " * 2**26 + b"}"}, rehash=False)
    refused(path, f"'{MANIFEST}' has {2**26 + 2} bytes")


def test_small_values_that_become_large(path):
    """An empty list takes three bytes of a file, which compress well, and sixty of memory."""
    members = unpack(path)
    many = b'{"a": [' + b"[]," * (2**24 // 3) + b"[]]}"
    pack(path, {**members, SCHEMA: many})
    assert path.stat().st_size < 2**16
    tracemalloc.start()
    refused(path, "its JSON has .* values; 2097152 are allowed")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_no_archive(tmp_path):
    with pytest.raises(ArchiveError, match="cannot be read: No such file"):
        synthgan.load(tmp_path / "none")
    with pytest.raises(ArchiveError, match="cannot be read: Is a directory"):
        synthgan.load(tmp_path)
    (tmp_path / "text").write_text("hello")
    refused(tmp_path / "text", "is not a complete synthgan archive: its end record is invalid")
    with pytest.raises(ArchiveError, match="cannot be written: No such file"):
        write_archive(tmp_path / "nowhere" / "m", {}, {}, {}, {})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code = "import sys, synthgan; synthgan.load(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pipe")],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert "pipe' cannot be read: Not a regular file." in done.stderr


def test_what_is_not_plain_is_not_written(tmp_path):
    path = tmp_path / "m"
    path.write_text("before")
    for odd, match in (
        ({"a": object()}, "'schema.json' cannot be written: Object of type object"),
        ({"a": 10**30}, "has more than 20 digits"),
        ({"a": json.loads("[" * 40 + "]" * 40)}, "its JSON is nested too deeply"),
        ({"a": "x" * 2**25}, "'schema.json' would have .* bytes and 1 values; 33554432"),
        ({"a": [1] * 2**21}, "2097153 values; .*: learn fewer columns, or raise min_support"),
    ):
        with pytest.raises(ArchiveError, match=match):
            write_archive(path, {}, odd, {}, {})
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


def test_archives_of_more_than_two_gibibytes_have_another_end(path):
    """Such files have a second, longer end; a small one may have it, too."""
    whole = path.read_bytes()
    start = whole.rfind(b"PK\5\6")
    n, _, n_bytes, offset = struct.unpack("<HHLL", whole[start + 8 : start + 20])
    more = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, n, n, n_bytes, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start, 1)
    path.write_bytes(whole[:start] + more + locator + whole[start:])
    assert read_archive(path).manifest["class"] == "X"
    more = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, n, n, 2**40, offset)
    path.write_bytes(whole[:start] + more + locator + whole[start:])
    refused(path, f"its list of members takes {2**40} bytes")


def test_a_hash_detects_damage_not_the_author(path):
    """Whoever can change a file can also seal it anew: that is what the text promises."""
    members = unpack(path)
    pack(path, {**members, SCHEMA: b'{"changed": 1}'})
    assert read_archive(path).schema == {"changed": 1}
    head = hashlib.sha256(unpack(path)[MANIFEST]).hexdigest().encode()
    assert zipfile.ZipFile(io.BytesIO(path.read_bytes())).comment == b"sha256:" + head
