"""
Synthetic electrocardiograms
============================

The ECG experiment of the thesis: windows of 2025 samples of lead I. Its two presets and the default
recipe are trained on them. The example draws traces side by side (Fig. 6.22 and 6.23 of the
thesis), losses, and measures.

Run it with a folder of PhysioNet records (``python examples/thesis/ecg.py ptbdb_lead_i/``).
Without a folder, ECGs are simulated. ``--minutes 30`` sets the training time of each of the three
models. The 165 and 200 epochs of the presets need a GPU.
"""

# %%
# Windows: every second one is used for training, the others are the holdout.

import argparse
import tempfile
from pathlib import Path

import torch

from synthgan import SignalGANSynthesizer, evaluate
from synthgan.datasets import make_ecg
from synthgan.exceptions import DataError
from synthgan.io.records import read_records, write_records
from synthgan.io.windows import SignalWindows, windows
from synthgan.report import BeatDisplay, HistoryDisplay, TraceDisplay

torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument("folder", nargs="?", help="of records")
parser.add_argument("--minutes", type=float, default=1.0, help="for each model")
options, _ = parser.parse_known_args()
if options.folder:
    cut = windows(read_records(options.folder, leads=("i",)), n_samples=2025)
else:
    cut = SignalWindows(make_ecg(600, random_state=0)[:, None], fs_hz=1000, leads=("i",))
real, holdout = cut[::2], cut[1::2]
print(real)

# %%
# Three models with the same training time. The thesis presets clip at 2 mV and report how much they
# clip.

fakes, models = {}, {}
for preset in ("thesis-ecg-fcn", "thesis-ecg-cnn", None):
    model = SignalGANSynthesizer(preset, max_time=60 * options.minutes, random_state=0).fit(real)
    name = preset or "default"
    models[name], fakes[name] = model, model.sample(len(holdout))

# %%
# Traces, as Fig. 6.22 (FCN: noise) and 6.23 (CNN: beats) of the thesis, and those of the default.

for fake in fakes.values():
    TraceDisplay.from_windows(holdout.lead("i"), fake.lead("i"), fs_hz=real.fs_hz).plot()

# %%
# Heart beats drawn over each other, for models that generate any, and the losses of each model.

for name, fake in fakes.items():
    try:
        BeatDisplay.from_windows(holdout.lead("i"), fake.lead("i"), fs_hz=real.fs_hz).plot()
    except DataError as error:
        print(f"{name}: {error}")
    HistoryDisplay(models[name].history_).plot()

# %%
# Measures: synthetic windows compared with the holdout. The ceiling is the training windows, the
# floor is windows with random phases.

for name, fake in fakes.items():
    report = evaluate(real.lead("i"), fake.lead("i"), holdout=holdout.lead("i"), fs_hz=real.fs_hz)
    print(name)
    print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())

# %%
# A recording of half a minute, written as files that wfdb reads, with R peaks as annotations.

with tempfile.TemporaryDirectory() as folder:
    long = models["default"].sample(1, duration_s=30)
    for header in write_records(folder, long, r_peaks=True):
        print(Path(header).read_text())
