"""Formats of dates and times as text: read and written back.

A format is spelled as for ``strftime``, with a few additions: ``%-d`` has no leading zero,
``%^b`` is in capitals and ``%_b`` in small letters, ``%3f`` is a fraction of three digits, ``%q`` a
quarter, ``%:z`` an offset with a colon. Names of months and weekdays are English in any locale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["MONTHS", "WEEKDAYS", "DateFormat"]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = {
    "b": tuple(name[:3] for name in MONTHS),
    "B": MONTHS,
    "a": tuple(name[:3] for name in WEEKDAYS),
    "A": WEEKDAYS,
    "p": ("AM", "PM"),
}
_CASES: dict[str, Callable[[str], str]] = {"": str, "^": str.upper, "_": str.lower}
_PATTERNS = {
    "Y": r"\d{4}", "y": r"\d{2}", "G": r"\d{4}",
    "m": r"0[1-9]|1[0-2]", "-m": r"1[0-2]|[1-9]",
    "d": r"0[1-9]|[12]\d|3[01]", "-d": r"[12]\d|3[01]|[1-9]",
    "H": r"[01]\d|2[0-3]", "-H": r"1\d|2[0-3]|\d",
    "I": r"0[1-9]|1[0-2]", "-I": r"1[0-2]|[1-9]",
    "M": r"[0-5]\d", "S": r"[0-5]\d", "q": "[1-4]", "V": r"0[1-9]|[1-4]\d|5[0-3]",
    "z": r"[+-][01]\d[0-5]\d", ":z": r"[+-][01]\d:[0-5]\d",
}  # fmt: skip
_PART = re.compile(r"%([-^_:]|[1-9])?([A-Za-z])|%%|[^%]+")
_LONGEST = 60  # characters of a format
_PIVOT = 69  # two-digit years from here on are of the 20th century, as in strptime
_SPAN = {"us": 10**6, "ns": 10**9}  # ticks of a second


class DateFormat:
    """One format of dates, or of times of the day.

    Parameters
    ----------
    spelled : str
        As for ``strftime``; see the module.

    Raises
    ------
    ValueError
        A code that is not known, or parts that make no date or time.

    Examples
    --------
    >>> form = DateFormat("%-d %b %Y")
    >>> ticks, _, is_read = form.read(["7 Mar 2018", "31 Feb 2018"])
    >>> is_read.tolist(), form.write(ticks[:1])
    ([True, False], ['7 Mar 2018'])
    """

    def __init__(self, spelled: str) -> None:
        self.spelled = spelled
        self._parts = _parse(spelled)
        codes = self._codes = [code for _, code in self._parts if code]
        if len(set(codes)) < len(codes) or not _is_whole(set(codes)):
            raise ValueError(f"{spelled!r} is no format of dates or times")

    @property
    def is_time(self) -> bool:
        """Whether it is a time of the day without a date."""
        return not {"Y", "y", "G"} & set(self._codes)

    @property
    def has_offset(self) -> bool:
        """Whether it has an offset from UTC."""
        return "z" in self._codes

    @property
    def unit(self) -> str:
        """Unit of the ticks: microseconds, or nanoseconds where a fraction is that long."""
        return "ns" if any(c == "f" and int(flag) > 6 for flag, c in self._parts) else "us"

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile("".join(_pattern(flag, code) for flag, code in self._parts))

    def read(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read texts.

        Returns
        -------
        ticks : ndarray of int64
            Local time in `unit` since 1970, or since midnight; 0 where it is not read.
        offsets : ndarray of int64
            Minutes east of UTC; 0 without an offset.
        is_read : ndarray of bool
            Where a text is exactly of this format, and a date of the calendar.
        """
        found = [self._regex.fullmatch(text) for text in texts]
        is_read = np.array([match is not None for match in found], dtype=bool)
        rows = [match.groups() for match in found if match is not None]
        values = dict(zip(self._codes, zip(*rows, strict=True), strict=False)) if rows else {}
        numbers = {code: _numbers(code, column) for code, column in values.items()}
        ticks, is_valid = self._ticks(numbers, len(rows))
        out, offsets = np.zeros((2, len(texts)), dtype=np.int64)
        out[is_read], offsets[is_read] = ticks, numbers.get("z", 0)
        is_read[is_read] = is_valid
        return np.where(is_read, out, 0), offsets, is_read

    def _ticks(self, given: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ticks, and which of them are dates of the calendar."""
        zero, one = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)
        hours = given.get("H", zero)
        if "I" in given:
            hours = given["I"] % 12 + 12 * given["p"]
        seconds = hours * 3600 + given.get("M", zero) * 60 + given.get("S", zero)
        ticks = seconds * _SPAN[self.unit] + given.get("f", zero)
        if self.is_time:
            return ticks, np.ones(n, dtype=bool)
        if "V" in given:
            days, is_valid = _days_of_weeks(given["G"], given["V"])
        else:
            years = given.get("Y", zero)
            if "y" in given:
                years = given["y"] + np.where(given["y"] < _PIVOT, 2000, 1900)
            months = given.get("m", given.get("b", given.get("B", one)))
            months = 3 * given["q"] - 2 if "q" in given else months
            first = 12 * (years - 1970) + months - 1
            days = first.astype("M8[M]").astype("M8[D]").astype(np.int64) + given.get("d", one) - 1
            is_valid = days.astype("M8[D]").astype("M8[M]").astype(np.int64) == first
        for code in ("a", "A"):
            if code in given:
                is_valid &= (days + 3) % 7 == given[code]
        if self.unit == "ns":
            is_valid &= np.abs(days) < 106_000  # what 64 bits hold
        return np.where(is_valid, days, 0) * 86_400 * _SPAN[self.unit] + ticks, is_valid

    def write(self, ticks: np.ndarray, offsets: np.ndarray | None = None) -> list[str]:
        """Write ticks as text; inverse of `read`."""
        day = 86_400 * _SPAN[self.unit]
        days, rest = np.divmod(np.asarray(ticks, dtype=np.int64), day)
        seconds, fraction = np.divmod(rest, _SPAN[self.unit])
        dates = days.astype("M8[D]")
        years = dates.astype("M8[Y]").astype(np.int64) + 1970
        months = dates.astype("M8[M]").astype(np.int64) % 12 + 1
        thursdays = days - (days + 3) % 7 + 3
        week_years = thursdays.astype("M8[D]").astype("M8[Y]")
        hours = seconds // 3600
        given = {
            "Y": years, "y": years % 100, "m": months, "b": months, "B": months,
            "d": (dates - dates.astype("M8[M]").astype("M8[D]")).astype(np.int64) + 1,
            "H": hours, "I": (hours + 11) % 12 + 1, "p": hours // 12,
            "M": seconds // 60 % 60, "S": seconds % 60, "f": fraction,
            "a": (days + 3) % 7, "A": (days + 3) % 7, "q": (months + 2) // 3,
            "G": week_years.astype(np.int64) + 1970,
            "V": (thursdays - week_years.astype("M8[D]").astype(np.int64)) // 7 + 1,
            "z": np.zeros_like(days) if offsets is None else offsets,
        }  # fmt: skip
        digits = 9 if self.unit == "ns" else 6
        columns = [
            [flag] * len(days) if not code else _texts(flag, code, given[code], digits)
            for flag, code in self._parts
        ]
        return ["".join(pieces) for pieces in zip(*columns, strict=True)]


def _parse(spelled: str) -> list[tuple[str, str]]:
    """Split a format into (flag, code) of fields, and (text, "") of what stands between."""
    pieces = list(_PART.finditer(spelled))
    if len(spelled) > _LONGEST or "".join(piece[0] for piece in pieces) != spelled:
        raise ValueError(f"{spelled[:_LONGEST]!r} is no format of dates or times")
    parts = []
    for piece in pieces:
        flag, code = piece[1] or "", piece[2] or ""
        if not code:
            parts.append(("%" if piece[0] == "%%" else piece[0], ""))
            continue
        is_known = flag + code in _PATTERNS or (code in _NAMES and flag in _CASES)
        if not (is_known or (code == "f" and flag.isdigit())):
            raise ValueError(f"{spelled!r} has the unknown field {piece[0]!r}")
        parts.append((flag, code))
    return parts


def _is_whole(codes: set[str]) -> bool:
    """Return whether fields determine a date or a time, and none of them contradict others."""
    year, month, hour = (
        codes & {"Y", "y", "G"},
        codes & {"m", "b", "B", "q", "V"},
        codes & {"H", "I"},
    )
    if len(year) > 1 or len(month) > 1 or len(hour) > 1 or len(codes & {"a", "A"}) > 1:
        return False
    if ("G" in codes) != ("V" in codes) or ("I" in codes) != ("p" in codes):
        return False
    if ("f" in codes and "S" not in codes) or ("S" in codes and "M" not in codes):
        return False
    if "M" in codes and not hour:
        return False
    if not year:
        return bool(hour) and not (month or codes & {"d", "a", "A", "z"})
    has_day = "d" in codes and bool(month & {"m", "b", "B"})
    return has_day or not (codes & {"d", "a", "A", "z"} or hour)


def _pattern(flag: str, code: str) -> str:
    if not code:
        return re.escape(flag)
    if code == "f":
        return rf"(\d{{{flag}}})"
    if code in _NAMES:
        return f"({'|'.join(_CASES[flag](name) for name in _NAMES[code])})"
    return f"({_PATTERNS[flag + code]})"


def _numbers(code: str, texts: Sequence[str]) -> np.ndarray:
    """Return the field of each text as a number: months from 1, weekdays and halves from 0."""
    if code in _NAMES:
        first = 1 if code in "bB" else 0
        place = {name.lower(): i + first for i, name in enumerate(_NAMES[code])}
        return np.array([place[text.lower()] for text in texts], dtype=np.int64)
    if code == "f":
        return np.array([int(text.ljust(9 if len(text) > 6 else 6, "0")) for text in texts])
    if code == "z":
        plain = [text.replace(":", "") for text in texts]
        return np.array([int(t[0] + "1") * (int(t[1:3]) * 60 + int(t[3:])) for t in plain])
    return np.array(texts).astype(np.int64)


def _texts(flag: str, code: str, numbers: np.ndarray, digits: int) -> list[str]:
    """Return the field of each number as text; `digits` are those of a whole fraction."""
    plain: list[Any] = numbers.tolist()
    if code in _NAMES:
        first = 1 if code in "bB" else 0
        return [_CASES[flag](_NAMES[code][number - first]) for number in plain]
    if code == "f":
        return [f"{number:0{digits}d}"[: int(flag)] for number in plain]
    if code == "z":
        colon = ":" if flag else ""
        return [f"{'-' if x < 0 else '+'}{abs(x) // 60:02d}{colon}{abs(x) % 60:02d}" for x in plain]
    if flag == "-" or code == "q":
        return [str(number) for number in plain]
    return [f"{number:0{4 if code in 'YG' else 2}d}" for number in plain]


def _days_of_weeks(years: np.ndarray, weeks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Monday of each ISO week in days since 1970, and which weeks there are."""
    fourth = (years - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64) + 3
    days = fourth - (fourth + 3) % 7 + 7 * (weeks - 1)
    thursday_years = (days + 3).astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970
    return days, thursday_years == years
