"""A report as one page of HTML: computes what the template shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib import rc_context

from synthgan.io.escaping import printable
from synthgan.kinds import find_kind
from synthgan.metrics import Score
from synthgan.report.displays import (
    HistoryDisplay,
    ScoreDisplay,
)
from synthgan.report.pictures import Picture, vector_picture
from synthgan.report.summary import C2ST

if TYPE_CHECKING:
    from synthgan.report.report import Report

__all__ = ["render"]

# Text stays text, and equal reports are equal files.
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "synthgan", "font.family": "sans-serif"}
# Guessing is the best there is.
_BEST = dict.fromkeys((*C2ST, "c2st_linear", "membership_inference", "closest_record"), 0.5)
_HEADINGS = {
    "fidelity": ("Faithful?", "How alike the distributions of real and fake records are."),
    "usefulness": ("Useful?", "What is learnt from fakes, tested on real records."),
    "privacy": (
        "Private?",
        "What attacks gain that have the fakes, and not the model file.",
    ),
}


@dataclass(frozen=True)
class Row:
    """A measure in a table of the page."""

    name: str
    title: str
    meaning: str
    value: str
    interval: str
    ceiling: str
    floor: str
    better: str
    note: str
    gauge: dict[str, float] | None


@dataclass(frozen=True)
class Attack:
    """An attack's arms, each a share of its targets on which it succeeds."""

    title: str
    main: str
    control: str
    baseline: str
    risk: str
    note: str


def render(report: Report, versions: dict[str, str]) -> str:
    """Return the page of a report."""
    environment = Environment(
        loader=PackageLoader("synthgan.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    measures = find_kind(report.settings["kind"]).measures()
    sections = [
        {
            "name": name,
            "title": _HEADINGS[name][0],
            "lead": _HEADINGS[name][1],
            "rows": [
                _row(key, measures[name][key], score, report.note(score))
                for key, score in scores.items()
                if not _is_attack(score)
            ],
        }
        for name, scores in report.scores.items()
        if scores
    ]
    with rc_context(_STYLE):
        pictures = _pictures(report)
    return environment.get_template("page.html.j2").render(
        contents=report.contents(),
        show_real=report.show_real,
        by_rows=report.groups is None,
        findings=report.summary(),
        sections=sections,
        attacks=_attacks(report),
        pictures=pictures,
        sizes={name: " x ".join(map(str, x.shape)) for name, x in report.records.items()},
        settings={k: v for k, v in report.settings.items() if v is not None},
        model=_parameters(report.model),
        versions=versions,
    )


def _finalize(value: Any) -> Any:
    """Escape what no page is to hold: controls, and marks that turn the writing round."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _row(name: str, measure: Any, score: Score, note: str) -> Row:
    function = getattr(measure, "func", measure)  # of a partial
    meaning = (function.__doc__ or "").partition("\n")[0]
    interval = ""
    if score.interval is not None and not any(map(math.isnan, score.interval)):
        interval = "{:.3f} to {:.3f}".format(*score.interval)
    return Row(
        name,
        score.name[:1].upper() + score.name[1:],
        meaning,
        _figure(score.value),
        interval,
        _figure(score.ceiling),
        _figure(score.floor),
        "higher" if score.higher_is_better else "lower",
        note,
        _gauge(name, score),
    )


def _gauge(name: str, score: Score) -> dict[str, float] | None:
    """Where value, ceiling and floor stand on a line from worse to better, 0..100.

    From floor to ceiling, if the value lies there; otherwise from the worst to the best there is.
    """
    given = {"value": score.value, "ceiling": score.ceiling, "floor": score.floor}
    known = {k: float(v) for k, v in given.items() if v is not None and math.isfinite(v)}
    if "value" not in known:
        return None
    worst, best = (0.0, 1.0) if score.higher_is_better else (1.0, _BEST.get(name, 0.0))
    if "ceiling" in known and "floor" in known:
        low, high = sorted((known["floor"], known["ceiling"]))
        reach = (high - low) / 2
        if reach and low - reach <= known["value"] <= high + reach:
            ends = [low, high, known["value"]]
            worst, best = min(ends), max(ends)
            if not score.higher_is_better:
                worst, best = best, worst
    shares = {key: (x - worst) / (best - worst) for key, x in known.items()}
    return {key: round(4 + 92 * min(1.0, max(0.0, x)), 1) for key, x in shares.items()}


def _is_attack(score: Score) -> bool:
    return {"main", "control", "baseline"} <= set(score.detail.index)


def _attacks(report: Report) -> list[Attack]:
    found = []
    for score in report.scores.get("privacy", {}).values():
        if not _is_attack(score):
            continue
        detail = score.detail.loc[["main", "control", "baseline"]]
        arms = {
            arm: f"{row['rate']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
            for arm, row in detail.iterrows()
            if not math.isnan(row["rate"])
        }
        risk = "no verdict" if math.isnan(score.value) else f"{score.value:.1%}"
        if score.interval is not None and not any(map(math.isnan, score.interval)):
            risk += " ({:.1%} to {:.1%})".format(*score.interval)
        main, control, baseline = (arms.get(arm, "") for arm in ("main", "control", "baseline"))
        title, note = score.name[:1].upper() + score.name[1:], report.note(score)
        found.append(Attack(title, main, control, baseline, risk, note))
    return found


def _pictures(report: Report) -> dict[str, list[Picture]]:
    kind = find_kind(report.settings["kind"])
    pictures: dict[str, list[Picture]] = {}
    fidelity = report.scores.get("fidelity", {})
    told = next((fidelity[name] for name in C2ST if name in fidelity), None)
    if told is not None and len(told.detail):
        shown = ScoreDisplay.from_score(told).plot()
        pictures["giveaway"] = [vector_picture(shown.figure_, kind.giveaway)]
    pictures |= kind.pictures(report)
    history = getattr(report.model, "history_", None)
    if history is not None and len(history):
        shown_run = HistoryDisplay(history).plot()
        alt = "Losses of discriminator and generator, and fidelity, over the epochs."
        pictures["training"] = [vector_picture(shown_run.figure_, alt)]
    return pictures


def _parameters(model: Any) -> dict[str, str]:
    if model is None:
        return {}
    given = {name: repr(value) for name, value in model.get_params(deep=False).items()}
    seed = model.get_params(deep=False).get("random_state")
    if seed is not None:  # with it, and all other rows, a guess of a row can be confirmed
        given["random_state"] = "not shown"
    return {"class": type(model).__name__, **given}


def _figure(x: float | None) -> str:
    return "" if x is None or not math.isfinite(x) else f"{x:.3f}"
