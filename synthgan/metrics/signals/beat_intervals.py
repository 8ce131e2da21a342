"""Measure of the intervals and amplitudes that a cardiologist reads from an electrocardiogram."""

from __future__ import annotations

import numpy as np

from synthgan.metrics.compared_sets import Part
from synthgan.metrics.signals.beats import beat_measure, compare_values
from synthgan.metrics.signals.delineation import Intervals, intervals_of

__all__ = ["intervals"]

_NAMES = {
    "pr_ms": "PR interval (ms)",
    "qrs_ms": "QRS duration (ms)",
    "qt_ms": "QT interval (ms)",
    "qtc_ms": "QTc (ms)",
    "p_mv": "P amplitude (mV)",
    "r_mv": "R amplitude (mV)",
    "t_mv": "T amplitude (mV)",
}


@beat_measure("intervals and amplitudes of beats", beside=True)
def intervals(real: np.ndarray, fake: np.ndarray, rng: np.random.Generator, fs_hz: float) -> Part:
    """Compare PR, QRS and QT intervals of heart beats, and the heights of P, R and T.

    Returns
    -------
    score : Score
        The mean of one minus the Kolmogorov-Smirnov distances of seven quantities. 0..1, higher is
        better. ``detail`` has a row for each: its ``value``, ``ceiling`` and ``floor``, quantiles
        of both sets, and the number of beats per window in which it was measured. Quantities that
        cannot be measured in any real window are left out, and the note names them.

    Raises
    ------
    DataError
        As in `heart_rates`; no real window with a whole QRS complex.

    Notes
    -----
    QRS is the interval around R in which the slope, below 40 Hz and averaged over 20 ms, is at
    least a tenth of the beat's maximum. PR is from the onset of P to that of QRS, QT from the onset
    of QRS to the end of T; the onset of P and the end of T are found by tangents. QTc is QT over
    the cube root of the usual interval between beats, in seconds. R and T are heights over the
    level before QRS, P is the prominence of its peak. A beat without a P wave has a P amplitude of
    0 and no PR interval. PR needs 260 ms before QRS or a beat before, QT 600 ms after R. One lead
    may show shorter intervals than twelve leads.

    References
    ----------
    Lepeschkin and Surawicz (1952), The measurement of the Q-T interval of the electrocardiogram,
    doi 10.1161/01.CIR.6.3.378. Fridericia (1920), reprinted in 2003,
    doi 10.1046/j.1542-474X.2003.08413.x.
    """
    ours, theirs = (intervals_of(x[:, 0], fs_hz) for x in (real, fake))
    sides = {name: (getattr(ours, name), getattr(theirs, name)) for name in Intervals._fields}
    missing = [_NAMES[name] for name, (known, _) in sides.items() if not len(known)]
    if len(missing) == len(sides):
        missing = missing[:0]  # the first is named in an error
    values = {_NAMES[name]: both for name, both in sides.items() if _NAMES[name] not in missing}
    part = compare_values(values, len(real), len(fake))
    note = f"Not measured in the real windows: {', '.join(missing)}." if missing else ""
    return part._replace(note=note)
