"""Calls of wfdb, with its exceptions converted to DataError."""

from __future__ import annotations

import posixpath
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from synthgan.exceptions import DataError

__all__ = ["Source", "call", "check_on_line", "wfdb_module"]

_TIMEOUT_S = 10


class Source(NamedTuple):
    """A record before it is read: `place` is its path, or its address at PhysioNet.

    Its files must be in the folder `root` or its subfolders; None allows links out of it. `is_edf`:
    an EDF or BDF file, not a WFDB record.
    """

    place: str
    remote: bool
    root: str | None = None
    is_edf: bool = False

    @property
    def stem(self) -> str:
        """The record's own name."""
        if self.remote:
            return posixpath.basename(self.place)
        return Path(self.place).stem if self.is_edf else Path(self.place).name

    @property
    def folder(self) -> str:
        """Name of the folder it is in."""
        return (
            Path(self.place).parent.name if self.remote else Path(self.place).resolve().parent.name
        )


def wfdb_module() -> Any:
    """Import wfdb, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3 uses functions that pandas 3.1 deprecates
        import wfdb
    return wfdb


def call(source: Source, function: Callable[..., Any], **options: Any) -> Any:
    """Call a reader of wfdb; convert its exceptions to a DataError that names the record."""
    name, pn_dir = source.place, None
    if source.remote:
        pn_dir, name = posixpath.split(source.place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the use of pandas in wfdb
            return function(name, pn_dir=pn_dir, **options)
    except Exception as error:  # wfdb raises Exception itself, and many others on damaged files
        if source.remote:
            raise DataError(_remote_fault(source, error)) from error
        if isinstance(error, FileNotFoundError) and error.filename:
            lacking = Path(error.filename).name
            raise DataError(f"the file {lacking!r} of record {name!r} is missing.") from error
        if isinstance(error, OSError):
            raise DataError(
                f"record {name!r} cannot be read: {error.strerror or error}."
            ) from error
        fault = (
            "its header is not a WFDB header"
            if function.__name__ == "rdheader"
            else "its signal file is shorter than the header says, or damaged"
        )
        raise DataError(f"record {name!r}: {fault} ({type(error).__name__}: {error}).") from error


def check_on_line(source: Source) -> None:
    """Refuse a PhysioNet address without a network connection: wfdb would wait forever."""
    index = wfdb_module().io.download.config.db_index_url
    url = posixpath.join(index, f"{source.place}.hea")
    try:
        urllib.request.urlopen(url, timeout=_TIMEOUT_S).close()  # noqa: S310
    except urllib.error.HTTPError:
        pass  # connected; the address may lack the version, which wfdb adds
    except OSError as error:
        raise DataError(_remote_fault(source, error)) from error


def _remote_fault(source: Source, error: Any) -> str:
    return (
        f"record {source.place!r} is not a local file and cannot be read from PhysioNet "
        f"({type(error).__name__}); connect to the internet, check the name, or give a local "
        "folder."
    )
