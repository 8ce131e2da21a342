"""
Tables that belong together
===========================

Patients have stays in a hospital. One model learns both tables, and generates patients with their
stays: the number of stays, their order in time and the keys fit together.

The model here is trained on 1000 patients for 100 epochs, so that the example takes a minute. Leave
out ``epochs`` for a good model.
"""

# %%
# Two tables, and the relation between them. The synthetic keys are new.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from synthgan import Relation, RelationalGANSynthesizer
from synthgan.datasets import make_hospital

torch.set_num_threads(1)
hospital = make_hospital(1000, random_state=0)
real = {name: hospital[name] for name in ("patients", "stays")}
relation = Relation("stays", "patient_id", "patients", order="admitted")
model = RelationalGANSynthesizer(
    [relation], condition_on={"patients": ["sex", "birth_date"]}, epochs=100, random_state=0
).fit(real)
fake = model.sample(1000)
for name, table in fake.items():
    print(f"{len(table)} {name}")
    print(table.head(4).to_string(index=False))
assert fake["stays"]["patient_id"].isin(fake["patients"]["patient_id"]).all()

# %%
# The number of stays depends on the age of the patient, and each stay on the one before. Both are
# dependences between rows, which a model of one table cannot learn.


def number_of_stays(tables):
    """Return the age of each patient, and the number of stays."""
    patients = tables["patients"].set_index("patient_id")
    counts = tables["stays"]["patient_id"].value_counts().reindex(patients.index, fill_value=0)
    age = (pd.Timestamp("2018-01-01") - patients["birth_date"]) / pd.Timedelta(days=365.25)
    return age, counts


def repeats(tables):
    """Return how often a diagnosis follows itself, by diagnosis."""
    stays = tables["stays"].sort_values(["patient_id", "admitted"])
    before = stays.groupby("patient_id")["diagnosis"].shift()
    same = (stays["diagnosis"] == before)[before.notna()]
    return same.groupby(before[before.notna()]).mean()


figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
bins = np.arange(0, 101, 20)
for shift, (label, tables) in enumerate({"real": real, "synthetic": fake}.items()):
    age, counts = number_of_stays(tables)
    means = counts.groupby(pd.cut(age, bins), observed=False).mean()
    left.plot(bins[:-1] + 10, means, "o-", label=label)
    shares = repeats(tables)
    right.barh(np.arange(len(shares)) + 0.4 * shift, shares, 0.4, label=label)
    right.set_yticks(np.arange(len(shares)) + 0.2, shares.index)
left.set(xlabel="age", ylabel="mean number of stays", ylim=(0, None))
right.set(xlabel="share of stays followed by the same diagnosis")
left.legend()
figure.tight_layout()

# %%
# Patients with given values, and all that belongs to them.

given = {"sex": "female", "birth_date": ("1938-01-01", "1958-01-01")}
women = model.sample(200, conditions={"patients": given})
print(women["patients"][["sex", "birth_date"]].describe())
print(women["stays"]["diagnosis"].value_counts())
