"""Columns that are missing in the same rows share one presence cell."""

import numpy as np
import pandas as pd
import pytest

from synthgan import GANImputer, GridEncoder, TabularGANSynthesizer
from synthgan.encoding.tables.known import encode_known
from synthgan.exceptions import ArchiveError, DataWarning, SynthganWarning


def _visits(n=400, n_columns=6, seed=0):
    """Make columns of a second visit, which a third of the people missed."""
    rng = np.random.default_rng(seed)
    came = rng.random(n) > 0.35
    frame = pd.DataFrame({"age": rng.integers(18, 90, n).astype(float)})
    for i in range(n_columns):
        frame[f"v{i}"] = np.where(came, rng.normal(i, 1.0, n), np.nan)
    frame["grade"] = pd.Series(rng.choice(["I", "II", "III"], n), dtype=object).where(came, None)
    return frame


def _differ(frame):
    """Return which rows have some of the columns of the visit, but not all."""
    gaps = frame.drop(columns="age").isna()
    return gaps.any(axis=1) & ~gaps.all(axis=1)


def test_gaps_of_the_same_rows_have_one_presence_cell():
    frame = _visits()
    encoder = GridEncoder(min_support=1).fit(frame)
    names = [name for name in encoder.get_feature_names_out() if name.endswith(":present")]
    assert names == ["v0:present"]
    back = encoder.inverse_transform(encoder.transform(frame))
    pd.testing.assert_frame_equal(back.isna(), frame.isna())
    np.testing.assert_allclose(back["v3"], frame["v3"], rtol=1e-9)


def test_generated_gaps_agree():
    frame = _visits(n_columns=9)
    with pytest.warns(SynthganWarning):
        model = TabularGANSynthesizer(max_steps=30, random_state=0).fit(frame)
    fake = model.sample(500, random_state=1)
    assert 0 < fake["v0"].isna().mean() < 1
    assert not _differ(fake).any()


def test_a_difference_of_few_people_is_not_stored():
    frame = _visits()
    rows = np.flatnonzero(frame["v1"].notna())
    frame.loc[rows[:4], "v1"] = np.nan
    shared = {c.column.name: c.gate for c in GridEncoder(min_support=5).fit(frame).column_cells_}
    assert shared["v1"] == shared["v2"] == "v0"
    encoder = GridEncoder(min_support=5).fit(frame)
    grids, half_widths = encoder.encode_cells(frame, warn=False)
    back = encoder.inverse_transform(grids)
    assert back.loc[rows[:4], "v1"].notna().all()
    assert half_widths[rows[0], 2] == pytest.approx(127.0)  # drawn anew from the whole column
    frame.loc[rows[:5], "v1"] = np.nan
    shared = {c.column.name: c.gate for c in GridEncoder(min_support=5).fit(frame).column_cells_}
    assert shared["v1"] is None
    assert shared["v2"] == "v0"


def test_people_are_counted_not_rows():
    frame = _visits()
    frame.loc[np.flatnonzero(frame["v1"].notna())[:8], "v1"] = np.nan
    people = np.arange(len(frame))
    people[np.flatnonzero(frame["v1"].isna() & frame["v0"].notna())] = 0
    gates = [c.gate for c in GridEncoder().fit(frame, groups=people).column_cells_]
    assert gates[2] == "v0"
    assert [c.gate for c in GridEncoder().fit(frame).column_cells_][2] is None


def test_grey_levels_of_the_thesis_share_nothing():
    encoder = GridEncoder(scaling="minmax", layout="row-major").fit(_visits())
    assert sum(str(n).endswith(":present") for n in encoder.get_feature_names_out()) == 7


def test_a_known_value_of_one_column_sets_the_shared_gap():
    frame = _visits()
    encoder = GridEncoder().fit(frame)
    known = pd.DataFrame({"v4": [4.0, np.nan], "grade": pd.Series([None, None], dtype=object)})
    mask = pd.DataFrame({"v4": [True, True], "grade": [False, True]})
    grids, cells, _ = encode_known(encoder, known, mask)
    place = encoder.get_feature_names_out().tolist().index("v0:present")
    assert grids.reshape(2, -1)[:, place].tolist() == [255, 1]
    assert cells[:, place].all()


def test_conditions_on_a_column_that_shares_gaps(tmp_path):
    frame = _visits()
    with pytest.warns(SynthganWarning):
        model = TabularGANSynthesizer(max_steps=30, random_state=0, condition_on=["v4"]).fit(frame)
    model.save(tmp_path / "m.synthgan")
    model = TabularGANSynthesizer.load(tmp_path / "m.synthgan")
    fake = model.sample(40, conditions={"v4": 4.0}, random_state=0)
    assert (fake["v4"] == 4.0).all()
    assert fake.notna().all(axis=None)


def test_gaps_are_filled_one_by_one():
    frame = _visits()
    holes = frame.copy()
    holes.loc[frame["v0"].notna().to_numpy().nonzero()[0][:20], "v2"] = np.nan
    with pytest.warns(SynthganWarning):
        imputer = GANImputer(synthesizer=TabularGANSynthesizer(max_steps=30), random_state=0).fit(
            frame
        )
    full = imputer.transform(holes)
    assert full.notna().all(axis=None)
    there = holes.notna()
    pd.testing.assert_frame_equal(full.where(there), holes.where(there), check_dtype=False)


def test_a_record_that_shares_gaps_with_no_column_is_refused():
    encoder = GridEncoder().fit(_visits())
    record, arrays = encoder.to_state()
    assert record["cells"][3]["gate"] == "v0"
    grids = encoder.encode(_visits(), warn=False)
    again = GridEncoder().from_state(record, arrays)
    pd.testing.assert_frame_equal(again.decode(grids), encoder.decode(grids))
    for wrong in ("v5", "age", "nobody"):
        record["cells"][3]["gate"] = wrong
        with pytest.raises(ArchiveError, match="'v2' shares gaps with no earlier column"):
            GridEncoder().from_state(record, arrays)


def test_an_empty_column_is_announced():
    with pytest.warns(DataWarning, match="column 'e' has no values"):
        GridEncoder().fit(pd.DataFrame({"a": range(20), "e": [np.nan] * 20}))
