import math

import pytest
import torch

from synthgan import Loss
from synthgan.exceptions import ParameterError
from synthgan.gan.losses import LOSSES, find_loss, moment_distance, one_centred, zero_centred

ZERO = torch.zeros(4)


def test_at_a_draw():
    # A discriminator that knows nothing gives 0: the losses of Goodfellow's equilibrium.
    assert LOSSES["bce"].discriminator(ZERO, ZERO).item() == pytest.approx(2 * math.log(2))
    assert LOSSES["bce"].generator(ZERO, ZERO).item() == pytest.approx(math.log(2))
    assert LOSSES["relativistic"].discriminator(ZERO, ZERO).item() == pytest.approx(math.log(2))
    assert LOSSES["hinge"].discriminator(ZERO, ZERO).item() == 2
    assert LOSSES["wgan-gp"].discriminator(ZERO, ZERO).item() == 0


@pytest.mark.parametrize("name", LOSSES)
def test_each_side_gains_where_the_other_loses(name):
    pair = LOSSES[name]
    low, high = torch.full((4,), -0.5), torch.full((4,), 0.5)
    assert pair.discriminator(high, low) < pair.discriminator(low, high)
    assert pair.generator(high, low) > pair.generator(low, high)


def test_bce_is_torch_s():
    real, fake = torch.randn(50), torch.randn(50)
    torch_bce = torch.nn.functional.binary_cross_entropy_with_logits
    expected = torch_bce(real, torch.ones(50)) + torch_bce(fake, torch.zeros(50))
    assert torch.allclose(LOSSES["bce"].discriminator(real, fake), expected)


def test_penalties_of_a_linear_judge():
    weights = torch.tensor([3.0, 4.0])
    real, fake = torch.randn(10, 2), torch.randn(10, 2)
    judge = lambda x: x @ weights  # noqa: E731
    assert zero_centred(judge, real, fake).item() == pytest.approx(25.0)
    scale = torch.tensor([0.5, 1.0])
    assert zero_centred(judge, real, fake, scale).item() == pytest.approx(1.5**2 + 16)
    rng = torch.Generator().manual_seed(0)
    assert one_centred(judge, real, fake, 1.0, rng).item() == pytest.approx(16.0)


def test_moments():
    x = torch.randn(1000, 3)
    assert moment_distance(x, x).item() == 0
    assert moment_distance(x, x + 2).item() == pytest.approx(4, rel=1e-4)
    centred = x - x.mean(0)
    spread = (3 * centred).std(0) - centred.std(0)
    assert moment_distance(centred, 3 * centred).item() == pytest.approx(
        spread.square().mean().item(), rel=1e-4
    )


def test_names():
    assert find_loss("hinge").name == "hinge"
    assert Loss(penalty=0.5).pair(100, 10).weight == 0.5
    assert [Loss().pair(n, 10).weight for n in (10, 1600, 10**6)] == [2.0, 0.5, 0.2]
    weights = [
        pair.weight * pair.detail for pair in (Loss().pair(n, 10) for n in (10, 1600, 8000, 10**6))
    ]
    assert weights == pytest.approx([2.0, 0.5, 0.025, 0.003])
    assert Loss(penalty=0.5).pair(8000, 10).detail == 1
    assert Loss("wgan-gp").pair(100, 10)[3:5] == (10, 1)
    sizes = (20, 10), (500, 10), (8000, 8)
    assert [Loss().pair(*size).hidden for size in sizes] == pytest.approx([0.5, 0.15, 0.01125])
    assert [Loss(name).pair(100, 10).hidden for name in ("bce", "hinge", "wgan-gp")] == [0, 0, 0]
    assert Loss().pair(100, 10).noise == 0.03
    assert Loss("bce").pair(100, 10).noise == 0
    assert Loss("bce", noise=0.3).pair(100, 10).noise == 0.3
    assert Loss("bce", hidden=0.3).pair(100, 10).hidden == 0.3
    assert Loss("bce").pair(100, 10).penalty is None
    assert Loss("bce", penalty=2.0).pair(100, 10).penalty is zero_centred
    with pytest.raises(ParameterError, match="loss='mse' is not allowed"):
        find_loss("mse")
    with pytest.raises(ParameterError, match="loss='mse' is not allowed"):
        Loss("mse").pair(100, 10)
