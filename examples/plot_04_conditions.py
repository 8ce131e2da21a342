"""
Ask for the rows you need
=========================

A model that was fitted with ``condition_on="any"`` makes rows in which some values are given: all
columns may be asked, alone or together. See the page on conditions for what this costs.

The model here learns eight columns in 800 steps, so that the example takes seconds; leave
``max_steps`` out for a good one.
"""

# %%
# One model that may be asked for anything.

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
# A dict holds for every row: a value, a range with both ends, or a list of values.

wish = {"sex": "female", "age": (2, 6), "outcome": ["recovered", "improved"]}
girls = model.sample(200, conditions=wish)
print(girls[["ward", "sex", "age", "height_cm", "outcome"]].head())

# %%
# A DataFrame asks for one row for each of its rows. Its missing cells are free.

wanted = pd.DataFrame(
    {"age": [30, 80, 80], "diabetic": [False, False, True], "hba1c": [None, 5.1, None]}
)
print(model.sample(conditions=wanted)[["age", "sex", "diabetic", "hba1c", "outcome"]])

# %%
# What is asked always holds. Whether the rest of the row goes with it is what a model has to learn:
# height given the age, of real patients and of fakes. After 800 steps small children are too tall
# on average, as some of them come out as adults.

ages = [2, 5, 8, 11, 14, 17, 25, 40, 60, 80]
asked = pd.DataFrame({"age": [age for age in ages for _ in range(100)]})
fake = model.sample(conditions=asked)
figure, axes = plt.subplots(figsize=(6, 4))
real = clinic[clinic["age"] < 90]
axes.plot(real["age"], real["height_cm"], ".", color="0.8", label="real patients")
made = fake.groupby("age")["height_cm"]
axes.errorbar(ages, made.mean(), yerr=made.std(), fmt="o", label="fakes of ten ages, mean and sd")
axes.set(xlabel="age that was asked", ylabel="height_cm")
axes.legend()
figure.tight_layout()
