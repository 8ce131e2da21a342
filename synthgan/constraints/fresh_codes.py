"""Draw codes of a learnt pattern, without any training value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from synthgan.constraints.patterns import ALPHABETS, DATE_FORMATS, IN_QUADS, Part
from synthgan.state import fields

__all__ = ["MOST_CHARACTERS", "fresh_codes", "n_characters", "read_part", "repeated_codes"]

MOST_CHARACTERS = 2**12  # of a code; longer strings get random codes
_DEPTH = 2  # of patterns in patterns
_MIN_NEW = 0.1  # of the codes drawn; below, patterns are widened


def read_part(value: Any, depth: int = _DEPTH) -> Part:
    """Read a part from an archive; see `synthgan.constraints.patterns`."""
    kind = value[0] if isinstance(value, list) and value else None
    number = fields.whole(0, 10**18)
    if kind == "number" and len(value) == 4:
        _, low, high, width = fields.tuple_of(fields.text, number, number, fields.whole(1, 18))(
            value
        )
        if low > high:
            raise ValueError("the range of a part is invalid")
        return [kind, low, high, width]
    if kind == "date" and len(value) == 4:
        form = fields.one_of(*sorted(DATE_FORMATS))
        _, form, low, high = fields.tuple_of(fields.text, form, _day, _day)(value)
        if low > high:
            raise ValueError("the range of a part is invalid")
        return [kind, form, low, high]
    if kind == "one of" and len(value) == 3 and isinstance(value[1], list):
        return _options(value, depth)
    length = fields.whole(0, MOST_CHARACTERS)
    name, fewest, most = fields.tuple_of(fields.text, length, length)(value)
    if not name:
        raise ValueError("the text of a part is invalid")
    if most and name not in (*ALPHABETS, "uuid", "UUID"):
        raise ValueError("the alphabet of a part is invalid")
    if fewest > most:
        raise ValueError("the length of a part is invalid")
    return [name, fewest, most]


def _options(value: list[Any], depth: int) -> Part:
    options, shares = value[1], fields.list_of(fields.number(0, 1))(value[2])
    if not options or len(options) != len(shares) or not sum(shares) or depth == 0:
        raise ValueError("the options of a part are invalid")
    read = [
        option
        if isinstance(option, str) and option
        else [read_part(part, depth - 1) for part in fields.list_of(lambda part: part)(option)]
        for option in options
    ]
    if not all(read):
        raise ValueError("the options of a part are invalid")
    return ["one of", read, list(shares)]


def _day(value: Any) -> str:
    text = fields.text(value)
    if not re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("a date")
    return str(np.datetime64(text, "D"))


def n_characters(parts: Sequence[Part]) -> int:
    """Return the maximum number of characters of a code of this pattern."""
    return sum(map(_n_characters, parts))


def _n_characters(part: Part) -> int:
    if part[0] == "number" and len(part) == 4:
        return max(part[3], len(str(part[2])))
    if part[0] == "date" and len(part) == 4:
        return 10
    if isinstance(part[1], list):
        return max(len(o) if isinstance(o, str) else n_characters(o) for o in part[1])
    return part[2] or len(part[0])


def fresh_codes(
    parts: Sequence[Part], n: int, rng: np.random.Generator, widen: bool = True
) -> list[str]:
    """Draw distinct strings of a pattern.

    If it has too few possible values, a wider one is used; without `widen`, codes are repeated.
    """
    codes: dict[str, None] = {}
    n_wider = 0
    while len(codes) < n:
        n_before = len(codes)
        n_drawn = n - n_before if not n_before else 2 * (n - n_before) + 1000
        codes.update(dict.fromkeys(_draw(_wider(parts, n_wider), n_drawn, rng)))
        n_wider += len(codes) - n_before < _MIN_NEW * n_drawn
        if n_wider and not widen:
            return [*codes, *rng.choice(list(codes), max(0, n - len(codes))).tolist()][:n]
    return list(codes)[:n]


def repeated_codes(
    parts: Sequence[Part], n: int, distinct: float, rng: np.random.Generator
) -> list[str]:
    """Draw strings of a pattern, at most a share of which is distinct."""
    codes = np.array(_draw(parts, n, rng), dtype=object)
    labels = pd.factorize(codes)[0]
    counts = np.bincount(labels)
    once = np.flatnonzero(counts[labels] == 1)
    n_too_many = min(len(counts) - round(distinct * n), len(once) - 1)
    if n_too_many > 0:
        order = rng.permutation(once)
        codes[order[:n_too_many]] = rng.choice(codes[order[n_too_many:]], n_too_many)
    return codes.tolist()


def _wider(parts: Sequence[Part], n_wider: int) -> list[Part]:
    """Return a pattern with more possible values: its last number gets further digits."""
    parts = list(parts)
    if not n_wider:
        return parts
    if len(parts) == 1 and isinstance(parts[0][1], list):
        options = parts[0][1]
        patterns = [option for option in options if not isinstance(option, str)]
        if patterns:
            wide = [o if isinstance(o, str) else _wider(o, n_wider) for o in options]
            return [["one of", wide, parts[0][2]]]
    if (octets := _octets(parts)) is not None:
        wide = [octet if i + n_wider < 4 else [["number", 0, IN_QUADS, 1]] for i, octet in octets]
        return [part for octet in wide for part in [[".", 0, 0], *octet]][1:]
    numbers = [i for i, part in enumerate(parts) if _is_number(part)]
    if not numbers:
        return [*parts, ["digit", n_wider, n_wider]]
    name, first, last = parts[numbers[-1]][:3]
    if name == "digit":
        parts[numbers[-1]] = ["digit", first + n_wider, last + n_wider]
        return parts
    width = parts[numbers[-1]][3]
    n_digits = min(max(width, len(str(last))) + n_wider - 1, 18)
    width = n_digits if width > 1 else 1
    parts[numbers[-1]] = ["number", min(first, 1), 10**n_digits - 1, width]
    return parts


def _octets(parts: Sequence[Part]) -> list[tuple[int, list[Part]]] | None:
    """Return the numbers of a pattern of IPv4 addresses, from 0; None if it is none."""
    split: list[Part] = []
    for part in parts:
        pieces = re.findall(r"[0-9]+|.", part[0], re.DOTALL) if part[1:] == [0, 0] else []
        split += [[piece, 0, 0] for piece in pieces] or [part]
    are_octets = all(_is_octet(part) for part in split[::2])
    if len(split) != 7 or split[1::2] != [[".", 0, 0]] * 3 or not are_octets:
        return None
    return [(i, [part]) for i, part in enumerate(split[::2])]


def _is_octet(part: Part) -> bool:
    if part[0] == "number":
        return len(part) == 4 and part[2] <= IN_QUADS
    texts = part[1] if isinstance(part[1], list) else [part[0]] if part[1:] == [0, 0] else [""]
    return all(isinstance(t, str) and t.isdecimal() and int(t) <= IN_QUADS for t in texts)


def _is_number(part: Part) -> bool:
    return (part[0] == "number" and len(part) == 4) or (part[0] == "digit" and part[1] > 0)


def _draw(parts: Sequence[Part], n: int, rng: np.random.Generator) -> list[str]:
    pieces = [_draw_part(part, n, rng) for part in parts]
    return ["".join(row) for row in zip(*pieces, strict=True)]


def _draw_part(part: Part, n: int, rng: np.random.Generator) -> list[str]:
    name, first, last = part[:3]
    if isinstance(first, list):
        return _draw_options(first, last, n, rng)
    if name == "number" and len(part) == 4:
        return [f"{number:0{part[3]}d}" for number in rng.integers(first, last + 1, size=n)]
    if name == "date" and len(part) == 4:
        low, high = (np.datetime64(day, "D") for day in part[2:])
        days = low + rng.integers((high - low).astype(int) + 1, size=n)
        return pd.DatetimeIndex(days.astype("datetime64[s]")).strftime(first).tolist()
    if not last:
        return [name] * n
    if name in ("uuid", "UUID"):
        codes = [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(n)]
        return codes if name == "uuid" else [code.upper() for code in codes]
    return _draw_characters(name, first, last, n, rng)


def _draw_options(
    options: list[Any], shares: list[float], n: int, rng: np.random.Generator
) -> list[str]:
    p = np.array(shares, dtype=float)
    which = rng.choice(len(options), size=n, p=p / p.sum())
    drawn = np.empty(n, dtype=object)
    for i in np.unique(which):
        is_it = which == i
        n_it, option = int(is_it.sum()), options[i]
        drawn[is_it] = [option] * n_it if isinstance(option, str) else _draw(option, n_it, rng)
    return drawn.tolist()


def _draw_characters(
    name: str, fewest: int, most: int, n: int, rng: np.random.Generator
) -> list[str]:
    alphabet = np.array(list(ALPHABETS[name]))
    characters = alphabet[rng.integers(len(alphabet), size=(n, most))]
    if name in ("digit", "hex", "HEX") and most > fewest:  # numbers do not start with 0
        characters[:, 0] = alphabet[rng.integers(1, len(alphabet), size=n)]
    if name == "title":
        characters[:, 0] = np.array(list(ALPHABETS["upper"]))[rng.integers(26, size=n)]
    lengths = rng.integers(fewest, most, size=n, endpoint=True)
    drawn = np.ascontiguousarray(characters).view(f"<U{most}").ravel().tolist()
    return [code[:k] for code, k in zip(drawn, lengths, strict=True)]
