"""A report as one page of HTML: computes what the template shows."""

from __future__ import annotations

import base64
import io
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from synthgan import metrics
from synthgan.io.escaping import printable
from synthgan.metrics import Score
from synthgan.report.displays import (
    ColumnDisplay,
    CorrelationDisplay,
    HistoryDisplay,
    ScoreDisplay,
)
from synthgan.report.pooling import FEWEST
from synthgan.report.records import BeatDisplay, ImageDisplay, TraceDisplay
from synthgan.report.summary import C2ST

if TYPE_CHECKING:
    from synthgan.report.report import Report

__all__ = ["render"]

# Text stays text, and equal reports are equal files.
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "synthgan", "font.family": "sans-serif"}
_MOST_COLUMNS = 60
_MOST_SQUARES = 60  # columns of a correlation picture
_GIVEAWAY = {
    "table": "Bars: by how much the AUC falls when a column is shuffled, the largest first.",
    "signal": "Bars: the AUC that each family of features reaches by itself.",
    "image": "Bars: the AUC that each family of features reaches by itself.",
}
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
class Picture:
    """A drawing in the page.

    Parameters
    ----------
    source : str
        A data URI.
    alt : str
        What it shows, for those who do not see it.
    caption : str
    """

    source: str
    alt: str
    caption: str = ""


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
    sections = [
        {
            "name": name,
            "title": _HEADINGS[name][0],
            "lead": _HEADINGS[name][1],
            "rows": [
                _row(key, score, report.note(score))
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


def _row(name: str, score: Score, note: str) -> Row:
    rooms = metrics, metrics.signals, metrics.images
    function = next((getattr(room, name) for room in rooms if hasattr(room, name)), None)
    meaning = (function.__doc__ or "").partition("\n")[0] if function else ""
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
    kind = report.settings["kind"]
    pictures: dict[str, list[Picture]] = {}
    fidelity = report.scores.get("fidelity", {})
    told = next((fidelity[name] for name in C2ST if name in fidelity), None)
    if told is not None and len(told.detail):
        shown = ScoreDisplay.from_score(told).plot()
        pictures["giveaway"] = [_picture(shown.figure_, _GIVEAWAY[kind])]
    makers = {"table": _of_tables, "signal": _of_signals, "image": _of_images}
    pictures |= makers[kind](report)
    history = getattr(report.model, "history_", None)
    if history is not None and len(history):
        shown_run = HistoryDisplay(history).plot()
        alt = "Losses of discriminator and generator, and fidelity, over the epochs."
        pictures["training"] = [_picture(shown_run.figure_, alt)]
    return pictures


def _of_tables(report: Report) -> dict[str, list[Picture]]:
    real, fake = report.records["real"], report.records["fake"]
    n_people = len(real) if report.groups is None else pd.Series(list(report.groups)).nunique()
    if n_people < FEWEST and not report.show_real:
        return {}
    shapes = report.scores.get("fidelity", {}).get("column_shapes")
    values = pd.Series(np.nan, real.columns) if shapes is None else shapes.detail["value"]
    # In the table's order; of too many columns those that differ most.
    names = list(real.columns)
    if len(names) > _MOST_COLUMNS:
        worst = set(values.sort_values(kind="stable").index[:_MOST_COLUMNS])
        names = [name for name in names if name in worst]
    columns = []
    for name in names:
        drawn = ColumnDisplay.from_frames(
            real[[name]], fake[[name]], name, groups=report.groups, show_real=report.show_real
        ).plot()
        told = "" if math.isnan(values[name]) else f"likeness {values[name]:.3f}"
        alt = f"Distribution of {name}, real (filled) and fake (outlined)."
        columns.append(_picture(drawn.figure_, alt, told))
    pictures = {"columns": columns}
    if 1 < real.shape[1] <= _MOST_SQUARES:
        squares = CorrelationDisplay.from_frames(real, fake, random_state=0).plot()
        alt = (
            "Three heat maps: how columns hang together in real records, in fakes, the difference."
        )
        pictures["correlations"] = [_picture(squares.figure_, alt)]
    return pictures


def _of_signals(report: Report) -> dict[str, list[Picture]]:
    sides = report.records["real"], report.records["fake"], float(report.settings["fs_hz"])
    shown: Any = {"random_state": 0, "show_real": report.show_real}
    traces = TraceDisplay.from_windows(*sides, **shown).plot()
    both = "Some windows: real ones on the left, fakes on the right."
    alt = both if report.show_real else "Some windows, all of them fakes."
    pictures = [_photograph(traces.figure_, alt)]
    rates = report.scores.get("fidelity", {}).get("heart_rates")
    if rates is not None and math.isfinite(rates.value):
        beats = BeatDisplay.from_windows(*sides, **shown).plot()
        whose = "" if report.show_real else " of fakes"
        alt = f"Heart beats{whose} laid over each other at their R peaks."
        pictures.append(_photograph(beats.figure_, alt))
    return {"records": pictures}


def _of_images(report: Report) -> dict[str, list[Picture]]:
    sides = report.records["real"], report.records["fake"]
    images = ImageDisplay.from_images(*sides, random_state=0, show_real=report.show_real).plot()
    both = "Some images: real ones above, fakes below."
    alt = both if report.show_real else "Some images, all of them fakes."
    return {"records": [_photograph(images.figure_, alt)]}


def _picture(figure: Figure, alt: str, caption: str = "") -> Picture:
    """Draw a figure as SVG, without the date, so that equal reports are equal files."""
    return _embedded(figure, "svg+xml", {"Date": None, "Creator": None}, alt, caption)


def _photograph(figure: Figure, alt: str) -> Picture:
    """Draw a figure as PNG: one of thousands of strokes would be millions of letters of SVG."""
    return _embedded(figure, "png", {"Software": None}, alt, "")


def _embedded(
    figure: Figure, kind: str, metadata: dict[str, Any], alt: str, caption: str
) -> Picture:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Text of an SVG stays text, and browsers have letters that matplotlib's font lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(buffer, format=kind.partition("+")[0], metadata=metadata, dpi=150)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f"data:image/{kind};base64,{encoded}", alt, caption)


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
