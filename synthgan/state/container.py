"""The zip of models and checkpoints: JSON and safetensors, with hashes; nothing is ever unpickled.

The caller names the members; only the manifest is read here.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError

from synthgan.exceptions import ArchiveError, ParameterError
from synthgan.state.files import PRIVATE, replacing

__all__ = ["FORMAT", "from_json", "read_container", "reason_of", "to_json", "write_container"]

FORMAT = 2
_MANIFEST = "manifest.json"

_MOST_JSON_BYTES, _MOST_JSON_VALUES = 2**25, 2**21
_MOST_DIGITS, _MOST_DEPTH = 20, 32
_MOST_DIRECTORY_BYTES = 2**16  # of the zip's list of members
_CHUNK = 2**20
_MOST_REASON = 300  # characters of a message
# The comment of the zip: the manifest's hash, which no other member can hold.
_SEAL = re.compile(rb"sha256:[0-9a-f]{64}")
_SEAL_LENGTH = 71
_END, _END_LENGTH = b"PK\5\6", 22  # of a zip
_END_64, _LOCATOR_64_LENGTH, _END_64_LENGTH = b"PK\6\7", 20, 56
_ODD_NUMBER = "$number"  # key of numbers that JSON cannot represent


def write_container(path: Any, manifest: dict[str, Any], contents: Mapping[str, bytes]) -> None:
    """Write a file atomically, readable by its owner only.

    `FORMAT` and the hashes of all members are added to the manifest, which is JSON-ready plain
    data. Members whose names end in ``.json`` are compressed.

    Parameters
    ----------
    path : str, path or binary file
        An open file is written to at once, from where it stands.
    manifest : dict
    contents : dict of str to bytes

    Raises
    ------
    OSError, ArchiveError
        The file cannot be written; the manifest is not plain data, or too large.
    ParameterError
        Something else than a path or a binary file.
    """
    check_target(path, "write")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    head = to_json({"format": FORMAT, **manifest, "members": hashes}, _MANIFEST)
    if not isinstance(path, str | os.PathLike):
        whole = io.BytesIO()
        _write_members(whole, head, contents)
        path.write(whole.getvalue())
        return
    with replacing(path, PRIVATE) as temporary:
        _write_members(temporary, head, contents)


def check_target(target: Any, verb: str) -> None:
    """Refuse what is neither a path nor a binary file that can be read or written.

    Raises
    ------
    ParameterError
    """
    is_file = hasattr(target, verb) and not isinstance(target, io.TextIOBase)
    if not (isinstance(target, str | os.PathLike) or is_file):
        raise ParameterError(
            f"path={target!r} is not allowed; give a path, or a binary file such as io.BytesIO()."
        )


def _write_members(target: Any, head: bytes, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in {_MANIFEST: head, **contents}.items():
            archive.writestr(_describe_member(name), content)
        archive.comment = f"sha256:{hashlib.sha256(head).hexdigest()}".encode()


def read_container(
    path: Any, readers: Mapping[str, Callable[[bytes], Any] | None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file; inverse of `write_container`.

    Parameters
    ----------
    path : str, path or binary file
        An open file is read from where it stands to its end.
    readers : dict of str to (callable or None)
        Members that there must be, and no others, and what reads their content; None leaves one
        unread.

    Returns
    -------
    manifest, found : dict
        `found` is what the readers returned.

    Raises
    ------
    OSError, ArchiveError, ValueError
        The file cannot be read or is not a regular file; it has a newer format; anything else is
        wrong with it, in one line.
    ParameterError
        Something else than a path or a binary file.
    """
    check_target(path, "read")
    is_path = isinstance(path, str | os.PathLike)
    if is_path and os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))  # a pipe would keep us waiting
    try:
        with Path(path).open("rb") if is_path else io.BytesIO(path.read()) as file:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                return _read_members(archive, path, readers)
    except ArchiveError:
        raise
    except _DAMAGE as error:
        raise ValueError(reason_of(error)) from error


_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, SafetensorError,
    KeyError, ValueError, OverflowError, RuntimeError, struct.error,
)  # fmt: skip


def reason_of(error: BaseException) -> str:
    """Return the reason of an error in one line."""
    line = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, RecursionError):
        line = "its JSON is nested too deeply"
    elif isinstance(error, KeyError):
        line = f"{line} is missing"
    return line if len(line) <= _MOST_REASON else f"{line[:_MOST_REASON]} ..."


def _describe_member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # no date, so that equal models give equal files
    info.create_system, info.external_attr = 3, 0o644 << 16
    # Tensors are stored uncompressed, so that none can be larger than the file.
    is_json = name.endswith(".json")
    info.compress_type = zipfile.ZIP_DEFLATED if is_json else zipfile.ZIP_STORED
    return info


def _check_end(file: BinaryIO) -> None:
    """Refuse a zip without the manifest's hash, or with a long directory, before it is opened."""
    size = file.seek(0, os.SEEK_END)
    length = _SEAL_LENGTH + _END_LENGTH + _LOCATOR_64_LENGTH + _END_64_LENGTH
    file.seek(max(0, size - length))
    tail = file.read().rjust(length, b"\0")
    end = tail[-_SEAL_LENGTH - _END_LENGTH :]
    if not end.startswith(_END) or not _SEAL.fullmatch(end[_END_LENGTH:]):
        raise ValueError("its end record is invalid")
    (n_bytes,) = struct.unpack("<L", end[12:16])
    if tail[_END_64_LENGTH:].startswith(_END_64):  # of a file of more than 2 GiB
        (n_bytes,) = struct.unpack("<Q", tail[40:48])
    if n_bytes > _MOST_DIRECTORY_BYTES:
        raise ValueError(f"its list of members takes {n_bytes} bytes")
    file.seek(0)


def _read_members(
    archive: zipfile.ZipFile, path: Any, readers: Mapping[str, Callable[[bytes], Any] | None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    infos = archive.infolist()
    names = [info.orig_filename for info in infos]
    if names.count(_MANIFEST) != 1:
        raise ValueError(f"it has {names.count(_MANIFEST)} members {_MANIFEST!r}")
    found = dict(zip(names, infos, strict=True))
    head = _read_member(archive, found[_MANIFEST])
    manifest = from_json(head)
    _check_format(manifest, path)
    if f"sha256:{hashlib.sha256(head).hexdigest()}".encode() != archive.comment:
        raise ValueError(f"the SHA-256 of {_MANIFEST!r} does not match the file's comment")
    if unexpected := sorted(set(names) - {_MANIFEST, *readers}):
        raise ValueError(f"it has an unexpected member {unexpected[0][:_MOST_REASON]!r}")
    if len(names) > len(found):
        raise ValueError("it has a duplicate member")
    if missing := [name for name in readers if name not in found]:
        raise ValueError(f"it lacks {missing[0]!r}")
    hashes = manifest.pop("members", None)
    if not isinstance(hashes, dict) or set(hashes) != set(readers):
        raise ValueError(f"{_MANIFEST!r} does not list the other members")
    read = {}
    for name, reader in readers.items():
        if reader is not None:
            content = _read_member(archive, found[name])
            if hashlib.sha256(content).hexdigest() != hashes[name]:
                raise ValueError(f"the SHA-256 of {name!r} does not match {_MANIFEST!r}")
            read[name] = reader(content)
    return manifest, read


def _check_format(manifest: dict[str, Any], path: Any) -> None:
    number = manifest.get("format")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ArchiveError(f"{str(path)!r} is not a synthgan archive: its manifest has no format.")
    if number > FORMAT:
        raise ArchiveError(
            f"{str(path)!r} has format {number}; this synthgan reads up to {FORMAT}: "
            "update synthgan."
        )


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read a member, up to its size limit."""
    name, is_json = info.orig_filename, info.orig_filename.endswith(".json")
    allowed = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if is_json else (zipfile.ZIP_STORED,)
    if info.flag_bits & 1 or info.compress_type not in allowed:
        raise ValueError(f"{name!r} is encrypted or has an unsupported compression")
    # The size of the file bounds uncompressed members.
    if is_json and info.file_size > _MOST_JSON_BYTES:
        raise ValueError(f"{name!r} has {info.file_size} bytes; {_MOST_JSON_BYTES} are allowed")
    if not is_json and info.file_size != info.compress_size:
        raise ValueError(f"{name!r} has two different sizes")
    content = io.BytesIO()
    with archive.open(info) as member:
        while chunk := member.read(_CHUNK):  # in chunks, to detect a false size
            content.write(chunk)
    if content.tell() != info.file_size:
        raise EOFError(f"{name!r} ends early")
    return content.getvalue()


def to_json(data: Any, name: str, advice: str = "keep less in it") -> bytes:
    """Return the plain data of a member as JSON; ArchiveError if they could not be read again."""
    try:
        plain = _numbered(data)
        _check_depth(plain)
        text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArchiveError(f"{name!r} cannot be written: {reason_of(error)}.") from error
    content = text.encode(errors="surrogatepass")
    n_values = _count_values(content)
    if len(content) > _MOST_JSON_BYTES or n_values > _MOST_JSON_VALUES:
        raise ArchiveError(
            f"{name!r} would have {len(content)} bytes and {n_values} values; {_MOST_JSON_BYTES} "
            f"and {_MOST_JSON_VALUES} are allowed: {advice}."
        )
    return content


def _numbered(value: Any) -> Any:
    """Wrap numbers that JSON cannot represent: NaN and infinities."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_ODD_NUMBER: str(float(value))}
    if isinstance(value, int) and len(str(value)) > _MOST_DIGITS:
        raise ValueError(f"{value} has more than {_MOST_DIGITS} digits")
    if isinstance(value, dict):
        return {key: _numbered(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_numbered(item) for item in value]
    return value


def from_json(content: bytes) -> dict[str, Any]:
    """Read JSON within the limits of an archive; anything but an object gives an empty one."""
    if (n_values := _count_values(content)) > _MOST_JSON_VALUES:
        raise ValueError(f"its JSON has {n_values} values; {_MOST_JSON_VALUES} are allowed")
    data = json.loads(
        content.decode(errors="surrogatepass"),
        object_pairs_hook=_object,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=_finite,
    )
    _check_depth(data)
    return data if isinstance(data, dict) else {}


def _count_values(content: bytes) -> int:
    """Return an upper bound of the number of JSON values; commas in strings count, too."""
    return sum(map(content.count, (b",", b"[", b"{")))


def _check_depth(data: Any) -> None:
    """Refuse data that are nested too deeply for recursive readers."""
    level, depth = [data], 0
    while level := [item for value in level for item in _items(value)]:
        depth += 1
        if depth > _MOST_DEPTH:
            raise RecursionError


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """Build an object; refuse duplicate keys."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object of its JSON has a duplicate key")
    if _ODD_NUMBER in found:
        if len(found) > 1 or found[_ODD_NUMBER] not in ("nan", "inf", "-inf"):
            raise ValueError(f"its JSON has an invalid {_ODD_NUMBER!r}")
        return float(found[_ODD_NUMBER])
    return found


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"its JSON has a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits) if digits[-1:].isdigit() else math.nan
    if not math.isfinite(value):
        raise ValueError(f"its JSON has the number {digits[:_MOST_DIGITS]}")
    return value
