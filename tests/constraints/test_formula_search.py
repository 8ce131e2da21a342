"""Planted formulas of numbers and dates are found, as they were planted."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from synthgan.constraints.constraint_set import ConstraintSet
from synthgan.constraints.differences import Inequality
from synthgan.constraints.formulas import Formula
from synthgan.constraints.relations import find_relations
from synthgan.privacy import Support

N = 800
R = np.random.default_rng(0)
RNG = np.random.default_rng(0)
QTY, SMALL, AGE = R.integers(1, 11, N), R.integers(1, 4, N), R.integers(18, 90, N)
UNIT, PRICE = R.choice([4.99, 9.5, 19.95, 3.25], N), R.lognormal(3, 0.5, N).round(2)
KG, M, C = R.normal(75, 12, N).round(1), R.normal(1.7, 0.1, N).round(2), R.normal(20, 8, N).round(1)
DAY = pd.Timestamp("2023-01-01") + pd.to_timedelta(R.integers(0, 365, N), unit="D")
TIME = DAY + pd.to_timedelta(R.integers(0, 1440, N), unit="min")
STAY = R.poisson(4, N)
END = DAY + pd.to_timedelta(STAY, unit="D")
MINUTES = pd.to_timedelta(R.integers(0, 9000, N), unit="min")
BORN = pd.Timestamp("1950-01-01") + pd.to_timedelta(R.integers(0, 20_000, N), unit="D")
POPULATION = np.sort(R.choice(10**5, N, replace=False))
FAHRENHEIT = R.integers(20, 100, N)


def frame(**columns):
    return pd.DataFrame(columns)


PLANTED = {
    "product of small integers": (
        frame(qty=SMALL, unit=R.choice([5, 10, 20], N)).eval("total = qty * unit"),
        Formula("total", "a * b", "qty", "unit"),
    ),
    "product in cents": (
        frame(qty=QTY, unit=UNIT, total=(QTY * UNIT).round(2)),
        Formula("total", "a * b", "qty", "unit"),
    ),
    "three factors": (
        frame(x=QTY, y=AGE, z=SMALL, volume=QTY * AGE * SMALL),
        Formula("volume", "a * b * c", "x", "y", c="z"),
    ),
    "percentage of a product": (
        frame(qty=QTY, unit=PRICE, rate=R.choice([7, 19], N)).assign(
            tax=lambda f: (f["qty"] * f["unit"] * f["rate"] / 100).round(2)
        ),
        Formula("tax", "a * b * c", "qty", "unit", 0.01, "rate"),
    ),
    "density": (
        frame(x=PRICE, y=R.lognormal(3, 0.5, N).round(2), z=R.lognormal(3, 0.5, N).round(2)).assign(
            d=lambda f: (f["x"] * f["y"] / f["z"]).round(2)
        ),
        Formula("d", "a * b / c", "x", "y", c="z"),
    ),
    "sum of items": (
        frame(x=SMALL, y=R.integers(0, 4, N), z=QTY).eval("total = x + y + z"),
        Formula("total", "a + b + c", "x", "y", c="z"),
    ),
    "mean": (
        frame(x=KG, y=C, mean=((KG + C) / 2).round(2)),
        Formula("mean", "a + b", "x", "y", 0.5),
    ),
    "BMI": (frame(kg=KG, m=M, bmi=(KG / M**2).round(1)), Formula("bmi", "a / b ** 2", "kg", "m")),
    "BMI of cm": (
        frame(kg=KG, cm=100 * M.round(2), bmi=(KG / M**2).round(1)).round(1),
        Formula("bmi", "a / b ** 2", "kg", "cm", 10_000.0),
    ),
    "BMI in single precision": (
        frame(kg=KG, m=M, bmi=(KG / M**2).round(1)).astype("float32"),
        Formula("bmi", "a / b ** 2", "kg", "m"),
    ),
    "Kelvin": (frame(c=C, k=(C + 273.15).round(2)), Formula("k", "a", "c", offset=273.15)),
    "few degrees": (
        frame(c=SMALL + QTY, k=SMALL + QTY + 273.15),
        Formula("k", "a", "c", offset=273.15),
    ),
    "Fahrenheit": (
        frame(c=C, f=(1.8 * C + 32).round(1)),
        Formula("f", "a", "c", factor=1.8, offset=32.0),
    ),
    "Celsius": (
        frame(f=FAHRENHEIT, c=((FAHRENHEIT - 32) * 5 / 9).round(1)),
        Formula("c", "a", "f", factor=0.5555555555556, offset=-17.77777777778),
    ),
    "complement": (frame(x=AGE, y=100 - AGE), Formula("y", "a", "x", None, -1.0, offset=100.0)),
    "year of birth": (
        frame(year=R.integers(2010, 2024, N), age=AGE).eval("born = year - age"),
        Formula("born", "a - b", "year", "age"),
    ),
    "rounded down": (
        frame(population=POPULATION, doctors=POPULATION // 900),
        Formula("doctors", "a", "population", factor=0.001111111111111, offset=-0.5),
    ),
    "stay": (
        frame(admission=DAY, discharge=END, stay=STAY),
        Formula("discharge", "a + b", "admission", "stay"),
    ),
    "stay in front": (
        frame(stay=STAY, discharge=END, admission=DAY),
        Formula("discharge", "a + b", "admission", "stay"),
    ),
    "stay as a duration": (
        frame(admission=DAY, discharge=END, stay=END - DAY),
        Formula("discharge", "a + b", "admission", "stay"),
    ),
    "stay in minutes": (
        frame(start=TIME, end=TIME + MINUTES, minutes=MINUTES // pd.Timedelta("1min")),
        Formula("end", "a + b", "start", "minutes", unit_days=1 / 1440),
    ),
    "stay in hours": (
        frame(start=TIME, end=TIME + MINUTES, h=(MINUTES / pd.Timedelta("1h")).to_numpy().round(2)),
        Formula("end", "a + b", "start", "h", unit_days=1 / 24),
    ),
    "local time": (
        frame(
            start=DAY.tz_localize("Europe/Madrid"), end=END.tz_localize("Europe/Madrid"), days=STAY
        ),
        Formula("end", "a + b", "start", "days"),
    ),
    "age from dates": (
        frame(birth=BORN, visit=DAY, age=((DAY - BORN).days / 365.25).astype(int)),
        Formula("age", "a - b", "visit", "birth", 1 / 365.25, offset=-0.5),
    ),
    "due date": (
        frame(seen=DAY, due=DAY + pd.Timedelta("280D")),
        Formula("due", "a", "seen", offset=280.0),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_formulas_are_found(name):
    table, expected = PLANTED[name]
    (found,) = find_relations(table, Support(5))
    ours, theirs = (one.get_params() for one in (found, expected))
    assert ours.pop("factor") == pytest.approx(theirs.pop("factor"), rel=1e-12)
    assert ours.pop("unit_days") == pytest.approx(theirs.pop("unit_days"), rel=1e-9)
    assert ours == theirs
    constraints = ConstraintSet([found], 5).fit(table, find=False)
    rewritten = constraints.apply(table)
    assert rewritten[expected.column].nunique() == 1
    assert_frame_equal(constraints.restore(rewritten, RNG), table)
    again = ConstraintSet.from_dict(constraints.to_dict())
    assert_frame_equal(again.restore(rewritten, RNG), table)


def test_whole_days_between_times_hold_in_every_row():
    table = frame(start=TIME, end=TIME + MINUTES).assign(days=MINUTES.days)
    constraints = ConstraintSet(min_support=5).fit(table)
    (found,) = constraints.constraints_
    assert str(found) == str(Formula("end", "a + b", "start", "days"))
    shuffled = constraints.apply(table).apply(lambda c: c.sample(frac=1, random_state=1).to_numpy())
    back = constraints.restore(shuffled, RNG)
    inside = back["end"] < back["end"].max()  # ends of the range are clipped
    assert ((back["end"] - back["start"]).dt.days == back["days"])[inside].mean() > 0.99


def test_a_formula_holds_in_rows_that_were_never_seen():
    table, _ = PLANTED["product in cents"]
    constraints = ConstraintSet(min_support=5).fit(table)
    made = constraints.apply(table).assign(qty=10, unit=19.95)
    assert (constraints.restore(made, RNG)["total"] == 199.5).all()
    stays, _ = PLANTED["stay"]
    constraints = ConstraintSet(min_support=5).fit(stays)
    made = constraints.apply(stays).assign(admission=DAY.max())
    back = constraints.restore(made, RNG)
    assert ((back["discharge"] - back["admission"]).dt.days == back["stay"]).all()


def test_an_exact_formula_wins_over_a_look_up():
    table = frame(qty=QTY, q_total=QTY * 5).assign(vat=lambda f: (0.19 * f["q_total"]).round(2))
    found = find_relations(table, Support(5))
    assert sorted(str(one) for one in found) == sorted(
        [
            str(Formula("q_total", "a", "qty", None, 5.0)),
            str(Formula("vat", "a", "qty", None, 0.95)),
        ]
    )
    codes = pd.DataFrame({"name": R.choice(list("abcdef"), N)})
    codes["price"] = codes["name"].map(dict(zip("abcdef", [5, 7, 11, 12, 19, 23], strict=True)))
    codes["vat"] = (0.19 * codes["price"]).round(2)
    kinds = {one.column: type(one).__name__ for one in find_relations(codes, Support(5))}
    assert kinds == {"price": "DependentColumn", "vat": "Formula"}


def test_gaps_in_a_part_do_not_widen_the_residual():
    table, _ = PLANTED["product in cents"]
    table = table.assign(qty=table["qty"].where(R.random(N) > 0.2))
    constraints = ConstraintSet(min_support=5).fit(table)
    made = constraints.apply(table)
    assert set(made["total"]) == {0.0}
    assert made["total alone"].equals(table["total"])
    assert_frame_equal(constraints.restore(made, RNG), table)


def test_columns_that_a_constraint_transforms_are_parts_only():
    table, _ = PLANTED["stay"]
    (found,) = find_relations(table, Support(5), fixed=["discharge"])
    assert str(found) == str(Formula("stay", "a - b", "discharge", "admission"))
    (order,) = find_relations(table, Support(5), no_formula=["stay"])
    assert str(order) == str(Inequality("admission", "discharge"))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_among_small_independent_integers(seed):
    noise = np.random.default_rng(seed).integers(0, 6, (N, 9))
    table = pd.DataFrame(noise, columns=list("abcdefghi"))
    days = np.random.default_rng(seed).integers(0, 365, (N, 2))
    table["d"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(days[:, 0], unit="D")
    table["e"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(days[:, 1], unit="D")
    assert find_relations(table, Support(5)) == []
