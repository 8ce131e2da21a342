"""All errors and warnings of synthgan."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import NamedTuple

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
    "RankError",
    "SamplingError",
    "ShortTrainingWarning",
    "SynthganError",
    "SynthganWarning",
    "grouped_notices",
    "notice",
    "user_level",
    "without_notices_of",
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


class RankError(SynthganError):
    """Processes that train together differ, or one has ended; the message names it."""


class SamplingError(SynthganError, RuntimeError):
    """Too few generated rows meet the conditions; the message gives their share."""


class SynthganWarning(UserWarning):
    """Base of all warnings of synthgan; printed as errors are."""

    def __str__(self) -> str:
        return printable(super().__str__())


class DataWarning(SynthganWarning):
    """Something in the data was left out or looks unintended; the message counts it."""


class Notice(NamedTuple):
    """What a `DataWarning` says of one column."""

    text: str
    about: str
    column: Hashable
    rank: int
    detail: str = ""


_MOST_NAMED = 20  # columns in a message
_notices: ContextVar[list[Notice] | None] = ContextVar("notices", default=None)
_silent: ContextVar[Mapping[Hashable, float]] = ContextVar("silent", default=MappingProxyType({}))


def notice(
    text: str,
    about: str,
    column: Hashable,
    rank: int = 3,
    detail: str = "",
) -> None:
    """Raise a `DataWarning` of a column, or keep it for the message of `grouped_notices`.

    Parameters
    ----------
    text : str
        The sentence if it is the only one of its kind.
    about : str
        What several columns have in common, after "columns 'a' and 'b'".
    column : hashable
    rank : int, default=3
        The smaller, the worse.
    detail : str, default=""
        What follows the name of the column among several.
    """
    if rank <= _silent.get().get(column, -math.inf):
        return
    kept = _notices.get()
    if kept is None:
        warnings.warn(text, DataWarning, stacklevel=user_level())
    else:
        kept.append(Notice(text, about, column, rank, detail))


@contextmanager
def without_notices_of(columns: Iterable[Hashable], up_to: float = math.inf) -> Iterator[None]:
    """Raise no `DataWarning` of these ranks of columns whose values are synthgan's own."""
    token = _silent.set({**_silent.get(), **dict.fromkeys(columns, up_to)})
    try:
        yield
    finally:
        _silent.reset(token)


@contextmanager
def grouped_notices() -> Iterator[None]:
    """Raise one `DataWarning` of all notices within, the worst first."""
    if _notices.get() is not None:
        yield
        return
    kept: list[Notice] = []
    token = _notices.set(kept)
    try:
        yield
    finally:
        _notices.reset(token)
    if kept:
        warnings.warn(_joined(kept), DataWarning, stacklevel=user_level())


def user_level() -> int:
    """Return the `stacklevel` at which a warning of the caller names the line of the user."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_own(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    return level


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in ("synthgan", "contextlib")


def _joined(notices: list[Notice]) -> str:
    """Return one message: a sentence for each kind of notice."""
    kinds: dict[tuple[int, str], list[Notice]] = {}
    for one in sorted(notices, key=lambda one: one.rank):
        kinds.setdefault((one.rank, one.about), []).append(one)
    sentences = [_sentence(alike) for alike in kinds.values()]
    if len(sentences) == 1:
        return sentences[0]
    n = len({one.column for one in notices})
    listed = " ".join(f"({i}) {sentence}" for i, sentence in enumerate(sentences, 1))
    return f"{n} column(s) need a look, worst first: {listed}"


def _sentence(alike: list[Notice]) -> str:
    if len(alike) == 1:
        return alike[0].text
    names = ", ".join(
        f"{one.column!r}: {one.detail}" if one.detail else repr(one.column)
        for one in alike[:_MOST_NAMED]
    )
    more = f" and {len(alike) - _MOST_NAMED} more" if len(alike) > _MOST_NAMED else ""
    return f"{len(alike)} columns ({names}{more}) {alike[0].about}."


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


class ShortTrainingWarning(SynthganWarning):
    """`max_time` ended training before each row was seen once; the message names the steps."""


class MemoryWarning(SynthganWarning):
    """Memory ran out; training continues with smaller batches of the size in the message."""
