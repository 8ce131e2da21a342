"""Tables as CSV files, arrays as npy files."""

from __future__ import annotations

import csv
import tokenize
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from synthgan.exceptions import DataError
from synthgan.io.escaping import escape_spreadsheet
from synthgan.state.files import write_atomically

__all__ = ["read_array", "read_csv", "to_csv_text", "write_csv"]

_LEADING_ZERO = r"[-+]?0\d+$"  # of a code, which a number would lose
_DATE = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?"


def read_csv(path: Any) -> pd.DataFrame:
    """Read a table with pandas' nullable dtypes; columns of ISO 8601 dates become dates.

    Whole numbers with a leading zero, such as 00501, are codes: their column stays text.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    table : DataFrame

    Raises
    ------
    DataError
        No such file, or not a CSV table.
    """
    try:
        with warnings.catch_warnings():
            # pandas would drop extra fields with a warning, or use them as index.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            words: dict[str, Any] = {"skipinitialspace": True, "index_col": False}
            texts = pd.read_csv(path, dtype=str, **words)
            codes = [name for name in texts if texts[name].str.match(_LEADING_ZERO).any()]
            dtypes = dict.fromkeys(codes, "string")
            table = pd.read_csv(path, dtype_backend="numpy_nullable", dtype=dtypes, **words)
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except pd.errors.ParserWarning:
        raise DataError(
            f"{str(path)!r} is not a CSV table: rows have more fields than the header."
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{str(path)!r} is not a CSV table: {error}.") from error
    for name in table.columns[[isinstance(dtype, pd.StringDtype) for dtype in table.dtypes]]:
        text = table[name].dropna()
        if len(text) and text.str.fullmatch(_DATE).all():
            try:
                table[name] = pd.to_datetime(table[name], format="ISO8601")
            except ValueError:
                continue  # matches the pattern but is not a date: keep as text
    return table


def write_csv(table: pd.DataFrame, path: Any, *, safe: bool = False) -> None:
    """Write a table atomically.

    Parameters
    ----------
    table : DataFrame
    path : str or path
    safe : bool, default=False
        Escape text for spreadsheets, see `to_csv_text`; the file may then have different labels.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    try:
        write_atomically(Path(path), to_csv_text(table, safe=safe).encode())
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def to_csv_text(table: pd.DataFrame, *, safe: bool = False, **words: Any) -> str:
    r"""Return a table as CSV.

    Parameters
    ----------
    table : DataFrame
    safe : bool, default=False
        Names and text that a spreadsheet would interpret as a formula (starting with ``=``, ``+``,
        ``-``, ``@``, a tab or a line break) get an apostrophe in front, and all text is quoted, so
        that it is not split at semicolons. Numbers and dates are unchanged.
    **words : object
        Passed to `DataFrame.to_csv`.

    References
    ----------
    OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.

    Examples
    --------
    >>> print(to_csv_text(pd.DataFrame({"n": [-1], "label": ["=1+1"]}), safe=True))
    "n","label"
    -1,"'=1+1"
    """
    if not safe:
        return table.to_csv(index=False, **words)
    shown = {i: table.iloc[:, i] for i in range(table.shape[1])}
    for i, column in shown.items():
        if _holds_text(column):
            shown[i] = column.astype(object).map(escape_spreadsheet)
    frame = pd.DataFrame(shown).set_axis([escape_spreadsheet(name) for name in table], axis=1)
    return frame.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, **words)


def _holds_text(column: pd.Series) -> bool:
    """Return whether a column may hold text."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return not (
        types.is_numeric_dtype(dtype)
        or types.is_bool_dtype(dtype)
        or types.is_datetime64_any_dtype(dtype)
        or types.is_timedelta64_dtype(dtype)
    )


def read_array(path: Any) -> np.ndarray:
    """Read an array of numbers; nothing is unpickled.

    Parameters
    ----------
    path : str or path
        An ``.npy`` file.

    Raises
    ------
    DataError
        No such file, or not an array of numbers.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, MemoryError, tokenize.TokenError, SyntaxError) as error:
        raise DataError(f"{str(path)!r} is not an npy file of numbers.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise DataError(f"{str(path)!r} is not an npy file of numbers.")
    return array
