"""Draw windows again whose beats pause where those of real windows do not; uses arrays only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthgan.records.beats import can_beat, disagreements, find_beats

__all__ = ["draw_again", "share_kept"]

_FEWEST_TRIES = 10  # windows drawn again, even if fewer are asked for


def share_kept(real: np.ndarray, fake: np.ndarray, lead: int, fs_hz: float | None) -> float:
    """Return the share of synthetic windows with pauses that are to be kept.

    A window pauses if the number of its beats and their usual interval give rates that differ by
    more than 20 %; see `rates_bpm`. With the share kept, synthetic windows pause as often as real
    ones, or as often as they are generated if that is less. None is kept if no real window pauses,
    or none has five intervals.

    Parameters
    ----------
    real, fake : ndarray of shape (n, n_leads, n_samples)
    lead : int
        That of the beats.
    fs_hz : float or None

    Returns
    -------
    share : float
        0..1; 1 if beats cannot be found.
    """
    if fs_hz is None or not can_beat(fs_hz, real.shape[2]):
        return 1.0
    ours, theirs = (_share(_paused(x[:, lead], fs_hz)) for x in (real, fake))
    others = theirs * (1 - ours)
    return float(min(1.0, ours * (1 - theirs) / others)) if others else float(ours > 0)


def draw_again(
    draw: Callable[[np.ndarray, int], np.ndarray],
    n: int,
    seed: int,
    lead: int,
    fs_hz: float | None,
    kept: float,
) -> np.ndarray:
    """Draw windows, and those with pauses again: at most as many as there are windows.

    Parameters
    ----------
    draw : callable
        Called as ``draw(rows, seed)``; returns windows (len(rows), n_leads, n_samples).
    n : int
        Number of windows.
    seed : int
    lead : int
        That of the beats.
    fs_hz : float or None
    kept : float
        See `share_kept`.
    """
    values = draw(np.arange(n), seed)
    if kept == 1 or fs_hz is None or not can_beat(fs_hz, values.shape[2]):
        return values
    rng, left, n_tries = np.random.default_rng(seed), np.arange(n), max(n, _FEWEST_TRIES)
    while len(left):
        paused = left[_paused(values[left, lead], fs_hz) == 1]
        left = paused[rng.random(len(paused)) >= kept][:n_tries]
        n_tries -= len(left)
        if len(left):
            values[left] = draw(left, int(rng.integers(2**31 - 1)))
    return values


def _paused(windows: np.ndarray, fs_hz: float) -> np.ndarray:
    """Return 1 for each window that pauses, 0 for others, NaN for those with too few beats."""
    return disagreements(find_beats(windows, fs_hz), *windows.shape)


def _share(paused: np.ndarray) -> float:
    known = paused[np.isfinite(paused)]
    return float(known.mean()) if len(known) else 0.0
