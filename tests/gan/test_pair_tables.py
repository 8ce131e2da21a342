"""Tables of pairs of columns: what is measured, and how far generated grids are from it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from synthgan.encoding.groups import OFF, ON, CellGroup
from synthgan.gan.heads import to_network_scale
from synthgan.gan.losses import Loss
from synthgan.gan.pair_tables import _MOST_FEATURES, _MOST_MEASURED, _N_HATS, PairTables

GROUPS = [
    CellGroup("one_hot", (0, 1, 2), column="a"),
    CellGroup("binary", (3,), column="b"),
    CellGroup("continuous", (4,), presence=3, column="b"),
    CellGroup("null", (5,)),
]


def draw(n, seed, dependent=True):
    """Grids whose level and number depend on each other, a third of the numbers missing."""
    rng = np.random.default_rng(seed)
    level = rng.integers(3, size=n)
    present = rng.random(n) > 1 / 3
    number = (level + rng.random(n)) / 3 if dependent else rng.random(n)
    cells = np.full((n, 6), OFF, dtype=np.float32)
    cells[np.arange(n), level] = ON
    cells[:, 3] = np.where(present, ON, OFF)
    cells[:, 4] = np.where(present, OFF + number * (ON - OFF), 0)
    cells[:, 5] = 0
    return to_network_scale(torch.from_numpy(cells)).reshape(n, 2, 3), level, present, number


def test_tables_hold_the_shares_of_pairs_of_values():
    grids, level, present, number = draw(999, 0)
    tables = PairTables(GROUPS, grids.split(100))
    assert tables.n_features == 3 + 1 + _N_HATS
    for i in range(3):
        assert_allclose(tables.shares[i, 3], np.mean((level == i) & present), atol=1e-5)
        at = np.where(present, number, -9)[:, None]
        hats = np.maximum(1 - np.abs(at - np.linspace(0, 1, _N_HATS)) * (_N_HATS - 1), 0)
        expected = (hats * (level == i)[:, None]).mean(axis=0)
        assert_allclose(tables.shares[i, 4:], expected, atol=1e-5)


@pytest.mark.parametrize("dependent", [True, False])
def test_the_distance_of_what_is_alike_is_nothing_on_average(dependent):
    tables = PairTables(GROUPS, [draw(20_000, 1)[0]])
    rng = torch.Generator().manual_seed(0)
    distances = [float(tables.distance(draw(200, 2 + i, dependent)[0], rng)) for i in range(100)]
    error = np.std(distances) / np.sqrt(len(distances))
    if dependent:
        assert abs(np.mean(distances)) < 4 * error
    else:
        assert np.mean(distances) > 20 * error


def test_of_many_features_some_are_compared_and_stand_for_all():
    n_columns = _MOST_FEATURES // 2
    groups = [
        CellGroup("one_hot", tuple(range(3 * i, 3 * i + 3)), column=i) for i in range(n_columns)
    ]
    rng = np.random.default_rng(0)

    def grids(n, shares):
        levels = rng.choice(3, p=shares, size=(n, n_columns))
        cells = np.where(levels[:, :, None] == np.arange(3), ON, OFF).reshape(n, -1)
        return to_network_scale(torch.from_numpy(cells))

    tables = PairTables(groups, [grids(2000, [0.2, 0.3, 0.5])])
    assert tables.n_features > _MOST_FEATURES
    others, torch_rng = grids(2000, [0.5, 0.3, 0.2]), torch.Generator().manual_seed(0)
    halves = [x.numpy() for x in tables._features(others, tables._cells, tables._peaks).chunk(2)]
    errors = [x.T @ x / len(x) - tables.shares.numpy() for x in halves]
    whole = float((tables._weights.numpy() * errors[0] * errors[1]).sum())
    some = [float(tables.distance(others, torch_rng)) for _ in range(40)]
    compared = _MOST_FEATURES / tables.n_features
    own = float((tables._weights.numpy() * errors[0] * errors[1]).trace())
    expected = (whole - own) * compared * (_MOST_FEATURES - 1) / (tables.n_features - 1)
    expected += own * compared
    assert abs(np.mean(some) - expected) < 4 * np.std(some) / np.sqrt(len(some))


def test_the_distance_has_a_gradient_towards_the_training_grids():
    tables = PairTables(GROUPS, [draw(5000, 1)[0]])
    grids = draw(500, 2, dependent=False)[0].requires_grad_()
    before = tables.distance(grids, torch.Generator())
    (gradient,) = torch.autograd.grad(before, grids)
    after = tables.distance(grids.detach() - 0.01 * gradient, torch.Generator())
    assert float(after) < float(before.detach())


def test_of_very_many_features_only_some_are_measured():
    groups = [CellGroup("continuous", (i,), column=i) for i in range(500)]
    grids = torch.rand(50, 20, 25) * 2 - 1
    tables = PairTables(groups, [grids])
    assert _MOST_MEASURED / 2 < tables.n_features <= _MOST_MEASURED
    assert tables.shares.shape == (tables.n_features, tables.n_features)
    assert torch.isfinite(tables.distance(grids, torch.Generator()))


def test_a_single_grid_has_no_distance():
    tables = PairTables(GROUPS, [draw(50, 0)[0]])
    for n in (0, 1):
        assert float(tables.distance(draw(2, 1)[0][:n], torch.Generator())) == 0


def test_records_without_columns_have_no_tables():
    assert PairTables.exist(GROUPS)
    assert not PairTables.exist([CellGroup("image", (0, 1)), CellGroup("null", (2,))])


def test_the_weight_is_that_of_the_pair_of_losses_unless_it_is_given():
    few, some, many = (Loss().pair(n, 2).pairs for n in (4000, 6000, 8000))
    assert few == 0
    assert some == many / 2 > 0
    assert Loss().pair(100_000, 2).pairs == many
    assert Loss("bce").pair(100, 2).pairs == 0
    assert Loss("bce", pairs=0.1).pair(100, 2).pairs == 0.1
    assert Loss(pairs=0).pair(100, 2).pairs == 0


def test_the_weight_must_not_be_negative():
    with pytest.raises(ValueError, match="'pairs' parameter of Loss"):
        Loss(pairs=-1.0).pair(100, 2)
