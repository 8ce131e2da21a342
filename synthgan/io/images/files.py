"""A set of image files in a folder, a list or an archive; decodes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import pandas as pd

from synthgan.io.images.names import folder_of

__all__ = ["ImageFiles", "describe"]


@dataclass(frozen=True)
class ImageFiles:
    """Names and labels of image files, with functions to open and to identify them.

    Parameters
    ----------
    names : list of str
    info : DataFrame
        One row per file.
    open : function of a row's number
        Raises DataError with the reason where a file cannot be opened.
    marks : function without arguments
        Returns name, size and time or checksum of each file, JSON-ready, to detect changes.
    left_out : tuple of str or None, default=()
        The format of each file that was left out; None if it is not that of a picture.
    """

    names: list[str]
    info: pd.DataFrame
    open: Callable[[int], BinaryIO]
    marks: Callable[[], list[list[Any]]]
    left_out: tuple[str | None, ...] = ()


def describe(names: list[str], labels: pd.DataFrame | None = None) -> pd.DataFrame:
    """Tabulate paths, their folders, and given labels."""
    info = pd.DataFrame(
        {"path": names, "folder": [folder_of(name) for name in names]}, dtype=object
    )
    if labels is None:
        return info
    info = info.drop(columns="folder") if "folder" in labels else info
    return pd.concat([info, labels.reset_index(drop=True)], axis=1)
