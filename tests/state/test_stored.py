"""Dataclasses as records: annotations give what is written, what is taken and what is refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest

from synthgan import GridEncoder
from synthgan.encoding.tables.codecs import Constant, Levels, Linear, RankedLevels
from synthgan.encoding.tables.column import Column
from synthgan.encoding.tables.moments import read_codec
from synthgan.encoding.tables.schema import Schema
from synthgan.exceptions import ArchiveError
from synthgan.records.tables import Container
from synthgan.records.targets import TargetContainer
from synthgan.state import fields
from synthgan.state.stored import Name, Scalar, Share, Stored, checks_of, one_class_of


@dataclass(frozen=True)
class Inner(Stored):
    _record_name = "inner"
    _class_name = "I"

    x: float


@dataclass(frozen=True)
class Outer(Stored):
    _record_name = "outer"

    name: Name
    inner: Inner
    rows: tuple[list[Scalar | None], ...] = ()
    pair: tuple[str, bool] = ("", False)
    share: Share | None = None
    n: Annotated[int, fields.whole(0, 9)] = field(default=0, metadata={"stored": "count"})

    def _check_record(self) -> None:
        if self.n > len(self.rows):
            raise ArchiveError("outer has fewer rows than it says")


SOUND = {
    "name": "a",
    "inner": {"name": "I", "x": 1},
    "rows": [["a", None], [True]],
    "pair": ["p", True],
    "share": 0.5,
    "count": 2,
}


def test_a_record_comes_back_as_it_was():
    outer = Outer.from_dict(SOUND)
    assert outer == Outer("a", Inner(1), (["a", None], [True]), ("p", True), 0.5, 2)
    assert type(outer.inner.x) is int  # whole numbers are not rounded to floats
    assert outer.to_dict() == SOUND
    assert Outer.from_dict(json.loads(json.dumps(outer.to_dict()))) == outer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": True}, "outer has name=True, where a string or a finite number is expected"),
        ({"inner": 5}, "inner is 5, where an object is expected"),
        ({"inner": {"name": "J", "x": 1}}, "inner has name='J', where one of ['I'] is expected"),
        ({"inner": {"name": "I", "x": math.nan}}, "inner has x=nan, where a finite number is exp"),
        ({"inner": {"name": "I"}}, "inner lacks ['x']"),
        ({"rows": [["a", []]]}, "outer has rows=[['a', []]], where a list, of which each item is"),
        ({"rows": "ab"}, "outer has rows='ab', where a list is expected"),
        ({"pair": ["p"]}, "outer has pair=['p'], where a list of 2 is expected"),
        ({"pair": ["p", 1]}, "where a list of 2 with true or false as item 1 is expected"),
        ({"share": 1.5}, "outer has share=1.5, where null or a finite number of 0 to 1 is expec"),
        ({"count": 10}, "outer has count=10, where a whole number of 0 to 9 is expected"),
        ({"count": 3}, "outer has fewer rows than it says"),
        ({"more": 1}, "outer has the unexpected ['more']"),
    ],
)
def test_what_no_annotation_allows_is_refused(change, message):
    with pytest.raises(ArchiveError) as refused:
        Outer.from_dict({**SOUND, **change})
    assert str(refused.value).startswith(message) or message in str(refused.value)


@pytest.mark.parametrize("name", SOUND)
def test_a_field_with_a_default_must_be_there_too(name):
    record = {key: value for key, value in SOUND.items() if key != name}
    with pytest.raises(ArchiveError, match=rf"^outer lacks \['{name}'\]$"):
        Outer.from_dict(record)


def test_one_of_several_classes():
    read = one_class_of("thing", Inner)
    assert read({"name": "I", "x": 2.5}) == Inner(2.5)
    for wrong, shown in (({"x": 1}, "None"), ("I", "'I'"), ({"name": "os"}, "'os'"), ([], r"\[\]")):
        with pytest.raises(ArchiveError, match=rf"^thing is {shown}; one of \['I'\] is expected$"):
            read(wrong)


def test_annotations_of_parameters_are_checks_too():
    def function(name: Name, factor: float, other: Any, more: object = None) -> None: ...

    checks = checks_of(function)
    assert list(checks) == ["name", "factor"]

    def unknown(name: object | None) -> None: ...

    with pytest.raises(TypeError, match="gives no check"):
        checks_of(unknown)


def test_a_table_in_the_record_of_a_codec_is_refused():
    """Tables are arrays, beside the record; one in the record is none, even if they are there."""
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60)})
    record, arrays = GridEncoder().fit(frame).to_state()
    for table in ({"edges": [0, 1], "start": [0], "stop": [1]}, 1, None):
        wrong = json.loads(json.dumps(record))
        wrong["cells"][0]["codec"]["table"] = table
        with pytest.raises(ArchiveError, match=r"column 'x' has an invalid record: the tables of"):
            GridEncoder().from_state(wrong, arrays)
    with pytest.raises(ArchiveError, match=r"codec Places lacks \['table'\]"):
        GridEncoder().from_state(record, {})
    with pytest.raises(ArchiveError, match=r"codec Constant has the unexpected \['table'\]"):
        read_codec({"name": "Constant", "levels": [], "table": {}})


def test_a_field_may_have_another_name_in_archives():
    sound = Linear(0.0, 2.0)
    assert sound.to_dict() == {
        "name": "Linear", "low": 0.0, "high": 2.0, "lowest": 1, "rounding": "floor", "whole": False
    }  # fmt: skip
    assert read_codec(sound.to_dict()) == sound


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (Constant(("a", "b")), r"codec Constant has invalid levels"),
        (Levels(("a",), (1.0,)), r"codec Levels has invalid levels"),
        (Levels(("a", "b"), (0.0, 0.0)), r"codec Levels has 2 shares for 2 levels"),
        (Linear(2.0, 1.0), r"codec Linear has invalid limits \(2.0, 1.0\)"),
        (RankedLevels(("a", "b"), Linear(0.0, 2.0)), r"codec Codes of 2 levels has ranks 0.0 to 2"),
        (RankedLevels(("a", "b"), Levels(("a", "b"), (1.0, 0.0))), r"inner codec is 'Levels'; one"),
    ],
)
def test_codecs_that_fit_does_not_make(record, message):
    with pytest.raises(ArchiveError, match=message):
        read_codec(record.to_dict())


def test_names_of_y_fit_its_axes():
    series, array = Container(), Container("array", "<f8")
    for good in (TargetContainer(1, "y", series), TargetContainer(1, [0], array),
                 TargetContainer(2, ["a", None], series)):  # fmt: skip
        assert TargetContainer.from_dict(good.to_dict()) == good
    for bad in (TargetContainer(1, ["y"], series), TargetContainer(1, "y", array),
                TargetContainer(2, "a", series)):  # fmt: skip
        with pytest.raises(ArchiveError, match=f"target container of {bad.ndim} axes has name="):
            TargetContainer.from_dict(bad.to_dict())


def test_columns_are_named_in_what_is_refused():
    record = Schema((Column("age", "integer", "int64", decimals=0, maximum=2**60 + 1),)).to_dict()
    assert Schema.from_dict(record).columns[0].maximum == 2**60 + 1
    record["columns"][0]["missing"] = 2
    with pytest.raises(ArchiveError, match="column 'age' has missing=2, where a finite number"):
        Schema.from_dict(record)
