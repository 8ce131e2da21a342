"""synthgan info: prints the model card of a model file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from synthgan.cli.layout import add_command
from synthgan.io.escaping import escape_code

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the subparsers."""
    info = add_command(
        commands,
        "info",
        "print the model card: output, training and privacy of a model",
        "Prints the model card in Markdown: what the model generates, how it was trained, and "
        "what the file holds of the training records. The weights are not read.",
        "  synthgan info patients.synthgan\n  synthgan info patients.synthgan > MODEL_CARD.md",
        "MODEL",
    )
    info.add_argument("model", metavar="MODEL", help="model file")
    info.set_defaults(command=_info)


def _info(parsed: argparse.Namespace) -> None:
    from synthgan.synthesizers.saved_model import SavedModel

    model: Any = SavedModel.inspect(parsed.model)
    n_bytes = Path(parsed.model).stat().st_size
    print(model.model_card())
    print(f"## File\n\n- {escape_code(parsed.model)}: {n_bytes:,} bytes; weights were not read")
