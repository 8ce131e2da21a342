import logging
import time
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from synthgan.constraints import relations as searching
from synthgan.constraints.formula_search import MAX_NEIGHBOURS, _neighbours
from synthgan.constraints.formulas import Formula
from synthgan.constraints.identifiers import (
    Identifier,
    find_identifiers,
    fresh_codes,
    learn_pattern,
)
from synthgan.constraints.lookups import DependentColumn, FixedCombinations
from synthgan.constraints.quotients import Quotient
from synthgan.constraints.relations import find_dependent_columns, find_relations
from synthgan.exceptions import DataError, DataWarning
from synthgan.privacy import Support
from tests.conftest import SHARED_DATA

RNG = np.random.default_rng(0)


def shared_table(name):
    path = SHARED_DATA / "tabular" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent: real tables are not part of the package")
    return pd.read_csv(path)


def found(frame, min_support=5):
    return [str(constraint) for constraint in find_relations(frame, Support(min_support))]


def counts(n_columns, n=600, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.poisson(60, size=(n, n_columns)), columns=list("abcdefgh"[:n_columns]))


PLANTED = {
    "a + b": (lambda f: f["a"] + f["b"], Formula("y", "a + b", "a", "b")),
    "a - b": (lambda f: f["a"] - f["b"], None),  # b + y, or a - y, is the same
    "a * b": (lambda f: f["a"] * f["b"], Formula("y", "a * b", "a", "b")),
    "percent": (lambda f: (100 * f["a"] / f["b"]).round(1), Formula("y", "a / b", "a", "b", 100.0)),
    "unit": (lambda f: (2.54 * f["w"]).round(2), Formula("y", "a", "w", None, 2.54)),
}


def test_columns_of_wide_tables_are_compared_in_some_rows_then_in_all(monkeypatch):
    rng = np.random.default_rng(0)
    town = pd.Series(rng.choice(["Bonn", "Lyon", "Rome"], 3000))
    country = town.map({"Bonn": "DE", "Lyon": "FR", "Rome": "IT"})
    frame = pd.DataFrame({"town": town, "country": country, "x": rng.normal(size=3000)})
    frame["broken"] = country.where(np.arange(3000) != 1234, "XX")
    expected = find_dependent_columns(frame, Support(5))
    assert {one.column for one in expected} == {"country", "town"}  # not the broken one
    monkeypatch.setattr(searching, "MANY_COLUMNS", 0)
    monkeypatch.setattr(searching, "MIN_ROWS", 100)
    assert list(map(repr, find_dependent_columns(frame, Support(5)))) == list(map(repr, expected))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_formulas_are_found(name, caplog):
    compute, expected = PLANTED[name]
    frame = counts(4).assign(w=np.random.default_rng(1).normal(50, 9, 600).round(1))
    frame["y"] = compute(frame)
    with caplog.at_level(logging.INFO):
        relations = find_relations(frame, Support(5))
    assert len(relations) == 1
    assert expected is None or str(relations[0]) == str(expected)
    assert "column 'y' is given by" in caplog.text or expected is None
    table = relations[0].fit(frame).apply(frame)
    assert table[relations[0].column].nunique() <= 3
    assert_frame_equal(relations[0].restore(table, RNG)[frame.columns], frame)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_in_noise(seed):
    rng = np.random.default_rng(seed)
    frame = counts(6, 200, seed)
    for i in range(6):
        frame[f"real {i}"] = rng.normal(size=200)
        frame[f"level {i}"] = rng.choice(list("abcdef"), 200)
        frame[f"rare {i}"] = rng.random(200) < 0.02
    assert found(frame) == []
    assert found(frame[["a", "b"]].assign(near=frame["a"] + rng.integers(-9, 9, 200))) == []
    # One part alone says it all: the other is nearly constant, or the column is.
    assert found(frame[["a"]].assign(b=frame["real 0"] / 1e3 + 1, y=frame["a"])) != []


@pytest.mark.parametrize("min_support", [1, 5])
def test_chains_are_resolved_and_circles_avoided(min_support):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.integers(0, 12, 900)})
    frame["name"] = frame["code"].map(lambda c: f"ward {c}")
    frame["house"] = frame["code"] % 4
    frame["is_new"] = frame["house"] > 2
    relations = find_relations(frame, Support(min_support))
    assert {(r.column, r.of) for r in relations} == {
        ("code", "name"),
        ("house", "name"),
        ("is_new", "house"),
    }


def test_a_single_exception_is_none():
    frame = pd.DataFrame({"of": [*"abcd"] * 50, "y": [1, 2, 3, 3] * 50})
    assert found(frame) == ["DependentColumn(column='y', of='of')"]
    frame.loc[7, "y"] = None
    assert found(frame) == []
    big = pd.concat([frame.drop(index=7)] * 300, ignore_index=True)
    assert found(big) == ["DependentColumn(column='y', of='of')"]
    big.loc[12, "y"] = 1
    assert found(big) == []


def test_adult():
    adult = shared_table("adult")
    start = time.perf_counter()
    relations = find_relations(adult, Support(5))
    assert time.perf_counter() - start < 10
    assert [str(r) for r in relations] == [str(DependentColumn("education-num", "education"))]
    constraint = relations[0].fit(adult, Support(5))
    back = constraint.restore(constraint.apply(adult), RNG)[adult.columns]
    assert_frame_equal(back, adult)


def test_thyroid():
    thyroid = shared_table("thyroid")
    relations = find_relations(thyroid, Support(5))
    assert [str(r) for r in relations] == [
        str(Formula("FTI", "a / b", "TT4", "T4U", 0.1)),
        str(FixedCombinations(["Sex", "Pregnant"])),  # no man is pregnant
    ]
    constraint = relations[0].fit(thyroid)
    table = constraint.apply(thyroid)
    assert constraint.decimals_ == 3
    assert (table["FTI"].abs() < 0.0015).mean() > 0.95
    assert table["FTI"].isin([0, 0.001, -0.001]).mean() > 0.87
    assert_frame_equal(constraint.restore(table, RNG), thyroid)


@pytest.mark.parametrize("name", ["pima", "heart_cleveland"])
def test_real_tables_without_relations(name):
    assert found(shared_table(name)) == []


def test_counts_of_districts_go_together():
    assert found(shared_table("california_housing")) == [
        str(Quotient("total_rooms", "households")),
        str(Quotient("total_bedrooms", "households")),  # has gaps
        str(Quotient("population", "households")),
    ]


IDENTIFIERS = {
    "padded": ([f"P-{i:05d}" for i in range(0, 90_000, 977)], r"P-\d{5}"),
    "long": ([f"MRN{i}" for i in range(1, 5000, 17)], r"MRN\d{1,4}"),
    "email": ([f"{a}{b}x@host.org" for a in "abcdefgh" for b in "klmnop"], r"[a-z]{2}x@host\.org"),
    "hex": ([f"{i * 7919:08x}" for i in range(9, 9999, 97)], r"[0-9a-f]{8}"),
    "uuid": (
        [str(uuid.UUID(int=i << 90, version=4)) for i in range(1, 99)],
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
}


@pytest.mark.parametrize("name", IDENTIFIERS)
@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_fresh_identifiers_have_the_pattern(name, dtype):
    values, pattern = IDENTIFIERS[name]
    frame = pd.DataFrame({"id": pd.Series(values, dtype=dtype), "x": 1.5})
    with pytest.warns(DataWarning, match="column 'id' identifies rows"):
        (constraint,) = find_identifiers(frame)
    constraint.fit(frame, Support(3))
    text = str(constraint.to_dict())
    assert not any(f"'{value}'" in text for value in values)
    constraint = Identifier.from_dict(constraint.to_dict())
    table = constraint.apply(frame)
    assert list(table.columns) == ["x"]
    back = constraint.restore(table, RNG)["id"]
    assert back.is_unique
    assert back.astype(object).str.fullmatch(pattern).all()
    assert str(back.dtype) == str(frame["id"].dtype)


@given(st.lists(st.text(max_size=8), max_size=9), st.integers(1, 3), st.integers(0, 30))
def test_any_strings_give_different_codes(values, min_support, n):
    frame = pd.DataFrame({"id": pd.Series(values, dtype=object), "x": range(len(values))})
    constraint = Identifier("id").fit(frame, Support(min_support))
    codes = fresh_codes(constraint.parts_, n, np.random.default_rng(0))
    assert len(set(codes)) == n


def test_a_pattern_without_room_gets_longer():
    frame = pd.DataFrame({"id": [f"A{i}" for i in range(10)]})
    constraint = Identifier("id").fit(frame)
    back = constraint.restore(pd.DataFrame(index=range(500)), RNG)["id"]
    assert back.is_unique
    assert back.str.fullmatch(r"A\d{1,3}").all()
    words = fresh_codes([["upper", 1, 1]], 100, RNG)
    assert len(set(words)) == 100


@pytest.mark.parametrize("dtype", ["int64", "uint16", "Int64", "int8"])
def test_fresh_integers(dtype):
    frame = pd.DataFrame({"id": pd.Series(range(20, 90), dtype=dtype)})
    with pytest.warns(DataWarning, match="column 'id' identifies rows"):
        (constraint,) = find_identifiers(frame)
    back = constraint.fit(frame).restore(frame, RNG)["id"]
    assert back.is_unique
    assert back.between(10, 99).all()
    assert back.dtype == frame["id"].dtype
    many = constraint.restore(pd.DataFrame(index=range(4000)), RNG)["id"]
    assert many.is_unique
    frame["id"] = frame["id"].astype("Int64").mask(frame.index < 35)
    back = Identifier("id").fit(frame).restore(pd.DataFrame(index=range(4000)), RNG)["id"]
    assert back.isna().mean() == pytest.approx(0.5, abs=0.05)


def test_what_names_no_rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "amount": rng.permutation(5000)[:100],  # unique, but in no order
            "city": rng.choice(["Bonn", "Lyon"], 100),
            "flag": rng.random(100) < 0.5,
            "real": rng.normal(size=100),
            "idea": rng.permutation(5000)[:100],
        }
    )
    assert find_identifiers(frame) == []
    assert find_identifiers(pd.DataFrame({"id": range(20)})) == []
    with pytest.warns(DataWarning, match="column 'patient_id' identifies rows"):
        assert len(find_identifiers(frame.rename(columns={"amount": "patient_id"}))) == 1


def test_free_text():
    rng = np.random.default_rng(0)
    words = ["pain", "mild", "fever", "cough", "since", "week", "no", "known", "allergy"]
    notes = [" ".join(rng.choice(words, rng.integers(2, 12))) for _ in range(100)]
    frame = pd.DataFrame({"notes": notes})
    assert learn_pattern(notes) is None
    with pytest.raises(DataError, match=r"'notes' is free text \(.* constraints=\[Identifier\('no"):
        find_identifiers(frame)
    back = Identifier("notes").fit(frame).restore(frame, RNG)["notes"]
    assert back.str.fullmatch("row-[0-9a-f]{12}").all()
    with pytest.raises(DataError, match="'x' is of kind continuous; Identifier needs strings"):
        Identifier("x").fit(pd.DataFrame({"x": [0.5]}))


def test_formulas_of_wide_tables_are_looked_for_among_correlated_columns():
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.poisson(60, size=(300, 150)), columns=[f"n{i}" for i in range(150)])
    wide["sum"] = wide["n3"] + wide["n140"]
    wide["share"] = (100 * wide["n70"] / wide["n9"]).round(1)
    found = {str(formula) for formula in find_relations(wide, Support(5))}
    assert found == {
        str(Formula("sum", "a + b", "n3", "n140")),
        str(Formula("share", "a / b", "n70", "n9", 100.0)),
    }
    near = _neighbours(wide.to_numpy(dtype=float))
    assert near.shape == (152, MAX_NEIGHBOURS)
    assert all(i in row for i, row in enumerate(near))
    assert _neighbours(wide.iloc[:, :20].to_numpy(dtype=float)).tolist() == [list(range(20))] * 20
