import math

import numpy as np
import pytest
import torch

from synthgan import FCN, Loss, TabularGANSynthesizer
from synthgan.exceptions import ParameterError
from synthgan.gan import LossPair
from synthgan.gan.losses import LOSSES, find_loss, moment_distance, one_centred, zero_centred

ZERO = torch.zeros(4)


def test_at_a_draw():
    # A discriminator that knows nothing gives 0: the losses of Goodfellow's equilibrium.
    at_a_draw = {"bce": 2 * math.log(2), "relativistic": math.log(2), "hinge": 2, "wgan-gp": 0}
    for name, loss in at_a_draw.items():
        assert LOSSES[name].discriminator(ZERO, ZERO).tolist() == pytest.approx([loss] * 4)
    assert LOSSES["bce"].generator(ZERO, ZERO).tolist() == pytest.approx([math.log(2)] * 4)


@pytest.mark.parametrize("name", LOSSES)
def test_each_side_gains_where_the_other_loses(name):
    pair = LOSSES[name]
    low, high = torch.full((4,), -0.5), torch.full((4,), 0.5)
    assert (pair.discriminator(high, low) < pair.discriminator(low, high)).all()
    assert (pair.generator(high, low) > pair.generator(low, high)).all()


def test_bce_is_torch_s():
    real, fake = torch.randn(50), torch.randn(50)
    torch_bce = torch.nn.functional.binary_cross_entropy_with_logits
    expected = sum(
        torch_bce(logits, torch.full((50,), label), reduction="none")
        for logits, label in ((real, 1.0), (fake, 0.0))
    )
    assert torch.allclose(LOSSES["bce"].discriminator(real, fake), expected)


def test_penalties_of_a_linear_judge():
    weights = torch.tensor([3.0, 4.0])
    real, fake = torch.randn(10, 2), torch.randn(10, 2)
    judge = lambda x: x @ weights  # noqa: E731
    assert zero_centred(judge, real, fake).tolist() == pytest.approx([25.0] * 10)
    scale = torch.tensor([0.5, 1.0])
    assert zero_centred(judge, real, fake, scale).tolist() == pytest.approx([1.5**2 + 16] * 10)
    rng = torch.Generator().manual_seed(0)
    assert one_centred(judge, real, fake, 1.0, rng).tolist() == pytest.approx([16.0] * 10)


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


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_a_row_depend_on_that_row_alone(name):
    # A gradient can then be limited row by row.
    pair = LOSSES[name]
    real, fake = torch.randn(5), torch.randn(5)
    others = torch.where(torch.arange(5) == 2, real, torch.randn(5))
    for side in (pair.discriminator, pair.generator):
        assert side(real, fake).shape == (5,)
        assert side(others, fake)[2] == side(real, fake)[2]


class LeastSquares:
    """A loss of a user's own (arXiv 1611.04076)."""

    seen = None

    def pair(self, n_rows, n_groups):
        LeastSquares.seen = (n_rows, n_groups > 0)
        return LossPair(
            discriminator=lambda real, fake: 7 + (real - 1).square() + fake.square(),
            generator=lambda real, fake: (fake - 1).square(),
            penalty=zero_centred,
            weight=1.0,
        )


class OneNumber(LeastSquares):
    def pair(self, n_rows, n_groups):
        pair = super().pair(n_rows, n_groups)
        return pair._replace(generator=lambda real, fake: fake.square().mean())


class Two(LeastSquares):
    def pair(self, n_rows, n_groups):
        return super().pair(n_rows, n_groups)[:2]


def fit(loss):
    model = TabularGANSynthesizer(loss=loss, network=FCN(8, 1), max_steps=5, random_state=0)
    return model.fit(np.random.default_rng(0).normal(size=(60, 2)))


def test_a_loss_of_ones_own(recwarn):
    model = fit(LeastSquares())
    assert LeastSquares.seen == (60, True)
    assert (model.history_["discriminator_loss"] >= 7).all()
    assert (model.history_["generator_loss"] < 7).all()
    assert model.sample(3).shape == (3, 2)
    assert any("can be used, but not saved: parameter loss=" in str(w.message) for w in recwarn)


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_a_loss_of_ones_own_is_checked_before_training():
    with pytest.raises(ParameterError, match=r"generator loss of .* returned \(\) for 2 rows; ret"):
        fit(OneNumber())
    with pytest.raises(ParameterError, match="return a LossPair"):
        fit(Two())
    for loss in (LeastSquares, object()):
        with pytest.raises(ParameterError, match=r"a method pair\(n_rows, n_groups\)"):
            fit(loss)
