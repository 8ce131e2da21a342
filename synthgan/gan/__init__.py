"""Networks, losses, training and sampling of grids.

Independent of records, encoders and measures.
"""

from synthgan.gan.losses import AdversarialLoss, Loss, LossPair
from synthgan.gan.networks.specs import CNN, FCN, CNN1d
from synthgan.gan.training.callbacks import Callback, Progress, SampleGrid
from synthgan.gan.training.checkpoint import Checkpoint
from synthgan.gan.training.config import Adam

__all__ = [
    "CNN",
    "FCN",
    "Adam",
    "AdversarialLoss",
    "CNN1d",
    "Callback",
    "Checkpoint",
    "Loss",
    "LossPair",
    "Progress",
    "SampleGrid",
]
