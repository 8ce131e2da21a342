"""Tables that are long or wide: memory and time.

``python examples/benchmarks/load.py long`` simulates 10 million rows of 20 columns, fits a few
steps and samples as many rows back (``candidates=1``: the memory is the same, the time a
sixteenth); ``wide`` does so with 5000 rows of 2000 columns. Prints the frame's size, the peak of
resident memory over that before the call as a multiple of it, and seconds. Whether many calls leak
anything is tests/synthesizers/test_load.py's to show.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd
import torch

from synthgan import TabularGANSynthesizer

KIB = 1024


def simulate(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Half numbers, a quarter whole numbers, the rest flags and levels; some are missing."""
    rng = np.random.default_rng(0)
    columns = {}
    for i in range(n_columns):
        kind = i % 8
        if kind < 4:
            column = np.round(rng.gamma(2, 10, n_rows), 2)
            column[rng.random(n_rows) < 0.02] = np.nan
        elif kind < 6:
            column = rng.poisson(30, n_rows)
        elif kind == 6:
            column = rng.random(n_rows) < 0.3
        else:
            column = pd.Categorical.from_codes(rng.integers(0, 5, n_rows), list("abcde"))
        columns[f"c{i}"] = column
    return pd.DataFrame(columns)


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def now_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def measure(n_rows: int, n_columns: int) -> None:
    model = TabularGANSynthesizer(max_steps=2, random_state=0)
    model.fit(simulate(100, 8)).sample(10)  # what is imported late is there now
    frame = simulate(n_rows, n_columns)
    size = int(frame.memory_usage(index=False, deep=True).sum())
    before = now_bytes()
    print(f"{n_rows} rows, {n_columns} columns: {size / 2**20:.0f} MiB", flush=True)
    model = TabularGANSynthesizer(max_steps=5, candidates=1, random_state=0)
    for name, call in (("fit", lambda: model.fit(frame)), ("sample", lambda: model.sample(n_rows))):
        begun = time.perf_counter()
        made = call()
        seconds = time.perf_counter() - begun
        ratio = (peak_bytes() - before + size) / size
        print(
            f"{name}: {seconds:.0f} s, peak {ratio:.2f} frames, the frame itself included",
            flush=True,
        )
    assert made.shape == frame.shape
    assert made.dtypes.tolist() == frame.dtypes.tolist()


torch.set_num_threads(1)
parser = argparse.ArgumentParser()
parser.add_argument("load", choices=("long", "wide"))
parser.add_argument("--rows", type=int, default=10_000_000)
told = parser.parse_args()
measure(*((5000, 2000) if told.load == "wide" else (told.rows, 20)))
