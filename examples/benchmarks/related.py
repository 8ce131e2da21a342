"""Two related tables: CPU seconds of fit and sample, beside TabularARGN, and how they grow.

    python examples/benchmarks/related.py PARENT.parquet CHILD.parquet KEY ORDER --rows 1000 10000

For each number of parents (drawn from the file; default: all), RelationalGANSynthesizer learns the
parents and their children, ordered by ORDER, and makes as many. Printed are CPU seconds of `fit`
and of `sample`. With --out FOLDER the synthetic tables are written there, for a scorer.

The peer needs an environment of its own (``pip install mostlyai-engine; pip uninstall
torchvision``) but no synthgan; it learns the parents as a flat table and the children with the
parents as context:

    PEER/bin/python examples/benchmarks/related.py PARENT CHILD KEY ORDER --model argn

Run both with as many threads (OMP_NUM_THREADS=1), one after the other, on a machine that is idle.
"""

import argparse
import os
import warnings
from pathlib import Path

import pandas as pd
import torch


def cpu_seconds():
    """Return the CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def fit_synthgan(parents, children, options, seed):
    from synthgan import Relation, RelationalGANSynthesizer

    one = Relation("children", options.key, "parents", order=options.order)
    model = RelationalGANSynthesizer([one], random_state=seed)
    model.fit({"parents": parents, "children": children})

    def sample(n):
        tables = model.sample(n, random_state=seed)
        return tables["parents"], tables["children"]

    return sample


def fit_argn(parents, children, options, seed):
    from mostlyai.engine import TabularARGN

    common = {"device": "cpu", "random_state": seed, "verbose": 0}
    flat = TabularARGN(tgt_primary_key=options.key, **common).fit(parents)
    # The context key orders nothing: rows stand in order in the file.
    children = children.sort_values([options.key, options.order], kind="stable")
    sequences = TabularARGN(
        tgt_context_key=options.key, ctx_primary_key=options.key, ctx_data=parents, **common
    ).fit(children)

    def sample(n):
        made = flat.sample(n)
        made[options.key] = [f"k{i}" for i in range(n)]
        return made, sequences.sample(ctx_data=made)

    return sample


MODELS = {"synthgan": fit_synthgan, "argn": fit_argn}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parents", type=Path)
    parser.add_argument("children", type=Path)
    parser.add_argument("key")
    parser.add_argument("order")
    parser.add_argument("--model", choices=MODELS, default="synthgan")
    parser.add_argument("--rows", type=int, nargs="+", help="parents (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    every, below = pd.read_parquet(options.parents), pd.read_parquet(options.children)
    for n in options.rows or [len(every)]:
        parents = every.sample(n, random_state=0) if n < len(every) else every
        children = below[below[options.key].isin(parents[options.key])]
        begun = cpu_seconds()
        sample = MODELS[options.model](
            parents.reset_index(drop=True), children.reset_index(drop=True), options, options.seed
        )
        fitted = cpu_seconds()
        made = sample(n)
        print(
            f"{options.model}, {n} parents, {len(children)} children: "
            f"fit {fitted - begun:.0f} CPU s, sample {cpu_seconds() - fitted:.0f} CPU s",
            flush=True,
        )
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            for table, path in zip(made, (options.parents, options.children), strict=True):
                table.to_parquet(options.out / path.name)


if __name__ == "__main__":
    main()
