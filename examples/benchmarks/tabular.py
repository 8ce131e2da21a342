"""Fit and sample the same table with synthgan and with a peer, one after the other.

    python examples/benchmarks/tabular.py TRAIN.csv HOLDOUT.csv --target COLUMN --peer ctgan

Each system runs in a process of its own with as many threads (default 1), synthgan in this
environment, the peer in a virtual environment under build/peers, made on first use. Prints seconds
of fit, rows a second of sample, and their ratios; with --scorer PATH (a script called as
``scorer TRAIN HOLDOUT FAKE --target COLUMN --json``) the quality of both too.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

PEERS = {"ctgan": ["ctgan"]}
FEW_LEVELS = 10
SAMPLED_ROWS = 20_000


def train_synthgan(table, seed):
    from synthgan import TabularGANSynthesizer

    model = TabularGANSynthesizer(random_state=seed).fit(table)
    return lambda n: model.sample(n, random_state=seed)


def train_ctgan(table, seed):
    import torch
    from ctgan import CTGAN

    torch.manual_seed(seed)
    discrete = [
        name
        for name in table
        if not pd.api.types.is_numeric_dtype(table[name]) or table[name].nunique() <= FEW_LEVELS
    ]
    model = CTGAN()
    model.fit(table, discrete)
    return model.sample


def work(system, train, out, seed, threads):
    """Fit, sample and time one system in this process; print the figures as JSON."""
    import torch

    torch.set_num_threads(threads)
    table = pd.read_csv(train)
    begun = time.perf_counter()
    sample = globals()[f"train_{system}"](table, seed)
    fit_s = time.perf_counter() - begun
    sample(len(table)).to_csv(out, index=False)
    begun = time.perf_counter()
    sample(SAMPLED_ROWS)
    rows_per_s = SAMPLED_ROWS / (time.perf_counter() - begun)
    print(json.dumps({"fit_s": round(fit_s, 1), "rows_per_s": round(rows_per_s)}))


def peer_python(peer):
    """Return the interpreter of the peer's environment, made when absent."""
    folder = Path("build") / "peers" / peer
    python = folder / "bin" / "python"
    if not python.exists():
        import torch

        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        # The same torch as here, first, so that both run on equal terms.
        subprocess.run([*pip, f"torch=={torch.__version__.partition('+')[0]}"], check=True)
        subprocess.run([*pip, *PEERS[peer]], check=True)
    return str(python)


def measure(system, python, options, folder):
    fake = folder / f"{system}.csv"
    words = [python, __file__, str(options.train), str(options.holdout), "--worker", system]
    words += ["--target", options.target, "--out", str(fake), "--seed", str(options.seed)]
    words += ["--threads", str(options.threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    figures = json.loads(done.stdout.splitlines()[-1])
    if options.scorer:
        words = [sys.executable, options.scorer, options.train, options.holdout, fake]
        words += ["--target", options.target, "--json"]
        done = subprocess.run(
            [str(word) for word in words], check=True, capture_output=True, text=True
        )
        figures |= json.loads(done.stdout)
    print(f"{system:10}", *(f"{k}={v:.4g}" for k, v in figures.items() if k != "worst_col"))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("holdout", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--peer", choices=sorted(PEERS), default="ctgan")
    parser.add_argument("--peer-python", help="interpreter of an environment that has the peer")
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build") / "benchmark")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.train, options.out, options.seed, options.threads)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    ours = measure("synthgan", sys.executable, options, options.out)
    python = options.peer_python or peer_python(options.peer)
    theirs = measure(options.peer, python, options, options.out)
    print(
        f"fit: {ours['fit_s'] / theirs['fit_s']:.2f} of the peer's seconds; "
        f"sample: {ours['rows_per_s'] / theirs['rows_per_s']:.1f} times its rows a second"
    )


if __name__ == "__main__":
    main()
