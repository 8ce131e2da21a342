"""Ctrl-C: the first ends training after the current step, the second one at once."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from synthgan.exceptions import InterruptedWarning

__all__ = ["leaving_out", "on_interrupt"]


@contextmanager
def on_interrupt(ask: Callable[[], None]) -> Iterator[None]:
    """Call `ask` at the first Ctrl-C inside; at the second, KeyboardInterrupt is raised.

    Does nothing outside of the main thread, and where Ctrl-C is ignored. Afterwards the handler is
    the one from before.
    """
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or before in (None, signal.SIG_IGN):
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ask()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def leaving_out(what: str) -> Iterator[None]:
    """Let Ctrl-C end only what is inside, which a trained model can do without, with a warning."""
    try:
        yield
    except KeyboardInterrupt:
        warnings.warn(
            f"{what} was interrupted and is left out; the model can be used without it.",
            InterruptedWarning,
            stacklevel=3,
        )
