"""Atomic writing of files and folders, with the required permissions."""

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
except ImportError:  # Windows, where open files cannot be removed
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "PRIVATE",
    "drafting_folder",
    "keep_mode",
    "remove_unless_held",
    "replacing",
    "write_atomically",
]

PRIVATE = 0o600  # of files with records, or models that were trained on them
_USUAL = 0o666
_DRAFT = re.compile(r"\.[0-9a-f]{8}")  # after a dot and the name


@contextmanager
def replacing(path: Any, mode: int | None = None) -> Iterator[Path]:
    """Yield the path of a new file to write; at the end it replaces `path`.

    A crash leaves the old file, or none. If `path` is a link, its target is replaced. The new file
    keeps the permissions of the old one. Drafts of the same file by killed processes are removed;
    drafts of running processes are locked and stay.

    Parameters
    ----------
    path : str or path
    mode : int or None, default=None
        Permissions if there is no old file, such as `PRIVATE`; the umask is applied. None is the
        default of the umask.

    Raises
    ------
    OSError
        The file cannot be written, or is not a regular file.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)
    old = target.stat().st_mode if target.exists() else None
    if not target.name:
        raise OSError(errno.EINVAL, "Not a file name", str(path))
    if old is not None and not (stat.S_ISREG(old) or stat.S_ISDIR(old)):
        raise OSError(errno.EINVAL, "Not a regular file", str(target))
    _remove_stale(target)
    # The draft has the permissions of the old file before any content is written.
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
    """Yield a new draft folder next to `folder`; it is removed at the end.

    Drafts of killed processes are removed, too, as in `replacing`.

    Raises
    ------
    OSError
        The folder cannot be created.
    """
    _remove_stale(folder)
    draft, lock = _locked_draft(folder, None)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        _close(lock)


def write_atomically(path: Any, content: bytes, mode: int | None = None) -> None:
    """Write a file atomically; parameters and errors as in `replacing`."""
    with replacing(path, mode) as draft:
        draft.write_bytes(content)


def keep_mode(draft: Path, target: Path) -> None:
    """Copy the permissions of the file that a draft will replace, if there is one.

    Raises
    ------
    OSError
    """
    if target.is_file():
        draft.chmod(stat.S_IMODE(target.stat().st_mode))


def _locked_draft(target: Path, mode: int | None) -> tuple[Path, int | None]:
    """Create a file with given permissions, or a folder, and lock it while this process runs.

    It is created again if another process removed it before it was locked.
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
        except BlockingIOError:  # another process is about to remove it
            is_mine = False
        except OSError:
            pass  # a file system without locks; there, drafts are not removed
        if is_mine and os.path.lexists(draft):
            return draft, lock
        _close(lock)


def _remove_stale(target: Path) -> None:
    """Remove drafts of a file or folder that no running process has locked."""
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
    """Remove a draft, unless a running process has locked it or removal is not permitted."""
    with suppress(OSError):
        _remove_unless_held(draft)


def _remove_unless_held(draft: Path) -> None:
    is_folder = stat.S_ISDIR(kind := draft.lstat().st_mode)
    if not is_folder and not stat.S_ISREG(kind):
        return
    if fcntl is None:
        if not is_folder:
            draft.unlink()  # fails if it is open
        return
    lock = _open(draft, os.O_RDONLY if is_folder else os.O_RDWR)
    if lock is None:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if it is locked
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
