"""What must hold in every generated row does."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from synthgan import (
    FCN,
    FixedCombinations,
    Identifier,
    Inequality,
    Predicate,
    Range,
    TabularGANSynthesizer,
    load,
)
from synthgan.datasets import load_thyroid, make_clinic
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError, SamplingError


def fit(table, **parameters):
    small = {
        "network": FCN(width=16, depth=1), "max_steps": 30, "candidates": 1, "random_state": 0,
    }  # fmt: skip
    return TabularGANSynthesizer(**{**small, **parameters}).fit(table)


@pytest.fixture(scope="module")
def stays():
    clinic = make_clinic(400, random_state=0)
    left = clinic["admitted"] + pd.to_timedelta(clinic["stay_days"], unit="D")
    floor = clinic["ward"].map({"general": 1, "cardiology": 2, "paediatrics": 3}).fillna(4)
    return clinic.assign(left=left, floor=floor.astype("int64"))


@pytest.mark.filterwarnings("ignore:the model can be used, but not saved")
def test_given_constraints_are_never_violated(stays, tmp_path):
    rules = [
        Inequality("admitted", "left"),
        FixedCombinations(["ward", "floor"]),
        Range("age", 0, 120),
        Predicate(lambda table: ~(table["diabetic"] & (table["age"] < 20)), ["diabetic", "age"]),
    ]
    table = stays[~(stays["diabetic"] & (stays["age"] < 20))]
    model = fit(table, constraints=rules, candidates=4)
    fake = model.sample(2000)
    assert len(fake) == 2000
    assert (fake["admitted"] <= fake["left"]).all()
    known = set(zip(table["ward"], table["floor"], strict=True))
    assert set(zip(fake["ward"], fake["floor"], strict=True)) <= known
    assert fake["age"].between(0, 120).all()
    assert not (fake["diabetic"] & (fake["age"] < 20)).any()
    assert (fake.dtypes == table.dtypes).all()
    with pytest.raises(ArchiveError, match="Predicate"):
        model.save(tmp_path / "m")
    saved = fit(table, constraints=rules[:3])
    saved.save(tmp_path / "m")
    assert load(tmp_path / "m").sample(50, random_state=1).equals(saved.sample(50, random_state=1))


def test_what_hardly_any_row_satisfies_is_an_error(stays):
    rare = Predicate(lambda table: table["age"] >= table["age"].max(), ["age"])
    table = stays[["age", "bmi"]].assign(age=50.5)
    model = fit(table.assign(age=np.arange(400.0)), constraints=[])
    model.constraints_ = type(model.constraints_)([rare]).fit(table)
    fake = model.sample(1)
    assert len(fake) == 1
    never = Predicate(lambda table: table["bmi"] == 99, ["bmi"])
    model.constraints_ = type(model.constraints_)([never]).fit(table.assign(bmi=99))
    with pytest.raises(SamplingError, match=r"0 of 3 rows meet the conditions after \d+ tries"):
        model.sample(3)


@pytest.mark.filterwarnings("ignore:column 'Hypopituitary' comes back constant")
def test_a_quotient_of_two_columns_stays_one(thyroid_path):
    thyroid = load_thyroid(thyroid_path)[:6000]
    model = fit(thyroid, epochs=4, max_steps=200, network=FCN(width=64, depth=1))
    formula, pregnancy, filled = model.constraints_.constraints_
    assert (formula.column, formula.kind, formula.a, formula.b) == ("FTI", "a / b", "TT4", "T4U")
    assert pregnancy.columns == ["Sex", "Pregnant"]  # no man is pregnant
    assert set(filled.columns) == {"TSH", "T3", "TT4", "T4U", "FTI"}  # averages of the others
    fake = model.sample(1000)

    def share_that_holds(table):
        off = table["FTI"] - (0.1 * table["TT4"] / table["T4U"]).round(3)
        return float((off.abs() < 0.0015).mean())

    assert share_that_holds(fake) > share_that_holds(thyroid) - 0.03
    free = fit(thyroid, constraints=[], epochs=1, max_steps=50).sample(1000)
    assert share_that_holds(free) < 0.5


def test_sums_shared_values_and_dummies_hold(tmp_path):
    rng = np.random.default_rng(0)
    n = 600
    part = rng.integers(0, 900, (n, 4))
    table = pd.DataFrame(part, columns=list("abcd")).assign(mark=part @ [1, 2, 3, 4])
    table["paid"] = table["a"].where(rng.random(n) < 0.4, rng.integers(0, 900, n))
    soil = pd.Series(rng.choice(["clay", "loam", "sand"], n))
    table = table.join(pd.get_dummies(soil, dtype=int))
    model = fit(table, candidates=4)
    model.save(tmp_path / "m")
    fake = load(tmp_path / "m").sample(500, random_state=1)
    assert fake.equals(model.sample(500, random_state=1))
    assert (fake["mark"] == fake[list("abcd")] @ [1, 2, 3, 4]).mean() > 0.99
    assert (fake["paid"] == fake["a"]).mean() > 0.1
    assert fake[list(soil.unique())].sum(axis=1).eq(1).all()
    free = fit(table, constraints=[]).sample(500)
    assert (free["mark"] == free[list("abcd")] @ [1, 2, 3, 4]).mean() < 0.1
    assert (free["paid"] == free["a"]).mean() < 0.1
    assert not free[list(soil.unique())].sum(axis=1).eq(1).all()


def test_quotients_stay_narrow_and_the_critic_sees_only_them(tmp_path):
    rng = np.random.default_rng(0)
    radius = rng.lognormal(2, 0.5, 600)
    area = radius**2 * rng.lognormal(0, 0.1, 600)
    table = pd.DataFrame({"radius": radius.round(2), "area": area.round(1)})
    model = fit(table, candidates=4)
    (quotient,) = model.constraints_.constraints_
    assert (quotient.column, quotient.of, quotient.power) == ("area", "radius", 2.0)
    assert model._features(model.sample_grids(5, 0)).shape == (5, 2)
    model.save(tmp_path / "m")
    fake = load(tmp_path / "m").sample(500, random_state=1)
    assert fake.equals(model.sample(500, random_state=1))

    def spread(table):
        return float(np.log(table["area"] / table["radius"] ** 2).std())

    assert spread(fake) < 2 * spread(table)
    assert spread(fit(table, constraints=[]).sample(500)) > 3 * spread(table)


def test_a_column_that_follows_from_another_does(stays):
    names = {"general": "GEN", "cardiology": "CAR", "paediatrics": "PAE", "orthopaedics": "ORT"}
    table = stays[["ward", "age", "sex"]].assign(short=stays["ward"].map(names))
    model = fit(table)
    assert model.encoder_.schema_.names in (["ward", "age", "sex"], ["age", "sex", "short"])
    fake = model.sample(500, conditions={"short": ["CAR", "GEN"]})
    assert (fake["ward"].map(names) == fake["short"]).all()
    assert set(fake["short"]) == {"CAR", "GEN"}


def test_columns_that_name_rows_are_made_afresh(stays):
    n = len(stays)
    rng = np.random.default_rng(0)
    numbers = rng.choice(10**6, n, replace=False)
    table = stays[["age", "bmi"]].assign(
        patient=[f"P-{number:06d}" for number in numbers], record_id=10_000 + np.arange(n)
    )
    with pytest.warns(DataWarning, match="replaced by new values of the same pattern") as seen:
        model = fit(table)
    (told,) = [str(w.message) for w in seen if w.category is DataWarning]
    assert "2 columns ('patient', 'record_id') identify rows" in told
    fake = model.sample(300)
    assert list(fake) == list(table)
    assert fake["patient"].is_unique
    assert all(re.fullmatch(r"P-\d{6}", code) for code in fake["patient"])
    assert fake["record_id"].is_unique
    assert fake["record_id"].dtype == table["record_id"].dtype
    assert fake["patient"].isin(table["patient"]).mean() < 0.01
    forced = fit(stays[["age", "sex"]], constraints=[Identifier("age")])
    assert forced.sample(20)["age"].is_unique


def test_free_text_is_refused():
    rng = np.random.default_rng(0)
    words = np.array(["pain", "since", "morning", "left", "knee", "no", "fever", "smoker", "aged"])
    notes = [" ".join(rng.choice(words, rng.integers(3, 9))) for _ in range(200)]
    table = pd.DataFrame({"notes": notes, "x": rng.normal(size=200)})
    with pytest.raises(DataError, match="column 'notes' is free text"):
        fit(table)
    assert fit(table, constraints=[Identifier("notes")]).sample(9)["notes"].is_unique


def test_rules_that_the_data_break_or_that_clash(stays):
    with pytest.raises(DataError, match=r"'left'.*'admitted'|'admitted'.*'left'"):
        fit(stays, constraints=[Inequality("left", "admitted", strict=True)])
    with pytest.raises(DataError, match=r"'age'.* outside"):
        fit(stays, constraints=[Range("age", 0, 30)])
    with pytest.raises(DataError, match="'nobody'"):
        fit(stays, constraints=[Range("nobody", 0)])
    with pytest.raises(ParameterError, match="'left' is transformed by both"):
        fit(stays, constraints=[Inequality("admitted", "left"), FixedCombinations(["left", "sex"])])


def test_relations_hold_in_every_row_of_a_file():
    r = np.random.default_rng(0)
    day = pd.Timestamp("2023-01-01") + pd.to_timedelta(r.integers(0, 365, 500), unit="D")
    stay = r.poisson(4, 500)
    table = pd.DataFrame({"admission": day, "discharge": day + pd.to_timedelta(stay, unit="D")})
    table = table.apply(lambda dates: dates.dt.strftime("%d/%m/%Y")).assign(stay=stay)
    table["bmi"] = r.normal(26, 4, 500).round(1)
    table["class"] = pd.cut(table["bmi"], [0, 25, 30, 99], labels=["a", "b", "c"]).astype(str)
    table["population"] = np.sort(r.choice(10**5, 500, replace=False))
    table["doctors"] = table["population"] // 900
    with pytest.warns(DataWarning, match=r"'admission', 'discharge'.* 'population' is sorted and"):
        fake = fit(table).sample(1000, random_state=1)
    first, last = (pd.to_datetime(fake[c], format="%d/%m/%Y") for c in ("admission", "discharge"))
    assert ((last - first).dt.days == fake["stay"]).all()
    bins = pd.cut(fake["bmi"], [0, 25, 30, 99], labels=["a", "b", "c"])
    assert (bins.astype(str) == fake["class"]).all()
    assert (fake["population"] // 900 == fake["doctors"]).all()
    assert fake["population"].corr(fake["doctors"]) > 0.99


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")
def test_an_inequality_of_a_column_that_another_gives():
    rng = np.random.default_rng(0)
    ward = rng.choice(list("abcdefgh"), 400)
    low = pd.Series(ward).map({level: 10.0 * i for i, level in enumerate("abcdefgh")})
    table = pd.DataFrame({"ward": ward, "low": low, "high": low + rng.exponential(1, 400)})
    constraints = ["auto", Inequality("low", "high")]
    model = TabularGANSynthesizer(constraints=constraints, max_steps=3, random_state=0).fit(table)
    made = model.sample(50)
    assert (made["low"] <= made["high"]).all()
    assert made["low"].isin(low.unique()).all()


def test_a_residual_that_is_constant_is_not_said_to_come_back_constant() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"start": rng.normal(30, 9, 300).round(), "ward": rng.choice([*"ab"], 300)}
    )
    frame["day"] = frame["start"] + 1
    frame.loc[[3, 7], "day"] += 2  # rare exceptions
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = TabularGANSynthesizer(max_steps=2, random_state=0).fit(frame)
    assert [c.column for c in model.constraints_.constraints_] == ["day"]
    assert not [one for one in caught if "day" in str(one.message)]
