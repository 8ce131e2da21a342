"""Read record headers: leads, units, labels, patient; reads no samples."""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError
from synthgan.io.links import check_inside
from synthgan.io.records.wfdb_calls import Source, call, check_on_line, wfdb_module
from synthgan.records.signals import MILLIVOLTS

__all__ = [
    "find_channels",
    "find_labels",
    "find_patient",
    "find_units",
    "lead_names",
    "read_header",
]

_LONGEST_LINE = 500  # characters of a non-comment line: wfdb's patterns take quadratic time
_HASHES = re.compile(r"[#\s]*")
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e]")  # line ends of wfdb, which reads ASCII
_MICROVOLT = re.compile(r"\S+\s+\S+\s+[^\s/]+/[µμ]V(\s|$)")


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


def lead_names(header: Any) -> list[str]:
    """Return the names of all leads of a record, in order."""
    return [name or f"signal {i}" for i, name in enumerate(header.sig_name)]


def find_channels(source: Source, header: Any, wanted: list[str], all_leads: bool) -> list[int]:
    """Find the indices of leads in a record; with `all_leads` no other leads are allowed."""
    names = lead_names(header)
    known = [name.casefold() for name in names]
    counts, places = Counter(known), {name: i for i, name in enumerate(known)}
    asked = [name.casefold() for name in wanted]
    if all_leads and sorted(known) != sorted(asked):
        raise DataError(
            f"record {source.place!r} has the leads {names!r}, the first record has {wanted!r}; "
            "give the leads to read."
        )
    for name, key in zip(wanted, asked, strict=True):
        if counts[key] != 1:
            fault = "has no" if key not in counts else "has more than one"
            raise DataError(f"record {source.place!r} {fault} lead {name!r}; it has {names!r}.")
    return [places[key] for key in asked]


def find_units(source: Source, header: Any, channels: list[int]) -> tuple[tuple[float, str], ...]:
    """Return for each lead the factor that converts it to its unit, and the unit."""
    scaled = []
    there = [
        _units(place, part) for place, part in _parts(source, header) if part.file_name[0] != "~"
    ]
    for name in (header.sig_name[channel] for channel in channels):
        units = dict.fromkeys(part[name] for part in there if name in part) or {"mV": None}
        if len(units) > 1:
            raise DataError(
                f"record {source.place!r} has segments with lead {name!r} in {list(units)!r}."
            )
        unit = next(iter(units))
        factor = MILLIVOLTS.get(unit.casefold())
        scaled.append((1.0, unit) if factor is None else (factor, "mV"))
    return tuple(scaled)


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


def _units(source: Source, header: Any) -> dict[str | None, str]:
    """Return the unit of each lead; of leads with equal names, that of the first."""
    units = list(header.units)
    if not source.remote:  # wfdb reads ASCII only, and would read microvolts as volts
        for i, line in enumerate(_plain_lines(source)[1 : len(units) + 1]):
            if _MICROVOLT.match(line):
                units[i] = "uV"
    return dict(zip(reversed(header.sig_name), reversed(units), strict=True))


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


def find_labels(source: Source, header: Any) -> dict[str, str]:
    """Read the comments of the form "key: value"."""
    comments = [f"# {line}" for line in header.comments] if source.remote else _lines(source)
    labels: dict[str, str] = {}
    for line in comments:
        hashes = _HASHES.match(line)
        key, _, text = line[hashes.end() if hashes else 0 :].partition(":")
        key, value = key.rstrip(), text.strip()
        is_label = line[:1] == "#" and key and value and text[0].isspace()
        if is_label and value.casefold() != "n/a":
            labels.setdefault(key, value)
    reason = labels.get("Reason for admission")
    if reason and not any(key.casefold() == "diagnosis" for key in labels):
        labels["diagnosis"] = reason
    return labels


def find_patient(source: Source, labels: dict[str, str]) -> str | None:
    """Determine the patient of a record, from its folder or its labels."""
    if re.fullmatch(r"patient\d+", source.folder):
        return source.folder
    return next((text for key, text in labels.items() if key.casefold() == "patient"), None)
