"""Learning noisy contingency tables: probabilities of levels, and a generator that fits them."""

import numpy as np
import pytest
import torch
from torch import nn

from synthgan import FCN
from synthgan.encoding import CellGroup
from synthgan.gan.heads import CellHead, from_network_scale
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.level_probabilities import LevelProbabilities
from synthgan.gan.networks.specs import build_networks
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.marginal_step import MarginalData, MarginalStep, start_at_shares
from synthgan.gan.training.optimizer import Optimizer
from synthgan.gan.training.state import TrainState, copy_network
from synthgan.privacy.estimates import Marginals, Triples

# Bins with a place and gaps; three levels; a flag with gaps; a flag; one level with gaps; nothing.
GROUPS = [
    CellGroup("one_hot", (0, 1, 2), presence=4, column="number"),
    CellGroup("uniform", (3,), presence=4, column="number"),
    CellGroup("binary", (4,), column="number"),
    CellGroup("one_hot", (5, 6, 7), column="grade"),
    CellGroup("binary", (8,), presence=9, column="flag"),
    CellGroup("binary", (9,), column="flag"),
    CellGroup("binary", (10,), column="sex"),
    CellGroup("binary", (11,), column="only"),
    CellGroup("uniform", (12,), presence=11, column="only"),
    CellGroup("null", (13, 14, 15)),
]
SIZES = [4, 3, 3, 2, 2]
SHAPE = (4, 4)
NOTHING = KnownCells([])
N = 20_000


def free(n):
    return torch.zeros(n, 0)


def frequencies(cells):
    """Return how often each level is in generated cells."""
    c = cells.flatten(1) > 128
    there, has_flag = c[:, 4], c[:, 9]
    levels = [
        *(c[:, i] for i in (0, 1, 2)), ~there, *(c[:, i] for i in (5, 6, 7)),
        has_flag & ~c[:, 8], has_flag & c[:, 8], ~has_flag, ~c[:, 10], c[:, 10],
        c[:, 11], ~c[:, 11],
    ]  # fmt: skip
    return torch.stack(levels, 1).float().mean(0)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_probabilities_are_the_frequencies_of_the_head():
    probabilities = LevelProbabilities(GROUPS, NOTHING)
    assert probabilities.sizes == SIZES
    raw = torch.randn(1, *SHAPE, generator=rng())
    expected = probabilities(raw, free(1))[0]
    assert all(part.sum().item() == pytest.approx(1, abs=1e-5) for part in expected.split(SIZES))
    cells = from_network_scale(CellHead(GROUPS)(raw.expand(N, *SHAPE), rng(1)))
    assert (frequencies(cells) - expected).abs().max() < 0.02


def test_shares_come_back_from_raw_outputs():
    probabilities = LevelProbabilities(GROUPS, NOTHING)
    shares = torch.cat([torch.rand(n, generator=rng(n)) + 0.05 for n in SIZES])
    shares = torch.cat([part / part.sum() for part in shares.split(SIZES)])
    raw = probabilities.raw_of(shares, 16)
    found = probabilities(raw.reshape(1, *SHAPE), free(1))[0]
    assert torch.allclose(found, shares, atol=1e-5)
    # No share is so small that it can never be learnt again.
    raw = probabilities.raw_of(torch.zeros(sum(SIZES)), 16)
    assert raw.isfinite().all()


def test_known_cells_are_certain_and_have_no_gradient():
    known = KnownCells([g for g in GROUPS if g.column in ("number", "grade", "sex")])
    probabilities = LevelProbabilities(GROUPS, known)
    grids = CellHead(GROUPS)(torch.randn(200, *SHAPE, generator=rng()), rng(1))
    c = known.read(grids, torch.ones(200, 16, dtype=torch.bool))
    raw = torch.randn(200, *SHAPE, generator=rng(2), requires_grad=True)
    found = probabilities(known.force(raw, c), c)
    number, grade, flag, sex, _ = found.split(SIZES, dim=1)
    cells = from_network_scale(grids).flatten(1) > 128
    assert (number[:, :3] == cells[:, :3]).all()
    assert (number[:, 3] == ~cells[:, 4]).all()
    assert (grade == cells[:, 5:8]).all()
    assert (sex[:, 1] == cells[:, 10]).all()
    assert ((flag > 0) & (flag < 1)).all()
    (found * torch.rand(found.shape, generator=rng(3))).sum().backward()
    moved = raw.grad.abs().sum(0).flatten() > 0
    assert moved.nonzero()[:, 0].tolist() == [8, 9, 11]


def test_uniform_cells_are_uniform_whatever_the_output_and_are_not_learnt():
    groups = [
        CellGroup("uniform", (0, 2)),
        CellGroup("continuous", (1,)),
        CellGroup("binary", (3,)),
    ]
    raw = torch.full((N, 2, 2), 5.0, requires_grad=True)
    grid = CellHead(groups)(raw, rng())
    cells = from_network_scale(grid).flatten(1).detach()
    for cell in (0, 2):
        shares = torch.histc(cells[:, cell], 10, 1, 255) / N
        assert (shares - 0.1).abs().max() < 0.01
    assert torch.corrcoef(cells[:, [0, 2]].T)[0, 1].abs() < 0.03
    assert cells[:, 1].min() > 254
    grid.square().sum().backward()
    moved = raw.grad.abs().sum(0).flatten() > 0
    assert moved.tolist() == [False, True, False, True]
    assert torch.equal(CellHead(groups)(raw, rng()), grid)  # the generator alone draws them


def test_uniform_cells_may_be_missing():
    raw = torch.randn(500, *SHAPE, generator=rng())
    cells = from_network_scale(CellHead(GROUPS)(raw, rng(1))).flatten(1)
    there = cells[:, 4] > 128
    assert (cells[there, 3] > 0.9).all()
    assert cells[~there, 3].abs().max() < 1e-3


# Two columns of levels, the second of which follows the first; and a flag that is both's parity.
LEVELS = [
    CellGroup("one_hot", (0, 1, 2), column="a"), CellGroup("one_hot", (3, 4, 5), column="b"),
    CellGroup("binary", (6,), column="c"), CellGroup("null", (7, 8), column=None),
]  # fmt: skip
A = np.array([0.5, 0.3, 0.2])
B_OF_A = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]])
C_OF_A = np.array([0.2, 0.8, 0.2])


def planted(triples=()):
    """Return exact tables of a, b and c."""
    joint = A[:, None] * B_OF_A
    with_c = np.column_stack([A * (1 - C_OF_A), A * C_OF_A])
    b_c = B_OF_A.T @ with_c
    single = np.concatenate([A, joint.sum(0), with_c.sum(0)])
    pairs = np.zeros((8, 8))
    for (i, j), table in {(0, 3): joint, (0, 6): with_c, (3, 6): b_c}.items():
        at = slice(i, i + table.shape[0]), slice(j, j + table.shape[1])
        pairs[at], pairs[at[::-1]] = table, table.T
    return Marginals(
        (3, 3, 2), single, np.full(8, 1e6), np.arange(8), pairs, 1e6 * (pairs > 0), triples
    )


def step_of(marginals, groups=LEVELS, shape=(3, 3), known=NOTHING, n=200, masked=0.0):
    network = FCN(width=32, depth=0, latent_dim=8)
    generator, _ = build_networks(network, shape, known.n_conditions, groups, rng())
    probabilities = LevelProbabilities(groups, known)
    start_at_shares(generator, probabilities, marginals.single)
    optimizer = Optimizer(generator, (0.9, 0.99))
    optimizer.rate = 0.02
    state = TrainState(
        generator=generator, discriminator=nn.Identity(), average=copy_network(generator),
        generator_optimizer=optimizer, discriminator_optimizer=Optimizer(nn.Identity(), (0, 0.9)),
        rng=rng(1), left=torch.empty(0, dtype=torch.long), sums=torch.zeros(1), batch_size=n,
    )  # fmt: skip
    data = MarginalData(marginals, groups, 1000, torch.device("cpu"))
    sampler = Sampler(CellHead(groups), known, 8, n)
    return MarginalStep(state, sampler, data, masked, 0.9)


def generated(step, n=4000, c=None):
    sampler = step.sampler
    c = sampler.known.none(n, torch.device("cpu")) if c is None else c
    with torch.no_grad():
        return sampler.sample(step.state.average, c, 0).reshape(n, -1) > 128


def levels_of(cells):
    return (
        np.array(cells[:, :3]).argmax(1),
        np.array(cells[:, 3:6]).argmax(1),
        np.array(cells[:, 6]),
    )


def table(x, y, shape):
    found = np.zeros(shape)
    np.add.at(found, (x, y.astype(int)), 1 / len(x))
    return found


def test_a_generator_begins_with_the_shares_of_single_columns():
    generator = step_of(planted()).state.generator
    last = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)][-1]
    found = LevelProbabilities(LEVELS, NOTHING)(last.bias.reshape(1, 3, 3), free(1))[0]
    assert found.detach().numpy() == pytest.approx(planted().single, abs=1e-5)
    start_at_shares(nn.Identity(), LevelProbabilities(LEVELS, NOTHING), planted().single)


def test_planted_dependences_are_learnt():
    step = step_of(planted())
    losses = [step(torch.arange(200)).item() for _ in range(250)]
    assert np.mean(losses[-20:]) < 0.05 * np.mean(losses[:5])
    a, b, c = levels_of(generated(step))
    assert np.abs(table(a, b, (3, 3)) - A[:, None] * B_OF_A).max() < 0.05
    assert table(a, c, (3, 2))[:, 1] / A == pytest.approx(C_OF_A, abs=0.1)


def test_a_dependence_on_two_columns_together_is_learnt_from_triples():
    # c is the parity of two fair flags a and b: no pair of columns tells anything.
    groups = [CellGroup("binary", (i,), column=i) for i in range(3)] + [CellGroup("null", (3,))]
    pairs = np.full((6, 6), 0.25)
    weights = np.kron(1 - np.eye(3), np.ones((2, 2))) * 1e5
    triples = []
    for code in (4, 5):
        shares = np.zeros((6, 6))
        for i in range(2):
            j = i ^ (code - 4)
            shares[i, 2 + j] = shares[2 + j, i] = 0.25
        own = np.zeros((6, 6))
        own[:2, 2:4] = own[2:4, :2] = 1e5
        triples.append(Triples(code, shares, own))
    marginals = Marginals(
        (2, 2, 2), np.full(6, 0.5), np.full(6, 1e5), np.arange(6), pairs, weights, tuple(triples)
    )
    step = step_of(marginals, groups, (2, 2))
    for _ in range(300):
        step(torch.arange(200))
    a, b, c = np.array(generated(step))[:, :3].T
    assert (c == a ^ b).mean() > 0.7


def test_conditions_are_followed():
    known = KnownCells(LEVELS[:1])
    step = step_of(planted(), known=known, masked=0.5)
    for _ in range(250):
        step(torch.arange(200))
    grid = torch.full((3000, 9), -1.0)
    grid[:, 1] = 1.0
    at = torch.zeros(3000, 9, dtype=torch.bool)
    at[:, :3] = True
    a, b, c = levels_of(generated(step, 3000, known.read(grid, at)))
    assert (a == 1).all()
    assert np.bincount(b, minlength=3) / 3000 == pytest.approx(B_OF_A[1], abs=0.12)
    assert c.mean() == pytest.approx(C_OF_A[1], abs=0.15)


def test_the_average_follows_and_the_loss_has_no_gradient():
    step = step_of(planted())
    before = [w.detach().clone() for w in step.state.average.parameters()]
    loss = step(torch.arange(200))
    assert loss.shape == (1,)
    assert not loss.requires_grad
    after = step.state.average.parameters()
    assert any(not torch.equal(x, y) for x, y in zip(before, after, strict=True))


def test_tables_have_a_digest_of_their_own():
    digests = set()
    for value in (0.1, 0.2):
        marginals = planted()
        marginals.pairs[0, 3] = value
        data = MarginalData(marginals, LEVELS, 7, torch.device("cpu"))
        assert len(data) == 7
        digests.add(data.digest())
    assert len(digests) == 2


def few_latents(n_latents=50):
    network = FCN(width=16, depth=0, latent_dim=4, n_latents=n_latents)
    return build_networks(network, (3, 3), 0, LEVELS, rng())[0]


def test_few_noise_vectors_are_distributed_evenly():
    generator = few_latents()
    assert generator.n_latents == 50
    made = [generator(torch.randn(50, 4, generator=rng(seed)), free(50)) for seed in (1, 2)]
    first, second = (x.detach().flatten(1).numpy() for x in made)
    assert len(np.unique(first[:, 0])) == 50  # each once
    assert np.sort(first[:, 0]) == pytest.approx(np.sort(second[:, 0]))
    assert not np.allclose(first, second)  # in another order
    many = generator(torch.randn(500, 4, generator=rng(3)), free(500)).detach()[:, 0, 0]
    assert set(np.unique(many.numpy(), return_counts=True)[1]) <= {9, 10, 11}
    noise = [torch.randn(1, 4, generator=rng(seed)) for seed in range(20)]
    alone = {generator(z, free(1))[0, 0, 0].item() for z in noise}
    assert len(alone) > 5  # one row has any of them
    assert generator(torch.zeros(0, 4), free(0)).shape == (0, 3, 3)


def test_a_batch_of_all_noise_vectors_has_the_exact_error():
    step = step_of(planted())
    halves = step(torch.arange(200))
    assert halves.isfinite()
    step = step_of(planted())
    step.state.generator = generator = few_latents()
    step.generate = generator
    step.sampler = Sampler(CellHead(LEVELS), NOTHING, 4, 50)
    optimizer = Optimizer(generator, (0.9, 0.99))
    optimizer.rate = 0.0
    step.state.generator_optimizer = optimizer
    losses = [step(torch.arange(50)).item() for _ in range(3)]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-4)  # no randomness is left
    soft = step.probabilities(generator(torch.randn(50, 4, generator=rng()), free(50)), free(50))
    joint = (soft.T @ soft / 50).detach().numpy()
    marginals = planted()
    errors = ((joint - marginals.pairs) ** 2 * marginals.pair_weights)[marginals.pair_weights > 0]
    single = (soft.mean(0).detach().numpy() - marginals.single) ** 2 * marginals.single_weights
    entropy = -(soft * soft.log()).sum().item() / 50
    misfit = single.sum() + errors.sum() / 2
    expected = (misfit - 0.02 * len(step.data) * entropy) / marginals.n_measured
    assert losses[0] == pytest.approx(expected, rel=1e-5)


def test_grids_of_many_rows_are_spread_over_the_noise_vectors():
    generator = few_latents()
    sampler = Sampler(CellHead(LEVELS), NOTHING, 4, 9)
    soft = LevelProbabilities(LEVELS, NOTHING)(
        generator(torch.randn(50, 4, generator=rng()), free(50)), free(50)
    )
    expected = soft.mean(0).detach()
    n = 3000  # of each vector 60 rows
    cells = torch.from_numpy(sampler.sample(generator, free(n), 0)).flatten(1)
    shares = (cells[:, :7] > 128).float().mean(0)
    levels = torch.cat([expected[:6], expected[7:]])  # the cell of a binary column is its ON
    # Independent rows would miss by .009; these are wrong by one row of each vector at most.
    assert shares.numpy() == pytest.approx(levels.numpy(), abs=0.004)
