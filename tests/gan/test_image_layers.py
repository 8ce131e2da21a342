import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgan import CNN
from synthgan.gan.losses import zero_centred
from synthgan.gan.networks.image_layers import scales
from synthgan.gan.training.memory import estimate

sides = st.integers(1, 70)


def build(shape, n_conditions=0, width=4, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return CNN(width=width, latent_dim=8).build(shape, n_conditions, 8, rng)


@settings(max_examples=30)
@given(sides, sides, st.sampled_from([1, 3]), st.integers(0, 3), st.integers(1, 3))
def test_any_image(height, width, channels, n_conditions, n):
    shape = (height, width) if channels == 1 else (channels, height, width)
    generator, discriminator = build(shape, n_conditions)
    c = torch.randn(n, n_conditions)
    grid = generator(torch.randn(n, 8), c)
    assert grid.shape == (n, *shape)
    assert grid.isfinite().all()
    logits = discriminator(grid, c)
    assert logits.shape == (n,)
    penalty = zero_centred(lambda x: discriminator(x, c), grid, grid).mean()
    penalty.backward()
    assert penalty.isfinite()


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 64))
def test_scales_halve_down_to_four_and_cost_alike(height, width, channels):
    maps = scales(height, width, channels)
    assert max(maps[-1][:2]) <= 4
    assert [count for *_, count in maps] == sorted(count for *_, count in maps)
    assert max(count for *_, count in maps) <= max(8, 4 * channels)
    finest = maps[0][:2]
    halved = ((height + 1) // 2, (width + 1) // 2)
    assert finest == ((height, width) if max(height, width) <= 32 else halved)
    for (h, w, _), (h2, w2, _) in itertools.pairwise(maps):
        assert (h2, w2) == ((h + 1) // 2, (w + 1) // 2)
    square = [h * w * count**2 for h, w, count in scales(512, 512, 32)]
    # Many channels are dearer than their share where even the fewest are too many.
    assert max(square[1:-2]) < 3 * min(square[1:-2])


def test_large_images_are_no_dearer_than_their_pixels():
    needs = [
        estimate(lambda side=side: CNN().build((side, side), 0, 64), 64, 0, 1, side * side).n_bytes
        for side in (64, 128, 256, 512)
    ]
    assert all(b < 4.2 * a for a, b in itertools.pairwise(needs))


@torch.no_grad()
@pytest.mark.parametrize("side", [47, 64])
def test_each_pixel_can_be_set_by_itself(side):
    """Where the finest map is half as large as the image."""
    generator, _ = build((side, side))
    for layer in (generator.thin, generator.last):
        layer.weight.zero_()
        layer.bias.zero_()
    generator.thin.bias[:4] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    generator.last.weight[0, 0, 2, 2] = 1.0
    image = generator(torch.randn(1, 8), torch.zeros(1, 0))[0]
    assert image.shape == (side, side)
    for value, (i, j) in zip([1, 2, 3, 4], [(0, 0), (0, 1), (1, 0), (1, 1)], strict=True):
        assert (image[i::2, j::2] == value).all()


@torch.no_grad()
def test_images_that_are_all_alike_are_detected():
    _, discriminator = build((16, 16))
    image = torch.randn(1, 16, 16)
    discriminator.gather.weight[:, : -discriminator.n_spreads] = 0.0
    alike = discriminator(image.expand(8, -1, -1), torch.zeros(8, 0))
    different = discriminator(torch.randn(8, 16, 16), torch.zeros(8, 0))
    assert (alike == alike[0]).all()
    assert (different == different[0]).all()
    assert alike[0] != different[0]


def test_both_networks_depend_on_conditions():
    generator, discriminator = build((9, 12), n_conditions=2)
    z, c = torch.randn(1, 8).expand(2, -1), torch.eye(2)
    made = generator(z, c)
    assert not torch.equal(made[0], made[1])
    logits = discriminator(made[:1].expand(2, -1, -1), c)
    assert logits[0] != logits[1]


def test_noise_does_nothing_before_it_is_learnt():
    generator, _ = build((40, 40))
    z, c = torch.randn(2, 8), torch.zeros(2, 0)
    assert torch.equal(generator(z, c), generator(z, c))
    with torch.no_grad():
        generator.noise.bias.fill_(1.0)
    assert not torch.equal(generator(z, c), generator(z, c))


@torch.no_grad()
def test_grain_can_be_made_stronger():
    generator, _ = build((40, 40))
    z, c = torch.randn(1, 8), torch.zeros(1, 0)

    def drawn(factor):
        generator.noise.bias.fill_(0.5)
        generator.scale_noise(factor)
        return generator(z, c, torch.Generator().manual_seed(3))

    none, once, twice = map(drawn, (0.0, 1.0, 2.0))
    assert not torch.equal(none, once)
    assert torch.allclose(twice - none, 2 * (once - none), atol=1e-5)
