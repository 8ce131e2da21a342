import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torch import nn

from synthgan import CNN1d
from synthgan.encoding import CellGroup
from synthgan.encoding.signals.tones import find_tones
from synthgan.gan.heads import SignalHead, from_network_scale, to_network_scale
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.losses import one_centred, zero_centred
from synthgan.gan.networks.path_layers import strides
from synthgan.gan.networks.specs import build_networks, find_network
from synthgan.gan.sampling import Sampler


def groups_of(n_samples, n_leads=1, kind="stationary", tones=()):
    """The cells of a grid of signals, as SignalEncoder publishes them."""
    side = math.isqrt(n_samples - 1) + 1
    is_null = np.tile(np.arange(side**2) >= n_samples, n_leads)
    groups = [CellGroup(kind, tuple(np.flatnonzero(~is_null).tolist()), lowest_cell=0, tones=tones)]
    if is_null.any():
        groups.append(CellGroup("null", tuple(np.flatnonzero(is_null).tolist())))
    return groups, ((side, side) if n_leads == 1 else (n_leads, side, side))


def build(n_samples, n_leads=1, n_conditions=0, kind="stationary", width=6, seed=0, tones=()):
    groups, shape = groups_of(n_samples, n_leads, kind, tones)
    spec = CNN1d(width=width, latent_dim=8)
    return build_networks(spec, shape, n_conditions, groups, drawn(seed))


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def noise(n, n_conditions=0, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 8, generator=rng), torch.randn(n, n_conditions, generator=rng)


kinds = st.sampled_from(["stationary", "signal"])
lengths = st.one_of(st.integers(1, 40), st.integers(1, 3000))


@settings(max_examples=30)
@given(lengths, st.integers(1, 3), st.integers(0, 5), kinds, st.integers(1, 3))
def test_any_window(n_samples, n_leads, n_conditions, kind, n):
    generator, discriminator = build(n_samples, n_leads, n_conditions, kind)
    z, c = noise(n, n_conditions)
    grid = generator(z, c)
    groups, shape = groups_of(n_samples, n_leads)
    assert grid.shape == (n, *shape)
    null = [cell for g in groups if g.kind == "null" for cell in g.cells]
    assert not grid.flatten(1)[:, null].any()
    assert grid.isfinite().all()
    logits = discriminator(grid, c)
    assert logits.shape == (n,)
    assert logits.isfinite().all()


@settings(max_examples=20)
@given(lengths, st.integers(1, 3), lengths)
def test_a_path_has_any_length(n_samples, n_leads, n_wanted):
    generator, _ = build(n_samples, n_leads)
    path = generator.path(*noise(2), n_wanted)
    assert path.shape == (2, n_leads, n_wanted)
    assert path.isfinite().all()


def test_strides_are_powers_of_two_that_divide():
    for n_samples in (1, 2, 100, 127, 254, 500, 1000, 2025, 5000, 10**6):
        coarse, fine = strides(n_samples)
        assert coarse % fine == 0
        assert 1 <= fine <= 4
        assert coarse <= 32
    assert strides(2025) == (16, 4)


@pytest.mark.parametrize("kind", ["stationary", "signal"])
def test_both_networks_listen_to_conditions_and_noise(kind):
    generator, discriminator = build(200, n_conditions=2, kind=kind)
    z, c = noise(1, 2)
    other_z, other_c = noise(1, 2, seed=1)

    def made(z, c):
        return generator(z, c, drawn(0))

    def judged(grid, c):
        return discriminator(grid, c, drawn(0))

    grid = made(z, c)
    assert torch.equal(grid, made(z, c))
    assert not torch.allclose(grid, made(other_z, c))
    assert not torch.allclose(grid, made(z, other_c))
    assert torch.equal(judged(grid, c), judged(grid, c))
    assert not torch.allclose(judged(grid, c), judged(grid, other_c))
    assert not torch.allclose(judged(grid, c), judged(2 * grid, c))
    # Noise of its own, at each scale.
    assert not torch.allclose(grid, generator(z, c, drawn(1)))


# No sense of place


@pytest.mark.parametrize("n_samples", [3000, 2025, 1000, 500, 300, 100, 8])
def test_what_lies_beyond_the_ends_of_a_path_does_not_matter(n_samples):
    generator, _ = build(n_samples)
    paths = []
    for padding in ("zeros", "replicate"):
        for module in generator.modules():
            if isinstance(module, nn.Conv2d):
                module.padding_mode = padding
        paths.append(generator.path(*noise(4), n_samples, drawn(0)))
    assert torch.allclose(*paths, atol=1e-6)


def statistics(pieces):
    """Of each piece (n, length): spread, steepness, mean, greatest."""
    steps = pieces.diff(dim=1)
    features = [pieces.std(1), steps.std(1), pieces.mean(1), pieces.abs().amax(1)]
    return torch.stack(features, dim=1).numpy()


def same_distribution(one, other):
    return min(ks_2samp(a, b).pvalue for a, b in zip(one.T, other.T, strict=True)) > 1e-4


@pytest.mark.parametrize("n_samples", [256, 64])
def test_a_path_is_alike_all_along_and_begins_as_windows_do(n_samples):
    generator, _ = build(n_samples)
    generator.requires_grad_(False)
    rng = drawn(0)
    windows, paths = (
        generator.path(*noise(600, seed=seed), length, rng)[:, 0]
        for seed, length in ((1, n_samples), (2, 4 * n_samples))
    )
    pieces = paths.unfold(1, n_samples // 4, n_samples // 4)
    first, *others = (statistics(pieces[:, i]) for i in range(pieces.shape[1]))
    # A shift of a twentieth of the spread would show in means over all 600 paths.
    for piece in others[4:8]:
        assert same_distribution(first, piece)
    assert same_distribution(statistics(windows), statistics(paths[:, :n_samples]))
    assert same_distribution(
        statistics(windows[:, : n_samples // 4]), statistics(windows[:, -n_samples // 4 :])
    )
    assert not same_distribution(statistics(windows), 1.5 * statistics(windows))


def share_left(kind, place, n_samples=128):
    """What a generator of one fixed wave cannot learn of it, over the wave's variance."""
    wave = torch.exp(-(((torch.arange(n_samples) - place) / 6.0) ** 2))
    generator, _ = build(n_samples, kind=kind, width=12)
    optimizer = torch.optim.Adam(generator.parameters(), lr=3e-3)
    rng = drawn(0)
    for _ in range(60):
        z, c = torch.randn(16, 8, generator=rng), torch.zeros(16, 0)
        loss = (generator.path(z, c, n_samples, rng)[:, 0] - wave).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item() / wave.var().item()


@pytest.mark.parametrize("place", [3, 80])
def test_only_a_placed_generator_learns_where_a_wave_lies(place):
    assert share_left("stationary", place) > 0.95
    assert share_left("signal", place) < 0.1


# Gradients


@pytest.mark.parametrize("n_samples", [1, 2, 3, 5, 17, 64, 300])
@pytest.mark.parametrize("value", [0.0, 1.0, -1e3])
@pytest.mark.parametrize("penalty", [zero_centred, one_centred])
def test_gradients_are_finite_even_of_constant_windows(n_samples, value, penalty):
    generator, discriminator = build(n_samples, n_leads=2, n_conditions=1)
    z, c = noise(3, 1)
    fake = generator(z, c)
    real = torch.full_like(fake, value)
    rng = torch.Generator().manual_seed(0)
    scale = torch.ones(fake.shape[1:])
    judge = lambda x: discriminator(x, c)  # noqa: E731
    total = penalty(judge, real, fake.detach(), scale, rng) + discriminator(real, c)
    total.mean().backward()
    discriminator(fake, c).sum().backward()
    for network in (generator, discriminator):
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("n_samples", [2025, 300, 9])
def test_every_weight_of_both_networks_learns(n_samples):
    for kind in ("stationary", "signal"):
        generator, discriminator = build(n_samples, n_leads=2, n_conditions=2, kind=kind)
        z, c = noise(8, 2)
        discriminator(generator(z, c), c).square().sum().backward()
        for network in (generator, discriminator):
            idle = [n for n, p in network.named_parameters() if p.grad is None]
            assert not idle


# Memory


def channels_last(network):
    """Whether all kernels lie channels last, as far as strides can tell; and how many do."""
    kernels = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    telling = [k for k in kernels if k.shape[1] > 1 and k.shape[3] > 1]
    assert telling
    return all(k.stride(1) == 1 for k in telling)


def test_kernels_stay_channels_last():
    for network in build(300, n_leads=2):
        assert channels_last(network)
        assert channels_last(copy.deepcopy(network))
        assert channels_last(network.cpu().train().eval())
        state = {
            name: torch.from_numpy(t.numpy().copy()) for name, t in network.state_dict().items()
        }
        for new in build(300, n_leads=2, seed=1):
            if type(new) is type(network):
                new.load_state_dict(state)
                assert channels_last(new)
        before = copy.deepcopy(network)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        assert channels_last(network)
        assert not torch.equal(next(network.parameters()), next(before.parameters()))


# Sampling


def sampler_of(n_samples, n_leads=1):
    groups, shape = groups_of(n_samples, n_leads)
    known = KnownCells([], torch.device("cpu"), beside=True)
    return Sampler(SignalHead(groups), known, 8, math.prod(shape))


def test_samples_hang_on_their_seed_alone():
    generator, _ = build(150, n_leads=2)
    sampler, c = sampler_of(150, 2), torch.zeros(5, 0)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    draws = [
        lambda seed: sampler.sample(generator, c, seed),
        lambda seed: sampler.extend(generator, c, seed, 400),
    ]
    for draw in draws:
        first = draw(3)
        torch.rand(11)
        assert np.array_equal(draw(3), first)
        assert not np.array_equal(draw(4), first)
        torch.manual_seed(7)
        draw(5)
        assert torch.equal(torch.get_rng_state(), before)
    assert draws[0](0).shape == (5, 2, 13, 13)
    assert draws[1](0).shape == (5, 2, 400)
    assert draws[1](0).dtype == np.float32


def test_none_can_be_drawn():
    generator, _ = build(150, n_leads=2)
    sampler, c = sampler_of(150, 2), torch.zeros(0, 0)
    assert sampler.sample(generator, c, 0).shape == (0, 2, 13, 13)
    assert sampler.extend(generator, c, 0, 400).shape == (0, 2, 400)


def test_paths_in_chunks(monkeypatch):
    monkeypatch.setattr("synthgan.gan.sampling._MOST_GRIDS", 4)
    generator, _ = build(40)
    paths = sampler_of(40).extend(generator, torch.zeros(7, 0), 0, 90)
    assert paths.shape == (7, 1, 90)
    assert len(np.unique(paths[:, 0], axis=0)) == 7


@given(st.integers(1, 60), st.integers(1, 3))
def test_the_head_leaves_samples_as_they_are_and_null_null(n_samples, n_leads):
    groups, shape = groups_of(n_samples, n_leads)
    head = SignalHead(groups)
    raw = 5 * torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    cells = head.to_cells(head(raw)).flatten(1)
    used, *null = ([*g.cells] for g in groups)
    assert torch.equal(cells[:, used], from_network_scale(raw).flatten(1)[:, used])
    assert not any(cells[:, places].any() for places in null)
    assert torch.allclose(to_network_scale(cells[:, used]), raw.flatten(1)[:, used], atol=1e-5)


def test_the_spec():
    assert isinstance(find_network("cnn1d"), CNN1d)
    generator, discriminator = build_networks(CNN1d(), *reversed_groups(2025))
    counts = [sum(p.numel() for p in net.parameters()) for net in (generator, discriminator)]
    assert 2e5 < counts[0] < 1e6
    assert 1e6 < counts[1] < 3e6
    for parameters in ({"width": 0}, {"latent_dim": 0}, {"width": 2.5}):
        with pytest.raises(ValueError, match=f"'{next(iter(parameters))}' parameter of CNN1d"):
            CNN1d(**parameters).build((4, 4), 0, 8)


def reversed_groups(n_samples):
    groups, shape = groups_of(n_samples)
    return shape, 0, groups


def test_one_piece_a_step_is_seen():
    _, discriminator = CNN1d(width=8).build((45, 45), 0, 4)
    grid, c = torch.randn(3, 45, 45), torch.zeros(3, 0)
    rng, seen = drawn(0), []
    for _ in range(200):
        discriminator.redraw(rng)
        seen.append(int(discriminator.first))
    # Real windows and fakes of a step are compared on the same piece.
    assert torch.equal(discriminator(grid, c), discriminator(grid, c))
    hidden = grid.flatten(1).clone()
    first = seen[-1]
    hidden[:, :first], hidden[:, first + len(discriminator.places) :] = 9.0, 9.0
    assert torch.equal(discriminator(hidden.reshape(grid.shape), c), discriminator(grid, c))
    assert min(seen) >= 0
    assert max(seen) <= discriminator.n_hidden
    assert len(set(seen)) > 100


@torch.no_grad()
def test_tones_are_made_and_no_others():
    """In particular none whose period is the stride of a coarser map."""
    n_samples, tones = 2025, (101.25, 303.75)
    plain, humming = (build(n_samples, tones=t)[0] for t in ((), tones))
    for network in (plain, humming):
        network.noise.bias.fill_(-2.0)

    def fast_tones(network, n_windows, times):
        path = network.path(*noise(n_windows), times * n_samples).double().numpy()
        return sorted(cycles / times for cycles in find_tones(path) if cycles > 30 * times)

    assert fast_tones(plain, 200, 1) == []
    assert fast_tones(humming, 200, 1) == pytest.approx(tones, abs=0.1)
    assert fast_tones(humming, 50, 2) == pytest.approx(tones, abs=0.1)


@torch.no_grad()
def test_an_oscillator_can_be_retimed():
    network, inputs = build(400)[0], noise(50)
    with network.record_rates() as before:
        network.path(*inputs, 400)
        network.path(*inputs, 900)
    with network.record_rates() as none:
        pass
    network.change_rates(1, middle=0.5, factor=1.5, shift=0.2)
    with network.record_rates() as after:
        network.path(*inputs, 400)
    old, new = before[0], after[0]
    assert len(before) == 2
    assert none == []
    assert torch.equal(before[1], old)
    assert torch.allclose(new[:, 1], 0.7 + 1.5 * (old[:, 1] - 0.5), atol=1e-5)
    assert torch.equal(new[:, [0, 2, 3]], old[:, [0, 2, 3]])


@torch.no_grad()
def test_paths_get_the_rates_that_are_asked_for_in_order():
    network, inputs = build(400)[0], noise(6)
    asked = torch.tensor([0.1, float("nan"), 0.3, 0.4, 0.5, 0.6], dtype=torch.float64)
    with network.record_rates() as before:
        network.path(*inputs, 400)
    with network.at_rates(2, asked), network.record_rates() as heard:
        for rows in (slice(0, 4), slice(4, 6)):
            network.path(*(x[rows] for x in inputs), 400)
    with network.record_rates() as after:
        network.path(*inputs, 400)
    wanted = before[0].clone()
    wanted[[0, 2, 3, 4, 5], 2] = asked[[0, 2, 3, 4, 5]].float()
    assert torch.allclose(torch.cat(heard), wanted, atol=1e-6)
    assert torch.equal(after[0], before[0])
