"""Codes and numbers that follow from the number of their row, so that all are different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from synthgan.constraints.patterns import ALPHABETS, Part

__all__ = ["can_number", "numbered_codes", "numbered_integers", "permuted"]

_LARGEST = 2**62  # of what is permuted
_UUID_BITS = 48  # of a UUID that follow from the row; the others are random
_ROUNDS = 6
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def permuted(numbers: np.ndarray, size: int, key: int) -> np.ndarray:
    """Return where a keyed permutation of 0 .. size - 1 takes numbers.

    A Feistel network permutes the least even number of bits that hold `size`; what lies beyond is
    permuted again until it does not.

    Examples
    --------
    >>> sorted(permuted(np.arange(10), 10, key=0).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

    References
    ----------
    Black and Rogaway (2002), Ciphers with arbitrary finite domains, doi:10.1007/3-540-45760-7_9.
    """
    half = np.uint64(max(1, -(-(size - 1).bit_length() // 2)))
    keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)
    found = np.asarray(numbers).astype(np.uint64)
    beyond = np.arange(len(found))
    while len(beyond):
        found[beyond] = _rounds(found[beyond], half, keys)
        beyond = beyond[found[beyond] >= np.uint64(size)]
    return found.astype(np.int64)


def _rounds(values: np.ndarray, half: np.uint64, keys: np.ndarray) -> np.ndarray:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = values >> half, values & mask
    for key in keys:
        left, right = right, left ^ (_mixed(right ^ key) & mask)
    return (left << half) | right


def _mixed(x: np.ndarray) -> np.ndarray:
    """Mix the bits of each number: the last step of SplitMix64."""
    x = (x + _MIX[0]) * _MIX[1]
    x = (x ^ (x >> np.uint64(30))) * _MIX[2]
    return x ^ (x >> np.uint64(31))


def can_number(parts: Sequence[Part], n: int, widen: bool = True) -> bool:
    """Return whether `n` codes of a pattern can follow from row numbers, all different.

    Not more than one part may vary in length: codes that are equal are then equal part by part.
    If the pattern has too few codes, its last number gets further digits; without `widen`, codes
    repeat.
    """
    if any(isinstance(part[1], list) and not all(map(_is_text, part[1])) for part in parts):
        return False
    varying = [i for i, part in enumerate(parts) if _varies(part)]
    size = _core(parts)[1]
    if len(varying) > 1 or size == 1:
        return False
    if n <= size or not widen:
        return True
    is_quad = "".join(part[0] for part in parts if part[1:] == [0, 0]).count(".") == 3
    last = _last_number(parts)
    if last is None or not varying:
        return not (is_quad or varying)
    return not is_quad and varying == [last] and _is_number(parts[last])


def numbered_codes(
    parts: Sequence[Part],
    numbers: np.ndarray,
    key: int,
    rng: np.random.Generator,
    widen: bool = True,
) -> list[str]:
    """Make the codes of rows, given the numbers of these; see `can_number`.

    Parameters
    ----------
    parts : list of Part
        The pattern.
    numbers : ndarray of int of shape (n_rows,)
    key : int
        Of all rows of a sample.
    rng : Generator
        For what need not be different: choices, and lengths.
    widen : bool, default=True
    """
    in_core, size = _core(parts)
    cycles, rest = np.divmod(np.asarray(numbers), size)
    rest = permuted(rest, size, key)
    pieces, is_core = [], iter(in_core)
    for part in parts:
        digits = []
        for radix in _radices(part):
            if next(is_core):
                rest, digit = np.divmod(rest, radix)
            else:
                digit = rng.integers(radix, size=len(rest))
            digits.append(digit)
        pieces.append(_texts(part, digits, len(rest), rng))
    if widen and cycles.any():
        last = _last_number(parts)
        more = ["" if not cycle else str(cycle) for cycle in cycles.tolist()]
        if last is None:
            pieces.append(more)
        else:
            width = max(map(len, map(str, parts[last][1:3]))) if _is_number(parts[last]) else 0
            pieces[last] = [
                text if not m else m + text.zfill(width)
                for m, text in zip(more, pieces[last], strict=True)
            ]
    return ["".join(row) for row in zip(*pieces, strict=True)]


def numbered_integers(
    numbers: np.ndarray, low: int, high: int, largest: int, key: int
) -> np.ndarray:
    """Make the integers of rows: those from `low` to `high`, then longer ones, then smaller ones.

    Parameters
    ----------
    numbers : ndarray of int of shape (n_rows,)
        Of the rows, up to `largest`.
    low, high, largest : int
    key : int
    """
    rest, made = np.array(numbers), np.zeros(len(numbers), np.int64)
    is_left = np.ones(len(rest), dtype=bool)
    first, last = low, min(high, largest)
    while is_left.any():
        size = last - first + 1
        here = is_left & (rest < size)
        made[here] = first + permuted(rest[here], size, key)
        is_left &= ~here
        rest = rest - size
        first, last = (last + 1, min(10 * last + 9, largest)) if last < largest else (0, low - 1)
    return made


def _core(parts: Sequence[Part]) -> tuple[list[bool], int]:
    """Return which of all radices make up the core, which follows from the row, and its size."""
    in_core, size = [], 1
    for part in parts:
        for radix in _radices(part):
            is_core = size * radix <= _LARGEST and not _is_ambiguous(part)
            in_core.append(is_core)
            size *= radix if is_core else 1
    return in_core, size


def _radices(part: Part) -> list[int]:
    """Return how many values each place of a part may have; none of a text or a choice."""
    name, first, last = part[:3]
    if isinstance(first, list) or not last:
        return []
    if _is_number(part):
        return [last - first + 1]
    if name == "date" and len(part) == 4:
        low, high = _days(part)
        return [high - low + 1]
    if name in ("uuid", "UUID"):
        return [2**_UUID_BITS]
    return [len(letters) for letters in _alphabets(part)[:first]]


def _texts(part: Part, digits: list[np.ndarray], n: int, rng: np.random.Generator) -> list[str]:
    """Return the texts of a part, given the value of each of its places."""
    name, first, last = part[:3]
    if isinstance(first, list):
        p = np.array(last, dtype=float)
        return np.array(first, dtype=object)[rng.choice(len(first), n, p=p / p.sum())].tolist()
    if not last:
        return [name] * n
    if _is_number(part):
        return [f"{number:0{part[3]}d}" for number in (first + digits[0]).tolist()]
    if name == "date" and len(part) == 4:
        days = (_days(part)[0] + digits[0]).astype("datetime64[D]").astype("datetime64[s]")
        return pd.DatetimeIndex(days).strftime(first).tolist()
    if name in ("uuid", "UUID"):
        n_bytes = _UUID_BITS // 8
        heads = [number.to_bytes(n_bytes, "big") for number in digits[0].tolist()]
        codes = [str(UUID(bytes=head + rng.bytes(16 - n_bytes), version=4)) for head in heads]
        return codes if name == "uuid" else [code.upper() for code in codes]
    characters = np.empty((n, last), dtype="<U1")
    for i, letters in enumerate(_alphabets(part)):
        digit = digits[i] if i < first else rng.integers(len(letters), size=n)
        characters[:, i] = np.array(list(letters))[digit]
    texts = characters.view(f"<U{last}").ravel().tolist()
    if first == last:
        return texts
    lengths = rng.integers(first, last, size=n, endpoint=True).tolist()
    return [text[:k] for text, k in zip(texts, lengths, strict=True)]


def _alphabets(part: Part) -> list[str]:
    """Return the characters of each place; numbers of several lengths do not start with 0."""
    name, fewest, most = part
    every = [ALPHABETS[name]] * most
    if name in ("digit", "hex", "HEX") and most > fewest:
        every[0] = every[0][1:]
    if name == "title":
        every[0] = ALPHABETS["upper"]
    return every


def _varies(part: Part) -> bool:
    """Return whether texts of a part have several lengths."""
    name, first, last = part[:3]
    if isinstance(first, list):
        return len(set(map(len, first))) > 1
    if _is_number(part):
        return max(len(str(first)), part[3]) != max(len(str(last)), part[3])
    return bool(last) and name not in ("date", "uuid", "UUID") and first != last


def _last_number(parts: Sequence[Part]) -> int | None:
    """Return the place of the last number of a pattern."""
    places = [
        i for i, part in enumerate(parts) if _is_number(part) or (part[0] == "digit" and part[1])
    ]
    return places[-1] if places else None


def _is_number(part: Part) -> bool:
    return bool(part[0] == "number" and len(part) == 4)


def _is_ambiguous(part: Part) -> bool:
    """Return whether two days of a part have the same text."""
    return (
        part[0] == "date"
        and len(part) == 4
        and "%y" in part[1]
        and np.diff(_days(part))[0] > 36_000
    )


def _days(part: Part) -> tuple[int, int]:
    low, high = (int(np.datetime64(day, "D").astype(np.int64)) for day in part[2:])
    return low, high


def _is_text(option: Any) -> bool:
    return isinstance(option, str)
