"""Codes of row numbers: different in any rows, the same whoever makes them, of the pattern."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.constraints.identifiers import Identifier
from synthgan.constraints.numbered_codes import (
    can_number,
    numbered_codes,
    numbered_integers,
    permuted,
)
from synthgan.constraints.patterns import learn_pattern

PATTERNS = {
    r"P-\d{4}": [["P-", 0, 0], ["number", 12, 9871, 4]],
    r"\d{1,3}": [["number", 3, 870, 1]],
    r"[a-z]{2}-\d": [["lower", 2, 2], ["-", 0, 0], ["digit", 1, 1]],
    r"[A-Z][a-z]{2,4}/7": [["title", 3, 5], ["/7", 0, 0]],
    r"(ab|x)-[0-9a-f]{6}": [["one of", ["ab", "x"], [0.9, 0.1]], ["-", 0, 0], ["hex", 6, 6]],
    r"\d{8}-\d\d": [["date", "%Y%m%d", "1999-12-01", "2001-02-03"], ["-", 0, 0],
                    ["number", 0, 99, 2]],
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": [["uuid", 36, 36]],
    r"\d{6}": [["date", "%y%m%d", "1900-01-01", "2099-12-31"]],
}  # fmt: skip


@given(st.integers(1, 300), st.integers(0, 2**64))
def test_a_permutation_takes_each_number_to_one_place(size, key):
    found = permuted(np.arange(size), size, key)
    assert np.array_equal(np.sort(found), np.arange(size))
    some = np.arange(size)[::3]
    assert np.array_equal(permuted(some, size, key), found[::3])


def test_a_permutation_is_like_a_random_one():
    n = 10_000
    one, other = (permuted(np.arange(n), 2**40, key) for key in (1, 2))
    for found in (one, other):
        assert abs(np.corrcoef(np.arange(n), found)[0, 1]) < 0.05
        assert np.bincount(found >> 37, minlength=8).std() < 150
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


@pytest.mark.parametrize("form", PATTERNS)
def test_codes_are_different_and_of_the_pattern(form):
    parts, n = PATTERNS[form], 700
    if form == r"\d{6}":  # the same text in two centuries
        assert not can_number(parts, n)
        return
    assert can_number(parts, n)
    codes = []
    for numbers in np.array_split(np.arange(n), 3):
        codes += numbered_codes(parts, numbers, 5, np.random.default_rng(numbers[0]))
    assert len(set(codes)) == n
    assert all(re.fullmatch(form, code) for code in codes)


def test_codes_get_longer_where_the_pattern_has_too_few():
    short, small = PATTERNS[r"P-\d{4}"], PATTERNS[r"\d{1,3}"]
    letters = [["lower", 1, 1]]
    for parts, n in ((short, 25_000), (small, 5000), (letters, 100)):
        assert can_number(parts, n)
        codes = numbered_codes(parts, np.arange(n), 0, np.random.default_rng(0))
        assert len(set(codes)) == n
    assert len(codes) == 100
    assert all(re.fullmatch(r"[a-z]\d", code) for code in codes[26:])
    repeated = numbered_codes(letters, np.arange(60), 0, np.random.default_rng(0), widen=False)
    assert repeated[:26] == repeated[26:52]


def test_some_patterns_cannot_be_numbered():
    mixture = [["one of", ["a", [["number", 0, 9, 1]]], [0.5, 0.5]]]
    two_vary = [["number", 0, 99, 1], ["lower", 1, 3]]
    quad = [["10.0.0.", 0, 0], ["number", 0, 255, 1]]
    assert not can_number(mixture, 5)
    assert not can_number(two_vary, 5)
    assert not can_number([["ab", 0, 0]], 5)
    assert can_number(quad, 256)
    assert not can_number(quad, 257)
    assert not can_number([["lower", 1, 2]], 27)
    assert can_number([["lower", 1, 2]], 27, widen=False)


@pytest.mark.parametrize(("low", "high", "largest"), [(100, 999, 2**31), (0, 9, 120), (90, 99, 99)])
def test_integers_are_different(low, high, largest):
    n = min(3000, largest + 1)
    made = [numbered_integers(part, low, high, largest, 3) for part in
            np.array_split(np.arange(n), 4)]  # fmt: skip
    made = np.concatenate(made)
    assert len(set(made.tolist())) == n
    assert made.max() <= largest
    size = high - low + 1
    assert set(made[:size].tolist()) <= set(range(low, high + 1))


@pytest.mark.parametrize("dtype", ["int16", "Int64", "str", "object"])
def test_identifiers_keep_their_type_and_their_gaps(dtype):
    values = [f"Q{i:05d}" for i in range(0, 90_000, 300)]
    if dtype in ("int16", "Int64"):
        values = np.random.default_rng(0).permutation(20_000)[:300]
    frame = pd.DataFrame({"id": pd.Series(values).astype(dtype), "x": 1.0})
    one = Identifier("id").fit(frame)
    made = one.restore(frame[["x"]], np.random.default_rng(0))["id"]
    gone = made.copy() if dtype == "int16" else made.where(np.arange(300) > 9)
    assert one.can_number(3000)
    again = one.renumber(gone, np.arange(2000, 2300), 3000, 1, np.random.default_rng(0))
    assert again.dtype == made.dtype
    assert again.isna().equals(gone.isna())
    assert again.dropna().is_unique


def test_categories_cannot_be_numbered():
    values = pd.Series([f"Q{i:05d}" for i in range(300)], dtype="category")
    one = Identifier("id").fit(pd.DataFrame({"id": values, "x": 1.0}))
    assert not one.can_number(300)  # of several lots they would not be of one dtype


def test_learnt_patterns_can_be_numbered():
    rng = np.random.default_rng(0)
    texts = [f"{c}{i:06d}" for c, i in zip(rng.choice(list("MF"), 99), rng.choice(10**6, 99))]  # noqa: B905
    parts = learn_pattern(texts, 5)
    assert parts is not None
    assert can_number(parts, 10**6)
