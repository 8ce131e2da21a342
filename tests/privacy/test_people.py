"""The unit is a person: attacks on tables, signals and images in which people have several rows."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from synthgan import FCN, GridEncoder, Range, SignalGANSynthesizer, TabularGANSynthesizer
from synthgan.constraints import Identifier, find_people
from synthgan.constraints.lookups import DependentColumn
from synthgan.datasets import make_clinic, make_ecg
from synthgan.exceptions import DataError, DataWarning
from synthgan.privacy import Support
from synthgan.records.signals import SignalWindows
from tests.conftest import SHARED_DATA as DATA

QUICK = {"network": FCN(width=16, depth=1), "max_steps": 20, "random_state": 0}


def visits(n_people=100, even=True):
    """Visits of people with a name, a number, and a disease that few have."""
    rng = np.random.default_rng(1)
    of = np.repeat(np.arange(n_people), 6 if even else rng.geometric(1 / 6, n_people))
    first = rng.choice(["Ann", "Bob", "Cid", "Dora", "Eve"], n_people)
    table = pd.DataFrame(
        {
            "patient": [f"{first[i]} {i * 7919 % 100_003}" for i in of],
            "ssn": [f"{(i + 77) * 1_299_709 % 10**9:09d}" for i in of],
            "hiv": (np.arange(n_people) % 10 == 0)[of],
            "glucose": rng.normal(100, 10, len(of)).round(1),
        }
    )
    return table, of


def text_of(path):
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")]
        return "".join(archive.read(name).decode() for name in names)


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("groups", [None, "patient", "array"])
def test_names_of_people_with_several_rows_are_nowhere(even, groups, tmp_path):
    # Landed: 100 of 100 names and numbers were stored, and who has what as look-ups.
    table, of = visits(even=even)
    with pytest.warns(DataWarning) as told:
        model = TabularGANSynthesizer(**QUICK).fit(
            table, groups=of if groups == "array" else groups
        )
    messages = [str(one.message) for one in told]
    for name in ("patient", "ssn"):
        assert any(f"'{name}'" in message and "people: " in message for message in messages)
    assert any("give groups='patient'" in message for message in messages) == (groups is None)
    model.save(tmp_path / "m")
    stored, fake = text_of(tmp_path / "m"), model.sample(500)
    for name in ("patient", "ssn"):
        assert not [value for value in table[name].unique() if f'"{value}"' in stored]
        # Chance draws a number of the same pattern hardly ever.
        assert len(set(fake[name]) & set(table[name])) <= 1
    assert not [c for c in model.constraints_.constraints_ if isinstance(c, DependentColumn)]


def test_what_one_person_has_in_many_rows_is_not_stored(tmp_path):
    table, of = visits()
    rare = table.assign(
        ward=np.where(of == 3, "isolation", np.where(of % 2, "north", "south")),
        dose=np.where(of == 4, 77.25, np.where(of % 2, 10.0, 20.0)),
    ).drop(columns=["patient", "ssn"])
    model = TabularGANSynthesizer(**QUICK)
    model.fit(rare).save(tmp_path / "rows")
    assert "isolation" in text_of(tmp_path / "rows")  # six rows, one person
    with pytest.warns(DataWarning, match=r"'ward' has 6 value.* of fewer people than min_support"):
        model.fit(rare, groups=of).save(tmp_path / "people")
    assert "isolation" not in text_of(tmp_path / "people")
    fake = model.sample(3000)
    assert not fake["ward"].eq("isolation").any()
    assert fake["dose"].max() <= 20


def test_tables_in_which_nobody_repeats_have_no_people():
    clinic = make_clinic(600, random_state=0)
    rng = np.random.default_rng(0)
    zipf = np.minimum(rng.zipf(1.7, 600), 40)
    more = clinic.assign(
        city=[f"city {i}" for i in zipf],  # some large, many small
        day=pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 90, 600), unit="D"),
        count=rng.integers(0, 60, 600),
    )
    assert find_people(more) is None


def test_names_are_nowhere_whatever_the_constraints_are(tmp_path):
    table, _ = visits()
    for i, constraints in enumerate(([], [Range("glucose", low=0)])):
        with pytest.warns(DataWarning) as told:
            model = TabularGANSynthesizer(**QUICK, constraints=constraints).fit(table)
        assert any("seems to identify 100 people" in str(one.message) for one in told)
        model.save(tmp_path / str(i))
        stored = text_of(tmp_path / str(i))
        assert not [name for name in table["patient"].unique() if name in stored]


@pytest.mark.parametrize("name", ["pid", "userId", "customer_id", "nhs_number", "Patientennummer"])
def test_numbers_named_like_people_are_found(name):
    of = np.repeat(np.arange(50), 5)
    frame = pd.DataFrame({name: of * 37 + 10_000, "x": np.arange(250) % 7})
    with pytest.warns(DataWarning, match=f"'{name}' seems to identify 50 people"):
        assert find_people(frame)[0] == name


@pytest.mark.parametrize("name", ["paid", "covid", "acid", "n_patients_seen", "age"])
def test_other_numbers_are_not(name):
    frame = pd.DataFrame({name: np.arange(300) % 60, "x": np.arange(300) % 7})
    assert find_people(frame) is None


def test_an_encoder_in_a_pipeline_counts_people():
    table, of = visits()
    encoder = GridEncoder()
    with pytest.warns(DataWarning, match="'patient' has 600 value"):
        encoder.fit_transform(table[["patient", "glucose"]], groups=of)
    assert not encoder.column_cells_[0].codec.levels


def test_patients_are_found_beside_their_doctors():
    # Each patient sees several doctors, each doctor several patients.
    rows = np.arange(600)
    frame = pd.DataFrame(
        {
            "patient_id": [f"PAT{7000 + 11 * (i % 60)}" for i in rows],
            "doctor_id": [f"D{i // 7 % 24:02d}" for i in rows],
        }
    )
    with pytest.warns(DataWarning, match="'patient_id' seems to identify 60 people"):
        assert find_people(frame)[0] == "patient_id"
    few = frame[rows % 60 < 12]
    with pytest.warns(DataWarning, match="'patient_id' seems to identify 12 people"):
        assert find_people(few)[0] == "patient_id"


def test_codes_that_belong_to_chapters_are_no_people():
    rng = np.random.default_rng(0)
    code = np.minimum(rng.zipf(1.4, 900), 60)
    frame = pd.DataFrame(
        {
            "icd": [f"K{c:02d}" for c in code],
            "chapter": [f"chapter {c // 7}" for c in code],
            "age": rng.integers(18, 90, 900),
        }
    )
    assert find_people(frame) is None


@pytest.mark.parametrize("name", ["ae", "cm", "ds", "ex", "mh"])
def test_people_of_a_clinical_trial_are_found(name):
    path = DATA / "relational" / "cdisc" / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    with pytest.warns(DataWarning, match="'USUBJID' seems to identify"):
        column, _ = find_people(pd.read_csv(path))
    assert column == "USUBJID"


@pytest.mark.parametrize(
    "name",
    ["tabular/adult", "tabular/california_housing", "tabular/heart_cleveland", "tabular/pima",
     "tabular/thyroid", "tabular/thyroid_disease_mldatar", "relational/cdisc/dm",
     "protocol/beijing", "protocol/churn", "protocol/default", "protocol/magic",
     "protocol/shoppers"],
)  # fmt: skip
def test_tables_of_one_row_a_person_have_no_people(name):
    path = DATA / f"{name}.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert find_people(pd.read_csv(path, skipinitialspace=True)) is None


def test_people_are_found_by_two_things_that_follow():
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(80), np.minimum(rng.zipf(1.5, 80), 60))
    frame = pd.DataFrame(
        {
            "who": [f"w{i * 37 % 101}" for i in of],
            "sex": np.array(["f", "m"])[rng.integers(0, 2, 80)][of],
            "born": rng.integers(1930, 2010, 80)[of],
            "glucose": rng.normal(100, 9, len(of)).round(1),
        }
    )
    with pytest.warns(DataWarning, match="'who' seems to identify 80 people"):
        column, people = find_people(frame)
    assert column == "who"
    assert len(np.unique(people)) == 80


def test_a_column_of_groups_is_made_afresh_whatever_its_name(tmp_path):
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(60), 4)
    frame = pd.DataFrame({"P": of * 7919 + 100_003, "x": rng.normal(size=240).round(2)})
    with pytest.warns(DataWarning, match="'P' identifies people"):
        model = TabularGANSynthesizer(**QUICK).fit(frame, groups="P")
    assert Identifier in map(type, model.constraints_.constraints_)
    assert model.sample(240)["P"].is_unique


def test_each_row_may_be_said_to_be_of_another_person():
    table, _ = visits()
    model = TabularGANSynthesizer(**QUICK, constraints=[])
    with_rows = model.fit(table.drop(columns="ssn"), groups=range(len(table)))
    assert set(with_rows.sample(300)["patient"]) <= set(table["patient"])


def test_lookups_store_what_enough_people_share():
    ward = np.repeat(["a", "b", "c"], 10)
    frame = pd.DataFrame({"ward": ward, "floor": pd.Series(ward).map({"a": 1, "b": 2, "c": 3})})
    people = np.append(np.arange(20), np.full(10, 20))  # all of ward c are one person
    constraint = DependentColumn("floor", "ward").fit(frame, Support(5, people))
    assert sorted(constraint.levels_) == ["a", "b"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [("nobody", "groups='nobody' is not a column"), ([1, 2, 3], r"groups has the shape \(3,\)")],
)
def test_groups_that_do_not_fit_are_refused_before_training(groups, message):
    clinic = make_clinic(60, random_state=0)
    with pytest.raises(DataError, match=message):
        TabularGANSynthesizer(**QUICK).fit(clinic, groups=groups)
    with pytest.raises(DataError, match=message):
        GridEncoder().fit(clinic, groups=groups)


def windows_of(n_people, n_each):
    """Windows of people, the first of whom alone has a diagnosis and is 91."""
    values = make_ecg(n_people * n_each, n_samples=250, fs_hz=125, random_state=0)
    of = np.repeat(np.arange(n_people), n_each)
    info = pd.DataFrame(
        {
            "patient": [f"p{i:03d}" for i in of],
            "diagnosis": np.where(of == 0, "Morbus rarus", np.where(of % 2, "healthy", "ill")),
            "age": np.where(of == 0, 91, 40 + of % 5),
        }
    )
    return SignalWindows(values[:, None], 125.0, "i", info=info)


def test_labels_of_signals_count_patients(tmp_path):
    # Landed: labels of one patient were stored, as each window counted.
    cut = windows_of(30, 8)
    model = SignalGANSynthesizer(condition_on=["diagnosis", "age"], max_steps=2, random_state=0)
    with pytest.warns(DataWarning, match="'diagnosis' has 8 value.* of fewer people"):
        model.fit(cut)
    model.save(tmp_path / "m")
    assert "rarus" not in text_of(tmp_path / "m")
    with pytest.raises(DataError, match="rarus"):
        model.sample(1, conditions={"diagnosis": "Morbus rarus"})
    with pytest.raises(DataError, match="91"):
        model.sample(1, conditions={"age": 91})


def test_too_few_patients_have_no_labels():
    with pytest.raises(DataError, match=r"24 labelled records of 3 people; labels need at least 5"):
        SignalGANSynthesizer(condition_on=["diagnosis"], max_steps=2).fit(windows_of(3, 8))


def test_calibration_averages_enough_patients():
    cut = windows_of(12, 20)
    cut.values[:20] += 50.0  # one person's windows lie far above
    model = SignalGANSynthesizer(max_steps=2, random_state=0).fit(cut)
    _, real = model.calibration_.heights
    assert real.max() < 20


def test_json_of_an_archive_names_no_patient(tmp_path):
    SignalGANSynthesizer(max_steps=2, random_state=0).fit(windows_of(12, 8)).save(tmp_path / "m")
    assert "p003" not in json.dumps(text_of(tmp_path / "m"))


def test_one_varying_letter_names_no_people():
    wards = pd.Series([f"W-{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 4], name="w")
    assert find_people(wards.to_frame()) is None
    people = pd.Series([f"W-{i % 26:02d}" for i in range(104)], name="w")
    with pytest.warns(DataWarning, match="seems to identify 26 people"):
        assert find_people(people.to_frame())[0] == "w"


@pytest.mark.parametrize("name", ["yearID", "season_id", "month_nr", "weekId", "dateID"])
def test_points_in_time_are_no_people(name):
    frame = pd.DataFrame({name: np.repeat(np.arange(1990, 2020), 40), "x": np.arange(1200) % 7})
    assert find_people(frame) is None
