"""Tables as CSV files, arrays as npy files."""

from __future__ import annotations

import tokenize
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError
from synthgan.files import write_atomically

__all__ = ["read_array", "read_csv", "write_csv"]

_DATE = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?"


def read_csv(path: Any) -> pd.DataFrame:
    """Read a table with pandas' nullable dtypes; columns of ISO 8601 dates become dates.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    table : DataFrame

    Raises
    ------
    DataError
        No such file, or no CSV table in it.
    """
    try:
        with warnings.catch_warnings():
            # Fields beyond the header are lost with a warning, or become the index.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                path, dtype_backend="numpy_nullable", skipinitialspace=True, index_col=False
            )
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except pd.errors.ParserWarning:
        raise DataError(
            f"{str(path)!r} is no CSV table: rows have more fields than the header."
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{str(path)!r} is no CSV table: {error}.") from error
    for name in table.columns[[isinstance(dtype, pd.StringDtype) for dtype in table.dtypes]]:
        text = table[name].dropna()
        if len(text) and text.str.fullmatch(_DATE).all():
            try:
                table[name] = pd.to_datetime(table[name], format="ISO8601")
            except ValueError:
                continue  # looks like dates and is none: stays text
    return table


def write_csv(table: pd.DataFrame, path: Any) -> None:
    """Write a table, whole or not at all.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    try:
        write_atomically(Path(path), table.to_csv(index=False).encode())
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def read_array(path: Any) -> np.ndarray:
    """Read an array of numbers; nothing is unpickled.

    Parameters
    ----------
    path : str or path
        An ``.npy`` file.

    Raises
    ------
    DataError
        No such file, or no array of numbers in it.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    except (ValueError, EOFError, MemoryError, tokenize.TokenError, SyntaxError) as error:
        raise DataError(f"{str(path)!r} is no npy file of numbers.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise DataError(f"{str(path)!r} is no npy file of numbers.")
    return array
