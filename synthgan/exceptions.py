"""Every error and warning of synthgan; knows nothing else."""

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
    """The data given cannot be learnt or decoded; the message names the column."""


class ParameterError(SynthganError, ValueError):
    """A parameter has a value that is not allowed; the message names the parameter."""


class ArchiveError(SynthganError, ValueError):
    """A model file cannot be written or read; the message names the file."""


class CheckpointError(SynthganError, ValueError):
    """A checkpoint cannot be written or is of another run; the message names the difference."""


class SamplingError(SynthganError, RuntimeError):
    """Too few generated rows are as asked; the message gives the share that is."""


class SynthganWarning(UserWarning):
    """Base of all warnings of synthgan; printed as errors are."""

    def __str__(self) -> str:
        return printable(super().__str__())


class DataWarning(SynthganWarning):
    """Something in the data was left out or looks unintended; the message counts it."""


class OutlierWarning(DataWarning):
    """Values outside the limits were clipped or their rows dropped; the message counts them."""


class PrivacyWarning(SynthganWarning):
    """People may be told from a sample, or from the model; the message says why."""


class DivergenceWarning(SynthganWarning):
    """Training went wrong and goes on from an earlier step; the message names both."""


class CollapseWarning(SynthganWarning):
    """Generated records are all alike; the message gives the measure."""


class InterruptedWarning(SynthganWarning):
    """Training was ended by Ctrl-C; the message says at which step."""


class MemoryWarning(SynthganWarning):
    """Memory ran out and training goes on in smaller batches; the message gives their size."""
