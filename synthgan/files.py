"""Files: written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["replacing", "write_atomically"]


@contextmanager
def replacing(path: Any) -> Iterator[Path]:
    """Give the name of a new file to write; at the end it takes the place of `path`.

    A crash leaves the old file, or none. A link stays, and what it points to is replaced; the new
    file may be read by whom the old one could.

    Raises
    ------
    OSError
        The file cannot be written, or is a device, say.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    mode = target.stat().st_mode if target.exists() else None
    if not target.name:
        raise OSError(errno.EINVAL, "Not a file name", str(path))
    if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "Not a regular file", str(target))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        if mode is not None:  # from its first byte on as private as the old one
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, stat.S_IMODE(mode)))
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Any, content: bytes) -> None:
    """Write a file whole or not at all: a crash leaves the old file, or none."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
