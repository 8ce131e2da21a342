"""The length of recordings that a model of signals is asked for."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from synthgan.exceptions import ParameterError
from synthgan.gan.networks.protocol import AnyLengthGenerator

__all__ = ["count_samples"]


def count_samples(model: Any, duration_s: Any) -> int:
    """Return the samples of a recording, those of the windows of fit by default.

    Parameters
    ----------
    model : SignalGANSynthesizer
        Fitted.
    duration_s : float or None

    Raises
    ------
    ParameterError
        No duration, or one that the model cannot make.
    """
    if duration_s is None:
        return int(model.n_samples_)
    if model.fs_hz_ is None:
        raise ParameterError("duration_s needs fs_hz, the samples per second, in fit.")
    is_number = isinstance(duration_s, Real) and not isinstance(duration_s, bool)
    if not is_number or not 0 < duration_s < np.inf:
        raise ParameterError(f"duration_s={duration_s!r} is not allowed; give seconds, > 0.")
    n_samples = max(1, round(duration_s * model.fs_hz_))
    if n_samples == model.n_samples_:
        return n_samples
    if not isinstance(model.generator_, AnyLengthGenerator) or model.is_quantised_:
        raise ParameterError(
            f"duration_s={duration_s!r} needs network='cnn1d' and a SignalEncoder with "
            "scaling='whiten'; this model makes windows of one length."
        )
    if not model.encoder_.is_stationary_:
        raise ParameterError(
            f"duration_s={duration_s!r} needs windows that look alike all along; those learnt "
            "do not. Cut them from recordings without aligning them, and where that was done, "
            "say so: SignalWindows(..., aligned=False)."
        )
    return n_samples
