"""Signals on the command line: reading records and arrays, training and writing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from synthgan.io.escaping import printable
from synthgan.kinds.options import estimator_arguments, split_names, unique_names, write_array

__all__ = ["add_fit_options", "add_reading_options", "fit", "read_sets", "write"]


def add_fit_options(signals: Any) -> None:
    """Add options of ``synthgan fit``."""
    add_reading_options(signals)
    signals.add_argument(
        "--fs-hz",
        type=float,
        metavar="HZ",
        help="sampling rate: records are resampled to it; required for npy files",
    )


def add_reading_options(signals: Any) -> None:
    """Add options of commands that read records."""
    signals.add_argument(
        "--leads",
        default=None,
        help="leads to use, separated by commas: names, or places from 0 on (default: all)",
    )
    signals.add_argument(
        "--on-missing-lead",
        choices=("error", "skip"),
        help="what to do with records that lack a lead: stop, or skip them (default: error)",
    )
    length = signals.add_mutually_exclusive_group()
    length.add_argument(
        "--n-samples", type=int, metavar="N", help="samples per window (default: 2025)"
    )
    length.add_argument(
        "--window-s", type=float, metavar="S", help="duration of a window in seconds"
    )


def fit(parsed: argparse.Namespace) -> tuple[Any, str]:
    """Fit a model; return it and a short description of its data."""
    from synthgan.synthesizers.signal import SignalGANSynthesizer

    condition_on = unique_names(parsed.condition_on)
    if any(path.endswith(".npy") for path in parsed.data):
        cut, source = _windows_of_array(parsed), parsed.data[0]
    else:
        cut, source = _windows_of_records(parsed, condition_on)
    n, leads = len(cut), "lead" if len(cut.leads) == 1 else "leads"
    message = (
        f"{source} read: {n} windows of {cut.n_samples} samples ({cut.window_s:g} s), "
        f"{leads} {', '.join(cut.leads)}, {cut.fs_hz:g} Hz"
    )
    print(printable(message), flush=True)
    parameters = {**estimator_arguments(parsed, condition_on), "verbose": int(sys.stderr.isatty())}
    return SignalGANSynthesizer(**parameters).fit(cut, groups=parsed.groups), f"{n} windows"


def _windows_of_records(parsed: argparse.Namespace, condition_on: list[str]) -> tuple[Any, str]:
    """Read records and cut them into windows."""
    from synthgan.encoding.signals.properties import PROPERTIES
    from synthgan.io.records import read_records
    from synthgan.io.windows import windows

    records = read_records(parsed.data, _leads(parsed.leads), **_reading(parsed))
    labels = [name for name in condition_on if name not in PROPERTIES]
    cut = windows(records, parsed.n_samples, window_s=parsed.window_s, labels=labels)
    noun = "record" if len(records) == 1 else "records"
    return cut, f"{len(records)} {noun}"


def _leads(text: str | None) -> list[str | int] | None:
    """Return names of leads, and numbers as places."""
    names = split_names(text)
    return None if names is None else [int(x) if x.isdecimal() else x for x in names]


def _reading(parsed: argparse.Namespace) -> dict[str, Any]:
    return {
        "fs_hz": parsed.fs_hz,
        "follow_links": parsed.follow_links,
        "on_missing_lead": parsed.on_missing_lead or "error",
    }


def read_sets(
    paths: Sequence[str | None], parsed: argparse.Namespace, read_array: Callable[[str], Any]
) -> list[Any]:
    """Read records, EDF and npy files, and cut all to the length and the leads of the fakes."""
    from synthgan.io.records import read_records
    from synthgan.io.windows import windows

    leads, length = _leads(parsed.leads), parsed.n_samples
    sets: dict[str, Any] = {}
    for path in dict.fromkeys(path for path in (paths[1], paths[0], paths[2]) if path is not None):
        is_fake = path == paths[1]
        if path.endswith(".npy"):
            sets[path] = read_array(path)
            length = sets[path].shape[-1] if is_fake and length is None else length
            continue
        records = read_records(path, leads, **_reading(parsed))
        leads = list(records[0].leads) if leads is None else leads
        if length is None and parsed.window_s is None:
            length = min(record.values.shape[1] for record in records)
        faults: Any = {"flat": None, "saturated": None} if is_fake else {}
        sets[path] = windows(records, length, window_s=parsed.window_s, labels=[], **faults)
    return [None if path is None else sets[path] for path in paths]


def _windows_of_array(parsed: argparse.Namespace) -> Any:
    from synthgan.io.tables import read_array
    from synthgan.records.signals import SignalWindows

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; give one npy file alone.")
    if parsed.n_samples is not None or parsed.window_s is not None:
        raise ValueError(
            f"--n-samples and --window-s are for records; {path!r} already contains windows."
        )
    if parsed.fs_hz is None:
        raise ValueError(f"{path!r} does not contain a sampling rate; give it with --fs-hz.")
    values = read_array(path)
    if values.ndim not in (2, 3):
        raise ValueError(
            f"{path!r} has shape {values.shape}; give (n, n_samples) or (n, n_leads, n_samples)."
        )
    values = values[:, None] if values.ndim == 2 else values
    leads = split_names(parsed.leads)
    if leads is None and values.shape[1] > 1:
        raise ValueError(f"{path!r} has {values.shape[1]} leads; name them with --leads.")
    return SignalWindows(values, parsed.fs_hz, leads or "i")


def write(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    """Write records; return the plural noun for them."""
    import numpy as np

    from synthgan.io.records import write_records

    if parsed.out.endswith(".npy"):
        values = np.asarray(fake)
        one_lead = values.ndim == 3 and values.shape[1] == 1
        write_array(values[:, 0] if one_lead else values, parsed.out)
        return "windows"
    windows = _as_windows(fake, model)
    peaks = True if parsed.annotate else None
    write_records(parsed.out, windows, r_peaks=peaks, overwrite=parsed.overwrite)
    return "records"


def _as_windows(fake: Any, model: Any) -> Any:
    """Add the sampling rate and lead names, which models of arrays do not return."""
    import numpy as np

    from synthgan.records.signals import SignalWindows

    if isinstance(fake, SignalWindows):
        return fake
    if model.fs_hz_ is None or model.n_leads_ > 1:
        missing = "sampling rate" if model.fs_hz_ is None else "lead names"
        raise ValueError(
            f"the model has no {missing}, which WFDB records need; give an npy file as --out, or "
            "fit the model on SignalWindows."
        )
    values = np.asarray(fake)
    return SignalWindows(values.reshape(len(values), 1, -1), model.fs_hz_, "i")
