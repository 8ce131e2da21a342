import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from synthgan import Checkpoint
from synthgan.cli import main
from synthgan.datasets import make_clinic
from synthgan.io.images import read_images, save_images
from synthgan.io.records import write_records
from synthgan.state.files import PRIVATE, drafting_folder, replacing, write_atomically
from tests.quick import quick
from tests.state.packing import DATA

posix = pytest.mark.skipif(os.name == "nt", reason="permissions and kills are those of Unix")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_who_may_read_a_file_stays_as_it_was(tmp_path, mode):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(mode)
    write_atomically(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert file.read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Not a regular file"):
        write_atomically(tmp_path / "pipe", b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(OSError, match="Not a file name"):
        write_atomically("", b"new")
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_private_file_is_private_while_it_is_written(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o600)
    with replacing(file) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        draft.write_bytes(b"new")
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    assert file.read_bytes() == b"new"


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


# Drafts


KILLED = """
import os, signal, sys
from pathlib import Path
from synthgan.state.files import drafting_folder, replacing
with {writer}(Path(sys.argv[1])) as draft:
    {write}
    os.kill(os.getpid(), signal.SIGKILL)
"""
WRITERS = {
    "replacing": "draft.write_bytes(b'half')",
    "drafting_folder": "(draft / 'one').write_bytes(b'half')",
}


@posix
@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_killed_process_left_goes_with_the_next(tmp_path, writer):
    target = tmp_path / "m"
    words = KILLED.format(writer=writer, write=WRITERS[writer])
    done = subprocess.run([sys.executable, "-c", words, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".m.")
    others = [".m.x", ".n.01234567", ".m.012345678", ".m.b.01234567", "m.01234567"]
    for name in others:  # of another target, or no drafts at all
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".m.00000000").symlink_to(tmp_path / "m.01234567")
    write_atomically(target, b"new")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"m", ".m.00000000", *others}


@posix
@pytest.mark.parametrize("writer", [replacing, drafting_folder])
def test_drafts_of_others_stay(tmp_path, writer):
    target = tmp_path / "m"
    with writer(target) as first:
        with writer(target) as second:
            assert first != second
            if writer is replacing:
                second.write_bytes(b"second")
        assert first.exists()
        assert not second.exists()
        if writer is replacing:
            assert target.read_bytes() == b"second"
            first.write_bytes(b"first")
    if writer is replacing:
        assert target.read_bytes() == b"first"
    assert {path.name for path in tmp_path.iterdir()} <= {"m"}


def test_many_writers_of_one_file(tmp_path):
    """Each writes it whole; none takes the draft of another for one that was left."""
    failed = []

    def write(content):
        try:
            for _ in range(40):
                write_atomically(tmp_path / "m", content)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(bytes([i]) * 5000,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(set((tmp_path / "m").read_bytes())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


# Who may read what is written


@posix
def test_a_new_file_is_as_private_as_asked(tmp_path, usual_umask):
    write_atomically(tmp_path / "usual", b"")
    write_atomically(tmp_path / "private", b"", PRIVATE)
    with replacing(tmp_path / "other", PRIVATE) as draft:
        assert mode_of(draft) == 0o600
    assert [mode_of(tmp_path / name) for name in ("usual", "private", "other")] == [
        0o644, 0o600, 0o600,
    ]  # fmt: skip
    os.umask(0o277)
    write_atomically(tmp_path / "stricter", b"", PRIVATE)
    assert mode_of(tmp_path / "stricter") == 0o400


@posix
def test_what_is_learnt_of_records_is_private(tmp_path, usual_umask):
    clinic = make_clinic(60, random_state=0)[["age", "bmi", "sex"]]
    folder = tmp_path / "run"
    model = quick([Checkpoint(folder)], epochs=5).fit(clinic)
    assert mode_of(folder) == 0o700
    assert {mode_of(path) for path in folder.iterdir()} == {0o600}
    model.save(tmp_path / "m")
    assert mode_of(tmp_path / "m") == 0o600
    (tmp_path / "m").chmod(0o640)  # a file that is there keeps its permissions
    model.save(tmp_path / "m")
    assert mode_of(tmp_path / "m") == 0o640
    save_images(np.zeros((2, 8, 8), np.uint8), tmp_path / "images")
    read_images(tmp_path / "images", cache=tmp_path / "cache.npy")
    assert mode_of(tmp_path / "cache.npy") == 0o600


@posix
@pytest.mark.parametrize(
    ("mode", "file_mode", "folder_mode"),
    [(0o600, 0o600, 0o700), (0o640, 0o640, 0o750), (0o644, 0o644, 0o755), (0o755, 0o644, 0o755)],
)
def test_what_a_model_makes_is_as_private_as_it_is(
    tmp_path, usual_umask, mode, file_mode, folder_mode
):
    def sample(kind, out):
        model = tmp_path / kind
        model.write_bytes((DATA / f"format-1-{kind}.synthgan").read_bytes())
        model.chmod(mode)
        main(["sample", str(model), "-n", "2", "--out", str(tmp_path / out)])
        return tmp_path / out

    assert mode_of(sample("table", "t.csv")) == file_mode
    assert mode_of(sample("signal", "s.npy")) == file_mode
    assert mode_of(sample("image", "i.zip")) == file_mode
    for folder in (sample("signal", "records"), sample("image", "images")):
        assert mode_of(folder) == folder_mode
        assert {mode_of(path) for path in folder.iterdir()} == {file_mode}
    assert os.umask(0o022) == 0o022


@posix
def test_a_report_is_private_and_scores_with_it(tmp_path, usual_umask):
    make_clinic(60, random_state=0)[["age", "bmi"]].to_csv(tmp_path / "t.csv", index=False)
    words = ["evaluate", "t.csv", "t.csv", "--html", "r.html", "--json", "r.json"]
    main([str(tmp_path / word) if "." in word else word for word in words])
    assert json.loads((tmp_path / "r.json").read_text())
    assert {mode_of(tmp_path / name) for name in ("r.html", "r.json")} == {0o600}


@posix
def test_records_and_images_that_are_replaced_keep_their_permissions(tmp_path, usual_umask):
    signals, images = np.zeros((1, 250)), np.zeros((1, 8, 8), np.uint8)
    targets = {
        "records": lambda path: write_records(path, signals, fs_hz=250, overwrite=True),
        "images": lambda path: save_images(images, path, overwrite=True),
        "images.zip": lambda path: save_images(images, path, overwrite=True),
    }
    for name, write in targets.items():
        place = tmp_path / name
        write(place)
        files: list[Path] = [place] if place.is_file() else sorted(place.iterdir())
        for file in files:
            assert mode_of(file) == 0o644
            file.chmod(0o600)
        write(place)
        assert {mode_of(file) for file in files} == {0o600}
