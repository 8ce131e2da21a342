"""Archives taken apart and put together again, with hashes that fit whatever they hold."""

import hashlib
import io
import json
import warnings
import zipfile
from pathlib import Path

import pytest

import synthgan
from synthgan.exceptions import ArchiveError

DATA = Path(__file__).resolve().parents[1] / "data"
MANIFEST, SCHEMA = "manifest.json", "schema.json"
WEIGHTS, TABLES = "weights.safetensors", "encoder.safetensors"


def unpack(path):
    """Return the members of an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, *, rehash=True, names=None, methods=None):
    """Write members as an archive.

    `rehash` makes all hashes fit; `names` lists what is written, in order, and perhaps twice;
    `methods` maps names to compression methods.
    """
    members = dict(members)
    if rehash and MANIFEST in members:
        manifest = json.loads(members[MANIFEST])
        manifest["members"] = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in members.items()
            if name != MANIFEST
        }
        members[MANIFEST] = json.dumps(manifest).encode()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in names or members:
            info = zipfile.ZipInfo(name)
            info.compress_type = (methods or {}).get(
                name, zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            )
            archive.writestr(info, members[name])
        head = hashlib.sha256(members.get(MANIFEST, b"")).hexdigest()
        archive.comment = f"sha256:{head}".encode()
    Path(path).write_bytes(whole.getvalue())
    return path


def refused(path, match):
    """Load a file, and check the form of the refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArchiveError, match=match) as found:
            synthgan.load(path)
    message = str(found.value)
    assert repr(str(path)) in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 700
    return message
