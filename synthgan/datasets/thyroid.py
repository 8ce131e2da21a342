"""The patient table of the thesis: ann-thyroid of UCI and KEEL."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pandas as pd

from synthgan.exceptions import DataError

__all__ = ["fetch_thyroid", "load_thyroid"]

_BASE_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/thyroid-disease/"
_FILES = ("ann-train.data", "ann-test.data")
# fmt: off
_COLUMNS = [
    "Age", "Sex", "On_thyroxine", "Query_on_thyroxine", "On_antithyroid_medication", "Sick",
    "Pregnant", "Thyroid_surgery", "I131_treatment", "Query_hypothyroid", "Query_hyperthyroid",
    "Lithium", "Goitre", "Tumor", "Hypopituitary", "Psych", "TSH", "T3", "TT4", "T4U", "FTI",
    "Class",
]
# fmt: on
# SHA-256 of all rows as text, sorted: the same for every order and spelling of the numbers.
_SHA256 = "cd02dd17936bd26da1aff700b9172742e59eac635ebaadafb662816011a29931"


def load_thyroid(path: Any) -> pd.DataFrame:
    """Read the table from a CSV file.

    Parameters
    ----------
    path : str or path
        File with a header line of the 22 column names.

    Returns
    -------
    thyroid : DataFrame of shape (n_rows, 22)
        6 continuous columns, 15 of 0 and 1, and ``Class`` (1, 2, 3).

    Raises
    ------
    DataError
        No such file, or missing columns.
    """
    try:
        thyroid = pd.read_csv(path)
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror}.") from error
    absent = [name for name in _COLUMNS if name not in thyroid.columns]
    if absent:
        raise DataError(f"{str(path)!r} lacks the columns {absent!r} of the thyroid table.")
    return thyroid[_COLUMNS]


def fetch_thyroid(cache: Any = None) -> pd.DataFrame:
    """Download the table from the UCI repository, once, and check it.

    Parameters
    ----------
    cache : str, path or None, default=None
        Folder for the files; None is the cache folder of the operating system.

    Returns
    -------
    thyroid : DataFrame of shape (7200, 22)

    Raises
    ------
    DataError
        pooch is not installed, the download fails, or the content has a wrong hash.

    References
    ----------
    R. Quinlan (1986), Thyroid Disease, UCI Machine Learning Repository, doi:10.24432/C5D010.
    """
    try:
        import pooch
    except ImportError as error:
        raise DataError("fetch_thyroid needs pooch: pip install 'synthgan[fetch]'.") from error
    folder = Path(pooch.os_cache("synthgan") if cache is None else cache)
    try:
        files = [
            pooch.retrieve(_BASE_URL + name, known_hash=None, fname=name, path=folder)
            for name in _FILES
        ]
    except (OSError, ValueError) as error:
        raise DataError(
            f"the thyroid table cannot be downloaded from {_BASE_URL} ({error}); connect to the "
            f"internet, or put {' and '.join(_FILES)} into {str(folder)!r}."
        ) from error
    try:
        thyroid = pd.concat([_read_uci(Path(file).read_text()) for file in files])
        found = _fingerprint(thyroid)
    except (ValueError, TypeError) as error:
        found = f"no table: {error}"
    if found != _SHA256:
        for file in files:
            Path(file).unlink(missing_ok=True)
        raise DataError(
            f"the files from {_BASE_URL} are not the thyroid table (content hash {found}, "
            f"{_SHA256} expected); they were removed: fetch again."
        )
    return thyroid.reset_index(drop=True)


def _read_uci(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), sep=r"\s+", header=None, names=_COLUMNS)


def _fingerprint(thyroid: pd.DataFrame) -> str:
    lines = sorted(",".join(f"{x:.10g}" for x in row) for row in thyroid.to_numpy(dtype=float))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
