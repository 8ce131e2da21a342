"""A generator begins with numbers as widely spread as those of its training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from synthgan import FCN
from synthgan.encoding import GridEncoder
from synthgan.gan.first_outputs import begin_near
from synthgan.gan.heads import CellHead, TanhHead, from_network_scale
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.networks.specs import build_networks
from synthgan.gan.sampling import Sampler

CPU = torch.device("cpu")


def rows(n: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "zero": np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n)),
            "lacking": np.where(rng.random(n) < 0.8, np.nan, rng.normal(size=n)),
            "sex": rng.choice(["f", "m"], n, p=[0.9, 0.1]),
            "ward": rng.choice([*"abcdef"], n, p=[0.6, 0.2, 0.1, 0.05, 0.03, 0.02]),
        }
    )


def first_rows(begins: bool, head: type = CellHead) -> pd.DataFrame:
    """Return rows of a generator that has learnt nothing."""
    frame = rows()
    encoder = GridEncoder().fit(frame)
    grids, groups = encoder.encode(frame, warn=False), encoder.cell_groups_
    shape, rng = grids.shape[1:], torch.Generator().manual_seed(0)
    generator, _ = build_networks(FCN(width=128, depth=2), shape, 0, groups, rng)
    sampler = Sampler(head(groups) if head is CellHead else head(), KnownCells([], CPU), 64, 1)
    before = [p.clone() for p in generator.parameters()]
    if begins:
        begin_near(generator, sampler, grids, groups, rng)
    if head is TanhHead:
        assert all(map(torch.equal, before, generator.parameters()))
        return frame
    with torch.no_grad():
        made = sampler.make(generator.forward, torch.zeros(3000, 0), rng)
    return encoder.decode(from_network_scale(made).numpy())


def test_numbers_begin_as_they_are_distributed() -> None:
    real, made = rows(), first_rows(begins=True)
    assert made["x"].std() == pytest.approx(real["x"].std(), rel=0.1)
    assert made["lacking"].std() == pytest.approx(real["lacking"].std(), rel=0.15)
    assert (made["zero"] == 0).mean() == pytest.approx(0.7, abs=0.1)


def test_without_it_they_do_not_and_other_heads_stay() -> None:
    made = first_rows(begins=False)
    assert made["x"].std() < 0.7
    first_rows(begins=True, head=TanhHead)
