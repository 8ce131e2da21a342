"""The first outputs of a generator: numbers as widely spread as those of the training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from synthgan.encoding.groups import OFF, ON, CellGroup
from synthgan.gan.heads import CellHead
from synthgan.gan.networks.layers import FlatGenerator
from synthgan.gan.networks.protocol import with_rng
from synthgan.gan.sampling import Sampler

__all__ = ["begin_near"]

_N_FIRST = 2048  # outputs whose mean and spread are set
_LEAST_SHARE = 1e-3  # whose normal score is used
_FEWEST_VALUES, _LEAST_SPREAD = 10, 0.3


def begin_near(
    generator: nn.Module,
    sampler: Sampler,
    grids: np.ndarray,
    groups: Sequence[CellGroup],
    rng: torch.Generator,
) -> None:
    """Set the last layer so that continuous cells begin as they are distributed in training grids.

    Their outputs get the mean and the standard deviation of the cells' normal scores. From torch's
    first weights, they begin with half of that spread; a short run, of a table of few people, does
    not widen them. Changes nothing of networks other than those of `FCN`.

    Parameters
    ----------
    generator : Module
        Newly built, on the CPU.
    sampler : Sampler
        With a `CellHead`; nothing is changed for other heads.
    grids : ndarray of shape (n, *shape)
        Some of the training grids, cells 0..255.
    groups : sequence of CellGroup
    rng : torch.Generator

    References
    ----------
    P. Kraehenbuehl et al. (2016), Data-dependent initializations of convolutional neural networks,
    arXiv 1511.06856.
    """
    body = generator.body if isinstance(generator, FlatGenerator) else None
    last = body[-1] if isinstance(body, nn.Sequential) else None
    if not isinstance(last, nn.Linear) or not isinstance(sampler.head, CellHead):
        return
    cells = torch.from_numpy(grids.reshape(len(grids), -1)).to(torch.float32)
    cpu = torch.device("cpu")
    c = sampler.known.none(_N_FIRST, cpu)
    with torch.no_grad():
        z = torch.randn(_N_FIRST, sampler.latent_dim, generator=rng)
        raw = with_rng(generator)(z, c, rng=rng).flatten(1)
        mean, gain, found = _wanted(cells, groups, raw.std(dim=0))
        weight, bias = last.weight, last.bias
        bias.copy_(torch.where(found, mean - (raw.mean(dim=0) - bias) * gain, bias))
        weight.mul_(gain[:, None])


def _wanted(
    cells: Tensor, groups: Sequence[CellGroup], spread: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of each output, by how much its weights grow, and whether they change."""
    mean, gain = torch.zeros_like(spread), torch.ones_like(spread)
    found = torch.zeros(len(spread), dtype=torch.bool)
    for group in groups:
        own = cells[:, list(group.cells)]
        if group.presence is not None:
            own = own[cells[:, group.presence] > (OFF + ON) / 2]
        if group.kind != "continuous" or len(own) < _FEWEST_VALUES:
            continue
        at = torch.tensor(group.cells)
        shares = ((own - OFF) / (ON - OFF)).clamp(_LEAST_SHARE, 1 - _LEAST_SHARE)
        scores = torch.special.ndtri(shares)
        mean[at] = scores.mean(dim=0)
        gain[at] = scores.std(dim=0).clamp(min=_LEAST_SPREAD) / spread[at].clamp(min=1e-6)
        found[at] = True
    return mean, gain, found
