"""Labels of signals or images, which can be conditions of generated ones."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_consistent_length

from synthgan.asking.conditions import Conditions, bare_schema, by_column
from synthgan.constraints import ConstraintSet, find_people
from synthgan.encoding import CellGroup, GridEncoder, Schema
from synthgan.encoding.groups import NULL, ON
from synthgan.encoding.tables.known import draw_known, encode_known
from synthgan.exceptions import ArchiveError, DataError, ParameterError
from synthgan.privacy import Support
from synthgan.records.targets import TargetContainer, read_target
from synthgan.state import fields

__all__ = ["Labels"]

_TOLERANCE = 0.03  # relative, of a measured number


@dataclass
class Labels:
    """The labels of records, as a small table.

    Parameters
    ----------
    schema : Schema
        All columns: those of y, given ones, measured ones.
    encoder : GridEncoder or None
        Fitted on these columns; None if there are none.
    measured : list of str
        Columns that are measured on a record.
    y : TargetContainer or None
        The container type of y.
    y_names : list
        Columns of y.
    y_cells : ndarray of shape (n_rows, n_cells)
        Rows of y that enough records share, encoded.
    y_shares : ndarray of shape (n_rows,)
        Share of the records that have each of these rows; sums to 1.
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
        cls,
        given: pd.DataFrame,
        measured: pd.DataFrame,
        y: Any,
        people: np.ndarray | None = None,
    ) -> tuple[Labels, np.ndarray | None]:
        """Learn labels.

        Parameters
        ----------
        given, measured : DataFrame
            One row per record.
        y : Series, DataFrame, array-like or None
        people : ndarray of int of shape (n,), or None, default=None
            The person of each record; None: each record is of a different person.

        Returns
        -------
        labels : Labels
        cells : ndarray of shape (n, n_cells), or None
            The encoded labels, which the networks are given.

        Raises
        ------
        DataError, ValueError
            Labels that cannot be learnt, or whose number differs from that of the records.
        ParameterError
            A name occurs both in y and in condition_on.
        """
        beside = pd.concat([given.reset_index(drop=True), measured], axis=1)
        form, table = read_target(y, beside if len(beside.columns) else pd.DataFrame({"": []}))
        if table is not None:
            check_consistent_length(given, table)
        names_of_y = y.columns if isinstance(y, pd.DataFrame) else [getattr(y, "name", None)]
        doubles = [name for name in names_of_y if name in beside]
        if doubles:
            raise ParameterError(
                f"y and condition_on both have the columns {doubles!r}; leave them out of one of "
                "them."
            )
        whole = beside if table is None else pd.concat([table, beside], axis=1)
        y_names = [] if table is None else table.columns.tolist()
        encoder = GridEncoder()
        if people is None:
            _, people = find_people(whole) or (None, None)
        support = Support(encoder.min_support, people)
        schema, names = bare_schema(whole, support), measured.columns.tolist()
        nothing = np.zeros((0, 0), np.float32), np.zeros(0)
        if not len(whole.columns):
            return cls(schema, None, [], None, [], *nothing), None
        n_people = support.count(np.ones(len(whole), dtype=bool))
        if n_people < support.least:
            whose = "" if people is None else f" of {n_people} people"
            raise DataError(
                f"there are {len(whole)} labelled records{whose}; labels need at least "
                f"{support.least}, so that none identifies a person: leave y and condition_on out."
            )
        encoder.fit(whole, groups=people)
        cells = encoder.encode(whole, warn=False).reshape(len(whole), -1)
        common = nothing if table is None else _common_rows(table, encoder, support)
        return cls(schema, encoder, names, form, y_names, *common), cells

    @property
    def groups(self) -> list[CellGroup]:
        """Groups of the cells, without NULL cells."""
        groups = [] if self.encoder is None else self.encoder.cell_groups_
        return [group for group in groups if group.kind != "null"]

    def read_conditions(
        self, conditions: Any, n: int, with_y: bool, rng: np.random.Generator
    ) -> Conditions:
        """Read conditions; `with_y` also draws the columns of y that have no condition.

        These are drawn with their frequency among the records that meet the conditions on y.

        Raises
        ------
        DataError
            An unknown label or value.
        ParameterError
            Conditions of an unsupported form.
        """
        tolerance: dict[Hashable, float] = dict.fromkeys(self.measured, _TOLERANCE)
        columns = {column.name: column for column in self.schema}
        if isinstance(conditions, pd.DataFrame):
            conditions = by_column(conditions)
        if isinstance(conditions, Mapping):
            conditions = {**conditions}
            unknown = [name for name in conditions if name not in columns]
            if unknown:
                raise DataError(
                    f"conditions have unknown labels {unknown!r}; known are {list(columns)!r}: "
                    "those of y and of condition_on in fit."
                )
            for name in self.measured:
                values = conditions.get(name)
                # A measured number can only be near a number of the list: draw the target.
                if isinstance(values, list | set | frozenset | np.ndarray) and len(values):
                    conditions[name] = pd.Series(rng.choice(list(values), n))
        wanted = Conditions(conditions, columns, n, tolerance)
        if not with_y or self.encoder is None:
            return wanted
        given = {} if conditions is None else conditions
        return Conditions({**given, **self._draw_y(given, n, rng)}, columns, n, tolerance)

    def draw_given(
        self, wanted: Conditions, rows: np.ndarray, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray] | None]:
        """Draw the label values that the networks are given for some rows.

        Returns
        -------
        given : DataFrame of all columns
            Missing where there is no condition.
        known : (cells, mask), each an ndarray of shape (n, n_cells), or None
        """
        if self.encoder is None or not wanted:
            return pd.DataFrame(index=range(len(rows)), columns=self.schema.names), None
        nothing = ConstraintSet().fit(pd.DataFrame(columns=pd.Index(self.schema.names)), False)
        given, mask = wanted.draw(rows, self.encoder, nothing, rng)
        cells, known, _ = encode_known(self.encoder, given, mask)
        return given, (cells.reshape(known.shape), known)

    def _draw_y(
        self, given: dict[Any, Any], n: int, rng: np.random.Generator
    ) -> dict[Any, pd.Series]:
        """Draw the columns of y without conditions, from shared rows of y if there are any."""
        whole = [name for name, value in given.items() if _is_whole(value)]
        if self.encoder is None or set(self.y_names) <= set(whole):
            return {}
        if len(self.y_shares):
            drawn, all_met = self._draw_shared(given, n, rng)
        else:
            columns = [draw_known(self.encoder, name, n, rng) for name in self.y_names]
            drawn, all_met = pd.concat(columns, axis=1, keys=self.y_names), False
        drawn_y: dict[Any, pd.Series] = {}
        for name in self.y_names:
            asked = given.get(name)
            if isinstance(asked, pd.Series):
                drawn_y[name] = asked.astype(object).where(asked.notna(), drawn[name])
            elif asked is None or all_met:
                drawn_y[name] = drawn[name]
        return drawn_y

    def _draw_shared(
        self, given: dict[Any, Any], n: int, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, bool]:
        """Draw shared rows of y, and return whether all meet the conditions."""
        encoder, n_rows = self.encoder, len(self.y_shares)
        if encoder is None:
            raise ValueError("there are no labels")
        shared = encoder.decode(self.y_cells, self.y_names)
        columns = {column.name: column for column in self.schema}
        chosen, all_met = np.zeros(n, dtype=np.int64), True
        for records, values in _by_condition(
            {k: v for k, v in given.items() if k in self.y_names}, n
        ):
            met = Conditions(values, columns, n_rows).met(shared, np.arange(n_rows))
            all_met &= bool(met.any())
            odds = self.y_shares * (met if met.any() else 1.0)
            chosen[records] = rng.choice(n_rows, len(records), p=odds / odds.sum())
        return shared.iloc[chosen].reset_index(drop=True), all_met

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
        """Build labels from the output of `to_state`.

        Raises
        ------
        ArchiveError
            An invalid record, or tables that do not match it.
        """
        names = fields.list_of(fields.name)
        parts: dict[str, fields.Check] = {"schema": Schema.from_dict, "measured": names}
        if not isinstance(record, dict) or "encoder" not in record:
            schema = fields.read_fields(record, "labels", **parts)["schema"]
            if arrays or len(schema):
                raise ArchiveError("labels have no encoder")
            return cls(schema, None, [], None, [], np.zeros((0, 0), np.float32), np.zeros(0))
        parts |= {
            "encoder": fields.plain,
            "y": fields.optional(TargetContainer.from_dict),
            "y_names": names,
        }
        read, arrays = fields.read_fields(record, "labels", **parts), dict(arrays)
        common = {name: arrays.pop(name, None) for name in ("y_cells", "y_shares")}
        encoder = GridEncoder().from_state(read["encoder"], arrays)
        n_rows = len(common["y_shares"]) if isinstance(common["y_shares"], np.ndarray) else None
        n_cells = math.prod(encoder.grid_shape_) if n_rows else None
        tables = fields.read_fields(
            common,
            "the tables of labels",
            y_cells=fields.array_of(n_rows, n_cells),
            y_shares=fields.array_of(n_rows),
        )
        y_cells, y_shares = tables["y_cells"], tables["y_shares"]
        schema, y_names, measured = read["schema"], list(read["y_names"]), list(read["measured"])
        known = set(schema.names)
        if schema.names != encoder.schema_.names or not {*y_names, *measured} <= known:
            raise ArchiveError("labels and their encoder have different columns")
        if (read["y"] is None) == bool(y_names) or (n_rows and not y_names):
            raise ArchiveError("labels have only one of y and its columns")
        if (y_cells < NULL).any() or (y_cells > ON).any() or (y_shares < 0).any():
            raise ArchiveError("labels have cells or shares out of range")
        if n_rows and not 0 < y_shares.sum() < math.inf:
            raise ArchiveError("labels have shares with a sum of 0 or infinity")
        return cls(schema, encoder, measured, read["y"], y_names, y_cells, y_shares)


def _is_whole(asked: Any) -> bool:
    return isinstance(asked, pd.Series) and bool(asked.notna().all())


def _by_condition(given: dict[Any, Any], n: int) -> Iterator[tuple[np.ndarray, dict[Any, Any]]]:
    """Group the records with equal conditions: yield their numbers and the conditions."""
    same = {name: value for name, value in given.items() if not isinstance(value, pd.Series)}
    own = pd.DataFrame({name: value for name, value in given.items() if name not in same})
    if not len(own.columns):
        yield np.arange(n), same
        return
    kinds = own.groupby(own.columns.tolist(), dropna=False, sort=False).ngroup().to_numpy()
    for kind in range(kinds.max(initial=-1) + 1):
        records = np.flatnonzero(kinds == kind)
        first = own.iloc[records[0]]
        yield records, {**same, **first[first.notna()].to_dict()}


def _common_rows(
    table: pd.DataFrame, encoder: GridEncoder, support: Support
) -> tuple[np.ndarray, np.ndarray]:
    """Return the encoded rows of y that enough people share, and the shares of the records."""
    groups = table.groupby(table.columns.tolist(), dropna=False, sort=False)
    codes = groups.ngroup().to_numpy()
    counts = np.bincount(codes)
    kept = np.flatnonzero(support.counts(codes, len(counts)) >= support.least)
    first = np.unique(codes, return_index=True)[1]
    rows = table.iloc[first[kept]].reset_index(drop=True)
    cells, known, _ = encode_known(encoder, rows, rows.notna())
    shares = counts[kept].astype(np.float64)
    return cells.reshape(known.shape), shares / max(1.0, shares.sum())
