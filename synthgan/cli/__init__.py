"""The command line: demo, fit, sample, evaluate, info and completion.

One module for each command. What depends on the kind of records is in `synthgan.kinds`.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

from synthgan import __version__
from synthgan.cli import completion, demo, evaluate, fit, info, sample
from synthgan.cli.layout import HelpFormatter
from synthgan.exceptions import ParameterError, SynthganError, SynthganWarning
from synthgan.io.escaping import printable

__all__ = ["main"]

_EPILOG = """\
examples:
  synthgan demo
  synthgan fit patients.csv --out patients.synthgan
  synthgan sample patients.synthgan -n 1000 --out fake.csv
  synthgan evaluate patients.csv fake.csv --holdout others.csv --html report.html

synthgan COMMAND --help explains a command and gives more examples."""
_USER_ERRORS = (SynthganError, ValueError, OSError)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command.

    Errors that a user can correct are reported in one line on standard error, with exit code 2.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        Arguments of the command line; None takes the arguments of the process.
    """
    parsed = _parser().parse_args(arguments)
    out, err = (_PipeSafeStream(s if _is_first() else None) for s in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        _run(parsed)


def _run(parsed: argparse.Namespace) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SynthganWarning)
            warnings.showwarning = _show_warning
            _meet(parsed)
            parsed.command(parsed)
        sys.stdout.flush()
    except _USER_ERRORS as error:
        message = " ".join(str(error).split())
        _report(f"synthgan: error: {printable(message)}")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("synthgan: stopped.", file=sys.stderr)
        raise SystemExit(130) from None


def _is_first() -> bool:
    """Return whether this process speaks: of several that torchrun has started, the first does."""
    if "RANK" not in os.environ:
        return True
    from synthgan.gan.training.ranks import own_rank

    return own_rank() == 0


def _meet(parsed: argparse.Namespace) -> None:
    """Wait for the processes that torchrun has started; refuse them for what one does alone."""
    if "RANK" not in os.environ:
        return
    from synthgan.gan.training.ranks import find_ranks

    if (n_ranks := find_ranks().size) > 1 and not parsed.together:
        raise ParameterError(
            f"{n_ranks} processes are for synthgan fit only; start one, without torchrun."
        )


def _report(message: str) -> None:
    """Print an error; of several processes that end by it, one does."""
    err: Any = sys.stderr
    if "RANK" in os.environ:
        from synthgan.gan.training.ranks import may_report

        if not may_report():
            return
        err = _PipeSafeStream(sys.__stderr__)
    print(message, file=err, flush=True)


class _PipeSafeStream(io.TextIOBase):
    """An output stream that ignores a closed pipe, as with "| true" or "2>&-".

    Characters that are not printable are escaped, so that names in files cannot control the
    terminal. Exceptions are line breaks, and the carriage returns of progress bars.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text without control characters."""
        self._call("write", re.sub("[^\n\r]+", lambda found: printable(found[0]), text))
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        self._call("flush")

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.stream is not None and self.stream.isatty()

    def _call(self, method: str, *arguments: str) -> None:
        if self.stream is None:
            return
        try:
            getattr(self.stream, method)(*arguments)
        except BrokenPipeError:  # discard the rest of the buffer
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            self.stream = None


class _Parser(argparse.ArgumentParser):
    """An argument parser that reports errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and end with exit status 2."""
        self.exit(2, f"synthgan: error: {printable(message)}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="synthgan",
        description="Train generative models on private records, and generate synthetic records: "
        "tables, related tables, ECG and images.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"synthgan {__version__}")
    parser.set_defaults(together=False)
    commands = parser.add_subparsers(required=True, title="commands", metavar="COMMAND")
    for command in (demo, fit, sample, evaluate, info):
        command.add(commands)
    completion.add(commands, parser)
    return parser


def _show_warning(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
    print(f"synthgan: {category.__name__}: {printable(message)}", file=sys.stderr)
