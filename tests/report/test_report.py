import base64
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from synthgan import TabularGANSynthesizer, evaluate
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, ParameterError
from synthgan.gan import FCN
from synthgan.kinds import find_kind
from synthgan.metrics import Score
from synthgan.records.images import ImageStack
from synthgan.records.signals import SignalWindows
from synthgan.report.evaluation import SECTIONS, _find_kind
from synthgan.report.page import _gauge

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def halves():
    columns = ["age", "sex", "bmi", "diabetic", "hba1c", "admitted", "ward", "outcome"]
    clinic = make_clinic(300, random_state=6)[columns]
    return clinic[:150].reset_index(drop=True), clinic[150:].reset_index(drop=True)


@pytest.fixture(scope="module")
def report(halves):
    real, holdout = halves
    model = TabularGANSynthesizer(
        network=FCN(width=16, depth=1), max_steps=40, epochs=9, candidates=1, random_state=0
    )
    fake = model.fit(real).sample(150)
    return evaluate(real, fake, holdout=holdout, target="diabetic", model=model)


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def test_all_measures_are_in_the_report(report):
    wanted = {name for section in SECTIONS for name in find_kind("table").measures()[section]}
    assert set(report.names) == wanted
    assert report["c2st"].value > 0.6
    with pytest.raises(KeyError, match="'accuracy' was not measured; measured are"):
        report["accuracy"]
    frame = report.to_frame()
    assert list(frame.index) == report.names
    assert frame.loc["c2st", "low"] < frame.loc["c2st", "value"] < frame.loc["c2st", "high"]


def test_synthetic_records_are_compared_with_the_holdout(halves):
    real, holdout = halves
    copy = evaluate(real, real, holdout=holdout, sections=["fidelity"])
    for name in copy.names:
        score = copy[name]
        assert score.value == pytest.approx(score.ceiling, nan_ok=True), name
    alone = evaluate(real, real, sections=["fidelity"])
    assert alone["column_shapes"].value == 1
    assert alone["column_shapes"].ceiling is None


def test_reproducible_also_in_several_processes(halves):
    real, fake = halves
    # Processes of their own boost many trees.
    runs = [evaluate(real, fake, sections=["privacy"], n_jobs=n) for n in (None, 2)]
    first, second = (json.loads(run.to_json())["scores"] for run in runs)
    assert first == second


def test_text_and_data(report, tmp_path):
    data = json.loads(report.to_json(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text()) == data
    assert data["records"] == {"real": [150, 8], "fake": [150, 8], "holdout": [150, 8]}
    assert set(data["versions"]) >= {"synthgan", "numpy", "pandas"}
    assert [finding["title"] for finding in data["summary"]] == [
        "Faithful?", "Useful?", "Private?",
    ]  # fmt: skip
    assert data["scores"]["fidelity"]["c2st"]["value"] == pytest.approx(report["c2st"].value)
    text = report.to_markdown(tmp_path / "r.md")
    assert (tmp_path / "r.md").read_text() == text
    assert "| Column shapes |" in text.replace("column shapes", "Column shapes")
    assert repr(report).splitlines()[0] == "Report"
    assert "<table" in report._repr_html_()


def test_page_is_self_contained(report, page, tmp_path):
    assert page == report.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text() == page
    assert "<script" not in page
    links = re.findall(r"(?:src|href)=\"([^\"]{0,30})", page)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "http" not in re.sub(r"data:[^\"]*", "", page).replace("http-equiv", "")
    for section in ("summary", *SECTIONS, "columns", "correlations", "training", "about"):
        assert f'id="{section}"' in page
    assert page.count("<img") == page.count("alt=")


def test_names_that_look_like_html():
    rng = np.random.default_rng(0)
    name = "<script>alert(1)</script>"
    frame = pd.DataFrame({name: rng.normal(size=60), "b&c": ["<b>", "&"] * 30})
    page = evaluate(frame, frame[::-1], sections=["fidelity"]).to_html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


RLO, CSI = "\u202e", "\x9b2J"
FORGED = (
    f"x | 1 |\n\n## Private?\n\nDifferentially private {CSI}{RLO}<b>[safe](https://evil.example)"
)


def test_names_cannot_forge_a_report():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({FORGED: rng.normal(size=60), "$": ["a$b$", "\\frac"] * 30})
    report = evaluate(frame, frame[::-1], target=FORGED, sections=["privacy"])
    score = report["singling_out"]
    named = replace(score, name=f"attribute inference of {FORGED}", note=f"Of {FORGED}.")
    report.scores["privacy"]["singling_out"] = named
    text, page, data = report.to_markdown(), report.to_html(), report.to_json()
    notebook = report._repr_html_()
    for written in (text, page, data, notebook):
        assert written.replace("\n", "").isprintable()
    assert "<b>[" not in page + notebook + text
    assert "\n## Private?\n\nDiff" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    rows = [line for line in text.splitlines() if line.startswith("| attribute inference of")]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 7
    assert json.loads(data)["scores"]["privacy"]["singling_out"]["note"] == f"Of {FORGED}."
    for source in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page):
        ElementTree.fromstring(base64.b64decode(source))  # noqa: S314 (our output)


def pictures(page):
    return re.findall(r"data:image/[a-z+]+;base64,([^\"]+)", page)


def test_a_table_with_and_without_single_rows():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=99), "blood": ["A", "0", "B"] * 33})
    real.loc[3, ["x", "blood"]] = [98765432.1, "Bombay"]
    fake = real[::-1].reset_index(drop=True)
    shown = evaluate(real, fake, sections=["fidelity"])
    hidden = replace(shown, show_real=False)
    note = (
        "Real row 3 is singled out in 2 columns by one synthetic row, "
        "no holdout row in more than 1."
    )
    for report in (shown, hidden):
        score = report.scores["fidelity"]["quartiles"]
        report.scores["fidelity"]["quartiles"] = replace(score, note=note)
    pages = [report.to_html() for report in (shown, hidden)]
    assert "This report contains real records: histograms show" in pages[0]
    assert "This report contains no real records: each bar" in pages[1]
    assert "The same report as HTML or JSON contains real records." in shown.to_markdown()
    assert "real records." not in hidden.to_markdown().split("computed from real records.")[1]
    for report, page, has in zip((shown, hidden), pages, (True, False), strict=True):
        data = json.loads(report.to_json())
        assert data["contains_real_records"] is has
        (detail,) = data["scores"]["fidelity"]["quartiles"]["detail"]
        assert ("real median" in detail) is has
        assert "fake median" in detail
        written = (page, report.to_markdown(), report.to_json(), report._repr_html_())
        assert all(("Real row 3" in text) is has for text in written)
        drawn = b"".join(map(base64.b64decode, pictures(page)))
        assert b">B<" in drawn
        for text in (b"Bombay", b"98765432"):
            assert text not in drawn
        assert "Bombay" not in "".join(written)
        assert "98765432" not in "".join(written)


def test_people_are_counted_if_groups_are_given(halves):
    real, fake = (half[["age", "sex", "ward"]] for half in halves)
    report = evaluate(real, fake, sections=["usefulness"])
    report.groups = np.arange(len(real)) // 38  # four people
    page = report.to_html()
    labels = b"".join(map(base64.b64decode, pictures(page)))
    assert b">general<" not in labels
    assert b">others<" in labels
    report.show_real = False
    assert "represents 5 people or more" in report.to_html()
    assert pictures(report.to_html()) == []


@pytest.mark.parametrize("kind", ["signal", "image"])
def test_no_real_records_on_request(kind):
    rng = np.random.default_rng(0)
    if kind == "signal":
        real, fake = rng.normal(size=(2, 8, 120))
    else:
        real, fake = rng.integers(0, 255, (2, 12, 8, 8)).astype(np.uint8)
    words = {"kind": kind, "fs_hz": 50 if kind == "signal" else None, "sections": ["fidelity"]}
    shown = evaluate(real, fake, **words)
    hidden = replace(shown, show_real=False)
    other = replace(hidden, records={**shown.records, "real": shown.records["real"][::-1] // 2})
    page, page_with_real = hidden.to_html(), shown.to_html()
    # The pictures do not depend on the real records.
    assert pictures(page) == pictures(other.to_html())
    assert pictures(page) != pictures(page_with_real)
    assert "This report contains real records: " in page_with_real
    assert "This report contains no real records: it shows no real " in page
    assert "Sample of synthetic " in page
    assert "real on the left" not in page
    assert "Synthetic records only. No real record is shown." in page
    assert evaluate(real, fake, **words, show_real=False).show_real is False


def test_the_seed_of_a_model_is_not_in_its_report(page):
    assert "<dt>model random_state</dt><dd>not shown</dd>" in page


def test_no_verdict_without_a_holdout(halves):
    real, fake = halves
    report = evaluate(real, fake, sections=["privacy"])
    (finding,) = report.summary()
    assert finding.figure == "no verdict"
    assert "without a holdout" in finding.meaning
    page = report.to_html()
    assert "There is no holdout" in page
    # The model file is not attacked.
    assert "nothing about attacks by a person who has the model file" in page


def test_a_target_is_for_usefulness(halves):
    real, fake = halves
    report = evaluate(real, fake, sections=["usefulness"])
    assert report.names == ["global_utility"]
    assert report.summary()[0].name == "global_utility"


def test_bad_input_before_anything_is_measured(halves):
    real, fake = halves
    for words, error, match in [
        ({"kind": "tabel"}, ParameterError, "kind='tabel' is not allowed"),
        ({"sections": "privacy"}, ParameterError, "sections='privacy' is not allowed"),
        ({"sections": []}, ParameterError, "sections="),
        ({"target": "nothing"}, ParameterError, "target='nothing' is not allowed"),
        ({"holdout": real[:0]}, DataError, "the holdout table has no rows"),
        ({"holdout": real[["age"]]}, DataError, "the holdout table lacks the columns"),
    ]:
        with pytest.raises(error, match=match):
            evaluate(real, fake, **words)


def test_signals():
    rng = np.random.default_rng(0)
    t_s = np.arange(500) / 250
    phases = rng.uniform(0, 0.7, (90, 1)) + np.array([0.0, 0.75, 1.5])
    beats = np.exp(-(((t_s[None, None] - phases[:, :, None]) / 0.02) ** 2)).sum(axis=1)
    windows = beats + 0.02 * rng.normal(size=beats.shape)
    report = evaluate(windows[:30], windows[30:60], holdout=windows[60:], fs_hz=250)
    assert report.settings["kind"] == "signal"
    measures = find_kind("signal").measures()
    assert set(report.names) == {*measures["fidelity"], *measures["privacy"]}
    assert report["heart_rates"].ceiling > 0.5
    assert "Not measured in the real windows: QT interval (ms)" in report["intervals"].note
    assert "QRS duration (ms)" in report["intervals"].detail.index
    assert "the persons of the real windows" in report["new_people_detection"].note
    noise = evaluate(*rng.normal(size=(2, 20, 120)), fs_hz=50, sections=["fidelity"])
    assert np.isnan(noise["heart_rates"].value)
    assert noise["amplitudes"].value > 0.3
    assert "<html" in noise.to_html()
    page = report.to_html()
    assert "Heart beats of real and synthetic windows" in page
    assert 'id="records"' in page
    with pytest.raises(ParameterError, match="fs_hz=None is not allowed for signals"):
        evaluate(windows[:30], windows[30:])
    with pytest.raises(DataError, match="fake has the shape"):
        evaluate(windows[:30], windows[30:, :400], fs_hz=250)


def test_images():
    digits = load_digits().images * 15.9
    report = evaluate(digits[:60].astype(np.uint8), digits[60:120].astype(np.uint8))
    assert report.settings["kind"] == "image"
    measures = find_kind("image").measures()
    assert set(report.names) == {*measures["fidelity"], *measures["privacy"]}
    assert report.summary()[0].name == "image_c2st"
    assert "Sample of images: real above" in report.to_html()


def test_kinds_are_recognised():
    few, many = np.zeros((5, 7)), np.zeros((5, 300))
    images = np.zeros((5, 8, 8), np.uint8), np.zeros((5, 8, 8, 3))
    records = (pd.DataFrame(many), few, many, np.zeros((5, 2, 300)), *images)
    kinds = [_find_kind("auto", x).name for x in records]
    assert kinds == ["table", "table", "signal", "signal", "image", "image"]


def test_copies_are_a_risk_and_new_people_are_not():
    people = ["age", "sex", "bmi", "ward", "systolic_mmhg", "hba1c"]
    clinic = make_clinic(300, random_state=1)[people]
    real, holdout = clinic[:150].reset_index(drop=True), clinic[150:].reset_index(drop=True)
    fresh = make_clinic(150, random_state=5)[people]
    copy, safe = (
        evaluate(real, fake, holdout=holdout, sections=["privacy"]) for fake in (real, fresh)
    )
    assert copy.summary()[0].figure.endswith("% risk")
    assert float(copy.summary()[0].figure.split("%")[0]) > 50
    assert safe.summary()[0].figure == "no leak found"
    assert safe.summary()[0].meaning.startswith("No attack succeeded beyond chance. The highest ")
    assert "closer" not in safe.summary()[0].meaning
    half = evaluate(real, pd.concat([real[:50], fresh[50:]]), holdout=holdout, sections=["privacy"])
    meaning = half.summary()[0].meaning
    assert "Membership inference distinguishes training records from unseen records" in meaning
    assert re.search(r"Synthetic records are (slightly )?closer to training records", meaning)
    assert "<h3>Attacks</h3>" in copy.to_html()


def test_the_unit_is_a_person():
    rng = np.random.default_rng(0)

    def visits(n, first):
        people = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
        rows = people.loc[people.index.repeat(6)].reset_index(drop=True)
        rows += 0.05 * rng.normal(size=rows.shape)
        return rows.assign(patient=np.repeat(np.arange(first, first + n), 6))

    real, holdout, fake = visits(30, 0), visits(30, 30), visits(30, 60).drop(columns="patient")
    words = {"holdout": holdout, "sections": ["privacy"]}
    report = evaluate(real, fake, groups="patient", **words)
    assert report.records["real"].columns.tolist() == list("abcd")
    assert report["membership_inference"].detail.loc["both", "n_attacks"] == 60
    bare = {"holdout": holdout.drop(columns="patient"), "sections": ["privacy"]}
    given = evaluate(
        real.drop(columns="patient"), fake, groups=(real["patient"], holdout["patient"]), **bare
    )
    for name in report.names:
        assert given[name].to_dict() == report[name].to_dict()
    alone = evaluate(real.drop(columns="patient"), fake, groups=list(real["patient"]), **bare)
    assert alone["membership_inference"].detail.loc["both", "n_attacks"] == 30 + 180
    for groups, error, match in [
        ("nobody", ParameterError, "groups='nobody' is not allowed; name a column"),
        (
            [1, 2],
            DataError,
            r"groups has the shape \(2,\); give one entry for each of the 180",
        ),
        ((None, [1]), DataError, "holdout_groups has the shape"),
    ]:
        with pytest.raises(error, match=match):
            evaluate(real, fake.assign(patient=0), groups=groups, **words)
    with pytest.raises(DataError, match="the holdout table lacks the column 'patient' of groups"):
        evaluate(real, fake, groups="patient", **bare)


@pytest.mark.parametrize("kind", ["signal", "image"])
def test_patients_in_info_are_known(kind):
    rng = np.random.default_rng(0)

    def records(i):
        info = pd.DataFrame({"patient": np.repeat([f"p{10 * i + j}" for j in range(10)], 2)})
        if kind == "signal":
            return SignalWindows(rng.normal(size=(20, 1, 120)), 100, ["i"], info=info)
        return ImageStack(rng.integers(0, 256, (20, 8, 8), dtype=np.uint8), info)

    sets = [records(i) for i in range(3)]
    report = evaluate(sets[0], sets[1], holdout=sets[2], sections=["privacy"])
    assert report.settings["kind"] == kind
    score = report[f"{kind}_membership_inference"]
    assert score.detail.loc["both", "n_attacks"] == 20
    assert "Not measured" not in report[f"{kind}_reidentification"].note


@pytest.mark.parametrize(
    ("value", "ceiling", "floor", "higher", "better"),
    [
        (0.9, 0.95, 0.8, True, "ceiling"),
        (0.6, 0.5, 0.9, False, "ceiling"),
        (0.511, 0.512, 0.505, False, None),  # a floor that is better by chance is no scale
        (0.47, 0.49, 0.86, True, None),
    ],
)
def test_the_scale_ends_at_a_ceiling_that_is_better(value, ceiling, floor, higher, better):
    detail = pd.DataFrame({"value": []})
    score = Score("a", value, higher, detail, None, ceiling, floor)
    gauge = _gauge("c2st", score)
    assert (gauge["ceiling"] == 96) == (better == "ceiling")
    assert gauge["ceiling"] > 40
    order = sorted(("value", "ceiling", "floor"), key=lambda name: gauge[name])
    values = {"value": value, "ceiling": ceiling, "floor": floor}
    assert order == sorted(values, key=values.get, reverse=not higher)


def test_too_few_rows_for_a_verdict():
    clinics = [make_clinic(25, random_state=seed) for seed in range(3)]
    (finding,) = evaluate(
        clinics[0], clinics[1], holdout=clinics[2], sections=["privacy"]
    ).summary()
    assert finding.figure == "too few records to tell"
    assert re.search(r"\(95 % interval 0\.\d\d to 0\.\d\d; chance is 0\.50\)\.", finding.meaning)


def test_copies_of_arrays_are_in_the_summary():
    digits = load_digits().images * 15.9
    digits = digits[np.random.default_rng(0).permutation(len(digits))]
    real, holdout, fresh = digits[:150], digits[150:300], digits[300:450]
    words = {"kind": "image", "sections": ["privacy"]}
    (copied,) = evaluate(real, real, holdout=holdout, **words).summary()
    assert copied.figure == "1.00 AUC"
    assert re.search(r"an AUC of 1\.00 \(95 % interval .*; chance is 0\.50\)", copied.meaning)
    (safe,) = evaluate(real, fresh, holdout=holdout, **words).summary()
    assert safe.figure == "no leak found"
    (none,) = evaluate(real, real, **words).summary()
    assert none.figure == "no verdict"
    (few,) = evaluate(real[:20], fresh, holdout=holdout[:20], **words).summary()
    assert few.figure == "too few records to tell"
