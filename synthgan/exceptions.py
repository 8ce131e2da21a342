"""Every error and warning of synthgan; knows nothing else."""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "DataError",
    "DataWarning",
    "OutlierWarning",
    "ParameterError",
    "SamplingError",
    "SynthganError",
    "SynthganWarning",
]


class SynthganError(Exception):
    """Base of all errors that synthgan raises on purpose."""


class DataError(SynthganError, ValueError):
    """The data given cannot be learnt or decoded; the message names the column."""


class ParameterError(SynthganError, ValueError):
    """A parameter has a value that is not allowed; the message names the parameter."""


class ArchiveError(SynthganError, ValueError):
    """A model file cannot be written or read; the message names the file."""


class SamplingError(SynthganError, RuntimeError):
    """Too few generated rows are as asked; the message gives the share that is."""


class SynthganWarning(UserWarning):
    """Base of all warnings of synthgan."""


class DataWarning(SynthganWarning):
    """Something in the data was left out or looks unintended; the message counts it."""


class OutlierWarning(DataWarning):
    """Values outside the limits were clipped or their rows dropped; the message counts them."""
