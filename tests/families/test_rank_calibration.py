"""Generated ranks become even, whatever was predicted."""

import numpy as np
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.rank_calibration import RankCalibration


def skewed(n, seed):
    rng = np.random.default_rng(seed)
    predicted = rng.integers(3, size=n).astype(float)
    ranks = rng.random(n) ** (1 + predicted)  # lower ranks where more is predicted
    ranks[::20] = np.nan
    return ranks, predicted


def test_ranks_are_even_in_each_bin():
    made = RankCalibration.fit(*skewed(4000, 0), np.array([0.5, 1.5]))
    ranks, predicted = skewed(4000, 1)
    even = made.apply(ranks, predicted)
    assert (np.isnan(even) == np.isnan(ranks)).all()
    for bin_ in range(3):
        own = even[(predicted == bin_) & ~np.isnan(even)]
        assert abs(own.mean() - 0.5) < 0.03
        assert abs(np.quantile(own, 0.1) - 0.1) < 0.03
    assert np.isnan(even).any()


def test_small_bins_are_calibrated_as_all_rows():
    ranks, predicted = skewed(900, 0)
    predicted[:100] = 7.0
    made = RankCalibration.fit(ranks, predicted, np.array([5.0]))
    assert made.knots[1, 0] == pytest.approx(np.quantile(ranks[~np.isnan(ranks)], made.knots[1, 1]))
    assert RankCalibration.fit(ranks[:500], predicted[:500], np.zeros(0)) is None


def test_archives():
    made = RankCalibration.fit(*skewed(1000, 0), np.array([0.5]))
    arrays = {**made.to_arrays(), "other": np.zeros(1)}
    again = RankCalibration.from_arrays(arrays)
    assert list(arrays) == ["other"]
    assert np.array_equal(again.knots, made.knots)
    assert np.array_equal(again.edges, made.edges)
    before = RankCalibration.from_arrays({"calibration": made.knots[0]})  # without bins
    assert before.knots.shape[0] == 1
    assert RankCalibration.from_arrays({}) is None
    for broken in ({"calibration": made.knots[0][:1]}, {"calibration": -made.knots[0]}):
        with pytest.raises(ArchiveError):
            RankCalibration.from_arrays(broken)
