"""Encode a window for WFDB: 16-bit samples, MIT annotations; writes no files."""

from __future__ import annotations

import numpy as np

from synthgan.exceptions import DataError
from synthgan.records.signals import MILLIVOLTS, SignalWindows

__all__ = ["encode_beats", "encode_window"]

_GAIN_PER_MV = 2000.0  # as in PTB-DB
_MISSING, _LARGEST, _LARGEST_BASELINE = -32768, 32767, 2**31 - 1


def encode_window(
    name: str, values: np.ndarray, cut: SignalWindows, step: float | None
) -> tuple[list[str], bytes]:
    """Return the lines of the header, and the signal file in format 16."""
    fs_hz = np.format_float_positional(cut.fs_hz, trim="-")
    lines = [f"{name} {len(values)} {fs_hz} {values.shape[1]}"]
    stored = np.full(values.shape, _MISSING, dtype=np.int64)
    for lead, unit, signal, digital in zip(cut.leads, cut.units, values, stored, strict=True):
        there = ~np.isnan(signal)
        try:
            gain, baseline = _scale(signal[there], unit, step)
        except DataError as error:
            raise DataError(f"record {name!r}, lead {lead!r}: {error}") from None
        digital[there] = np.rint(signal[there] * gain) + baseline
        checksum = (int(digital.sum()) + 32768) % 65536 - 32768
        lines.append(
            f"{name}.dat 16 {gain!r}({baseline})/{unit} 16 0 {digital[0]} {checksum} 0 {lead}"
        )
    return lines, stored.T.astype("<i2").tobytes()


def _scale(signal: np.ndarray, unit: str, step: float | None) -> tuple[float, int]:
    """Choose gain and baseline so that the signal fits into 16 bits."""
    low, high = (float(signal.min()), float(signal.max())) if len(signal) else (0.0, 0.0)
    half, middle = high / 2 - low / 2, high / 2 + low / 2
    most = min(_ratio(_LARGEST - 1, half), _ratio(_LARGEST_BASELINE, abs(middle)))
    factor = MILLIVOLTS.get(unit.casefold())
    if step is not None:
        gains = [1 / step]
    elif factor is not None:
        gains = [_GAIN_PER_MV * factor, _round_down(most)]
    else:
        gains = [_round_down(_ratio(_LARGEST, max(abs(low), abs(high)))), _round_down(most)]
    for gain in gains:
        for baseline in (0, -round(middle * gain)) if abs(middle * gain) < 2**62 else (0,):
            ends = [abs(np.rint(end * gain) + baseline) for end in (low, high)]
            if max(ends) <= _LARGEST and abs(baseline) <= _LARGEST_BASELINE:
                return float(gain), baseline
    raise DataError(
        f"values from {low:g} to {high:g} {unit} do not fit into 16 bits with digital_step="
        f"{step!r}; give {1 / most:.2g} or more, or None."
    )


def _ratio(a: float, b: float) -> float:
    return a / b if b else np.inf


def _round_down(gain: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not larger."""
    if gain == np.inf:
        return 1.0
    power = 10.0 ** np.floor(np.log10(gain))
    return float(max(digit * power for digit in (0.5, 1, 2, 5) if digit * power <= gain))


def encode_beats(samples: np.ndarray) -> bytes:
    """Encode normal beats (code 1) in MIT format, with skips (59) for distances over 10 bits."""
    words: list[int] = []
    for distance in np.diff(samples, prepend=0).tolist():
        if distance > 1023:
            words += [59 << 10, distance >> 16, distance & 0xFFFF]
            distance = 0
        words.append(1 << 10 | distance)
    return np.array([*words, 0], dtype="<u2").tobytes()
