"""synthgan sample: a model makes rows as CSV, signals as WFDB records, or images as PNG."""

from __future__ import annotations

import argparse
import io
import secrets
from pathlib import Path
from typing import Any

from synthgan.cli.outputs import as_private_as, check_out
from synthgan.io.escaping import printable

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    sample = commands.add_parser("sample", help="make rows, signals or images with a model")
    sample.add_argument("model", metavar="MODEL")
    wanted = sample.add_mutually_exclusive_group(required=True)
    wanted.add_argument("-n", type=int, default=None, help="number of rows, signals or images")
    wanted.add_argument(
        "--conditions",
        default=None,
        metavar="ROWS.csv",
        help="values that each row, signal or image must have, empty where free; one out for each "
        "row in",
    )
    sample.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="FAKE",
        help="CSV file; of signals a folder for WFDB records, of images a folder or a zip archive "
        "for PNG files; of both an npy file",
    )
    sample.add_argument("--seed", type=int, default=None, help="seed, for the same rows again")
    signals = sample.add_argument_group("signals")
    signals.add_argument(
        "--duration-s", type=float, default=None, metavar="S", help="seconds (default: a window)"
    )
    signals.add_argument(
        "--annotate", action="store_true", help="write the R peaks beside the records"
    )
    sample.add_argument(
        "--overwrite", action="store_true", help="replace records or images of the same name"
    )
    sample.add_argument(
        "--csv-safe",
        action="store_true",
        help="put an apostrophe before text that a spreadsheet takes for a formula: = + - @ ...",
    )
    sample.set_defaults(command=_sample)


def _sample(parsed: argparse.Namespace) -> None:
    from synthgan import load
    from synthgan.io.tables import read_csv

    model: Any = load(parsed.model)
    kind = model.kind
    _check_options(parsed, kind)
    options = {"duration_s": parsed.duration_s} if kind == "signal" else {}
    conditions = None if parsed.conditions is None else read_csv(parsed.conditions)
    seed = secrets.randbits(31) if parsed.seed is None else parsed.seed
    fake = model.sample(parsed.n, conditions=conditions, random_state=seed, **options)
    with as_private_as(parsed.model):
        noun = _WRITES[kind](fake, model, parsed)
    print(printable(f"{len(fake)} {noun} written to {parsed.out}"))


def _check_options(parsed: argparse.Namespace, kind: str) -> None:
    """Refuse, before anything is made, options that do not fit the model or the file."""
    if parsed.csv_safe and (kind == "signal" or parsed.out.endswith(".npy")):
        raise ValueError(
            f"--csv-safe is for CSV files; with {parsed.model!r} and --out {parsed.out!r} none is "
            "written."
        )
    strangers = {"table": ("duration_s", "annotate", "overwrite"),
                 "image": ("duration_s", "annotate"), "signal": ()}[kind]  # fmt: skip
    for name in strangers:
        if getattr(parsed, name) not in (None, False):
            option, makes = f"--{name.replace('_', '-')}", _MAKES[kind]
            raise ValueError(f"{option} is for signals; {parsed.model!r} makes {makes}.")
    if kind == "table":
        check_out("--out", parsed.out)
        return
    if parsed.n is not None and parsed.n < 1:
        raise ValueError(f"-n {parsed.n} is too few; give 1 or more.")
    if parsed.out.endswith(".csv"):
        files = "WFDB records" if kind == "signal" else "PNG files"
        raise ValueError(
            f"--out {parsed.out!r} is a table; {parsed.model!r} makes {_MAKES[kind]}: give a "
            f"folder for {files}, or an npy file."
        )
    if parsed.out.endswith(".npy") and parsed.annotate:
        raise ValueError("--annotate needs WFDB records; give a folder as --out.")


def _write_table(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    from synthgan.io.tables import write_csv

    write_csv(fake, parsed.out, safe=parsed.csv_safe)
    return "rows"


def _write_signals(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    import numpy as np

    from synthgan.io.records import write_records

    if parsed.out.endswith(".npy"):
        values = np.asarray(fake)
        one_lead = values.ndim == 3 and values.shape[1] == 1
        _write_array(values[:, 0] if one_lead else values, parsed.out)
        return "windows"
    windows = _as_windows(fake, model)
    peaks = True if parsed.annotate else None
    write_records(parsed.out, windows, r_peaks=peaks, overwrite=parsed.overwrite)
    return "records"


def _write_images(fake: Any, model: Any, parsed: argparse.Namespace) -> str:
    import numpy as np

    from synthgan.io.images import ImageStack, save_images

    if parsed.out.endswith(".npy"):
        _write_array(fake, parsed.out)
        return "images"
    if not isinstance(fake, ImageStack):
        grids = model.encoder_.transform(fake)
        levels = grids if grids.ndim == 3 else np.moveaxis(grids, 1, 3)
        fake = ImageStack(np.ascontiguousarray(levels))
    save_images(fake, parsed.out, overwrite=parsed.overwrite, csv_safe=parsed.csv_safe)
    return "images"


def _write_array(fake: Any, path: str) -> None:
    """Write an array as fit takes it."""
    import numpy as np

    from synthgan.exceptions import DataError
    from synthgan.state.files import write_atomically

    content = io.BytesIO()
    np.save(content, np.asarray(fake))
    try:
        write_atomically(Path(path), content.getvalue())
    except OSError as error:
        raise DataError(f"{path!r} cannot be written: {error.strerror or error}.") from error


def _as_windows(fake: Any, model: Any) -> Any:
    """Give windows a rate and leads, which a model that was fitted on arrays does not tell."""
    import numpy as np

    from synthgan.records.signals import SignalWindows

    if isinstance(fake, SignalWindows):
        return fake
    if model.fs_hz_ is None or model.n_leads_ > 1:
        what = "sampling rate" if model.fs_hz_ is None else f"names of its {model.n_leads_} leads"
        raise ValueError(
            f"the model knows no {what}, which records need; give an npy file as --out, or fit it "
            "on SignalWindows."
        )
    values = np.asarray(fake)
    return SignalWindows(values.reshape(len(values), 1, -1), model.fs_hz_, "i")


_MAKES = {"table": "rows", "signal": "signals", "image": "images"}
_WRITES = {"table": _write_table, "signal": _write_signals, "image": _write_images}
