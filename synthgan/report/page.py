"""A report as one HTML page: computes the content of the template."""

from __future__ import annotations

import math
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib import rc_context

from synthgan.io.escaping import printable
from synthgan.kinds import find_kind
from synthgan.metrics import Score
from synthgan.metrics.privacy.attacks import ARMS
from synthgan.report.displays import HistoryDisplay, ScoreDisplay
from synthgan.report.giveaways import count_found, describe_giveaways, worst_pairs
from synthgan.report.levels import verdict
from synthgan.report.pictures import Picture, vector_picture
from synthgan.report.privacy_words import ask
from synthgan.report.sizes import size_in_words
from synthgan.report.summary import (
    C2ST,
    CLOSEST_RECORD,
    MEMBERSHIP,
    TITLES,
    Finding,
    better,
    is_two_sided,
    shown_figure,
)

__all__ = ["render"]

# Text stays text, and equal reports give equal files.
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "synthgan", "font.family": "sans-serif"}
# Measures whose best value is chance.
_RELATED_C2ST = ("joined_c2st", "step_c2st", "parent_c2st", "child_c2st")
_BEST = dict.fromkeys((*C2ST, *_RELATED_C2ST, "c2st_linear", *MEMBERSHIP, *CLOSEST_RECORD), 0.5)
_LEADS = {
    "fidelity": "Similarity of the distributions of real and synthetic records.",
    "usefulness": "Models trained on synthetic records and tested on real records.",
    "privacy": "Attacks by a person who has the synthetic records, but not the model file.",
}
# Title and lead of the drawn records.
_RECORDS = {
    "signal": ("Records", "Real records are blue, synthetic records are orange."),
    "image": ("Images", "Real images, and synthetic ones that were not selected by hand."),
    "relational": (
        "Timelines",
        "The rows of some people in their order, one line each. Real people are blue, synthetic "
        "people are orange.",
    ),
}
_ANCHORS = {
    "giveaways": "What gives it away",
    "records": "Records",
    "intervals": "Intervals",
    "children": "Rows per parent",
    "transitions": "Transitions",
    "columns": "Columns",
    "correlations": "Pairs",
    "usefulness": "Useful?",
    "privacy": "Private?",
    "fidelity": "All measures",
    "about": "How it was made",
}
_SET_NAMES = {"real": "training records", "fake": "synthetic records"}


class ReportContent(Protocol):
    """The parts of a report that the page shows."""

    scores: dict[str, dict[str, Score]]
    records: dict[str, Any]
    settings: dict[str, Any]
    model: Any
    show_real: bool
    groups: Any

    def contents(self) -> str:
        """Return the statement of whether the page shows real records."""

    def summary(self) -> list[Finding]:
        """Return one finding for each section."""

    def note(self, score: Score) -> str:
        """Return the note of a score."""


def render(report: ReportContent, versions: dict[str, str]) -> str:
    """Return the HTML page of a report."""
    environment = Environment(
        loader=PackageLoader("synthgan.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kind = find_kind(report.settings["kind"])
    sections = _sections(report, kind.measures())
    with rc_context(_STYLE):
        pictures = _pictures(report)
    fidelity, privacy = (report.scores.get(name, {}) for name in ("fidelity", "privacy"))
    findings = report.summary()
    words = {
        "giveaways": describe_giveaways(fidelity),
        "pairs_found": count_found(fidelity, kind.floor),
        "pairs": worst_pairs(fidelity, report.show_real),
        "learners": _learners(report.scores.get("usefulness", {}).get("tstr")),
        "questions": ask(privacy, report.note),
        "attacks": _attacks(report),
    }
    title, lead = _RECORDS.get(kind.name, _RECORDS["signal"])
    return environment.get_template("page.html.j2").render(
        **words,
        contents=report.contents(),
        verdict=verdict({finding.title: finding.level for finding in findings}),
        contents_of_page=_titles(sections, pictures, words, title),
        show_real=report.show_real,
        by_rows=report.groups is None and "people" not in kind.pooled,
        findings=findings,
        sections=sections,
        rows_of={row["name"]: row for section in sections for row in section["rows"]},
        pictures=pictures,
        records_title=title,
        records_lead=lead,
        floor=kind.floor,
        importance_caption=kind.importance_caption,
        sizes={_SET_NAMES.get(name, name): size_in_words(x) for name, x in report.records.items()},
        settings={k: v for k, v in report.settings.items() if v is not None},
        model=_parameters(report.model),
        versions=versions,
    )


def _sections(report: ReportContent, measures: Any) -> list[dict[str, Any]]:
    """Return the tables of measures, one for each section that was measured."""
    return [
        {
            "name": name,
            "title": TITLES[name],
            "lead": _LEADS[name],
            "rows": [
                _row(key, measures[name][key], score, report.note(score))
                for key, score in scores.items()
                if not _is_attack(score)
            ],
        }
        for name, scores in report.scores.items()
        if scores
    ]


def _titles(
    sections: list[dict[str, Any]], pictures: Any, words: dict[str, Any], records: str
) -> dict[str, str]:
    """Return the titles of the page's parts, by their anchor, in their order."""
    known = {section["name"]: section["title"] for section in sections}
    given = {
        "giveaways": words["giveaways"] or pictures.get("importance"),
        "correlations": words["pairs"] or pictures.get("correlations"),
        "usefulness": "usefulness" in known,
        "privacy": "privacy" in known,
        "fidelity": "fidelity" in known,
        "about": True,
    }
    titles = {**_ANCHORS, "records": records}
    return {name: title for name, title in titles.items() if given.get(name) or pictures.get(name)}


def _learners(score: Score | None) -> list[dict[str, Any]]:
    """Return bars of what models reach that are trained on real and on synthetic records."""
    if score is None or not {"real", "value"} <= set(score.detail.columns):
        return []
    return [
        {
            "name": f"{learner}, trained on {words} records",
            "class": kind,
            "share": round(80 * min(1.0, max(0.0, row[column])), 1),
            "shown": f"{row[column]:.3f}",
        }
        for learner, row in score.detail.iterrows()
        for column, words, kind in (("real", "real", "real"), ("value", "synthetic", "fake"))
        if not math.isnan(row[column])
    ]


def _finalize(value: Any) -> Any:
    """Escape control characters and marks that reverse the direction of text."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _row(name: str, measure: Any, score: Score, note: str) -> dict[str, Any]:
    """Return the cells of one measure in a table of the page."""
    function = getattr(measure, "func", measure)  # unwrap a partial
    return {
        "name": name,
        "title": score.name[:1].upper() + score.name[1:],
        "meaning": (function.__doc__ or "").partition("\n")[0],
        "value": shown_figure(score.value),
        "interval": _interval(score, "{:.3f} to {:.3f}"),
        "ceiling": shown_figure(score.ceiling),
        "floor": shown_figure(score.floor),
        "better": better(name, score),
        "note": note,
        "gauge": _gauge(name, score),
    }


def _interval(score: Score, text: str) -> str:
    """Return the interval of a score as text; empty if there is none."""
    known = score.interval is not None and not any(map(math.isnan, score.interval))
    return text.format(*score.interval) if known else ""  # type: ignore[misc]


def _gauge(name: str, score: Score) -> dict[str, float] | None:
    """Return the positions of value, ceiling and floor on a scale from worse (0) to better (100).

    The scale is from floor to ceiling if the ceiling is better than the floor and the value is near
    that range. Otherwise it is from the worst to the best possible value.
    """
    given = {"value": score.value, "ceiling": score.ceiling, "floor": score.floor}
    known = {k: float(v) for k, v in given.items() if v is not None and math.isfinite(v)}
    if "value" not in known:
        return None
    worst, best = (0.0, 1.0) if score.higher_is_better else (1.0, _BEST.get(name, 0.0))
    if is_two_sided(name):
        known, best = {key: 0.5 + abs(x - 0.5) for key, x in known.items()}, 0.5
    if "ceiling" in known and "floor" in known:
        low, high = sorted((known["floor"], known["ceiling"]))
        reach = (high - low) / 2
        is_ordered = (known["ceiling"] > known["floor"]) == score.higher_is_better
        if reach and is_ordered and low - reach <= known["value"] <= high + reach:
            ends = [low, high, known["value"]]
            worst, best = min(ends), max(ends)
            if not score.higher_is_better:
                worst, best = best, worst
    shares = {key: (x - worst) / (best - worst) for key, x in known.items()}
    return {key: round(4 + 92 * min(1.0, max(0.0, x)), 1) for key, x in shares.items()}


def _is_attack(score: Score) -> bool:
    return set(ARMS) <= set(score.detail.index)


def _attacks(report: ReportContent) -> list[dict[str, str]]:
    """Return the cells of each attack: its success rates and its risk."""
    attacks = []
    for score in filter(_is_attack, report.scores.get("privacy", {}).values()):
        rates = {
            arm: f"{row['rate']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
            for arm, row in score.detail.loc[list(ARMS)].iterrows()
            if not math.isnan(row["rate"])
        }
        risk = "no verdict" if math.isnan(score.value) else f"{score.value:.1%}"
        attacks.append(
            {
                "title": score.name[:1].upper() + score.name[1:],
                "training": rates.get("main", ""),
                "holdout": rates.get("control", ""),
                "guessing": rates.get("baseline", ""),
                "risk": risk + _interval(score, " ({:.1%} to {:.1%})"),
                "note": report.note(score),
            }
        )
    return attacks


def _pictures(report: ReportContent) -> dict[str, list[Picture]]:
    kind = find_kind(report.settings["kind"])
    pictures: dict[str, list[Picture]] = {}
    fidelity = report.scores.get("fidelity", {})
    classifier = next((fidelity[name] for name in C2ST if name in fidelity), None)
    if classifier is not None and len(classifier.detail):
        bars = ScoreDisplay.from_score(classifier).plot()
        pictures["importance"] = [vector_picture(bars.figure_, kind.importance_caption)]
    pictures |= kind.pictures(report)
    history = getattr(report.model, "history_", None)
    if history is not None and len(history):
        curves = HistoryDisplay(history).plot()
        alt = "Losses, and fidelity if it was measured, over the epochs."
        pictures["training"] = [vector_picture(curves.figure_, alt)]
    return pictures


def _parameters(model: Any) -> dict[str, str]:
    if model is None:
        return {}
    given = {name: repr(value) for name, value in model.get_params(deep=False).items()}
    seed = model.get_params(deep=False).get("random_state")
    if seed is not None:  # with it and all other rows, an attacker can confirm a guess of a row
        given["random_state"] = "not shown"
    return {"class": type(model).__name__, **given}
