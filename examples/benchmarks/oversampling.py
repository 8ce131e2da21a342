"""Teach a classifier rare classes: GANOverSampler and imbalanced-learn's samplers.

    python examples/benchmarks/oversampling.py TRAIN.csv HOLDOUT.csv --target COLUMN

Trains boosted trees and a logistic regression on the training table as it is, with balanced class
weights, and with rows of the rare classes added up to the size of the largest; prints balanced
accuracy and the recall of each class on the holdout, mean over the seeds (and the standard
deviation of the balanced accuracy). Columns of ten distinct values or fewer are levels to SMOTENC.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
import torch
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan import GANOverSampler

FEW_LEVELS = 10
NAMES = ["nothing", "weights", "random", "smote", "smotenc", "gan"]


def resampled(name, X, y, seed, hidden):
    if name in ("nothing", "weights"):
        return X, y
    levels = [column for column in X if X[column].nunique() <= FEW_LEVELS]
    sampler = {
        "random": lambda: RandomOverSampler(random_state=seed),
        "smote": lambda: SMOTE(random_state=seed),
        "smotenc": lambda: SMOTENC(levels, random_state=seed),
        "gan": lambda: GANOverSampler(hidden=hidden, random_state=seed),
    }[name]()
    return sampler.fit_resample(X, y)


def classifiers(name, seed):
    weight = "balanced" if name == "weights" else None
    return {
        "trees": HistGradientBoostingClassifier(class_weight=weight, random_state=seed),
        "logistic": make_pipeline(
            StandardScaler(), LogisticRegression(class_weight=weight, max_iter=2000)
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train")
    parser.add_argument("holdout")
    parser.add_argument("--target", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--samplers", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--hidden", type=float, default=0.3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", FutureWarning)
    train, holdout = pd.read_csv(options.train), pd.read_csv(options.holdout)
    X, y = train.drop(columns=options.target), train[options.target]
    unseen, truth = holdout.drop(columns=options.target), holdout[options.target]
    for name in options.samplers:
        rows = {}
        for seed in options.seeds:
            X_more, y_more = resampled(name, X, y, seed, options.hidden)
            for label, classifier in classifiers(name, seed).items():
                guess = classifier.fit(X_more, y_more).predict(unseen)
                recalls = recall_score(truth, guess, average=None)
                rows.setdefault(label, []).append([balanced_accuracy_score(truth, guess), *recalls])
        for label, figures in rows.items():
            mean, sd = np.mean(figures, axis=0).round(3), np.std(figures, axis=0)[0]
            words = f"{mean[0]:.3f} (sd {sd:.3f}), recalls {mean[1:].tolist()}"
            print(f"{name:8} {label:9} balanced accuracy {words}", flush=True)


if __name__ == "__main__":
    main()
