"""Cut recordings into windows of one length; independent of files."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.records.beats import find_beats
from synthgan.records.signals import Recording, SignalWindows, beat_lead, check_positive

__all__ = ["Recording", "SignalWindows", "windows"]

_THESIS_N_SAMPLES = 2025
_USUAL_LABELS = ("diagnosis", "age", "sex")
_INFO = ("record", "patient", "start_s")
_MOST_SHOWN = 20
_LEAST_RUN = 8  # real ECGs have runs of up to 4 samples at their extremes
_LEAST_BESIDE = 0.15  # a sine stays at its top level at most five times as long as at the next
_FAULTS = ("with missing samples", "flat in a lead", "saturated in a lead")


def windows(
    records: Recording | Iterable[Recording],
    n_samples: int | None = None,
    *,
    window_s: float | None = None,
    step: int | None = None,
    step_s: float | None = None,
    align: str | None = None,
    labels: Sequence[str] | str | None = None,
    flat: float | None = 0.0,
    saturated: float | None = 0.01,
) -> SignalWindows:
    """Cut records into windows of one length; incomplete windows at the end are dropped.

    Parameters
    ----------
    records : Recording or iterable of Recording
        All of one sampling rate, with the same leads and units.
    n_samples : int, default=None
        Samples per window; if `window_s` is None, too, 2025 as in the thesis.
    window_s : float, default=None
        Duration of a window in seconds, instead of `n_samples`.
    step, step_s : int, float, default=None
        Distance between the starts of adjacent windows, in samples or in seconds; None is the
        window's length. Smaller values give overlap, larger values gaps.
    align : {None, "beats"}, default=None
        None starts at each record's first sample. "beats" puts an R peak of an ECG lead (of the
        first lead, if none is named so) at sample ``n_samples // 2``: each R peak is used whose
        window lies in the record and starts at least `step` after the previous window.
    labels : sequence of str, "all" or None, default=None
        Labels of the records that become columns of ``info``; case is ignored. None: diagnosis,
        age and sex, if any record has them. ``"Dx=426783006"`` is whether the list "Dx", separated
        by commas or semicolons, has that entry. "rhythm" (of WFDB annotations) and "annotation"
        (of EDF files) are what holds for the largest part of a window.
    flat : float or None, default=0.0
        Drop windows with a lead whose range (in its unit) is at most this; None keeps them.
    saturated : float or None, default=0.01
        Drop windows with a lead that stays at the record's highest or lowest value for more than
        this share of the window, and for at least 8 samples, without interruption, and that reaches
        and leaves it at once; None keeps them.

    Returns
    -------
    cut : SignalWindows
        Of type float32, with the columns record, patient, start_s and the labels: numbers if all
        values of a label are numbers, booleans of entries, otherwise str; None if missing.

    Raises
    ------
    DataError
        No records, records that differ, records that are all too short, no valid windows, or a
        label that no record has.
    ParameterError
        A parameter has a value that is not allowed.

    Warns
    -----
    DataWarning
        Windows or records were left out; a single warning with counts.

    Notes
    -----
    Windows with missing samples are always dropped. A window is counted for its first fault in the
    order missing, flat, saturated. A slow signal of few levels, such as respiration in 8 bits,
    stays at its turning points, too, but also at the levels before and after, which a saturated one
    crosses at once. At the defaults none of the 2966 windows of 53 PTB-DB records
    (lead I) and none of MIT-BIH's record 100 is dropped: their runs at an extreme have at most 4
    samples. Resampling distorts the constant parts of saturated signals, so some are not detected
    in recordings that `read_records` resampled.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(np.arange(1000) / 9)[None]
    >>> record = Recording("a", wave, 250.0, ("i",), ("mV",), {"age": "60"}, "p1")
    >>> cut = windows([record], window_s=1.5)
    >>> cut
    SignalWindows(2 windows, lead i, 375 samples = 1.5 s at 250 Hz)
    >>> cut.info
      record patient  start_s age
    0      a      p1      0.0  60
    1      a      p1      1.5  60
    """
    recordings = _alike(_listed(records))
    fs_hz = recordings[0].fs_hz
    length = _n_samples("n_samples", n_samples, "window_s", window_s, fs_hz) or _THESIS_N_SAMPLES
    hop = _n_samples("step", step, "step_s", step_s, fs_hz) or length
    if align not in (None, "beats"):
        raise ParameterError(f"align={align!r} is not allowed; choose None or 'beats'.")
    _check_limit("flat", flat)
    _check_limit("saturated", saturated)
    columns = _label_columns(recordings, labels)
    long = _long_enough(recordings, length)
    good, kept, counts = [], [], np.zeros((len(long), len(_FAULTS) + 1), dtype=int)
    for recording, count in zip(long, counts, strict=True):
        starts = _starts(recording, length, hop, align)
        cut = sliding_window_view(recording.values, length, axis=1)[:, starts].swapaxes(0, 1)
        ends = _ends(recording.values)
        faults = _faults(cut, flat, saturated, ends)
        count += np.bincount(faults, minlength=len(count))
        good.append(cut[faults == 0].astype(np.float32))
        kept.append(starts[faults == 0])
    _warn_left_out(counts, [recording.name for recording in long], len(recordings))
    leads, units = recordings[0].leads, recordings[0].units
    info = _info(long, kept, columns, length)
    return SignalWindows(np.concatenate(good), fs_hz, leads, units, info, align is not None)


def _check_limit(name: str, limit: Any) -> None:
    if limit is not None and not (isinstance(limit, Real) and 0 <= float(limit) < np.inf):
        raise ParameterError(f"{name}={limit!r} is not allowed; give a number >= 0, or None.")


def _listed(records: Any) -> list[Recording]:
    recordings = [records] if isinstance(records, Recording) else records
    if isinstance(recordings, Iterable) and not isinstance(recordings, str | SignalWindows):
        recordings = list(recordings)
        if all(isinstance(recording, Recording) for recording in recordings):
            return recordings
    raise ParameterError(
        f"records are of type {type(records).__name__}; give what read_records returns: one "
        "Recording or several."
    )


def _alike(recordings: list[Recording]) -> list[Recording]:
    if not recordings:
        raise DataError("there are no records to cut into windows; give at least one.")
    first = recordings[0]
    for other in recordings[1:]:
        for what in ("fs_hz", "leads", "units"):
            ours, theirs = getattr(first, what), getattr(other, what)
            if ours != theirs:
                raise DataError(
                    f"record {other.name!r} has {what} {theirs!r}, the first, {first.name!r}, has "
                    f"{ours!r}; all records must have the same: see read_records."
                )
    return recordings


def _n_samples(
    name: str, n_samples: int | None, name_s: str, seconds: float | None, fs_hz: float
) -> int | None:
    if n_samples is not None and seconds is not None:
        raise ParameterError(
            f"{name}={n_samples!r} and {name_s}={seconds!r} exclude each other; give one."
        )
    if seconds is not None:
        n_samples = round(check_positive(name_s, seconds) * fs_hz)
        if n_samples < 1:
            raise ParameterError(f"{name_s}={seconds!r} is less than a sample at {fs_hz:g} Hz.")
    if n_samples is None:
        return None
    if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
        raise ParameterError(f"{name}={n_samples!r} is not allowed; give a whole number >= 1.")
    return int(n_samples)


def _long_enough(recordings: list[Recording], length: int) -> list[Recording]:
    longest = max(recordings, key=lambda recording: recording.values.shape[1])
    n, fs_hz = longest.values.shape[1], longest.fs_hz
    if n < length:
        raise DataError(
            f"windows of {length} samples ({length / fs_hz:g} s) are longer than every record; the "
            f"longest, {longest.name!r}, has {n} ({n / fs_hz:g} s)."
        )
    return [recording for recording in recordings if recording.values.shape[1] >= length]


def _starts(recording: Recording, length: int, hop: int, align: str | None) -> np.ndarray:
    last = recording.values.shape[1] - length
    if align is None:
        return np.arange(0, last + 1, hop)
    starts: list[int] = []
    lead = recording.values[beat_lead(recording.leads, recording.units)]
    for start in _r_peaks(lead, recording.fs_hz) - length // 2:
        if 0 <= start <= last and (not starts or start >= starts[-1] + hop):
            starts.append(int(start))
    return np.array(starts, dtype=np.int64)


def _r_peaks(lead: np.ndarray, fs_hz: float) -> np.ndarray:
    missing = ~np.isfinite(lead)
    if missing.all():
        return np.empty(0, dtype=np.int64)
    if missing.any():
        there = np.flatnonzero(~missing)
        lead = np.interp(np.arange(len(lead)), there, lead[there])
    return find_beats(lead[None], fs_hz).sample


def _ends(values: np.ndarray) -> np.ndarray:
    """Return the lowest and the highest value of each lead of a record, of shape (2, n_leads)."""
    finite = np.isfinite(values)
    lowest = np.where(finite, values, np.inf).min(axis=1)
    return np.array([lowest, np.where(finite, values, -np.inf).max(axis=1)])


def _faults(
    cut: np.ndarray, flat: float | None, saturated: float | None, ends: np.ndarray
) -> np.ndarray:
    """Return 0 for valid windows, otherwise 1 plus the index of the fault in `_FAULTS`."""
    faults = np.zeros(len(cut), dtype=np.int64)
    highest, lowest = cut.max(axis=2, keepdims=True), cut.min(axis=2, keepdims=True)
    if saturated is not None:
        run = max(int(saturated * cut.shape[2]) + 1, _LEAST_RUN)
        for end in ends:
            at_end = cut == end[:, None]
            for window, lead in zip(*np.nonzero(_has_run(at_end, run)), strict=True):
                if _is_cut_off(cut[window, lead], end[lead], run):
                    faults[window] = 3
    if flat is not None:
        faults[(highest <= lowest + flat).any(axis=(1, 2))] = 2
    faults[~np.isfinite([highest, lowest]).all(axis=(0, 2, 3))] = 1
    return faults


def _has_run(where: np.ndarray, run: int) -> np.ndarray:
    if where.shape[-1] < run:
        return np.zeros(where.shape[:-1], dtype=bool)
    counts = np.cumsum(where, axis=-1, dtype=np.int32)
    inner = (counts[..., run:] - counts[..., :-run] == run).any(axis=-1)
    return inner | (counts[..., run - 1] == run)


def _is_cut_off(signal: np.ndarray, end: float, run: int) -> bool:
    """Return whether a signal reaches and leaves a plateau at one of its ends at once.

    Before its turning point a slow signal stays at the next level, too.
    """
    starts = np.flatnonzero(np.diff(signal, prepend=np.nan) != 0)
    lengths = np.diff(starts, append=len(signal))
    for i in np.flatnonzero((signal[starts] == end) & (lengths >= run)):
        beside = [lengths[j] for j in (i - 1, i + 1) if 0 <= j < len(lengths)]
        if not beside or max(beside) < _LEAST_BESIDE * lengths[i]:
            return True
    return False


def _label_columns(
    recordings: list[Recording], labels: Sequence[str] | str | None
) -> tuple[str, ...]:
    known = dict.fromkeys(
        key for recording in recordings for key in (*recording.labels, *recording.episodes)
    )
    cases = {key.casefold() for key in known}
    if labels is None:
        return tuple(name for name in _USUAL_LABELS if name in cases)
    if isinstance(labels, str):
        labels = list(known) if labels == "all" else [labels]
    if not isinstance(labels, Sequence) or not all(isinstance(name, str) for name in labels):
        raise ParameterError(f"labels={labels!r} is not allowed; give names, 'all' or None.")
    labels = [name for name in labels if name.casefold() not in _INFO]
    for name in labels:
        key, _, entry = name.partition("=")
        if name.casefold() in cases:
            continue
        if not entry or key.casefold() not in cases:
            raise DataError(f"no record has the label {name!r}; there are {list(known)!r}.")
        _check_entry(recordings, key, entry)
    return tuple(dict.fromkeys(labels))


def _check_entry(recordings: list[Recording], key: str, entry: str) -> None:
    lists = [value for recording in recordings for name, value in recording.labels.items()
             if name.casefold() == key.casefold()]  # fmt: skip
    if not any(_has_entry(listed, entry) for listed in lists):
        there = dict.fromkeys(piece.strip() for text in lists for piece in re.split("[,;]", text))
        raise DataError(
            f"no record has {entry!r} among its {key!r}; there are {list(there)[:_MOST_SHOWN]!r}"
            f"{' and more' if len(there) > _MOST_SHOWN else ''}."
        )


def _info(
    recordings: list[Recording],
    starts: list[np.ndarray],
    columns: tuple[str, ...],
    length: int,
) -> pd.DataFrame:
    texts: dict[str, list[str | None]] = {
        "record": [recording.name for recording in recordings],
        "patient": [recording.patient for recording in recordings],
    }
    counts = [len(each) for each in starts]
    rows = {name: np.array(each, dtype=object).repeat(counts) for name, each in texts.items()}
    for name in columns:
        values = [_values_of(recording, name, at, length)
                  for recording, at in zip(recordings, starts, strict=True)]  # fmt: skip
        rows[name] = np.array([value for each in values for value in each], dtype=object)
    table = pd.DataFrame(rows, dtype=object)
    for name in columns:
        if _is_entry(recordings, name):
            table[name] = table[name].astype("boolean")
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.notna().equals(table[name].notna()):
            table[name] = numbers.convert_dtypes()  # integers stay integers despite missing values
    table.insert(2, "start_s", np.concatenate(starts) / recordings[0].fs_hz)
    return table


def _is_entry(recordings: list[Recording], name: str) -> bool:
    folded = name.casefold()
    return "=" in name and not any(folded == key.casefold() for recording in recordings
                                   for key in recording.labels)  # fmt: skip


def _values_of(recording: Recording, name: str, starts: np.ndarray, length: int) -> list[Any]:
    """Return the value of a label in each window of a record."""
    for key, changes in recording.episodes.items():
        if key.casefold() == name.casefold():
            times = [at for at, _ in changes]
            spans = zip(starts / recording.fs_hz, (starts + length) / recording.fs_hz, strict=True)
            return [_longest(changes, times, *span) for span in spans]
    anycase = {key.casefold(): value for key, value in recording.labels.items()}
    value = recording.labels.get(name, anycase.get(name.casefold()))
    if value is None and "=" in name:
        key, _, entry = name.partition("=")
        listed = anycase.get(key.strip().casefold())
        if listed is not None:
            return [_has_entry(listed, entry)] * len(starts)
    return [value] * len(starts)


def _longest(
    changes: Sequence[tuple[float, str]], times: list[float], begin: float, end: float
) -> str | None:
    """Return the value that holds for the largest part of a time."""
    first, last = bisect_right(times, begin), bisect_left(times, end)
    values = ["" if first == 0 else changes[first - 1][1], *(v for _, v in changes[first:last])]
    lengths = np.diff([begin, *times[first:last], end])
    shares = dict.fromkeys(values, 0.0)
    for value, share in zip(values, lengths, strict=True):
        shares[value] += share
    return max(shares, key=lambda value: shares[value]) or None


def _has_entry(listed: str, entry: str) -> bool:
    pieces = {listed, *listed.split(";"), *re.split("[,;]", listed)}
    return entry.strip().casefold() in {piece.strip().casefold() for piece in pieces}


def _warn_left_out(counts: np.ndarray, names: list[str], n_records: int) -> None:
    """Warn of windows and records that were left out; raise if none is left."""
    of_all, faulty = counts.sum(axis=0), counts[:, 1:].sum(axis=1)
    faults = [f"{n} {fault}" for n, fault in zip(of_all[1:], _FAULTS, strict=True) if n]
    worst = names[int(faulty.argmax())]
    where = f"in record {worst!r}" if (faulty > 0).sum() == 1 else f"most in record {worst!r}"
    if not counts.sum():
        raise DataError(
            f"no R peak is far enough from both ends of a record for a window; the first record "
            f"is {names[0]!r}."
        )
    if not of_all[0]:
        raise DataError(f"none of {counts.sum()} windows is valid: {', '.join(faults)}, {where}.")
    left_out, n_short = [], n_records - len(names)
    if faults:
        left_out.append(f"{faulty.sum()} of {counts.sum()} windows ({', '.join(faults)}, {where})")
    if n_short:
        left_out.append(f"{n_short} of {n_records} records shorter than a window")
    if left_out:
        warnings.warn(f"Left out {' and '.join(left_out)}.", DataWarning, stacklevel=3)
