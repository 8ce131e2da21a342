"""The command line: demo, fit, sample, evaluate."""

from __future__ import annotations

import argparse
import contextlib
import math
import operator
import os
import re
import secrets
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from synthgan import __version__
from synthgan.exceptions import SynthganError, SynthganWarning

__all__ = ["main"]

_USER_ERRORS = (SynthganError, ValueError, OSError)
_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what a user can mend ends in one line on stderr and exit code 2.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        Words of the command line; None takes those of the process.
    """
    parsed = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SynthganWarning)
            warnings.showwarning = _show_warning
            parsed.command(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as with "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except _USER_ERRORS as error:
        print(f"synthgan: error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("synthgan: stopped; nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthgan", description="Learn private records, make believable ones."
    )
    parser.add_argument("--version", action="version", version=f"synthgan {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="learn a simulated clinic and show the result")
    demo.add_argument("--out", default="synthgan-demo", help="folder (default: %(default)s)")
    demo.add_argument("--rows", type=int, default=2000, help="rows to simulate (%(default)s)")
    demo.add_argument("--epochs", type=int, default=400, help="epochs (%(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="seed (%(default)s)")
    demo.set_defaults(command=_demo)

    fit = commands.add_parser("fit", help="learn a CSV table")
    fit.add_argument("table", metavar="TABLE.csv")
    fit.add_argument("--out", required=True, metavar="MODEL", help="model file to write")
    fit.add_argument("--preset", default=None, help="parameter set, such as thesis-thyroid")
    fit.add_argument("--epochs", type=int, default=None, help="epochs (default: automatic)")
    fit.add_argument("--max-time", default=None, help="limit, such as 10min (default: none)")
    fit.add_argument(
        "--condition-on",
        default=None,
        metavar="COLUMNS",
        help="columns that sample may be told, joined by commas; any: all of them",
    )
    fit.add_argument("--seed", type=int, default=None, help="seed, for the same model again")
    fit.set_defaults(command=_fit)

    sample = commands.add_parser("sample", help="make rows with a model")
    sample.add_argument("model", metavar="MODEL")
    wanted = sample.add_mutually_exclusive_group(required=True)
    wanted.add_argument("-n", type=int, default=None, help="number of rows")
    wanted.add_argument(
        "--conditions",
        default=None,
        metavar="ROWS.csv",
        help="values that each row must have, empty where free; one row out for each row in",
    )
    sample.add_argument("--out", required=True, metavar="FAKE.csv")
    sample.add_argument("--seed", type=int, default=None, help="seed, for the same rows again")
    sample.set_defaults(command=_sample)
    _add_evaluate(commands)
    return parser


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate", help="measure how faithful, useful and private a fake is"
    )
    evaluate.add_argument("real", metavar="REAL", help="table as CSV, or signals or images as npy")
    evaluate.add_argument("fake", metavar="FAKE")
    evaluate.add_argument("--holdout", metavar="H", help="real records that were not learnt")
    evaluate.add_argument("--target", metavar="COLUMN", help="column that models are to predict")
    evaluate.add_argument("--fs-hz", type=float, metavar="HZ", help="sampling rate of signals")
    evaluate.add_argument("--html", metavar="R.html", help="report to write")
    evaluate.add_argument("--json", metavar="R.json", help="scores to write")
    evaluate.add_argument("--seed", type=int, default=0, help="seed (%(default)s)")
    evaluate.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help='end with status 1 where it holds, such as "c2st>0.8"; may be repeated',
    )
    evaluate.set_defaults(command=_evaluate)


def _demo(parsed: argparse.Namespace) -> None:
    from synthgan.datasets import make_clinic
    from synthgan.io.tables import write_csv
    from synthgan.report import evaluate

    if parsed.rows < 2:
        raise ValueError(f"--rows {parsed.rows} is too few; give 2 or more.")
    out = Path(parsed.out)
    out.mkdir(parents=True, exist_ok=True)
    rows = make_clinic(2 * parsed.rows, random_state=parsed.seed)
    real, holdout = rows.iloc[: parsed.rows], rows.iloc[parsed.rows :]
    print(f"Learning {len(real)} simulated patients, {real.shape[1]} columns ...")
    begun = time.perf_counter()
    model = _train(real, epochs=parsed.epochs, random_state=parsed.seed)
    print(f"Learnt in {time.perf_counter() - begun:.0f} s. Measuring ...")
    fake = model.sample(len(real), random_state=parsed.seed + 1)
    report = evaluate(real, fake, holdout=holdout, target="outcome", model=model)
    _print_summary(report)
    print("\nThe first fake patients:")
    print(fake.head().to_string(index=False))
    write_csv(real, out / "real.csv")
    write_csv(fake, out / "fake.csv")
    report.to_html(out / "report.html")
    print(f"\nWritten: {out / 'real.csv'}, {out / 'fake.csv'}, {out / 'report.html'}")


def _fit(parsed: argparse.Namespace) -> None:
    from synthgan.io.tables import read_csv

    out = Path(parsed.out)
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {parsed.out!r} names no file in a folder that is there.")
    table = read_csv(parsed.table)
    columns = parsed.condition_on
    model = _train(
        table,
        epochs=parsed.epochs,
        max_time=parsed.max_time,
        condition_on=columns if columns in (None, "any") else columns.split(","),
        random_state=parsed.seed,
        preset=parsed.preset,
    )
    model.save(out)
    print(f"{parsed.table} learnt, model written to {parsed.out}")


def _sample(parsed: argparse.Namespace) -> None:
    from synthgan import load
    from synthgan.io.tables import read_csv, write_csv

    model: Any = load(parsed.model)
    conditions = None if parsed.conditions is None else read_csv(parsed.conditions)
    seed = secrets.randbits(31) if parsed.seed is None else parsed.seed
    fake = model.sample(parsed.n, conditions=conditions, random_state=seed)
    write_csv(fake, parsed.out)
    print(f"{len(fake)} rows written to {parsed.out}")


def _evaluate(parsed: argparse.Namespace) -> None:
    from synthgan.report import evaluate

    conditions = [_condition(text) for text in parsed.fail_if]
    records = [None if path is None else _read(path)
               for path in (parsed.real, parsed.fake, parsed.holdout)]  # fmt: skip
    real, fake, holdout = records
    report = evaluate(
        real,
        fake,
        holdout=holdout,
        target=parsed.target,
        fs_hz=parsed.fs_hz,
        random_state=parsed.seed,
    )
    _print_summary(report)
    for path, write in ((parsed.html, report.to_html), (parsed.json, report.to_json)):
        if path is not None:
            write(path)
            print(f"Written: {path}")
    broken = [text for text, holds in conditions if holds(report)]
    if broken:
        print(f"synthgan: failed, as {' and '.join(broken)}", file=sys.stderr)
        raise SystemExit(1)


def _condition(text: str) -> tuple[str, Callable[[Any], bool]]:
    """Read a condition such as ``c2st>0.8``; a measure that has no value breaks it, too."""
    from synthgan.report.evaluation import measure_names

    found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
    limit = None
    if found:
        with contextlib.suppress(ValueError):
            limit = float(found[3])
    if found is None or limit is None:
        raise ValueError(f'--fail-if {text!r} is no condition; give one such as "c2st>0.8".')
    name, compare = found[1], _COMPARISONS[found[2]]
    if name not in measure_names():
        raise ValueError(f"--fail-if {text!r} names no measure; there are {measure_names()}.")

    def holds(report: Any) -> bool:
        value = report[name].value if name in report.names else math.nan
        return math.isnan(value) or compare(value, limit)

    return text, holds


def _read(path: str) -> Any:
    from synthgan.io.tables import read_array, read_csv

    return read_array(path) if path.endswith(".npy") else read_csv(path)


def _print_summary(report: Any) -> None:
    for finding in report.summary():
        print(f"\n{finding.title} {finding.figure}")
        print(textwrap.fill(finding.meaning, 88, initial_indent="  ", subsequent_indent="  "))


def _train(table: Any, **parameters: Any) -> Any:
    import torch

    from synthgan.tabular import TabularGANSynthesizer

    torch.set_num_threads(1)  # this process is ours; small networks are slower on two threads
    model = TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty()))
    return model.fit(table)


def _show_warning(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
    print(f"synthgan: {category.__name__}: {message}", file=sys.stderr)
