"""Tiny models of signals."""

from synthgan import (
    CNN1d,
    SignalGANSynthesizer,
)
from synthgan.encoding.signals.properties import PROPERTIES

FEW = "ignore:[0-9]+ windows are too few to calibrate samples"
TINY = CNN1d(width=6, latent_dim=8)
FS_HZ, N_SAMPLES = 125.0, 250
rates_bpm = PROPERTIES["heart_rate_bpm"]


def quick(**parameters):
    defaults = {"network": TINY, "max_steps": 2, "batch_size": 16, "random_state": 0}
    return SignalGANSynthesizer(**{**defaults, **parameters})
