"""Lattices are found where there are some, and only there."""

import numpy as np
import pytest

from synthgan.encoding.tables.lattice import Months, Steps, Weekdays
from synthgan.encoding.tables.lattice_finding import (
    find_lattice,
    find_moments,
    hours_differ,
    weekdays_differ,
)
from synthgan.encoding.tables.numbers import Numbers
from synthgan.privacy import Support

SUPPORT = Support(5)
RNG = np.random.default_rng(0)
FAR = np.rint(RNG.lognormal(5, 1, 1000)).astype(np.int64)  # most are rare
DAYS = np.arange(np.datetime64("1950-01-01"), np.datetime64("2024-01-01")).astype(np.int64)


def lattice_of(values, support, decimals):
    return find_lattice(Numbers.of(values, support), decimals)


def moments_of(values, support, per_day):
    return find_moments(Numbers.of(values, support), per_day)


def weekdays_of_differ(values, support):
    return weekdays_differ(Numbers.of(values, support))


def days(texts):
    return np.asarray(texts, dtype="M8[D]").astype(np.int64)


@pytest.mark.parametrize(
    ("values", "decimals", "step", "offset"),
    [
        (500 * FAR, 0, 500, 0),
        (500 * FAR + 250, 0, 500, 250),
        (-500 * FAR + 7, 0, 500, 7),
        (2 * FAR + 1, 0, 2, 1),
        (FAR / 4, 2, 0.25, 0.0),
        (FAR / 4 + 0.05, 2, 0.25, 0.05),
        (500.0 * FAR + 250, 0, 500.0, 250.0),
    ],
)
def test_steps(values, decimals, step, offset):
    assert lattice_of(values, SUPPORT, decimals) == Steps(1.0, step, offset)


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        (FAR, 0),
        (FAR / 100, 2),
        (RNG.normal(size=1000), None),
        (RNG.integers(0, 10**12, 1000), 0),
        (RNG.integers(-(2**62), 2**62, 1000), 0),
        (500 * FAR[:15], 0),  # too few
        (500 * (FAR % 20), 0),  # all values are shared by enough people, and stored
        (np.where(RNG.random(1000) < 0.1, RNG.integers(0, 10**5, 1000), 500 * FAR), 0),
        (np.array([float(f"{x:.2g}") for x in RNG.lognormal(0, 3, 1000)]), None),
    ],
    ids=["ones", "cents", "floats", "long", "longest", "few", "common", "mixed", "significant"],
)
def test_no_steps(values, decimals):
    assert lattice_of(values, SUPPORT, decimals) is None


@pytest.mark.parametrize("off", [RNG.integers(0, 10**5, 1000), RNG.normal(size=1000)])
def test_a_few_values_beside_a_lattice(off):
    values = np.where(np.arange(1000) % 100 == 3, off, 500 * FAR)
    lattice = lattice_of(values, SUPPORT, 0 if off.dtype.kind == "i" else None)
    assert (lattice.step, lattice.offset) == (500, 0)
    assert 0.9 < lattice.share < 1


def test_what_is_of_too_few_people_is_not_seen():
    values = np.append(500 * FAR, [7, 11, 13])
    assert lattice_of(values, SUPPORT, 0) == Steps(1.0, 500, 0)
    of_one = Support(5, np.zeros(1000, dtype=int))
    assert lattice_of(500 * FAR, of_one, 0) is None


def test_business_days():
    business = DAYS[np.is_busday(DAYS.astype("M8[D]"))]
    found = moments_of(RNG.choice(business, 1000), SUPPORT, 1)
    assert found == Weekdays(1.0, (0, 1, 2, 3, 4), 1, 0)
    some = RNG.choice(DAYS[(DAYS + 3) % 7 != 1], 1000)
    assert moments_of(some, SUPPORT, 1) == Weekdays(1.0, (0, 2, 3, 4, 5, 6), 1, 0)
    assert moments_of(RNG.choice(DAYS, 1000), SUPPORT, 1) is None


def test_weekdays_of_too_few_people_are_not_stored():
    business = RNG.choice(DAYS[np.is_busday(DAYS.astype("M8[D]"))], 1000)
    people = np.arange(1000)
    people[(business + 3) % 7 == 4] = 0  # all Fridays are of one person
    assert moments_of(business, Support(5, people), 1) is None
    people[:] = np.arange(1000) // 2
    assert isinstance(moments_of(business, Support(5, people), 1), Weekdays)


def test_one_person_beside_a_step_of_months_is_not_seen():
    starts = np.arange(np.datetime64("1700-01"), np.datetime64("2024-01"), 3).astype("M8[D]")
    numbers = np.append(starts.astype(np.int64), days(["2020-02-01"]))
    assert moments_of(numbers, SUPPORT, 1) == Months(1.0, 3, 0, 1, 0)


def test_one_weekday_is_a_step():
    found = moments_of(RNG.choice(DAYS[(DAYS + 3) % 7 == 2], 1000), SUPPORT, 1)
    assert found == Steps(1.0, 7, int(days(["2024-01-03"])[0] % 7))


@pytest.mark.parametrize(("months", "step"), [(1, 1), (3, 3), (12, 12)])
@pytest.mark.parametrize("offset", [0, -1, 14])
def test_days_of_months(months, step, offset):
    starts = np.arange(np.datetime64("1700-02"), np.datetime64("2024-01"), months)
    numbers = starts.astype("M8[D]").astype(np.int64) + offset
    numbers = np.concatenate([numbers] * (3 if months < 12 else 1))
    assert moments_of(numbers, SUPPORT, 1) == Months(1.0, step, 1 % step, 1, offset)


def test_a_time_of_the_day():
    numbers = 24 * RNG.choice(DAYS, 1000) + 12
    assert moments_of(numbers, SUPPORT, 24) == Steps(1.0, 24, 12)
    numbers[::100] += RNG.integers(1, 12, 10)
    found = moments_of(numbers, SUPPORT, 24)
    assert (found.step, found.offset, found.share) == (24, 12, 0.99)


def test_hours_and_weekdays_that_differ():
    times = RNG.integers(9 * 60, 17 * 60, 1000)
    assert hours_differ(times, 1440)
    assert not hours_differ(RNG.integers(0, 1440, 1000), 1440)
    assert not hours_differ(np.zeros(1000, dtype=int), 1)
    business = DAYS[np.is_busday(DAYS.astype("M8[D]"))]
    assert not weekdays_of_differ(RNG.choice(business, 3000), SUPPORT)  # all that there are alike
    mondays = np.where((business + 3) % 7 == 0, 3.0, 1.0)
    assert weekdays_of_differ(RNG.choice(business, 3000, p=mondays / mondays.sum()), SUPPORT)
    assert not weekdays_of_differ(RNG.choice(DAYS[:20], 3000), SUPPORT)
