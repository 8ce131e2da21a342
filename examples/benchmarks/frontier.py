"""Few rows: what an attack on samples finds out, against what the samples are good for.

    python examples/benchmarks/frontier.py [--rows 50 100] [--privacy faithful strict] [--quick]

For each table, number of training rows, level of `privacy` and seed a model is fitted, and

- attack: AUC of a membership inference attack that has 8000 synthetic rows and reference rows of
  the same population. It scores a row by the mean of two ranks: of the logarithm of the distance to
  its k-th nearest reference row over that to its k-th nearest synthetic row (mean over k of 1, 2,
  4, 8; numbers as quantiles, levels 0 or 1), and of the odds of boosted trees that tell synthetic
  rows from reference rows. Members are the training rows. The other rows are cut in two: one half
  is the reference, the other are the non-members, and then the other way round.
- C2ST: five-fold AUC of boosted trees that tell synthetic from unseen rows, as many of each, at
  most 400; the mean of three samples.
- TSTR/TRTR: AUC (R2 of numbers) of boosted trees that are trained on as many synthetic rows as
  there are training rows, over that of trees trained on the training rows; both on unseen rows.

The figures are means over tables and seeds, with the standard deviation over the runs; ``--each``
prints every run, too. ``--quick`` is one table (Pima), 100 rows and two seeds: two minutes on a
core.

The tables are read from ``--data`` (tabular/NAME.csv or protocol/NAME.csv); those that are not
there are skipped. Seeds draw the training rows, and are those of the models.

References
----------
van Breugel et al. (2023), Membership inference attacks against synthetic data through overfitting
detection, arXiv 2302.12580 (the density ratio with a reference set).
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from synthgan import TabularGANSynthesizer

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TARGETS = {
    "pima": 8,
    "heart_cleveland": 13,
    "adult": 14,
    "california_housing": 8,
    "churn": 13,
}  # the place of each table's target
FEW_LEVELS, MOST_ROWS = 10, 1250
SYNTHETIC_ROWS, MOST_UNSEEN_ROWS, MOST_REFERENCE_ROWS = 8000, 2000, 400
NEIGHBOURS, LEAST_DISTANCE = (1, 2, 4, 8), 0.02
RATIO_TREES = {
    "max_iter": 60,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 5,
    "max_features": 0.5,
    "class_weight": "balanced",
    "early_stopping": False,
}
TREES, ENSEMBLES = 60, 2
LEVELS = ["faithful", "balanced", "strict"]
C2ST_ROWS, C2ST_SAMPLES, TSTR_SAMPLES = 400, 3, 4


def read(name, folder):
    """Return a table, or None where its file is absent."""
    for path in (folder / "tabular" / f"{name}.csv", folder / "protocol" / f"{name}.csv"):
        if path.exists():
            header = None if name == "pima" else "infer"
            table = pd.read_csv(path, skipinitialspace=True, na_values=["?"], header=header)
            return table.rename(columns=lambda label: " ".join(str(label).split()))
    print(f"{name} is skipped: {folder} holds no file of that name.")
    return None


def is_number(column):
    return pd.api.types.is_numeric_dtype(column) and column.nunique() > FEW_LEVELS


def levels(column):
    if pd.api.types.is_numeric_dtype(column):
        column = column.astype(float)
    return column.astype(object).where(column.notna(), "missing").map(str)


class Space:
    """Rows as points: codes for trees, and scaled coordinates for distances.

    `table` decides which columns are numbers; `scale` gives the quantiles and levels.
    """

    def __init__(self, table, scale):
        self.numbers = [name for name in table if is_number(table[name])]
        self.levels = {
            name: {level: i for i, level in enumerate(sorted(levels(scale[name]).unique()))}
            for name in table
            if name not in self.numbers
        }
        self.sorted = {name: np.sort(scale[name].dropna().to_numpy(float)) for name in self.numbers}
        self.names = [*self.numbers, *self.levels]

    def codes(self, frame):
        """Return one number a column, shape (n_rows, n_columns)."""
        numbers = [frame[name].to_numpy(float) for name in self.numbers]
        coded = [
            levels(frame[name]).map(codes).fillna(-1).to_numpy(float)
            for name, codes in self.levels.items()
        ]
        return np.stack([*numbers, *coded], axis=1)

    def points(self, frame):
        """Return coordinates whose city-block distance is meant, shape (n_rows, n_cells)."""
        cells = []
        for name, values in self.sorted.items():
            x = frame[name].to_numpy(float)
            sides = [np.searchsorted(values, x, side) for side in ("left", "right")]
            quantiles = np.mean(sides, axis=0) / max(len(values), 1)
            quantiles[np.isnan(x)] = 0.5
            cells += [np.sqrt(3) * quantiles[:, None], 0.7 * np.isnan(x)[:, None]]
        for name, codes in self.levels.items():
            found = levels(frame[name]).map(codes).fillna(-1).to_numpy(int)
            cells.append(np.sqrt(0.5) * (found[:, None] == np.arange(len(codes))))
        return np.hstack(cells)


def log_distances(points, others, neighbours):
    """Return the logarithm of the distance to the k-th nearest, shape (n, len(neighbours))."""
    distances = np.partition(cdist(points, others, "cityblock"), range(max(neighbours)), axis=1)
    return np.log(distances[:, [k - 1 for k in neighbours]] + LEAST_DISTANCE)


def membership(rows, reference, synthetic):
    """Return a score of each row that is higher for members, shape (len(rows),)."""
    some = synthetic.sample(min(len(synthetic), 4 * len(reference)), random_state=0)
    space = Space(pd.concat([rows, reference]), pd.concat([reference, some]))
    neighbours = [k for k in NEIGHBOURS if k <= len(reference) // 2]
    asked, near, made = (space.points(frame) for frame in (rows, reference, synthetic))
    ratio = log_distances(asked, near, neighbours) - log_distances(asked, made, neighbours)
    X = np.concatenate([space.codes(synthetic), space.codes(reference)])
    y = np.arange(len(X)) < len(synthetic)
    odds = [
        HistGradientBoostingClassifier(random_state=seed, **RATIO_TREES)
        .fit(X, y)
        .decision_function(space.codes(rows))
        for seed in range(ENSEMBLES)
    ]
    return rankdata(ratio.mean(axis=1)) + rankdata(np.mean(odds, axis=0))


def attack(train, unseen, synthetic):
    """Return the AUC of the attack, each half of the unseen rows once the reference."""
    n = min(len(unseen) // 2, MOST_REFERENCE_ROWS)
    halves, aucs = (unseen[:n], unseen[n : 2 * n]), []
    for others, reference in (halves, halves[::-1]):
        scores = membership(pd.concat([train, others]), reference, synthetic)
        aucs.append(roc_auc_score(np.arange(len(scores)) < len(train), scores))
    return np.mean(aucs)


def c2st(unseen, sample):
    n = min(len(unseen), C2ST_ROWS)
    aucs, y = [], np.arange(2 * n) < n
    for seed in range(C2ST_SAMPLES):
        both = pd.concat([unseen.sample(n, random_state=seed), sample(n, seed)])
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        trees = HistGradientBoostingClassifier(max_iter=TREES, random_state=0)
        X = Space(both, both).codes(both)
        odds = cross_val_predict(trees, X, y, cv=folds, method="predict_proba")
        aucs.append(roc_auc_score(y, odds[:, 1]))
    return np.mean(aucs)


def use(train, unseen, target):
    """Return how well trees that are trained on `train` foretell the target of unseen rows."""
    both = pd.concat([train, unseen])
    space = Space(both, both)
    at = space.names.index(target)
    (X, y), (Z, truth) = (
        (np.delete(codes, at, axis=1), codes[:, at])
        for codes in (space.codes(train), space.codes(unseen))
    )
    if target in space.numbers:
        trees = HistGradientBoostingRegressor(max_iter=TREES, random_state=0).fit(X, y)
        return r2_score(truth, trees.predict(Z))
    if len(np.unique(y)) < 2:
        return 0.5
    trees = HistGradientBoostingClassifier(max_iter=TREES, random_state=0).fit(X, y)
    odds = dict(zip(trees.classes_, trees.predict_proba(Z).T, strict=True))
    chance = np.zeros(len(Z))
    aucs = [roc_auc_score(truth == level, odds.get(level, chance)) for level in np.unique(truth)]
    return np.mean(aucs)


def measure(table, target, n_rows, level, seed):
    """Fit a model to so many rows of a table; return the figures of its samples."""
    rows = table.sample(frac=1, random_state=1000 + seed).reset_index(drop=True)
    train, unseen = rows[:n_rows], rows[n_rows : n_rows + MOST_UNSEEN_ROWS]
    model = TabularGANSynthesizer(privacy=level, random_state=seed).fit(train)

    def sample(n, number):
        return model.sample(n, random_state=number)

    tstr = [use(sample(n_rows, 50 + i), unseen, target) for i in range(TSTR_SAMPLES)]
    return {
        "attack": attack(train, unseen, sample(SYNTHETIC_ROWS, 777 + seed)),
        "C2ST": c2st(unseen, sample),
        "TSTR/TRTR": np.mean(tstr) / use(train, unseen, target),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--tables", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--rows", nargs="+", type=int, default=[50, 100, 200, 400, 800])
    parser.add_argument("--privacy", nargs="+", choices=LEVELS, default=LEVELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--each", action="store_true", help="print every run")
    parser.add_argument("--out", type=Path, help="a CSV file for the figures of every run")
    parser.add_argument("--quick", action="store_true", help="Pima, 100 rows, two seeds")
    options = parser.parse_args()
    if not all(20 <= n_rows <= MOST_ROWS for n_rows in options.rows):
        parser.error(f"--rows {options.rows} is not allowed; give numbers from 20 to {MOST_ROWS}.")
    if options.quick:
        options.tables, options.rows, options.seeds = ["pima"], [100], [0, 1]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    runs = []
    tables = {name: read(name, options.data) for name in options.tables}
    for n_rows in options.rows:
        for name, table in tables.items():
            if table is None:
                continue
            if len(table) < 1.5 * n_rows:
                print(f"{name} is skipped for {n_rows} rows: it has {len(table)}.")
                continue
            target = table.columns[TARGETS[name]]
            for level in options.privacy:
                for seed in options.seeds:
                    figures = measure(table, target, n_rows, level, seed)
                    runs.append(
                        {"rows": n_rows, "table": name, "privacy": level, "seed": seed, **figures}
                    )
                    if options.each:
                        print(*(f"{k} {v:.3f}" if k in figures else v for k, v in runs[-1].items()))
        done = pd.DataFrame([run for run in runs if run["rows"] == n_rows])
        if len(done):
            by_level = done.groupby("privacy", sort=False)[["attack", "C2ST", "TSTR/TRTR"]]
            print(f"\n{n_rows} rows, {len(done)} runs")
            print(by_level.agg(["mean", "std"]).round(3).to_string(), flush=True)
    if options.out and runs:
        pd.DataFrame(runs).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
