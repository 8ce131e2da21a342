"""Signals: windows of electrocardiograms and similar signals.

Their files and command-line options, model card, measures and report sections.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.kinds.kind import Kind

__all__ = ["KIND"]

_FEWEST_SAMPLES = 100  # arrays with at least this many columns are signal windows


class SignalKind(Kind):
    """Windows of signals, from WFDB records or arrays."""

    folder = __name__
    name, plural, records = "signal", "signals", "signals"
    makes = "windows of a signal"
    files, in_folders = "WFDB records", True
    fit_options = ("leads", "n_samples", "window_s", "fs_hz", "on_missing_lead")
    evaluate_options = ("leads", "n_samples", "window_s", "on_missing_lead")
    sample_options = ("duration_s", "annotate", "overwrite")
    optional_measures = (
        "heart_rates", "beat_counts", "r_amplitudes", "intervals", "beat_variability",
    )  # fmt: skip
    shown = "it shows real windows and real heart beats"
    pooled = "it shows no real window and no real heart beat"

    def estimator(self) -> Any:
        """See `Kind.estimator`."""
        from synthgan.synthesizers.signal import SignalGANSynthesizer

        return SignalGANSynthesizer

    def takes(self, records: Any) -> bool:
        """See `Kind.takes`."""
        from synthgan.records.signals import SignalWindows

        if isinstance(records, SignalWindows):
            return True
        if not isinstance(records, np.ndarray):
            return False
        is_wide = records.ndim == 2 and records.shape[1] >= _FEWEST_SAMPLES
        return is_wide or (records.ndim == 3 and records.dtype != np.uint8)

    def check_records(self, given: Mapping[str, Any], target: Any) -> dict[str, Any]:
        """See `Kind.check_records`."""
        from synthgan.records.signals import SignalWindows, check_axes, match_windows

        there = {name: x for name, x in given.items() if x is not None}
        super().check_records(there, target)
        for name, x in there.items():
            if not isinstance(x, SignalWindows):
                check_axes(f"the {name} windows", np.shape(x))
        matched = match_windows(there)
        return {n: x if isinstance(x, SignalWindows) else np.asarray(x) for n, x in matched.items()}

    def measure_options(self, records: Any, fs_hz: float | None) -> dict[str, Any]:
        """See `Kind.measure_options`."""
        rate = getattr(records, "fs_hz", None) if fs_hz is None else fs_hz
        if rate is None:
            raise ParameterError("fs_hz=None is not allowed for signals; give their rate in Hz.")
        return {"fs_hz": rate}

    def recognises(self, path: str) -> bool:
        """See `Kind.recognises`."""
        suffixes = (".hea", ".edf", ".bdf")
        is_record = path.casefold().endswith(suffixes) or Path(f"{path}.hea").is_file()
        below = Path(path).rglob("*") if Path(path).is_dir() else ()
        return (
            is_record
            or path.endswith(".npy")
            or any(file.name.casefold().endswith(suffixes) for file in below)
        )

    def add_evaluate_options(self, parser: Any) -> None:
        """See `Kind.add_evaluate_options`."""
        self._part("files").add_reading_options(parser.add_argument_group(self.plural))

    def add_sample_options(self, parser: Any) -> None:
        """See `Kind.add_sample_options`."""
        signals = parser.add_argument_group("signals")
        signals.add_argument(
            "--duration-s",
            type=float,
            default=None,
            metavar="S",
            help="duration of each signal in seconds (default: one window)",
        )
        signals.add_argument(
            "--annotate", action="store_true", help="write annotation files with the R peaks"
        )

    def sample_arguments(self, parsed: argparse.Namespace) -> dict[str, Any]:
        """See `Kind.sample_arguments`."""
        if parsed.out.endswith(".npy") and parsed.annotate:
            raise ValueError("--annotate needs WFDB records; give a folder as --out.")
        return {"duration_s": parsed.duration_s}


KIND = SignalKind()
