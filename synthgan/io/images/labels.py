"""Read the labels of images from the table that `save_images` writes next to them."""

from __future__ import annotations

import io

import pandas as pd

__all__ = ["INFO", "add_labels"]

INFO = "info.csv"


def add_labels(info: pd.DataFrame, content: bytes | None) -> pd.DataFrame:
    """Add the columns of a table of labels to those of its images.

    Parameters
    ----------
    info : DataFrame
        With the column "path".
    content : bytes or None
        A CSV table with the column "path". Another file, or None, adds nothing.
    """
    if content is None:
        return info
    try:
        table = pd.read_csv(io.BytesIO(content), dtype_backend="numpy_nullable")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        return info
    paths = table.get("path", pd.Series(dtype=object))
    if not paths.is_unique or not paths.isin(info["path"]).any():
        return info
    labels = table.set_index("path").reindex(info["path"]).reset_index(drop=True)
    return pd.concat([info.drop(columns="folder" if "folder" in labels else []), labels], axis=1)
