"""How time and memory grow with rows: make Parquet parts, encode them, train 200 steps, sample.

    python examples/benchmarks/scaling.py 5000000 --folder /tmp/parts

Parts are made once, in a process of their own, so that the peak of memory is that of `fit`.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import resource
import time
import warnings
from pathlib import Path

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


def peak_mib(who: int = resource.RUSAGE_SELF) -> float:
    """Return the peak of resident memory."""
    return resource.getrusage(who).ru_maxrss / 2**10


class Passes(logging.Handler):
    """Keep when each pass began and ended, and how many rows it read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, list[float]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Note the time of a batch."""
        if isinstance(record.args, tuple) and len(record.args) == 4:
            name, n_rows = str(record.args[0]), float(str(record.args[1]))
            cpu = time.process_time()
            begun = self.seen.get(name, [time.perf_counter(), cpu, n_rows])[:3]
            self.seen[name] = [*begun, time.perf_counter(), cpu, n_rows]


def main() -> None:
    """Print rows per second, CPU seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/synthgan-parts"))  # noqa: S108
    parser.add_argument("--cache-dir", default=None)
    parser.add_argument("--steps", type=int, default=200)
    parsed = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = parsed.folder / str(parsed.rows)
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=write_parts, args=(folder, parsed.rows))
    maker.start()
    maker.join()
    passes = Passes()
    logger = logging.getLogger("synthgan")
    logger.setLevel(logging.INFO)
    logger.addHandler(passes)
    begun, cpu = time.perf_counter(), time.process_time()
    model = TabularGANSynthesizer(max_steps=parsed.steps, candidates=1, random_state=0)
    model.fit(LargeTable(folder, cache_dir=parsed.cache_dir))
    for name, (start, cpu_start, first, end, cpu_end, n) in passes.seen.items():
        rest = max(n - first, 1)
        print(
            f"{name}: {rest / max(end - start, 1e-9):.0f} rows/s, "
            f"{1e6 * (cpu_end - cpu_start) / rest:.2f} CPU s a million rows"
        )
    print(
        f"fit of {parsed.rows} rows: {time.perf_counter() - begun:.1f} s, "
        f"{time.process_time() - cpu:.1f} CPU s, peak {peak_mib():.0f} MiB"
    )


if __name__ == "__main__":
    main()
