"""synthgan sample: generates tables as CSV, signals as WFDB records, or images as PNG."""

from __future__ import annotations

import argparse
import secrets
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.cli.outputs import as_private_as, check_out
from synthgan.io.escaping import printable
from synthgan.kinds import Kind, all_kinds, find_kind

__all__ = ["add"]

_EXAMPLES = """\
  synthgan sample patients.synthgan -n 1000 --out fake.csv --csv-safe
  synthgan sample model.synthgan --conditions wanted.csv --out fake.csv
  synthgan sample patients.synthgan -n 100000000 --format parquet --jobs 2 --out fake/
  synthgan sample ecg.synthgan -n 10 --duration-s 30 --annotate --out fake-ecg/
"""


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    sample = add_command(
        commands,
        "sample",
        "generate rows, signals or images with a model",
        "Generates synthetic records with a model file. They have the form of the training "
        "records.",
        _EXAMPLES,
        "MODEL (-n N | --conditions ROWS.csv) --out OUT [options]",
    )
    sample.add_argument("model", metavar="MODEL", help="model file")
    wanted = sample.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        "-n",
        type=int,
        default=None,
        metavar="N",
        help="number of rows, signals or images; of related tables, rows of the topmost table",
    )
    wanted.add_argument(
        "--conditions",
        default=None,
        metavar="ROWS.csv",
        help="table with conditions: one row, signal or image is generated for each row; an "
        "empty cell is no condition. Of related tables, the file is named after its table",
    )
    sample.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="OUT",
        help="file for rows: CSV, also compressed (.csv.gz), .xlsx, .parquet or .feather, or a new "
        "folder with --format; folder for related tables or WFDB records; folder or zip archive "
        "for PNG images; or an npy file for signals or images",
    )
    sample.add_argument(
        "--seed",
        type=int,
        default=None,
        metavar="N",
        help="random seed, for reproducible output (default: a new one each time)",
    )
    _add_writing(sample)
    for kind in all_kinds().values():
        kind.add_sample_options(sample)
    sample.set_defaults(command=_sample)


def _add_writing(sample: Any) -> None:
    sample.add_argument(
        "--on-missing",
        choices=("error", "warn"),
        default=None,
        help="what to do if too few rows, signals or images meet the conditions: stop (default), "
        "or write those that do",
    )
    sample.add_argument(
        "--overwrite", action="store_true", help="replace records or images of the same name"
    )
    sample.add_argument(
        "--csv-safe",
        action="store_true",
        help="add an apostrophe before text that a spreadsheet reads as a formula: = + - @ ...",
    )
    sample.add_argument(
        "--format",
        choices=("csv", "csv.gz", "tsv", "xlsx", "parquet", "feather"),
        help="format of the files in a folder: of related tables (default: csv), or of the parts "
        "of a table that does not fit into memory (default: one file)",
    )


def _sample(parsed: argparse.Namespace) -> None:
    from synthgan import load

    model: Any = load(parsed.model)
    kind = find_kind(model.kind)
    _check_options(parsed, kind)
    options = kind.sample_arguments(parsed)
    if parsed.on_missing is not None:
        options["on_missing"] = parsed.on_missing
    seed = secrets.randbits(31) if parsed.seed is None else parsed.seed
    if parsed.format is not None and not kind.files:
        with as_private_as(parsed.model):
            n = kind.write_parts(model, seed, parsed)
        print(printable(f"{n} {kind.records} written to {parsed.out}"))
        return
    conditions = None if parsed.conditions is None else _read_conditions(parsed, kind, model)
    fake = model.sample(parsed.n, conditions=conditions, random_state=seed, **options)
    with as_private_as(parsed.model):
        noun = kind.write(fake, model, parsed)
    print(printable(f"{len(fake)} {noun} written to {parsed.out}"))


def _read_conditions(parsed: argparse.Namespace, kind: Kind, model: Any) -> Any:
    """Read a table of conditions; what the model learnt from text stays text."""
    from synthgan.io.tables import read_table

    path = parsed.conditions
    name = kind.table_of_conditions(path, model)
    if name is not None:
        kind, model = find_kind("table"), model.models_[name]
    conditions = read_table(path)
    texts = {n: t for n, t in kind.text_columns(model).items() if n in conditions.columns}
    conditions = read_table(path, dtype=texts) if texts else conditions
    return conditions if name is None else {name: conditions}


def _check_options(parsed: argparse.Namespace, kind: Kind) -> None:
    """Raise an error if options do not fit the model or the output file."""
    writes_csv = not parsed.out.endswith(".npy") and "csv_safe" in kind.sample_options
    if parsed.csv_safe and not writes_csv:
        raise ValueError(
            f"--csv-safe is for CSV files; {parsed.model!r} with --out {parsed.out!r} does not "
            "write one."
        )
    for name in (name for other in all_kinds().values() for name in other.sample_options):
        if name not in kind.sample_options and getattr(parsed, name) not in (None, False):
            kinds = [other.plural for other in all_kinds().values() if name in other.sample_options]
            raise ValueError(
                f"--{name.replace('_', '-')} is for {' and '.join(kinds)}; {parsed.model!r} "
                f"generates {kind.records}."
            )
    if not kind.files:
        if parsed.format is None:  # a folder of parts is checked before it is written
            check_out("--out", parsed.out)
        return
    if parsed.n is not None and parsed.n < 1:
        raise ValueError(f"-n {parsed.n} is too few; give 1 or more.")
    if parsed.out.endswith(".csv"):
        or_array = ", or an npy file" if kind.in_arrays else ""
        raise ValueError(
            f"--out {parsed.out!r} is a table, but {parsed.model!r} generates {kind.plural}; give "
            f"a folder for {kind.files}{or_array}."
        )
