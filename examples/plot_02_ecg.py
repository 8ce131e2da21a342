"""
Electrocardiograms in, electrocardiograms out
=============================================

The thesis' cardiogram experiment: windows of 2025 samples of lead I, learnt by its two presets and
by the default recipe; traces side by side (its Fig. 6.22 and 6.23), losses, and measures.

Run it with a folder of PhysioNet records (``python examples/plot_02_ecg.py ptbdb_lead_i/``); the
hearts are simulated where there is none. ``--minutes 30`` sets how long each of the three learns;
the presets' own 165 and 200 epochs want a GPU.
"""

# %%
# Windows: every second one is learnt, the others judge.

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
told, _ = parser.parse_known_args()
if told.folder:
    cut = windows(read_records(told.folder, leads=("i",)), n_samples=2025)
else:
    cut = SignalWindows(make_ecg(600, random_state=0)[:, None], fs_hz=1000, leads=("i",))
real, holdout = cut[::2], cut[1::2]
print(real)

# %%
# Three models, as long each. The thesis clips at 2 mV and says how much it clips.

fakes, models = {}, {}
for preset in ("thesis-ecg-fcn", "thesis-ecg-cnn", None):
    model = SignalGANSynthesizer(preset, max_time=60 * told.minutes, random_state=0).fit(real)
    name = preset or "default"
    models[name], fakes[name] = model, model.sample(len(holdout))

# %%
# Traces, the thesis' Fig. 6.22 (FCN: noise) and 6.23 (CNN: beats), and the default's.

for fake in fakes.values():
    TraceDisplay.from_windows(holdout.lead("i"), fake.lead("i"), fs_hz=real.fs_hz).plot()

# %%
# Beats laid over each other, of models that make any, and how each learnt.

for name, fake in fakes.items():
    try:
        BeatDisplay.from_windows(holdout.lead("i"), fake.lead("i"), fs_hz=real.fs_hz).plot()
    except DataError as error:
        print(f"{name}: {error}")
    HistoryDisplay(models[name].history_).plot()

# %%
# Measures: fakes beside windows that were not learnt, against a ceiling (those learnt) and a floor
# (random phases).

for name, fake in fakes.items():
    report = evaluate(real.lead("i"), fake.lead("i"), holdout=holdout.lead("i"), fs_hz=real.fs_hz)
    print(name)
    print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())

# %%
# A recording of half a minute, as files that wfdb reads; R peaks as annotations.

with tempfile.TemporaryDirectory() as folder:
    long = models["default"].sample(1, duration_s=30)
    for header in write_records(folder, long, r_peaks=True):
        print(Path(header).read_text())
