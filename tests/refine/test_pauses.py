import numpy as np
import pytest

from synthgan.records.beats import disagreements, find_beats, rates_bpm
from synthgan.refine.pauses import draw_again, share_kept

FS_HZ, SECONDS = 125.0, 20
STEADY = np.arange(0.5, SECONDS)
PAUSED = np.setdiff1d(STEADY, [8.5, 9.5, 10.5, 15.5, 16.5])  # 15 beats where 20 should stand


def wave(at_s, seconds=SECONDS):
    t_s = np.arange(int(seconds * FS_HZ)) / FS_HZ
    return sum(np.exp(-(((t_s - s) / 0.02) ** 2)) for s in at_s)


def waves(n_paused, n):
    """Return n windows of one lead beside another, the first ones with pauses."""
    beats = np.stack([wave(PAUSED)] * n_paused + [wave(STEADY)] * (n - n_paused))
    return np.stack([np.zeros_like(beats), beats], axis=1)


def n_paused(values):
    return int(np.nansum(disagreements(find_beats(values[:, 1], FS_HZ), *values[:, 1].shape)))


def test_windows_disagree_where_their_rate_is_that_of_the_number_of_beats():
    short = wave(PAUSED)[: int(3 * FS_HZ)]
    beats = find_beats(np.stack([wave(PAUSED), wave(STEADY), 0 * wave(STEADY)]), FS_HZ)
    n_samples = int(SECONDS * FS_HZ)
    assert disagreements(beats, 3, n_samples)[:2].tolist() == [1, 0]
    assert np.isnan(disagreements(beats, 3, n_samples)[2])
    np.testing.assert_allclose(rates_bpm(beats, FS_HZ, 3, n_samples), [45, 60, np.nan], atol=2)
    # Three beats tell nothing of pauses.
    assert np.isnan(disagreements(find_beats(short[None], FS_HZ), 1, len(short))).all()


@pytest.mark.parametrize(
    ("real", "fake", "kept"),
    [(0, 10, 0), (0, 0, 0), (10, 10, 1), (20, 10, 1), (10, 0, 1), (5, 20, 5 * 20 / (20 * 35))],
)
def test_the_share_kept_makes_pauses_as_frequent_as_in_real_windows(real, fake, kept):
    share = share_kept(waves(real, 40), waves(fake, 40), 1, FS_HZ)
    assert share == pytest.approx(kept)


def test_where_beats_cannot_be_found_all_is_kept():
    assert share_kept(waves(0, 3), waves(3, 3), 1, None) == 1
    assert share_kept(waves(0, 3)[..., :50], waves(3, 3)[..., :50], 1, FS_HZ) == 1
    assert draw_again(lambda rows, seed: waves(3, 3), 3, 0, 1, None, 0.0).shape == (3, 2, 2500)


@pytest.mark.parametrize(("kept", "low", "high"), [(0.0, 0, 0), (1.0, 0.2, 0.3), (0.25, 0.03, 0.1)])
def test_windows_with_pauses_are_drawn_again(kept, low, high):
    n, asked = 150, []

    def draw(rows, seed):
        asked.append(rows)
        is_paused = np.random.default_rng(seed).random(len(rows)) < 0.25
        made = np.where(is_paused[:, None], wave(PAUSED), wave(STEADY))
        return np.stack([np.repeat(rows[:, None], made.shape[1], axis=1), made], axis=1)

    values = draw_again(draw, n, 1, 1, FS_HZ, kept)
    assert low <= n_paused(values) / n <= high
    assert values[:, 0, 0].tolist() == list(range(n))  # each in its place
    assert np.array_equal(values, draw_again(draw, n, 1, 1, FS_HZ, kept))
    assert draw_again(draw, 0, 1, 1, FS_HZ, kept).shape == (0, 2, 2500)


@pytest.mark.parametrize(("n", "most"), [(40, 40), (1, 10)])
def test_a_model_of_pauses_alone_comes_to_an_end(n, most):
    asked = []

    def draw(rows, seed):
        asked.append(len(rows))
        return waves(len(rows), len(rows))

    assert n_paused(draw_again(draw, n, 0, 1, FS_HZ, 0.0)) == n
    assert sum(asked) == n + most
