"""Whose the records are."""

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import DataError
from synthgan.metrics.people import code_people, first_of_each, known_people

SIZES = {"real": 4, "fake": 3, "holdout": 3}


def test_a_person_has_one_number_in_all_sets():
    people = code_people(SIZES, ["a", "b", "a", "c"], ["c", "d", "d"])
    assert people["real"][0] == people["real"][2] != people["real"][1]
    assert people["holdout"][0] == people["real"][3]
    assert people["holdout"][1] == people["holdout"][2]
    assert known_people(people).tolist() == [True, False, False]
    assert len(np.unique(people["fake"])) == 3
    assert not np.isin(people["fake"], [*people["real"], *people["holdout"]]).any()


@pytest.mark.parametrize(
    "groups",
    [
        ["a", None, "a", None],
        pd.Series(["a", None, "a", None], dtype="category", index=[9, 8, 7, 6]),
        np.array([1.0, np.nan, 1.0, np.nan]),
        pd.array([1, pd.NA, 1, pd.NA], dtype="Int64"),
    ],
)
def test_who_is_missing_is_a_person_of_its_own(groups):
    people = code_people(SIZES, groups)
    assert len(np.unique(people["real"])) == 3
    assert len(np.unique(np.concatenate(list(people.values())))) == 3 + 3 + 3


def test_nobody_is_known():
    people = code_people(SIZES)
    assert len(np.unique(np.concatenate(list(people.values())))) == 10


@pytest.mark.parametrize("groups", ["abcd", ["a", "b"], np.zeros((4, 2)), 3])
def test_one_entry_for_each_record(groups):
    with pytest.raises(DataError, match=r"groups has the shape .* each of the 4 real records"):
        code_people(SIZES, groups)
    with pytest.raises(DataError, match="holdout_groups has the shape"):
        code_people({**SIZES, "holdout": 4}, None, groups)


def test_records_of_a_person_stand_together():
    people = np.array([5, 2, 5, 9, 2])
    order, starts = first_of_each(people)
    assert people[order].tolist() == [2, 2, 5, 5, 9]
    assert starts.tolist() == [0, 2, 4]
    assert len(first_of_each(people[:0])[1]) == 0
