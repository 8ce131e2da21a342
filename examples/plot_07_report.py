"""
A report on fidelity, usefulness and privacy
============================================

`evaluate` compares synthetic rows with training rows and with holdout rows, which the model has not
seen. It needs no model: the rows may come from any tool.
"""

# %%
# Learn a clinic for 800 steps, which is less than the default, so that there is something to see.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from synthgan import TabularGANSynthesizer, evaluate
from synthgan.datasets import make_clinic
from synthgan.report import ColumnDisplay, CorrelationDisplay, ScoreDisplay

torch.set_num_threads(1)
clinic = make_clinic(3000, random_state=0)
training, holdout = clinic[:1500], clinic[1500:]
model = TabularGANSynthesizer(max_steps=800, random_state=0).fit(training)
fake = model.sample(1500, random_state=0)
report = evaluate(training, fake, holdout=holdout, target="diabetic")
for finding in report.summary():
    print(f"{finding.title} {finding.figure}\n  {finding.meaning}")

# %%
# The whole report is one HTML file. It needs no network and holds no row.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "report.html"
    report.to_html(path)
    print(f"{path.stat().st_size / 1000:.0f} kB")

# %%
# Each picture of it is also available by itself. Correlations of real and of synthetic rows:

figure = plt.figure(figsize=(10, 4), layout="constrained")
CorrelationDisplay.from_frames(holdout, fake).plot(figure)

# %%
# What gives synthetic rows away: columns by their share in the decision of trees that try to tell
# synthetic from real rows.

figure = plt.figure(figsize=(8, 4), layout="constrained")
ScoreDisplay.from_score(report["c2st"]).plot(figure.subplots())

# %%
# One column.

figure = plt.figure(figsize=(7, 3.4), layout="constrained")
ColumnDisplay.from_frames(holdout, fake, "height_cm").plot(figure.subplots())
