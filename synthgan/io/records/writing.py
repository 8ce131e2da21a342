"""Write windows as WFDB records."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.records.comments import SYNTHETIC
from synthgan.io.records.formats import encode_beats, encode_window
from synthgan.records.beats import find_beats
from synthgan.records.signals import Recording, SignalWindows, ascii_unit, beat_lead, check_positive
from synthgan.state.files import drafting_folder, keep_mode

__all__ = ["write_records"]

_SYNTHETIC = f"# {SYNTHETIC}"


def write_records(
    path: Any,
    windows: SignalWindows | np.ndarray,
    *,
    fs_hz: float | None = None,
    leads: Sequence[str] | str | None = None,
    units: Sequence[str] | str | None = None,
    names: Sequence[str] | None = None,
    r_peaks: Any = None,
    digital_step: float | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write windows as WFDB records, one per window; all files are written, or none.

    Each header states that the record is synthetic, and has the labels of the window: the columns
    of its ``info``, except record, patient and start_s.

    Parameters
    ----------
    path : str or path
        Folder; created if absent.
    windows : SignalWindows, or array of shape (n, n_samples) or (n, n_leads, n_samples)
        NaN where missing.
    fs_hz, leads, units : float, sequence of str, sequence of str
        For arrays only: samples per second, and names and units of the leads. With a single lead,
        leads may be None, which means "i"; units None is mV.
    names : sequence of str, default=None
        Names of the records, of letters, digits, ``_`` and ``-``. None is synthetic_00000 and so
        on.
    r_peaks : {None, True} or sequence of arrays of int, default=None
        Write annotations (``.atr``, all "N"): True detects the R peaks of an ECG lead; a
        sequence has the ascending samples of each window.
    digital_step : float, default=None
        Resolution of the stored 16-bit numbers, in the lead's unit. None is 0.0005 mV as in PTB-DB.
        If the range of a lead does not fit, or it is not a voltage, it is the smallest of 1, 2, 5
        times a power of ten that fits, for each record and lead.
    overwrite : bool, default=False
        Replace records of the same name.

    Returns
    -------
    headers : list of Path
        The ``.hea`` files.

    Raises
    ------
    DataError
        No windows, infinite values, values out of range for `digital_step`, names that are invalid
        in WFDB, R peaks that cannot be detected, existing records, or a folder that cannot be
        written.
    ParameterError
        A parameter has a value that is not allowed.

    References
    ----------
    WFDB Applications Guide, header(5), signal(5), annot(5), https://physionet.org/physiotools/wag/.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> files = write_records(folder, np.zeros((1, 250)), fs_hz=250, names=["a"])
    >>> print(files[0].read_text())
    a 1 250 250
    a.dat 16 2000.0(0)/mV 16 0 0 0 0 i
    # Synthetic signal made by synthgan; no patient was recorded.
    """
    cut = _as_windows(windows, fs_hz, leads, units)
    if digital_step is not None:
        check_positive("digital_step", digital_step)
    names = _check_record_names(names, len(cut))
    peaks = _as_peaks(r_peaks, cut)
    labels = _label_lines(cut.info)
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ParameterError(f"path={path!r} is not allowed; give a folder.")
    folder = Path(path).resolve()
    _check_absent(folder, names, overwrite)
    try:
        with drafting_folder(folder) as drafts:
            for i, name in enumerate(names):
                values = cut.values[i].astype(np.float64)
                lines, signal = encode_window(name, values, cut, digital_step)
                text = "\n".join([*lines, _SYNTHETIC, *labels[i]]) + "\n"
                (drafts / f"{name}.hea").write_bytes(text.encode("utf-8", "replace"))
                (drafts / f"{name}.dat").write_bytes(signal)
                if peaks is not None:
                    (drafts / f"{name}.atr").write_bytes(encode_beats(peaks[i]))
            _move(drafts, folder, names)
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be written: {error.strerror or error}.") from error
    return [folder / f"{name}.hea" for name in names]


def _as_windows(values: Any, fs_hz: Any, leads: Any, units: Any) -> SignalWindows:
    if isinstance(values, SignalWindows):
        if not fs_hz is leads is units is None:
            raise ParameterError(
                "fs_hz, leads and units are those of the SignalWindows; leave them out."
            )
        cut = values
    else:
        first = values[0] if isinstance(values, list | tuple) and values else values
        if isinstance(first, Recording):
            raise DataError(
                "recordings have different lengths; cut windows from them and write those."
            )
        values = np.asarray(values)
        if fs_hz is None:
            raise ParameterError(
                "fs_hz=None is not allowed with an array; give the samples per second."
            )
        values = values[:, None] if values.ndim == 2 else values
        if leads is None and values.ndim == 3 and values.shape[1] > 1:
            raise ParameterError(
                f"leads=None is not allowed with {values.shape[1]} leads; name them."
            )
        cut = SignalWindows(values, fs_hz, "i" if leads is None else leads, units)
    if not len(cut):
        raise DataError("there are no windows to write; give at least one.")
    n_infinite = int(np.isinf(cut.values).sum())
    if n_infinite:
        raise DataError(
            f"the windows hold {n_infinite} infinite values; WFDB records need finite values or "
            "NaN."
        )
    units = tuple(map(ascii_unit, cut.units))
    for what, pattern, texts in (
        ("lead", r"[!-~]([ -~]*[!-~])?", cut.leads),
        ("unit", r"[\w^?%/-]+", units),
    ):
        bad = [text for text in texts if not re.fullmatch(pattern, text, re.ASCII)]
        if bad:
            raise DataError(f"{what} {bad[0]!r} is invalid in a WFDB header; use plain ASCII.")
    return SignalWindows(cut.values, cut.fs_hz, cut.leads, units, cut.info)


def _check_record_names(names: Any, n: int) -> list[str]:
    if names is None:
        return [f"synthetic_{i:05d}" for i in range(n)]
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Sequence | np.ndarray | pd.Index):
        raise ParameterError(f"names={names!r} is not allowed; give one for each window.")
    names = list(names)
    if len(names) != n:
        raise ParameterError(f"names has {len(names)} entries for {n} windows.")
    bad = [x for x in names if not isinstance(x, str) or not re.fullmatch(r"[\w-]+", x, re.ASCII)]
    if bad:
        raise ParameterError(f"the name {bad[0]!r} is not allowed; use letters, digits, _ and -.")
    twice = [name for name, count in Counter(map(str.casefold, names)).items() if count > 1]
    if twice:
        raise ParameterError(f"names holds {twice[0]!r} more than once.")
    return names


def _check_absent(folder: Path, names: list[str], overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file; give a folder.")
    held = {file.stem for suffix in ("hea", "dat", "atr") for file in folder.glob(f"*.{suffix}")}
    there = [name for name in names if name in held]
    if there and not overwrite:
        raise DataError(
            f"folder {str(folder)!r} holds {len(there)} of the records already, {there[0]!r} "
            "first; give other names or another folder, or overwrite=True (--overwrite)."
        )


def _as_peaks(r_peaks: Any, cut: SignalWindows) -> list[np.ndarray] | None:
    if r_peaks is None:
        return None
    if r_peaks is True:
        which = beat_lead(cut.leads, cut.units)
        lead = cut.values[:, which]
        n_missing = int(np.isnan(lead).any(axis=1).sum())
        if n_missing:
            raise DataError(
                f"{n_missing} windows have missing samples in lead {cut.leads[which]!r}, where R "
                "peaks cannot be found; give r_peaks, or None."
            )
        try:
            beats = find_beats(lead, cut.fs_hz)
        except (DataError, ParameterError) as error:
            raise DataError(f"r_peaks=True failed: {error}") from error
        parts = np.split(beats.sample, np.searchsorted(beats.window, np.arange(1, len(cut))))
        return [np.unique(part) for part in parts]
    if isinstance(r_peaks, (bool, str)) or not hasattr(r_peaks, "__len__"):
        raise ParameterError(f"r_peaks={r_peaks!r} is not allowed; give None, True or arrays.")
    if len(r_peaks) != len(cut):
        raise ParameterError(f"r_peaks has {len(r_peaks)} entries for {len(cut)} windows.")
    parts = [np.asarray(part) for part in r_peaks]
    for i, part in enumerate(parts):
        whole = part.ndim == 1 and (part.dtype.kind in "iu" or not len(part))
        if not whole or (np.diff(part, prepend=-1, append=cut.n_samples) <= 0).any():
            raise ParameterError(
                f"r_peaks[{i}] is not allowed; give whole numbers from 0 to {cut.n_samples - 1}, "
                "strictly ascending."
            )
    return parts


def _label_lines(info: pd.DataFrame) -> list[list[str]]:
    lines: list[list[str]] = [[] for _ in range(len(info))]
    for column in info.columns:
        key = str(column)
        if key.casefold() in ("record", "patient", "start_s"):
            continue
        if key != " ".join(key.split()) or not key or ":" in key or key[0] == "#":
            raise DataError(f"label {key!r} is invalid in a WFDB header; rename the column.")
        for line, value in zip(lines, info[column], strict=True):
            text = "" if pd.isna(value) else " ".join(str(value).split())
            if text:
                line.append(f"# {key}: {text}")
    return lines


def _move(drafts: Path, folder: Path, names: list[str]) -> None:
    if not folder.exists():
        drafts.rename(folder)
        return
    for draft in drafts.iterdir():
        keep_mode(draft, folder / draft.name)
    for name in names:
        for suffix in ("hea", "atr"):  # remove the header first: it must not stay with a new signal
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
        for suffix in ("dat", "atr", "hea"):
            draft = drafts / f"{name}.{suffix}"
            if draft.exists():
                draft.replace(folder / draft.name)
