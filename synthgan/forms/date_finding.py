"""Find the formats of dates and times that a column of text is in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations, product

import numpy as np

from synthgan.forms.dates import MONTHS, WEEKDAYS, DateFormat

__all__ = ["MOST_FORMATS", "find_formats"]

MOST_FORMATS = 8
_MOST_LOOKED_AT = 2000  # distinct texts from which formats are guessed
_MOST_CHARACTERS = 60
_YEARS = (np.datetime64("1000", "us").astype(int), np.datetime64("2300", "us").astype(int))
_FEWEST_USUAL = 0.9  # of the distinct dates
_TOKENS = re.compile(r"\d+|[A-Za-z]+|[^\dA-Za-z]")
_NAMED = {"b": [name[:3].lower() for name in MONTHS], "B": [name.lower() for name in MONTHS],
          "a": [name[:3].lower() for name in WEEKDAYS], "A": [name.lower() for name in WEEKDAYS],
          "p": ["am", "pm"]}  # fmt: skip
_PLACE = "\0"  # of the time in a format
_LITERALS = {"t", "z", "utc", "gmt", "at", "h", "q", "w", "of"}
# A time within a text of tokens: hours, minutes, perhaps seconds, a fraction, a half, an offset.
_TIME = re.compile(
    r"(?P<H>\d{1,2})(?P<s1>[:h])(?P<M>\d\d)(?:(?P<s2>:)(?P<S>\d\d)(?:(?P<s3>[.,])(?P<f>\d{1,9}))?)?"
    r"(?![\d:])(?:(?P<s4> ?)(?P<p>[AaPp][Mm])(?![A-Za-z]))?(?P<z> ?[+-]\d\d:?\d\d(?!\d))?"
)
_COMPACT_TIME = re.compile(r"(?<=T)(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)?(?!\d)")
_WHOLE_TIME = re.compile(r"(?<=[T ])(?P<H>\d\d)(?=$|Z$)")


def find_formats(texts: Sequence[str], counts: Sequence[int]) -> list[DateFormat]:
    """Find the formats that read most texts, the most frequent first.

    Parameters
    ----------
    texts : sequence of str
        Distinct.
    counts : sequence of int
        How often each occurs.

    Returns
    -------
    formats : list of DateFormat
        At most `MOST_FORMATS`; each is one of dates, or each one of times. A year alone is
        found only beside another format.
    """
    if len(texts) > _MOST_LOOKED_AT:
        rows = np.random.default_rng(0).choice(len(texts), _MOST_LOOKED_AT, replace=False)
        texts, counts = [texts[i] for i in rows], [counts[i] for i in rows]
    left = [(text, n) for text, n in zip(texts, counts, strict=True) if _may_be_date(text)]
    found: list[DateFormat] = []
    shapes = Counter[str]()
    for text, n in left:
        shapes[_shape(text)] += n
    examples = {_shape(text): text for text, _ in reversed(left)}
    for shape, _ in shapes.most_common(3 * MOST_FORMATS):
        if not any(_shape(text) == shape for text, _ in left):
            continue
        best = _best(examples[shape], left)
        if best is None or (found and best.is_time != found[0].is_time):
            continue
        found.append(best)
        is_read = best.read([text for text, _ in left])[2]
        left = [pair for pair, done in zip(left, is_read, strict=True) if not done]
        if len(found) == MOST_FORMATS:
            break
    return [] if [form.spelled for form in found] == ["%Y"] else found


def _may_be_date(text: str) -> bool:
    return len(text) <= _MOST_CHARACTERS and any(c.isdecimal() for c in text) and text.isascii()


def _shape(text: str) -> str:
    """Return a text with digits and names replaced by their kind; runs of one or two are alike."""
    pieces = []
    for token in _TOKENS.findall(text):
        if token.isdigit():
            pieces.append("0" * len(token) if len(token) > 2 else "1")
        else:
            pieces.append(_kind(token) or token)
    return "".join(pieces)


def _kind(token: str) -> str:
    """Name the field that a word is: a month, a weekday, a half of a day; empty if none."""
    return next((code for code, names in _NAMED.items() if token.lower() in names), "")


def _best(example: str, pairs: Sequence[tuple[str, int]]) -> DateFormat | None:
    """Return the format that reads most of all texts, among those that an example may be in."""
    texts = [text for text, _ in pairs]
    counts = np.array([n for _, n in pairs])
    best, most = None, (0.0, 0.0)
    for spelled in dict.fromkeys(_candidates(example)):
        try:
            form = DateFormat(spelled)
        except ValueError:
            continue
        ticks, _, is_read = form.read(texts)
        if not form.is_time and not _are_usual(ticks[is_read], form.unit):
            continue
        # Of two readings of all texts (3/4, 4/3), the one of dates that are closer together.
        spread = float(np.ptp(ticks[is_read].astype(np.float64))) if is_read.any() else 0.0
        rank = (float(counts[is_read].sum()), -spread)
        if rank > most:
            best, most = form, rank
    return best


def _are_usual(ticks: np.ndarray, unit: str) -> bool:
    """Return whether nearly all dates are of usual years; others are codes, such as 8012_1_8."""
    years = ticks // (1000 if unit == "ns" else 1)
    is_usual = (years >= _YEARS[0]) & (years < _YEARS[1])
    return bool(len(ticks) and is_usual.mean() >= _FEWEST_USUAL)


def _candidates(text: str) -> Iterator[str]:
    """Yield formats that a text may be in; those with leading zeros and days first come first."""
    for pattern in (_TIME, _COMPACT_TIME, _WHOLE_TIME):
        if (time := pattern.search(text)) is not None:
            rest = text[: time.start()] + _PLACE + text[time.end() :]
            dates = list(_date_parts(rest))
            yield from (date.replace(_PLACE, hour) for hour in _hours(time) for date in dates)
    yield from _date_parts(text)


def _hours(time: re.Match[str]) -> Iterator[str]:
    """Yield the formats of a time."""
    given = time.groupdict()
    half = given.get("p")
    hour = "I" if half else "H"
    rest = given.get("s1") or ""
    rest += "%M" if given.get("M") else ""
    if given.get("S"):
        rest += (given.get("s2") or "") + "%S"
    if given.get("f"):
        rest += f"{given['s3']}%{len(given['f'])}f"
    if half:
        flag = "_" if half.islower() else ""
        rest += (given.get("s4") or "") + f"%{flag}p"
    if offset := given.get("z"):
        rest += (" " if offset[0] == " " else "") + ("%:z" if ":" in offset else "%z")
    if len(given["H"]) == 2:
        yield f"%{hour}{rest}"
    yield f"%-{hour}{rest}"


def _date_parts(text: str) -> Iterator[str]:
    """Yield the formats of a date, whose time may be replaced by a mark."""
    tokens = _TOKENS.findall(text)
    numbers = [i for i, token in enumerate(tokens) if token.isdigit()]
    words = [i for i, token in enumerate(tokens) if token.isalpha()]
    fields = {i: _kind(tokens[i]) for i in words}
    plain = [tokens[i].lower() for i in words if not fields[i]]
    if any(word not in _LITERALS for word in plain) or "p" in fields.values():
        return
    has_month = any(code in ("b", "B") for code in fields.values())
    for roles in _roles([tokens[i] for i in numbers], has_month, set(plain)):
        role = dict(zip(numbers, roles, strict=True))
        options = [
            _spellings(token, role[i]) if i in role else _words(token, fields.get(i, ""))
            for i, token in enumerate(tokens)
        ]
        yield from ("".join(pieces) for pieces in product(*options))


def _roles(numbers: Sequence[str], has_month: bool, words: set[str]) -> Iterator[tuple[str, ...]]:
    """Yield what the numbers of a date may be, in order."""
    sizes = [len(number) for number in numbers]
    compact = {8: ("Ymd", "dmY", "mdY"), 14: ("YmdHMS",), 12: ("YmdHM",), 6: ("Ym", "ymd")}
    if not numbers:
        yield ()
    elif max(sizes) > 4 and not has_month:
        if len(sizes) == 1:
            yield from ((codes,) for codes in compact.get(sizes[0], ()))
    elif "q" in words or "w" in words:
        wanted = "Yq" if "q" in words else "GV"
        if len(sizes) == 2:
            yield from (tuple(codes) for codes in permutations(wanted))
    else:
        letters = ("Y", "y", "d") if has_month else ("Y", "y", "m", "d")
        n_fields = len(sizes)
        # Day first; then what the customs of other countries are.
        orders = ["dmY", "mdY", "Ymd", "Ydm", "dmy", "mdy", "ymd", "mY", "Ym", "dY", "Yd", "dy",
                  "yd", "Y", "y"]  # fmt: skip
        for codes in orders:
            fits = len(codes) == n_fields and set(codes) <= set(letters)
            sized = all(
                (size == 4) == (code == "Y") for size, code in zip(sizes, codes, strict=False)
            )
            alone = codes == "y" and not has_month
            if fits and sized and max(sizes) <= 4 and 3 not in sizes and not alone:
                yield tuple(codes)


def _spellings(digits: str, role: str) -> list[str]:
    """Return how a number may be spelled in a format."""
    if len(role) > 1 or role in "YyGqV":
        return ["".join(f"%{code}" for code in role)]
    padded = [f"%{role}"] if len(digits) == 2 else []
    return [*padded, f"%-{role}"]


def _words(token: str, code: str) -> list[str]:
    """Return how a word, or what stands between, may be spelled in a format."""
    if not code:
        return [token.replace("%", "%%")]
    flag = "^" if token.isupper() else "_" if token.islower() else ""
    codes = "bB" if token.lower() == "may" else code
    return [f"%{flag}{one}" for one in codes]
