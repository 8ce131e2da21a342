"""How quality grows with rows: learn more and more rows of a simulated clinic, test against others.

    python examples/benchmarks/rows.py 1000 4000 16000 --results runs.jsonl
    python examples/benchmarks/rows.py --results runs.jsonl --figure docs/images/rows.png

Boosted trees distinguish 20 000 synthetic rows from 20 000 rows that were not learnt (C2ST, .5 is
guessing).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from synthgan import TabularGANSynthesizer
from synthgan.datasets import make_clinic
from synthgan.metrics import c2st

_N_HELD_OUT = 20_000


def measure(n_rows: int) -> dict[str, float]:
    """Fit the default recipe; return C2ST, CPU seconds of the fit and steps."""
    begun = time.process_time()
    model = TabularGANSynthesizer(random_state=0).fit(make_clinic(n_rows, random_state=1))
    seconds = time.process_time() - begun
    held_out = make_clinic(_N_HELD_OUT, random_state=2)
    fake = model.sample(_N_HELD_OUT, random_state=0)
    value = c2st(held_out, fake, random_state=0).value
    return {"rows": n_rows, "c2st": value, "cpu_s": seconds, "steps": model.n_steps_}


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*")
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    parsed = parser.parse_args()
    if parsed.figure is not None:
        draw(parsed.results, parsed.figure)
        return
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for n_rows in parsed.rows:
        run = json.dumps(measure(n_rows))
        print(run, flush=True)
        if parsed.results is not None:
            with parsed.results.open("a") as file:
                file.write(f"{run}\n")


if __name__ == "__main__":
    main()
