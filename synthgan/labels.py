"""Labels: what stands beside signals or images, and may be asked of generated ones."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synthgan.conditions import Conditions, bare_schema
from synthgan.constraints import ConstraintSet
from synthgan.encoding import CellGroup, GridEncoder, Schema
from synthgan.encoding.known import encode_known
from synthgan.encoding.targets import TargetContainer, read_target
from synthgan.exceptions import ParameterError

__all__ = ["Labels"]

_TOLERANCE = 0.03  # of a measured number


@dataclass
class Labels:
    """What records were labelled with, as a small table.

    Parameters
    ----------
    schema : Schema
        All columns: those of y, given ones, measured ones.
    encoder : GridEncoder or None
        Fitted on them; None where there are none.
    measured : list of str
        Columns that are measured on a record.
    y : TargetContainer or None
        What y came in.
    y_names : list
        Columns of y.
    y_cells : ndarray of shape (n_rows, n_cells)
        Rows of y that enough records share, encoded.
    y_shares : ndarray of shape (n_rows,)
        How many records have which of them; adds up to 1.
    """

    schema: Schema
    encoder: GridEncoder | None
    measured: list[str]
    y: TargetContainer | None
    y_names: list[Any]
    y_cells: np.ndarray
    y_shares: np.ndarray

    @classmethod
    def fit(
        cls, given: pd.DataFrame, measured: pd.DataFrame, y: Any
    ) -> tuple[Labels, np.ndarray | None]:
        """Learn labels.

        Parameters
        ----------
        given, measured : DataFrame
            A row a record.
        y : Series, DataFrame, array-like or None

        Returns
        -------
        labels : Labels
        cells : ndarray of shape (n, n_cells), or None
            What the networks are told.
        """
        beside = pd.concat([given.reset_index(drop=True), measured], axis=1)
        form, table = read_target(y, beside if len(beside.columns) else pd.DataFrame({"": []}))
        whole = beside if table is None else pd.concat([table, beside], axis=1)
        y_names = [] if table is None else table.columns.tolist()
        schema, names = bare_schema(whole), measured.columns.tolist()
        nothing = np.zeros((0, 0), np.float32), np.zeros(0)
        if not len(whole.columns):
            return cls(schema, None, [], None, [], *nothing), None
        encoder = GridEncoder().fit(whole)
        cells = encoder.encode(whole, warn=False)[0].reshape(len(whole), -1)
        common = nothing if table is None else _common_rows(table, encoder)
        return cls(schema, encoder, names, form, y_names, *common), cells

    @property
    def groups(self) -> list[CellGroup]:
        """What the cells are."""
        groups = [] if self.encoder is None else self.encoder.cell_groups_
        return [group for group in groups if group.kind != "null"]

    def ask(self, conditions: Any, n: int, with_y: bool, rng: np.random.Generator) -> Conditions:
        """Read conditions; `with_y` draws those columns of y that they leave open."""
        tolerance: dict[Hashable, float] = dict.fromkeys(self.measured, _TOLERANCE)
        columns = {column.name: column for column in self.schema}
        wanted = Conditions(conditions, columns, n, tolerance)
        open_names = [name for name in self.y_names if name not in wanted] if with_y else []
        if not open_names or self.encoder is None:
            return wanted
        if not len(self.y_shares):
            raise ParameterError(
                "return_y=True needs labels that several records share; y has too many different "
                "values: ask for some by conditions."
            )
        rows = rng.choice(len(self.y_shares), n, p=self.y_shares)
        drawn = self.encoder.decode_frame(self.y_cells[rows], self.y_names)
        told = {} if conditions is None else {name: conditions[name] for name in conditions}
        if isinstance(conditions, pd.DataFrame):
            told = {name: column.reset_index(drop=True) for name, column in told.items()}
        told.update({name: drawn[name] for name in open_names})
        return Conditions(told, columns, n, tolerance)

    def tell(
        self, wanted: Conditions, rows: np.ndarray, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray] | None]:
        """Settle what the networks are told of some rows.

        Returns
        -------
        told : DataFrame of all columns
            Missing where nothing is asked.
        known : (cells, mask), each an ndarray of shape (n, n_cells), or None
        """
        if self.encoder is None or not wanted:
            return pd.DataFrame(index=range(len(rows)), columns=self.schema.names), None
        nothing = ConstraintSet().fit(pd.DataFrame(columns=pd.Index(self.schema.names)), False)
        told, mask = wanted.draw(rows, self.encoder, nothing, rng)
        cells, known, _ = encode_known(self.encoder, told, mask)
        return told, (cells.reshape(len(rows), -1), known)

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return what was learnt as JSON-ready plain data and arrays."""
        record: dict[str, Any] = {"schema": self.schema.to_dict(), "measured": self.measured}
        if self.encoder is None:
            return record, {}
        record["encoder"], arrays = self.encoder.to_state()
        record["y"] = None if self.y is None else self.y.to_dict()
        record["y_names"] = self.y_names
        return record, {**arrays, "y_cells": self.y_cells, "y_shares": self.y_shares}

    @classmethod
    def from_state(cls, record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Labels:
        """Take back what `to_state` gave."""
        schema = Schema.from_dict(record["schema"])
        if "encoder" not in record:
            return cls(schema, None, [], None, [], np.zeros((0, 0), np.float32), np.zeros(0))
        y_cells, y_shares = arrays.pop("y_cells"), arrays.pop("y_shares")
        encoder = GridEncoder().from_state(record["encoder"], arrays)
        y = None if record["y"] is None else TargetContainer.from_dict(record["y"])
        return cls(schema, encoder, record["measured"], y, record["y_names"], y_cells, y_shares)


def _common_rows(table: pd.DataFrame, encoder: GridEncoder) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that enough records share, encoded, and how many do."""
    counts = table.value_counts(dropna=False, sort=False)
    counts = counts[counts >= encoder.min_support]
    rows = counts.index.to_frame(index=False).set_axis(table.columns, axis=1)
    cells, _, _ = encode_known(encoder, rows, rows.notna())
    shares = counts.to_numpy(dtype=np.float64)
    return cells.reshape(len(rows), -1), shares / max(1.0, shares.sum())
