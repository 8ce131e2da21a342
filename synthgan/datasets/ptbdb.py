"""Download of the recordings of the thesis: PTB-DB of PhysioNet; does not read the files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from synthgan.exceptions import DataError, ParameterError

__all__ = ["fetch_ptbdb"]

_BASE_URL = "https://physionet.org/files/ptbdb/1.0.0/"
_SUMS, _RECORDS = "SHA256SUMS.txt", "RECORDS"
_SUM = re.compile(r"([0-9a-f]{64})\s+\*?(\w\S*)")


def fetch_ptbdb(cache: Any = None, *, records: Any = None) -> Path:
    """Download the PTB Diagnostic ECG Database from PhysioNet, once, and check it.

    Parameters
    ----------
    cache : str, path or None, default=None
        Folder for the files; None is ``ptbdb`` in the cache folder of the operating system.
    records : str, sequence of str or None, default=None
        Names such as "patient001/s0010_re"; None is all 549, 1.7 GB.

    Returns
    -------
    folder : Path
        Where the records are, for ``synthgan.io.records.read_records``.

    Raises
    ------
    DataError
        pooch is not installed, the download fails, or a file has a wrong hash.
    ParameterError
        A record that is not in the database.

    Notes
    -----
    The database is licensed under ODC-BY 1.0: publications of derived works must name the source.
    Every file is checked against ``SHA256SUMS.txt`` of PhysioNet. Existing files with the right
    hash are not downloaded again; records of earlier calls stay in the folder.

    References
    ----------
    Bousseljot, Kreiseler and Schnabel (1995), Nutzung der EKG-Signaldatenbank CARDIODAT der PTB
    ueber das Internet, Biomedizinische Technik 40, S317; PhysioNet, doi 10.13026/C28C71.
    """
    try:
        import pooch
    except ImportError as error:
        raise DataError("fetch_ptbdb needs pooch: pip install 'synthgan[fetch]'.") from error
    folder = Path(pooch.os_cache("synthgan") / "ptbdb" if cache is None else cache)
    hashes = _read_hashes(_fetch(_SUMS, folder, None))
    known = _fetch(_RECORDS, folder, hashes[_RECORDS]).read_text().split()
    wanted = known if records is None else _check_records(records, known)
    for name in _files_of(wanted, hashes):
        _fetch(name, folder, hashes[name])
    return folder


def _fetch(name: str, folder: Path, sha256: str | None) -> Path:
    """Download a file unless it is there with the right hash."""
    import pooch

    try:
        return Path(pooch.retrieve(_BASE_URL + name, known_hash=sha256, fname=name, path=folder))
    except OSError as error:
        raise DataError(
            f"{name!r} of PTB-DB cannot be downloaded from {_BASE_URL} ({error}); connect to the "
            f"internet, or put the files of the database into {str(folder)!r}."
        ) from error
    except ValueError as error:
        (folder / name).unlink(missing_ok=True)
        raise DataError(
            f"{name!r} from {_BASE_URL} does not have the hash that {_SUMS} lists; it was removed: "
            f"fetch again."
        ) from error


def _read_hashes(path: Path) -> dict[str, str]:
    """Read the hash of every file by its name, as `sha256sum` writes them."""
    lines = path.read_text(errors="replace").splitlines()
    sums = [match.groups() for match in map(_SUM.fullmatch, lines) if match]
    hashes = {name: sha256 for sha256, name in sums if ".." not in name}
    if _RECORDS not in hashes:
        path.unlink()
        raise DataError(
            f"{_SUMS!r} from {_BASE_URL} lists no hash of {_RECORDS!r}; it was removed: fetch "
            f"again."
        )
    return hashes


def _check_records(records: Any, known: list[str]) -> list[str]:
    wanted = [records] if isinstance(records, str) else list(records)
    unknown = [record for record in wanted if record not in known]
    if unknown or not wanted:
        raise ParameterError(
            f"records={unknown or wanted!r} is not allowed; give names that {_RECORDS} of PTB-DB "
            f"lists, such as {known[0]!r}."
        )
    return wanted


def _files_of(records: list[str], hashes: dict[str, str]) -> list[str]:
    """Name the files of records: header, signals, Frank leads."""
    wanted = set(records)
    files = [name for name in hashes if name.rpartition(".")[0] in wanted]
    absent = wanted - {name.removesuffix(".hea") for name in files}
    if absent:
        raise DataError(
            f"{_SUMS!r} from {_BASE_URL} lists no header of the records {sorted(absent)!r}; "
            f"remove it and fetch again."
        )
    return files
