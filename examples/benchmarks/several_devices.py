"""Weak scaling: steps a second of one process and of several, each with as many rows of a batch.

    python examples/benchmarks/several_devices.py --processes 1 2

Starts torchrun for each kind of records and each number of processes. Prints steps and rows a
second, and the CPU milliseconds that a step takes in one process: where other programs have the
cores, these tell more than the clock does. On a machine with GPUs, each process has one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings

import numpy as np

from synthgan import Callback, ImageGANSynthesizer, SignalGANSynthesizer, TabularGANSynthesizer
from synthgan.datasets import make_clinic, make_ecg, make_fingerprints

ROWS = {"table": 250, "ecg": 32, "image": 32}  # of a batch, for each process
FIRST_STEPS = 6


class Clock(Callback):
    """Note the time and the CPU time of each logged step."""

    def on_begin(self, run):
        self.marks = []

    def on_log(self, run):
        self.marks.append((run.state.step, time.perf_counter(), time.process_time()))


def fit(kind, n_steps, n_processes):
    """Fit as one of the processes; print the figures in the first."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    clock = Clock()
    batch_size = ROWS[kind] * n_processes
    given = {"max_steps": n_steps, "batch_size": batch_size, "random_state": 0}
    given["callbacks"] = [clock]
    if kind == "table":
        TabularGANSynthesizer(**given, candidates=1).fit(make_clinic(4000, random_state=0))
    elif kind == "ecg":
        windows = make_ecg(400, n_samples=1000, fs_hz=250, random_state=0)
        SignalGANSynthesizer(**given, fs_hz=250).fit(windows)
    else:
        images = np.asarray(make_fingerprints(400, random_state=0))
        ImageGANSynthesizer(**given, size=64).fit(images)
    if not hasattr(clock, "marks"):
        return
    first, *_, last = [mark for mark in clock.marks if mark[0] >= FIRST_STEPS]
    n, seconds, cpu_seconds = np.subtract(last, first)
    figures = {"steps_per_s": n / seconds, "rows_per_s": n * batch_size / seconds}
    print(json.dumps({**figures, "cpu_ms_per_step": 1e3 * cpu_seconds / n}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", choices=sorted(ROWS), default=sorted(ROWS))
    parser.add_argument("--steps", type=int, default=46)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    warnings.simplefilter("ignore")
    if parsed.worker:
        fit(parsed.kinds[0], parsed.steps, parsed.worker)
        return
    for kind in parsed.kinds:
        for n in parsed.processes:
            words = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={n}"]
            words += [__file__, "--kinds", kind, "--steps", str(parsed.steps), "--worker", str(n)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            figures = json.loads(done.stdout.splitlines()[-1])
            print(f"{kind:6} {n} process(es)", *(f"{k}={v:.4g}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
