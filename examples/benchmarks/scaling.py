"""How time and memory grow with rows: make Parquet parts, encode them, train 200 steps, sample.

    python examples/benchmarks/scaling.py 5000000 --folder /tmp/parts --results runs.jsonl
    python examples/benchmarks/scaling.py --results runs.jsonl --figure docs/images/scaling.png

Parts are made once, in a process of their own, so that the peak of memory is that of `fit`. The
second line draws what the first one measured, for any number of runs.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import resource
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from synthgan import TabularGANSynthesizer
from synthgan.scale.large_table import LargeTable

_ROWS_OF_PART = 1_000_000
_LABELS = ("north", "south", "east", "west", "up", "down", "left", "right")


def make(n: int, seed: int = 0) -> pd.DataFrame:
    """Draw a table of 20 columns of mixed types."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2020-01-01", "s")
    columns = {f"real{i}": rng.normal(size=n) for i in range(3)}
    columns |= {f"tenth{i}": rng.normal(50, 10, n).round(1) for i in range(3)}
    columns |= {f"amount{i}": rng.lognormal(3 + 2 * i, 1, n).round(2) for i in range(2)}
    columns["gap"] = np.where(rng.random(n) < 0.1, np.nan, rng.gamma(2, size=n))
    columns |= {f"count{i}": rng.poisson(5 * (i + 1) ** 2, n) for i in range(3)}
    columns["large"] = rng.integers(0, 10**6, n)
    columns |= {f"label{i}": rng.choice(np.array(_LABELS[: 3 + i]), n) for i in range(3)}
    weights = 1 / np.arange(1, 201)
    codes = rng.choice(200, n, p=weights / weights.sum())
    columns["code"] = np.char.add("c", codes.astype("U3"))
    columns["flag"] = rng.random(n) < 0.3
    columns["day"] = start + 86_400 * rng.integers(0, 1500, n)
    columns["time"] = start + rng.integers(0, 1500 * 86_400, n)
    return pd.DataFrame(columns)


def write_parts(folder: Path, n: int) -> None:
    """Write Parquet files of a million rows each, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, first in enumerate(range(0, n, _ROWS_OF_PART)):
        path = folder / f"part-{i:03d}.parquet"
        if not path.exists():
            make(min(_ROWS_OF_PART, n - first), i).to_parquet(path, index=False)


def workers() -> list[Path]:
    """Return the folders in /proc of the processes that this one has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended
            continue
        if int(fields[1]) == os.getpid():
            found.append(path)
    return found


def cpu_s() -> float:
    """Return the CPU seconds of this process and of those that it has started."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + ended.ru_utime + ended.ru_stime
    for path in workers():
        fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        total += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return total


def peaks_mib() -> list[float]:
    """Return the peaks of resident memory of this process, and of those that it has started."""
    peaks = []
    for path in [Path("/proc/self"), *workers()]:
        status = dict(line.split(":", 1) for line in (path / "status").read_text().splitlines())
        peaks.append(int(status["VmHWM"].split()[0]) / 2**10)
    return peaks


class Passes(logging.Handler):
    """Keep when each pass ended, and how many rows it read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[float]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Note the time of a batch."""
        if isinstance(record.args, tuple) and len(record.args) == 4:
            name, n_rows = str(record.args[0]), float(str(record.args[1]))
            self.seen[name] = [time.perf_counter(), cpu_s(), n_rows]


def draw(results: Path, path: Path) -> None:
    """Draw CPU seconds and peak memory of runs against rows."""
    runs = [json.loads(line) for line in results.read_text().splitlines()]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for jobs, marker in ((1, "o"), (2, "s")):
        some = sorted((run for run in runs if run["jobs"] == jobs), key=lambda run: run["rows"])
        rows = [run["rows"] for run in some]
        name = f"{jobs} process" + "es" * (jobs > 1)
        axes[0].plot(rows, [run["cpu_s"] for run in some], marker=marker, label=name)
        axes[1].plot(rows, [sum(run["peaks_mib"]) for run in some], marker=marker, label=name)
    axes[0].set(xscale="log", yscale="log", xlabel="rows", ylabel="CPU seconds of the passes")
    axes[1].set(xscale="log", ylim=(0, 2300), xlabel="rows", ylabel="peak memory, MiB")
    axes[1].axhline(2048, color="grey", linestyle=":", label="2 GiB")
    for one in axes:
        one.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print rows per second, CPU seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/synthgan-parts"))  # noqa: S108
    parser.add_argument("--cache-dir", default=None)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    parsed = parser.parse_args()
    if parsed.figure is not None:
        draw(parsed.results, parsed.figure)
        return
    warnings.simplefilter("ignore")
    folder = parsed.folder / str(parsed.rows)
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=write_parts, args=(folder, parsed.rows))
    maker.start()
    maker.join()
    measure(parsed, folder)


def measure(parsed: argparse.Namespace, folder: Path) -> None:
    """Fit, and print what it took."""
    passes = Passes()
    logger = logging.getLogger("synthgan")
    logger.setLevel(logging.INFO)
    logger.addHandler(passes)
    begun = last = time.perf_counter()
    cpu = last_cpu = cpu_s()
    model = TabularGANSynthesizer(max_steps=parsed.steps, candidates=1, random_state=0)
    model.fit(LargeTable(folder, cache_dir=parsed.cache_dir, n_jobs=parsed.jobs))
    for name, (end, cpu_end, n) in passes.seen.items():
        print(
            f"{name}: {end - last:.1f} s, {n / (end - last):.0f} rows/s, "
            f"{1e6 * (cpu_end - last_cpu) / n:.2f} CPU s a million rows"
        )
        last, last_cpu = end, cpu_end
    peaks = peaks_mib()
    print(
        f"passes of {parsed.rows} rows: {last - begun:.1f} s, {last_cpu - cpu:.1f} CPU s; whole "
        f"fit: {time.perf_counter() - begun:.1f} s, {cpu_s() - cpu:.1f} CPU s; peak "
        f"{' + '.join(f'{one:.0f}' for one in peaks)} = {sum(peaks):.0f} MiB"
    )
    if parsed.results is not None:
        run = {"rows": parsed.rows, "jobs": parsed.jobs, "cpu_s": last_cpu - cpu}
        run |= {"seconds": last - begun, "peaks_mib": peaks}
        with parsed.results.open("a") as file:
            file.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
