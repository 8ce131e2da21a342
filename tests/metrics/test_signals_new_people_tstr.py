"""Classifiers of simulated hearts that learn from some people and are tested on others."""

import numpy as np
import pytest

from synthgan.datasets import make_ecg
from synthgan.exceptions import DataError
from synthgan.metrics.signals import new_people_tstr
from synthgan.metrics.signals.usefulness_among_people import beat_features

FS_HZ = 125.0
CLASSIFIERS = ["boosted trees", "random trees", "logistic regression", "10 components",
               "support vectors"]  # fmt: skip


def hearts(n, seed):
    """Two windows of each person, diagnoses, persons."""
    x, y = make_ecg(n, n_samples=500, fs_hz=FS_HZ, return_y=True, random_state=seed)
    people = np.repeat([f"{seed}-{i}" for i in range(n)], 2)
    return x.reshape(2 * n, 250), np.repeat(y.to_numpy(), 2), people


def useful(real, fake, holdout, **options):
    x, y, people = holdout
    given = {"fs_hz": FS_HZ, "real_labels": real[1], "fake_labels": fake[1], "holdout": x,
             "holdout_labels": y, "groups": real[2], "holdout_groups": people}  # fmt: skip
    return new_people_tstr(real[0], fake[0], random_state=0, **(given | options))


@pytest.fixture(scope="module")
def sets():
    return hearts(50, 0), hearts(50, 1), hearts(40, 2)


@pytest.fixture(scope="module")
def score(sets):
    return useful(*sets)


def test_other_people_are_as_useful(score):
    assert score.detail.index.tolist() == CLASSIFIERS
    assert score.ceiling > 0.7
    assert score.value > score.ceiling - 0.1
    assert score.floor < score.ceiling - 0.1
    low, high = score.interval
    assert low < score.value < high
    assert high - low > 0.05
    assert score.detail["augmented"].mean() > score.ceiling - 0.05
    np.testing.assert_allclose(score.detail["ratio"], score.detail["value"] / score.detail["real"])


def test_labels_that_are_wrong_are_found(sets, score):
    real, (x, y, people), holdout = sets
    swapped = useful(real, (x, np.where(y == y[0], y[y != y[0]][0], y[0]), people), holdout)
    assert swapped.value < 0.4
    assert swapped.ceiling == score.ceiling
    one = useful(real, (x, np.full(len(y), y[0]), people), holdout)
    assert one.value == 0.5


def test_each_person_counts_the_same(sets, score):
    real, fake, (x, y, people) = sets
    often = np.r_[np.arange(len(x)), np.repeat([0, 1], 40)]  # the same windows of one person
    repeated = useful(real, fake, (x[often], y[often], people[often]))
    np.testing.assert_allclose(repeated.detail, score.detail)


def test_features():
    x = make_ecg(5, n_samples=500, fs_hz=250, leads=("i", "v2"), random_state=0)
    features = beat_features(x, 250)
    assert features.shape == (5, 2 * 70 + 2)
    np.testing.assert_allclose(beat_features(x + 1, 250), features, atol=1e-9)
    r_peak = np.abs(features[:, :70]).argmax(axis=1)
    assert np.median(np.abs(r_peak - 25)) <= 1
    assert (beat_features(np.zeros((2, 1, 500)), 250) == 0).all()


def test_bad_input(sets):
    real, fake, holdout = sets
    known = np.r_[real[2][:2], holdout[2][2:]]
    with pytest.raises(DataError, match=r"1 person\(s\) are in both the real training windows and"):
        useful(real, fake, holdout, holdout_groups=known)
    with pytest.raises(DataError, match="the holdout windows are all of the class 'a'"):
        useful(real, fake, holdout, holdout_labels=["a"] * len(holdout[1]))
    with pytest.raises(DataError, match="fake_labels have shape"):
        useful(real, fake, holdout, fake_labels=fake[1][:3])
    with pytest.raises(DataError, match="groups has the shape"):
        useful(real, fake, holdout, groups=real[2][:3])
