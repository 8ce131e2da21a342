"""The .synthgan file of a model: its members in the container.

A change of the archive content must increase `FORMAT`, keep reading all earlier formats, and add an
archive of the new format to ``tests/data``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy

from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.state.container import (
    FORMAT,
    from_json,
    read_container,
    reason_of,
    to_json,
    write_container,
)

__all__ = ["FORMAT", "Archive", "read_archive", "refusing", "write_archive"]

_SCHEMA, _WEIGHTS, _TABLES = "schema.json", "weights.safetensors", "encoder.safetensors"

Arrays = dict[str, np.ndarray]


class Archive(NamedTuple):
    """The content of an archive."""

    manifest: dict[str, Any]
    schema: dict[str, Any]
    weights: Arrays
    arrays: Arrays


def write_archive(
    path: Any, manifest: dict[str, Any], schema: dict[str, Any], weights: Arrays, arrays: Arrays
) -> None:
    """Write a model.

    Parameters
    ----------
    path : str, path or binary file
    manifest, schema : dict
        JSON-ready plain data; `FORMAT`, and the hashes of all members, are added to the manifest.
    weights : dict of str to ndarray
        Tensors of the generator.
    arrays : dict of str to ndarray
        Tables of the encoder.

    Raises
    ------
    ArchiveError
        The folder cannot be written to, or the data are not plain.
    """
    contents = {
        _SCHEMA: to_json(schema, _SCHEMA, "learn fewer columns, or raise min_support"),
        _WEIGHTS: _to_tensors(weights),
        _TABLES: _to_tensors(arrays),
    }
    try:
        write_container(path, manifest, contents)
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def read_archive(path: Any, with_weights: bool = True) -> Archive:
    """Read a model; inverse of `write_archive`.

    Parameters
    ----------
    path : str, path or binary file
    with_weights : bool, default=True
        False leaves the weights unread.

    Returns
    -------
    archive : Archive

    Raises
    ------
    ArchiveError
        No such file, not an archive, missing, unexpected or damaged members, or a newer format.
    ParameterError
        `path` is neither a path nor a binary file.

    Notes
    -----
    Memory is bounded by a few times the size of the file for tensors, which are stored
    uncompressed, and by about 400 MB for JSON, which is compressed: it may not exceed 32 MiB and
    two million values. Hashes detect damage, but do not authenticate the file: anyone who can
    change it can also change them.
    """
    load = safetensors.numpy.load
    readers = {_SCHEMA: from_json, _TABLES: load, _WEIGHTS: load if with_weights else None}
    try:
        manifest, found = read_container(path, readers)
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (ArchiveError, ParameterError):
        raise
    except ValueError as error:
        raise ArchiveError(
            f"{str(path)!r} is not a complete synthgan archive: {error}; save or copy it again."
        ) from error
    return Archive(manifest, found[_SCHEMA], found.get(_WEIGHTS, {}), found[_TABLES])


@contextmanager
def refusing(path: Any) -> Iterator[None]:
    """Convert all exceptions inside to an `ArchiveError` that names the file.

    Archives are untrusted, so every exception on their content, including overflow, is attributed
    to the file.
    """
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            yield
    except ImportError as error:
        raise ArchiveError(
            f"{str(path)!r} needs a library that is not installed: {reason_of(error)}; install it."
        ) from error
    except Exception as error:
        raise ArchiveError(
            f"{str(path)!r} holds no loadable model: {reason_of(error)}; save or copy it again."
        ) from error


def _to_tensors(arrays: Arrays) -> bytes:
    # safetensors writes the memory of an array and ignores strides.
    return safetensors.numpy.save({k: np.asarray(a, order="C") for k, a in arrays.items()})
