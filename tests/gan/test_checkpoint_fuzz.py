"""Checkpoints that hold anything: passed over or refused in one sentence, or taken up."""

import json
import os
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

import synthgan
from synthgan import Checkpoint, SampleGrid
from synthgan.datasets import make_clinic
from synthgan.exceptions import ArchiveError, CheckpointError, DataWarning, SynthganError
from synthgan.state.container import FORMAT
from tests.quick import Break, BrokenError, quick
from tests.state.packing import DATA, MANIFEST, pack, unpack
from tests.state.test_archive_fuzz import altered, damaged, rewritten

TABLE = make_clinic(60, random_state=0)[["age", "sex", "bmi"]]
RECORD, TENSORS = "state.json", "state.safetensors"
NAME = "checkpoint-000000012.zip"


def model(folder, *more, **parameters):
    callbacks = [Checkpoint(folder, every_epochs=2), SampleGrid(every_epochs=1, n=2), *more]
    return quick(callbacks, **{"epochs": 8, "batch_size": 20, **parameters})


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """What a checkpoint holds: identity, record and tensors."""
    folder = tmp_path_factory.mktemp("sound")
    with pytest.raises(BrokenError):
        model(folder, Break(13)).fit(TABLE)
    assert NAME in os.listdir(folder)
    return read(folder / NAME)


def read(path):
    members = unpack(path)
    identity, record = (json.loads(members[name]) for name in (MANIFEST, RECORD))
    return {"identity": identity["identity"], "record": record}, load(members[TENSORS])


def write(folder, whole, tensors, name=NAME):
    """Write a file whose hashes fit whatever it holds."""
    parts = {"format": FORMAT, **{k: v for k, v in whole.items() if k != "record"}}
    members = {
        MANIFEST: json.dumps(parts).encode(),
        RECORD: json.dumps(whole.get("record")).encode(),
        TENSORS: save(tensors),
    }
    return pack(folder / name, members).read_bytes()


def changed(whole, *path, to):
    """Copy JSON data with one value replaced."""
    whole = json.loads(json.dumps(whole))
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return whole


def fit(folder, is_cut=False, **parameters):
    """Fit; tell whether it was refused, passed over, taken up, or diverged. All else fails.

    A run may be cut short, where the file asks for it. It may diverge some steps after it was
    taken up, of which the file is not accused.
    """
    refusal = None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            fitted = model(folder, **parameters).fit(TABLE)
        except CheckpointError as error:
            refusal = str(error)
        except SynthganError as error:
            if not str(error).startswith("training diverged before step "):
                raise
            return "diverged"
    if refusal is not None:
        assert str(folder) in refusal
        assert "\n" not in refusal
        assert refusal.endswith(".")
        assert len(refusal) < 3000
        return "refused"
    assert all(torch.isfinite(w).all() for w in fitted.generator_.state_dict().values())
    assert fitted.n_steps_ == 24 or (is_cut and 12 <= fitted.n_steps_ < 24)
    assert np.isfinite(fitted.history_["generator_loss"]).all()
    told = [w for w in warned if issubclass(w.category, DataWarning) and NAME in str(w.message)]
    return "passed over" if told else "taken up"


def test_a_sound_one_is_taken_up(sound, tmp_path):
    write(tmp_path, *sound)
    assert fit(tmp_path) == "taken up"


@pytest.mark.parametrize(("name", "value"), [("stop", True), ("anneal_from", 0)])
def test_a_run_may_be_asked_to_end(sound, tmp_path, name, value):
    whole, tensors = sound
    write(tmp_path, changed(whole, "record", "run", name, to=value), tensors)
    assert fit(tmp_path, is_cut=True) == "taken up"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("start", ["state/discriminator/body.0.weight", "state/generator/body.0.w"])
def test_weights_from_which_training_diverges_are_refused_by_name(sound, tmp_path, start):
    whole, tensors = sound
    name = first(tensors, start)
    write(tmp_path, whole, {**tensors, name: torch.full_like(tensors[name], 3e38)})
    with pytest.raises(CheckpointError, match=f"{NAME}' cannot be taken up: training diverged"):
        model(tmp_path).fit(TABLE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("state", "step"), 10**30),
        (("state", "step"), 10**15),
        (("state", "step"), -1),
        (("state", "step"), 12.0),
        (("state", "step"), True),
        (("state", "seen"), 10**6),
        (("state", "epoch"), 3),
        (("state", "batch_size"), 10**9),
        (("state", "batch_size"), 0),
        (("state", "halvings"), 10**6),
        (("state", "seconds"), float("nan")),
        (("state", "unlogged"), 13),
        (("state", "history"), [{"step": 1}]),
        (("state", "history"), [{}] * 10**4),
        (("state", "history"), 5),
        (("run", "anneal_from"), "x"),
        (("run", "anneal_from"), float("inf")),
        (("run", "stop"), 1),
        (("run", "share"), 0.99),  # follows from the counters
        (("run",), {}),
        (("run",), []),
        (("state",), {}),
        (("state",), None),
    ],
)
def test_records_that_no_run_has_come_to(sound, tmp_path, path, value):
    whole, tensors = sound
    whole = changed(whole, "record", *path, to=value)
    step = whole["record"]["state"]["step"] if whole["record"]["state"] else 12
    name = NAME if not isinstance(step, int) or step < 0 else f"checkpoint-{step:09d}.zip"
    write(tmp_path, whole, tensors, name)
    with pytest.warns(DataWarning, match=f"{name}' is damaged and passed over: "):
        fitted = model(tmp_path).fit(TABLE)
    assert fitted.n_steps_ == 24


NETWORK = "state/generator/"


def first(tensors, start):
    return next(name for name in sorted(tensors) if name.startswith(start))


@pytest.mark.parametrize(
    ("start", "change"),
    [
        (NETWORK, lambda t: torch.full_like(t, torch.nan)),
        ("state/discriminator/", lambda t: torch.full_like(t, torch.inf)),
        ("state/average/", lambda t: t.double()),
        (NETWORK, lambda t: t[:-1].contiguous()),
        (NETWORK, lambda t: None),
        ("state/generator_optimizer/0/exp_avg_sq", lambda t: -torch.ones_like(t)),
        ("state/generator_optimizer/0/exp_avg", lambda t: torch.full_like(t, torch.nan)),
        ("state/generator_optimizer/0/step", lambda t: torch.tensor(1e30)),
        ("state/generator_optimizer/0/step", lambda t: None),
        ("state/left", lambda t: torch.tensor([10**6])),
        ("state/left", lambda t: torch.tensor([-1])),
        ("state/left", lambda t: torch.zeros(5)),
        ("state/sums", lambda t: torch.full_like(t, torch.nan)),
        ("state/rng", lambda t: t[:-1].contiguous()),
        ("state/rng", lambda t: torch.full_like(t, 255)),
        ("state/rng", lambda t: None),
    ],
)
def test_tensors_that_no_run_has_come_to(sound, tmp_path, start, change):
    whole, tensors = sound
    name = first(tensors, start)
    new = change(tensors[name])
    tensors = {key: t for key, t in tensors.items() if key != name}
    write(tmp_path, whole, tensors if new is None else {**tensors, name: new})
    assert fit(tmp_path) == "passed over"


def test_unexpected_tensors(sound, tmp_path):
    whole, tensors = sound
    for name in (
        "state/x",
        "state/generator/x",
        "state/generator_optimizer/99/step",
        "state/torch_rng",
    ):
        write(tmp_path, whole, {**tensors, name: torch.zeros(1)})
        assert fit(tmp_path) == "passed over"
        for file in tmp_path.iterdir():
            file.unlink()


@pytest.mark.parametrize("seed", ["x", -1, 1.5, None, [], True])
def test_seeds_that_are_none(sound, tmp_path, seed):
    whole, tensors = sound
    write(tmp_path, changed(whole, "identity", "random_state", to=seed), tensors)
    assert Checkpoint(tmp_path).seed() is None
    assert fit(tmp_path, random_state=None) == "passed over"


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("SampleGrid 0/x", torch.zeros(2, 3, 3)),
        ("SampleGrid 0/7", torch.zeros(3, 3, 3)),
        ("SampleGrid 0/7", torch.full((2, 3, 3), torch.nan)),
    ],
)
def test_what_a_callback_cannot_take_up_is_refused(sound, tmp_path, name, tensor):
    whole, tensors = sound
    write(tmp_path, whole, {**tensors, name: tensor})
    with pytest.raises(CheckpointError, match=f"{NAME}' cannot be taken up: SampleGrid has kept"):
        model(tmp_path).fit(TABLE)


def test_best_weights_that_are_none(tmp_path, monkeypatch):
    monkeypatch.setattr("synthgan.synthesizers.table_rules._FEWEST_HELD_OUT", 10)
    parameters = {"epochs": "auto", "max_steps": 120, "batch_size": 50}
    table = make_clinic(200, random_state=0)[["age", "sex", "bmi"]]
    with pytest.raises(BrokenError):
        model(tmp_path, Break(70), **parameters).fit(table)

    def with_figure(whole, value):
        return changed(whole, "record", "KeepBest 0", "_next", to=value)

    file = max(tmp_path.iterdir())
    whole, tensors = read(file)
    name = first(tensors, "KeepBest 0/")
    odd = torch.full_like(tensors[name], torch.nan)
    for record, changed_tensors, match in (
        (whole, {**tensors, name: odd}, "its KeepBest .* holds NaN"),
        (whole, {**tensors, name: odd[:-1].contiguous()}, "its KeepBest .* is expected"),
        (
            changed(whole, "record", "KeepBest 0", "_next", to="x"),
            tensors,
            "KeepBest has _next='x'",
        ),
        (changed(whole, "record", "KeepBest 0", to={}), tensors, "KeepBest lacks"),
    ):
        write(tmp_path, record, changed_tensors, file.name)
        with pytest.raises(CheckpointError, match=f"{file.name}' cannot be taken up: {match}"):
            model(tmp_path, **parameters).fit(table)


def test_checkpoints_of_earlier_versions_are_refused_by_name(tmp_path):
    former = tmp_path / "checkpoint-000000012.safetensors"
    former.write_bytes(save({"state/left": torch.zeros(1)}))
    with pytest.raises(CheckpointError, match=f"{former.name}' was written by an earlier version"):
        model(tmp_path).fit(TABLE)
    assert list(tmp_path.iterdir()) == [former]


def test_archives_and_checkpoints_are_not_taken_for_each_other(sound, tmp_path):
    write(tmp_path, *sound)
    with pytest.raises(ArchiveError, match=r"it has an unexpected member 'state\.json'; save or"):
        synthgan.load(tmp_path / NAME)
    (tmp_path / NAME).write_bytes((DATA / f"format-{FORMAT}-table.synthgan").read_bytes())
    with pytest.warns(DataWarning, match=f"{NAME}' is damaged .*: it has an unexpected member"):
        model(tmp_path).fit(TABLE)


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ({"format": True}, "its manifest has no format"),
        ({"format": FORMAT + 1}, f"has format {FORMAT + 1}; this synthgan reads up to {FORMAT}"),
        ({"format": FORMAT, "identity": []}, "it holds no run"),
    ],
)
def test_manifests_that_are_none(sound, tmp_path, manifest, reason):
    members = unpack(pack(tmp_path / NAME, {MANIFEST: b"{}", RECORD: b"{}", TENSORS: save({})}))
    pack(tmp_path / NAME, {**members, MANIFEST: json.dumps(manifest).encode()})
    with pytest.warns(DataWarning, match=f"{NAME}' is damaged and passed over: .*{reason}"):
        model(tmp_path).fit(TABLE)


def test_records_that_would_fill_the_memory(sound, tmp_path):
    """A small file, whose JSON would take gigabytes: it is not read to its end."""
    members = unpack(pack(tmp_path / NAME, {MANIFEST: b'{"format": 2}', TENSORS: save({})}))
    many = b'{"a": [' + b"[]," * (2**24 // 3) + b"[]]}"
    pack(tmp_path / NAME, {**members, RECORD: many})
    with pytest.warns(DataWarning, match="passed over: its JSON has .* values; 2097152 are"):
        model(tmp_path).fit(TABLE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / NAME)
    with (
        pytest.warns(DataWarning, match="passed over: .*Not a regular file"),
        pytest.raises(CheckpointError, match=r"cannot be written: .*Not a regular file"),
    ):
        model(tmp_path).fit(TABLE)


def test_values_of_another_run_are_shown_in_brief(sound, tmp_path):
    whole, tensors = sound
    write(tmp_path, changed(whole, "identity", "epochs", to="\x1b[31m" + "x" * 10**5), tensors)
    assert fit(tmp_path) == "refused"


def check(sound, folder, data, counts):
    whole, tensors = sound
    what = data.draw(st.sampled_from(["bytes", "json", "json", "arrays", "arrays"]))
    if what == "json":
        whole = data.draw(rewritten(whole))
    elif what == "arrays":
        arrays = data.draw(altered({name: t.numpy() for name, t in tensors.items()}))
        tensors = {name: torch.tensor(a.copy(order="C")) for name, a in arrays.items()}
    content = write(folder, whole, tensors)
    if what == "bytes":
        (folder / NAME).write_bytes(data.draw(damaged(content)))
    run = whole["record"].get("run") if isinstance(whole.get("record"), dict) else None
    is_cut = isinstance(run, dict) and (run.get("stop") or run.get("anneal_from") is not None)
    outcome = fit(folder, is_cut)
    counts[what, outcome] = counts.get((what, outcome), 0) + 1
    for file in folder.iterdir():
        file.unlink()


def run(sound, folder, n_cases):
    counts = {}

    @settings(max_examples=n_cases)
    @given(st.data())
    def fuzz(data):
        check(sound, folder, data, counts)

    fuzz()
    assert min(counts.get((what, "passed over"), 0) for what in ("bytes", "json", "arrays")) > 0
    assert sum(n for (_, outcome), n in counts.items() if outcome == "taken up") > 0


@pytest.mark.filterwarnings("default")
def test_changed_checkpoints(sound, tmp_path):
    run(sound, tmp_path, 20)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_many_changed_checkpoints(sound, tmp_path):
    run(sound, tmp_path, 2000)
