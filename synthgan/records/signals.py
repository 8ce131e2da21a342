"""Signals in memory: recordings, and windows of one length; independent of files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError

__all__ = [
    "MILLIVOLTS",
    "Recording",
    "SignalWindows",
    "ascii_unit",
    "beat_lead",
    "check_axes",
    "check_positive",
    "match_windows",
    "plain_unit",
]

# Millivolts of a unit of voltage; the micro sign and the Greek mu are two characters.
MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "mv": 1.0, "v": 1e3}
_SPELT = {"\u00b5": "u", "\u03a9": "Ohm", "\u00b0": "deg", "\u00b2": "^2", "\u00b3": "^3"}
_ECG_LEAD = re.compile(
    r".*(ecg|ekg).*|(mod\W*)?(l?i{1,3}|v\d?r?|av[rlf]|ml?(i{1,3}|v\d|\d)|mcl\d|c[mcs]\d)"
)
_NO_ECG = re.compile(
    r".*\b(e[eomr]g|eda|gsr|resp|respiration|pleth|ppg|spo2|[ac]bp|bp|art|cvp|pap|icp|temp|flow|"
    r"airflow|abd|abdo|thor|snore|sound|acc|position|pos|light|co2)\b.*"
)


@dataclass(frozen=True, eq=False)
class Recording:
    """One record with one or more leads.

    Parameters
    ----------
    name : str
    values : ndarray of shape (n_leads, n_samples)
        In physical units; NaN where missing.
    fs_hz : float
    leads, units : tuple of str
        One entry per lead.
    labels : dict of str to str
        Labels from the header, such as the diagnosis.
    patient : str
        The patient; split data by it to evaluate on new patients.
    episodes : dict of str to tuple of (float, str), default={}
        Labels that change in time, such as the rhythm: by name, ascending pairs of the second from
        which a value holds, and the value.
    """

    name: str
    values: np.ndarray = field(repr=False)
    fs_hz: float
    leads: tuple[str, ...]
    units: tuple[str, ...]
    labels: dict[str, str] = field(repr=False)
    patient: str
    episodes: Mapping[str, tuple[tuple[float, str], ...]] = field(default_factory=dict, repr=False)

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
    """Windows of one length, with the same leads.

    Parameters
    ----------
    values : array-like of shape (n_windows, n_leads, n_samples)
        Numbers of float32 and float64 are kept, others become float64.
    fs_hz : float
        Samples per second.
    leads : sequence of str, or str for one lead
        Different names; case is ignored.
    units : sequence of str, default=None
        One per lead; None is mV for all.
    info : DataFrame, default=None
        One row per window: its source and labels. None is a table without columns.
    aligned : bool or None, default=None
        Whether windows are aligned to an event, such as a beat, rather than cut at arbitrary
        positions. None is unknown.

    Raises
    ------
    DataError
        The shapes do not match, or two leads have the same name.
    ParameterError
        `fs_hz` is not a positive number.

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
                f"windows of {values.shape[1]} leads do not match the leads {self.leads!r}; give "
                f"one name per lead{_transposed(values.shape, len(self.leads))}."
            )
        _check_names(self.leads, self.units)
        info = pd.DataFrame(index=range(len(values))) if info is None else info
        if len(info) != len(values):
            raise DataError(f"info has {len(info)} rows for {len(values)} windows.")
        self.info = info.reset_index(drop=True)
        self.aligned = aligned

    @property
    def n_samples(self) -> int:
        """Samples per window."""
        return self.values.shape[2]

    @property
    def window_s(self) -> float:
        """Duration of a window in seconds."""
        return self.n_samples / self.fs_hz

    def lead(self, name: str) -> np.ndarray:
        """Return one lead of all windows, of shape (n_windows, n_samples)."""
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


def plain_unit(unit: str) -> str:
    """Return a unit with the micro and the Ohm sign in one of their two forms each."""
    return unit.replace("\u03bc", "\u00b5").replace("\u2126", "\u03a9")


def ascii_unit(unit: str) -> str:
    """Return a unit with signs outside of ASCII spelt out, as far as they are known.

    Examples
    --------
    >>> [ascii_unit(unit) for unit in ("\u00b0C", "k\u2126", "\u00b5S", "m/s\u00b2")]
    ['degC', 'kOhm', 'uS', 'm/s^2']
    """
    for sign, text in _SPELT.items():
        unit = plain_unit(unit).replace(sign, text)
    return unit


def check_axes(what: str, shape: tuple[int, ...]) -> None:
    """Refuse arrays (n, n_leads, n_samples) with more leads than samples: their axes are swapped.

    SignalWindows with more leads than samples are allowed, because their leads are named.
    """
    if len(shape) == 3 and shape[1] > shape[2] > 0:
        raise DataError(
            f"{what} of shape {shape} would have {shape[1]} leads of {shape[2]} samples; give "
            "(n_windows, n_leads, n_samples): transpose them with X.transpose(0, 2, 1), or name "
            "the leads in SignalWindows."
        )


def match_windows(given: Mapping[str, Any], fs_hz: float | None = None) -> dict[str, Any]:
    """Bring SignalWindows to the leads, the order and the units of the first ones.

    Parameters
    ----------
    given : mapping of str to object
        Sets of windows by name; only those that are SignalWindows are changed.
    fs_hz : float or None, default=None
        The sampling rate that all must have; None is that of the first.

    Returns
    -------
    matched : dict of str to object
        Voltages are in mV.

    Raises
    ------
    DataError
        Another sampling rate, other leads, or a lead in a unit that cannot be converted.
    """
    matched = dict(given)
    sets = {name: x for name, x in given.items() if isinstance(x, SignalWindows)}
    first = next(iter(sets), "")
    for name, x in sets.items():
        rate = sets[first].fs_hz if fs_hz is None else fs_hz
        if x.fs_hz != rate:
            whose = f"fs_hz={fs_hz!r}" if fs_hz is not None else f"the {first} ones {rate:g} Hz"
            raise DataError(
                f"the {name} windows have {x.fs_hz:g} Hz, but {whose}; resample the records to one "
                "rate: read_records(..., fs_hz=)."
            )
        matched[name] = _matched(name, x, first, matched[first] if name != first else None)
    return matched


def _matched(name: str, x: SignalWindows, first: Any, like: SignalWindows | None) -> SignalWindows:
    factors = np.array([MILLIVOLTS.get(unit.casefold(), 1.0) for unit in x.units])
    units = tuple("mV" if unit.casefold() in MILLIVOLTS else unit for unit in x.units)
    values = x.values if (factors == 1).all() else x.values * factors[:, None]
    leads = x.leads
    if like is not None:
        places = {lead.casefold(): i for i, lead in enumerate(leads)}
        wanted = [lead.casefold() for lead in like.leads]
        if sorted(places) != sorted(wanted):
            raise DataError(
                f"the {name} windows have the leads {leads!r}, the {first} ones {like.leads!r}; "
                "give the same leads."
            )
        order = [places[lead] for lead in wanted]
        if order != list(range(len(order))):
            values = values[:, order]
        leads, units = like.leads, tuple(units[i] for i in order)
        for lead, ours, theirs in zip(leads, units, like.units, strict=True):
            if ascii_unit(ours) != ascii_unit(theirs):
                raise DataError(
                    f"the {name} windows have lead {lead!r} in {ours!r}, the {first} ones in "
                    f"{theirs!r}; convert them to one unit."
                )
    if values is x.values and leads == x.leads and units == x.units:
        return x
    return SignalWindows(values, x.fs_hz, leads, units, x.info, x.aligned)


def beat_lead(leads: Sequence[str] = (), units: Sequence[str] = ()) -> int:
    """Return the place of the lead whose beats are measured: the first that is an ECG.

    A voltage whose name is that of an ECG lead comes first, then any voltage that is not named
    otherwise (EEG, respiration), then the first lead.

    Examples
    --------
    >>> beat_lead(["RESP", "II"], ["Ohm", "mV"]), beat_lead(["EEG", "chest ECG"], ["mV", "mV"])
    (1, 1)
    """

    def rank(i: int) -> tuple[int, int]:
        name = leads[i].casefold().replace("_", " ")
        if units[i].casefold() not in MILLIVOLTS:
            return 2, i
        if _ECG_LEAD.fullmatch(name):
            return 0, i
        return (2, i) if _NO_ECG.fullmatch(name) else (1, i)

    return min(range(len(leads)), key=rank, default=0)


def _transposed(shape: tuple[int, ...], n_leads: int) -> str:
    swapped = shape[2] == n_leads != shape[1]
    return ", and transpose the windows with X.transpose(0, 2, 1)" if swapped else ""


def check_positive(name: str, value: Any) -> Any:
    """Refuse a parameter that is not a positive, finite number."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < np.inf:
        raise ParameterError(f"{name}={value!r} is not allowed; give a number > 0.")
    return value


def _names(what: str, names: Any) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, Sequence | np.ndarray | pd.Index):
        raise DataError(f"the {what} {names!r} are not names; give one name per lead.")
    return tuple(names)


def _check_names(leads: tuple[str, ...], units: tuple[str, ...]) -> None:
    for what, names in (("leads", leads), ("units", units)):
        if not all(isinstance(name, str) for name in names):
            raise DataError(f"the {what} {names!r} must be non-empty strings.")
    if len({lead.casefold() for lead in leads}) < len(leads):
        raise DataError(f"the leads {leads!r} must have different names.")
    if len(units) != len(leads):
        raise DataError(
            f"the units {units!r} do not match the leads {leads!r}; give one unit per lead."
        )
