"""A step of both networks: one pass over real and generated rows gives the gradients of two."""

import numpy as np
import pytest
import torch

from synthgan.encoding import CellGroup
from synthgan.gan.heads import CellHead
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.losses import Loss, zero_centred, zero_centred_of
from synthgan.gan.networks.protocol import RowwiseDiscriminator
from synthgan.gan.networks.specs import CNN, FCN, CNN1d, build_networks
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.data import GridData
from synthgan.gan.training.optimizer import Optimizer
from synthgan.gan.training.state import TrainState, copy_network
from synthgan.gan.training.step import Step

GROUPS = [
    CellGroup("continuous", tuple(range(40))),
    CellGroup("one_hot", (40, 41, 42)),
    CellGroup("one_hot", tuple(range(43, 64))),
]


def step_of(network, loss, in_one_pass, shape=(8, 8)):
    """Build a step on 64 rows; all random numbers are those of seed 0."""
    rng = torch.Generator().manual_seed(0)
    generator, discriminator = build_networks(network, shape, 0, GROUPS, rng)
    if not in_one_pass:
        discriminator = TwoPasses(discriminator)
    cells = np.random.default_rng(0).uniform(1, 255, (64, *shape)).astype(np.float32)
    data = GridData(cells, None, GROUPS, torch.device("cpu"))
    adam = [Optimizer(n, (0.0, 0.99)) for n in (generator, discriminator)]
    state = TrainState(
        generator=generator, discriminator=discriminator, average=copy_network(generator),
        generator_optimizer=adam[0], discriminator_optimizer=adam[1],
        rng=torch.Generator().manual_seed(1), left=torch.empty(0, dtype=torch.long),
        sums=torch.zeros(4), batch_size=64,
    )  # fmt: skip
    sampler = Sampler(CellHead(GROUPS), KnownCells([]), network.latent_dim, 64)
    return Step(state, loss, sampler, data, 0.0, 0.9)


class TwoPasses(torch.nn.Module):
    """A discriminator that does not say that its logits depend on one row each."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, grid, c, rng=None):
        return self.inner(grid, c, rng)


@pytest.mark.parametrize("loss", [Loss(), Loss("wgan-gp"), Loss("bce"), Loss("hinge", penalty=1.0)])
def test_one_pass_gives_the_gradients_of_two(loss):
    steps = [step_of(FCN(width=16, depth=1), loss, one) for one in (True, False)]
    assert [step.is_rowwise for step in steps] == [True, False]
    figures = [step(torch.arange(64)) for step in steps]
    at = [0, 2, 3]  # the second is measured after a step of Adam, which enlarges rounding errors
    assert torch.allclose(figures[0][at], figures[1][at], rtol=1e-5, atol=1e-6)
    gradients = [[p.grad for p in step.state.discriminator_optimizer.weights] for step in steps]
    for one, two in zip(*gradients, strict=True):
        assert (one - two).norm() <= 1e-5 * two.norm() + 1e-7


@pytest.mark.parametrize(
    ("network", "expected"), [(FCN(), True), (CNN1d(), True), (CNN(), False)], ids=type
)
def test_networks_that_judge_row_by_row(network, expected):
    rng = torch.Generator().manual_seed(0)
    discriminator = build_networks(network, (8, 8), 0, GROUPS, rng)[1]
    assert isinstance(discriminator, RowwiseDiscriminator) == expected
    grid, c = torch.randn(6, 8, 8, generator=rng), torch.zeros(6, 0)
    others = torch.where(torch.arange(6)[:, None, None] == 2, grid, torch.randn(6, 8, 8))
    alike = torch.allclose(discriminator(grid, c)[2], discriminator(others, c)[2], atol=1e-6)
    assert alike == expected


def test_a_penalty_of_logits_that_exist_already():
    rng = torch.Generator().manual_seed(0)
    discriminator = build_networks(FCN(width=8, depth=1), (8, 8), 0, GROUPS, rng)[1]
    real, fake = torch.randn(2, 5, 8, 8, generator=rng)
    scale = torch.rand(8, 8, generator=rng)
    judge = lambda x: discriminator(x, x.new_zeros(len(x), 0))  # noqa: E731
    both = torch.cat([real, fake]).requires_grad_(True)
    penalty = zero_centred_of(judge(both), both, scale)
    assert torch.allclose(penalty, zero_centred(judge, real, fake, scale), rtol=1e-4)
