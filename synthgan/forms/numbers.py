"""Formats of numbers as text: recognised, read and written back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from synthgan.state import fields

__all__ = ["NumberFormat", "Split", "find_number_format", "split"]

MAX_DECIMALS = 12
_SIGNS = ("-", "\u2212", "+")
_SPACES = " \u00a0\u2009\u202f"
_CORE = re.compile(rf"\d[\d.,'\u2019{_SPACES}]*\d|\d|[.,]\d+")
_COMPARISONS = "<>=~\u2264\u2265\u2248 "
_EXPONENT = re.compile(r"[eE][+-]?\d+")
_CURRENCY = (
    r"[$\u20ac\u00a3\u00a5\u20b9\u20bd\u20a9\u20ba\u20aa\u0e3f]|[A-Z]{1,3}\$|"
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|Rs\.?|kr\.?|Fr\.?"
)
# What may stand before a number: a comparison, a currency; and after it: flags, units.
_BEFORE = re.compile(rf"(?:[<>]=?|[\u2264\u2265~\u2248=]|ca\.)? ?(?:{_CURRENCY})? ?", re.IGNORECASE)
_UNIT = r"\w/%\u00b0.^*\u00b5\u03bc\u00b2\u00b3"
_AFTER = re.compile(
    r"(?: ?[%\u2030*+#!?\u00b0]+"
    rf"| ?[A-Za-z\u00b5\u03bc\u00b0\u2126\u20ac\u00a3$][{_UNIT}]{{0,11}}"
    r"| ?\(?[A-Z*]{1,2}\)?)?"
)


class Split(NamedTuple):
    """A text that may be a number: what stands before, sign, digits, exponent, and after."""

    before: str
    negative: str  # "-", the sign U+2212, "()", or "" of a positive number
    plus: bool
    digits: str
    exponent: str
    after: str
    sign_at: str = "before"  # a currency, or "digits": right before them, or "after"


def split(text: str) -> Split | None:
    """Split a text into a number and what stands around it; None if there is no number."""
    core = _CORE.search(text)
    if core is None:
        return None
    before, digits, after = text[: core.start()], core[0], text[core.end() :]
    negative, plus = "", False
    if before.startswith("(") and after.endswith(")"):
        before, after, negative = before[1:], after[:-1], "()"
    sign_at = "before"
    for sign in _SIGNS:
        if before.count(sign) == 1 and not negative and not plus:
            # Comparisons stand before every sign.
            currency = before.lstrip(_COMPARISONS)
            sign_at = "digits" if currency.endswith(sign) and currency != sign else "before"
            before = before.replace(sign, "")
            negative, plus = ("", True) if sign == "+" else (sign, False)
    # As accounts have it: 1.234,50-
    if after[:1] in _SIGNS[:2] and after and not negative and not plus and set(digits) & set(".,"):
        negative, after, sign_at = after[0], after[1:], "after"
    exponent = found[0] if (found := _EXPONENT.match(after)) else ""
    after = after[len(exponent) :]
    if not _BEFORE.fullmatch(before) or not _AFTER.fullmatch(after):
        return None
    return Split(before, negative, plus, digits, exponent, after, sign_at)


@dataclass(frozen=True)
class NumberFormat:
    """How the digits of numbers are written.

    Parameters
    ----------
    point : {".", ","}
        Decimal separator.
    group : str
        Separator of thousands; empty if there is none.
    decimals : (int, int) or None
        Fewest and most digits after the point; None for shortest ``repr``.
    negative : {"-", "\u2212", "()"}
        How negative numbers are marked.
    plus : bool
        Whether positive numbers have a sign.
    exponent : str
        Empty, or how an exponent begins: ``"e"`` or ``"E"``.
    sign_at : {"before", "digits", "after"}
        Where a sign stands: before a currency, between it and the digits, or after the digits.
    """

    point: str = "."
    group: str = ""
    decimals: tuple[int, int] | None = (0, 0)
    negative: str = "-"
    plus: bool = False
    exponent: str = ""
    sign_at: str = "before"

    @classmethod
    def from_state(cls, record: Any) -> NumberFormat:
        """Build a format from plain data, as ``dataclasses.asdict`` gives it.

        Raises
        ------
        ArchiveError
            An invalid record.
        """
        first = {"sign_at": "before"} if isinstance(record, dict) else {}  # of earlier archives
        read = fields.read_fields(
            {**first, **record} if first else record,
            "a format of numbers",
            point=fields.one_of(".", ","),
            group=fields.one_of("", *".,'\u2019", *_SPACES),
            decimals=fields.optional(fields.tuple_of(*2 * [fields.whole(0, MAX_DECIMALS)])),
            negative=fields.one_of("-", "\u2212", "()"),
            plus=fields.flag,
            exponent=fields.one_of("", "e", "E"),
            sign_at=fields.one_of("before", "digits", "after"),
        )
        return cls(**read)

    @property
    def is_whole(self) -> bool:
        """Whether numbers are integers."""
        return self.decimals == (0, 0) and not self.exponent

    def read(self, parts: Sequence[Split | None]) -> tuple[np.ndarray, np.ndarray]:
        """Read numbers; return them (0 where not read), and which are of this format."""
        values, is_read = np.zeros(len(parts)), np.zeros(len(parts), dtype=bool)
        for i, part in enumerate(parts):
            if part is not None and (value := self._value(part)) is not None:
                values[i], is_read[i] = value, True
        return values, is_read

    def _value(self, part: Split) -> float | None:
        if part.exponent and self.decimals is not None and not self.exponent:
            return None
        whole, _, fraction = part.digits.partition(self.point)
        if self.group:
            first, *groups = whole.split(self.group)
            if (groups and len(first) > 3) or any(len(one) != 3 for one in groups):
                return None
            whole = first + "".join(groups)
        plain = f"{whole or '0'}.{fraction or '0'}"
        if not (plain.replace(".", "", 1).isdecimal() and plain.isascii()):
            return None
        if self.decimals is not None and len(fraction) > self.decimals[1]:
            return None
        value = float(plain + part.exponent)
        return -value if part.negative else value

    def write(self, values: np.ndarray, before: Sequence[str], after: Sequence[str]) -> list[str]:
        """Write numbers with what stands around them; inverse of `read`."""
        texts = []
        for value, left, right in zip(values.tolist(), before, after, strict=True):
            digits = self._digits(abs(value))
            is_negative = value < 0 and any(c in "123456789" for c in digits)
            if is_negative and self.negative == "()":
                texts.append(f"({left}{digits}{right})")
            else:
                plus = "+" if self.plus and value > 0 else ""
                sign = self.negative if is_negative else plus
                texts.append(self._signed(left, sign, digits) + right)
        return texts

    def _signed(self, before: str, sign: str, digits: str) -> str:
        """Put a sign before a currency and after a comparison, or next to the digits."""
        if not sign or self.sign_at == "digits":
            return before + sign + digits
        if self.sign_at == "after":
            return before + digits + sign
        place = len(before) - len(before.lstrip(_COMPARISONS))
        return before[:place] + sign + before[place:] + digits

    def _digits(self, value: float) -> str:
        if self.decimals is None:
            text = repr(value)
            return text.removesuffix(".0") if value >= 1e16 else text
        fewest, most = self.decimals
        if self.exponent:
            mantissa, _, power = f"{value:.{most}e}".partition("e")
            return mantissa.replace(".", self.point) + self.exponent + power
        text = f"{value:{',' if self.group else ''}.{most}f}"
        whole, _, fraction = text.partition(".")
        while len(fraction) > fewest and fraction.endswith("0"):
            fraction = fraction[:-1]
        return whole.replace(",", self.group) + (self.point + fraction if fraction else "")


def find_number_format(
    parts: Sequence[Split], counts: Sequence[int], least: int = 1
) -> NumberFormat | None:
    """Find how the digits of a column of numbers are written; None if they are codes.

    Parameters
    ----------
    parts : sequence of Split
        Distinct texts.
    counts : sequence of int
        How many people have each.
    least : int, default=1
        What fewer people have is ignored.
    """
    weighed = list(zip(parts, counts, strict=True))
    digits = [part.digits for part in parts]
    # Leading zeros, and many digits of one length, are of codes.
    zeros = sum(n for part, n in weighed if re.match(r"0\d", part.digits))
    is_padded = zeros > 0 and len({len(text) for text in digits}) == 1
    if zeros >= least or is_padded or _are_codes(digits):
        return None
    point, group = _separators(digits)
    negatives = _shared((part.negative for part in parts if part.negative), ("-",))
    signed = (part.sign_at for part in parts if part.negative or part.plus)
    sign_at = _shared(signed, ("before",))[0]
    n_plus = sum(n for part, n in weighed if part.plus)
    exponents = sum(n for part, n in weighed if part.exponent)
    fractions = Counter[int]()
    for part, n in weighed:
        fractions[len(part.digits.partition(point)[2])] += n
    usual = [size for size, n in fractions.items() if n >= least] or [max(fractions)]
    decimals: tuple[int, int] | None = (min(usual), max(usual))
    exponent = ""
    if exponents >= least:
        letter = _shared(part.exponent[0] for part in parts if part.exponent)[0]
        if exponents == sum(counts) and min(usual) == max(usual):
            exponent = letter
        else:
            decimals = None
    elif max(usual) > MAX_DECIMALS:
        decimals = None
    if decimals is None and (point, group) != (".", ""):
        return None
    is_signed = n_plus >= least
    return NumberFormat(point, group, decimals, negatives[0], is_signed, exponent, sign_at)


def _shared(texts: object, default: tuple[str, ...] = ("",)) -> tuple[str, ...]:
    """Return texts, the most frequent first."""
    found = Counter(texts).most_common()  # type: ignore[call-overload]
    return tuple(text for text, _ in found) or default


def _are_codes(digits: Sequence[str]) -> bool:
    """Return whether digits are codes: all of one length of five or more."""
    digits = [re.sub(rf"[{_SPACES}'\u2019]", "", text) for text in digits]
    is_plain = all(text.isdecimal() for text in digits)
    return is_plain and (
        (len({len(text) for text in digits}) == 1 and len(digits[0]) > 4 and len(digits) > 1)
        or max(map(len, digits)) > 15
    )


def _separators(digits: Sequence[str]) -> tuple[str, str]:
    """Return the decimal separator and that of thousands."""
    used = {mark for text in digits for mark in text if not mark.isdecimal()}
    others = [mark for mark in used if mark not in ".,"]
    if {".", ","} <= used:
        both = [text for text in digits if "." in text and "," in text]
        lasts = Counter("." if text.rfind(".") > text.rfind(",") else "," for text in both)
        point = lasts.most_common(1)[0][0] if both else "."
        return point, "," if point == "." else "."
    point = next((mark for mark in ",." if mark in used), ".")
    if others:
        return point, others[0]
    if point in used and _is_grouping(digits, point):
        return "." if point == "," else ",", point
    return point, ""


def _is_grouping(digits: Sequence[str], mark: str) -> bool:
    """Return whether a mark separates thousands rather than decimals.

    It does so if it is repeated; or if three digits follow everywhere, and numbers without it are
    below 1000: of numbers whose last zeros are not written some would have fewer decimals. A comma
    in all numbers is taken for thousands, a point for decimals.
    """
    split_up = [text.split(mark) for text in digits]
    if any(len(groups) > 2 for groups in split_up):
        return True
    marked = [groups for groups in split_up if len(groups) == 2]
    if not all(len(tail) == 3 and 1 <= len(head) <= 3 for head, tail in marked):
        return False
    if any(head.startswith("0") for head, _ in marked):
        return False
    plain = [groups[0] for groups in split_up if len(groups) == 1]
    if not plain:
        return mark == ","
    return max(map(len, plain)) <= 3 and (mark == "," or len(marked) >= 20)
