"""Small archives that ask for much: what is read is bounded, and all that fit makes is read."""

import copy
import json
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch

import synthgan
from synthgan import FCN, GridEncoder, TabularGANSynthesizer
from synthgan.constraints import Identifier, Range
from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.gan.heads import TanhHead
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.specs import build_networks
from synthgan.gan.sampling import (
    _MOST_IN_A_PASS,
    Sampler,
    candidates_at_a_time,
    grids_at_a_time,
)
from tests.state.packing import MANIFEST, SCHEMA, WEIGHTS, pack, unpack

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.DataWarning")


def tiny(**parameters):
    network = FCN(width=(3,), latent_dim=2)
    defaults = {"network": network, "max_steps": 2, "candidates": 1, "random_state": 0}
    return TabularGANSynthesizer(**{**defaults, **parameters})


@pytest.fixture
def saved(tmp_path):
    """An archive of a number, a constant and codes; and its schema."""
    rng = np.random.default_rng(0)
    codes = [f"P-{i:04}" for i in range(60)]
    frame = pd.DataFrame({"x": rng.normal(size=60), "c": 1.0, "p": codes})
    constraints = [Range("c", 0, 2), Identifier("p")]
    path = tmp_path / "m.synthgan"
    tiny(constraints=constraints).fit(frame).save(path)
    members = unpack(path)
    return path, members, json.loads(members[SCHEMA])


def rewrite(path, members, schema):
    pack(path, {**members, SCHEMA: json.dumps(schema).encode()})


def constraint_of(schema, name):
    return next(c for c in schema["constraints"]["constraints"] if c["name"] == name)


def with_constants(schema, n):
    """Add constant columns, with a range each."""
    schema = copy.deepcopy(schema)
    names = [f"c{i}" for i in range(n)]
    encoder, constraints = schema["encoder"], schema["constraints"]
    place = [c["name"] for c in encoder["schema"]["columns"]].index("c")
    for columns in (schema["schema"]["columns"], encoder["schema"]["columns"]):
        like = next(c for c in columns if c["name"] == "c")
        columns += [{**like, "name": name} for name in names]
    encoder["cells"] += [encoder["cells"][place]] * n
    like = constraint_of(schema, "Range")
    constraints["columns"] += names
    constraints["constraints"] += [
        {**like, "parameters": {**like["parameters"], "column": name}} for name in names
    ]
    schema["n_features_in"] += n
    return schema


def test_codes_of_very_many_characters_are_refused(saved):
    path, members, schema = saved
    learnt = constraint_of(schema, "Identifier")["learnt"]
    for parts in (
        [["alnum", 1, 4096]] * 20_000,
        [["digit", 1, 1]] * 4097,
        [["a" * 4097, 0, 0]],
        [["hex", 1, 4000], ["-", 0, 0], ["hex", 1, 96]],
    ):
        learnt["parts_"] = parts
        rewrite(path, members, schema)
        tracemalloc.start()
        with pytest.raises(ArchiveError, match=r"its codes have up to \d+ characters"):
            synthgan.load(path)
        assert tracemalloc.get_traced_memory()[1] < 2**25
        tracemalloc.stop()
    learnt["parts_"] = [["", 0, 0]] * 10
    rewrite(path, members, schema)
    with pytest.raises(ArchiveError, match="the text of a part is invalid"):
        synthgan.load(path)
    learnt["parts_"] = [["hex", 1, 4000], ["-", 0, 0], ["hex", 1, 95]]
    rewrite(path, members, schema)
    assert synthgan.load(path).sample(3)["p"].str.len().max() <= 4096


@pytest.mark.parametrize("n_characters", [4096, 4097, 20_000])
def test_codes_of_any_length_are_saved_and_loaded(tmp_path, n_characters):
    rng = np.random.default_rng(0)
    codes = ["".join(rng.choice(list("0123456789"), n_characters - i % 2)) for i in range(40)]
    model = tiny(constraints=[Identifier("p")])
    model.fit(pd.DataFrame({"x": rng.normal(size=40), "p": codes})).save(tmp_path / "m")
    made = synthgan.load(tmp_path / "m").sample(5)["p"]
    assert made.str.len().max() <= 4096
    assert made.str.startswith("row-").all() == (n_characters > 4096)


def test_a_column_is_rewritten_once(saved):
    path, members, schema = saved
    constraints = schema["constraints"]["constraints"]
    for name in ("Range", "Identifier"):
        constraints.append(constraint_of(schema, name))
        rewrite(path, members, schema)
        with pytest.raises(ArchiveError, match=r"column '[cp]' is transformed by two constraints"):
            synthgan.load(path)
        constraints.pop()


def n_calls(path):
    """Count the functions that loading calls, of Python and of C."""
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        synthgan.load(path)
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_with_the_number_of_constraints_and_columns(saved):
    path, members, schema = saved
    counts = []
    for n in (100, 400):
        rewrite(path, members, with_constants(schema, n))
        synthgan.load(path)  # what is imported late, or remembered, is there now
        counts.append(n_calls(path))
    assert counts[1] < 5 * counts[0]


def test_tables_are_rewritten_as_before(saved):
    path, members, schema = saved
    rewrite(path, members, with_constants(schema, 3))
    made = synthgan.load(path).sample(4)
    assert made.columns.tolist() == ["x", "c", "p", "c0", "c1", "c2"]
    assert (made[["c", "c0", "c1", "c2"]] == 1).all(axis=None)


def test_text_takes_as_much_as_it_is_long(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.choice(["no", "yes"], 60)
    path = tmp_path / "m"
    tiny().fit(rng.normal(size=(60, 2)), y).save(path)
    assert synthgan.load(path).sample(20, return_y=True)[1].dtype == y.dtype
    members = unpack(path)
    schema = json.loads(members[SCHEMA])
    for spelled in ("<U16000", "<U99999999"):
        schema["y_container"]["frame"]["dtype"] = spelled
        rewrite(path, members, schema)
        made = synthgan.load(path).sample(20, return_y=True)[1]
        assert made.dtype.itemsize <= y.dtype.itemsize
        assert set(made.tolist()) <= {"no", "yes"}
    y = np.array(["no" * 10_000, "yes"])[rng.integers(2, size=60)]
    tiny().fit(rng.normal(size=(60, 2)), y).save(path)
    assert set(synthgan.load(path).sample(20, return_y=True)[1].tolist()) <= {*y.tolist()}


def passes_of(generator):
    """Remember how many grids a generator is asked for at a time."""
    sizes = []
    generator.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    return sizes


@pytest.mark.parametrize("n_cells", [16, 4096])
def test_many_candidates_are_made_in_several_passes(n_cells):
    side = int(n_cells**0.5)
    known = KnownCells([])
    generator = build_networks(FCN(width=(3,), latent_dim=2), (side, side), 0, [])[0].eval()
    sampler = Sampler(TanhHead(), known, 2, n_cells)
    most = grids_at_a_time(n_cells)
    sizes, seen = passes_of(generator), []

    def choose(made, mask, rng):
        candidates = np.asarray(made)
        seen.append(candidates.shape)
        return candidates.reshape(len(candidates), -1).mean(1).argmax(keepdims=True)

    n_candidates = candidates_at_a_time(n_cells) + 3
    c = torch.zeros(2, 0)
    made = sampler.sample(generator, c, 0, n_candidates, choose)
    assert max(sizes) == min(most, _MOST_IN_A_PASS)
    assert sum(sizes) == 2 * n_candidates
    assert seen == [(n_candidates, side, side)] * 2
    assert made.shape == (2, side, side)
    assert made.mean() > sampler.sample(generator, c, 0).mean()


def test_rows_of_large_grids_are_chosen_together():
    """Rows that are chosen one by one cannot match the shares of bins."""
    n_cells, n, n_candidates = 4096, 40, 8
    generator = build_networks(FCN(width=(3,), latent_dim=2), (64, 64), 0, [])[0].eval()
    sampler = Sampler(TanhHead(), KnownCells([]), 2, n_cells)
    sizes, seen = passes_of(generator), []

    def choose(made, mask, rng):
        seen.append(len(made))
        return np.arange(len(mask))

    sampler.sample(generator, torch.zeros(n, 0), 0, n_candidates, choose)
    assert seen == [n * n_candidates]
    assert max(sizes) == grids_at_a_time(n_cells) < n


def test_many_candidates_of_few_rows(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    tiny(candidates=2).fit(frame).save(tmp_path / "m")
    members = unpack(tmp_path / "m")
    manifest = json.loads(members[MANIFEST])
    manifest["parameters"]["candidates"] = 2**14
    pack(tmp_path / "m", {**members, MANIFEST: json.dumps(manifest).encode()})
    model = synthgan.load(tmp_path / "m")
    sizes = passes_of(model.generator_)
    assert len(model.sample(1)) == 1
    assert sum(sizes) <= 2**16


def test_columns_that_take_room_for_the_levels_of_one(tmp_path):
    """Every column of levels takes as much room as that of the most levels."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.choice(["a", "b", "c"], 60) for name in "xy"})
    model = tiny(encoder=GridEncoder(side=(1, 6)), constraints=())
    model.fit(table).save(tmp_path / "m")
    members = unpack(tmp_path / "m")
    schema, manifest = (json.loads(members[name]) for name in (SCHEMA, MANIFEST))
    n_columns, n_levels = 3000, 20_000
    n_cells = n_levels + 3 * n_columns
    cells, columns = schema["encoder"]["cells"], schema["encoder"]["schema"]["columns"]
    cells[0]["codec"]["levels"] = [f"{i}" for i in range(n_levels)]
    cells[0]["codec"]["shares"] = [1 / n_levels] * n_levels
    cells += [cells[1]] * (n_columns - 1)
    for some in (columns, schema["schema"]["columns"]):
        some += [{**some[1], "name": f"y{i}"} for i in range(n_columns - 1)]
    schema["constraints"]["columns"] += [f"y{i}" for i in range(n_columns - 1)]
    schema["n_features_in"] += n_columns - 1
    manifest["parameters"]["encoder"]["parameters"]["side"] = {"tuple": [1, n_cells]}
    weights = safetensors.numpy.load(members[WEIGHTS])
    last = [name for name, w in weights.items() if len(w) == 6]
    for name in last:
        weights[name] = np.zeros((n_cells, *weights[name].shape[1:]), np.float32)
    changed = {
        SCHEMA: json.dumps(schema).encode(),
        MANIFEST: json.dumps(manifest).encode(),
        WEIGHTS: safetensors.numpy.save(weights),
    }
    pack(tmp_path / "m", {**members, **changed})
    assert (tmp_path / "m").stat().st_size < 2**22
    with pytest.raises(ArchiveError, match="3001 columns of levels take room for 20000"):
        synthgan.load(tmp_path / "m")


def test_bounds_of_ranges_are_short(saved):
    path, members, schema = saved
    frame = pd.DataFrame({"t": pd.to_timedelta(range(9), unit="D"), "x": range(9)})
    with pytest.raises(ParameterError, match="has 1200 characters; 1000 are allowed"):
        tiny(constraints=[Range("t", high="1d" * 600)]).fit(frame)
    constraint_of(schema, "Range")["parameters"]["low"] = "1d" * 10_000
    rewrite(path, members, schema)
    with pytest.raises(ArchiveError, match=r"low='1d1d.* where null or a string of up to 1000 ch"):
        synthgan.load(path)
