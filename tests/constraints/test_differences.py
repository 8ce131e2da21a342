"""Inequalities where the lower column has gaps, or numbers have no decimals."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from synthgan import TabularGANSynthesizer
from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.differences import Inequality
from synthgan.exceptions import ArchiveError, DataError, PrivacyWarning
from synthgan.privacy import Support

RNG = np.random.default_rng(0)


def pairs(kind="number", share=0.2, n=600):
    r = np.random.default_rng(1)
    low, size = r.integers(0, 40, n), r.integers(0, 3, n)
    if kind == "date":
        day = pd.Timestamp("2023-01-01")
        low, size = day + pd.to_timedelta(low, unit="D"), pd.to_timedelta(size, unit="D")
    frame = pd.DataFrame({"lo": low, "hi": low + size})
    return frame.assign(lo=frame["lo"].where(r.random(n) >= share))


@pytest.mark.parametrize("kind", ["number", "date"])
def test_differences_of_incomplete_rows_are_those_of_others(kind):
    frame = pairs(kind)
    constraint = Inequality("lo", "hi").fit(frame, Support(5))
    table = constraint.apply(frame)
    complete = frame["lo"].notna()
    real = (frame["hi"] - frame["lo"])[complete]
    assert set(table["hi"]) == set(real)
    drawn = table["hi"][~complete].value_counts(normalize=True)
    assert (drawn - real.value_counts(normalize=True)).abs().max() < 0.1
    assert_frame_equal(constraint.restore(table, RNG), frame)


def test_a_few_gaps_need_no_copy():
    frame = pairs(share=0)
    frame.loc[:3, "lo"] = np.nan
    constraint = Inequality("lo", "hi").fit(frame, Support(5))
    assert list(constraint.apply(frame)) == ["lo", "hi"]
    assert_frame_equal(constraint.restore(constraint.apply(frame), RNG), frame)


def test_synthetic_differences_reach_no_further_than_real_ones():
    frame = pairs()
    model = TabularGANSynthesizer(
        constraints=[Inequality("lo", "hi")], random_state=0, max_steps=60, privacy="faithful"
    )
    with pytest.warns(PrivacyWarning, match="people"):
        fake = model.fit(frame).sample(1000, random_state=1)
    assert list(fake) == ["lo", "hi"]
    differences = (fake["hi"] - fake["lo"]).dropna()
    assert len(differences) > 500
    assert differences.between(0, 2).all()
    lone = fake["hi"][fake["lo"].isna()]
    assert len(lone) > 50
    assert lone.notna().all()
    assert lone.between(0, 41).all()


def test_conditions_know_the_copy():
    frame = pairs()
    constraints = ConstraintSet([Inequality("lo", "hi")], min_support=5).fit(frame, find=False)
    known = pd.DataFrame({"lo": [3.0, np.nan], "hi": [4, 9]})
    mask = pd.DataFrame({"lo": [True, True], "hi": [True, True]})
    table, is_known = constraints.translate(known, mask, RNG)
    assert table["hi"][0] == 1
    assert table["hi alone"].tolist() == [4, 9]
    assert is_known.all(axis=None)
    assert constraints.restore(table, RNG)["hi"].tolist() == [4, 9]


def test_archives_with_a_copy_and_without():
    constraints = ConstraintSet([Inequality("lo", "hi")], min_support=5).fit(pairs(), find=False)
    record = constraints.to_dict()
    assert ConstraintSet.from_dict(record).to_dict() == record
    record["constraints"][0]["learnt"]["copy_"] = "lo"
    with pytest.raises(ArchiveError, match="makes a column that is there"):
        ConstraintSet.from_dict(record)
    del record["constraints"][0]["learnt"]["copy_"]  # as in archives of earlier versions
    assert ConstraintSet.from_dict(record).constraints_[0].makes == ()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("dtypes", list(itertools.product(["float32", "float64"], repeat=2)))
def test_inequality_of_numbers_without_decimals(dtypes, strict):
    low = [0.29882812, 1e-20, -0.1, np.nan]  # float32 stores the first one as 0.298828125
    frame = pd.DataFrame({"low": low * 4, "high": [4.5036e7, 1.0, 1 / 3, 0.3] * 4})
    frame = frame.astype(dict(zip(frame, dtypes, strict=True)))
    constraint = Inequality("low", "high", strict).fit(frame)
    assert constraint.schema_.columns[1].decimals is None
    table = constraint.apply(frame)
    assert_frame_equal(constraint.restore(table, RNG), frame, rtol=1e-6)
    table["high"] = table["high"].where(table["high"].isna(), -1)
    back = constraint.restore(table, RNG).iloc[[0, 1, 2]]
    low, high = (back[name].astype(float) for name in back)
    assert (low < high if strict else low <= high).all()
    assert np.allclose(low, high)
    assert constraint.holds(back).all()


def born_and_seen(n, seed=0):
    """Births of a century, visits of two years."""
    rng = np.random.default_rng(seed)
    born = pd.Timestamp("1920-01-01") + pd.to_timedelta(rng.integers(0, 36_000, n), unit="D")
    seen = pd.Timestamp("2018-06-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="D")
    return pd.DataFrame({"born": born, "seen": np.maximum(born, seen)})


def test_a_narrow_column_is_left_as_it_is():
    frame = born_and_seen(300)
    constraint = Inequality("born", "seen").fit(frame)
    rng = np.random.default_rng(0)
    assert_frame_equal(constraint.apply(frame), frame)
    assert_frame_equal(constraint.restore(frame, rng), frame)
    early = frame.assign(born=frame["seen"] + pd.Timedelta("3D"))
    early.loc[:9, "born"] = pd.NaT
    raised = constraint.restore(early, rng)
    assert (raised["seen"][10:] == early["born"][10:]).all()
    assert_series_equal(raised["seen"][:10], early["seen"][:10])
    again = Inequality.from_dict(json.loads(json.dumps(constraint.to_dict())))
    assert_frame_equal(again.restore(early, rng), raised)


def test_a_narrow_column_keeps_its_conditions():
    constraint = Inequality("born", "seen").fit(born_and_seen(300))
    known = born_and_seen(4, 1)
    mask = pd.DataFrame({"born": [True, False, True, False], "seen": [True, True, False, False]})
    there, is_known = constraint.translate(known, mask, np.random.default_rng(0))
    assert_frame_equal(there, known)
    assert_frame_equal(is_known, mask)
    known["born"] = known["seen"] + pd.Timedelta("1D")
    with pytest.raises(DataError, match="1 condition"):
        constraint.translate(known, mask, np.random.default_rng(0))
