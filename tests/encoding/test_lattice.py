"""Lattices: coordinates of points, of what lies between them, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgan.encoding.tables.lattice import Months, Steps, Weekdays, read_lattice
from synthgan.exceptions import ArchiveError

DAY = 86_400
LATTICES = [
    Steps(1.0, 500, 250),
    Steps(1.0, 7, 4),
    Weekdays(1.0, (0, 1, 2, 3, 4), 1, 0),
    Weekdays(1.0, (2, 6), DAY, 43_200),
    Months(1.0, 1, 0, 1, 0),
    Months(1.0, 1, 0, 1, -1),
    Months(1.0, 3, 2, DAY, 14 * DAY + 3600),
]
ids = [repr(lattice) for lattice in LATTICES]


def with_share(lattice, share):
    return read_lattice({**lattice.to_dict(), "share": share})


@pytest.mark.parametrize("lattice", LATTICES, ids=ids)
@pytest.mark.parametrize("share", [1.0, 0.95, 0.5])
def test_points_are_whole_and_come_back(lattice, share):
    lattice = with_share(lattice, share)
    k = np.arange(-900.0, 900.0)
    points = lattice.values(k)
    assert (np.diff(points) > 0).all()
    assert np.array_equal(lattice.raw(points), k)
    around = k + 0.49 * share  # the share of the way that a point takes
    assert np.array_equal(lattice.values(lattice.points(around)), points)


@pytest.mark.parametrize("lattice", LATTICES, ids=ids)
@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
def test_values_beside_points_come_back_in_order(lattice, values):
    values = np.sort(values)
    lattice = with_share(lattice, 0.9)
    raw = lattice.raw(values)
    assert (np.diff(raw) >= 0).all()
    assert np.array_equal(lattice.values(lattice.points(raw)), values)


@pytest.mark.parametrize(
    ("step", "offset"), [(0.1, 0.0), (0.25, 0.05), (0.001, 0.0005), (500.0, 250.0)]
)
def test_points_of_floats_are_the_nearest_floats(step, offset):
    written = np.array([float(f"{k * step + offset:.6f}") for k in range(-300, 300)])
    lattice = Steps(1.0, step, offset)
    assert np.array_equal(lattice.raw(written), np.arange(-300.0, 300.0))
    assert np.array_equal(lattice.values(np.arange(-300.0, 300.0)), written)


def test_month_ends_of_leap_years():
    ends = Months(1.0, 1, 0, 1, -1)
    texts = ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2025-02-28"]
    days = np.array(texts, dtype="M8[D]").astype(np.int64)
    assert (ends.raw(days) - ends.raw(days)[0]).tolist() == [0, 1, 2, 3, 4, 14]


def test_a_weekend_lies_between_friday_and_monday():
    business = Weekdays(0.9, (0, 1, 2, 3, 4), 1, 0)
    days = np.arange(np.datetime64("2024-03-01"), np.datetime64("2024-03-05")).astype(np.int64)
    at = business.points(business.raw(days))
    assert np.allclose(at - at[0], [0, 1 / 3, 2 / 3, 1])


def test_ends_are_narrowed_to_points():
    for share, narrowed in ((1.0, (1.0, 3.0)), (0.9, (0.8, 3.4))):
        lattice = Steps(share, 500, 0)
        assert lattice.ends(400, 1700) == (0.8, 3.4)
        assert lattice.inward(0.8, 3.4) == narrowed
    assert Steps(1.0, 500, 0).ends(-np.inf, 1500) == (-np.inf, 3.0)


@pytest.mark.parametrize(
    ("record", "match"),
    [
        ({"name": "Steps", "share": 1.0, "step": 0, "offset": 0}, "invalid step"),
        ({"name": "Steps", "share": 1.0, "step": float("inf"), "offset": 0.0}, "invalid step"),
        ({"name": "Steps", "share": 1.0, "step": 2**63, "offset": 0}, "too large"),
        ({"name": "Steps", "share": 1.0, "step": 2, "offset": 0.5}, "mixes"),
        ({"name": "Steps", "share": 2.0, "step": 2, "offset": 0}, "share"),
        ({"name": "Weekdays", "share": 1.0, "days": [], "per_day": 1, "offset": 0}, "days"),
        ({"name": "Weekdays", "share": 1.0, "days": [3, 1], "per_day": 1, "offset": 0}, "days"),
        ({"name": "Weekdays", "share": 1.0, "days": [7], "per_day": 1, "offset": 0}, "days"),
        (
            {"name": "Months", "share": 1.0, "step": 0, "first": 0, "per_day": 1, "offset": 0},
            "step",
        ),
        ({"name": "Years", "share": 1.0}, "Years"),
    ],
)
def test_invalid_records_are_refused(record, match):
    with pytest.raises(ArchiveError, match=match):
        read_lattice(record)
