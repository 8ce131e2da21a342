"""
Rare classes
============

`GANOverSampler` generates variants of real rows of a rare class, until that class has as many rows
as the frequent one. It is a step of imbalanced-learn's pipelines. Class weights cost nothing and
are often as good. Try them first.

The model here is trained for 300 steps only, so that the example takes seconds.
"""

# %%
# One patient in sixteen gets worse.

import matplotlib.pyplot as plt
import torch
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import recall_score

from synthgan import GANOverSampler, TabularGANSynthesizer
from synthgan.datasets import make_clinic

torch.set_num_threads(1)


def features_and_target(clinic):
    numbers = clinic.select_dtypes(["number", "bool"]).astype(float)
    return numbers, clinic["outcome"] == "worse"


X, y = features_and_target(make_clinic(2000, random_state=0))
unseen, truth = features_and_target(make_clinic(10_000, random_state=1))
print(f"{y.mean():.1%} of the rows")

# %%
# Four ways to train on them.

trees = HistGradientBoostingClassifier(random_state=0)
quick = TabularGANSynthesizer(max_steps=300)
models = {
    "nothing": trees,
    "class_weight": HistGradientBoostingClassifier(class_weight="balanced", random_state=0),
    "RandomOverSampler": make_pipeline(RandomOverSampler(random_state=0), trees),
    "GANOverSampler": make_pipeline(GANOverSampler(synthesizer=quick, random_state=0), trees),
}
recalls = {}
for name, model in models.items():
    guess = model.fit(X, y).predict(unseen)
    recalls[name] = [recall_score(truth, guess, pos_label=label) for label in (False, True)]
    print(f"{name:18} balanced accuracy {sum(recalls[name]) / 2:.3f}")

# %%
# Left: the real rows of the rare class, and the variants that were added. Right: the recall of the
# rare class rises, and the recall of the frequent class falls.

resampled, _ = GANOverSampler(synthesizer=quick, random_state=0).fit_resample(X, y)
added, rare_rows = resampled[len(X) :], X[y]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.scatter(X["age"], X["weight_kg"], 5, "0.88", label="others")
left.scatter(added["age"], added["weight_kg"], 9, "#f4a261", alpha=0.7, lw=0, label="added")
left.scatter(rare_rows["age"], rare_rows["weight_kg"], 22, "#9d0208", label="real, 'worse'")
left.set(xlabel="age", ylabel="weight_kg")
left.legend()
for name, (frequent, rare) in recalls.items():
    right.scatter(frequent, rare, 90)
    right.annotate(name, (frequent, rare), textcoords="offset points", xytext=(9, -4))
right.set(xlabel="recall of the others", ylabel="recall of 'worse'")
right.margins(x=0.45, y=0.15)
