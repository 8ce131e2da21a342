"""Read rhythm labels from WFDB annotation files."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from synthgan.exceptions import DataError
from synthgan.io.links import check_inside
from synthgan.io.records.wfdb_calls import Source, call, wfdb_module

__all__ = ["Episodes", "read_rhythms"]

Episodes = dict[str, tuple[tuple[float, str], ...]]

_CHANGE, _FLUTTER_BEGINS, _FLUTTER_ENDS = "+", "[", "]"
_FLUTTER = "VFL"


def read_rhythms(source: Source, header: Any, extension: str | None) -> Episodes:
    """Return when which rhythm begins, by the changes that an annotation file notes.

    Parameters
    ----------
    source : Source
    header : wfdb.Record
    extension : str or None
        Of the annotation file; None, or a file that does not exist, gives no rhythms.

    Notes
    -----
    A change of rhythm is annotated by ``+`` with the rhythm after a parenthesis, such as
    ``(AFIB``. Ventricular flutter and fibrillation between ``[`` and ``]`` are ``VFL``.
    """
    if extension is None:
        return {}
    if source.remote:
        with suppress(DataError):  # most records have no such file
            return _episodes(call(source, wfdb_module().rdann, extension=extension), header)
        return {}
    file = f"{source.place}.{extension}"
    if not os.path.isfile(file):
        return {}
    if source.root is not None:
        check_inside(file, source.root, False)
    try:
        found = call(source, wfdb_module().rdann, extension=extension)
    except DataError as error:
        raise DataError(
            f"annotation file {file!r} cannot be read ({error.__cause__}); repair it, or give "
            "annotations=None."
        ) from error
    return _episodes(found, header)


def _episodes(found: Any, header: Any) -> Episodes:
    changes: list[tuple[float, str]] = []
    rhythm = ""
    for sample, symbol, note in zip(found.sample, found.symbol, found.aux_note, strict=True):
        note = (note or "").strip("\0 ")
        if symbol == _CHANGE and note.startswith("("):
            rhythm = note[1:].strip()
            changes.append((float(sample / header.fs), rhythm))
        elif symbol in (_FLUTTER_BEGINS, _FLUTTER_ENDS):
            now = _FLUTTER if symbol == _FLUTTER_BEGINS else rhythm
            changes.append((float(sample / header.fs), now))
    return {"rhythm": tuple(changes)} if changes else {}
