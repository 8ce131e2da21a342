"""Predictions of a column by trees that have not seen the row's person."""

import numpy as np
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.trees.predictor import CrossFit, Predictor, deal_folds


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_all_rows_of_a_person_are_in_one_fold(rng):
    people = rng.integers(50, size=400)
    folds = deal_folds(people, rng)
    assert set(folds) == {0, 1, 2}
    for person in np.unique(people):
        assert len(set(folds[people == person])) == 1


def test_a_number_is_predicted(rng):
    x = rng.normal(size=(600, 3))
    y = np.where(x[:, 1] > 0, 2.0, -1.0) + 0.1 * rng.normal(size=600)
    folds = deal_folds(np.arange(600), rng)
    predicted = CrossFit(x, y, folds, rng).predict()
    assert np.corrcoef(predicted, y)[0, 1] > 0.97
    kept = Predictor.distil(x, predicted, rng)
    assert np.abs(kept.predict(x) - predicted).mean() < 0.05


def test_noise_of_a_person_is_not_predicted(rng):
    """A person's number is learnt from other people's rows only."""
    people = np.repeat(np.arange(100), 6)
    x, y = people[:, None].astype(float), rng.normal(size=100)[people]
    predicted = CrossFit(x, y, deal_folds(people, rng), rng).predict()
    kept = Predictor.distil(x, predicted, rng).predict(x)
    assert abs(np.corrcoef(kept, y)[0, 1]) < 0.3


def test_shares_of_labels_add_up(rng):
    x = rng.normal(size=(900, 2))
    y = np.digitize(x[:, 0], [-0.5, 0.5])
    shares = CrossFit(x, y, deal_folds(np.arange(900), rng), rng, 3).predict()
    kept = Predictor.distil(x, shares, rng)
    made = kept.predict(x)
    assert made.shape == (900, 3)
    np.testing.assert_allclose(made.sum(axis=1), 1.0)
    assert (made.argmax(axis=1) == y).mean() > 0.95


def test_a_label_of_one_fold_only_is_no_error(rng):
    x = rng.normal(size=(90, 2))
    folds = deal_folds(np.arange(90), rng)
    y = np.where(folds == 1, 2, (x[:, 0] > 0) * 1)
    shares = CrossFit(x, y, folds, rng, 3).predict()
    assert shares[folds == 1, 2].max() < 0.05  # which no tree has seen
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_only_one_fold(rng):
    x, folds = rng.normal(size=(90, 2)), np.arange(90) % 3
    fit = CrossFit(x, x[:, 0], folds, rng)
    assert fit.first.shape == (30,)
    every = fit.predict()
    assert np.corrcoef(every[folds == 0], fit.first)[0, 1] > 0.9999
    assert np.isfinite(every).all()


def test_nothing_is_known(rng):
    x, y = np.zeros((60, 0)), np.arange(60.0)
    folds = deal_folds(np.arange(60), rng)
    predicted = CrossFit(x, y, folds, rng).predict()
    np.testing.assert_allclose(predicted, y.mean(), atol=10)
    assert Predictor.distil(x, predicted, rng).predict(x).shape == (60,)


@pytest.mark.parametrize("n_labels", [0, 4])
def test_archives(rng, n_labels):
    x = rng.normal(size=(300, 3))
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 2])
    if n_labels:
        y = np.digitize(y, [-1, 0, 1])
    kept = Predictor.distil(x, CrossFit(x, y, np.arange(300) % 3, rng, n_labels).predict(), rng)
    arrays = kept.to_arrays()
    again = Predictor.from_arrays(arrays, 3, n_labels or 1)
    np.testing.assert_array_equal(again.predict(x), kept.predict(x))
    with pytest.raises(ArchiveError, match="unknown columns"):
        Predictor.from_arrays(arrays, 1, n_labels or 1)
    with pytest.raises(ArchiveError):
        Predictor.from_arrays(arrays, 3, 7)
    with pytest.raises(ArchiveError, match="inconsistent sizes"):
        Predictor.from_arrays({**arrays, "n_trees": arrays["n_trees"] + 1}, 3, n_labels or 1)


def test_codes_of_labels_are_no_numbers(rng):
    """Every second label has the same number; the codes say nothing of their order."""
    codes = rng.integers(-1, 24, size=900)
    x = np.column_stack([rng.normal(size=900), codes]).astype(float)
    y = np.where(codes % 2 == 0, 1.0, -1.0) + 0.1 * rng.normal(size=900)
    folds = deal_folds(np.arange(900), rng)
    fit = CrossFit(x, y, folds, rng, categories=[1])
    assert fit.n_leaves in (3, 6, 12)
    assert np.corrcoef(fit.predict(), y)[0, 1] > 0.98
    numbers = CrossFit(x, y, folds, rng)
    errors = [((one.predict() - y) ** 2).mean() for one in (fit, numbers)]
    assert errors[0] < errors[1] / 2
    shares = CrossFit(x, (y > 0).astype(int), folds, rng, 2, categories=[1]).predict()
    assert ((shares[:, 1] > 0.5) == (y > 0)).mean() > 0.98


def test_labels_are_as_frequent_where_they_are_possible(rng):
    """Trees that cannot tell where a label is possible predict it everywhere, but too rarely."""
    there = rng.random(1200) < 0.3
    y = np.where(there & (rng.random(1200) < 0.5), 2, rng.integers(0, 2, 1200))
    folds, nothing = deal_folds(np.arange(1200), rng), rng.normal(size=(1200, 1))
    possible = np.ones((1200, 3), dtype=bool)
    possible[~there, 2] = False

    def share(**more):
        shares = CrossFit(nothing, y, folds, rng, 3).predict(**more)
        shares = np.where(possible, shares, 0.0)
        return (shares / shares.sum(axis=1, keepdims=True))[there, 2].mean()

    assert share(possible=possible) == pytest.approx((y == 2)[there].mean(), abs=0.03)
    assert share() < (y == 2)[there].mean() - 0.2
