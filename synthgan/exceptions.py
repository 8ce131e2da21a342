"""All errors and warnings of synthgan."""

from __future__ import annotations

from synthgan.io.escaping import printable

__all__ = [
    "ArchiveError",
    "CheckpointError",
    "CollapseWarning",
    "DataError",
    "DataWarning",
    "DivergenceWarning",
    "InterruptedWarning",
    "MemoryWarning",
    "OutlierWarning",
    "ParameterError",
    "SamplingError",
    "SynthganError",
    "SynthganWarning",
]


class SynthganError(Exception):
    """Base of all errors that synthgan raises on purpose.

    Printed, a message is one line: names in it, which come from data and files, are escaped as
    `synthgan.io.escaping.printable` does.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class DataError(SynthganError, ValueError):
    """The data cannot be encoded or decoded; the message names the column."""


class ParameterError(SynthganError, ValueError):
    """A parameter has a value that is not allowed; the message names the parameter."""


class ArchiveError(SynthganError, ValueError):
    """A model file cannot be written or read; the message names the file."""


class CheckpointError(SynthganError, ValueError):
    """A checkpoint cannot be written or belongs to another run; the message says why."""


class SamplingError(SynthganError, RuntimeError):
    """Too few generated rows meet the conditions; the message gives their share."""


class SynthganWarning(UserWarning):
    """Base of all warnings of synthgan; printed as errors are."""

    def __str__(self) -> str:
        return printable(super().__str__())


class DataWarning(SynthganWarning):
    """Something in the data was left out or looks unintended; the message counts it."""


class OutlierWarning(DataWarning):
    """Values outside the limits were clipped or their rows dropped; the message counts them."""


class PrivacyWarning(SynthganWarning):
    """An attacker may recognise a training person; the message says why."""


class DivergenceWarning(SynthganWarning):
    """Training diverged and continues from an earlier step; the message names both."""


class CollapseWarning(SynthganWarning):
    """Generated records are almost identical; the message gives the measure."""


class InterruptedWarning(SynthganWarning):
    """Training was stopped by Ctrl-C; the message says at which step."""


class MemoryWarning(SynthganWarning):
    """Memory ran out; training continues with smaller batches of the size in the message."""
