"""Where records are: paths and PhysioNet addresses become sources; knows no samples."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.records.headers import read_header
from synthgan.io.records.wfdb_calls import Source

__all__ = ["find_sources", "name_sources"]

_PHYSIONET = re.compile(r"[a-z][a-z0-9-]*(/[\w.-]*\w)+")


def find_sources(path: Any) -> tuple[list[tuple[Source, Any]], int]:
    """Give the records with signals and their headers, and the count of headers without."""
    sources: list[tuple[Source, Any]] = []
    n_silent = 0
    for each in path if isinstance(path, (list, tuple)) else [path]:
        if not isinstance(each, (str, os.PathLike)) or not os.fspath(each):
            raise ParameterError(f"path={each!r} is not allowed; give a path, or a list of them.")
        if Path(each).is_dir():
            headers = _headers_below(Path(each))
            heard = [(source, header) for source, header in headers if header.n_sig]
            if not heard:
                raise DataError(f"folder {str(each)!r} holds no WFDB record with signals.")
            sources += heard
            n_silent += len(headers) - len(heard)
            continue
        source = _source(each)
        header = read_header(source)
        if not header.n_sig:
            raise DataError(f"record {source.place!r} has no signals.")
        sources.append((source, header))
    if not sources:
        raise DataError("there are no records to read: the list of paths is empty.")
    return sources, n_silent


def _headers_below(folder: Path) -> list[tuple[Source, Any]]:
    files = [
        file
        for file in sorted(folder.rglob("*.hea"))
        if file.is_file() and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]
    headers = [(file, read_header(Source(str(file)[: -len(".hea")], False))) for file in files]
    segments = {
        file.parent / f"{segment}.hea"
        for file, header in headers
        for segment in getattr(header, "seg_name", None) or ()
    }
    return [
        (Source(str(file)[: -len(".hea")], False), header)
        for file, header in headers
        if file not in segments
    ]


def _source(path: Any) -> Source:
    text = os.fspath(path)
    for stem in (text, re.sub(r"\.[^./\\]*$", "", text)):
        if Path(f"{stem}.hea").is_file():
            return Source(stem, False)
    database = text.split("/")[0]
    address = _PHYSIONET.fullmatch(text) and not text.endswith((".hea", ".dat"))
    if not address or Path(database).exists():
        if Path(text).exists():
            raise DataError(
                f"{text!r} is no WFDB record: no header, {stem + '.hea'!r}, is beside it."
            )
        raise DataError(f"{text!r} is no folder and no WFDB record: no such file.")
    return Source(text, True)


def name_sources(sources: list[Source]) -> list[str]:
    """Name records by their own names, and those of one name by their paths."""
    counts = Counter(source.stem for source in sources)
    names = [source.stem if counts[source.stem] == 1 else source.place for source in sources]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"record {twice[0]!r} is given more than once.")
    return names
