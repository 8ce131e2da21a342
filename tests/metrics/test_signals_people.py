"""Detection among new people and re-identification, by what was planted."""

import re
from functools import partial

import numpy as np
import pytest

from synthgan import evaluate
from synthgan.datasets import make_ecg
from synthgan.exceptions import DataError, ParameterError
from synthgan.metrics import signals
from synthgan.metrics.signals.convolutions import ConvolutionSpace, convolution_features
from synthgan.report.summary import summarise

pytestmark = pytest.mark.usefixtures("few_trees")

FS_HZ, N_PEOPLE, N_EACH = 100.0, 24, 4
detect = partial(signals.new_people_detection, fs_hz=FS_HZ, random_state=0)
identify = partial(signals.signal_reidentification, fs_hz=FS_HZ, random_state=0)


def recordings(n_people, n_windows, seed):
    """Windows of 1.5 s of several people, and whose they are."""
    whole = make_ecg(n_people, n_samples=150 * n_windows, fs_hz=FS_HZ, random_state=seed)
    return whole.reshape(-1, 150), np.repeat(np.arange(n_people) + 1000 * seed, n_windows)


@pytest.fixture(scope="module")
def sets():
    """Learnt windows, others of the same people, those of other people, and whose they are."""
    windows, people = recordings(N_PEOPLE, 2 * N_EACH, 0)
    others = recordings(N_PEOPLE, N_EACH, 1)
    return (windows[::2], people[::2]), (windows[1::2], people[1::2]), others


@pytest.fixture(scope="module")
def new_people():
    return make_ecg(N_PEOPLE * N_EACH, n_samples=150, fs_hz=FS_HZ, random_state=2)


@pytest.fixture(scope="module")
def of_new_people(sets, new_people):
    (train, learnt), (hold, people), _ = sets
    return detect(hold, new_people, groups=people, holdout=train, holdout_groups=learnt)


def test_new_people_are_not_detected(of_new_people):
    assert list(of_new_people.detail.index) == ["window features", "random convolutions"]
    assert 0.35 < of_new_people.value < 0.65
    assert of_new_people.interval[0] < 0.5 < of_new_people.interval[1]
    # Other windows of the same people are like them, where the classifier knows neither.
    assert (of_new_people.detail["ceiling"] - 0.5).abs().max() < 0.15
    assert of_new_people.floor > 0.8


def test_the_value_is_the_one_farther_from_a_half(of_new_people):
    values = of_new_people.detail["value"]
    farther = (values - 0.5).abs().idxmax()
    assert of_new_people.value == values[farther]
    assert of_new_people.ceiling == of_new_people.detail.loc[farther, "ceiling"]
    assert f"The value is that of {farther}." in of_new_people.note


def test_people_who_were_learnt_are_below_a_half(sets, of_new_people):
    (train, _), (hold, people), _ = sets
    score = detect(hold, train, groups=people)
    assert score.value < 0.25
    assert score.interval[1] < 0.5
    # So are holdout windows in place of the synthetic ones.
    copies = of_new_people.detail["same people"]
    assert copies.to_numpy() == pytest.approx(score.detail["value"].to_numpy(), abs=0.05)
    assert score.ceiling is None


def test_what_no_heart_does_is_above_a_half(sets, new_people):
    _, (hold, people), _ = sets
    noisy = new_people + 0.1 * np.random.default_rng(0).normal(size=new_people.shape)
    score = detect(hold, noisy, groups=people)
    assert score.value > 0.95
    assert score.interval[0] > 0.8


def test_leads_of_different_hearts_are_seen():
    leads = {"leads": ["i", "ii"], "n_samples": 150, "fs_hz": FS_HZ}
    real, fake = (make_ecg(60, **leads, random_state=seed) for seed in (0, 1))
    people = np.arange(60) // 2
    fair = detect(real, fake, groups=people).detail["value"]
    mixed = detect(real, np.stack([fake[:, 0], fake[::-1, 1]], axis=1), groups=people)
    assert mixed.detail["value"]["random convolutions"] > fair["random convolutions"] + 0.15


def test_order_and_seed(sets, new_people, of_new_people):
    _, (hold, people), _ = sets
    turn = np.random.default_rng(3).permutation(len(hold))
    mixed = detect(hold[turn], new_people[::-1], groups=people[turn].astype(str))
    assert mixed.value == pytest.approx(of_new_people.value, abs=1e-6)
    other = detect(hold, new_people, groups=people, random_state=1)
    assert other.value != of_new_people.value
    assert other.value == pytest.approx(of_new_people.value, abs=0.12)


def test_unknown_and_single_people_are_not_judged(sets, new_people):
    _, (hold, people), _ = sets
    nobody = detect(hold, new_people)
    assert np.isnan(nobody.value)
    assert nobody.note.startswith("Not measured: the persons of the real windows")
    one = detect(hold, new_people, groups=["a"] * len(hold))
    assert np.isnan(one.value)
    assert "belong to a single person" in one.note
    # Trees cannot divide so few windows; random convolutions are judged alone.
    few = detect(hold[:16], new_people[:16], groups=people[:16])
    assert np.isnan(few.detail.loc["window features", "value"])
    assert np.isfinite(few.value)


def test_windows_with_gaps_are_left_out_with_their_people(sets, new_people):
    _, (hold, people), _ = sets
    gaps = hold[:60].copy()
    gaps[7, 3] = np.nan
    score = detect(gaps, new_people[:59], groups=people[:60])
    assert "Left out: 1 of 60 real windows with missing samples." in score.note
    whole = np.delete(np.arange(60), 7)
    expected = detect(hold[whole], new_people[:59], groups=people[whole])
    assert score.value == pytest.approx(expected.value, abs=1e-6)


def test_bad_input(sets, new_people):
    _, (hold, people), _ = sets
    with pytest.raises(DataError, match=r"groups has the shape \(3,\)"):
        detect(hold, new_people, groups=people[:3])
    with pytest.raises(DataError, match="holdout_groups has the shape"):
        detect(hold, new_people, groups=people, holdout=hold, holdout_groups=people[:3])
    with pytest.raises(ParameterError, match="fs_hz=0 is not allowed"):
        detect(hold, new_people, groups=people, fs_hz=0)
    with pytest.raises(DataError, match=r"windows of 30 samples at 100 Hz last 0\.3 s"):
        detect(hold[:, :30], new_people[:, :30], groups=people)
    with pytest.raises(DataError, match="the fake windows have"):
        detect(hold, new_people[:, :100], groups=people)


@pytest.mark.parametrize("n_samples", [8, 9, 50])
@pytest.mark.parametrize("n_leads", [1, 3])
def test_convolutions(n_samples, n_leads):
    windows = np.random.default_rng(0).normal(size=(7, n_leads, n_samples))
    features = convolution_features(windows)
    assert features.shape == (7, 800 + 5 * n_leads)
    of_kernels = features[:, :800].reshape(7, 40, 2, 10)
    assert ((of_kernels[:, :, 0] >= 0) & (of_kernels[:, :, 0] <= 1)).all()
    # What is positive nowhere has no positive maximum, and the other way round.
    assert ((of_kernels[:, :, 0] == 0) == (of_kernels[:, :, 1] <= 0)).all()
    # Kernels see windows of any height; the statistics do not.
    scaled = convolution_features(3 * windows + 1)
    np.testing.assert_allclose(scaled[:, :800], features[:, :800], atol=1e-4)
    np.testing.assert_allclose(scaled[:, 800], 3 * features[:, 800] + 1)
    alone = convolution_features(windows[2:3])
    np.testing.assert_allclose(alone[0], features[2], atol=1e-4)
    flat = ConvolutionSpace(np.zeros((3, n_leads, n_samples))).points(windows)
    assert np.isfinite(flat).all()


def test_reidentification_lies_between_other_and_the_same_people(sets, new_people):
    (train, learnt), (hold, people), (others, whose) = sets
    known = {"groups": learnt, "holdout": np.concatenate([hold, others]),
             "holdout_groups": np.r_[people, whose]}  # fmt: skip
    free = identify(train, new_people, **known)
    assert free.interval[0] <= free.ceiling
    assert free.ceiling == pytest.approx(0.05, abs=0.02)
    assert free.floor > max(0.25, 2 * free.value)
    assert free.floor == free.detail.loc["same person", "value"]
    leaked = identify(train, hold, **known)
    assert leaked.value == pytest.approx(free.floor, abs=0.1)
    assert leaked.interval[0] > leaked.detail.loc["holdout", "high"]


def test_people_who_are_all_known_are_their_own_control(sets, new_people):
    (train, learnt), (hold, people), _ = sets
    known = {"groups": learnt, "holdout": hold, "holdout_groups": people}
    free, leaked = (identify(train, fake, **known) for fake in (new_people, 1.1 * train))
    assert free.ceiling == pytest.approx(0.05, abs=0.02)
    assert "the control is records of training persons, each compared with other" in free.note
    assert free.value < 0.2
    assert leaked.value > 0.6
    assert leaked.interval[0] > leaked.detail.loc["holdout", "high"]
    # Without other people there is no membership inference, but this leak is told.
    told = [summarise({"privacy": {"signal_reidentification": x}}, "")[0] for x in (free, leaked)]
    assert [finding.figure for finding in told] == ["no verdict", "possible leak"]
    assert re.search(r"\d+ % of the synthetic records point to one training .*chance is 5 %; \d+ %",
                     told[1].meaning)  # fmt: skip
    pair = np.isin(learnt, [0, 1])
    two = identify(train[pair], new_people, groups=learnt[pair],
                   holdout=hold[pair], holdout_groups=people[pair])  # fmt: skip
    assert np.isnan(two.value)
    assert "two persons are too few where the holdout has no other people" in two.note


def test_a_report_asks_about_new_people(sets, new_people):
    (train, learnt), (hold, people), _ = sets
    report = evaluate(
        train[:32], new_people[:32], holdout=hold[:32], groups=(learnt[:32], people[:32]),
        fs_hz=FS_HZ, sections=["fidelity"],
    )  # fmt: skip
    expected = detect(hold[:32], new_people[:32], groups=people[:32],
                      holdout=train[:32], holdout_groups=learnt[:32])  # fmt: skip
    score = report["new_people_detection"]
    assert score.detail.equals(expected.detail)
    page = report.to_html()
    assert f"in {round(100 * score.value)} of 100 cases: 50 is like a new person" in page
    assert '<td data-label="better:">near 0.5</td>' in page
    assert "Intervals of heart beats" in page
    assert "| detection among new people |" in report.to_markdown()
    assert "| near 0.5 |" in report.to_markdown()
