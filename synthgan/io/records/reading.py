"""Read WFDB records: select leads, assign patients, and check that all records match."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records.edf import EdfFile
from synthgan.io.records.finding import find_sources, name_sources
from synthgan.io.records.headers import find_channels, find_patient, header_labels, lead_names
from synthgan.io.records.rhythms import read_rhythms
from synthgan.io.records.samples import read_values
from synthgan.io.records.wfdb_calls import Source
from synthgan.records.signals import Recording, check_positive

__all__ = ["read_records"]


def read_records(
    path: Any,
    leads: Sequence[str | int] | str | int | None = None,
    *,
    fs_hz: float | None = None,
    patients: Mapping[str, Any] | pd.Series | None = None,
    follow_links: bool = False,
    on_missing_lead: str = "error",
    annotations: str | None = "atr",
) -> list[Recording]:
    """Read WFDB records, EDF and BDF files: ECGs, or any signals.

    Parameters
    ----------
    path : str, path, or a list of them
        A folder (all records in it and its subfolders, in order of path), a record with or without
        ``.hea`` or ``.dat``, an ``.edf`` or ``.bdf`` file (needs ``synthgan[edf]``), or, if there
        is no such file, a record's address at PhysioNet such as ``"ptbdb/patient001/s0010_re"``.
    leads : sequence of str or int, str, int or None, default=None
        Leads to read, in this order: names, whose case is ignored, or places in the record from 0
        on. Leads of one name are numbered: "ECG", "ECG 2". None is all leads of the
        first record, which all other records must have, too.
    fs_hz : float or None, default=None
        Resample all to this number of samples per second; None requires equal rates.
    patients : mapping or Series of record name -> patient, default=None
        The patient of each record. None uses the folder in PTB-DB (``patient001``), otherwise the
        header's label "patient", otherwise each record is a different patient.
    follow_links : bool, default=False
        Whether files (headers, segments and signal files) may be links out of the given folder, or
        out of the folder of a record that is given by name. Links within it, and links to the
        folder itself, are always followed.
    on_missing_lead : {"error", "skip"}, default="error"
        What to do with a record that lacks a lead: stop, or leave it out and count it.
    annotations : str or None, default="atr"
        Extension of annotation files, from which changes of rhythm are read where a record has one:
        see `windows`, labels "rhythm". None reads none.

    Returns
    -------
    records : list of Recording
        Volts with any prefix as mV, other units unchanged; missing samples as NaN.

    Raises
    ------
    DataError
        No such file, no records, a damaged record (a signal file missing, too short, or with a
        wrong checksum), a lead that a record lacks, records that differ, a record that is not
        in `patients`, a link that leads out of the folder, or a header that names a file elsewhere,
        or has a non-comment line of more than 500 characters.

    Warns
    -----
    DataWarning
        Headers without signals, or records without a lead, were left out; records have leads of
        other names at the places asked for; headers have the checksum 0 for samples of another,
        which are then not verified. A single warning with counts.

    Notes
    -----
    Labels are the header's comments: ``key: value``, several of them in a line, ``<key> value``,
    and age and sex at the start, as in MIT-BIH. Values that mean missing (empty, "n/a", "NaN",
    "??", "unknown" ...) are left out. "Reason for admission" of PTB-DB, "Dx" and "diagnoses" are
    also given as "diagnosis", "gender" as "sex". Comments without a key are the label "comment",
    separated by semicolons. EDF and BDF files give sex and age, and annotations that last for a
    time as the label "annotation". A record of several segments is read as one record. Records
    with equal names are distinguished by their path.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from synthgan.io.records import write_records
    >>> folder = tempfile.mkdtemp()
    >>> files = write_records(folder, np.ones((2, 500)), fs_hz=250)
    >>> records = read_records(folder, fs_hz=500)
    >>> records[1].name, records[1].values.shape
    ('synthetic_00001', (1, 1000))
    """
    if fs_hz is not None:
        check_positive("fs_hz", fs_hz)
    wanted = _wanted(leads)
    for name, value, allowed in (
        ("follow_links", follow_links, (False, True)),
        ("on_missing_lead", on_missing_lead, ("error", "skip")),
    ):
        if value not in allowed:
            raise ParameterError(f"{name}={value!r} is not allowed; choose one of {allowed!r}.")
    sources, n_silent = find_sources(path, follow_links)
    names = name_sources([source for source, _ in sources])
    groups = _groups(names, patients)
    records: list[Recording] = []
    notices = _Notices()
    for name, (source, header) in zip(names, sources, strict=True):
        is_edf = isinstance(header, EdfFile)
        there = header.names() if is_edf else lead_names(source, header)
        wanted = list(there) if wanted is None else wanted
        channels = find_channels(source, there, wanted, all_leads=leads is None)
        if channels is None:
            if on_missing_lead == "error":
                raise DataError(_lacks(source, there, wanted, leads is None))
            notices.lacking.append(name)
            continue
        chosen = tuple(there[i] if isinstance(w, int) else w
                       for i, w in zip(channels, wanted, strict=True))  # fmt: skip
        notices.named = notices.named or chosen
        if chosen != notices.named:
            notices.otherwise.append((name, chosen))
        found = read_values(source, header, channels, list(chosen), fs_hz)
        labels = header.labels() if is_edf else header_labels(source, header)
        own = header.patient() if is_edf else find_patient(source, labels)
        episodes = header.episodes() if is_edf else read_rhythms(source, header, annotations)
        who = groups.get(name) or own or name
        records.append(Recording(
            name, found.values, found.fs_hz, notices.named, found.units, labels, who, episodes
        ))  # fmt: skip
        if not found.is_verified:
            notices.unverified.append(name)
        _check_alike(records[0], records[-1])
    if not records:
        raise DataError(f"none of {len(names)} records has the leads {wanted!r}.")
    notices.warn(n_silent, len(names), wanted)
    return records


@dataclass
class _Notices:
    """Records that a warning mentions, by reason."""

    named: tuple[str, ...] = ()
    lacking: list[str] = field(default_factory=list)
    otherwise: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)

    def warn(self, n_silent: int, n: int, wanted: Any) -> None:
        """Warn once of all records and headers that were left out or differ."""
        sentences = []
        if n_silent:
            sentences.append(
                f"Left out {n_silent} of {n_silent + n} headers: they have no signals."
            )
        if self.lacking:
            sentences.append(
                f"Left out {len(self.lacking)} of {n} records: they lack one of the leads "
                f"{wanted!r}; the first is {self.lacking[0]!r}."
            )
        if self.otherwise:
            name, other = self.otherwise[0]
            sentences.append(
                f"{len(self.otherwise)} of {n} records name their leads otherwise than "
                f"{self.named!r}; the first, {name!r}, has {other!r}."
            )
        if self.unverified:
            sentences.append(
                f"{len(self.unverified)} of {n} records have the checksum 0 in their headers and "
                f"another in their samples, which are therefore not verified; the first is "
                f"{self.unverified[0]!r}."
            )
        if sentences:
            warnings.warn(" ".join(sentences), DataWarning, stacklevel=3)


def _lacks(source: Source, names: list[str], wanted: list[str | int], all_leads: bool) -> str:
    there = {*map(_folded, names), *range(len(names))}
    first = next(lead for lead in wanted if _folded(lead) not in there)
    if all_leads:
        return (
            f"record {source.place!r} has the leads {names!r}, the first record has {wanted!r}; "
            "give the leads to read, or on_missing_lead='skip' (--on-missing-lead skip)."
        )
    return (
        f"record {source.place!r} has no lead {first!r}; it has {names!r}: give others, or "
        "on_missing_lead='skip' (--on-missing-lead skip)."
    )


def _wanted(leads: Any) -> list[str | int] | None:
    if leads is None:
        return None
    wanted = [leads] if isinstance(leads, str | int) else leads
    are_leads = isinstance(wanted, Sequence) and all(
        isinstance(lead, str)
        or (isinstance(lead, int) and not isinstance(lead, bool) and lead >= 0)
        for lead in wanted
    )
    if not are_leads or len(set(map(_folded, wanted))) < max(1, len(wanted)):
        raise ParameterError(
            f"leads={leads!r} is not allowed; give different names, or places from 0 on, or None."
        )
    return list(wanted)


def _folded(lead: str | int) -> str | int:
    return lead.casefold() if isinstance(lead, str) else lead


def _groups(names: list[str], patients: Any) -> dict[str, str]:
    if patients is None:
        return {}
    if not isinstance(patients, (Mapping, pd.Series)):
        raise ParameterError("patients is neither a mapping nor a Series of record -> patient.")
    if isinstance(patients, pd.Series):
        if not patients.index.is_unique:
            twice = patients.index[patients.index.duplicated()][0]
            raise ParameterError(f"patients gives record {twice!r} more than once.")
        patients = patients.to_dict()
    there = {name: patient for name, patient in patients.items() if not pd.isna(patient)}
    groups = {str(name): str(patient) for name, patient in there.items() if str(patient)}
    absent = [name for name in names if name not in groups]
    if absent:
        raise DataError(
            f"patients has no entry for record {absent[0]!r}; {len(absent)} of {len(names)} "
            "records have none."
        )
    return groups


def _check_alike(first: Recording, other: Recording) -> None:
    if first.fs_hz != other.fs_hz:
        raise DataError(
            f"record {other.name!r} has {other.fs_hz:g} Hz, the first, {first.name!r}, has "
            f"{first.fs_hz:g} Hz; give fs_hz to resample all."
        )
    for lead, ours, theirs in zip(first.leads, first.units, other.units, strict=True):
        if ours != theirs:
            raise DataError(
                f"record {other.name!r} has lead {lead!r} in {theirs!r}, the first, "
                f"{first.name!r}, has it in {ours!r}."
            )
