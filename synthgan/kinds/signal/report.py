"""Measures and pictures of signals in a report."""

from __future__ import annotations

import math
from typing import Any

from synthgan.metrics import signals
from synthgan.report.displays import ScoreDisplay
from synthgan.report.pictures import Picture, raster_picture, vector_picture
from synthgan.report.records import BeatDisplay, TraceDisplay
from synthgan.report.report import Report

__all__ = ["MEASURES", "draw"]

_FIDELITY = (
    signals.signal_c2st,
    signals.new_people_detection,
    signals.amplitudes,
    signals.spectrum,
    signals.autocorrelation,
    signals.heart_rates,
    signals.beat_counts,
    signals.r_amplitudes,
    signals.intervals,
    signals.beat_variability,
    signals.dtw,
    signals.signal_mmd,
    signals.signal_precision,
    signals.signal_coverage,
)
_PRIVACY = (
    signals.signal_membership_inference,
    signals.signal_reidentification,
    signals.signal_exact_copies,
    signals.signal_near_copies,
    signals.signal_closest_record,
    signals.signal_neighbour_ratio,
)
MEASURES = {
    "fidelity": {measure.__name__: measure for measure in _FIDELITY},
    "usefulness": {},
    "privacy": {measure.__name__: measure for measure in _PRIVACY},
}


def draw(report: Report) -> dict[str, list[Picture]]:
    """Draw a sample of real and synthetic records."""
    given = report.records["real"], report.records["fake"], float(report.settings["fs_hz"])
    shown: Any = {"random_state": 0, "show_real": report.show_real}
    traces = TraceDisplay.from_windows(*given, **shown).plot()
    both = "Sample of windows: real on the left, synthetic on the right."
    alt = both if report.show_real else "Sample of synthetic windows."
    pictures = [raster_picture(traces.figure_, alt)]
    rates = report.scores.get("fidelity", {}).get("heart_rates")
    if rates is not None and math.isfinite(rates.value):
        beats = BeatDisplay.from_windows(*given, **shown).plot()
        sides = "real and synthetic" if report.show_real else "synthetic"
        alt = f"Heart beats of {sides} windows, aligned at their R peaks."
        pictures.append(raster_picture(beats.figure_, alt))
    return {"records": pictures, "intervals": _draw_intervals(report)}


def _draw_intervals(report: Report) -> list[Picture]:
    """Draw the agreement of each interval and amplitude."""
    score = report.scores.get("fidelity", {}).get("intervals")
    if score is None or not len(score.detail):
        return []
    shown = ScoreDisplay(score.name, score.detail["value"], score.detail.get("ceiling"))
    bars = shown.plot()
    alt = "Agreement of the intervals and amplitudes of heart beats, one bar for each."
    return [vector_picture(bars.figure_, alt)]
