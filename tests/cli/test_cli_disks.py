"""Full disks, and folders that may not be written to: one line, exit 2, nothing half-written."""

import os
import resource
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from synthgan.cli import main
from synthgan.datasets import make_clinic
from synthgan.exceptions import CheckpointError
from tests.state.packing import DATA

pytestmark = pytest.mark.usefixtures("few_trees")

_NOBODY = 65534
_ROOM = 100  # bytes a file may have: less than any file here


@contextmanager
def full_disk():
    """Let writing fail in the middle, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def ordinary_user():
    """Be somebody whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def place():
    """Give a folder that everybody may look into, with a table and a model a kind."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    clinic = make_clinic(60, random_state=0)
    clinic.to_csv(folder / "clinic.csv", index=False)
    clinic[["age"]].to_csv(folder / "ages.csv", index=False)
    np.save(folder / "waves.npy", np.random.default_rng(0).normal(size=(12, 120)))
    for kind in ("table", "signal", "image"):
        shutil.copy(DATA / f"format-1-{kind}.synthgan", folder / kind)
    (folder / "out").mkdir()
    yield folder
    (folder / "out").chmod(0o755)
    shutil.rmtree(folder)


# What is written, and by which words.
WRITES = {
    "model": ("fit", "clinic.csv", "--max-steps", "1", "--out", "out/new"),
    "rows": ("sample", "table", "-n", "99", "--out", "out/new.csv"),
    "windows": ("sample", "signal", "-n", "99", "--out", "out/new.npy"),
    "records": ("sample", "signal", "-n", "3", "--out", "out/new"),
    "images": ("sample", "image", "-n", "99", "--out", "out/new.zip"),
    "report": ("evaluate", "ages.csv", "ages.csv", "--html", "out/new.html"),
}


def refused(words, capsys):
    """Run a command that fails, and return the line it says."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    errors = capsys.readouterr().err
    lines = [line for line in errors.splitlines() if "Warning: " not in line]
    assert len(lines) == 1
    assert lines[0].startswith("synthgan: error: ")
    assert "Traceback" not in errors
    return lines[0]


@pytest.mark.parametrize("name", WRITES)
def test_a_full_disk(name, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    with full_disk():
        assert "File too large" in refused(WRITES[name], capsys)
    assert list((place / "out").rglob("*.*")) == []
    assert list((place / "out").rglob("*new*")) in ([], [place / "out" / "new"])
    main(WRITES[name])  # now there is room
    assert any(path.stat().st_size > _ROOM for path in (place / "out").rglob("*new*"))


def test_a_full_disk_leaves_what_was_there(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    for words in (WRITES["model"], WRITES["rows"], WRITES["windows"]):
        old = Path(words[-1])
        old.write_bytes(b"old")
        with full_disk():
            refused(words, capsys)
        assert old.read_bytes() == b"old"


@pytest.mark.parametrize("name", WRITES)
def test_a_folder_that_may_not_be_written_to(name, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    main(WRITES[name])  # what is imported late is there now
    shutil.rmtree("out")
    Path("out").mkdir(mode=0o555)
    capsys.readouterr()
    with ordinary_user():
        line = refused(WRITES[name], capsys)
    assert "Permission denied" in line
    assert "out/" in line
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("name", ["clinic.csv", "table"])
def test_a_file_that_may_not_be_read(name, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    words = ("sample", "table", "-n", "1") if name == "table" else ("fit", "clinic.csv")
    (place / "clinic.csv").chmod(0o000)
    (place / "table").chmod(0o000)
    with ordinary_user():
        line = refused((*words, "--out", "out/new"), capsys)
    assert f"'{name}' cannot be read: Permission denied." in line


def test_checkpoints_on_a_full_disk(place):
    from synthgan import Checkpoint, TabularGANSynthesizer

    folder = place / "checkpoints"
    model = TabularGANSynthesizer(
        epochs=2, callbacks=[Checkpoint(folder, every_epochs=1)], random_state=0
    )
    with full_disk(), pytest.raises(CheckpointError, match=r"'.*checkpoint-.*' cannot be written"):
        model.fit(np.arange(40.0).reshape(20, 2))
    assert list(folder.iterdir()) == []
