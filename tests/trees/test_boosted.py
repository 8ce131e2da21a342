"""Boosted trees as plain arrays."""

import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from synthgan.exceptions import ArchiveError
from synthgan.trees.boosted import MOST_LEAVES, Trees


def learnt(n=800, n_features=4, max_iter=20, seed=0, leaves=MOST_LEAVES):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_features)).round(1)
    x[:, 1::2] = np.sign(x[:, 1::2])
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 0] * x[:, -1]) + np.isnan(x[:, 0]) + rng.normal(size=n) / 10
    model = HistGradientBoostingRegressor(
        max_iter=max_iter, max_leaf_nodes=leaves, min_samples_leaf=5, random_state=seed
    ).fit(x, y)
    return x, model, Trees.from_sklearn(model)


@given(st.integers(1, 6), st.integers(1, 12), st.integers(2, MOST_LEAVES), st.integers(0, 99))
def test_predictions_are_those_of_scikit_learn(n_features, max_iter, leaves, seed):
    x, model, trees = learnt(300, n_features, max_iter, seed, leaves)
    others = np.random.default_rng(seed).normal(size=(700, n_features)) * 3
    others[::5, seed % n_features] = np.nan
    for rows in (x, others, others[:1], others[:0]):
        expected = model.predict(rows) if len(rows) else np.zeros(0)
        found = trees.predict(rows) + model._baseline_prediction.ravel()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_features_of_few_values_share_a_table():
    x, model, trees = learnt(n_features=6)
    shared = [set(edges) for edges, _ in trees._tables if len(edges) > 1]
    assert any({1, 3, 5} <= features for features in shared)
    found = trees.predict(x) + model._baseline_prediction.ravel()
    np.testing.assert_allclose(found, model.predict(x), rtol=0, atol=1e-12)


def test_arrays_come_back():
    x, _, trees = learnt()
    again = Trees.from_arrays(trees.to_arrays(), 4)
    assert np.array_equal(again.predict(x), trees.predict(x))
    none = Trees.from_arrays(Trees.none().to_arrays(), 4)
    assert (len(none), none.predict(x).tolist()) == (0, [0.0] * len(x))
    twin = copy.deepcopy(trees)
    assert set(vars(twin)) < set(vars(trees))
    assert np.array_equal(twin.predict(x), trees.predict(x))
    few = trees.first(3)
    assert len(few) == 3
    assert not np.array_equal(few.predict(x), trees.predict(x))


def test_what_is_no_tree_is_refused():
    _, _, trees = learnt(max_iter=2)
    shared = trees.right.copy()
    shared[0] = trees.left[0]
    for changes in (
        {"right": shared},
        {"left": np.zeros_like(trees.left)},
        {"feature_idx": trees.feature_idx + 4},
        {"sizes": trees.sizes[:1]},
        {"is_leaf": trees.is_leaf + 2},
    ):
        with pytest.raises(ArchiveError, match="the trees have"):
            Trees.from_arrays(dataclasses.replace(trees, **changes).to_arrays(), 4)
    wide = learnt(max_iter=2, leaves=MOST_LEAVES + 1, n=2000)[2]
    with pytest.raises(ArchiveError, match="or too many"):
        Trees.from_arrays(wide.to_arrays(), 4)
