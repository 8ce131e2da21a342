"""Levels, verdict, and the words of a report for what gives records away and for privacy."""

import numpy as np
import pandas as pd
import pytest

from synthgan.metrics import Score
from synthgan.report.giveaways import count_found, describe_giveaways, worst_pairs
from synthgan.report.levels import (
    level_of_fidelity,
    level_of_privacy,
    level_of_usefulness,
    verdict,
)
from synthgan.report.privacy_words import ask
from synthgan.report.table_pictures import least_similar


def score(value, *, detail=None, interval=None, ceiling=None, floor=None, name="a", note=""):
    detail = pd.DataFrame({"value": []}) if detail is None else detail
    return Score(name, value, True, detail, interval, ceiling, floor, note)


@pytest.mark.parametrize(
    ("value", "ceiling", "level"),
    [
        (0.53, 0.5, "good"),
        (0.6, 0.58, "good"),  # other real records do no better
        (0.6, 0.4, "fair"),  # a ceiling below chance counts as chance
        (0.6, None, "fair"),
        (0.7, 0.5, "poor"),
        (np.nan, 0.5, "unknown"),
    ],
)
def test_level_of_fidelity(value, ceiling, level):
    assert level_of_fidelity(score(value, ceiling=ceiling)) == level


@pytest.mark.parametrize(
    ("name", "value", "ceiling", "level"),
    [
        ("tstr (AUC)", 0.79, 0.8, "good"),
        ("tstr (AUC)", 0.75, 0.8, "fair"),
        ("tstr (AUC)", 0.6, 0.8, "poor"),
        ("tstr (AUC)", 0.57, 0.58, "unknown"),  # real records do not teach the target
        ("tstr (R2)", 0.58, 0.6, "good"),
        ("global utility", 0.9, 1.0, "fair"),
        ("global utility", np.nan, 1.0, "unknown"),
    ],
)
def test_level_of_usefulness(name, value, ceiling, level):
    assert level_of_usefulness(score(value, ceiling=ceiling, name=name)) == level


@pytest.mark.parametrize(
    ("figure", "auc", "level"),
    [
        ("no leak found", 0.5, "good"),
        ("possible leak", 0.54, "fair"),
        ("0.58 AUC", 0.58, "fair"),
        ("0.80 AUC", 0.8, "poor"),
        ("12.0% risk", 0.5, "poor"),
        ("too few records to tell", 0.7, "unknown"),
        ("no verdict", None, "unknown"),
    ],
)
def test_level_of_privacy(figure, auc, level):
    member = None if auc is None else score(auc)
    assert level_of_privacy(figure, member) == level


def test_the_verdict_has_a_sentence_for_each_finding():
    text = verdict({"Faithful?": "poor", "Useful?": "good", "Private?": "fair"})
    assert text.count(". ") == 2
    assert "easy to tell" in text
    assert "A leak is possible" in text


def test_what_gives_a_table_away():
    columns = pd.Index(["age", "bmi", "sex", "ward"], name="column")
    importance = pd.DataFrame({"value": [0.002, 0.2, 0.1, 0.0]}, columns)
    shapes = pd.DataFrame({"measure": "1 - KS", "value": [0.99, 0.7, np.nan, 0.95]}, columns)
    pairs = pd.DataFrame({"first": ["age", "age"], "second": ["sex", "bmi"], "value": [0.9, 0.4]})
    scores = {
        "c2st": score(0.8, detail=importance, ceiling=0.5, floor=0.9),
        "column_shapes": score(0.9, detail=shapes, ceiling=0.98),
        "pair_trends": score(0.9, detail=pairs),
    }
    assert describe_giveaways(scores) == [
        "The classifier relies most on bmi and sex.",
        "The distribution that differs most is that of bmi (similarity 0.700; the mean of other "
        "real records is 0.980).",
        "The pair that differs most is age with bmi (similarity 0.400).",
    ]
    assert [bar["shown"] for bar in count_found(scores, "shuffled")] == [50, 50, 80, 90]
    assert describe_giveaways({}) == []
    assert count_found({}, "shuffled") == []


def test_pairs_are_sorted_and_real_coefficients_can_be_left_out():
    detail = pd.DataFrame(
        {"first": list("abc"), "second": list("bca"), "measure": "Spearman's rho",
         "real": [0.1, 0.2, 0.3], "fake": [0.1, 0.9, np.nan], "value": [0.0, 0.7, np.nan]}
    )  # fmt: skip
    scores = {"correlations": score(0.3, detail=detail)}
    shown = worst_pairs(scores, True)
    assert [pair["name"] for pair in shown] == ["b and c", "a and b"]
    assert shown[0]["real"] == "0.20"
    assert {pair["real"] for pair in worst_pairs(scores, False)} == {""}
    assert worst_pairs({}, True) == []


def test_questions_about_privacy():
    arms = pd.DataFrame({"rate": [0.3, 0.1, 0.0]}, index=["main", "control", "baseline"])
    asked = ask(
        {
            "membership_inference": score(0.7, interval=(0.65, 0.75), ceiling=0.5),
            "exact_copies": score(0.02, interval=(0.01, 0.03), ceiling=0.0),
            "singling_out": score(0.2, detail=arms, interval=(0.1, 0.3)),
            "closest_record": score(0.5, interval=(0.45, 0.55), ceiling=0.5),
            "linkability": score(np.nan, note="No pairs of columns."),
        }
    )
    answers = {one["question"].split()[1]: one["answer"] for one in asked}
    assert len(asked) == 5
    member = next(one for one in asked if "who was in" in one["question"])
    assert member["answer"].startswith("Yes. Shown one training record")
    assert "in 70 of 100 cases (95 % interval 65 to 75)" in member["answer"]
    assert member["track"]["chance"] < member["track"]["low"] < member["track"]["value"]
    text = " ".join(one["answer"] for one in asked)
    assert "30.0 % of the training records and on 10.0 % of other real records" in text
    assert "No: 50.0 % of the synthetic records are" in text
    assert "No verdict. No pairs of columns." in text
    assert answers["two"].startswith("No verdict.")


def test_the_worst_columns_come_first():
    values = {"a": 0.9, "b": np.nan, "c": 0.2}
    assert least_similar(values) == ["c", "a", "b"]
