"""Privacy measures of synthetic windows: disclosure about training windows and their persons.

Distances are those of `WindowSpace`: principal components, their residual, the spectrum, and
statistics. Those of `signal_reidentification` are of `ConvolutionSpace`. Spaces are fitted to
equally many windows of each set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthgan.metrics.measure import Measure, publish
from synthgan.metrics.privacy import statements
from synthgan.metrics.privacy.arrays import ArrayRecords
from synthgan.metrics.score import Score
from synthgan.metrics.signals.convolutions import ConvolutionSpace
from synthgan.metrics.signals.feature_space import WindowSpace
from synthgan.metrics.signals.windows import read_window_sets, whole_windows

__all__ = [
    "signal_closest_record",
    "signal_exact_copies",
    "signal_membership_inference",
    "signal_near_copies",
    "signal_neighbour_ratio",
    "signal_reidentification",
]


def _of_windows(statement: Callable[..., Score]) -> Measure:
    """Make the public measure of windows of a statement."""

    def measure(
        real: Any,
        fake: Any,
        *,
        fs_hz: float,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
        groups: Any = None,
        holdout_groups: Any = None,
    ) -> Score:
        span = _convolved if statement is statements.reidentification else None
        records = _read(real, fake, holdout, fs_hz, groups, holdout_groups, span)
        return statement(records, random_state)

    def near_copies(
        real: Any,
        fake: Any,
        *,
        fs_hz: float,
        holdout: Any = None,
        target: Any = None,
        random_state: Any = None,
        groups: Any = None,
        holdout_groups: Any = None,
        quantile: float = 0.01,
    ) -> Score:
        records = _read(real, fake, holdout, fs_hz, groups, holdout_groups)
        return statements.near_copies(records, random_state, quantile)

    public = near_copies if statement is statements.near_copies else measure
    return publish(
        public,
        statement,
        module=__name__,
        prefix="signal_",
        record="window",
        given="real, fake, fs_hz, holdout, target",
        first="amplitudes",
        windows="; windows last 0.5 s or more",
        drawn="Up to 5000 windows of each set (10 000 synthetic ones) are drawn, fewer if they are "
        "long.",
        floor="The floor has synthetic windows with random Fourier phases.",
        identity="random convolutions and of the statistics of\n`amplitudes`, each with a variance "
        "of 1 in all sets together (Dempster et al. 2020,\ndoi 10.1007/s10618-020-00701-z).",
    )


def _read(
    real: Any,
    fake: Any,
    holdout: Any,
    fs_hz: float,
    groups: Any,
    holdout_groups: Any,
    span: Callable[[np.ndarray], Any] | None = None,
) -> ArrayRecords:
    compared = read_window_sets(real, fake, holdout, fs_hz=fs_hz, least_s=0.5)
    given = {"real": real, "fake": fake, "holdout": holdout}
    kept = {name: whole_windows(given[name]) for name in compared.sets}

    def features(windows: np.ndarray) -> Any:
        return WindowSpace(windows, fs_hz).points

    return ArrayRecords.read(compared, span or features, groups, holdout_groups, kept)


def _convolved(windows: np.ndarray) -> Any:
    return ConvolutionSpace(windows).points


signal_exact_copies = _of_windows(statements.exact_copies)
signal_near_copies = _of_windows(statements.near_copies)
signal_closest_record = _of_windows(statements.closest_record)
signal_neighbour_ratio = _of_windows(statements.neighbour_ratio)
signal_membership_inference = _of_windows(statements.membership_inference)
signal_reidentification = _of_windows(statements.reidentification)
