"""A person may have several rows: attacks count persons."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from synthgan import metrics
from synthgan.metrics import privacy
from synthgan.metrics.privacy.attacks import clustered_number, effective_number
from synthgan.metrics.privacy.predicates import Predicates
from synthgan.metrics.privacy.rows import draw_rows
from tests.metrics.test_privacy_attacks import clinic

pytestmark = pytest.mark.usefixtures("few_trees")

N_VISITS = 10
MEASURES = {name: getattr(privacy, name) for name in privacy.__all__}
MEASURES["singling_out_univariate"] = partial(privacy.singling_out, mode="univariate")

by_name = pytest.mark.parametrize("name", sorted(MEASURES))


def visits(n_people, seed, spread=0.3):
    """Several near-identical rows of each person, and whose they are."""
    rng = np.random.default_rng(seed)
    people = pd.DataFrame(rng.normal(size=(n_people, 5)), columns=list("abcde"))
    rows = people.loc[people.index.repeat(N_VISITS)].reset_index(drop=True)
    rows = 20 * rows + spread * rng.normal(size=rows.shape)
    names = np.repeat([f"person {seed}-{i}" for i in range(n_people)], N_VISITS)
    return rows, names


@pytest.fixture(scope="module")
def copied_people():
    """40 persons of 10 rows each; a third of the fakes are copies of all rows of 3 of them."""
    real, groups = visits(40, 0)
    holdout, holdout_groups = visits(40, 1)
    fresh = visits(6, 2)[0]
    fake = pd.concat([real[:30], fresh], ignore_index=True)
    return real, fake, holdout, groups, holdout_groups


def both(name, copied_people, **more):
    real, fake, holdout, groups, holdout_groups = copied_people
    run = partial(MEASURES[name], real, fake, holdout=holdout, random_state=0, **more)
    return run(), run(groups=groups, holdout_groups=holdout_groups)


def width(score):
    return score.interval[1] - score.interval[0]


@pytest.mark.parametrize("name", ["exact_copies", "near_copies"])
def test_copies_of_three_persons_are_three_events(name, copied_people):
    alone, by_person = both(name, copied_people)
    assert by_person.value == pytest.approx(alone.value)
    assert width(by_person) > 1.8 * width(alone)
    # What other draws of three persons of ten show: a share of a third is hardly known.
    assert by_person.interval[0] < 0.15


def test_a_person_is_singled_out_though_all_their_rows_match():
    """Predicates that hold for all visits of one person, as levels do, hold for ten rows."""
    n = 60

    def people(seed):
        rng = np.random.default_rng(seed)
        one = pd.DataFrame({name: rng.integers(0, 40, n).astype(str) for name in "abc"})
        return one, one.loc[one.index.repeat(N_VISITS)].reset_index(drop=True)

    (once, real), (_, holdout) = people(0), people(1)
    run = partial(privacy.singling_out, real, once, holdout=holdout, random_state=0)
    assert run().value == 0
    groups = np.repeat(np.arange(n), N_VISITS)
    score = run(groups=groups, holdout_groups=groups + n)
    assert score.value > 0.9
    assert score.interval[0] > 0.8


def test_the_ratio_is_to_another_person(copied_people):
    alone, by_person = both("neighbour_ratio", copied_people)
    assert alone.ceiling > 0.3
    assert alone.value == by_person.value == 0
    real, _, holdout, groups, holdout_groups = copied_people
    rng = np.random.default_rng(0)
    noisy = real[:30] + rng.normal(size=(30, 5))
    run = partial(privacy.neighbour_ratio, real, noisy, holdout=holdout)
    assert run().value > 0.5  # another visit of the person is as near
    assert run(groups=groups, holdout_groups=holdout_groups).value < 0.2


def test_members_are_judged_by_person(copied_people):
    real, fake, holdout, groups, holdout_groups = copied_people
    run = partial(privacy.membership_inference, real, fake, holdout=holdout, random_state=0)
    alone, by_person = run(), run(groups=groups, holdout_groups=holdout_groups)
    assert by_person.detail.loc["both", "n_attacks"] == 80
    assert alone.detail.loc["both", "n_attacks"] == 800
    assert width(by_person) > 2 * width(alone)
    # Ten rows of an innocent holdout person, who is in the reference: alone they look dense there.
    fresh = visits(40, 3)[0]
    safe = privacy.membership_inference(
        real, fresh, holdout=holdout, random_state=0, groups=groups, holdout_groups=holdout_groups
    )
    assert safe.interval[0] < 0.5 < safe.interval[1]


def test_intervals_of_persons_hold_the_truth():
    """Three of ten persons are copied with all their rows: of a draw of 40 more, or fewer."""
    missed = {"alone": 0, "by person": 0}
    real, groups = visits(40, 0)
    fresh = visits(40, 1)[0]
    for seed in range(100):
        copied = np.repeat(np.random.default_rng(seed).random(40) < 0.3, N_VISITS)
        fake = pd.DataFrame(np.where(copied[:, None], real, fresh), columns=real.columns)
        for key, known in (("alone", None), ("by person", groups)):
            low, high = privacy.exact_copies(real, fake, groups=known).interval
            missed[key] += not low <= 0.3 <= high
    assert missed["by person"] <= 15
    assert missed["alone"] >= 40


@pytest.mark.parametrize("name", ["linkability", "attribute_inference"])
def test_targets_of_one_person_fall_together(name, copied_people):
    alone, by_person = both(name, copied_people)
    for arm in ("main", "control", "baseline"):
        spans = [score.detail.loc[arm, "high"] - score.detail.loc[arm, "low"]
                 for score in (alone, by_person)]  # fmt: skip
        assert spans[1] > 1.5 * spans[0]
        assert by_person.detail.loc[arm, "n_attacks"] == 400


@by_name
def test_every_row_a_person_is_the_same_as_no_groups(name):
    real, holdout, fake = (clinic(60, seed) for seed in range(3))
    run = partial(MEASURES[name], real, fake, holdout=holdout, random_state=0)
    ours = run(groups=np.arange(60), holdout_groups=[f"h{i}" for i in range(60)])
    assert ours.to_dict() == run(groups=[None] * 60).to_dict() == run().to_dict()


@by_name
def test_who_is_in_both_sets_is_no_control(name, copied_people):
    real, fake, holdout, groups, holdout_groups = copied_people
    mixed = np.r_[groups[:20], holdout_groups[20:]]
    score = MEASURES[name](
        real, fake, holdout=pd.concat([real[:20], holdout[20:]]), random_state=0,
        groups=groups, holdout_groups=mixed,
    )  # fmt: skip
    assert "Left out: 20 of 400 holdout rows, of persons who also have real" in score.note
    nobody = MEASURES[name](
        real, fake, holdout=real, random_state=0, groups=groups, holdout_groups=groups
    )
    assert "Without a holdout the value cannot be judged." in nobody.note
    assert nobody.ceiling is None


def test_persons_are_drawn_whole_and_as_many_of_each():
    real, groups = visits(30, 0)
    holdout, others = visits(12, 1)
    most = {"real": 10_000, "fake": 10_000, "holdout": 50}
    rows = draw_rows(
        np.random.default_rng(0), most, ("real", "holdout"), groups, others,
        real=real, fake=real, holdout=holdout,
    )  # fmt: skip
    counts = {name: np.unique(x, return_counts=True)[1] for name, x in rows.people.items()}
    assert counts["real"].tolist() == [N_VISITS] * 12
    assert counts["holdout"].tolist() == [N_VISITS] * 5
    assert len(rows.tables["fake"]) == 300
    starts = np.flatnonzero(np.diff(rows.people["real"])) + 1
    assert len(starts) == 11  # those of one stand together


def test_whom_alone_a_predicate_holds_for():
    ranks = np.array([[1], [1], [2], [2], [3], [1]], dtype=np.int32)
    people = np.array([4, 4, 7, 8, 9, 4])
    ends = np.array([[1], [2], [3], [5]])
    predicates = Predicates(np.zeros((4, 1), dtype=int), ends, ends)
    assert predicates.singled_out(ranks, people).tolist() == [4, -1, 9, -1]
    assert predicates.singled_out(ranks).tolist() == [-1, -1, 4, -1]


def test_one_person_across_the_stages_of_a_large_table():
    ranks = np.ones((12_500, 1), dtype=np.int32)
    ranks[[3, 5000, 12_400]] = 2
    ends = np.array([[2]])
    predicates = Predicates(np.zeros((1, 1), dtype=int), ends, ends)
    people = np.arange(12_500)
    assert predicates.singled_out(ranks, people).tolist() == [-1]
    people[[5000, 12_400]] = 3
    assert predicates.singled_out(ranks, people).tolist() == [3]


def test_dependent_hits_widen_the_interval():
    hits = np.array([True] * 30 + [False] * 370)
    apart = np.arange(400)
    assert clustered_number(hits, apart) == pytest.approx(400)
    together = np.r_[np.repeat([0, 1, 2], 10), np.arange(30, 400)]
    assert clustered_number(hits, together) == pytest.approx(400 / 9.3, rel=0.02)
    for none in (np.zeros(400, bool), np.ones(400, bool)):
        assert clustered_number(none, together) == effective_number(together)
    assert math.isclose(clustered_number(hits[:0], apart[:0]), 0)


def test_classifiers_recognise_no_person():
    """Fresh persons: who has seen some visits of a person knows the others to be real."""
    (real, groups), (fake, _) = visits(40, 0, 0.05), visits(40, 7, 0.05)
    alone = metrics.c2st(real, fake, random_state=0).value
    rows = fake.sample(frac=1, random_state=0).reset_index(drop=True)
    by_person = metrics.c2st(real, rows[::10], random_state=0, groups=groups)
    assert alone > 0.95
    one_each = metrics.c2st(real, visits(400, 8)[0][::10], random_state=0, groups=groups)
    assert one_each.value < 0.75
    assert 0 <= by_person.value <= 1
    again = metrics.c2st(real, real, random_state=0, groups=groups)
    assert again.value == pytest.approx(0.5, abs=0.02)
