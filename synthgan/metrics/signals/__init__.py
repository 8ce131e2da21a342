"""Measures that compare synthetic with real signal windows, in mV.

Fidelity, usefulness and privacy of windows, and the features that they are computed from.
"""

from synthgan.metrics.signals.beat_intervals import intervals
from synthgan.metrics.signals.beat_shapes import beat_variability
from synthgan.metrics.signals.beats import beat_counts, heart_rates, r_amplitudes
from synthgan.metrics.signals.feature_space import (
    signal_c2st,
    signal_coverage,
    signal_mmd,
    signal_precision,
)
from synthgan.metrics.signals.new_people import new_people_detection
from synthgan.metrics.signals.privacy import (
    signal_closest_record,
    signal_exact_copies,
    signal_membership_inference,
    signal_near_copies,
    signal_neighbour_ratio,
    signal_reidentification,
)
from synthgan.metrics.signals.rate_variability import rate_variability
from synthgan.metrics.signals.usefulness import signal_tstr
from synthgan.metrics.signals.usefulness_among_people import new_people_tstr
from synthgan.metrics.signals.warping import dtw
from synthgan.metrics.signals.waveforms import amplitudes, autocorrelation, spectrum
from synthgan.metrics.signals.windows import phase_randomised
from synthgan.records.beats import find_beats

__all__ = [
    "amplitudes",
    "autocorrelation",
    "beat_counts",
    "beat_variability",
    "dtw",
    "find_beats",
    "heart_rates",
    "intervals",
    "new_people_detection",
    "new_people_tstr",
    "phase_randomised",
    "r_amplitudes",
    "rate_variability",
    "signal_c2st",
    "signal_closest_record",
    "signal_coverage",
    "signal_exact_copies",
    "signal_membership_inference",
    "signal_mmd",
    "signal_near_copies",
    "signal_neighbour_ratio",
    "signal_precision",
    "signal_reidentification",
    "signal_tstr",
    "spectrum",
]
