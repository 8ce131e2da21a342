"""Records of an archive: what is taken, and in which words the rest is refused."""

import numpy as np
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.state import fields


@pytest.mark.parametrize(
    ("check", "good", "bad", "expected"),
    [
        (fields.flag, [True, False], [0, 1, "true", None], "true or false"),
        (fields.text, ["", "a"], [1, None, b"a"], "a string"),
        (fields.name, ["a", 3, 1.5], [True, float("nan"), None], "a string or a finite number"),
        (fields.scalar, ["a", 3, 1.5, True], [None, [], {}], "a string, a number, true or false"),
        (fields.plain, ["a", None, [], {}], [], ""),
        (fields.whole(0, 5), [0, 5], [-1, 6, True, 1.0, "1", None], "a whole number of 0 to 5"),
        (fields.number(), [0, -1.5, 1e308], [np.nan, np.inf, True, "1", None], "a finite number"),
        (fields.number(0, 1), [0, 1, 0.5], [-1e-9, 1.1], "a finite number of 0 to 1"),
        (fields.one_of("a", "b"), ["a"], ["c", 1, None, ["a"]], "one of ['a', 'b']"),
        (fields.optional(fields.flag), [None, True], [0], "null or true or false"),
        (fields.list_of(fields.text), [["a"], [], ("b",)], ["a", None, {}], "a list"),
        (fields.list_of(fields.text), [], [[1]], "a list, of which each item is a string,"),
        (fields.tuple_of(fields.text, fields.text), [["a", "b"]], [["a"], []], "a list of 2"),
    ],
)
def test_checks(check, good, bad, expected):
    for value in good:
        taken = check(value)
        assert taken == (tuple(value) if isinstance(value, list) and value else taken)
    for value in bad:
        with pytest.raises(ValueError) as refused:  # noqa: PT011
            check(value)
        assert str(refused.value) == expected


def test_arrays():
    check = fields.array_of(None, 2)
    assert check(np.zeros((3, 2))).shape == (3, 2)
    for wrong in (np.zeros(3), np.zeros((3, 3)), np.zeros((3, 2), int), [[0, 0]], None):
        with pytest.raises(ValueError, match=r"an array of shape \(n, 2\) and kind 'f'"):
            check(wrong)
    with pytest.raises(ValueError, match="an array of finite numbers"):
        check(np.full((1, 2), np.nan))
    assert np.isnan(fields.array_of(1, finite=False)(np.array([np.nan]))).all()


def test_records():
    record = {"a": 1, "b": "x"}
    assert fields.read_fields(record, "it", a=fields.whole(0), b=fields.text) == record
    for wrong, match in (
        ([], r"^it is \[\], where an object is expected$"),
        ({"a": 1}, r"^it lacks \['b'\]$"),
        ({**record, "c": 1}, r"^it has the unexpected \['c'\]$"),
        ({"a": 1, "c": 1}, r"^it lacks \['b'\] and has the unexpected \['c'\]$"),
        ({**record, "a": -1}, r"^it has a=-1, where a whole number of 0 to .* is expected$"),
        ({**record, "b": [0] * 99}, r"^it has b=\[0, 0, .* \.\.\., where a string is expected$"),
    ):
        with pytest.raises(ArchiveError, match=match):
            fields.read_fields(wrong, "it", a=fields.whole(0), b=fields.text)
    with pytest.raises(ArchiveError, match=r"^the tables of it has a=an array of shape \(0,\), "):
        fields.read_arrays({"a": np.zeros(0)}, "it", a=fields.array_of(1))


def test_inner_records_are_named_themselves():
    def inner(value):
        return fields.read_fields(value, "inner", a=fields.flag)

    bad = {"a": 0}
    for check, value in (
        (inner, bad),
        (fields.optional(inner), bad),
        (fields.list_of(inner), [bad]),
        (fields.optional(fields.list_of(inner)), [bad]),
    ):
        with pytest.raises(ArchiveError, match=r"^inner has a=0, where true or false is expected$"):
            fields.read_fields({"x": value}, "outer", x=check)


def test_equal_values_of_two_types_differ():
    assert fields.all_different([1, True, 1.0, "1"])
    assert not fields.all_different(["a", "a"])
