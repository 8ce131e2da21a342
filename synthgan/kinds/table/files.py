"""Tables on the command line: reading, training and writing."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from synthgan.kinds.options import estimator_arguments, split_names

__all__ = ["fit", "train_table", "write"]


def train_table(table: Any, groups: Any = None, **parameters: Any) -> Any:
    """Fit a table, with a progress bar if standard error is a terminal."""
    from synthgan.synthesizers.tabular import TabularGANSynthesizer

    return TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty())).fit(
        table, groups=groups
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.io.tables import read_csv

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; give one CSV file for a table.")
    columns = parsed.condition_on
    condition_on = columns if columns == "any" else split_names(columns)
    parameters = estimator_arguments(parsed, condition_on)
    return train_table(read_csv(path), parsed.groups, **parameters), path


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write rows; return the plural noun for them."""
    from synthgan.io.tables import write_csv

    write_csv(fake, parsed.out, safe=parsed.csv_safe)
    return "rows"
