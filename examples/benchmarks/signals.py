"""Signals: how fast windows are learnt and made, and recordings.

``python examples/benchmarks/signals.py`` simulates 1500 ECG windows of 2025 samples, fits a few
steps of the default recipe on one thread, and prints what a step takes, windows made a second, and
how much longer a recording of ten windows takes than ten windows do.
"""

import argparse
import time

import torch

from synthgan import SignalGANSynthesizer
from synthgan.datasets import make_ecg

N_SAMPLES, FS_HZ = 2025, 1000


def seconds(call, times: int) -> float:
    """Return the shortest of several runs."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=1000, help="to make")
    parser.add_argument("--steps", type=int, default=30)
    told = parser.parse_args()
    torch.set_num_threads(1)
    real = make_ecg(1500, n_samples=N_SAMPLES, fs_hz=FS_HZ, random_state=0)
    model = SignalGANSynthesizer(fs_hz=FS_HZ, max_steps=told.steps, random_state=0).fit(real)
    history = model.history_
    steps, begun = history["step"], history["seconds"]
    print(f"a step: {(begun.iloc[-1] - begun.iloc[0]) / (steps.iloc[-1] - steps.iloc[0]):.3f} s")
    windows = seconds(lambda: model.sample(told.windows), 3)
    print(f"windows made a second: {told.windows / windows:.0f}")
    n_long = max(1, told.windows // 10)
    duration_s = 10 * N_SAMPLES / FS_HZ
    recordings = seconds(lambda: model.sample(n_long, duration_s=duration_s), 3)
    print(f"recordings of ten windows, against ten windows: {recordings / windows:.2f} times")


if __name__ == "__main__":
    main()
