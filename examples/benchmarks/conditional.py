"""What conditions cost, and what they give: shares, fidelity given a class, rows completed.

    python examples/benchmarks/conditional.py TRAIN.csv HOLDOUT.csv --target COLUMN

Fits one model without conditions, one with ``condition_on=[target]`` and one with ``"any"`` (kept
in the folder ``--out``, and read from there when run again), and prints

- shares: how far the target's shares of free samples are from those of the training rows;
- given: C2ST of rows sampled given each class against unseen rows of the class, beside rows of
  that class among free samples, and training rows of it;
- completed: C2ST of unseen rows of which half of the cells (and those that hold what the model has
  not learnt) were hidden and filled in again, against other unseen rows;
- free: what free samples score (with ``--scorer``, as in ``tabular.py``).
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import synthgan
from synthgan import TabularGANSynthesizer

MODES = ("none", "target", "any")
SHARE_ROWS, SHARE_SAMPLES = 20_000, 3
REPEATS = 5
FEWEST_ROWS = 5  # GridEncoder's min_support


def c2st(real, fake, seed=0):
    """Five-fold AUC of boosted trees that tell fake from real rows, as many of each."""
    n = min(len(real), len(fake), 5000)
    X = pd.concat([real.sample(n, random_state=seed), fake.sample(n, random_state=seed)])
    is_number = pd.api.types.is_numeric_dtype
    X = X.apply(lambda column: column if is_number(column) else pd.factorize(column)[0])
    y = np.arange(2 * n) < n
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    trees = HistGradientBoostingClassifier(random_state=seed)
    odds = cross_val_predict(trees, X.to_numpy(float), y, cv=folds, method="predict_proba")
    return roc_auc_score(y, odds[:, 1])


def fitted(mode, train, target, seed, out):
    """Return the model of a mode, fitted or read."""
    path = out / f"{mode}-{seed}.synthgan"
    if not path.exists():
        condition_on = {"none": None, "target": [target], "any": "any"}[mode]
        model = TabularGANSynthesizer(condition_on=condition_on, random_state=seed)
        model.fit(train).save(path)
    return synthgan.load(path)


def print_shares(mode, model, train, target):
    real = train[target].value_counts(normalize=True)
    for seed in range(SHARE_SAMPLES):
        fake = model.sample(SHARE_ROWS, random_state=seed)[target].value_counts(normalize=True)
        off = 100 * (fake.reindex(real.index, fill_value=0) - real)
        print(
            f"shares {mode:7} sample {seed}: off by", off.round(2).to_dict(), "points", flush=True
        )


def print_given(mode, model, train, holdout, target, free):
    """C2ST class by class, the mean of a few samples; rare classes have few rows to tell."""
    for label in sorted(holdout[target].unique()):
        real = holdout[holdout[target] == label].drop(columns=target)
        other = train[train[target] == label].drop(columns=target)
        same = free[free[target] == label].drop(columns=target)
        n, figures = len(real), {}
        draws = [model.sample(n, {target: label}, random_state=i) for i in range(REPEATS)]
        given = [c2st(real, draw.drop(columns=target), i) for i, draw in enumerate(draws)]
        figures["given"] = np.mean(given)
        filtered = [c2st(real, same.sample(min(n, len(same)), random_state=i), i) for i in range(5)]
        figures["filtered"] = np.mean(filtered)
        figures["training rows"] = np.mean([c2st(real, other, i) for i in range(REPEATS)])
        print(
            f"given {mode:7} {label} ({n} rows):",
            *(f"{name} {value:.3f}" for name, value in figures.items()),
            flush=True,
        )


def not_learnt(model, train, rows):
    """Tell which cells `sample` would refuse: numbers far beyond the learnt range, rare levels."""
    refused = pd.DataFrame(False, index=rows.index, columns=rows.columns)
    for name, column in rows.items():
        if name in model.encoder_.limits_:
            low, high = model.encoder_.limits_[name]
            reach = 0.1 * (high - low)
            refused[name] = (column < low - reach) | (column > high + reach)
        else:
            counts = train[name].value_counts()
            refused[name] = ~column.isin(counts.index[counts >= FEWEST_ROWS])
    return refused


def print_completed(mode, model, train, holdout):
    """Complete one half of the unseen rows, and compare it with the other."""
    one, other = holdout[::2].reset_index(drop=True), holdout[1::2]
    refused = not_learnt(model, train, one).to_numpy()
    for share in (0.25, 0.5, 0.75):
        hidden = np.random.default_rng(0).random(one.shape) < share
        full = model.sample(conditions=one.astype(object).mask(hidden | refused))
        print(f"completed {mode}: {share:.0%} hidden {c2st(other, full):.3f}", flush=True)
    print(
        f"completed {mode}: the rows as they were {c2st(other, one):.3f};"
        f" free samples {c2st(other, model.sample(len(one))):.3f};"
        f" {refused.sum()} cells of {refused.size} hold what was not learnt",
        flush=True,
    )


def print_free(mode, model, options, n):
    fake = options.out / f"{mode}.csv"
    model.sample(n).to_csv(fake, index=False)
    words = [sys.executable, options.scorer, options.train, options.holdout, fake]
    words += ["--target", options.target, "--json"]
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    figures = json.loads(done.stdout)
    wanted = ("c2st", "shape", "trend", "ratio", "cov", "dcr")
    print(f"free {mode:7}", *(f"{name} {figures[name]:.3f}" for name in wanted), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("holdout", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build") / "conditional")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    train, holdout = pd.read_csv(options.train), pd.read_csv(options.holdout)
    for mode in options.modes:
        model = fitted(mode, train, options.target, options.seed, options.out)
        print_shares(mode, model, train, options.target)
        if options.scorer:
            print_free(mode, model, options, len(train))
        if mode != "none":
            free = model.sample(SHARE_ROWS)
            print_given(mode, model, train, holdout, options.target, free)
        if mode == "any":
            print_completed(mode, model, train, holdout)


if __name__ == "__main__":
    main()
