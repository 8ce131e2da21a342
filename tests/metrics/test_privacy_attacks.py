"""What attacks share, and each attack by what was planted."""

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.exceptions import ParameterError
from synthgan.metrics.privacy import attribute_inference, linkability, singling_out
from synthgan.metrics.privacy.attacks import Arm, attack_score, effective_number, risk
from synthgan.metrics.privacy.attacks import wilson_interval as wilson
from synthgan.metrics.privacy.density import tree_ratios
from synthgan.metrics.privacy.membership import membership_inference


def clinic(n, seed):
    """Independent patients of one population."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "age": np.clip(50 + 15 * x, 18, 95).round(1),
            "weight": (75 + 8 * x + 8 * rng.normal(size=n)).round(1),
            "pulse": np.where(rng.random(n) < 0.05, np.nan, rng.normal(70, 9, n).round(1)),
            "dose": rng.gamma(2, 20, n).round(1),
            "ward": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "ill": x + rng.normal(size=n) > 0.5,
        }
    )


# --- rates, intervals, risk


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilson_holds_the_share_and_solves_its_equation(n, share):
    k = round(share * n)
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    z = NormalDist().inv_cdf(0.975)
    for end in (low, high):
        if 0 < end < 1:
            assert (k / n - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n, abs=1e-9)
    assert wilson(n - k, n) == pytest.approx((1 - high, 1 - low))


def test_nothing_is_known_of_no_attack():
    assert np.isnan(wilson(0, 0)).all()
    assert math.isnan(Arm().rate)
    assert math.isnan(risk(Arm(), Arm(1, 2))[0])


@given(st.integers(1, 3000), st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1))
def test_risk_lies_in_its_interval_in_0_to_1(n, m, main, control):
    value, (low, high) = risk(Arm(round(main * n), n), Arm(round(control * m), m))
    assert 0 <= low <= value + 1e-12
    assert value <= high + 1e-12
    assert high <= 1


def test_risk_by_hand():
    value, interval = risk(Arm(600, 1000), Arm(200, 1000))
    assert value == pytest.approx(0.5)
    assert interval == pytest.approx((0.456, 0.540), abs=0.003)
    assert risk(Arm(100, 1000), Arm(200, 1000))[0] == 0
    assert risk(Arm(10, 10), Arm(10, 10)) == (0.0, (0.0, 1.0))
    assert risk(Arm(1000, 1000), Arm(0, 1000))[1][0] > 0.99


@pytest.mark.parametrize(("main", "control"), [(0.5, 0.5), (0.93, 0.93), (0.6, 0.5), (0.2, 0.1)])
def test_intervals_of_the_risk_cover_it(main, control):
    rng = np.random.default_rng(0)
    true = (main - control) / (1 - control)
    n = 300
    missed = np.zeros(2)
    for _ in range(2000):
        low, high = risk(Arm(rng.binomial(n, main), n), Arm(rng.binomial(n, control), n))[1]
        missed += low > true, high < true
    assert (missed / 2000 < 0.037).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_effective_number_is_between_groups_and_items(groups):
    groups = np.array(groups)
    n = effective_number(groups)
    assert 1 - 1e-9 <= n <= len(np.unique(groups)) + 1e-9
    assert effective_number(np.arange(len(groups))) == pytest.approx(len(groups))


def test_verdicts_in_words():
    arms = {"main": Arm(5, 100), "control": Arm(4, 100), "baseline": Arm(5, 100)}
    score = attack_score("x", arms, [])
    assert score.note == "The attack is no better than guessing, so it gives no evidence."
    assert list(score.detail.loc["main"]) == [0.05, *wilson(5, 100), 100]
    better = attack_score("x", arms | {"main": Arm(90, 100)}, ["Something.", ""])
    assert better.note == "Something."
    blind = attack_score("x", arms | {"main": Arm(90, 100), "control": Arm()}, [])
    assert math.isnan(blind.value)
    assert blind.interval is None
    assert blind.note == "Without a holdout the value cannot be judged."
    assert blind.detail.loc["main", "rate"] == 0.9


# --- singling out


def test_one_copied_rare_patient_is_named():
    real, holdout, fake = (clinic(600, seed) for seed in range(3))
    rare = {"age": 104.0, "weight": 171.3, "pulse": 141.0, "dose": 399.0, "ward": "isolation"}
    real.loc[137, list(rare)] = list(rare.values())
    safe = singling_out(real, fake, holdout=holdout, mode="univariate", random_state=0)
    assert safe.interval[0] == 0
    assert "Real row" not in safe.note
    copied = pd.concat([fake, real.loc[[137]]], ignore_index=True)
    score = singling_out(real, copied, holdout=holdout, mode="univariate", random_state=0)
    assert "Real row 137 is singled out in 5 columns by one synthetic row" in score.note
    assert score.detail.loc["main, extremes", "rate"] >= 3 / 9
    assert score.detail.loc["control, extremes", "rate"] <= 2 / 9
    turned = real.iloc[::-1].reset_index(drop=True)
    score = singling_out(turned, copied, holdout=holdout, mode="univariate", random_state=0)
    assert "Real row 462 is singled out" in score.note


def test_univariate_predicates_by_hand():
    real = pd.DataFrame({"x": [*range(20), 99], "s": [*"ab" * 10, "z"]})
    # one fake: least and greatest are the same value, and both singled out
    fake = pd.DataFrame({"x": [99], "s": ["z"]})
    score = singling_out(real, fake, holdout=real[:-1], mode="univariate", random_state=0)
    # at most 99, at least 99, equal to 99, s is z; the holdout is cut to 20 rows, as is real
    assert score.detail.loc["main", "n_attacks"] == 4
    assert score.detail.loc["control", "rate"] == 0
    # x at most 99 holds for all
    assert score.detail.loc["main", "rate"] in (0, 0.75)
    blind = singling_out(real, fake, mode="univariate", random_state=0)
    assert blind.detail.loc["main", "rate"] == 0.75


def test_a_gap_that_one_row_alone_has():
    real = pd.DataFrame({"x": [*np.arange(30.0), np.nan]})
    score = singling_out(real, real, mode="univariate", random_state=0, n_attacks=3)
    assert score.detail.loc["main, extremes"].tolist()[:1] == [1.0]
    assert score.detail.loc["main, extremes", "n_attacks"] == 3


def test_columns_of_a_conjunction():
    real, holdout = clinic(300, 0), clinic(300, 1)
    for n_columns in (1, 2, 6):
        score = singling_out(
            real, real, holdout=holdout, n_columns=n_columns, n_attacks=50, random_state=0
        )
        assert score.detail.loc["main", "rate"] == 1
    # nothing is said of rows that are all the same
    flat = pd.DataFrame({"s": ["a"] * 50, "t": ["b"] * 50})
    score = singling_out(flat, flat, holdout=flat, random_state=0)
    assert math.isnan(score.value)
    assert "None of the predicates tried singles out a synthetic row" in score.note


# --- linkability


def test_halves_of_a_copy_are_linked_and_those_of_others_are_not():
    real, holdout, fake = (clinic(500, seed) for seed in range(3))
    places = (["age", "weight"], ["pulse", "dose", "ward"])
    leak = linkability(real, real, holdout=holdout, columns=places, random_state=0)
    assert leak.value > 0.9
    safe = linkability(real, fake, holdout=holdout, columns=places, random_state=0)
    assert safe.interval[0] == 0
    assert safe.note.endswith("The attack is no better than guessing, so it gives no evidence.")
    # columns that say the same link without any leak: the control sees it
    twice = [frame.assign(again=frame["weight"], too=frame["age"]) for frame in (real, holdout)]
    both = fake.assign(again=fake["weight"], too=fake["age"])
    known = linkability(
        twice[0], both, holdout=twice[1], columns=(["age", "weight"], ["again", "too"])
    )
    assert known.detail.loc["main", "rate"] > 0.95
    assert known.interval[0] == 0


def test_rate_of_links_by_chance():
    real, fake = clinic(50, 0), clinic(40, 1)
    for k in (1, 3, 40):
        score = linkability(real, fake, n_neighbors=k, random_state=0)
        rng = np.random.default_rng(0)
        drawn = [
            len(set(rng.choice(40, k, False)) & set(rng.choice(40, k, False))) > 0
            for _ in range(3000)
        ]
        rate = score.detail.loc["baseline", "rate"]
        assert rate == pytest.approx(np.mean(drawn), abs=0.025)
    assert score.detail.loc["main", "rate"] == 1


# --- inference


def infer(real, fake, column, **more):
    return attribute_inference(real, fake, random_state=0, **{"secret": column, **more})


def test_what_all_have_in_common_is_no_leak():
    rng = np.random.default_rng(0)

    def people(n):
        x = rng.normal(size=n)
        return pd.DataFrame({"x": x, "y": 2 * x, "noise": rng.normal(size=n)})

    real, fake, holdout = people(400), people(400), people(400)
    score = infer(real, fake, "y", holdout=holdout)
    assert score.detail.loc["main", "rate"] > 0.8
    assert score.detail.loc["baseline", "rate"] < 0.3
    assert score.interval[0] == 0
    assert score.note == ""
    assert score.name == "attribute inference of y"
    noise = infer(real, fake, "noise", holdout=holdout)
    assert noise.note == "The attack is no better than guessing, so it gives no evidence."
    leak = attribute_inference(real, real, holdout=holdout, target="noise", random_state=0)
    assert leak.value > 0.99


def test_every_column_in_turn():
    real, holdout = clinic(300, 0), clinic(300, 1)
    score = attribute_inference(real, real, holdout=holdout, random_state=0)
    parts = score.detail.loc[score.detail.index.str.startswith("risk of ")]
    assert sorted(parts.index) == [f"risk of {name}" for name in sorted(real.columns)]
    assert parts["rate"].is_monotonic_decreasing
    assert (parts["low"] > 0.5).all()
    alone = infer(real, real, "ward", holdout=holdout)
    assert parts.loc["risk of ward", "rate"] == pytest.approx(alone.value)


def test_how_wrong_a_guess_may_be():
    real = pd.DataFrame({"key": np.arange(200.0), "y": np.arange(200.0)})
    fake = real.assign(y=real["y"] + 10)
    for tolerance, rate in ((0.06, 1), (0.04, 0)):
        score = infer(real, fake, "y", tolerance=tolerance)
        assert score.detail.loc["main", "rate"] == rate


def test_wide_tables_have_some_of_their_columns_as_secrets():
    real = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 40)))
    score = attribute_inference(real, real, holdout=real, random_state=0)
    assert "30 of 40 columns as secrets" in score.note
    assert len(score.detail) == 3 + 30


# --- membership


def test_near_copies_reveal_members_that_plain_distance_misses():
    """Real rows in a dense and a sparse region; the fakes lie round the real rows."""
    rng = np.random.default_rng(0)

    def people(n):
        spread = np.where(rng.random(n) < 0.5, 0.05, 1.0)
        return pd.DataFrame({name: spread * rng.normal(size=n) for name in "abcd"})

    real, holdout = people(800), people(800)
    noise = 0.2 * rng.normal(size=real.shape) * real.abs().max(axis=1).to_numpy()[:, None]
    score = membership_inference(real, real + noise, holdout=holdout, random_state=0)
    assert score.interval[0] > 0.5
    assert score.value > score.detail.loc["distance", "value"] + 0.05
    assert score.detail.loc["naive", "value"] == 0.5


def test_too_few_members_to_decide():
    real = clinic(5, 0)
    assert "Without a holdout" in membership_inference(real, real).note
    score = membership_inference(real, real, holdout=real[:1])
    assert math.isnan(score.value)
    assert "A holdout of one person" in score.note


@pytest.mark.parametrize("n", [2, 4])
def test_trees_distinguish_few_points(n):
    near, far = np.arange(n)[:, None] / n, 5 + np.arange(n)[:, None] / n
    ratios = tree_ratios(np.array([[0.4], [5.4]]), near, far)
    assert ratios[0] > 1 > -1 > ratios[1]


# --- parameters


@pytest.mark.parametrize(
    ("attack", "parameters", "message"),
    [
        (singling_out, {"mode": "both"}, r"mode='both' is not allowed; give one of"),
        (singling_out, {"n_attacks": 0}, r"n_attacks=0 is not allowed"),
        (
            singling_out,
            {"n_columns": 7},
            r"n_columns=7 is not allowed; .* 1 to 6, the number of columns",
        ),
        (
            linkability,
            {"n_neighbors": 41},
            r"n_neighbors=41 is not allowed; .* 1 to 40, the number of synthetic",
        ),
        (linkability, {"n_neighbors": True}, r"n_neighbors=True is not allowed"),
        (linkability, {"columns": ("age", "ward")}, r"columns=.* is not allowed; give two lists"),
        (linkability, {"columns": (["age"], ["age"])}, r"columns=.* none in both"),
        (linkability, {"columns": (["age"], ["none"])}, r"columns=.* is not allowed"),
        (linkability, {"columns": (["age"], [])}, r"columns=.* is not allowed"),
        (linkability, {"columns": 3}, r"columns=3 is not allowed"),
        (attribute_inference, {"secret": "none"}, r"secret='none' is not allowed; name a column"),
        (attribute_inference, {"target": "none"}, r"target='none' is not allowed; name a column"),
        (attribute_inference, {"tolerance": -0.1}, r"tolerance=-0.1 is not allowed"),
        (attribute_inference, {"n_attacks": 1.5}, r"n_attacks=1.5 is not allowed"),
    ],
)
def test_bad_parameters(attack, parameters, message):
    with pytest.raises(ParameterError, match=message):
        attack(clinic(60, 0), clinic(40, 1), **parameters)
