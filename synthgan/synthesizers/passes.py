"""Fit a table that does not fit into memory: it is read three times, batch by batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.asking.conditions import required_columns
from synthgan.constraints.tallies import Tally, settle
from synthgan.encoding.groups import with_gates
from synthgan.encoding.tables.known import cell_type
from synthgan.encoding.tables.schema import Schema
from synthgan.encoding.tables.summary import TableSummary
from synthgan.exceptions import DataError, ParameterError, grouped_notices, without_notices_of
from synthgan.privacy import Support
from synthgan.privacy.differential import DifferentialPrivacy
from synthgan.records.tables import read_table
from synthgan.scale.grid_file import GridFile, open_rows
from synthgan.scale.large_table import LargeTable
from synthgan.scale.partitions import are_partitions
from synthgan.synthesizers.encoded_table import Encoded, encoded_table
from synthgan.synthesizers.recipes import Preset, find_encoder, find_preset, resolve
from synthgan.synthesizers.table_parts import (
    condition_columns,
    describe_table,
    find_forms,
    fit_constraints,
    restore_table,
)
from synthgan.synthesizers.table_rules import follow_level, table_recipe, table_run
from synthgan.synthesizers.training_set import TrainingSet
from synthgan.synthesizers.unit_work import Count, Counts, Encode

__all__ = ["encoded_in_passes"]

_SAMPLE = 100_000  # rows from which forms, identifiers and relations are recognised
_SAMPLE_SEED = 0  # how a table is encoded depends on the table and on parameters only
_log = logging.getLogger(__name__)


@contextmanager
def encoded_in_passes(
    model: Any, X: Any, y: Any, groups: Any
) -> Iterator[tuple[TrainingSet, Preset]]:
    """Encode a table that is read in passes, and yield its grids in files and the recipe for them.

    The first pass checks all parts and draws a sample, in which forms of columns, identifiers and
    relations are recognised; the second counts values, and the rows that violate these relations,
    which are then left out; the third encodes rows into a file, from which training draws. Each
    row is another person.

    Parameters
    ----------
    model : TabularGANSynthesizer
        Gets the fitted attributes of its parts beside the networks.
    X : LargeTable, or what makes one
    y, groups : None

    Raises
    ------
    DataError
        Parts that cannot be read, or differ; a column that names people; a full disk.
    ParameterError
        What is not possible in passes.
    """
    _refuse(model, y, groups)
    table = X if isinstance(X, LargeTable) else LargeTable(X)
    preset = find_preset(model)
    encoder = find_encoder(model, preset)
    parameters = {"encoder": repr(sorted(encoder.get_params().items())),
                  "constraints": repr(resolve(model, "constraints", preset)),
                  "batch_rows": table.batch_rows}  # fmt: skip
    parameters |= {name: repr(getattr(model, name)) for name in ("privacy", "condition_on")}

    counts: dict[str, Any] = {}

    def encode(folder: Path) -> Encoded:
        counts.update(_learn(model, encoder, preset, table, folder))
        return counts, *describe_table(model)

    with encoded_table(table, parameters, encode) as (folder, kept):
        if kept is not None:
            _log.info("the encoded table is that of an earlier fit, in %s", folder)
            follow_level(model, encoder, kept.manifest["n_rows"])
            restore_table(model, kept.schema, kept.arrays)
            counts.update(kept.manifest)
        encoder, n_rows, n = model.encoder_, counts["n_rows"], counts["n_encoded"]
        grids, half_widths = open_rows(
            folder, encoder.grid_shape_, cell_type(encoder), counts["n_widths"], n
        )
        cell_groups = encoder.cell_groups_
        conditioned = condition_columns(
            model.condition_on, pd.DataFrame(columns=model.schema_.names)
        )
        known = with_gates(cell_groups, required_columns(model.constraints_, conditioned))
        known_groups = [group for group in cell_groups if group.column in known]
        support = Support(int(encoder.min_support))
        usual = table_run(model, cell_groups, n_rows, n)
        with closing(grids), nullcontext() if half_widths is None else closing(half_widths):
            data = TrainingSet(grids, cell_groups, known_groups, support, usual, half_widths)
            yield data, table_recipe(model, preset, n_rows, n_rows)


def _learn(
    model: Any, encoder: Any, preset: Any, table: LargeTable, folder: Path
) -> dict[str, int]:
    """Learn how rows are encoded, and encode them into files; return how many there are."""
    with grouped_notices():
        sample, counts = table.draw(_SAMPLE, np.random.default_rng(_SAMPLE_SEED))
        frame, model.container_ = read_table(model, sample, reset=True, min_rows=2)
        model.y_container_, model.privacy_, model.dialect_ = None, None, None
        constraints = resolve(model, "constraints", preset)
        model.forms_, support, key = find_forms(frame, encoder, None, None, constraints)
        if key is not None:
            raise DataError(
                f"column {key!r} seems to identify people who have several rows, and passes count "
                "rows, not people: drop the column, or give one row of each person."
            )
        frame = model.forms_.read(frame)
        follow_level(model, encoder, sum(counts))
        conditioned = condition_columns(model.condition_on, frame)
        model.constraints_ = fit_constraints(constraints, frame, conditioned, support, None)
        summary, tallies = _count(model, table, support)
        given = set() if isinstance(constraints, str) else set(map(repr, constraints))
        if settle(model.constraints_, tallies, given, support.least):
            summary, _ = _count(model, table, support)
        with without_notices_of(model.constraints_.residuals, up_to=1):
            encoder.fit_summary(summary)
    model.encoder_ = encoder
    model.schema_ = _bare_schema(frame, encoder.schema_, support)
    return _encode(model, table, counts, folder)


def _refuse(model: Any, y: Any, groups: Any) -> None:
    """Raise an error for what is not possible in passes."""
    refused = {
        "y": y is not None,
        "groups": groups is not None,
        "preset": model.preset is not None,
        "privacy": isinstance(model.privacy, DifferentialPrivacy),
    }
    why = {
        "y": "keep the target as a column of the table",
        "groups": "each row is another person there: give one row of each person",
        "preset": "give its parameters one by one",
        "privacy": "a guarantee needs the whole table",
    }
    for name, is_given in refused.items():
        if is_given:
            raise ParameterError(
                f"{name} is not possible for a table that is read in passes: {why[name]}, or give "
                "the table itself."
            )


def _count(model: Any, table: LargeTable, support: Support) -> tuple[TableSummary, list[Tally]]:
    """Count the values of all rows, and the rows that satisfy constraints."""
    counts: Counts | None = None
    for part in table.run("counting values", Count(model.forms_, model.constraints_, support)):
        if part is not None:
            counts = part if counts is None else counts.merged(part)
    if counts is None:
        raise DataError("the table has no rows in the second pass; leave its parts as they are.")
    return counts.summary, counts.tallies


def _encode(model: Any, table: LargeTable, counts: list[int], folder: Any) -> dict[str, int]:
    """Encode all rows into files, those of each unit into a place of their own; count them."""
    encoder = model.encoder_
    n_widths = sum(group.kind == "continuous" for group in encoder.cell_groups_)
    n_widths = 0 if encoder.is_quantised else n_widths
    n_rows = sum(counts)
    file = GridFile(folder, encoder.grid_shape_, cell_type(encoder), n_widths, n_rows)
    firsts = np.concatenate([[0], np.cumsum(counts)])
    n_encoded, has_widths = 0, False
    drops = encoder.outliers == "drop" and encoder.is_quantised
    own = None if are_partitions(table.data) else file
    work = Encode(model.forms_, model.constraints_, encoder, own, firsts)
    for i, (n, are_wide, cells) in enumerate(table.run("encoding rows", work, drops)):
        first = n_encoded
        for some, half_widths in cells:
            file.write(first, some, half_widths)
            first += len(some)
        if n != counts[i] and not drops:
            raise DataError(
                f"the table has changed while it was read: {n} rows were {counts[i]} before; leave "
                "its parts as they are."
            )
        n_encoded += n
        has_widths |= are_wide
        firsts[i + 1] = n_encoded  # where rows are dropped, the next ones take their place
    if n_encoded < 2:
        raise DataError(
            f"n_samples={n_encoded} of {n_rows} rows lie inside the limits; at least 2 are "
            "required: widen the limits."
        )
    return {
        "n_rows": n_rows,
        "n_encoded": n_encoded,
        "n_widths": n_widths if has_widths else 0,
    }


def _bare_schema(frame: pd.DataFrame, learnt: Schema, support: Support) -> Schema:
    """Describe all columns without their values; those that are not learnt, by a sample."""
    known = {column.name: column for column in learnt}
    columns = [known.get(one.name, one) for one in Schema.infer(frame, support)]
    bare = (replace(one, minimum=None, maximum=None, categories=None) for one in columns)
    return Schema(tuple(bare))
