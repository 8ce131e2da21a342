"""Where commands write."""

from __future__ import annotations

from pathlib import Path

__all__ = ["check_out"]


def check_out(option: str, path: str) -> None:
    """Refuse, before anything is done, a file that cannot be written."""
    if not path or Path(path).is_dir() or not Path(path).parent.is_dir():
        raise ValueError(f"{option} {path!r} names no file in a folder that is there.")
