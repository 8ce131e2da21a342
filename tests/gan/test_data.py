"""Training grids: which are learnt, and those that lie in a file."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding import CellGroup
from synthgan.gan.heads import from_network_scale
from synthgan.gan.training import data as training_data
from synthgan.gan.training.data import GridData
from synthgan.scale.grid_file import GridFile, open_rows
from tests.gan.runs import CPU


def numbered(n):
    return np.repeat(np.arange(n, dtype=np.float32), 4).reshape(n, 2, 2)


@given(st.sets(st.integers(0, 19), max_size=18))
def test_what_is_left_out_is_not_learnt(out):
    left_out = np.array(sorted(out, reverse=True), dtype=np.int64)
    data = GridData(numbered(20), None, (), CPU, left_out=left_out)
    grids, _ = data.batch(torch.arange(len(data)), torch.Generator())
    found = from_network_scale(grids)[:, 0, 0].round().int().tolist()
    assert found == [i for i in range(20) if i not in out]


def test_very_many_rows_are_drawn_with_replacement(monkeypatch):
    monkeypatch.setattr(training_data, "MOST_SHUFFLED", 5)
    data = GridData(numbered(9), None, (), CPU, left_out=np.array([2, 3]))
    left = torch.empty(0, dtype=torch.long)
    rows, left = data.draw(left, 500, torch.Generator().manual_seed(0))
    assert not len(left)
    assert set(rows.tolist()) == set(range(7))


def test_grids_in_a_file_are_as_those_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    grids = rng.integers(0, 256, (30, 2, 2)).astype(np.float32)
    widths = rng.random((30, 2)).astype(np.float32)
    groups = [CellGroup("continuous", (0,)), CellGroup("continuous", (3,))]
    file = GridFile(tmp_path, (2, 2), np.float32, 2, 30)
    file.write(0, grids, widths)
    arrays = open_rows(tmp_path, (2, 2), np.float32, 2, 30)
    stored, held = (GridData(*pair, groups, CPU) for pair in (arrays, (grids, widths)))
    one, other = (
        data.batch(torch.tensor([3, 3, 29]), torch.Generator().manual_seed(1))[0]
        for data in (stored, held)
    )
    assert torch.equal(one, other)
    assert np.array_equal(stored.some(4), held.some(4))
    assert stored.digest() == held.digest()
    for array in arrays:
        array.close()
