"""Related tables: keys agree, relations hold, and nothing is lost on the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan import (
    Callback,
    Checkpoint,
    GridEncoder,
    Relation,
    RelationalGANSynthesizer,
    TabularGANSynthesizer,
)
from synthgan.datasets import make_hospital
from synthgan.encoding.groups import CellGroup
from synthgan.exceptions import ArchiveError, DataError, DataWarning, ParameterError
from synthgan.state.archive import read_archive, write_archive
from synthgan.synthesizers.child_table import ChildTableSynthesizer
from synthgan.synthesizers.table_rules import child_run
from tests.quick import BrokenError, weights_of

pytestmark = pytest.mark.filterwarnings("ignore::synthgan.exceptions.SynthganWarning")

RELATIONS = [
    Relation("visits", "patient", "patients", order="date", parent_key="id"),
    Relation("labs", "visit_id", "visits", parent_key="visit"),
    Relation("labs", "patient_id", "patients", parent_key="id"),
    Relation("labs", "drug", "drugs"),
]


def clinic(n_patients: int = 60) -> dict[str, pd.DataFrame]:
    """Patients with visits, visits with laboratory values of drugs, some of no visit."""
    rng = np.random.default_rng(0)
    born = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 15_000, n_patients), "D")
    codes = [f"P-{i:04d}" for i in rng.permutation(9000)[:n_patients]]
    patients = pd.DataFrame({"id": codes, "sex": rng.choice(["f", "m"], n_patients), "born": born})
    of = np.repeat(np.arange(n_patients), rng.poisson(2.5, n_patients))
    n = len(of)
    after = pd.to_timedelta(rng.integers(1, 3000, n), "D")
    visits = pd.DataFrame({"visit": np.arange(n) + 100, "patient": patients["id"].to_numpy()[of]})
    visits["date"] = pd.Series(born[of] + after).to_numpy()
    visits["ward"] = pd.Categorical(rng.choice(["A", "B", "C"], n))
    visits["left"] = visits["date"] + pd.to_timedelta(rng.integers(0, 20, n), "D")
    at = np.repeat(np.arange(n), rng.poisson(2, n))
    drugs = pd.DataFrame({"drug": [f"D{i}" for i in range(30)], "dose": rng.integers(1, 9, 30)})
    labs = pd.DataFrame({"visit_id": visits["visit"].to_numpy()[at].astype(float)})
    labs["patient_id"] = visits["patient"].to_numpy()[at]
    labs["drug"] = rng.choice(drugs["drug"], len(labs))
    labs["value"] = rng.normal(size=len(labs))
    labs.loc[rng.random(len(labs)) < 0.05, "visit_id"] = np.nan
    return {"patients": patients, "visits": visits, "labs": labs, "drugs": drugs}


def quick(relations: object = (), **parameters: object) -> RelationalGANSynthesizer:
    return RelationalGANSynthesizer(relations, **{"epochs": 2, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def model() -> RelationalGANSynthesizer:
    return quick(RELATIONS).fit(clinic(120))  # enough rows for trees


@pytest.fixture(scope="module")
def fake(model: RelationalGANSynthesizer) -> dict[str, pd.DataFrame]:
    return model.sample(60, random_state=3)


def test_tables_come_back_as_they_were(fake: dict[str, pd.DataFrame]) -> None:
    real = clinic()
    assert list(fake) == list(real)
    for name, frame in fake.items():
        assert list(frame) == list(real[name])
        assert len(frame)
        for column in frame:
            assert frame[column].dtype == real[name][column].dtype, (name, column)
    assert len(fake["patients"]) == 60


def test_keys_agree_and_are_new(fake: dict[str, pd.DataFrame]) -> None:
    patients, visits, labs = fake["patients"], fake["visits"], fake["labs"]
    assert patients["id"].is_unique
    assert visits["visit"].is_unique
    assert patients["id"].str.fullmatch(r"P-\d{4}").all()
    assert visits["patient"].isin(patients["id"]).all()
    assert labs["visit_id"].dropna().isin(visits["visit"]).all()
    assert labs["drug"].isin(fake["drugs"]["drug"]).all()
    assert 0 < labs["visit_id"].isna().mean() < 0.2
    both = labs.dropna(subset="visit_id").merge(visits, left_on="visit_id", right_on="visit")
    assert (both["patient"] == both["patient_id"]).all()


def test_dates_are_in_order(fake: dict[str, pd.DataFrame]) -> None:
    visits = fake["visits"].merge(fake["patients"], left_on="patient", right_on="id")
    assert (visits["born"] <= visits["date"]).all()
    assert (visits["date"] <= visits["left"]).all()
    assert visits.groupby("patient", sort=False)["date"].is_monotonic_increasing.all()


def test_no_stay_begins_before_the_one_before_has_ended() -> None:
    real = {name: make_hospital(60, random_state=0)[name] for name in ("patients", "stays")}
    model = quick([Relation("stays", "patient_id", "patients", order="admitted")]).fit(real)
    assert model.models_["stays"].pace_.until == "discharged"
    stays = model.sample(150, random_state=0)["stays"]
    before = stays.groupby("patient_id")["discharged"].shift()
    assert before.notna().sum() > 50
    assert not (stays["admitted"] < before).any()
    assert not stays.duplicated(["patient_id", "admitted"]).any()


def test_equal_seeds_give_equal_tables(
    model: RelationalGANSynthesizer, fake: dict[str, pd.DataFrame]
) -> None:
    again = model.sample(60, random_state=3)
    other = model.sample(60, random_state=4)
    for name in fake:
        pd.testing.assert_frame_equal(again[name], fake[name])
        assert not other[name].equals(fake[name])


def test_archives_hold_all_tables(
    model: RelationalGANSynthesizer, fake: dict[str, pd.DataFrame]
) -> None:
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    loaded = synthgan.load(file)
    assert type(loaded) is RelationalGANSynthesizer
    assert loaded.relations_ == model.relations_
    for name, frame in loaded.sample(60, random_state=3).items():
        pd.testing.assert_frame_equal(frame, fake[name])


def test_archives_without_trees(model: RelationalGANSynthesizer) -> None:
    with_trees, without = io.BytesIO(), io.BytesIO()
    model.save(with_trees)
    model.save(without, critic=False)
    assert len(without.getvalue()) < len(with_trees.getvalue())
    without.seek(0)
    assert len(synthgan.load(without).sample(10)["patients"]) == 10


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("relations", lambda r: [{**r[0], "child": "ward"}, *r[1:]], "a table that is not there"),
        ("keys", lambda k: {**k, "visits": []}, "'visits' has other keys"),
        ("containers", lambda c: {**c, "ward": c["visits"]}, "have other names"),
        ("tables", lambda t: t[1:], "manifest and schema have other tables"),
        ("links", lambda v: [[9, v[0][1]]], "no loadable model"),
        ("moved", None, "an earlier version of synthgan made it"),
    ],
)
def test_archives_that_do_not_fit_together_are_refused(
    model: RelationalGANSynthesizer,
    part: str,
    change: Callable[[Any], Any] | None,
    message: str,
    tmp_path: Path,
) -> None:
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    archive = read_archive(file)
    schema = dict(archive.schema)
    old = schema.pop(part)
    if change is not None:
        schema[part] = change(old)
    changed = archive._replace(
        schema=schema, manifest={k: v for k, v in archive.manifest.items() if k != "format"}
    )
    write_archive(tmp_path / "m", *changed)
    with pytest.raises(ArchiveError, match=message):
        synthgan.load(tmp_path / "m")


def test_what_a_family_shares_is_the_same_in_its_rows() -> None:
    rng = np.random.default_rng(0)
    patients = pd.DataFrame({"id": range(80), "city": rng.choice(["Ulm", "Hof"], 80)})
    of = np.sort(rng.integers(0, 70, 300))
    sex, born = rng.choice(["f", "m"], 80), rng.integers(1930, 2000, 80)
    visits = pd.DataFrame({"id": of, "pulse": rng.normal(70, 9, 300), "sex": sex[of]})
    visits["born"] = born[of]
    model = RelationalGANSynthesizer(
        [Relation("visits", "id", "patients")], max_steps=5, random_state=0
    ).fit({"patients": patients, "visits": visits})
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    for one in (model, synthgan.load(file)):
        made = one.sample(80, random_state=0)
        assert list(made["patients"]) == ["id", "city"]
        pd.testing.assert_series_equal(made["visits"].dtypes, visits.dtypes)
        assert (made["visits"].groupby("id")[["sex", "born"]].nunique() == 1).all(axis=None)
    with pytest.raises(DataError, match="sex"):
        model.sample(5, conditions={"patients": {"visits: sex": "f"}})


def test_conditions_of_a_table_without_a_parent(model: RelationalGANSynthesizer) -> None:
    made = model.sample(12, conditions={"patients": {"sex": "f"}}, random_state=0)
    assert made["patients"]["sex"].eq("f").all()
    assert len(made["patients"]) == 12
    wanted = pd.DataFrame({"sex": ["m", "f", "m"]})
    made = model.sample(conditions={"patients": wanted}, random_state=0)
    assert made["patients"]["sex"].tolist() == ["m", "f", "m"]
    with pytest.raises(ParameterError, match=r"without a parent are .*'patients', 'drugs'"):
        model.sample(3, conditions={"visits": {"ward": "A"}})
    with pytest.raises(DataError, match="column 'age'"):
        model.sample(3, conditions={"patients": {"age": 3}})


def test_number_of_rows(model: RelationalGANSynthesizer) -> None:
    made = model.sample(0)
    assert [len(frame) for frame in made.values()] == [0, 0, 0, 0]
    made = model.sample({"patients": 20, "drugs": 3}, random_state=0)
    assert [len(made[name]) for name in ("patients", "drugs")] == [20, 3]
    assert len(model.sample()["patients"]) == 1
    with pytest.raises(ParameterError, match="n=-1"):
        model.sample(-1)
    with pytest.raises(ParameterError, match="without a parent"):
        model.sample({"visits": 3})


def test_one_table_gives_what_its_synthesizer_gives() -> None:
    table = clinic()["patients"].drop(columns="id")
    one = quick().fit({"patients": table}).sample(20)["patients"]
    two = TabularGANSynthesizer(epochs=2, random_state=0).fit(table).sample(20)
    pd.testing.assert_frame_equal(one, two)


def test_a_long_table() -> None:
    real = clinic()
    long = real["visits"].merge(real["patients"], left_on="patient", right_on="id")
    long = long.drop(columns=["id", "visit"])
    model = quick([Relation("visits", "patient", None, order="date")]).fit({"visits": long})
    made = model.sample(30, random_state=0)["visits"]
    assert list(made) == list(long)
    assert (made.groupby("patient")[["sex", "born"]].nunique() <= 1).all(axis=None)
    assert made["patient"].nunique() <= 30


def test_rows_are_counted_again_in_composite_keys() -> None:
    visits = clinic()["visits"]
    visits["no"] = visits.groupby("patient").cumcount() + 1
    visits = visits.sort_values(["patient", "no"]).drop(columns=["date", "left", "visit"])
    labs = visits[["patient", "no"]].sample(200, random_state=0, replace=True).assign(x=1.5)
    relations = [
        Relation("visits", "patient", "patients", parent_key="id"),
        Relation("labs", ("patient", "no"), "visits"),
    ]
    tables = {"patients": clinic()["patients"], "visits": visits, "labs": labs}
    made = quick(relations).fit(tables).sample(25, random_state=0)
    counted = made["visits"].groupby("patient").cumcount() + 1
    assert made["visits"]["no"].tolist() == counted.tolist()
    assert not made["visits"].duplicated(["patient", "no"]).any()
    keys = pd.MultiIndex.from_frame(made["visits"][["patient", "no"]])
    assert pd.MultiIndex.from_frame(made["labs"][["patient", "no"]]).isin(keys).all()


def test_a_child_of_keys_alone() -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"][["patient"]]}
    made = quick([Relation("visits", "patient", "patients", parent_key="id")]).fit(tables)
    assert list(made.sample(20)["visits"]) == ["patient"]


def test_what_is_not_recorded_at_a_time_is_missing_then() -> None:
    rng, n = np.random.default_rng(0), 60
    visits = pd.DataFrame({"patient": np.repeat(np.arange(n), 4)})
    visits["year"] = 1960 + 10 * np.tile(np.arange(4), n) + np.repeat(rng.integers(0, 5, n), 4)
    visits["test"] = rng.choice(["a", "b"], 4 * n)
    visits["value"] = (rng.normal(size=4 * n) + 50 * (visits["test"] == "a")).round(2)
    visits.loc[visits["year"] < 1980, "value"] = np.nan
    tables = {"patients": pd.DataFrame({"id": range(n)}), "visits": visits}
    relation = Relation("visits", "patient", "patients", order="year", parent_key="id")
    made = quick([relation]).fit(tables).sample(n)["visits"]
    assert (made["value"].isna() == (made["year"] < 1980)).all()
    values = made.groupby("test")["value"].median()
    assert values["a"] > 40
    assert values["b"] < 10


def test_rare_labels_of_one_person_do_not_come_out() -> None:
    tables = clinic(100)
    visits = tables["visits"]
    person = visits["patient"].value_counts().index[0]
    own = visits[visits["patient"] == person]
    tables["visits"] = pd.concat([visits, own]).assign(
        ward=lambda d: d["ward"].astype(object).where(d["patient"] != person, "secret")
    )
    tables["visits"]["visit"] = np.arange(len(tables["visits"]))
    del tables["labs"], tables["drugs"]
    assert (tables["visits"]["ward"] == "secret").sum() >= 5
    model = quick(RELATIONS[:1]).fit(tables)
    assert "secret" not in set(model.sample(100, random_state=0)["visits"]["ward"])
    file = io.BytesIO()
    model.save(file)
    assert b"secret" not in file.getvalue()


def test_patterns_of_keys_follow_the_support_of_the_encoders() -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    few = set(tables["patients"]["id"].iloc[:7])
    for name, column in (("patients", "id"), ("visits", "patient")):
        key = tables[name][column]
        tables[name][column] = key.where(~key.isin(few), "rare" + key)
    own = {name: TabularGANSynthesizer(encoder=GridEncoder(min_support=k), max_steps=2)
           for name, k in (("patients", 10), ("visits", 5))}  # fmt: skip
    made = quick(RELATIONS[:1], tables=own).fit(tables).sample(100, random_state=0)
    assert not made["patients"]["id"].str.startswith("rare").any()


def test_tables_may_have_parameters_of_their_own() -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    own = TabularGANSynthesizer(max_steps=3, candidates=1)
    model = quick(RELATIONS[:1], tables={"visits": own}).fit(tables)
    assert model.models_["visits"].n_steps_ == 3
    assert model.models_["visits"].critic_ is None
    assert model.models_["patients"].n_steps_ != 3
    assert [one.candidates for one in model.models_.values()] == [8, 1]  # more for the parents


def test_many_rows_of_few_people_are_learnt_longer() -> None:
    model, groups = ChildTableSynthesizer(), [CellGroup("continuous", (0,))]

    def steps(n_people: int, n_rows: int) -> float:
        return child_run(model, groups, n_people, n_rows).n_steps

    fewest = steps(100, 100)
    assert steps(100, 400) == 2 * fewest
    assert fewest < 1500
    assert steps(100, 100_000) == 6000  # as other people's rows are
    assert steps(5000, 5000) == 6000


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tables": {"ward": TabularGANSynthesizer()}}, "tables names table 'ward'"),
        ({"condition_on": {"visits": ["ward"]}}, "condition_on names table 'visits'"),
        ({"constraints": {"x": []}}, "constraints names table 'x'"),
    ],
)
def test_bad_parameters(parameters: dict[str, object], message: str) -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    with pytest.raises(ParameterError, match=message):
        quick(RELATIONS[:1], **parameters).fit(tables)


def test_errors_and_warnings_name_the_table() -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    words = ["pain", "knee", "left", "since", "no", "week"]
    rng, n = np.random.default_rng(0), len(tables["visits"])
    tables["visits"]["note"] = [" ".join(rng.choice(words, rng.integers(4, 20))) for _ in range(n)]
    with pytest.raises(DataError, match="table 'visits': column 'note' is free text"):
        quick(RELATIONS[:1]).fit(tables)
    tables["visits"]["note"] = [f"N{i:05d}" for i in range(n)]
    with pytest.warns(DataWarning, match="table 'visits'") as seen:
        quick(RELATIONS[:1]).fit(tables)
    assert {one.filename for one in seen} == {__file__}  # the line of the user


def test_a_run_that_broke_off_goes_on(tmp_path: Path) -> None:
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    whole = quick(RELATIONS[:1], epochs=8).fit(tables)
    checkpoint = Checkpoint(tmp_path, every_epochs=2)
    with pytest.raises(BrokenError):
        quick(RELATIONS[:1], epochs=8, callbacks=[checkpoint, BreakOfVisits()]).fit(tables)
    assert len(list(tmp_path.iterdir())) == 2
    again = quick(RELATIONS[:1], epochs=8, callbacks=[checkpoint]).fit(tables)
    for name, model in whole.models_.items():
        assert weights_of(again.models_[name]) == weights_of(model)


class BreakOfVisits(Callback):
    """Break off in the second table."""

    def __init__(self) -> None:
        self.n_begun = 0

    def on_begin(self, run: object) -> None:
        self.n_begun += 1

    def on_epoch(self, run: object) -> None:
        if self.n_begun == 2 and run.state.epoch >= 5:
            raise BrokenError


@pytest.mark.filterwarnings("ignore::synthgan.exceptions.ShortTrainingWarning")
def test_max_time_is_shared_among_tables() -> None:
    model = quick(RELATIONS[:1], epochs=None, max_time="2s")
    tables = {"patients": clinic()["patients"], "visits": clinic()["visits"]}
    model.fit(tables)
    limits = [one.max_time for one in model.models_.values()]
    assert 0 < limits[0] < 2
    assert 0 < limits[1] < 2


def test_archives_of_a_parent_with_dates_in_several_forms(tmp_path: Path) -> None:
    """The form is a column of its own, which the ranks of what is summed up do not know."""
    tables = {name: table for name, table in clinic().items() if name in ("patients", "visits")}
    n = len(tables["patients"])
    days = pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d").to_series(index=range(n))
    days.iloc[::2] += "T10:30"
    tables["patients"] = tables["patients"].assign(screened=days.to_numpy())
    model = quick(RELATIONS[:1]).fit(tables)
    assert "screened (form)" in [column.name for column in model.models_["patients"].schema_]
    model.save(tmp_path / "m")
    again = synthgan.load(tmp_path / "m").sample(20, random_state=0)
    for name, table in model.sample(20, random_state=0).items():
        pd.testing.assert_frame_equal(again[name], table)
