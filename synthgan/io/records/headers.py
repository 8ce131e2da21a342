"""Read record headers: leads, units, labels, patient; reads no samples."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError
from synthgan.io.links import check_inside
from synthgan.io.records.comments import find_labels
from synthgan.io.records.wfdb_calls import Source, call, check_on_line, wfdb_module
from synthgan.records.signals import MILLIVOLTS, plain_unit

__all__ = [
    "find_channels",
    "find_patient",
    "find_units",
    "header_labels",
    "in_millivolts",
    "lead_names",
    "read_header",
]

_LONGEST_LINE = 500  # characters of a non-comment line: wfdb's patterns take quadratic time
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e]")  # line ends of wfdb, which reads ASCII
_UNIT = re.compile(r"\S+\s+\S+\s+[^\s/]*/(\S*)")
_FIELDS = 8  # of a signal's line before its name


def read_header(source: Source) -> Any:
    """Read and check a record's header, with those of its segments."""
    if source.remote:
        check_on_line(source)
    else:
        _check_lines(source, source)
        _check_files(source, call(source, wfdb_module().rdheader))
    header = call(source, wfdb_module().rdheader, rd_segments=True)
    if header.n_sig and len(header.sig_name or ()) != header.n_sig:
        raise DataError(
            f"record {source.place!r}: its header declares {header.n_sig} signals, but describes "
            f"{len(header.sig_name or ())}."
        )
    return header


def _check_lines(source: Source, part: Source) -> None:
    """Refuse a header with lines that wfdb would parse slowly."""
    if not os.path.isfile(f"{part.place}.hea"):
        return  # wfdb reports missing files
    longest = max(map(len, _plain_lines(part)), default=0)
    if longest > _LONGEST_LINE:
        raise DataError(
            f"record {source.place!r}: its header {f'{part.stem}.hea'!r} has a line of {longest} "
            f"characters; {_LONGEST_LINE} are allowed in lines that are not comments: correct the "
            "header."
        )


def _check_files(source: Source, header: Any) -> None:
    """Refuse files outside of the record's folder."""
    folder = os.path.dirname(source.place)
    for name in dict.fromkeys(getattr(header, "seg_name", None) or ()):
        if name != "~":
            part = source._replace(place=os.path.join(folder, name))
            _check_file(source, f"{name}.hea")
            _check_lines(source, part)
            if os.path.isfile(f"{part.place}.hea"):
                inner = call(part, wfdb_module().rdheader)
                if getattr(inner, "seg_name", None) is not None:
                    raise DataError(
                        f"record {source.place!r}: its segment {name!r} is a record of segments "
                        "itself; segments of one level are allowed."
                    )
                _check_files(part, inner)
    for name in dict.fromkeys(getattr(header, "file_name", None) or ()):
        if name != "~":
            _check_file(source, name)


def _check_file(source: Source, name: str) -> None:
    if re.search(r"[/\\:\0]", name) or name in ("", ".", ".."):
        raise DataError(
            f"record {source.place!r}: its header names the file {name!r}; names without folders "
            "are allowed: put the file next to the header."
        )
    if source.root is not None:
        place = os.path.join(os.path.dirname(source.place), name)
        check_inside(place, source.root, False)


def lead_names(source: Source, header: Any) -> list[str]:
    """Return the names of all leads of a record, in order; equal names are numbered."""
    own = {} if source.remote else _own_texts(source, header, _name)
    names: list[str] = []
    for i, name in enumerate(header.sig_name):
        name = own.get(i) or name or f"signal {i}"
        taken = {other.casefold() for other in names}
        numbers = (f"{name} {n}" for n in range(2, len(names) + 2))
        names.append(next(each for each in (name, *numbers) if each.casefold() not in taken))
    return names


def find_channels(
    source: Source, names: list[str], wanted: list[str | int], all_leads: bool
) -> list[int] | None:
    """Find the places of leads in a record, by name or by place; None if it lacks one.

    With `all_leads` no other leads are allowed.
    """
    known = {name.casefold(): i for i, name in enumerate(names)}
    asked = [lead.casefold() if isinstance(lead, str) else lead for lead in wanted]
    there: dict[Any, int] = {**known, **{i: i for i in range(len(names))}}
    if not all(lead in there for lead in asked):
        return None
    if all_leads and len(known) != len(asked):
        raise DataError(
            f"record {source.place!r} has the leads {names!r}, the first record has {wanted!r}; "
            "give the leads to read."
        )
    return [there[lead] for lead in asked]


def find_units(source: Source, header: Any, channels: list[int]) -> tuple[tuple[float, str], ...]:
    """Return for each lead the factor that converts it to its unit, and the unit."""
    scaled = []
    there = [
        _units(place, part) for place, part in _parts(source, header) if part.file_name[0] != "~"
    ]
    keys = _keys(header.sig_name)
    for key in (keys[channel] for channel in channels):
        units = dict.fromkeys(part[key] for part in there if key in part) or {"mV": None}
        if len(units) > 1:
            raise DataError(
                f"record {source.place!r} has segments with lead {key[0]!r} in {list(units)!r}."
            )
        scaled.append(in_millivolts(next(iter(units))))
    return tuple(scaled)


def in_millivolts(unit: str) -> tuple[float, str]:
    """Return the factor that converts a voltage to mV, or 1, and the new unit."""
    factor = MILLIVOLTS.get(unit.casefold())
    return (1.0, unit) if factor is None else (factor, "mV")


def _parts(source: Source, header: Any) -> list[tuple[Source, Any]]:
    """Return the headers that describe signals: the header itself, or those of its segments."""
    if getattr(header, "segments", None) is None:
        return [(source, header)]
    folder = posixpath.dirname(source.place) if source.remote else os.path.dirname(source.place)
    return [
        (source._replace(place=os.path.join(folder, name)), part)
        for name, part in zip(header.seg_name, header.segments, strict=True)
        if part is not None and part.n_sig
    ]


def _keys(names: list[str | None]) -> list[tuple[str | None, int]]:
    """Return name and number of each lead: leads of one name are numbered."""
    return [(name, names[:i].count(name)) for i, name in enumerate(names)]


def _units(source: Source, header: Any) -> dict[tuple[str | None, int], str]:
    """Return the unit of each lead."""
    units = list(header.units)
    if not source.remote:  # wfdb reads ASCII only, and would read microvolts as volts
        for i, unit in _own_texts(source, header, _unit).items():
            units[i] = unit
    return dict(zip(_keys(header.sig_name), units, strict=True))


def _own_texts(source: Source, header: Any, find: Callable[[str], str | None]) -> dict[int, str]:
    """Find texts outside of ASCII in the lines of signals; wfdb drops such characters."""
    if not os.path.isfile(f"{source.place}.hea"):
        return {}
    found = ((i, find(line)) for i, line in enumerate(_plain_lines(source)[1 : header.n_sig + 1]))
    return {i: text for i, text in found if text and not text.isascii()}


def _unit(line: str) -> str | None:
    match = _UNIT.match(line)
    return plain_unit(match[1]) if match else None


def _name(line: str) -> str | None:
    fields = line.split(maxsplit=_FIELDS)
    return fields[_FIELDS] if len(fields) > _FIELDS else None


def _lines(source: Source) -> list[str]:
    """Return the lines of a header, stripped."""
    try:
        content = Path(f"{source.place}.hea").read_bytes()
    except OSError as error:
        raise DataError(
            f"record {source.place!r} cannot be read: {error.strerror or error}."
        ) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return [line.strip() for line in _LINE_END.split(text)]


def _plain_lines(source: Source) -> list[str]:
    """Return the lines that are neither empty nor comments."""
    seen = ((line, line.encode("ascii", "ignore").strip()) for line in _lines(source))
    return [line for line, ascii_line in seen if ascii_line and ascii_line[:1] != b"#"]


def header_labels(source: Source, header: Any) -> dict[str, str]:
    """Read the labels in the comments."""
    comments = [f"# {line}" for line in header.comments] if source.remote else _lines(source)
    return find_labels(comments)


def find_patient(source: Source, labels: dict[str, str]) -> str | None:
    """Determine the patient of a record, from its folder or its labels."""
    if re.fullmatch(r"patient\d+", source.folder):
        return source.folder
    return next((text for key, text in labels.items() if key.casefold() == "patient"), None)
