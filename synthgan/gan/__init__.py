"""Grids to networks and back; knows no tables."""

from synthgan.gan.callbacks import Callback, Progress, SampleGrid
from synthgan.gan.checkpoint import Checkpoint
from synthgan.gan.config import Adam
from synthgan.gan.losses import Loss
from synthgan.gan.networks import CNN, FCN, CNN1d

__all__ = [
    "CNN",
    "FCN",
    "Adam",
    "CNN1d",
    "Callback",
    "Checkpoint",
    "Loss",
    "Progress",
    "SampleGrid",
]
