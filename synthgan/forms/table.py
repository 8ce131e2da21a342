"""The forms of a table: columns are read as what they are, and written back as they came in."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthgan.constraints.people import is_named_key
from synthgan.exceptions import ArchiveError, DataError, notice
from synthgan.forms.text import TextForm, is_text
from synthgan.forms.text_finding import find_text_form
from synthgan.privacy import Support
from synthgan.state import fields

__all__ = ["Forms"]

_MOST_SHOWN = 3  # formats and labels in a message


class Forms:
    """Which columns of a table are read as something else than their dtype says.

    Parameters
    ----------
    forms : sequence of TextForm, default=()
    unread : mapping of hashable to int, or None, default=None
        How many cells of a column are neither of its format nor a label.

    Examples
    --------
    >>> import pandas as pd
    >>> from synthgan.forms import Forms
    >>> from synthgan.privacy import Support
    >>> frame = pd.DataFrame({"seen": ["28/02/2023", "01/03/2023", "31/12/2023"]})
    >>> forms = Forms.find(frame, Support())
    >>> read = forms.read(frame)
    >>> read["seen"].dt.month.tolist(), forms.write(read).equals(frame)
    ([2, 3, 12], True)
    """

    def __init__(
        self, forms: Sequence[TextForm] = (), unread: Mapping[Hashable, int] | None = None
    ) -> None:
        self.forms = tuple(forms)
        self.unread = dict(unread or {})

    def __bool__(self) -> bool:
        """Return whether any column has a form."""
        return bool(self.forms)

    @classmethod
    def find(
        cls,
        frame: pd.DataFrame,
        support: Support,
        leave: Collection[Hashable] = (),
        on_mix: str = "raise",
    ) -> Forms:
        """Recognise the columns of a table.

        Parameters
        ----------
        frame : DataFrame
        support : Support
            Formats and labels of fewer people are not stored.
        leave : collection of hashable, default=()
            Columns that are not searched.
        on_mix : {"raise", "text"}, default="raise"
            What to do with a column that mixes dates with much else: refuse it, or leave it as it
            is.

        Raises
        ------
        DataError
            A column that mixes dates with much else, unless `on_mix` is ``"text"``.
        """
        forms: list[TextForm] = []
        unread: dict[Hashable, int] = {}
        taken: set[Hashable] = set(frame.columns)
        for name in frame.columns:
            series = frame[name]
            is_read = is_text(series) or pd.api.types.is_integer_dtype(series.dtype)
            if name in leave or not is_read:
                continue
            try:
                found = find_text_form(series, support, is_named_key(name))
            except DataError:
                if on_mix == "raise":
                    raise
                continue
            if found is None:
                continue
            form, n_unread = found
            if len(form.formats) > 1 or len(form.missing) > 1:
                form = form.with_mark(_free_name(name, taken))
                taken.add(form.mark)
            forms.append(form)
            unread[name] = n_unread
        return cls(forms, unread)

    def announce(self) -> None:
        """Raise a `DataWarning` of what `find` decided."""
        for form in self.forms:
            _announce(form, self.unread.get(form.name, 0))

    @property
    def marks(self) -> list[Hashable]:
        """Names of the further columns of `read`."""
        return [form.mark for form in self.forms if form.mark is not None]

    def read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Read a table; marks are further columns at its end."""
        if not self.forms:
            return frame
        frame, marks = frame.copy(deep=False), {}
        for form in self.forms:
            if form.name in frame.columns:
                frame[form.name], mark = form.read(frame[form.name])
                if mark is not None:
                    marks[form.mark] = mark
        for name, mark in marks.items():
            frame[name] = mark
        return frame

    def settle(self, frame: pd.DataFrame, filled: bool = False) -> pd.DataFrame:
        """Make values and marks of a generated table agree; see `TextForm.settle`."""
        frame = frame.copy(deep=False) if self.marks else frame
        for form in self.forms:
            if form.mark is not None:
                values, marks = form.settle(frame[form.name], frame[form.mark], filled)
                frame[form.name], frame[form.mark] = values, marks
        return frame

    def write(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Write a table as it came in; inverse of `read`."""
        if not self.forms:
            return frame
        written = frame.copy(deep=False)
        for form in self.forms:
            if form.name in frame.columns:
                marks = frame[form.mark] if form.mark in frame.columns else None
                written[form.name] = form.write(frame[form.name], marks)
        return written[[name for name in written.columns if name not in self.marks]]

    def with_marks(
        self, read: pd.DataFrame, frame: pd.DataFrame, hidden: np.ndarray | None
    ) -> np.ndarray | None:
        """Extend a mask of hidden cells to marks: hidden where their cell is, or has no value."""
        if not self.marks:
            return hidden
        places: dict[Hashable, int] = {name: i for i, name in enumerate(read.columns)}
        all_hidden: Any = np.zeros(read.shape, dtype=bool)
        if hidden is not None:
            all_hidden[:, : frame.shape[1]] = hidden
        for form in self.forms:
            if form.mark is not None:
                own = all_hidden[:, places[form.name]] | read[form.name].isna().to_numpy()
                all_hidden[:, places[form.mark]] = own
        return all_hidden

    def write_over(
        self, frame: pd.DataFrame, read: pd.DataFrame, full: pd.DataFrame, hidden: np.ndarray | None
    ) -> pd.DataFrame:
        """Write a completed table; what was there stays as it was, to the letter."""
        if not self.forms:
            return full
        kept = read.notna() if hidden is None else read.notna() & ~hidden
        return frame.where(kept[frame.columns], self.write(full))

    def read_conditions(self, conditions: Any) -> Any:
        """Read conditions that are given in the form of the table.

        Raises
        ------
        DataError
            A value that the column cannot have.
        """
        if not self.forms or not isinstance(conditions, Mapping | pd.DataFrame):
            return conditions
        forms = {form.name: form for form in self.forms}
        if isinstance(conditions, pd.DataFrame):
            some = [name for name in conditions.columns if name in forms]
            conditions = conditions.copy(deep=False)
            for name in some:
                conditions[name] = _read_all(forms[name], conditions[name])
            return conditions
        return {
            name: _read_wanted(forms[name], value) if name in forms else value
            for name, value in conditions.items()
        }

    def to_state(self) -> list[dict[str, Any]]:
        """Return the forms as JSON-ready plain data."""
        return [form.to_state() for form in self.forms]

    @classmethod
    def from_state(cls, record: Any) -> Forms:
        """Build forms from the output of `to_state`.

        Raises
        ------
        ArchiveError, ValueError
            An invalid record.
        """
        forms = cls(fields.list_of(TextForm.from_state)(record))
        names = [form.name for form in forms.forms]
        if not fields.all_different([*names, *forms.marks]):
            raise ArchiveError("two forms are of one column")
        return forms


def _free_name(name: Hashable, taken: set[Hashable]) -> Hashable:
    """Return a new name, of the type of all names."""
    if not all(isinstance(one, str) for one in taken):
        return max((one for one in taken if isinstance(one, int)), default=-1) + 1
    free = f"{name} (form)"
    while free in taken:
        free += "_"
    return free


def _announce(form: TextForm, n_unread: int) -> None:
    what = {"number": "numbers", "date": "dates", "time": "times"}[form.kind]
    where = "integers" if form.dtype.lower().startswith(("int", "uint")) else "text"
    formats = _shown(form.formats)
    labels = _shown([label for label in form.missing if label is not None])
    beside = f", with {labels} where there is none" if labels else ""
    if n_unread:
        notice(
            f"column {form.name!r} holds {n_unread} value(s) that are no {what} and too rare to "
            "keep; they become missing values, or come back as others.",
            f"hold a few values that are no {what}, which are left out",
            form.name,
            rank=2,
        )
    notice(
        f"column {form.name!r} is {where} that holds {what} ({formats}{beside}): it is learnt as "
        f"{what} and written back in this form; convert it to a category to keep its labels.",
        f"are {where} that holds {what}: they are learnt as {what} and written back in their form",
        form.name,
        rank=5,
    )


def _shown(texts: Sequence[str]) -> str:
    shown = ", ".join(repr(text) for text in texts[:_MOST_SHOWN])
    return f"{shown} and {len(texts) - _MOST_SHOWN} more" if len(texts) > _MOST_SHOWN else shown


def _read_wanted(form: TextForm, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_read_all(form, pd.Series(list(value), dtype=object)).tolist())
    if isinstance(value, list | set | frozenset):
        return _read_all(form, pd.Series(list(value), dtype=object)).tolist()
    if isinstance(value, pd.Series):
        return _read_all(form, value)
    if pd.api.types.is_scalar(value) and not pd.isna(value):
        return _read_all(form, pd.Series([value], dtype=object)).tolist()[0]
    return value


def _read_all(form: TextForm, series: pd.Series) -> pd.Series:
    """Read wanted values, each in the form of the column or as what it is learnt as."""
    texts = series.map(lambda value: value if isinstance(value, str) else None)
    if pd.api.types.is_integer_dtype(pd.api.types.pandas_dtype(form.dtype)):
        texts = series.map(lambda value: value if pd.isna(value) else str(value))
    values, _ = form.read(texts)
    labels = series.isin([label for label in form.missing if label is not None])
    if labels.any():
        raise DataError(
            f"conditions give {series[labels].iloc[0]!r} for column {form.name!r}, which stands "
            "for a missing value; leave the column out if it has no condition."
        )
    return values.astype(object).where(values.notna(), series)
