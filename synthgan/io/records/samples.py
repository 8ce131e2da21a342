"""Read the samples of a record, verify their checksums, and resample."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.records.headers import find_units
from synthgan.io.records.wfdb_calls import Source, call, wfdb_module

__all__ = ["read_values"]

_LARGEST_RATIO = 10_000


def read_values(
    source: Source, header: Any, channels: list[int], leads: list[str], fs_hz: float | None
) -> tuple[np.ndarray, float, tuple[str, ...], tuple[str, ...]]:
    """Return values, rate, leads and units of a record."""
    if header.sig_len == 0:
        raise DataError(f"record {source.place!r}: its header gives 0 samples.")
    signals, rates = _signals(source, channels)
    if not min(rates) > 0:
        raise DataError(f"record {source.place!r}: its header gives 0 samples per second.")
    if fs_hz is None and len(set(rates)) > 1:
        raise DataError(
            f"record {source.place!r} has the leads {leads!r} at {rates!r} Hz; choose leads of one "
            "rate, or give fs_hz to resample."
        )
    target = rates[0] if fs_hz is None else float(fs_hz)
    scales, units = zip(*find_units(source, header, channels), strict=True)
    signals = [
        _resample(signal, rate, target) * scale
        for signal, rate, scale in zip(signals, rates, scales, strict=True)
    ]
    n = min(map(len, signals))
    if not n:
        raise DataError(f"record {source.place!r} has no sample left at {target:g} Hz.")
    return np.array([signal[:n] for signal in signals]), target, tuple(leads), units


def _signals(source: Source, channels: list[int]) -> tuple[list[np.ndarray], list[float]]:
    """Return each lead in its unit, and its rate."""
    parts, record = call(source, _stored_and_physical, channels=channels, smooth_frames=False)
    for part in parts:
        if part is not None and part.e_d_signal is not None:
            _check_sums(source, part)
    return record.e_p_signal, [float(record.fs * (n or 1)) for n in record.samps_per_frame]


def _stored_and_physical(name: str, **options: Any) -> tuple[list[Any], Any]:
    """Read the segments with their samples as stored, and the whole record in its units."""
    read = wfdb_module().rdrecord
    record = read(name, physical=False, m2s=False, **options)
    segments = getattr(record, "segments", None)
    if segments is not None:
        return segments, read(name, physical=True, m2s=True, **options)
    record.e_p_signal = record.dac(expanded=True)
    return [record], record


def _check_sums(source: Source, record: Any) -> None:
    for i, (signal, expected) in enumerate(zip(record.e_d_signal, record.checksum, strict=True)):
        if expected is None or record.skew[i]:  # a skewed signal is shifted on reading
            continue
        found = int(np.sum(signal, dtype=np.int64))
        if (found - expected) % 65536:
            raise DataError(
                f"record {source.place!r}: the samples of lead {record.sig_name[i]!r} have the "
                f"checksum {(found + 32768) % 65536 - 32768}, its header says {expected}: the "
                "signal file is damaged, or the header is wrong."
            )


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
