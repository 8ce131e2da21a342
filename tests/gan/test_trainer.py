import numpy as np
import pytest
import torch
from torch import nn

from synthgan import FCN, Adam, Loss
from synthgan.encoding import CellGroup
from synthgan.exceptions import (
    ParameterError,
)
from synthgan.gan.heads import to_network_scale
from synthgan.gan.losses import LOSSES
from synthgan.gan.training.callbacks import Callback, KeepBest, SampleGrid
from synthgan.gan.training.data import GridData
from synthgan.gan.training.state import follower
from synthgan.gan.training.trainer import Trainer, find_device
from tests.gan.runs import CPU, SAMPLER, config, grids, train


@pytest.mark.parametrize(("n", "batch_size"), [(30, 8), (7, 7), (10, 3), (5, 2)])
def test_every_row_is_seen_once_an_epoch(n, batch_size):
    data = GridData(grids(n), None, (), CPU)
    rng, left = torch.Generator().manual_seed(0), torch.empty(0, dtype=torch.long)
    batches = []
    for _ in range(3 * n):
        rows, left = data.draw(left, batch_size, rng)
        batches.append(rows)
    assert {len(rows) for rows in batches} == {batch_size}
    seen = torch.cat(batches)[: 3 * n].reshape(3, n).sort(dim=1).values
    assert (seen == torch.arange(n)).all()


def test_batches_move_free_cells_only_and_only_so_far():
    cells = np.full((6, 2, 2), 100, dtype=np.float32)
    half_widths = np.full((6, 1), 10, dtype=np.float32)
    data = GridData(cells, half_widths, [CellGroup("continuous", (2,))], CPU)
    rng = torch.Generator().manual_seed(0)
    drawn = torch.stack([data.batch(torch.arange(6), rng)[0] for _ in range(200)]).flatten(2)
    resting = to_network_scale(torch.tensor(100.0))
    assert torch.allclose(drawn[:, :, [0, 1, 3]], resting)
    moved = (drawn[:, :, 2] - resting) * 127.5
    assert moved.abs().max() <= 10.001
    assert moved.min() < -9
    assert moved.max() > 9


def test_groups_are_hidden_as_a_whole_and_at_the_given_rate():
    groups = [
        CellGroup("continuous", (0,)), CellGroup("one_hot", (1, 2, 5)), CellGroup("binary", (4,)),
        CellGroup("null", (3,)),
    ]  # fmt: skip
    data = GridData(np.zeros((4, 2, 3), dtype=np.float32), np.zeros((4, 1)), groups, CPU)
    assert data.n_groups == 3
    shown = data.shown(4000, 0.3, torch.Generator().manual_seed(0)).flatten(1)
    assert set(shown.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(shown[:, 1], shown[:, 2])
    assert torch.equal(shown[:, 1], shown[:, 5])
    assert (shown.mean(dim=0) - 0.7).abs().max() < 0.03
    assert abs(np.corrcoef(shown[:, 0], shown[:, 4])[0, 1]) < 0.05


def test_a_real_grid_and_its_fake_hide_the_same():
    seen = []

    class Watching(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, grid, c):
            seen.append(grid.detach() == 0)
            return self.body(grid, c)

    torch.manual_seed(0)
    generator, discriminator = FCN(width=8, depth=1).build((3, 3), 0, 3)
    groups = [CellGroup("continuous", (i,)) for i in range(9)]
    data = GridData(grids(30), None, groups, CPU)
    Trainer(config(max_steps=1, loss=Loss(hidden=0.5, noise=0.0, penalty=0.0)), SAMPLER).fit(
        generator, Watching(discriminator), data
    )
    real, fake, again = seen
    assert torch.equal(real, fake)
    assert torch.equal(fake, again)
    assert 0.3 < real.float().mean() < 0.7


@pytest.mark.parametrize("name", LOSSES)
def test_one_loop_for_all_losses(name):
    state = train(loss=Loss(name, moments=0.1))
    assert state.step == 8  # 2 epochs of 30 rows in batches of 8
    assert state.epoch == 2
    assert set(state.history[0]) == {
        "epoch", "step", "discriminator_loss", "generator_loss", "discriminator_real",
        "discriminator_fake", "seconds",
    }  # fmt: skip


def test_same_seed_same_weights():
    first, second, other = train(), train(), train(seed=1)
    pairs = zip(first.average.parameters(), second.average.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    pairs = zip(first.average.parameters(), other.average.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def weights_after(threshold, n_epochs):
    state = train(loss=Loss("bce", threshold=threshold), n_epochs=n_epochs)
    return torch.cat([p.detach().flatten() for p in state.discriminator.parameters()])


def test_the_gate_keeps_the_discriminator_where_its_loss_is_small():
    never, always = weights_after(0.0, 8), weights_after(1e9, 8)
    assert not torch.equal(never, always)
    torch.manual_seed(0)
    _, fresh = FCN(width=8, depth=1).build((3, 3), 0, 3)
    at_start = torch.cat([p.detach().flatten() for p in fresh.parameters()])
    assert torch.equal(always, at_start)
    barely = weights_after(1e-9, 8)
    assert torch.equal(never, barely)


def test_the_average_follows():
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    before = one.weight.detach().clone()
    follower(one, other)(0.9)
    assert torch.allclose(one.weight, 0.9 * before + 0.1 * other.weight, atol=1e-6)


def test_without_averaging_samples_come_from_the_generator_itself():
    state = train(optimizer=Adam(average=0.0))
    pairs = zip(state.average.parameters(), state.generator.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_callbacks_see_the_run_and_may_end_it():
    events = []

    class Watch(Callback):
        def on_begin(self, run):
            events.append(("begin", run.n_steps))

        def on_log(self, run):
            events.append(("log", run.state.step))

        def on_epoch(self, run):
            events.append(("epoch", run.state.epoch))
            run.stop = run.state.epoch == 2

        def on_end(self, run):
            events.append(("end", run.state.step))

    pictures = SampleGrid(every_epochs=2, n=4)
    state = train([Watch(), pictures], n_epochs=5)
    assert events[0] == ("begin", 19)
    assert events[-1] == ("end", state.step)
    assert ("epoch", 1) in events
    assert ("epoch", 3) not in events
    assert list(pictures.grids_) == [1, 2]
    assert pictures.grids_[2].shape == (4, 3, 3)


def test_large_tables_learn_faster():
    assert [Adam().rate(n) for n in (10, 4000, 6000, 10**6)] == [1e-3, 1e-3, 1.5e-3, 2e-3]
    assert Adam(learning_rate=0.1).rate(10**6) == 0.1


def test_the_learning_rate_falls_to_zero_over_the_last_share():
    rates = []

    class Rate(Callback):
        def on_log(self, run):
            rates.append(run.state.generator_optimizer.rate)

    train([Rate()], n_epochs=40, optimizer=Adam(0.01, decay=0.5))
    assert rates[0] == 0.01
    assert rates[len(rates) // 2 - 2] == 0.01
    assert rates[-1] < 1e-4
    assert (np.diff(rates) <= 0).all()


def test_the_learning_rate_rises_from_zero_over_the_first_share():
    rates = []

    class Rate(Callback):
        def on_log(self, run):
            rates.append(run.state.generator_optimizer.rate)

    train([Rate()], n_epochs=40, optimizer=Adam(0.01, decay=0.5, rise=0.25))
    half = len(rates) // 4
    assert rates[0] < 0.001
    assert (np.diff(rates[:half]) > 0).all()
    assert max(rates) == pytest.approx(0.01, rel=0.1)
    with pytest.raises(ValueError, match="'rise' parameter of Adam must be"):
        train(n_epochs=1, optimizer=Adam(rise=1.0))


def test_limits_end_a_run_with_the_learning_rate_at_zero():
    rates = []

    class Rate(Callback):
        def on_log(self, run):
            rates.append(run.state.generator_optimizer.rate)

    state = train([Rate()], n_epochs=1000, max_steps=12)
    assert state.step == 12
    assert rates[-1] < 0.05 * rates[0]
    state = train([Rate()], n_epochs=10**6, max_seconds=0.3)
    assert state.step < 10**5
    assert rates[-1] < 0.3 * rates[0]  # one step may take long on a busy machine


def test_the_best_weights_are_kept_and_a_run_without_gain_is_annealed():
    figures = iter([0.1, 0.5, *[0.2] * 40])
    weights, rates = [], []

    class Keep(Callback):
        def on_log(self, run):
            weights.append(torch.cat([p.flatten() for p in run.state.average.parameters()]))
            rates.append(run.state.generator_optimizer.rate)

    keep = KeepBest(lambda grids: next(figures), n=4, checks=40, patience=10)
    state = train([Keep(), keep], n_epochs=40, n=8)
    assert state.step == 20  # 10 checks after the best, the second; then a fifth of 40 steps
    assert rates[11] > 0.9 * rates[0]
    assert rates[-1] < 0.2 * rates[0]
    kept = torch.cat([p.flatten() for p in state.average.parameters()])
    assert torch.equal(kept, weights[1])
    measured = [row["fidelity"] for row in state.history]
    assert measured[:3] == [0.1, 0.5, 0.2]


def test_a_measurement_high_by_chance_neither_ends_a_run_nor_is_its_best():
    figures = iter([0.5, 0.64, *np.linspace(0.5, 0.6, 38)])
    weights = []

    class Keep(Callback):
        def on_log(self, run):
            weights.append(torch.cat([p.flatten() for p in run.state.average.parameters()]))

    keep = KeepBest(lambda grids: next(figures), n=4, checks=40, patience=30, tolerance=0.05)
    state = train([Keep(), keep], n_epochs=40, n=8)
    assert state.step == 40
    kept = torch.cat([p.flatten() for p in state.average.parameters()])
    assert torch.equal(kept, weights[-1])


def test_devices():
    assert find_device("cpu") == CPU
    with pytest.raises(ParameterError, match="device='tpu' is not there"):
        find_device("tpu")


@pytest.mark.gpu
def test_cuda():
    torch.manual_seed(0)
    device = find_device("cuda")
    generator, discriminator = FCN(width=8, depth=1).build((3, 3), 0, 3)
    data = GridData(grids(), None, (), device)
    state = Trainer(config(), SAMPLER).fit(generator.to(device), discriminator.to(device), data)
    none = SAMPLER.known.none(5, device)
    assert SAMPLER.sample(state.average, none, 0).shape == (5, 3, 3)
