"""
Fill missing values
===================

`GANImputer` completes rows. One draw keeps the spread of a column and its dependences. Several
draws show the uncertainty (multiple imputation). Their mean has the smallest error.

The model here is trained on seven columns for 800 steps, so that the example takes seconds.
"""

# %%
# Cholesterol is measured less often in young patients, who have lower values. So the mean of the
# measured values is too high.

import matplotlib.pyplot as plt
import numpy as np
import torch

from synthgan import GANImputer, TabularGANSynthesizer
from synthgan.datasets import make_clinic

torch.set_num_threads(1)
clinic = make_clinic(2000, random_state=0)
clinic = clinic[["sex", "age", "height_cm", "weight_kg", "smoker", "systolic_mmhg", "cholesterol"]]
quick = TabularGANSynthesizer(max_steps=800)
imputer = GANImputer(synthesizer=quick, random_state=0).fit(clinic)
print(clinic.isna().sum())

# %%
# One draw, and the mean of ten.

drawn = imputer.transform(clinic)
mean = imputer.set_params(strategy="mean", n_draws=10).transform(clinic)
gaps = clinic["cholesterol"].isna()
figure, axes = plt.subplots(1, 3, figsize=(10, 3.5), sharex=True, sharey=True)
panels = {
    "measured": clinic[~gaps],
    "filled, one draw": drawn[gaps],
    "filled, mean of 10 draws": mean[gaps],
}
for axis, (title, table) in zip(axes, panels.items(), strict=True):
    axis.plot(table["age"], table["cholesterol"], ".", alpha=0.4)
    axis.set(title=title, xlabel="age")
axes[0].set_ylabel("cholesterol")
figure.tight_layout()

# %%
# Several completed tables. Rubin's rules give the standard error of the mean.

tables = imputer.draw(clinic, n_draws=10)
means = np.array([table["cholesterol"].mean() for table in tables])
within = np.mean([table["cholesterol"].var() / len(table) for table in tables])
error = np.sqrt(within + (1 + 1 / len(means)) * means.var(ddof=1))
print(f"measured rows alone: {clinic['cholesterol'].mean():.3f}")
print(f"completed tables:    {means.mean():.3f} +- {error:.3f}")
