"""Read the samples of a record, verify their checksums, and resample."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import resample_poly

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.records.edf import EdfFile
from synthgan.io.records.headers import find_units, in_millivolts
from synthgan.io.records.wfdb_calls import Source, call, wfdb_module

__all__ = ["Values", "read_values"]

_LARGEST_RATIO = 10_000
_SWAPPED = "61"  # the format


class Values(NamedTuple):
    """Samples of a record: values (n_leads, n_samples), their rate and units.

    `is_verified` is False if the header gives no checksum, but 0, of samples with another one.
    """

    values: np.ndarray
    fs_hz: float
    units: tuple[str, ...]
    is_verified: bool


def read_values(
    source: Source, header: Any, channels: list[int], leads: list[str], fs_hz: float | None
) -> Values:
    """Return the values of some leads of a record."""
    if isinstance(header, EdfFile):
        signals, rates, given = header.read(channels)
        scaled, is_verified = [in_millivolts(unit) for unit in given], True
    else:
        if header.sig_len == 0:
            raise DataError(f"record {source.place!r}: its header gives 0 samples.")
        signals, rates, is_verified = _signals(source, header, channels)
        scaled = list(find_units(source, header, channels))
    if not min(rates) > 0:
        raise DataError(f"record {source.place!r}: its header gives 0 samples per second.")
    if fs_hz is None and len(set(rates)) > 1:
        raise DataError(
            f"record {source.place!r} has the leads {leads!r} at {rates!r} Hz; choose leads of one "
            "rate, or give fs_hz to resample."
        )
    target = rates[0] if fs_hz is None else float(fs_hz)
    scales, units = zip(*scaled, strict=True)
    signals = [
        _resample(signal, rate, target) * scale
        for signal, rate, scale in zip(signals, rates, scales, strict=True)
    ]
    n = min(map(len, signals))
    if not n:
        raise DataError(f"record {source.place!r} has no sample left at {target:g} Hz.")
    return Values(np.array([signal[:n] for signal in signals]), target, units, is_verified)


def _signals(
    source: Source, header: Any, channels: list[int]
) -> tuple[list[np.ndarray], list[float], bool]:
    """Return each lead in its unit, its rate, and whether all checksums were compared."""
    read = partial(_stored_and_physical, is_swapped=_is_swapped(header))
    read.__name__ = "rdrecord"  # type: ignore[attr-defined]
    parts, record = call(source, read, channels=channels, smooth_frames=False)
    checked = [
        _check_sums(source, part)
        for part in parts
        if part is not None and part.e_d_signal is not None
    ]
    rates = [float(record.fs * (n or 1)) for n in record.samps_per_frame]
    return record.e_p_signal, rates, all(checked)


def _is_swapped(header: Any) -> bool:
    """Return whether a record has samples of high bytes first, which wfdb cannot give as stored."""
    parts = [header, *(getattr(header, "segments", None) or ())]
    return any(_SWAPPED in (getattr(part, "fmt", None) or ()) for part in parts)


def _stored_and_physical(name: str, is_swapped: bool, **options: Any) -> tuple[list[Any], Any]:
    """Read the segments with their samples as stored, and the whole record in its units."""
    read = wfdb_module().rdrecord
    record = read(name, physical=is_swapped, m2s=False, **options)
    segments = getattr(record, "segments", None)
    parts = [record] if segments is None else segments
    for part in parts:
        if is_swapped and part is not None and part.e_p_signal is not None:
            part.e_d_signal = part.adc(expanded=True)
    if segments is not None:
        return segments, read(name, physical=True, m2s=True, **options)
    if not is_swapped:
        record.e_p_signal = record.dac(expanded=True)
    return parts, record


def _check_sums(source: Source, record: Any) -> bool:
    """Compare the checksums of all leads; return False if one is not given, but 0."""
    is_verified = True
    for i, (signal, expected) in enumerate(zip(record.e_d_signal, record.checksum, strict=True)):
        if expected is None or record.skew[i]:  # a skewed signal is shifted on reading
            continue
        found = int(np.sum(signal, dtype=np.int64))
        if (found - expected) % 65536 == 0:
            continue
        if expected != 0:
            raise DataError(
                f"record {source.place!r}: the samples of lead {record.sig_name[i]!r} have the "
                f"checksum {(found + 32768) % 65536 - 32768}, its header says {expected}: the "
                "signal file is damaged, or the header is wrong."
            )
        is_verified = False
    return is_verified


def _resample(signal: np.ndarray, rate_hz: float, fs_hz: float) -> np.ndarray:
    if rate_hz == fs_hz:
        return signal
    ratio = (Fraction(fs_hz) / Fraction(rate_hz)).limit_denominator(_LARGEST_RATIO)
    if not ratio:
        raise ParameterError(f"fs_hz={fs_hz!r} is too far below the records' {rate_hz:g} Hz.")
    up, down = ratio.numerator, ratio.denominator
    n = round(len(signal) * ratio)
    at, there = np.arange(len(signal)), np.flatnonzero(~np.isnan(signal))
    if not n or not len(there):
        return np.full(n, np.nan)
    filled = np.interp(at, there, signal[there])
    # Subtract the line through both ends, so that offsets cause no ringing.
    slope = (filled[-1] - filled[0]) / max(len(filled) - 1, 1)
    places = np.arange(n) * (down / up)
    new = resample_poly(filled - filled[0] - slope * at, up, down)[:n]
    new += filled[0] + slope * places
    new[np.interp(places, at, np.isnan(signal)) > 0] = np.nan
    return new
