"""The .synthgan file: a zip of JSON, safetensors and npz; nothing in it is ever unpickled."""

from __future__ import annotations

import io
import json
import os
import secrets
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from synthgan.exceptions import ArchiveError

__all__ = ["FORMAT", "read_archive", "write_archive", "write_atomically"]

FORMAT = 1
_MEMBERS = ("manifest.json", "schema.json", "weights.safetensors", "encoder.npz")

Arrays = dict[str, np.ndarray]


def write_atomically(path: Any, content: bytes) -> None:
    """Write a file whole or not at all: a crash leaves the old file, or none."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_archive(
    path: Any, manifest: dict[str, Any], schema: dict[str, Any], weights: Arrays, arrays: Arrays
) -> None:
    """Write a model.

    Parameters
    ----------
    path : str or path
    manifest, schema : dict
        JSON-ready plain data; `FORMAT` is added to the manifest.
    weights : dict of str to ndarray
        Tensors of the generator.
    arrays : dict of str to ndarray
        Tables of the encoder.

    Raises
    ------
    ArchiveError
        The folder cannot be written to.
    """
    encoder = io.BytesIO()
    np.savez(encoder, **arrays)  # type: ignore[arg-type]
    contents = [
        json.dumps({"format": FORMAT, **manifest}, indent=1, ensure_ascii=False).encode(),
        json.dumps(schema, indent=1, ensure_ascii=False).encode(),
        safetensors.numpy.save(weights),
        encoder.getvalue(),
    ]
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(_MEMBERS, contents, strict=True):
            archive.writestr(name, content)
    try:
        write_atomically(path, whole.getvalue())
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def read_archive(path: Any) -> tuple[dict[str, Any], dict[str, Any], Arrays, Arrays]:
    """Read a model; inverse of `write_archive`.

    Returns
    -------
    manifest, schema : dict
    weights, arrays : dict of str to ndarray

    Raises
    ------
    ArchiveError
        No such file, no archive, a member missing or damaged, or a newer format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(name) for name in _MEMBERS]
        manifest, schema = json.loads(contents[0]), json.loads(contents[1])
        weights = safetensors.numpy.load(contents[2])
        with np.load(io.BytesIO(contents[3]), allow_pickle=False) as arrays:
            tables = dict(arrays)
    except OSError as error:
        raise ArchiveError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, SafetensorError) as error:
        raise ArchiveError(f"{str(path)!r} is no whole synthgan archive: {error}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise ArchiveError(f"{str(path)!r} is no synthgan archive: its manifest names no format.")
    if manifest["format"] > FORMAT:
        raise ArchiveError(
            f"{str(path)!r} has format {manifest['format']}; this synthgan reads up to {FORMAT}: "
            "update synthgan."
        )
    return manifest, schema, weights, tables
