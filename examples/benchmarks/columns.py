"""How quality falls with columns: learn several simulated clinics side by side, as one table.

    python examples/benchmarks/columns.py 1 3 7 --results runs.jsonl
    python examples/benchmarks/columns.py --results runs.jsonl --figure docs/images/columns.png

A number of clinics of 14 columns each are joined, row by row. Rows stand in the order of age plus
noise, so columns of different clinics depend on each other as ages do. Boosted trees distinguish
synthetic rows from as many rows that were not learnt (C2ST, .5 is guessing).
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

_N_ROWS = 4000
_NOISE_YEARS = 10.0


def join_clinics(n_clinics: int, seed: int) -> pd.DataFrame:
    """Join clinics whose rows stand in the order of age plus noise."""
    rng, parts = np.random.default_rng(seed), []
    for i in range(n_clinics):
        clinic = make_clinic(_N_ROWS, random_state=seed * 1000 + i)
        order = np.argsort(clinic["age"] + rng.normal(0, _NOISE_YEARS, _N_ROWS))
        parts.append(clinic.iloc[order].reset_index(drop=True).add_suffix(f"_{i}"))
    return pd.concat(parts, axis=1).iloc[rng.permutation(_N_ROWS)].reset_index(drop=True)


def measure(n_clinics: int) -> dict[str, float]:
    """Fit the default recipe; return columns, C2ST, CPU seconds of the fit and steps."""
    begun = time.process_time()
    model = TabularGANSynthesizer(random_state=0).fit(join_clinics(n_clinics, 1))
    seconds = time.process_time() - begun
    held_out = join_clinics(n_clinics, 2)
    fake = model.sample(_N_ROWS, random_state=0)
    value = c2st(held_out, fake, random_state=0).value
    n_columns = held_out.shape[1]
    return {"columns": n_columns, "c2st": value, "cpu_s": seconds, "steps": model.n_steps_}


def draw(results: Path, path: Path) -> None:
    """Draw C2ST against columns."""
    runs = [json.loads(line) for line in results.read_text().splitlines()]
    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot([run["columns"] for run in runs], [run["c2st"] for run in runs], marker="o")
    axes.axhline(0.5, color="grey", linestyle=":")
    axes.set(xlabel="columns learnt", ylabel="C2ST against rows not learnt")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print a line for each number of clinics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clinics", type=int, nargs="*")
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    parsed = parser.parse_args()
    if parsed.figure is not None:
        draw(parsed.results, parsed.figure)
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for n_clinics in parsed.clinics:
        run = json.dumps(measure(n_clinics))
        print(run, flush=True)
        if parsed.results is not None:
            with parsed.results.open("a") as file:
                file.write(f"{run}\n")


if __name__ == "__main__":
    main()
