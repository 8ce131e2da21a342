"""Differential privacy: what a guarantee costs in fidelity and use, beside peers on the same codes.

    python examples/benchmarks/privacy.py TRAIN.csv HOLDOUT.csv TARGET --epsilon 1 3 10

For each epsilon and run a model is fitted to the training table under (epsilon, delta)-differential
privacy, with TARGET as y. Printed are the shapes of columns, the mean error of pairs (1 - trends),
C2ST, all three against the holdout; TSTR, the mean of three learners and that of boosted trees
alone; and the CPU seconds of `fit`. A seed is that of training, sampling and measures; the noise
has none.

The folder --out then holds of each run the model, and the training rows as integers of the model's
own private encoding (codes_EPSILON_SEED.npz: codes, sizes, and the epsilon and delta that the
encoding left). On these a peer is run, with what is left of the guarantee, in an environment of its
own (``pip install dpmm``), and its codes are turned into rows and measured by ``--peer``:

    PEER/bin/python examples/benchmarks/privacy_peers.py build/privacy/codes_3_0.npz --method mst
    python examples/benchmarks/privacy.py TRAIN.csv HOLDOUT.csv TARGET --epsilon 3 --peer mst

The files of codes are training rows: they are as private as the table.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from synthgan import DifferentialPrivacy, TabularGANSynthesizer, load
from synthgan.encoding.groups import OFF, ON
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.private_fitting import n_codes, private_rows, read_codes
from synthgan.exceptions import PrivacyWarning
from synthgan.metrics import c2st, column_shapes, pair_trends, tstr
from synthgan.privacy.mechanisms import epsilon_of

MEASURED = {
    "single columns",
    "dependent pairs",
    "pairs of columns",
    "dependent pairs again",
    "triples with the target",
}


def fit(train, target, privacy, seed, max_steps):
    model = TabularGANSynthesizer(privacy=privacy, max_steps=max_steps, random_state=seed)
    return model.fit(train.drop(columns=target), train[target])


def sample(model, n, seed):
    X, y = model.sample(n, random_state=seed, return_y=True)
    return pd.concat([X, y], axis=1)


def left_after_encoding(ledger):
    """Return the epsilon and delta that remain for the tables of counts."""
    spent = sum(release.rho for release in ledger.releases if release.what not in MEASURED)
    delta = ledger.delta - ledger.delta_of_labels
    return epsilon_of(ledger.rho - spent, delta), delta


def save_codes(model, train, target, path, seed):
    """Write the training rows as codes; a value that has none gets one at random."""
    cells = model.encoder_.column_cells_
    rows = private_rows(train[[*train.columns.drop(target), target]])
    codes, sizes = read_codes(cells, rows), np.array([n_codes(column) for column in cells])
    any_code = np.random.default_rng(seed).integers(sizes, size=codes.shape)
    epsilon, delta = left_after_encoding(model.privacy_)
    codes = np.where(codes < 0, any_code, codes)
    np.savez_compressed(path, codes=codes, sizes=sizes, epsilon=epsilon, delta=delta)


def decode(cells, codes, rng):
    """Turn the codes of one column back to values; of numbers any place in the bin."""
    codec, gone = cells.codec, np.zeros(len(codes), dtype=bool)
    if cells.nullable:
        gone = codes == n_codes(cells) - 1
    codes = np.where(gone, 0, codes)
    parts = []
    if isinstance(codec, BinnedNumbers):
        bins = codec.bins
        parts += [] if bins is None else [bins.encode(codes)[0]]
        parts.append(OFF + (ON - OFF) * rng.random((len(codes), 1)))
    elif codec.n_cells:
        parts.append(codec.encode(np.array(codec.levels, dtype=object)[codes])[0])
    else:
        parts.append(np.zeros((len(codes), 0)))
    if cells.nullable:
        parts.append(np.where(gone, OFF, ON)[:, None])
    return cells.decode(np.concatenate(parts, axis=1))


def rows_of(model, path, seed):
    """Turn the codes that a peer made back to rows."""
    rng = np.random.default_rng(seed)
    with np.load(path) as file:
        codes = file["codes"]
    columns = model.encoder_.column_cells_
    return pd.DataFrame(
        {cells.column.name: decode(cells, codes[:, i], rng) for i, cells in enumerate(columns)}
    )


def measure(train, holdout, fake, target, seed):
    use = tstr(train, fake, holdout=holdout, target=target, random_state=seed)
    return {
        "shape": column_shapes(holdout, fake, random_state=seed).value,
        "pair_error": 1 - pair_trends(holdout, fake, random_state=seed).value,
        "c2st": c2st(holdout, fake, random_state=seed).value,
        "tstr": use.value,
        "tstr_trees": use.detail.loc["boosted trees", "value"],
    }


def run(train, holdout, epsilon, seed, options):
    """Return the figures of one run."""
    name = f"{epsilon:g}_{seed}"
    model_path = options.out / f"model_{name}.synthgan"
    if options.peer:
        fake = rows_of(load(model_path), options.out / f"{options.peer}_{name}.npz", seed)
        return measure(train, holdout, fake, options.target, seed)
    privacy = DifferentialPrivacy(epsilon=epsilon, delta=options.delta)
    begun = time.process_time()
    model = fit(train, options.target, privacy, seed, options.max_steps)
    cpu_s = time.process_time() - begun
    model.save(model_path)
    save_codes(model, train, options.target, options.out / f"codes_{name}.npz", seed)
    fake = sample(model, len(train), seed)
    return measure(train, holdout, fake, options.target, seed) | {"fit_cpu_s": cpu_s}


def show(title, figures):
    print(f"{title:24}", *(f"{k}={v:.3g}" for k, v in figures.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("holdout", type=Path)
    parser.add_argument("target")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[1.0, 3.0, 10.0])
    parser.add_argument("--delta", type=float, default=1e-6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--max-steps", type=int, help="default: the recipe's")
    parser.add_argument("--peer", help="measure what privacy_peers.py made, of this method")
    parser.add_argument("--out", type=Path, default=Path("build") / "privacy")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", PrivacyWarning)
    train, holdout = (pd.read_csv(path) for path in (options.train, options.holdout))
    if options.target not in train:
        parser.error(f"{options.target!r} is no column; the columns are {list(train)}.")
    for epsilon in options.epsilon:
        runs = []
        for seed in options.seeds:
            runs.append(run(train, holdout, epsilon, seed, options))
            show(f"epsilon {epsilon:g}, seed {seed}", runs[-1])
        if len(runs) > 1:
            medians = {k: statistics.median(one[k] for one in runs) for k in runs[0]}
            show(f"epsilon {epsilon:g}, median", medians)


if __name__ == "__main__":
    main()
