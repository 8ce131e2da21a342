"""Labels that mostly follow from another column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.constraints import ConstraintSet, UsualLabel
from synthgan.constraints.usual_labels import find_usual_labels
from synthgan.exceptions import DataError, ParameterError
from synthgan.privacy import Support
from synthgan.synthesizers.table_parts import fit_constraints

LABELS = st.sampled_from(["a", "b", "(as usual)", None])


def leagues(n: int = 600, loyal: float = 0.95) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    team = rng.integers(0, 20, n)
    league = np.where(rng.random(n) < loyal, team % 2, 1 - team % 2)
    return pd.DataFrame({"team": [f"t{i}" for i in team], "league": np.array(["A", "N"])[league]})


@given(st.lists(st.tuples(LABELS, LABELS), min_size=2, max_size=30))
def test_round_trip(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pd.DataFrame({"of": [r[0] for r in rows], "own": [r[1] for r in rows]}, dtype=object)
    if frame.isna().all().any():
        return
    constraint = UsualLabel("own", "of").fit(frame)
    back = constraint.restore(constraint.apply(frame), np.random.default_rng(0))
    assert back.where(back.notna(), None).equals(frame)


def test_what_mostly_follows_is_found_and_marked() -> None:
    frame = leagues()
    constraints = ConstraintSet(min_support=5).fit(frame)
    assert [repr(c) for c in constraints.constraints_] == ["UsualLabel(column='league', of='team')"]
    marked = constraints.apply(frame)["league"]
    assert (marked == "(as usual)").mean() == pytest.approx(0.95, abs=0.02)
    assert ConstraintSet.from_dict(constraints.to_dict()).apply(frame)["league"].equals(marked)
    known = pd.DataFrame({"team": ["t3"], "league": ["N"]})
    of, mask = constraints.translate(known, known.notna(), np.random.default_rng(0))
    assert of["league"].tolist() == ["(as usual)"]
    assert mask["league"].all()


def test_ranked_rows_keep_their_labels() -> None:
    """Trees that draw the labels of few people's rows see more of them without the mark."""
    frame, people = leagues(3000), np.arange(3000)
    none = ConstraintSet(min_support=5).fit(frame, leave=(UsualLabel,))
    assert none.constraints_ == []
    few, many = Support(5, people % 1000), Support(5, people)
    assert fit_constraints("auto", frame, [], few, None, in_order=True).constraints_ == []
    assert len(fit_constraints("auto", frame, [], few, None).constraints_) == 1
    found = fit_constraints("auto", frame, [], many, None, in_order=True).constraints_
    assert len(found) == 1
    given = fit_constraints([UsualLabel("league", "team")], frame, [], few, None, in_order=True)
    assert len(given.constraints_) == 1


def test_what_follows_little_more_than_by_chance_is_left() -> None:
    assert find_usual_labels(leagues(loyal=0.7)) == []
    assert find_usual_labels(leagues(n=60, loyal=0.5)) == []


def test_usual_labels_of_few_people_are_not_stored() -> None:
    frame = pd.DataFrame({"ward": [*"aaaaa", *"bbbbb"], "floor": [*"11111", *"22222"]})
    people = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 5])
    constraint = UsualLabel("floor", "ward").fit(frame, Support(5, people))
    assert constraint.levels_ == ["a"]
    assert constraint.usual_ == ["1"]
    assert constraint.apply(frame)["floor"].tolist()[5:] == [*"22222"]


def test_a_mark_without_a_usual_label_gets_a_label() -> None:
    """A generator may mark a row whose level too few people shared; it has no gap for that."""
    frame = pd.DataFrame({"ward": [*"aaaaabbbbbccccc"], "floor": [*"111112222222222"]})
    constraint = UsualLabel("floor", "ward").fit(frame)
    made = pd.DataFrame({"ward": ["a", "z", None], "floor": ["(as usual)"] * 3})
    restored = constraint.restore(made, np.random.default_rng(0))
    assert restored["floor"].tolist() == ["1", "2", "2"]


def test_bad_columns() -> None:
    with pytest.raises(ParameterError, match="two different columns"):
        UsualLabel("team", "team").fit(leagues())
    with pytest.raises(DataError, match="'n' is of kind integer"):
        UsualLabel("n", "team").fit(leagues().assign(n=1))
