"""Arrays of numbers from npy files."""

from __future__ import annotations

import tokenize
from typing import Any

import numpy as np

from synthgan.exceptions import DataError

__all__ = ["read_array"]


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
