"""Archives changed at random: each is refused in one sentence, or loads and samples."""

import contextlib
import copy
import json
import sys
import time

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgan
from synthgan import FCN, TabularGANSynthesizer
from synthgan.exceptions import ArchiveError, SamplingError
from synthgan.state.archive import FORMAT
from tests.state.packing import DATA, MANIFEST, SCHEMA, TABLES, WEIGHTS, pack, unpack

resource = pytest.importorskip("resource")  # Windows has none
pytestmark = pytest.mark.filterwarnings("default")

KINDS = ("table", "signal", "image", "arrow")
MOST_SECONDS, MOST_BYTES = 20.0, 600 * 2**20
# What code that a file smuggles in would have to do.
EVIL = (
    "pickle.find_class",
    "os.system",
    "subprocess.Popen",
    "os.exec",
    "os.posix_spawn",
    "socket.",
)
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith(EVIL) else None)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Members of a sound archive of each kind; that of a polars table has types of pyarrow."""
    folder = tmp_path_factory.mktemp("sound")
    members = {
        kind: unpack(DATA / f"format-{FORMAT}-{kind}.synthgan") for kind in KINDS if kind != "arrow"
    }
    try:
        import polars
    except ImportError:
        return members
    rng = np.random.default_rng(0)
    table = polars.DataFrame(
        {
            "n": rng.integers(0, 9, 60),
            "x": rng.normal(size=60),
            "level": polars.Series(rng.choice(["a", "b"], 60), dtype=polars.Categorical),
            "at": pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(range(60), unit="D"),
        }
    )
    model = TabularGANSynthesizer(
        network=FCN(width=(3,), latent_dim=2), max_steps=2, candidates=1, random_state=0
    )
    model.fit(table, rng.normal(size=(60, 2))).save(folder / "m")
    return {**members, "arrow": unpack(folder / "m")}


def attempt(path, base_bytes):
    """Load and sample; return whether it was refused. Anything but a clean refusal fails."""
    del seen[:]
    begun = time.perf_counter()
    try:
        model = synthgan.load(path)
    except ArchiveError as error:
        message = str(error)
        assert repr(str(path)) in message
        assert message.endswith(".")
        assert "\n" not in message
        refused = True
    else:
        with contextlib.suppress(SamplingError):  # weights may make what is hardly ever allowed
            model.sample(3, random_state=0)
        model.model_card()
        refused = False
    assert not seen
    assert time.perf_counter() - begun < MOST_SECONDS
    # On Linux the largest memory that the process ever had, in KiB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - base_bytes < MOST_BYTES
    return refused


# Changes of bytes

places = st.floats(0, 1, exclude_max=True)
flips = st.lists(st.tuples(places, st.integers(1, 255)), min_size=1, max_size=6)


@st.composite
def damaged(draw, whole):
    """Bytes that were flipped, cut, moved, put in or left out."""
    how = draw(st.sampled_from(["flip", "cut", "drop", "insert", "swap", "zero"]))
    if how == "flip":
        changed = bytearray(whole)
        for place, mask in draw(flips):
            changed[int(place * len(whole))] ^= mask
        return bytes(changed)
    a, b = sorted(int(x * len(whole)) for x in draw(st.tuples(places, places)))
    if how == "cut":
        return whole[:a]
    if how == "drop":
        return whole[:a] + whole[b:]
    if how == "insert":
        return whole[:a] + draw(st.binary(min_size=1, max_size=50)) + whole[a:]
    if how == "swap":
        return whole[b:] + whole[a:b] + whole[:a]
    return whole[:a] + bytes(b - a) + whole[b:]


# Changes of plain data

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**19, 10**6, 10**9]),
    st.sampled_from([0.5, -1.0, 1e-300, 1e308, -1e308, 1.5]),
    st.sampled_from(["nan", "inf", "-inf"]).map(lambda number: {"$number": number}),
    st.text(max_size=5),
    st.sampled_from(
        ["object", "int64", "category", "datetime64[ns]", "<U99999", "V8", "Sparse[int]", "fcn",
         "period[D]", "string[pyarrow]", "timestamp[us, tz=UTC]", "quantile", "minmax", "array",
         "windows", "stack", "table", "polars", "eval", "__class__", "../../x", "\ud800", "uuid"]
    ),
    st.sampled_from([[], {}, [[]], [None], {"part": "FCN", "parameters": {}}, {"tuple": []}]),
    st.integers(10, 900).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)  # fmt: skip


def every_place(data, path=()):
    """Yield the path of every value in JSON data."""
    yield path
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data if isinstance(data, list) else ())
    )
    for key, value in items:
        yield from every_place(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


@st.composite
def rewritten(draw, data):
    """Data of which some values were replaced, dropped, added, doubled or exchanged."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
        paths = [path for path in every_place(data) if path]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        holder, key = at(data, path[:-1]), path[-1]
        how = draw(st.sampled_from(["put", "put", "put", "near", "drop", "add", "double", "take"]))
        if how == "put":
            holder[key] = copy.deepcopy(draw(odd))
        elif how == "near" and isinstance(holder[key], int | float):
            holder[key] = holder[key] + draw(st.sampled_from([1, -1, 0.5, 10**6]))
        elif how == "drop":
            del holder[key]
        elif how == "add" and isinstance(holder, dict):
            key = draw(st.sampled_from(["x", "name", "fit", "schema_", "$number"]))
            holder[key] = copy.deepcopy(draw(odd))
        elif how == "double" and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(at(data, draw(st.sampled_from(paths))))
    return data


# Changes of arrays

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int8", "uint8", "uint32", "bool"]
WAYS = ["number", "number", "dtype", "shape", "cut", "drop", "name", "other"]
NUMBERS = [np.nan, np.inf, -np.inf, -1, 0, 1, 255, 256, 1e6, 1e30, 2**31, 2**62]


@st.composite
def altered(draw, arrays):
    """Arrays of which some have another shape, type or numbers, or are not there."""
    arrays = dict(arrays)
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        if not arrays:
            break
        name = draw(st.sampled_from(sorted(arrays)))
        array = arrays[name]
        how = draw(st.sampled_from(WAYS))
        if how == "number" and array.size:
            array = array.copy()
            with np.errstate(all="ignore"):
                value = np.float64(draw(st.sampled_from(NUMBERS))).astype(array.dtype)
            array.ravel()[int(draw(places) * array.size)] = value
        elif how == "dtype":
            with np.errstate(all="ignore"):
                array = array.astype(draw(st.sampled_from(DTYPES)))
        elif how == "shape":
            array = draw(st.sampled_from([array.ravel(), array[None], array.T, array[..., None]]))
        elif how == "cut" and array.ndim:
            array = draw(st.sampled_from([array[:0], array[:-1], np.concatenate([array, array])]))
        elif how == "other":
            array = arrays[draw(st.sampled_from(sorted(arrays)))]
        if how in ("drop", "name"):
            del arrays[name]
        if how != "drop":
            arrays[f"{name}x" if how == "name" else name] = array
    return arrays


def draw_changed(draw, sound):
    """Return what was changed, and the members; bytes are changed later."""
    members = dict(sound[draw(st.sampled_from(sorted(sound)))])
    what = draw(st.sampled_from(["bytes", "json", "json", "json", "arrays", "arrays", "members"]))
    if what == "json":
        member = draw(st.sampled_from([MANIFEST, SCHEMA, SCHEMA]))
        members[member] = json.dumps(draw(rewritten(json.loads(members[member])))).encode()
    elif what == "arrays":
        member = draw(st.sampled_from([WEIGHTS, TABLES]))
        arrays = draw(altered(safetensors.numpy.load(members[member])))
        whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        members[member] = safetensors.numpy.save(whole)
    elif what == "members":
        other = sound[draw(st.sampled_from(sorted(sound)))]
        for _ in range(draw(st.integers(1, 2))):
            one = draw(st.sampled_from(sorted(members)))
            members[one] = other[draw(st.sampled_from(sorted(other)))]
    return what, members


def check(sound, path, data, counts):
    what, members = draw_changed(data.draw, sound)
    try:
        pack(path, members)
    except (ValueError, TypeError):  # there is no manifest to put hashes into
        pack(path, members, rehash=False)
    if what == "bytes":
        path.write_bytes(data.draw(damaged(path.read_bytes())))
    refused = attempt(path, counts["base"])
    counts[what, refused] = counts.get((what, refused), 0) + 1


def run(sound, folder, n_cases):
    counts = {"base": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    @settings(max_examples=n_cases)
    @given(st.data())
    def fuzz(data):
        check(sound, folder / "m.synthgan", data, counts)

    fuzz()
    # Changes reach what is inside: many are refused, and some say the same or something sound.
    assert min(counts.get((what, True), 0) for what in ("bytes", "json", "arrays")) > n_cases / 200
    assert sum(counts.get((what, False), 0) for what in ("json", "arrays")) > n_cases / 200
    return {key: n for key, n in counts.items() if key != "base"}


def test_changed_archives(sound, tmp_path):
    run(sound, tmp_path, 150)


@pytest.mark.slow
def test_many_changed_archives(sound, tmp_path):
    run(sound, tmp_path, 6000)


def test_sound_ones_load(sound, tmp_path):
    for members in sound.values():
        pack(tmp_path / "m", members)
        assert not attempt(tmp_path / "m", 2**60)
