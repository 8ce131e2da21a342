"""Signals in memory: recordings, and windows of one length; independent of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, ParameterError

__all__ = ["Recording", "SignalWindows", "check_positive"]


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
    """Windows of one length, with the same leads.

    Parameters
    ----------
    values : array-like of shape (n_windows, n_leads, n_samples)
        float32 and float64 are kept, other numbers become float64.
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
                "one name per lead."
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
