"""Few images: what an attack on samples finds out, against what the samples are good for.

    python examples/benchmarks/frontier_images.py [--images 60 150] [--privacy faithful strict]

For each number of training images (scikit-learn's digits, 8 x 8), level of `privacy` and seed a
model is fitted, and

- attack: AUC of the distance to the nearest of 3000 synthetic digits; members are the training
  images, non-members 600 other digits.
- C2ST: five-fold AUC of a random forest that distinguishes 600 synthetic from 600 other digits.
- TSTR, TRTR: accuracy on those other digits of a support vector machine that is trained on the
  synthetic digits, or on the training images.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.svm import SVC

from synthgan import ImageGANSynthesizer

LEVELS = ["faithful", "balanced", "strict"]
SYNTHETIC, NON_MEMBERS = 3000, 600


def measure(n_images, level, seed):
    """Fit a model to so many digits; return the figures of its samples."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    train, non_members = order[:n_images], order[n_images : n_images + NON_MEMBERS]
    unseen = order[n_images + NON_MEMBERS :][:NON_MEMBERS]
    begun = time.process_time()
    model = ImageGANSynthesizer(privacy=level, random_state=seed)
    model.fit(images[train].reshape(-1, 8, 8), digits[train])
    seconds = time.process_time() - begun
    fake, fake_digits = model.sample(SYNTHETIC, return_y=True, random_state=1)
    fake = fake.reshape(SYNTHETIC, -1)

    members = np.concatenate([train, non_members])
    distances = cdist(images[members], fake).min(axis=1)
    both = np.concatenate([images[unseen], fake[: len(unseen)]])
    is_real = np.repeat([1, 0], len(unseen))
    forest = RandomForestClassifier(200, random_state=0)
    odds = cross_val_predict(forest, both, is_real, cv=5, method="predict_proba")[:, 1]
    return {
        "steps": model.n_steps_,
        "attack": roc_auc_score(np.arange(len(members)) < n_images, -distances),
        "C2ST": roc_auc_score(is_real, odds),
        "TSTR": SVC().fit(fake, fake_digits).score(images[unseen], digits[unseen]),
        "TRTR": SVC().fit(images[train], digits[train]).score(images[unseen], digits[unseen]),
        "CPU s": seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", nargs="+", type=int, default=[60, 150])
    parser.add_argument("--privacy", nargs="+", choices=LEVELS, default=LEVELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    options = parser.parse_args()
    if not all(20 <= n <= 900 for n in options.images):
        parser.error(f"--images {options.images} is not allowed; give numbers from 20 to 900.")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for n_images in options.images:
        for level in options.privacy:
            for seed in options.seeds:
                figures = measure(n_images, level, seed)
                said = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
                print(f"{n_images} images, {level}, seed {seed}: {said}", flush=True)


if __name__ == "__main__":
    main()
