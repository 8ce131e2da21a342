"""synthgan completion: prints a script with which a shell completes commands and options."""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Iterator
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.exceptions import ParameterError

__all__ = ["add"]

_SHELLS = ("bash", "zsh", "tcsh")
_EXAMPLES = """\
  synthgan completion bash > ~/.local/share/bash-completion/completions/synthgan
  synthgan completion zsh > ~/.zfunc/_synthgan   # with fpath+=~/.zfunc before compinit
"""
_PATHS = {
    "cache_dir", "checkpoint", "conditions", "data", "fake", "holdout", "html", "json", "model",
    "out", "public", "real", "relations",
}  # fmt: skip


def add(commands: Any, parser: argparse.ArgumentParser) -> None:
    """Add the command to the subparsers of a parser, whose options are completed."""
    completion = add_command(
        commands,
        "completion",
        "print a script for tab completion in a shell",
        "Prints a script with which a shell completes commands, options and file names. Save it "
        "where the shell looks for such scripts, and start a new shell. Needs "
        "pip install 'synthgan[completion]'; the script itself does not.",
        _EXAMPLES,
        "SHELL",
    )
    completion.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=", ".join(_SHELLS))
    completion.set_defaults(command=functools.partial(_print_script, parser))


def _print_script(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    try:
        shtab: Any = importlib.import_module("shtab")
    except ImportError:
        raise ParameterError(
            "synthgan completion needs shtab; install it with pip install 'synthgan[completion]'."
        ) from None
    for action in _actions(parser):
        if action.dest in _PATHS:
            action.complete = shtab.FILE
    print(shtab.complete(parser, parsed.shell))


def _actions(parser: Any) -> Iterator[Any]:
    """Yield the actions of a parser and of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
