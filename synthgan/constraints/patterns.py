"""Patterns of codes: how they are learnt from strings; what is rare does not enter them.

A pattern is a list of parts. A part is

- ``[text, 0, 0]``: a fixed text;
- ``[alphabet, fewest, most]``: so many random characters of an alphabet;
- ``["number", low, high, width]``: a number in a range, with zeros in front up to the width;
- ``["date", format, low, high]``: a day between two days;
- ``["one of", options, shares]``: one of several texts or patterns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from synthgan.privacy import run_means

__all__ = ["ALPHABETS", "DATE_FORMATS", "IN_QUADS", "Part", "learn_pattern"]

MIN_SHARE = 0.9  # of the values, that few patterns describe
_MIN_COVERED = 0.5  # of the values, that many patterns describe
_FEW_PATTERNS, _MOST_PATTERNS = 8, 32
_MOST_TOKENS = {True: 64, False: 256}  # that numbers, other tokens are chosen from
_MOST_LEARNT = 20_000  # values
_MIN_DATES = 0.98  # of the tokens at a place
_MIN_DAYS = 20  # different ones, of dates of six digits
_ROOM = 20  # possible codes per training code
_WORDS_OF_PROSE = 4
_MOST_NUMBER_DIGITS = 18
IN_QUADS = 255  # largest number of an IPv4 address

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RUNS = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]|\d")
_ALNUM_RUNS = re.compile(r"[^\W_]+|[\W_]")
_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
ALPHABETS = {
    "digit": _DIGITS,
    "lower": _LOWER,
    "upper": _UPPER,
    "title": _LOWER,  # after a capital
    "letter": _LOWER + _UPPER,
    "hex": _DIGITS + "abcdef",
    "HEX": _DIGITS + "ABCDEF",
    "alnum": _DIGITS + _LOWER + _UPPER,
}
_HOLDS: dict[str, Callable[[str], bool]] = {  # from small to large
    "digit": str.isdecimal,
    "lower": lambda token: token.isalpha() and token.islower(),
    "upper": lambda token: token.isalpha() and token.isupper(),
    "title": lambda token: token.isalpha() and token[0].isupper() and token[1:].islower(),
    "letter": str.isalpha,
    "hex": lambda token: set(token) <= set(ALPHABETS["hex"]),
    "HEX": lambda token: set(token) <= set(ALPHABETS["HEX"]),
}
_IN_ONE = {8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"), 6: ("%y%m%d", "%d%m%y")}
_IN_THREE = {(4, 2, 2): ("%Y{0}%m{0}%d",), (2, 2, 4): ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y")}
_SEPARATORS = "-/._ "
DATE_FORMATS = {form for forms in _IN_ONE.values() for form in forms} | {
    form.format(mark) for forms in _IN_THREE.values() for form in forms for mark in _SEPARATORS
}
Part = list[Any]
Row = list[str]  # the tokens of a value


def learn_pattern(values: Sequence[str], min_support: int = 1) -> list[Part] | None:
    """Learn the pattern of strings, or a mixture of several patterns.

    Parameters
    ----------
    values : sequence of str
    min_support : int, default=1
        Values, tokens, patterns and lengths of fewer values are not stored; ends of ranges are
        means of so many numbers.

    Returns
    -------
    parts : list or None
        None if the values are prose or have too many structures.

    Examples
    --------
    >>> learn_pattern(["AB-1103", "AB-7105", "AB-2509", "AB-8007"], 2)
    [['AB-', 0, 0], ['number', 1806, 7556, 4]]
    """
    values = values[:: -(-len(values) // _MOST_LEARNT) or 1]
    least = max(min_support, min(2, len(values)))
    n, counts = len(values), Counter(values)
    repeats = [value for value, m in counts.items() if value and m >= max(least, 2)]
    rest = [value for value in values if counts[value] < max(least, 2)]
    is_new = len(counts) > 0.8 * n  # most are different: new ones must be different from them
    options: list[Any] = sorted(repeats)
    shares = [counts[value] / n for value in options]
    found = _patterns(rest, least, is_new) if rest else []
    if found is None or (not found and not options):
        return None
    options += [parts for parts, _ in found]
    shares += [count / n for _, count in found]
    return _mixed(options, shares)


def _mixed(options: list[Any], shares: list[float]) -> list[Part]:
    if len(options) == 1:
        return [[options[0], 0, 0]] if isinstance(options[0], str) else options[0]
    return [["one of", options, [round(share / sum(shares), 4) for share in shares]]]


def _patterns(values: list[str], least: int, is_new: bool) -> list[tuple[list[Part], int]] | None:
    """Learn the patterns of values, and how many values each describes."""
    n_uuids = sum(bool(_UUID.fullmatch(value)) for value in values)
    if n_uuids >= max(least, MIN_SHARE * len(values)):
        n_upper = sum(value != value.lower() for value in values)
        name = "UUID" if n_upper > len(values) / 2 else "uuid"
        return [([[name, 36, 36]], n_uuids)]
    grouped = [_by_structure(values, runs, least) for runs in (_RUNS, _ALNUM_RUNS)]
    n_covered = [sum(map(len, groups)) for groups in grouped]
    few = [
        len(groups) <= _FEW_PATTERNS and n >= MIN_SHARE * len(values)
        for groups, n in zip(grouped, n_covered, strict=True)
    ]
    best = few.index(True) if any(few) else int(np.argmax(n_covered))
    if all(few) and len(grouped[1]) < len(grouped[0]) and _are_hex(values):
        best = 1
    is_uniform = bool(grouped[best]) and len(grouped[best][0]) >= MIN_SHARE * len(values)
    if not is_uniform and _are_prose(values):
        return None
    learnt = [_parts_of(rows, least, is_new) for rows in grouped[best]]
    found = [one for one in learnt if one is not None]
    return found if sum(n for _, n in found) >= _MIN_COVERED * len(values) else None


def _are_hex(values: list[str]) -> bool:
    """Return whether words of both letters and digits are there, and all are hexadecimal."""
    tokens = [token for value in values for token in _ALNUM_RUNS.findall(value)]
    mixed = [t for t in tokens if t.isalnum() and not t.isalpha() and not t.isdecimal()]
    return bool(mixed) and any(all(map(_HOLDS[name], mixed)) for name in ("hex", "HEX"))


def _by_structure(values: list[str], runs: re.Pattern[str], least: int) -> list[list[Row]]:
    """Split values into tokens, and group them by structure, the most frequent first."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for value in values:
        row = runs.findall(value)
        groups.setdefault(tuple(_structure(token, runs) for token in row), []).append(row)
    groups.pop((), None)
    common = [_split_words(rows) for rows in groups.values() if len(rows) >= least]
    return sorted(common, key=len, reverse=True)[:_MOST_PATTERNS]


def _split_words(rows: list[Row]) -> list[Row]:
    """Split words that nearly all consist of the same runs of letters and digits."""
    for i in reversed(range(len(rows[0]))):
        split = [_RUNS.findall(row[i]) for row in rows]
        kinds = [tuple(_structure(token, _RUNS) for token in tokens) for tokens in split]
        usual, n = Counter(kinds).most_common(1)[0]
        if n >= MIN_SHARE * len(rows) and len(usual) > 1:
            rows = [
                [*row[:i], *tokens, *row[i + 1 :]]
                for row, tokens, kind in zip(rows, split, kinds, strict=True)
                if kind == usual
            ]
    return rows


def _structure(token: str, runs: re.Pattern[str]) -> str:
    """Classify digits, letters and mixtures; other characters are kept literally."""
    if not token.isalnum():
        return token
    return "word" if runs is _ALNUM_RUNS else "digits" if token.isdecimal() else "letters"


def _are_prose(values: list[str]) -> bool:
    """Return whether most values are several words without a number."""
    plain = [value for value in values if not any(map(str.isdigit, value))]
    words = [sum(map(str.isalpha, re.findall(r"\w+", value))) for value in plain]
    return len(plain) > len(values) / 2 and float(np.median(words)) >= _WORDS_OF_PROSE


def _parts_of(rows: list[Row], least: int, is_new: bool) -> tuple[list[Part], int] | None:
    """Describe values of one structure; values with anything rare are left out."""
    rows, formats = _join_dates(rows)
    chosen: list[dict[str, int] | None] = []
    is_stable = False
    while not is_stable:
        if len(rows) < least:
            return None
        places = list(zip(*rows, strict=True))
        chosen = [None if i in formats else _shared(place, least) for i, place in enumerate(places)]
        lengths = [_shared_lengths(place, least) for place in places]
        kept = [
            row
            for row in rows
            if all(
                len(token) in sizes if tokens is None else token in tokens
                for token, tokens, sizes in zip(row, chosen, lengths, strict=True)
            )
        ]
        is_stable, rows = len(kept) == len(rows), kept
    places = list(zip(*rows, strict=True))
    described = [
        [_date_part(place, formats[i], least)]
        if i in formats
        else _chosen_part(tokens)
        if tokens is not None
        else _free_parts(place, least)
        for i, (place, tokens) in enumerate(zip(places, chosen, strict=True))
    ]
    if is_new:
        _make_room(described, places, least)
    return _joined([part for parts in described for part in parts]), len(rows)


def _joined(parts: list[Part]) -> list[Part]:
    """Join texts that follow each other."""
    joined: list[Part] = []
    for part in parts:
        if joined and part[1:] == [0, 0] == joined[-1][1:]:
            joined[-1] = [joined[-1][0] + part[0], 0, 0]
        else:
            joined.append(part)
    return joined


def _shared(tokens: Sequence[str], least: int) -> dict[str, int] | None:
    """Return the tokens that enough values share; None if they are too few or too many."""
    shared = {token: n for token, n in Counter(tokens).items() if n >= max(least, 2)}
    are_numbers = all(map(str.isdecimal, shared))
    if sum(shared.values()) < MIN_SHARE * len(tokens) or len(shared) > _MOST_TOKENS[are_numbers]:
        return None
    return dict(sorted(shared.items()))


def _shared_lengths(tokens: Sequence[str], least: int) -> set[int]:
    """Return the lengths that enough tokens have; all if there are none."""
    counts = Counter(map(len, tokens))
    return {length for length, n in counts.items() if n >= least} or set(counts)


def _chosen_part(tokens: dict[str, int]) -> list[Part]:
    return _mixed(list(tokens), [n / sum(tokens.values()) for n in tokens.values()])


def _join_dates(rows: list[Row]) -> tuple[list[Row], dict[int, str]]:
    """Join the tokens of dates; return also the formats of the places that are dates."""
    formats: dict[int, str] = {}
    i = 0
    while i < len(rows[0]):
        for n_tokens in (5, 1):
            texts = ["".join(row[i : i + n_tokens]) for row in rows]
            form = _date_format(texts, {tuple(map(len, r[i : i + n_tokens])) for r in rows[:20]})
            if form is not None:
                is_date = _days(texts, form).notna().to_numpy()
                rows = [
                    [*row[:i], text, *row[i + n_tokens :]]
                    for row, text, good in zip(rows, texts, is_date, strict=True)
                    if good and len(text) == len(texts[0])
                ]
                formats[i] = form
                break
        i += 1
    return rows, formats


def _date_format(texts: list[str], lengths: set[tuple[int, ...]]) -> str | None:
    """Return the format of texts that are nearly all dates, from the lengths of their tokens."""
    if len(lengths) != 1:
        return None
    widths = next(iter(lengths))
    forms: Sequence[str] = ()
    if len(widths) == 1 and texts[0].isdecimal():
        forms = _IN_ONE.get(widths[0], ())
    elif len(widths) == 5 and widths[1::2] == (1, 1) and "".join(texts[0].split()):
        mark, other = texts[0][widths[0]], texts[0][widths[0] + widths[2] + 1]
        if mark == other and mark in _SEPARATORS:
            forms = [form.format(mark) for form in _IN_THREE.get(widths[::2], ())]
    for form in forms:
        is_short = "%y" in form
        days = _days(texts, form)
        n_days = days.nunique()
        if days.notna().mean() >= _MIN_DATES and n_days >= (_MIN_DAYS if is_short else 2):
            return form
    return None


def _days(texts: Sequence[str], form: str) -> pd.Series:
    """Return dates from 1900 to 2100; NaT otherwise."""
    days = pd.to_datetime(pd.Series(list(texts), dtype=object), format=form, errors="coerce")
    return days.where(days.dt.year.between(1900, 2100))


def _date_part(texts: Sequence[str], form: str, least: int) -> Part:
    days = _days(texts, form).to_numpy().astype("datetime64[D]").astype(np.int64)
    low, high = _range(days, least)
    return ["date", form, *(str(np.datetime64(day, "D")) for day in (low, high))]


def _range(numbers: np.ndarray, least: int) -> tuple[int, int]:
    """Return means of the smallest and the largest numbers, none of them a rare number."""
    ordered = np.sort(numbers)
    ends = []
    for end, step in ((ordered[:least], 1), (ordered[-least:], -1)):
        mean = float(run_means(end, np.array([0]), least=least)[0]) if least > 1 else float(end[0])
        mean = float(end.mean()) if np.isnan(mean) else mean
        values, counts = np.unique(end, return_counts=True)
        rare = set(values[counts < least].tolist()) if least > 2 else set()
        start = int(np.floor(mean) if step > 0 else np.ceil(mean))
        candidates = range(start, start + 100 * step, step)
        ends.append(next((one for one in candidates if one not in rare), start))
    return (ends[0], ends[1]) if ends[0] <= ends[1] else (int(ordered[0]), int(ordered[-1]))


def _free_parts(tokens: Sequence[str], min_support: int) -> list[Part]:
    """Describe tokens of which most are rare: a number in a range, or random characters."""
    lengths = [len(token) for token in tokens]
    is_padded = any(token[0] == "0" and len(token) > 1 for token in tokens)
    is_whole = all(map(str.isdecimal, tokens)) and max(lengths) <= _MOST_NUMBER_DIGITS
    if is_whole and (not is_padded or len(set(lengths)) == 1):
        low, high = _range(np.array([int(token) for token in tokens]), min_support)
        return [["number", low, high, lengths[0] if len(set(lengths)) == 1 else 1]]
    whole = _alphabet(tokens, min_support)
    if len(set(lengths)) > 1:
        if max(Counter(lengths).values()) < min_support:  # no length is shared
            return [[whole, *[max(1, round(float(np.mean(lengths))))] * 2]]
        return [[whole, min(lengths), max(lengths)]]
    parts: list[Part] = []
    for place in zip(*tokens, strict=True):
        usual, n_usual = Counter(place).most_common(1)[0]
        is_constant = n_usual >= max(min_support, 2) and len(place) - n_usual < min_support
        name = whole if whole in ("hex", "HEX") else _alphabet(place, min_support)
        if is_constant:
            parts.append([usual, 0, 0])
        elif parts and parts[-1][0] == name and parts[-1][1]:
            parts[-1] = [name, parts[-1][1] + 1, parts[-1][2] + 1]
        else:
            parts.append([name, 1, 1])
    return parts


def _alphabet(tokens: Sequence[str], min_support: int) -> str:
    """Name the smallest alphabet of all strings except fewer than `min_support`.

    Letters include non-ASCII letters.
    """
    allowed = min(min_support, len(tokens))
    for name, holds in _HOLDS.items():
        if sum(not holds(token) for token in tokens) < allowed:
            return name
    return "alnum"


def _make_room(described: list[list[Part]], places: Sequence[Sequence[str]], least: int) -> None:
    """Widen the place of the most different tokens if the codes are few.

    Otherwise, most new codes would be codes of the training rows.
    """
    n = len(places[0])
    if prod(_n_codes(part) for parts in described for part in parts) >= _ROOM * n:
        return
    place = max(range(len(places)), key=lambda i: len(set(places[i])))
    part = described[place][0]
    tokens, is_quad = places[place], "".join(p[0] for p in places).count(".") == 3
    if part[0] == "date" or part[1:] == [0, 0]:
        return
    if all(map(str.isdecimal, tokens)) and part[0] in ("number", "one of"):
        lengths = set(map(len, tokens))
        high = 10 ** max(lengths) - 1
        if is_quad and max(map(int, tokens)) <= IN_QUADS:
            high = IN_QUADS
        n_zeros = sum(token[0] == "0" for token in tokens)
        low = 0 if n_zeros >= least else 10 ** (min(lengths) - 1)
        described[place] = [["number", low, high, max(lengths) if len(lengths) == 1 else 1]]
    elif part[0] == "one of":
        lengths_ = [len(token) for token in tokens]
        described[place] = [[_alphabet(tokens, least), min(lengths_), max(lengths_)]]


def _n_codes(part: Part) -> float:
    """Return how many texts a part allows."""
    name, first, last = part[:3]
    if name == "number" and len(part) == 4:
        return last - first + 1
    if name == "date" and len(part) == 4:
        return (np.datetime64(part[3]) - np.datetime64(last)) / np.timedelta64(1, "D") + 1
    if name == "one of" and isinstance(first, list):
        return len(first)
    return 1 if not last else float(len(ALPHABETS[name])) ** min(last, 100)
