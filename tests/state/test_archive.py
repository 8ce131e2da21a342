import hashlib
import io
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import synthgan
from synthgan.exceptions import ArchiveError
from synthgan.state.archive import FORMAT, read_archive, write_archive
from tests.state.packing import DATA, MANIFEST, SCHEMA, TABLES, WEIGHTS, pack, unpack

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


def refused(path, match):
    """Load a file, and check the form of the refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArchiveError, match=match) as found:
            synthgan.load(path)
    message = str(found.value)
    assert repr(str(path)) in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 700
    return message


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


# The models inside


@pytest.fixture(params=["table", "signal", "image"])
def archive(request, tmp_path):
    """A sound archive of each kind, its members, and how to write them anew."""
    members = unpack(DATA / f"format-{FORMAT}-{request.param}.synthgan")
    return tmp_path / "m.synthgan", members


def of_kind(kind, tmp_path):
    return tmp_path / "m.synthgan", unpack(DATA / f"format-{FORMAT}-{kind}.synthgan")


def edited(path, members, member, edit):
    """Change a JSON member by a function."""
    data = json.loads(members[member])
    edit(data)
    pack(path, {**members, member: json.dumps(data).encode()})


def with_arrays(path, members, member, **changes):
    """Replace arrays of a member; None drops one."""
    held = {**safetensors.numpy.load(members[member]), **changes}
    # safetensors writes an array as it lies in memory.
    kept = {name: np.asarray(a, order="C") for name, a in held.items() if a is not None}
    pack(path, {**members, member: safetensors.numpy.save(kept)})


def test_unknown_classes(archive):
    for name in ("X", "object", "GridEncoder", "os.system", "BaseGANSynthesizer", 3, None, ["a"]):
        edited(*archive, MANIFEST, lambda data, name=name: data.update({"class": name}))
        refused(archive[0], r"class .* is not one of \['ImageGANSynthesizer', 'SignalGAN.*Tabular")


def test_parts_that_no_archive_may_name(archive):
    trap = {"part": "Trap", "parameters": {}}
    for part in (
        trap,
        {"part": "Predicate", "parameters": {"function": "print", "columns": None}},
        {"part": "FCN", "parameters": {"nothing": 1}},
        {"part": ["FCN"], "parameters": {}},
        {"tuple": 5},
        {"dict": [[{"tuple": [[]]}, 1]]},
        {},
        "fcn",
        None,
        7,
    ):
        edited(*archive, MANIFEST, lambda data, part=part: data.update(network=part))
        refused(archive[0], "holds no loadable model")
    edited(*archive, MANIFEST, lambda data: data["parameters"].update(optimizer=trap))
    refused(archive[0], "holds no loadable model")
    for name in ("device", "callbacks", "fit", "__class__"):
        edited(*archive, MANIFEST, lambda data, name=name: data["parameters"].update({name: "x"}))
        refused(archive[0], "manifest has parameters that")
    edited(*archive, MANIFEST, lambda data: data["parameters"].update(verbose="loud"))
    refused(archive[0], "The 'verbose' parameter of")


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"width": 10**6}, "is .* of torch.float32, where the network has"),
        ({"width": 2**40}, "holds no loadable model"),
        ({"width": 10**25}, "its JSON has a number of 26 digits"),
        ({"depth": 10**9}, "The 'depth' parameter"),
        ({"fourier": 10**9}, "The 'fourier' parameter"),
        ({"latent_dim": 10**9}, "where the network has"),
        ({"width": {"tuple": [10**5] * 3}}, "weights and network differ"),
        ({"width": {"tuple": [3] * 10**5}}, "width=.* is not allowed; give up to 1000"),
    ],
)
def test_networks_of_another_size_take_no_memory(tmp_path, parameters, match):
    path, members = of_kind("table", tmp_path)
    edited(path, members, MANIFEST, lambda data: data["network"]["parameters"].update(parameters))
    synthgan.load(DATA / f"format-{FORMAT}-table.synthgan")  # imports what loading needs
    tracemalloc.start()
    refused(path, match)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_weights_that_do_not_fit(archive):
    _, members = archive
    weights = safetensors.numpy.load(members[WEIGHTS])
    name = max(
        (n for n, w in weights.items() if w.dtype == np.float32), key=lambda n: weights[n].size
    )
    weight = weights[name]
    for changed, match in (
        (weight.ravel(), "where the network has"),
        (weight[:-1], "where the network has"),
        (weight.astype(np.float64), "of torch.float64, where the network has"),
        (weight.astype(np.float16), "of torch.float16, where the network has"),
        (weight.astype(np.int32), "of torch.int32, where the network has"),
        (np.full_like(weight, np.nan), "holds NaN or infinite numbers"),
        (np.where(weight == weight.max(), np.inf, weight), "holds NaN or infinite numbers"),
        (None, "weights and network differ in"),
    ):
        with_arrays(*archive, WEIGHTS, **{name: changed})
        refused(archive[0], match)
    with_arrays(*archive, WEIGHTS, more=weight)
    refused(archive[0], r"weights and network differ in \['more'\]")


def test_members_of_other_models(tmp_path):
    models = {kind: of_kind(kind, tmp_path) for kind in ("table", "signal", "image")}
    for kind, (path, members) in models.items():
        for other in set(models) - {kind}:
            for member in (SCHEMA, WEIGHTS, TABLES):
                pack(path, {**members, member: models[other][1][member]})
                refused(path, "holds no loadable model")
        pack(path, {**members, WEIGHTS: members[TABLES], TABLES: members[WEIGHTS]})
        refused(path, "holds no loadable model")


def test_tables_of_the_encoder_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)
    tables = safetensors.numpy.load(members[TABLES])
    start = next(name for name in tables if name.endswith(".start"))
    edges = start.replace("start", "edges")
    for changes, match in (
        ({start: None}, "the tables of a column lacks"),
        ({start: tables[start][:-1]}, "the tables of a column do not match each other"),
        ({start: tables[start][None]}, "where an array of shape"),
        ({start: tables[start].astype(np.float32)}, "do not match each other"),
        ({start: tables[start].astype(bool)}, "where an array of shape"),
        ({start: np.full_like(tables[start], np.nan)}, "where an array of finite numbers"),
        ({start: tables[start][::-1]}, "not ascending"),
        ({edges: tables[edges] * 2}, "not ascending"),
        ({"99.start": tables[start]}, "encoder has tables of unknown columns"),
        ({"evil": tables[start]}, "encoder has tables of unknown columns"),
    ):
        with_arrays(path, members, TABLES, **changes)
        refused(path, match)


def test_trees_that_lead_astray(tmp_path):
    """Following a tree checks nothing: a wrong one would read any memory, or never end."""
    path, members = of_kind("table", tmp_path)
    tables = safetensors.numpy.load(members[TABLES])
    for name, value, match in (
        ("left", 0, "invalid nodes"),
        ("right", 2**32 - 1, "invalid nodes"),
        ("left", 10**6, "invalid nodes"),
        ("feature_idx", 10**6, "invalid nodes"),
        ("feature_idx", -1, "invalid nodes"),
        ("num_threshold", np.nan, "invalid nodes"),
        ("is_leaf", 7, "invalid nodes"),
        ("value", np.inf, "where an array of finite numbers"),
    ):
        array = tables[f"critic.node_{name}"].copy()
        array[:] = (
            array.dtype.type(value)
            if array.dtype.kind == "f"
            else np.int64(value).astype(array.dtype)
        )
        with_arrays(path, members, TABLES, **{f"critic.node_{name}": array})
        refused(path, match)
    sizes = tables["critic.tree_sizes"]
    for wrong in (sizes + 1, -sizes, sizes * 2**50, sizes[:0], sizes.astype(float)):
        with_arrays(path, members, TABLES, **{"critic.tree_sizes": wrong})
        refused(path, "holds no loadable model")
    for name in ("bin_counts", "bin_edges", "bin_shares", "n_known"):
        for wrong in (tables[f"critic.{name}"][:-1], -1 - tables[f"critic.{name}"], None):
            with_arrays(path, members, TABLES, **{f"critic.{name}": wrong})
            refused(path, "holds no loadable model")


def test_schemas_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)

    def column(data, which, **changes):
        for schema in (data["schema"], data["encoder"]["schema"]):
            for one in schema["columns"]:
                if one["name"] == which:
                    one.update(changes)

    def cells(data, name):
        names = [one["name"] for one in data["encoder"]["schema"]["columns"]]
        return data["encoder"]["cells"][names.index(name)]

    edits = {
        "of dtype float64 cannot be of kind integer": lambda d: column(d, "age", dtype="float64"),
        "has the invalid dtype": lambda d: column(
            d, "age", dtype="datetime64[ns, dateutil//etc/passwd]"
        ),
        "has kind='code', where one of": lambda d: column(d, "age", kind="code"),
        "has decimals=99": lambda d: column(d, "height", decimals=99),
        "has resolution=-1": lambda d: column(d, "admitted", resolution=-1),
        "has missing=2": lambda d: column(d, "age", missing=2),
        "has a duplicate column name": lambda d: column(d, "age", name="ward"),
        "cannot have categories": lambda d: column(d, "age", categories=["a"]),
        r"encoder lacks \['cells'\]": lambda d: d["encoder"].pop("cells"),
        "encoder has cells of": lambda d: d["encoder"]["cells"].pop(),
        "codec is .*; one of": lambda d: cells(d, "ward")["codec"].update(name="eval"),
        "column cannot have the levels": lambda d: cells(d, "ill")["codec"].update(
            levels=["a", "b"]
        ),
        "has invalid levels": lambda d: cells(d, "ward")["codec"].update(levels=["a", "a", "b"]),
        "shares for 3 levels": lambda d: cells(d, "ward")["codec"].update(shares=[1]),
        "has the unexpected .*'code'": lambda d: cells(d, "ward").update(code="x"),
        "schema has 13 columns, X 14 of": lambda d: d.update(n_features_in=14),
        "schema has .* there is no y": lambda d: d.update(y_container=None),
        "constraint is .*; one of": lambda d: d["constraints"]["constraints"][0].update(name="os"),
        "which the table lacks": lambda d: d["constraints"]["columns"].remove("twice"),
        "container has kind='pickle'": lambda d: d["container"].update(kind="pickle"),
        "container of kind 'array' has dtype None": lambda d: d["container"].update(kind="array"),
        "container has the invalid dtype": lambda d: d["container"].update(
            kind="array", dtype="<U999999999"
        ),
    }
    for match, edit in edits.items():
        edited(path, members, SCHEMA, edit)
        refused(path, match)


def constraints_of(data):
    return {record["name"]: record for record in data["constraints"]["constraints"]}


def test_constraints_that_do_not_fit(tmp_path):
    path, members = of_kind("table", tmp_path)
    edits = [
        lambda c: c["Identifier"]["learnt"].update(fit="x"),
        lambda c: c["Identifier"]["learnt"].update(parts_=[["digit", 1, 10**9]]),
        lambda c: c["Identifier"]["learnt"].update(parts_=[["eval", 1, 2]]),
        lambda c: c["Identifier"]["parameters"].update(function="print"),
        lambda c: c["FixedCombinations"]["learnt"]["combinations_"].append(["x"]),
        lambda c: c["FixedCombinations"]["learnt"].update(shares_=[]),
        lambda c: c["FixedCombinations"]["parameters"].update(columns=["city", "ward"]),
        lambda c: c["Inequality"]["learnt"].update(middle_="high"),
        lambda c: c["Inequality"]["parameters"].update(low="city"),
        lambda c: c["Formula"]["parameters"].update(kind="__import__('os')"),
        lambda c: c["Formula"]["learnt"].update(low_=None),
        lambda c: c["Range"]["parameters"].update(low=[]),
        lambda c: c["Range"].update(
            name="Predicate", parameters={"function": "print", "columns": None}
        ),
    ]
    for edit in edits:
        edited(path, members, SCHEMA, lambda data, edit=edit: edit(constraints_of(data)))
        refused(path, "constraint|Predicate needs a function")


def test_sizes_of_signals_and_images_that_no_one_has(tmp_path):
    path, members = of_kind("image", tmp_path)
    for shape in ([10**6, 10**6, 3], [2**62, 1, 3], [8, 8, 2], [8, 8], [0, 8, 3], [8.0, 8, 3]):
        edited(path, members, SCHEMA, lambda d, s=shape: d["encoder"].update(image_shape=s))
        refused(path, "encoder has")
    edited(path, members, SCHEMA, lambda d: d["encoder"].update(image_shape=[16, 16, 3]))
    refused(path, "holds no loadable model")
    path, members = of_kind("signal", tmp_path)
    for name, value in (
        ("n_samples", 10**12),
        ("n_samples", 21),
        ("n_leads", 10**9),
        ("n_leads", 3),
    ):
        edited(path, members, SCHEMA, lambda d, n=name, v=value: d["encoder"].update({n: v}))
        refused(path, "holds no loadable model")
    for name, wrong in (
        ("kept", np.array([0, 0])),
        ("kept", np.array([0, 7])),
        ("gains", np.zeros((2, 20))),
        ("matrix", np.full((2, 2), np.inf)),
    ):
        with_arrays(path, members, TABLES, **{name: wrong})
        refused(path, "encoder")


def test_a_grid_that_no_table_has(tmp_path):
    path, members = of_kind("table", tmp_path)
    encoder = {"part": "GridEncoder", "parameters": {"side": 10**6}}
    edited(path, members, MANIFEST, lambda d: d["parameters"].update(encoder=encoder))
    refused(path, "side=1000000 gives 1000000000000 positions; up to 4194304 are allowed")


def test_a_seal_tells_damage_not_the_author(path):
    """Whoever can change a file can also seal it anew: that is what the text promises."""
    members = unpack(path)
    pack(path, {**members, SCHEMA: b'{"changed": 1}'})
    assert read_archive(path).schema == {"changed": 1}
    head = hashlib.sha256(unpack(path)[MANIFEST]).hexdigest().encode()
    assert zipfile.ZipFile(io.BytesIO(path.read_bytes())).comment == b"sha256:" + head
