"""Tables on the command line: read, learnt and written."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from synthgan.kinds.options import estimator_arguments

__all__ = ["add_fit_options", "fit", "train_table", "write"]


def add_fit_options(tables: Any) -> None:
    """Add options of ``synthgan fit``."""
    tables.add_argument(
        "--privacy",
        choices=("balanced", "faithful", "strict"),
        help="trade of fidelity for privacy below 1250 people (default: balanced)",
    )


def train_table(table: Any, groups: Any = None, **parameters: Any) -> Any:
    """Fit a table, with a progress bar where someone looks."""
    import torch

    from synthgan.synthesizers.tabular import TabularGANSynthesizer

    torch.set_num_threads(1)  # this process is ours; small networks are slower on two threads
    return TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty())).fit(
        table, groups=groups
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Learn; return the model, and in words what was learnt."""
    from synthgan.io.tables import read_csv

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; a table is one CSV file.")
    columns = parsed.condition_on
    told = columns if columns in (None, "any") else columns.split(",")
    parameters = estimator_arguments(parsed, told)
    if parsed.privacy is not None:
        parameters["privacy"] = parsed.privacy
    return train_table(read_csv(path), parsed.groups, **parameters), path


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write records; return what the files hold."""
    from synthgan.io.tables import write_csv

    write_csv(fake, parsed.out, safe=parsed.csv_safe)
    return "rows"
