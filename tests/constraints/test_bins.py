"""Classes and bins of a number follow from it by edges that are coarse and disclose no value."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from synthgan import TabularGANSynthesizer
from synthgan.constraints.bins import find_runs
from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.formulas import Formula
from synthgan.constraints.lookups import DependentColumn
from synthgan.constraints.relations import find_relations
from synthgan.exceptions import ArchiveError, DataError, DataWarning, PrivacyWarning
from synthgan.privacy import Support

N = 1000
R = np.random.default_rng(0)
RNG = np.random.default_rng(0)
BMI, X, AGE = R.normal(26, 4, N).round(1), R.normal(size=N), R.integers(18, 95, N)
DAY = pd.Timestamp("2020-01-01") + pd.to_timedelta(R.integers(0, 1400, N), unit="D")
AGES = ["18-24", "25-34", "35-44", "45-54", "55+"]


def bmi_class(bmi):
    return np.select([bmi < 18.5, bmi < 25, bmi < 30], ["under", "normal", "over"], "obese")


def days(*dates):
    return [(pd.Timestamp(date) - pd.Timestamp(0)).days for date in dates]


CASES = {  # number, bins, edges, side
    "classes": (BMI, bmi_class(BMI), [18.5, 25, 30], "left"),
    "classes of a float": (X + 26, bmi_class(X + 26), [25], "left"),
    "open ends": (BMI, pd.cut(BMI, [0, 18.5, 25, 30, 99]).astype(str), [18.5, 25, 30], "right"),
    "ages": (
        AGE,
        pd.cut(AGE, [0, 24, 34, 44, 54, 200], labels=AGES).astype(str),
        [25, 35, 45, 55],
        "left",
    ),
    "an unusual number on both sides": (X, np.abs(X) > 2, [-2, 2], "left"),
    "codes": (BMI, pd.cut(BMI, [0, 20, 30, 99], right=False, labels=False), [20, 30], "left"),
    "no class outside": (X, pd.cut(X, [-1, 0, 1], labels=["low", "high"]), [-1, 0, 1], "left"),
    "years of dates": (DAY, DAY.year, days("2021", "2022", "2023"), "left"),
    "before a date": (
        DAY,
        np.where(DAY < "2021-07-01", "before", "after"),
        days("2021-07-01"),
        "left",
    ),
    "descending": (-AGE, np.where(AGE > 64, "old", "young"), [-64], "left"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("has_gaps", [False, True])
def test_bins_follow_from_the_number(name, has_gaps):
    number, bins, edges, side = CASES[name]
    frame = pd.DataFrame({"number": number, "bin": bins})
    if has_gaps:
        if frame["bin"].dtype == bool:
            frame["bin"] = frame["bin"].astype("boolean")
        frame = frame.where(pd.Series(np.arange(N) % 11 > 0), axis=0)
    (found,) = find_relations(frame, Support(5))
    assert str(found) == str(DependentColumn("bin", of="number"))
    constraint = found.fit(frame, Support(5))
    assert constraint.edges_ == edges
    assert constraint.side_ == side
    table = constraint.apply(frame)
    again = DependentColumn.from_dict(json.loads(json.dumps(constraint.to_dict())))
    for one in (constraint, again):
        assert_frame_equal(one.restore(table, RNG), frame, check_dtype=not has_gaps)
        assert one.holds(frame).all()


@pytest.mark.parametrize("n_bins", [4, 10])
@pytest.mark.parametrize("form", ["text", "codes", "category"])
def test_quantile_bins(n_bins, form):
    if form == "text":
        bins = pd.qcut(X, n_bins).astype(str)
    elif form == "codes":
        bins = pd.qcut(X, n_bins, labels=False)
    else:
        bins = pd.qcut(X, n_bins, labels=[f"Q{i}" for i in range(n_bins)])
    frame = pd.DataFrame({"x": X, "bin": bins})
    constraints = ConstraintSet(min_support=5).fit(frame)
    assert [str(c) for c in constraints.constraints_] == [str(DependentColumn("bin", "x"))]
    assert_frame_equal(constraints.restore(constraints.apply(frame), RNG), frame)
    constraint = constraints.constraints_[0]
    assert not set(constraint.edges_) & set(X)
    assert not set(constraint.levels_) & set(X)
    assert form == "text" or max(len(str(abs(edge))) for edge in constraint.edges_) <= 6


def test_classes_of_sums_and_of_formulas():
    items = pd.DataFrame(R.integers(0, 4, (N, 3)), columns=list("abc"))
    items["total"] = items.sum(axis=1)
    items["risk"] = np.where(items["total"] > 5, "high", "low")
    found = [str(one) for one in find_relations(items, Support(5))]
    assert found == [
        str(DependentColumn("risk", "total")),
        str(Formula("total", "a + b + c", "a", "b", c="c")),
    ]
    constraints = ConstraintSet(min_support=5).fit(items)
    shuffled = constraints.apply(items).apply(lambda c: c.sample(frac=1).to_numpy())
    back = constraints.restore(shuffled, RNG)
    assert (back["total"] == back[["a", "b", "c"]].sum(axis=1)).all()
    assert (back["risk"] == np.where(back["total"] > 5, "high", "low")).all()


def test_bins_follow_from_the_finest_column():
    total = R.lognormal(3, 0.5, N).round(2)
    frame = pd.DataFrame({"vat": (0.19 * total).round(2), "total": total})
    frame["bin"] = pd.qcut(total, 4, labels=False)
    assert str(DependentColumn("bin", "total")) in map(str, find_relations(frame, Support(5)))


def test_bins_of_few_people_are_not_stored():
    x = np.append(X, [7.0, 8.0])
    frame = pd.DataFrame({"x": x, "bin": pd.cut(x, [-9, 0, 5, 9], labels=["low", "mid", "vip"])})
    assert len(find_relations(frame, Support(5))) == 1
    with pytest.warns(DataWarning, match="column 'bin' has 2 value.s. of fewer people than min_s"):
        constraint = DependentColumn("bin", "x").fit(frame, Support(5))
    assert constraint.edges_ == [0]
    assert max(constraint.levels_) < 4
    assert set(constraint.values_) == {"low", "mid"}
    is_high = np.sort(X)[-30] < X
    frame = pd.DataFrame({"x": X, "bin": np.where(is_high, "high", "low")})
    one = np.where(is_high, 0, 1 + np.arange(N) // 5)  # a bin of one person
    assert len(find_relations(frame, Support(5))) == 1
    assert find_relations(frame, Support(5, one)) == []


def test_one_exception_is_none():
    frame = pd.DataFrame({"bmi": BMI, "class": bmi_class(BMI)})
    frame.loc[BMI.argsort()[N // 2], "class"] = "obese"
    assert find_relations(frame, Support(5)) == []


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_in_independent_columns(seed):
    r = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": r.normal(size=200) for i in range(6)})
    for i in range(6):
        frame[f"rare {i}"] = r.random(200) < 0.02
        frame[f"level {i}"] = r.choice(list("abc"), 200)
    assert find_relations(frame, Support(5)) == []


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 2)), min_size=1, max_size=60))
def test_runs_are_ordered_and_of_one_code(rows):
    numbers = np.array([number for number, _ in rows])
    codes = np.array([code for _, code in rows])
    codes = np.array([codes[np.flatnonzero(numbers == x)[0]] for x in numbers])
    runs = find_runs(numbers, codes, Support(2))
    if runs is not None:
        assert all(len(run) >= 2 and len(set(codes[run])) == 1 for run in runs)
        ends = [end for run in runs for end in (numbers[run].min(), numbers[run].max())]
        assert ends == sorted(ends)


def test_a_condition_on_the_class_draws_numbers_of_it():
    frame = pd.DataFrame({"bmi": BMI, "class": bmi_class(BMI)})
    constraint = DependentColumn("class", "bmi").fit(frame, Support(5))
    known = pd.DataFrame({"bmi": [0.0] * 300, "class": ["over"] * 300})
    mask = pd.DataFrame({"bmi": [False] * 300, "class": [True] * 300})
    table, is_known = constraint.translate(known, mask, RNG)
    assert is_known["bmi"].all()
    assert table["bmi"].between(25, 29.9).all()
    assert table["bmi"].nunique() > 30
    assert (table["bmi"].round(1) == table["bmi"]).all()
    with pytest.raises(DataError, match="'class': 'over' contradict each other; 'bmi' gives 'und"):
        constraint.translate(known, mask | True, RNG)
    record = constraint.to_dict()
    record["learnt"]["edges_"][0] = 22
    with pytest.raises(ArchiveError, match="intervals do not match its levels"):
        DependentColumn.from_dict(record)


def test_a_number_beside_its_bins_is_learnt_as_if_it_were_alone():
    frame = pd.DataFrame({"x": X, "u": RNG.normal(size=N)})
    frame["bin"] = pd.qcut(frame["x"], 4).astype(str)
    model = TabularGANSynthesizer(random_state=0, max_steps=20, candidates=1)
    with pytest.warns(PrivacyWarning, match="people"):
        fake = model.fit(frame).sample(2000, random_state=1)
    with pytest.warns(PrivacyWarning, match="people"):
        alone = model.fit(frame[["x", "u"]]).sample(2000, random_state=1)
    assert_frame_equal(fake[["x", "u"]], alone)  # so it keeps its tails
    for label, part in fake.groupby("bin")["x"]:
        low, high = map(float, label.strip("(]").split(", "))
        outer = frame.loc[[X.argmin(), X.argmax()], "bin"].tolist()
        assert label in outer[:1] or part.min() > low - 2e-3
        assert label in outer[1:] or part.max() < high + 2e-3
