"""How long the measures take, and how much memory.

usage: metrics.py [--rows 20000] [--columns 15] [--jobs 2]
                  [--sections fidelity usefulness privacy]

Two tables of the same simulated population stand for real and fake, a third for the holdout.
Each section is measured by itself, in this order; the peak memory is that of the largest process.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from synthgan import evaluate


def population(n, n_columns, seed):
    """Two thirds numbers that hang together, one third levels."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    columns = {}
    for i in range(n_columns):
        mix = hidden @ np.sin(np.arange(1, 4) * (i + 1)) + 0.5 * rng.normal(size=n)
        if i % 3 == 2:
            levels = np.array([f"level {k}" for k in range(2 + i)])
            columns[f"c{i}"] = levels[np.digitize(mix, np.linspace(-2, 2, 1 + i))]
        else:
            columns[f"c{i}"] = np.where(rng.random(n) < 0.02, np.nan, mix.round(3))
    return pd.DataFrame(columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=15)
    parser.add_argument("--sections", nargs="+", default=["fidelity", "usefulness", "privacy"])
    parser.add_argument("--jobs", type=int, default=2, help="measures at the same time")
    given = parser.parse_args()
    real, fake, holdout = (population(given.rows, given.columns, seed) for seed in range(3))
    print(f"{given.rows} x {given.columns}")
    for section in given.sections:
        begun = time.perf_counter()
        more = {"sections": [section], "n_jobs": given.jobs}
        evaluate(real, fake, holdout=holdout, target="c2", **more)
        users = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
        peak = max(resource.getrusage(user).ru_maxrss for user in users) / 2**20
        print(f"{section:12} {time.perf_counter() - begun:6.1f} s, peak {peak:.2f} GiB", flush=True)


if __name__ == "__main__":
    main()
