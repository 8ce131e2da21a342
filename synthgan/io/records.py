"""Recordings as WFDB records, from folders or PhysioNet; windows as WFDB records."""

from __future__ import annotations

import os
import posixpath
import re
import secrets
import shutil
import urllib.error
import urllib.request
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import resample_poly

from synthgan.beats import find_beats
from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.windows import Recording, SignalWindows, check_positive

__all__ = ["Recording", "read_records", "write_records"]

_TIMEOUT_S = 10
_PHYSIONET = re.compile(r"[a-z][a-z0-9-]*(/[\w.-]*\w)+")
_LABEL = re.compile(r"#[#\s]*([^:]*[^:\s])\s*:\s+(\S.*)")
_MICROVOLT = re.compile(r"\S+\s+\S+\s+[^\s/]+/[µμ]V(\s|$)")
_MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "mv": 1.0, "v": 1e3}
_LARGEST_RATIO = 10_000
_GAIN_PER_MV = 2000.0  # as in PTB-DB
_MISSING, _LARGEST, _LARGEST_BASELINE = -32768, 32767, 2**31 - 1
_SYNTHETIC = "# Synthetic signal made by synthgan; no patient was recorded."


class _Source(NamedTuple):
    """A record before it is read: `place` is its path, or its address at PhysioNet."""

    place: str
    remote: bool

    @property
    def stem(self) -> str:
        return posixpath.basename(self.place) if self.remote else Path(self.place).name

    @property
    def folder(self) -> str:
        return (
            Path(self.place).parent.name if self.remote else Path(self.place).resolve().parent.name
        )


def read_records(
    path: Any,
    leads: Sequence[str] | str | None = None,
    *,
    fs_hz: float | None = None,
    patients: Mapping[str, Any] | pd.Series | None = None,
) -> list[Recording]:
    """Read WFDB records: ECGs, or any signals.

    Parameters
    ----------
    path : str, path, or a list of them
        A folder (all records in it and below, in order of path), a record with or without
        ``.hea`` or ``.dat``, or, where no such file is here, a record's address at PhysioNet such
        as ``"ptbdb/patient001/s0010_re"``.
    leads : sequence of str, str or None, default=None
        Leads to read, in this order, in any case of letters. None is all leads of the first record,
        which all must have.
    fs_hz : float or None, default=None
        Resample all to this many samples per second; None needs one rate in all.
    patients : mapping or Series of record name -> patient, default=None
        Whose record it is. None takes PTB-DB's folder (``patient001``), else the header's label
        "patient", else each record is a patient of its own.

    Returns
    -------
    records : list of Recording
        Volts of any size as mV, other units as they are; missing samples as NaN.

    Warns
    -----
    DataWarning
        Headers without signals were left out of a folder; with their count.

    Raises
    ------
    DataError
        No such file, no records, a damaged record (a signal file missing, too short, or against the
        header's checksum), a lead that a record lacks, records that differ, or a record that is not
        in `patients`.

    Notes
    -----
    Labels are the header's comments of the form "key: value", without values that are empty or
    "n/a". "Reason for admission" of PTB-DB is also given as "diagnosis". Segments of a record of
    several segments are read as this one record. Records of one name are told apart by their path.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> files = write_records(folder, np.ones((2, 500)), fs_hz=250)
    >>> records = read_records(folder, fs_hz=500)
    >>> records[1].name, records[1].values.shape
    ('synthetic_00001', (1, 1000))
    """
    if fs_hz is not None:
        check_positive("fs_hz", fs_hz)
    sources, n_silent = _sources(path)
    wanted = [leads] if isinstance(leads, str) else None if leads is None else list(leads)
    if wanted is not None and (
        not wanted or len({lead.casefold() for lead in wanted}) < len(wanted)
    ):
        raise ParameterError(f"leads={leads!r} is not allowed; give different names, or None.")
    names = _names([source for source, _ in sources])
    groups = _groups(names, patients)
    records: list[Recording] = []
    for name, (source, header) in zip(names, sources, strict=True):
        if wanted is None:
            wanted = list(_lead_names(header))
        channels = _channels(source, header, wanted, all_leads=leads is None)
        record = _read(source, header, channels, wanted, fs_hz)
        labels = _labels(source, header)
        patient = groups.get(name) or _patient(source, labels) or name
        records.append(Recording(name, *record, labels, patient))
        _check_alike(records[0], records[-1])
    if n_silent:
        warnings.warn(
            f"Left out {n_silent} of {n_silent + len(records)} headers: they have no signals.",
            DataWarning,
            stacklevel=2,
        )
    return records


def write_records(
    path: Any,
    windows: SignalWindows | np.ndarray,
    *,
    fs_hz: float | None = None,
    leads: Sequence[str] | str | None = None,
    units: Sequence[str] | str | None = None,
    names: Sequence[str] | None = None,
    r_peaks: Any = None,
    digital_step: float | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write windows as WFDB records, one a window, whole or not at all.

    Each header says that the record is synthetic, and gives the labels of the window: the columns
    of its ``info``, less record, patient and start_s.

    Parameters
    ----------
    path : str or path
        Folder; made when absent.
    windows : SignalWindows, or array of shape (n, n_samples) or (n, n_leads, n_samples)
        NaN where missing.
    fs_hz, leads, units : float, sequence of str, sequence of str
        For arrays only: samples per second, and names and units of the leads. Leads may be None
        when there is one, which is then "i"; units None is mV.
    names : sequence of str, default=None
        Of the records: letters, digits, ``_`` and ``-``. None is synthetic_00000 and so on.
    r_peaks : {None, True} or sequence of arrays of int, default=None
        Write annotations (``.atr``, all "N"): True finds the R peaks of the first lead, a sequence
        gives the samples, in order, of each window.
    digital_step : float, default=None
        Unit of the stored 16-bit numbers, in the lead's unit. None is 0.0005 mV as in PTB-DB, or,
        where a lead's range does not fit or it is no voltage, the least of 1, 2, 5 times a power of
        ten that fits, for each record and lead.
    overwrite : bool, default=False
        Replace records of the same name.

    Returns
    -------
    headers : list of Path
        The ``.hea`` files.

    Raises
    ------
    DataError
        No windows, infinite values, values beyond `digital_step`, names that WFDB cannot hold, R
        peaks that cannot be found, a record of the name exists, or the folder cannot be written.
    ParameterError
        A parameter has a value that is not allowed.

    References
    ----------
    WFDB Applications Guide, header(5), signal(5), annot(5), https://physionet.org/physiotools/wag/.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> files = write_records(folder, np.zeros((1, 250)), fs_hz=250, names=["a"])
    >>> print(files[0].read_text())
    a 1 250 250
    a.dat 16 2000.0(0)/mV 16 0 0 0 0 i
    # Synthetic signal made by synthgan; no patient was recorded.
    """
    cut = _as_windows(windows, fs_hz, leads, units)
    if digital_step is not None:
        check_positive("digital_step", digital_step)
    names = _check_record_names(names, len(cut))
    peaks = _as_peaks(r_peaks, cut)
    labels = _label_lines(cut.info)
    folder = Path(path).resolve()
    _check_absent(folder, names, overwrite)
    drafts = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        drafts.mkdir(parents=True)
        for i, name in enumerate(names):
            lines, signal = _encode(name, cut.values[i].astype(np.float64), cut, digital_step)
            text = "\n".join([*lines, _SYNTHETIC, *labels[i]]) + "\n"
            (drafts / f"{name}.hea").write_bytes(text.encode("utf-8", "replace"))
            (drafts / f"{name}.dat").write_bytes(signal)
            if peaks is not None:
                (drafts / f"{name}.atr").write_bytes(_annotations(peaks[i]))
        _move(drafts, folder, names)
    except OSError as error:
        raise DataError(f"{str(folder)!r} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(drafts, ignore_errors=True)
    return [folder / f"{name}.hea" for name in names]


# Where records are


def _sources(path: Any) -> tuple[list[tuple[_Source, Any]], int]:
    """Give the records with signals and their headers, and the count of headers without."""
    sources: list[tuple[_Source, Any]] = []
    n_silent = 0
    for each in path if isinstance(path, (list, tuple)) else [path]:
        if not isinstance(each, (str, os.PathLike)):
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
        header = _header(source)
        if not header.n_sig:
            raise DataError(f"record {source.place!r} has no signals.")
        sources.append((source, header))
    if not sources:
        raise DataError("there are no records to read: the list of paths is empty.")
    return sources, n_silent


def _headers_below(folder: Path) -> list[tuple[_Source, Any]]:
    files = [
        file
        for file in sorted(folder.rglob("*.hea"))
        if file.is_file() and not any(part[0] == "." for part in file.relative_to(folder).parts)
    ]
    headers = [(file, _header(_Source(str(file)[: -len(".hea")], False))) for file in files]
    segments = {
        file.parent / f"{segment}.hea"
        for file, header in headers
        for segment in getattr(header, "seg_name", None) or ()
    }
    return [
        (_Source(str(file)[: -len(".hea")], False), header)
        for file, header in headers
        if file not in segments
    ]


def _source(path: Any) -> _Source:
    text = os.fspath(path)
    for stem in (text, re.sub(r"\.[^./\\]*$", "", text)):
        if Path(f"{stem}.hea").is_file():
            return _Source(stem, False)
    database = text.split("/")[0]
    address = _PHYSIONET.fullmatch(text) and not text.endswith((".hea", ".dat"))
    if not address or Path(database).exists():
        raise DataError(f"{text!r} is no folder and no WFDB record: no such file.")
    return _Source(text, True)


def _names(sources: list[_Source]) -> list[str]:
    counts = Counter(source.stem for source in sources)
    names = [source.stem if counts[source.stem] == 1 else source.place for source in sources]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"record {twice[0]!r} is given more than once.")
    return names


# What wfdb reads


def _wfdb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3 calls what pandas 3.1 deprecates
        import wfdb
    return wfdb


def _call(source: _Source, function: Callable[..., Any], **options: Any) -> Any:
    """Call a reader of wfdb; what it raises becomes a DataError that names the record."""
    name, pn_dir = source.place, None
    if source.remote:
        pn_dir, name = posixpath.split(source.place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about wfdb's own use of pandas
            return function(name, pn_dir=pn_dir, **options)
    except Exception as error:  # wfdb raises Exception itself, and all that damaged files cause
        if source.remote:
            raise DataError(_remote_fault(source, error)) from error
        if isinstance(error, FileNotFoundError) and error.filename:
            lacking = Path(error.filename).name
            raise DataError(f"record {name!r} lacks its file {lacking!r}.") from error
        if isinstance(error, OSError):
            raise DataError(
                f"record {name!r} cannot be read: {error.strerror or error}."
            ) from error
        fault = (
            "its header is no WFDB header"
            if function.__name__ == "rdheader"
            else "its signal file is shorter than the header says, or damaged"
        )
        raise DataError(f"record {name!r}: {fault} ({type(error).__name__}: {error}).") from error


def _remote_fault(source: _Source, error: Any) -> str:
    return (
        f"record {source.place!r} is no file here and cannot be read from PhysioNet "
        f"({type(error).__name__}); go on line, check its name, or give a local folder."
    )


def _header(source: _Source) -> Any:
    wfdb = _wfdb()
    if source.remote:
        url = posixpath.join(wfdb.io.download.config.db_index_url, f"{source.place}.hea")
        try:  # wfdb itself would wait for ever
            urllib.request.urlopen(url, timeout=_TIMEOUT_S).close()  # noqa: S310
        except urllib.error.HTTPError:
            pass  # on line; the address may lack the version, which wfdb adds
        except OSError as error:
            raise DataError(_remote_fault(source, error)) from error
    header = _call(source, wfdb.rdheader, rd_segments=True)
    if header.n_sig and len(header.sig_name or ()) != header.n_sig:
        raise DataError(
            f"record {source.place!r}: its header announces {header.n_sig} signals and describes "
            f"{len(header.sig_name or ())}."
        )
    return header


def _lead_names(header: Any) -> list[str]:
    return [name or f"signal {i}" for i, name in enumerate(header.sig_name)]


def _channels(source: _Source, header: Any, wanted: list[str], all_leads: bool) -> list[int]:
    names = _lead_names(header)
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


def _read(
    source: _Source, header: Any, channels: list[int], leads: list[str], fs_hz: float | None
) -> tuple[np.ndarray, float, tuple[str, ...], tuple[str, ...]]:
    """Give values, rate, leads and units."""
    if header.sig_len == 0:
        raise DataError(f"record {source.place!r}: its header gives 0 samples.")
    signals, rates = _signals(source, channels)
    if not min(rates) > 0:
        raise DataError(f"record {source.place!r}: its header gives 0 samples per second.")
    if fs_hz is None and len(set(rates)) > 1:
        raise DataError(
            f"record {source.place!r} has the leads {leads!r} at {rates!r} Hz; choose leads of one "
            "rate, or give fs_hz to resample."
        )
    target = rates[0] if fs_hz is None else float(fs_hz)
    scales, units = zip(*_units(source, header, channels), strict=True)
    signals = [
        _resample(signal, rate, target) * scale
        for signal, rate, scale in zip(signals, rates, scales, strict=True)
    ]
    n = min(map(len, signals))
    if not n:
        raise DataError(f"record {source.place!r} has no sample left at {target:g} Hz.")
    return np.array([signal[:n] for signal in signals]), target, tuple(leads), units


def _signals(source: _Source, channels: list[int]) -> tuple[list[np.ndarray], list[float]]:
    """Give each lead in its unit, and its own rate."""
    parts, record = _call(source, _stored_and_physical, channels=channels, smooth_frames=False)
    for part in parts:
        if part is not None and part.e_d_signal is not None:
            _check_sums(source, part)
    return record.e_p_signal, [float(record.fs * (n or 1)) for n in record.samps_per_frame]


def _stored_and_physical(name: str, **options: Any) -> tuple[list[Any], Any]:
    """Read the segments with their samples as stored, and the whole record in its units."""
    read = _wfdb().rdrecord
    record = read(name, physical=False, m2s=False, **options)
    segments = getattr(record, "segments", None)
    if segments is not None:
        return segments, read(name, physical=True, m2s=True, **options)
    record.e_p_signal = record.dac(expanded=True)
    return [record], record


def _check_sums(source: _Source, record: Any) -> None:
    for i, (signal, told) in enumerate(zip(record.e_d_signal, record.checksum, strict=True)):
        if told is None or record.skew[i]:  # a skewed signal is read shifted
            continue
        found = int(np.sum(signal, dtype=np.int64))
        if (found - told) % 65536:
            raise DataError(
                f"record {source.place!r}: the samples of lead {record.sig_name[i]!r} have the "
                f"checksum {(found + 32768) % 65536 - 32768}, its header says {told}: the signal "
                "file is damaged, or the header is wrong."
            )


def _units(source: _Source, header: Any, channels: list[int]) -> tuple[tuple[float, str], ...]:
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
        factor = _MILLIVOLTS.get(unit.casefold())
        scaled.append((1.0, unit) if factor is None else (factor, "mV"))
    return tuple(scaled)


def _parts(source: _Source, header: Any) -> list[tuple[_Source, Any]]:
    """Give the headers that describe signals: itself, or those of its segments."""
    if getattr(header, "segments", None) is None:
        return [(source, header)]
    folder = posixpath.dirname(source.place) if source.remote else os.path.dirname(source.place)
    return [
        (source._replace(place=os.path.join(folder, name)), part)
        for name, part in zip(header.seg_name, header.segments, strict=True)
        if part is not None and part.n_sig
    ]


def _unit(source: _Source, header: Any, lead: str | None) -> str:
    channel = header.sig_name.index(lead)
    if not source.remote:  # wfdb reads ASCII only: it takes microvolts for volts
        lines = [line.strip() for line in _lines(source)]
        if _MICROVOLT.match([line for line in lines if line[:1] not in ("", "#")][channel + 1]):
            return "uV"
    return header.units[channel]


def _lines(source: _Source) -> list[str]:
    content = Path(f"{source.place}.hea").read_bytes()
    try:
        return content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return content.decode("latin-1").splitlines()


def _resample(signal: np.ndarray, rate_hz: float, fs_hz: float) -> np.ndarray:
    if rate_hz == fs_hz:
        return signal
    ratio = (Fraction(fs_hz) / Fraction(rate_hz)).limit_denominator(_LARGEST_RATIO)
    if not ratio:
        raise ParameterError(f"fs_hz={fs_hz!r} is too far below the records' {rate_hz:g} Hz.")
    up, down = ratio.numerator, ratio.denominator
    n = round(len(signal) * ratio)
    at, there = np.arange(len(signal)), np.flatnonzero(~np.isnan(signal))
    if not n or not len(there):
        return np.full(n, np.nan)
    filled = np.interp(at, there, signal[there])
    # About the line through both ends, so that an offset neither ripples nor rings.
    slope = (filled[-1] - filled[0]) / max(len(filled) - 1, 1)
    places = np.arange(n) * (down / up)
    new = resample_poly(filled - filled[0] - slope * at, up, down)[:n]
    new += filled[0] + slope * places
    new[np.interp(places, at, np.isnan(signal)) > 0] = np.nan
    return new


# What headers say


def _labels(source: _Source, header: Any) -> dict[str, str]:
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


def _patient(source: _Source, labels: dict[str, str]) -> str | None:
    if re.fullmatch(r"patient\d+", source.folder):
        return source.folder
    return next((text for key, text in labels.items() if key.casefold() == "patient"), None)


def _groups(names: list[str], patients: Any) -> dict[str, str]:
    if patients is None:
        return {}
    if not isinstance(patients, (Mapping, pd.Series)):
        raise ParameterError("patients is neither a mapping nor a Series of record -> patient.")
    if isinstance(patients, pd.Series):
        if not patients.index.is_unique:
            twice = patients.index[patients.index.duplicated()][0]
            raise ParameterError(f"patients gives record {twice!r} more than once.")
        patients = patients.dropna().to_dict()
    groups = {str(name): str(patient) for name, patient in patients.items()}
    absent = [name for name in names if name not in groups]
    if absent:
        raise DataError(
            f"patients gives none for record {absent[0]!r}; {len(absent)} of {len(names)} records "
            "lack one."
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


# What is written


def _as_windows(values: Any, fs_hz: Any, leads: Any, units: Any) -> SignalWindows:
    if isinstance(values, SignalWindows):
        if not fs_hz is leads is units is None:
            raise ParameterError(
                "fs_hz, leads and units are those of the SignalWindows; leave them."
            )
        cut = values
    else:
        values = np.asarray(values)
        if fs_hz is None:
            raise ParameterError(
                "fs_hz=None is not allowed with an array; give samples per second."
            )
        values = values[:, None] if values.ndim == 2 else values
        if leads is None and values.ndim == 3 and values.shape[1] > 1:
            raise ParameterError(
                f"leads=None is not allowed with {values.shape[1]} leads; name them."
            )
        cut = SignalWindows(values, fs_hz, "i" if leads is None else leads, units)
    if not len(cut):
        raise DataError("there are no windows to write.")
    n_infinite = int(np.isinf(cut.values).sum())
    if n_infinite:
        raise DataError(f"the windows hold {n_infinite} infinite values; WFDB records cannot.")
    for what, pattern, texts in (
        ("lead", r"[!-~]([ -~]*[!-~])?", cut.leads),
        ("unit", r"[\w^?%/-]+", cut.units),
    ):
        bad = [text for text in texts if not re.fullmatch(pattern, text, re.ASCII)]
        if bad:
            raise DataError(f"{what} {bad[0]!r} cannot stand in a WFDB header; use plain ASCII.")
    return cut


def _check_record_names(names: Any, n: int) -> list[str]:
    if names is None:
        return [f"synthetic_{i:05d}" for i in range(n)]
    names = [names] if isinstance(names, str) else list(names)
    if len(names) != n:
        raise ParameterError(f"names has {len(names)} entries for {n} windows.")
    bad = [x for x in names if not isinstance(x, str) or not re.fullmatch(r"[\w-]+", x, re.ASCII)]
    if bad:
        raise ParameterError(f"the name {bad[0]!r} is not allowed; use letters, digits, _ and -.")
    twice = [name for name, count in Counter(map(str.casefold, names)).items() if count > 1]
    if twice:
        raise ParameterError(f"names holds {twice[0]!r} more than once.")
    return names


def _check_absent(folder: Path, names: list[str], overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file; give a folder.")
    held = {file.stem for suffix in ("hea", "dat", "atr") for file in folder.glob(f"*.{suffix}")}
    there = [name for name in names if name in held]
    if there and not overwrite:
        raise DataError(
            f"folder {str(folder)!r} holds {len(there)} of the records already, {there[0]!r} "
            "first; give other names or another folder, or overwrite=True."
        )


def _as_peaks(r_peaks: Any, cut: SignalWindows) -> list[np.ndarray] | None:
    if r_peaks is None:
        return None
    if r_peaks is True:
        lead = cut.values[:, 0]
        n_missing = int(np.isnan(lead).any(axis=1).sum())
        if n_missing:
            raise DataError(
                f"{n_missing} windows have missing samples in lead {cut.leads[0]!r}, where R peaks "
                "cannot be found; give r_peaks, or None."
            )
        try:
            beats = find_beats(lead, cut.fs_hz)
        except (DataError, ParameterError) as error:
            raise DataError(f"r_peaks=True cannot be done: {error}") from error
        parts = np.split(beats.sample, np.searchsorted(beats.window, np.arange(1, len(cut))))
        return [np.unique(part) for part in parts]
    if isinstance(r_peaks, (bool, str)) or not hasattr(r_peaks, "__len__"):
        raise ParameterError(f"r_peaks={r_peaks!r} is not allowed; give None, True or arrays.")
    if len(r_peaks) != len(cut):
        raise ParameterError(f"r_peaks has {len(r_peaks)} entries for {len(cut)} windows.")
    parts = [np.asarray(part) for part in r_peaks]
    for i, part in enumerate(parts):
        whole = part.ndim == 1 and (part.dtype.kind in "iu" or not len(part))
        if not whole or (np.diff(part, prepend=-1, append=cut.n_samples) <= 0).any():
            raise ParameterError(
                f"r_peaks[{i}] is not allowed; give whole numbers from 0 to {cut.n_samples - 1}, "
                "each greater than the one before."
            )
    return parts


def _label_lines(info: pd.DataFrame) -> list[list[str]]:
    lines: list[list[str]] = [[] for _ in range(len(info))]
    for column in info.columns:
        key = str(column)
        if key.casefold() in ("record", "patient", "start_s"):
            continue
        if key != " ".join(key.split()) or not key or ":" in key or key[0] == "#":
            raise DataError(f"label {key!r} cannot stand in a WFDB header; rename the column.")
        for line, value in zip(lines, info[column], strict=True):
            text = "" if pd.isna(value) else " ".join(str(value).split())
            if text:
                line.append(f"# {key}: {text}")
    return lines


def _encode(
    name: str, values: np.ndarray, cut: SignalWindows, step: float | None
) -> tuple[list[str], bytes]:
    """Give the lines of the header, and the signal file in format 16."""
    fs_hz = np.format_float_positional(cut.fs_hz, trim="-")
    lines = [f"{name} {len(values)} {fs_hz} {values.shape[1]}"]
    stored = np.full(values.shape, _MISSING, dtype=np.int64)
    for lead, unit, signal, digital in zip(cut.leads, cut.units, values, stored, strict=True):
        there = ~np.isnan(signal)
        try:
            gain, baseline = _scale(signal[there], unit, step)
        except DataError as error:
            raise DataError(f"record {name!r}, lead {lead!r}: {error}") from None
        digital[there] = np.rint(signal[there] * gain) + baseline
        checksum = (int(digital.sum()) + 32768) % 65536 - 32768
        lines.append(
            f"{name}.dat 16 {gain!r}({baseline})/{unit} 16 0 {digital[0]} {checksum} 0 {lead}"
        )
    return lines, stored.T.astype("<i2").tobytes()


def _scale(signal: np.ndarray, unit: str, step: float | None) -> tuple[float, int]:
    """Choose steps per unit, and which step is 0, so that the signal fits into 16 bits."""
    low, high = (float(signal.min()), float(signal.max())) if len(signal) else (0.0, 0.0)
    half, middle = high / 2 - low / 2, high / 2 + low / 2
    most = min(_ratio(_LARGEST - 1, half), _ratio(_LARGEST_BASELINE, abs(middle)))
    factor = _MILLIVOLTS.get(unit.casefold())
    if step is not None:
        gains = [1 / step]
    elif factor is not None:
        gains = [_GAIN_PER_MV * factor, _round_down(most)]
    else:
        gains = [_round_down(_ratio(_LARGEST, max(abs(low), abs(high)))), _round_down(most)]
    for gain in gains:
        for baseline in (0, -round(middle * gain)) if abs(middle * gain) < 2**62 else (0,):
            ends = [abs(np.rint(end * gain) + baseline) for end in (low, high)]
            if max(ends) <= _LARGEST and abs(baseline) <= _LARGEST_BASELINE:
                return float(gain), baseline
    raise DataError(
        f"values from {low:g} to {high:g} {unit} do not fit into 16 bits with digital_step="
        f"{step!r}; give {1 / most:.2g} or more, or None."
    )


def _ratio(a: float, b: float) -> float:
    return a / b if b else np.inf


def _round_down(gain: float) -> float:
    """Give the greatest of 1, 2, 5 times a power of ten that is not greater."""
    if gain == np.inf:
        return 1.0
    power = 10.0 ** np.floor(np.log10(gain))
    return float(max(digit * power for digit in (0.5, 1, 2, 5) if digit * power <= gain))


def _annotations(samples: np.ndarray) -> bytes:
    """Encode normal beats (code 1) in MIT format; a skip (59) goes before distances of 10 bits."""
    words: list[int] = []
    for distance in np.diff(samples, prepend=0).tolist():
        if distance > 1023:
            words += [59 << 10, distance >> 16, distance & 0xFFFF]
            distance = 0
        words.append(1 << 10 | distance)
    return np.array([*words, 0], dtype="<u2").tobytes()


def _move(drafts: Path, folder: Path, names: list[str]) -> None:
    if not folder.exists():
        drafts.rename(folder)
        return
    for name in names:
        for suffix in ("hea", "atr"):  # no header stays beside another's signal
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
        for suffix in ("dat", "atr", "hea"):
            draft = drafts / f"{name}.{suffix}"
            if draft.exists():
                draft.replace(folder / draft.name)
