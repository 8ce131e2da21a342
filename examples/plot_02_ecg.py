"""
Synthetic electrocardiograms
============================

Windows of two seconds are learnt, each of another simulated patient. The model makes new windows,
and recordings of any length. It is trained for 800 steps here. Leave out ``max_steps`` for a better
model.
"""

# %%
# Learn 2000 windows of lead I at 250 Hz.

import matplotlib.pyplot as plt
import numpy as np
import torch

from synthgan import SignalGANSynthesizer
from synthgan.datasets import make_ecg
from synthgan.io.windows import SignalWindows

torch.set_num_threads(1)
fs_hz = 250
ecg = make_ecg(2000, n_samples=500, fs_hz=fs_hz, random_state=0)
real = SignalWindows(ecg[:, None], fs_hz=fs_hz, leads=("i",))
model = SignalGANSynthesizer(max_steps=800, random_state=0).fit(real)
fake = model.sample(60, random_state=0)
print(fake)

# %%
# Windows on ECG paper: a small square is 40 ms wide and 0.1 mV high.


def draw_on_paper(axis, mv, colour):
    """Draw a trace over the squares of ECG paper."""
    for step_s, step_mv, width in ((0.04, 0.1, 0.3), (0.2, 0.5, 0.8)):
        axis.vlines(np.arange(0, len(mv) / fs_hz + 0.01, step_s), -1, 2, "#f2b8b8", lw=width)
        axis.hlines(np.arange(-1, 2.01, step_mv), 0, len(mv) / fs_hz, "#f2b8b8", lw=width)
    axis.plot(np.arange(len(mv)) / fs_hz, mv, colour, lw=1.1)
    axis.set(xlim=(0, len(mv) / fs_hz), ylim=(-1, 2), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


figure, axes = plt.subplots(4, 2, figsize=(10, 8))
for (left, right), seen, made in zip(axes, real.values, fake.values, strict=False):
    draw_on_paper(left, seen[0], "#1d3557")
    draw_on_paper(right, made[0], "#9d0208")
axes[0, 0].set_title("real")
axes[0, 1].set_title("synthetic")
figure.tight_layout()

# %%
# A recording of eight seconds.

recording = model.sample(1, duration_s=8, random_state=0)
figure, axis = plt.subplots(figsize=(10, 1.9))
draw_on_paper(axis, recording.values[0, 0], "#9d0208")
figure.tight_layout()
