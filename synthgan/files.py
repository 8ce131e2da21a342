"""Files: written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Any) -> Iterator[Path]:
    """Give the name of a new file to write; at the end it takes the place of `path`.

    A crash leaves the old file, or none.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Any, content: bytes) -> None:
    """Write a file whole or not at all: a crash leaves the old file, or none."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
