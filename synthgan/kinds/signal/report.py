"""What is measured and drawn of signals."""

from __future__ import annotations

import math
from typing import Any

from synthgan.metrics import signals
from synthgan.report.pictures import Picture, photograph
from synthgan.report.records import BeatDisplay, TraceDisplay
from synthgan.report.report import Report

__all__ = ["MEASURES", "draw"]

_FIDELITY = (
    signals.signal_c2st,
    signals.amplitudes,
    signals.spectrum,
    signals.autocorrelation,
    signals.heart_rates,
    signals.beat_counts,
    signals.r_amplitudes,
    signals.qrs,
    signals.qt_intervals,
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
    """Draw some records, real and synthetic."""
    sides = report.records["real"], report.records["fake"], float(report.settings["fs_hz"])
    shown: Any = {"random_state": 0, "show_real": report.show_real}
    traces = TraceDisplay.from_windows(*sides, **shown).plot()
    both = "Some windows: real ones on the left, fakes on the right."
    alt = both if report.show_real else "Some windows, all of them fakes."
    pictures = [photograph(traces.figure_, alt)]
    rates = report.scores.get("fidelity", {}).get("heart_rates")
    if rates is not None and math.isfinite(rates.value):
        beats = BeatDisplay.from_windows(*sides, **shown).plot()
        whose = "" if report.show_real else " of fakes"
        alt = f"Heart beats{whose} laid over each other at their R peaks."
        pictures.append(photograph(beats.figure_, alt))
    return {"records": pictures}
