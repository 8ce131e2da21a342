"""Runs of a few steps on a few grids of noise."""

import numpy as np
import torch

from synthgan import FCN, Adam, Loss
from synthgan.gan.heads import TanhHead
from synthgan.gan.known_cells import KnownCells
from synthgan.gan.sampling import Sampler
from synthgan.gan.training.config import TrainConfig
from synthgan.gan.training.data import GridData
from synthgan.gan.training.trainer import Trainer

CPU = torch.device("cpu")
SAMPLER = Sampler(TanhHead(), KnownCells([]), latent_dim=3)


def config(**changes):
    defaults = {
        "n_epochs": 2, "batch_size": 8, "optimizer": Adam(), "loss": Loss(), "seed": 0,
    }  # fmt: skip
    return TrainConfig(**{**defaults, **changes})


def grids(n=30, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 3), dtype=np.uint8)


def train(callbacks=(), loss=None, n=30, networks=None, real=None, **changes):
    torch.manual_seed(0)
    generator, discriminator = networks or FCN(width=8, depth=1).build((3, 3), 0, 3)
    data = GridData(grids(n) if real is None else real, None, (), CPU)
    settings = config(**changes, **({"loss": loss} if loss else {}))
    return Trainer(settings, SAMPLER, callbacks).fit(generator, discriminator, data)
