"""Files and folders: written whole or not at all, as private as they are to be."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where nobody removes a file that is open
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "PRIVATE",
    "drafting_folder",
    "keep_mode",
    "remove_unless_held",
    "replacing",
    "write_atomically",
]

PRIVATE = 0o600  # of files that hold records, or what was learnt of them
_USUAL = 0o666
_DRAFT = re.compile(r"\.[0-9a-f]{8}")  # after a dot and the name


@contextmanager
def replacing(path: Any, mode: int | None = None) -> Iterator[Path]:
    """Give the name of a new file to write; at the end it takes the place of `path`.

    A crash leaves the old file, or none. A link stays, and what it points to is replaced; the new
    file may be read by whom the old one could. What an earlier process left that was killed while
    it wrote the same file is removed; drafts of processes that live are locked, and stay.

    Parameters
    ----------
    path : str or path
    mode : int or None, default=None
        Permissions, less those that the umask takes, where there is no old file; such as
        `PRIVATE`. None is what the umask leaves.

    Raises
    ------
    OSError
        The file cannot be written, or is a device, say.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    old = target.stat().st_mode if target.exists() else None
    if not target.name:
        raise OSError(errno.EINVAL, "Not a file name", str(path))
    if old is not None and not (stat.S_ISREG(old) or stat.S_ISDIR(old)):
        raise OSError(errno.EINVAL, "Not a regular file", str(target))
    _remove_stale(target)
    # From its first byte on as private as the old one.
    allowed = stat.S_IMODE(old) if old is not None else _USUAL if mode is None else mode
    draft, lock = _locked_draft(target, allowed)
    try:
        yield draft
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        if old is not None:
            draft.chmod(stat.S_IMODE(old))
        if fcntl is None:
            _close(lock)
            lock = None
        draft.replace(target)
    except BaseException:
        _close(lock)
        lock = None
        draft.unlink(missing_ok=True)
        raise
    finally:
        _close(lock)


@contextmanager
def drafting_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder beside another one to write into; what is left of it goes at the end.

    Drafts of processes that were killed go, too, as in `replacing`.

    Raises
    ------
    OSError
        It cannot be made.
    """
    _remove_stale(folder)
    draft, lock = _locked_draft(folder, None)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        _close(lock)


def write_atomically(path: Any, content: bytes, mode: int | None = None) -> None:
    """Write a file whole or not at all; parameters and errors as `replacing`."""
    with replacing(path, mode) as draft:
        draft.write_bytes(content)


def keep_mode(draft: Path, target: Path) -> None:
    """Let a draft be read by whom the file can be read whose place it will take, if there is one.

    Raises
    ------
    OSError
    """
    if target.is_file():
        draft.chmod(stat.S_IMODE(target.stat().st_mode))


def _locked_draft(target: Path, mode: int | None) -> tuple[Path, int | None]:
    """Make a file of some permissions, or a folder, and lock it for as long as this process lives.

    One that somebody else has removed before it was locked is made anew.
    """
    while True:
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        lock: int | None
        if mode is None:
            draft.mkdir(parents=True)
            lock = _open(draft, os.O_RDONLY) if fcntl is not None else None
        else:
            lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        if lock is None or fcntl is None:
            return draft, lock
        is_mine = True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody is about to remove it
            is_mine = False
        except OSError:
            pass  # a file system without locks, where no draft is removed
        if is_mine and os.path.lexists(draft):
            return draft, lock
        _close(lock)


def _remove_stale(target: Path) -> None:
    """Remove drafts of a file or folder that no living process holds."""
    start = f".{target.name}"
    with suppress(OSError):
        found = [
            entry.path
            for entry in os.scandir(target.parent)
            if entry.name.startswith(start) and _DRAFT.fullmatch(entry.name[len(start) :])
        ]
        for path in found:
            remove_unless_held(Path(path))


def remove_unless_held(draft: Path) -> None:
    """Remove a draft, unless a living process holds it or it may not be removed."""
    with suppress(OSError):
        _remove_unless_held(draft)


def _remove_unless_held(draft: Path) -> None:
    is_folder = stat.S_ISDIR(kind := draft.lstat().st_mode)
    if not is_folder and not stat.S_ISREG(kind):
        return
    if fcntl is None:
        if not is_folder:
            draft.unlink()  # fails where it is open
        return
    lock = _open(draft, os.O_RDONLY if is_folder else os.O_RDWR)
    if lock is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where it is held
        if is_folder:
            shutil.rmtree(draft)
        else:
            draft.unlink()
    finally:
        _close(lock)


def _open(path: Path, flags: int) -> int | None:
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None


def _close(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
