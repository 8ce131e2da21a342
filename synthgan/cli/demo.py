"""synthgan demo: trains a model on simulated records, and measures what it generates."""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.exceptions import PrivacyWarning
from synthgan.io.escaping import printable

__all__ = ["add"]

_FEWEST_RECORDS = 20
_EXAMPLES = """\
  synthgan demo
  synthgan demo --kind ecg --out ecg-demo
  synthgan demo --kind relational --rows 300 --seed 1
"""


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    demo = add_command(
        commands,
        "demo",
        "train a model on simulated records and measure the result",
        "Simulates records, trains a model on them, measures the synthetic records, and writes a "
        "report. You need no data. A table takes less than a minute on two CPU cores, the other "
        "kinds less than two.",
        _EXAMPLES,
        "[--kind KIND] [options]",
    )
    demo.add_argument(
        "--kind",
        choices=("table", "ecg", "image", "relational"),
        default="table",
        metavar="KIND",
        help="table: patients of a clinic; ecg: windows of two seconds; image: handwritten "
        "digits; relational: patients and their stays in a hospital (default: %(default)s)",
    )
    demo.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        default="synthgan-demo",
        help="output folder (default: %(default)s)",
    )
    size = demo.add_argument_group("size of the run")
    size.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help="number of training records (default: 2000 rows, 400 windows, 1000 images, 400 "
        "patients)",
    )
    size.add_argument(
        "--epochs", type=int, metavar="N", help="training epochs (default: what the time allows)"
    )
    size.add_argument(
        "--seed", type=int, metavar="N", default=0, help="random seed (default: %(default)s)"
    )
    demo.set_defaults(command=_demo)


def _demo(parsed: argparse.Namespace) -> None:
    if parsed.rows is not None and parsed.rows < _FEWEST_RECORDS:
        raise ValueError(f"--rows {parsed.rows} is too few; give {_FEWEST_RECORDS} or more.")
    if parsed.epochs is not None and parsed.epochs < 1:
        raise ValueError(f"--epochs {parsed.epochs} is too few; give 1 or more.")
    if parsed.seed < 0:
        raise ValueError(f"--seed {parsed.seed} is not allowed; give 0 or more.")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    print("synthgan demo: loading ...", flush=True)  # the imports take seconds
    from synthgan.cli.demo_runs import RUNS

    run = RUNS[parsed.kind](parsed.rows, parsed.seed)
    print(f"Training on {run.real_in_words} ...", flush=True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)  # nobody is in simulated records
        fake = run.train(parsed.epochs)
    seconds = time.perf_counter() - start
    print("Measuring the synthetic records ...", flush=True)
    report = run.evaluate(fake)
    files = run.write(fake, out)
    report.to_html(out / "report.html")
    _print_result(report, f"learnt {run.real_in_words} in {seconds:.0f} s", files)
    print(f"Report:    {printable(out / 'report.html')} (open it in a browser)")


def _print_result(report: Any, learnt: str, files: str) -> None:
    """Print five lines: what was learnt, three findings, and the files."""
    findings = {one.title: f"{one.figure}: {one.brief}" for one in report.summary()}
    findings.setdefault("Useful?", "not judged: there is no column to predict")
    lines = {"Trained:": learnt}
    lines |= {title: findings[title] for title in ("Faithful?", "Useful?", "Private?")}
    lines["Written:"] = files
    print()
    for title, text in lines.items():
        print(printable(f"{title:<10} {text}"))
