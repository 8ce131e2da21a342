"""Read WFDB records: select leads, assign patients, and check that all records match."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.records.finding import find_sources, name_sources
from synthgan.io.records.headers import find_channels, find_labels, find_patient, lead_names
from synthgan.io.records.samples import read_values
from synthgan.records.signals import Recording, check_positive

__all__ = ["read_records"]


def read_records(
    path: Any,
    leads: Sequence[str] | str | None = None,
    *,
    fs_hz: float | None = None,
    patients: Mapping[str, Any] | pd.Series | None = None,
    follow_links: bool = False,
) -> list[Recording]:
    """Read WFDB records: ECGs, or any signals.

    Parameters
    ----------
    path : str, path, or a list of them
        A folder (all records in it and its subfolders, in order of path), a record with or without
        ``.hea`` or ``.dat``, or, if there is no such file, a record's address at PhysioNet such
        as ``"ptbdb/patient001/s0010_re"``.
    leads : sequence of str, str or None, default=None
        Leads to read, in this order; case is ignored. None is all leads of the first record, which
        all other records must have, too.
    fs_hz : float or None, default=None
        Resample all to this number of samples per second; None requires equal rates.
    patients : mapping or Series of record name -> patient, default=None
        The patient of each record. None uses the folder in PTB-DB (``patient001``), otherwise the
        header's label "patient", otherwise each record is a different patient.
    follow_links : bool, default=False
        Whether files (headers, segments and signal files) may be links out of the given folder, or
        out of the folder of a record that is given by name. Links within it, and links to the
        folder itself, are always followed.

    Returns
    -------
    records : list of Recording
        Volts with any prefix as mV, other units unchanged; missing samples as NaN.

    Warns
    -----
    DataWarning
        Headers without signals were left out of a folder; the message has their count.

    Raises
    ------
    DataError
        No such file, no records, a damaged record (a signal file missing, too short, or with a
        wrong checksum), a lead that a record lacks, records that differ, a record that is not
        in `patients`, a link that leads out of the folder, or a header that names a file elsewhere,
        or has a non-comment line of more than 500 characters.

    Notes
    -----
    Labels are the header's comments of the form "key: value", without values that are empty or
    "n/a". "Reason for admission" of PTB-DB is also given as "diagnosis". A record of several
    segments is read as one record. Records with equal names are distinguished by their path.

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
    if follow_links not in (False, True):
        raise ParameterError(f"follow_links={follow_links!r} is not allowed; give True or False.")
    sources, n_silent = find_sources(path, follow_links)
    names = name_sources([source for source, _ in sources])
    groups = _groups(names, patients)
    records: list[Recording] = []
    for name, (source, header) in zip(names, sources, strict=True):
        if wanted is None:
            wanted = list(lead_names(header))
        channels = find_channels(source, header, wanted, all_leads=leads is None)
        record = read_values(source, header, channels, wanted, fs_hz)
        labels = find_labels(source, header)
        patient = groups.get(name) or find_patient(source, labels) or name
        records.append(Recording(name, *record, labels, patient))
        _check_alike(records[0], records[-1])
    if n_silent:
        warnings.warn(
            f"Left out {n_silent} of {n_silent + len(records)} headers: they have no signals.",
            DataWarning,
            stacklevel=2,
        )
    return records


def _wanted(leads: Any) -> list[str] | None:
    if leads is None:
        return None
    wanted = [leads] if isinstance(leads, str) else leads
    are_names = isinstance(wanted, Sequence) and all(isinstance(lead, str) for lead in wanted)
    if not are_names or len({lead.casefold() for lead in wanted}) < max(1, len(wanted)):
        raise ParameterError(f"leads={leads!r} is not allowed; give different names, or None.")
    return list(wanted)


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
