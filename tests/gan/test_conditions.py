import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding import CellGroup
from synthgan.gan.heads import CellHead
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.protocol import with_rng
from synthgan.gan.sampling import Sampler
from synthgan.refine.critic import cell_features

# A number, a nullable number with its presence, a one-hot column; two cells of padding.
GROUPS = [
    CellGroup("continuous", (0,), None, "a"),
    CellGroup("continuous", (1,), 2, "b"),
    CellGroup("binary", (2,), None, "b"),
    CellGroup("one_hot", (3, 4, 5), None, "c"),
    CellGroup("null", (6, 7)),
]
KNOWN = GROUPS[:4]
OFF, ON, NULL = (1 - 127.5) / 127.5, 1.0, -1.0


def real_grids(n=200, seed=0):
    """Rows as an encoder makes them, in the networks' scale."""
    rng = np.random.default_rng(seed)
    flat = np.full((n, 8), NULL, dtype=np.float32)
    flat[:, :2] = rng.uniform(OFF, ON, (n, 2))
    present = rng.random(n) < 0.6
    flat[:, 2] = np.where(present, ON, OFF)
    flat[~present, 1] = NULL
    flat[:, 3:6] = OFF
    flat[np.arange(n), 3 + rng.integers(3, size=n)] = ON
    return torch.from_numpy(flat).reshape(n, 2, 4)


class Listener(torch.nn.Module):
    """A generator whose output hangs on noise only, so that what is known must be pasted."""

    def forward(self, z, c):
        return 3 * z[:, :8].reshape(-1, 2, 4)


def sampler(groups=KNOWN):
    return Sampler(CellHead(GROUPS), KnownCells(groups), latent_dim=8)


@given(st.integers(0, 2**31 - 1), st.floats(0, 1))
def test_what_is_known_comes_back_and_all_grids_decode(seed, share):
    rng = torch.Generator().manual_seed(seed)
    made_by, grids = sampler(), real_grids(60, seed)
    grids, c = made_by.known.draw(grids, share, rng)
    flat = made_by.make(with_rng(Listener()), c, rng).flatten(1)
    mask = c[:, made_by.known.n_cells :]
    for i, group in enumerate(KNOWN):
        rows = mask[:, i] > 0
        cells = list(group.cells)
        assert torch.equal(flat[rows][:, cells], grids.flatten(1)[rows][:, cells])
    # A value where there is one, NULL where there is none, whether known or made.
    assert torch.equal(flat[:, 1] == NULL, flat[:, 2] == OFF)
    assert ((flat[:, 3:6] > 0.99).sum(dim=1) == 1).all()
    assert (flat[:, 6:] == NULL).all()


def test_a_share_of_the_rows_is_masked_and_rare_levels_lead_more_often():
    known, grids = KnownCells(KNOWN), real_grids(4000)
    flat = grids.flatten(1)
    rare = torch.arange(4000) < 60
    flat[:, 3:6] = OFF
    flat[rare, 5], flat[~rare, 3] = ON, ON
    drawn, c = known.draw(flat.reshape(grids.shape), 0.5, torch.Generator().manual_seed(0))
    mask = c[:, known.n_cells :]
    assert not mask[2000:].any()
    assert torch.equal(drawn[2000:], flat.reshape(grids.shape)[2000:])
    n_known = mask[:2000].sum(dim=1)
    assert n_known.min() == 1  # the leading one
    assert 0.2 < (n_known == 1).float().mean() < 0.7
    assert (n_known == 4).any()
    assert (mask[:, 2] >= mask[:, 1]).all()  # who knows a value knows that there is one
    alone = (mask[:2000, 3] == 1) & (n_known == 1)
    share = (drawn.flatten(1)[:2000][alone][:, 5] == ON).float().mean()
    assert share > 0.2  # 1.5 % of the rows


def test_conditions_are_read_from_known_cells():
    known, grids = KnownCells(KNOWN), real_grids(3)
    cells = torch.zeros(3, 8, dtype=torch.bool)
    cells[0, [0, 2]] = True
    cells[1, 3:6] = True
    cells[2, 3:5] = True  # a group is known as a whole, or not
    c = known.read(grids, cells)
    assert c[:, known.n_cells :].tolist() == [[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert c[1, 3:6].tolist() == grids.flatten(1)[1, 3:6].tolist()
    assert not c[2].any()


def test_only_given_groups_can_be_known():
    known = KnownCells([GROUPS[3]])
    assert known.n_conditions == 4
    _, c = known.draw(real_grids(50), 1.0, torch.Generator().manual_seed(1))
    assert c.shape == (50, 4)
    none = KnownCells([])
    assert none.draw(real_grids(5), 1.0, torch.Generator())[1].shape == (5, 0)
    grid = real_grids(5)
    assert none.paste(grid, none.none(5, grid.device)) is grid


def test_a_presence_that_is_known_opens_the_cells_behind_it():
    made_by, grids = sampler(), real_grids(80)
    cells = torch.zeros(80, 8, dtype=torch.bool)
    cells[:, 2] = True
    flat = grids.flatten(1).clone()
    flat[:, 2] = ON
    c = made_by.known.read(flat.reshape(grids.shape), cells)
    made = made_by.make(with_rng(Listener()), c, torch.Generator().manual_seed(0)).flatten(1)
    assert (made[:, 2] == ON).all()
    assert (made[:, 1] >= OFF).all()


@pytest.mark.parametrize("candidates", [1, 3])
def test_sampling_in_chunks(monkeypatch, candidates):
    monkeypatch.setattr("synthgan.gan.sampling._MOST_GRIDS", 4)
    made_by = sampler()
    none = made_by.known.none(11, torch.device("cpu"))
    shapes = []

    def last(made, known, rng):
        shapes.append(np.asarray(made).shape)
        n = len(made) // candidates
        assert known.shape == (n, 4)
        return np.arange(n) + n * (candidates - 1)

    grids = made_by.sample(Listener(), none, 0, candidates, last)
    assert grids.shape == (11, 2, 4)
    assert grids.min() >= 0
    assert grids.max() <= 255
    assert len(np.unique(grids.reshape(11, -1), axis=0)) == 11
    assert sum(shape[0] for shape in shapes) == 11 * candidates
    nothing = made_by.known.none(0, torch.device("cpu"))
    assert made_by.sample(Listener(), nothing, 0).shape == (0, 2, 4)


def test_candidates_have_features_unless_cells_are_known():
    made_by, grids, seen = sampler(), real_grids(20), []

    def first(made, known, rng):
        seen.append((made.features(), np.asarray(made)))
        return np.arange(len(known))

    cells = torch.zeros(20, 8, dtype=torch.bool)
    cells[:10, 2] = True
    for c in (made_by.known.none(20, grids.device), made_by.known.read(grids, cells)):
        made = made_by.sample(Listener(), c, 0, 2, first)
        assert np.array_equal(made, seen[-1][1][:20])
    assert np.allclose(seen[0][0], cell_features(seen[0][1], GROUPS), atol=1e-3)
    assert seen[1][0] is None
