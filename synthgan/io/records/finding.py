"""Find records by paths and PhysioNet addresses; reads no samples."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError, ParameterError
from synthgan.io.links import check_inside
from synthgan.io.records.edf import EDF_SUFFIXES, EdfFile
from synthgan.io.records.headers import read_header
from synthgan.io.records.wfdb_calls import Source

__all__ = ["find_sources", "name_sources"]

_PHYSIONET = re.compile(r"[a-z][a-z0-9-]*(/[\w.-]*\w)+")


def find_sources(path: Any, follow_links: bool = False) -> tuple[list[tuple[Source, Any]], int]:
    """Return the records with signals and their headers, and the count of headers without."""
    sources: list[tuple[Source, Any]] = []
    n_silent = 0
    for each in path if isinstance(path, (list, tuple)) else [path]:
        if not isinstance(each, (str, os.PathLike)) or not os.fspath(each):
            raise ParameterError(f"path={each!r} is not allowed; give a path, or a list of them.")
        if Path(each).is_dir():
            headers = _headers_below(Path(each), follow_links)
            heard = [(source, header) for source, header in headers if header.n_sig]
            if not heard:
                raise DataError(
                    f"folder {str(each)!r} holds no WFDB record with signals, nor an EDF or BDF "
                    "file."
                )
            sources += heard
            n_silent += len(headers) - len(heard)
            continue
        source = _source(each, follow_links)
        header = _open(source)
        if not header.n_sig:
            raise DataError(f"record {source.place!r} has no signals.")
        sources.append((source, header))
    if not sources:
        raise DataError("there are no records to read: the list of paths is empty.")
    return sources, n_silent


def _headers_below(folder: Path, follow_links: bool) -> list[tuple[Source, Any]]:
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if (file.suffix == ".hea" or _is_edf(file))
        and file.is_file()
        and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]
    for file in files:
        check_inside(file, folder, follow_links)
    root = None if follow_links else str(folder)
    sources = [Source(str(file).removesuffix(".hea"), False, root, _is_edf(file)) for file in files]
    headers = [(file, source, _open(source)) for file, source in zip(files, sources, strict=True)]
    segments = {
        file.parent / f"{segment}.hea"
        for file, _, header in headers
        for segment in getattr(header, "seg_name", None) or ()
    }
    return [(source, header) for file, source, header in headers if file not in segments]


def _is_edf(path: Any) -> bool:
    return os.fspath(path).casefold().endswith(EDF_SUFFIXES)


def _open(source: Source) -> Any:
    return EdfFile(source.place) if source.is_edf else read_header(source)


def _source(path: Any, follow_links: bool) -> Source:
    text = os.fspath(path)
    if _is_edf(text) and Path(text).is_file():
        return Source(text, False, None if follow_links else os.path.dirname(text) or ".", True)
    for stem in (text, re.sub(r"\.[^./\\]*$", "", text)):
        if Path(f"{stem}.hea").is_file():
            return Source(stem, False, None if follow_links else os.path.dirname(stem) or ".")
    database = text.split("/")[0]
    address = _PHYSIONET.fullmatch(text) and not text.endswith((".hea", ".dat"))
    if not address or Path(database).exists():
        if Path(text).exists():
            raise DataError(
                f"{text!r} is not a WFDB record: the header {stem + '.hea'!r} is missing."
            )
        raise DataError(f"{text!r} is neither a folder nor a WFDB record: no such file.")
    return Source(text, True)


def name_sources(sources: list[Source]) -> list[str]:
    """Name records by their own names, or by their paths if names are not unique."""
    counts = Counter(source.stem for source in sources)
    names = [source.stem if counts[source.stem] == 1 else source.place for source in sources]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"record {twice[0]!r} is given more than once.")
    return names
