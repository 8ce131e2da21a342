"""Grids as grey PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthgan.exceptions import DataError
from synthgan.io.links import leads_out

__all__ = ["read_grids", "write_grids"]

_SIXTEEN_BIT = 257  # 255 * 257 = 65535


def write_grids(grids: np.ndarray, path: Any) -> list[str]:
    """Write grids as PNG files, one per row.

    Parameters
    ----------
    grids : ndarray of shape (n, height, width)
        Cells 0..255; uint8 is written with 8 bits per cell, floats with 16.
    path : str or path
        Folder; created if absent, refused if it holds PNG files.

    Returns
    -------
    files : list of str

    Raises
    ------
    DataError
        The folder holds PNG files already.
    """
    from PIL import Image

    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    if next(folder.glob("*.png"), None) is not None:
        raise DataError(f"folder {str(folder)!r} holds PNG files already; give an empty folder.")
    files = []
    for i, grid in enumerate(grids):
        cells = grid if grid.dtype == np.uint8 else np.rint(grid * _SIXTEEN_BIT).astype(np.uint16)
        file = folder / f"row-{i:07d}.png"
        Image.fromarray(cells).save(file)
        files.append(str(file))
    return files


def read_grids(path: Any, shape: tuple[int, int]) -> np.ndarray:
    """Read the PNG files of a folder in order of name; inverse of `write_grids`.

    Parameters
    ----------
    path : str or path
    shape : (height, width)

    Returns
    -------
    grids : ndarray of shape (n, height, width), float32

    Raises
    ------
    DataError
        No file, a file that is not a grey PNG of that shape, or a link out of the folder.
    """
    from PIL import Image, UnidentifiedImageError

    files = sorted(Path(path).glob("*.png"))
    if not files:
        raise DataError(f"folder {str(path)!r} holds no PNG file.")
    for file in files:
        if leads_out(file, path):
            raise DataError(f"{str(file)!r} is a link that leads out of its folder; copy the file.")
    grids = np.empty((len(files), *shape), dtype=np.float32)
    for grid, file in zip(grids, files, strict=True):
        try:
            with Image.open(file) as image:
                cells = np.asarray(image)
        except (UnidentifiedImageError, OSError) as error:
            raise DataError(f"file {str(file)!r} is not a readable PNG image.") from error
        if cells.shape != shape:
            raise DataError(f"file {str(file)!r} has shape {cells.shape}; {shape} is expected.")
        grid[:] = cells if cells.dtype == np.uint8 else cells / np.float32(_SIXTEEN_BIT)
    return grids
