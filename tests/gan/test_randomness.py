"""Every draw is from a generator that is handed down; global ones neither change nor matter."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import nn

import synthgan.gan
from synthgan import (
    CNN,
    FCN,
    Callback,
    Checkpoint,
    CNN1d,
    ImageGANSynthesizer,
    SignalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.gan.isolation import as_global_generator
from synthgan.gan.networks.protocol import (
    AnyLengthGenerator,
    Network,
    OscillatorGenerator,
    PixelNoiseGenerator,
    RedrawingDiscriminator,
    SettlingNetwork,
    accepts,
    with_rng,
)
from synthgan.gan.networks.seeded_layers import Conv2d, ConvTranspose2d, Dropout, Linear
from synthgan.gan.networks.specs import build_networks
from tests.gan.runs import train
from tests.quick import Break, BrokenError, assert_same, weights_of

LAYERS = {  # of an 8 x 8 grid
    "generator_layers": ((4, 4, 1, 0), (1, 4, 2, 1)),
    "discriminator_layers": ((4, 4, 2, 1), (1, 4, 1, 0)),
}
OURS = {
    "residual": (FCN(width=8, depth=1), (8, 8)),
    "dropout": (FCN(width=(8, 9), dropout=0.3), (8, 8)),
    "cnn": (CNN(width=4), (3, 40, 40)),
    "layers": (CNN(**LAYERS), (8, 8)),
    "cnn1d": (CNN1d(width=4), (2, 20, 20)),
}
ours = pytest.mark.parametrize(("spec", "shape"), OURS.values(), ids=OURS)


class Mine:
    """A network of one's own that knows no more than `Network` says."""

    def __init__(self, make=lambda latent_dim: (Simple(latent_dim), Dropping())):
        self.make = make

    def build(self, shape, n_conditions, latent_dim):
        generator, discriminator = self.make(latent_dim)
        n_cells = int(np.prod(shape))
        generator.last = nn.Linear(latent_dim + n_conditions, n_cells)
        generator.shape = shape
        discriminator.last = nn.Linear(n_cells + n_conditions, 1)
        return generator, discriminator


class Simple(nn.Module):
    def __init__(self, latent_dim):
        super().__init__()

    def forward(self, z, c):
        return self.last(torch.cat([z, c], dim=1)).reshape(-1, *self.shape)


class Noisy(Simple):
    """Draws by what torch has and names no generator."""

    def forward(self, z, c):
        return super().forward(z + torch.empty_like(z).normal_(0, 0.1), c)


class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.3)

    def forward(self, grid, c):
        return self.last(torch.cat([self.drop(grid.flatten(1)), c], dim=1)).squeeze(1)


TABLE = np.random.default_rng(0).normal(size=(80, 4)).cumsum(axis=1)
WINDOWS = np.random.default_rng(0).normal(size=(20, 64)).cumsum(axis=1)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 12, 12), np.uint8)


def table_of(network):
    return lambda **more: TabularGANSynthesizer(
        network=network, max_steps=8, candidates=1, random_state=0, **more
    ).fit(TABLE)


def image_of(network):
    return lambda **more: ImageGANSynthesizer(
        network=network, max_steps=4, random_state=0, **more
    ).fit(IMAGES)


def signal_of(network):
    return lambda **more: SignalGANSynthesizer(
        network=network, max_steps=4, fs_hz=50, random_state=0, **more
    ).fit(WINDOWS)


FITS = {
    "table-fcn": table_of(FCN(width=8, depth=1)),
    "table-dropout": table_of(FCN(width=(8,), dropout=0.3)),
    "table-cnn": table_of(CNN(width=4)),
    "signal-cnn1d": signal_of(CNN1d(width=4)),
    "signal-fcn": signal_of(FCN(width=8, depth=1)),
    "image-cnn": image_of(CNN(width=4)),
    "image-dropout": image_of(FCN(width=(8,), dropout=0.3)),
    "table-mine": table_of(Mine()),
    "image-mine": image_of(Mine(lambda latent_dim: (Noisy(latent_dim), Dropping()))),
}
fits = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
quietly = pytest.mark.filterwarnings("ignore:the model can be used, but not saved")


def bytes_of(model):
    made = model.sample(7, random_state=1)
    return weights_of(model), np.ascontiguousarray(made).tobytes()


def global_states():
    return (
        torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes(),
        random.getstate(),
    )  # fmt: skip


class Draw(Callback):
    """Draws from all global generators, whenever it can."""

    def on_begin(self, run):
        torch.rand(1)
        np.random.rand()
        random.random()  # noqa: S311

    on_log = on_epoch = on_end = on_begin


class Watch(Callback):
    def __init__(self):
        self.states = set()

    def on_begin(self, run):
        self.states.add(global_states())

    on_log = on_epoch = on_end = on_begin


@quietly
@fits
def test_callbacks_that_draw_change_no_model(fit):
    alone = bytes_of(fit())
    torch.manual_seed(123)
    assert bytes_of(fit(callbacks=[Draw()])) == alone


@quietly
@fits
def test_global_generators_are_as_they_were_all_along(fit):
    watch, before = Watch(), global_states()
    model = fit(callbacks=[watch])
    assert watch.states == {before}
    model.sample(5)
    model.sample(5, random_state=3)
    assert global_states() == before


class Meet(Callback):
    """Waits, in the midst of training, for another fit to be there, too."""

    def __init__(self, barrier):
        self.barrier = barrier

    def on_log(self, run):
        if run.state.step == 2:
            self.barrier.wait(timeout=60)


@quietly
@pytest.mark.parametrize(
    "names",
    [
        ("table-fcn", "table-fcn"), ("table-dropout", "image-cnn"), ("signal-cnn1d", "image-mine"),
        ("table-mine", "table-mine"),
    ],
    ids="-and-".join,
)  # fmt: skip
def test_two_fits_overlap_and_give_the_same_bytes(names):
    """Neither would come past the barrier if one waited for the end of the other."""
    alone = [bytes_of(FITS[name]()) for name in names]
    barrier = threading.Barrier(2)

    def fit(name):
        return bytes_of(FITS[name](callbacks=[Meet(barrier)]))

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(fit, names)) == alone


@quietly
def test_networks_of_users_are_resumed_to_the_bit(tmp_path):
    def fit(*callbacks):
        model = TabularGANSynthesizer(
            network=Mine(lambda latent_dim: (Noisy(latent_dim), Dropping())),
            epochs=6, batch_size=20, candidates=1, random_state=0, callbacks=list(callbacks),
        )  # fmt: skip
        return model.fit(TABLE)

    with pytest.raises(BrokenError):
        fit(Checkpoint(tmp_path, every_epochs=2), Break(14))
    torch.rand(5)
    assert_same(fit(Checkpoint(tmp_path, every_epochs=2)), fit())


def test_checkpoints_hold_one_generator_and_leave_others_alone():
    seen = []

    class Keep(Callback):
        def on_epoch(self, run):
            seen.append((run.snapshot(), run))

    train([Keep()])
    snapshot, run = seen[0]
    record, tensors = snapshot["state"].record, snapshot["state"].tensors
    assert [name for name in tensors if name.endswith("rng")] == ["rng"]
    before = global_states()
    run.state.check(record, tensors, 30, 2)
    run.state.from_state(record, tensors)
    assert global_states() == before
    assert run.state.step == record["step"]


# Networks of our own


@ours
def test_what_our_networks_draw_hangs_on_the_generator_alone(spec, shape):
    def run(seed):
        rng = torch.Generator().manual_seed(seed)
        generator, discriminator = build_networks(spec, shape, 1, (), rng)
        for noise in generator.parameters():  # some begin at zero
            noise.data += 0.01
        z = torch.randn(4, 64, generator=rng)
        c = torch.ones(4, 1)
        if isinstance(discriminator, RedrawingDiscriminator):
            discriminator.redraw(rng)
        grid = generator(z, c, rng)
        return torch.cat([grid.flatten(), discriminator(grid, c, rng)])

    before = global_states()
    first = run(0)
    assert global_states() == before
    torch.rand(3)
    assert torch.equal(run(0), first)
    assert not torch.equal(run(1), first)


def test_no_layer_of_ours_draws_without_a_generator():
    draws = re.compile(
        r"torch\.(?:rand|randn|randint|randperm|multinomial|bernoulli|normal)\(|"
        r"\.(?:bernoulli_|random_|normal_|uniform_|exponential_)\("
    )
    for path in Path(synthgan.gan.__file__).parent.rglob("*.py"):
        text = path.read_text()
        for found in draws.finditer(text):
            call = text[found.start() : text.index("\n", found.end())]
            assert "generator=" in call or "**drawn" in call, f"{path.name}: {call}"
        assert not re.search(r"nn\.(Dropout|Linear|Conv2d|ConvTranspose2d)\(", text), path.name


@pytest.mark.parametrize(
    ("layer", "like"),
    [
        (lambda rng: Linear(300, 200, rng=rng), lambda: nn.Linear(300, 200)),
        (lambda rng: Conv2d(9, 60, (3, 5), rng=rng), lambda: nn.Conv2d(9, 60, (3, 5))),
        (lambda rng: ConvTranspose2d(60, 9, 4, rng=rng), lambda: nn.ConvTranspose2d(60, 9, 4)),
    ],
)
def test_first_weights_are_distributed_as_those_of_torch(layer, like):
    ours, theirs = layer(torch.Generator().manual_seed(0)), like()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.shape == other.shape
        pair = one.detach().flatten().numpy(), other.detach().flatten().numpy()
        assert ks_2samp(*pair).pvalue > 1e-4
    bounds = [weight.abs().max().item() for weight in (ours.weight, theirs.weight)]
    assert bounds[0] == pytest.approx(bounds[1], rel=0.01)


def test_dropout_is_that_of_torch_but_for_its_generator():
    ours, x = Dropout(0.3), torch.full((300, 300), 2.0, requires_grad=True)
    made = ours(x, torch.Generator().manual_seed(0))
    assert torch.equal(made, ours(x, torch.Generator().manual_seed(0)))
    kept = made != 0
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.01)
    assert torch.allclose(made[kept], torch.tensor(2.0 / 0.7))
    (gradient,) = torch.autograd.grad(made.sum(), x)
    assert torch.equal(gradient, made.detach() / 2)
    assert ours.eval()(x) is x
    assert Dropout(0.0)(x) is x
    assert repr(Dropout(0.3)) == repr(nn.Dropout(0.3))
    # Real rows and fakes lose other units, as they did.
    _, discriminator = FCN(width=(64,), dropout=0.5).build((4, 4), 0, 3)
    rng, grid, c = torch.Generator().manual_seed(0), torch.ones(5, 4, 4), torch.zeros(5, 0)
    assert not torch.equal(discriminator(grid, c, rng), discriminator(grid, c, rng))


# The protocol


def test_abilities():
    pairs = {name: build_networks(spec, shape, 0, ()) for name, (spec, shape) in OURS.items()}
    generators = {name: pair[0] for name, pair in pairs.items()}
    discriminators = {name: pair[1] for name, pair in pairs.items()}
    has = {
        ability: {name for name, network in networks.items() if isinstance(network, ability)}
        for ability, networks in (
            (AnyLengthGenerator, generators), (OscillatorGenerator, generators),
            (PixelNoiseGenerator, generators), (RedrawingDiscriminator, discriminators),
        )
    }  # fmt: skip
    assert has == {
        AnyLengthGenerator: {"cnn1d"}, OscillatorGenerator: {"cnn1d"}, PixelNoiseGenerator: {"cnn"},
        RedrawingDiscriminator: {"cnn1d"},
    }  # fmt: skip
    assert all(accepts(n, "rng") for pair in pairs.values() for n in pair)
    specs = [spec for spec, _ in OURS.values()]
    assert all(isinstance(spec, Network) and accepts(spec.build, "rng") for spec in specs)
    assert isinstance(FCN(), SettlingNetwork)
    assert isinstance(Mine(), Network)
    assert not isinstance(Mine(), SettlingNetwork)


def test_networks_without_rng_draw_from_the_given_generator():
    generator, discriminator = build_networks(Mine(), (2, 2), 1, (), torch.Generator())
    assert with_rng(FCN(width=8).build((2, 2), 0, 3)[0]).__class__.__name__ == "FlatGenerator"
    judge, rng = with_rng(discriminator), torch.Generator().manual_seed(0)
    grid, c = torch.ones(3, 2, 2), torch.zeros(3, 1)
    before = global_states()
    first, second = judge(grid, c, rng=rng), judge(grid, c, rng=rng)
    assert not torch.equal(first, second)
    assert torch.equal(first, judge(grid, c, rng=torch.Generator().manual_seed(0)))
    assert global_states() == before
    assert with_rng(generator)(torch.ones(3, 64), c, rng=rng).shape == (3, 2, 2)


def test_a_generator_may_be_named_anywhere():
    class Keyword(Simple):
        def forward(self, z, c, temperature=1.0, *, rng):
            return super().forward(z + torch.randn(z.shape, generator=rng), c)

    generator, _ = build_networks(
        Mine(lambda latent_dim: (Keyword(latent_dim), Dropping())), (2, 2), 0, ()
    )
    assert with_rng(generator) is generator
    z, c = torch.ones(3, 64), torch.zeros(3, 0)
    made = [with_rng(generator)(z, c, rng=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert not accepts(torch.rand, "rng")  # no function of Python


def test_first_weights_of_users_networks_hang_on_the_seed():
    def built(seed):
        rng = torch.Generator().manual_seed(seed)
        networks = build_networks(Mine(), (2, 2), 0, (), rng)
        return torch.cat([p.flatten() for network in networks for p in network.parameters()])

    before = global_states()
    assert torch.equal(built(0), built(0))
    assert not torch.equal(built(0), built(1))
    assert global_states() == before


@pytest.mark.parametrize(
    "redraw",
    [
        lambda self: self.told.append(torch.rand(1).item()),
        lambda self, rng: self.told.append(torch.rand(1, generator=rng).item()),
    ],
    ids=["global", "with_rng"],
)
def test_a_users_discriminator_redraws_at_each_step(redraw):
    def fit():
        kind = type("Redrawing", (Dropping,), {"redraw": redraw})
        mine = Mine(lambda latent_dim: (Simple(latent_dim), kind()))
        generator, discriminator = mine.build((3, 3), 0, 3)
        discriminator.told = []
        return train(networks=(generator, discriminator)).discriminator.told

    told = fit()
    assert len(set(told)) == 8
    assert fit() == told


def test_torchs_generator_comes_back_after_an_error():
    before, rng = global_states(), torch.Generator().manual_seed(0)
    with pytest.raises(TypeError, match="rand"), as_global_generator(rng):
        torch.rand("a")
    assert global_states() == before


@pytest.mark.gpu
def test_a_generator_of_a_gpu_serves_global_draws():
    rng = torch.Generator("cuda").manual_seed(0)
    before = torch.get_rng_state(), torch.cuda.get_rng_state()

    def draw(rng):
        with as_global_generator(rng):
            return [torch.rand(3, device="cuda").cpu(), torch.rand(3)]

    first, second = draw(rng), draw(rng)
    again = draw(torch.Generator("cuda").manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    after = torch.get_rng_state(), torch.cuda.get_rng_state()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.gpu
@ours
def test_our_networks_draw_on_a_gpu(spec, shape):
    rng = torch.Generator("cuda").manual_seed(0)
    networks = build_networks(spec, shape, 0, (), torch.Generator())
    generator, discriminator = (network.to("cuda") for network in networks)
    if isinstance(discriminator, RedrawingDiscriminator):
        discriminator.redraw(rng)
    z, c = torch.randn(4, 64, generator=rng, device="cuda"), torch.zeros(4, 0, device="cuda")
    assert discriminator(generator(z, c, rng), c, rng).isfinite().all()
