"""evaluate of related tables: measures, text, data and the page with its pictures."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synthgan import Relation, evaluate
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, ParameterError
from synthgan.kinds import find_kind
from synthgan.metrics.relational import read_sets
from synthgan.records.related import RelatedTables
from synthgan.report import TimelineDisplay, TransitionDisplay
from tests.metrics.relational.planted import ALL_TABLES, TWO_TABLES, VISITS, everything, hospital

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def report():
    return evaluate(
        hospital(60, 0), hospital(70, 1), holdout=hospital(60, 2), relations=TWO_TABLES
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def drawn(page):
    """Return the text of all pictures, and the number of pictures of each gallery."""
    parts = page.split('<section id="')[1:]
    counts = {part.partition('"')[0]: part.count("<img") for part in parts}
    pictures = re.findall(r"data:image/[a-z+]+;base64,([^\"]+)", page)
    return b"".join(map(base64.b64decode, pictures)), counts


def test_all_measures_are_in_the_report(report):
    assert report.settings["kind"] == "relational"
    measures = find_kind("relational").measures()
    assert report.names == [*measures["fidelity"], *measures["privacy"]]
    for name in measures["fidelity"]:
        score = report[name]
        assert score.ceiling is not None, name
        assert score.floor is not None, name
        assert np.isfinite(score.value), name
    titles = [finding.title for finding in report.summary()]
    assert titles == ["Faithful?", "Private?"]
    faithful, private = report.summary()
    assert faithful.name == "family_c2st"
    assert faithful.meaning.endswith(" for rows assigned to other parents.")
    assert private.name == "family_membership_inference"


def test_synthetic_tables_are_compared_with_the_holdout():
    real, holdout = hospital(60, 0), hospital(60, 2)
    copy = evaluate(real, real, holdout=holdout, relations=TWO_TABLES)
    for name, score in copy.scores["fidelity"].items():
        assert score.value == pytest.approx(score.ceiling), name
    assert copy.summary()[1].figure.endswith(" AUC")
    assert "closer to training records than to unseen records" in copy.summary()[1].meaning


def test_text_and_data(report):
    data = json.loads(report.to_json())
    assert data["records"]["fake"] == {
        "patients": [70, 2], "visits": [len(hospital(70, 1)["visits"]), 3]
    }  # fmt: skip
    assert data["settings"]["kind"] == "relational"
    detail = data["scores"]["fidelity"]["cardinality"]["detail"]
    assert [row["relation"] for row in detail] == ["visits -> patients"]
    assert "real" in detail[0]
    hidden = json.loads(replace(report, show_real=False).to_json())
    assert "real" not in hidden["scores"]["fidelity"]["cardinality"]["detail"][0]
    assert "C2ST of families" in report.to_markdown()
    assert report.to_frame().loc["key_integrity", "value"] == 1


def test_page_with_pictures(report, page):
    assert page == report.to_html()
    assert "patients 60 x 2; visits" in page
    assert "of fewer than 5 real people are counted as others" in page
    text, counts = drawn(page)
    assert counts["records"] == 1  # timelines
    assert counts["children"] == 1
    assert counts["transitions"] == 1
    assert counts["columns"] == 5
    assert counts["correlations"] == 2
    assert b">heart<" in text
    assert b"p0-" not in text  # no key is drawn
    assert "<figcaption>visits, similarity 0." in page
    assert page.count("<img") == page.count("alt=")


def test_no_single_real_person_on_request(report, page):
    assert "one line each: real people left" in page
    hidden = replace(report, show_real=False)
    page = hidden.to_html()
    assert "This report contains no real records: each bar" in page
    assert "one line each: synthetic people." in page
    # The timelines do not depend on the real people.
    real = report.records["real"]
    other = replace(real, frames={**real.frames, "visits": real.frames["visits"].assign(day=1.0)})
    again = replace(hidden, records={**report.records, "real": other}).to_html()
    timelines = [
        re.findall(r"data:image/png;base64,([^\"]+)", one) for one in (page, again)
    ]  # fmt: skip
    assert timelines[0] == timelines[1] != []
    # With few people nothing is drawn.
    few = evaluate(
        hospital(4, 0), hospital(50, 1), relations=TWO_TABLES, sections=["usefulness"],
        show_real=False,
    )  # fmt: skip
    assert list(drawn(few.to_html())[1]) == ["about"]


def test_labels_of_few_people_are_pooled():
    """A patient with many visits does not publish a label of his own."""
    real, fake = hospital(40, 0), hospital(40, 1)
    visits = real["visits"]
    mine = visits["patient"] == visits["patient"].value_counts().index[0]
    real["visits"] = visits.assign(ward=visits["ward"].where(~mine, "Room of the king"))
    assert mine.sum() >= 5
    for show_real in (True, False):
        # Without a measure: there are none of usefulness.
        report = evaluate(
            real, fake, relations=TWO_TABLES, sections=["usefulness"], show_real=show_real
        )
        text, _ = drawn(report.to_html())
        assert b">heart<" in text
        assert b"king" not in text


def test_transitions():
    """a is followed by b, b by a; c by c of four people only, who are not shown."""
    rows = {"id": [], "x": []}
    for i in range(40):
        rows["id"] += [i] * 4
        rows["x"] += list("abab") if i >= 4 else list("cccc")
    people = pd.DataFrame({"id": range(40), "z": np.arange(40.0)})
    tables = {"people": people, "rows": pd.DataFrame(rows)}
    relation = Relation("rows", "id", "people")
    sets = read_sets(tables, tables, None, [relation])
    display = TransitionDisplay.from_tables(sets["real"], sets["fake"], relation, "x")
    assert display.labels == ["a", "b", "others"]
    shown = np.nan_to_num(display.real)
    assert shown.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert np.nan_to_num(display.fake).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert [ax.get_title() for ax in display.plot().axes_] == ["real", "synthetic"]


def test_timelines():
    sets = read_sets(hospital(60, 0), hospital(60, 1), None, TWO_TABLES)
    words = {"n": 7, "random_state": 0}
    display = TimelineDisplay.from_tables(sets["real"], sets["fake"], VISITS, **words)
    assert (len(display.real), len(display.fake)) == (7, 7)
    assert (display.x_name, display.y_name) == ("day", "mmhg")
    given = hospital(60, 0)["visits"]
    x, y = display.real[0]
    assert (np.diff(x) >= 0).all()
    rows = given.set_index(["day", "mmhg"])["patient"]
    assert len({rows[one] for one in zip(x, y, strict=True)}) == 1
    assert len(display.plot().axes_) == 2
    hidden = TimelineDisplay.from_tables(
        sets["real"], sets["fake"], VISITS, show_real=False, **words
    ).plot()
    assert hidden.real == []
    assert [ax.get_title() for ax in hidden.axes_] == ["synthetic"]


def test_timelines_show_numbers_rather_than_further_dates():
    def dated(seed):
        tables = hospital(30, seed)
        left = pd.Timestamp("2020-01-01") + pd.to_timedelta(tables["visits"]["day"], "D")
        visits = tables["visits"]
        visits.insert(1, "left", left)
        return {**tables, "visits": visits}

    sets = read_sets(dated(0), dated(1), None, TWO_TABLES)
    display = TimelineDisplay.from_tables(sets["real"], sets["fake"], VISITS, random_state=0)
    assert display.y_name == "mmhg"


def test_timelines_of_dates_and_of_labels_only():
    def dated(seed):
        tables = hospital(40, seed)
        start = pd.Timestamp("2020-01-01")
        visits = tables["visits"].assign(day=start + pd.to_timedelta(tables["visits"]["day"], "D"))
        return {**tables, "visits": visits.drop(columns="mmhg")}

    written = {
        **dated(1), "visits": dated(1)["visits"].assign(day=lambda x: x["day"].dt.strftime("%F"))
    }  # fmt: skip
    real = {
        **dated(0),
        "visits": dated(0)["visits"].assign(day=lambda x: x["day"].dt.strftime("%F")),
    }
    sets = read_sets(real, written, None, TWO_TABLES)
    display = TimelineDisplay.from_tables(sets["real"], sets["fake"], VISITS, random_state=0).plot()
    assert display.y_name == ""
    x, y = display.fake[3]
    assert x.dtype.kind == "M"
    assert set(y) == {3.0}


def test_all_levels_and_read_tables():
    given = [RelatedTables.read(everything(40, seed), ALL_TABLES) for seed in (0, 1)]
    report = evaluate(*given, sections=["fidelity"])
    assert len(report["joined_c2st"].detail) == 4
    _, counts = drawn(report.to_html())
    assert counts["children"] == 4
    assert counts["records"] == 3  # of the tables whose rows belong to somebody
    assert counts["columns"] == 8


def test_a_long_table():
    def long(seed):
        tables = hospital(40, seed)
        return {"visits": tables["visits"].merge(tables["patients"], on="patient")}

    relation = Relation("visits", "patient", None, order="day")
    report = evaluate(long(0), long(1), relations=[relation], sections=["fidelity"])
    assert report["cross_table_trends"].value > 0.7
    assert "visits by patient" in report.to_html()


def test_bad_input_before_anything_is_measured():
    real, fake = hospital(20, 0), hospital(20, 1)
    clinic = make_clinic(20, random_state=0)
    for sets, words, error, match in [
        (
            ({"visits": real["visits"]}, {"visits": fake["visits"]}),
            {},
            ParameterError,
            "no relations are found between the real tables; give relations=",
        ),
        (
            (clinic, clinic),
            {"relations": TWO_TABLES},
            ParameterError,
            "is not allowed for tables; leave it out, or give a dict of tables",
        ),
        ((real, clinic), {"relations": TWO_TABLES}, DataError, "give a dict of tables"),
        (
            (real, fake),
            {"relations": TWO_TABLES, "groups": "patient"},
            ParameterError,
            "groups is not allowed for related tables",
        ),
        (
            (real, fake),
            {"relations": TWO_TABLES, "target": "ward"},
            ParameterError,
            "target='ward' is not allowed for related tables",
        ),
        (
            (real, fake),
            {"relations": TWO_TABLES, "holdout": {"patients": real["patients"]}},
            DataError,
            r"the holdout tables are \['patients'\]",
        ),
    ]:
        with pytest.raises(error, match=match):
            evaluate(*sets, **words)


def test_synthetic_orphans_are_counted():
    real, fake = hospital(40, 0), hospital(40, 1)
    visits = fake["visits"]
    fake["visits"] = visits.assign(patient=visits["patient"].where(visits.index % 4 > 0, "x"))
    report = evaluate(real, fake, relations=TWO_TABLES, sections=["fidelity"])
    assert report["key_integrity"].value == pytest.approx(0.75, abs=0.01)
    assert "<html" in report.to_html()
