"""Known dependences of four related tables: which of them a synthesizer reproduces.

    python examples/benchmarks/hospital.py --patients 1000 --out hospital

`make_hospital` makes two halves of the same number of patients; RelationalGANSynthesizer learns
one and makes as many. Each dependence of its docstring is measured by a statistic or two. The
interval is that of the difference between two real halves: 1.96 times sqrt(2) (both have an error)
times the standard deviation over bootstrap samples of patients of the half that was not learnt. A
statistic is inside if the synthetic one differs from the learnt one by no more. Rules that always
hold are inside only without a violation.

With ``--kind real`` a third half stands for the synthetic one: about 95 of 100 should be inside.
With ``--kind FOLDER`` tables that --out has written are judged again.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hospital_measures import Hospital

from synthgan.datasets import hospital_relations, make_hospital


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", default="synthetic", help="synthetic, real, or a folder")
    parser.add_argument("--bootstraps", type=int, default=200)
    parser.add_argument("--out", type=Path, help="folder for the synthetic tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    learnt, holdout = (make_hospital(options.patients, random_state=i) for i in (0, 1))
    made = make_tables(learnt, options)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, table in made.items():
            table.to_parquet(options.out / f"{name}.parquet")
    report(learnt, holdout, made, options.bootstraps)


def make_tables(learnt, options):
    """Return the tables that are judged."""
    if options.kind == "real":
        return make_hospital(options.patients, random_state=2)
    if options.kind != "synthetic":
        return {name: pd.read_parquet(Path(options.kind) / f"{name}.parquet") for name in learnt}
    from synthgan import RelationalGANSynthesizer

    begun = time.process_time()
    model = RelationalGANSynthesizer(hospital_relations(), random_state=options.seed).fit(learnt)
    fitted = time.process_time()
    made = model.sample(options.patients, random_state=options.seed)
    print(f"fit {fitted - begun:.0f} CPU s, sample {time.process_time() - fitted:.0f} CPU s")
    return made


def report(learnt, holdout, made, n_bootstraps):
    real, other, fake = (Hospital(tables) for tables in (learnt, holdout, made))
    rng = np.random.default_rng(0)
    n = other.n
    samples = [
        other.measure(np.bincount(rng.integers(n, size=n), minlength=n).astype(float))
        for _ in range(n_bootstraps)
    ]
    widths = {
        name: 1.96 * np.sqrt(2) * np.nanstd([one[name] for one in samples]) for name in samples[0]
    }
    values = [one.measure(np.ones(one.n)) for one in (real, other, fake)]
    print(f"{'dependence':52}{'learnt':>9}{'holdout':>9}{'judged':>9}{'interval':>9}")
    n_inside = 0
    for name, width in widths.items():
        own, held_out, judged = (one[name] for one in values)
        inside = bool(abs(judged - own) <= width)
        n_inside += inside
        times = f" ({abs(judged - own) / width:.1f})" if width > 0 else ""
        mark = "" if inside else f"   outside{times}"
        print(f"{name:52}{own:9.3f}{held_out:9.3f}{judged:9.3f}{width:9.3f}{mark}")
    print(f"{n_inside} of {len(widths)} inside")


if __name__ == "__main__":
    main()
