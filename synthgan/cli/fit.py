"""synthgan fit: trains a model on a table, related tables, signals or images."""

from __future__ import annotations

import argparse
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.cli.outputs import check_out
from synthgan.io.escaping import printable
from synthgan.kinds import Kind, all_kinds, find_kind

__all__ = ["add"]

_EXAMPLES = """\
  synthgan fit patients.csv --out patients.synthgan --groups patient_id
  synthgan fit patients.csv --out model.synthgan --condition-on age,ward --max-time 5min
  synthgan fit patients.csv --out private.synthgan --epsilon 3 --delta 1e-6 --unit patient_id
  synthgan fit hospital/ --out hospital.synthgan
  synthgan fit ptbdb/ --leads i --n-samples 2025 --out ecg.synthgan --max-time 30min
  synthgan fit eyes.zip --size 64 --out eyes.synthgan
"""


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    fit = add_command(
        commands,
        "fit",
        "train a model on a table, related tables, signals or images",
        "Trains a model on real records and writes it to one file. The kind of the records is "
        "recognised from the files. No option but --out is needed.",
        _EXAMPLES,
        "DATA [DATA ...] --out MODEL [options]",
    )
    fit.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="a table (CSV and other text, Excel, Parquet, Feather, Stata, SAS), or several files "
        "that are its parts, read in passes (also a folder of parts, with --kind table); a folder "
        "of related tables, one file each; WFDB records or folders of them; a zip archive or "
        "folders of images, or image files; or an npy file of signal windows (of images with "
        "--kind image)",
    )
    fit.add_argument("-o", "--out", required=True, metavar="MODEL", help="model file to write")
    fit.add_argument(
        "--kind",
        choices=("auto", *all_kinds()),
        default="auto",
        help="kind of the data (default: auto, that is, signal for WFDB records, folders of them "
        "and npy files; image for image files, zip archives and folders of images; relational "
        "for other folders with tables; otherwise table)",
    )
    fit.add_argument(
        "--condition-on",
        "--labels",
        default=None,
        metavar="COLUMNS",
        help="conditions for sample, separated by commas: columns of a table (any: all columns); "
        "labels in the headers of WFDB records, and heart_rate_bpm, which is measured; folder, "
        "for images; TABLE.COLUMN of related tables without a parent",
    )
    fit.add_argument(
        "--follow-links",
        action="store_true",
        help="follow links that lead out of a folder (default: refuse them)",
    )
    _add_training(fit.add_argument_group("training"))
    _add_people(fit.add_argument_group("people and privacy"))
    for kind in all_kinds().values():
        kind.add_fit_options(fit)
    fit.set_defaults(command=_fit, together=True)


def _add_training(training: Any) -> None:
    training.add_argument(
        "--preset",
        default=None,
        metavar="NAME",
        help="named set of parameters, such as thesis-thyroid or thesis-ecg-cnn",
    )
    training.add_argument(
        "--epochs", type=int, default=None, metavar="N", help="training epochs (default: automatic)"
    )
    training.add_argument(
        "--max-steps",
        type=int,
        default=None,
        metavar="N",
        help="maximum number of training steps (default: none)",
    )
    training.add_argument(
        "--max-time",
        default=None,
        metavar="TIME",
        help="maximum training time in seconds, or with a unit as in 10min (default: none)",
    )
    training.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        help="folder in which the run is saved every 5 epochs; the same command then goes on from "
        "there (default: not saved)",
    )
    training.add_argument(
        "--seed", type=int, default=None, metavar="N", help="random seed, for a reproducible model"
    )


def _add_people(people: Any) -> None:
    people.add_argument(
        "--groups",
        default=None,
        metavar="COLUMN",
        help="column with the person of each row; minimum counts are then in people, not in rows "
        "(default: a column that is recognised as person identifier, otherwise each row is a "
        "person; patient for WFDB records)",
    )
    people.add_argument(
        "--privacy",
        choices=("balanced", "faithful", "strict"),
        help="trade-off between fidelity and privacy for data of few people: fewer than 1250 for "
        "tables, 375 for signals and images (default: balanced)",
    )


def _fit(parsed: argparse.Namespace) -> None:
    check_out("--out", parsed.out)
    kind = _kind_of(parsed.data) if parsed.kind == "auto" else find_kind(parsed.kind)
    _check_options(parsed, kind)
    model, description = kind.fit(parsed)
    model.save(parsed.out)
    print(printable(f"Trained on {description}. Model written to {parsed.out}"))


def _kind_of(paths: list[str]) -> Kind:
    """Return the first kind that recognises one of the paths."""
    return next(kind for kind in all_kinds().values() if any(map(kind.recognises, paths)))


def _check_options(parsed: argparse.Namespace, kind: Kind) -> None:
    for other in all_kinds().values():
        for name in other.fit_options:
            if name not in kind.fit_options and getattr(parsed, name) is not None:
                option = f"--{name.replace('_', '-')}"
                article = "an" if kind.name[0] in "aeiou" else "a"
                raise ValueError(
                    f"{option} is for {other.plural}, but {parsed.data[0]!r} is read as {article} "
                    f"{kind.name}; see --kind."
                )
    in_folder = kind.in_folders and not any(path.endswith(".npy") for path in parsed.data)
    if parsed.follow_links and not in_folder:
        raise ValueError(
            "--follow-links is for records, images and folders of tables, not for "
            f"{parsed.data[0]!r}."
        )
    if parsed.condition_on == "any" and not kind.any_condition:
        raise ValueError("--condition-on any is for tables; give labels, separated by commas.")
