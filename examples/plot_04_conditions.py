"""
Sample rows with given values
=============================

A model that was fitted with ``condition_on="any"`` generates rows in which some values are given.
All columns can be conditions, alone or together. The page on conditions says what this costs.

The model here is trained on eight columns for 800 steps, so that the example takes seconds. Leave
out ``max_steps`` for a good model.
"""

# %%
# One model for conditions on any column.

import matplotlib.pyplot as plt
import pandas as pd
import torch

from synthgan import TabularGANSynthesizer
from synthgan.datasets import make_clinic

torch.set_num_threads(1)
columns = ["ward", "sex", "age", "height_cm", "weight_kg", "diabetic", "hba1c", "outcome"]
clinic = make_clinic(2000, random_state=0)[columns]
model = TabularGANSynthesizer(condition_on="any", max_steps=800, random_state=0).fit(clinic)

# %%
# A dict applies to every row. Each entry is a value, a range with both ends, or a list of values.

given = {"sex": "female", "age": (2, 6), "outcome": ["recovered", "improved"]}
girls = model.sample(200, conditions=given)
print(girls[["ward", "sex", "age", "height_cm", "outcome"]].head())

# %%
# A DataFrame asks for one row for each of its rows. Its missing cells are free.

wanted = pd.DataFrame(
    {"age": [30, 80, 80], "diabetic": [False, False, True], "hba1c": [None, 5.1, None]}
)
print(model.sample(conditions=wanted)[["age", "sex", "diabetic", "hba1c", "outcome"]])

# %%
# A condition always holds. The model has to learn the rest of the row. The picture shows height
# given the age, of real and of synthetic patients. After 800 steps small children are too tall on
# average, because some of them are generated as adults.

ages = [2, 5, 8, 11, 14, 17, 25, 40, 60, 80]
asked = pd.DataFrame({"age": [age for age in ages for _ in range(100)]})
fake = model.sample(conditions=asked)
figure, axes = plt.subplots(figsize=(6, 4))
real = clinic[clinic["age"] < 90]
axes.plot(real["age"], real["height_cm"], ".", color="0.8", label="real patients")
made = fake.groupby("age")["height_cm"]
axes.errorbar(ages, made.mean(), yerr=made.std(), fmt="o", label="synthetic, mean and sd")
axes.set(xlabel="age asked for", ylabel="height_cm")
axes.legend()
figure.tight_layout()
