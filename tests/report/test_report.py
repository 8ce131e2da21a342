import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from synthgan import TabularGANSynthesizer, evaluate
from synthgan.datasets import make_clinic
from synthgan.exceptions import DataError, ParameterError
from synthgan.gan import FCN
from synthgan.io.signals import SignalWindows
from synthgan.report.evaluation import MEASURES, SECTIONS, _find_kind


@pytest.fixture(scope="module")
def halves():
    clinic = make_clinic(500, random_state=1)
    return clinic[:250].reset_index(drop=True), clinic[250:].reset_index(drop=True)


@pytest.fixture(scope="module")
def report(halves):
    real, holdout = halves
    model = TabularGANSynthesizer(
        network=FCN(width=16, depth=1), max_steps=40, epochs=9, candidates=1, random_state=0
    )
    fake = model.fit(real).sample(250)
    return evaluate(real, fake, holdout=holdout, target="diabetic", model=model)


def test_all_measures_are_there(report):
    wanted = {name for section in SECTIONS for name in MEASURES["table"][section]}
    assert set(report.names) == wanted
    assert report["c2st"].value > 0.6
    with pytest.raises(KeyError, match="'accuracy' was not measured; there are"):
        report["accuracy"]
    frame = report.to_frame()
    assert list(frame.index) == report.names
    assert frame.loc["c2st", "low"] < frame.loc["c2st", "value"] < frame.loc["c2st", "high"]


def test_the_fake_is_judged_by_the_holdout(halves):
    real, holdout = halves
    copy = evaluate(real, real, holdout=holdout, sections=["fidelity"])
    for name in copy.names:
        score = copy[name]
        assert score.value == pytest.approx(score.ceiling, nan_ok=True), name
    alone = evaluate(real, real, sections=["fidelity"])
    assert alone["column_shapes"].value == 1
    assert alone["column_shapes"].ceiling is None


def test_the_same_again_and_in_several_processes(halves):
    real, fake = halves
    runs = [evaluate(real, fake, sections=["fidelity"], n_jobs=n) for n in (None, 2)]
    first, second = (json.loads(run.to_json())["scores"] for run in runs)
    assert first == second


def test_text_and_data(report, tmp_path):
    data = json.loads(report.to_json(tmp_path / "r.json"))
    assert json.loads((tmp_path / "r.json").read_text()) == data
    assert data["records"] == {"real": [250, 14], "fake": [250, 14], "holdout": [250, 14]}
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


def test_one_page_that_needs_nothing_else(report, tmp_path):
    page = report.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text() == page
    assert page == report.to_html()
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


def test_no_verdict_without_a_holdout(halves):
    real, fake = halves
    report = evaluate(real, fake, sections=["privacy"])
    (finding,) = report.summary()
    assert finding.figure == "no verdict"
    assert "without a holdout" in finding.meaning
    assert "There is no holdout" in report.to_html()


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
    assert set(report.names) == {*MEASURES["signal"]["fidelity"], *MEASURES["signal"]["privacy"]}
    assert report["heart_rates"].ceiling > 0.5
    assert np.isnan(report["qt_intervals"].value)
    assert "no QT interval (ms) could be measured" in report["qt_intervals"].note
    noise = evaluate(rng.normal(size=(20, 120)), rng.normal(size=(20, 120)), fs_hz=50)
    assert np.isnan(noise["heart_rates"].value)
    assert noise["amplitudes"].value > 0.3
    assert "<html" in noise.to_html()
    page = report.to_html()
    assert "Heart beats laid over each other" in page
    assert 'id="records"' in page
    with pytest.raises(ParameterError, match="fs_hz=None is not allowed for signals"):
        evaluate(windows[:30], windows[30:])
    with pytest.raises(DataError, match="fake has the shape"):
        evaluate(windows[:30], windows[30:, :400], fs_hz=250)


def test_images():
    digits = load_digits().images * 15.9
    report = evaluate(digits[:300].astype(np.uint8), digits[300:600].astype(np.uint8))
    assert report.settings["kind"] == "image"
    assert set(report.names) == {*MEASURES["image"]["fidelity"], *MEASURES["image"]["privacy"]}
    assert report.summary()[0].name == "image_c2st"
    assert "Some images: real ones above" in report.to_html()


def test_kinds_are_told_apart():
    few, many = np.zeros((5, 7)), np.zeros((5, 300))
    kinds = [_find_kind("auto", x) for x in (pd.DataFrame(many), few, many, np.zeros((5, 2, 300)),
             np.zeros((5, 8, 8), np.uint8), np.zeros((5, 8, 8, 3)))]  # fmt: skip
    assert kinds == ["table", "table", "signal", "signal", "image", "image"]


def test_a_copy_is_called_a_risk_and_other_people_are_not(halves):
    real, holdout = halves
    fresh = make_clinic(250, random_state=5)
    copy, safe = (
        evaluate(real, fake, holdout=holdout, sections=["privacy"]) for fake in (real, fresh)
    )
    assert copy.summary()[0].figure.endswith("% risk")
    assert float(copy.summary()[0].figure.split("%")[0]) > 50
    assert safe.summary()[0].figure == "no leak found"
    assert "% is not excluded." in safe.summary()[0].meaning
    assert "lean" not in safe.summary()[0].meaning
    half = evaluate(real, pd.concat([real[:70], fresh[70:]]), holdout=holdout, sections=["privacy"])
    assert "Fakes lean to who was learnt: membership inference 0." in half.summary()[0].meaning
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


def test_patients_of_windows_are_known():
    rng = np.random.default_rng(0)
    sets = [
        SignalWindows(
            rng.normal(size=(20, 1, 120)), 100, ["i"],
            info=pd.DataFrame({"patient": np.repeat([f"p{10 * i + j}" for j in range(10)], 2)}),
        )
        for i in range(3)
    ]  # fmt: skip
    report = evaluate(sets[0], sets[1], holdout=sets[2], sections=["privacy"])
    score = report["signal_membership_inference"]
    assert score.detail.loc["both", "n_attacks"] == 20
    assert "Not measured" not in report["signal_reidentification"].note


def test_too_few_rows_to_tell():
    clinics = [make_clinic(25, random_state=seed) for seed in range(3)]
    (finding,) = evaluate(
        clinics[0], clinics[1], holdout=clinics[2], sections=["privacy"]
    ).summary()
    assert finding.figure == "too few rows to tell"
    assert re.search(r"its 95 % interval is 0\.\d\d to 0\.\d\d\.", finding.meaning)


def test_copies_of_arrays_are_told_by_the_summary():
    digits = load_digits().images * 15.9
    digits = digits[np.random.default_rng(0).permutation(len(digits))]
    real, holdout, fresh = digits[:150], digits[150:300], digits[300:450]
    words = {"kind": "image", "sections": ["privacy"]}
    (copied,) = evaluate(real, real, holdout=holdout, **words).summary()
    assert copied.figure == "1.00 AUC"
    assert "membership inference of images 1.00, where 0.50 is chance" in copied.meaning
    (safe,) = evaluate(real, fresh, holdout=holdout, **words).summary()
    assert safe.figure == "no leak found"
    (none,) = evaluate(real, real, **words).summary()
    assert none.figure == "no verdict"
    (few,) = evaluate(real[:20], fresh, holdout=holdout[:20], **words).summary()
    assert few.figure == "too few rows to tell"
