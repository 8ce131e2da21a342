"""Shared functions of the kinds for the command line: arguments, names, npy files."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

__all__ = ["estimator_arguments", "split_names", "text_names", "unique_names", "write_array"]


def estimator_arguments(parsed: argparse.Namespace, condition_on: Any) -> dict[str, Any]:
    """Return the constructor arguments that all kinds have in common."""
    names = ("preset", "epochs", "max_steps", "max_time")
    given = {name: getattr(parsed, name) for name in names}
    if parsed.privacy is not None:
        given["privacy"] = parsed.privacy
    if parsed.checkpoint is not None:
        from synthgan.gan.training.checkpoint import Checkpoint

        given["callbacks"] = [Checkpoint(parsed.checkpoint)]
    return {**given, "condition_on": condition_on, "random_state": parsed.seed}


def split_names(text: str | None) -> list[str] | None:
    """Split comma-separated names."""
    return None if text is None else [name.strip() for name in text.split(",")]


def unique_names(text: str | None) -> list[str]:
    """Split comma-separated names and drop duplicates."""
    return list(dict.fromkeys(split_names(text) or []))


def text_names(table: Any) -> set[str]:
    """Return the columns of a table that are text."""
    from pandas.api import types

    return {name for name, dtype in table.dtypes.items() if types.is_string_dtype(dtype)}


def write_array(records: Any, path: str) -> None:
    """Write an array as an npy file; on failure, no partial file remains.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    import numpy as np

    from synthgan.exceptions import DataError
    from synthgan.state.files import write_atomically

    content = io.BytesIO()
    np.save(content, np.asarray(records))
    try:
        write_atomically(Path(path), content.getvalue())
    except OSError as error:
        raise DataError(f"{path!r} cannot be written: {error.strerror or error}.") from error
