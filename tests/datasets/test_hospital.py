import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import spearmanr

from synthgan.datasets import hospital_relations, make_hospital
from synthgan.exceptions import ParameterError
from synthgan.records.related import RelatedTables

DAY = pd.Timedelta(days=1)
NORMAL = 36.8  # degrees


@pytest.fixture(scope="module")
def tables():
    return make_hospital(6000, random_state=0)


@pytest.fixture(scope="module")
def patients(tables):
    frame = tables["patients"].set_index("patient_id")
    age = (pd.Timestamp("2018-01-01") - frame["birth_date"]) / DAY / 365.25
    n_stays = tables["stays"]["patient_id"].value_counts().reindex(frame.index, fill_value=0)
    return frame.assign(age=age, n_stays=n_stays)


@pytest.fixture(scope="module")
def stays(tables, patients):
    frame = tables["stays"].join(patients, on="patient_id")
    return frame.assign(days=(frame["discharged"] - frame["admitted"]) / DAY)


@pytest.fixture(scope="module")
def measurements(tables, stays):
    frame = tables["measurements"].merge(stays, on="stay_id")
    frame["place"] = frame.groupby("stay_id").cumcount()
    heart = frame["heart_rate"].astype(float) - 72 - 9 * (frame["temperature_c"] - NORMAL)
    pressure = frame["systolic_mmhg"] - 100 - 0.5 * frame["age"]
    return frame.assign(heart=heart, pressure=pressure)


def test_the_relations_fit_the_tables(tables):
    related = RelatedTables.read(tables, hospital_relations())
    assert {name: len(x) for name, x in related.frames.items()} == {
        name: len(x) for name, x in tables.items()
    }
    assert all((rows >= 0).all() for rows in related.rows.values())
    for relation in related.relations:  # rows stand in order already
        assert_frame_equal(related.frames[relation.child][[relation.order]],
                           related.frames[relation.child].assign(row=related.rows[relation])
                           .sort_values(["row", relation.order], kind="stable")
                           [[relation.order]])  # fmt: skip
    assert tables["patients"]["patient_id"].is_unique
    assert tables["stays"]["stay_id"].is_unique
    assert tables["prescriptions"]["prescription_id"].is_unique


def test_every_time_is_possible(tables, stays):
    assert (stays["birth_date"] <= stays["admitted"]).all()
    assert (stays["admitted"] < stays["discharged"]).all()
    assert (stays["death_date"].isna() | (stays["discharged"] <= stays["death_date"])).all()
    before = stays.groupby("patient_id")["discharged"].shift()
    assert (stays["admitted"] > before)[before.notna()].all()
    for name, column in (("measurements", "measured_at"), ("prescriptions", "started")):
        rows = tables[name].merge(stays, on="stay_id")
        assert rows[column].between(rows["admitted"], rows["discharged"]).all()
        assert (rows.groupby("stay_id")[column].diff().dropna() >= pd.Timedelta(0)).all()


def test_number_of_stays_depends_on_age_and_sex(patients):
    for sex, factor in (("female", 1.0), ("male", 1.25)):
        for low, high in ((20, 40), (40, 60), (60, 80)):
            some = patients[(patients["sex"] == sex) & patients["age"].between(low, high)]
            expected = (factor * 1.4 * np.exp(0.02 * (some["age"] - 50))).mean()
            assert some["n_stays"].mean() == pytest.approx(expected, rel=0.12)
            assert some["n_stays"].var() > 1.4 * some["n_stays"].mean()
    assert 0.2 < (patients["n_stays"] == 0).mean() < 0.5
    assert 10 < patients["n_stays"].max() <= 40


def test_diagnosis_depends_on_the_patient(stays):
    first = stays.groupby("patient_id").head(1)
    births = stays[stays["diagnosis"] == "delivery"]
    assert (births["sex"] == "female").all()
    assert births["age"].between(18, 45.01).all()
    share = first.groupby(pd.cut(first["age"], [0, 45, 65, 100]), observed=True)["diagnosis"]
    share = share.value_counts(normalize=True).unstack(fill_value=0)
    assert share["appendicitis"].is_monotonic_decreasing
    assert share["heart failure"].is_monotonic_increasing
    assert share["hip fracture"].is_monotonic_increasing
    # Odds against heart failure, whose odds smoking does not change.
    some = first[first["diagnosis"].isin(["pneumonia", "heart failure"])]
    odds = some.groupby("smoker")["diagnosis"].agg(lambda x: (x == "pneumonia").mean())
    odds = odds / (1 - odds)
    assert odds[True] / odds[False] == pytest.approx(2, rel=0.3)


def test_ward_depends_on_diagnosis(stays):
    share = pd.crosstab(stays["diagnosis"], stays["ward"], normalize="index")
    assert share.loc["delivery", "obstetrics"] == 1
    for diagnosis, ward, expected in (
        ("heart failure", "cardiology", 0.8),
        ("pneumonia", "general", 0.95),
        ("hip fracture", "orthopaedics", 0.9),
        ("appendicitis", "surgery", 0.85),
    ):
        assert share.loc[diagnosis, ward] == pytest.approx(expected, abs=0.03)


def test_length_and_cost_of_a_stay(stays):
    at_50 = stays["days"] / np.exp(0.01 * (stays["age"] - 50))
    means = at_50.groupby(stays["diagnosis"]).mean()
    for diagnosis, expected in (
        ("heart failure", 7), ("pneumonia", 6), ("hip fracture", 9), ("appendicitis", 3),
        ("delivery", 2.5),
    ):  # fmt: skip
        assert means[diagnosis] == pytest.approx(expected, rel=0.05)
    factor = np.log(stays["cost_eur"] / (900 + 650 * stays["days"])).dropna()
    assert factor.mean() == pytest.approx(0, abs=0.01)
    assert factor.std() == pytest.approx(0.15, abs=0.01)
    assert stays["cost_eur"].isna().mean() == pytest.approx(0.06, abs=0.01)


def test_stays_depend_on_the_stay_before(stays):
    before = stays.groupby("patient_id")[["diagnosis", "discharged"]].shift()
    later = before["diagnosis"].notna() & (before["diagnosis"] != "delivery")
    same = (stays["diagnosis"] == before["diagnosis"])[later]
    # Half are the same on purpose, and of the other half as many as are drawn by chance.
    others = stays[later].sample(frac=1, random_state=0)
    old = stays["age"][later].between(60, 75)
    assert 0.55 < same[old].mean() < 0.85
    by_chance = (stays["diagnosis"][later].to_numpy() == others["diagnosis"].to_numpy()).mean()
    assert same.mean() > by_chance + 0.25
    gap = (stays["admitted"] - before["discharged"]) / DAY
    medians = gap.groupby(before["diagnosis"]).median()
    for diagnosis, expected in (("heart failure", 60), ("pneumonia", 150), ("hip fracture", 300),
                                ("appendicitis", 400), ("delivery", 600)):  # fmt: skip
        assert medians[diagnosis] == pytest.approx(expected, rel=0.15)


def test_deaths_depend_on_age_and_heart_failure(patients, stays):
    dies = patients["death_date"].notna()
    assert dies[patients["age"] < 40].mean() < 0.06 < 0.2 < dies[patients["age"] > 75].mean()
    n_heart = stays[stays["diagnosis"] == "heart failure"].groupby("patient_id").size()
    n_heart = n_heart.reindex(patients.index, fill_value=0)
    old = patients["age"].between(60, 75)
    assert dies[old & (n_heart >= 2)].mean() > dies[old & (n_heart == 0)].mean() + 0.1


def test_temperature_falls_within_a_stay(measurements):
    days = (measurements["measured_at"] - measurements["admitted"]) / DAY
    for diagnosis, excess in (("pneumonia", 2.2), ("appendicitis", 1.4), ("heart failure", 0.2)):
        some = measurements["diagnosis"] == diagnosis
        left = measurements["temperature_c"][some] - NORMAL
        expected = excess * 0.5 ** (days[some] / 1.5)
        assert left[days < 0.5].mean() == pytest.approx(expected[days < 0.5].mean(), abs=0.06)
        assert (left - expected).std() == pytest.approx(0.2, abs=0.02)


def test_measurements_are_autocorrelated_within_a_stay(measurements):
    for name in ("heart", "pressure"):
        rest = measurements[name] - (
            measurements.groupby("patient_id")[name].transform("mean") if name == "pressure" else 0
        )
        before = rest.groupby(measurements["stay_id"]).shift()
        floor = 0.55 if name == "pressure" else 0.77  # the mean of a patient takes a part
        assert floor < rest.corr(before) < 0.83
    by_chance = measurements["heart"].sample(frac=1, random_state=0).to_numpy()
    assert abs(measurements["heart"].corr(pd.Series(by_chance, measurements.index))) < 0.05


def test_blood_pressures_of_a_patient_have_a_part_in_common(measurements):
    means = measurements.groupby(["patient_id", "stay_id"])["pressure"].agg(["mean", "size"])
    means = means[means["size"] >= 4]["mean"].groupby("patient_id")
    pair = pd.concat([means.first(), means.last()], axis=1)[means.size() > 1]
    # 8**2 of the patient, and the mean of a short series of variance 8**2.
    assert 0.5 < pair.iloc[:, 0].corr(pair.iloc[:, 1]) < 0.85
    slope = np.polyfit(measurements["age"], measurements["systolic_mmhg"], 1)[0]
    assert slope == pytest.approx(0.5, abs=0.05)


def test_counts_grow_with_the_stay_and_with_age(tables, stays):
    n = tables["measurements"]["stay_id"].value_counts().reindex(stays["stay_id"], fill_value=0)
    slope, start = np.polyfit(stays["days"], n.to_numpy(), 1)
    assert slope == pytest.approx(1.2, abs=0.03)
    assert start == pytest.approx(0.5, abs=0.15)
    assert (n == 0).any()
    n = tables["prescriptions"]["stay_id"].value_counts().reindex(stays["stay_id"], fill_value=0)
    slope, start = np.polyfit(stays["age"], n.to_numpy(), 1)
    assert slope == pytest.approx(0.03, abs=0.003)
    assert start == pytest.approx(0.5, abs=0.15)


def test_drugs_depend_on_diagnosis(tables, stays):
    rows = tables["prescriptions"].merge(stays[["stay_id", "diagnosis"]], on="stay_id")
    own = {"heart failure": "furosemide", "pneumonia": "amoxicillin", "hip fracture": "enoxaparin",
           "appendicitis": "cefuroxime", "delivery": "oxytocin"}  # fmt: skip
    is_own = rows["drug"].astype(str) == rows["diagnosis"].map(own)
    first = ~rows.duplicated("stay_id")
    assert is_own[first].mean() == pytest.approx(0.75, abs=0.02)
    assert is_own[~first].mean() == pytest.approx(0.5, abs=0.02)
    assert rows.groupby("drug", observed=True)["dose_mg"].nunique().eq(3).all()
    assert rows["n_days"].isna().equals(rows["as_needed"])


def test_types_and_missing_cells(tables):
    patients, measurements = tables["patients"], tables["measurements"]
    assert patients["smoker"].dtype == "boolean"
    assert patients["smoker"].isna().mean() == pytest.approx(0.05, abs=0.01)
    assert isinstance(patients["sex"].dtype, pd.CategoricalDtype)
    assert patients["birth_date"].dtype.kind == "M"
    assert measurements["heart_rate"].dtype == "Int64"
    assert measurements["heart_rate"].isna().mean() == pytest.approx(0.04, abs=0.005)
    assert measurements["creatinine"].isna().mean() == pytest.approx(0.7, abs=0.01)


def test_keys_carry_no_information(tables, patients):
    ids = tables["patients"]["patient_id"].str[2:].astype(int)
    assert abs(spearmanr(ids, patients["age"]).statistic) < 0.05
    assert abs(spearmanr(ids, np.arange(len(ids))).statistic) < 0.05
    stays = tables["stays"]
    assert abs(spearmanr(stays["stay_id"], stays["admitted"].astype("int64")).statistic) < 0.05


def test_the_seed_gives_the_tables():
    one, same, other = (make_hospital(40, random_state=seed) for seed in (3, 3, 4))
    for name, table in one.items():
        assert_frame_equal(table, same[name])
    assert not one["patients"].equals(other["patients"])


@pytest.mark.parametrize("n", [0, 1])
def test_the_fewest_patients(n):
    tables = make_hospital(n, random_state=0)
    assert len(tables["patients"]) == n
    like = make_hospital(30, random_state=0)
    for name, table in tables.items():
        assert table.columns.tolist() == like[name].columns.tolist()
    assert tables["stays"]["patient_id"].isin(tables["patients"]["patient_id"]).all()


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="n=-1 is not allowed"):
        make_hospital(-1)
