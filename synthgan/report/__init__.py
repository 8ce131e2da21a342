"""Reports of measures, and figures of real and synthetic records.

`evaluate` computes all measures of a kind; pages and displays show them.
"""

from synthgan.report.displays import (
    ColumnDisplay,
    CorrelationDisplay,
    HistoryDisplay,
    ScoreDisplay,
)
from synthgan.report.evaluation import evaluate
from synthgan.report.families import TimelineDisplay, TransitionDisplay
from synthgan.report.plots import plot_binary_counts, plot_boxes, plot_grids
from synthgan.report.records import BeatDisplay, ImageDisplay, TraceDisplay
from synthgan.report.report import Report

__all__ = [
    "BeatDisplay",
    "ColumnDisplay",
    "CorrelationDisplay",
    "HistoryDisplay",
    "ImageDisplay",
    "Report",
    "ScoreDisplay",
    "TimelineDisplay",
    "TraceDisplay",
    "TransitionDisplay",
    "evaluate",
    "plot_binary_counts",
    "plot_boxes",
    "plot_grids",
]
