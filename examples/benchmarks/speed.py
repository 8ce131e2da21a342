"""How fast synthgan fits and samples a table, beside a peer and beside the floor of its step.

    python examples/benchmarks/speed.py TRAIN.csv HOLDOUT.csv --target COLUMN --peer argn \
        --seeds 0 1 2

All runs follow one another, each in a process of its own with as many threads (default 1): synthgan
in this environment, the peer in a virtual environment under build/peers, made on first use. Prints
CPU seconds of fit, the rows that `sample` makes in a CPU second, and the medians; with --scorer
PATH (a script called as ``scorer TRAIN HOLDOUT FAKE --target COLUMN --json``) the quality, too.

``--step`` measures synthgan's training step alone. Its floor are the matrix products of the step,
of the same shapes, one after the other.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

PEERS = {"argn": ["mostlyai-engine"], "ctgan": ["ctgan"]}
FEW_LEVELS = 10
SAMPLED_ROWS = 20_000
STEPS, FIRST_STEPS = 200, 20
FIGURES = ("fit_cpu_s", "rows_per_cpu_s", "rows_per_cpu_s_unchosen", "c2st", "dcr")


def cpu_seconds():
    """Return the CPU seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def train_synthgan(table, seed):
    from synthgan import TabularGANSynthesizer

    model = TabularGANSynthesizer(random_state=seed).fit(table)

    def sample(n, candidates=None):
        return model.set_params(candidates=candidates).sample(n, random_state=seed)

    return sample


def train_argn(table, seed):
    from mostlyai.engine import TabularARGN

    return TabularARGN(device="cpu", random_state=seed, verbose=0).fit(table).sample


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


def rate(sample, **options):
    """Return the rows that are made in a CPU second."""
    sample(SAMPLED_ROWS // 10, **options)
    begun = cpu_seconds()
    sample(SAMPLED_ROWS, **options)
    return round(SAMPLED_ROWS / (cpu_seconds() - begun))


def work(system, train, out, seed):
    """Fit, sample and time one system in this process; return the figures."""
    table = pd.read_csv(train)
    begun = cpu_seconds()
    sample = globals()[f"train_{system}"](table, seed)
    figures = {"fit_cpu_s": round(cpu_seconds() - begun, 1)}
    sample(len(table)).to_csv(out, index=False)
    figures["rows_per_cpu_s"] = rate(sample)
    if system == "synthgan":
        figures["rows_per_cpu_s_unchosen"] = rate(sample, candidates=1)
    return figures


def products_of(step, rows):
    """Run a step; return the shapes and strides of the factors of its matrix products."""
    from torch.utils._python_dispatch import TorchDispatchMode

    found = []

    class Products(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            name = func.name().partition(".")[0]
            if name in ("aten::mm", "aten::addmm"):
                factors = args[-2:]
                found.append([(tuple(f.shape), f.stride()) for f in factors])
            return func(*args, **(kwargs or {}))

    with Products():
        step(rows)
    return found


def seconds_of(products):
    """Time matrix products of given shapes, one after the other."""
    import torch

    pairs = [
        [torch.randn(size).as_strided(size, stride) if 0 not in stride else torch.randn(size)
         for size, stride in product]
        for product in products
    ]  # fmt: skip
    times = []
    for _ in range(20):
        begun = time.process_time()
        for left, right in pairs:
            left @ right
        times.append(time.process_time() - begun)
    return statistics.median(times)


def measure_step(train, seed):
    """Return milliseconds of a training step and of its matrix products."""
    from synthgan import TabularGANSynthesizer
    from synthgan.gan.training.step import Step

    call, n_calls, seconds, products = Step.__call__, 0, [], {}

    def timed(step, rows):
        nonlocal n_calls
        n_calls += 1
        has_penalty = step.state.step % step.pair.penalty_every == 0
        if n_calls <= FIRST_STEPS and has_penalty not in products:
            products[has_penalty] = products_of(lambda r: call(step, r), rows)
            return call(step, rows)
        begun = time.process_time()
        figures = call(step, rows)
        seconds.append(time.process_time() - begun)
        every = step.pair.penalty_every
        if n_calls == FIRST_STEPS + STEPS:
            with_penalty, plain = seconds_of(products[True]), seconds_of(products[False])
            floor = (with_penalty + (every - 1) * plain) / every
            mean = statistics.mean(seconds[-STEPS:])
            print(f"step {1e3 * mean:.1f} ms, {mean / floor:.2f} times its matrix products")
        return figures

    Step.__call__ = timed
    model = TabularGANSynthesizer(
        random_state=seed, candidates=1, max_steps=STEPS + 2 * FIRST_STEPS
    )
    model.fit(pd.read_csv(train))


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


def measure(system, python, seed, options):
    """Run one system in a process of its own, and score what it made."""
    fake = options.out / f"{system}_{seed}.csv"
    words = [python, __file__, str(options.train), str(options.holdout), "--worker", system]
    words += ["--target", options.target, "--out", str(fake), "--seeds", str(seed)]
    threads = str(options.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    figures = json.loads(done.stdout.splitlines()[-1])
    if options.scorer:
        words = [sys.executable, options.scorer, options.train, options.holdout, fake]
        words += ["--target", options.target, "--json"]
        done = subprocess.run(
            [str(word) for word in words], check=True, capture_output=True, text=True
        )
        figures |= json.loads(done.stdout)
    return {name: figures[name] for name in FIGURES if name in figures}


def show(title, figures):
    print(f"{title:18}", *(f"{k}={v:.4g}" for k, v in figures.items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("holdout", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--peer", choices=sorted(PEERS), default="argn")
    parser.add_argument("--peer-python", help="interpreter of an environment that has the peer")
    parser.add_argument("--scorer", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build") / "benchmark")
    parser.add_argument("--step", action="store_true", help="measure the training step alone")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        figures = work(options.worker, options.train, options.out, options.seeds[0])
        print(json.dumps(figures))
        return
    if options.step:
        measure_step(options.train, options.seeds[0])
        return
    options.out.mkdir(parents=True, exist_ok=True)
    python = options.peer_python or peer_python(options.peer)
    medians = []
    for system, interpreter in (("synthgan", sys.executable), (options.peer, python)):
        runs = []
        for seed in options.seeds:
            runs.append(measure(system, interpreter, seed, options))
            show(f"{system}, seed {seed}", runs[-1])
        medians.append({k: statistics.median(run[k] for run in runs) for k in runs[0]})
        show(f"{system}, median", medians[-1])
    ours, theirs = medians
    print(
        f"fit: {ours['fit_cpu_s'] / theirs['fit_cpu_s']:.2f} of the peer's CPU seconds; "
        f"sample: {ours['rows_per_cpu_s'] / theirs['rows_per_cpu_s']:.1f} times its rows"
    )


if __name__ == "__main__":
    main()
