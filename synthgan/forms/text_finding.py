"""Recognise columns of text that are dates, times or numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.encoding.tables.dtypes import name_of
from synthgan.exceptions import DataError
from synthgan.forms.date_finding import MOST_FORMATS, find_formats
from synthgan.forms.numbers import Split, find_number_format, split
from synthgan.forms.text import NUMBER_PLACE, TextForm, has_numbers, texts_of
from synthgan.privacy import Support

__all__ = ["find_text_form"]

_MOST_LABELS = 12  # among dates or numbers
_FEW_LEVELS = 20  # numbers of at most so many values may stay labels
_COMPARISONS = ("<", ">", "\u2264", "\u2265")
_MOST_UNREAD = 0.02  # of the cells
_MOST_IMPOSSIBLE = 0.05  # of the dates; more cells that look like them are codes
_DIGIT = re.compile("[0-9]")
_FEWEST_READ = 0.05
_LONGEST_LABEL = 60
_USUAL_ZONES = (
    "UTC", "Europe/Madrid", "Europe/London", "Europe/Athens", "Europe/Moscow", "America/New_York",
    "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
    "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
_MINUTE_US = 60 * 10**6
_OFFSET = "%:z"


@dataclass(frozen=True)
class _Texts:
    """The distinct texts of a column, and how many rows and people have each."""

    series: pd.Series
    texts: list[str]
    rows: np.ndarray
    people: np.ndarray
    n_gaps: int
    gaps_are_shared: bool
    least: int

    @classmethod
    def read(cls, series: pd.Series, support: Support) -> _Texts:
        """Count the texts of a column, and the people who have each."""
        codes, texts = pd.factorize(texts_of(series))
        gaps = codes < 0
        return cls(
            series,
            list(texts),
            np.bincount(codes[~gaps], minlength=len(texts)),
            support.counts(codes, len(texts)),
            int(gaps.sum()),
            bool(gaps.any()) and support.holds(gaps),
            support.least,
        )


def find_text_form(
    series: pd.Series, support: Support, is_key: bool
) -> tuple[TextForm, int] | None:
    """Recognise a column of text.

    Parameters
    ----------
    series : Series
        Text, or integers that may be dates such as 20230131.
    support : Support
        Formats and labels of fewer people are not stored.
    is_key : bool
        Whether the column is named like an identifier: its numbers are none.

    Returns
    -------
    form, n_unread : TextForm, int; or None
        And how many cells are neither of a format nor a label; None for a column that is left as
        it is.

    Raises
    ------
    DataError
        Dates mixed with much else.
    """
    if types.is_integer_dtype(series.dtype):
        return None if is_key else _find_whole_dates(series, support)
    texts = _Texts.read(series, support)
    if len(texts.texts) < 2:
        return None
    dates = _find_dates(texts)
    found = None if dates is None else _judged(dates, texts)
    if found is not None and found[0] is not None:
        return found[0], found[1]
    numbers = None if is_key else _find_numbers(texts)
    counted = None if numbers is None else _judged(numbers, texts)
    if counted is not None and counted[0] is not None:
        return counted[0], counted[1]
    if dates is not None and found is not None and found[2] > found[1]:
        raise DataError(
            f"column {series.name!r} mixes dates or times ({found[2]} cells, as in "
            f"{dates.formats[0]!r}) with other text ({found[1]} cells): convert it with "
            "pandas.to_datetime, split it in two, or drop it."
        )
    return None


def _judged(form: TextForm, texts: _Texts) -> tuple[TextForm | None, int, int]:
    """Return the form with its labels, None if it reads too little; cells not read, and read."""
    is_read = form.parse(texts.texts).formats >= 0
    form = _with_labels(form, texts, is_read)
    labels = np.array([label in form.missing for label in texts.texts])
    n_unread = int(texts.rows[~is_read & ~labels].sum())
    n_read = int(texts.rows[is_read].sum())
    too_many = n_unread > max(texts.least, _MOST_UNREAD * (n_unread + n_read))
    few = n_read < max(texts.least, _FEWEST_READ * int(texts.rows.sum()))
    few_levels = is_read.sum() < (2 * max(1, labels.sum()) if form.kind == "number" else 2)
    return (None if too_many or few or few_levels else form), n_unread, n_read


def _find_whole_dates(series: pd.Series, support: Support) -> tuple[TextForm, int] | None:
    """Recognise dates such as 20230131, or months such as 202301, as integers."""
    present = series.dropna()
    if not len(present):
        return None
    low, high = present.min(), present.max()
    size = len(str(high))
    if size not in (6, 8) or present.nunique() < 2:
        return None
    first = 10 ** (size - 4)
    if low < 1900 * first or high >= 2101 * first:
        return None
    if size == 6 and present.nunique() < 6:
        return None
    spelled = "%Y%m%d" if size == 8 else "%Y%m"
    form = TextForm(series.name, name_of(series.dtype), "date", (spelled,))
    distinct = [str(value) for value in present.unique()]
    if (form.parse(distinct).formats < 0).any():
        return None
    gaps = series.isna().to_numpy()
    is_shared = bool(gaps.any()) and support.holds(gaps)
    return replace(form, missing=(None,) if is_shared else ()), 0


def _find_dates(texts: _Texts) -> TextForm | None:
    found = find_formats(texts.texts, texts.rows.tolist())
    if not found:
        return None
    kind = "time" if found[0].is_time else "date"
    form = TextForm(
        texts.series.name, name_of(texts.series.dtype), kind, tuple(one.spelled for one in found)
    )
    cells = form.parse(texts.texts)
    counts = [int(texts.people[cells.formats == i].sum()) for i in range(len(found))]
    kept = [i for i in np.argsort(counts)[::-1] if counts[i] >= texts.least]
    if not kept:
        return None
    form = replace(form, formats=tuple(form.formats[i] for i in kept))
    if _are_codes(form, texts):
        return None
    if any(one.has_offset for one in found):
        form = _with_offsets(form, texts)
    return form


def _are_codes(form: TextForm, texts: _Texts) -> bool:
    """Return whether many texts look like the dates but are none, such as 07-0-2."""
    is_read = form.parse(texts.texts).formats >= 0
    shapes = np.array([_DIGIT.sub("0", text) for text in texts.texts])
    is_impossible = ~is_read & np.isin(shapes, shapes[is_read])
    n_read = texts.rows[is_read].sum()
    return bool(texts.rows[is_impossible].sum() > _MOST_IMPOSSIBLE * n_read)


def _with_offsets(form: TextForm, texts: _Texts) -> TextForm:
    """Settle the offsets of dates: one of all, those of a time zone, or a format for each."""
    cells = form.parse(texts.texts)
    is_read = cells.formats >= 0
    dated = np.array([_OFFSET in spelled or "%z" in spelled for spelled in form.formats])
    has_offset = is_read & dated[np.maximum(cells.formats, 0)]
    offsets, codes = np.unique(cells.offsets[has_offset], return_inverse=True)
    counts = np.bincount(codes, weights=texts.people[has_offset])
    shared = [int(o) for o, n in zip(offsets, counts, strict=True) if n >= texts.least]
    if len(offsets) > 1 and dated.all():
        size = _MINUTE_US * (1000 if form._unit == "ns" else 1)
        utc = cells.values - cells.offsets * size
        zone = _zone_of(utc[is_read], cells.offsets[is_read], form._unit)
        if zone is not None:
            return replace(form, zone=zone)
    literal = []
    for spelled in form.formats:
        if _OFFSET not in spelled and "%z" not in spelled:
            literal.append(spelled)
            continue
        for minutes in shared:
            sign, size = "-" if minutes < 0 else "+", abs(minutes)
            for code, colon in ((_OFFSET, ":"), ("%z", "")):
                text = f"{sign}{size // 60:02d}{colon}{size % 60:02d}"
                if code in spelled:
                    literal.append(spelled.replace(code, text))
    return replace(form, formats=tuple(literal[:MOST_FORMATS]))


def _zone_of(utc: np.ndarray, offsets: np.ndarray, unit: str) -> str | None:
    """Return a time zone in which all moments have these offsets."""
    moments = pd.DatetimeIndex(utc.view(f"M8[{unit}]")).tz_localize("UTC")
    rows = np.unique(np.linspace(0, len(utc) - 1, 200).astype(int))
    others = sorted(zone for zone in available_timezones() if "/" in zone)
    for zone in (*_USUAL_ZONES, *others):
        for some in (rows, slice(None)):
            local = moments[some].tz_convert(zone).tz_localize(None)
            minutes = (local - moments[some].tz_localize(None)).total_seconds() / 60
            if not np.array_equal(minutes.to_numpy(), offsets[some]):
                break
        else:
            return zone
    return None


def _find_numbers(texts: _Texts) -> TextForm | None:
    parts = [split(text.strip()) for text in texts.texts]
    # A few limits, such as <5, are labels; they would make no sense with other numbers.
    limits = [text for text, part in zip(texts.texts, parts, strict=True)
              if part is not None and part.before[:1] in _COMPARISONS]  # fmt: skip
    if len(limits) > _MOST_LABELS:
        limits = []
    parts = [None if text in limits else part
             for text, part in zip(texts.texts, parts, strict=True)]  # fmt: skip
    numbers = [
        (part, text, rows, n)
        for part, text, rows, n in zip(parts, texts.texts, texts.rows, texts.people, strict=True)
        if part is not None
    ]
    if not numbers or _stay_labels(numbers, texts):
        return None
    splits, counts = [one[0] for one in numbers], [int(one[3]) for one in numbers]
    number = find_number_format(splits, counts, texts.least)
    if number is None:
        return None
    around: Counter[str] = Counter()
    for part, n in zip(splits, counts, strict=True):
        around[f"{part.before}{NUMBER_PLACE}{part.after}"] += n
    formats = [spelled for spelled, n in around.most_common() if n >= texts.least]
    if not formats or len(formats) > MOST_FORMATS or (number.is_whole and _are_suffixes(formats)):
        return None
    widths = {len(text) for text in texts.texts}
    is_padded = len(widths) == 1 and any(text.startswith(" ") for text in texts.texts)
    return TextForm(
        texts.series.name,
        name_of(texts.series.dtype),
        "number",
        tuple(formats),
        missing=tuple(
            text
            for text, n in zip(texts.texts, texts.people, strict=True)
            if text in limits and n >= texts.least
        ),
        number=number,
        width=widths.pop() if is_padded else 0,
        natives=has_numbers(texts.series),
    )


def _stay_labels(numbers: Sequence[tuple[Split, str, int, int]], texts: _Texts) -> bool:
    """Return whether numbers are few levels that enough people share: labels, such as codes."""
    return len(texts.texts) <= _FEW_LEVELS and all(n >= texts.least for *_, n in numbers)


def _are_suffixes(formats: Sequence[str]) -> bool:
    """Return whether several letters follow whole numbers directly, as in 12A, 12B."""
    after = {spelled.partition(NUMBER_PLACE)[2] for spelled in formats}
    return len([text for text in after if text[:1].isalpha()]) > 1


def _with_labels(form: TextForm, texts: _Texts, is_read: np.ndarray) -> TextForm:
    """Add the labels that enough people share, and missing values, the most frequent first."""
    missing: list[tuple[int, str | None]] = [
        (int(rows), text)
        for text, rows, people, done in zip(
            texts.texts, texts.rows, texts.people, is_read, strict=True
        )
        if not done and people >= texts.least and len(text) <= _LONGEST_LABEL
    ]
    if len(missing) > _MOST_LABELS:
        missing = []
    if texts.gaps_are_shared:
        missing.append((texts.n_gaps, None))
    missing.sort(key=lambda one: -one[0])
    return replace(form, missing=tuple(text for _, text in missing))
