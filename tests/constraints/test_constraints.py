import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sklearn.base import clone

from synthgan.constraints.base import Predicate, Range
from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.differences import Inequality
from synthgan.constraints.formulas import Formula
from synthgan.constraints.identifiers import Identifier
from synthgan.constraints.lookups import DependentColumn, FixedCombinations
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError
from synthgan.privacy import Support
from tests.frames import columns

RNG = np.random.default_rng(0)
# Kinds whose differences are exact.
EXACT_KINDS = [
    "decimal", "small int", "Int64", "int64", "datetime", "nanoseconds", "day", "zoned", "timedelta"
]  # fmt: skip


@st.composite
def ordered_pairs(draw, kinds=None):
    """Tables of columns 0 and "high" of one kind with 0 <= "high" where both are present."""
    kind = draw(st.sampled_from(kinds or [*EXACT_KINDS, "float", "float32", "Float64"]))
    n_rows = draw(st.integers(1, 10))
    a, b = (draw(columns(n_rows, [kind])) for _ in range(2))
    if kind.lower() == "int64":
        a, b = a // 4, b // 4  # differences fit
    swap = (a > b).fillna(False).to_numpy(dtype=bool)
    low, high = a.where(~swap, b).astype(a.dtype), b.where(~swap, a).astype(b.dtype)
    return pd.DataFrame({0: low, "high": high})


@st.composite
def anything_like(draw, table):
    """Tables of the same dtypes whose values have nothing to do with each other."""
    made = {}
    for name in table.columns:
        pool = list(table[name])
        if table[name].dtype.kind in "fi" and draw(st.booleans()):
            pool += [-1, 0, 1, 100]
        n = draw(st.shared(st.integers(0, 8), key="rows"))
        values = draw(st.lists(st.sampled_from(pool), min_size=n, max_size=n))
        made[name] = pd.Series(values, dtype=table[name].dtype)
    return pd.DataFrame(made)


def through_json(constraints):
    state = constraints.to_dict()
    again = type(constraints).from_dict(json.loads(json.dumps(state)))
    assert again.to_dict() == state
    return again


@given(ordered_pairs(EXACT_KINDS))
def test_inequality_comes_back(frame):
    constraint = Inequality(0, "high").fit(frame)
    table = constraint.apply(frame)
    assert table["high"].isna().equals(frame["high"].isna())
    assert_frame_equal(constraint.restore(table, RNG), frame)
    assert_frame_equal(through_json(constraint).restore(table, RNG), frame)


@given(st.data(), st.booleans())
def test_inequality_holds_for_any_table(data, strict):
    frame = data.draw(ordered_pairs())
    constraint = Inequality(0, "high", strict)
    both = frame.notna().all(axis=1)
    if strict:
        frame = frame[~(both & (frame[0] == frame["high"]).fillna(False).astype(bool))]
        if frame.empty:
            return
    try:
        constraint.fit(frame.reset_index(drop=True))
    except DataError:  # numbers too far apart for exact differences
        event("refused")
        return
    table = data.draw(anything_like(constraint.apply(frame)))
    back = constraint.restore(table, RNG)
    both = back.notna().all(axis=1)
    is_less = back[0] < back["high"] if strict else back[0] <= back["high"]
    assert is_less[both].all()
    assert constraint.holds(back).all()


def test_inequality_of_different_lattices():
    frame = pd.DataFrame({"low": [0.29, 0.07, 1.15, np.nan], "high": [1, 1, 2, 2]})
    constraint = Inequality("low", "high").fit(frame)
    table = constraint.apply(frame)
    assert table["high"].tolist() == [0, 0, 0, 0]  # from 1, 1 and 2; the last is drawn
    assert table["high alone"].tolist() == [1, 1, 2, 2]
    assert_frame_equal(constraint.restore(constraint.apply(frame), RNG), frame)
    times = pd.DataFrame(
        {
            "in": pd.to_datetime(["2024-01-01 10:30", "2024-01-05 00:00"]).astype("datetime64[s]"),
            "out": pd.to_datetime(["2024-01-04", "2024-01-05"]).astype("datetime64[ns]"),
        }
    )
    constraint = Inequality("in", "out").fit(times)
    assert constraint.apply(times)["out"].dt.days.tolist() == [2, 0]
    assert_frame_equal(constraint.restore(constraint.apply(times), RNG), times)
    single = pd.DataFrame({"a": [0.1, 0.3], "b": [0.1, 0.4]}, dtype="float32").astype({"b": float})
    single["b"] = single["b"].round(1)
    constraint = Inequality("a", "b").fit(single)
    assert constraint.apply(single)["b"].tolist() == [0.0, 0.1]


def test_inequality_gives_up_where_nothing_fits():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, dtype="int8")
    constraint = Inequality("a", "b", strict=True).fit(frame)
    table = pd.DataFrame({"a": [127, 126, -128], "b": [5, 5, -5]}, dtype="int8")
    assert constraint.restore(table, RNG)["b"].tolist()[1:] == [127, -127]
    assert np.isnan(constraint.restore(table, RNG)["b"][0])


def test_inequality_of_huge_floats():
    frame = pd.DataFrame({"a": [1.0, -1e300, 2.0], "b": [1e300, -1e300, 4.0]})
    constraint = Inequality("a", "b").fit(frame)
    assert_frame_equal(constraint.restore(constraint.apply(frame), RNG), frame)


def test_inequality_of_clocks():
    days = pd.date_range("2024-03-29", periods=4, tz="Europe/Madrid", unit="us")
    frame = pd.DataFrame({"a": days, "b": days + pd.Timedelta("36h")})
    constraint = Inequality("a", "b").fit(frame)
    assert_frame_equal(constraint.restore(constraint.apply(frame), RNG), frame)
    with pytest.raises(DataError, match=r"'a' .* and 'b' .* cannot be compared"):
        Inequality("a", "b").fit(frame.assign(b=1))


def places(n=60):
    rng = np.random.default_rng(1)
    pairs = [("Lyon", 1.0), ("Bonn", None), (None, 2.0), ("Rome", 1.0)]
    chosen = rng.choice(4, size=n, p=[0.4, 0.3, 0.2, 0.1])
    frame = pd.DataFrame([pairs[i] for i in chosen], columns=["city", 7])
    dtype = pd.CategoricalDtype(["Rome", "Lyon", "Bonn", "Oslo"], ordered=True)
    return frame.assign(city=frame["city"].astype(dtype), x=range(n))


def test_fixed_combinations_come_back_and_hold():
    frame = places()
    constraint = FixedCombinations(["city", 7]).fit(frame)
    table = constraint.apply(frame)
    assert list(table.columns) == ["city", "x"]
    again = through_json(constraint)
    assert_frame_equal(again.restore(table, RNG)[["city", 7, "x"]], frame)
    table["city"] = [None, "nonsense"] * 30
    assert again.holds(again.restore(table, RNG)).all()
    assert not again.holds(frame.assign(city="Oslo").astype(frame.dtypes)).any()


def test_rare_combinations_are_not_stored():
    frame = pd.concat([places(), pd.DataFrame({"city": ["Bonn"], 7: [3.0], "x": [0]})])
    constraint = FixedCombinations(["city", 7]).fit(
        frame.reset_index(drop=True), support=Support(4)
    )
    assert "3.0" not in json.dumps(constraint.to_dict())
    with pytest.warns(DataWarning, match=r"1 row\(s\) hold a combination of columns \['city', 7\]"):
        table = constraint.apply(frame)
    back = constraint.restore(table, RNG)
    assert (back["city"].iloc[-1], back[7].isna().iloc[-1]) == ("Bonn", True)
    with pytest.raises(DataError, match="have no combination that at least min_support=99"):
        FixedCombinations(["city", 7]).fit(frame, support=Support(99))
    for bad in ("city", ["city"], ["city", "city"]):
        with pytest.raises(ParameterError, match="at least two different columns"):
            FixedCombinations(bad).fit(frame)


def test_fixed_combinations_translate():
    frame = places()
    constraint = FixedCombinations(["city", 7]).fit(frame)
    known = pd.DataFrame({"city": ["Lyon", None, "Bonn"], 7: [None, 1.0, None], "x": [1, 2, 3]})
    mask = pd.DataFrame({"city": [True, False, False], 7: [False, True, False], "x": True})
    table, is_known = constraint.translate(known, mask, RNG)
    assert is_known["city"].tolist() == [True, True, False]
    back = constraint.restore(table, RNG)
    assert back["city"][0] == "Lyon"
    assert back[7][1] == 1.0
    with pytest.raises(DataError, match=r"no combination .* has \{'city': 'Bonn', 7: 2.0\}"):
        constraint.translate(
            known.assign(**{"city": "Bonn"}).assign(x=1).fillna(2.0), mask | True, RNG
        )


@pytest.mark.parametrize("level", [str, int, float, lambda d: pd.Timestamp(2020, 1, d + 1)])
def test_dependent_column(level):
    of = [level(i % 5) for i in range(50)]
    frame = pd.DataFrame({"of": of, "y": pd.array([[1, 2, None, 4, 5][i % 5] for i in range(50)])})
    constraint = DependentColumn("y", of="of").fit(frame, support=Support(5))
    table = constraint.apply(frame)
    assert list(table.columns) == ["of"]
    assert_frame_equal(through_json(constraint).restore(table, RNG), frame)
    known = frame.iloc[:3].reset_index(drop=True)
    mask = pd.DataFrame({"of": [False] * 3, "y": True})
    table, is_known = constraint.translate(
        known.assign(of=known["of"].iloc[::-1].values), mask, RNG
    )
    assert is_known["of"].all()
    assert_frame_equal(constraint.restore(table, RNG), known)
    with pytest.raises(DataError, match=r"condition 'y': 77 does not occur; column 'y' has"):
        constraint.translate(known.assign(y=77), mask, RNG)
    with pytest.raises(DataError, match=r"'y': 77 contradict each other; 'of' gives 1"):
        constraint.translate(known.assign(y=77), mask | True, RNG)
    with pytest.raises(DataError, match="'y' is not determined by column 'of': 5 level"):
        DependentColumn("y", "of").fit(frame.assign(y=range(50)))
    with pytest.raises(DataError, match="no level that at least min_support=11"):
        DependentColumn("y", "of").fit(frame, Support(11))


def test_rare_levels_are_not_stored():
    frame = pd.DataFrame({"age": [*range(10)] * 5 + [70], "old": [*[0] * 5, *[1] * 5] * 5 + [9]})
    with pytest.warns(DataWarning, match="column 'old' has 1 value.* nearest interval of 'age'"):
        constraint = DependentColumn("old", of="age").fit(frame, support=Support(5))
    assert constraint.edges_ == [5]
    assert constraint.levels_ == list(range(10))
    assert constraint.restore(pd.DataFrame({"age": [-3, 2, 6, 70]}), RNG)["old"].tolist() == [
        0,
        0,
        1,
        1,
    ]
    assert constraint.holds(frame).all()
    assert constraint.holds(pd.DataFrame({"age": [0, 70], "old": [1, 1]})).tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (pd.Series([1, 5, 9], dtype="int8"), 0.5, 9.9),
        (pd.Series([1, None, 9], dtype="Int64"), 1, 9),
        (pd.Series([0.1, 0.2], dtype="float32"), 0.09, 0.21),
        (pd.Series([0.1, np.nan, 0.7]), None, 0.7),
        (pd.Series(pd.date_range("2020", periods=3, tz="Europe/Madrid")), "2020", "2020-01-03"),
        (pd.Series(pd.timedelta_range("1h", periods=3)), pd.Timedelta("1h"), None),
    ],
)
def test_range(values, low, high):
    frame = values.to_frame("x")
    constraint = through_json(Range("x", low, high).fit(frame))
    assert_frame_equal(constraint.restore(frame, RNG), frame)
    far = pd.concat([values, values + 9 * (values.max() - values.min())]).to_frame("x")
    far = pd.concat([far, values.to_frame("x") - 2 * (values.max() - values.min())])
    back = constraint.restore(far.astype(frame.dtypes), RNG)
    assert constraint.holds(back).all()
    assert back["x"].dtype == values.dtype


def test_infinite_bounds_are_none():
    frame = pd.DataFrame({"whole": [1, 5, 9], "real": [0.5, 1.5, 2.5]})
    for name in frame:
        constraint = through_json(Range(name, -np.inf, np.inf).fit(frame))
        assert_frame_equal(constraint.restore(frame * 100, RNG), frame * 100)


def test_bad_ranges():
    frame = pd.DataFrame({"x": [1, 5, 9], "s": list("abc")})
    with pytest.raises(DataError, match=r"'x' has 2 row\(s\) outside Range\(low=0, high=4\)"):
        Range("x", 0, 4).fit(frame)
    with pytest.raises(DataError, match="'s' is of kind string; Range needs numbers"):
        Range("s", 0, 4).fit(frame)
    with pytest.raises(ParameterError, match=r"low=4 and high=0 of Range\('x'\) leave no value"):
        Range("x", 4, 0).fit(frame)
    with pytest.raises(DataError, match="in the conditions"):
        Range("x", 0, 10).translate(frame * 2, frame.notna(), RNG)


def test_predicate():
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 3]})
    constraint = Predicate(lambda f: f["a"] <= f["b"], ["a", "b"]).fit(frame)
    assert constraint.holds(frame.assign(a=2)).tolist() == [False, True]
    with pytest.raises(DataError, match=r"1 of 2 row\(s\) violate Predicate"):
        Predicate(lambda f: f["a"] < f["b"]).fit(frame)
    with pytest.raises(DataError, match=r"returned shape \(\); one boolean per row"):
        Predicate(lambda f: True).fit(frame)
    with pytest.raises(ArchiveError, match="function, which is code and cannot be saved"):
        constraint.to_dict()


@given(st.data())
def test_formula_comes_back(data):
    n = data.draw(st.integers(1, 10))
    kind = data.draw(st.sampled_from(["a", "a + b", "a - b", "a * b", "a / b"]))
    frame = pd.DataFrame(
        {
            "y": data.draw(columns(n, ["decimal", "small int"])),
            "a": data.draw(columns(n, ["decimal", "float", "small int"])),
            "b": data.draw(columns(n, ["decimal", "small int"])),
        }
    )
    constraint = Formula("y", kind, "a", None if kind == "a" else "b", factor=0.1).fit(frame)
    table = constraint.apply(frame)
    assert_frame_equal(through_json(constraint).restore(table, RNG), frame)
    other = data.draw(anything_like(table))
    back = constraint.restore(other, RNG)
    present = frame["y"].notna()
    deviates = other["y"] != 0
    if constraint.makes:
        deviates &= other[constraint.copy_].isna()  # a copy that counts is not clipped
    if present.any() and back["y"].notna().any():
        low, high = frame["y"].min(), frame["y"].max()
        assert back["y"][deviates].dropna().between(low, high).all()


def test_formula_keeps_no_extremes():
    frame = pd.DataFrame({"y": [1.5, *[3.0] * 9, 99.5], "a": [1.0] * 11})
    constraint = Formula("y", "a", "a").fit(frame, support=Support(5))
    assert (constraint.low_, constraint.middle_, constraint.high_) == (3.0, 3.0, 3.0)
    for bad in ({"kind": "a ^ b"}, {"b": "y"}, {"a": "y"}):
        with pytest.raises(ParameterError, match="Formula"):
            clone(constraint).set_params(**bad).fit(frame)
    with pytest.raises(DataError, match="'a' is of kind string; Formula needs numbers"):
        constraint.fit(frame.assign(a="x"))
    with pytest.raises(DataError, match="whole numbers up to 2"):
        constraint.fit(frame.assign(y=2**60))


def joint_frame():
    rng = np.random.default_rng(3)
    n = 400
    frame = pd.DataFrame({"id": rng.permutation(9 * n)[:n] + 1000, 0: rng.integers(20, 90, n)})
    frame["mid"] = frame[0] + rng.poisson(20, n)
    frame["top"] = frame["mid"] + rng.poisson(9, n)
    frame["degree"] = pd.Categorical(rng.choice(["BSc", "MSc", "PhD"], n))
    frame["years"] = frame["degree"].map({"BSc": 16, "MSc": 18, "PhD": 21}).astype("Int64")
    frame["sum"] = frame[0] + frame["top"]
    return frame


def joint_set():
    return ConstraintSet(
        [
            Range("top", high=200),
            Inequality(0, "mid"),
            Range(0, low=20),
            Inequality("mid", "top"),
        ],
        min_support=3,
    )


@pytest.fixture(scope="module")
def joint():
    frame = joint_frame()
    with pytest.warns(DataWarning, match="column 'id' identifies rows: .* new values"):
        return frame, joint_set().fit(frame)


@given(st.data())
def test_all_hold_together_for_any_table(joint, data):
    frame, constraints = joint
    table = data.draw(anything_like(constraints.apply(frame.iloc[:30])))
    back = through_json(constraints).restore(table, RNG)
    assert list(back.columns) == list(frame.columns)
    assert constraints.holds(back).all()
    if back.notna().all(axis=None):
        assert ((back[0] <= back["mid"]) & (back["mid"] <= back["top"])).all()
    assert back["id"].is_unique


def test_all_come_back_together(joint):
    frame, constraints = joint
    table = constraints.apply(frame)
    kinds = [type(constraint).__name__ for constraint in constraints.constraints_]
    assert sorted(kinds) == sorted(
        ["Range", "Inequality", "Range", "Inequality", "Identifier", "DependentColumn", "Formula"]
    )
    assert list(table.columns) == [0, "mid", "top", "degree", "sum"]
    back = constraints.restore(table, RNG)
    inside = back["sum"] == frame["sum"]  # the ends are pooled
    assert inside.mean() > 0.95
    assert_frame_equal(back[inside].drop(columns="id"), frame[inside].drop(columns="id"))
    assert constraints.holds(frame).all()
    empty = constraints.restore(constraints.apply(frame.iloc[:0]), RNG)
    assert_frame_equal(empty, frame.iloc[:0])


def test_what_is_known_of_a_rewritten_table(joint):
    frame, constraints = joint
    known = frame.iloc[:2].reset_index(drop=True)
    mask = known.notna() & False
    mask.loc[0, [0, "mid", "years"]] = True
    mask.loc[1, ["top"]] = True
    table, is_known = constraints.translate(known, mask, RNG)
    assert is_known.to_numpy().tolist() == [[True, True, False, True, False], [False] * 5]
    expected = constraints.apply(known)
    assert (
        table.loc[0, [0, "mid", "degree"]].tolist()
        == expected.loc[0, [0, "mid", "degree"]].tolist()
    )
    with pytest.raises(DataError, match=r"1 condition\(s\) violate Inequality"):
        constraints.translate(known.assign(mid=-5), mask, RNG)
    mask["id"] = True
    with pytest.raises(DataError, match=r"'id' is an identifier, .* cannot be a condition"):
        constraints.translate(known, mask, RNG)


def test_nothing_to_do_is_free():
    frame = pd.DataFrame({"x": [1.5, 2.5]})
    constraints = through_json(ConstraintSet().fit(frame))
    assert constraints.apply(frame) is frame
    assert constraints.restore(frame, RNG) is frame
    assert constraints.holds(frame).tolist() == [True, True]


def test_a_set_that_only_checks_learns_nothing_and_changes_nothing():
    frame = pd.DataFrame({"a": [1, 5, 99], "b": [2, 3, 100]})
    constraints = [Range("a", high=50), Inequality("a", "b")]
    fitted = ConstraintSet(constraints, checks_only=True).fit(frame, find=False)
    other = ConstraintSet(constraints, checks_only=True).fit(frame.iloc[:0], find=False)
    assert fitted.to_dict() == other.to_dict()
    for one in (fitted, through_json(fitted)):
        assert one.checks_only
        assert one.apply(frame) is frame
        assert one.restore(frame, RNG) is frame
        assert one.holds(frame).tolist() == [True, False, False]
        known = one.translate(frame, frame.notna(), RNG)
        assert known[0] is frame
    assert "checks_only" not in ConstraintSet().fit(frame).to_dict()


def test_bad_sets():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    with pytest.raises(DataError, match=r"names columns \['z'\], which the table lacks"):
        ConstraintSet([Range("z", 0)]).fit(frame)
    for clash in (
        [Range("a", 0), Range("a", 1)],
        [Inequality("a", "b"), DependentColumn("b", "a")],
    ):
        with pytest.raises(ParameterError, match=r"column '.' is transformed by both"):
            ConstraintSet(clash).fit(frame)
    with pytest.raises(ParameterError, match=r"a circular dependence between columns"):
        ConstraintSet([Inequality("a", "b"), Inequality("b", "a")]).fit(frame)
    with pytest.raises(ParameterError, match=r"column 'a' is an identifier; .* cannot both use it"):
        ConstraintSet([Identifier("a"), Inequality("a", "b")]).fit(frame)
    for same in (Inequality("a", "a"), DependentColumn("a", "a")):
        with pytest.raises(ParameterError, match="give two different columns"):
            same.fit(frame)
    with pytest.raises(DataError, match=r"2 row\(s\) violate 'b' <= 'a'"):
        Inequality("b", "a").fit(frame)
    with pytest.raises(DataError, match="differ by more than"):
        Inequality("a", "b").fit(pd.DataFrame({"a": [-(2**62)], "b": [2**62]}))
