"""Labels that few people share come back as new labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.constraints import ConstraintSet, RareLabels
from synthgan.constraints.rare_labels import find_rare_labels
from synthgan.exceptions import DataError, DataWarning
from synthgan.privacy import Support

LABELS = st.one_of(st.none(), st.text("ab(rare)", min_size=1, max_size=6))


def terms(n: int = 400, seed: int = 0) -> pd.Series:
    """Make labels of which .4 are rare words."""
    rng = np.random.default_rng(seed)
    words = np.array(["".join(rng.choice([*"abcdefghij"], 7)) for _ in range(256)])
    rare = rng.random(n) < 0.4
    common = rng.choice(["NAUSEA", "ERYTHEMA", "RASH"], n, p=[0.5, 0.3, 0.2])
    return pd.Series(np.where(rare, rng.permutation(np.resize(words, n)), common), name="term")


@given(st.lists(LABELS, min_size=1, max_size=30))
def test_kept_and_missing_labels_come_back_and_others_are_new(labels: list[str | None]) -> None:
    frame = pd.DataFrame({"label": labels}, dtype=object)
    if frame["label"].isna().all():
        return
    constraint = RareLabels("label").fit(frame, Support(3))
    table = constraint.apply(frame)
    back = constraint.restore(table, np.random.default_rng(0))["label"]
    kept = frame["label"].isin(constraint.levels_) | frame["label"].isna()
    assert back[kept].where(back.notna(), None).tolist() == frame["label"][kept].tolist()
    assert back[~kept].notna().all()
    again = RareLabels.from_dict(constraint.to_dict())
    assert again.apply(frame)["label"].equals(table["label"])


def test_shares_of_kept_labels_stay_and_the_notice_counts_the_others() -> None:
    frame = pd.DataFrame({"term": terms(), "x": np.arange(400) % 7})
    with pytest.warns(DataWarning, match=r"'term' has 1\d\d value\(s\) of \d+ label\(s\) of fewer"):
        constraints = ConstraintSet(min_support=5).fit(frame)
    assert [repr(c) for c in constraints.constraints_] == ["RareLabels(column='term')"]
    back = constraints.restore(constraints.apply(frame), np.random.default_rng(0))["term"]
    for label in ("NAUSEA", "ERYTHEMA", "RASH"):
        assert (back == label).sum() == (frame["term"] == label).sum()
    new = back[~back.isin(frame["term"])]
    assert new.str.fullmatch(r"other-\d{4,}").all()
    rare = frame["term"][~frame["term"].isin(back)]
    assert len(new) == len(rare)
    assert new.nunique() == pytest.approx(rare.nunique(), rel=0.05)  # they repeat as often


def test_codes_get_new_codes_of_their_pattern() -> None:
    rng = np.random.default_rng(0)
    codes = [f"HLT_{number:04d}" for number in rng.integers(0, 9999, 300)]
    frame = pd.DataFrame({"code": ["HLT_0412"] * 200 + codes})
    constraint = RareLabels("code").fit(frame, Support(5))
    back = constraint.restore(constraint.apply(frame), rng)["code"]
    assert (back[:200] == "HLT_0412").all()
    assert back[200:].str.fullmatch(r"HLT_\d{4}").all()


def test_short_codes_stay_short_codes() -> None:
    rng = np.random.default_rng(0)
    codes = ["".join(rng.choice([*"ABCDEFGHKLMNPQ"], 3)) for _ in range(200)]
    frame = pd.DataFrame({"airport": ["FRA"] * 100 + codes})
    constraint = RareLabels("airport").fit(frame, Support(5))
    back = constraint.restore(constraint.apply(frame), rng)["airport"]
    assert back.str.fullmatch("[A-Z]{3}").all()


def test_a_label_counts_by_people() -> None:
    frame = pd.DataFrame({"drug": [*"aaaaa", *["X"] * 30]})
    people = np.array([0, 1, 2, 3, 4, *[9] * 30])
    assert RareLabels("drug").fit(frame, Support(5, people)).levels_ == ["a"]
    assert find_rare_labels(frame, Support(5, people)) == []  # one person has all the others


def test_rows_in_order_repeat_new_labels_as_often() -> None:
    rng = np.random.default_rng(0)
    drugs = np.repeat([f"w{a} {b}" for a in range(30) for b in "abcdefghij"], 4)
    frame = pd.DataFrame({"drug": ["aspirin"] * 300 + drugs.tolist()})
    people = np.concatenate([np.arange(300), 300 + np.arange(1200) // 12])
    constraint = RareLabels("drug", in_order=True).fit(frame, Support(5, people))
    assert constraint.repeated_ == pytest.approx(9 / 11, abs=0.01)
    back = constraint.restore(constraint.apply(frame), rng)["drug"][300:]
    assert (back == back.shift()).mean() == pytest.approx(9 / 11, abs=0.05)


def test_categories_and_conditions() -> None:
    frame = pd.DataFrame({"term": terms().astype("category")})
    constraint = RareLabels("term").fit(frame, Support(5))
    back = constraint.restore(constraint.apply(frame), np.random.default_rng(0))["term"]
    assert isinstance(back.dtype, pd.CategoricalDtype)
    known = pd.DataFrame({"term": ["RASH"]})
    rng = np.random.default_rng(0)
    assert constraint.translate(known, known.notna(), rng)[0]["term"].tolist() == ["RASH"]
    known = pd.DataFrame({"term": ["LEPROSY"]})
    with pytest.raises(DataError, match="level 'LEPROSY' is not known; known are"):
        constraint.translate(known, known.notna(), rng)
    assert find_rare_labels(frame, Support(5), condition_columns=["term"]) == []


def test_few_rare_labels_numbers_and_orders_are_left() -> None:
    few = pd.Series(["a"] * 300 + [f"w {x}" for x in "pqrstuv" * 3] + ["z"] * 100)
    ordered = pd.Series(terms().astype("category").cat.as_ordered())
    frame = pd.DataFrame({"few": few[:400], "ordered": ordered, "n": np.arange(400)})
    assert find_rare_labels(frame, Support(5)) == []
    with pytest.raises(DataError, match="'n' is of kind integer; RareLabels needs text"):
        RareLabels("n").fit(frame)
