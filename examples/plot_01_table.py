"""
Real and synthetic patients
===========================

A clinic of 2000 simulated admissions is learnt, and as many synthetic admissions are drawn. The
picture shows dependences between columns: they are what a synthesizer has to learn.
"""

# %%
# Learn the table. Columns have dates, labels, whole numbers, decimals and gaps.

import matplotlib.pyplot as plt
import torch

from synthgan import TabularGANSynthesizer, evaluate
from synthgan.datasets import make_clinic

torch.set_num_threads(1)
clinic = make_clinic(2500, random_state=0)
training, holdout = clinic[:2000], clinic[2000:]
model = TabularGANSynthesizer(random_state=0).fit(training)
fake = model.sample(2000, random_state=0)
print(fake.head(3).T)

# %%
# Three pairs of columns, each coloured by a third column. Left to right: children grow; weight
# follows height, and older people are heavier; long-term blood sugar (HbA1c) is high in diabetics.

pairs = [
    ("age", "height_cm", "sex"),
    ("height_cm", "weight_kg", "age"),
    ("age", "hba1c", "diabetic"),
]
figure, axes = plt.subplots(2, 3, figsize=(11, 6.5), sharex="col", sharey="col")
for row, (name, table) in zip(axes, {"real": training, "synthetic": fake}.items(), strict=True):
    for axis, (x, y, colour) in zip(row, pairs, strict=True):
        shade = (table[colour] == "female" if colour == "sex" else table[colour]).astype(float)
        most = 1.3 * shade.max()  # without the light end of the colours
        axis.scatter(table[x], table[y], 7, shade, cmap="plasma", vmax=most, alpha=0.5, lw=0)
        axis.set(title=f"{name}: colour is {colour}", ylabel=y)
for axis, (x, _, _) in zip(axes[1], pairs, strict=True):
    axis.set_xlabel(x)
figure.tight_layout()

# %%
# The same in figures. Each measure has a ceiling (other real rows) and a floor (shuffled columns).

report = evaluate(training, fake, holdout=holdout, sections=["fidelity"])
print(report.to_frame()[["value", "ceiling", "floor"]].round(3).to_string())
