"""Numbers of a child table that are the time since a date of the parent."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import synthgan
from synthgan import Relation, RelationalGANSynthesizer
from synthgan.exceptions import ArchiveError, SynthganWarning
from synthgan.families.elapsed import ElapsedTime, replace_elapsed
from synthgan.records.related import RelatedTables
from synthgan.state.archive import FORMAT
from synthgan.synthesizers.related_tables import as_dates, as_typed

START = pd.Timestamp("2020-01-01")


def trial(n=60, as_text=False):
    """Return people, and visits with study days, age, and days since birth."""
    rng = np.random.default_rng(0)
    dosed = START + pd.to_timedelta(rng.integers(0, 300, n), "D")
    born = dosed - pd.to_timedelta(rng.integers(20 * 365, 70 * 365, n), "D")
    people = pd.DataFrame({"id": np.arange(n), "born": born, "dosed": dosed})
    owner = np.repeat(np.arange(n), 3)
    day = dosed[owner] + pd.to_timedelta(np.tile([-9, 0, 30], n) + rng.integers(0, 9, 3 * n), "D")
    after = (day - dosed[owner]).days
    before = (day.month * 100 + day.day) < (born[owner].month * 100 + born[owner].day)
    visits = pd.DataFrame({
        "id": owner,
        "day": day,
        "VISDY": after + (after >= 0),
        "age": day.year - born[owner].year - before,
        "since_birth": (day - born[owner]).days,
        "weight": rng.normal(70, 9, 3 * n).round(1),
    })  # fmt: skip
    visits["VISDY"] = visits["VISDY"].where(rng.random(3 * n) < 0.8)
    if as_text:
        people[["born", "dosed"]] = people[["born", "dosed"]].apply(
            lambda x: x.dt.strftime("%Y-%m-%d")
        )
        visits["day"] = visits["day"].dt.strftime("%Y-%m-%d")
    return {"people": people, "visits": visits}


def related(tables, order="day"):
    relations = [Relation("visits", "id", "people", order=order)]
    return RelatedTables.read(tables, relations, "error", as_dates)


@pytest.mark.parametrize("as_text", [False, True])
def test_times_since_a_date_are_found(as_text):
    tables = related(trial(as_text=as_text))
    found = {one.column.name: one for one in replace_elapsed(tables, {}, as_typed)}
    kinds = {name: (one.since, one.kind, one.may_miss) for name, one in found.items()}
    assert kinds == {
        "VISDY": ("dosed", "study days", True),
        "age": ("born", "years", False),
        "since_birth": ("born", "days", False),
    }
    assert {one.date for one in found.values()} == {"day"}
    own = tables.frames["visits"]
    assert list(own.drop(columns="id")) == ["day", "VISDY", "weight"]
    assert own["VISDY"].dropna().eq(0).all()
    for one in found.values():
        assert ElapsedTime.from_dict(one.to_dict()) == one


def test_a_number_that_is_wrong_once_is_learnt():
    tables = trial()
    tables["visits"].loc[5, "since_birth"] += 1
    read = related(tables)
    assert "since_birth" not in {one.column.name for one in replace_elapsed(read, {}, as_typed)}
    assert "since_birth" in read.frames["visits"]


def test_what_stays_is_not_replaced():
    tables = trial()
    read = related(tables, order="since_birth")
    kept = {"visits": ["age"]}
    assert [one.column.name for one in replace_elapsed(read, kept, as_typed)] == ["VISDY"]
    alone = {**tables, "visits": tables["visits"][["id", "day", "age"]]}
    assert replace_elapsed(related(alone), {}, as_typed) == []  # a row needs a column of its own
    few = {"people": tables["people"][:6], "visits": tables["visits"][:18]}
    assert replace_elapsed(related(few), {}, as_typed) == []


def test_a_row_without_a_date_gets_the_number_of_another():
    tables = related(trial())
    found = {one.column.name: one for one in replace_elapsed(tables, {}, as_typed)}
    rng = np.random.default_rng(0)
    dates = pd.Series([START, START, pd.NaT])
    since = pd.Series([START - pd.Timedelta(days=7), START, START])
    days = found["since_birth"].restore(dates, since, None, rng)
    assert days.dtype == "int64"
    assert days[:2].tolist() == [7, 0]
    assert days[2] in (7, 0)
    gone = replace(found["since_birth"], is_complete=False).restore(dates, since, None, rng)
    assert gone.isna().tolist() == [False, False, True]
    study = found["VISDY"].restore(dates, since, pd.Series([0.0, np.nan, 0.0]), rng)
    assert study[0] == 8
    assert study[1:].isna().all()


@pytest.fixture(scope="module")
def fitted():
    relations = [Relation("visits", "id", "people", order="day")]
    model = RelationalGANSynthesizer(relations, random_state=0, max_steps=2, candidates=1)
    with pytest.warns(SynthganWarning):
        return model.fit(trial(as_text=True))


def test_synthetic_rows_agree_with_their_dates(fitted):
    tables = fitted.sample(80, random_state=0)
    real = trial(as_text=True)
    visits = tables["visits"]
    assert visits.dtypes.equals(real["visits"].dtypes)
    people = tables["people"].set_index("id").loc[visits["id"]]
    day, born, dosed = (
        pd.to_datetime(x.to_numpy()) for x in (visits["day"], people["born"], people["dosed"])
    )
    assert ((day - born).days == visits["since_birth"]).all()
    after = (day - dosed).days
    known = visits["VISDY"].notna().to_numpy()
    assert 0 < known.mean() < 1
    assert ((after + (after >= 0))[known] == visits["VISDY"][known]).all()


def test_the_card_says_from_what_a_number_is_computed(fitted):
    card = fitted.model_card()
    assert "| `since_birth` | days from born to day | `int64` |" in card
    assert "| `VISDY` | study days from dosed to day | `float64` |" in card


def test_an_archive_keeps_times_since_a_date(fitted):
    file = io.BytesIO()
    fitted.save(file)
    file.seek(0)
    loaded = synthgan.load(file)
    assert loaded.elapsed_ == fitted.elapsed_
    made = [model.sample(9, random_state=1)["visits"] for model in (fitted, loaded)]
    assert made[0].equals(made[1])


@pytest.mark.parametrize("field", ["child", "date", "since"])
def test_an_archive_with_other_dates_is_refused(fitted, field):
    from synthgan.synthesizers.related_archive import related_archive, restore_related

    archive = related_archive(fitted, critic=True, seed=True)
    archive.manifest["format"] = FORMAT
    archive.schema["elapsed"][0][field] = "people" if field == "child" else "weight_"
    with pytest.raises(ArchiveError, match=r"a time since a date|has no date 'weight_'"):
        restore_related(RelationalGANSynthesizer, archive, with_weights=True)
