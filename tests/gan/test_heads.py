from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from synthgan import GridEncoder
from synthgan.encoding import CellGroup
from synthgan.gan.heads import CellHead, TanhHead, from_network_scale, to_network_scale
from synthgan.refine.critic import cell_features
from tests.frames import frames

GROUPS = [
    CellGroup("one_hot", (0, 5, 2), presence=4),
    CellGroup("continuous", (3,), presence=6),
    CellGroup("binary", (1,)),
    CellGroup("binary", (4,)),
    CellGroup("binary", (6,)),
    CellGroup("null", (7, 8)),
    CellGroup("continuous", (9,)),
    CellGroup("one_hot", (10, 11)),
]


def cells_of(raw, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return from_network_scale(CellHead(GROUPS)(raw, rng))


def test_cells_are_what_their_groups_say():
    cells = cells_of(torch.randn(500, 3, 4) * 3).flatten(1)
    has_level, has_number = cells[:, 4] > 128, cells[:, 6] > 128
    assert 0 < has_level.float().mean() < 1
    levels = cells[:, [0, 5, 2]]
    assert torch.allclose(levels[~has_level], torch.zeros(1), atol=1e-3)
    assert torch.allclose(levels[has_level].sum(1), torch.tensor(257.0), atol=1e-2)
    assert torch.allclose(cells[~has_number, 3], torch.zeros(1), atol=1e-3)
    assert (cells[has_number, 3] >= 0.99).all()
    assert torch.allclose(cells[:, 7:9], torch.zeros(1), atol=1e-3)
    assert ((cells[:, 1] - 1).abs() < 1e-2).logical_or((cells[:, 1] - 255).abs() < 1e-2).all()


def test_a_normal_output_is_uniform():
    cells = cells_of(torch.randn(20_000, 3, 4)).flatten(1)[:, 9]
    shares = torch.histc(cells, 10, 1, 255) / len(cells)
    assert (shares - 0.1).abs().max() < 0.01


def test_levels_are_drawn_as_often_as_the_logits_say():
    raw = torch.zeros(20_000, 3, 4)
    raw[:, 2, 2] = 1.0986  # odds 3 : 1 for cell 10
    raw[:, 0, 1] = -1.0986
    cells = cells_of(raw).flatten(1)
    assert (cells[:, 10] > 128).float().mean().item() == pytest.approx(0.75, abs=0.015)
    assert (cells[:, 1] > 128).float().mean().item() == pytest.approx(0.25, abs=0.015)


def draw(raw, strata=None, seed=0):
    head, rng = CellHead(GROUPS), torch.Generator().manual_seed(seed)
    return from_network_scale(head.show(head.draw(raw, rng, strata))).reshape(raw.shape)


def test_levels_of_a_stratum_are_spread_evenly():
    kinds = torch.randn(3, 3, 4)
    strata = torch.randint(0, 3, (600,))
    cells = draw(kinds[strata], strata).flatten(1)
    assert cells.isfinite().all()
    for stratum, raw in enumerate(kinds.flatten(1)):
        own = cells[strata == stratum] > 128
        n = len(own)
        # Levels 10 and 11 are never missing: their numbers are those asked for, but for rounding.
        asked = raw[[10, 11]].softmax(0) * n
        assert (own[:, [10, 11]].sum(0) - asked).abs().max() <= 1
        assert abs(own[:, 1].sum() - raw[1].sigmoid() * n) <= 1
    assert torch.allclose(cells[:, 7:9], torch.zeros(1), atol=1e-3)


def test_each_row_is_drawn_as_the_logits_say():
    raw = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(3)).expand(4, 3, 4)
    drawn = [draw(raw, torch.tensor([0, 0, 0, 1]), seed)[[0, 3]] for seed in range(2000)]
    drawn = (torch.stack(drawn, 1).flatten(2) > 128).float().mean(1)
    rng = torch.Generator().manual_seed(0)
    alone = from_network_scale(CellHead(GROUPS)(raw[:1].expand(20_000, 3, 4), rng)).flatten(1)
    expected = (alone > 128).float().mean(0)
    known = [0, 1, 2, 4, 5, 6, 10, 11]
    assert torch.allclose(drawn[:, known], expected[known].expand(2, -1), atol=0.045)


def test_what_is_drawn_has_the_shares_of_the_softmax():
    n, raw = 40_000, torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(5)) * 2
    cells = draw(raw.expand(n, 3, 4)).flatten(1) > 128
    flat = raw.flatten()
    for group in ([0, 5, 2], [10, 11]):
        there = cells[:, 4] if group[0] == 0 else torch.ones(n, dtype=torch.bool)
        counts = cells[there][:, group].sum(0)
        assert counts.sum() == there.sum()  # one level each
        expected = flat[group].softmax(0) * there.sum()
        assert chisquare(counts.numpy(), expected.double().numpy(), sum_check=False).pvalue > 1e-3
    for cell in (1, 4, 6):
        expected = n * flat[cell].sigmoid()
        assert abs(cells[:, cell].sum() - expected) < 4 * n**0.5 / 2


def test_extreme_logits_and_those_that_are_no_numbers():
    raw = torch.zeros(50, 3, 4)
    raw[:, 2, 2], raw[:, 2, 3] = 1e30, -1e30  # cells 10 and 11
    cells = draw(raw).flatten(1)
    assert (cells[:, 10] > 254).all()
    assert (cells[:, 11] < 2).all()
    assert draw(torch.full((5, 3, 4), torch.nan)).isnan().any(dim=(1, 2)).all()


def test_features_of_what_is_drawn_are_those_of_the_grids():
    head, rng = CellHead(GROUPS), torch.Generator().manual_seed(0)
    drawn = head.draw(torch.randn(300, 3, 4), rng)
    cells = head.to_cells(head.show(drawn)).numpy()
    assert np.allclose(head.features(drawn), cell_features(cells, GROUPS), atol=1e-3)


def test_a_head_without_levels_draws_its_grid():
    raw = torch.randn(5, 3, 4)
    drawn = TanhHead().draw(raw, None, torch.zeros(5, dtype=torch.long))
    assert torch.equal(TanhHead().show(drawn), raw.tanh().flatten(1))
    assert TanhHead().features(drawn) is None


def test_gradients_reach_every_output_but_null():
    raw = torch.randn(64, 3, 4, requires_grad=True)
    weights = torch.rand(64, 3, 4)  # a one-hot group sums to one: equal weights would cancel
    (CellHead(GROUPS)(raw, torch.Generator().manual_seed(0)) * weights).sum().backward()
    reached = raw.grad.abs().sum(0).flatten() > 0
    assert reached.tolist() == [*[True] * 7, False, False, *[True] * 3]


def straight_through(raw, rng, temperature=0.5):
    """Compute the cells of GROUPS group by group, with gradients by autograd."""

    def uniform(*columns):
        return torch.rand(len(raw), len(columns), generator=rng).clamp(1e-7, 1 - 1e-7)

    flat = raw.flatten(1)
    shares = torch.zeros_like(flat)
    shares[:, [3, 9]] = (flat[:, [3, 9]] / 2**0.5).erf() / 2 + 0.5
    noisy = flat[:, [1, 4, 6]] + uniform(1, 4, 6).logit()
    soft = (noisy / temperature).sigmoid()
    shares[:, [1, 4, 6]] = (noisy > 0).float() + soft - soft.detach()
    gumbel = -(-uniform(10, 11, 0, 5, 2).log()).log()  # groups of fewer levels come first
    for levels, drawn in ([10, 11], gumbel[:, :2]), ([0, 5, 2], gumbel[:, 2:]):
        noisy = flat[:, levels] + drawn
        soft = (noisy / temperature).softmax(dim=1)
        hard = torch.nn.functional.one_hot(noisy.argmax(1), len(levels))
        shares[:, levels] = hard + soft - soft.detach()
    cells = 1 + 254 * shares
    gates = torch.ones_like(cells)
    gates[:, [0, 5, 2]], gates[:, [3]] = shares[:, [4]], shares[:, [6]]
    cells = cells * gates
    cells[:, 7:9] = 0
    return to_network_scale(cells).reshape(raw.shape)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_cells_and_gradients_are_those_of_a_straight_through_estimator(temperature):
    raw = torch.randn(200, 3, 4, generator=torch.Generator().manual_seed(3)) * 2
    weights = torch.randn(200, 3, 4, generator=torch.Generator().manual_seed(4))
    results = []
    for head in (CellHead(GROUPS, temperature), partial(straight_through, temperature=temperature)):
        leaf = raw.clone().requires_grad_()
        cells = head(leaf, torch.Generator().manual_seed(0))
        (cells.square() * weights).sum().backward()
        results.append((cells.detach(), leaf.grad))
    (cells, gradient), (right_cells, right_gradient) = results
    assert torch.allclose(cells, right_cells, atol=1e-5)
    assert torch.allclose(gradient, right_gradient, atol=1e-4)
    assert right_gradient.abs().max() > 0.1


@given(frames(min_rows=5), st.integers(0, 999))
@pytest.mark.filterwarnings("ignore:.*comes back:synthgan.exceptions.DataWarning")
def test_whatever_is_generated_decodes(frame, seed):
    frame = frame.loc[:, [not frame[c].isna().all() for c in frame]]
    if not frame.shape[1]:
        return
    encoder = GridEncoder(min_support=1).fit(frame)
    head = CellHead(encoder.cell_groups_)
    raw = torch.randn(5, *encoder.grid_shape_, generator=torch.Generator().manual_seed(seed)) * 4
    cells = from_network_scale(head(raw, torch.Generator().manual_seed(seed)))
    rows = encoder.inverse_transform(cells.clamp(0, 255).numpy())
    for name in frame:
        if not frame[name].isna().any():
            assert rows[name].dtype == frame[name].dtype
            assert rows[name].notna().all()
        if not pd.api.types.is_numeric_dtype(frame[name]) and frame[name].dtype.kind not in "Mm":
            assert rows[name].dropna().isin(frame[name]).all()


def test_scales_are_inverse():
    cells = torch.arange(256, dtype=torch.uint8)
    x = to_network_scale(cells)
    assert (x.min(), x.max()) == (-1, 1)
    assert torch.allclose(from_network_scale(x), cells.float(), atol=1e-4)
    assert TanhHead()(torch.tensor([100.0])).item() == 1
