from itertools import pairwise

import pytest
import torch

from synthgan import CNN, FCN
from synthgan.encoding import CellGroup
from synthgan.exceptions import ParameterError
from synthgan.gan.networks.layers import map_sizes
from synthgan.gan.networks.specs import (
    build_networks,
    find_network,
    latent_dim_of,
    settle_network,
)

CARDIO_CNN = CNN(
    generator_layers=((256, 8, 2, 0), (128, 7, 2, 1), (64, 7, 2, 1), (1, 7, 1, 1)),
    discriminator_layers=((64, 6, 1, 1), (128, 6, 2, 1), (256, 6, 2, 1), (1, 6, 3, 1)),
    latent_dim=100,
)
IRIS_CNN = CNN(
    generator_layers=((256, 8, 1, 0), (128, 8, 4, 1), (64, 8, 3, 1), (1, 8, 3, 0)),
    discriminator_layers=((64, 4, 2, 1), (128, 4, 2, 1), (256, 4, 2, 1), (1, 4, 2, 0)),
)


def count(network):
    return sum(p.numel() for p in network.parameters())


def run(network, shape, n=3, n_conditions=0, groups=()):
    generator, discriminator = build_networks(network, shape, n_conditions, groups)
    z, c = torch.randn(n, latent_dim_of(network)), torch.randn(n, n_conditions)
    grid = generator(z, c)
    assert grid.shape == (n, *shape)
    assert discriminator(grid, c).shape == (n,)
    return generator, discriminator


def test_thesis_thyroid_fcn():
    generator, discriminator = run(FCN(width=(64,), latent_dim=5), (7, 7))
    assert count(generator) == 3569
    assert count(discriminator) == 3265


def test_thesis_cardio_fcn():
    generator, discriminator = run(FCN(width=(256, 512, 1024), latent_dim=100), (45, 45))
    layers = [100, 256, 512, 1024, 2025]
    assert count(generator) == sum(a * b + b for a, b in pairwise(layers))
    layers = [2025, 1024, 512, 256, 1]
    assert count(discriminator) == sum(a * b + b for a, b in pairwise(layers))


def test_thesis_cardio_cnn_is_table_8_2():
    generator, discriminator = run(CARDIO_CNN, (45, 45))
    assert round(count(discriminator) / 1e6, 2) == 1.49
    assert round(count(generator) / 1e6, 2) == 3.65
    up = map_sizes(generator.blocks, torch.zeros(1, 100, 1, 1))
    down = map_sizes(discriminator.blocks, torch.zeros(1, 1, 45, 45))
    assert [height for height, _ in up] == [1, 8, 19, 41, 45]
    assert [height for height, _ in down] == [45, 42, 20, 9, 2]


def test_thesis_iris_cnn_is_table_8_1():
    generator, discriminator = CNN.build(IRIS_CNN, (320, 320), 0, 100)
    up = map_sizes(generator.blocks, torch.zeros(1, 100, 1, 1))
    down = map_sizes(discriminator.blocks, torch.zeros(1, 1, 320, 320))
    assert [height for height, _ in up] == [1, 8, 34, 105, 320]
    assert [height for height, _ in down] == [320, 160, 80, 40, 19]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 7), (8, 8), (11, 11), (24, 40), (45, 45)])
@pytest.mark.parametrize("network", [FCN(width=16, depth=1), CNN(width=4), FCN(width=(8, 9))])
@pytest.mark.parametrize("n_conditions", [0, 2])
def test_any_grid(network, shape, n_conditions):
    generator, discriminator = run(network, shape, n_conditions=n_conditions)
    if n_conditions:  # and both listen to the conditions
        z, grid = torch.randn(1, 64), torch.randn(1, *shape)
        c, other = torch.zeros(1, 2), torch.ones(1, 2)
        assert not torch.equal(generator(z, c), generator(z, other))
        assert not torch.equal(discriminator(grid, c), discriminator(grid, other))


def test_colour_images_have_channels_first():
    generator, _ = run(CNN(width=4), (3, 16, 12), n_conditions=1)
    assert generator.last.out_channels == 3


def test_waves_add_two_features_an_octave():
    groups = [CellGroup("continuous", (1, 3)), CellGroup("null", (0, 2))]
    _, plain = run(FCN(width=8, depth=1, fourier=0), (2, 2), groups=groups)
    _, waves = run(FCN(width=8, depth=1, fourier=3), (2, 2), groups=groups)
    assert count(waves) - count(plain) == 8 * (2 * 2 * 3)
    grid = torch.tensor([[[0.0, 0.5], [0.0, -1.0]]])
    assert torch.allclose(
        waves.waves(grid.flatten(1))[0, :6], torch.tensor([1.0, 0, 0, 0, 0, 0]), atol=1e-5
    )


@pytest.mark.parametrize(("n_levels", "is_centred"), [(64, False), (65, True)])
def test_off_and_hidden_cells_of_many_levels_are_0(n_levels, is_centred):
    groups = [CellGroup("one_hot", tuple(range(n_levels)))]
    rng = torch.Generator().manual_seed(0)
    _, judge = FCN(depth=1, width=8).build((1, n_levels), 0, 4, groups, rng)
    off = torch.full((1, 1, n_levels), 2 / 255 - 1)
    off[0, 0, 0] = 1.0
    before = judge(torch.cat([off, off * 0]), torch.zeros(2, 0)).detach()
    with torch.no_grad():
        judge.body[0].weight[:, 1:] += 0.5
    after = judge(torch.cat([off, off * 0]), torch.zeros(2, 0)).detach()
    assert torch.equal(after[1], before[1])  # hidden
    assert torch.allclose(after[0], before[0], atol=1e-5) == is_centred


def test_depth_is_settled_by_the_table():
    fine = [CellGroup("continuous", (i,)) for i in range(3)] + [CellGroup("binary", (3,))]
    coarse = [CellGroup("binary", (i,)) for i in range(3)] + [CellGroup("continuous", (3,))]
    depths = [
        settle_network(FCN(), n_rows, groups).depth
        for n_rows, groups in ((8000, fine), (7999, fine), (8000, coarse))
    ]
    assert depths == [3, 2, 2]
    assert settle_network(FCN(depth=1), 8000, fine).depth == 1
    cnn = CNN(width=4)
    assert settle_network(cnn, 8000, fine) is cnn
    assert count(run(FCN(width=8), (2, 2))[0]) == count(run(FCN(width=8, depth=2), (2, 2))[0])


def test_width_is_settled_by_the_table():
    groups = [CellGroup("binary", (i,)) for i in range(30)]
    widths = [
        settle_network(FCN(), n_rows, groups[:n_columns]).width
        for n_rows, n_columns in ((599, 30), (600, 30), (100, 29))
    ]
    assert widths == [256, 128, 128]
    assert settle_network(FCN(width=8), 599, groups).width == 8
    assert settle_network(FCN(width=(8, 4)), 599, groups).width == (8, 4)
    assert count(run(FCN(), (2, 2))[0]) == count(run(FCN(width=128), (2, 2))[0])


def test_layers_that_do_not_fit_the_channels():
    thin = CNN(generator_layers=((4, 3, 1, 0), (1, 3, 1, 0)))
    with pytest.raises(ParameterError, match=r"make 1 channel\(s\); 2 are needed, one a lead"):
        run(thin, (2, 5, 5))


def test_generated_rows_do_not_depend_on_their_batch():
    z, c = torch.randn(6, 64), torch.zeros(6, 0)
    for network in (FCN(width=8), CNN(width=4)):
        generator, discriminator = run(network, (5, 5))
        whole = generator(z, c)
        assert torch.allclose(whole[:2], generator(z[:2], c[:2]), atol=1e-5)
    generator, discriminator = run(FCN(width=8), (5, 5))  # that of a CNN sees a batch's spread
    whole = generator(z, c)
    assert torch.allclose(discriminator(whole, c)[:2], discriminator(whole[:2], c[:2]), atol=1e-5)


def test_names_and_user_networks():
    assert isinstance(find_network("cnn"), CNN)

    class Mine:
        def build(self, shape, n_conditions, latent_dim):
            return FCN(width=4, depth=1).build(shape, n_conditions, latent_dim)

    run(find_network(Mine()), (3, 3), groups=[CellGroup("null", tuple(range(9)))])
    for wrong in ("mlp", 3, FCN):
        with pytest.raises(ParameterError, match=r"network=.* is not allowed"):
            find_network(wrong)
    with pytest.raises(ParameterError, match="make a 45 x 45 grid; 7 x 7 is needed"):
        CARDIO_CNN.build((7, 7), 0, 5)
