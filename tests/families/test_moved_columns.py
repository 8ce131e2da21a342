"""Columns that are the same in all rows of a family come from the parent."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from synthgan import Relation
from synthgan.families.moved_columns import MovedColumn, move_columns
from synthgan.records.related import RelatedTables


def wards(n: int = 60) -> dict[str, pd.DataFrame]:
    """Make patients, most of them with visits that repeat their sex and their birth year."""
    rng = np.random.default_rng(0)
    patients = pd.DataFrame({"id": np.arange(n), "city": rng.choice(["Ulm", "Hof"], n)})
    of = np.sort(rng.integers(0, n - 5, 5 * n))
    born, sex = rng.integers(1930, 2000, n), rng.choice(["f", "m"], n)
    code = np.where(rng.random(n) < 0.2, None, rng.choice([*"abcd"], n))
    visits = pd.DataFrame(
        {
            "id": of,
            "born": born[of],
            "sex": sex[of],
            "code": code[of],
            "pulse": rng.normal(70, 9, 5 * n).round(),
            "urgent": rng.random(5 * n) < 0.001,
        }
    )
    return {"patients": patients, "visits": visits}


def read(tables: dict[str, pd.DataFrame]) -> RelatedTables:
    return RelatedTables.read(tables, [Relation("visits", "id", "patients")])


def test_what_a_family_shares_moves_and_comes_back() -> None:
    tables = wards()
    related = read(tables)
    moved = move_columns(related, {})
    assert [one.column for one in moved] == ["born", "sex", "code"]
    assert list(related.frames["visits"]) == ["id", "pulse", "urgent"]
    above = related.frames["patients"]
    assert str(above["visits: born"].dtype) == "Int64"  # some have no visits
    rows = next(iter(related.rows.values()))
    for one in moved:
        record = json.loads(json.dumps(one.to_dict()))
        back = MovedColumn.from_dict(record).restore(
            above[one.name], rows, np.random.default_rng(0)
        )
        pd.testing.assert_series_equal(back, tables["visits"][one.column], check_names=False)


def test_a_column_that_lacks_nothing_is_filled() -> None:
    one = MovedColumn("visits", "born", "visits: born", "int64", True)
    of_parents = pd.Series([1950, None, 1980], dtype="Int64")
    back = one.restore(of_parents, np.array([0, 1, 1, 2]), np.random.default_rng(0))
    assert back.dtype == np.int64
    assert back[1] == back[2]
    assert {1950, 1980} >= set(back)


def test_what_is_named_ordered_alone_or_the_same_by_chance_stays() -> None:
    related = read(wards())
    assert [one.column for one in move_columns(related, {"visits": {"sex", "born"}})] == ["code"]
    few = {name: table.head(8) for name, table in wards().items()}
    few["visits"] = few["visits"][few["visits"]["id"] < 3]
    assert move_columns(read(few), {}) == []
    alone = wards()
    alone["visits"] = alone["visits"][["id", "sex"]]
    assert move_columns(read(alone), {}) == []
