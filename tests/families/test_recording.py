"""Columns that are missing in some periods are complete for learning, and missing again after."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from synthgan.exceptions import ArchiveError
from synthgan.families.recording import Gaps, Recording
from synthgan.privacy import Support


def laboratory(n: int = 2000, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """A value that goes with another, first measured in 1980 and not from 1990 to 1994."""
    rng = np.random.default_rng(seed)
    year = np.sort(rng.integers(1970, 2000, n)).astype(float)
    weight = rng.normal(70, 10, n)
    table = pd.DataFrame({"weight": weight, "lactate": weight / 10 + rng.normal(0, 0.1, n)})
    gone = (year < 1980) | ((year >= 1990) & (year < 1995))
    table["lactate"] = table["lactate"].mask(gone | (rng.random(n) < 0.1))
    return table, year


def test_periods_are_found() -> None:
    table, year = laboratory()
    recording = Recording.fit(table, year, Support(5))
    (gaps,) = recording.columns
    assert gaps == Gaps("lactate", (1970.0, 1990.0), (1979.0, 1994.0))
    assert Recording.from_dict(json.loads(json.dumps(recording.to_dict()))) == recording
    assert Recording.fit(table, year, Support(5), fixed=["lactate"]).columns == ()


def test_dates_of_any_number_have_periods() -> None:
    table, year = laboratory()
    (gaps,) = Recording.fit(table, year + np.random.default_rng(1).random(2000)).columns
    assert np.allclose([*gaps.starts, *gaps.ends], [1970, 1990, 1980, 1995], atol=1)


def test_what_is_missing_by_chance_is_no_period() -> None:
    rng = np.random.default_rng(0)
    year = np.repeat(np.arange(400.0), 5)
    for share in (0.1, 0.5, 0.9, 0.995):
        values = pd.Series(rng.random(2000)).mask(rng.random(2000) < share)
        assert Recording.fit(pd.DataFrame({"x": values}), year).columns == ()


def test_periods_of_few_people_are_not_stored() -> None:
    table, year = laboratory()
    people = np.where(year < 1980, 0, np.arange(2000))
    (gaps,) = Recording.fit(table, year, Support(5, people)).columns
    assert gaps.starts == (1990.0,)


def test_filled_cells_are_like_those_of_similar_rows_and_are_removed() -> None:
    table, year = laboratory()
    recording = Recording.fit(table, year, Support(5))
    full = recording.fill(table, year)
    is_gap = recording.columns[0].cover(year)
    assert full["lactate"].notna()[is_gap].all()
    assert full["lactate"][is_gap].corr(full["weight"][is_gap]) > 0.95
    pd.testing.assert_frame_equal(full[~is_gap], table[~is_gap])
    pd.testing.assert_frame_equal(recording.remove(full, year), table)


def test_a_gap_without_an_end_is_refused() -> None:
    with pytest.raises(ArchiveError, match="do not begin or do not end"):
        Gaps.from_dict({"name": "x", "starts": [1.0], "ends": []})
