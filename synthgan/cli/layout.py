"""How help texts of commands are laid out: purpose, groups of options, examples."""

from __future__ import annotations

import argparse
import os
import shutil
from typing import Any

__all__ = ["HelpFormatter", "add_command"]

_WIDEST = 96
_COLUMN = 26  # where the explanations of options start


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Lay out help in lines of at most 96 characters, and keep examples as they are."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = int(os.environ.get("COLUMNS", 0)) or shutil.get_terminal_size((_WIDEST, 24)).columns
        options |= {"width": min(width, _WIDEST), "max_help_position": _COLUMN}
        super().__init__(prog, **options)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap paragraphs; keep indented lines, which are examples."""
        parts = text.split("\n\n")
        wrapped = [
            part if part.startswith(("  ", "examples:")) else self._wrap(part, width)
            for part in parts
        ]
        return "\n\n".join(wrapped)

    def _wrap(self, text: str, width: int) -> str:
        return "\n".join(self._split_lines(text, width))


def add_command(
    commands: Any, name: str, purpose: str, description: str, examples: str, usage: str
) -> argparse.ArgumentParser:
    """Add a command.

    Parameters
    ----------
    commands : object
        The subparsers.
    name : str
        Name of the command.
    purpose : str
        What it does, in one line of the list of commands.
    description : str
        One paragraph for its own help.
    examples : str
        Lines that work as they are, each with an indent of two.
    usage : str
        What follows the name in the line of usage; all options would fill many lines.

    Returns
    -------
    parser : ArgumentParser
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        usage=f"synthgan {name} {usage}",
        description=description,
        epilog=f"examples:\n{examples.rstrip()}",
        formatter_class=HelpFormatter,
    )
    return parser
