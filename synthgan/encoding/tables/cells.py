"""The cells of one column: value cells and a presence cell."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthgan.encoding.groups import NULL, OFF, ON
from synthgan.encoding.tables.binned import BinnedNumbers
from synthgan.encoding.tables.codecs import Codec, Levels, Linear, QuantileCell, RankedLevels
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.levels import array_of_levels, distinct_labels, level_codes, shown
from synthgan.encoding.tables.moments import Moments, read_codec
from synthgan.encoding.tables.quantile import inward, pool_labels
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import ArchiveError, DataError
from synthgan.state import fields

__all__ = ["ColumnCells", "cells_from_state"]

# A known number may exceed the learnt range by this share of it, because its ends are averages.
_RANGE_MARGIN = 0.1
_PARTS = ("days", "weekdays", "times")  # of dates


@dataclass(frozen=True)
class ColumnCells:
    """The fitted encoding of one column: value cells, then a presence cell if it is nullable.

    `pools` means that fit dropped rare labels, so unknown labels are expected: each is encoded as
    a kept label. `gate` is an earlier column whose presence cell is this column's, too: both have
    values in the same rows.
    """

    column: Column
    codec: Codec
    nullable: bool
    pools: bool = False
    gate: Hashable | None = None

    @property
    def names(self) -> list[str]:
        """Names of the value cells and of the presence cell."""
        name = str(self.column.name)
        values = self.codec.cell_names(name)
        return [*values, f"{name}:present"] if self.nullable else values

    def encode(
        self, series: pd.Series, fills: bool = False, there: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Map the column's values to cells.

        Parameters
        ----------
        series : Series
        fills : bool, default=False
            Whether a missing value of a column that is not nullable is encoded as the median, with
            the full half-width, or as the most frequent level.
        there : ndarray of shape (n_rows,), bool, or None, default=None
            Where the presence cell is ON; None: where there are values. A missing value there is
            filled likewise.

        Returns
        -------
        cells : ndarray of shape (n_rows, n_cells)
            Value cells, then the presence cell of a nullable column; NULL (0) where missing.
        half_width : ndarray of shape (n_rows, n_continuous) or None
            Every point within this distance of a continuous cell decodes to the same value.
        """
        cells, half_width, present = self._encode(series)
        if half_width is not None and half_width.ndim == 1:
            half_width = half_width[:, None]
        there = present if there is None else there
        if present.all() and not self.nullable:
            return cells, half_width
        filled = ~present & (there if self.nullable else fills)
        cells = np.where(present[:, None], cells, cells.dtype.type(NULL))
        if filled.any() and self.codec.n_cells:
            cells[filled] = _fill(self.codec)
        if half_width is not None:
            widest = np.where(filled, (ON - OFF) / 2, 0.0)
            half_width = np.where(present[:, None], half_width, widest[:, None])
        if self.nullable:
            cells = np.column_stack([cells, np.where(there, np.uint8(ON), np.uint8(OFF))])
        return cells, half_width

    def _encode(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Return the cells of values, their half-widths, and which values there are."""
        if self.column.numeric:
            values, present = self._values(series)
            return (*self.codec.encode(values), present)
        codes, found = distinct_labels(series)  # each is encoded once
        try:
            values = self.pool(found) if self.pools else self.column.levels(found)
            cells, half_width = self.codec.encode(values)
        except DataError as error:
            raise DataError(f"column {self.column.name!r} {error}") from None
        return cells[codes], None if half_width is None else half_width[codes], codes >= 0

    def decode(self, cells: np.ndarray) -> pd.Series:
        """Map cells back to the column; inverse of `encode`."""
        codec = self.codec
        present = np.ones(len(cells), dtype=bool)
        if self.nullable:
            cells, presence = cells[:, :-1], cells[:, -1]
            present = presence >= (OFF + ON) / 2
        if codec.n_cells == 0:
            present = present & bool(codec.levels)
        elif codec.lowest_cell == OFF:
            present = present & (cells >= OFF / 2).any(axis=1)
        if not isinstance(codec, Levels | RankedLevels):
            return self._restore(codec.decode(cells), present)
        # Each level is restored once, and rows take theirs; the last one is a missing value.
        is_complete, levels = bool(present.all()), array_of_levels(codec.levels)
        stored = levels if is_complete else np.append(levels, levels[:1])
        own = self._restore(stored, np.arange(len(stored)) < len(levels))
        codes = codec.codes(cells)
        if not is_complete:
            codes = np.where(present, codes, len(levels))
        return own.take(codes).set_axis(pd.RangeIndex(len(codes)))

    def draw(
        self,
        n: int,
        rng: np.random.Generator,
        allowed: Iterable[Any] | None = None,
        between: tuple[Any, Any] | None = None,
    ) -> pd.Series:
        """Draw values from the learnt marginal distribution; parameters as in `draw_known`."""
        column, codec = self.column, self.codec
        name = f"column {column.name!r}"
        if between is not None and not column.numeric:
            raise DataError(
                f"{name} has levels, and between={between!r} is for numbers, dates and durations: "
                "give allowed."
            )
        if allowed is None and between is None and self._is_empty:
            return column.restore(np.zeros(n), np.zeros(n, dtype=bool))
        chosen = None if allowed is None else self._chosen(allowed)
        ends = None if between is None else _ends(column, between)
        if ends is not None and codec.levels and column.kind == "continuous":
            # Stored levels are rounded when they are decoded.
            spare = 0.0 if column.decimals is None else 0.5 * 10.0**-column.decimals
            ends = (ends[0] - spare, ends[1] + spare)
        try:
            values = codec.draw(n, rng, chosen, ends)
        except DataError:
            wanted = "" if between is None else f" between {between[0]!s} and {between[1]!s}"
            wanted += "" if allowed is None else " that is allowed"
            raise DataError(f"{name} holds no value{wanted}; {self._known_text()}.") from None
        return self._restore(values, np.ones(n, dtype=bool))

    def check_known(self, values: pd.Series) -> None:
        """Check that values, as a user writes them, can be encoded faithfully.

        Raises
        ------
        DataError
            An unknown level, a number outside the learnt range, an impossible missing value.
        """
        series = self.column.read(values)
        if series.isna().any() and not (self.nullable or self._is_empty):
            raise DataError(
                f"column {self.column.name!r} cannot hold a missing value: it had none in fit."
            )
        series = series[series.notna()]
        found, _ = self._values(series)
        stored, _ = self._values(self._stored())
        if not len(stored):
            bad = np.ones(len(series), dtype=bool)
        elif self.codec.limits is not None:
            low, high = stored[0].item(), stored[-1].item()
            margin = type(low)(_RANGE_MARGIN * (high - low))
            low, high = low - margin, high + margin
            if isinstance(low, int):  # integers of 64 bits reach no further
                low, high = max(low, -(2**63)), min(high, 2**63 - 1)
            bad = (found < low) | (found > high)
        elif self.column.numeric:
            bad = stored[level_codes(tuple(stored.tolist()), found)] != found
        else:
            bad = ~pd.Series(found, dtype=object).isin(stored).to_numpy()
        if bad.any():
            value, is_scaled = series[bad].tolist()[0], self.codec.limits is not None
            what = f" cannot hold {value!s}" if is_scaled else f": level {value!r} is not known"
            raise DataError(f"column {self.column.name!r}{what}; {self._known_text()}.")

    def outside(self, series: pd.Series, fills: bool = False) -> np.ndarray:
        """Return which values do not decode to themselves, of shape (n_rows,).

        These are numbers outside the limits, pooled labels, and missing values that `encode` fills.
        """
        if fills and not self.nullable and self.codec.n_cells and series.isna().any():
            return self.outside(series) | series.isna().to_numpy()
        if self.pools:
            codes, found = distinct_labels(series)
            return self._pool(found)[1][codes]
        if self.codec.limits is None:
            return np.zeros(len(series), dtype=bool)
        values, present = self._values(series)
        low, high = self.codec.limits
        return present & ((values < low) | (values > high))

    def forget_rare(self) -> ColumnCells:
        """Reduce the column's range and categories to those that the codec stores."""
        column, codec = self.column, self.codec
        ends = codec.limits
        if ends is None and column.numeric and codec.levels:
            ends = (codec.levels[0], codec.levels[-1])
        low, high = ends or (None, None)
        categories = column.categories
        if categories is not None:
            kept = set(codec.levels)
            categories = tuple(level for level in categories if level in kept)
        column = replace(column, minimum=low, maximum=high, categories=categories)
        return replace(self, column=column)

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the codec as JSON-ready plain data and arrays."""
        codec = self.codec.to_dict()
        arrays = _pop_tables(codec)
        record = {"nullable": self.nullable, "pools": self.pools, "codec": codec}
        return record if self.gate is None else {**record, "gate": self.gate}, arrays

    @classmethod
    def from_state(
        cls, column: Column, record: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> ColumnCells:
        """Build the cells from the output of `to_state`.

        Raises
        ------
        ArchiveError
            An invalid record, or one that does not match the column.
        """
        what = f"column {column.name!r}"
        read = fields.read_fields(
            {"gate": None, **record} if isinstance(record, dict) else record,
            what,
            nullable=fields.flag,
            pools=fields.flag,
            codec=fields.plain,
            gate=fields.optional(fields.name),
        )
        try:
            codec = read_codec(_with_table(read["codec"], arrays))
            cells = cls(column, codec, read["nullable"], read["pools"], read["gate"])
            cells._check_levels()
        except (TypeError, ValueError, OverflowError) as error:
            raise ArchiveError(f"{what} has an invalid record: {error}") from error
        return cells

    def _check_levels(self) -> None:
        """Refuse levels of another type than the column's."""
        kind, codec = self.column.kind, self.codec
        types = {"continuous": (int, float), "boolean": (bool,), "string": (str,)}
        types.update(dict.fromkeys(("integer", "datetime", "timedelta"), (int,)))
        allowed = types.get(kind, (str, int, float, bool))
        is_number = isinstance(codec, BinnedNumbers | Linear | Moments | QuantileCell)
        if is_number != (self.column.numeric and not codec.levels and codec.n_cells > 0):
            raise ArchiveError(f"a {kind} column cannot have the codec {type(codec).__name__}")
        if not all(type(level) in allowed for level in codec.levels):
            raise ArchiveError(
                f"a {kind} column cannot have the levels {fields.brief(codec.levels)}"
            )
        if isinstance(codec, Moments) and kind != "datetime":
            raise ArchiveError(f"a {kind} column cannot have the codec Moments")
        if self.pools and not isinstance(codec, Levels | RankedLevels):
            raise ArchiveError("pools needs a codec with levels")
        if self.nullable and not (codec.n_cells or codec.levels):
            raise ArchiveError("an empty column cannot be nullable")
        if codec.limits or codec.levels:
            self._stored()

    def _values(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        if self.column.numeric:
            return self.column.numbers(series)
        return self.column.levels(series), series.notna().to_numpy()

    def _restore(self, values: np.ndarray, present: np.ndarray) -> pd.Series:
        if self.column.numeric and self.column.kind != "continuous" and values.dtype.kind != "i":
            values = np.rint(values.astype(np.float64))
        return self.column.restore(values, present)

    def expecting_unknown(self) -> ColumnCells:
        """Return cells that encode labels that fit did not see as kept ones."""
        has_levels = isinstance(self.codec, Levels | RankedLevels) and not self.column.numeric
        return replace(self, pools=True) if has_levels and self.codec.levels else self

    def _pool(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Replace rare labels by kept ones; return the labels, and which were replaced."""
        codec: Any = self.codec
        is_ranked = self.column.ordered and isinstance(series.dtype, pd.CategoricalDtype)
        order = series.cat.categories.tolist() if is_ranked else None
        return pool_labels(codec.levels, codec.shares, self.column.levels(series), order)

    def pool(self, series: pd.Series) -> np.ndarray:
        """Return labels, rare ones replaced; None where missing."""
        return self._pool(series)[0]

    @property
    def _is_empty(self) -> bool:
        return not (self.codec.n_cells or self.codec.levels)

    def _stored(self) -> pd.Series:
        """Levels, or the ends of the learnt range, as they are decoded."""
        kind = None if self.column.numeric else object
        stored = np.array(self.codec.limits or self.codec.levels, dtype=kind)
        return self._restore(stored, np.ones(len(stored), dtype=bool))

    def _known_text(self) -> str:
        stored = self._stored()
        if self.codec.limits is not None:
            return f"learnt range is {stored[0]!s} to {stored[1]!s}"
        levels = stored.tolist() if stored.dtype.kind not in "mM" else stored.astype(str).tolist()
        return f"known are {shown(levels)}"

    def _chosen(self, allowed: Iterable[Any]) -> Sequence[Any]:
        """Return allowed values in the codec's form."""
        written = pd.Series(list(allowed), name=self.column.name)
        if not len(written) or written.isna().any():
            raise DataError(
                f"allowed={allowed!r} of column {self.column.name!r} is not allowed; give one or "
                "more values, none of them missing."
            )
        self.check_known(written)
        chosen, _ = self._values(self.column.read(written))
        if not (self.column.numeric and self.codec.levels):
            return chosen.tolist()
        stored, _ = self._values(self._stored())
        return [self.codec.levels[i] for i in level_codes(tuple(stored.tolist()), chosen)]


def _pop_tables(codec: dict[str, Any]) -> dict[str, np.ndarray]:
    """Take the tables out of the record of a codec and of its parts, which name their own."""
    arrays: dict[str, np.ndarray] = {}
    for part, record in [("", codec), *codec.items()]:
        if isinstance(record, dict) and (table := record.pop("table", None)) is not None:
            prefix = f"{part}." if part in _PARTS else ""
            arrays |= {f"{prefix}{name}": array for name, array in table._asdict().items()}
    return arrays


def _with_table(record: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Put the tables of a column into the record of its codec, or of the codecs inside of that.

    A table that the record holds already stays, and is refused later: it is no table of arrays.
    """
    if not isinstance(record, dict) or not arrays:
        return record
    for part in _PARTS:
        own = {k[len(part) + 1 :]: a for k, a in arrays.items() if k.startswith(f"{part}.")}
        if own and isinstance(record.get(part), dict):
            record = {**record, part: {"table": own, **record[part]}}
            arrays = {k: a for k, a in arrays.items() if not k.startswith(f"{part}.")}
    if isinstance(record.get("inner"), dict) and arrays:
        return {**record, "inner": {"table": arrays, **record["inner"]}}
    return {"table": arrays, **record} if arrays else record


def _fill(codec: Codec) -> np.ndarray:
    """Return the cells of the median, or of the most frequent level."""
    if isinstance(codec, BinnedNumbers):
        return codec.middle()
    if isinstance(codec, Moments):
        return np.concatenate([_fill(part) for part in codec.groups])
    if codec.kind == "continuous":
        return np.array([(OFF + ON) / 2])
    shares: Any = codec.shares  # type: ignore[attr-defined]
    most_frequent = int(np.argmax(shares))
    if codec.kind == "binary":
        return np.array([ON if most_frequent else OFF])
    return np.where(np.arange(codec.n_cells) == most_frequent, ON, OFF)


def _ends(column: Column, between: tuple[Any, Any]) -> tuple[float, float]:
    """Return an inclusive range as numbers, no wider than the column's values in it."""
    try:
        low, high = between
        if column.kind not in ("continuous", "integer"):
            ends = column.read(pd.Series([low, high], dtype=object, name=column.name))
            ticks, given = column.numbers(ends)
            is_early = bool((column.restore(ticks, given) < ends).fillna(False).iloc[0])
            low = int(ticks[0]) + is_early if given[0] else -math.inf
            return low, int(ticks[1]) if given[1] else math.inf
        low = -math.inf if low is None else low
        high = math.inf if high is None else high
        if column.kind == "integer":
            least = 0 if column.shifted else -(2**63)
            low, high = math.ceil(max(low, least)), math.floor(min(high, least + 2**64 - 1))
            origin = 2**63 if column.shifted else 0
            return low - origin, high - origin
        if column.decimals is not None:
            return inward(low, high, 10.0**-column.decimals)
        dtype = getattr(column.pandas_dtype(), "numpy_dtype", column.pandas_dtype())
        return float(dtype.type(low)), float(dtype.type(high))
    except (TypeError, ValueError, AttributeError):
        raise DataError(
            f"between={between!r} of column {column.name!r} is not allowed; give (lowest, highest) "
            f"for a column of dtype {column.dtype}."
        ) from None


def cells_from_state(
    schema: Schema, records: Sequence[Any], arrays: Mapping[str, np.ndarray]
) -> list[ColumnCells]:
    """Restore the cells of all columns.

    Parameters
    ----------
    schema : Schema
    records : sequence
        One for each column.
    arrays : mapping of str to ndarray
        Keys are the number of the column, a dot and a name.

    Raises
    ------
    ArchiveError
        Records or arrays that do not match the schema.
    """
    held: dict[str, dict[str, np.ndarray]] = {}
    for key, array in arrays.items():
        column_number, _, name = key.partition(".")
        held.setdefault(column_number, {})[name] = array
    if len(records) != len(schema) or not len(schema):
        raise ArchiveError(
            f"encoder has cells of {len(records)} columns; its schema has {len(schema)}"
        )
    found = [
        ColumnCells.from_state(column, cells, held.pop(str(i), {}))
        for i, (column, cells) in enumerate(zip(schema, records, strict=True))
    ]
    if held:
        raise ArchiveError(f"encoder has tables of unknown columns: {fields.brief([*held])}")
    owners: set[Hashable] = set()
    for cells in found:
        if cells.gate is not None and not (cells.nullable and cells.gate in owners):
            raise ArchiveError(f"column {cells.column.name!r} shares gaps with no earlier column")
        owners |= {cells.column.name} if cells.nullable and cells.gate is None else set()
    return found
