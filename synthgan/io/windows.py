"""Signals in memory: recordings, and windows of one length cut from them; knows no files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from synthgan.beats import find_beats
from synthgan.exceptions import DataError, DataWarning, ParameterError

__all__ = ["Recording", "SignalWindows", "check_positive", "windows"]

_THESIS_N_SAMPLES = 2025
_USUAL_LABELS = ("diagnosis", "age", "sex")
_INFO = ("record", "patient", "start_s")
_LEAST_RUN = 8  # real ECGs stay at their extreme for up to 4 samples
_FAULTS = ("with missing samples", "flat in a lead", "saturated in a lead")


@dataclass(frozen=True, eq=False)
class Recording:
    """One record: some leads over some time.

    Parameters
    ----------
    name : str
    values : ndarray of shape (n_leads, n_samples)
        In physical units; NaN where missing.
    fs_hz : float
    leads, units : tuple of str
        One of each a lead.
    labels : dict of str to str
        What the header says about the patient.
    patient : str
        Whose record it is: split by it to speak about new patients.
    """

    name: str
    values: np.ndarray = field(repr=False)
    fs_hz: float
    leads: tuple[str, ...]
    units: tuple[str, ...]
    labels: dict[str, str] = field(repr=False)
    patient: str

    def __post_init__(self) -> None:
        check_positive("fs_hz", self.fs_hz)
        if (
            not isinstance(self.values, np.ndarray)
            or np.ndim(self.values) != 2
            or len(self.values) != len(self.leads) != 0
        ):
            raise DataError(
                f"record {self.name!r} has values of shape {np.shape(self.values)} for the leads "
                f"{self.leads!r}; give an array (n_leads, n_samples)."
            )
        _check_names(self.leads, self.units)


class SignalWindows:
    """Windows of one length, as many leads in each.

    Parameters
    ----------
    values : array-like of shape (n_windows, n_leads, n_samples)
        float32 and float64 are kept, other numbers become float64.
    fs_hz : float
        Samples per second.
    leads : sequence of str, or str for one lead
        Different names; upper and lower case count as the same.
    units : sequence of str, default=None
        One a lead; None is mV for all.
    info : DataFrame, default=None
        One row a window: where it comes from, and its labels. None is a table without columns.
    aligned : bool or None, default=None
        Whether windows are aligned to an event, such as a beat, rather than cut anywhere. None is
        not known.

    Raises
    ------
    DataError
        The shapes do not agree, or two leads have one name.
    ParameterError
        `fs_hz` is no positive number.

    Notes
    -----
    Attributes are the parameters; treat them as immutable. ``len``, ``np.asarray`` and indexing by
    a number, a slice, or an array of numbers or booleans work; indexing gives SignalWindows.

    Examples
    --------
    >>> import numpy as np
    >>> cut = SignalWindows(np.zeros((3, 2, 500)), 250, leads=("i", "ii"))
    >>> cut
    SignalWindows(3 windows, leads i, ii, 500 samples = 2 s at 250 Hz)
    >>> cut[1:].lead("II").shape
    (2, 500)
    """

    def __init__(
        self,
        values: Any,
        fs_hz: float,
        leads: Sequence[str] | str,
        units: Sequence[str] | str | None = None,
        info: pd.DataFrame | None = None,
        aligned: bool | None = None,
    ) -> None:
        values = np.asarray(values)
        if values.dtype.kind not in "biuf" or values.ndim != 3 or 0 in values.shape[1:]:
            raise DataError(
                f"windows of shape {values.shape} and dtype {values.dtype} are not allowed; give "
                "numbers in an array (n_windows, n_leads, n_samples)."
            )
        kept = values.dtype in (np.float32, np.float64)
        self.values: np.ndarray = values if kept else values.astype(np.float64)
        self.fs_hz = float(check_positive("fs_hz", fs_hz))
        self.leads = _names("leads", leads)
        self.units = ("mV",) * len(self.leads) if units is None else _names("units", units)
        if len(self.leads) != values.shape[1]:
            raise DataError(
                f"windows of {values.shape[1]} leads do not fit the leads {self.leads!r}."
            )
        _check_names(self.leads, self.units)
        info = pd.DataFrame(index=range(len(values))) if info is None else info
        if len(info) != len(values):
            raise DataError(f"info has {len(info)} rows for {len(values)} windows.")
        self.info = info.reset_index(drop=True)
        self.aligned = aligned

    @property
    def n_samples(self) -> int:
        """Samples of a window."""
        return self.values.shape[2]

    @property
    def window_s(self) -> float:
        """Seconds of a window."""
        return self.n_samples / self.fs_hz

    def lead(self, name: str) -> np.ndarray:
        """Give one lead of all windows, of shape (n_windows, n_samples)."""
        known = [lead.casefold() for lead in self.leads]
        if not isinstance(name, str) or name.casefold() not in known:
            raise DataError(f"the windows have no lead {name!r}; they have {self.leads!r}.")
        return self.values[:, known.index(name.casefold())]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> SignalWindows:
        rows = np.atleast_1d(np.arange(len(self))[index])
        return SignalWindows(
            self.values[rows],
            self.fs_hz,
            self.leads,
            self.units,
            self.info.iloc[rows],
            self.aligned,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy:
            return np.array(self.values, dtype=dtype)
        return np.asarray(self.values, dtype=dtype)

    def __repr__(self) -> str:
        noun = "lead" if len(self.leads) == 1 else "leads"
        return (
            f"SignalWindows({len(self)} windows, {noun} {', '.join(self.leads)}, "
            f"{self.n_samples} samples = {self.window_s:g} s at {self.fs_hz:g} Hz)"
        )


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
    """Cut records into windows of one length; tails are left.

    Parameters
    ----------
    records : Recording or iterable of Recording
        All of one sampling rate, with the same leads and units.
    n_samples : int, default=None
        Samples of a window; with `window_s` None, None is 2025, as in the thesis.
    window_s : float, default=None
        Seconds of a window, instead of `n_samples`.
    step, step_s : int, float, default=None
        From one window's start to the next, in samples or in seconds; None is a window's length:
        side by side. Less overlaps, more leaves gaps.
    align : {None, "beats"}, default=None
        None starts at each record's first sample. "beats" puts an R peak of the first lead at
        sample ``n_samples // 2``: from the first R peak on, each whose window lies in the record
        and starts `step` or more after the one before.
    labels : sequence of str, "all" or None, default=None
        Labels of the records that become columns of ``info``, in any case of letters; None is
        those of diagnosis, age and sex that any record has.
    flat : float or None, default=0.0
        Drop windows with a lead whose range (highest less lowest value, in its unit) is this or
        less; None keeps them.
    saturated : float or None, default=0.01
        Drop windows with a lead that stays at its highest or lowest value for more than this share
        of the window, and 8 samples or more, without a break; None keeps them.

    Returns
    -------
    cut : SignalWindows
        float32, with the columns record, patient, start_s and the labels: numbers where all of a
        label are, otherwise str, None if missing.

    Warns
    -----
    DataWarning
        Windows or records were left out; once, with counts.

    Raises
    ------
    DataError
        No records, records that differ, records that are all too short, no good window, or a label
        that no record has.
    ParameterError
        A parameter has a value that is not allowed.

    Notes
    -----
    Windows with missing samples are always dropped. A window counts for the first fault it has:
    missing, flat, saturated. At the defaults none of the 2966 windows of 53 PTB-DB records (lead I)
    and none of MIT-BIH's record 100 is dropped: they stay at an extreme for 4 samples at most.
    Resampling bends the straight tops of saturated signals: what `read_records` resampled may hold
    some that are not found.

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
        faults = _faults(cut, flat, saturated)
        count += np.bincount(faults, minlength=len(count))
        good.append(cut[faults == 0].astype(np.float32))
        kept.append(starts[faults == 0])
    _tell(counts, [recording.name for recording in long], len(recordings))
    leads, units = recordings[0].leads, recordings[0].units
    info = _info(long, kept, columns)
    return SignalWindows(np.concatenate(good), fs_hz, leads, units, info, align is not None)


def check_positive(name: str, value: Any) -> Any:
    """Refuse a parameter that is no positive, finite number."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < np.inf:
        raise ParameterError(f"{name}={value!r} is not allowed; give a number > 0.")
    return value


def _check_limit(name: str, limit: Any) -> None:
    if limit is not None and not (isinstance(limit, Real) and 0 <= float(limit) < np.inf):
        raise ParameterError(f"{name}={limit!r} is not allowed; give a number >= 0, or None.")


def _names(what: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, Sequence | np.ndarray | pd.Index):
        raise DataError(f"the {what} {names!r} are no names; give one for each lead.")
    return tuple(names)


def _check_names(leads: tuple[str, ...], units: tuple[str, ...]) -> None:
    for what, names in (("leads", leads), ("units", units)):
        if not all(isinstance(name, str) for name in names):
            raise DataError(f"the {what} {names!r} are not all names.")
    if len({lead.casefold() for lead in leads}) < len(leads):
        raise DataError(f"the leads {leads!r} are not all different.")
    if len(units) != len(leads):
        raise DataError(f"the units {units!r} do not fit the leads {leads!r}.")


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
        raise DataError("there are no records to cut into windows.")
    first = recordings[0]
    for other in recordings[1:]:
        for what in ("fs_hz", "leads", "units"):
            ours, theirs = getattr(first, what), getattr(other, what)
            if ours != theirs:
                raise DataError(
                    f"record {other.name!r} has {what} {theirs!r}, the first, {first.name!r}, has "
                    f"{ours!r}; all need the same: see read_records."
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
    for start in _r_peaks(recording.values[0], recording.fs_hz) - length // 2:
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


def _faults(cut: np.ndarray, flat: float | None, saturated: float | None) -> np.ndarray:
    """Give 0 for good windows, otherwise 1 more than the place in `_FAULTS`."""
    faults = np.zeros(len(cut), dtype=np.int64)
    highest, lowest = cut.max(axis=2, keepdims=True), cut.min(axis=2, keepdims=True)
    if saturated is not None:
        run = max(int(saturated * cut.shape[2]) + 1, _LEAST_RUN)
        stays = _has_run(cut == highest, run) | _has_run(cut == lowest, run)
        faults[stays.any(axis=1)] = 3
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


def _label_columns(
    recordings: list[Recording], labels: Sequence[str] | str | None
) -> tuple[str, ...]:
    known = dict.fromkeys(key for recording in recordings for key in recording.labels)
    cases = {key.casefold() for key in known}
    if labels is None:
        return tuple(name for name in _USUAL_LABELS if name in cases)
    if isinstance(labels, str):
        labels = list(known) if labels == "all" else [labels]
    if not isinstance(labels, Sequence) or not all(isinstance(name, str) for name in labels):
        raise ParameterError(f"labels={labels!r} is not allowed; give names, 'all' or None.")
    labels = [name for name in labels if name.casefold() not in _INFO]
    for name in labels:
        if name.casefold() not in cases:
            raise DataError(f"no record has the label {name!r}; there are {list(known)!r}.")
    return tuple(dict.fromkeys(labels))


def _info(
    recordings: list[Recording], starts: list[np.ndarray], columns: tuple[str, ...]
) -> pd.DataFrame:
    texts: dict[str, list[str | None]] = {
        "record": [recording.name for recording in recordings],
        "patient": [recording.patient for recording in recordings],
    }
    anycase = [
        {key.casefold(): value for key, value in recording.labels.items()}
        for recording in recordings
    ]
    for name in columns:
        texts[name] = [
            recording.labels.get(name, others.get(name.casefold()))
            for recording, others in zip(recordings, anycase, strict=True)
        ]
    counts = [len(each) for each in starts]
    rows = {name: np.array(each, dtype=object).repeat(counts) for name, each in texts.items()}
    table = pd.DataFrame(rows, dtype=object)
    for name in columns:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.notna().equals(table[name].notna()):
            table[name] = numbers.convert_dtypes()  # whole numbers stay whole beside gaps
    table.insert(2, "start_s", np.concatenate(starts) / recordings[0].fs_hz)
    return table


def _tell(counts: np.ndarray, names: list[str], n_records: int) -> None:
    """Say how many windows of which records have which fault."""
    of_all, faulty = counts.sum(axis=0), counts[:, 1:].sum(axis=1)
    faults = [f"{n} {fault}" for n, fault in zip(of_all[1:], _FAULTS, strict=True) if n]
    worst = names[int(faulty.argmax())]
    where = f"in record {worst!r}" if (faulty > 0).sum() == 1 else f"most in record {worst!r}"
    if not counts.sum():
        raise DataError(
            f"no R peak lies far enough from both ends of a record for a window; the first record "
            f"is {names[0]!r}."
        )
    if not of_all[0]:
        raise DataError(f"no good window is left of {counts.sum()}: {', '.join(faults)}, {where}.")
    told, n_short = [], n_records - len(names)
    if faults:
        told.append(f"{faulty.sum()} of {counts.sum()} windows ({', '.join(faults)}, {where})")
    if n_short:
        told.append(f"{n_short} of {n_records} records shorter than a window")
    if told:
        warnings.warn(f"Left out {' and '.join(told)}.", DataWarning, stacklevel=3)
