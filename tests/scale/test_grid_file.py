import shutil
import signal
from collections import namedtuple

import numpy as np
import pytest

from synthgan.exceptions import DataError
from synthgan.scale.grid_file import GridFile, grid_folder, open_rows


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_come_back(tmp_path, dtype):
    rng = np.random.default_rng(0)
    grids = rng.integers(0, 256, (50, 3, 4)).astype(dtype)
    widths = rng.random((50, 5)).astype(np.float32)
    file = GridFile(tmp_path, (3, 4), dtype, 5, 50)
    for rows in np.array_split(np.arange(50), 4)[::-1]:
        file.write(int(rows[0]), grids[rows], widths[rows] if rows[0] else None)
    widths[:13] = 0
    cells, half_widths = open_rows(tmp_path, (3, 4), dtype, 5, 50)
    some = np.array([49, 0, 7, 7])
    assert np.array_equal(cells[some], grids[some])
    assert np.array_equal(half_widths[some], widths[some])
    assert np.array_equal(np.concatenate(list(cells.blocks(7))), grids)
    assert (len(cells), cells.shape, cells.dtype) == (50, grids.shape, grids.dtype)
    assert cells.nbytes == grids.nbytes
    cells.close()
    half_widths.close()


def test_there_are_no_half_widths_where_all_are_0(tmp_path):
    file = GridFile(tmp_path, (2, 2), np.float32, 3, 4)
    file.write(0, np.zeros((4, 2, 2), np.float32), None)
    cells, half_widths = open_rows(tmp_path, (2, 2), np.float32, 0, 4)
    assert half_widths is None
    cells.close()
    with pytest.raises(DataError, match=r"cells' has 64 bytes where 80 are expected: delete"):
        open_rows(tmp_path, (2, 2), np.float32, 0, 5)
    with pytest.raises(DataError, match=r"cells' cannot be read: No such file"):
        open_rows(tmp_path / "absent", (2, 2), np.float32, 0, 5)


def test_the_folder_is_removed_whatever_happens(tmp_path):
    def break_off():
        with grid_folder(tmp_path) as folder:
            (folder / "cells").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert not list(tmp_path.iterdir())
    absent = grid_folder(tmp_path / "absent")
    with pytest.raises(DataError, match=r"cache_dir='.*absent' is no folder; create it first"):
        absent.__enter__()


def test_a_small_disk_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1_000_000_000))
    with pytest.raises(DataError, match=r"encoded table takes 4\.0 GB, and .* has 1\.0 GB left"):
        GridFile(tmp_path, (10, 10), np.float32, 0, 10**7)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said(tmp_path):
    resource = pytest.importorskip("resource")
    size = resource.RLIMIT_FSIZE
    file, limits = GridFile(tmp_path, (2, 2), np.float32, 0, 4), resource.getrlimit(size)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(size, (100, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot be written to .*: File too large"):
            file.write(100, np.zeros((4, 2, 2), np.float32), None)
    finally:
        resource.setrlimit(size, limits)
        signal.signal(signal.SIGXFSZ, before)
