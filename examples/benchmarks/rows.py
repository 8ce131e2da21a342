"""How quality changes with rows and columns: learn a simulated clinic, test against others.

    python examples/benchmarks/rows.py 1000 4000 16000 --results runs.jsonl
    python examples/benchmarks/rows.py --results runs.jsonl --figure docs/images/rows.png
    python examples/benchmarks/rows.py 4000 --clinics 3

Boosted trees distinguish 20 000 synthetic rows from 20 000 rows that were not learnt (C2ST, .5 is
guessing). With --clinics, tables of several clinics, of 14 columns each, stand side by side. Their
rows are in the order of age plus noise, so columns of different clinics depend on each other; as
many rows are compared as were learnt.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from synthgan import TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.metrics import c2st

_N_HELD_OUT = 20_000
_NOISE_YEARS = 10.0


def join_clinics(n_rows: int, n_clinics: int, seed: int) -> pd.DataFrame:
    """Return one clinic, or several side by side, whose rows are in the order of age plus noise."""
    if n_clinics == 1:
        return make_clinic(n_rows, random_state=seed)
    rng, parts = np.random.default_rng(seed), []
    for i in range(n_clinics):
        clinic = make_clinic(n_rows, random_state=seed * 1000 + i)
        order = np.argsort(clinic["age"] + rng.normal(0, _NOISE_YEARS, n_rows))
        parts.append(clinic.iloc[order].reset_index(drop=True).add_suffix(f"_{i}"))
    return pd.concat(parts, axis=1).iloc[rng.permutation(n_rows)].reset_index(drop=True)


def measure(n_rows: int, n_clinics: int) -> dict[str, float]:
    """Fit the default recipe; return C2ST, CPU seconds of the fit and steps."""
    begun = time.process_time()
    model = TabularGANSynthesizer(random_state=0).fit(join_clinics(n_rows, n_clinics, 1))
    seconds = time.process_time() - begun
    n_compared = _N_HELD_OUT if n_clinics == 1 else n_rows
    held_out = join_clinics(n_compared, n_clinics, 2)
    fake = model.sample(n_compared, random_state=0)
    value = c2st(held_out, fake, random_state=0).value
    size = {"rows": n_rows, "columns": held_out.shape[1]}
    return {**size, "c2st": value, "cpu_s": seconds, "steps": model.n_steps_}


def draw(results: Path, path: Path) -> None:
    """Draw C2ST against rows."""
    runs = [json.loads(line) for line in results.read_text().splitlines()]
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot([run["rows"] for run in runs], [run["c2st"] for run in runs], marker="o")
    axes.axhline(0.5, color="grey", linestyle=":")
    axes.set(xscale="log", xlabel="rows learnt", ylabel="C2ST against rows not learnt")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print a line for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", type=int, nargs="*")
    parser.add_argument("--clinics", type=int, default=1, help="side by side (default: 1)")
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    parsed = parser.parse_args()
    if parsed.figure is not None:
        draw(parsed.results, parsed.figure)
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for n_rows in parsed.rows:
        run = json.dumps(measure(n_rows, parsed.clinics))
        print(run, flush=True)
        if parsed.results is not None:
            with parsed.results.open("a") as file:
                file.write(f"{run}\n")


if __name__ == "__main__":
    main()
