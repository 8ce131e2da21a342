"""
Copies, near copies, and new rows
=================================

A model that remembers its training rows gives them away. For every synthetic row, this example
measures the distance to the nearest training row, and to the nearest holdout row. Rows of people
who were learnt must not be nearer than rows of people who were not.
"""

# %%
# Three tables that someone may want to publish: training rows with a little noise, rows of a model,
# and, for comparison, rows of other real people.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from synthgan import TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.metrics import closest_record, membership_inference

torch.set_num_threads(1)
columns = ["age", "height_cm", "weight_kg", "bmi", "stay_days"]
clinic = make_clinic(8000, random_state=0)[columns].dropna()
training, holdout, others = clinic[:2000], clinic[2000:4000], clinic[4000:6000]
rng = np.random.default_rng(0)
noisy = training + rng.normal(0, 0.1, training.shape) * training.std().to_numpy()
model = TabularGANSynthesizer(max_steps=1200, random_state=0).fit(training)
tables = {
    "training rows + noise": noisy,
    "synthgan": model.sample(2000, random_state=0),
    "other people": others,
}

# %%
# Below the diagonal, a row is nearer to a training row than to any holdout row. Noise of a tenth of
# a standard deviation does not hide people: four of five points lie below it.

scaler = StandardScaler().fit(training)
to_training, to_holdout = (
    NearestNeighbors(n_neighbors=1).fit(scaler.transform(table)) for table in (training, holdout)
)
figure, axes = plt.subplots(1, 3, figsize=(12, 4.8), sharex=True, sharey=True, layout="constrained")
for axis, (name, table) in zip(axes, tables.items(), strict=True):
    rows = scaler.transform(table.dropna())
    x, y = (nearest.kneighbors(rows)[0][:, 0] for nearest in (to_holdout, to_training))
    axis.scatter(x, y, 8, np.where(y < x, "#c1121f", "#669bbc"), alpha=0.6, lw=0)
    axis.plot([0.02, 4], [0.02, 4], color="0.3", lw=0.8)
    share = (y < x).mean()
    axis.set(xscale="log", yscale="log", title=f"{name}\n{share:.0%} nearer to a training row")
    axis.set(xlabel="distance to the nearest holdout row", xlim=(0.02, 4), ylim=(0.02, 4))
    axis.set_aspect("equal")
axes[0].set_ylabel("distance to the nearest training row")

# %%
# The same as measures, with intervals. Of an attacker who guesses who was in the training data, the
# AUC is given: 0.5 is guessing.

for name, table in tables.items():
    dcr = closest_record(training, table, holdout=holdout, random_state=0)
    attack = membership_inference(training, table, holdout=holdout, random_state=0)
    print(f"{name:22} DCR share {dcr.value:.3f}   membership inference {attack.value:.3f}")
