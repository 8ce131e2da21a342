"""
A report on fidelity, usefulness and privacy
============================================

Half of a patient table is used for training, the other half is the holdout. The report gives three
figures for the synthetic rows, and shows where they differ from the real rows. The second part does
the same for heart beats.

Run it with the path of the thyroid table and a folder of PhysioNet records
(``python examples/plot_07_report.py thyroid.csv ptbdb_lead_i/``). Without a path the table is
fetched. Without a folder the second part is left out.
"""

# %%
# A table: fit one half, compare with the other half.

import os
import sys
from pathlib import Path

import torch

from synthgan import SignalGANSynthesizer, TabularGANSynthesizer, evaluate
from synthgan.datasets import fetch_thyroid, load_thyroid
from synthgan.io.records import read_records
from synthgan.io.windows import windows
from synthgan.report import ColumnDisplay, ScoreDisplay

torch.set_num_threads(1)
path = next((word for word in sys.argv[1:] if word.endswith(".csv")), os.getenv("THYROID_CSV"))
thyroid = load_thyroid(path) if path else fetch_thyroid()
thyroid = thyroid.sample(frac=1, random_state=0)
real, holdout = thyroid[::2], thyroid[1::2]
model = TabularGANSynthesizer(random_state=0).fit(real)
fake = model.sample(len(real))

report = evaluate(real, fake, holdout=holdout, target="Class", model=model)
for finding in report.summary():
    print(f"{finding.title} {finding.figure}\n  {finding.meaning}")

# %%
# The report as one HTML file without external parts, and as data.

out = Path("reports")
if "sphinx_gallery" not in sys.modules:
    out.mkdir(exist_ok=True)
    report.to_html(out / "thyroid.html")
    report.to_json(out / "thyroid.json")

# %%
# Each figure and each picture is also available by itself.

print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())
ScoreDisplay.from_score(report["c2st"]).plot()
ColumnDisplay.from_frames(holdout, fake, "TSH").plot()

# %%
# Signals: windows of electrocardiograms, with a few minutes of training.

folder = next((word for word in sys.argv[1:] if Path(word).is_dir()), None)
if folder:
    cut = windows(read_records(folder, leads=("i",)), n_samples=2025)
    learnt, unseen = cut[::2], cut[1::2]
    model = SignalGANSynthesizer(max_time="10min", random_state=0).fit(learnt)
    beats = model.sample(len(unseen))
    report = evaluate(learnt.lead("i"), beats.lead("i"), holdout=unseen.lead("i"), fs_hz=cut.fs_hz)
    print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())
    if "sphinx_gallery" not in sys.modules:
        report.to_html(out / "ecg.html")
