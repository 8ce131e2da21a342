"""Fill gaps with GANImputer and with scikit-learn's imputers.

    python examples/benchmarks/imputation.py TRAIN.csv HOLDOUT.csv [--seeds 0 1 2]

Rows with gaps are left out. Of the training table, 20 % of the cells are removed at random, each
imputer is fitted to what is left and fills it in. scikit-learn's are given standardised numbers,
and text as one column for each level but the first, of which the largest wins. All are judged
alike: numbers are rounded to the decimals of their column, or to the nearest of its levels (ten
distinct values or fewer). Prints for each imputer

- rmse: error of the removed numbers over the column's standard deviation, mean over columns;
- wrong: share of the removed levels that came back as another one, mean over columns;
- spread: standard deviation of the filled numbers over that of the removed ones, the median;
- c2st: five-fold AUC of boosted trees that tell the completed table from the unseen holdout.
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from conditional import c2st
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synthgan import GANImputer

REMOVED = 0.2
FEW_LEVELS = 10
NAMES = ["median", "knn", "iterative", "posterior", "draw", "mean"]


def imputed(name, gappy, seed, gan):
    """Return the completed table, and `gan`, fitted at first need."""
    if name in ("draw", "mean"):
        if gan is None:
            gan = GANImputer(random_state=seed).fit(gappy)
        return gan.set_params(strategy=name).transform(gappy), gan
    imputer = {
        "median": SimpleImputer(strategy="median"),
        "knn": KNNImputer(),
        "iterative": IterativeImputer(random_state=seed),
        "posterior": IterativeImputer(sample_posterior=True, random_state=seed),
    }[name]
    numbers, levels = as_numbers(gappy)
    scaler = StandardScaler()
    full = scaler.inverse_transform(make_pipeline(scaler, imputer).fit_transform(numbers))
    full = pd.DataFrame(full, columns=numbers.columns)
    if name == "median":
        levels = {column: gappy[column].mode() for column in levels}
        return pd.DataFrame(
            {c: gappy[c].fillna(levels[c][0]) if c in levels else full[c] for c in gappy}
        ), gan
    columns = {
        column: largest(full, column, levels[column]) if column in levels else full[column]
        for column in gappy
    }
    return pd.DataFrame(columns), gan


def as_numbers(gappy):
    """Return a table of numbers alone, and the levels of the columns of text.

    A column for every level would make each follow from the others, and stay at its mean.
    """
    columns, levels = {}, {}
    for name, column in gappy.items():
        if pd.api.types.is_numeric_dtype(column):
            columns[name] = column
            continue
        levels[name] = sorted(column.dropna().unique())
        for level in levels[name][1:]:
            columns[f"{name}={level}"] = (column == level).astype(float).mask(column.isna())
    return pd.DataFrame(columns), levels


def largest(full, name, levels):
    """Return the level of the largest share; that of the first is what the others leave."""
    shares = full[[f"{name}={level}" for level in levels[1:]]].to_numpy()
    first = 1 - shares.sum(axis=1, keepdims=True)
    return np.array(levels)[np.hstack([first, shares]).argmax(axis=1)]


def on_lattice(full, table):
    """Round to the levels or the decimals of the real columns."""
    columns = {}
    for name, real in table.items():
        if not pd.api.types.is_numeric_dtype(real):
            columns[name] = full[name]
            continue
        values, levels = full[name].to_numpy(float), np.unique(real)
        if len(levels) <= FEW_LEVELS:
            columns[name] = levels[np.abs(values[:, None] - levels).argmin(axis=1)]
        else:
            decimals = next(d for d in range(16) if np.allclose(levels, levels.round(d), 1e-12))
            columns[name] = values.round(decimals)
    return pd.DataFrame(columns)


def judge(full, table, hidden, holdout):
    rmse, wrong, spread = [], [], []
    for i, (name, real) in enumerate(table.items()):
        ours, truth = (column.to_numpy()[hidden[:, i]] for column in (full[name], real))
        if real.nunique() <= FEW_LEVELS:
            wrong.append(np.mean(ours != truth))
        else:
            rmse.append(np.sqrt(np.mean((ours - truth) ** 2)) / real.std())
            spread.append(ours.std() / truth.std())
    return {
        "rmse": np.mean(rmse),
        "wrong": np.mean(wrong) if wrong else np.nan,
        "spread": np.median(spread),
        "c2st": c2st(holdout, full),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train")
    parser.add_argument("holdout")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--imputers", nargs="+", choices=NAMES, default=NAMES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table, holdout = (
        pd.read_csv(path).dropna().reset_index(drop=True)
        for path in (options.train, options.holdout)
    )
    for seed in options.seeds:
        hidden = np.random.default_rng(seed).random(table.shape) < REMOVED
        gappy, gan = table.mask(hidden), None
        for name in options.imputers:
            begun = time.perf_counter()
            full, gan = imputed(name, gappy, seed, gan)
            seconds = time.perf_counter() - begun
            figures = judge(on_lattice(full, table), table, hidden, holdout)
            words = " ".join(f"{key} {value:.3f}" for key, value in figures.items())
            print(f"seed {seed} {name:10} {words} seconds {seconds:.0f}", flush=True)


if __name__ == "__main__":
    main()
