"""
Electrocardiograms of twelve leads
==================================

Recordings of 10 s and twelve leads at 500 Hz are learnt, generated, written as PhysioNet records,
and read again with ``wfdb``. Einthoven's relation III = II - I and Goldberger's relations of aVR,
aVL and aVF hold in the synthetic recordings, because only I, II and V1 to V6 are generated.

The example takes less than two minutes on one core. Run it with a folder of PhysioNet records
(``python examples/plot_09_twelve_leads.py ptbdb/``) to learn from those; without a folder, the
recordings are simulated.
"""

# %%
# Recordings of 10 s. The model learns from windows of 2 s, and makes recordings of any length.

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import wfdb
from matplotlib.ticker import MultipleLocator

from synthgan import CNN1d, SignalGANSynthesizer
from synthgan.datasets import make_ecg
from synthgan.io.records import read_records, write_records
from synthgan.io.windows import Recording, SignalWindows, windows
from synthgan.metrics import signals

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
LENGTH_S, WINDOW_S = 10, 2

parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", type=Path, help="PhysioNet records")
parser.add_argument("--steps", type=int, default=1600)
parser.add_argument("--picture", type=Path)
told, _ = parser.parse_known_args()

torch.set_num_threads(1)
if told.folder:
    records = read_records(told.folder, leads=LEADS)
else:
    simulated = make_ecg(200, n_samples=5000, fs_hz=500, leads=LEADS, random_state=0)
    units = ("mV",) * len(LEADS)
    records = [
        Recording(f"r{i}", x, 500.0, LEADS, units, {}, f"p{i}") for i, x in enumerate(simulated)
    ]
long = windows(records, window_s=LENGTH_S)
short = windows(records, window_s=WINDOW_S)
is_test = np.arange(len(short)) % 2 == 1
train, holdout = short[~is_test], short[is_test]
print(f"{len(train)} windows of {train.values.shape[1]} leads for training")

# %%
# Fit, sample, write and read. Files hold whole digital steps, so relations hold to one step there.

network = CNN1d(width=32)  # a third of the default: more steps in the same time
run = {"epochs": 100_000, "max_steps": told.steps}
model = SignalGANSynthesizer(network=network, **run, random_state=0).fit(train)
fake = model.sample(200, duration_s=LENGTH_S)
with tempfile.TemporaryDirectory() as folder:
    write_records(folder, fake[:5], r_peaks=True)
    headers = sorted(Path(folder).glob("*.hea"))
    read = [wfdb.rdrecord(str(path.with_suffix(""))) for path in headers]
print(f"{len(read)} records of {read[0].sig_name} read by wfdb, {read[0].p_signal.shape}")


def relations(leads):
    """Return the largest deviation from the relations between limb leads, in mV."""
    one, two, three, avr, avl, avf = (leads[..., i, :] for i in range(6))
    off = two - one - three, avr + (one + two) / 2, avl - one + two / 2, avf - two + one / 2
    return max(float(np.abs(x).max()) for x in off)


print(f"{model.n_steps_} steps; largest deviation from the relations: "
      f"{relations(np.asarray(fake.values, dtype=np.float64)):.1e} mV as generated, "
      f"{max(relations(x.p_signal.T) for x in read):.1e} mV in files")  # fmt: skip

# %%
# Measures against windows that were not used for training, and correlations between leads.

made = model.sample(len(holdout))
for measure in (signals.amplitudes, signals.spectrum, signals.autocorrelation):
    score = measure(train, made, fs_hz=train.fs_hz, holdout=holdout, random_state=0)
    print(f"{score.name}: {score.value:.3f}, ceiling {score.ceiling:.3f}")


def lead_correlations(x):
    """Return the mean correlation of each pair of leads, (n_leads, n_leads)."""
    return np.mean([np.corrcoef(window) for window in x.values], axis=0)


of_real = lead_correlations(train)
for name, x in (("synthetic", made), ("holdout", holdout)):
    off = np.abs(lead_correlations(x) - of_real)[np.triu_indices(len(LEADS), 1)]
    print(f"correlations between leads, {name}: mean deviation {off.mean():.3f}")

# %%
# The usual layout: 2.5 s of each lead, and lead II below; 25 mm/s and 10 mm/mV.

LAYOUT = (("i", "avr", "v1", "v4"), ("ii", "avl", "v2", "v5"), ("iii", "avf", "v3", "v6"))
NAMES = {"i": "I", "ii": "II", "iii": "III", "avr": "aVR", "avl": "aVL", "avf": "aVF"}


def draw_paper(ax, x: SignalWindows, title: str) -> None:
    """Draw the first recording of x on ECG paper; rows are 2.5 mV apart."""
    t_s = np.arange(x.n_samples) / x.fs_hz
    ax.set(xlim=(0, LENGTH_S), ylim=(-8.8, 1.4), xticks=[], yticks=[], title=title)
    ax.set_aspect(0.4)
    for axis, small, large in ((ax.xaxis, 0.04, 0.2), (ax.yaxis, 0.1, 0.5)):
        axis.set_minor_locator(MultipleLocator(small))
        axis.set_major_locator(MultipleLocator(large))
    ax.grid(which="minor", color="#f6d5d5", linewidth=0.2)
    ax.grid(which="major", color="#eaa9a9", linewidth=0.4)
    ax.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    for row, names in enumerate((*LAYOUT, ("ii",))):
        part_s = LENGTH_S / len(names)
        for i, name in enumerate(names):
            shown = (t_s >= i * part_s) & (t_s < (i + 1) * part_s)
            lead = x.lead(name)[0]
            level = 2.5 * row
            ax.plot(t_s[shown], lead[shown] - np.median(lead) - level, "k", linewidth=0.6)
            label = NAMES.get(name, name.upper())
            ax.text(i * part_s + 0.05, 0.95 - level, label, fontsize=7, fontweight="bold")


figure, axes = plt.subplots(2, figsize=(8, 7.2), layout="constrained")
draw_paper(axes[0], long, "real")
draw_paper(axes[1], fake, "synthetic")
if told.picture:
    figure.savefig(told.picture, dpi=110)
plt.show()
