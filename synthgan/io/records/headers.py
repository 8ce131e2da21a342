"""What headers say: leads, units, labels, patient; knows no samples."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError
from synthgan.io.records.wfdb_calls import Source, call, check_on_line, wfdb_module

__all__ = [
    "MILLIVOLTS",
    "find_channels",
    "find_labels",
    "find_patient",
    "find_units",
    "lead_names",
    "read_header",
]

MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "mv": 1.0, "v": 1e3}
_LABEL = re.compile(r"#[#\s]*([^:]*[^:\s])\s*:\s+(\S.*)")
_MICROVOLT = re.compile(r"\S+\s+\S+\s+[^\s/]+/[µμ]V(\s|$)")


def read_header(source: Source) -> Any:
    """Read a record's header, with those of its segments."""
    if source.remote:
        check_on_line(source)
    header = call(source, wfdb_module().rdheader, rd_segments=True)
    if header.n_sig and len(header.sig_name or ()) != header.n_sig:
        raise DataError(
            f"record {source.place!r}: its header announces {header.n_sig} signals and describes "
            f"{len(header.sig_name or ())}."
        )
    return header


def lead_names(header: Any) -> list[str]:
    """Name all leads of a record, in its order."""
    return [name or f"signal {i}" for i, name in enumerate(header.sig_name)]


def find_channels(source: Source, header: Any, wanted: list[str], all_leads: bool) -> list[int]:
    """Find the places of leads in a record; with `all_leads` it may hold no others."""
    names = lead_names(header)
    known = [name.casefold() for name in names]
    asked = [name.casefold() for name in wanted]
    if all_leads and sorted(known) != sorted(asked):
        raise DataError(
            f"record {source.place!r} has the leads {names!r}, the first record has {wanted!r}; "
            "give the leads to read."
        )
    for name, key in zip(wanted, asked, strict=True):
        if known.count(key) != 1:
            fault = "has no" if key not in known else "has more than one"
            raise DataError(f"record {source.place!r} {fault} lead {name!r}; it has {names!r}.")
    return [known.index(key) for key in asked]


def find_units(source: Source, header: Any, channels: list[int]) -> tuple[tuple[float, str], ...]:
    """Give for each lead the factor that turns it into its unit, and the unit."""
    scaled = []
    for name in (header.sig_name[channel] for channel in channels):
        units = dict.fromkeys(
            _unit(place, part, name)
            for place, part in _parts(source, header)
            if name in part.sig_name and part.file_name[0] != "~"
        ) or {"mV": None}
        if len(units) > 1:
            raise DataError(
                f"record {source.place!r} has segments with lead {name!r} in {list(units)!r}."
            )
        unit = next(iter(units))
        factor = MILLIVOLTS.get(unit.casefold())
        scaled.append((1.0, unit) if factor is None else (factor, "mV"))
    return tuple(scaled)


def _parts(source: Source, header: Any) -> list[tuple[Source, Any]]:
    """Give the headers that describe signals: itself, or those of its segments."""
    if getattr(header, "segments", None) is None:
        return [(source, header)]
    folder = posixpath.dirname(source.place) if source.remote else os.path.dirname(source.place)
    return [
        (source._replace(place=os.path.join(folder, name)), part)
        for name, part in zip(header.seg_name, header.segments, strict=True)
        if part is not None and part.n_sig
    ]


def _unit(source: Source, header: Any, lead: str | None) -> str:
    channel = header.sig_name.index(lead)
    if not source.remote:  # wfdb reads ASCII only: it takes microvolts for volts
        lines = [line.strip() for line in _lines(source)]
        if _MICROVOLT.match([line for line in lines if line[:1] not in ("", "#")][channel + 1]):
            return "uV"
    return header.units[channel]


def _lines(source: Source) -> list[str]:
    content = Path(f"{source.place}.hea").read_bytes()
    try:
        return content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def find_labels(source: Source, header: Any) -> dict[str, str]:
    """Read the comments of the form "key: value"."""
    comments = [f"# {line}" for line in header.comments] if source.remote else _lines(source)
    labels: dict[str, str] = {}
    for line in comments:
        match = _LABEL.fullmatch(line.strip())
        if match and match[2].casefold() != "n/a":
            labels.setdefault(match[1], match[2])
    reason = labels.get("Reason for admission")
    if reason and not any(key.casefold() == "diagnosis" for key in labels):
        labels["diagnosis"] = reason
    return labels


def find_patient(source: Source, labels: dict[str, str]) -> str | None:
    """Tell whose record it is, by its folder or its labels."""
    if re.fullmatch(r"patient\d+", source.folder):
        return source.folder
    return next((text for key, text in labels.items() if key.casefold() == "patient"), None)
