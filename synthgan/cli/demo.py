"""synthgan demo: trains a model on a simulated clinic and evaluates it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from synthgan.cli.evaluate import print_summary
from synthgan.io.escaping import printable

__all__ = ["add"]

_FEWEST_ROWS = 20


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    demo = commands.add_parser("demo", help="train a model on a simulated clinic and evaluate it")
    demo.add_argument("--out", default="synthgan-demo", help="output folder (default: %(default)s)")
    demo.add_argument(
        "--rows", type=int, default=2000, help="number of simulated rows (default: %(default)s)"
    )
    demo.add_argument(
        "--epochs", type=int, default=400, help="training epochs (default: %(default)s)"
    )
    demo.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    demo.set_defaults(command=_demo)


def _demo(parsed: argparse.Namespace) -> None:
    from synthgan.datasets import make_clinic
    from synthgan.io.tables import write_table
    from synthgan.kinds.table.files import train_table
    from synthgan.report import evaluate

    if parsed.rows < _FEWEST_ROWS:
        raise ValueError(f"--rows {parsed.rows} is too few; give {_FEWEST_ROWS} or more.")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    rows = make_clinic(2 * parsed.rows, random_state=parsed.seed)
    real, holdout = rows.iloc[: parsed.rows], rows.iloc[parsed.rows :]
    print(f"Training on {len(real)} simulated patients with {real.shape[1]} columns ...")
    start = time.perf_counter()
    model = train_table(real, epochs=parsed.epochs, random_state=parsed.seed)
    print(f"Training took {time.perf_counter() - start:.0f} s. Evaluating ...")
    fake = model.sample(len(real), random_state=parsed.seed + 1)
    report = evaluate(real, fake, holdout=holdout, target="outcome", model=model)
    print_summary(report)
    print("\nThe first synthetic patients:")
    print(fake.head().to_string(index=False))
    write_table(real, out / "real.csv")
    write_table(fake, out / "fake.csv")
    report.to_html(out / "report.html")
    files = ", ".join(str(out / name) for name in ("real.csv", "fake.csv", "report.html"))
    print(f"\nWritten: {printable(files)}")
