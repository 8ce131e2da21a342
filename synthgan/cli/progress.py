"""The progress of a training run in one line: per cent done and the time left."""

from __future__ import annotations

import sys
import time

from synthgan.gan.training.callbacks import Callback, Run

__all__ = ["PercentLine"]

_WIDTH = 24  # characters of the bar
_EVERY_S = 0.5  # on a terminal, where the line is drawn again
_EVERY_SHARE = 0.25  # elsewhere, such as in a log: a line for each quarter


class PercentLine(Callback):
    """Write the share of steps that are done, and the time left, to standard error.

    Parameters
    ----------
    name : str, default="training"
        What the line says before the bar.
    """

    def __init__(self, name: str = "training") -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"PercentLine({self.name!r})"

    def on_begin(self, run: Run) -> None:
        """Note the time, and show that nothing is done yet."""
        self._begin_s, self._shown_s, self._shown_share = time.monotonic(), 0.0, -1.0
        self._show(0.0, 0.0)

    def on_log(self, run: Run) -> None:
        """Show what is done."""
        self._show(_share_of(run), time.monotonic() - self._begin_s)

    def on_end(self, run: Run) -> None:
        """Show the end, and end the line."""
        if (share := _share_of(run)) > self._shown_share:
            self._shown_s, self._shown_share = -_EVERY_S, -1.0
            self._show(share, time.monotonic() - self._begin_s)
        if sys.stderr.isatty():
            sys.stderr.write("\n")

    def _show(self, share: float, passed_s: float) -> None:
        left = "" if share == 0 else f", {passed_s * (1 - share) / share:.0f} s left"
        if sys.stderr.isatty():
            if passed_s - self._shown_s < _EVERY_S and 0 < share < 1:
                return
            done = round(_WIDTH * share)
            bar = "#" * done + "." * (_WIDTH - done)
            sys.stderr.write(f"\r{self.name} [{bar}] {share:4.0%}{left:16}")
        elif share - self._shown_share >= _EVERY_SHARE:
            sys.stderr.write(f"{self.name} {share:.0%}{left}\n")
        else:
            return
        sys.stderr.flush()
        self._shown_s, self._shown_share = passed_s, share


def _share_of(run: Run) -> float:
    """Return how much of a run is over, by its steps or its time, 0..1."""
    steps = run.state.step / run.n_steps if run.n_steps else 0.0
    return min(1.0, max(run.share, steps))
