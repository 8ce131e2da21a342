"""synthgan evaluate: measures of synthetic records, and conditions on them."""

from __future__ import annotations

import argparse
import contextlib
import math
import operator
import re
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.cli.outputs import check_out
from synthgan.io.escaping import printable
from synthgan.kinds import all_kinds, find_kind

__all__ = ["add", "print_summary"]

_EXAMPLES = """\
  synthgan evaluate real.csv fake.csv --holdout others.csv --target outcome --html report.html
  synthgan evaluate real.csv fake.csv --holdout others.csv --groups patient_id --json scores.json
  synthgan evaluate real.csv fake.csv --holdout others.csv --fail-if "c2st>0.8"
  synthgan evaluate hospital/ fake-hospital/ --holdout other-hospital/ --no-real --html report.html
"""

_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    evaluate = add_command(
        commands,
        "evaluate",
        "measure fidelity, usefulness and privacy of synthetic records",
        "Measures how faithful, useful and private synthetic records are, also those of other "
        "tools. Give a holdout: without one there is no verdict on privacy.",
        _EXAMPLES,
        "REAL SYNTHETIC [--holdout H] [--html R.html] [options]",
    )
    evaluate.add_argument(
        "real",
        metavar="REAL",
        help="training records: a table, a folder of related tables, signals or images as npy, "
        "WFDB records, EDF files or folders of them, or images in a folder or a zip archive",
    )
    evaluate.add_argument(
        "fake", metavar="SYNTHETIC", help="synthetic records, in the same form as REAL"
    )
    evaluate.add_argument(
        "--holdout", metavar="H", help="real records that were not used for training"
    )
    evaluate.add_argument("--target", metavar="COLUMN", help="column that models predict")
    evaluate.add_argument(
        "--groups", metavar="COLUMN", help="column with the person of each row; it is not measured"
    )
    evaluate.add_argument(
        "--fs-hz",
        type=float,
        metavar="HZ",
        help="sampling rate of signals; records are resampled to it",
    )
    output = evaluate.add_argument_group("report")
    output.add_argument("--html", metavar="R.html", help="write the report to this file")
    output.add_argument("--json", metavar="R.json", help="write the scores to this file")
    output.add_argument(
        "--no-real",
        action="store_true",
        help="write no real records, and no figures of single real records",
    )
    evaluate.add_argument(
        "--follow-links",
        action="store_true",
        help="follow links that lead out of a folder (default: refuse them)",
    )
    evaluate.add_argument(
        "--seed", type=int, default=0, metavar="N", help="random seed (default: %(default)s)"
    )
    output.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="CONDITION",
        help='exit with status 1 if the condition is true, such as "c2st>0.8"; may be repeated',
    )
    for kind in all_kinds().values():
        kind.add_evaluate_options(evaluate)
    evaluate.set_defaults(command=_evaluate)


def _evaluate(parsed: argparse.Namespace) -> None:
    from synthgan.report import evaluate

    conditions = [_condition(text) for text in parsed.fail_if]
    if parsed.seed < 0:
        raise ValueError(f"--seed {parsed.seed} is not allowed; give 0 or more.")
    for option in ("html", "json"):
        path = getattr(parsed, option)
        if path is not None:
            check_out(f"--{option}", path)
    (real, fake, holdout), kind = _read_sets((parsed.real, parsed.fake, parsed.holdout), parsed)
    report = evaluate(
        real,
        fake,
        holdout=holdout,
        target=parsed.target,
        kind=kind,
        fs_hz=parsed.fs_hz,
        show_real=not parsed.no_real,
        groups=parsed.groups,
        random_state=parsed.seed,
        **({} if kind == "auto" else find_kind(kind).evaluate_arguments(parsed)),
    )
    print_summary(report)
    for path, write in ((parsed.html, report.to_html), (parsed.json, report.to_json)):
        if path is not None:
            write(path)
            print(f"Written: {printable(path)}")
    failed = [text for text, is_true in conditions if is_true(report)]
    if failed:
        print(f"synthgan: failed: {printable(' and '.join(failed))}", file=sys.stderr)
        raise SystemExit(1)


def _condition(text: str) -> tuple[str, Callable[[Any], bool]]:
    """Parse a condition such as ``c2st>0.8``; it is also true if the measure has no value."""
    from synthgan.report.evaluation import measure_names

    found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*", text)
    limit = None
    if found:
        with contextlib.suppress(ValueError):
            limit = float(found[3])
    if found is None or limit is None:
        raise ValueError(f'--fail-if {text!r} is not a condition; give one such as "c2st>0.8".')
    name, compare = found[1], _COMPARISONS[found[2]]
    if name not in measure_names():
        raise ValueError(
            f"--fail-if {text!r} does not name a measure; give one of {measure_names()}."
        )

    def is_true(report: Any) -> bool:
        value = report[name].value if name in report.names else math.nan
        return math.isnan(value) or compare(value, limit)

    return text, is_true


def _read_sets(paths: tuple[str | None, ...], parsed: argparse.Namespace) -> tuple[list[Any], str]:
    """Read all sets; return them and their kind, which npy files do not tell."""
    from synthgan.io.tables import read_array

    kinds = all_kinds().values()
    own = [path for path in paths if path is not None and not path.endswith(".npy")]
    found = [kind for kind in kinds if own and kind.recognises(own[0])] or list(kinds)
    allowed = found[0].evaluate_options if own else ()
    for option in {name for kind in kinds for name in kind.evaluate_options}:
        if getattr(parsed, option) is not None and option not in allowed:
            plurals = [kind.plural for kind in kinds if option in kind.evaluate_options]
            raise ValueError(
                f"--{option.replace('_', '-')} is for files of {' and '.join(plurals)}, not for "
                f"{parsed.real!r}."
            )
    return found[0].read_sets(paths, parsed, read_array), found[0].name if own else "auto"


def print_summary(report: Any) -> None:
    """Print the findings of a report."""
    for finding in report.summary():
        print(f"\n{printable(finding.title)} {printable(finding.figure)}")
        meaning = printable(finding.meaning)
        print(textwrap.fill(meaning, 88, initial_indent="  ", subsequent_indent="  "))
