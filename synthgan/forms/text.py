"""Columns of text that are dates, times or numbers: learnt as such, written back in their form."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import ArchiveError
from synthgan.forms.dates import DateFormat
from synthgan.forms.numbers import NumberFormat, split
from synthgan.state import fields

__all__ = ["NUMBER_PLACE", "Cells", "TextForm", "has_numbers", "is_text", "texts_of"]

NUMBER_PLACE = "#"  # of the number in a format such as "<#" or "# %"
_MISSING = np.iinfo(np.int64).min  # NaT
_LONGEST = 200  # characters of a label, or of a dtype


class Cells(NamedTuple):
    """What texts were read as."""

    values: np.ndarray  # numbers, or ticks
    formats: np.ndarray  # the number of the format; -1 where a text is not read
    offsets: np.ndarray  # minutes east of UTC


@dataclass(frozen=True)
class TextForm:
    """The form of one column of text.

    Parameters
    ----------
    name : hashable
        The column.
    dtype : str
        Its dtype: of text, of objects (then numbers among text come back as numbers), or of
        integers such as 20230131.
    kind : {"number", "date", "time"}
        What its texts are.
    formats : tuple of str
        How they are written, the most frequent first: dates and times as for ``strftime``, of
        numbers what stands around them, with # for the number.
    missing : tuple of str or None
        Labels among them, such as ``"."``, the most frequent first; None for missing values.
        Where the table is learnt they are missing values, too.
    mark : hashable or None
        Name of a further column that says which format or label a cell has, where there are
        several.
    number : NumberFormat or None
        How digits are written.
    zone : str or None
        Time zone from which the offsets of dates follow.
    width : int
        Least number of characters; spaces are put in front.
    natives : bool
        Whether cells that are only a number come back as numbers: a column of objects had them.
    """

    name: Hashable
    dtype: str
    kind: str
    formats: tuple[str, ...]
    missing: tuple[str | None, ...] = ()
    mark: Hashable | None = None
    number: NumberFormat | None = None
    zone: str | None = None
    width: int = 0
    natives: bool = False

    @cached_property
    def _dates(self) -> list[DateFormat]:
        return [DateFormat(spelled) for spelled in self.formats]

    @property
    def _unit(self) -> str:
        return "ns" if any(form.unit == "ns" for form in self._dates) else "us"

    def parse(self, texts: Sequence[str]) -> Cells:
        """Read distinct texts."""
        stripped = [text.strip() for text in texts]
        if self.number is not None:
            parts = [split(text) for text in stripped]
            values, is_read = self.number.read(parts)
            around = [
                "" if part is None else f"{part.before}{NUMBER_PLACE}{part.after}" for part in parts
            ]
            place = {spelled: i for i, spelled in enumerate(self.formats)}
            # The number is kept where what stands around it is too rare.
            formats = np.array([place.get(text, 0) for text in around], dtype=np.int64)
            is_read &= np.array([text not in self.missing for text in texts], dtype=bool)
            return Cells(values, np.where(is_read, formats, -1), np.zeros(len(texts), np.int64))
        values, offsets = np.zeros((2, len(texts)), dtype=np.int64)
        formats = np.full(len(texts), -1)
        for i, form in enumerate(self._dates):
            ticks, minutes, is_read = form.read(stripped)
            is_new = is_read & (formats < 0)
            size = 1000 if form.unit != self._unit else 1
            values[is_new], offsets[is_new], formats[is_new] = (
                ticks[is_new] * size,
                minutes[is_new],
                i,
            )
        return Cells(values, formats, offsets)

    def read(self, series: pd.Series) -> tuple[pd.Series, pd.Series | None]:
        """Return the column as numbers, dates or durations, and its marks if it has any."""
        codes, distinct = pd.factorize(texts_of(series))
        texts: list[str] = list(distinct)
        cells = self.parse(texts)
        is_read = cells.formats >= 0
        labels = {label: i for i, label in enumerate(self.missing) if label is not None}
        names = [
            self.formats[which] if which >= 0 else text if text in labels else self._usual_missing
            for text, which in zip(texts, cells.formats.tolist(), strict=True)
        ]
        present = np.where(codes >= 0, np.append(is_read, False)[codes], False)
        values = self._series(np.append(cells.values, 0)[codes], present,
                              np.append(cells.offsets, 0)[codes], series.index)  # fmt: skip
        if self.mark is None:
            return values, None
        none = None if None in self.missing else self._usual_missing
        marks = np.array([*names, none], dtype=object)[codes]
        return values, pd.Series(marks, dtype=object, index=series.index, name=self.mark)

    @property
    def _usual_missing(self) -> str | None:
        return self.missing[0] if self.missing else None

    def _series(
        self, values: np.ndarray, present: np.ndarray, offsets: np.ndarray, index: pd.Index
    ) -> pd.Series:
        if self.number is not None:
            if not self.number.is_whole:
                return pd.Series(np.where(present, values, np.nan), index=index, name=self.name)
            whole = pd.array(values.astype(np.int64), dtype="Int64")
            whole[~present] = pd.NA
            series = pd.Series(whole, index=index, name=self.name)
            return series.astype(np.int64) if present.all() else series
        if self.zone is not None:
            values = values - offsets * (60 * 10 ** (9 if self._unit == "ns" else 6))
        ticks = np.where(present, values, _MISSING).astype(np.int64)
        if self.kind == "time":
            return pd.Series(ticks.view(f"m8[{self._unit}]"), index=index, name=self.name)
        dates = pd.Series(ticks.view(f"M8[{self._unit}]"), index=index, name=self.name)
        if self.zone is not None:
            dates = dates.dt.tz_localize("UTC").dt.tz_convert(self.zone)
        return dates

    def settle(
        self, values: pd.Series, marks: pd.Series, filled: bool = False
    ) -> tuple[pd.Series, pd.Series]:
        """Make values and marks agree: a value is missing where its mark is that of a label.

        With `filled`, no mark of a missing value remains where there is a value.
        """
        is_format = marks.isin(self.formats).to_numpy()
        present = values.notna().to_numpy()
        if filled:
            return values, marks.mask(present & ~is_format, self.formats[0])
        gone = self._usual_missing
        marks = marks.where(~is_format | present, gone)
        return values.mask(present & ~is_format), marks

    def write(self, values: pd.Series, marks: pd.Series | None = None) -> pd.Series:
        """Write the column as text; inverse of `read`."""
        present = values.notna().to_numpy()
        which: Any = np.zeros(len(values), dtype=np.int64)
        gone: Any = np.full(len(values), self._usual_missing, dtype=object)
        if marks is not None:
            places = marks.map({spelled: i for i, spelled in enumerate(self.formats)})
            which = places.fillna(0).to_numpy(dtype=np.int64)
            is_label = marks.isin([x for x in self.missing if x is not None]).to_numpy()
            gone[is_label] = marks.to_numpy()[is_label]
            if None in self.missing:
                gone[marks.isna().to_numpy()] = None
        out: Any = gone.copy()
        out[present] = None
        for i, spelled in enumerate(self.formats):
            rows = present & (which == i)
            if not rows.any():
                continue
            out[rows] = texts = self._texts(values[rows], spelled)
            if self.natives and self.number is not None and spelled == NUMBER_PLACE:
                kind = int if self.number.is_whole else float
                out[rows] = [kind(text) for text in texts]
        if self.width:
            out = np.array([x if x is None else x.rjust(self.width) for x in out], dtype=object)
        return self._restore(out, values.index)

    def _texts(self, values: pd.Series, spelled: str) -> np.ndarray:
        texts = np.empty(len(values), dtype=object)
        if self.number is not None:
            before, _, after = spelled.partition(NUMBER_PLACE)
            numbers = values.to_numpy(dtype=np.float64)
            n = len(numbers)
            texts[:] = self.number.write(numbers, [before] * n, [after] * n)
            return texts
        form, offsets = DateFormat(spelled), None
        if self.kind == "time":
            ticks = values.to_numpy().astype(f"m8[{form.unit}]").astype(np.int64)
        else:
            local = values.dt.tz_localize(None) if self.zone is not None else values
            ticks = local.to_numpy().astype(f"M8[{form.unit}]").astype(np.int64)
            if self.zone is not None:
                utc = values.dt.tz_convert("UTC").dt.tz_localize(None)
                minutes = (local - utc).dt.total_seconds() // 60
                offsets = minutes.to_numpy(dtype=np.int64)
        texts[:] = form.write(ticks, offsets)
        return texts

    def _restore(self, out: np.ndarray, index: pd.Index) -> pd.Series:
        dtype = types.pandas_dtype(self.dtype)
        if types.is_integer_dtype(dtype):
            whole = pd.array([None if x is None else int(x) for x in out], dtype="Int64")
            series = pd.Series(whole, index=index, name=self.name)
            return (
                series
                if series.isna().any() and isinstance(dtype, np.dtype)
                else series.astype(dtype)
            )
        return pd.Series(out, dtype=object, index=index, name=self.name).astype(dtype)

    def with_mark(self, name: Hashable) -> TextForm:
        """Return the form with a column of marks."""
        return replace(self, mark=name)

    def to_state(self) -> dict[str, Any]:
        """Return the form as JSON-ready plain data."""
        return asdict(self)

    @classmethod
    def from_state(cls, record: Any) -> TextForm:
        """Build a form from the output of `to_state`.

        Raises
        ------
        ArchiveError
            An invalid record.
        """
        named = record.get("name") if isinstance(record, dict) else record
        what = f"the form of column {fields.brief(named)}"
        read = fields.read_fields(
            record,
            what,
            name=fields.name,
            dtype=fields.text,
            kind=fields.one_of("number", "date", "time"),
            formats=fields.list_of(fields.short),
            missing=fields.list_of(fields.optional(fields.short)),
            mark=fields.optional(fields.name),
            number=fields.optional(NumberFormat.from_state),
            zone=fields.optional(fields.text),
            width=fields.whole(0, _LONGEST),
            natives=fields.flag,
        )
        form = cls(**read)
        try:
            form._check()
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise ArchiveError(f"{what} is invalid: {error}") from error
        return form

    def _check(self) -> None:
        """Raise ValueError if parts do not fit together."""
        dtype = types.pandas_dtype(self.dtype[:_LONGEST])
        is_whole = types.is_integer_dtype(dtype)
        if not (is_whole or types.is_object_dtype(dtype) or types.is_string_dtype(dtype)):
            raise ValueError(f"dtype {self.dtype!r} holds no text")
        words = [*self.formats, *(label for label in self.missing if label is not None)]
        if not self.formats or not all(isinstance(word, str) for word in words):
            raise ValueError("its formats are no texts")
        if (self.kind == "number") != (self.number is not None):
            raise ValueError("its kind and its number do not match")
        if self.kind == "number":
            if not all(NUMBER_PLACE in spelled for spelled in self.formats):
                raise ValueError("a format has no place for the number")
        elif any(form.is_time != (self.kind == "time") for form in self._dates):
            raise ValueError("its kind and its formats do not match")
        if self.zone is not None and (self.kind != "date" or "dateutil" in self.zone):
            raise ValueError("its time zone does not fit")
        empty = pd.Series([None], dtype=object)
        values, marks = self.read(empty)
        self.write(values, marks)


def is_text(series: pd.Series) -> bool:
    """Return whether a column holds text, perhaps with numbers among it."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return False
    if isinstance(dtype, pd.StringDtype) or str(dtype).startswith(("string", "large_string")):
        return True
    return types.is_object_dtype(dtype) and _kinds_of(series) <= {str, int, float}


def has_numbers(series: pd.Series) -> bool:
    """Return whether a column of objects holds numbers beside text."""
    return types.is_object_dtype(series.dtype) and bool(_kinds_of(series) - {str})


def _kinds_of(series: pd.Series) -> set[type]:
    kinds = {
        int if issubclass(kind, np.integer) else float if issubclass(kind, np.floating) else kind
        for kind in map(type, series[series.notna()])
    }
    return kinds if str in kinds else {object}


def texts_of(series: pd.Series) -> np.ndarray:
    """Return the values of a column as strings, None where missing."""
    values = series.astype(object).to_numpy(copy=True)
    gaps = series.isna().to_numpy()
    values[gaps] = None
    values[~gaps] = [str(value) for value in values[~gaps]]
    return values
