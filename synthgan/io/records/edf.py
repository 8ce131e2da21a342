"""Read EDF and BDF files; needs the package edfio."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import DataError
from synthgan.io.records.rhythms import Episodes
from synthgan.records.signals import plain_unit

__all__ = ["EDF_SUFFIXES", "EdfFile"]

EDF_SUFFIXES = (".edf", ".bdf")
_YEAR = datetime.timedelta(days=365.2425)
_NO_UNIT = "NU"  # as in WFDB
_HIDDEN = ("", "X")  # fields of EDF+ that are left out


class EdfFile:
    """An open EDF or BDF file.

    Parameters
    ----------
    place : str

    Raises
    ------
    DataError
        edfio is not installed, or the file is damaged, or a recording with gaps.

    References
    ----------
    Kemp and Olivan (2003), European data format 'plus' (EDF+), doi 10.1016/S1388-2457(03)00123-8.
    """

    def __init__(self, place: str) -> None:
        self._edf: Any
        name = Path(place).name
        try:
            import edfio
        except ImportError as error:
            raise DataError(
                f"{name!r} is an EDF or BDF file, which needs edfio: pip install 'synthgan[edf]'."
            ) from error
        read = edfio.read_bdf if place.casefold().endswith(".bdf") else edfio.read_edf
        try:
            self._edf = read(Path(place), header_encoding="latin-1")
            self._signals: list[Any] = list(self._edf.signals)
            self.n_sig = len(self._signals)
            is_whole = bool(self._edf.is_continuous)
        except OSError as error:
            raise DataError(f"{place!r} cannot be read: {error.strerror or error}.") from error
        except Exception as error:  # edfio raises many exceptions on damaged files
            raise DataError(
                f"{place!r} is not a readable EDF or BDF file ({type(error).__name__}: {error})."
            ) from error
        if not is_whole:
            raise DataError(
                f"{place!r} is a recording with gaps (EDF+D), which cannot be read; convert it to "
                "a continuous one (EDF+C)."
            )
        self._place = place

    def names(self) -> list[str]:
        """Return the names of the signals."""
        return [_text(signal.label) for signal in self._signals]

    def labels(self) -> dict[str, str]:
        """Return sex and age of the patient, where the file has them."""
        labels = {}
        patient = self._read(lambda edf: edf.patient)
        sex = self._read(lambda edf: edf.patient.sex)
        if sex not in (None, *_HIDDEN):
            labels["sex"] = str(sex)
        born = self._read(lambda edf: edf.patient.birthdate) if patient else None
        began = self._read(lambda edf: edf.startdate)
        if born is not None and began is not None and began >= born:
            labels["age"] = str(int((began - born) / _YEAR))
        return labels

    def patient(self) -> str | None:
        """Return the patient's code, or the whole field of a file before EDF+."""
        code = self._read(lambda edf: edf.patient.code)
        if code is None:
            code = _text(self._read(lambda edf: edf.local_patient_identification) or "")
        return None if code in _HIDDEN else str(code)

    def episodes(self) -> Episodes:
        """Return the annotations that last for a time, such as stages of sleep."""
        changes: list[tuple[float, str]] = []
        notes = [note for note in self._read(lambda edf: edf.annotations) or () if note.duration]
        for i, note in enumerate(notes):
            end = note.onset + note.duration
            changes.append((float(note.onset), _text(note.text)))
            if i + 1 == len(notes) or notes[i + 1].onset > end:
                changes.append((float(end), ""))
        return {"annotation": tuple(changes)} if changes else {}

    def read(self, channels: list[int]) -> tuple[list[np.ndarray], list[float], list[str]]:
        """Return the signals, their rates and their units."""
        chosen = [self._signals[i] for i in channels]
        try:
            values = [np.asarray(signal.data, dtype=np.float64) for signal in chosen]
        except Exception as error:
            raise DataError(
                f"{self._place!r}: its samples cannot be read ({type(error).__name__}: {error})."
            ) from error
        units = [plain_unit(_text(signal.physical_dimension)) or _NO_UNIT for signal in chosen]
        return values, [float(signal.sampling_frequency) for signal in chosen], units

    def _read(self, find: Any) -> Any:
        """Return a field, or None where the file hides it or is no EDF+."""
        try:
            return find(self._edf)
        except Exception:  # edfio raises on fields that are anonymous or not of EDF+
            return None


def _text(text: str) -> str:
    """Return text of a header, which was read as latin-1, but may be UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        return text.strip()
