"""synthgan fit: a table, WFDB records or an array of windows becomes a model file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["add", "train_table"]

_OF_SIGNALS = ("leads", "n_samples", "window_s", "fs_hz")


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    fit = commands.add_parser("fit", help="learn a table, or signals")
    fit.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="a CSV table; WFDB records or folders of them; or signal windows as npy",
    )
    fit.add_argument("-o", "--out", required=True, metavar="MODEL", help="model file to write")
    fit.add_argument(
        "--kind",
        choices=("auto", "table", "signal"),
        default="auto",
        help="of the data; auto: signal for WFDB records, folders of them, and npy, else table",
    )
    fit.add_argument(
        "--preset", default=None, help="parameter set, such as thesis-thyroid or thesis-ecg-cnn"
    )
    fit.add_argument("--epochs", type=int, default=None, help="epochs (default: automatic)")
    fit.add_argument("--max-steps", type=int, default=None, help="limit of steps (default: none)")
    fit.add_argument("--max-time", default=None, help="seconds, or such as 10min (default: none)")
    fit.add_argument(
        "--condition-on",
        "--labels",
        default=None,
        metavar="COLUMNS",
        help="what sample may be told, joined by commas: columns of a table (any: all of them), or "
        "labels of the records' headers and heart_rate_bpm, which is measured",
    )
    fit.add_argument("--seed", type=int, default=None, help="seed, for the same model again")
    signals = fit.add_argument_group("signals")
    signals.add_argument(
        "--leads", default=None, help="leads to learn, joined by commas (default: all)"
    )
    length = signals.add_mutually_exclusive_group()
    length.add_argument("--n-samples", type=int, metavar="N", help="of a window (default: 2025)")
    length.add_argument("--window-s", type=float, metavar="S", help="seconds of a window")
    signals.add_argument(
        "--fs-hz",
        type=float,
        metavar="HZ",
        help="samples per second: records are resampled to it, an npy file needs it",
    )
    fit.set_defaults(command=_fit)


def train_table(table: Any, **parameters: Any) -> Any:
    """Fit a table, with a progress bar where someone looks."""
    import torch

    from synthgan.tabular import TabularGANSynthesizer

    torch.set_num_threads(1)  # this process is ours; small networks are slower on two threads
    return TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty())).fit(table)


def _fit(parsed: argparse.Namespace) -> None:
    out = Path(parsed.out)
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {parsed.out!r} names no file in a folder that is there.")
    kind = _find_kind(parsed.data) if parsed.kind == "auto" else parsed.kind
    model, what = (_fit_signals if kind == "signal" else _fit_table)(parsed)
    model.save(out)
    print(f"{what} learnt, model written to {parsed.out}")


def _find_kind(paths: list[str]) -> str:
    for path in paths:
        is_record = path.endswith(".hea") or Path(f"{path}.hea").is_file()
        if is_record or path.endswith(".npy") or any(Path(path).rglob("*.hea")):
            return "signal"
    return "table"


def _fit_table(parsed: argparse.Namespace) -> tuple[Any, str]:
    from synthgan.io.tables import read_csv

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; a table is one CSV file.")
    for name in _OF_SIGNALS:
        if getattr(parsed, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is for signals, {path!r} is taken for a table; see --kind.")
    columns = parsed.condition_on
    told = columns if columns in (None, "any") else columns.split(",")
    return train_table(read_csv(path), **_parameters(parsed, told)), path


def _fit_signals(parsed: argparse.Namespace) -> tuple[Any, str]:
    from synthgan.signal import SignalGANSynthesizer

    if parsed.condition_on == "any":
        raise ValueError("--condition-on any is for tables; name labels, joined by commas.")
    told = list(dict.fromkeys(_names(parsed.condition_on) or []))
    if any(path.endswith(".npy") for path in parsed.data):
        cut, source = _windows_of_array(parsed), parsed.data[0]
    else:
        cut, source = _windows_of_records(parsed, told)
    n, leads = len(cut), "lead" if len(cut.leads) == 1 else "leads"
    print(
        f"{source} read: {n} windows of {cut.n_samples} samples ({cut.window_s:g} s), "
        f"{leads} {', '.join(cut.leads)}, {cut.fs_hz:g} Hz",
        flush=True,
    )
    parameters = {**_parameters(parsed, told), "verbose": int(sys.stderr.isatty())}
    return SignalGANSynthesizer(**parameters).fit(cut), f"{n} windows"


def _windows_of_records(parsed: argparse.Namespace, told: list[str]) -> tuple[Any, str]:
    """Read and cut records."""
    from synthgan.encoding.properties import PROPERTIES
    from synthgan.io.records import read_records
    from synthgan.io.windows import windows

    records = read_records(parsed.data, _names(parsed.leads), fs_hz=parsed.fs_hz)
    labels = [name for name in told if name not in PROPERTIES]
    cut = windows(records, parsed.n_samples, window_s=parsed.window_s, labels=labels)
    noun = "record" if len(records) == 1 else "records"
    return cut, f"{len(records)} {noun}"


def _windows_of_array(parsed: argparse.Namespace) -> Any:
    from synthgan.io.tables import read_array
    from synthgan.io.windows import SignalWindows

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; an npy file is learnt alone.")
    if parsed.n_samples is not None or parsed.window_s is not None:
        raise ValueError(f"--n-samples and --window-s cut records; {path!r} holds windows already.")
    if parsed.fs_hz is None:
        raise ValueError(f"{path!r} tells no sampling rate; give it by --fs-hz.")
    values = read_array(path)
    if values.ndim not in (2, 3):
        raise ValueError(
            f"{path!r} has shape {values.shape}; give (n, n_samples) or (n, n_leads, n_samples)."
        )
    values = values[:, None] if values.ndim == 2 else values
    leads = _names(parsed.leads)
    if leads is None and values.shape[1] > 1:
        raise ValueError(f"{path!r} has {values.shape[1]} leads; name them by --leads.")
    return SignalWindows(values, parsed.fs_hz, leads or "i")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _parameters(parsed: argparse.Namespace, told: Any) -> dict[str, Any]:
    """Gather those that both kinds of data have."""
    names = ("preset", "epochs", "max_steps", "max_time")
    given = {name: getattr(parsed, name) for name in names}
    return {**given, "condition_on": told, "random_state": parsed.seed}
