"""synthgan fit: a table, signals or images become a model file."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from synthgan.cli.outputs import check_out
from synthgan.io.escaping import printable

__all__ = ["add", "train_table"]

# Options that fit one kind of data only.
_OPTIONS = {
    "table": ("privacy",),
    "signal": ("leads", "n_samples", "window_s", "fs_hz"),
    "image": ("size", "color", "crop", "on_error"),
}


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    fit = commands.add_parser("fit", help="learn a table, signals or images")
    fit.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="a CSV table; WFDB records or folders of them; a zip archive or folders of images, or "
        "image files; or signal windows (with --kind image images) as npy",
    )
    fit.add_argument("-o", "--out", required=True, metavar="MODEL", help="model file to write")
    fit.add_argument(
        "--kind",
        choices=("auto", "table", "signal", "image"),
        default="auto",
        help="of the data; auto: signal for WFDB records, folders of them, and npy, image for "
        "images and zip archives and folders of them, else table",
    )
    fit.add_argument(
        "--preset", default=None, help="parameter set, such as thesis-thyroid or thesis-ecg-cnn"
    )
    fit.add_argument("--epochs", type=int, default=None, help="epochs (default: automatic)")
    fit.add_argument("--max-steps", type=int, default=None, help="limit of steps (default: none)")
    fit.add_argument("--max-time", default=None, help="seconds, or such as 10min (default: none)")
    fit.add_argument(
        "--groups",
        default=None,
        metavar="COLUMN",
        help="column with the person of each row: minimum counts are then in people, not rows "
        "(default: a column found to name people, else each row is a person; of records patient)",
    )
    fit.add_argument(
        "--condition-on",
        "--labels",
        default=None,
        metavar="COLUMNS",
        help="what sample may be told, joined by commas: columns of a table (any: all of them), or "
        "labels of the records' headers and heart_rate_bpm, which is measured; of images folder",
    )
    fit.add_argument(
        "--follow-links",
        action="store_true",
        help="read files of a folder that are links out of it, too (default: refuse them)",
    )
    fit.add_argument("--seed", type=int, default=None, help="seed, for the same model again")
    _add_for_tables(fit.add_argument_group("tables"))
    _add_for_signals(fit.add_argument_group("signals"))
    _add_for_images(fit.add_argument_group("images"))
    fit.set_defaults(command=_fit)


def _add_for_tables(tables: Any) -> None:
    tables.add_argument(
        "--privacy",
        choices=("balanced", "faithful", "strict"),
        help="trade of fidelity for privacy below 1250 people (default: balanced)",
    )


def _add_for_signals(signals: Any) -> None:
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


def _add_for_images(images: Any) -> None:
    images.add_argument(
        "--size",
        type=_read_size,
        metavar="HxW",
        help="height and width to resize to, such as 275x400 or 64 (default: as they are)",
    )
    images.add_argument("--color", choices=("grey", "rgb"), help="(default: grey)")
    images.add_argument(
        "--crop", action="store_const", const=True, help="cut to the proportions of --size first"
    )
    images.add_argument(
        "--on-error",
        choices=("raise", "skip"),
        help="at files that cannot be read stop, or leave them out (default: raise)",
    )


def train_table(table: Any, groups: Any = None, **parameters: Any) -> Any:
    """Fit a table, with a progress bar where someone looks."""
    import torch

    from synthgan.synthesizers.tabular import TabularGANSynthesizer

    torch.set_num_threads(1)  # this process is ours; small networks are slower on two threads
    return TabularGANSynthesizer(**parameters, verbose=int(sys.stderr.isatty())).fit(
        table, groups=groups
    )


def _fit(parsed: argparse.Namespace) -> None:
    check_out("--out", parsed.out)
    kind = _find_kind(parsed.data) if parsed.kind == "auto" else parsed.kind
    _check_options(parsed, kind)
    model, what = _FITS[kind](parsed)
    model.save(parsed.out)
    print(printable(f"{what} learnt, model written to {parsed.out}"))


def _find_kind(paths: list[str]) -> str:
    from synthgan.io.images import is_image_name

    for path in paths:
        is_record = path.endswith(".hea") or Path(f"{path}.hea").is_file()
        if is_record or path.endswith(".npy") or any(Path(path).rglob("*.hea")):
            return "signal"
        in_folder = (file.name for file in Path(path).rglob("*") if Path(path).is_dir())
        if path.casefold().endswith(".zip") or any(map(is_image_name, (path, *in_folder))):
            return "image"
    return "table"


def _check_options(parsed: argparse.Namespace, kind: str) -> None:
    for other, names in _OPTIONS.items():
        for name in names:
            if other != kind and getattr(parsed, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(
                    f"{option} is for {other}s, {parsed.data[0]!r} is taken for "
                    f"{'an' if kind == 'image' else 'a'} {kind}; see --kind."
                )
    in_folder = kind != "table" and not any(path.endswith(".npy") for path in parsed.data)
    if parsed.follow_links and not in_folder:
        raise ValueError(f"--follow-links is for records and images, not for {parsed.data[0]!r}.")
    if parsed.condition_on == "any" and kind != "table":
        raise ValueError("--condition-on any is for tables; name labels, joined by commas.")


def _fit_table(parsed: argparse.Namespace) -> tuple[Any, str]:
    from synthgan.io.tables import read_csv

    path, *others = parsed.data
    if others:
        raise ValueError(f"{len(parsed.data)} paths are given; a table is one CSV file.")
    columns = parsed.condition_on
    told = columns if columns in (None, "any") else columns.split(",")
    parameters = _parameters(parsed, told)
    if parsed.privacy is not None:
        parameters["privacy"] = parsed.privacy
    return train_table(read_csv(path), parsed.groups, **parameters), path


def _fit_signals(parsed: argparse.Namespace) -> tuple[Any, str]:
    from synthgan.synthesizers.signal import SignalGANSynthesizer

    told = list(dict.fromkeys(_names(parsed.condition_on) or []))
    if any(path.endswith(".npy") for path in parsed.data):
        cut, source = _windows_of_array(parsed), parsed.data[0]
    else:
        cut, source = _windows_of_records(parsed, told)
    n, leads = len(cut), "lead" if len(cut.leads) == 1 else "leads"
    message = (
        f"{source} read: {n} windows of {cut.n_samples} samples ({cut.window_s:g} s), "
        f"{leads} {', '.join(cut.leads)}, {cut.fs_hz:g} Hz"
    )
    print(printable(message), flush=True)
    parameters = {**_parameters(parsed, told), "verbose": int(sys.stderr.isatty())}
    return SignalGANSynthesizer(**parameters).fit(cut, groups=parsed.groups), f"{n} windows"


def _windows_of_records(parsed: argparse.Namespace, told: list[str]) -> tuple[Any, str]:
    """Read and cut records."""
    from synthgan.encoding.signals.properties import PROPERTIES
    from synthgan.io.records import read_records
    from synthgan.io.windows import windows

    records = read_records(
        parsed.data, _names(parsed.leads), fs_hz=parsed.fs_hz, follow_links=parsed.follow_links
    )
    labels = [name for name in told if name not in PROPERTIES]
    cut = windows(records, parsed.n_samples, window_s=parsed.window_s, labels=labels)
    noun = "record" if len(records) == 1 else "records"
    return cut, f"{len(records)} {noun}"


def _windows_of_array(parsed: argparse.Namespace) -> Any:
    from synthgan.io.tables import read_array
    from synthgan.records.signals import SignalWindows

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


def _fit_images(parsed: argparse.Namespace) -> tuple[Any, str]:
    from synthgan.io.images import read_images
    from synthgan.io.tables import read_array
    from synthgan.synthesizers.image import ImageGANSynthesizer

    told = list(dict.fromkeys(_names(parsed.condition_on) or []))
    path, *others = parsed.data
    is_array = any(name.endswith(".npy") for name in parsed.data)
    options = {name: getattr(parsed, name) for name in _OPTIONS["image"]}
    given = {name: value for name, value in options.items() if value is not None}
    if is_array and (others or given):
        raise ValueError(f"{path!r} is learnt alone and as it is; give no other paths or options.")
    progress = sys.stderr.isatty()
    source = parsed.data if others else path
    links = parsed.follow_links
    images = (
        read_array(path)
        if is_array
        else read_images(source, **given, progress=progress, follow_links=links)
    )
    height, width = images.shape[1:3] if is_array else images.shape
    print(printable(f"{path} read: {len(images)} images of {height} x {width}"), flush=True)
    model = ImageGANSynthesizer(**_parameters(parsed, told), verbose=int(progress))
    return model.fit(images, groups=parsed.groups), f"{len(images)} images"


def _read_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:x(\d+))?", text.casefold())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give such as 275x400 or 64")
    return int(found[1]), int(found[2] or found[1])


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _parameters(parsed: argparse.Namespace, told: Any) -> dict[str, Any]:
    """Gather those that all kinds of data have."""
    names = ("preset", "epochs", "max_steps", "max_time")
    given = {name: getattr(parsed, name) for name in names}
    return {**given, "condition_on": told, "random_state": parsed.seed}


_FITS = {"table": _fit_table, "signal": _fit_signals, "image": _fit_images}
