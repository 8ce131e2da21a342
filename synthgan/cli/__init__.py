"""The command line: demo, fit, sample, evaluate, info; each command is a file of its own."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from synthgan import __version__
from synthgan.cli import demo, evaluate, fit, info, sample
from synthgan.exceptions import SynthganError, SynthganWarning

__all__ = ["main"]

_USER_ERRORS = (SynthganError, ValueError, OSError)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what a user can mend ends in one line on stderr and exit code 2.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        Words of the command line; None takes those of the process.
    """
    parsed = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SynthganWarning)
            warnings.showwarning = _show_warning
            parsed.command(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone, as with "| head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except _USER_ERRORS as error:
        print(f"synthgan: error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("synthgan: stopped; nothing was written.", file=sys.stderr)
        raise SystemExit(130) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthgan", description="Learn private records, make believable ones."
    )
    parser.add_argument("--version", action="version", version=f"synthgan {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, fit, sample, evaluate, info):
        command.add(commands)
    return parser


def _show_warning(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
    print(f"synthgan: {category.__name__}: {message}", file=sys.stderr)
