"""Pulse waves, breathing and brain waves: measures of the default recipe, and a picture.

``python examples/benchmarks/biosignals.py --steps 500 --picture biosignals.png`` simulates 300
persons of each kind, fits the default recipe, and compares as many synthetic windows with 300 other
persons. The measures of waves see 0.5 to 40 Hz and lags of 1 s; breathing is slower, and measured
as if played ten times as fast.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from synthgan import SignalGANSynthesizer
from synthgan.datasets import make_biosignal
from synthgan.metrics import signals

KINDS = {  # Hz, times as fast, seconds shown, unit
    "ppg": (100.0, 1, 8, "pulse"),
    "respiration": (25.0, 10, 40, "breath"),
    "eeg": (200.0, 1, 4, "uV"),
}
MEASURES = (
    signals.amplitudes,
    signals.spectrum,
    signals.autocorrelation,
    signals.signal_c2st,
    signals.signal_coverage,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--steps", type=int, help="default: those of the recipe")
    parser.add_argument("--persons", type=int, default=300)
    parser.add_argument("--picture", type=Path)
    told = parser.parse_args()
    torch.set_num_threads(1)
    figure, axes = plt.subplots(
        2, len(told.kinds), figsize=(3.2 * len(told.kinds), 4.2), layout="constrained",
        sharey="col", squeeze=False,
    )  # fmt: skip
    for i, kind in enumerate(told.kinds):
        fs_hz, faster, shown_s, unit = KINDS[kind]
        real, holdout = (make_biosignal(kind, told.persons, random_state=seed) for seed in (0, 1))
        model = SignalGANSynthesizer(fs_hz=fs_hz, max_steps=told.steps, random_state=0).fit(real)
        fake = model.sample(told.persons)
        scores = [
            measure(real, fake, fs_hz=faster * fs_hz, holdout=holdout, random_state=0)
            for measure in MEASURES
        ]
        found = ", ".join(
            f"{x.name} {x.value:.3f} (ceiling {x.ceiling:.3f}, floor {x.floor:.3f})" for x in scores
        )
        print(f"{kind}, {model.n_steps_} steps: {found}", flush=True)
        for ax, x, name in zip(axes[:, i], (real, fake), ("real", "synthetic"), strict=True):
            distance = 1.2 * np.ptp(real[:4], axis=1).max()
            t_s = np.arange(x.shape[1]) / fs_hz
            for row, window in enumerate(x[:4]):
                ax.plot(t_s, window - row * distance, linewidth=0.7)
            ax.set(title=f"{kind}, {name}", xlim=(0, shown_s), xlabel="s", yticks=[], ylabel=unit)
    if told.picture:
        figure.savefig(told.picture, dpi=80)


if __name__ == "__main__":
    main()
