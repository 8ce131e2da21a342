"""Write an array of images to files, in a folder or a zip archive."""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections.abc import Iterable
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthgan.exceptions import DataError, DataWarning, ParameterError
from synthgan.io.images.finding import images_below
from synthgan.io.images.labels import INFO as _INFO
from synthgan.io.images.threads import in_threads
from synthgan.io.tables import to_csv_text
from synthgan.records.images import ImageStack
from synthgan.records.pixels import declared_range
from synthgan.state.files import drafting_folder, keep_mode, replacing

__all__ = ["save_images"]

_FORMATS = ("png", "jpg")
_COMMENT = "synthetic, made by synthgan"
_JPEG_QUALITY = 95
_OURS = re.compile(r"image-\d{7,}\.(png|jpg)")


def save_images(
    images: ImageStack | np.ndarray,
    path: Any,
    *,
    format: str = "png",
    limits: Any = "auto",
    overwrite: bool = False,
    csv_safe: bool = False,
) -> list[str]:
    """Write images as files, all or none.

    Each file has the comment "synthetic, made by synthgan".

    Parameters
    ----------
    images : ImageStack, or array of shape (n, height, width) or (n, height, width, 3)
        Numbers, or an ImageStack of bytes.
    path : str or path
        A zip archive if it ends in ``.zip``, otherwise a folder; created if absent.
    format : {"png", "jpg"}, default="png"
        "png" is lossless, "jpg" (quality 95) is not.
    limits : {"auto"} or (float, float), default="auto"
        The values of black and white, between which numbers are scaled to 0..255 and rounded.
        ``"auto"``: 0 and 255; of floats up to 1 and booleans 0 and 1; of other whole numbers 0 and
        the largest of 10, 12, 14 or 16 bits.
    overwrite : bool, default=False
        Replace the archive, or the images in the folder that this function wrote.
    csv_safe : bool, default=False
        Put an apostrophe before text in ``info.csv`` that a spreadsheet would interpret as a
        formula.

    Returns
    -------
    files : list of str
        ``image-0000001.png`` and so on: paths in the folder, or names in the archive.

    Raises
    ------
    DataError
        No images, unsupported pixels, pixels outside of the limits, existing images or an existing
        archive, or a path that cannot be written.
    ParameterError
        `format` or `limits` is not allowed.

    Warns
    -----
    DataWarning
        Numbers were scaled from another range than 0..255.

    Notes
    -----
    Columns of ``info`` are written to ``info.csv`` next to the images, where `read_images` finds
    them; its column path has the names of the files. The paths and folders from which images were
    read are not written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> files = save_images(np.full((2, 8, 8), 127.6), folder)
    >>> [file[-17:] for file in files]
    ['image-0000001.png', 'image-0000002.png']
    """
    if format not in _FORMATS:
        raise ParameterError(f"format={format!r} is not allowed; choose one of {_FORMATS!r}.")
    values = images.values if isinstance(images, ImageStack) else np.asarray(images)
    _check(values)
    low, high = _limits(values, limits)
    names = [f"image-{i:07d}.{format}" for i in range(1, len(values) + 1)]
    table = _table(images.info, names, csv_safe) if isinstance(images, ImageStack) else None
    encoded = zip(
        names, in_threads(partial(_encode, values, (low, high), format), len(values)), strict=True
    )
    target = Path(path).resolve()
    try:
        if target.suffix.casefold() == ".zip":
            _write_archive(target, encoded, table, overwrite)
            return names
        _write_folder(target, encoded, table, overwrite)
    except OSError as error:
        raise DataError(f"{str(target)!r} cannot be written: {error.strerror or error}.") from error
    return [os.path.join(path, name) for name in names]


def _check(values: np.ndarray) -> None:
    fits = values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)
    if not fits or 0 in values.shape[1:] or values.dtype.kind not in "biuf":
        raise DataError(
            f"images of shape {values.shape} and dtype {values.dtype} are not allowed; give "
            "numbers in an array (n, height, width) or (n, height, width, 3)."
        )
    if not len(values):
        raise DataError("there are no images to write; give at least one.")


def _limits(values: np.ndarray, limits: Any) -> tuple[float, float]:
    """Return the values of black and white; refuse values outside of them."""
    if values.dtype == np.uint8 and isinstance(limits, str) and limits == "auto":
        return 0.0, 255.0
    low, high = float(values.min()), float(values.max())
    if isinstance(limits, str) and limits == "auto":
        found = declared_range(values.dtype, low, high)
        if found is None:
            raise DataError(
                f"images have values from {low:g} to {high:g}; give limits=(black, white)."
            )
        if found[1] != 255:
            warnings.warn(
                f"images of {values.dtype} from {low:g} to {high:g} are scaled from "
                f"{found[0]:g}..{found[1]:g} to 0..255; give limits=(0, 255) if they are grey "
                "levels.",
                DataWarning,
                stacklevel=3,
            )
        return found
    is_pair = isinstance(limits, tuple | list) and len(limits) == 2
    are_numbers = is_pair and all(isinstance(x, Real) for x in limits)
    if not are_numbers or not -np.inf < limits[0] < limits[1] < np.inf:
        raise ParameterError(f"limits={limits!r} is not allowed; give 'auto' or (black, white).")
    if not (limits[0] <= low and high <= limits[1]):  # NaN is neither
        raise DataError(
            f"images have values from {low:g} to {high:g}, outside of limits={tuple(limits)!r}."
        )
    return float(limits[0]), float(limits[1])


def _table(info: pd.DataFrame, names: list[str], csv_safe: bool) -> bytes | None:
    # The source path is not a label; a folder column without a path is a label of synthetic images.
    labels = info.drop(columns=["path", "folder"] if "path" in info else [], errors="ignore")
    if not len(labels.columns):
        return None
    labels.insert(0, "path", names)
    return to_csv_text(labels, safe=csv_safe).encode()


def _encode(values: np.ndarray, limits: tuple[float, float], format: str, i: int) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    pixels = values[i]
    if pixels.dtype != np.uint8 or limits != (0.0, 255.0):
        scaled = (pixels.astype(np.float64) - limits[0]) * (255 / (limits[1] - limits[0]))
        pixels = np.rint(scaled).astype(np.uint8)
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if format == "png":
        comment = PngInfo()
        comment.add_text("Comment", _COMMENT)
        image.save(file, "PNG", pnginfo=comment)
    else:
        image.save(file, "JPEG", quality=_JPEG_QUALITY, comment=_COMMENT)
    return file.getvalue()


def _write_archive(
    target: Path, encoded: Iterable[tuple[str, bytes]], table: bytes | None, overwrite: bool
) -> None:
    if target.is_dir() or (target.exists() and not overwrite):
        raise DataError(
            f"{str(target)!r} exists already; give another path or overwrite=True (--overwrite)."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name, content in encoded:
            archive.writestr(zipfile.ZipInfo(name), content)  # images are compressed already
        if table is not None:
            archive.writestr(zipfile.ZipInfo(_INFO), table, zipfile.ZIP_DEFLATED)


def _write_folder(
    folder: Path, encoded: Iterable[tuple[str, bytes]], table: bytes | None, overwrite: bool
) -> None:
    old = _old_files(folder, table is not None, overwrite)
    with drafting_folder(folder) as drafts:
        for name, content in encoded:
            (drafts / name).write_bytes(content)
        if table is not None:
            (drafts / _INFO).write_bytes(table)
        if not folder.exists():
            drafts.rename(folder)
            return
        for draft in drafts.iterdir():
            keep_mode(draft, folder / draft.name)
        for file in old:
            file.unlink()
        for draft in drafts.iterdir():
            draft.replace(folder / draft.name)


def _old_files(folder: Path, with_table: bool, overwrite: bool) -> list[Path]:
    """Return files of earlier calls to replace; refuse other files."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file; give a folder, or a path that ends in .zip.")
    if not folder.exists():
        return []
    names = images_below(folder)
    table = [_INFO] if (folder / _INFO).exists() and (with_table or names) else []
    if not overwrite and names + table:
        raise DataError(
            f"folder {str(folder)!r} holds {(names + table)[0]!r} already; give another folder or "
            "overwrite=True (--overwrite)."
        )
    others = [name for name in names if not _OURS.fullmatch(name)]
    if others:
        raise DataError(
            f"folder {str(folder)!r} holds images that save_images did not write, {others[0]!r} "
            "first; give another folder."
        )
    return [folder / name for name in names + table]
