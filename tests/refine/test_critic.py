import time

import numpy as np
import pytest

from synthgan.encoding import CellGroup
from synthgan.refine.balance import Margins
from synthgan.refine.critic import Critic, _effective_share, cell_features
from synthgan.refine.critic import fidelity as fidelity_of_views

GROUPS = [
    CellGroup("continuous", (0,)), CellGroup("continuous", (1,)),
    CellGroup("one_hot", (2, 3, 4)), CellGroup("null", (5,)),
]  # fmt: skip


def grids(n, seed, dependence):
    """Two uniform cells that hang together as told, and a level that hangs on the first."""
    rng = np.random.default_rng(seed)
    flat = np.zeros((n, 6), dtype=np.float32)
    flat[:, 0] = rng.uniform(1, 255, n)
    copied = rng.random(n) < dependence
    flat[:, 1] = np.where(copied, flat[:, 0], rng.uniform(1, 255, n))
    level = np.where(
        rng.random(n) < dependence, (flat[:, 0] // 86).astype(int), rng.integers(3, size=n)
    )
    flat[:, 2:5] = 1
    flat[np.arange(n), 2 + level] = 255
    return flat.reshape(n, 2, 3)


def view(made):
    return cell_features(made, GROUPS)


def fidelity(real, fake):
    return fidelity_of_views(view(real), view(fake), 0)


def free(made):
    """Grids of which nothing was known."""
    return made, np.zeros((len(made), 0))


@pytest.fixture(scope="module")
def critic():
    real = grids(1500, 0, 0.8)
    return Critic.fit(free(real), free(grids(6000, 1, 0.5)), view, seed=0)


def chosen(critic, seed, n=3000, k=8):
    candidates = grids(n * k, seed, 0.5)
    return candidates[
        critic.choose(candidates, np.zeros((n, 0)), np.random.default_rng(seed + 1000))
    ]


def agreement(made):
    flat = made.reshape(len(made), -1)
    return np.corrcoef(flat[:, 0], flat[:, 1])[0, 1]


def test_choice_corrects_what_the_generator_misses(critic):
    wanted, raw, kept = (
        agreement(g) for g in (grids(9000, 3, 0.8), grids(9000, 4, 0.5), chosen(critic, 5))
    )
    assert raw < 0.55
    assert abs(kept - wanted) < 0.4 * abs(raw - wanted)
    unseen = grids(3000, 6, 0.8)
    assert fidelity(unseen, chosen(critic, 5)) > fidelity(unseen, grids(3000, 7, 0.5)) + 0.12


def test_columns_stay_as_they_are(critic):
    flat = chosen(critic, 8).reshape(-1, 6)
    for cell in (0, 1):
        shares = np.histogram(flat[:, cell], bins=10, range=(1, 255))[0] / len(flat)
        assert np.abs(shares - 0.1).max() < 0.025
    levels = (flat[:, 2:5] == 255).mean(axis=0)
    assert np.abs(levels - 1 / 3).max() < 0.03


def test_indistinguishable_sets_are_left_unchanged():
    critic = Critic.fit(free(grids(1000, 0, 0.5)), free(grids(4000, 1, 0.5)), view, seed=0)
    kept = chosen(critic, 2)
    assert fidelity(grids(3000, 9, 0.5), kept) > 0.93
    assert fidelity(grids(2000, 2, 0.5), grids(2000, 3, 0.5)) > 0.93


def test_no_time_no_trees_but_the_columns_are_still_right():
    real, fake = free(grids(600, 0, 0.9)), free(grids(2400, 1, 0.1))
    critic = Critic.fit(real, fake, view, seed=0, deadline=time.perf_counter() - 1)
    assert len(critic.trees) == 0
    margins = Margins.fit(view(real[0]), view(fake[0]))
    assert np.array_equal(critic.margins.shares[2], margins.shares[2])


def test_few_rows_have_margins_and_no_trees():
    critic = Critic.fit(free(grids(99, 0, 1.0)), free(grids(400, 1, 0.0)), view, seed=0)
    assert len(critic.trees) == 0
    assert len(chosen(critic, 2, n=50)) == 50


def test_grids_without_a_feature():
    nothing = np.zeros((120, 2, 3), dtype=np.float32)
    blank = lambda made: cell_features(made, GROUPS[3:])  # noqa: E731
    critic = Critic.fit(free(nothing), free(nothing), blank, seed=0)
    again = Critic.from_arrays(critic.to_arrays(), blank, 0, 0)
    picks = again.choose(nothing, np.zeros((30, 0)), np.random.default_rng(0))
    assert picks.shape == (30,)


def test_fidelity_is_low_for_what_differs():
    assert fidelity(grids(1000, 0, 1.0), grids(1000, 1, 0.0)) < 0.3


def test_round_trip_of_all_that_was_learnt(critic):
    again = Critic.from_arrays(critic.to_arrays(), view, 3, 0)
    fresh = free(view(grids(500, 9, 0.3)))
    assert np.array_equal(again.logits(*fresh), critic.logits(*fresh))
    for mine, theirs in zip(critic.margins.shares, again.margins.shares, strict=True):
        assert np.array_equal(mine, theirs)
    assert all(array.dtype != object for array in critic.to_arrays().values())


def test_a_critic_is_kept_as_arrays(critic):
    again = Critic.from_arrays(critic.to_arrays(), view, view(grids(1, 0, 1.0)).shape[1], 0)
    x = free(view(grids(400, 5, 0.9)))
    assert np.array_equal(again.logits(*x), critic.logits(*x))
    assert len(critic.trees) > 0


def test_what_is_known_gives_nothing_away():
    # The first cell is known; fakes get the second wrong, and less so where it is not known.
    real, fake = grids(2000, 0, 0.9), grids(8000, 1, 0.9)
    flat = fake.reshape(-1, 6)
    known = np.arange(8000) % 2 == 0
    rng = np.random.default_rng(2)
    flat[known, 1] = rng.uniform(1, 255, known.sum())
    masks = known[:, None].astype(float)
    critic = Critic.fit((real, masks[:2000]), (fake, masks), view, seed=0)
    assert critic.n_known == 1
    odd = real.copy()
    odd.reshape(-1, 6)[:, 1] = rng.uniform(1, 255, 2000)
    ones, none = np.ones((2000, 1)), np.zeros((2000, 1))
    given, not_given = (
        (critic.logits(view(real), m) - critic.logits(view(odd), m)).mean() for m in (ones, none)
    )
    assert given > 3 * abs(not_given)


def test_a_row_with_known_groups_gets_one_of_its_own_candidates():
    real = grids(1500, 0, 0.8)
    masks = np.zeros((1500, 1))
    critic = Critic.fit((real, masks), (grids(6000, 1, 0.5), np.zeros((6000, 1))), view, seed=0)
    known = (np.arange(100) % 3 == 0)[:, None].astype(float)
    picks = critic.choose(grids(800, 2, 0.5), known, np.random.default_rng(0))
    assert len(np.unique(picks)) == 100
    rows = np.arange(100)
    assert (picks % 100 == rows)[known[:, 0] == 1].all()
    assert set(picks[known[:, 0] == 0] % 100) <= set(rows[known[:, 0] == 0])


def test_rounding_of_generated_cells_separates_nothing():
    groups = [
        CellGroup("continuous", (0,), 1), CellGroup("binary", (1,)), CellGroup("one_hot", (2, 3)),
    ]  # fmt: skip
    real = np.array([[0, 1, 1, 255], [40.25, 255, 255, 1]])
    made = np.array([[1e-6, 1.00001, 1, 254.99998], [40.25, 254.99998, 254.99998, 1.00001]])
    assert np.array_equal(cell_features(real, groups), cell_features(made, groups))
    assert cell_features(real, groups).tolist() == [[0, 0, 1], [40.25, 1, 0]]


def test_the_effective_share_falls_as_fewer_rows_are_preferred():
    assert _effective_share(np.zeros(50)) == pytest.approx(1)
    assert _effective_share(np.array([90.0, *[-900.0] * 9])) == pytest.approx(0.1)
    assert _effective_share(np.array([5.0, 5.0, -99.0, -99.0]) + 1e3) == pytest.approx(0.5)
