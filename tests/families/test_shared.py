"""What families share beyond what is known of their parents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthgan.encoding.tables.column import Column
from synthgan.families.coding import FamilyCoding
from synthgan.families.shared import find_shared, known_of_rows

HOURS = Column("seen", "datetime", "datetime64[us]", resolution=3_600_000_000)


def visits(n: int = 300) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
    """Four visits each: a level of their own, a fever that the parent explains, and copies."""
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(n), 4)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "h")
    parents = pd.DataFrame({"admitted": start, "ill": rng.choice(["flu", "cold"], n)})
    hours = np.sort(rng.integers(0, 100, (n, 4)), axis=1).ravel()
    level = rng.normal(size=n)[owners]
    ill = (parents["ill"] == "flu").to_numpy()[owners]
    ward = np.array(list("abc"))[np.digitize(level, [-0.4, 0.4])]
    table = pd.DataFrame(
        {
            "pressure": level + 0.3 * rng.normal(size=4 * n),
            "fever": 3.0 * ill * 0.5 ** (hours / 24) + 0.1 * rng.normal(size=4 * n),
            "noise": rng.normal(size=4 * n),
            "ward": ward,
            "floor": np.char.add("floor ", ward),
        }
    )
    clock = HOURS.numbers(pd.Series(start)[owners])[0] + hours
    return table, parents, owners, clock.astype(float)


def test_what_parents_or_other_columns_explain_is_not_shared() -> None:
    table, parents, owners, clock = visits()
    coding = FamilyCoding.fit(table, owners, clock)
    rows = coding.read(table)
    none = np.zeros((len(table), 1))
    assert {"pressure", "fever"} <= set(find_shared(coding, rows, owners, none))
    known = known_of_rows(parents, owners, clock, HOURS)
    found = find_shared(coding, rows, owners, known)
    assert set(found) == {"ward", "pressure"} or set(found) == {"floor", "pressure"}
    orphans = np.where(owners == 0, -1, owners)  # the rows of the first have no parent
    assert set(find_shared(coding, rows, orphans, known)) == set(found)


def test_rows_know_how_long_ago_dates_of_the_parent_are() -> None:
    _, parents, owners, clock = visits(20)
    known = known_of_rows(parents, owners, clock, HOURS)
    assert known.shape == (80, 5)  # time, place, number, and two columns of the parent
    assert known[:4, 1:3].tolist() == [[0, 4], [1, 4], [2, 4], [3, 4]]
    assert ((known[:, 3] >= 0) & (known[:, 3] < 100)).all()
    alone = known_of_rows(parents, np.full(80, -1), clock, HOURS)
    assert np.isnan(alone[:, 3:]).all()


def test_parents_of_whom_nothing_is_known_explain_nothing() -> None:
    table, _, owners, clock = visits()
    coding = FamilyCoding.fit(table, owners, clock)
    unknown = np.full((len(table), 2), np.nan)
    found = find_shared(coding, coding.read(table), owners, unknown)
    assert {"pressure", "fever"} <= set(found)
